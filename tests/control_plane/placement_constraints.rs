//! Placement constraints with the Kubernetes scheduler: affinities select the nodes that match the expression, and labels of
//! evaluated expressions follow changes of nodes and tasks.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use anyhow::{Context as _, Result};
use devcluster::{Seen, wait_for};
use ecs_operator::controllers;
use ecs_operator::ecs::query::Query;
use ecs_operator::k8s::kinds::Scope;
use ecs_operator::k8s::names;
use ecs_operator::translate::placement::compile::{Part, compile};
use ecs_operator::translate::placement::facts::NodeFacts;
use fastrand::Rng;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Node, Pod, ServiceAccount};
use kube::ResourceExt as _;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::add_ons::grant;
use crate::bench;
use crate::missing_prerequisites::changed_kubeconfig;
use crate::support::node_pool::NodePool;
use crate::support::{Bench, PATIENCE};

/// Nodes with a taint, without a kubelet.
struct TestNodes {
    api: Api<Node>,
    names: Vec<String>,
}

impl TestNodes {
    fn new(bench: &Bench) -> Self {
        Self { api: Api::all(bench.client.clone()), names: Vec::new() }
    }

    async fn add(&mut self, name: String, labels: &BTreeMap<String, String>) -> Result<()> {
        let taint = json!({"key": "placement-test", "effect": "NoSchedule"});
        let node = json!({"metadata": {"name": name, "labels": labels}, "spec": {"taints": [taint]}});
        self.api.create(&PostParams::default(), &serde_json::from_value(node)?).await?;
        let capacity = json!({"pods": "500", "cpu": "100", "memory": "100Gi"});
        let status = json!({"status": {"capacity": capacity, "allocatable": capacity}});
        self.api.patch_status(&name, &PatchParams::default(), &Patch::Merge(&status)).await?;
        self.names.push(name);
        Ok(())
    }

    async fn remove(self) -> Result<()> {
        for name in self.names {
            self.api.delete(&name, &DeleteParams::default()).await?;
        }
        Ok(())
    }
}

const NAMES: [&str; 7] = [
    "ecs.os-type",
    "ecs.cpu-architecture",
    "ecs.availability-zone",
    "ecs.os-family",
    "stack",
    "tier",
    "example.com/pool",
];
const VALUES: [&str; 6] = ["linux", "amd64", "x86_64", "a", "row 3: left", ""];

fn one_of<'a>(choices: &[&'a str], rng: &mut Rng) -> &'a str {
    choices[rng.usize(..choices.len())]
}

fn random_labels(rng: &mut Rng) -> BTreeMap<String, String> {
    let attributes = ["stack", "tier", "ecs.os-family"].map(|name| format!("attribute.ecs-operator.dev/{name}"));
    let others = ["kubernetes.io/os", "topology.kubernetes.io/zone", "stack", "tier", "example.com/pool"];
    let keys = others.into_iter().map(str::to_owned).chain(attributes);
    let mut labels: BTreeMap<String, String> =
        keys.filter_map(|key| rng.bool().then(|| (key, names::label_value(one_of(&VALUES, rng))))).collect();
    labels.insert("kubernetes.io/arch".to_owned(), one_of(&["amd64", "arm64"], rng).to_owned());
    labels
}

fn random_expression(rng: &mut Rng, depth: u32) -> String {
    match rng.u32(..if depth == 0 { 4 } else { 8 }) {
        0 => format!("attribute:{} {}", one_of(&NAMES, rng), one_of(&["exists", "!exists"], rng)),
        1 | 2 => format!("attribute:{} {} {}", one_of(&NAMES, rng), one_of(&["==", "!="], rng), random_value(rng)),
        3 => {
            let list: Vec<String> = (0..rng.usize(..4)).map(|_| random_value(rng)).collect();
            format!("attribute:{} {} [{}]", one_of(&NAMES, rng), one_of(&["in", "!in"], rng), list.join(","))
        }
        4 => format!("not({})", random_expression(rng, depth - 1)),
        _ => {
            let joined = one_of(&[" and ", " or "], rng);
            let parts: Vec<_> =
                (0..rng.usize(1..4)).map(|_| format!("({})", random_expression(rng, depth - 1))).collect();
            parts.join(joined)
        }
    }
}

fn random_value(rng: &mut Rng) -> String {
    format!("'{}'", one_of(&VALUES, rng))
}

