//! Whole rollouts, watched task by task: never fewer healthy tasks than ECS's floor, never more than its ceiling, and each
//! ends as it would on ECS.

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

/// A rollout that fails needs a minute between two tasks that do not start.
const PATIENCE: Duration = Duration::from_mins(8);

pub fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// What one rollout is to be.
#[derive(Clone, Debug)]
struct Plan {
    desired: i64,
    minimum: i64,
    maximum: i64,
    /// Whether the new revision cannot start.
    bad: bool,
    /// How many failures are too many; none means ECS's own number.
    threshold: Option<i64>,
}

impl Plan {
    fn random(random: &mut fastrand::Rng) -> Self {
        let pick = |random: &mut fastrand::Rng, of: &[i64]| of[random.usize(0..of.len())];
        let threshold = if random.bool() { Some(random.i64(1..=3)) } else { None };
        Self {
            desired: random.i64(1..=10),
            minimum: pick(random, &[0, 10, 25, 33, 50, 66, 75, 90, 100]),
            maximum: pick(random, &[100, 110, 125, 133, 150, 175, 200]),
            bad: random.f32() < 0.3,
            threshold,
        }
    }

    /// ECS's floor and ceiling, written down once more.
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

/// A task as the server told of it last.
#[derive(Clone, Debug)]
struct Sample {
    healthy: bool,
    /// It starts or runs, and is not being stopped.
    counts: bool,
    revision: String,
}

fn sample(pod: &Pod) -> Sample {
    let status = pod.status.as_ref();
    let ready = status.and_then(|s| s.conditions.as_ref()).into_iter().flatten();
    let over = status.and_then(|s| s.phase.as_deref()).is_some_and(|phase| phase == "Failed" || phase == "Succeeded");
    let leaving = pod.metadata.deletion_timestamp.is_some();
    Sample {
        healthy: !leaving && ready.into_iter().any(|c| c.type_ == "Ready" && c.status == "True"),
        counts: !leaving && !over,
        revision: pod.labels().get("ecs-operator.dev/revision").cloned().unwrap_or_default(),
    }
}

/// What was seen of the tasks of a service.
#[derive(Debug, Default)]
struct History {
    tasks: BTreeMap<String, Sample>,
    /// How often somebody looked.
    looks: usize,
    broken: Vec<String>,
    /// Tasks ever seen.
    seen: BTreeSet<String>,
    /// Those that came since the start, by revision.
    ever: BTreeMap<String, BTreeSet<String>>,
    /// How many tasks each ReplicaSet is told to have.
    ordered: BTreeMap<String, i64>,
    /// Since when there are more tasks than the ceiling allows.
    above: Option<Instant>,
    /// How long there were, each time.
    overshoots: Vec<Duration>,
}

/// Kubernetes orders a new task as soon as it has ordered the end of an old one, and carries both out side by side: for an instant
/// both may be there, which lasts longer on a busy machine. No more than the ceiling are ever ordered.
const INSTANT: Duration = Duration::from_secs(5);

impl History {
    fn note(&mut self, plan: &Plan, pod: &Pod, gone: bool) {
        let uid = pod.uid().unwrap_or_default();
        let seen = sample(pod);
        self.seen.insert(uid.clone());
        self.ever.entry(seen.revision.clone()).or_default().insert(uid.clone());
        if gone {
            self.tasks.remove(&uid);
        } else {
            self.tasks.insert(uid, seen);
        }
        self.looks += 1;
        let (floor, ceiling) = plan.bounds();
        let count = |of: fn(&Sample) -> bool| i64::try_from(self.tasks.values().filter(|t| of(t)).count()).unwrap_or(0);
        let (healthy, all) = (count(|task| task.healthy), count(|task| task.counts));
        if healthy < floor {
            self.broken.push(format!("{healthy} healthy tasks, the floor is {floor}"));
        }
        if all > ceiling {
            self.above.get_or_insert_with(Instant::now);
        } else {
            self.settle(ceiling);
        }
    }

