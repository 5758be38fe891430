//! What people get wrong in JSON, told by what stands at the spot where reading ended.

use super::{string, token};
use crate::convert::input::syntax::SyntaxError;

/// The error in words that say what to do. `whole` says whether a whole document was read before it.
pub(super) fn explain(error: &serde_json::Error, text: &str, whole: bool) -> SyntaxError {
    let told = error.to_string();
    let what = told.split(" at line ").next().unwrap_or(&told);
    let at = offset(text, error.line(), error.column());
    let at = if what.starts_with("control character") { before_line_break(text, at) } else { at };
    let message = if what.starts_with("EOF") { unclosed(text) } else { message(what, text, at, whole) };
    let (line, column) = place(text, at);
    SyntaxError { message, line, column }
}

/// serde_json counts lines and, in them, bytes, both from 1.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let mut at = (start + column.saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// People count lines and characters.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = &text[..at];
    let line = before.rsplit_once('\n').map_or(before, |(_, line)| line);
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}

/// A string that reaches over the end of its line is to be mended where the line ends.
fn before_line_break(text: &str, at: usize) -> usize {
    let end = if text[at..].starts_with('\n') { at } else { at.saturating_sub(1) };
    if text.as_bytes().get(end) == Some(&b'\n') { end } else { at }
}

fn message(what: &str, text: &str, at: usize, whole: bool) -> String {
    let rest = &text[at..];
    let spot = rest.chars().next().unwrap_or(' ');
    let words = if let Some(words) = anywhere(rest, spot) {
        words
    } else if what.starts_with("expected `,` or") {
        return between(what, text, at, spot);
    } else if what.starts_with("control character") {
        return in_string(spot);
    } else {
        match what {
            "expected value" if whole => after_document(spot),
            "expected value" if !text[..at].contains(['{', '[']) => "JSON begins with { or [",
            "expected value" => value(rest, spot),
            "key must be a string" if spot.is_alphabetic() || spot == '_' => {
                "the name of a member stands in double quotes"
            }
            "key must be a string" => "the name of a member is expected here, in double quotes",
            "expected `:`" => "a `:` is missing between the name of the member and its value",
            "trailing characters" => "this is a part of a document; put it in { }",
            "invalid escape" => "a backslash in a text is written twice: \\\\",
            "invalid number" if spot.is_ascii_digit() => "a number has no 0 in front",
            "invalid number" => "this is no number",
            "number out of range" | "the number is too large" => "the number is too large",
            "recursion limit exceeded" => "this is nested deeper than any ECS definition is",
            "expected ident" => "a value is a text in double quotes, a number, true, false, null, a list or an object",
            other => other,
        }
    };
    words.to_owned()
}

/// What is wrong wherever it stands.
fn anywhere(rest: &str, spot: char) -> Option<&'static str> {
    match spot {
        '\'' => Some("JSON has double quotes only: \"…\" instead of '…'"),
        '“' | '”' | '„' | '‘' | '’' | '«' | '»' => {
            Some("these are typographic quotes; JSON has the plain \"")
        }
        '#' => Some("JSON has no comments with #; they begin with //"),
        '/' if rest.starts_with("/*") => Some("the comment that begins here never ends"),
        _ => None,
    }
}

fn after_document(spot: char) -> &'static str {
    match spot {
        '}' | ']' => "this bracket closes nothing: it is one too many",
        ',' => "definitions with commas between them stand in a list: put [ ] around them",
        _ => "the JSON document has ended before this: take it away, or put it inside",
    }
}

fn value(rest: &str, spot: char) -> &'static str {
    let word = rest.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    match (spot, word) {
        (',' | '}' | ']' | ':', _) => "a value is missing before this",
        (_, "True" | "False" | "TRUE" | "FALSE" | "None" | "Null" | "NULL" | "nil" | "undefined") => {
            "JSON writes true, false and null, in small letters"
        }
        (_, "NaN" | "Infinity" | "inf") => "JSON has no such number",
        ('+' | '.', _) => "a number begins with a digit or a minus",
        (letter, _) if letter.is_alphabetic() => "a text stands in double quotes",
        _ => "a value is expected here",
    }
}

