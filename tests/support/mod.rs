//! Shared by the tests on a cluster: an operator in the test's process and namespace, and waits for expected states.

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

/// Timeout of every wait, generous enough for a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// Interval of measurements for alarms, one minute outside of tests.
const MEASUREMENT_INTERVAL: Duration = Duration::from_secs(1);

/// Installs the custom resource definitions. Tests may do so concurrently.
pub async fn install_definitions(client: &Client) -> Result<()> {
    for definition in ecs_operator::api::crd::all()? {
        install_definition(client, &definition).await?;
    }
    Ok(())
}

/// Installs a definition and waits until the server accepts its objects.
pub async fn install_definition(client: &Client, definition: &CustomResourceDefinition) -> Result<()> {
    let name = definition.metadata.name.clone().context("a definition without a name")?;
    let api = Api::<CustomResourceDefinition>::all(client.clone());
    api.patch(&name, &PatchParams::apply("test").force(), &Patch::Apply(definition)).await?;
    wait_for(&format!("definition {name}"), PATIENCE, async || {
        let current = api.get(&name).await?;
        let conditions = current.status.and_then(|s| s.conditions).unwrap_or_default();
        Ok(conditions.iter().any(|c| c.type_ == "Established" && c.status == "True").then_some(()))
    })
    .await
}

/// Namespace of one test, with helpers to apply objects and wait for states.
pub struct Bench {
    pub cluster: &'static Cluster,
    pub client: Client,
    pub namespace: String,
}

impl Bench {
    /// Creates the namespace of a test and installs the definitions.
    pub async fn new(cluster: &'static Cluster, prefix: &str) -> Result<Self> {
        let client = cluster.client().await?;
        install_definitions(&client).await?;
        Ok(Self { cluster, client, namespace: cluster.namespace(prefix).await? })
    }

    /// Starts an operator for this namespace in this process. It logs only if `RUST_LOG` is set.
    pub async fn operator(&self) -> Result<Operator> {
        self.operator_with(|_| {}).await
    }

    /// Starts an operator with changed options.
    pub async fn operator_with(&self, choose: impl FnOnce(&mut Options)) -> Result<Operator> {
        self.start(self.cluster.kubeconfig_path(), choose).await
    }

    /// Starts an operator with the rights of the kubeconfig's user.
    pub async fn operator_as(&self, kubeconfig: &Path) -> Result<Operator> {
        self.start(kubeconfig, |_| {}).await
    }

