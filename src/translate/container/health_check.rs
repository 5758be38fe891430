//! `healthCheck` → probes.
//!
//! ECS runs the check every `interval`, counts `retries` consecutive failures, and ignores failures during `startPeriod` until
//! the first success. The checks of essential containers decide the health of the task. A startup probe with the same command
//! delays readiness, and containers that wait for HEALTHY, until the first success. After that a readiness probe reports the
//! health, and the operator replaces an unhealthy task. If the operator does not replace it, a liveness probe with a longer
//! tolerance restarts the container.

use k8s_openapi::api::core::v1::{ExecAction, Probe};
use task_agent::Health;

use crate::ecs::task_definition::{ContainerDefinition, HealthCheck};
use crate::ecs::{self, Pointer};
use crate::translate::context::{ContainerKind, ContainerSlot, Mode};
use crate::translate::conversions::literal;
use crate::translate::task_agent::{eligibility, supervised_container};
use crate::translate::{Code, RenderContext, VerdictRecorder, target};

const DEFAULT_INTERVAL: i32 = 30;
const DEFAULT_TIMEOUT: i32 = 5;
const DEFAULT_RETRIES: i32 = 3;

#[derive(Default)]
pub(crate) struct Probes {
    pub(crate) startup: Option<Probe>,
    pub(crate) readiness: Option<Probe>,
    pub(crate) liveness: Option<Probe>,
}

/// Seconds that a once healthy task may be unhealthy before it stops itself. Its replacement starts in this time.
fn patience(task: &RenderContext<'_>, check: &HealthCheck) -> i32 {
    let twice_the_failures = interval(check).saturating_mul(retries(check)).saturating_mul(2);
    start_period(task, check).saturating_add(twice_the_failures.max(MIN_PATIENCE))
}

/// Minimum of [`patience`] without the start period, in seconds.
const MIN_PATIENCE: i32 = 60;

/// Seconds after the start of a task in which its service ignores failures (`healthCheckGracePeriodSeconds`).
fn grace_period(task: &RenderContext<'_>) -> i32 {
    task.service.and_then(|spec| spec.ecs.health_check_grace_period_seconds).unwrap_or(0).max(0)
}

/// Seconds after the start in which failures are ignored until the first success.
fn start_period(task: &RenderContext<'_>, check: &HealthCheck) -> i32 {
    check.start_period.unwrap_or(0).max(grace_period(task))
}

/// Returns the check for the plan of the task agent.
pub(crate) fn plan(task: &RenderContext<'_>, container: &ContainerDefinition) -> Option<Health> {
    let check = container.health_check.as_ref()?;
    Some(Health {
        command: command(check)?,
        interval: non_negative(interval(check)).into(),
        timeout: non_negative(timeout(check)).into(),
        retries: non_negative(retries(check)),
        start_period: non_negative(start_period(task, check)).into(),
        patience: non_negative(patience(task, check)).into(),
    })
}

fn non_negative(number: i32) -> u32 {
    number.max(0).unsigned_abs()
}

/// True if the check of this container decides the health of its task.
pub(crate) fn decides_task_health(container: &ContainerDefinition) -> bool {
    container.is_essential() && container.health_check.as_ref().and_then(command).is_some()
}

pub(crate) fn render(task: &RenderContext<'_>, slot: &ContainerSlot<'_>, recorder: &mut VerdictRecorder) -> Probes {
    if slot.is_supervised() {
        recorder.exact(slot.at("healthCheck"), eligibility::plan_target(task));
        let checked = decides_task_health(slot.definition).then(|| slot.definition.health_check.as_ref().map(interval));
        let readiness = checked.flatten().map(|interval| supervised_container::readiness_probe(slot, interval));
        return Probes { startup: Some(supervised_container::startup_probe(slot)), readiness, liveness: None };
    }
    let Some(check) = &slot.definition.health_check else { return Probes::default() };
    let Some(command) = command(check) else {
        recorder.exact(slot.at("healthCheck"), slot.target.clone());
        return Probes::default();
    };
    let is_observed = slot.kind != ContainerKind::Init && (slot.awaited_healthy || slot.is_essential());
    if !is_observed {
        let message = "the check is not run, because nothing depends on the health of this non-essential container; ECS runs it without \
                       consequence";
        recorder.approximate(slot.at("healthCheck"), Code::HealthNotObserved, slot.target.clone(), message);
        return Probes::default();
    }
    let command: Vec<String> = command.iter().map(|word| literal(word)).collect();
    record(task.mode, slot, check, recorder);
    let has_startup_probe = has_startup_probe(slot);
    let start_period = start_period(task, check);
    let delay = (!has_startup_probe).then(|| start_period.saturating_add(interval(check)));
    let extra_failures = if has_startup_probe { checks_in(patience(task, check), check) } else { 0 };
    let liveness_failures = retries(check).saturating_add(extra_failures);
    Probes {
        startup: has_startup_probe.then(|| startup(check, &command, start_period)),
        readiness: (has_startup_probe && slot.is_essential()).then(|| probe(check, &command, retries(check), None)),
        liveness: slot.is_essential().then(|| probe(check, &command, liveness_failures, delay)),
    }
}

