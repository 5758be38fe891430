//! Instances that ECS launches for a cluster.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ManagedStatus;
use crate::ecs::common::ecs_enum;

/// Instances that ECS launches.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ManagedInstancesProvider {
    /// IAM role that ECS uses to launch instances. Required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub infrastructure_role_arn: Option<String>,
    /// Instances to launch. Required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_launch_template: Option<InstanceLaunchTemplate>,
    /// Propagation of the tags of the provider to instances. Default: no tags.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub propagate_tags: Option<PropagateProviderTags>,
    /// Removal of underused instances.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub infrastructure_optimization: Option<InfrastructureOptimization>,
    /// Replacement of unhealthy instances.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_repair_configuration: Option<AutoRepairConfiguration>,
}

/// Instances to launch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct InstanceLaunchTemplate {
    /// Instance profile of the instances. Required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ec2_instance_profile_arn: Option<String>,
    /// Subnets and security groups of the instances. Required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_configuration: Option<ManagedInstancesNetworkConfiguration>,
    /// Disk of an instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_configuration: Option<ManagedInstancesStorageConfiguration>,
    /// Instance store volumes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local_storage_configuration: Option<ManagedInstancesLocalStorageConfiguration>,
    /// Interval of the instance metrics of EC2. Default `BASIC`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monitoring: Option<ManagedInstancesMonitoring>,
    /// Purchase option of instances. Default `ON_DEMAND`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity_option_type: Option<CapacityOptionType>,
    /// True if an instance can read its tags from its metadata. Default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_metadata_tags_propagation: Option<bool>,
    /// Requirements on instance types. Default: types that fit the tasks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_requirements: Option<InstanceRequirements>,
    /// True if instances use cryptography validated by FIPS 140. Default false, true in `GovCloud`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fips_enabled: Option<bool>,
    /// Capacity reservations for the launch of instances.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity_reservations: Option<CapacityReservations>,
    /// True if instances can have Nitro enclaves. Default false. Excludes local storage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nitro_enclaves_enabled: Option<bool>,
}

/// Subnets and security groups of the instances.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ManagedInstancesNetworkConfiguration {
    /// IDs of subnets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subnets: Vec<String>,
    /// IDs of security groups.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub security_groups: Vec<String>,
}

/// Disk of an instance.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ManagedInstancesStorageConfiguration {
    /// Size in GiB, at least 1.
    #[serde(rename = "storageSizeGiB", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub storage_size_gib: Option<i32>,
}

/// Instance store volumes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ManagedInstancesLocalStorageConfiguration {
    /// True if tasks store their data on instance store volumes. Default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub use_local_storage: Option<bool>,
}

/// Capacity reservations for the launch of instances.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CapacityReservations {
    /// Resource group of the reservations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reservation_group_arn: Option<String>,
    /// Use of instances outside the reservations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reservation_preference: Option<ReservationPreference>,
}

/// Removal of underused instances.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct InfrastructureOptimization {
    /// Seconds until the removal, 0 to 3600; -1 for never. Default: ECS decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -1, max = 3600))]
    pub scale_in_after: Option<i32>,
}

/// Replacement of unhealthy instances.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AutoRepairConfiguration {
    /// State of automatic repair.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actions_status: Option<ManagedStatus>,
}

/// Requirements on instance types.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct InstanceRequirements {
    /// Number of vCPUs. Required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub v_cpu_count: Option<WholeRange>,
    /// Memory in MiB. Required.
    #[serde(rename = "memoryMiB", skip_serializing_if = "Option::is_none")]
    pub memory_mib: Option<WholeRange>,
    /// Manufacturers of the CPU. Default: any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cpu_manufacturers: Vec<CpuManufacturer>,
    /// Memory in GiB per vCPU.
    #[serde(rename = "memoryGiBPerVCpu", skip_serializing_if = "Option::is_none")]
    pub memory_gib_per_v_cpu: Option<DecimalRange>,
    /// Instance types that are not used; `*` matches any characters. Excludes `allowedInstanceTypes`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub excluded_instance_types: Vec<String>,
    /// Generations of instance types. Default: any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub instance_generations: Vec<InstanceGeneration>,
    /// Maximum price of a spot instance above the cheapest type, in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spot_max_price_percentage_over_lowest_price: Option<i32>,
    /// Maximum price of an on-demand instance above the cheapest type, in percent. Default 20.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_demand_max_price_percentage_over_lowest_price: Option<i32>,
    /// Bare metal types. Default `excluded`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bare_metal: Option<Inclusion>,
    /// Burstable types, with CPU credits. Default `excluded`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub burstable_performance: Option<Inclusion>,
    /// True if instances must support hibernation. Default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require_hibernate_support: Option<bool>,
    /// Number of network interfaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_interface_count: Option<WholeRange>,
    /// Types with instance store volumes. Default `included`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local_storage: Option<Inclusion>,
    /// Types of instance store volumes. Default: any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub local_storage_types: Vec<LocalStorageType>,
    /// Total size of instance store volumes, in GB.
    #[serde(rename = "totalLocalStorageGB", skip_serializing_if = "Option::is_none")]
    pub total_local_storage_gb: Option<DecimalRange>,
    /// Bandwidth to EBS in Mbit/s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline_ebs_bandwidth_mbps: Option<WholeRange>,
    /// Types of accelerators. Default: any, or none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub accelerator_types: Vec<AcceleratorType>,
    /// Number of accelerators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accelerator_count: Option<WholeRange>,
    /// Manufacturers of the accelerators. Default: any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub accelerator_manufacturers: Vec<AcceleratorManufacturer>,
    /// Models of the accelerators. Default: any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub accelerator_names: Vec<AcceleratorName>,
    /// Total memory of the accelerators, in MiB.
    #[serde(rename = "acceleratorTotalMemoryMiB", skip_serializing_if = "Option::is_none")]
    pub accelerator_total_memory_mib: Option<WholeRange>,
    /// Bandwidth of the network in Gbit/s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_bandwidth_gbps: Option<DecimalRange>,
    /// Only instance types that are used; `*` matches any characters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_instance_types: Vec<String>,
    /// Maximum price of a spot instance, in percent of the optimal on-demand price.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_spot_price_as_percentage_of_optimal_on_demand_price: Option<i32>,
}

