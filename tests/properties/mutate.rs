//! Random damage of documents and texts.

use std::fmt::Write as _;

use fastrand::Rng;
use serde_json::{Map, Value, json};

use crate::walk;

/// Texts that are easily misread.
const ODD: [&str; 14] = [
    "",
    " ",
    "\u{0}\u{1b}[31m\u{7f}\u{85}",
    "é\u{202e}\u{2028}\u{feff}日本",
    "$(",
    "$(HOME) $$ ${X}",
    "~",
    "0x1F",
    "a: b",
    "- #",
    "arn:aws:ecs:::",
    "arn:",
    "../../etc",
    "a/b~1|<b>`*",
];

/// Names of members that do not belong in a definition.
const NAMES: [&str; 16] = [
    "",
    "Image",
    "port_mappings",
    "~/",
    "\u{1b}[31m",
    "status",
    "service",
    "taskDefinition",
    "tags",
    "failures",
    "kubernetes",
    "name",
    "family",
    "apiVersion",
    "kind",
    "0",
];

/// Returns an unusual value.
pub fn odd_value(rng: &mut Rng) -> Value {
    match rng.u32(..14) {
        0 | 1 => Value::Null,
        2 => rng.bool().into(),
        3 => [0, -1, 1, i64::from(i32::MAX), i64::from(i32::MIN), i64::MAX, i64::MIN][rng.usize(..7)].into(),
        4 => u64::MAX.into(),
        5 => [1.5, -0.0, 1e300, 256.0, f64::MIN_POSITIVE][rng.usize(..5)].into(),
        6 => json!([]),
        7 => json!({}),
        8 => json!([null, "", {}]),
        // YAML is read down to a depth of 64.
        9 => nested(rng.usize(..40)),
        10 => "long ".repeat(rng.usize(..1000)).into(),
        _ => ODD[rng.usize(..ODD.len())].into(),
    }
}

fn nested(depth: usize) -> Value {
    (0..depth).fold(json!(1), |inner, level| if level % 2 == 0 { json!([inner]) } else { json!({"a": inner}) })
}

/// Changes one value of a document.
pub fn document(document: &mut Value, rng: &mut Rng) {
    let places = places(document);
    let place = &places[rng.usize(..places.len())];
    let Some(value) = document.pointer_mut(place) else { return };
    match (rng.u32(..8), value) {
        (0..=2, Value::Object(members)) if !members.is_empty() => change_member(members, rng),
        (3, Value::Object(members)) => {
            members.insert(NAMES[rng.usize(..NAMES.len())].to_owned(), odd_value(rng));
        }
        (0 | 1, Value::Array(items)) if !items.is_empty() => {
            items.remove(rng.usize(..items.len()));
        }
        (2, Value::Array(items)) => items.extend(items.clone()),
        (3, Value::Array(items)) => items.push(odd_value(rng)),
        (4, value) => *value = json!([value.take()]),
        (5, value @ (Value::Number(_) | Value::Bool(_))) => *value = value.to_string().into(),
        (_, value) => *value = odd_value(rng),
    }
}

fn change_member(members: &mut Map<String, Value>, rng: &mut Rng) {
    let Some(name) = members.keys().nth(rng.usize(..members.len())).cloned() else { return };
    let Some(value) = members.remove(&name) else { return };
    match rng.u32(..4) {
        0 => {
            members.insert(name.to_uppercase(), value);
        }
        1 => {
            members.insert(format!("{name}s"), value);
        }
        _ => {}
    }
}

/// JSON pointers of all values except user data, which must stay in its place so that it can be recognized.
fn places(document: &Value) -> Vec<String> {
    let mut places = vec![String::new()];
    for leaf in walk::leaves(document) {
        let mut at = leaf.as_str();
        while !at.is_empty() && !places.iter().any(|known| known == at) {
            places.push(at.to_owned());
            at = at.rsplit_once('/').map_or("", |(above, _)| above);
        }
    }
    places
}

/// Tokens with a meaning in JSON or YAML.
const TOKENS: [&str; 30] = [
    "\"",
    "'",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\n",
    "\r\n",
    "\t",
    "---\n",
    "...\n",
    "//",
    "/*",
    "*/",
    "#",
    "&a ",
    "*a",
    "<<: *a",
    "!!binary ",
    "? ",
    "|\n",
    ">-\n",
    "\\u0000",
    "\u{feff}",
    "${X}",
    "{{ x }}",
    "\u{0}",
    "%YAML 9.9\n",
];

/// Changes a text in one place.
pub fn bytes(bytes: &mut Vec<u8>, rng: &mut Rng) {
    let at = rng.usize(..=bytes.len());
    match rng.u32(..12) {
        0 => bytes.truncate(at),
        1 | 2 if at < bytes.len() => bytes[at] ^= 1 << rng.u32(..8),
        3 | 4 => {
            let end = (at + rng.usize(..20)).min(bytes.len());
            bytes.drain(at..end);
        }
        5 => {
            let end = (at + rng.usize(..200)).min(bytes.len());
            let part = bytes[at..end].to_vec();
            bytes.splice(at..at, part);
        }
        6 => {
            let bracket = ["[", "{\"a\":", "- ", "(", "&a [*a,"][rng.usize(..5)];
            let part = bracket.repeat(rng.usize(..3000));
            bytes.splice(at..at, part.into_bytes());
        }
        7 if rng.u32(..8) == 0 => *bytes = aliases(rng.usize(..12)).into_bytes(),
        8 => {
            bytes.splice(0..0, "\u{feff}".bytes());
        }
        _ => {
            let token = TOKENS[rng.usize(..TOKENS.len())];
            bytes.splice(at..at, token.bytes());
        }
    }
}

/// YAML whose aliases expand to ten times the size with each line.
fn aliases(lines: usize) -> String {
    let mut text = "a0: &a0 x\n".to_owned();
    for line in 1..=lines {
        let item = format!("*a{}", line - 1);
        let _ = writeln!(text, "a{line}: &a{line} [{}]", [item.as_str(); 10].join(", "));
    }
    text
}
