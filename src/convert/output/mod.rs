//! Output of a conversion: custom resources, or plain Kubernetes manifests.

mod companions;
pub(super) mod custom_resources;
pub(super) mod manifest;
pub(super) mod manifests;
mod service_reference;