    async fn start(&self, kubeconfig: &Path, choose: impl FnOnce(&mut Options)) -> Result<Operator> {
        if let Ok(filter) = std::env::var("RUST_LOG") {
            // Fails for the second operator of the process, because logging is set up already.
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

    /// Returns an untyped API of a custom resource of this project.
    pub fn custom_resources(&self, kind: &str) -> Api<DynamicObject> {
        let resource = match kind {
            "Cluster" => ApiResource::erase::<ecs_operator::api::Cluster>(&()),
            "CapacityProvider" => ApiResource::erase::<ecs_operator::api::CapacityProvider>(&()),
            "TaskDefinition" => ApiResource::erase::<ecs_operator::api::TaskDefinition>(&()),
            _ => ApiResource::erase::<ecs_operator::api::Service>(&()),
        };
        Api::namespaced_with(self.client.clone(), &self.namespace, &resource)
    }

    /// Applies a custom resource, with the test as its field manager.
    pub async fn apply(&self, kind: &str, name: &str, spec: Value) -> Result<DynamicObject> {
        let object = json!({
            "apiVersion": "ecs-operator.dev/v1alpha1", "kind": kind,
            "metadata": {"name": name, "namespace": self.namespace}, "spec": spec,
        });
        Ok(self.custom_resources(kind).patch(name, &PatchParams::apply("test").force(), &Patch::Apply(&object)).await?)
    }

    /// Applies a task definition with one container, of this image tag.
    pub async fn task_definition(&self, name: &str, tag: &str) -> Result<DynamicObject> {
        let container = json!({"name": "app", "image": format!("example.test/{name}:{tag}"), "memory": 16,
            "portMappings": [{"containerPort": 8080}]});
        self.apply("TaskDefinition", name, json!({"networkMode": "awsvpc", "containerDefinitions": [container]})).await
    }

    /// Applies a service.
    pub async fn service(&self, name: &str, task_definition: &str, count: i64) -> Result<DynamicObject> {
        // The default of 40 seconds would delay each rollout.
        let kubernetes = json!({"healthyAfterSeconds": 1});
        let spec = json!({"taskDefinition": task_definition, "desiredCount": count, "kubernetes": kubernetes});
        self.apply("Service", name, spec).await
    }

    /// Waits until a condition of a custom resource has this status for its current spec.
    pub async fn condition(&self, kind: &str, name: &str, condition: &str, status: &str) -> Result<Value> {
        let what = format!("{kind} {name} with {condition}={status}");
        self.until(kind, name, &what, |object| {
            let current = object.pointer("/status/observedGeneration") == object.pointer("/metadata/generation");
            let conditions = object.pointer("/status/conditions")?.as_array()?;
            let condition = conditions.iter().find(|c| c["type"] == condition && c["status"] == status)?;
            current.then(|| condition.clone())
        })
        .await?;
        Ok(serde_json::to_value(self.custom_resources(kind).get(name).await?)?)
    }

    /// Waits until `look` returns a value for a custom resource.
    pub async fn until<T>(&self, kind: &str, name: &str, what: &str, look: impl Fn(&Value) -> Option<T>) -> Result<T> {
        self.until_within(PATIENCE, kind, name, what, look).await
    }

    /// Waits with another timeout than [`PATIENCE`].
    pub async fn until_within<T>(
        &self,
        patience: Duration,
        kind: &str,
        name: &str,
        what: &str,
        look: impl Fn(&Value) -> Option<T>,
    ) -> Result<T> {
        let api = self.custom_resources(kind);
        wait_for(what, patience, async || {
            let mut object = serde_json::to_value(api.get(name).await?)?;
            if let Some(metadata) = object["metadata"].as_object_mut() {
                metadata.remove("managedFields");
            }
            Ok(look(&object).map_or_else(|| Seen::not_yet(&object), Seen::Done))
        })
        .await
    }

    /// Waits until the service is stable with this task definition.
    pub async fn stable(&self, service: &str, task_definition: &str) -> Result<Value> {
        self.until("Service", service, &format!("service {service} stable on {task_definition}"), |object| {
            let condition = object.pointer("/status/conditions")?.as_array()?.iter().find(|c| c["type"] == "Stable")?;
            let current = object.pointer("/status/observedGeneration") == object.pointer("/metadata/generation");
            let done = object.pointer("/status/deployments/0/rolloutState")? == "COMPLETED";
            let deployed = object.pointer("/status/taskDefinition")? == task_definition;
            (current && done && deployed && condition["status"] == "True").then(|| object.clone())
        })
        .await
    }

    /// Waits until the service has an event whose message ends with `suffix`.
    pub async fn event_ending(&self, service: &str, suffix: &str) -> Result<()> {
        self.until("Service", service, &format!("an event that ends with {suffix:?}"), |object| {
            let events = object.pointer("/status/events")?.as_array()?;
            let mut messages = events.iter().filter_map(|event| event["message"].as_str());
            messages.any(|message| message.ends_with(suffix)).then_some(())
        })
        .await
    }
}

/// Returns an object with additional members.
pub fn with(mut object: Value, more: &Value) -> Value {
    if let (Some(members), Some(more)) = (object.as_object_mut(), more.as_object()) {
        members.extend(more.clone());
    }
    object
}

/// A running operator.
pub struct Operator {
    pub metrics: Metrics,
    shutdown: CancellationToken,
    task: JoinHandle<Result<()>>,
}

impl Operator {
    /// Stops the operator as SIGTERM does.
    pub async fn stop(self) -> Result<()> {
        self.shutdown.cancel();
        self.task.await?
    }

    /// Returns the sum of a counter over its series whose labels contain `filter`.
    pub fn total(&self, metric: &str, filter: &str) -> u64 {
        let text = self.metrics.encode();
        let lines = text.lines().filter(|l| l.starts_with(metric) && l.contains(filter));
        lines.filter_map(|l| l.rsplit_once(' ')?.1.parse::<u64>().ok()).sum()
    }

    /// Returns the number of requests that changed an object.
    pub fn writes(&self) -> u64 {
        self.total("ecs_operator_apply_total", "written")
    }

    /// Requests that changed something other than a Cluster. A Cluster's status counts nodes, which tests that run
    /// beside this one add and remove.
    pub fn writes_of_services(&self) -> u64 {
        self.writes() - self.total("ecs_operator_apply_total", "kind=\"Cluster\",result=\"written\"")
    }
}
