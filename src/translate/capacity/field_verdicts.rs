//! What becomes of the fields of a service and of a cluster that say where tasks run.

use crate::api::labels;
use crate::ecs::capacity::{FARGATE, Strategy, is_fargate};
use crate::ecs::cluster::Cluster;
use crate::ecs::common::{CapacityProviderStrategyItem, LaunchType};
use crate::ecs::{self, Pointer};
use crate::k8s::names;
use crate::translate::capacity::object_name;
use crate::translate::{Code, Mode, VerdictRecorder, target};

/// Claims what a service says of where its tasks run.
pub fn claim_service(service: &ecs::Service, name: &str, mode: Mode, recorder: &mut VerdictRecorder) {
    let template = target::workload(service, name, "/spec/template/spec");
    launch_type(service.launch_type, &template, recorder);
    let at = Pointer::root().key("capacityProviderStrategy");
    let items = &service.capacity_provider_strategy;
    let target = target::workload(service, name, "/spec/template/spec/nodeSelector");
    providers(items, &at, &target, mode, recorder);
    // A daemon is on each node of any of them.
    let divided = is_divided(items) && !service.is_daemon();
    for (position, item) in items.iter().enumerate() {
        for (member, given) in [("weight", item.weight.is_some()), ("base", item.base.is_some())] {
            let at = at.index(position).key(member);
            match (given, divided) {
                (false, _) => {}
                (true, true) => divide(at, &template, None, mode, recorder),
                (true, false) => recorder.exact(at, target.clone()),
            }
        }
    }
}

/// Claims what a cluster says of where its tasks run.
pub fn claim_cluster(cluster: &Cluster, name: &str, mode: Mode, recorder: &mut VerdictRecorder) {
    let root = Pointer::root();
    recorder.exact(root.key("capacityProviders"), format!("Cluster/{name}#/spec/capacityProviders"));
    let at = root.key("defaultCapacityProviderStrategy");
    let items = &cluster.default_capacity_provider_strategy;
    let target = "Deployment#/spec/template/spec/nodeSelector";
    providers(items, &at, target, mode, recorder);
    let divided = is_divided(items);
    for (position, item) in items.iter().enumerate() {
        for (member, given) in [("weight", item.weight.is_some()), ("base", item.base.is_some())] {
            let at = at.index(position).key(member);
            match (given, divided) {
                (false, _) => {}
                (true, true) => divide(at, "Deployment#/spec/template/spec/affinity", Some(FOLLOWED), mode, recorder),
                (true, false) => recorder.approximate(at, Code::DefaultStrategyFollowed, target, FOLLOWED),
            }
        }
    }
}

/// What is different about the default of a cluster.
const FOLLOWED: &str = "services that give no strategy and no launch type follow the default when it changes; on ECS they keep the one that \
                        they were created with";

fn launch_type(given: Option<LaunchType>, target: &str, recorder: &mut VerdictRecorder) {
    let at = Pointer::root().key("launchType");
    match given {
        Some(LaunchType::Ec2) => recorder.exact(at, target),
        Some(LaunchType::Fargate) => {
            recorder.approximate(at, Code::RunsOnClusterNodes, target, of_fargate(FARGATE));
        }
        Some(LaunchType::External | LaunchType::ManagedInstances) => {
            let message = "the tasks run on the cluster's own nodes";
            recorder.approximate(at, Code::RunsOnClusterNodes, target, message);
        }
        None => {}
    }
}

fn of_fargate(provider: &str) -> String {
    format!(
        "the tasks run on the cluster's own nodes: on those that its Cluster selects in kubernetes.capacityProviders.{provider}, or on any \
         of them where it selects none"
    )
}

/// The names of providers.
fn providers(
    items: &[CapacityProviderStrategyItem],
    at: &Pointer,
    target: &str,
    mode: Mode,
    recorder: &mut VerdictRecorder,
) {
    for (position, item) in items.iter().enumerate() {
        let (at, name) = (at.index(position).key("capacityProvider"), item.capacity_provider.as_str());
        if is_fargate(name) {
            recorder.approximate(at, Code::RunsOnClusterNodes, target, of_fargate(name));
            continue;
        }
        let message = if mode.has_operator() {
            format!(
                "the tasks run on the nodes that the CapacityProvider {} of the same namespace stands for, or that the Cluster selects in \
                 kubernetes.capacityProviders.{name}; without either, nothing of the service changes",
                object_name(name)
            )
        } else {
            format!(
                "unless a CapacityProvider or a Cluster among the inputs says other labels, the tasks run on nodes with the label {}={}: \
                 give it to the nodes of this provider",
                labels::CAPACITY_PROVIDER,
                names::label_value(name)
            )
        };
        recorder.needs_addon(at, Code::CapacityProviderNeeded, target, message);
    }
}

/// Whether tasks go to more than one provider.
fn is_divided(items: &[CapacityProviderStrategyItem]) -> bool {
    let strategy = Strategy::new(items);
    (0..items.len()).filter(|position| strategy.is_used(*position)).count() > 1
}

/// `besides` is what is different too.
fn divide(at: Pointer, target: &str, besides: Option<&str>, mode: Mode, recorder: &mut VerdictRecorder) {
    let whole = |message: &str| besides.map_or_else(|| message.to_owned(), |more| format!("{message}; {more}"));
    if mode.has_operator() {
        let message = "the operator gives each task its provider by base and weight when it is made, where the providers stand for different \
                       nodes: a task that is made while the operator does not run waits for it";
        return recorder.approximate(at, Code::CapacityByOperator, target, whole(message));
    }
    let message = "the tasks run on the nodes of all providers that have a base or a weight, wherever the scheduler finds room, and are not \
                   counted out by base and weight: make a service for each provider, with a share of the tasks, where that matters";
    recorder.approximate(at, Code::CapacityNotDivided, target, whole(message));
}
