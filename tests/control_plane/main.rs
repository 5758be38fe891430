//! On a real control plane with simulated nodes: Kubernetes agrees with what the pure core decides.

#[allow(dead_code, reason = "the tests on real nodes use the rest")]
#[path = "../support/mod.rs"]
mod support;

mod addons;
mod autoscaled;
mod capacity;
mod corpus;
mod definitions;
mod deployments;
mod errors;
mod front;
mod front_definitions;
mod isolation;
mod keda;
mod manifests;
mod placement;
mod policies;
mod pool;
mod rest;
mod revisions;
mod roles;
mod rollouts;
mod scaling;
mod services;
mod strategies;
mod survival;
mod zones;

use anyhow::Result;
use devcluster::{Cluster, NodeTemplate};
use support::Bench;

/// One cluster serves all tests of this file, a namespace each.
async fn bench(prefix: &str) -> Result<Bench> {
    // Room for all tests at once: what is tested here is not whether tasks fit.
    let nodes = NodeTemplate { cpu: "1k".to_owned(), memory: "4Ti".to_owned(), pods: 500, ..NodeTemplate::from(3) };
    let cluster = devcluster::shared(Cluster::builder().simulated_nodes(nodes)).await?;
    Bench::new(cluster, prefix).await
}
