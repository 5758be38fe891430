//! What the alarms of step policies are on, measured once a minute: what tasks use, and metrics that are chosen for alarms.
//!
//! The metrics API is asked only about namespaces in which a service has an alarm, and all questions of a look are asked side by
//! side. Where there is no answer, the alarm gets a value that is missing and the service a condition that says what to do.

mod alarm_metrics;
mod prometheus;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use kube::api::{Api, DynamicObject, ListParams};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::context::Context;
use super::fan_out::{self, FanOut};
use super::start::Wiring;
use super::{kinds, pods};
use crate::api::AlarmMetric;
use crate::ecs::placement::Amounts;
use crate::ecs::scaling::{Sample, Utilization};
use crate::ecs::units::UNITS_PER_VCPU;
use crate::reconcile::{Lack, Readings};
use crate::translate::quantity::{self, NANOS};
use crate::translate::{auto_scaling, examine};

/// How long an answer may take.
const DEADLINE: Duration = Duration::from_secs(5);
/// Questions that are asked at once.
const AT_ONCE: usize = 64;

/// What was measured of each service's tasks since the operator started, and whom it may ask.
pub(super) struct Meter {
    /// By the uid of the service.
    readings: Mutex<HashMap<String, Arc<Readings>>>,
    prometheus_servers: Vec<String>,
}

impl Meter {
    pub(super) fn new(prometheus_servers: Vec<String>) -> Self {
        Self { readings: Mutex::default(), prometheus_servers }
    }

    /// What was measured of a service's tasks; nothing before the first look.
    pub(super) fn readings(&self, uid: &str) -> Option<Arc<Readings>> {
        self.readings.lock().get(uid).cloned()
    }

    fn note(&self, metered: &Metered, sample: Sample, lack: Option<Lack>) {
        let mut all = self.readings.lock();
        let mut samples = all.get(&metered.uid).map(|known| known.samples.clone()).unwrap_or_default();
        samples.push(sample);
        samples.drain(..samples.len().saturating_sub(metered.kept));
        all.insert(metered.uid.clone(), Arc::new(Readings { samples, at: Timestamp::now(), lack }));
    }

    fn keep(&self, uids: &HashSet<&str>) {
        self.readings.lock().retain(|uid, _| uids.contains(uid.as_str()));
    }
}

/// A service with an alarm to evaluate.
struct Metered {
    namespace: String,
    name: String,
    uid: String,
    /// How many samples its alarms look back at.
    kept: usize,
    /// Whether some of them are on what its tasks use.
    asks_about_tasks: bool,
    /// Where the metrics of others come from.
    chosen: Vec<AlarmMetric>,
}

impl Metered {
    fn of(object: &DynamicObject) -> Option<Self> {
        // Most services have no policies, and are not read any further.
        object.data.pointer("/spec/autoScaling/policies")?;
        // What is refused has no alarms that anybody acts upon.
        let examined = examine::service(object.data.get("spec")?.clone());
        let spec = examined.usable()?;
        let name = object.name_any();
        let scaling = spec.ecs.auto_scaling.as_ref()?;
        let by = auto_scaling::dimensions(spec, &name);
        let (kept, (told, asks_about_tasks)) = (scaling.samples_kept(&by), scaling.measured(&by));
        let chosen = auto_scaling::alarm_metrics(spec).iter().filter(|it| told.contains(it.alarm_name.as_str()));
        let chosen = chosen.cloned().collect();
        let metadata = &object.metadata;
        let (namespace, uid) = (metadata.namespace.clone()?, metadata.uid.clone()?);
        (kept > 0).then_some(Self { namespace, name: name.clone(), uid, kept, asks_about_tasks, chosen })
    }
}

/// What each Pod of a namespace uses of processors and memory, in billionths of a unit, by its name.
type Used = HashMap<String, [i128; 2]>;

/// Measures every `period` until the shutdown, and has the services looked at that it is for.
pub(super) async fn measure(wiring: Wiring, context: Arc<Context>, fan_out: FanOut, period: Duration) {
    let shutdown = wiring.shutdown.clone();
    let work = async {
        context.warm().await;
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            look(&wiring, &context, &fan_out).await;
        }
    };
    let _: Option<()> = shutdown.run_until_cancelled(work).await;
}

