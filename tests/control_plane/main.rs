//! On a real control plane with simulated nodes: Kubernetes agrees with what the pure core decides.

#[path = "../support/mod.rs"]
mod support;

mod definitions;
mod errors;
mod rest;
mod revisions;
mod services;
mod survival;

use anyhow::Result;
use devcluster::Cluster;
use support::Bench;

/// One cluster serves all tests of this file, a namespace each.
async fn bench(prefix: &str) -> Result<Bench> {
    let cluster = devcluster::shared(Cluster::builder().simulated_nodes(3)).await?;
    Bench::new(cluster, prefix).await
}
