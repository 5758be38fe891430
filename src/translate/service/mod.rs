//! A service → a core Service for the ports of its tasks, and claims for its fields.

pub mod auto_scaling;
pub mod companion;
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
pub mod service_port;
pub mod service_registries;
pub mod workload;

pub use core_service::core_service;
pub use field_verdicts::claim;
pub(super) use service_port::{add, of_mapping, service_port, service_ports};
