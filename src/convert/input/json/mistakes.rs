//! Messages about common mistakes in JSON, according to the text at the error.

use super::{string, token};
use crate::convert::input::syntax::SyntaxError;

/// Returns the syntax error with a message that states how to correct it. `is_later` is true after a complete document.
pub(super) fn syntax_error(error: &serde_json::Error, text: &str, is_later: bool) -> SyntaxError {
    let original = error.to_string();
    let reason = original.split(" at line ").next().unwrap_or(&original);
    let at = offset(text, error.line(), error.column());
    let at = if reason.starts_with("control character") { before_line_break(text, at) } else { at };
    let message = if reason.starts_with("EOF") { unclosed(text) } else { message(reason, text, at, is_later) };
    let (line, column) = location(text, at);
    SyntaxError { message, line, column }
}

/// Returns the offset of a location. serde_json counts lines and bytes in them, both from 1.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let mut at = (start + column.saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Returns the line and the character in it, both from 1.
fn location(text: &str, at: usize) -> (usize, usize) {
    let before = &text[..at];
    let line = before.rsplit_once('\n').map_or(before, |(_, line)| line);
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}

/// Returns the end of the line at which a string is not closed; serde_json reports the line break or the character after it.
fn before_line_break(text: &str, at: usize) -> usize {
    let end = if text[at..].starts_with('\n') { at } else { at.saturating_sub(1) };
    if text.as_bytes().get(end) == Some(&b'\n') { end } else { at }
}

fn message(reason: &str, text: &str, at: usize, is_later: bool) -> String {
    let rest = &text[at..];
    let next = rest.chars().next().unwrap_or(' ');
    let message = if let Some(message) = anywhere(rest, next) {
        message
    } else if reason.starts_with("expected `,` or") {
        return between(reason, text, at, next);
    } else if reason.starts_with("control character") {
        return in_string(next);
    } else {
        match reason {
            "expected value" if is_later => after_document(next),
            "expected value" if !text[..at].contains(['{', '[']) => "JSON must start with { or [",
            "expected value" => value(rest, next),
            "key must be a string" if next.is_alphabetic() || next == '_' => "member names must be in double quotes",
            "key must be a string" => "expected a member name in double quotes",
            "expected `:`" => "expected `:` between the member name and its value",
            "trailing characters" => "this is only part of a document: enclose it in { }",
            "invalid escape" => "invalid escape: write a backslash in a string as \\\\",
            "invalid number" if next.is_ascii_digit() => "numbers must not start with 0",
            "invalid number" => "invalid number",
            "number out of range" | "the number is too large" => "the number is too large",
            "recursion limit exceeded" => "nested deeper than any ECS definition",
            "expected ident" => {
                "expected a value: a string in double quotes, a number, true, false, null, a list or an object"
            }
            other => other,
        }
    };
    message.to_owned()
}

/// Returns the message about characters that are invalid everywhere outside of strings.
fn anywhere(rest: &str, next: char) -> Option<&'static str> {
    match next {
        '\'' => Some("use double quotes: \"…\" instead of '…'"),
        '“' | '”' | '„' | '‘' | '’' | '«' | '»' => {
            Some("typographic quotes: replace them with plain double quotes, \"")
        }
        '#' => Some("comments must start with // instead of #"),
        '/' if rest.starts_with("/*") => Some("this comment is not closed"),
        _ => None,
    }
}

/// Returns the message about text after a document.
fn after_document(next: char) -> &'static str {
    match next {
        '}' | ']' => "this bracket has no opening bracket: remove it",
        ',' => "definitions separated by commas must be in a list: enclose them in [ ]",
        _ => "text after the end of the JSON document: remove it, or move it into the document",
    }
}

/// Returns the message about an invalid value.
fn value(rest: &str, next: char) -> &'static str {
    let word = rest.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    match (next, word) {
        (',' | '}' | ']' | ':', _) => "a value is missing before this",
        (_, "True" | "False" | "TRUE" | "FALSE" | "None" | "Null" | "NULL" | "nil" | "undefined") => {
            "write true, false and null in lowercase"
        }
        (_, "NaN" | "Infinity" | "inf") => "JSON cannot represent this number",
        ('+' | '.', _) => "numbers must start with a digit or a minus sign",
        (letter, _) if letter.is_alphabetic() => "strings must be in double quotes",
        _ => "expected a value",
    }
}

