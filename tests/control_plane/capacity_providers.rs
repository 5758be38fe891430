//! Capacity on a real scheduler: tasks run on the nodes of their provider and their cluster, and statuses count these nodes.

use std::collections::BTreeSet;

use anyhow::Result;
use devcluster::{Seen, wait_for};
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::bench;
use crate::support::node_pool::{NodePool, ZONES};
use crate::support::{Bench, PATIENCE, admission_policies};

/// The nodes with tasks of the service, once there are so many.
async fn nodes_of(bench: &Bench, service: &str, tasks: usize) -> Result<BTreeSet<String>> {
    let selector = ListParams::default().labels(&format!("ecs-operator.dev/service={service}"));
    wait_for("tasks on nodes", PATIENCE, async || {
        let pods = bench.api::<Pod>().list(&selector).await?.items;
        let there = pods.into_iter().filter(|pod| pod.metadata.deletion_timestamp.is_none());
        let nodes: Vec<String> = there.filter_map(|pod| pod.spec?.node_name).collect();
        Ok(if nodes.len() == tasks { Seen::Done(nodes.into_iter().collect()) } else { Seen::not_yet(nodes) })
    })
    .await
}

async fn counts(bench: &Bench, kind: &str, name: &str, expected: (i64, i64)) -> Result<()> {
    bench
        .until(kind, name, &format!("{expected:?} nodes of {kind} {name}"), |object| {
            let status = object.get("status")?;
            let count = |of: &str| status[format!("{of}ContainerInstancesCount")].as_i64();
            (count("registered")? == expected.0 && count("draining")? == expected.1).then_some(())
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
    // A node without a kubelet, which is drained.
    let drained = format!("drained-{}", bench.namespace);
    let object = json!({"metadata": {"name": drained, "labels": {"capacity-test": bench.namespace}},
        "spec": {"unschedulable": true}});
    nodes.create(&PostParams::default(), &serde_json::from_value(object)?).await?;

    let operator = bench.operator().await?;
    let members = json!({"nodeSelector": {"capacity-test": bench.namespace}});
    bench.apply("Cluster", "default", json!({"kubernetes": members})).await?;
    bench.task_definition("app", "1").await?;
    let spec = json!({"taskDefinition": "app", "desiredCount": 4, "kubernetes": {"healthyAfterSeconds": 1}});
    let on = |strategy: Value| {
        let mut spec = spec.clone();
        spec["capacityProviderStrategy"] = strategy;
        spec
    };
    bench.apply("Service", "web", on(json!([{"capacityProvider": "first", "weight": 1}]))).await?;
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

    // Another strategy is a new deployment: now any node of the cluster will do, which are two.
    bench.apply("Service", "web", on(json!([{"capacityProvider": "FARGATE"}]))).await?;
    let two = BTreeSet::from(["sim-1".to_owned(), "sim-2".to_owned()]);
    wait_for("tasks on the nodes of the cluster", PATIENCE, async || {
        bench.stable("web", "app:1").await?;
        let seen = nodes_of(&bench, "web", 4).await?;
        Ok(if seen == two { Seen::Done(()) } else { Seen::not_yet(seen) })
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

/// Makes the capacity providers `steady` and `spot`, which are a node each: `sim-1` and `sim-2`.
pub async fn steady_and_spot(bench: &Bench) -> Result<()> {
    for (name, node) in [("steady", "sim-1"), ("spot", "sim-2")] {
        let selector = json!({"kubernetes": {"nodeSelector": {"kubernetes.io/hostname": node}}});
        bench.apply("CapacityProvider", name, selector).await?;
    }
    Ok(())
}

#[tokio::test]
async fn tasks_are_divided_among_providers_and_none_moves_when_their_number_changes() -> Result<()> {
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
        let there: Vec<Pod> = pods.into_iter().filter(|pod| pod.metadata.deletion_timestamp.is_none()).collect();
        let on = |node: &str| {
            let is_on = |pod: &&Pod| pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()) == Some(node);
            there.iter().filter(is_on).count()
        };
        assert_eq!([on("sim-1"), on("sim-2")], expected, "{count} tasks");
        let names: BTreeSet<String> = there.iter().filter_map(|pod| pod.metadata.name.clone()).collect();
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
    let of_spot = json!({"nodeSelector": {"kubernetes.io/hostname": spot}, "tolerations": [{"key": "spot", "operator": "Exists"}]});
    bench.apply("Cluster", "default", json!({"kubernetes": {"capacityProviders": {"FARGATE_SPOT": of_spot}}})).await?;
    let strategy =
        json!([{"capacityProvider": "FARGATE", "weight": 1}, {"capacityProvider": "FARGATE_SPOT", "weight": 1}]);
    let spec = json!({"taskDefinition": "app", "desiredCount": 8, "capacityProviderStrategy": strategy,
        "kubernetes": {"healthyAfterSeconds": 1}});
    bench.apply("Service", "web", spec).await?;
    bench.stable("web", "app:1").await?;
    let there = pool.placed("web", 8).await?.into_iter().filter(|node| *node == spot).count();
    assert_eq!(there, 4, "each provider has its half, although FARGATE takes any node");
    operator.stop().await?;
    pool.close().await
}

/// Lets no Pod of the namespace have the capacity provider `spot`, once the server heeds that.
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
async fn a_task_that_the_server_refuses_a_provider_says_so_and_gets_one_later() -> Result<()> {
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
        .until("Service", "web", "an event that tells of the refusal", |object| {
            let events = object.pointer("/status/events")?.as_array()?;
            let told = |event: &Value| {
                let message = event["message"].as_str().unwrap_or_default();
                message.contains("refused capacity provider spot") && message.contains("no spot for you")
            };
            let steady = object.pointer("/status/runningCount")? == 1;
            (steady && events.iter().any(told)).then_some(())
        })
        .await?;
    admission_policies::lift(&bench).await?;
    bench.stable("web", "app:1").await?;
    operator.stop().await
}
