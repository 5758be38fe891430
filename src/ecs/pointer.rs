//! Paths in a JSON document: RFC 6901 JSON pointers.

use std::borrow::Cow;
use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::Value;

/// Path of a value in a JSON document. The empty pointer is the document itself.
///
/// ```
/// use ecs_operator::ecs::pointer::Pointer;
/// let image = Pointer::root().key("containerDefinitions").index(0).key("image");
/// assert_eq!(image.to_string(), "/containerDefinitions/0/image");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pointer(Vec<Step>);

/// Step into an object or a list. Indices sort before names, and by number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Step {
    Index(usize),
    Key(String),
}

impl Pointer {
    /// Returns the path of the document itself.
    #[must_use]
    pub fn root() -> Self {
        Self::default()
    }

    /// Returns the path of the member with that name. The name may contain any character.
    #[must_use]
    pub fn key(&self, name: impl Into<String>) -> Self {
        self.step(Step::Key(name.into()))
    }

    /// Returns the path of the list item at that position, counted from 0.
    #[must_use]
    pub fn index(&self, position: usize) -> Self {
        self.step(Step::Index(position))
    }

    /// Returns the path of the enclosing value; `None` for the document itself.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let (_, above) = self.0.split_last()?;
        Some(Self(above.to_vec()))
    }

    /// True if `other` is this path or inside it.
    #[must_use]
    pub fn is_prefix_of(&self, other: &Self) -> bool {
        other.0.starts_with(&self.0)
    }

    /// Returns the number of steps from the document down to this path.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.0.len()
    }

    /// Returns the field in the notation of the API references: `containerDefinitions[].image` for
    /// `/containerDefinitions/0/image`.
    #[must_use]
    pub fn field(&self) -> String {
        let mut field = String::new();
        for step in &self.0 {
            match step {
                Step::Index(_) => field.push_str("[]"),
                Step::Key(name) => {
                    field.push_str(if field.is_empty() { "" } else { "." });
                    field.push_str(name);
                }
            }
        }
        field
    }

    /// Returns the value of `document` at this path.
    #[must_use]
    pub fn find<'a>(&self, document: &'a Value) -> Option<&'a Value> {
        self.0.iter().try_fold(document, |at, step| match step {
            Step::Index(position) => at.get(position),
            Step::Key(name) => at.get(name),
        })
    }

    /// Removes the member at this path from `document`. For a list item, removes the whole list, so that no other item
    /// changes its index. The document itself stays.
    pub fn remove_member(&self, document: &mut Value) {
        let Some((last, above)) = self.0.split_last() else { return };
        let Step::Key(name) = last else { return Self(above.to_vec()).remove_member(document) };
        let parent = above.iter().try_fold(document, |at, step| match step {
            Step::Index(position) => at.get_mut(position),
            Step::Key(name) => at.get_mut(name),
        });
        if let Some(members) = parent.and_then(Value::as_object_mut) {
            members.remove(name);
        }
    }

    fn step(&self, step: Step) -> Self {
        let mut steps = Vec::with_capacity(self.0.len() + 1);
        steps.extend_from_slice(&self.0);
        steps.push(step);
        Self(steps)
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|step| match step {
            Step::Index(position) => write!(f, "/{position}"),
            Step::Key(name) => {
                f.write_str("/")?;
                f.write_str(&escaped(name))
            }
        })
    }
}

impl Serialize for Pointer {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// Returns the name of a member with the escapes of a pointer.
pub(crate) fn escaped(name: &str) -> Cow<'_, str> {
    if name.contains(['~', '/']) {
        // `~` first: escaping it after `/` would escape the escapes.
        Cow::Owned(name.replace('~', "~0").replace('/', "~1"))
    } else {
        Cow::Borrowed(name)
    }
}

/// Returns a pointer in its text form, then its ancestors, the closest first.
pub(crate) fn upwards(pointer: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(pointer), |inner| inner.rsplit_once('/').map(|(above, _)| above))
}

/// Returns all leaves of a document in its order: scalars, and empty objects and lists.
pub(crate) fn leaves(document: &Value) -> Vec<(Pointer, &Value)> {
    let mut leaves = Vec::new();
    collect_leaves(document, &mut Pointer::root(), &mut leaves);
    leaves
}

fn collect_leaves<'a>(value: &'a Value, path: &mut Pointer, leaves: &mut Vec<(Pointer, &'a Value)>) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (name, member) in members {
                path.0.push(Step::Key(name.clone()));
                collect_leaves(member, path, leaves);
                path.0.pop();
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (position, item) in items.iter().enumerate() {
                path.0.push(Step::Index(position));
                collect_leaves(item, path, leaves);
                path.0.pop();
            }
        }
        _ => leaves.push((path.clone(), value)),
    }
}

/// Magnitude from which the parser represents integers as floating point: 2^63.
const BEYOND_INTEGERS: f64 = 9_223_372_036_854_775_808.0;

/// Returns the name of a JSON value's type for messages.
pub(crate) fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => {
            let is_large = number.as_f64().is_some_and(|number| number.abs() >= BEYOND_INTEGERS);
            if is_large { "a number that is too large" } else { "a decimal number" }
        }
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_beyond_64_bits_are_too_large() {
        let name = |text: &str| json_type(&serde_json::from_str(text).unwrap());
        assert_eq!(name("99999999999999999999"), "a number that is too large");
        assert_eq!(name("-99999999999999999999"), "a number that is too large");
        assert_eq!(name("18446744073709551615"), "a number");
        assert_eq!(name("0.5"), "a decimal number");
    }

    #[test]
    fn names_are_escaped() {
        let cases = [("a/b", "/a~1b"), ("a~b", "/a~0b"), ("~1", "/~01"), ("", "/"), ("0", "/0")];
        for (name, written) in cases {
            assert_eq!(Pointer::root().key(name).to_string(), written);
        }
        assert_eq!(Pointer::root().to_string(), "");
    }

    #[test]
    fn list_items_sort_by_number() {
        let list = Pointer::root().key("list");
        assert!(list.index(2) < list.index(10));
        assert!(Pointer::root() < list.index(0));
    }

    #[test]
    fn a_path_is_inside_itself_and_its_parents_only() {
        let list = Pointer::root().key("list");
        let item = list.index(1);
        assert!(list.is_prefix_of(&item) && item.is_prefix_of(&item));
        assert!(!item.is_prefix_of(&list) && !list.index(0).is_prefix_of(&item));
        assert!(!Pointer::root().key("li").is_prefix_of(&list));
        assert_eq!(item.parent(), Some(list));
        assert_eq!(Pointer::root().parent(), None);
    }

    #[test]
    fn leaves_are_scalars_and_empty_values() {
        let document = serde_json::json!({"a": [{"b/c": 1}, []], "d": null});
        let paths: Vec<_> = leaves(&document).into_iter().map(|(path, _)| path.to_string()).collect();
        assert_eq!(paths, ["/a/0/b~1c", "/a/1", "/d"]);
    }

    #[test]
    fn a_pointer_finds_its_value() {
        let document = serde_json::json!({"a": [{"b/c": 1}]});
        let path = Pointer::root().key("a").index(0).key("b/c");
        assert_eq!(path.find(&document), Some(&1.into()));
        assert_eq!(path.key("d").find(&document), None);
    }
}