/// Returns a Pod for one node, with the affinity of the expression; none if an affinity cannot express it completely.
fn pinned(name: &str, node: &str, query: &Query) -> Option<Value> {
    let mut parts = compile(query.expression());
    let (Some(Part::Labels(_, terms)), true) = (parts.pop(), parts.is_empty()) else { return None };
    let mut selector = serde_json::to_value(terms.selector()).ok()?;
    if selector.is_null() {
        selector = json!({"nodeSelectorTerms": [{}]});
    }
    for term in selector["nodeSelectorTerms"].as_array_mut()? {
        term["matchFields"] = json!([{"key": "metadata.name", "operator": "In", "values": [node]}]);
    }
    Some(json!({
        "metadata": {"name": name},
        "spec": {
            "containers": [{"name": "app", "image": "example.test/app:1"}],
            "tolerations": [{"operator": "Exists"}],
            "automountServiceAccountToken": false,
            "terminationGracePeriodSeconds": 0,
            "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": selector}},
        },
    }))
}

/// True if the scheduler has assigned a node to the Pod, false if the Pod is unschedulable, none before a decision.
fn scheduled(pod: &Pod) -> Option<bool> {
    if pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_some()) {
        return Some(true);
    }
    let conditions = pod.status.as_ref()?.conditions.iter().flatten();
    let mut unschedulable =
        conditions.filter(|c| c.type_ == "PodScheduled" && c.reason.as_deref() == Some("Unschedulable"));
    unschedulable.next().map(|_| false)
}

#[tokio::test]
async fn the_scheduler_selects_the_nodes_that_match_an_expression() -> Result<()> {
    let bench = bench("affinity").await?;
    let rng = &mut Rng::with_seed(11);
    let mut nodes = TestNodes::new(&bench);
    let mut facts = Vec::new();
    for number in 0..6 {
        let name = format!("{}-{number}", bench.namespace);
        nodes.add(name.clone(), &random_labels(rng)).await?;
        facts.push(NodeFacts::from_node(nodes.api.get(&name).await?));
    }
    wait_for("a service account", PATIENCE, async || Ok(bench.api::<ServiceAccount>().get_opt("default").await?))
        .await?;
    let mut expected = BTreeMap::new();
    let mut pods = Vec::new();
    for number in 0..40 {
        let text = random_expression(rng, 2);
        let query: Query = text.parse()?;
        for (position, node) in facts.iter().enumerate() {
            let name = format!("p-{number}-{position}");
            let Some(pod) = pinned(&name, &node.name, &query) else { continue };
            let fits = query.matches(&node.instance(query.expression(), None, [].iter()));
            expected.insert(name, (fits, text.clone(), node.labels.clone()));
            pods.push(serde_json::from_value::<Pod>(pod)?);
        }
    }
    let fitting = expected.values().filter(|(fits, ..)| *fits).count();
    assert!(fitting > 40 && expected.len() - fitting > 40, "{fitting} of {}", expected.len());
    let api = bench.api::<Pod>();
    let params = PostParams::default();
    let created = stream::iter(&pods).map(|pod| api.create(&params, pod));
    created.buffer_unordered(16).try_for_each(async |_| Ok(())).await?;
    let decisions = wait_for("the scheduler's decision on each Pod", PATIENCE, async || {
        let list = api.list(&ListParams::default()).await?;
        let decisions: BTreeMap<String, bool> =
            list.items.iter().filter_map(|pod| Some((pod.name_any(), scheduled(pod)?))).collect();
        Ok(if decisions.len() == expected.len() { Seen::Done(decisions) } else { Seen::not_yet(decisions.len()) })
    })
    .await?;
    for (name, (fits, text, labels)) in expected {
        assert_eq!(decisions.get(&name), Some(&fits), "{text}\n{labels:#?}");
    }
    nodes.remove().await
}

/// Applies a task definition with a `memberOf` expression and a service of it.
async fn member_of(bench: &Bench, name: &str, expression: &str, count: i64) -> Result<()> {
    let definition = json!({
        "containerDefinitions": [{"name": "app", "image": "example.test/app:1", "memory": 16}],
        "placementConstraints": [{"type": "memberOf", "expression": expression}],
    });
    bench.apply("TaskDefinition", name, definition).await?;
    bench.service(name, name, count).await.map(drop)
}

