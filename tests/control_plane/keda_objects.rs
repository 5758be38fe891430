//! Objects of KEDA against its original definitions: the API server accepts and stores every field.
//!
//! KEDA is not installed, so the objects scale nothing.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use devcluster::{Seen, wait_for};
use ecs_operator::convert::files::Source;
use k8s_openapi::api::admissionregistration::v1::ValidatingAdmissionPolicy;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind};
use serde_json::{Value, json};

use crate::add_ons::settled;
use crate::bench;
use crate::plain_manifests::{dry_run, plain};
use crate::support::{Bench, PATIENCE, admission_policies, install_definition};

/// Installs KEDA's definitions. Tests may do so concurrently.
pub async fn install(bench: &Bench) -> Result<()> {
    for definition in tokio::task::spawn_blocking(devcluster::keda_definitions).await?? {
        install_definition(&bench.client, &definition).await?;
    }
    Ok(())
}

fn scaled_objects(bench: &Bench) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("keda.sh", "v1alpha1", "ScaledObject");
    let resource = ApiResource::from_gvk_with_plural(&kind, "scaledobjects");
    Api::namespaced_with(bench.client.clone(), &bench.namespace, &resource)
}

/// A service and its task definition.
struct Pair {
    task_definition: Value,
    service: Value,
}

impl Pair {
    /// Reads the definitions of a golden case.
    fn golden(case: &str, task_definition: &str, service: &str) -> Result<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/cases").join(case);
        let read =
            |file: &str| -> Result<Value> { Ok(serde_json::from_str(&std::fs::read_to_string(folder.join(file))?)?) };
        Ok(Self { task_definition: read(task_definition)?, service: read(service)? })
    }

    /// Every source of metrics, with one task, as plain manifests assume.
    fn with_every_source() -> Result<Self> {
        let mut pair = Self::golden("auto-scaling-by-metrics-from-elsewhere", "task-definition.json", "service.json")?;
        pair.service["desiredCount"] = 1.into();
        Ok(pair)
    }

    /// A queue that scales from zero tasks.
    fn from_zero() -> Result<Self> {
        Self::golden("auto-scaling-from-and-to-zero", "task-definition.json", "service-free.json")
    }

    fn all() -> Result<[Self; 3]> {
        Ok([Self::with_every_source()?, Self::from_zero()?, Self::with_requests_and_queue()])
    }

    /// Requests of a load balancer and the depth of a queue, with authentication for the whole cluster.
    fn with_requests_and_queue() -> Self {
        let requests = json!({"targetValue": 500.5, "scaleInCooldown": 1200, "predefinedMetricSpecification": {
            "predefinedMetricType": "ALBRequestCountPerTarget",
            "resourceLabel": "app/front/0123456789abcdef/targetgroup/front/fedcba9876543210"}});
        let depth = json!({"targetValue": 20, "disableScaleIn": true, "customizedMetricSpecification": {
            "namespace": "AWS/SQS", "metricName": "ApproximateNumberOfMessagesVisible", "statistic": "Average",
            "dimensions": [{"name": "QueueName", "value": "jobs"}]}});
        let policy = |name: &str, tracking: Value| json!({"policyName": name, "targetTrackingScalingPolicyConfiguration": tracking});
        let url = "https://sqs.eu-west-1.amazonaws.com/111122223333/jobs";
        let container = json!({"name": "app", "image": "example.test/app:1", "cpu": 256, "memory": 64});
        Self {
            task_definition: json!({"family": "front", "containerDefinitions": [container]}),
            service: json!({"serviceName": "front", "taskDefinition": "front",
                "autoScaling": {"minCapacity": 1, "maxCapacity": 20, "tags": {"team": "front"},
                    "policies": [policy("requests", requests), policy("depth", depth)]},
                "kubernetes": {"autoScaling": {"awsRegion": "eu-west-1", "authentication": {"name": "aws", "clusterWide": true},
                    "metrics": [{"policyName": "depth", "queue": {"url": url, "inFlight": true}}]}}}),
        }
    }

    /// Returns the `ScaledObject` of the plain manifests.
    fn scaled_object(&self) -> Result<DynamicObject> {
        let source = |name: &str, value: &Value| Source {
            name: name.to_owned(),
            text: Ok(value.to_string()),
            from_folder: false,
        };
        let sources = [source("task.json", &self.task_definition), source("service.json", &self.service)];
        let mut objects = plain(&sources)?.into_iter();
        let scaled_object =
            objects.find(|object| object.types.as_ref().is_some_and(|types| types.kind == "ScaledObject"));
        scaled_object.context("a ScaledObject")
    }
}