    fn note_order(&mut self, plan: &Plan, replica_set: &ReplicaSet, gone: bool) {
        let wanted = replica_set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(0);
        self.ordered.insert(replica_set.name_any(), if gone { 0 } else { wanted.into() });
        let (all, (_, ceiling)) = (self.ordered.values().sum::<i64>(), plan.bounds());
        if all > ceiling {
            self.broken.push(format!("{all} tasks are ordered, the ceiling is {ceiling}: {:?}", self.ordered));
        }
    }

    fn settle(&mut self, ceiling: i64) {
        let Some(since) = self.above.take() else { return };
        let lasted = since.elapsed();
        self.overshoots.push(lasted);
        if lasted > INSTANT {
            self.broken.push(format!("more tasks than the ceiling of {ceiling} for {} ms", lasted.as_millis()));
        }
    }
}

fn of_service(name: &str) -> ListParams {
    ListParams::default().labels(&format!("ecs-operator.dev/service={name}"))
}

/// What there is of a service, and every change from then on.
async fn changes<K>(bench: &Bench, name: &str) -> Result<(Vec<K>, BoxStream<'static, Result<WatchEvent<K>>>)>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let api = bench.api::<K>();
    let list = api.list(&of_service(name)).await?;
    let version = list.metadata.resource_version.context("a list without a version")?;
    let params = WatchParams { label_selector: of_service(name).label_selector, ..WatchParams::default() }.timeout(290);
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

/// Watches the tasks of a service from a state in which it is whole, until the rollout says how it ended.
async fn watched(bench: &Bench, name: &str, plan: &Plan, rollout: impl Future<Output = Result<()>>) -> Result<History> {
    let mut history = History::default();
    let (pods, mut pod_events) = changes::<Pod>(bench, name).await?;
    history.tasks.extend(pods.iter().map(|pod| (pod.uid().unwrap_or_default(), sample(pod))));
    history.seen.extend(pods.iter().filter_map(ResourceExt::uid));
    let (orders, mut order_events) = changes::<ReplicaSet>(bench, name).await?;
    for order in &orders {
        history.note_order(plan, order, false);
    }
    tokio::pin!(rollout);
    // Once it has ended, the tasks that are there then: what was told before they were is still to be read.
    let mut there: Option<BTreeSet<String>> = None;
    while there.as_ref().is_none_or(|there| !there.is_subset(&history.seen)) {
        tokio::select! {
            ended = &mut rollout, if there.is_none() => {
                ended?;
                let pods = bench.api::<Pod>().list(&of_service(name)).await?.items;
                there = Some(pods.iter().filter_map(ResourceExt::uid).collect());
            }
            event = pod_events.try_next() => match event? {
                Some(WatchEvent::Added(pod) | WatchEvent::Modified(pod)) => history.note(plan, &pod, false),
                Some(WatchEvent::Deleted(pod)) => history.note(plan, &pod, true),
                _ => {}
            },
            event = order_events.try_next() => match event? {
                Some(WatchEvent::Added(order) | WatchEvent::Modified(order)) => history.note_order(plan, &order, false),
                Some(WatchEvent::Deleted(order)) => history.note_order(plan, &order, true),
                _ => {}
            },
        }
    }
    history.settle(plan.bounds().1);
    Ok(history)
}

/// Waits until the service's primary deployment is of a revision, complete, and the only one.
async fn completed(bench: &Bench, name: &str, revision: i64, desired: i64) -> Result<()> {
    until(bench, name, &format!("{name}:{revision} completed"), |status| {
        let all = status["deployments"].as_array()?;
        let primary = all.first()?;
        // A deployment that has completed stays so when the count changes.
        let counts = ["desiredCount", "runningCount", "healthyCount"].iter().all(|count| primary[count] == desired);
        let same = primary["taskDefinition"] == pinned(name, revision) && counts;
        (all.len() == 1 && same && primary["rolloutState"] == "COMPLETED").then_some(())
    })
    .await
}

async fn until(bench: &Bench, name: &str, what: &str, look: impl Fn(&Value) -> Option<()>) -> Result<()> {
    let services = bench.ours("Service");
    wait_for(what, PATIENCE, async || {
        let service = serde_json::to_value(services.get(name).await?)?;
        let current = service.pointer("/status/observedGeneration") == service.pointer("/metadata/generation");
        let done = current.then(|| look(&service["status"])).flatten();
        Ok(done.map_or_else(|| Seen::not_yet(&service["status"]), Seen::Done))
    })
    .await
}

/// How rollouts ended, and how often somebody looked.
#[derive(Debug, Default)]
struct Tally {
    completed: usize,
    rolled_back: usize,
    stuck: usize,
    looks: usize,
    /// How often, and how long at most, there were more tasks than the ceiling for an instant.
    overshoots: usize,
    longest: Duration,
}

/// Rolls one service out again and again.
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
        // A bad revision after a bad one would be no new revision.
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
                let reason = |c: &Value| c["type"] == "Stable" && c["reason"] == "DeploymentStuck";
                until(bench, name, "stuck", |status| status["conditions"].as_array()?.iter().any(reason).then_some(()))
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
        let history = Box::pin(watched(bench, name, &plan, rollout)).await.with_context(context)?;
        ensure!(history.broken.is_empty(), "{}: {:?}", context(), history.broken);
        tally.looks += history.looks;
        tally.overshoots += history.overshoots.len();
        tally.longest = history.overshoots.iter().copied().fold(tally.longest, Duration::max);
        let made = |revision: i64| history.ever.get(&revision.to_string()).map_or(0, BTreeSet::len);
        if plan.is_stuck() {
            tally.stuck += 1;
            ensure!(made(newest) == 0, "{}: {} tasks of a revision that is stuck", context(), made(newest));
        } else if plan.bad {
            tally.rolled_back += 1;
        } else {
            // Each task is made once, and a healthy one is never replaced.
            let made = i64::try_from(made(newest))?;
            ensure!(made == plan.desired, "{}: {made} tasks made", context());
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
    let share = |n: u64| rollouts / services + u64::from(n < rollouts % services);
    let roll = |n: u64| async move { Box::pin(roll(bench, &format!("app{n}"), share(n), seed + n)).await };
    let mut running: FuturesUnordered<_> = (0..services).map(roll).collect();
    let mut sum = Tally::default();
    while let Some(tally) = running.try_next().await? {
        sum.completed += tally.completed;
        sum.rolled_back += tally.rolled_back;
        sum.stuck += tally.stuck;
        sum.looks += tally.looks;
        sum.overshoots += tally.overshoots;
        sum.longest = sum.longest.max(tally.longest);
        println!("{} of {rollouts} rollouts", sum.completed + sum.rolled_back + sum.stuck);
    }
    Ok(sum)
}

#[tokio::test]
async fn random_rollouts_keep_floor_and_ceiling() -> Result<()> {
    let bench = bench("rollouts").await?;
    let operator = bench.operator().await?;
    let tally = all(&bench, number("ROLLOUTS", 10), number("SEED", 1)).await?;
    println!("{tally:?}: no bound broken");
    operator.stop().await
}

#[tokio::test]
async fn an_operator_that_is_killed_again_and_again_rolls_out_all_the_same() -> Result<()> {
    let bench = bench("killed-rollouts").await?;
    let rollouts = number("KILLED_ROLLOUTS", 5);
    let seed = number("SEED", 1) + 1000;
    let mut random = fastrand::Rng::with_seed(seed);
    let mut kills = 0;
    let work = all(&bench, rollouts, seed);
    tokio::pin!(work);
    loop {
        let mut operator = start(&bench)?;
        // Long enough to start, short enough to die in the middle of things.
        let life = Duration::from_millis(random.u64(500..4_000));
        tokio::select! {
            ended = &mut work => {
                println!("{:?} with {kills} kills: no bound broken, no task made twice", ended?);
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
