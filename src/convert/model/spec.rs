//! Spec of a definition, by its kind.

use serde_json::Value;

use crate::api::{CapacityProviderSpec, ClusterSpec, ServiceSpec, TaskDefinitionSpec};
use crate::ecs;
use crate::k8s::kinds::RootKind;
use crate::translate::examine::{self, Examined};
use crate::translate::{Mode, RenderProfile, VerdictRecorder, capacity, cluster, service};

/// Decoded spec of a definition.
#[derive(Debug)]
pub(in crate::convert) enum Spec {
    TaskDefinition(Box<TaskDefinitionSpec>),
    Service(Box<ServiceSpec>),
    Cluster(Box<ClusterSpec>),
    CapacityProvider(Box<CapacityProviderSpec>),
}

/// Decodes and validates a spec.
pub(super) fn examine(kind: RootKind, spec: Value) -> Examined<Spec> {
    match kind {
        RootKind::TaskDefinition => examine::task_definition(spec).map(|spec| Spec::TaskDefinition(Box::new(spec))),
        RootKind::Service => examine::service(spec).map(|spec| Spec::Service(Box::new(spec))),
        RootKind::Cluster => examine::cluster(spec).map(|spec| Spec::Cluster(Box::new(spec))),
        RootKind::CapacityProvider => {
            examine::capacity_provider(spec).map(|spec| Spec::CapacityProvider(Box::new(spec)))
        }
    }
}

impl Spec {
    /// Returns an error if services or strategies cannot find the definition by the object name `name`.
    pub(super) fn misnamed(&self, name: &str) -> Option<ecs::Finding> {
        match self {
            Self::TaskDefinition(spec) => examine::check_name(name, spec),
            Self::CapacityProvider(spec) => examine::check_provider_name(name, spec),
            Self::Service(_) | Self::Cluster(_) => None,
        }
    }

    /// Records the verdicts on the fields. A task definition is judged without a service.
    pub(super) fn record(&self, name: &str, profile: &RenderProfile, mode: Mode, recorder: &mut VerdictRecorder) {
        match self {
            Self::TaskDefinition(spec) => examine::record_task_definition(spec, name, profile, mode, recorder),
            Self::Service(spec) => service::record(spec, name, profile, mode, recorder),
            Self::Cluster(spec) => cluster::record(spec, name, mode, recorder),
            Self::CapacityProvider(spec) => capacity::record_provider(spec, name, recorder),
        }
    }
}
