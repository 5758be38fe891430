//! Placement strategies on a real scheduler, beside where ECS's algorithm puts the same tasks, and constraints that hold while
//! nodes come and go.

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

/// What strategies ask of a pool.
impl NodePool<'_> {
    /// Where ECS's algorithm puts the tasks, as `ecs-operator place` says.
    fn placed_by_ecs(&self, service: &str, strategy: &[&str], count: usize) -> Result<Vec<String>> {
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
        let answer: Value = serde_json::from_slice(&output.stdout)?;
        let placements = answer["placements"].as_array().context("placements")?;
        Ok(placements.iter().filter_map(|placement| Some(placement["node"].as_str()?.to_owned())).collect())
    }

    fn summary(&self, placed: &[String]) -> Summary {
        let mut on_nodes: BTreeMap<&str, usize> = self.zones.keys().map(|name| (name.as_str(), 0)).collect();
        let mut in_zones: BTreeMap<&str, usize> = BTreeMap::new();
        for node in placed {
            *on_nodes.entry(node).or_default() += 1;
            *in_zones.entry(self.zones.get(node).copied().unwrap_or("elsewhere")).or_default() += 1;
        }
        let used = || on_nodes.values().filter(|count| **count > 0);
        Summary {
            zones: ZONES.map(|zone| in_zones.get(zone).copied().unwrap_or(0)),
            nodes: used().count(),
            least: on_nodes.values().copied().min().unwrap_or(0),
            most: on_nodes.values().copied().max().unwrap_or(0),
        }
    }
}

/// How tasks are spread and packed.
#[derive(Debug)]
struct Summary {
    zones: [usize; 3],
    /// Nodes with a task.
    nodes: usize,
    /// Tasks on the node with the fewest.
    least: usize,
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

/// Whether what the scheduler did is as far as the verdicts say from what ECS does.
fn check(strategy: &[&str], ecs: &Summary, ours: &Summary) -> bool {
    match strategy {
        [ZONE] | [ZONE, "random"] => ours.uneven_zones() <= 1 && ours.nodes >= ecs.nodes,
        [HOST] => ours.most - ours.least <= 1,
        // The scores of both are added up.
        [ZONE, HOST] | [HOST, ZONE] => {
            ours.most - ours.least <= 2 && ours.uneven_zones() <= ours.zones.iter().sum::<usize>() / 10
        }
        [] | [CPU | MEMORY] | [CPU | MEMORY, _] => ours.nodes == ecs.nodes,
        [ZONE, CPU | MEMORY] => ours.uneven_zones() <= 1 && ours.nodes <= ecs.nodes + 1,
        _ => true,
    }
}

#[tokio::test]
async fn strategies_spread_and_pack_as_their_verdicts_say() -> Result<()> {
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
        let ours = pool.summary(&pool.placed(&name, count).await?);
        let ecs = pool.summary(&pool.placed_by_ecs(&name, strategy, count)?);
        println!("{:<60} ECS {ecs}", if strategy.is_empty() { "(none)".to_owned() } else { strategy.join(", ") });
        println!("{:<60} our {ours}", "");
        ensure!(check(strategy, &ecs, &ours), "{strategy:?}: ECS {ecs:?}, the scheduler {ours:?}");
        bench.apply("Service", &name, service(0)).await?;
        pool.placed(&name, 0).await?;
    }
    operator.stop().await?;
    pool.close().await
}

/// The tasks of a service on their nodes, those that are being stopped left out.
async fn running(bench: &Bench, service: &str) -> Result<Vec<(String, String)>> {
    let selector = ListParams::default().labels(&format!("ecs-operator.dev/service={service}"));
    let pods = bench.api::<Pod>().list(&selector).await?.items;
    let there = pods.into_iter().filter(|pod| pod.metadata.deletion_timestamp.is_none());
    Ok(there.filter_map(|pod| Some((pod.name_any(), pod.spec?.node_name?))).collect())
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
    let mut ever: BTreeMap<String, &str> = BTreeMap::new();
    for round in 0..number("ROUNDS", 4) {
        let known = pool.zones.clone();
        ever.extend(known.iter().map(|(name, zone)| (name.clone(), *zone)));
        let tasks = wait_for(&format!("{count} tasks apart, in round {round}"), PATIENCE, async || {
            let tasks = running(&bench, "app").await?;
            let nodes: BTreeSet<&String> = tasks.iter().map(|(_, node)| node).collect();
            ensure!(nodes.len() == tasks.len(), "two tasks on one node: {tasks:?}");
            for node in &nodes {
                let zone = ever.get(*node).context("a node of another pool")?;
                ensure!(*zone != ZONES[2], "{node} is in {zone}");
            }
            let there = tasks.iter().all(|(_, node)| known.contains_key(node));
            Ok(if tasks.len() == count && there { Seen::Done(tasks) } else { Seen::not_yet(tasks) })
        })
        .await?;
        // A node goes with its task, as a cloud's controller has it; two come.
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

/// The deletion costs of a service's tasks, as far as they have one.
async fn costs(bench: &Bench, service: &str) -> Result<Vec<String>> {
    let selector = ListParams::default().labels(&format!("ecs-operator.dev/service={service}"));
    let pods = bench.api::<Pod>().list(&selector).await?.items;
    Ok(pods.iter().filter_map(|pod| pod.annotations().get(DELETION_COST).cloned()).collect())
}

const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";

#[tokio::test]
async fn fewer_tasks_are_spread_or_packed_as_the_strategy_says() -> Result<()> {
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
        pool.placed(name, 12).await?;
        bench.stable(name, "app:1").await?;
        bench.apply("Service", name, service(5)).await?;
        let left = pool.summary(&pool.placed(name, 5).await?);
        println!("{name:<10} {left}");
        let as_on_ecs = match strategy {
            [MEMORY] => left.nodes == 2 && left.most == 4,
            [ZONE, CPU] => left.uneven_zones() == 1 && left.nodes == 3,
            [ZONE] => left.uneven_zones() == 1,
            _ => left.uneven_zones() == 1 && left.nodes == 5,
        };
        ensure!(as_on_ecs, "{name}: {left:?}");
        ensure!(costs(&bench, name).await?.is_empty(), "one that was to go first is still there");
        bench.apply("Service", name, service(0)).await?;
        pool.placed(name, 0).await?;
    }
    operator.stop().await?;
    pool.close().await
}
