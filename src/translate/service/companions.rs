//! Companion objects of a service's workload: traffic, network policies and disruption budget.

use crate::api::{ClusterKubernetes, ServiceSpec};
use crate::ecs::finding::{Finding, Findings, Severity};
use crate::ecs::{Pointer, validate};
use crate::translate::service::companion::Companions;
use crate::translate::service::features::{CompanionInputs, SERVICE_FEATURES};
use crate::translate::service::{service_connect_configuration, service_registries};
use crate::translate::{ObjectContext, RenderContext};

/// Fields of a service that refer to ports of its tasks.
const TRAFFIC_FIELDS: [&str; 5] = [
    "loadBalancers",
    "serviceRegistries",
    "serviceConnectConfiguration",
    "vpcLatticeConfigurations",
    "gatewayConnectors",
];

/// Renders the companion objects of a service. `cluster` is the `kubernetes` block of its Cluster.
#[must_use]
pub fn render(
    task: &RenderContext<'_>,
    context: &ObjectContext<'_>,
    cluster: Option<&ClusterKubernetes>,
) -> Companions {
    let mut companions = Companions::default();
    let inputs = CompanionInputs { task, context, cluster };
    for feature in SERVICE_FEATURES {
        (feature.render)(&inputs, &mut companions);
    }
    companions
}

/// Returns the names of further core Services of a service, each with the path of the field that defines it.
#[must_use]
pub fn names(spec: &ServiceSpec) -> Vec<(Pointer, String)> {
    service_registries::names(spec).into_iter().chain(service_connect_configuration::service_names(&spec.ecs)).collect()
}

/// Returns findings about conflicting ports in the core Service of this name.
#[must_use]
pub fn port_conflicts(task: &RenderContext<'_>, service: &str) -> Vec<Finding> {
    service_connect_configuration::port_conflicts(task, service)
}

/// Returns errors in the traffic fields of a service with respect to its task definition.
#[must_use]
pub fn errors(task: &RenderContext<'_>, service: &str) -> Findings {
    let Some(spec) = task.service else { return Findings::default() };
    let findings = validate::service_with_task_definition(&spec.ecs, task.definition).into_iter();
    let concerns_traffic =
        |finding: &Finding| TRAFFIC_FIELDS.iter().any(|field| Pointer::root().key(*field).is_prefix_of(&finding.path));
    let errors = findings.filter(|finding| finding.severity == Severity::Error && concerns_traffic(finding));
    errors.chain(port_conflicts(task, service)).collect()
}

/// Returns findings about the `kubernetes` block of a service.
pub(crate) fn findings(spec: &ServiceSpec) -> Vec<Finding> {
    SERVICE_FEATURES.iter().flat_map(|feature| (feature.findings)(spec)).collect()
}
