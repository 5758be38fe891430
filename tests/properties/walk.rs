//! Leaves of JSON documents, and which of them are user data.

use serde_json::Value;

/// Escapes a name for a JSON pointer.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// The JSON pointers of all scalars, empty lists and empty objects.
pub fn leaves(document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![(String::new(), document)];
    while let Some((at, value)) = open.pop() {
        match value {
            Value::Object(members) if !members.is_empty() => {
                open.extend(members.iter().map(|(name, value)| (format!("{at}/{}", escaped(name)), value)));
            }
            Value::Array(items) if !items.is_empty() => {
                open.extend(items.iter().enumerate().map(|(position, item)| (format!("{at}/{position}"), item)));
            }
            _ => found.push(at),
        }
    }
    found.sort();
    found
}

/// True if a pointer is `outer` or inside it.
pub fn is_inside(inner: &str, outer: &str) -> bool {
    inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// True if the text at a path is user data, which may be secret: values of variables, options and labels, and arguments of
/// commands. A reference to a secret is not, because reports name the object to create for it.
pub fn is_user_data(path: &[String]) -> bool {
    let (last, above) = match path {
        [.., above, last] => (last.as_str(), above.as_str()),
        // A document may consist of a list of containers or of one container.
        [last] => (last.as_str(), "containerDefinitions"),
        [] => return false,
    };
    matches!(above, "dockerLabels" | "driverOpts" | "labels" | "options")
        || matches!((above, last), ("environment" | "properties" | "tags", "value"))
        || matches!((above, last), ("containerDefinitions", "command" | "entryPoint") | ("healthCheck", "command"))
}