async fn look(wiring: &Wiring, context: &Context, fan_out: &FanOut) {
    let services: Vec<_> = context.roots.services.all().iter().filter_map(|object| Metered::of(object)).collect();
    context.meter.keep(&services.iter().map(|metered| metered.uid.as_str()).collect());
    let asking = services.iter().filter(|metered| metered.asks_about_tasks);
    let namespaces: BTreeSet<&str> = asking.map(|metered| metered.namespace.as_str()).collect();
    let asked: Vec<_> =
        namespaces.into_iter().map(|namespace| async move { (namespace, used(wiring, namespace).await) }).collect();
    let answers: HashMap<&str, Result<Used, Lack>> = stream::iter(asked).buffer_unordered(AT_ONCE).collect().await;
    let measuring: Vec<_> = services.iter().map(|metered| measured(wiring, context, metered, &answers)).collect();
    let mut measured = stream::iter(measuring).buffer_unordered(AT_ONCE);
    // Those that get no answer keep nobody else waiting.
    while let Some((metered, sample, lack)) = measured.next().await {
        context.meter.note(metered, sample, lack);
        fan_out.service(&metered.namespace, &metered.name);
    }
}

/// What is measured for a service, once it is known what the tasks of its namespace use, and what is missing.
async fn measured<'a>(
    wiring: &Wiring,
    context: &Context,
    metered: &'a Metered,
    answers: &HashMap<&str, Result<Used, Lack>>,
) -> (&'a Metered, Sample, Option<Lack>) {
    let answer = answers.get(metered.namespace.as_str()).filter(|_| metered.asks_about_tasks);
    let (mut sample, lack) = match answer {
        Some(Ok(used)) => utilization(context, metered, used),
        Some(Err(lack)) => (Sample::default(), Some(lack.clone())),
        None => (Sample::default(), None),
    };
    let (told, silent) = alarm_metrics::values(wiring, &context.meter, &metered.namespace, &metered.chosen).await;
    sample.told = told;
    (metered, sample, silent.or(lack))
}

/// What the metrics API says of the tasks of a namespace.
async fn used(wiring: &Wiring, namespace: &str) -> Result<Used, Lack> {
    let api: Api<DynamicObject> = Api::namespaced_with(wiring.clients.write.clone(), namespace, &kinds::pod_metrics());
    let selected = ListParams::default().labels(&fan_out::pod_selector());
    let answer = timeout(DEADLINE, api.list(&selected)).await.map_err(|_| Lack::NoAnswer)?;
    let list = answer.map_err(|error| match &error {
        kube::Error::Api(status) if status.is_not_found() => Lack::NoApi,
        kube::Error::Api(status) if status.is_forbidden() => Lack::NotAllowed,
        error => {
            tracing::debug!(namespace, %error, "no metrics of Pods");
            Lack::NoAnswer
        }
    })?;
    Ok(list.items.iter().map(|metrics| (metrics.name_any(), of_containers(metrics))).collect())
}

/// What all containers of a Pod use together.
fn of_containers(metrics: &DynamicObject) -> [i128; 2] {
    let containers = metrics.data.get("containers").and_then(Value::as_array).into_iter().flatten();
    containers.fold([0, 0], |sum, container| {
        let usage =
            |resource: &str| container.pointer(&format!("/usage/{resource}"))?.as_str().and_then(quantity::nanos);
        [sum[0] + usage("cpu").unwrap_or(0), sum[1] + usage("memory").unwrap_or(0)]
    })
}

/// The utilization of the running tasks of a service that are measured.
fn utilization(context: &Context, metered: &Metered, used: &Used) -> (Sample, Option<Lack>) {
    let tasks = context.pods.by_index(&pods::by_service(&metered.namespace, &metered.name));
    let running = || tasks.iter().filter(|pod| pod.task.is_present() && pod.task.running);
    let measured: Vec<_> =
        running().filter_map(|pod| Some((used.get(&pod.task.name)?, billionths(pod.task.reserved)))).collect();
    let of = |resource: usize| {
        Utilization::of_tasks(
            measured.iter().map(|(used, reserved)| (float(used[resource]), float(reserved[resource]))),
        )
    };
    let sample = Sample { cpu: of(0), memory: of(1), ..Sample::default() };
    let is_blind = running().next().is_some() && sample == Sample::default();
    (sample, is_blind.then_some(Lack::NoValues))
}

/// Processors and bytes, as metrics are told.
fn billionths(reserved: Amounts) -> [i128; 2] {
    let cpu = i128::from(reserved.cpu) * NANOS / i128::from(UNITS_PER_VCPU);
    [cpu, i128::from(reserved.memory) * (1 << 20) * NANOS]
}

#[expect(clippy::cast_precision_loss, reason = "only how they relate to each other counts")]
fn float(billionths: i128) -> f64 {
    billionths as f64
}
