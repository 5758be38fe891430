//! Simulated nodes for the tasks of one test.

use std::collections::BTreeMap;

use anyhow::Result;
use devcluster::{Seen, wait_for};
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{Api, DeleteParams, ListParams, PostParams};
use serde_json::{Value, json};

use super::{Bench, PATIENCE};

pub const ZONES: [&str; 3] = ["eu-west-1a", "eu-west-1b", "eu-west-1c"];
/// Number of tasks of 1 vCPU and 2 GiB that fit on a node.
const TASKS_PER_NODE: usize = 16;

pub struct NodePool<'a> {
    pub bench: &'a Bench,
    api: Api<Node>,
    /// Zone of each node.
    pub zones: BTreeMap<String, &'static str>,
    created: usize,
}

impl<'a> NodePool<'a> {
    /// Creates `size` nodes, distributed evenly over the zones.
    pub async fn new(bench: &'a Bench, size: usize) -> Result<Self> {
        let mut pool = Self { bench, api: Api::all(bench.client.clone()), zones: BTreeMap::new(), created: 0 };
        for _ in 0..size {
            pool.add().await?;
        }
        Ok(pool)
    }

    pub async fn add(&mut self) -> Result<String> {
        self.add_in(ZONES[self.created % ZONES.len()], &[]).await
    }

    /// Adds a node with these taints, besides the taint of the pool.
    pub async fn add_in(&mut self, zone: &'static str, taints: &[&str]) -> Result<String> {
        let name = format!("{}-{}", self.bench.namespace, self.created);
        let memory = format!("{}Gi", 2 * TASKS_PER_NODE);
        let capacity = json!({"cpu": TASKS_PER_NODE.to_string(), "memory": memory, "pods": "110"});
        let taints = ["pool"].iter().chain(taints);
        let taints: Vec<Value> = taints.map(|key| json!({"key": key, "effect": "NoSchedule"})).collect();
        let node = json!({
            "metadata": {"name": name, "annotations": {"kwok.x-k8s.io/node": "fake"}, "labels": {
                "kubernetes.io/hostname": name, "topology.kubernetes.io/zone": zone, "pool": self.bench.namespace}},
            "spec": {"taints": taints},
            "status": {"capacity": capacity, "allocatable": capacity},
        });
        self.api.create(&PostParams::default(), &serde_json::from_value(node)?).await?;
        self.zones.insert(name.clone(), zone);
        self.created += 1;
        Ok(name)
    }

    pub async fn remove(&mut self, name: &str) -> Result<()> {
        self.zones.remove(name);
        self.api.delete(name, &DeleteParams::default()).await?;
        Ok(())
    }

    pub async fn close(mut self) -> Result<()> {
        for name in self.zones.keys().cloned().collect::<Vec<_>>() {
            self.remove(&name).await?;
        }
        Ok(())
    }

    /// Returns a task definition for the nodes of the pool; [`TASKS_PER_NODE`] of its tasks fit on a node.
    pub fn task(&self, name: &str) -> Value {
        json!({
            "family": name,
            "containerDefinitions": [{"name": "app", "image": "example.test/app:1", "cpu": 1024, "memory": 2048}],
            "kubernetes": {
                "nodeSelector": {"pool": self.bench.namespace},
                "tolerations": [{"key": "pool", "operator": "Exists"}],
            },
        })
    }

    /// Waits until the service has `count` tasks, all on nodes, and returns the node of each.
    pub async fn task_nodes(&self, service: &str, count: usize) -> Result<Vec<String>> {
        let selector = ListParams::default().labels(&format!("ecs-operator.dev/service={service}"));
        wait_for(&format!("{count} tasks of {service} on nodes"), PATIENCE, async || {
            let pods = self.bench.api::<Pod>().list(&selector).await?.items;
            let nodes: Vec<String> = pods.iter().filter_map(|pod| pod.spec.as_ref()?.node_name.clone()).collect();
            Ok(if pods.len() == count && nodes.len() == count {
                Seen::Done(nodes)
            } else {
                Seen::not_yet((pods.len(), nodes.len()))
            })
        })
        .await
    }
}