/// Returns the nodes that a label selector matches.
async fn labeled_nodes(bench: &Bench, key: &str) -> Result<BTreeSet<String>> {
    let nodes: Api<Node> = Api::all(bench.client.clone());
    let list = nodes.list(&ListParams::default().labels(key)).await?;
    Ok(list.items.iter().map(kube::ResourceExt::name_any).collect())
}

async fn wait_for_labels(bench: &Bench, key: &str, expected: &BTreeSet<String>) -> Result<()> {
    wait_for(&format!("{key} on {expected:?}"), PATIENCE, async || {
        let nodes = labeled_nodes(bench, key).await?;
        Ok(if nodes == *expected { Seen::Done(()) } else { Seen::not_yet(nodes) })
    })
    .await
}

/// Returns the node label that the Pods of a service require.
async fn label_of(bench: &Bench, service: &str) -> Result<String> {
    let deployment = bench.api::<k8s_openapi::api::apps::v1::Deployment>().get(service).await?;
    let template = deployment.spec.context("a spec")?.template.metadata.context("metadata")?;
    let mut keys = template.annotations.unwrap_or_default().into_keys();
    keys.find(|key| key.starts_with("member-of.")).context("a label")
}

async fn nodes_of(bench: &Bench, service: &str) -> Result<BTreeSet<String>> {
    let selector = ListParams::default().labels(&format!("ecs-operator.dev/service={service}"));
    let pods = bench.api::<Pod>().list(&selector).await?;
    Ok(pods.items.into_iter().filter_map(|pod| pod.spec?.node_name).collect())
}

/// Returns the nodes that `ecs-operator query` prints.
fn query(bench: &Bench, expression: &str) -> Result<BTreeSet<String>> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ecs-operator"));
    command.arg("query").arg("--kubeconfig").arg(bench.cluster.kubeconfig_path()).arg(expression);
    let output = command.output()?;
    anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.lines().map(str::to_owned).collect())
}

async fn in_zone(bench: &Bench, zone: &str) -> Result<BTreeSet<String>> {
    labeled_nodes(bench, &format!("topology.kubernetes.io/zone={zone}")).await
}

#[tokio::test]
async fn tasks_run_on_labeled_nodes_and_labels_follow_the_nodes() -> Result<()> {
    let bench = bench("marks").await?;
    let operator = bench.operator().await?;
    let expression = "attribute:ecs.availability-zone =~ us-.*-1[bc]";
    member_of(&bench, "app", expression, 4).await?;
    bench.stable("app", "app:1").await?;
    bench.condition("Service", "app", "PlacementLabelsReady", "True").await?;
    let label = label_of(&bench, "app").await?;
    let mut fitting: BTreeSet<String> =
        in_zone(&bench, "us-east-1b").await?.union(&in_zone(&bench, "us-east-1c").await?).cloned().collect();
    assert!(nodes_of(&bench, "app").await?.is_subset(&fitting), "tasks run on nodes that do not match");
    wait_for_labels(&bench, &label, &fitting).await?;
    assert_eq!(query(&bench, expression)?, fitting);

    let mut nodes = TestNodes::new(&bench);
    let (late, other) = (format!("{}-late", bench.namespace), format!("{}-other", bench.namespace));
    let zone = |zone: &str| BTreeMap::from([("topology.kubernetes.io/zone".to_owned(), zone.to_owned())]);
    nodes.add(late.clone(), &zone("us-west-1b")).await?;
    nodes.add(other.clone(), &zone("us-west-1a")).await?;
    fitting.insert(late.clone());
    wait_for_labels(&bench, &label, &fitting).await?;
    // A changed label of a node changes its membership.
    let relabel = |name: &str, zone: &str| {
        bench.cluster.kubectl(["label", "node", name, "--overwrite", &format!("topology.kubernetes.io/zone={zone}")])
    };
    relabel(&late, "us-west-1a")?;
    relabel(&other, "us-west-1b")?;
    fitting.remove(&late);
    fitting.insert(other.clone());
    wait_for_labels(&bench, &label, &fitting).await?;
    let keys: Vec<String> = nodes.api.get(&late).await?.labels().keys().cloned().collect();
    assert_eq!(keys, ["topology.kubernetes.io/zone"], "other labels were changed");

    // A restart writes no nodes.
    operator.stop().await?;
    let operator = bench.operator().await?;
    bench.task_definition("plain", "1").await?;
    bench.service("plain", "plain", 1).await?;
    bench.stable("plain", "plain:1").await?;
    assert_eq!(operator.total("ecs_operator_apply_total", "kind=\"Node\""), 0, "{}", operator.metrics.encode());

    // Labels without a service are removed, also if the service was deleted while no operator ran.
    operator.stop().await?;
    bench.custom_resources("Service").delete("app", &DeleteParams::default()).await?;
    // The garbage collector may have deleted it already.
    match bench.api::<Deployment>().delete("app", &DeleteParams::default()).await {
        Err(kube::Error::Api(status)) if status.is_not_found() => {}
        deleted => drop(deleted?),
    }
    let operator = bench.operator().await?;
    wait_for_labels(&bench, &label, &BTreeSet::new()).await?;
    operator.stop().await?;
    nodes.remove().await
}

