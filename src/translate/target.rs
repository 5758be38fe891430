//! Locations in rendered objects for verdicts: `Deployment/web#` and a JSON pointer.

use crate::ecs;

/// Returns the kind of workload that runs the tasks of a service.
#[must_use]
pub fn workload_kind(service: &ecs::Service) -> &'static str {
    if service.is_daemon() { "DaemonSet" } else { "Deployment" }
}

/// Returns a location in the workload of a service.
#[must_use]
pub fn workload(service: &ecs::Service, name: &str, pointer: &str) -> String {
    format!("{}/{name}#{pointer}", workload_kind(service))
}

/// Returns the location of the Pod template of a service.
#[must_use]
pub fn pod_template(service: &ecs::Service, name: &str) -> String {
    workload(service, name, "/spec/template")
}
