//! Small objects and slim types for the tests of this room.

use kube::ResourceExt;
use kube::api::{ApiResource, DynamicObject, ObjectMeta};
use kube::core::{GroupVersionKind, Status};
use kube::runtime::watcher;
use serde_json::json;

use super::cache::{Cached, IndexKey, Meta};

/// A made-up kind.
pub fn resource() -> ApiResource {
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk("example.org", "v1", "Ship"), "ships")
}

/// An object in namespace `sea`, whose uid is `name-uid`.
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

/// The same with content, which is also what it is indexed by.
pub fn loaded(name: &str, version: u64, cargo: &str) -> DynamicObject {
    let mut object = object(name, version);
    object.data = json!({"cargo": cargo});
    object
}

/// A slim object.
#[derive(Debug, Clone, PartialEq)]
pub struct Ship {
    pub meta: Meta,
    pub cargo: String,
}

impl Ship {
    #[expect(clippy::needless_pass_by_value, reason = "the shape of a watch's `slim`")]
    pub fn of(object: DynamicObject) -> Self {
        Self { meta: Meta::of(&object.metadata), cargo: object.data["cargo"].as_str().unwrap_or_default().to_owned() }
    }

    pub fn new(name: &str, version: u64, cargo: &str) -> Self {
        Self::of(loaded(name, version, cargo))
    }

    /// Another life of the name.
    pub fn reborn(mut self, uid: &str) -> Self {
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

/// A failure of a watch with this HTTP status.
pub fn failure(code: u16) -> watcher::Error {
    watcher::Error::WatchError(Status::failure("told by the test", "Test").with_code(code).boxed())
}

/// The name of any object, for short assertions.
pub fn name(object: &DynamicObject) -> String {
    object.name_any()
}
