//! ECS as AWS defines it, independent of Kubernetes.
//!
//! Start with [`task_definition`], [`service`], [`cluster`] and [`capacity`]: the wire shapes, with the names and the
//! nesting of the ECS API. [`decode`] reads JSON into a shape and reports every mistake at once. [`validate`] then
//! checks the rules that ECS checks at registration. Both return [`finding`]s.
//!
//! All functions are pure: none waits, reads a clock or the environment, or accesses a file.

#![allow(clippy::doc_markdown, reason = "`kubectl explain` shows these texts, with product names as they are written")]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod arn;
pub mod capacity;
pub mod cluster;
pub mod common;
pub mod decode;
pub mod deployment;
pub mod fields;
pub mod finding;
pub mod placeholder;
pub mod placement;
pub mod pointer;
pub mod query;
mod redact;
pub mod scaling;
pub mod schedule;
pub mod secret_reference;
pub mod service;
pub mod task_definition;
pub mod task_definition_ref;
#[cfg(test)]
mod tests;
pub mod units;
pub mod validate;
pub mod zone_rebalancing;

pub use capacity::{AutoScalingGroupProvider, CapacityProvider};
pub use cluster::*;
pub use common::*;
pub use finding::{Finding, Findings, Severity};
pub use pointer::Pointer;
pub use service::*;
pub use task_definition::*;
pub use task_definition_ref::TaskDefinitionRef;
