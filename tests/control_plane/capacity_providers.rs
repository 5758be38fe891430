//! Capacity providers with the Kubernetes scheduler: tasks run on the nodes of their provider and cluster, and statuses count them.

use std::collections::BTreeSet;

use anyhow::Result;
use devcluster::{Seen, wait_for};
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::bench;
use crate::support::node_pool::{NodePool, ZONES};
use crate::support::{Bench, PATIENCE, admission_policies};

/// Waits until the service has `tasks` tasks on nodes, and returns these nodes.
async fn nodes_of(bench: &Bench, service: &str, tasks: usize) -> Result<BTreeSet<String>> {
    let selector = ListParams::default().labels(&format!("ecs-operator.dev/service={service}"));
    wait_for("tasks on nodes", PATIENCE, async || {
        let pods = bench.api::<Pod>().list(&selector).await?.items;
        let active = pods.into_iter().filter(|pod| pod.metadata.deletion_timestamp.is_none());
        let nodes: Vec<String> = active.filter_map(|pod| pod.spec?.node_name).collect();
        Ok(if nodes.len() == tasks { Seen::Done(nodes.into_iter().collect()) } else { Seen::not_yet(nodes) })
    })
    .await
}

async fn counts(bench: &Bench, kind: &str, name: &str, expected: (i64, i64)) -> Result<()> {
    bench
        .until(kind, name, &format!("{expected:?} nodes of {kind} {name}"), |object| {
            let status = object.get("status")?;
            let registered = status["registeredContainerInstancesCount"].as_i64()?;
            let draining = status["drainingContainerInstancesCount"].as_i64()?;
            ((registered, draining) == expected).then_some(())
        })
        .await
}

#[tokio::test]
async fn tasks_run_on_the_nodes_of_their_provider_which_are_counted() -> Result<()> {
    let bench = bench("capacity").await?;
    let nodes: Api<Node> = Api::all(bench.client.clone());
    let label = |value: Value| Patch::Merge(json!({"metadata": {"labels": {"capacity-test": value}}}));
    for name in ["sim-1", "sim-2"] {
        nodes.patch(name, &PatchParams::default(), &label(bench.namespace.as_str().into())).await?;
    }
    // A drained node.
    let drained = format!("drained-{}", bench.namespace);
    let object = json!({"metadata": {"name": drained, "labels": {"capacity-test": bench.namespace}},
        "spec": {"unschedulable": true}});
    nodes.create(&PostParams::default(), &serde_json::from_value(object)?).await?;

    let operator = bench.operator().await?;
    let members = json!({"nodeSelector": {"capacity-test": bench.namespace}});
    bench.apply("Cluster", "default", json!({"kubernetes": members})).await?;
    bench.task_definition("app", "1").await?;
    let spec = json!({"taskDefinition": "app", "desiredCount": 4, "kubernetes": {"healthyAfterSeconds": 1}});
    let with_strategy = |strategy: Value| {
        let mut spec = spec.clone();
        spec["capacityProviderStrategy"] = strategy;
        spec
    };
    bench.apply("Service", "web", with_strategy(json!([{"capacityProvider": "first", "weight": 1}]))).await?;
    let refused = bench.condition("Service", "web", "Accepted", "False").await?;
    assert!(refused["status"]["conditions"].to_string().contains("CapacityProviderNotFound"), "{refused}");
    let first = json!({"kubernetes": {"nodeSelector": {"kubernetes.io/hostname": "sim-1"}}});
    bench.apply("CapacityProvider", "first", first).await?;
    bench.stable("web", "app:1").await?;
    assert_eq!(nodes_of(&bench, "web", 4).await?, BTreeSet::from(["sim-1".to_owned()]));
    counts(&bench, "CapacityProvider", "first", (1, 0)).await?;
    counts(&bench, "Cluster", "default", (3, 1)).await?;
    bench
        .until("Cluster", "default", "counts of tasks", |object| {
            let status = object.get("status")?;
            (status["activeServicesCount"] == 1 && status["runningTasksCount"] == 4).then_some(())
        })
        .await?;
    let table = bench.cluster.kubectl(["get", "ecs", "-n", &bench.namespace])?;
    assert!(table.contains("capacityprovider.ecs-operator.dev/first"), "{table}");

    // Another strategy starts a deployment. FARGATE allows both nodes of the cluster.
    bench.apply("Service", "web", with_strategy(json!([{"capacityProvider": "FARGATE"}]))).await?;
    let two = BTreeSet::from(["sim-1".to_owned(), "sim-2".to_owned()]);
    wait_for("tasks on the nodes of the cluster", PATIENCE, async || {
        bench.stable("web", "app:1").await?;
        let nodes = nodes_of(&bench, "web", 4).await?;
        Ok(if nodes == two { Seen::Done(()) } else { Seen::not_yet(nodes) })
    })
    .await?;

    nodes.patch(&drained, &PatchParams::default(), &Patch::Merge(json!({"spec": {"unschedulable": false}}))).await?;
    counts(&bench, "Cluster", "default", (3, 0)).await?;
    nodes.delete(&drained, &DeleteParams::default()).await?;
    counts(&bench, "Cluster", "default", (2, 0)).await?;
    operator.stop().await?;
    for name in ["sim-1", "sim-2"] {
        nodes.patch(name, &PatchParams::default(), &label(Value::Null)).await?;
    }
    Ok(())
}

