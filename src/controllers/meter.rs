//! What the alarms of step policies are on, measured once a minute: what tasks use, and metrics that are chosen for alarms.
//!
//! The metrics API is asked only about namespaces in which a service has an alarm. All questions of a look are asked side by side,
//! and a service is told as soon as its own are answered. Where there is no answer, the alarm gets a value that is missing and
//! the service a condition that says what to do.
//!
//! A sample stands for the period of a look, so a look is over by the end of its period. Samples that have nothing to do with the next
//! one are forgotten: where a metric is another one now, or where nobody has looked for longer than that.

mod external_metrics;
mod pod_metrics;
mod prometheus;
mod questions;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use kube::api::DynamicObject;
use parking_lot::Mutex;
use tokio::time::{Instant, MissedTickBehavior, interval};

use self::questions::{Answer, Question};
use super::context::Context;
use super::fan_out::FanOut;
use super::start::Wiring;
use crate::ecs::scaling::Sample;
use crate::reconcile::{MeasurementError, Measurements};
use crate::translate::examine;
use crate::translate::service::auto_scaling;

/// How long an answer may take.
const DEADLINE: Duration = Duration::from_secs(5);
/// Questions that are asked at once.
const AT_ONCE: usize = 64;

/// What was measured of each service's tasks since the operator started, and whom it may ask.
pub(super) struct Meter {
    /// By the uid of the service.
    known: Mutex<HashMap<String, Known>>,
    prometheus_servers: Vec<String>,
}

/// What was measured for a service.
struct Known {
    /// What all the samples are answers to.
    sources: Sources,
    /// When the newest look began.
    looked: Timestamp,
    measurements: Arc<Measurements>,
}

/// A look at everything.
#[derive(Clone, Copy)]
struct Look {
    at: Timestamp,
    /// How long it may take.
    period: Duration,
}

impl Look {
    /// Whether nothing is missing between an earlier look and this one.
    fn follows(self, earlier: Timestamp) -> bool {
        Duration::try_from(self.at.duration_since(earlier)).is_ok_and(|since| since < 2 * self.period)
    }
}

impl Meter {
    pub(super) fn new(prometheus_servers: Vec<String>) -> Self {
        Self { known: Mutex::default(), prometheus_servers }
    }

    /// What was measured of a service's tasks; nothing before the first look.
    pub(super) fn measurements(&self, uid: &str) -> Option<Arc<Measurements>> {
        self.known.lock().get(uid).map(|known| Arc::clone(&known.measurements))
    }

    fn note(&self, look: Look, metered: &Metered, sample: Sample, error: Option<MeasurementError>) {
        let mut all = self.known.lock();
        let joins = |known: &&Known| known.sources == metered.sources && look.follows(known.looked);
        let mut samples = all.get(&metered.uid).filter(joins).map(|known| known.measurements.samples.clone());
        let samples = samples.get_or_insert_default();
        samples.push(sample);
        samples.drain(..samples.len().saturating_sub(metered.kept));
        let measurements = Arc::new(Measurements { samples: std::mem::take(samples), at: Timestamp::now(), error });
        all.insert(metered.uid.clone(), Known { sources: metered.sources.clone(), looked: look.at, measurements });
    }

    fn keep(&self, uids: &HashSet<&str>) {
        self.known.lock().retain(|uid, _| uids.contains(uid.as_str()));
    }
}

/// A service with an alarm to evaluate.
struct Metered {
    namespace: String,
    name: String,
    uid: String,
    /// How many samples its alarms look back at.
    kept: usize,
    sources: Sources,
}

/// What the values of a service's alarms are answers to.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sources {
    /// Where some of them are on what its tasks use.
    tasks: Option<Question>,
    /// By the names of the others.
    chosen: BTreeMap<String, Question>,
}

impl Sources {
    fn questions(&self) -> impl Iterator<Item = &Question> {
        self.tasks.iter().chain(self.chosen.values())
    }
}

