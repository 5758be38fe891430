//! Task definition → Pod template.

pub mod container_names;
pub mod depends_on;
pub mod dns_servers;
pub mod enable_fault_injection;
pub mod ephemeral_storage;
pub mod external_secret;
pub mod extra_hosts;
pub mod features;
pub mod hostname;
pub mod ipc_mode;
pub mod network_mode;
pub mod pid_mode;
pub mod proxy_configuration;
pub mod runtime_platform;
pub mod system_controls;
pub mod tags;
pub mod task_role_arn;
pub mod trusted_execution_configuration;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, PodSchedulingGate, PodSpec, PodTemplateSpec, Toleration};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::api;
use crate::ecs::Pointer;
use crate::ecs::task_definition::DESCRIBE_ONLY;
use crate::translate::context::{ContainerKind, ContainerSlot, Membership};
use crate::translate::conversions::some_map;
use crate::translate::pod::features::{POD_FEATURES, PodInputs, PodParts};
use crate::translate::task_agent::init_container;
use crate::translate::{Capacity, RenderContext, VerdictRecorder, container};

/// Renders the Pod template of a task and records verdicts on the task definition's fields.
#[must_use]
pub fn template(
    task: &RenderContext<'_>,
    membership: &Membership<'_>,
    labels: BTreeMap<String, String>,
    recorder: &mut VerdictRecorder,
) -> PodTemplateSpec {
    record_identity(task, recorder);
    let slots = depends_on::layout(task);
    let pod = PodInputs { task, membership, slots: &slots, labels: &labels };
    // Service links would add addresses of Services to the environment of containers, which ECS does not do.
    let spec = PodSpec { enable_service_links: Some(false), ..PodSpec::default() };
    let mut parts = PodParts { spec, ..PodParts::default() };
    for feature in POD_FEATURES {
        (feature.render)(&pod, &mut parts, recorder);
    }
    let PodParts { annotations, spec } = parts;
    let metadata = ObjectMeta { labels: some_map(labels), annotations: some_map(annotations), ..ObjectMeta::default() };
    PodTemplateSpec { metadata: Some(metadata), spec: Some(spec) }
}

fn init_containers(pod: &PodInputs<'_>, recorder: &mut VerdictRecorder) -> Vec<Container> {
    if pod.slots.iter().any(ContainerSlot::is_supervised) {
        return vec![init_container::render(pod.task, pod.membership)];
    }
    containers(pod, |kind| !kind.is_main(), recorder)
}

fn containers(
    pod: &PodInputs<'_>,
    is_included: impl Fn(ContainerKind) -> bool,
    recorder: &mut VerdictRecorder,
) -> Vec<Container> {
    let slots = pod.slots.iter().filter(|slot| is_included(slot.kind));
    slots.map(|slot| container::render(pod.task, slot, recorder)).collect()
}

/// Gates the Pod until a capacity provider is chosen for it, if the strategy has several.
fn capacity_provider_strategy(task: &RenderContext<'_>, parts: &mut PodParts) {
    let Some(allocation) = task.capacity.and_then(Capacity::allocation) else { return };
    let selector = parts.spec.node_selector.clone().unwrap_or_default();
    parts
        .annotations
        .insert(api::annotations::CAPACITY_STRATEGY.to_owned(), allocation.without_labels(&selector).to_annotation());
    parts.spec.scheduling_gates = Some(vec![PodSchedulingGate { name: api::CAPACITY_GATE.to_owned() }]);
}

/// Records verdicts on the fields that identify the definition and on those that AWS only returns in descriptions.
fn record_identity(task: &RenderContext<'_>, recorder: &mut VerdictRecorder) {
    let root = Pointer::root();
    // Plain manifests contain no TaskDefinition: the family is a label, and the checks against compatibilities leave no trace.
    let name = task.task_definition_location("/metadata/name");
    recorder.exact(root.key("family"), name.unwrap_or_else(|| format!("{}#/metadata/labels", task.workload())));
    let compatibilities = root.key("requiresCompatibilities");
    recorder.exact_in(compatibilities, task.task_definition_location("/spec/requiresCompatibilities"));
    recorder.exact(root.key("kubernetes"), task.target);
    recorder.describe_only(&root, &DESCRIBE_ONLY);
}

/// Returns the labels that a node must have, from the capacity, the `kubernetes` block and `runtimePlatform`.
fn node_selector(task: &RenderContext<'_>, recorder: &mut VerdictRecorder) -> BTreeMap<String, String> {
    let mut selector = task.capacity.map(|capacity| capacity.selector().clone()).unwrap_or_default();
    // The task definition is more specific than the cluster, so it takes precedence.
    selector.extend(task.kubernetes.iter().flat_map(|k| k.node_selector.clone()));
    runtime_platform::select(task, &mut selector, recorder);
    selector
}

fn tolerations(task: &RenderContext<'_>) -> Vec<Toleration> {
    let of_capacity = task.capacity.map(Capacity::tolerations).unwrap_or_default();
    let of_task = task.kubernetes.into_iter().flat_map(|kubernetes| &kubernetes.tolerations);
    of_capacity
        .iter()
        .chain(of_task.filter(|toleration| !of_capacity.contains(toleration)))
        .map(Toleration::from)
        .collect()
}
