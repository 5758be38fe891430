//! What tasks use, measured once a minute for the alarms of step policies.
//!
//! The metrics API is asked only about namespaces in which a service has such an alarm. Where it is missing, or does not answer,
//! the alarm gets a value that is missing and the service a condition that says what to do.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

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
use crate::api::ServiceSpec;
use crate::ecs::placement::Amounts;
use crate::ecs::scaling::{Sample, Utilization};
use crate::ecs::units::UNITS_PER_VCPU;
use crate::reconcile::{Lack, Readings};
use crate::translate::auto_scaling;
use crate::translate::quantity::{self, NANOS};

/// How long an answer may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// What was measured of each service's tasks since the operator started, by the uid of the service.
#[derive(Default)]
pub(super) struct Meter(Mutex<HashMap<String, Arc<Readings>>>);

impl Meter {
    /// What was measured of a service's tasks; nothing before the first look.
    pub(super) fn readings(&self, uid: &str) -> Option<Arc<Readings>> {
        self.0.lock().get(uid).cloned()
    }

    fn note(&self, metered: &Metered, sample: Sample, lack: Option<Lack>) {
        let mut all = self.0.lock();
        let mut samples = all.get(&metered.uid).map(|known| known.samples.clone()).unwrap_or_default();
        samples.push(sample);
        samples.drain(..samples.len().saturating_sub(metered.kept));
        all.insert(metered.uid.clone(), Arc::new(Readings { samples, at: Timestamp::now(), lack }));
    }

    fn keep(&self, uids: &HashSet<&str>) {
        self.0.lock().retain(|uid, _| uids.contains(uid.as_str()));
    }
}

/// A service with an alarm to evaluate.
struct Metered {
    namespace: String,
    name: String,
    uid: String,
    /// How many samples its alarms look back at.
    kept: usize,
}

impl Metered {
    fn of(object: &DynamicObject) -> Option<Self> {
        // Most services have no policies, and are not read any further.
        object.data.pointer("/spec/autoScaling/policies")?;
        let spec: ServiceSpec = serde_json::from_value(object.data.get("spec")?.clone()).ok()?;
        let name = object.name_any();
        let kept = spec.ecs.auto_scaling.as_ref()?.samples_kept(auto_scaling::dimensions(&spec, &name));
        let metadata = &object.metadata;
        (kept > 0).then_some(Self { namespace: metadata.namespace.clone()?, name, uid: metadata.uid.clone()?, kept })
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
    let mut answers: BTreeMap<&str, Result<Used, Lack>> = BTreeMap::new();
    for metered in &services {
        if !answers.contains_key(metered.namespace.as_str()) {
            answers.insert(&metered.namespace, used(wiring, &metered.namespace).await);
        }
        let (sample, lack) = match &answers[metered.namespace.as_str()] {
            Ok(used) => sample(context, metered, used),
            Err(lack) => (Sample::default(), Some(*lack)),
        };
        context.meter.note(metered, sample, lack);
        fan_out.service(&metered.namespace, &metered.name);
    }
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
fn sample(context: &Context, metered: &Metered, used: &Used) -> (Sample, Option<Lack>) {
    let tasks = context.pods.by_index(&pods::by_service(&metered.namespace, &metered.name));
    let running = || tasks.iter().filter(|pod| pod.task.is_present() && pod.task.running);
    let measured: Vec<_> =
        running().filter_map(|pod| Some((used.get(&pod.task.name)?, billionths(pod.task.reserved)))).collect();
    let of = |resource: usize| {
        Utilization::of_tasks(
            measured.iter().map(|(used, reserved)| (float(used[resource]), float(reserved[resource]))),
        )
    };
    let sample = Sample { cpu: of(0), memory: of(1) };
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