/// Range of an integer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct WholeRange {
    /// Minimum.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<i32>,
    /// Maximum. Default: no bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<i32>,
}

/// Range of a number.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct DecimalRange {
    /// Minimum. Default: no bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// Maximum. Default: no bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
}

ecs_enum! {
    /// Propagation of the tags of the provider to instances.
    pub enum PropagateProviderTags {
        /// Instances get the tags.
        #[default]
        CapacityProvider = "CAPACITY_PROVIDER",
        /// Instances get no tags.
        None = "NONE",
    }
}

ecs_enum! {
    /// Interval of the instance metrics of EC2.
    pub enum ManagedInstancesMonitoring {
        /// Every five minutes.
        #[default]
        Basic = "BASIC",
        /// Every minute.
        Detailed = "DETAILED",
    }
}

ecs_enum! {
    /// Purchase option of instances.
    pub enum CapacityOptionType {
        /// On-demand instances.
        #[default]
        OnDemand = "ON_DEMAND",
        /// Spot instances, which AWS may reclaim.
        Spot = "SPOT",
        /// Instances of capacity reservations.
        Reserved = "RESERVED",
    }
}

ecs_enum! {
    /// Use of instances outside capacity reservations.
    pub enum ReservationPreference {
        /// Only instances of reservations.
        #[default]
        ReservationsOnly = "RESERVATIONS_ONLY",
        /// Other instances only after all reservations are used.
        ReservationsFirst = "RESERVATIONS_FIRST",
        /// Only instances outside reservations.
        ReservationsExcluded = "RESERVATIONS_EXCLUDED",
    }
}

ecs_enum! {
    /// Manufacturer of a CPU.
    pub enum CpuManufacturer {
        /// Intel.
        #[default]
        Intel = "intel",
        /// AMD.
        Amd = "amd",
        /// AWS (Graviton).
        AmazonWebServices = "amazon-web-services",
    }
}

ecs_enum! {
    /// Generation of instance types.
    pub enum InstanceGeneration {
        /// Current generation, which AWS recommends.
        #[default]
        Current = "current",
        /// Previous generations.
        Previous = "previous",
    }
}

ecs_enum! {
    /// Use of instance types with a property.
    pub enum Inclusion {
        /// Types with or without the property.
        #[default]
        Included = "included",
        /// Only types with the property.
        Required = "required",
        /// Only types without the property.
        Excluded = "excluded",
    }
}

ecs_enum! {
    /// Type of a disk.
    pub enum LocalStorageType {
        /// Hard disk drive.
        #[default]
        Hdd = "hdd",
        /// Solid-state drive.
        Ssd = "ssd",
    }
}

ecs_enum! {
    /// Type of an accelerator.
    pub enum AcceleratorType {
        /// GPU.
        #[default]
        Gpu = "gpu",
        /// FPGA.
        Fpga = "fpga",
        /// Inference chip.
        Inference = "inference",
    }
}

ecs_enum! {
    /// Manufacturer of an accelerator.
    pub enum AcceleratorManufacturer {
        /// AWS.
        #[default]
        AmazonWebServices = "amazon-web-services",
        /// AMD.
        Amd = "amd",
        /// NVIDIA.
        Nvidia = "nvidia",
        /// Xilinx.
        Xilinx = "xilinx",
        /// Habana.
        Habana = "habana",
    }
}

ecs_enum! {
    /// Model of an accelerator.
    pub enum AcceleratorName {
        /// NVIDIA A100.
        #[default]
        A100 = "a100",
        /// AWS Inferentia.
        Inferentia = "inferentia",
        /// NVIDIA GRID K520.
        K520 = "k520",
        /// NVIDIA K80.
        K80 = "k80",
        /// NVIDIA M60.
        M60 = "m60",
        /// AMD Radeon Pro V520.
        RadeonProV520 = "radeon-pro-v520",
        /// NVIDIA T4.
        T4 = "t4",
        /// Xilinx VU9P.
        Vu9p = "vu9p",
        /// NVIDIA V100.
        V100 = "v100",
        /// NVIDIA A10G.
        A10g = "a10g",
        /// NVIDIA H100.
        H100 = "h100",
        /// NVIDIA T4G.
        T4g = "t4g",
    }
}
