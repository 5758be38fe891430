//! ECS → Kubernetes objects: one file for each ECS feature, no clock, no client, no randomness.
//!
//! [`pod::template`] renders a task definition's Pod, [`service`] what a service becomes around it. Each function renders
//! its feature and claims the fields it understood in the [`VerdictRecorder`]; what nobody claims is reported as not translated.

pub mod capacity;
pub mod cluster;
pub mod container;
pub mod context;
pub mod conversions;
pub mod examine;
pub mod firelens;
pub mod kubernetes_block;
pub mod metadata;
pub mod node_selector;
pub mod placement;
pub mod pod;
pub mod render_profile;
pub mod service;
pub mod target;
pub mod task_agent;
pub mod verdicts;
pub mod volumes;

pub use capacity::Capacity;
pub use context::{Mode, ObjectContext, RenderContext};
pub use render_profile::{EPOCH, RenderProfile, UnknownProfile};
pub use verdicts::{Code, FieldVerdict, Verdict, VerdictRecorder};
