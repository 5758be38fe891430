//! Many autoscaled services at once: quiet while the load stays as it is, and how soon they follow when it changes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use devcluster::{Cluster, NodeTemplate, Part, Seen, wait_for};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams};
use kube::runtime::reflector::{self, Store};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Resource, ResourceExt};
use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::add_ons::settled;
use crate::rollouts::number;
use crate::support::{Bench, Operator};

/// However many services there are: no state is late, it only takes longer.
const PATIENCE: Duration = Duration::from_mins(20);
/// Requests of the test under way at once.
const AT_ONCE: usize = 16;
/// Looks of the operator at the metrics, during which it is to write nothing.
const LOOKS: u64 = 3;
/// And as long at least: three looks of metrics-server, two of the autoscalers.
const REST: Duration = Duration::from_secs(30);

/// The target and the threshold, in percent of the 100 m that a task reserves.
const TARGET: u32 = 60;
const THRESHOLD: u32 = 70;
/// What a task uses, in thousandths of a processor, when it has far too much to do.
const MUCH: u32 = 300;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// It tracks a target, by a HorizontalPodAutoscaler.
    Tracked,
    /// The operator evaluates an alarm and makes a step.
    Stepped,
}

impl Kind {
    fn of(name: &str) -> Self {
        if name.starts_with("tracked") { Self::Tracked } else { Self::Stepped }
    }

    fn policy(self, name: &str) -> Value {
        match self {
            Self::Tracked => {
                json!({"policyName": "cpu", "targetTrackingScalingPolicyConfiguration": {"targetValue": TARGET,
                "predefinedMetricSpecification": {"predefinedMetricType": "ECSServiceAverageCPUUtilization"}}})
            }
            Self::Stepped => json!({"policyName": "out",
                "alarms": [{"alarmName": "cpu", "metricName": "CPUUtilization", "namespace": "AWS/ECS",
                    "dimensions": [{"name": "ServiceName", "value": name}, {"name": "ClusterName", "value": "default"}],
                    "statistic": "Average", "period": 60, "evaluationPeriods": 1, "threshold": THRESHOLD,
                    "comparisonOperator": "GreaterThanThreshold"}],
                "stepScalingPolicyConfiguration": {"adjustmentType": "ChangeInCapacity", "cooldown": 3600,
                    "stepAdjustments": [{"metricIntervalLowerBound": 0, "scalingAdjustment": 1}]}}),
        }
    }

    /// The count that its services come to when a single task has far too much to do.
    fn scaled(self) -> i64 {
        match self {
            Self::Tracked => 3,
            Self::Stepped => 2,
        }
    }

    /// Whether something has decided that this service needs more tasks.
    fn has_decided(self, service: &Value) -> bool {
        match self {
            Self::Tracked => service["spec"]["desiredCount"].as_i64() > Some(1),
            Self::Stepped => service.pointer("/status/scalingActivities/0/policyName").is_some(),
        }
    }
}

/// When something was first seen of each service.
type Times = BTreeMap<String, Instant>;

/// A stored copy of all objects of a kind, which a watch keeps fresh.
fn watched<K>(api: Api<K>, kind: K::DynamicType, seen: impl Fn(&K) + Send + 'static) -> Store<K>
where
    K: Resource<DynamicType: Eq + Hash + Clone> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    let writer = reflector::store::Writer::new(kind);
    let store = writer.as_reader();
    let objects = watcher(api, watcher::Config::default()).default_backoff().reflect(writer).applied_objects();
    // It ends with the runtime of the test.
    tokio::spawn(objects.for_each(move |object| {
        if let Ok(object) = object {
            seen(&object);
        }
        futures::future::ready(())
    }));
    store
}

/// The services under test.
struct Fleet {
    bench: Bench,
    names: BTreeSet<String>,
    services: Store<DynamicObject>,
    autoscalers: Store<HorizontalPodAutoscaler>,
    decided: Arc<Mutex<Times>>,
}

impl Fleet {
    fn new(bench: Bench, size: u64) -> Self {
        let name = |n: u64| format!("{}-{n:04}", if n.is_multiple_of(2) { "tracked" } else { "stepped" });
        let decided = Arc::new(Mutex::new(Times::new()));
        let noted = Arc::clone(&decided);
        let services = watched(bench.ours("Service"), ApiResource::erase::<ecs_operator::api::Service>(&()), {
            move |service| {
                let name = service.name_any();
                if Kind::of(&name).has_decided(&service.data) {
                    noted.lock().entry(name).or_insert_with(Instant::now);
                }
            }
        });
        let autoscalers = watched(bench.api::<HorizontalPodAutoscaler>(), (), |_| {});
        Self { bench, names: (0..size).map(name).collect(), services, autoscalers, decided }
    }

    fn of(&self, kind: Kind) -> impl Iterator<Item = &String> {
        self.names.iter().filter(move |name| Kind::of(name) == kind)
    }

