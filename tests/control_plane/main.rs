//! On a real control plane with simulated nodes: Kubernetes agrees with what the pure core decides.

#[allow(dead_code, reason = "the tests on real nodes use the rest")]
#[path = "../support/mod.rs"]
mod support;

mod add_ons;
mod auto_scaling;
mod autoscaling_load;
mod capacity_providers;
mod corpus;
mod deployments;
mod keda_objects;
mod missing_prerequisites;
mod no_network;
mod operator_restart;
mod placement_constraints;
mod placement_strategies;
mod plain_manifests;
mod quiet_at_rest;
mod resource_definitions;
mod revisions;
mod rollouts;
mod services;
mod task_roles;
mod traffic_objects;
mod zone_rebalancing;

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
