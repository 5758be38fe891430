//! Auto scaling with the measured usage of real containers: kubelets, metrics-server and a HorizontalPodAutoscaler.

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

/// Seconds of low load before tasks are removed.
const WINDOW: u64 = 30;
/// Minimum and maximum number of tasks.
const LIMITS: (i64, i64) = (1, 4);
/// Target utilization, in percent of the reservation of a task.
const TARGET: i32 = 50;
/// Maximum delay until a change of the load is in the metrics of an autoscaler. metrics-server scrapes every 10 s, and kubelets
/// measure about every 10 s.
const METRICS_DELAY: Duration = Duration::from_mins(1);

/// While the file `on` exists, all tasks of the folder together do about the same work, whatever their number, as behind a load
/// balancer. The work exceeds the target of one task and of four tasks.
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
struct Load<'a> {
    bench: &'a Bench,
    folder: &'a Path,
}

impl Load<'_> {
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
        File::create(self.folder.join(name).join("on")).map(drop).context("cannot switch the load on")
    }

    fn switch_off(&self, name: &str) -> Result<()> {
        fs::remove_file(self.folder.join(name).join("on")).context("cannot switch the load off")
    }

    /// Waits until the service has `count` running tasks.
    async fn wait_for_count(&self, name: &str, count: i64) -> Result<Value> {
        let what = format!("{count} tasks of {name}");
        self.bench
            .until_within(METRICS_DELAY + PATIENCE, "Service", name, &what, |object| {
                let desired = object.pointer("/spec/desiredCount")? == count;
                let running = object.pointer("/status/runningCount")? == count;
                (desired && running && object.pointer("/status/desiredCount")? == count).then(|| object.clone())
            })
            .await
    }

    /// Returns the last utilization in percent that the autoscaler measured, and true if it may scale in.
    async fn autoscaler(&self, name: &str) -> Result<(Option<i32>, bool)> {
        let autoscaler = self.bench.api::<HorizontalPodAutoscaler>().get(name).await?;
        let metrics = autoscaler.status.and_then(|status| status.current_metrics).unwrap_or_default();
        let utilization = metrics.first().and_then(|it| it.resource.as_ref()?.current.average_utilization);
        let down = autoscaler.spec.behavior.and_then(|behavior| behavior.scale_down);
        let may_scale_in = down.and_then(|down| down.select_policy).is_some_and(|policy| policy != "Disabled");
        Ok((utilization, may_scale_in))
    }

    async fn wait_for_autoscaler(&self, name: &str, what: &str, holds: impl Fn(i32, bool) -> bool) -> Result<()> {
        wait_for(&format!("{what} of {name}"), METRICS_DELAY + PATIENCE, async || {
            let (utilization, may_scale_in) = self.autoscaler(name).await?;
            let done = utilization.is_some_and(|utilization| holds(utilization, may_scale_in));
            Ok(if done { Seen::Done(()) } else { Seen::not_yet((utilization, may_scale_in)) })
        })
        .await
    }
}

/// Returns the first scale-out or scale-in in the status: start in Unix seconds, count before it, cause.
fn first_change(service: &Value, out: bool) -> Result<(i64, i64, String)> {
    let activities = service.pointer("/status/scalingActivities").and_then(Value::as_array).context("no activities")?;
    let mut oldest_first = activities.iter().rev();
    let first = oldest_first.find(|it| (it["toCount"].as_i64() > it["fromCount"].as_i64()) == out);
    let first = first.with_context(|| format!("no such change: {activities:?}"))?;
    let start: Timestamp = first["startTime"].as_str().context("a time")?.parse()?;
    let cause = first["cause"].as_str().unwrap_or_default().to_owned();
    Ok((start.as_second(), first["fromCount"].as_i64().context("a count")?, cause))
}

/// Two services have the same load. One of them is rolled out when the load ends.
#[tokio::test]
async fn tasks_follow_the_load_and_scale_in_waits() -> Result<()> {
    let Some(bench) = bench("load").await? else { return Ok(()) };
    let operator = bench.operator().await?;
    let folder = Path::new("/tmp").join(&bench.namespace);
    let load = Load { bench: &bench, folder: &folder };
    let (minimum, maximum) = LIMITS;
    for name in ["plain", "rolled"] {
        load.task_definition(name, None).await?;
        load.service(name).await?;
    }
    for name in ["plain", "rolled"] {
        bench.stable(name, &format!("{name}:1")).await?;
        load.wait_for_count(name, minimum).await?;
        load.switch_on(name)?;
    }
    for name in ["plain", "rolled"] {
        let service = load.wait_for_count(name, maximum).await?;
        let (_, from, cause) = first_change(&service, true)?;
        ensure!(from == minimum && cause.contains("HorizontalPodAutoscaler"), "from {from}: {cause}");
    }

    // The new tasks become healthy when the test creates the file.
    bench.stable("rolled", "rolled:1").await?;
    load.task_definition("rolled", Some("test -e /load/ready")).await?;
    load.wait_for_autoscaler("rolled", "disabled scale-in", |_, may_scale_in| !may_scale_in).await?;
    let load_end = epoch_seconds()?;
    for name in ["plain", "rolled"] {
        load.switch_off(name)?;
    }
    let service = load.wait_for_count("plain", minimum).await?;
    let (start, from, cause) = first_change(&service, false)?;
    let waited = start - load_end;
    ensure!(from == maximum && cause.contains("HorizontalPodAutoscaler"), "from {from}: {cause}");
    ensure!(waited >= i64::try_from(WINDOW)?, "a task was removed {waited} s after the end of the load");

    // The load of the other service has been low for as long.
    load.wait_for_autoscaler("rolled", "a low load", |utilization, _| 10 * utilization < 9 * TARGET).await?;
    let service = serde_json::to_value(bench.custom_resources("Service").get("rolled").await?)?;
    ensure!(service["spec"]["desiredCount"] == maximum, "{service}");
    ensure!(service.pointer("/status/deployments/0/rolloutState") == Some(&json!("IN_PROGRESS")), "{service}");
    ensure!(!load.autoscaler("rolled").await?.1, "scale-in is enabled during a deployment");
    let ready = epoch_seconds()?;
    File::create(folder.join("rolled/ready"))?;
    let service = load.wait_for_count("rolled", minimum).await?;
    let (start, from, cause) = first_change(&service, false)?;
    let delay = start - ready;
    ensure!(from == maximum && cause.contains("HorizontalPodAutoscaler"), "from {from}: {cause}");
    ensure!(delay >= 0, "a task was removed {} s before the end of the deployment", -delay);
    bench.stable("rolled", "rolled:2").await?;
    println!("scale-in {waited} s after the end of the load, and {delay} s after the last health check could succeed");
    // The tasks write to the folder until they are deleted.
    for name in ["plain", "rolled"] {
        bench.custom_resources("Service").delete(name, &DeleteParams::default()).await?;
    }
    wait_for("no task", PATIENCE, async || {
        Ok(bench.api::<Pod>().list(&ListParams::default()).await?.items.is_empty().then_some(()))
    })
    .await?;
    operator.stop().await?;
    fs::remove_dir_all(&folder).context("the folder")
}
