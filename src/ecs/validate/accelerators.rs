//! Graphics processors and other accelerators.

use super::{TaskRule, containers, requires};
use crate::ecs::finding::Finding;
use crate::ecs::pointer::Pointer;
use crate::ecs::task_definition::{Compatibility, ResourceRequirement, ResourceType, TaskDefinition};

pub(super) const RULES: &[TaskRule] =
    &[inference_has_ended, value_or_sharing, gpu_counts, neuron_devices, sharing_alike, sharing_elsewhere];

fn requirements(task: &TaskDefinition) -> impl Iterator<Item = (Pointer, &ResourceRequirement)> {
    containers(task).flat_map(|(at, container)| {
        let at = at.key("resourceRequirements");
        container.resource_requirements.iter().enumerate().map(move |(position, given)| (at.index(position), given))
    })
}

fn of_type(task: &TaskDefinition, kind: ResourceType) -> impl Iterator<Item = (Pointer, &ResourceRequirement)> {
    requirements(task).filter(move |(_, given)| given.r#type == kind)
}

/// `inferenceAccelerators`: the service behind it has ended; ECS refuses the field as unsupported, and with it
/// whatever a container requires of it.
fn inference_has_ended(task: &TaskDefinition) -> Vec<Finding> {
    let at = Pointer::root().key("inferenceAccelerators");
    let task_wide = (!task.inference_accelerators.is_empty()).then_some(at);
    let required = of_type(task, ResourceType::InferenceAccelerator).map(|(at, _)| at);
    let message = "Elastic Inference has ended, and ECS refuses its accelerators; leave them out";
    let places = task_wide.into_iter().chain(required);
    places.map(|at| Finding::error(at, "inference-accelerators-ended", message)).collect()
}

/// `resourceRequirements[].value` is required, unless a GPU is shared.
fn value_or_sharing(task: &TaskDefinition) -> Vec<Finding> {
    requirements(task)
        .filter_map(|(at, given)| match (&given.value, &given.sharing_strategy) {
            (None, None) => {
                let message = "a requirement needs a value: how many are wanted, or ALL";
                Some(Finding::error(at.key("value"), "requirement-without-value", message))
            }
            (Some(_), Some(_)) => {
                let message = "a GPU is given whole or shared: leave out the value or the sharingStrategy";
                Some(Finding::error(at.key("sharingStrategy"), "value-and-sharing", message))
            }
            _ => None,
        })
        .collect()
}

/// `resourceRequirements[].value` of a `GPU`: how many, or `ALL`.
fn gpu_counts(task: &TaskDefinition) -> Vec<Finding> {
    let is_count = |value: &str| value == "ALL" || value.parse::<u32>().is_ok_and(|count| count > 0);
    of_type(task, ResourceType::Gpu)
        .filter(|(_, given)| given.value.as_deref().is_some_and(|value| !is_count(value)))
        .map(|(at, _)| {
            let message = "the value is a number of GPUs of at least 1, or ALL";
            Finding::error(at.key("value"), "invalid-gpu-count", message)
        })
        .collect()
}

/// `NeuronDevice`: one container of a task has all of them.
fn neuron_devices(task: &TaskDefinition) -> Vec<Finding> {
    let values = of_type(task, ResourceType::NeuronDevice)
        .filter(|(_, given)| given.value.as_deref().is_some_and(|value| value != "ALL"))
        .map(|(at, _)| {
            let message = "Neuron devices are given all together: the value is ALL";
            Finding::warning(at.key("value"), "invalid-neuron-count", message)
        });
    let seconds = of_type(task, ResourceType::NeuronDevice).skip(1).map(|(at, _)| {
        let message = "another container has all Neuron devices of the task already";
        Finding::warning(at, "second-neuron-container", message)
    });
    values.chain(seconds).collect()
}

/// `sharingStrategy`: the containers of a task have whole GPUs, or all of them share one.
fn sharing_alike(task: &TaskDefinition) -> Vec<Finding> {
    let shared = |given: &ResourceRequirement| given.sharing_strategy.is_some();
    let gpus: Vec<_> = of_type(task, ResourceType::Gpu).collect();
    let Some((_, first)) = gpus.first() else { return Vec::new() };
    let others = gpus.iter().filter(|(_, given)| shared(given) != shared(first));
    let message = "containers of one task have whole GPUs or share one; another container does the other";
    others.map(|(at, _)| Finding::warning(at.clone(), "mixed-gpu-sharing", message)).collect()
}

/// `sharingStrategy` is not for machines outside AWS.
fn sharing_elsewhere(task: &TaskDefinition) -> Vec<Finding> {
    let shared = requirements(task).filter(|(_, given)| given.sharing_strategy.is_some());
    shared
        .filter(|_| requires(task, Compatibility::External))
        .map(|(at, _)| {
            let message = "GPUs are not shared on EXTERNAL machines";
            Finding::warning(at.key("sharingStrategy"), "sharing-on-external", message)
        })
        .collect()
}
