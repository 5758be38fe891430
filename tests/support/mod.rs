//! What the tests on a cluster share: an operator in the test's own process and namespace, and a vocabulary to expect with.

pub mod admission_policies;
pub mod node_pool;
pub mod traffic_definitions;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use devcluster::{Cluster, Seen, wait_for};
use ecs_operator::api::SecretStores;
use ecs_operator::controllers::{self, Options};
use ecs_operator::kubernetes::client::{ConnectOptions, connect};
use ecs_operator::telemetry::logs;
use ecs_operator::telemetry::metrics::Metrics;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams};
use kube::{Client, Resource};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Long enough for every state that is waited for, on a machine that does other things too.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// An alarm's minute, as far as tests are concerned.
const MEASUREMENT_INTERVAL: Duration = Duration::from_secs(1);

/// Installs the definitions; several tests may do so at once.
pub async fn install_definitions(client: &Client) -> Result<()> {
    for definition in ecs_operator::api::crd::all()? {
        install_definition(client, &definition).await?;
    }
    Ok(())
}

/// Installs one definition, until the server takes objects of it. `kubectl wait` fails where there is no condition yet.
pub async fn install_definition(client: &Client, definition: &CustomResourceDefinition) -> Result<()> {
    let name = definition.metadata.name.clone().context("a definition without a name")?;
    let api = Api::<CustomResourceDefinition>::all(client.clone());
    api.patch(&name, &PatchParams::apply("test").force(), &Patch::Apply(definition)).await?;
    wait_for(&format!("definition {name}"), PATIENCE, async || {
        let found = api.get(&name).await?;
        let conditions = found.status.and_then(|s| s.conditions).unwrap_or_default();
        Ok(conditions.iter().any(|c| c.type_ == "Established" && c.status == "True").then_some(()))
    })
    .await
}

/// A namespace of its own, and what a test does in it.
pub struct Bench {
    pub cluster: &'static Cluster,
    pub client: Client,
    pub namespace: String,
}

impl Bench {
    /// The namespace of a new test, with the definitions installed.
    pub async fn new(cluster: &'static Cluster, prefix: &str) -> Result<Self> {
        let client = cluster.client().await?;
        install_definitions(&client).await?;
        Ok(Self { cluster, client, namespace: cluster.namespace(prefix).await? })
    }

    /// Starts an operator for this namespace in this process.
    ///
    /// It is silent, unless `RUST_LOG` is set.
    pub async fn operator(&self) -> Result<Operator> {
        self.operator_with(|_| {}).await
    }

    /// The same with options of the test's choice.
    pub async fn operator_with(&self, choose: impl FnOnce(&mut Options)) -> Result<Operator> {
        self.start(self.cluster.kubeconfig_path(), choose).await
    }

    /// The same with the rights of whom the kubeconfig is for.
    pub async fn operator_as(&self, kubeconfig: &Path) -> Result<Operator> {
        self.start(kubeconfig, |_| {}).await
    }

    async fn start(&self, kubeconfig: &Path, choose: impl FnOnce(&mut Options)) -> Result<Operator> {
        if let Ok(filter) = std::env::var("RUST_LOG") {
            // The second operator of the process finds it done.
            let _ = logs::init(logs::Format::Text, &filter);
        }
        let clients = connect(ConnectOptions { kubeconfig: Some(kubeconfig.to_owned()), context: None }).await?;
        let (metrics, shutdown) = (Metrics::new(), CancellationToken::new());
        let mut options = Options {
            namespace: Some(self.namespace.clone()),
            concurrency: 8,
            task_agent_image: None,
            placement_schedulers: true,
            listen: None,
            prometheus_servers: Vec::new(),
            stores: SecretStores::default(),
            detection_interval: Duration::from_secs(2),
            measurement_interval: MEASUREMENT_INTERVAL,
        };
        choose(&mut options);
        let run = controllers::run(clients, options, metrics.clone(), shutdown.clone());
        let task = tokio::spawn(async move { run.await.map_err(anyhow::Error::from) });
        Ok(Operator { metrics, shutdown, task })
    }

    pub fn api<K: Resource<Scope = k8s_openapi::NamespaceResourceScope>>(&self) -> Api<K>
    where
        K::DynamicType: Default,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// One of our kinds, untyped.
    pub fn ours(&self, kind: &str) -> Api<DynamicObject> {
        let resource = match kind {
            "Cluster" => ApiResource::erase::<ecs_operator::api::Cluster>(&()),
            "CapacityProvider" => ApiResource::erase::<ecs_operator::api::CapacityProvider>(&()),
            "TaskDefinition" => ApiResource::erase::<ecs_operator::api::TaskDefinition>(&()),
            _ => ApiResource::erase::<ecs_operator::api::Service>(&()),
        };
        Api::namespaced_with(self.client.clone(), &self.namespace, &resource)
    }

    /// Applies one of our kinds as a person's kubectl would.
    pub async fn apply(&self, kind: &str, name: &str, spec: Value) -> Result<DynamicObject> {
        let object = json!({
            "apiVersion": "ecs-operator.dev/v1alpha1", "kind": kind,
            "metadata": {"name": name, "namespace": self.namespace}, "spec": spec,
        });
        Ok(self.ours(kind).patch(name, &PatchParams::apply("test").force(), &Patch::Apply(&object)).await?)
    }

