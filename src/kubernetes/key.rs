//! Keys of objects and of groups of objects.

use std::fmt;

use kube::ResourceExt;
use kube::api::{ApiResource, DynamicObject};
use kube::runtime::reflector::ObjectRef;

/// Namespace and name of an object. Ordered by namespace, then name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey {
    /// Absent for cluster-scoped objects.
    pub namespace: Option<String>,
    /// `metadata.name`.
    pub name: String,
}

impl ObjectKey {
    /// Returns the key of a namespaced object.
    pub fn namespaced(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { namespace: Some(namespace.into()), name: name.into() }
    }

    /// Returns the key of an object.
    pub fn from_object(object: &impl ResourceExt) -> Self {
        Self { namespace: object.namespace(), name: object.name_any() }
    }

    /// Returns the key as a reference of kube's runtime, for stores and queues.
    #[must_use]
    pub fn to_ref(&self, resource: &ApiResource) -> ObjectRef<DynamicObject> {
        let reference = ObjectRef::new_with(&self.name, resource.clone());
        match &self.namespace {
            Some(namespace) => reference.within(namespace),
            None => reference,
        }
    }
}

impl From<&ObjectRef<DynamicObject>> for ObjectKey {
    fn from(reference: &ObjectRef<DynamicObject>) -> Self {
        Self { namespace: reference.namespace.clone(), name: reference.name.clone() }
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{namespace}/{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// Value of a secondary index of a [`Cache`](super::cache::Cache), such as "owner = this uid".
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IndexKey {
    /// Name of the index.
    pub index: &'static str,
    /// The indexed value.
    pub value: String,
}

impl IndexKey {
    /// Returns a value of the index of this name.
    pub fn new(index: &'static str, value: impl Into<String>) -> Self {
        Self { index, value: value.into() }
    }

    /// Returns the key of the objects whose controlling owner has this uid.
    pub fn owner(uid: impl Into<String>) -> Self {
        Self::new("owner", uid)
    }
}
