//! Computes paths and locations from the tokens of a document.

use std::fmt::Write;

use super::DocumentLocations;
use crate::ecs::pointer::escaped;
use crate::report::Location;

/// The range of a value or a name in the text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    /// Line and column of its first character, from 1.
    pub start: (usize, usize),
    /// Line and column after its last character.
    pub end: (usize, usize),
}

/// A list or object that contains the next token.
enum Container {
    /// A list, with the position of the next item.
    List(usize),
    /// An object, with the span of the name whose value comes next; `None` if a name comes next.
    Object(Option<Span>),
}

/// Records the location of each value of a document.
///
/// The location of a member begins at its name, because a person looks for that, and includes the value if it ends in the
/// same line.
#[derive(Default)]
pub(super) struct Walk {
    /// The containers of the next token, with the length of their pointers.
    open: Vec<(Container, usize)>,
    /// The pointer to the last token.
    pointer: String,
    locations: DocumentLocations,
}

impl Walk {
    pub fn list(&mut self, span: Span) {
        self.value(span, false);
        self.open.push((Container::List(0), self.pointer.len()));
    }

    pub fn object(&mut self, span: Span) {
        self.value(span, false);
        self.open.push((Container::Object(None), self.pointer.len()));
    }

    /// Ends the innermost list or object.
    pub fn close(&mut self) {
        self.open.pop();
    }

    /// Adds a scalar: the name of a member if one comes next, otherwise a value.
    pub fn scalar(&mut self, span: Span, text: &str) {
        let Some((Container::Object(name @ None), length)) = self.open.last_mut() else {
            return self.value(span, true);
        };
        *name = Some(span);
        self.pointer.truncate(*length);
        self.pointer.push('/');
        self.pointer.push_str(&escaped(text));
    }

    /// Returns all locations, and starts another document.
    pub fn take(&mut self) -> DocumentLocations {
        self.open.clear();
        self.pointer.clear();
        std::mem::take(&mut self.locations)
    }

    fn value(&mut self, span: Span, whole: bool) {
        let name = match self.open.last_mut() {
            Some((Container::List(next), length)) => {
                self.pointer.truncate(*length);
                let _ = write!(self.pointer, "/{next}");
                *next += 1;
                None
            }
            Some((Container::Object(name), _)) => name.take(),
            None => None,
        };
        let start = name.map_or(span.start, |name| name.start);
        let ends = [Some(span).filter(|_| whole || name.is_none()), name];
        let end = ends.into_iter().flatten().map(|span| span.end).find(|end| end.0 == start.0);
        let end_column = end.map(|end| end.1).filter(|column| *column > start.1);
        self.locations.insert(self.pointer.clone(), Location { line: start.0, column: start.1, end_column });
    }
}
