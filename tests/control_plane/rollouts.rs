//! Random rollouts, observed task by task: never fewer healthy tasks than the minimum of ECS, never more tasks than its maximum,
//! and the same end as on ECS.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use devcluster::{Seen, wait_for};
use futures::stream::{self, BoxStream, FuturesUnordered};
use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{ListParams, WatchEvent, WatchParams};
use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::bench;
use crate::operator_restart::start;
use crate::support::Bench;

/// A failing rollout waits a minute between two tasks that do not start.
const PATIENCE: Duration = Duration::from_mins(8);

/// Returns a number from an environment variable.
pub fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Settings of one rollout.
#[derive(Clone, Debug)]
struct Plan {
    desired: i64,
    minimum: i64,
    maximum: i64,
    /// True if the tasks of the new revision cannot start.
    bad: bool,
    /// Threshold of the circuit breaker; none for ECS's default.
    threshold: Option<i64>,
}

impl Plan {
    fn random(random: &mut fastrand::Rng) -> Self {
        let threshold = if random.bool() { Some(random.i64(1..=3)) } else { None };
        Self {
            desired: random.i64(1..=10),
            minimum: random.choice([0, 10, 25, 33, 50, 66, 75, 90, 100]).unwrap_or(0),
            maximum: random.choice([100, 110, 125, 133, 150, 175, 200]).unwrap_or(100),
            bad: random.f32() < 0.3,
            threshold,
        }
    }

    /// Returns ECS's minimum of healthy tasks and maximum of tasks, computed independently of the operator.
    fn bounds(&self) -> (i64, i64) {
        ((self.desired * self.minimum + 99) / 100, self.desired * self.maximum / 100)
    }

    fn is_stuck(&self) -> bool {
        self.bounds() == (self.desired, self.desired)
    }

    fn service(&self, name: &str) -> Value {
        let mut breaker = json!({"enable": true, "rollback": true});
        if let Some(value) = self.threshold {
            breaker["thresholdConfiguration"] = json!({"type": "COUNT", "value": value});
        }
        let deployment = json!({"minimumHealthyPercent": self.minimum, "maximumPercent": self.maximum,
            "deploymentCircuitBreaker": breaker});
        json!({"taskDefinition": name, "desiredCount": self.desired, "deploymentConfiguration": deployment,
            "kubernetes": {"healthyAfterSeconds": 1}})
    }
}

/// Last observed state of a task.
#[derive(Clone, Debug)]
struct Sample {
    healthy: bool,
    /// True if the task starts or runs, and is not being stopped.
    active: bool,
    revision: String,
}

fn sample(pod: &Pod) -> Sample {
    let status = pod.status.as_ref();
    let ready = status.and_then(|s| s.conditions.as_ref()).into_iter().flatten();
    let stopped =
        status.and_then(|s| s.phase.as_deref()).is_some_and(|phase| phase == "Failed" || phase == "Succeeded");
    let terminating = pod.metadata.deletion_timestamp.is_some();
    Sample {
        healthy: !terminating && ready.into_iter().any(|c| c.type_ == "Ready" && c.status == "True"),
        active: !terminating && !stopped,
        revision: pod.labels().get("ecs-operator.dev/revision").cloned().unwrap_or_default(),
    }
}

/// Observations of the tasks of a service.
#[derive(Debug, Default)]
struct History {
    tasks: BTreeMap<String, Sample>,
    /// Number of observations.
    observations: usize,
    violations: Vec<String>,
    /// All observed tasks.
    all: BTreeSet<String>,
    /// Tasks created since the start, by revision.
    created: BTreeMap<String, BTreeSet<String>>,
    /// Requested replicas of each ReplicaSet.
    replicas: BTreeMap<String, i64>,
    /// Start of the current time with more tasks than the maximum.
    above_maximum: Option<Instant>,
    /// Durations of the times with more tasks than the maximum.
    overshoots: Vec<Duration>,
}