/// Something else than a comma or the end after a value.
fn between(what: &str, text: &str, at: usize, spot: char) -> String {
    let end = if what.contains('}') { '}' } else { ']' };
    let quoted = text[..at].ends_with('"');
    match spot {
        '}' | ']' => format!("this `{spot}` does not fit: a `{end}` is missing before it, or it is one too many"),
        letter if quoted && letter.is_alphanumeric() => "a quote inside a text is written \\\"".to_owned(),
        '"' | '{' | '[' | '-' => "a comma is missing before this".to_owned(),
        letter if letter.is_alphanumeric() => "a comma is missing before this".to_owned(),
        _ => format!("a comma or `{end}` is expected here"),
    }
}

fn in_string(spot: char) -> String {
    if spot == '\n' {
        "the text does not end in its line: a quote is missing, or a line break inside it, which is written \\n"
            .to_owned()
    } else {
        format!("a control character stands in the text; it is written \\u{:04x}", u32::from(spot))
    }
}

/// The text ends too early: what of it is open.
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
    let Some((at, bracket)) = open.pop() else { return "the text ends too early".to_owned() };
    let (line, column) = place(text, at);
    let bracket = char::from(bracket);
    format!("the text ends here, but the `{bracket}` of line {line}, column {column} is not closed; was it cut off?")
}

#[cfg(test)]
mod tests {
    use super::super::parse;

    #[test]
    fn common_mistakes_are_named_where_they_are() {
        let cases = [
            ("{\"a\": 1", 1, 7, "the `{` of line 1, column 1 is not closed"),
            ("{\"a\":\n [1, {}", 2, 7, "the `[` of line 2, column 2 is not closed"),
            ("{\"a\": \"b", 1, 8, "the `\"` of line 1, column 7 is not closed"),
            ("{\"a\": \"b\\\"", 1, 10, "the `\"` of line 1, column 7 is not closed"),
            ("{\"a\": \"", 1, 7, "the `\"` of line 1, column 7 is not closed"),
            ("{\"a\": 1\n \"b\": 2}", 2, 2, "a comma is missing"),
            ("{\"a\": 1]", 1, 8, "a `}` is missing before it"),
            ("[{\"a\": 1}}", 1, 10, "this `}` does not fit"),
            ("{\"a\": 1}\n}", 2, 1, "one too many"),
            ("{\"a\": 1},\n{}", 1, 9, "put [ ] around them"),
            ("{'a': 1}", 1, 2, "double quotes only"),
            ("{\"a\": 'b'}", 1, 7, "double quotes only"),
            ("{a: 1}", 1, 2, "the name of a member stands in double quotes"),
            ("{\"a\": b}", 1, 7, "a text stands in double quotes"),
            ("{\"a\": True}", 1, 7, "small letters"),
            ("{\"a\": NaN}", 1, 7, "no such number"),
            ("{\"a\": +1}", 1, 7, "begins with a digit"),
            ("{\"a\": 01}", 1, 8, "no 0 in front"),
            ("{\"a\": 1e999}", 1, 11, "too large"),
            ("{\"a\": ,}", 1, 7, "a value is missing"),
            ("{\"a\" 1}", 1, 6, "a `:` is missing"),
            ("{\"a\": 1;}", 1, 8, "a comma or `}` is expected"),
            ("{\"a\": \"b\"c\"}", 1, 10, "a quote inside a text"),
            ("{\"a\": \"é\\z\"}", 1, 10, "written twice"),
            ("{\"a\": \"b,\n\"c\": 1}", 1, 10, "does not end in its line"),
            ("{\"a\": \"b\u{1}\"}", 1, 9, "\\u0001"),
            ("{\n# no\n}", 2, 1, "begin with //"),
            ("{\"a\": “b”}", 1, 7, "typographic"),
            ("hello", 1, 1, "begins with { or ["),
            ("\"a\": [1]", 1, 4, "put it in { }"),
        ];
        for (text, line, column, message) in cases {
            let error = parse(text).unwrap_err();
            assert!(error.message.contains(message), "{text}: {}", error.message);
            assert_eq!((error.line, error.column), (line, column), "{text}: {}", error.message);
        }
    }
}
