//! Tests of containers on real kubelets and containerd.

#[allow(clippy::unwrap_used, reason = "a module of a test, which clippy does not detect")]
#[path = "../../agent/tests/graphs/model.rs"]
mod model;
#[allow(dead_code, reason = "the tests of the control plane use the rest")]
#[path = "../support/mod.rs"]
mod support;

mod auto_scaling;
mod chart;
mod connection_draining;
mod container_lifecycle;
mod container_settings;
mod end_to_end;
mod environment;
mod examples;
mod log_router;
mod requests_through_rollouts;
mod task_agent;

use anyhow::{Result, bail};
use devcluster::{Cluster, Image, Part};
use support::Bench;

/// Image of the tests: busybox.
pub const IMAGE: &str = "example.test/busybox:1";

/// Returns a new namespace of the shared cluster with two real nodes, or none if the machine cannot run real nodes.
///
/// With `CI=true` this is an error instead, so that the tests are never skipped silently.
async fn bench(prefix: &str) -> Result<Option<Bench>> {
    if let Err(reason) = devcluster::prepare_real_nodes().and_then(|()| devcluster::real_nodes_possible()) {
        if std::env::var("CI").is_ok_and(|ci| ci == "true") {
            bail!("cannot run real nodes: {reason}");
        }
        eprintln!("SKIPPED {prefix}: cannot run real nodes: {reason}");
        return Ok(None);
    }
    // Shorter than the default of 15 s, so that tests of autoscalers wait less.
    let builder = Cluster::builder()
        .real_nodes(2)
        .metrics_server()
        .argument(Part::ControllerManager, "--horizontal-pod-autoscaler-sync-period=5s");
    let cluster = devcluster::shared(builder).await?;
    cluster.load_image(&Image::busybox(IMAGE)).await?;
    Ok(Some(Bench::new(cluster, prefix).await?))
}
