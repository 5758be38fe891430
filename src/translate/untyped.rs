//! Objects as JSON, such as those of add-ons, which have no type of their own here.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;
use serde_json::{Map, Value};

/// An object as JSON. Its API version and kind are known from where it goes.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Untyped {
    /// Its metadata.
    pub metadata: ObjectMeta,
    /// Its other members.
    #[serde(flatten)]
    pub body: Map<String, Value>,
}

impl Untyped {
    /// An object that has a spec and nothing else.
    pub(super) fn of_spec(metadata: ObjectMeta, spec: Value) -> Self {
        Self { metadata, body: [("spec".to_owned(), spec)].into_iter().collect() }
    }
}
