//! Runs Amazon ECS definitions on Kubernetes as they are.
//!
//! Modules, in the order in which a definition passes through them:
//!
//! - [`ecs`]: ECS as AWS defines it: shapes, lenient decoding, validation and rules.
//! - [`k8s`]: what Kubernetes defines: names, quantities, kinds, comparison of objects.
//! - [`api`]: the custom resources: ECS's shapes, a `kubernetes` block, a status.
//! - [`translate`]: ECS → Kubernetes objects, one file for each feature, with a verdict on every field.
//! - [`reconcile`]: desired and observed in; actions, status and events out.
//! - [`controllers`]: one file for each kind: read the cache, decide, run the actions.
//! - [`kubernetes`]: the client, watch, cache, apply, events, discovery.
//! - [`telemetry`]: logs, metrics, health.
//! - [`convert`] and [`report`]: files in; objects and a report out, without a cluster.
//! - [`cli`]: the subcommands.
//! - [`task_agent`], a separate crate: the program that runs inside tasks.
//!
//! ```text
//! files ─ convert ─┐
//! CRs ── cache ────┴─► ecs shapes ─► validate ─► translate ─► reconcile ─► actions ─► kubernetes
//!                                        └──── verdicts ────► report, status
//! ```
//!
//! Everything before `controllers` is pure: no clock, no client, no randomness, no environment. `tests/guards/imports.rs` checks it.

pub mod api;
pub mod cli;
pub mod controllers;
pub mod convert;
pub mod ecs;
pub mod k8s;
pub mod kubernetes;
pub mod reconcile;
pub mod report;
pub mod telemetry;
pub mod translate;
