//! Placement strategies with the Kubernetes scheduler, compared with ECS's algorithm, and constraints while nodes come and go.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use devcluster::{Seen, wait_for};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use kube::api::{DeleteParams, ListParams};
use serde_json::{Value, json};

use crate::bench;
use crate::rollouts::number;
use crate::support::node_pool::{NodePool, ZONES};
use crate::support::{Bench, PATIENCE};

impl NodePool<'_> {
    /// Returns the nodes of the tasks under ECS's algorithm, from `ecs-operator place`.
    fn nodes_on_ecs(&self, service: &str, strategy: &[&str], count: usize) -> Result<Vec<String>> {
        let folder = tempfile::tempdir()?;
        let (nodes, task) = (folder.path().join("nodes.json"), folder.path().join("task.json"));
        let selector = format!("pool={}", self.bench.namespace);
        std::fs::write(&nodes, self.bench.cluster.kubectl(["get", "nodes", "-l", &selector, "-o", "json"])?)?;
        std::fs::write(&task, self.task(service).to_string())?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_ecs-operator"));
        command.args(["place", "--output", "json", "--service", service, "--count", &count.to_string()]);
        command.arg("--nodes").arg(nodes).arg("--task").arg(task);
        command.args(strategy.iter().flat_map(|step| ["--strategy", step]));
        let output = command.output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let result: Value = serde_json::from_slice(&output.stdout)?;
        let placements = result["placements"].as_array().context("placements")?;
        Ok(placements.iter().filter_map(|placement| Some(placement["node"].as_str()?.to_owned())).collect())
    }

    fn summary(&self, task_nodes: &[String]) -> Summary {
        let mut on_nodes: BTreeMap<&str, usize> = self.zones.keys().map(|name| (name.as_str(), 0)).collect();
        let mut in_zones: BTreeMap<&str, usize> = BTreeMap::new();
        for node in task_nodes {
            *on_nodes.entry(node).or_default() += 1;
            *in_zones.entry(self.zones.get(node).copied().unwrap_or("elsewhere")).or_default() += 1;
        }
        Summary {
            zones: ZONES.map(|zone| in_zones.get(zone).copied().unwrap_or(0)),
            nodes: on_nodes.values().filter(|count| **count > 0).count(),
            least: on_nodes.values().copied().min().unwrap_or(0),
            most: on_nodes.values().copied().max().unwrap_or(0),
        }
    }
}

/// Distribution of tasks over zones and nodes.
#[derive(Debug)]
struct Summary {
    zones: [usize; 3],
    /// Number of nodes with a task.
    nodes: usize,
    /// Minimum number of tasks on a node.
    least: usize,
    /// Maximum number of tasks on a node.
    most: usize,
}

impl Summary {
    fn uneven_zones(&self) -> usize {
        self.zones.iter().max().unwrap_or(&0) - self.zones.iter().min().unwrap_or(&0)
    }
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let zones = self.zones.map(|count| count.to_string()).join("/");
        write!(f, "{zones:>12}  {:>3} nodes  {:>2} to {:>2} each", self.nodes, self.least, self.most)
    }
}

const ZONE: &str = "spread=attribute:ecs.availability-zone";
const HOST: &str = "spread=instanceId";
const CPU: &str = "binpack=cpu";
const MEMORY: &str = "binpack=memory";

fn step(text: &str) -> Value {
    match text.split_once('=') {
        Some((kind, field)) => json!({"type": kind, "field": field}),
        None => json!({"type": text}),
    }
}

