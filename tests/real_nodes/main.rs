//! On real kubelets and containerd: what containers really do.

#[allow(clippy::unwrap_used, reason = "it is a test, which clippy does not see here")]
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

/// The image of the tests: busybox under the name a definition asks for.
pub const IMAGE: &str = "example.test/busybox:1";

/// The shared cluster with two real nodes, and a namespace of the test's own; nothing where real nodes are impossible.
///
/// With `CI=true` a machine without real nodes is a failure: a layer is never passed in silence.
async fn bench(prefix: &str) -> Result<Option<Bench>> {
    if let Err(reason) = devcluster::prepare_real_nodes().and_then(|()| devcluster::real_nodes_possible()) {
        if std::env::var("CI").is_ok_and(|ci| ci == "true") {
            bail!("real nodes are not possible here: {reason}");
        }
        eprintln!("SKIPPED {prefix}: real nodes are not possible here: {reason}");
        return Ok(None);
    }
    // Autoscalers look at the metrics more often than by default, so that their tests wait less.
    let builder = Cluster::builder()
        .real_nodes(2)
        .metrics_server()
        .argument(Part::ControllerManager, "--horizontal-pod-autoscaler-sync-period=5s");
    let cluster = devcluster::shared(builder).await?;
    cluster.load_image(&Image::busybox(IMAGE)).await?;
    Ok(Some(Bench::new(cluster, prefix).await?))
}
