//! Tests on a real control plane with simulated nodes.

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

/// Returns a new namespace of the cluster that all tests share.
async fn bench(prefix: &str) -> Result<Bench> {
    // Large enough for the tasks of all tests at once.
    let nodes = NodeTemplate { cpu: "1k".to_owned(), memory: "4Ti".to_owned(), pods: 500, ..NodeTemplate::from(3) };
    let cluster = devcluster::shared(Cluster::builder().simulated_nodes(nodes)).await?;
    Bench::new(cluster, prefix).await
}
