//! Accelerators of a container.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ecs::common::ecs_enum;

/// Accelerator that a container requires.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourceRequirement {
    /// `GPU`: the number, or `ALL`. `NeuronDevice`: `ALL`. `InferenceAccelerator`: the name of the device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Type of the accelerator.
    pub r#type: ResourceType,
    /// Sharing of a GPU with other containers, instead of `value`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sharing_strategy: Option<SharingStrategy>,
}

ecs_enum! {
    /// Type of the accelerator.
    pub enum ResourceType {
        /// GPU.
        #[default]
        Gpu = "GPU",
        /// Elastic Inference accelerator. AWS has discontinued the service.
        InferenceAccelerator = "InferenceAccelerator",
        /// AWS Inferentia or Trainium device.
        NeuronDevice = "NeuronDevice",
    }
}

/// Sharing of an accelerator.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SharingStrategy {
    /// Sharing through the NVIDIA Multi-Process Service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nvidia_mps: Option<NvidiaMps>,
}

/// Share of a GPU through the NVIDIA Multi-Process Service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NvidiaMps {
    /// GPU memory in MiB, at least 1.
    #[schemars(range(min = 1))]
    pub memory: i32,
    /// Maximum share of the compute capacity, in percent, 1 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub max_compute_percent: Option<i32>,
}
