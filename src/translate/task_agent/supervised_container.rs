//! Fields of a container that the task agent runs: command, probes, restart rules and mounts.

use k8s_openapi::api::core::v1::{
    ContainerRestartRule, ContainerRestartRuleOnExitCodes, EmptyDirVolumeSource, ExecAction, Probe, Volume, VolumeMount,
};
use task_agent::{FOLDER, KILLED, PROGRAM, STATE};

use crate::translate::RenderContext;
use crate::translate::context::ContainerSlot;
use crate::translate::conversions::literal;
use crate::translate::task_agent::eligibility;
use crate::translate::volumes::container_volume;

/// Name of the volume that the containers share, and of the init container.
pub(super) const NAME: &str = "task-agent";
/// Failure threshold of the startup probe, because a container waits for its dependencies without a time limit.
const UNLIMITED: i32 = i32::MAX;
/// Timeout of a probe, in seconds.
const PROBE_TIMEOUT: i32 = 30;
/// Seconds after which the command of the startup probe exits, before its timeout.
const PROBE_COMMAND_TIMEOUT: i32 = PROBE_TIMEOUT - 2;

/// Returns the command line of a container that the agent runs.
pub(crate) fn command_line(task: &RenderContext<'_>, slot: &ContainerSlot<'_>) -> Vec<String> {
    let command = eligibility::command(task, slot.definition).unwrap_or_default();
    let agent = [PROGRAM, "run", slot.name(), "--"].map(str::to_owned);
    agent.into_iter().chain(command.iter().map(|word| literal(word))).collect()
}

/// Maximum period of the readiness probe, in seconds. The probe only reads a file.
const MAX_READINESS_PERIOD: i32 = 10;

/// Returns the readiness probe of an essential container, which reports the result of the agent's health checks. `interval` is
/// the interval of the checks, in seconds.
pub(crate) fn readiness_probe(slot: &ContainerSlot<'_>, interval: i32) -> Probe {
    let command = [PROGRAM, "ready", slot.name()].map(str::to_owned);
    Probe {
        exec: Some(ExecAction { command: Some(command.to_vec()) }),
        period_seconds: Some(interval.clamp(1, MAX_READINESS_PERIOD)),
        timeout_seconds: Some(PROBE_TIMEOUT),
        failure_threshold: Some(1),
        ..Probe::default()
    }
}

/// Returns the startup probe, which succeeds when the container has started and, if it has a health check, is healthy.
///
/// The command of the probe waits for that, because each failure would emit an event.
pub(crate) fn startup_probe(slot: &ContainerSlot<'_>) -> Probe {
    let command =
        [PROGRAM, "ready", slot.name()].map(str::to_owned).into_iter().chain([PROBE_COMMAND_TIMEOUT.to_string()]);
    Probe {
        exec: Some(ExecAction { command: Some(command.collect()) }),
        period_seconds: Some(1),
        timeout_seconds: Some(PROBE_TIMEOUT),
        failure_threshold: Some(UNLIMITED),
        ..Probe::default()
    }
}

/// Returns the rule that restarts a non-essential container after its agent was killed. The restarted agent reports that the
/// container has exited; otherwise the Pod would not become ready again. If the container is essential, the agents of the other
/// containers stop the task.
pub(crate) fn restart_rules(slot: &ContainerSlot<'_>) -> Option<Vec<ContainerRestartRule>> {
    let killed = ContainerRestartRuleOnExitCodes { operator: "In".to_owned(), values: Some(vec![KILLED]) };
    let restart = ContainerRestartRule { action: "Restart".to_owned(), exit_codes: Some(killed) };
    (!slot.is_essential()).then(|| vec![restart])
}

/// Returns the volume of the folder that the containers share.
pub(crate) fn volume(task: &RenderContext<'_>) -> Volume {
    Volume {
        name: container_volume::free_name(task, NAME),
        empty_dir: Some(EmptyDirVolumeSource::default()),
        ..Volume::default()
    }
}

/// Returns the mount of the folder in the init container, which fills it.
pub(super) fn mount(task: &RenderContext<'_>) -> VolumeMount {
    VolumeMount {
        name: container_volume::free_name(task, NAME),
        mount_path: FOLDER.to_owned(),
        ..VolumeMount::default()
    }
}

/// Returns the mounts of the folder in each container of the task. Only the state of the containers is writable. The program is
/// read-only: the kubelet runs it in all containers, with their users and permissions, so no container may replace it.
pub(crate) fn mounts(task: &RenderContext<'_>) -> [VolumeMount; 2] {
    let program = VolumeMount { read_only: Some(true), ..mount(task) };
    let state =
        VolumeMount { mount_path: format!("{FOLDER}/{STATE}"), sub_path: Some(STATE.to_owned()), ..mount(task) };
    [program, state]
}
