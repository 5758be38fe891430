//! Objects of Kubernetes in files, as kubectl prints them.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::convert::files;
use crate::ecs::pointer;

/// Why a file has no objects of the kind.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    /// It cannot be read.
    #[error("{}: {message}", .file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        message: String,
    },
    /// It is neither JSON nor YAML, or the objects lack what objects of their kind have.
    #[error("{}: this is not what `{}` prints: {message}", .file.display(), command(kind))]
    Malformed {
        /// The file.
        file: PathBuf,
        /// What was wanted.
        kind: &'static str,
        /// What is wrong.
        message: String,
    },
    /// It holds objects of other kinds only.
    #[error("{}: there is no {kind} in it, but {found}: give what `{}` prints", .file.display(), command(kind))]
    OtherKinds {
        /// The file.
        file: PathBuf,
        /// What was wanted.
        kind: &'static str,
        /// What is there instead.
        found: String,
    },
}

/// Reads the objects of a kind: one, several documents, or lists of them. An empty list has none.
pub(super) fn read<T: DeserializeOwned>(file: &Path, kind: &'static str) -> Result<Vec<T>, ReadError> {
    let unreadable = |message| ReadError::Unreadable { file: file.to_owned(), message };
    if file.is_dir() {
        return Err(unreadable("it is a folder; give one file".to_owned()));
    }
    let source = files::read(&[file.to_owned()]).pop();
    let text = source.map_or_else(|| Ok(String::new()), |source| source.text).map_err(unreadable)?;
    let malformed = |message| ReadError::Malformed { file: file.to_owned(), kind, message };
    let documents = parse(&text).map_err(malformed)?;
    let (mut found, mut others, mut lists) = (Vec::new(), Vec::new(), 0);
    for document in documents {
        let list_of =
            document.get("kind").and_then(Value::as_str).and_then(|kind| kind.strip_suffix("List")).map(str::to_owned);
        match (list_of, document) {
            (Some(of), Value::Object(mut list)) => {
                lists += usize::from(of.is_empty() || of == kind);
                let items = list.remove("items").and_then(|items| items.as_array().cloned()).unwrap_or_default();
                // The server leaves the kind out of the items of a list.
                let items = items.into_iter().map(|item| (kind_of(&item).unwrap_or_else(|| of.clone()), item));
                items.for_each(|(of, item)| if of == kind { found.push(item) } else { others.push(of) });
            }
            (_, document) => match kind_of(&document) {
                Some(of) if of == kind => found.push(document),
                Some(of) => others.push(of),
                None => others.push(without_kind(&document)),
            },
        }
    }
    if found.is_empty() && (lists == 0 || !others.is_empty()) {
        others.sort();
        others.dedup();
        let found = if others.is_empty() { "nothing at all".to_owned() } else { others.join(", ") };
        return Err(ReadError::OtherKinds { file: file.to_owned(), kind, found });
    }
    found
        .into_iter()
        .map(|object| serde_json::from_value(object).map_err(|error| malformed(error.to_string())))
        .collect()
}

/// What prints the objects of a kind.
fn command(kind: &str) -> &'static str {
    if kind == "Pod" { "kubectl get pods --all-namespaces -o json" } else { "kubectl get nodes -o json" }
}

/// What a document without a kind is called.
fn without_kind(document: &Value) -> String {
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

/// JSON or YAML, which includes it but is slower to read.
fn parse(text: &str) -> Result<Vec<Value>, String> {
    let json: Result<Vec<Value>, _> = serde_json::Deserializer::from_str(text).into_iter().collect();
    json.or_else(|as_json| {
        let looks_like_json = text.trim_start().starts_with('{');
        serde_saphyr::from_multiple(text).map_err(|as_yaml| {
            if looks_like_json { as_json.to_string() } else { as_yaml.without_snippet().to_string() }
        })
    })
}
