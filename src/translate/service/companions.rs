//! All that stands in front of and around the tasks of a service.

use crate::api::{ClusterKubernetes, ServiceSpec};
use crate::ecs::finding::{Finding, Findings, Severity};
use crate::ecs::{Pointer, validate};
use crate::translate::pod::network_mode;
use crate::translate::service::companion::Companion;
use crate::translate::service::{
    auto_scaling, load_balancers, pod_disruption_budget, security_groups, service_connect_configuration,
    service_registries,
};
use crate::translate::{ObjectContext, RenderContext, service};

/// The fields of a service that name ports of its tasks.
const FRONTS: [&str; 5] = [
    "loadBalancers",
    "serviceRegistries",
    "serviceConnectConfiguration",
    "vpcLatticeConfigurations",
    "gatewayConnectors",
];

/// The objects in the order in which they are to be made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Companions {
    /// What has to be there before a task is: the network is closed before there is one that must not have it, groups are
    /// given to Pods when they are made, and so are the gates by which they wait for their target group.
    pub before: Vec<Companion>,
    /// What can wait, and does not keep tasks from running when the server refuses it.
    pub after: Vec<Companion>,
}

/// Renders them for a task of a service; `cluster` is what Kubernetes knows of its cluster.
#[must_use]
pub fn render(task: &RenderContext<'_>, place: &ObjectContext<'_>, cluster: Option<&ClusterKubernetes>) -> Companions {
    let mut before: Vec<Companion> = Vec::new();
    before.extend(network_mode::network_policy(task, place).map(Companion::NetworkPolicy));
    before.extend(security_groups::network_policy(task, place, cluster).map(Companion::NetworkPolicy));
    before.extend(security_groups::eks_policy(task, place, cluster).map(Companion::SecurityGroupPolicy));
    let core = service::core_service(task, place).map(|core| Companion::CoreService(Box::new(core)));
    let fronts = load_balancers::render(task, place);
    let (bindings, mut after): (Vec<_>, Vec<_>) =
        fronts.into_iter().partition(|it| matches!(it, Companion::TargetGroupBinding(_)));
    if bindings.is_empty() {
        after.splice(0..0, core);
    } else {
        before.extend(core.into_iter().chain(bindings));
    }
    let named =
        service_registries::render(task, place).into_iter().chain(service_connect_configuration::render(task, place));
    after.extend(named.map(|service| Companion::CoreService(Box::new(service))));
    after.extend(service_connect_configuration::routes(task, place).into_iter().map(Companion::HttpRoute));
    let budget = task.service.and_then(|spec| pod_disruption_budget::render(&spec.ecs, place));
    after.extend(budget.map(Companion::DisruptionBudget));
    Companions { before, after }
}

/// The names besides its own that a service claims for core Services, each with the place that does.
#[must_use]
pub fn names(spec: &ServiceSpec) -> Vec<(Pointer, String)> {
    service_registries::names(spec).into_iter().chain(service_connect_configuration::claimed(&spec.ecs)).collect()
}

/// What cannot be together in the core Service of this name.
#[must_use]
pub fn clashes(task: &RenderContext<'_>, service: &str) -> Vec<Finding> {
    service_connect_configuration::clashes(task, service)
}

/// What is wrong between a service and the task definition that it runs, as far as it concerns what stands in front of the tasks.
#[must_use]
pub fn errors(task: &RenderContext<'_>, service: &str) -> Findings {
    let Some(spec) = task.service else { return Findings::default() };
    let of_ecs = validate::service_with_task_definition(&spec.ecs, task.definition).into_iter();
    let is_in_front =
        |finding: &Finding| FRONTS.iter().any(|field| Pointer::root().key(*field).is_prefix_of(&finding.path));
    let of_ecs = of_ecs.filter(|finding| finding.severity == Severity::Error && is_in_front(finding));
    of_ecs.chain(clashes(task, service)).collect()
}

/// Findings about what the `kubernetes` block says of them.
pub(crate) fn findings(spec: &ServiceSpec) -> Vec<Finding> {
    let of_traffic = load_balancers::findings(spec).into_iter().chain(service_registries::findings(spec));
    of_traffic.chain(auto_scaling::findings(spec)).collect()
}