/// Maximum duration of more tasks than the maximum. Kubernetes creates a new task while an old one is being deleted, so both may
/// exist for a moment, which lasts longer on a busy machine. The requested replicas never exceed the maximum.
const MAX_OVERSHOOT: Duration = Duration::from_secs(5);

impl History {
    fn observe_task(&mut self, plan: &Plan, pod: &Pod, deleted: bool) {
        let uid = pod.uid().unwrap_or_default();
        let sample = sample(pod);
        self.all.insert(uid.clone());
        self.created.entry(sample.revision.clone()).or_default().insert(uid.clone());
        if deleted {
            self.tasks.remove(&uid);
        } else {
            self.tasks.insert(uid, sample);
        }
        self.observations += 1;
        let (minimum, maximum) = plan.bounds();
        let (healthy, active) = (self.count(|task| task.healthy), self.count(|task| task.active));
        if healthy < minimum {
            self.violations.push(format!("{healthy} healthy tasks, the minimum is {minimum}"));
        }
        if active > maximum {
            self.above_maximum.get_or_insert_with(Instant::now);
        } else {
            self.end_overshoot(maximum);
        }
    }

    fn count(&self, predicate: fn(&Sample) -> bool) -> i64 {
        i64::try_from(self.tasks.values().filter(|task| predicate(task)).count()).unwrap_or(0)
    }

    fn observe_replica_set(&mut self, plan: &Plan, replica_set: &ReplicaSet, deleted: bool) {
        let replicas = replica_set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(0);
        self.replicas.insert(replica_set.name_any(), if deleted { 0 } else { replicas.into() });
        let (sum, (_, maximum)) = (self.replicas.values().sum::<i64>(), plan.bounds());
        if sum > maximum {
            self.violations.push(format!("{sum} replicas requested, the maximum is {maximum}: {:?}", self.replicas));
        }
    }

    fn end_overshoot(&mut self, maximum: i64) {
        let Some(start) = self.above_maximum.take() else { return };
        let duration = start.elapsed();
        self.overshoots.push(duration);
        if duration > MAX_OVERSHOOT {
            self.violations.push(format!("more tasks than the maximum of {maximum} for {} ms", duration.as_millis()));
        }
    }
}

fn service_selector(name: &str) -> ListParams {
    ListParams::default().labels(&format!("ecs-operator.dev/service={name}"))
}

/// Returns the current objects of a service and a stream of all later changes.
async fn changes<K>(bench: &Bench, name: &str) -> Result<(Vec<K>, BoxStream<'static, Result<WatchEvent<K>>>)>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let api = bench.api::<K>();
    let list = api.list(&service_selector(name)).await?;
    let version = list.metadata.resource_version.context("a list without a version")?;
    let label_selector = service_selector(name).label_selector;
    let params = WatchParams { label_selector, ..WatchParams::default() }.timeout(290);
    let events = stream::try_unfold((api, params, version, None), async |(api, params, mut version, open)| {
        let mut open: BoxStream<'static, kube::Result<WatchEvent<K>>> = match open {
            Some(open) => open,
            None => api.watch(&params, &version).await?.boxed(),
        };
        loop {
            match open.try_next().await? {
                Some(WatchEvent::Error(error)) => bail!("the watch failed: {error:?}"),
                Some(event) => {
                    if let WatchEvent::Added(object) | WatchEvent::Modified(object) | WatchEvent::Deleted(object) =
                        &event
                    {
                        version = object.resource_version().unwrap_or(version);
                    }
                    return Ok(Some((event, (api, params, version, Some(open)))));
                }
                None => open = api.watch(&params, &version).await?.boxed(),
            }
        }
    });
    Ok((list.items, events.boxed()))
}

