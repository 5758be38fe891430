//! JSON as people and templates write it: with comments and trailing commas.

mod mistakes;

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::syntax::SyntaxError;
use crate::ecs::Pointer;

/// A JSON document.
#[derive(Debug, PartialEq)]
pub(in crate::convert) struct Json {
    pub value: Value,
    /// Members that are given more than once; the last one counts, as for the AWS command line.
    pub repeated: Vec<Pointer>,
}

/// Reads JSON; comments and commas before a closing bracket are passed over.
///
/// Several documents after one another are what a loop over `aws ecs describe-…` prints. A text without any has none.
pub(in crate::convert) fn parse(text: &str) -> Result<Vec<Json>, SyntaxError> {
    let plain = plain(text);
    let mut from = serde_json::Deserializer::from_str(&plain);
    let mut documents: Vec<Json> = Vec::new();
    while let Err(more) = from.end() {
        if documents.last().is_some_and(|last| !last.value.is_object() && !last.value.is_array()) {
            return Err(mistakes::explain(&more, text, true));
        }
        let repeated = RefCell::new(Vec::new());
        let node = Node { at: Pointer::root(), repeated: &repeated };
        let whole = !documents.is_empty();
        let value = node.deserialize(&mut from).map_err(|error| mistakes::explain(&error, text, whole))?;
        documents.push(Json { value, repeated: repeated.into_inner() });
    }
    Ok(documents)
}

/// The text with comments and trailing commas as spaces: all else stays in its place.
fn plain(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let mut comma = None;
    let mut before = b'[';
    let mut at = 0;
    while at < bytes.len() {
        let length = token(&bytes[at..]);
        if length == 1 && bytes[at..].starts_with(b"/*") {
            // The parser comes no further, and to look for the end of each one behind it would take forever.
            break;
        }
        match bytes[at] {
            b'/' if length > 1 => blank(&mut bytes[at..at + length]),
            // A comma after nothing is a mistake, which the parser is to find.
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
    // Only whole comments and commas became spaces, so it is still text.
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

/// The length of what begins here: a string, a comment, or one byte.
pub(in crate::convert) fn token(rest: &[u8]) -> usize {
    match rest {
        [b'"', ..] => string(rest).unwrap_or(rest.len()),
        [b'/', b'/', ..] => rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len()),
        // A comment that never ends is left to the parser, which says where it stands.
        [b'/', b'*', after @ ..] => after.windows(2).position(|pair| pair == b"*/").map_or(1, |end| end + 4),
        _ => 1,
    }
}

/// The length of the string that begins here; none when it does not end.
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

/// A value to read at a place.
struct Node<'a> {
    at: Pointer,
    repeated: &'a RefCell<Vec<Pointer>>,
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
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
            list.next_element_seed(Node { at: self.at.index(items.len()), repeated: self.repeated })?
        {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = object.next_key::<String>()? {
            let at = self.at.key(name.as_str());
            let value = object.next_value_seed(Node { at: at.clone(), repeated: self.repeated })?;
            if members.insert(name, value).is_some() {
                self.repeated.borrow_mut().push(at);
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
    fn comments_and_trailing_commas_are_passed_over() {
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
    fn errors_tell_the_place_in_the_text_as_it_was() {
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
    fn comments_that_never_end_are_looked_through_once() {
        for begin in ["/*", "[1, /* "] {
            let error = parse(&format!("{begin}{}", "/* /".repeat(300_000))).unwrap_err();
            assert!(error.message.contains("never ends"), "{}", error.message);
        }
    }

    #[test]
    fn documents_may_follow_one_another() {
        let values = |text: &str| parse(text).unwrap().into_iter().map(|json| json.value).collect::<Vec<_>>();
        assert_eq!(values("{\"a\": 1}\n{\"b\": 2} // c\n[3]\n"), [json!({"a": 1}), json!({"b": 2}), json!([3])]);
        assert_eq!(values(" // nothing\n"), Vec::<Value>::new());
    }

    #[test]
    fn members_given_twice_are_told() {
        let json = parse("{\"a\": [{\"b\": 1, \"b\": 2}]}").unwrap().remove(0);
        assert_eq!(json.value, json!({"a": [{"b": 2}]}));
        assert_eq!(json.repeated, [Pointer::root().key("a").index(0).key("b")]);
    }
}