impl Metered {
    fn of(object: &DynamicObject) -> Option<Self> {
        // Most services have no policies, and are not read any further.
        object.data.pointer("/spec/autoScaling/policies")?;
        // What is refused has no alarms that anybody acts upon.
        let examined = examine::service(object.data.get("spec")?.clone());
        let spec = examined.usable()?;
        let (name, metadata) = (object.name_any(), &object.metadata);
        let (namespace, uid) = (metadata.namespace.clone()?, metadata.uid.clone()?);
        let scaling = spec.ecs.auto_scaling.as_ref()?;
        let by = auto_scaling::dimensions(spec, &name);
        let (kept, (told, asks_about_tasks)) = (scaling.samples_kept(&by), scaling.measured(&by));
        let chosen = auto_scaling::alarm_metrics(spec).iter().filter(|it| told.contains(it.alarm_name.as_str()));
        let sources = Sources {
            tasks: asks_about_tasks.then(|| Question::Tasks { namespace: namespace.clone() }),
            chosen: chosen.filter_map(|it| Some((it.alarm_name.clone(), Question::of(&namespace, it)?))).collect(),
        };
        (kept > 0).then_some(Self { namespace, name: name.clone(), uid, kept, sources })
    }
}

/// Measures every `period` until the shutdown, and has the services looked at that it is for.
pub(super) async fn measure(wiring: Wiring, context: Arc<Context>, fan_out: FanOut, period: Duration) {
    let shutdown = wiring.shutdown.clone();
    let work = async {
        context.warm().await;
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            measure_once(&wiring, &context, &fan_out, Look { at: Timestamp::now(), period }).await;
        }
    };
    let _: Option<()> = shutdown.run_until_cancelled(work).await;
}

async fn measure_once(wiring: &Wiring, context: &Context, fan_out: &FanOut, look: Look) {
    let end = Instant::now() + look.period;
    let services: Vec<_> = context.roots.services.all().iter().filter_map(|object| Metered::of(object)).collect();
    context.meter.keep(&services.iter().map(|metered| metered.uid.as_str()).collect());
    let mut asking: BTreeMap<&Question, Vec<usize>> = BTreeMap::new();
    let mut unanswered: Vec<usize> = vec![0; services.len()];
    for (number, metered) in services.iter().enumerate() {
        for question in metered.sources.questions() {
            let askers = asking.entry(question).or_default();
            // Two of its alarms may be on one metric.
            if askers.last() != Some(&number) {
                askers.push(number);
                unanswered[number] += 1;
            }
        }
    }
    let mut answers: BTreeMap<&Question, Answer> = BTreeMap::new();
    let mut coming = pin!(questions::ask(wiring, &context.meter, asking.keys().copied().collect(), end));
    while let Some((question, answer)) = coming.next().await {
        answers.insert(question, answer);
        for number in &asking[question] {
            unanswered[*number] -= 1;
            // Those that get no answer keep nobody else waiting.
            if unanswered[*number] == 0 {
                let metered = &services[*number];
                let (sample, lack) = measured(context, metered, &answers);
                context.meter.note(look, metered, sample, lack);
                fan_out.service(&metered.namespace, &metered.name);
            }
        }
    }
}

/// What is measured for a service, by the answers to its questions, and what is missing.
fn measured(
    context: &Context,
    metered: &Metered,
    answers: &BTreeMap<&Question, Answer>,
) -> (Sample, Option<MeasurementError>) {
    let (mut sample, mut lack) = match metered.sources.tasks.as_ref().and_then(|question| answers.get(question)) {
        Some(Answer::Tasks(Ok(used))) => pod_metrics::utilization(context, &metered.namespace, &metered.name, used),
        Some(Answer::Tasks(Err(lack))) => (Sample::default(), Some(lack.clone())),
        _ => (Sample::default(), None),
    };
    for (alarm, question) in metered.sources.chosen.iter().rev() {
        match answers.get(question) {
            Some(Answer::Value(Ok(value))) => drop(sample.told.insert(alarm.clone(), *value)),
            Some(Answer::Value(Err(why))) => {
                lack = Some(MeasurementError::AlarmMetric { alarm: alarm.clone(), message: why.clone() })
            }
            _ => {}
        }
    }
    (sample, lack)
}