/// Returns the message about other text than a comma or the end after a value.
fn between(reason: &str, text: &str, at: usize, next: char) -> String {
    let end = if reason.contains('}') { '}' } else { ']' };
    let quoted = text[..at].ends_with('"');
    match next {
        '}' | ']' => format!("unexpected `{next}`: add `{end}` before it, or remove it"),
        letter if quoted && letter.is_alphanumeric() => "write a quote in a string as \\\"".to_owned(),
        '"' | '{' | '[' | '-' => "a comma is missing before this".to_owned(),
        letter if letter.is_alphanumeric() => "a comma is missing before this".to_owned(),
        _ => format!("expected a comma or `{end}`"),
    }
}

fn in_string(next: char) -> String {
    if next == '\n' {
        "the string is not closed in its line: add the quote, or write the line break as \\n".to_owned()
    } else {
        format!("control character in a string: write it as \\u{:04x}", u32::from(next))
    }
}

/// Returns the message about a text that ends too early, with the innermost bracket or string that is not closed.
fn unclosed(text: &str) -> String {
    let mut open = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let length = token(&text.as_bytes()[at..]);
        match text.as_bytes()[at] {
            bracket @ (b'{' | b'[') => open.push((at, bracket)),
            b'}' | b']' => drop(open.pop()),
            b'"' if string(&text.as_bytes()[at..]).is_none() => open.push((at, b'"')),
            _ => {}
        }
        at += length;
    }
    let Some((at, bracket)) = open.pop() else { return "unexpected end of the text".to_owned() };
    let (line, column) = location(text, at);
    let bracket = char::from(bracket);
    format!(
        "unexpected end of the text: the `{bracket}` at line {line}, column {column} is not closed; is the text truncated?"
    )
}

#[cfg(test)]
mod tests {
    use super::super::parse;

    #[test]
    fn common_mistakes_are_reported_at_their_location() {
        let cases = [
            ("{\"a\": 1", 1, 7, "the `{` at line 1, column 1 is not closed"),
            ("{\"a\":\n [1, {}", 2, 7, "the `[` at line 2, column 2 is not closed"),
            ("{\"a\": \"b", 1, 8, "the `\"` at line 1, column 7 is not closed"),
            ("{\"a\": \"b\\\"", 1, 10, "the `\"` at line 1, column 7 is not closed"),
            ("{\"a\": \"", 1, 7, "the `\"` at line 1, column 7 is not closed"),
            ("{\"a\": 1\n \"b\": 2}", 2, 2, "a comma is missing"),
            ("{\"a\": 1]", 1, 8, "add `}` before it"),
            ("[{\"a\": 1}}", 1, 10, "unexpected `}`"),
            ("{\"a\": 1}\n}", 2, 1, "has no opening bracket"),
            ("{\"a\": 1},\n{}", 1, 9, "enclose them in [ ]"),
            ("{'a': 1}", 1, 2, "use double quotes"),
            ("{\"a\": 'b'}", 1, 7, "use double quotes"),
            ("{a: 1}", 1, 2, "member names must be in double quotes"),
            ("{\"a\": b}", 1, 7, "strings must be in double quotes"),
            ("{\"a\": True}", 1, 7, "lowercase"),
            ("{\"a\": NaN}", 1, 7, "cannot represent this number"),
            ("{\"a\": +1}", 1, 7, "must start with a digit"),
            ("{\"a\": 01}", 1, 8, "must not start with 0"),
            ("{\"a\": 1e999}", 1, 11, "too large"),
            ("{\"a\": ,}", 1, 7, "a value is missing"),
            ("{\"a\" 1}", 1, 6, "expected `:`"),
            ("{\"a\": 1;}", 1, 8, "expected a comma or `}`"),
            ("{\"a\": \"b\"c\"}", 1, 10, "a quote in a string"),
            ("{\"a\": \"é\\z\"}", 1, 10, "write a backslash"),
            ("{\"a\": \"b,\n\"c\": 1}", 1, 10, "not closed in its line"),
            ("{\"a\": \"b\u{1}\"}", 1, 9, "\\u0001"),
            ("{\n# no\n}", 2, 1, "start with //"),
            ("{\"a\": “b”}", 1, 7, "typographic"),
            ("hello", 1, 1, "start with { or ["),
            ("\"a\": [1]", 1, 4, "enclose it in { }"),
        ];
        for (text, line, column, message) in cases {
            let error = parse(text).unwrap_err();
            assert!(error.message.contains(message), "{text}: {}", error.message);
            assert_eq!((error.line, error.column), (line, column), "{text}: {}", error.message);
        }
    }
}
