//! Auto scaling by what containers really use: kubelets measure it, metrics-server tells it, an autoscaler decides.

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use devcluster::{Seen, wait_for};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;
use kube::api::{DeleteParams, ListParams};
use serde_json::{Value, json};

use crate::support::{Bench, PATIENCE};
use crate::{IMAGE, bench};

/// Seconds for which the load is low before tasks are taken away.
const WINDOW: u64 = 30;
/// Tasks at least, and at most.
const LIMITS: (i64, i64) = (1, 4);
/// Of what a task reserves, in percent.
const TARGET: i32 = 50;
/// Until a change of the load is in the metrics of an autoscaler: a look of metrics-server every 10 s at what kubelets have
/// measured every 10 s or so.
const SEEN_AFTER: Duration = Duration::from_mins(1);

/// While the switch is on, all tasks of the folder together do about the same work, however many they are, as behind a load
/// balancer: four of them have more to do than the target, and so has one.
const WORKER: &str = r#"trap 'rm -f "/load/task-$HOSTNAME"; exit 0' TERM
touch "/load/task-$HOSTNAME"
while :; do
    if [ -e /load/on ]; then
        i=0; while [ $i -lt 40000 ]; do i=$((i + 1)); done
        set -- /load/task-*; usleep $(($# * 300000))
    else
        sleep 1
    fi
done"#;

fn epoch_seconds() -> Result<i64> {
    Ok(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?)
}

/// Services whose tasks share a folder with the test.
struct Loaded<'a> {
    bench: &'a Bench,
    folder: &'a Path,
}

impl Loaded<'_> {
    async fn task_definition(&self, name: &str, health_check: Option<&str>) -> Result<()> {
        let mut container = json!({"name": "app", "image": IMAGE, "cpu": 100, "memory": 32, "stopTimeout": 5,
            "entryPoint": ["sh", "-c"], "command": [WORKER],
            "mountPoints": [{"sourceVolume": "load", "containerPath": "/load"}]});
        if let Some(check) = health_check {
            container["healthCheck"] =
                json!({"command": ["CMD-SHELL", check], "interval": 5, "retries": 10, "startPeriod": 300});
        }
        let folder = self.folder.join(name);
        fs::create_dir_all(&folder)?;
        let definition = json!({"networkMode": "awsvpc", "containerDefinitions": [container],
            "volumes": [{"name": "load", "host": {"sourcePath": folder}}]});
        self.bench.apply("TaskDefinition", name, definition).await.map(drop)
    }

    async fn service(&self, name: &str) -> Result<()> {
        let tracking = json!({"targetValue": TARGET, "scaleInCooldown": 10,
            "predefinedMetricSpecification": {"predefinedMetricType": "ECSServiceAverageCPUUtilization"}});
        let policies = json!([{"policyName": "cpu", "targetTrackingScalingPolicyConfiguration": tracking}]);
        let spec = json!({"taskDefinition": name,
            "autoScaling": {"minCapacity": LIMITS.0, "maxCapacity": LIMITS.1, "policies": policies},
            "kubernetes": {"healthyAfterSeconds": 1, "autoScaling": {"scaleInAfterSeconds": WINDOW}}});
        self.bench.apply("Service", name, spec).await.map(drop)
    }

    fn switch_on(&self, name: &str) -> Result<()> {
        File::create(self.folder.join(name).join("on")).map(drop).context("the switch")
    }

    fn switch_off(&self, name: &str) -> Result<()> {
        fs::remove_file(self.folder.join(name).join("on")).context("the switch")
    }

    /// Waits until the service has so many tasks, and all of them run.
    async fn has(&self, name: &str, count: i64) -> Result<Value> {
        let what = format!("{count} tasks of {name}");
        self.bench
            .until_within(SEEN_AFTER + PATIENCE, "Service", name, &what, |object| {
                let wanted = object.pointer("/spec/desiredCount")? == count;
                let running = object.pointer("/status/runningCount")? == count;
                (wanted && running && object.pointer("/status/desiredCount")? == count).then(|| object.clone())
            })
            .await
    }

    /// What the autoscaler measured last, in percent, and whether it may take tasks away.
    async fn autoscaler(&self, name: &str) -> Result<(Option<i32>, bool)> {
        let found = self.bench.api::<HorizontalPodAutoscaler>().get(name).await?;
        let metrics = found.status.and_then(|status| status.current_metrics).unwrap_or_default();
        let measured = metrics.first().and_then(|it| it.resource.as_ref()?.current.average_utilization);
        let down = found.spec.behavior.and_then(|behavior| behavior.scale_down);
        let may = down.and_then(|down| down.select_policy).is_some_and(|policy| policy != "Disabled");
        Ok((measured, may))
    }

    async fn until_it_measures(&self, name: &str, what: &str, right: impl Fn(i32, bool) -> bool) -> Result<()> {
        wait_for(&format!("{what} of {name}"), SEEN_AFTER + PATIENCE, async || {
            let (measured, may_scale_in) = self.autoscaler(name).await?;
            let done = measured.is_some_and(|measured| right(measured, may_scale_in));
            Ok(if done { Seen::Done(()) } else { Seen::not_yet((measured, may_scale_in)) })
        })
        .await
    }
}