#[tokio::test]
async fn an_annotation_sets_an_attribute_that_is_not_a_valid_label_value() -> Result<()> {
    let bench = bench("attributes").await?;
    let operator = bench.operator().await?;
    let mut nodes = TestNodes::new(&bench);
    let name = format!("{}-1", bench.namespace);
    nodes.add(name.clone(), &BTreeMap::new()).await?;
    let key = format!("attribute.ecs-operator.dev/{}", bench.namespace);
    bench.cluster.kubectl(["annotate", "node", &name, &format!("{key}=row 3: left")])?;
    member_of(&bench, "app", &format!("attribute:{} == 'row 3: left'", bench.namespace), 1).await?;
    wait_for_labels(&bench, &format!("{key}={}", names::label_value("row 3: left")), &[name].into()).await?;
    operator.stop().await?;
    nodes.remove().await
}

#[tokio::test]
async fn labels_follow_the_tasks() -> Result<()> {
    let bench = bench("neighbours").await?;
    let operator = bench.operator().await?;
    bench.task_definition("cache", "1").await?;
    bench.service("cache", "cache", 1).await?;
    bench.stable("cache", "cache:1").await?;
    // No affinity expresses this `or`.
    member_of(&bench, "app", "task:group == service:cache or attribute:no-such == x", 2).await?;
    bench.stable("app", "app:1").await?;
    assert_eq!(nodes_of(&bench, "app").await?, nodes_of(&bench, "cache").await?);
    assert!(nodes_of(&bench, "cache").await?.is_subset(&query(&bench, "task:group == service:cache")?));
    let label = label_of(&bench, "app").await?;
    wait_for_labels(&bench, &label, &nodes_of(&bench, "cache").await?).await?;
    bench.service("cache", "cache", 0).await?;
    wait_for_labels(&bench, &label, &BTreeSet::new()).await?;
    operator.stop().await
}

#[tokio::test]
async fn a_daemon_service_follows_its_constraints_when_nodes_change() -> Result<()> {
    let bench = bench("daemons").await?;
    let pool = NodePool::new(&bench, 2).await?;
    let nodes: Api<Node> = Api::all(bench.client.clone());
    let names: Vec<String> = pool.zones.keys().cloned().collect();
    let label = async |name: &str, labels: Value| {
        let patch = Patch::Merge(json!({"metadata": {"labels": labels}}));
        nodes.patch(name, &PatchParams::default(), &patch).await
    };
    let operator = bench.operator().await?;
    bench.apply("TaskDefinition", "agent", pool.task("agent")).await?;
    // The operator evaluates the first expression; an affinity expresses the second.
    for (service, expression) in [("pattern", "attribute:stack =~ prod.*"), ("value", "attribute:tier == front")] {
        let constraint = json!([{"type": "memberOf", "expression": expression}]);
        let spec =
            json!({"taskDefinition": "agent", "schedulingStrategy": "DAEMON", "placementConstraints": constraint});
        bench.apply("Service", service, spec).await?;
    }
    let are_on = async |expected: &[&String]| -> Result<()> {
        for service in ["pattern", "value"] {
            let what = format!("tasks of {service} on {expected:?}");
            wait_for(&what, PATIENCE, async || {
                let mut nodes = pool.task_nodes(service, expected.len()).await?;
                nodes.sort();
                Ok(if nodes.iter().eq(expected.iter().copied()) { Seen::Done(()) } else { Seen::not_yet(nodes) })
            })
            .await?;
        }
        Ok(())
    };
    label(&names[0], json!({"stack": "prod", "tier": "front"})).await?;
    are_on(&[&names[0]]).await?;
    label(&names[1], json!({"stack": "production", "tier": "front"})).await?;
    are_on(&[&names[0], &names[1]]).await?;
    label(&names[0], json!({"stack": "test", "tier": null})).await?;
    are_on(&[&names[1]]).await?;
    operator.stop().await?;
    pool.close().await
}

