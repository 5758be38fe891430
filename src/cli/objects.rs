//! Reads Kubernetes objects from files in the form in which kubectl prints them.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::convert::files;
use crate::ecs::pointer;

/// The reason why no objects of a kind can be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    /// The file cannot be read.
    #[error("{}: {message}", .file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// The reason.
        message: String,
    },
    /// The file is neither JSON nor YAML, or an object is invalid.
    #[error("{}: not the output of `{}`: {message}", .file.display(), command(kind))]
    Malformed {
        /// The file.
        file: PathBuf,
        /// The requested kind.
        kind: &'static str,
        /// The error.
        message: String,
    },
    /// The file contains only objects of other kinds.
    #[error("{}: expected the kind {kind}, found {found}: use the output of `{}`", .file.display(), command(kind))]
    OtherKinds {
        /// The file.
        file: PathBuf,
        /// The requested kind.
        kind: &'static str,
        /// The kinds in the file.
        found: String,
    },
}

/// Reads the objects of a kind from one or several documents, or lists. A list may be empty.
pub(super) fn read<T: DeserializeOwned>(file: &Path, kind: &'static str) -> Result<Vec<T>, ReadError> {
    let unreadable = |message| ReadError::Unreadable { file: file.to_owned(), message };
    if file.is_dir() {
        return Err(unreadable("expected a file, found a folder".to_owned()));
    }
    let source = files::read(&[file.to_owned()]).pop();
    let text = source.map_or_else(|| Ok(String::new()), |source| source.text).map_err(unreadable)?;
    let malformed = |message| ReadError::Malformed { file: file.to_owned(), kind, message };
    let documents = parse(&text).map_err(malformed)?;
    let (mut objects, mut others, mut lists) = (Vec::new(), Vec::new(), 0);
    for document in documents {
        let list_of =
            document.get("kind").and_then(Value::as_str).and_then(|kind| kind.strip_suffix("List")).map(str::to_owned);
        match (list_of, document) {
            (Some(item_kind), Value::Object(mut list)) => {
                lists += usize::from(item_kind.is_empty() || item_kind == kind);
                let items = list.remove("items").and_then(|items| items.as_array().cloned()).unwrap_or_default();
                // The API server omits the kind of the items of a list.
                let items = items.into_iter().map(|item| (kind_of(&item).unwrap_or_else(|| item_kind.clone()), item));
                items.for_each(|(other, item)| if other == kind { objects.push(item) } else { others.push(other) });
            }
            (_, document) => match kind_of(&document) {
                Some(other) if other == kind => objects.push(document),
                Some(other) => others.push(other),
                None => others.push(describe(&document)),
            },
        }
    }
    if objects.is_empty() && (lists == 0 || !others.is_empty()) {
        others.sort();
        others.dedup();
        let found = if others.is_empty() { "nothing".to_owned() } else { others.join(", ") };
        return Err(ReadError::OtherKinds { file: file.to_owned(), kind, found });
    }
    objects
        .into_iter()
        .map(|object| serde_json::from_value(object).map_err(|error| malformed(error.to_string())))
        .collect()
}

/// Returns the command that prints the objects of a kind.
fn command(kind: &str) -> &'static str {
    if kind == "Pod" { "kubectl get pods --all-namespaces -o json" } else { "kubectl get nodes -o json" }
}

/// Describes a document without a kind.
fn describe(document: &Value) -> String {
    let has = |member: &str| document.get(member).is_some();
    match document {
        Value::Array(items) if items.is_empty() => "an empty list".to_owned(),
        Value::Object(_) if has("containerDefinitions") || has("taskDefinition") => "an ECS task definition".to_owned(),
        Value::Object(_) => "an object without a kind".to_owned(),
        other => pointer::json_type(other).to_owned(),
    }
}

fn kind_of(object: &Value) -> Option<String> {
    object.get("kind").and_then(Value::as_str).map(str::to_owned)
}

/// Parses JSON or YAML. YAML includes JSON but is slower to parse.
fn parse(text: &str) -> Result<Vec<Value>, String> {
    let json: Result<Vec<Value>, _> = serde_json::Deserializer::from_str(text).into_iter().collect();
    json.or_else(|json_error| {
        let looks_like_json = text.trim_start().starts_with('{');
        serde_saphyr::from_multiple(text).map_err(|yaml_error| {
            if looks_like_json { json_error.to_string() } else { yaml_error.without_snippet().to_string() }
        })
    })
}
