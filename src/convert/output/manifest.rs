//! Objects as YAML for people and `kubectl apply`.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::Value;

/// The first line of every file that the converter writes. Files without it are not overwritten.
pub const MARK: &str = "# Made by `ecs-operator convert`; it writes this file again when it runs again.\n";

/// A serialized object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The object's kind, such as `Deployment`.
    pub kind: &'static str,
    /// The object's name.
    pub name: String,
    /// The object's namespace, if it is set.
    pub namespace: Option<String>,
    /// The object as a YAML document, without a separator.
    pub yaml: String,
}

impl Manifest {
    /// Serializes an object.
    pub(super) fn new<T: Serialize>(
        kind: &'static str,
        name: &str,
        namespace: Option<&str>,
        object: &T,
    ) -> Result<Self, serde_saphyr::ser::Error> {
        // Without a limit, long lines such as URLs and commands are not folded and remain searchable.
        let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX };
        let yaml = serde_saphyr::to_string_with_options(object, options)?;
        Ok(Self { kind, name: name.to_owned(), namespace: namespace.map(str::to_owned), yaml })
    }

    /// Returns the file name: kind, namespace if it is set, and name.
    #[must_use]
    pub fn file_name(&self) -> String {
        let namespace = self.namespace.as_ref().map(|namespace| format!("{namespace}-")).unwrap_or_default();
        format!("{}-{namespace}{}.yaml", self.kind.to_lowercase(), self.name)
    }
}

/// Members that come first, in this order; all others follow by name.
const FIRST: [&str; 7] = ["family", "serviceName", "clusterName", "name", "key", "image", "type"];

/// A JSON value with the members of its objects in a readable order.
pub(super) struct Readable<'a>(pub &'a Value);

impl Serialize for Readable<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Object(members) => {
                let mut map = to.serialize_map(Some(members.len()))?;
                let first = FIRST.iter().filter_map(|name| members.get_key_value(*name));
                let rest = members.iter().filter(|(name, _)| !FIRST.contains(&name.as_str()));
                for (name, value) in first.chain(rest) {
                    map.serialize_entry(name, &Readable(value))?;
                }
                map.end()
            }
            Value::Array(items) => to.collect_seq(items.iter().map(Readable)),
            scalar => scalar.serialize(to),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_are_written_first() {
        let value = json!({"b": 1, "image": "i", "name": "web", "a": [{"z": 1, "key": 2}]});
        let manifest = Manifest::new("Task", "x", Some("ns"), &Readable(&value)).unwrap();
        assert_eq!(manifest.yaml, "name: web\nimage: i\na:\n- key: 2\n  z: 1\nb: 1\n");
        assert_eq!(manifest.file_name(), "task-ns-x.yaml");
    }

    #[test]
    fn strings_that_look_like_other_types_are_quoted() {
        for text in [
            "yes",
            "0123",
            "1e3",
            "true",
            "null",
            "~",
            "1:30",
            "on",
            "2026-01-01",
            "0x1f",
            "",
            " a",
            "a: b",
            "- a",
            "#a",
        ] {
            let yaml = Manifest::new("A", "a", None, &Readable(&json!({ "v": text }))).unwrap().yaml;
            assert!(yaml.contains(['"', '\'']), "{yaml}");
            assert_eq!(serde_saphyr::from_str::<Value>(&yaml).unwrap(), json!({ "v": text }));
        }
    }
}