/// Returns the names of the containers whose readiness is the health of the task, separated by commas.
pub(crate) fn reporting_containers(slots: &[ContainerSlot<'_>]) -> Option<String> {
    let reporting =
        slots.iter().filter(|it| decides_task_health(it.definition) && (it.is_supervised() || has_startup_probe(it)));
    let names: Vec<&str> = reporting.map(ContainerSlot::name).collect();
    (!names.is_empty()).then(|| names.join(","))
}

/// True if a startup probe delays the containers that wait for this one. A sidecar has none unless a container waits until it
/// is healthy, because the probe would also delay the containers that wait for its start.
fn has_startup_probe(slot: &ContainerSlot<'_>) -> bool {
    slot.kind == ContainerKind::Main || slot.awaited_healthy
}

/// Returns the command line of the check, or `None` if the definition disables it.
fn command(check: &HealthCheck) -> Option<Vec<String>> {
    let (first, rest) = check.command.split_first()?;
    match first.as_str() {
        "NONE" => None,
        "CMD-SHELL" => Some(["/bin/sh", "-c"].map(str::to_owned).into_iter().chain(rest.iter().cloned()).collect()),
        "CMD" => Some(rest.to_vec()),
        _ => Some(check.command.clone()),
    }
}

fn startup(check: &HealthCheck, command: &[String], start_period: i32) -> Probe {
    let checks = checks_in(start_period, check);
    probe(check, command, checks.saturating_add(retries(check)), Some(interval(check)))
}

/// Returns the number of checks in a period, rounded up.
fn checks_in(seconds: i32, check: &HealthCheck) -> i32 {
    let interval = interval(check).max(1);
    seconds.saturating_add(interval - 1) / interval
}

fn probe(check: &HealthCheck, command: &[String], failures: i32, delay: Option<i32>) -> Probe {
    Probe {
        exec: Some(ExecAction { command: Some(command.to_vec()) }),
        initial_delay_seconds: delay,
        period_seconds: Some(interval(check)),
        timeout_seconds: Some(timeout(check)),
        failure_threshold: Some(failures),
        ..Probe::default()
    }
}

fn interval(check: &HealthCheck) -> i32 {
    check.interval.unwrap_or(DEFAULT_INTERVAL)
}

fn timeout(check: &HealthCheck) -> i32 {
    check.timeout.unwrap_or(DEFAULT_TIMEOUT)
}

fn retries(check: &HealthCheck) -> i32 {
    check.retries.unwrap_or(DEFAULT_RETRIES)
}

/// Returns the difference from ECS when an essential container becomes unhealthy.
fn unhealthy_message(mode: Mode, has_startup_probe: bool) -> &'static str {
    match (has_startup_probe, mode) {
        (true, Mode::Operator) => {
            "a task that becomes unhealthy gets no traffic while the operator starts its replacement; on ECS it may get some. The \
             kubelet runs the check twice, as readiness probe and as liveness probe. The liveness probe restarts the container in \
             its Pod if the task is not replaced within twice the time that the check takes to fail, at least a minute, plus the \
             start period"
        }
        (true, Mode::Manifests) => {
            "a task that becomes unhealthy gets no traffic, and the kubelet restarts the container in its Pod after twice the time \
             that the check takes to fail, at least a minute, plus the start period; ECS starts a new task before it stops this one"
        }
        (false, Mode::Operator) => {
            "an unhealthy container is restarted in its Pod until the operator replaces the task; ECS starts a new task before it \
             stops this one"
        }
        (false, Mode::Manifests) => {
            "an unhealthy container is restarted in its Pod; ECS starts a new task before it stops this one"
        }
    }
}

fn record(mode: Mode, slot: &ContainerSlot<'_>, check: &HealthCheck, recorder: &mut VerdictRecorder) {
    let path = slot.at("healthCheck");
    let has_startup_probe = has_startup_probe(slot);
    let probe = match (slot.is_essential(), has_startup_probe) {
        (true, true) => "readinessProbe",
        (true, false) => "livenessProbe",
        (false, _) => "startupProbe",
    };
    let target = slot.becomes(probe);
    let command = format!("{target}/exec/command");
    if slot.is_essential() {
        let message = unhealthy_message(mode, has_startup_probe);
        let code = if has_startup_probe { Code::UnhealthyWithoutTraffic } else { Code::UnhealthyRestartsInPlace };
        recorder.approximate(path.key("command"), code, command, message);
    } else {
        recorder.exact(path.key("command"), command);
    }
    recorder.exact(path.key("interval"), format!("{target}/periodSeconds"));
    recorder.exact(path.key("timeout"), format!("{target}/timeoutSeconds"));
    recorder.exact(path.key("retries"), format!("{target}/failureThreshold"));
    if check.start_period.is_some() {
        let (target, message) = if has_startup_probe {
            let message = "the start period becomes a number of failures that are ignored, one for each check in it";
            (slot.becomes("startupProbe/failureThreshold"), message)
        } else {
            let message =
                "the first check runs after the start period; ECS also checks during it, and ignores failures";
            (slot.becomes("livenessProbe/initialDelaySeconds"), message)
        };
        recorder.approximate(path.key("startPeriod"), Code::StartPeriodCounted, target, message);
    }
}

/// Records the verdict on `healthCheckGracePeriodSeconds` of a service.
pub(crate) fn record_grace(service: &ecs::Service, name: &str, recorder: &mut VerdictRecorder) {
    let Some(seconds) = service.health_check_grace_period_seconds else { return };
    let path = Pointer::root().key("healthCheckGracePeriodSeconds");
    let target = target::workload(service, name, "/spec/template/spec/containers");
    if seconds == 0 {
        return recorder.exact(path, target);
    }
    let message = "failures of a container's healthCheck are ignored for this time after its start, until its first success; ECS also \
                   ignores failures after the first success. Health checks of a load balancer do not stop tasks on Kubernetes, with or \
                   without a grace period";
    recorder.approximate(path, Code::HealthGraceUntilSuccess, target, message);
}
