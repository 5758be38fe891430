//! `resourceRequirements` and `inferenceAccelerators` → extended resources, which device plugins offer.
//!
//! The names of the resources are those of NVIDIA's and of AWS's device plugin. A number is all that can be asked for: there
//! is no "all that the node has".

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::EnvVar;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::ecs::Pointer;
use crate::ecs::task_definition::{NvidiaMps, ResourceRequirement, ResourceType};
use crate::translate::context::ContainerSlot;
use crate::translate::{Code, RenderContext, VerdictRecorder};

/// The resource that NVIDIA's device plugin offers.
pub(crate) const GPU: &str = "nvidia.com/gpu";
const NEURON: &str = "aws.amazon.com/neuron";

/// The limits of a container; a limit on an extended resource is its request too.
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
            let message = "Elastic Inference has ended, on ECS too: remove the requirement";
            recorder.unsupported(path, Code::AwsServiceDiscontinued, message);
            return None;
        }
    };
    let target = slot.becomes(&format!("resources/limits/{}", resource.replace('/', "~1")));
    if mps(requirement).is_some() {
        let message = "the task starts on nodes where NVIDIA's device plugin shares GPUs by MPS (sharing.mps); the container gets \
                       one part of a GPU, within the limits given, and without sharing a whole one";
        recorder.needs_addon(path, Code::DevicePluginNeeded, target, message);
        return Some((resource, 1));
    }
    let value = requirement.value.as_deref().unwrap_or_default();
    if let Some(count) = value.parse().ok().filter(|count| *count > 0) {
        let message = format!("the task starts on nodes where {plugin} offers {resource}");
        recorder.needs_addon(path, Code::DevicePluginNeeded, target, message);
        return Some((resource, count));
    }
    let message = format!(
        "the container gets one device, on nodes where {plugin} offers {resource}; ECS gives it all of the instance, which \
         Kubernetes cannot say: write how many it needs"
    );
    recorder.needs_addon(path, Code::AllDevicesNotRequestable, target, message);
    Some((resource, 1))
}

fn mps(requirement: &ResourceRequirement) -> Option<&NvidiaMps> {
    requirement.sharing_strategy.as_ref()?.nvidia_mps.as_ref()
}

/// The variables by which a program that shares a GPU knows its part (NVIDIA, "Multi-Process Service").
pub(crate) fn environment(slot: &ContainerSlot<'_>, given: &[EnvVar]) -> Vec<EnvVar> {
    let Some(mps) = slot.definition.resource_requirements.iter().find_map(mps) else { return Vec::new() };
    let memory = ("CUDA_MPS_PINNED_DEVICE_MEM_LIMIT", format!("0={}M", mps.memory));
    let compute = mps.max_compute_percent.map(|percent| ("CUDA_MPS_ACTIVE_THREAD_PERCENTAGE", percent.to_string()));
    let variables = [Some(memory), compute].into_iter().flatten();
    variables
        .filter(|(name, _)| !given.iter().any(|variable| variable.name == *name))
        .map(|(name, value)| EnvVar { name: name.to_owned(), value: Some(value), value_from: None })
        .collect()
}

/// Claims the accelerators of the task.
pub(crate) fn record(task: &RenderContext<'_>, recorder: &mut VerdictRecorder) {
    if !task.definition.inference_accelerators.is_empty() {
        let message = "Elastic Inference has ended, on ECS too: remove the field";
        recorder.unsupported(Pointer::root().key("inferenceAccelerators"), Code::AwsServiceDiscontinued, message);
    }
}
