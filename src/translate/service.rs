//! A service → a core Service for the ports of its tasks, and claims for its fields.

mod claims;
mod core_service;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::fields::some_map;
use super::metadata::Identity;
use super::tags;
use crate::ecs::service::Tag;

pub use claims::claim;
pub use core_service::core_service;
pub(super) use core_service::{add, of_mapping, service_port, service_ports};

/// A service's task definition revision, as `family:revision`, and the namespace and labels of its objects.
#[derive(Clone, Copy, Debug)]
pub struct Placement<'a> {
    /// The namespace of the service and of all its objects.
    pub namespace: Option<&'a str>,
    /// Who the objects belong to.
    pub identity: Identity<'a>,
    /// `family:revision`.
    pub task_definition: &'a str,
    /// The revision's number.
    pub revision: i64,
    /// The tags of the service.
    pub tags: &'a [Tag],
}

impl Placement<'_> {
    /// The metadata of an object of the service.
    pub(super) fn metadata(&self, name: impl Into<String>) -> ObjectMeta {
        ObjectMeta {
            name: Some(name.into()),
            namespace: self.namespace.map(str::to_owned),
            labels: some_map(self.identity.labels()),
            annotations: some_map(tags::annotations(self.tags)),
            ..ObjectMeta::default()
        }
    }
}
