//! Positions in JSON.

use super::Known;
use super::walk::{Stretch, Walk};
use crate::convert::json::token;

/// The places in each document of a text that was read without error.
pub(super) fn positions(text: &str) -> Vec<Known> {
    let mut walk = Walk::default();
    let mut documents = Vec::new();
    let mut open = 0_usize;
    let (mut line, mut column) = (1, 1);
    let mut rest = text;
    while !rest.is_empty() {
        let (token, after) = rest.split_at(length(rest));
        let start = (line, column);
        for character in token.chars() {
            (line, column) = if character == '\n' { (line + 1, 1) } else { (line, column + 1) };
        }
        let stretch = Stretch { start, end: (line, column) };
        let before = open;
        match token.as_bytes()[0] {
            b'{' => walk.object(stretch),
            b'[' => walk.list(stretch),
            b'}' | b']' => walk.close(),
            b'"' => walk.scalar(stretch, &unescaped(token)),
            byte if byte.is_ascii_alphanumeric() || byte == b'-' => walk.scalar(stretch, token),
            _ => {
                rest = after;
                continue;
            }
        }
        match token {
            "{" | "[" => open += 1,
            "}" | "]" => open = open.saturating_sub(1),
            _ => {}
        }
        if open == 0 && (before > 0 || !matches!(token, "{" | "[")) {
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