    async fn create(&self) -> Result<()> {
        let container = json!({"name": "app", "image": "example.test/app:1", "cpu": 102, "memory": 16});
        self.bench.apply("TaskDefinition", "app", json!({"containerDefinitions": [container]})).await?;
        let made = self.names.iter().map(|name| {
            let kind = Kind::of(name);
            let scaling = json!({"minCapacity": 1, "maxCapacity": 3, "policies": [kind.policy(name)]});
            let spec = json!({"serviceName": name, "taskDefinition": "app", "autoScaling": scaling,
                "kubernetes": {"healthyAfterSeconds": 1}});
            self.bench.apply("Service", name, spec)
        });
        stream::iter(made).buffer_unordered(AT_ONCE).try_for_each(async |_| Ok(())).await
    }

    /// Waits until this is so of each service.
    async fn all(&self, what: &str, is_so: impl Fn(&DynamicObject) -> bool) -> Result<()> {
        wait_for(what, PATIENCE, async || {
            let all = self.services.state();
            let done = all.iter().filter(|service| is_so(service)).count();
            let missing = all.iter().find(|service| !is_so(service));
            Ok(if done == self.names.len() { Seen::Done(()) } else { Seen::not_yet((done, missing)) })
        })
        .await
    }

    /// Waits until each service has its tasks, and what scales it knows what they use.
    async fn is_measured(&self) -> Result<()> {
        self.all("all services stable and measured", |service| {
            let conditions = service.data.pointer("/status/conditions").and_then(Value::as_array);
            let holds = |kind: &str| {
                conditions.is_some_and(|all| all.iter().any(|c| c["type"] == kind && c["status"] == "True"))
            };
            service.data["status"]["runningCount"] == 1 && holds("Stable") && holds("AutoScaled")
        })
        .await?;
        wait_for("metrics in all autoscalers", PATIENCE, async || {
            let all = self.autoscalers.state();
            let measured = |it: &HorizontalPodAutoscaler| {
                let metrics = it.status.as_ref().and_then(|status| status.current_metrics.as_ref());
                metrics.and_then(|metrics| metrics.first()?.resource.as_ref()?.current.average_utilization).is_some()
            };
            let done = all.iter().filter(|it| measured(it)).count();
            Ok(if done == self.of(Kind::Tracked).count() { Seen::Done(()) } else { Seen::not_yet((done, all.len())) })
        })
        .await
    }

    /// The versions of all services, their status included.
    fn versions(&self) -> BTreeMap<String, Option<String>> {
        self.services.state().iter().map(|service| (service.name_any(), service.resource_version())).collect()
    }

    /// Several looks at the metrics, at rest.
    async fn rests(&self, operator: &Operator) -> Result<()> {
        settled(operator).await?;
        let reconciles = || operator.total("ecs_operator_reconcile_total", "");
        let (before, versions, writes, started) = (reconciles(), self.versions(), operator.writes(), Instant::now());
        let looked = LOOKS * u64::try_from(self.of(Kind::Stepped).count())?;
        wait_for("several looks at the metrics", PATIENCE, async || {
            let (done, rested) = (reconciles() - before, started.elapsed());
            Ok(if done >= looked && rested > REST { Seen::Done(()) } else { Seen::not_yet((done, rested)) })
        })
        .await?;
        let (done, seconds) = (reconciles() - before, started.elapsed().as_secs());
        ensure!(
            operator.writes() == writes,
            "{} writes at rest:\n{}",
            operator.writes() - writes,
            operator.metrics.encode()
        );
        ensure!(self.versions() == versions, "services were written to at rest");
        println!("at rest: {} services, {done} reconciles in {seconds} s and no write", self.names.len());
        Ok(())
    }

    /// Gives all tasks far too much to do; when each service had it.
    async fn load(&self) -> Result<Times> {
        let api = self.bench.api::<Pod>();
        let annotation = json!({"metadata": {"annotations": {"kwok.x-k8s.io/usage-cpu": format!("{MUCH}m")}}});
        let (api, annotation) = (&api, &Patch::Merge(annotation));
        let patches = api.list(&ListParams::default()).await?.into_iter().map(|pod| async move {
            api.patch(&pod.name_any(), &PatchParams::default(), annotation).await?;
            Ok((service_of(&pod), Instant::now()))
        });
        stream::iter(patches).buffer_unordered(AT_ONCE).try_collect().await
    }

