//! Positions in YAML.

use granit_parser::{Event, Marker, Parser, ScalarStyle, Span};

use super::Known;
use super::walk::{Stretch, Walk};

/// The places in each document of a text that was read without error. As in reading, empty documents do not count.
pub(super) fn positions(text: &str) -> Vec<Known> {
    let mut walk = Walk::default();
    let mut documents = Vec::new();
    let mut first = false;
    let mut empty = false;
    for (event, span) in Parser::new_from_str(text).map_while(Result::ok) {
        let starts = matches!(event, Event::DocumentStart(..));
        match event {
            Event::DocumentEnd => {
                let known = walk.take();
                documents.extend((!empty).then_some(known));
            }
            Event::SequenceStart(..) => walk.list(stretch(&span, false)),
            Event::MappingStart(..) => walk.object(stretch(&span, false)),
            Event::SequenceEnd | Event::MappingEnd => walk.close(),
            Event::Scalar(text, style, _, tag) => {
                empty = first && tag.is_none() && style == ScalarStyle::Plain && is_null(&text);
                let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                walk.scalar(stretch(&span, !block), &text);
            }
            Event::Alias(_) => walk.scalar(stretch(&span, true), ""),
            Event::Comment(..) => continue,
            _ => {}
        }
        first = starts;
        empty &= !starts;
    }
    documents
}

fn stretch(span: &Span, ends: bool) -> Stretch {
    let place = |marker: Marker| (marker.line(), marker.col() + 1);
    let start = place(span.start);
    Stretch { start, end: if ends { place(span.end) } else { start } }
}

fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}
