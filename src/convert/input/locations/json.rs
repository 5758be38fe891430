//! Locations in JSON.

use super::DocumentLocations;
use super::walk::{Span, Walk};
use crate::convert::input::json::token;

/// Maximum nesting of lists and objects; the parser has the same limit.
const MAX_DEPTH: usize = 128;

/// Returns the locations in each document of a text. In an invalid document, such as a template of another language, they
/// end where parsing ends.
pub(super) fn locations(text: &str) -> Vec<DocumentLocations> {
    let mut walk = Walk::default();
    let mut documents = Vec::new();
    let mut open = 0_usize;
    let (mut line, mut column) = (1, 1);
    let mut rest = text;
    while !rest.is_empty() {
        let (token, after) = rest.split_at(length(rest));
        if open > MAX_DEPTH || token == "/" && rest.starts_with("/*") {
            // Longer paths, and a search for the end of each such comment, would take quadratic time.
            break;
        }
        let start = (line, column);
        for character in token.chars() {
            (line, column) = if character == '\n' { (line + 1, 1) } else { (line, column + 1) };
        }
        let span = Span { start, end: (line, column) };
        match token.as_bytes()[0] {
            bracket @ (b'{' | b'[') => {
                open += 1;
                if bracket == b'{' { walk.object(span) } else { walk.list(span) }
            }
            b'}' | b']' => {
                open = open.saturating_sub(1);
                walk.close();
            }
            b'"' => walk.scalar(span, &unescaped(token)),
            byte if byte.is_ascii_alphanumeric() || byte == b'-' => walk.scalar(span, token),
            _ => {
                rest = after;
                continue;
            }
        }
        if open == 0 {
            documents.push(walk.take());
        }
        rest = after;
    }
    documents
}

/// The length of a string, a comment, a literal or a single character.
fn length(rest: &str) -> usize {
    let literal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.');
    let length = rest.find(|c| !literal(c)).unwrap_or(rest.len());
    if length > 0 {
        return length;
    }
    let first = rest.chars().next().map_or(1, char::len_utf8);
    token(rest.as_bytes()).max(first)
}

fn unescaped(string: &str) -> String {
    let plain = || string.trim_matches('"').to_owned();
    if string.contains('\\') { serde_json::from_str(string).unwrap_or_else(|_| plain()) } else { plain() }
}
