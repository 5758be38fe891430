//! Pointers and places from the parts of a document in the order of its text.

use std::fmt::Write;

use super::Known;
use crate::ecs::pointer::escaped;
use crate::report::Place;

/// Where a value or a name stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stretch {
    /// Line and column of its first character, from 1.
    pub start: (usize, usize),
    /// Line and column after its last character.
    pub end: (usize, usize),
}

/// What is open around the next part.
enum Around {
    /// A list, with the position of its next item.
    List(usize),
    /// An object, with the place of the member whose value comes next; none when a name does.
    Object(Option<Stretch>),
}

/// Goes through a document and notes where everything stands.
///
/// Members are found at their names, because that is what a person looks for; a value that ends in the same line belongs
/// to the place.
#[derive(Default)]
pub(super) struct Walk {
    /// What is open, with the length of its pointer.
    open: Vec<(Around, usize)>,
    /// The pointer of the last part.
    pointer: String,
    known: Known,
}

impl Walk {
    pub fn list(&mut self, stretch: Stretch) {
        self.value(stretch, false);
        self.open.push((Around::List(0), self.pointer.len()));
    }

    pub fn object(&mut self, stretch: Stretch) {
        self.value(stretch, false);
        self.open.push((Around::Object(None), self.pointer.len()));
    }

    /// The end of what was opened last.
    pub fn close(&mut self) {
        self.open.pop();
    }

    /// A scalar: the name of a member where one comes next, otherwise a value.
    pub fn scalar(&mut self, stretch: Stretch, text: &str) {
        let Some((Around::Object(name @ None), length)) = self.open.last_mut() else {
            return self.value(stretch, true);
        };
        *name = Some(stretch);
        self.pointer.truncate(*length);
        self.pointer.push('/');
        self.pointer.push_str(&escaped(text));
    }

    /// All places found so far; the walk goes on with another document.
    pub fn take(&mut self) -> Known {
        self.open.clear();
        self.pointer.clear();
        std::mem::take(&mut self.known)
    }

    fn value(&mut self, stretch: Stretch, whole: bool) {
        let name = match self.open.last_mut() {
            Some((Around::List(next), length)) => {
                self.pointer.truncate(*length);
                let _ = write!(self.pointer, "/{next}");
                *next += 1;
                None
            }
            Some((Around::Object(name), _)) => name.take(),
            None => None,
        };
        let start = name.map_or(stretch.start, |name| name.start);
        let ends = [Some(stretch).filter(|_| whole || name.is_none()), name];
        let end = ends.into_iter().flatten().map(|stretch| stretch.end).find(|end| end.0 == start.0);
        let end_column = end.map(|end| end.1).filter(|column| *column > start.1);
        self.known.insert(self.pointer.clone(), Place { line: start.0, column: start.1, end_column });
    }
}
