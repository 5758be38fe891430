//! Objects and cached types for the tests of this module.

use kube::ResourceExt;
use kube::api::{ApiResource, DynamicObject, ObjectMeta};
use kube::core::{GroupVersionKind, Status};
use kube::runtime::watcher;
use serde_json::json;

use super::cache::{Cached, IndexKey, Meta};

/// Returns the resource of a fictitious kind.
pub fn resource() -> ApiResource {
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk("example.org", "v1", "Ship"), "ships")
}

/// Returns an object in the namespace `sea` with the uid `NAME-uid`.
pub fn object(name: &str, version: u64) -> DynamicObject {
    let mut object = DynamicObject::new(name, &resource()).within("sea");
    object.metadata = ObjectMeta {
        uid: Some(format!("{name}-uid")),
        resource_version: Some(version.to_string()),
        generation: Some(1),
        ..object.metadata
    };
    object
}

/// Returns an object with content, which is also its index key.
pub fn object_with_cargo(name: &str, version: u64, cargo: &str) -> DynamicObject {
    let mut object = object(name, version);
    object.data = json!({"cargo": cargo});
    object
}

/// A cached object.
#[derive(Debug, Clone, PartialEq)]
pub struct Ship {
    pub meta: Meta,
    pub cargo: String,
}

impl Ship {
    #[expect(clippy::needless_pass_by_value, reason = "the signature that a watch requires")]
    pub fn from_object(object: DynamicObject) -> Self {
        Self { meta: Meta::from(&object.metadata), cargo: object.data["cargo"].as_str().unwrap_or_default().to_owned() }
    }

    pub fn new(name: &str, version: u64, cargo: &str) -> Self {
        Self::from_object(object_with_cargo(name, version, cargo))
    }

    /// Sets another uid, as if the object had been deleted and created again.
    pub fn recreated(mut self, uid: &str) -> Self {
        self.meta.uid = uid.to_owned();
        self
    }
}

impl Cached for Ship {
    fn meta(&self) -> &Meta {
        &self.meta
    }

    fn index_keys(&self) -> Vec<IndexKey> {
        vec![IndexKey::new("cargo", &self.cargo)]
    }

    fn same_content(&self, other: &Self) -> bool {
        self.cargo == other.cargo
    }
}

/// Returns a failure of a watch with this HTTP status.
pub fn failure(code: u16) -> watcher::Error {
    watcher::Error::WatchError(Status::failure("message of the test", "Test").with_code(code).boxed())
}

/// Returns the name of an object.
pub fn name(object: &DynamicObject) -> String {
    object.name_any()
}
