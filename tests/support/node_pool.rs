//! Simulated nodes that only the tasks of one test go to.

use std::collections::BTreeMap;

use anyhow::Result;
use devcluster::{Seen, wait_for};
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{Api, DeleteParams, ListParams, PostParams};
use serde_json::{Value, json};

use super::{Bench, PATIENCE};

pub const ZONES: [&str; 3] = ["eu-west-1a", "eu-west-1b", "eu-west-1c"];
/// Tasks of 1 vCPU and 2 GiB that fit on one of the nodes.
const ON_A_NODE: usize = 16;

pub struct NodePool<'a> {
    pub bench: &'a Bench,
    api: Api<Node>,
    /// The zone of each node.
    pub zones: BTreeMap<String, &'static str>,
    made: usize,
}

impl<'a> NodePool<'a> {
    /// So many nodes, dealt to the zones in turn.
    pub async fn new(bench: &'a Bench, size: usize) -> Result<Self> {
        let mut pool = Self { bench, api: Api::all(bench.client.clone()), zones: BTreeMap::new(), made: 0 };
        for _ in 0..size {
            pool.add().await?;
        }
        Ok(pool)
    }

    pub async fn add(&mut self) -> Result<String> {
        self.add_in(ZONES[self.made % ZONES.len()], &[]).await
    }

    /// Adds a node with these taints besides the pool's own.
    pub async fn add_in(&mut self, zone: &'static str, taints: &[&str]) -> Result<String> {
        let name = format!("{}-{}", self.bench.namespace, self.made);
        let room = json!({"cpu": ON_A_NODE.to_string(), "memory": format!("{}Gi", 2 * ON_A_NODE), "pods": "110"});
        let taint = |key: &&str| json!({"key": key, "effect": "NoSchedule"});
        let taints: Vec<Value> = ["pool"].iter().chain(taints).map(taint).collect();
        let node = json!({
            "metadata": {"name": name, "annotations": {"kwok.x-k8s.io/node": "fake"}, "labels": {
                "kubernetes.io/hostname": name, "topology.kubernetes.io/zone": zone, "pool": self.bench.namespace}},
            "spec": {"taints": taints},
            "status": {"capacity": room, "allocatable": room},
        });
        self.api.create(&PostParams::default(), &serde_json::from_value(node)?).await?;
        self.zones.insert(name.clone(), zone);
        self.made += 1;
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

    /// A task of a size that so many of fit on a node.
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

    /// The nodes of a service's tasks, as soon as there are so many that each have one.
    pub async fn placed(&self, service: &str, count: usize) -> Result<Vec<String>> {
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
