//! Instances that ECS itself launches for a cluster: which ones, and with what around them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ManagedStatus;
use crate::ecs::common::ecs_enum;

/// Instances that ECS itself launches.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ManagedInstancesProvider {
    /// IAM role by which ECS launches instances. Required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub infrastructure_role_arn: Option<String>,
    /// Instances to launch. Required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_launch_template: Option<InstanceLaunchTemplate>,
    /// Controls whether instances have the tags of the provider. Default: they have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub propagate_tags: Option<PropagateProviderTags>,
    /// Removal of underused instances.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub infrastructure_optimization: Option<InfrastructureOptimization>,
    /// Controls whether broken instances are replaced.
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
    /// The disk of an instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_configuration: Option<ManagedInstancesStorageConfiguration>,
    /// Disks that are part of the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local_storage_configuration: Option<ManagedInstancesLocalStorageConfiguration>,
    /// Interval of EC2's instance metrics. Default `BASIC`.
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
    /// Reservations that instances are launched in.
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
    /// Subnets, by id.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subnets: Vec<String>,
    /// Security groups, by id.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub security_groups: Vec<String>,
}

/// The disk of an instance.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ManagedInstancesStorageConfiguration {
    /// Its size in GiB, at least 1.
    #[serde(rename = "storageSizeGiB", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub storage_size_gib: Option<i32>,
}

/// Disks that are part of the host.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ManagedInstancesLocalStorageConfiguration {
    /// True if tasks have their data there. Default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub use_local_storage: Option<bool>,
}

/// Reservations that instances are launched in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CapacityReservations {
    /// Resource group of the reservations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reservation_group_arn: Option<String>,
    /// Controls whether there may be instances outside of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reservation_preference: Option<ReservationPreference>,
}

/// Removal of underused instances.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct InfrastructureOptimization {
    /// Seconds until they do, 0 to 3600; -1: never. Default: ECS decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -1, max = 3600))]
    pub scale_in_after: Option<i32>,
}

/// Controls whether broken instances are replaced.
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
    /// Makers of the CPU. Default: any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cpu_manufacturers: Vec<CpuManufacturer>,
    /// Memory in GiB for each vCPU.
    #[serde(rename = "memoryGiBPerVCpu", skip_serializing_if = "Option::is_none")]
    pub memory_gib_per_v_cpu: Option<DecimalRange>,
    /// Types that are not used; `*` stands for any characters. Excludes `allowedInstanceTypes`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub excluded_instance_types: Vec<String>,
    /// Generations. Default: any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub instance_generations: Vec<InstanceGeneration>,
    /// Maximum price of a spot instance above the cheapest type, in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spot_max_price_percentage_over_lowest_price: Option<i32>,
    /// Maximum price of an on-demand instance above the cheapest type, in percent. Default 20.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_demand_max_price_percentage_over_lowest_price: Option<i32>,
    /// Hosts without a hypervisor. Default `excluded`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bare_metal: Option<Inclusion>,
    /// Types with CPU credits. Default `excluded`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub burstable_performance: Option<Inclusion>,
    /// True if instances have to be able to hibernate. Default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require_hibernate_support: Option<bool>,
    /// Number of network interfaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_interface_count: Option<WholeRange>,
    /// Types with disks that are part of the host. Default `included`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local_storage: Option<Inclusion>,
    /// Kinds of such disks. Default: any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub local_storage_types: Vec<LocalStorageType>,
    /// Size of such disks together, in GB.
    #[serde(rename = "totalLocalStorageGB", skip_serializing_if = "Option::is_none")]
    pub total_local_storage_gb: Option<DecimalRange>,
    /// Bandwidth to EBS in Mbit/s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline_ebs_bandwidth_mbps: Option<WholeRange>,
    /// Kinds of accelerators. Default: any, or none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub accelerator_types: Vec<AcceleratorType>,
    /// Number of accelerators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accelerator_count: Option<WholeRange>,
    /// Makers of the accelerators. Default: any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub accelerator_manufacturers: Vec<AcceleratorManufacturer>,
    /// Models of the accelerators. Default: any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub accelerator_names: Vec<AcceleratorName>,
    /// Memory of the accelerators together, in MiB.
    #[serde(rename = "acceleratorTotalMemoryMiB", skip_serializing_if = "Option::is_none")]
    pub accelerator_total_memory_mib: Option<WholeRange>,
    /// Bandwidth of the network in Gbit/s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_bandwidth_gbps: Option<DecimalRange>,
    /// The only types that are used; `*` stands for any characters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_instance_types: Vec<String>,
    /// Most that a spot instance may cost, in percent of the best on-demand one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_spot_price_as_percentage_of_optimal_on_demand_price: Option<i32>,
}

/// Bounds of a whole number.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct WholeRange {
    /// The least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<i32>,
    /// The most. Default: no bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<i32>,
}

/// Bounds of a number.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct DecimalRange {
    /// The least. Default: no bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// The most. Default: no bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
}

ecs_enum! {
    /// Controls whether instances have the tags of the provider.
    pub enum PropagateProviderTags {
        /// They have.
        #[default]
        CapacityProvider = "CAPACITY_PROVIDER",
        /// They have none.
        None = "NONE",
    }
}

ecs_enum! {
    /// Interval of EC2's instance metrics.
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
        /// By their time.
        #[default]
        OnDemand = "ON_DEMAND",
        /// Less, as AWS may take them back.
        Spot = "SPOT",
        /// By reservations.
        Reserved = "RESERVED",
    }
}

ecs_enum! {
    /// Controls whether there may be instances outside of reservations.
    pub enum ReservationPreference {
        /// None.
        #[default]
        ReservationsOnly = "RESERVATIONS_ONLY",
        /// Only after the reservations are used up.
        ReservationsFirst = "RESERVATIONS_FIRST",
        /// Only such.
        ReservationsExcluded = "RESERVATIONS_EXCLUDED",
    }
}

ecs_enum! {
    /// Maker of a CPU.
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
    /// Generation of types.
    pub enum InstanceGeneration {
        /// Those that AWS recommends.
        #[default]
        Current = "current",
        /// Those before.
        Previous = "previous",
    }
}

ecs_enum! {
    /// Controls whether types with a property are used.
    pub enum Inclusion {
        /// With or without.
        #[default]
        Included = "included",
        /// Only with.
        Required = "required",
        /// Only without.
        Excluded = "excluded",
    }
}

ecs_enum! {
    /// Kind of a disk.
    pub enum LocalStorageType {
        /// Spinning.
        #[default]
        Hdd = "hdd",
        /// Solid.
        Ssd = "ssd",
    }
}

ecs_enum! {
    /// Kind of an accelerator.
    pub enum AcceleratorType {
        /// Graphics processor.
        #[default]
        Gpu = "gpu",
        /// Programmable gates.
        Fpga = "fpga",
        /// Inference chip.
        Inference = "inference",
    }
}

ecs_enum! {
    /// Maker of an accelerator.
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
