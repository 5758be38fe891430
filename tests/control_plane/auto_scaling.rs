//! Auto scaling: the API server accepts the autoscaler, which scales the Service, and alarms trigger step policies.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use axum::Router;
use axum::routing::get;
use devcluster::{Seen, wait_for};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::ResourceExt;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::bench;
use crate::capacity_providers::steady_and_spot;
use crate::support::{Bench, PATIENCE, install_definition};

#[tokio::test]
async fn an_autoscaler_scales_the_count_of_the_service() -> Result<()> {
    let bench = bench("scaled").await?;
    let operator = bench.operator().await?;
    bench.task_definition("app", "1").await?;
    let cpu = json!({"targetValue": 60, "predefinedMetricSpecification": {"predefinedMetricType": "ECSServiceAverageCPUUtilization"}});
    let policies = json!([{"policyName": "cpu", "targetTrackingScalingPolicyConfiguration": cpu}]);
    let scaling = json!({"minCapacity": 2, "maxCapacity": 5, "policies": policies});
    bench.apply("Service", "web", json!({"taskDefinition": "app", "autoScaling": scaling})).await?;
    let has_count = |count: i64| move |object: &Value| (object.pointer("/spec/desiredCount")? == count).then_some(());
    bench.until("Service", "web", "the minimum count", has_count(2)).await?;
    bench.stable("web", "app:1").await?;

    let autoscalers = bench.api::<HorizontalPodAutoscaler>();
    wait_for("an autoscaler that may remove tasks", PATIENCE, async || {
        let Some(autoscaler) = autoscalers.get_opt("web").await? else { return Ok(Seen::not_yet("none")) };
        let spec = autoscaler.spec;
        assert_eq!((spec.min_replicas, spec.max_replicas), (Some(2), 5));
        assert_eq!(spec.scale_target_ref.kind, "Service");
        let down = spec.behavior.and_then(|behavior| behavior.scale_down).context("a behavior")?;
        let tolerance = down.tolerance.map(|tolerance| tolerance.0);
        let settled = down.select_policy.as_deref() == Some("Max") && tolerance.as_deref() == Some("100m");
        Ok(if settled { Seen::Done(()) } else { Seen::not_yet((down.select_policy, tolerance)) })
    })
    .await?;

    let services = bench.custom_resources("Service");
    let scale = services.get_scale("web").await?;
    assert!(scale.status.and_then(|status| status.selector).is_some(), "no selector for the autoscaler");
    let beyond = Patch::Merge(json!({"spec": {"replicas": 9}}));
    services.patch_scale("web", &PatchParams::default(), &beyond).await?;
    bench.until("Service", "web", "the maximum count", has_count(5)).await?;
    operator.stop().await
}

