//! What a person sees in a JSON document: its leaves, and where a text is the user's own.

use serde_json::Value;

/// A step down, as JSON pointers write it.
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

/// Whether one place is another, or inside it.
pub fn is_inside(inner: &str, outer: &str) -> bool {
    inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether the text at a place is the user's own, which may be secret: values of variables, options and labels, arguments
/// of commands. A reference to a secret is none: reports name what is to be made of it.
pub fn is_user_data(path: &[String]) -> bool {
    let (last, above) = match path {
        [.., above, last] => (last.as_str(), above.as_str()),
        // A list of containers, or one of them, may be all there is.
        [last] => (last.as_str(), "containerDefinitions"),
        [] => return false,
    };
    matches!(above, "dockerLabels" | "driverOpts" | "labels" | "options")
        || matches!((above, last), ("environment" | "properties" | "tags", "value"))
        || matches!((above, last), ("containerDefinitions", "command" | "entryPoint") | ("healthCheck", "command"))
}
