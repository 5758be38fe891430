//! Verdicts on the fields of services and clusters that determine where tasks run.

use crate::api::labels;
use crate::ecs::capacity::{FARGATE, Strategy, is_fargate};
use crate::ecs::cluster::Cluster;
use crate::ecs::common::{CapacityProviderStrategyItem, LaunchType};
use crate::ecs::{self, Pointer};
use crate::k8s::names;
use crate::translate::capacity::object_name;
use crate::translate::{Code, Mode, VerdictRecorder, target};

/// Records verdicts on `launchType` and `capacityProviderStrategy` of a service.
pub fn record_service(service: &ecs::Service, name: &str, mode: Mode, recorder: &mut VerdictRecorder) {
    let template = target::workload(service, name, "/spec/template/spec");
    launch_type(service.launch_type, &template, recorder);
    let at = Pointer::root().key("capacityProviderStrategy");
    let items = &service.capacity_provider_strategy;
    let target = target::workload(service, name, "/spec/template/spec/nodeSelector");
    providers(items, &at, &target, mode, recorder);
    // A daemon has a task on each node of every provider.
    let divided = has_several_providers(items) && !service.is_daemon();
    for at in weights_and_bases(items, &at) {
        if divided {
            division(at, &template, None, mode, recorder);
        } else {
            recorder.exact(at, target.clone());
        }
    }
}

/// Returns the paths of every `weight` and `base` of a strategy.
fn weights_and_bases(items: &[CapacityProviderStrategyItem], at: &Pointer) -> Vec<Pointer> {
    let members = items.iter().enumerate().flat_map(|(position, item)| {
        [("weight", item.weight.is_some()), ("base", item.base.is_some())]
            .map(|(name, is_set)| (position, name, is_set))
    });
    members.filter(|(.., is_set)| *is_set).map(|(position, name, _)| at.index(position).key(name)).collect()
}

/// Records verdicts on `capacityProviders` and `defaultCapacityProviderStrategy` of a cluster.
pub fn record_cluster(cluster: &Cluster, name: &str, mode: Mode, recorder: &mut VerdictRecorder) {
    let root = Pointer::root();
    recorder.exact(root.key("capacityProviders"), format!("Cluster/{name}#/spec/capacityProviders"));
    let at = root.key("defaultCapacityProviderStrategy");
    let items = &cluster.default_capacity_provider_strategy;
    let target = "Deployment#/spec/template/spec/nodeSelector";
    providers(items, &at, target, mode, recorder);
    let divided = has_several_providers(items);
    for at in weights_and_bases(items, &at) {
        if divided {
            division(at, "Deployment#/spec/template/spec/affinity", Some(FOLLOWED), mode, recorder);
        } else {
            recorder.approximate(at, Code::DefaultStrategyFollowed, target, FOLLOWED);
        }
    }
}

/// Difference of the default strategy of a cluster.
const FOLLOWED: &str = "services without a strategy and a launch type follow the default when it changes; on ECS they keep the default \
                        that they were created with";

fn launch_type(launch_type: Option<LaunchType>, target: &str, recorder: &mut VerdictRecorder) {
    let at = Pointer::root().key("launchType");
    match launch_type {
        Some(LaunchType::Ec2) => recorder.exact(at, target),
        Some(LaunchType::Fargate) => {
            recorder.approximate(at, Code::RunsOnClusterNodes, target, fargate_message(FARGATE));
        }
        Some(LaunchType::External | LaunchType::ManagedInstances) => {
            let message = "the tasks run on the nodes of the cluster";
            recorder.approximate(at, Code::RunsOnClusterNodes, target, message);
        }
        None => {}
    }
}

fn fargate_message(provider: &str) -> String {
    format!(
        "the tasks run on Kubernetes nodes: on those that kubernetes.capacityProviders.{provider} of the Cluster selects, or on any node if \
         it selects none"
    )
}

/// Records verdicts on the names of providers.
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
            recorder.approximate(at, Code::RunsOnClusterNodes, target, fargate_message(name));
            continue;
        }
        let message = if mode.has_operator() {
            format!(
                "the tasks run on the nodes that the CapacityProvider {} in the same namespace selects, or the Cluster in \
                 kubernetes.capacityProviders.{name}: create one of the two; until then changes of the service are not deployed",
                object_name(name)
            )
        } else {
            format!(
                "the tasks run on nodes with the label {}={}, unless a CapacityProvider or a Cluster among the inputs selects other \
                 labels: label the nodes of this provider",
                labels::CAPACITY_PROVIDER,
                names::label_value(name)
            )
        };
        recorder.needs_addon(at, Code::CapacityProviderNeeded, target, message);
    }
}

/// True if tasks run on the nodes of more than one provider.
fn has_several_providers(items: &[CapacityProviderStrategyItem]) -> bool {
    let strategy = Strategy::new(items);
    (0..items.len()).filter(|position| strategy.is_used(*position)).count() > 1
}

/// Records the verdict on a weight or base among several providers. `difference` is a further difference.
fn division(at: Pointer, target: &str, difference: Option<&str>, mode: Mode, recorder: &mut VerdictRecorder) {
    let (code, message) = if mode.has_operator() {
        (
            Code::CapacityByOperator,
            "where the providers select different nodes, the operator assigns each new task a provider by base and weight; a task that is \
             created while the operator does not run waits for it",
        )
    } else {
        (
            Code::CapacityNotDivided,
            "the scheduler places the tasks on the nodes of all providers that have a base or a weight, and ignores base and weight: to \
             control the shares, create a service for each provider",
        )
    };
    let message = difference.map_or_else(|| message.to_owned(), |more| format!("{message}; {more}"));
    recorder.approximate(at, code, target, message);
}