#[expect(clippy::cast_precision_loss, reason = "a threshold is no more exact")]
fn float(billionths: i128) -> f64 {
    billionths as f64
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    #[expect(clippy::needless_pass_by_value, reason = "values are written where they are used")]
    fn metered(alarms: serde_json::Value) -> Metered {
        let alarm = |name: &str, metric: &str| {
            json!({"alarmName": name, "metricName": metric, "namespace": "AWS/ECS", "statistic": "Average", "period": 60,
                "dimensions": [{"name": "ServiceName", "value": "web"}], "evaluationPeriods": 3, "threshold": 70,
                "comparisonOperator": "GreaterThanThreshold"})
        };
        let steps = json!({"adjustmentType": "ChangeInCapacity",
            "stepAdjustments": [{"metricIntervalLowerBound": 0, "scalingAdjustment": 1}]});
        let policies = json!([{"policyName": "out", "stepScalingPolicyConfiguration": steps,
            "alarms": [alarm("busy", "CPUUtilization"), alarm("late", "Latency"), alarm("later", "Latency")]}]);
        let object: DynamicObject = serde_json::from_value(json!({
            "apiVersion": "ecs-operator.dev/v1alpha1", "kind": "Service",
            "metadata": {"namespace": "shop", "name": "web", "uid": "uid"},
            "spec": {"serviceName": "web", "taskDefinition": "web",
                "autoScaling": {"minCapacity": 1, "maxCapacity": 5, "policies": policies},
                "kubernetes": {"autoScaling": {"alarms": alarms}}},
        }))
        .unwrap();
        Metered::of(&object).unwrap()
    }

    fn query(alarm: &str, query: &str) -> serde_json::Value {
        json!({"alarmName": alarm, "prometheus": {"serverAddress": "http://prometheus:9090/", "query": query}})
    }

    #[test]
    fn alarms_on_one_metric_ask_for_it_once() {
        let both = metered(json!([query("late", "a"), query("later", "a")]));
        let asked: HashSet<String> = both.sources.questions().map(|question| format!("{question:?}")).collect();
        assert_eq!(asked.len(), 2, "{asked:?}");
        let first = both.sources.questions().min();
        assert_eq!(first, Some(&Question::Tasks { namespace: "shop".into() }), "what may be slow is asked last");
    }

    #[test]
    fn samples_of_another_metric_are_forgotten() {
        let meter = Meter::new(vec![]);
        let mut look = Look { at: Timestamp::UNIX_EPOCH, period: MINUTE };
        let mut noted = |alarms: serde_json::Value| {
            look.at += MINUTE;
            meter.note(look, &metered(alarms), Sample::default(), None);
            meter.measurements("uid").unwrap().samples.len()
        };
        assert_eq!(noted(json!([query("late", "a")])), 1);
        assert_eq!(noted(json!([query("late", "a")])), 2);
        assert_eq!(noted(json!([query("late", "b")])), 1, "it is another query");
        assert_eq!(noted(json!([query("late", "b"), query("later", "a")])), 1, "the second was not looked for before");
        assert_eq!(noted(json!([query("later", "a"), query("late", "b")])), 2, "the order means nothing");
        assert_eq!((0..9).map(|_| noted(json!([query("later", "a"), query("late", "b")]))).last(), Some(5));
    }

    #[test]
    fn samples_from_before_a_pause_are_forgotten() {
        let meter = Meter::new(vec![]);
        let note = |seconds: i64| {
            let look = Look { at: Timestamp::new(seconds, 0).unwrap(), period: MINUTE };
            meter.note(look, &metered(json!([])), Sample::default(), None);
            meter.measurements("uid").unwrap().samples.len()
        };
        assert_eq!([0, 60, 179, 300, 359, 10].map(note), [1, 2, 3, 1, 2, 1]);
    }
}