/// Creates the capacity providers `steady` and `spot` with one node each: `sim-1` and `sim-2`.
pub async fn steady_and_spot(bench: &Bench) -> Result<()> {
    for (name, node) in [("steady", "sim-1"), ("spot", "sim-2")] {
        let selector = json!({"kubernetes": {"nodeSelector": {"kubernetes.io/hostname": node}}});
        bench.apply("CapacityProvider", name, selector).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_changed_count_moves_no_task_between_providers() -> Result<()> {
    let bench = bench("division").await?;
    let operator = bench.operator().await?;
    bench.task_definition("app", "1").await?;
    steady_and_spot(&bench).await?;
    let strategy =
        json!([{"capacityProvider": "steady", "base": 1, "weight": 1}, {"capacityProvider": "spot", "weight": 3}]);
    let mut before = BTreeSet::new();
    for (count, expected) in [(5, [2, 3]), (9, [3, 6]), (3, [2, 1])] {
        let kubernetes = json!({"healthyAfterSeconds": 1});
        let spec = json!({"taskDefinition": "app", "desiredCount": count, "kubernetes": kubernetes,
            "capacityProviderStrategy": strategy});
        bench.apply("Service", "web", spec).await?;
        bench.stable("web", "app:1").await?;
        let pods = bench.api::<Pod>().list(&ListParams::default().labels("ecs-operator.dev/service=web")).await?.items;
        let active: Vec<Pod> = pods.into_iter().filter(|pod| pod.metadata.deletion_timestamp.is_none()).collect();
        let counts = ["sim-1", "sim-2"].map(|node| {
            let nodes = active.iter().filter_map(|pod| pod.spec.as_ref()?.node_name.as_deref());
            nodes.filter(|name| *name == node).count()
        });
        assert_eq!(counts, expected, "{count} tasks");
        let names: BTreeSet<String> = active.iter().filter_map(|pod| pod.metadata.name.clone()).collect();
        assert!(names.is_superset(&before) || names.is_subset(&before), "{before:?} became {names:?}");
        before = names;
    }
    operator.stop().await
}

#[tokio::test]
async fn tasks_tolerate_the_taints_of_their_own_provider_only() -> Result<()> {
    let bench = bench("taints").await?;
    let mut pool = NodePool::new(&bench, 1).await?;
    let spot = pool.add_in(ZONES[1], &["spot"]).await?;
    let operator = bench.operator().await?;
    bench.apply("TaskDefinition", "app", pool.task("app")).await?;
    let spot_nodes = json!({"nodeSelector": {"kubernetes.io/hostname": spot}, "tolerations": [{"key": "spot", "operator": "Exists"}]});
    bench
        .apply("Cluster", "default", json!({"kubernetes": {"capacityProviders": {"FARGATE_SPOT": spot_nodes}}}))
        .await?;
    let strategy =
        json!([{"capacityProvider": "FARGATE", "weight": 1}, {"capacityProvider": "FARGATE_SPOT", "weight": 1}]);
    let spec = json!({"taskDefinition": "app", "desiredCount": 8, "capacityProviderStrategy": strategy,
        "kubernetes": {"healthyAfterSeconds": 1}});
    bench.apply("Service", "web", spec).await?;
    bench.stable("web", "app:1").await?;
    let on_spot = pool.task_nodes("web", 8).await?.into_iter().filter(|node| *node == spot).count();
    assert_eq!(on_spot, 4, "each provider has half of the tasks, although FARGATE allows any node");
    operator.stop().await?;
    pool.close().await
}

/// Enforces a policy that rejects Pods with the capacity provider `spot`.
async fn forbid_spot(bench: &Bench) -> Result<()> {
    let expression = "!has(object.metadata.labels) || !('ecs-operator.dev/capacity-provider' in object.metadata.labels) || \
                      object.metadata.labels['ecs-operator.dev/capacity-provider'] != 'spot'";
    let policy = json!({"spec": {
        "matchConstraints": {"resourceRules": [
            {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["pods"]}]},
        "validations": [{"expression": expression, "message": "no spot for you"}]}});
    admission_policies::enforce(bench, serde_json::from_value(policy)?).await?;
    let pods = bench.api::<Pod>();
    let probe = json!({"metadata": {"name": "probe"}, "spec": {"containers": [{"name": "app", "image": "example.test/app:1"}],
        "schedulingGates": [{"name": "example.test/never"}]}});
    pods.create(&PostParams::default(), &serde_json::from_value(probe)?).await?;
    let as_spot = Patch::Merge(json!({"metadata": {"labels": {"ecs-operator.dev/capacity-provider": "spot"}}}));
    wait_for("the policy in force", PATIENCE, async || {
        let dry = PatchParams { dry_run: true, ..PatchParams::default() };
        Ok(pods.patch("probe", &dry, &as_spot).await.is_err().then_some(()))
    })
    .await?;
    pods.delete("probe", &DeleteParams::default()).await?;
    Ok(())
}

#[tokio::test]
async fn a_rejected_capacity_provider_is_reported_and_assigned_later() -> Result<()> {
    let bench = bench("refusal").await?;
    forbid_spot(&bench).await?;
    let operator = bench.operator().await?;
    bench.task_definition("app", "1").await?;
    steady_and_spot(&bench).await?;
    let strategy = json!([{"capacityProvider": "steady", "weight": 1}, {"capacityProvider": "spot", "weight": 1}]);
    let spec = json!({"taskDefinition": "app", "desiredCount": 2, "capacityProviderStrategy": strategy,
        "kubernetes": {"healthyAfterSeconds": 1}});
    bench.apply("Service", "web", spec).await?;
    bench
        .until("Service", "web", "an event about the rejection", |object| {
            let events = object.pointer("/status/events")?.as_array()?;
            let mut messages = events.iter().filter_map(|event| event["message"].as_str());
            let reported = messages.any(|message| {
                message.contains("refused capacity provider spot") && message.contains("no spot for you")
            });
            let steady = object.pointer("/status/runningCount")? == 1;
            (steady && reported).then_some(())
        })
        .await?;
    admission_policies::lift(&bench).await?;
    bench.stable("web", "app:1").await?;
    operator.stop().await
}