/// Installs the metrics API as a custom resource definition, so that the test sets the usage of Pods.
async fn install_metrics(bench: &Bench) -> Result<()> {
    let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let definition: CustomResourceDefinition = serde_json::from_value(json!({
        "metadata": {"name": "pods.metrics.k8s.io",
            "annotations": {"api-approved.kubernetes.io": "unapproved, testing-only"}},
        "spec": {
            "group": "metrics.k8s.io", "scope": "Namespaced",
            "names": {"kind": "PodMetrics", "listKind": "PodMetricsList", "plural": "pods", "singular": "pod"},
            "versions": [{"name": "v1beta1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}],
        },
    }))?;
    install_definition(&bench.client, &definition).await
}

/// Sets the CPU usage of every task, in percent of the 100m that it reserves.
async fn use_percent(bench: &Bench, percent: u32) -> Result<()> {
    let kind = GroupVersionKind::gvk("metrics.k8s.io", "v1beta1", "PodMetrics");
    let resource = ApiResource::from_gvk_with_plural(&kind, "pods");
    let metrics = Api::<DynamicObject>::namespaced_with(bench.client.clone(), &bench.namespace, &resource);
    for pod in bench.api::<Pod>().list(&ListParams::default()).await? {
        let name = pod.name_any();
        let object = json!({
            "apiVersion": "metrics.k8s.io/v1beta1", "kind": "PodMetrics",
            "metadata": {"name": name, "labels": pod.labels()}, "window": "15s",
            "containers": [{"name": "app", "usage": {"cpu": format!("{percent}m"), "memory": "1Mi"}}],
        });
        metrics.patch(&name, &PatchParams::apply("test").force(), &Patch::Apply(&object)).await?;
    }
    Ok(())
}

fn step_policy(name: &str, operator: &str, threshold: i32, adjustment: i32, cooldown: i32) -> serde_json::Value {
    let bound = if adjustment > 0 { "metricIntervalLowerBound" } else { "metricIntervalUpperBound" };
    json!({"policyName": name,
        "alarms": [{"alarmName": format!("cpu-{name}"), "metricName": "CPUUtilization", "namespace": "AWS/ECS",
            "dimensions": [{"name": "ServiceName", "value": "stepped"}, {"name": "ClusterName", "value": "default"}],
            "statistic": "Average", "period": 60, "evaluationPeriods": 3, "threshold": threshold,
            "comparisonOperator": operator}],
        "stepScalingPolicyConfiguration": {"adjustmentType": "ChangeInCapacity", "cooldown": cooldown,
            "stepAdjustments": [{(bound): 0, "scalingAdjustment": adjustment}]}})
}

/// Returns the changes of the count in the status, the oldest first.
async fn changes(bench: &Bench) -> Result<Vec<(i64, i64)>> {
    let object = bench.custom_resources("Service").get("stepped").await?;
    let activities = object.data.pointer("/status/scalingActivities").and_then(Value::as_array).cloned();
    let activities = activities.unwrap_or_default().into_iter().rev();
    Ok(activities.filter_map(|it| Some((it["fromCount"].as_i64()?, it["toCount"].as_i64()?))).collect())
}

/// Cooldown in seconds. Metrics are read every second in this test.
const COOLDOWN: u64 = 20;

/// The test requires that the metrics API is missing at first, so no other test may install it.
#[tokio::test]
async fn steps_follow_alarms_on_the_usage_of_tasks() -> Result<()> {
    let bench = bench("stepped").await?;
    let operator = bench.operator().await?;
    let container = json!({"name": "app", "image": "example.test/app:1", "cpu": 102, "memory": 16});
    bench.apply("TaskDefinition", "app", json!({"containerDefinitions": [container]})).await?;
    let cooldown = i32::try_from(COOLDOWN)?;
    let policies = json!([
        step_policy("out", "GreaterThanThreshold", 70, 2, cooldown),
        step_policy("in", "LessThanThreshold", 20, -1, 2)
    ]);
    let spec = json!({"serviceName": "stepped", "taskDefinition": "app", "kubernetes": {"healthyAfterSeconds": 1},
        "autoScaling": {"minCapacity": 2, "maxCapacity": 5, "policies": policies}});
    bench.apply("Service", "stepped", spec).await?;
    bench.stable("stepped", "app:1").await?;
    bench.condition("Service", "stepped", "AutoScaled", "False").await?;
    install_metrics(&bench).await?;
    use_percent(&bench, 50).await?;
    bench.condition("Service", "stepped", "AutoScaled", "True").await?;

    let scaled_to = |count: i64| {
        move |object: &Value| {
            let done = object.pointer("/status/scalingActivities/0/statusCode")? == "Successful";
            (done && object.pointer("/spec/desiredCount")? == count).then_some(())
        }
    };
    use_percent(&bench, 90).await?;
    bench.until("Service", "stepped", "two more tasks", scaled_to(4)).await?;
    let scaled = Instant::now();
    operator.stop().await?;

    let second = bench.operator().await?;
    bench.stable("stepped", "app:1").await?;
    use_percent(&bench, 90).await?;
    // Longer than the periods of the alarm and shorter than the cooldown.
    tokio::time::sleep_until((scaled + Duration::from_secs(COOLDOWN / 2)).into()).await;
    assert_eq!(changes(&bench).await?, [(2, 4)]);
    bench.until("Service", "stepped", "the maximum count", scaled_to(5)).await?;
    assert!(scaled.elapsed() >= Duration::from_secs(COOLDOWN - 2), "{:?}", scaled.elapsed());

    use_percent(&bench, 10).await?;
    bench.until("Service", "stepped", "the minimum count", scaled_to(2)).await?;
    assert_eq!(changes(&bench).await?, [(2, 4), (4, 5), (5, 4), (4, 3), (3, 2)]);
    tokio::time::sleep(Duration::from_secs(5)).await;
    let writes = second.writes();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(second.writes(), writes, "reading metrics caused writes");
    second.stop().await
}

/// Installs an external metric as a custom resource definition, so that the test sets its value.
async fn install_external_metric(bench: &Bench, metric: &str) -> Result<()> {
    let name = format!("{metric}.external.metrics.k8s.io");
    let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let definition: CustomResourceDefinition = serde_json::from_value(json!({
        "metadata": {"name": name, "annotations": {"api-approved.kubernetes.io": "unapproved, testing-only"}},
        "spec": {
            "group": "external.metrics.k8s.io", "scope": "Namespaced",
            "names": {"kind": "Depth", "listKind": "DepthList", "plural": metric, "singular": "depth"},
            "versions": [{"name": "v1beta1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}],
        },
    }))?;
    let api = Api::<CustomResourceDefinition>::all(bench.client.clone());
    api.patch(&name, &PatchParams::apply("test").force(), &Patch::Apply(&definition)).await?;
    bench.cluster.kubectl(["wait", "--for=condition=Established", &format!("crd/{name}"), "--timeout=60s"])?;
    Ok(())
}

async fn set_external_metric(bench: &Bench, metric: &str, value: &str) -> Result<()> {
    let kind = GroupVersionKind::gvk("external.metrics.k8s.io", "v1beta1", "Depth");
    let resource = ApiResource::from_gvk_with_plural(&kind, metric);
    let values = Api::<DynamicObject>::namespaced_with(bench.client.clone(), &bench.namespace, &resource);
    let object = json!({"apiVersion": "external.metrics.k8s.io/v1beta1", "kind": "Depth", "value": value,
        "metadata": {"name": "jobs", "labels": {"queue": "jobs"}}});
    values.patch("jobs", &PatchParams::apply("test").force(), &Patch::Apply(&object)).await?;
    Ok(())
}

/// Applies a service that gets two more tasks while the alarm `jobs` is active: while `metric` is above 100.
async fn worker(bench: &Bench, metric: Value) -> Result<()> {
    bench.task_definition("app", "1").await?;
    let alarm = json!({"alarmName": "jobs", "metricName": "ApproximateNumberOfMessagesVisible", "namespace": "AWS/SQS",
        "dimensions": [{"name": "QueueName", "value": "jobs"}], "statistic": "Average", "period": 60,
        "evaluationPeriods": 1, "threshold": 100, "comparisonOperator": "GreaterThanThreshold"});
    let steps = json!({"adjustmentType": "ChangeInCapacity", "cooldown": 600,
        "stepAdjustments": [{"metricIntervalLowerBound": 0, "scalingAdjustment": 2}]});
    let policies = json!([{"policyName": "work", "alarms": [alarm], "stepScalingPolicyConfiguration": steps}]);
    let spec = json!({"taskDefinition": "app", "autoScaling": {"minCapacity": 1, "maxCapacity": 5, "policies": policies},
        "kubernetes": {"healthyAfterSeconds": 1, "autoScaling": {"alarms": [metric]}}});
    bench.apply("Service", "worker", spec).await?;
    bench.stable("worker", "app:1").await?;
    Ok(())
}

/// Waits until the worker's condition `AutoScaled` has a reason, and returns its message.
async fn is_scaled(bench: &Bench, reason: &str) -> Result<String> {
    bench
        .until("Service", "worker", &format!("AutoScaled with {reason}"), |object| {
            let conditions = object.pointer("/status/conditions")?.as_array()?;
            let condition = conditions.iter().find(|it| it["type"] == "AutoScaled" && it["reason"] == reason)?;
            condition["message"].as_str().map(str::to_owned)
        })
        .await
}

async fn has_three_tasks(bench: &Bench) -> Result<()> {
    bench
        .until("Service", "worker", "two more tasks", |object| {
            (object.pointer("/spec/desiredCount")? == 3).then_some(())
        })
        .await
}

#[tokio::test]
async fn steps_follow_alarms_on_external_metrics() -> Result<()> {
    let bench = bench("external").await?;
    let operator = bench.operator().await?;
    let external = json!({"metricName": "queue-depths", "selector": {"queue": "jobs"}});
    worker(&bench, json!({"alarmName": "jobs", "external": external})).await?;
    is_scaled(&bench, "AlarmMetricMissing").await?;
    install_external_metric(&bench, "queue-depths").await?;
    set_external_metric(&bench, "queue-depths", "40").await?;
    is_scaled(&bench, "Scaling").await?;
    set_external_metric(&bench, "queue-depths", "250").await?;
    has_three_tasks(&bench).await?;
    operator.stop().await
}

/// Starts a server that responds to every query as Prometheus does, with a depth that the test sets. It runs until the test ends.
async fn prometheus(depth: Arc<AtomicU32>) -> Result<String> {
    let response = move || async move {
        let depth = depth.load(Ordering::Relaxed).to_string();
        let result = json!([{"metric": {}, "value": [1.5, depth]}]);
        json!({"status": "success", "data": {"resultType": "vector", "result": result}}).to_string()
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}", listener.local_addr()?);
    let routes = Router::new().route("/api/v1/query", get(response));
    tokio::spawn(async { axum::serve(listener, routes).await });
    Ok(address)
}

#[tokio::test]
async fn steps_follow_alarms_on_an_allowed_prometheus_server() -> Result<()> {
    let bench = bench("prometheus").await?;
    let depth = Arc::new(AtomicU32::new(250));
    let address = prometheus(Arc::clone(&depth)).await?;
    let operator = bench.operator().await?;
    let query = json!({"serverAddress": address, "query": "sum(jobs_waiting)"});
    worker(&bench, json!({"alarmName": "jobs", "prometheus": query})).await?;
    let message = is_scaled(&bench, "AlarmMetricMissing").await?;
    assert!(message.contains("prometheusServers"), "{message}");
    operator.stop().await?;

    depth.store(40, Ordering::Relaxed);
    let operator = bench.operator_with(|options| options.prometheus_servers = vec![address]).await?;
    is_scaled(&bench, "Scaling").await?;
    depth.store(250, Ordering::Relaxed);
    has_three_tasks(&bench).await?;
    operator.stop().await
}

/// Sets the count as an autoscaler does.
async fn scale(bench: &Bench, service: &str, count: i32) -> Result<()> {
    let patch = Patch::Merge(json!({"spec": {"replicas": count}}));
    bench.custom_resources("Service").patch_scale(service, &PatchParams::default(), &patch).await?;
    Ok(())
}

#[tokio::test]
async fn a_scaled_service_is_distributed_to_providers_and_keeps_protected_tasks() -> Result<()> {
    let bench = bench("divided").await?;
    let operator = bench.operator().await?;
    bench.task_definition("app", "1").await?;
    steady_and_spot(&bench).await?;
    let strategy =
        json!([{"capacityProvider": "steady", "base": 1, "weight": 1}, {"capacityProvider": "spot", "weight": 3}]);
    let cpu = json!({"targetValue": 60, "predefinedMetricSpecification": {"predefinedMetricType": "ECSServiceAverageCPUUtilization"}});
    let policies = json!([{"policyName": "cpu", "targetTrackingScalingPolicyConfiguration": cpu}]);
    let spec = json!({"taskDefinition": "app", "capacityProviderStrategy": strategy, "kubernetes": {"healthyAfterSeconds": 1},
        "autoScaling": {"minCapacity": 1, "maxCapacity": 10, "policies": policies}});
    bench.apply("Service", "web", spec).await?;
    bench.stable("web", "app:1").await?;
    // Waits for a number of tasks that are not being deleted; returns their nodes by name.
    let tasks = async |count: usize| {
        wait_for(&format!("{count} tasks"), PATIENCE, async || {
            let pods =
                bench.api::<Pod>().list(&ListParams::default().labels("ecs-operator.dev/service=web")).await?.items;
            let active = pods.into_iter().filter(|pod| pod.metadata.deletion_timestamp.is_none());
            let nodes: BTreeMap<String, String> =
                active.filter_map(|pod| Some((pod.name_any(), pod.spec?.node_name?))).collect();
            Ok(if nodes.len() == count { Seen::Done(nodes) } else { Seen::not_yet(nodes) })
        })
        .await
    };
    scale(&bench, "web", 5).await?;
    let five = tasks(5).await?;
    assert_eq!((count_on("sim-1", &five), count_on("sim-2", &five)), (2, 3));
    let protected = five.iter().find(|(_, node)| *node == "sim-2").map(|(name, _)| name.clone()).context("a task")?;
    let until = json!({"metadata": {"annotations": {"ecs-operator.dev/protected-until": "2099-01-01T00:00:00Z"}}});
    bench.api::<Pod>().patch(&protected, &PatchParams::default(), &Patch::Merge(&until)).await?;
    scale(&bench, "web", 2).await?;
    let two = tasks(2).await?;
    assert!(two.contains_key(&protected), "{protected} is not among {two:?}");
    bench.stable("web", "app:1").await?;
    scale(&bench, "web", 9).await?;
    let nine = tasks(9).await?;
    assert!(nine.contains_key(&protected), "{protected} is not among {nine:?}");
    assert_eq!((count_on("sim-1", &nine), count_on("sim-2", &nine)), (3, 6));
    operator.stop().await
}

fn count_on(node: &str, nodes: &BTreeMap<String, String>) -> usize {
    nodes.values().filter(|it| *it == node).count()
}
