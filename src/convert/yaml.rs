//! YAML, with any number of documents in a text.

use serde_json::Value;

use super::syntax::SyntaxError;

/// Reads all documents of a text; empty ones do not count.
pub(super) fn parse(text: &str) -> Result<Vec<Value>, SyntaxError> {
    serde_saphyr::from_multiple(text).map_err(|error| explain(&error))
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
    SyntaxError { message: message.to_owned(), line, column }
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
        assert_eq!(parse("a: 1\na: 2\n").unwrap_err().line, 2);
    }
}
