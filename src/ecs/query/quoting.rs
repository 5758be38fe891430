//! Values with and without quotes.

use std::fmt;

/// Writes a value. It gets quotes if it cannot be read without them.
pub(super) fn write_value(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if !text.is_empty() && text.chars().all(is_bare) && !text.contains("&&") && !text.contains("||") {
        return f.write_str(text);
    }
    let quote = if text.contains('\'') { '"' } else { '\'' };
    write!(f, "{quote}{text}{quote}")
}

/// True if a value without quotes may contain the character.
pub(super) fn is_bare(character: char) -> bool {
    !character.is_whitespace() && !matches!(character, ',' | '[' | ']' | '(' | ')' | '\'' | '"')
}