    /// Follows a change of the load until a decision on every service; when the metrics API first told of each.
    async fn follow(&self) -> Result<Times> {
        let kind = GroupVersionKind::gvk("metrics.k8s.io", "v1beta1", "PodMetrics");
        let resource = ApiResource::from_gvk_with_plural(&kind, "pods");
        let metrics =
            Api::<DynamicObject>::namespaced_with(self.bench.client.clone(), &self.bench.namespace, &resource);
        let mut told = Times::new();
        wait_for("a decision on every service", PATIENCE, async || {
            if told.len() < self.names.len() {
                let now = Instant::now();
                for pod in metrics.list(&ListParams::default()).await? {
                    if used(&pod).is_some_and(|used| used > THRESHOLD) {
                        told.entry(service_of(&pod)).or_insert(now);
                    }
                }
            }
            let decided = self.decided.lock().len();
            let all = decided == self.names.len() && told.len() == decided;
            Ok(if all { Seen::Done(()) } else { Seen::not_yet((told.len(), decided)) })
        })
        .await?;
        Ok(told)
    }

    /// Prints how long it took from the change of the load to the decisions.
    fn report(&self, kind: Kind, changed: &Times, told: &Times) -> Result<()> {
        let decided = self.decided.lock();
        let between = |from: &Times, to: &Times| -> Result<Figures> {
            let took = |name: &String| Some(to.get(name)?.saturating_duration_since(*from.get(name)?));
            Figures::of(self.of(kind).filter_map(took)).with_context(|| format!("no service is {kind:?}"))
        };
        println!("{kind:?}: from the load to the decision {}", between(changed, &decided)?);
        println!("{kind:?}: of that until the metrics API tells {}", between(changed, told)?);
        println!("{kind:?}: and from then to the decision {}", between(told, &decided)?);
        Ok(())
    }
}

/// Of how long something took for many.
struct Figures {
    first: Duration,
    median: Duration,
    worst: Duration,
}

impl Figures {
    fn of(durations: impl Iterator<Item = Duration>) -> Option<Self> {
        let mut sorted: Vec<Duration> = durations.collect();
        sorted.sort();
        Some(Self { first: *sorted.first()?, median: *sorted.get(sorted.len() / 2)?, worst: *sorted.last()? })
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [first, median, worst] = [self.first, self.median, self.worst].map(|it| it.as_secs_f64());
        write!(f, "{first:.1} s at first, {median:.1} s in the median, {worst:.1} s at worst")
    }
}

fn service_of(object: &impl ResourceExt) -> String {
    object.labels().get("ecs-operator.dev/service").cloned().unwrap_or_default()
}

/// What a task uses, in thousandths of a processor.
fn used(metrics: &DynamicObject) -> Option<u32> {
    let text = metrics.data.pointer("/containers/0/usage/cpu")?.as_str()?;
    if let Some(nanos) = text.strip_suffix('n') {
        return u32::try_from(nanos.parse::<u64>().ok()? / 1_000_000).ok();
    }
    text.strip_suffix('m').unwrap_or(text).parse().ok()
}

static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();

/// A cluster of its own: in the shared one the metrics API is what a test says.
async fn cluster() -> Result<&'static Cluster> {
    let start = || {
        let nodes =
            NodeTemplate { cpu: "1k".to_owned(), memory: "4Ti".to_owned(), pods: 2000, ..NodeTemplate::from(3) };
        Cluster::builder().simulated_nodes(nodes).metrics_server().start()
    };
    CLUSTER.get_or_try_init(start).await
}

#[tokio::test(flavor = "multi_thread")]
async fn many_services_rest_under_an_even_load_and_follow_a_change() -> Result<()> {
    let (services, seconds) = (number("SERVICES", 20), number("MEASURE_SECONDS", 1));
    let cluster = cluster().await?;
    let bench = Bench::new(cluster, "autoscaled").await?;
    let operator = bench.operator_with(|options| options.measurement_interval = Duration::from_secs(seconds)).await?;
    let fleet = Fleet::new(bench, services);
    let started = Instant::now();
    fleet.create().await?;
    fleet.is_measured().await?;
    println!("{services} services are measured after {} s", started.elapsed().as_secs());
    fleet.rests(&operator).await?;

    let changed = fleet.load().await?;
    let told = fleet.follow().await?;
    for kind in [Kind::Tracked, Kind::Stepped] {
        fleet.report(kind, &changed, &told)?;
    }
    fleet
        .all("all services scaled", |service| {
            let count = Kind::of(&service.name_any()).scaled();
            let cause =
                service.data.pointer("/status/scalingActivities/0/cause").and_then(Value::as_str).unwrap_or_default();
            let expected =
                ["HorizontalPodAutoscaler", "triggered policy out"].iter().any(|words| cause.contains(words));
            expected && service.data["spec"]["desiredCount"] == count && service.data["status"]["runningCount"] == count
        })
        .await?;
    operator.stop().await?;
    // It is of no more use, and would take time from other tests until the end of the process.
    for part in [Part::MetricsServer, Part::Kwok, Part::ControllerManager, Part::Scheduler, Part::ApiServer, Part::Etcd]
    {
        cluster.kill_part(part)?;
    }
    Ok(())
}
