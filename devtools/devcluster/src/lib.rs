//! A real Kubernetes for tests and demonstrations, on a bare machine.
//!
//! [`Cluster::builder`] starts etcd, the API server, the controller manager and the
//! scheduler as processes of this machine; nodes are simulated by kwok, or real ones
//! with kubelet and containerd in namespaces of their own (root on Debian only). The
//! programs are built from pinned Go modules when they are not there already. Nothing
//! of a cluster outlives the process that started it.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use devcluster::Cluster;
//!
//! let cluster = Cluster::builder().simulated_nodes(3).start().await?;
//! let client = cluster.client().await?;
//! let namespace = cluster.namespace("my-test").await?;
//! // …
//! cluster.stop().await?;
//! # Ok(()) }
//! ```
//!
//! A test binary with many tests keeps one cluster for all of them, see [`shared`].

mod cluster;
mod control_plane;
mod digest;
mod image;
mod keda;
mod kubeconfig;
mod log;
mod metrics_server;
mod nodes;
mod pki;
mod process;
mod progress;
mod real_nodes;
mod shared;
mod simulated_nodes;
mod state;
mod template;
mod tools;
mod wait;

pub use cluster::{Builder, Cluster, Part};
pub use image::{Base, Image, ImageFile};
pub use keda::keda_definitions;
pub use real_nodes::{possible as real_nodes_possible, prepare as prepare_real_nodes};
pub use shared::{SHARED_KUBECONFIG, shared};
pub use state::{Record, end, find, running};
pub use template::{CapacityType, NodeTemplate};
pub use tools::{Tool, kubernetes_version, prepare as prepare_tools};
pub use wait::{Seen, wait_for};