/// True if the scheduler differs from ECS by no more than the verdicts state.
fn is_within_verdicts(strategy: &[&str], ecs: &Summary, kubernetes: &Summary) -> bool {
    match strategy {
        [ZONE] | [ZONE, "random"] => kubernetes.uneven_zones() <= 1 && kubernetes.nodes >= ecs.nodes,
        [HOST] => kubernetes.most - kubernetes.least <= 1,
        // The scheduler adds the scores of both steps.
        [ZONE, HOST] | [HOST, ZONE] => {
            kubernetes.most - kubernetes.least <= 2
                && kubernetes.uneven_zones() <= kubernetes.zones.iter().sum::<usize>() / 10
        }
        [] | [CPU | MEMORY] | [CPU | MEMORY, _] => kubernetes.nodes == ecs.nodes,
        [ZONE, CPU | MEMORY] => kubernetes.uneven_zones() <= 1 && kubernetes.nodes <= ecs.nodes + 1,
        _ => true,
    }
}

#[tokio::test]
async fn strategies_spread_and_pack_as_their_verdicts_state() -> Result<()> {
    let bench = bench("strategies").await?;
    let operator = bench.operator().await?;
    let count = usize::try_from(number("TASKS", 120))?;
    let pool = NodePool::new(&bench, 50).await?;
    let chains: [&[&str]; 11] = [
        &[],
        &[ZONE],
        &[HOST],
        &[ZONE, HOST],
        &[HOST, ZONE],
        &[MEMORY],
        &[CPU],
        &[ZONE, MEMORY],
        &[CPU, ZONE],
        &["random"],
        &[ZONE, "random"],
    ];
    println!("{count} tasks on {} nodes", pool.zones.len());
    for (number, strategy) in chains.into_iter().enumerate() {
        let name = format!("app{number}");
        bench.apply("TaskDefinition", &name, pool.task(&name)).await?;
        let steps: Vec<Value> = strategy.iter().map(|text| step(text)).collect();
        let service = |count: usize| {
            json!({"taskDefinition": name, "desiredCount": count, "placementStrategy": steps,
                "kubernetes": {"healthyAfterSeconds": 0}})
        };
        bench.apply("Service", &name, service(count)).await?;
        let kubernetes = pool.summary(&pool.task_nodes(&name, count).await?);
        let ecs = pool.summary(&pool.nodes_on_ecs(&name, strategy, count)?);
        let title = if strategy.is_empty() { "(none)".to_owned() } else { strategy.join(", ") };
        println!("{title:<60} ECS        {ecs}");
        println!("{:<60} Kubernetes {kubernetes}", "");
        ensure!(
            is_within_verdicts(strategy, &ecs, &kubernetes),
            "{strategy:?}: ECS {ecs:?}, the scheduler {kubernetes:?}"
        );
        bench.apply("Service", &name, service(0)).await?;
        pool.task_nodes(&name, 0).await?;
    }
    operator.stop().await?;
    pool.close().await
}

/// Returns the tasks of a service and their nodes, without tasks that are being stopped.
async fn running(bench: &Bench, service: &str) -> Result<Vec<(String, String)>> {
    let selector = ListParams::default().labels(&format!("ecs-operator.dev/service={service}"));
    let pods = bench.api::<Pod>().list(&selector).await?.items;
    let active = pods.into_iter().filter(|pod| pod.metadata.deletion_timestamp.is_none());
    Ok(active.filter_map(|pod| Some((pod.name_any(), pod.spec?.node_name?))).collect())
}

