//! An object of any kind as JSON, for kinds that have no Rust type here, such as those of add-ons.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;
use serde_json::{Map, Value};

/// An object as JSON, without its API version and kind, which its [`ChildKind`](super::kinds::ChildKind) has.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct UntypedObject {
    /// The object's metadata.
    pub metadata: ObjectMeta,
    /// All other members.
    #[serde(flatten)]
    pub body: Map<String, Value>,
}

impl UntypedObject {
    /// Returns an object whose only member beside the metadata is `spec`.
    #[must_use]
    pub fn from_spec(metadata: ObjectMeta, spec: Value) -> Self {
        Self { metadata, body: [("spec".to_owned(), spec)].into_iter().collect() }
    }
}
