//! Locations in YAML.

use granit_parser::{Event, Marker, Parser, ScalarStyle, Span as ParserSpan};

use super::DocumentLocations;
use super::walk::{Span, Walk};

/// Returns the locations in each document of a valid text. As in `yaml::parse`, empty documents are skipped.
pub(super) fn locations(text: &str) -> Vec<DocumentLocations> {
    let mut walk = Walk::default();
    let mut documents = Vec::new();
    let mut first = false;
    let mut empty = false;
    for (event, span) in Parser::new_from_str(text).map_while(Result::ok) {
        let starts = matches!(event, Event::DocumentStart(..));
        match event {
            Event::DocumentEnd => {
                let locations = walk.take();
                documents.extend((!empty).then_some(locations));
            }
            Event::SequenceStart(..) => walk.list(range(&span, false)),
            Event::MappingStart(..) => walk.object(range(&span, false)),
            Event::SequenceEnd | Event::MappingEnd => walk.close(),
            Event::Scalar(text, style, _, tag) => {
                empty = first && tag.is_none() && style == ScalarStyle::Plain && is_null(&text);
                let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                walk.scalar(range(&span, !block), &text);
            }
            Event::Alias(_) => walk.scalar(range(&span, true), ""),
            Event::Comment(..) => continue,
            _ => {}
        }
        first = starts;
        empty &= !starts;
    }
    documents
}

fn range(span: &ParserSpan, ends: bool) -> Span {
    let location = |marker: Marker| (marker.line(), marker.col() + 1);
    let start = location(span.start);
    Span { start, end: if ends { location(span.end) } else { start } }
}

fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}
