//! YAML, with any number of documents in a text.

use serde_json::Value;

use super::syntax::SyntaxError;

/// Reads all documents of a text; empty ones do not count.
pub(super) fn parse(text: &str) -> Result<Vec<Value>, SyntaxError> {
    // A tag such as CloudFormation's !Ref stands for a value that is not here.
    let options = serde_saphyr::options! { reject_unsupported_tags: true };
    serde_saphyr::from_multiple_with_options(text, options).map_err(|error| explain(&error))
}

fn explain(error: &serde_saphyr::Error) -> SyntaxError {
    let error = error.without_snippet();
    let place = error.location();
    let number = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    let (line, column) = place.map_or((0, 0), |place| (number(place.line()), number(place.column())));
    let told = error.to_string();
    let message = told.lines().next().unwrap_or(&told);
    // The place is told by whoever shows the error.
    let message = message.split(" at line ").next().unwrap_or(message);
    SyntaxError { message: plainer(message), line, column }
}

/// What the parser says, for people who do not know how YAML is parsed.
const PLAINER: [(&str, &str); 9] = [
    ("tabs disallowed", "a tab stands in the indentation; YAML has spaces there"),
    ("did not find expected '-' indicator", "the indentation fits neither the item above nor the one around it"),
    ("did not find expected key", "the indentation fits neither the member above nor the one around it"),
    ("mapping values are not allowed", "a `: ` stands where none can; a text with one in it stands in quotes"),
    ("unclosed quote", "the quote that begins here is not closed"),
    ("recursion limit exceeded", "this is nested deeper than any ECS definition is"),
    ("references unknown anchor", "there is no anchor of that name"),
    ("expected string scalar", "the name of a member is a text; this is something else"),
    ("unsupported tag", "this tag is not read, such as CloudFormation's !Ref and !Sub: write the value it stands for"),
];

fn plainer(message: &str) -> String {
    if let Some(rest) = message.strip_prefix("duplicate mapping key: ") {
        let key = rest.split(", set ").next().unwrap_or(rest);
        return format!("the member `{key}` is given twice");
    }
    let known = PLAINER.iter().find(|(told, _)| message.contains(told));
    known.map_or_else(|| message.to_owned(), |(_, plainer)| (*plainer).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn documents_are_read_and_empty_ones_left_out() {
        let documents = parse("a: 1\n---\n# nothing\n---\nb: [x, \"2\"]\n").unwrap();
        assert_eq!(documents, [json!({"a": 1}), json!({"b": ["x", "2"]})]);
    }

    #[test]
    fn errors_tell_the_place() {
        let error = parse("a: 1\nb: [1\nc: 2\n").unwrap_err();
        assert!(error.line >= 2 && error.column >= 1 && !error.message.is_empty(), "{error:?}");
    }

    #[test]
    fn a_key_given_twice_is_an_error() {
        let error = parse("a: 1\na: 2\n").unwrap_err();
        assert_eq!((error.line, error.message.as_str()), (2, "the member `a` is given twice"));
    }
}
