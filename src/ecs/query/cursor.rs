//! A place in an expression that moves on as it is read.

/// Position in an expression that advances while it is read.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    /// In bytes from the start.
    pub(super) offset: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, offset: 0 }
    }

    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.offset..]
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest().is_empty()
    }

    pub(super) fn skip_blanks(&mut self) {
        self.offset = self.text.len() - self.rest().trim_start().len();
    }

    /// Takes signs, if they are next.
    pub(super) fn take(&mut self, signs: &str) -> bool {
        let next = self.rest().starts_with(signs);
        self.offset += if next { signs.len() } else { 0 };
        next
    }

    /// Takes a word, if it is next and ends there.
    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let next = self.rest().strip_prefix(word).is_some_and(|after| !after.starts_with(goes_on));
        self.offset += if next { word.len() } else { 0 };
        next
    }

    /// The characters up to the first that does not fit.
    pub(super) fn run(&self, fits: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        &rest[..rest.find(|c| !fits(c)).unwrap_or(rest.len())]
    }

    pub(super) fn skip(&mut self, bytes: usize) {
        self.offset += bytes;
    }
}

/// True if a word goes on with this character.
fn goes_on(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '-' | '.' | ':' | '/')
}