/// Observes the tasks of a stable service until the rollout has ended.
async fn observe(bench: &Bench, name: &str, plan: &Plan, rollout: impl Future<Output = Result<()>>) -> Result<History> {
    let mut history = History::default();
    let (pods, mut pod_events) = changes::<Pod>(bench, name).await?;
    history.tasks.extend(pods.iter().map(|pod| (pod.uid().unwrap_or_default(), sample(pod))));
    history.all.extend(pods.iter().filter_map(ResourceExt::uid));
    let (sets, mut set_events) = changes::<ReplicaSet>(bench, name).await?;
    for set in &sets {
        history.observe_replica_set(plan, set, false);
    }
    tokio::pin!(rollout);
    // Tasks at the end of the rollout. The watch must deliver the events of all of them.
    let mut remaining: Option<BTreeSet<String>> = None;
    while remaining.as_ref().is_none_or(|remaining| !remaining.is_subset(&history.all)) {
        tokio::select! {
            ended = &mut rollout, if remaining.is_none() => {
                ended?;
                let pods = bench.api::<Pod>().list(&service_selector(name)).await?.items;
                remaining = Some(pods.iter().filter_map(ResourceExt::uid).collect());
            }
            event = pod_events.try_next() => match event? {
                Some(WatchEvent::Added(pod) | WatchEvent::Modified(pod)) => history.observe_task(plan, &pod, false),
                Some(WatchEvent::Deleted(pod)) => history.observe_task(plan, &pod, true),
                _ => {}
            },
            event = set_events.try_next() => match event? {
                Some(WatchEvent::Added(set) | WatchEvent::Modified(set)) => {
                    history.observe_replica_set(plan, &set, false);
                }
                Some(WatchEvent::Deleted(set)) => history.observe_replica_set(plan, &set, true),
                _ => {}
            },
        }
    }
    history.end_overshoot(plan.bounds().1);
    Ok(history)
}

/// Waits until the service's only deployment is complete and of this revision.
async fn completed(bench: &Bench, name: &str, revision: i64, desired: i64) -> Result<()> {
    until(bench, name, &format!("{name}:{revision} completed"), |status| {
        let all = status["deployments"].as_array()?;
        let primary = all.first()?;
        // A deployment stays COMPLETED when the count changes.
        let counts = ["desiredCount", "runningCount", "healthyCount"].iter().all(|count| primary[count] == desired);
        let same = primary["taskDefinition"] == pinned(name, revision) && counts;
        (all.len() == 1 && same && primary["rolloutState"] == "COMPLETED").then_some(())
    })
    .await
}

async fn until(bench: &Bench, name: &str, what: &str, look: impl Fn(&Value) -> Option<()>) -> Result<()> {
    let services = bench.custom_resources("Service");
    wait_for(what, PATIENCE, async || {
        let service = serde_json::to_value(services.get(name).await?)?;
        let current = service.pointer("/status/observedGeneration") == service.pointer("/metadata/generation");
        let done = current.then(|| look(&service["status"])).flatten();
        Ok(done.map_or_else(|| Seen::not_yet(&service["status"]), Seen::Done))
    })
    .await
}

/// Results of all rollouts.
#[derive(Debug, Default)]
struct Tally {
    completed: usize,
    rolled_back: usize,
    stuck: usize,
    observations: usize,
    /// Number of times with more tasks than the maximum.
    overshoots: usize,
    longest_overshoot: Duration,
}

