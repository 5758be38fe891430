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

/// The name of the volume that the containers share, and of the init container.
pub(super) const NAME: &str = "task-agent";
/// A container waits for its dependencies as long as it takes: the check of its start is never given up.
const FOR_EVER: i32 = i32::MAX;
/// Seconds of one check of the start. It ends by itself before the kubelet would end it.
const CHECK: i32 = 30;
const ITS_OWN_END: i32 = CHECK - 2;

/// The command line of a container that the agent runs.
pub(crate) fn command_line(task: &RenderContext<'_>, slot: &ContainerSlot<'_>) -> Vec<String> {
    let own = eligibility::command(task, slot.definition).unwrap_or_default();
    let agent = [PROGRAM, "run", slot.name(), "--"].map(str::to_owned);
    agent.into_iter().chain(own.iter().map(|word| literal(word))).collect()
}

/// Seconds between two looks at what the agent says of a container's health: its file is soon read.
const LOOK: i32 = 10;

/// Tells the kubelet what the agent's checks say of an essential container that has started. `interval` is that of its checks,
/// in seconds.
pub(crate) fn readiness_probe(slot: &ContainerSlot<'_>, interval: i32) -> Probe {
    let command = [PROGRAM, "ready", slot.name()].map(str::to_owned);
    Probe {
        exec: Some(ExecAction { command: Some(command.to_vec()) }),
        period_seconds: Some(interval.clamp(1, LOOK)),
        timeout_seconds: Some(CHECK),
        failure_threshold: Some(1),
        ..Probe::default()
    }
}

/// Holds back readiness until the container has started and, if it has a health check, is healthy.
///
/// The check waits for it, as each that fails would be an event of the Pod.
pub(crate) fn startup_probe(slot: &ContainerSlot<'_>) -> Probe {
    let command = [PROGRAM, "ready", slot.name()].map(str::to_owned).into_iter().chain([ITS_OWN_END.to_string()]);
    Probe {
        exec: Some(ExecAction { command: Some(command.collect()) }),
        period_seconds: Some(1),
        timeout_seconds: Some(CHECK),
        failure_threshold: Some(FOR_EVER),
        ..Probe::default()
    }
}

/// When the kubelet starts a container again that else it never does: once the agent itself was killed, so that it can tell
/// that a container which is not essential has ended. Without it the Pod would not be ready any more. An essential container
/// ends the task, which the agents of the others see to.
pub(crate) fn restart_rules(slot: &ContainerSlot<'_>) -> Option<Vec<ContainerRestartRule>> {
    let killed = ContainerRestartRuleOnExitCodes { operator: "In".to_owned(), values: Some(vec![KILLED]) };
    let again = ContainerRestartRule { action: "Restart".to_owned(), exit_codes: Some(killed) };
    (!slot.is_essential()).then(|| vec![again])
}

/// The volume of the folder that the containers share.
pub(crate) fn volume(task: &RenderContext<'_>) -> Volume {
    Volume {
        name: container_volume::free_name(task, NAME),
        empty_dir: Some(EmptyDirVolumeSource::default()),
        ..Volume::default()
    }
}

/// The place of that folder in the init container, which fills it.
pub(super) fn mount(task: &RenderContext<'_>) -> VolumeMount {
    VolumeMount {
        name: container_volume::free_name(task, NAME),
        mount_path: FOLDER.to_owned(),
        ..VolumeMount::default()
    }
}

/// The place of that folder in each container of the task. One could otherwise put its own program in the place of the agent,
/// which the kubelet runs in all of them, as other users and with other rights. Only what they tell each other is to be written.
pub(crate) fn mounts(task: &RenderContext<'_>) -> [VolumeMount; 2] {
    let program = VolumeMount { read_only: Some(true), ..mount(task) };
    let state =
        VolumeMount { mount_path: format!("{FOLDER}/{STATE}"), sub_path: Some(STATE.to_owned()), ..mount(task) };
    [program, state]
}