#[tokio::test]
async fn tasks_of_a_daemon_service_stay_on_nodes_that_match_a_changed_constraint() -> Result<()> {
    let bench = bench("another").await?;
    let pool = NodePool::new(&bench, 3).await?;
    let operator = bench.operator().await?;
    bench.apply("TaskDefinition", "agent", pool.task("agent")).await?;
    let constrained = async |expression: &str| {
        let constraint = json!([{"type": "memberOf", "expression": expression}]);
        let spec = json!({"taskDefinition": "agent", "schedulingStrategy": "DAEMON", "placementConstraints": constraint,
            "deploymentConfiguration": {"minimumHealthyPercent": 66, "maximumPercent": 100},
            "kubernetes": {"healthyAfterSeconds": 1}});
        bench.apply("Service", "agent", spec).await
    };
    constrained("attribute:ecs.availability-zone =~ eu-.*").await?;
    let first = pool.task_nodes("agent", 3).await?;
    assert_eq!(first.len(), 3);
    bench.stable("agent", "agent:1").await?;
    constrained("attribute:ecs.availability-zone =~ eu-west-.*").await?;
    let selector = ListParams::default().labels("ecs-operator.dev/service=agent");
    let before: BTreeSet<String> = uids(&bench, &selector).await?.into_keys().collect();
    let mut minimum = before.len();
    wait_for("tasks of another deployment everywhere", PATIENCE, async || {
        let present: Vec<bool> = uids(&bench, &selector).await?.into_values().collect();
        minimum = minimum.min(present.iter().filter(|present| **present).count());
        let new = uids(&bench, &selector).await?.keys().filter(|uid| !before.contains(*uid)).count();
        Ok(if new == 3 { Seen::Done(()) } else { Seen::not_yet(new) })
    })
    .await?;
    assert!(minimum >= 2, "only {minimum} of three tasks ran at one time");
    operator.stop().await?;
    pool.close().await
}

/// Returns the uids of a service's Pods; true for each that is not being deleted.
async fn uids(bench: &Bench, selector: &ListParams) -> Result<BTreeMap<String, bool>> {
    let pods = bench.api::<Pod>().list(selector).await?.items;
    let pods = pods.into_iter().map(|pod| pod.metadata);
    Ok(pods.map(|pod| (pod.uid.unwrap_or_default(), pod.deletion_timestamp.is_none())).collect())
}

#[tokio::test]
async fn without_rights_on_nodes_tasks_wait_and_a_condition_reports_it() -> Result<()> {
    let bench = bench("unmarked").await?;
    bench.cluster.kubectl(["create", "serviceaccount", "operator", "-n", &bench.namespace])?;
    let token = bench.cluster.kubectl(["create", "token", "operator", "-n", &bench.namespace])?;
    let kubeconfig = changed_kubeconfig(&bench, "/users/0/user/token", token.trim())?;
    grant(&bench, "Role", "needed", &controllers::rules()).await?;
    let operator = bench.operator_as(kubeconfig.path()).await?;
    member_of(&bench, "app", "attribute:ecs.availability-zone =~ .*", 1).await?;
    let service = bench.condition("Service", "app", "PlacementLabelsReady", "False").await?;
    let conditions = service.pointer("/status/conditions").and_then(Value::as_array).context("conditions")?;
    let message = conditions.iter().find(|c| c["type"] == "PlacementLabelsReady").and_then(|c| c["message"].as_str());
    assert!(message.is_some_and(|message| message.contains("list, watch and patch on nodes")), "{message:?}");
    wait_for("a task without a node", PATIENCE, async || {
        let pods = bench.api::<Pod>().list(&ListParams::default()).await?;
        Ok((pods.items.len() == 1 && pods.items.iter().all(|pod| scheduled(pod) == Some(false))).then_some(()))
    })
    .await?;
    grant(&bench, "ClusterRole", &bench.namespace, &controllers::optional_rules(Scope::Cluster)).await?;
    bench.stable("app", "app:1").await?;
    bench.condition("Service", "app", "PlacementLabelsReady", "True").await?;
    operator.stop().await
}
