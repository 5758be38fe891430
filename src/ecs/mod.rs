//! ECS as AWS defines it, independent of Kubernetes.
//!
//! Start with [`task_definition`], [`service`], [`cluster`] and [`capacity`]: the wire shapes, named and nested as the ECS API has
//! them. [`decode`] reads JSON into a shape and tells everything that is wrong with it at once; [`validate`] then
//! checks what ECS itself checks at registration. Both speak in [`finding`]s.
//!
//! Nothing here waits, reads a clock or the environment, or touches a file.

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
