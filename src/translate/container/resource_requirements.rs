//! `resourceRequirements` and `inferenceAccelerators` → extended resources, which device plugins provide.
//!
//! The names of the resources are those of NVIDIA's and of AWS's device plugin. A container requests a number of devices; it
//! cannot request all devices of the node.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::EnvVar;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::ecs::Pointer;
use crate::ecs::task_definition::{NvidiaMps, ResourceRequirement, ResourceType};
use crate::translate::context::ContainerSlot;
use crate::translate::{Code, RenderContext, VerdictRecorder};

/// Resource of NVIDIA's device plugin.
pub(crate) const GPU: &str = "nvidia.com/gpu";
/// Resource of the Neuron device plugin.
const NEURON: &str = "aws.amazon.com/neuron";

/// Returns the limits of a container. The limit of an extended resource is also its request.
pub(crate) fn limits(slot: &ContainerSlot<'_>, recorder: &mut VerdictRecorder) -> BTreeMap<String, Quantity> {
    let mut limits: BTreeMap<&str, u32> = BTreeMap::new();
    for (index, requirement) in slot.definition.resource_requirements.iter().enumerate() {
        let path = slot.at("resourceRequirements").index(index);
        if let Some((resource, count)) = render(slot, requirement, path, recorder) {
            *limits.entry(resource).or_default() += count;
        }
    }
    limits.into_iter().map(|(resource, count)| (resource.to_owned(), Quantity(count.to_string()))).collect()
}

fn render(
    slot: &ContainerSlot<'_>,
    requirement: &ResourceRequirement,
    path: Pointer,
    recorder: &mut VerdictRecorder,
) -> Option<(&'static str, u32)> {
    let (resource, plugin) = match requirement.r#type {
        ResourceType::Gpu => (GPU, "NVIDIA's device plugin"),
        ResourceType::NeuronDevice => (NEURON, "the Neuron device plugin"),
        ResourceType::InferenceAccelerator => {
            let message = "AWS has discontinued Elastic Inference, also on ECS: remove the requirement";
            recorder.unsupported(path, Code::AwsServiceDiscontinued, message);
            return None;
        }
    };
    let target = slot.becomes(&format!("resources/limits/{}", resource.replace('/', "~1")));
    if mps(requirement).is_some() {
        let message = "the task starts on nodes where NVIDIA's device plugin shares GPUs by MPS (sharing.mps); the container gets \
                       one part of a GPU within these limits, and a whole GPU on nodes that do not share";
        recorder.needs_addon(path, Code::DevicePluginNeeded, target, message);
        return Some((resource, 1));
    }
    let value = requirement.value.as_deref().unwrap_or_default();
    if let Some(count) = value.parse().ok().filter(|count| *count > 0) {
        let message = format!("the task starts on nodes where {plugin} provides {resource}");
        recorder.needs_addon(path, Code::DevicePluginNeeded, target, message);
        return Some((resource, count));
    }
    let message = format!(
        "the container gets one device, on nodes where {plugin} provides {resource}; ECS gives it all devices of the instance, \
         which Kubernetes cannot express: set the number that it needs"
    );
    recorder.needs_addon(path, Code::AllDevicesNotRequestable, target, message);
    Some((resource, 1))
}

fn mps(requirement: &ResourceRequirement) -> Option<&NvidiaMps> {
    requirement.sharing_strategy.as_ref()?.nvidia_mps.as_ref()
}

/// Returns the variables that limit a program to its part of a shared GPU (NVIDIA, "Multi-Process Service"), except those in
/// `existing`.
pub(crate) fn environment(slot: &ContainerSlot<'_>, existing: &[EnvVar]) -> Vec<EnvVar> {
    let Some(mps) = slot.definition.resource_requirements.iter().find_map(mps) else { return Vec::new() };
    let memory = ("CUDA_MPS_PINNED_DEVICE_MEM_LIMIT", format!("0={}M", mps.memory));
    let compute = mps.max_compute_percent.map(|percent| ("CUDA_MPS_ACTIVE_THREAD_PERCENTAGE", percent.to_string()));
    let variables = [Some(memory), compute].into_iter().flatten();
    variables
        .filter(|(name, _)| !existing.iter().any(|variable| variable.name == *name))
        .map(|(name, value)| EnvVar { name: name.to_owned(), value: Some(value), value_from: None })
        .collect()
}

/// Records the verdict on the accelerators of the task.
pub(crate) fn record(task: &RenderContext<'_>, recorder: &mut VerdictRecorder) {
    if !task.definition.inference_accelerators.is_empty() {
        let message = "AWS has discontinued Elastic Inference, also on ECS: remove the field";
        recorder.unsupported(Pointer::root().key("inferenceAccelerators"), Code::AwsServiceDiscontinued, message);
    }
}