    /// A task definition with one container, of an image tag of the test's choice.
    pub async fn task_definition(&self, name: &str, tag: &str) -> Result<DynamicObject> {
        let container = json!({"name": "app", "image": format!("example.test/{name}:{tag}"), "memory": 16,
            "portMappings": [{"containerPort": 8080}]});
        self.apply("TaskDefinition", name, json!({"networkMode": "awsvpc", "containerDefinitions": [container]})).await
    }

    pub async fn service(&self, name: &str, task_definition: &str, count: i64) -> Result<DynamicObject> {
        // ECS's 40 seconds would be waited for in each rollout.
        let kubernetes = json!({"healthyAfterSeconds": 1});
        let spec = json!({"taskDefinition": task_definition, "desiredCount": count, "kubernetes": kubernetes});
        self.apply("Service", name, spec).await
    }

    /// Waits until a condition of one of our objects has this status, for its current spec.
    pub async fn condition(&self, kind: &str, name: &str, condition: &str, status: &str) -> Result<Value> {
        let what = format!("{kind} {name} with {condition}={status}");
        self.until(kind, name, &what, |object| {
            let current = object.pointer("/status/observedGeneration") == object.pointer("/metadata/generation");
            let conditions = object.pointer("/status/conditions")?.as_array()?;
            let found = conditions.iter().find(|c| c["type"] == condition && c["status"] == status)?;
            current.then(|| found.clone())
        })
        .await?;
        Ok(serde_json::to_value(self.ours(kind).get(name).await?)?)
    }

    /// Waits until `look` finds what it wants in one of our objects.
    pub async fn until<T>(&self, kind: &str, name: &str, what: &str, look: impl Fn(&Value) -> Option<T>) -> Result<T> {
        self.until_within(PATIENCE, kind, name, what, look).await
    }

    /// The same for what takes others longer than a test is otherwise patient for.
    pub async fn until_within<T>(
        &self,
        patience: Duration,
        kind: &str,
        name: &str,
        what: &str,
        look: impl Fn(&Value) -> Option<T>,
    ) -> Result<T> {
        let api = self.ours(kind);
        wait_for(what, patience, async || {
            let mut object = serde_json::to_value(api.get(name).await?)?;
            if let Some(metadata) = object["metadata"].as_object_mut() {
                metadata.remove("managedFields");
            }
            Ok(look(&object).map_or_else(|| Seen::not_yet(&object), Seen::Done))
        })
        .await
    }

    /// Waits until the service is stable on this revision.
    pub async fn stable(&self, service: &str, task_definition: &str) -> Result<Value> {
        self.until("Service", service, &format!("service {service} stable on {task_definition}"), |object| {
            let condition = object.pointer("/status/conditions")?.as_array()?.iter().find(|c| c["type"] == "Stable")?;
            let current = object.pointer("/status/observedGeneration") == object.pointer("/metadata/generation");
            let done = object.pointer("/status/deployments/0/rolloutState")? == "COMPLETED";
            let on_it = object.pointer("/status/taskDefinition")? == task_definition;
            (current && done && on_it && condition["status"] == "True").then(|| object.clone())
        })
        .await
    }

    /// Waits until an event of the service ends in these words.
    pub async fn told(&self, service: &str, words: &str) -> Result<()> {
        self.until("Service", service, &format!("an event that ends in {words:?}"), |object| {
            let events = object.pointer("/status/events")?.as_array()?;
            let told = |event: &Value| event["message"].as_str().is_some_and(|message| message.ends_with(words));
            events.iter().any(told).then_some(())
        })
        .await
    }
}

/// An object with more members.
pub fn with(mut object: Value, more: &Value) -> Value {
    if let (Some(members), Some(more)) = (object.as_object_mut(), more.as_object()) {
        members.extend(more.clone());
    }
    object
}

/// An operator at work.
pub struct Operator {
    pub metrics: Metrics,
    shutdown: CancellationToken,
    task: JoinHandle<Result<()>>,
}

impl Operator {
    /// Stops it as SIGTERM does.
    pub async fn stop(self) -> Result<()> {
        self.shutdown.cancel();
        self.task.await?
    }

    /// The sum of a counter over all its labels that contain `filter`.
    pub fn total(&self, metric: &str, filter: &str) -> u64 {
        let text = self.metrics.encode();
        let lines = text.lines().filter(|l| l.starts_with(metric) && l.contains(filter));
        lines.filter_map(|l| l.rsplit_once(' ')?.1.parse::<u64>().ok()).sum()
    }

    /// Requests that changed something.
    pub fn writes(&self) -> u64 {
        self.total("ecs_operator_apply_total", "written")
    }

    /// Requests that changed something other than a Cluster. A Cluster's status counts nodes, which tests that run
    /// beside this one add and remove.
    pub fn writes_of_services(&self) -> u64 {
        self.writes() - self.total("ecs_operator_apply_total", "kind=\"Cluster\",result=\"written\"")
    }
}
