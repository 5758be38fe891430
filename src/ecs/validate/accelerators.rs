//! GPUs and other accelerators.

use super::{TaskRule, containers, requires};
use crate::ecs::finding::Finding;
use crate::ecs::pointer::Pointer;
use crate::ecs::task_definition::{Compatibility, ResourceRequirement, ResourceType, TaskDefinition};

pub(super) const RULES: &[TaskRule] =
    &[inference_accelerators, value_or_sharing, gpu_counts, neuron_devices, uniform_sharing, sharing_on_external];

fn requirements(task: &TaskDefinition) -> impl Iterator<Item = (Pointer, &ResourceRequirement)> {
    containers(task).flat_map(|(at, container)| {
        let at = at.key("resourceRequirements");
        container
            .resource_requirements
            .iter()
            .enumerate()
            .map(move |(position, requirement)| (at.index(position), requirement))
    })
}

fn requirements_of_type(
    task: &TaskDefinition,
    kind: ResourceType,
) -> impl Iterator<Item = (Pointer, &ResourceRequirement)> {
    requirements(task).filter(move |(_, requirement)| requirement.r#type == kind)
}

/// `inferenceAccelerators`: AWS has discontinued Elastic Inference. ECS rejects the field, and requirements of
/// containers that refer to it.
fn inference_accelerators(task: &TaskDefinition) -> Vec<Finding> {
    let at = Pointer::root().key("inferenceAccelerators");
    let task_wide = (!task.inference_accelerators.is_empty()).then_some(at);
    let required = requirements_of_type(task, ResourceType::InferenceAccelerator).map(|(at, _)| at);
    let message = "ECS rejects accelerators of Elastic Inference, which AWS has discontinued; remove them";
    let paths = task_wide.into_iter().chain(required);
    paths.map(|at| Finding::error(at, "inference-accelerators-ended", message)).collect()
}

/// `resourceRequirements[].value` is required, unless a GPU is shared.
fn value_or_sharing(task: &TaskDefinition) -> Vec<Finding> {
    requirements(task)
        .filter_map(|(at, requirement)| match (&requirement.value, &requirement.sharing_strategy) {
            (None, None) => {
                let message = "`value` is required: the number of devices, or ALL";
                Some(Finding::error(at.key("value"), "requirement-without-value", message))
            }
            (Some(_), Some(_)) => {
                let message = "`value` and `sharingStrategy` are mutually exclusive; remove one of them";
                Some(Finding::error(at.key("sharingStrategy"), "value-and-sharing", message))
            }
            _ => None,
        })
        .collect()
}

/// `resourceRequirements[].value` of a `GPU`: a number, or `ALL`.
fn gpu_counts(task: &TaskDefinition) -> Vec<Finding> {
    let is_count = |value: &str| value == "ALL" || value.parse::<u32>().is_ok_and(|count| count > 0);
    requirements_of_type(task, ResourceType::Gpu)
        .filter(|(_, requirement)| requirement.value.as_deref().is_some_and(|value| !is_count(value)))
        .map(|(at, _)| {
            let message = "expected a number of GPUs of at least 1, or ALL";
            Finding::error(at.key("value"), "invalid-gpu-count", message)
        })
        .collect()
}

/// `NeuronDevice`: one container of a task gets all devices.
fn neuron_devices(task: &TaskDefinition) -> Vec<Finding> {
    let values = requirements_of_type(task, ResourceType::NeuronDevice)
        .filter(|(_, requirement)| requirement.value.as_deref().is_some_and(|value| value != "ALL"))
        .map(|(at, _)| {
            let message = "a container gets all Neuron devices or none; set `value` to ALL";
            Finding::warning(at.key("value"), "invalid-neuron-count", message)
        });
    let seconds = requirements_of_type(task, ResourceType::NeuronDevice).skip(1).map(|(at, _)| {
        let message = "another container of the task already gets all Neuron devices; remove this requirement";
        Finding::warning(at, "second-neuron-container", message)
    });
    values.chain(seconds).collect()
}

/// `sharingStrategy`: the containers of a task all get whole GPUs, or all share one.
fn uniform_sharing(task: &TaskDefinition) -> Vec<Finding> {
    let gpus: Vec<_> = requirements_of_type(task, ResourceType::Gpu).collect();
    let Some((_, first)) = gpus.first() else { return Vec::new() };
    let is_shared = first.sharing_strategy.is_some();
    let others = gpus.iter().filter(|(_, requirement)| requirement.sharing_strategy.is_some() != is_shared);
    let message = "some containers of the task share a GPU and others get whole GPUs; use the same for all";
    others.map(|(at, _)| Finding::warning(at.clone(), "mixed-gpu-sharing", message)).collect()
}

/// `sharingStrategy`: not supported on external instances.
fn sharing_on_external(task: &TaskDefinition) -> Vec<Finding> {
    let shared = requirements(task).filter(|(_, requirement)| requirement.sharing_strategy.is_some());
    shared
        .filter(|_| requires(task, Compatibility::External))
        .map(|(at, _)| {
            let message = "`sharingStrategy` is not supported on EXTERNAL instances; remove it";
            Finding::warning(at.key("sharingStrategy"), "sharing-on-external", message)
        })
        .collect()
}
