//! Parses YAML with any number of documents.

use serde_json::Value;

use super::syntax::SyntaxError;

/// Returns the documents of a text, without empty ones.
pub(super) fn parse(text: &str) -> Result<Vec<Value>, SyntaxError> {
    // The value of a tag such as CloudFormation's !Ref is not in the text.
    let options = serde_saphyr::options! { reject_unsupported_tags: true };
    serde_saphyr::from_multiple_with_options(text, options).map_err(|error| syntax_error(&error))
}

fn syntax_error(error: &serde_saphyr::Error) -> SyntaxError {
    let error = error.without_snippet();
    let location = error.location();
    let number = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    let (line, column) = location.map_or((0, 0), |location| (number(location.line()), number(location.column())));
    let text = error.to_string();
    let message = text.lines().next().unwrap_or(&text);
    // The report contains the location separately.
    let message = message.split(" at line ").next().unwrap_or(message);
    SyntaxError { message: advice(message), line, column }
}

/// Parts of the parser's messages, and messages with advice instead.
const ADVICE: [(&str, &str); 9] = [
    ("tabs disallowed", "tab in the indentation; indent YAML with spaces"),
    (
        "did not find expected '-' indicator",
        "the indentation matches neither the item above nor the one that contains it",
    ),
    ("did not find expected key", "the indentation matches neither the member above nor the one that contains it"),
    ("mapping values are not allowed", "unexpected `: `; put strings that contain it in quotes"),
    ("unclosed quote", "this quote is not closed"),
    ("recursion limit exceeded", "nested deeper than any ECS definition"),
    ("references unknown anchor", "no anchor has this name"),
    ("expected string scalar", "member names must be strings"),
    (
        "unsupported tag",
        "tags such as CloudFormation's !Ref and !Sub are not supported: replace the tag with its value",
    ),
];

fn advice(message: &str) -> String {
    if let Some(rest) = message.strip_prefix("duplicate mapping key: ") {
        let key = rest.split(", set ").next().unwrap_or(rest);
        return format!("duplicate member `{key}`");
    }
    let known = ADVICE.iter().find(|(part, _)| message.contains(part));
    known.map_or_else(|| message.to_owned(), |(_, advice)| (*advice).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn empty_documents_are_skipped() {
        let documents = parse("a: 1\n---\n# nothing\n---\nb: [x, \"2\"]\n").unwrap();
        assert_eq!(documents, [json!({"a": 1}), json!({"b": ["x", "2"]})]);
    }

    #[test]
    fn errors_have_a_location() {
        let error = parse("a: 1\nb: [1\nc: 2\n").unwrap_err();
        assert!(error.line >= 2 && error.column >= 1 && !error.message.is_empty(), "{error:?}");
    }

    #[test]
    fn a_duplicate_key_is_an_error() {
        let error = parse("a: 1\na: 2\n").unwrap_err();
        assert_eq!((error.line, error.message.as_str()), (2, "duplicate member `a`"));
    }
}
