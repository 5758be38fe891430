//! A service → a core Service for the ports of its tasks, and claims for its fields.

pub mod auto_scaling;
pub mod companions;
pub mod core_service;
pub mod deployment_configuration;
pub mod dns_advice;
pub mod field_verdicts;
pub mod load_balancers;
pub mod pod_disruption_budget;
pub mod pre_stop;
pub mod security_groups;
pub mod service_connect_configuration;
pub mod service_registries;
pub mod workload;

pub use core_service::core_service;
pub(super) use core_service::{add, of_mapping, service_port, service_ports};
pub use field_verdicts::claim;