/// The change of the count that began first of those that the status tells of and are in this direction: when, from where and why.
fn first_change(service: &Value, out: bool) -> Result<(i64, i64, String)> {
    let activities = service.pointer("/status/scalingActivities").and_then(Value::as_array).context("no activities")?;
    let is_right = |it: &&Value| (it["toCount"].as_i64() > it["fromCount"].as_i64()) == out;
    let first = activities.iter().rev().find(is_right).with_context(|| format!("no such change: {activities:?}"))?;
    let began: Timestamp = first["startTime"].as_str().context("a time")?.parse()?;
    let cause = first["cause"].as_str().unwrap_or_default().to_owned();
    Ok((began.as_second(), first["fromCount"].as_i64().context("a count")?, cause))
}

/// Two services with the same load: one of them is rolled out when the load ends.
#[tokio::test]
async fn tasks_follow_the_load_and_none_is_taken_away_too_early() -> Result<()> {
    let Some(bench) = bench("load").await? else { return Ok(()) };
    let operator = bench.operator().await?;
    let folder = Path::new("/tmp").join(&bench.namespace);
    let loaded = Loaded { bench: &bench, folder: &folder };
    let (least, most) = LIMITS;
    for name in ["plain", "rolled"] {
        loaded.task_definition(name, None).await?;
        loaded.service(name).await?;
    }
    for name in ["plain", "rolled"] {
        bench.stable(name, &format!("{name}:1")).await?;
        loaded.has(name, least).await?;
        loaded.switch_on(name)?;
    }
    for name in ["plain", "rolled"] {
        let service = loaded.has(name, most).await?;
        let (_, from, cause) = first_change(&service, true)?;
        ensure!(from == least && cause.contains("HorizontalPodAutoscaler"), "from {from}: {cause}");
    }

    // Its new tasks are healthy when the test says so.
    bench.stable("rolled", "rolled:1").await?;
    loaded.task_definition("rolled", Some("test -e /load/ready")).await?;
    loaded.until_it_measures("rolled", "no scale-in", |_, may_scale_in| !may_scale_in).await?;
    let off = epoch_seconds()?;
    for name in ["plain", "rolled"] {
        loaded.switch_off(name)?;
    }
    let service = loaded.has("plain", least).await?;
    let (began, from, cause) = first_change(&service, false)?;
    let waited = began - off;
    ensure!(from == most && cause.contains("HorizontalPodAutoscaler"), "from {from}: {cause}");
    ensure!(waited >= i64::try_from(WINDOW)?, "a task was taken away {waited} s after the load");

    // The load of the other one has been as low for as long.
    loaded.until_it_measures("rolled", "a low load", |measured, _| 10 * measured < 9 * TARGET).await?;
    let service = serde_json::to_value(bench.ours("Service").get("rolled").await?)?;
    ensure!(service["spec"]["desiredCount"] == most, "{service}");
    ensure!(service.pointer("/status/deployments/0/rolloutState") == Some(&json!("IN_PROGRESS")), "{service}");
    ensure!(!loaded.autoscaler("rolled").await?.1, "tasks may be taken away during a deployment");
    let ready = epoch_seconds()?;
    File::create(folder.join("rolled/ready"))?;
    let service = loaded.has("rolled", least).await?;
    let (began, from, cause) = first_change(&service, false)?;
    let held = began - ready;
    ensure!(from == most && cause.contains("HorizontalPodAutoscaler"), "from {from}: {cause}");
    ensure!(held >= 0, "a task was taken away {} s before the end of the deployment", -held);
    bench.stable("rolled", "rolled:2").await?;
    println!("taken away {waited} s after the load, and {held} s after the last task of a deployment could be healthy");
    // The folder is written to until the tasks are gone.
    for name in ["plain", "rolled"] {
        bench.ours("Service").delete(name, &DeleteParams::default()).await?;
    }
    wait_for("no task", PATIENCE, async || {
        Ok(bench.api::<Pod>().list(&ListParams::default()).await?.items.is_empty().then_some(()))
    })
    .await?;
    operator.stop().await?;
    fs::remove_dir_all(&folder).context("the folder")
}