#[tokio::test]
async fn constraints_hold_while_nodes_come_and_go() -> Result<()> {
    let bench = bench("churn").await?;
    let operator = bench.operator().await?;
    let mut pool = NodePool::new(&bench, 15).await?;
    let mut random = fastrand::Rng::with_seed(number("SEED", 5));
    let count = 8;
    bench.apply("TaskDefinition", "app", pool.task("app")).await?;
    let constraints = json!([{"type": "distinctInstance"},
        {"type": "memberOf", "expression": "attribute:ecs.availability-zone =~ eu-west-1[ab]"}]);
    let service = json!({"taskDefinition": "app", "desiredCount": count, "placementConstraints": constraints,
        "kubernetes": {"healthyAfterSeconds": 0}});
    bench.apply("Service", "app", service).await?;
    let mut all_zones: BTreeMap<String, &str> = BTreeMap::new();
    for round in 0..number("ROUNDS", 4) {
        let zones = pool.zones.clone();
        all_zones.extend(zones.iter().map(|(name, zone)| (name.clone(), *zone)));
        let tasks = wait_for(&format!("{count} tasks on distinct nodes in round {round}"), PATIENCE, async || {
            let tasks = running(&bench, "app").await?;
            let nodes: BTreeSet<&String> = tasks.iter().map(|(_, node)| node).collect();
            ensure!(nodes.len() == tasks.len(), "two tasks on one node: {tasks:?}");
            for node in &nodes {
                let zone = all_zones.get(*node).context("a node of another pool")?;
                ensure!(*zone != ZONES[2], "{node} is in {zone}");
            }
            let on_existing_nodes = tasks.iter().all(|(_, node)| zones.contains_key(node));
            Ok(if tasks.len() == count && on_existing_nodes { Seen::Done(tasks) } else { Seen::not_yet(tasks) })
        })
        .await?;
        // A node is removed with its task, as a cloud controller does, and two nodes are added.
        let (task, node) = &tasks[random.usize(..tasks.len())];
        pool.remove(node).await?;
        let now = DeleteParams { grace_period_seconds: Some(0), ..DeleteParams::default() };
        bench.api::<Pod>().delete(task, &now).await?;
        pool.add().await?;
        pool.add().await?;
    }
    operator.stop().await?;
    pool.close().await
}

/// Returns the deletion costs of those tasks of a service that have one.
async fn costs(bench: &Bench, service: &str) -> Result<Vec<String>> {
    let selector = ListParams::default().labels(&format!("ecs-operator.dev/service={service}"));
    let pods = bench.api::<Pod>().list(&selector).await?.items;
    Ok(pods.iter().filter_map(|pod| pod.annotations().get(DELETION_COST).cloned()).collect())
}

const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";

#[tokio::test]
async fn scale_in_follows_the_placement_strategy() -> Result<()> {
    let bench = bench("fewer").await?;
    let operator = bench.operator().await?;
    let pool = NodePool::new(&bench, 9).await?;
    // Four tasks fit on a node.
    let mut task = pool.task("app");
    let container = &mut task["containerDefinitions"][0];
    (container["cpu"], container["memory"]) = (4096.into(), 8192.into());
    bench.apply("TaskDefinition", "app", task).await?;
    let chains: [(&str, &[&str]); 4] =
        [("none", &[]), ("zone", &[ZONE]), ("packed", &[MEMORY]), ("both", &[ZONE, CPU])];
    for (name, strategy) in chains {
        let steps: Vec<Value> = strategy.iter().map(|text| step(text)).collect();
        let service = |count: usize| {
            json!({"taskDefinition": "app", "desiredCount": count, "placementStrategy": steps,
                "kubernetes": {"healthyAfterSeconds": 0}})
        };
        bench.apply("Service", name, service(12)).await?;
        pool.task_nodes(name, 12).await?;
        bench.stable(name, "app:1").await?;
        bench.apply("Service", name, service(5)).await?;
        let left = pool.summary(&pool.task_nodes(name, 5).await?);
        println!("{name:<10} {left}");
        let as_on_ecs = match strategy {
            [MEMORY] => left.nodes == 2 && left.most == 4,
            [ZONE, CPU] => left.uneven_zones() == 1 && left.nodes == 3,
            [ZONE] => left.uneven_zones() == 1,
            _ => left.uneven_zones() == 1 && left.nodes == 5,
        };
        ensure!(as_on_ecs, "{name}: {left:?}");
        ensure!(costs(&bench, name).await?.is_empty(), "a task with a deletion cost still runs");
        bench.apply("Service", name, service(0)).await?;
        pool.task_nodes(name, 0).await?;
    }
    operator.stop().await?;
    pool.close().await
}