#[tokio::test]
async fn every_field_of_a_scaled_object_is_in_kedas_schema() -> Result<()> {
    let bench = bench("keda").await?;
    install(&bench).await?;
    for pair in Pair::all()? {
        let mut object = pair.scaled_object()?;
        dry_run(&bench, &object).await?;
        object.data["spec"]["advanced"]["unknown"] = true.into();
        let refused = dry_run(&bench, &object).await.err().context("an unknown field was accepted")?;
        ensure!(format!("{refused:#}").contains("unknown"), "{refused:#}");
    }
    Ok(())
}

#[tokio::test]
async fn the_scaled_object_of_a_service_is_stored_unchanged() -> Result<()> {
    let bench = bench("scaledobject").await?;
    install(&bench).await?;
    let operator = bench.operator().await?;
    for pair in Pair::all()? {
        let name = pair.service["serviceName"].as_str().context("a name")?;
        let family = pair.service["taskDefinition"].as_str().context("a task definition")?;
        bench.apply("TaskDefinition", family, pair.task_definition.clone()).await?;
        bench.apply("Service", name, pair.service.clone()).await?;
        bench.stable(name, &format!("{family}:1")).await?;

        // With an operator, the target is the Service. All other fields are as in plain manifests.
        let mut expected = pair.scaled_object()?.data["spec"].take();
        expected["scaleTargetRef"] =
            json!({"apiVersion": "ecs-operator.dev/v1alpha1", "kind": "Service", "name": name});
        wait_for(&format!("the ScaledObject of {name}"), PATIENCE, async || {
            let stored = scaled_objects(&bench).get_opt(name).await?.map(|object| object.data["spec"].clone());
            Ok(if stored.as_ref() == Some(&expected) { Seen::Done(()) } else { Seen::not_yet((stored, &expected)) })
        })
        .await?;
    }
    settled(&operator).await?;
    operator.stop().await?;

    let second = bench.operator().await?;
    settled(&second).await?;
    assert_eq!(second.writes(), 0, "the restart wrote something:\n{}", second.metrics.encode());
    second.stop().await
}

/// Reads the policy from the documentation.
fn documented_policy() -> Result<ValidatingAdmissionPolicy> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/auto-scaling.md");
    let text = std::fs::read_to_string(path)?;
    let block = text.split("```yaml\n").find(|block| block.contains("kind: ValidatingAdmissionPolicy"));
    let block = block.and_then(|block| block.split("```").next()).context("a policy in docs/auto-scaling.md")?;
    Ok(serde_saphyr::from_str(block)?)
}

#[tokio::test]
async fn the_documented_policy_limits_metrics_to_one_prometheus() -> Result<()> {
    let bench = bench("policy").await?;
    admission_policies::enforce(&bench, documented_policy()?).await?;
    let service =
        |metrics: Value| json!({"taskDefinition": "app", "kubernetes": {"autoScaling": {"metrics": metrics}}});
    let prometheus = |server: &str| json!([{"policyName": "p", "prometheus": {"serverAddress": server, "query": "m"}}]);
    wait_for("a policy in force", PATIENCE, async || {
        Ok(match bench.apply("Service", "stranger", service(prometheus("http://stranger"))).await {
            Err(error) if error.to_string().contains("metrics come from the Prometheus of the cluster") => {
                Seen::Done(())
            }
            result => Seen::not_yet(result.map(|_| "accepted").map_err(|error| error.to_string())),
        })
    })
    .await?;
    bench.apply("Service", "known", service(prometheus("http://prometheus.monitoring.svc:9090"))).await?;
    bench.apply("Service", "queue", service(json!([{"policyName": "p", "queue": {"url": "jobs"}}]))).await?;
    bench.apply("Service", "plain", json!({"taskDefinition": "app"})).await?;
    admission_policies::lift(&bench).await
}
