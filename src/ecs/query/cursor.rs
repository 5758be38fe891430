//! Position in an expression that advances while it is read.

/// Position in an expression.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    /// Bytes from the start.
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

    /// Consumes signs if they are next.
    pub(super) fn take(&mut self, signs: &str) -> bool {
        let is_next = self.rest().starts_with(signs);
        self.offset += if is_next { signs.len() } else { 0 };
        is_next
    }

    /// Consumes a whole word if it is next.
    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let is_next = self.rest().strip_prefix(word).is_some_and(|after| !after.starts_with(continues_word));
        self.offset += if is_next { word.len() } else { 0 };
        is_next
    }

    /// Returns the next characters that match.
    pub(super) fn run(&self, is_match: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        &rest[..rest.find(|c| !is_match(c)).unwrap_or(rest.len())]
    }

    pub(super) fn skip(&mut self, bytes: usize) {
        self.offset += bytes;
    }
}

/// True if a word continues with this character.
fn continues_word(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '-' | '.' | ':' | '/')
}
