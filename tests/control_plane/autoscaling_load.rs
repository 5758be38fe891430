//! Many autoscaled services: no writes under a constant load, and the delay after a change of the load.

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

/// Timeout of every wait, for any number of services.
const PATIENCE: Duration = Duration::from_mins(20);
/// Maximum number of concurrent requests of the test.
const AT_ONCE: usize = 16;
/// Number of measurements of the operator during which it must write nothing.
const MEASUREMENTS: u64 = 3;
/// Minimum duration of these measurements: three scrapes of metrics-server, two evaluations of the autoscalers.
const REST: Duration = Duration::from_secs(30);

/// Target and threshold in percent of the 100m that a task reserves.
const TARGET: u32 = 60;
const THRESHOLD: u32 = 70;
/// CPU usage of an overloaded task, in millicores.
const OVERLOAD: u32 = 300;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A HorizontalPodAutoscaler tracks a target.
    Tracked,
    /// The operator evaluates an alarm of a step policy.
    Stepped,
}

impl Kind {
    fn from_name(name: &str) -> Self {
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

    /// Returns the count of a service after its single task was overloaded.
    fn scaled_count(self) -> i64 {
        match self {
            Self::Tracked => 3,
            Self::Stepped => 2,
        }
    }

    /// True if the service was scaled out.
    fn is_scaled_out(self, service: &Value) -> bool {
        match self {
            Self::Tracked => service["spec"]["desiredCount"].as_i64() > Some(1),
            Self::Stepped => service.pointer("/status/scalingActivities/0/policyName").is_some(),
        }
    }
}

/// Time of the first observation of each service.
type Times = BTreeMap<String, Instant>;

/// Watches all objects of a kind and returns a cache of them. Calls `observe` for each change.
fn watch<K>(api: Api<K>, kind: K::DynamicType, observe: impl Fn(&K) + Send + 'static) -> Store<K>
where
    K: Resource<DynamicType: Eq + Hash + Clone> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    let writer = reflector::store::Writer::new(kind);
    let store = writer.as_reader();
    let objects = watcher(api, watcher::Config::default()).default_backoff().reflect(writer).applied_objects();
    // The watch ends with the runtime of the test.
    tokio::spawn(objects.for_each(move |object| {
        if let Ok(object) = object {
            observe(&object);
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
    scaled_out: Arc<Mutex<Times>>,
}

impl Fleet {
    fn new(bench: Bench, size: u64) -> Self {
        let names =
            (0..size).map(|n| format!("{}-{n:04}", if n.is_multiple_of(2) { "tracked" } else { "stepped" })).collect();
        let scaled_out = Arc::new(Mutex::new(Times::new()));
        let times = Arc::clone(&scaled_out);
        let services =
            watch(bench.custom_resources("Service"), ApiResource::erase::<ecs_operator::api::Service>(&()), {
                move |service| {
                    let name = service.name_any();
                    if Kind::from_name(&name).is_scaled_out(&service.data) {
                        times.lock().entry(name).or_insert_with(Instant::now);
                    }
                }
            });
        let autoscalers = watch(bench.api::<HorizontalPodAutoscaler>(), (), |_| {});
        Self { bench, names, services, autoscalers, scaled_out }
    }

    fn names_of_kind(&self, kind: Kind) -> impl Iterator<Item = &String> {
        self.names.iter().filter(move |name| Kind::from_name(name) == kind)
    }

    async fn create(&self) -> Result<()> {
        let container = json!({"name": "app", "image": "example.test/app:1", "cpu": 102, "memory": 16});
        self.bench.apply("TaskDefinition", "app", json!({"containerDefinitions": [container]})).await?;
        let requests = self.names.iter().map(|name| {
            let kind = Kind::from_name(name);
            let scaling = json!({"minCapacity": 1, "maxCapacity": 3, "policies": [kind.policy(name)]});
            let spec = json!({"serviceName": name, "taskDefinition": "app", "autoScaling": scaling,
                "kubernetes": {"healthyAfterSeconds": 1}});
            self.bench.apply("Service", name, spec)
        });
        stream::iter(requests).buffer_unordered(AT_ONCE).try_for_each(async |_| Ok(())).await
    }

    /// Waits until a predicate holds for each service.
    async fn all(&self, what: &str, holds: impl Fn(&DynamicObject) -> bool) -> Result<()> {
        wait_for(what, PATIENCE, async || {
            let all = self.services.state();
            let done = all.iter().filter(|service| holds(service)).count();
            let missing = all.iter().find(|service| !holds(service));
            Ok(if done == self.names.len() { Seen::Done(()) } else { Seen::not_yet((done, missing)) })
        })
        .await
    }

    /// Waits until each service is stable and its usage is measured.
    async fn is_measured(&self) -> Result<()> {
        self.all("all services stable and measured", |service| {
            let conditions = service.data.pointer("/status/conditions").and_then(Value::as_array);
            let is_true = |condition: &str| {
                conditions.is_some_and(|all| all.iter().any(|c| c["type"] == condition && c["status"] == "True"))
            };
            service.data["status"]["runningCount"] == 1 && is_true("Stable") && is_true("AutoScaled")
        })
        .await?;
        wait_for("metrics in all autoscalers", PATIENCE, async || {
            let all = self.autoscalers.state();
            let done = all.iter().filter(|it| has_metrics(it)).count();
            let expected = self.names_of_kind(Kind::Tracked).count();
            Ok(if done == expected { Seen::Done(()) } else { Seen::not_yet((done, all.len())) })
        })
        .await
    }

    /// Returns the resource versions of all services.
    fn versions(&self) -> BTreeMap<String, Option<String>> {
        self.services.state().iter().map(|service| (service.name_any(), service.resource_version())).collect()
    }

    /// Checks that several measurements under a constant load write nothing.
    async fn writes_nothing(&self, operator: &Operator) -> Result<()> {
        settled(operator).await?;
        let reconciles = || operator.total("ecs_operator_reconcile_total", "");
        let (before, versions, writes, started) = (reconciles(), self.versions(), operator.writes(), Instant::now());
        let expected = MEASUREMENTS * u64::try_from(self.names_of_kind(Kind::Stepped).count())?;
        wait_for("several measurements", PATIENCE, async || {
            let (done, elapsed) = (reconciles() - before, started.elapsed());
            Ok(if done >= expected && elapsed > REST { Seen::Done(()) } else { Seen::not_yet((done, elapsed)) })
        })
        .await?;
        let (done, seconds) = (reconciles() - before, started.elapsed().as_secs());
        ensure!(
            operator.writes() == writes,
            "{} writes under a constant load:\n{}",
            operator.writes() - writes,
            operator.metrics.encode()
        );
        ensure!(self.versions() == versions, "services were written to under a constant load");
        println!("constant load: {} services, {done} reconciles in {seconds} s and no write", self.names.len());
        Ok(())
    }

    /// Overloads all tasks; returns the time for each service.
    async fn overload(&self) -> Result<Times> {
        let api = self.bench.api::<Pod>();
        let annotation = json!({"metadata": {"annotations": {"kwok.x-k8s.io/usage-cpu": format!("{OVERLOAD}m")}}});
        let (api, annotation) = (&api, &Patch::Merge(annotation));
        let patches = api.list(&ListParams::default()).await?.into_iter().map(|pod| async move {
            api.patch(&pod.name_any(), &PatchParams::default(), annotation).await?;
            Ok((service_of(&pod), Instant::now()))
        });
        stream::iter(patches).buffer_unordered(AT_ONCE).try_collect().await
    }

    /// Waits until every service is scaled out; returns the time when the metrics API first reported the overload of each.
    async fn wait_for_scale_out(&self) -> Result<Times> {
        let kind = GroupVersionKind::gvk("metrics.k8s.io", "v1beta1", "PodMetrics");
        let resource = ApiResource::from_gvk_with_plural(&kind, "pods");
        let metrics =
            Api::<DynamicObject>::namespaced_with(self.bench.client.clone(), &self.bench.namespace, &resource);
        let mut reported = Times::new();
        wait_for("a scale-out of every service", PATIENCE, async || {
            if reported.len() < self.names.len() {
                let now = Instant::now();
                for pod in metrics.list(&ListParams::default()).await? {
                    if used(&pod).is_some_and(|used| used > THRESHOLD) {
                        reported.entry(service_of(&pod)).or_insert(now);
                    }
                }
            }
            let scaled_out = self.scaled_out.lock().len();
            let all = scaled_out == self.names.len() && reported.len() == scaled_out;
            Ok(if all { Seen::Done(()) } else { Seen::not_yet((reported.len(), scaled_out)) })
        })
        .await?;
        Ok(reported)
    }

    /// Prints the delays from the change of the load to the scale-out.
    fn print_delays(&self, kind: Kind, overloaded: &Times, reported: &Times) -> Result<()> {
        let scaled_out = self.scaled_out.lock();
        let delays = |from: &Times, to: &Times| -> Result<Delays> {
            let names = self.names_of_kind(kind);
            let delays = names.filter_map(|name| Some(to.get(name)?.saturating_duration_since(*from.get(name)?)));
            Delays::new(delays).with_context(|| format!("no service is {kind:?}"))
        };
        println!("{kind:?}: from the overload to the scale-out {}", delays(overloaded, &scaled_out)?);
        println!("{kind:?}: from the overload to the metrics API {}", delays(overloaded, reported)?);
        println!("{kind:?}: from the metrics API to the scale-out {}", delays(reported, &scaled_out)?);
        Ok(())
    }
}

fn has_metrics(autoscaler: &HorizontalPodAutoscaler) -> bool {
    let metrics = autoscaler.status.as_ref().and_then(|status| status.current_metrics.as_ref());
    metrics.and_then(|metrics| metrics.first()?.resource.as_ref()?.current.average_utilization).is_some()
}

/// Distribution of the delays of many services.
struct Delays {
    first: Duration,
    median: Duration,
    worst: Duration,
}

impl Delays {
    fn new(delays: impl Iterator<Item = Duration>) -> Option<Self> {
        let mut sorted: Vec<Duration> = delays.collect();
        sorted.sort();
        Some(Self { first: *sorted.first()?, median: *sorted.get(sorted.len() / 2)?, worst: *sorted.last()? })
    }
}

impl std::fmt::Display for Delays {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [first, median, worst] = [self.first, self.median, self.worst].map(|it| it.as_secs_f64());
        write!(f, "{first:.1} s (minimum), {median:.1} s (median), {worst:.1} s (maximum)")
    }
}

fn service_of(object: &impl ResourceExt) -> String {
    object.labels().get("ecs-operator.dev/service").cloned().unwrap_or_default()
}

/// Returns the CPU usage of a task in millicores.
fn used(metrics: &DynamicObject) -> Option<u32> {
    let text = metrics.data.pointer("/containers/0/usage/cpu")?.as_str()?;
    if let Some(nanos) = text.strip_suffix('n') {
        return u32::try_from(nanos.parse::<u64>().ok()? / 1_000_000).ok();
    }
    text.strip_suffix('m').unwrap_or(text).parse().ok()
}

static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();

/// Starts a separate cluster: in the shared one, a test replaces the metrics API.
async fn cluster() -> Result<&'static Cluster> {
    let nodes = NodeTemplate { cpu: "1k".to_owned(), memory: "4Ti".to_owned(), pods: 2000, ..NodeTemplate::from(3) };
    CLUSTER.get_or_try_init(|| Cluster::builder().simulated_nodes(nodes).metrics_server().start()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn many_services_write_nothing_under_a_constant_load_and_follow_a_change() -> Result<()> {
    let (services, seconds) = (number("SERVICES", 20), number("MEASURE_SECONDS", 1));
    let cluster = cluster().await?;
    let bench = Bench::new(cluster, "autoscaled").await?;
    let operator = bench.operator_with(|options| options.measurement_interval = Duration::from_secs(seconds)).await?;
    let fleet = Fleet::new(bench, services);
    let started = Instant::now();
    fleet.create().await?;
    fleet.is_measured().await?;
    println!("{services} services are measured after {} s", started.elapsed().as_secs());
    fleet.writes_nothing(&operator).await?;

    let overloaded = fleet.overload().await?;
    let reported = fleet.wait_for_scale_out().await?;
    for kind in [Kind::Tracked, Kind::Stepped] {
        fleet.print_delays(kind, &overloaded, &reported)?;
    }
    fleet
        .all("all services scaled", |service| {
            let count = Kind::from_name(&service.name_any()).scaled_count();
            let cause =
                service.data.pointer("/status/scalingActivities/0/cause").and_then(Value::as_str).unwrap_or_default();
            let expected =
                ["HorizontalPodAutoscaler", "triggered policy out"].iter().any(|words| cause.contains(words));
            expected && service.data["spec"]["desiredCount"] == count && service.data["status"]["runningCount"] == count
        })
        .await?;
    operator.stop().await?;
    // The cluster would slow down other tests until the end of the process.
    for part in [Part::MetricsServer, Part::Kwok, Part::ControllerManager, Part::Scheduler, Part::ApiServer, Part::Etcd]
    {
        cluster.kill_part(part)?;
    }
    Ok(())
}
