//! Parses JSON with comments and trailing commas.

mod mistakes;

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::syntax::SyntaxError;
use crate::ecs::Pointer;

/// A parsed JSON document.
#[derive(Debug, PartialEq)]
pub(in crate::convert) struct Json {
    pub value: Value,
    /// Members that occur more than once. The last one is effective, as for the AWS CLI.
    pub repeated: Vec<Pointer>,
}

/// Returns the JSON documents of a text. Comments and commas before a closing bracket are ignored.
///
/// A loop over `aws ecs describe-…` prints several documents. A text may also have no document.
pub(in crate::convert) fn parse(text: &str) -> Result<Vec<Json>, SyntaxError> {
    let plain = plain(text);
    let mut deserializer = serde_json::Deserializer::from_str(&plain);
    let mut documents: Vec<Json> = Vec::new();
    while let Err(error) = deserializer.end() {
        if documents.last().is_some_and(|last| !last.value.is_object() && !last.value.is_array()) {
            return Err(mistakes::syntax_error(&error, text, true));
        }
        let repeated = RefCell::new(Vec::new());
        let node = Node { path: Pointer::root(), repeated: &repeated };
        let is_later = !documents.is_empty();
        let value =
            node.deserialize(&mut deserializer).map_err(|error| mistakes::syntax_error(&error, text, is_later))?;
        documents.push(Json { value, repeated: repeated.into_inner() });
    }
    Ok(documents)
}

/// Replaces comments and trailing commas by spaces, so that all locations stay the same.
fn plain(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let mut comma = None;
    let mut before = b'[';
    let mut at = 0;
    while at < bytes.len() {
        let length = token(&bytes[at..]);
        if length == 1 && bytes[at..].starts_with(b"/*") {
            // The parser fails here. To search the end of each such comment would take quadratic time.
            break;
        }
        match bytes[at] {
            b'/' if length > 1 => blank(&mut bytes[at..at + length]),
            // The parser reports a comma that follows no value.
            b',' => comma = (!matches!(before, b',' | b':' | b'[' | b'{')).then_some(at),
            b'}' | b']' => {
                if let Some(comma) = comma.take() {
                    bytes[comma] = b' ';
                }
            }
            byte if byte.is_ascii_whitespace() => {}
            _ => comma = None,
        }
        if !bytes[at].is_ascii_whitespace() {
            before = bytes[at];
        }
        at += length;
    }
    // Only complete comments and commas are replaced, so the bytes are still UTF-8.
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

/// Returns the length of the token at the start: a string, a comment, or one byte.
pub(in crate::convert) fn token(rest: &[u8]) -> usize {
    match rest {
        [b'"', ..] => string(rest).unwrap_or(rest.len()),
        [b'/', b'/', ..] => rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len()),
        // The parser reports a comment without an end.
        [b'/', b'*', after @ ..] => after.windows(2).position(|pair| pair == b"*/").map_or(1, |end| end + 4),
        _ => 1,
    }
}

/// Returns the length of the string at the start; none if it is not closed.
fn string(rest: &[u8]) -> Option<usize> {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            b'"' => return Some(at + 1),
            _ => at += 1,
        }
    }
    None
}

fn blank(comment: &mut [u8]) {
    for byte in comment.iter_mut().filter(|byte| **byte != b'\n') {
        *byte = b' ';
    }
}

/// Deserializes a value and records repeated members in it.
struct Node<'a> {
    path: Pointer,
    repeated: &'a RefCell<Vec<Pointer>>,
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("the number is too large"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) =
            list.next_element_seed(Node { path: self.path.index(items.len()), repeated: self.repeated })?
        {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = object.next_key::<String>()? {
            let path = self.path.key(name.as_str());
            let value = object.next_value_seed(Node { path: path.clone(), repeated: self.repeated })?;
            if members.insert(name, value).is_some() {
                self.repeated.borrow_mut().push(path);
            }
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn comments_and_trailing_commas_are_ignored() {
        let cases = [
            ("{\"a\": [1, 2,],}", json!({"a": [1, 2]})),
            ("// first\n{\"a\": /* b */ 1, // c\n}", json!({"a": 1})),
            ("[\"// no, comment,]\", \"\\\",]\"]", json!(["// no, comment,]", "\",]"])),
            ("{\"url\": \"http://x/*y*/\"}", json!({"url": "http://x/*y*/"})),
        ];
        for (text, value) in cases {
            let read = parse(text).unwrap();
            assert_eq!(read.iter().map(|json| &json.value).collect::<Vec<_>>(), [&value], "{text}");
        }
    }

    #[test]
    fn errors_have_the_location_in_the_original_text() {
        let cases = [
            ("{\n  /* é */ \"a\" 1}", 2, 15),
            ("[1,,]", 1, 4),
            ("[,]", 1, 2),
            ("{\"a\": 1} }", 1, 10),
            ("/* open", 1, 1),
        ];
        for (text, line, column) in cases {
            let error = parse(text).unwrap_err();
            assert_eq!((error.line, error.column), (line, column), "{text}: {}", error.message);
        }
    }

    #[test]
    fn unclosed_comments_are_scanned_in_linear_time() {
        for begin in ["/*", "[1, /* "] {
            let error = parse(&format!("{begin}{}", "/* /".repeat(300_000))).unwrap_err();
            assert!(error.message.contains("not closed"), "{}", error.message);
        }
    }

    #[test]
    fn a_text_may_contain_several_documents() {
        let values = |text: &str| parse(text).unwrap().into_iter().map(|json| json.value).collect::<Vec<_>>();
        assert_eq!(values("{\"a\": 1}\n{\"b\": 2} // c\n[3]\n"), [json!({"a": 1}), json!({"b": 2}), json!([3])]);
        assert_eq!(values(" // nothing\n"), Vec::<Value>::new());
    }

    #[test]
    fn repeated_members_are_reported() {
        let json = parse("{\"a\": [{\"b\": 1, \"b\": 2}]}").unwrap().remove(0);
        assert_eq!(json.value, json!({"a": [{"b": 2}]}));
        assert_eq!(json.repeated, [Pointer::root().key("a").index(0).key("b")]);
    }
}
