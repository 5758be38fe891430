//! ECS definitions → Kubernetes objects: one file for each ECS feature, without clock, client or randomness.
//!
//! [`pod::template`] renders the Pod of a task definition, and [`service`] the workload of a service and its companion objects.
//! Each feature renders its objects and records verdicts on its fields in the [`VerdictRecorder`]. Fields without a verdict are
//! reported as not translated.

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
pub use verdicts::{Code, DESCRIBE_OUTPUT_MESSAGE, FieldVerdict, Verdict, VerdictRecorder};