/// Rolls out new revisions of one service, one after another.
async fn roll(bench: &Bench, name: &str, rollouts: u64, seed: u64) -> Result<Tally> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut tally = Tally::default();
    bench.task_definition(name, "0").await?;
    let (mut newest, mut running) = (1, 1);
    for n in 1..=rollouts {
        let plan = Plan::random(&mut random);
        let context = || format!("{name}, rollout {n} of SEED={seed}: {plan:?}");
        bench.apply("Service", name, plan.service(&pinned(name, running))).await?;
        completed(bench, name, running, plan.desired).await.with_context(context)?;
        let tag = if plan.bad { "unpullable".to_owned() } else { n.to_string() };
        // The variable makes each revision distinct, also two bad ones in a row.
        let container = json!({"name": "app", "image": format!("example.test/{name}:{tag}"), "memory": 16,
            "environment": [{"name": "ROLLOUT", "value": n.to_string()}]});
        bench
            .apply("TaskDefinition", name, json!({"networkMode": "awsvpc", "containerDefinitions": [container]}))
            .await?;
        newest += 1;
        bench
            .until("TaskDefinition", name, &format!("revision {newest}"), |object| {
                (object.pointer("/status/latestRevision")?.as_i64()? == newest).then_some(())
            })
            .await?;
        let rollout = async {
            bench.apply("Service", name, plan.service(&pinned(name, newest))).await?;
            if plan.is_stuck() {
                until(bench, name, "stuck", |status| {
                    let mut conditions = status["conditions"].as_array()?.iter();
                    conditions.any(|c| c["type"] == "Stable" && c["reason"] == "DeploymentStuck").then_some(())
                })
                .await
            } else {
                let end = if plan.bad { running } else { newest };
                if end == running {
                    until(bench, name, "failed", |status| status["lastFailedDeployment"].is_string().then_some(()))
                        .await?;
                }
                completed(bench, name, end, plan.desired).await
            }
        };
        let history = Box::pin(observe(bench, name, &plan, rollout)).await.with_context(context)?;
        ensure!(history.violations.is_empty(), "{}: {:?}", context(), history.violations);
        tally.observations += history.observations;
        tally.overshoots += history.overshoots.len();
        tally.longest_overshoot = history.overshoots.iter().copied().fold(tally.longest_overshoot, Duration::max);
        let created = history.created.get(&newest.to_string()).map_or(0, BTreeSet::len);
        if plan.is_stuck() {
            tally.stuck += 1;
            ensure!(created == 0, "{}: {created} tasks of a revision that is stuck", context());
        } else if plan.bad {
            tally.rolled_back += 1;
        } else {
            // Each task is created once, and a healthy task is never replaced.
            ensure!(i64::try_from(created)? == plan.desired, "{}: {created} tasks created", context());
            tally.completed += 1;
            running = newest;
        }
    }
    Ok(tally)
}

fn pinned(name: &str, revision: i64) -> String {
    format!("{name}:{revision}")
}

async fn all(bench: &Bench, rollouts: u64, seed: u64) -> Result<Tally> {
    let services = rollouts.clamp(1, 10);
    let mut running: FuturesUnordered<_> = (0..services)
        .map(|n| async move {
            let share = rollouts / services + u64::from(n < rollouts % services);
            Box::pin(roll(bench, &format!("app{n}"), share, seed + n)).await
        })
        .collect();
    let mut sum = Tally::default();
    while let Some(tally) = running.try_next().await? {
        sum.completed += tally.completed;
        sum.rolled_back += tally.rolled_back;
        sum.stuck += tally.stuck;
        sum.observations += tally.observations;
        sum.overshoots += tally.overshoots;
        sum.longest_overshoot = sum.longest_overshoot.max(tally.longest_overshoot);
        println!("{} of {rollouts} rollouts", sum.completed + sum.rolled_back + sum.stuck);
    }
    Ok(sum)
}

#[tokio::test]
async fn random_rollouts_stay_within_minimum_and_maximum() -> Result<()> {
    let bench = bench("rollouts").await?;
    let operator = bench.operator().await?;
    let tally = all(&bench, number("ROLLOUTS", 10), number("SEED", 1)).await?;
    println!("{tally:?}");
    operator.stop().await
}

#[tokio::test]
async fn rollouts_complete_although_the_operator_is_killed_repeatedly() -> Result<()> {
    let bench = bench("killed-rollouts").await?;
    let rollouts = number("KILLED_ROLLOUTS", 5);
    let seed = number("SEED", 1) + 1000;
    let mut random = fastrand::Rng::with_seed(seed);
    let mut kills = 0;
    let work = all(&bench, rollouts, seed);
    tokio::pin!(work);
    loop {
        let mut operator = start(&bench)?;
        // Long enough to start, and short enough to be killed in the middle of a rollout.
        let life = Duration::from_millis(random.u64(500..4_000));
        tokio::select! {
            ended = &mut work => {
                println!("{:?} with {kills} kills", ended?);
                operator.kill().await?;
                return Ok(());
            }
            () = tokio::time::sleep(life) => {
                operator.kill().await?;
                kills += 1;
            }
        }
    }
}
