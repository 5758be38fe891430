//! The task agent: a small program of ours that does in a Pod what the ECS agent does in a task and Kubernetes has no word for.
//!
//! An init container brings the program and the plan of the task into a folder that all containers share; there it runs
//! as the first process of each container and starts the container's own command below it. It keeps the order of
//! `dependsOn` in both directions, ends the task with an essential container, restarts and checks containers by their own
//! settings, and sets their limits. A Pod whose containers have ended is over, as a task is, and the Deployment makes another.
//!
//! For that the command has to be known, which the definition may leave to the image, and a container must not be restarted
//! by the kubelet.

use crate::translate::RenderContext;
use crate::translate::context::{ContainerSlot, names_of};
use k8s_openapi::api::core::v1::{
    Capabilities, Container, ContainerRestartRule, ContainerRestartRuleOnExitCodes, EmptyDirVolumeSource, ExecAction,
    Probe, ResourceRequirements, SeccompProfile, SecurityContext, Volume, VolumeMount,
};
use task_agent::{FOLDER, KILLED, PROGRAM, Plan, STATE};

use crate::api::ImageDefaults;
use crate::ecs::task_definition::ContainerDefinition;
use crate::k8s::names;
use crate::translate::container::{health_check, restart_policy, start_timeout, ulimits};
use crate::translate::conversions::{container_cpu, literal, memory};
use crate::translate::pod::depends_on;
use crate::translate::task_agent::metadata;
use crate::translate::task_agent::metadata::Membership;
use crate::translate::volumes;

/// The program in its image.
const IN_IMAGE: &str = "/task-agent";
/// The name of the init container and of the volume.
const NAME: &str = "task-agent";
/// MiB to copy a program of a few MiB with.
const MEMORY: i64 = 16;
/// CPU units, as few as copying takes.
const CPU: i64 = 10;
/// A user that no image has.
const USER: i64 = 65_532;
/// A container waits for its dependencies as long as it takes: the check of its start is never given up.
const FOR_EVER: i32 = i32::MAX;
/// Seconds of one check of the start. It ends by itself before the kubelet would end it.
const CHECK: i32 = 30;
const ITS_OWN_END: i32 = CHECK - 2;

/// Whether the agent runs the containers of this task: it needs it, may have it, and can have it.
pub(crate) fn runs(task: &RenderContext<'_>) -> bool {
    is_wanted(task) && obstacle(task).is_none()
}

/// What would make the task behave as on ECS, to be added to a sentence on what differs; empty where nothing would.
pub(crate) fn advice(task: &RenderContext<'_>) -> String {
    obstacle(task).filter(|_| is_wanted(task)).map_or_else(String::new, |obstacle| format!(". {obstacle}"))
}

/// Kubernetes says it all for a single container without settings for the ECS agent.
fn is_wanted(task: &RenderContext<'_>) -> bool {
    if task.kubernetes.is_some_and(|k| k.task_agent == Some(false)) {
        return false;
    }
    let containers = &task.definition.container_definitions;
    let asks = |c: &ContainerDefinition| c.has_init_process() || c.restarts_in_place() || !c.ulimits.is_empty();
    containers.len() > 1 || containers.iter().any(asks)
}

/// Why the agent cannot run this task, and what to do about it.
fn obstacle(task: &RenderContext<'_>) -> Option<String> {
    if task.definition.is_windows() {
        return Some("The task agent, which does as ECS does on Linux, is not there for Windows".to_owned());
    }
    let unknown: Vec<&ContainerDefinition> =
        task.definition.container_definitions.iter().filter(|c| command(task, c).is_none()).collect();
    let mut missing = Vec::new();
    if !unknown.is_empty() {
        let names = names_of(unknown.into_iter());
        missing.push(format!("kubernetes.imageDefaults with what the images of {names} run"));
    }
    if task.profile.task_agent.is_none() {
        missing.push("--task-agent-image, of `run` or of this conversion".to_owned());
    }
    if !task.profile.container_restart_policy {
        missing.push("Kubernetes 1.35".to_owned());
    }
    (!missing.is_empty()).then(|| format!("The task agent does as ECS does; it takes {}", missing.join(", and ")))
}

/// What is known of the image of a container.
fn image<'a>(task: &RenderContext<'a>, container: &ContainerDefinition) -> Option<&'a ImageDefaults> {
    let mut defaults = task.kubernetes.into_iter().flat_map(|k| &k.image_defaults);
    defaults.find(|image| Some(&image.container_name) == container.name.as_ref())
}

/// The whole command of a container: its entry point and arguments, or those of its image.
fn command(task: &RenderContext<'_>, container: &ContainerDefinition) -> Option<Vec<String>> {
    // One that gives a stop signal alone says nothing of the command.
    let says = |image: &&ImageDefaults| {
        image.stop_signal.is_none() || !image.entry_point.is_empty() || !image.command.is_empty()
    };
    let (entry_point, arguments) = match image(task, container).filter(says) {
        // A given entry point is run without the arguments of the image.
        _ if !container.entry_point.is_empty() => (&container.entry_point, &container.command),
        Some(image) if container.command.is_empty() => (&image.entry_point, &image.command),
        Some(image) => (&image.entry_point, &container.command),
        None => return None,
    };
    let whole: Vec<String> = entry_point.iter().chain(arguments).cloned().collect();
    (!whole.is_empty()).then_some(whole)
}

/// The command line of a container that the agent runs.
pub(crate) fn command_line(task: &RenderContext<'_>, placed: &ContainerSlot<'_>) -> Vec<String> {
    let own = command(task, placed.definition).unwrap_or_default();
    let agent = [PROGRAM, "run", placed.name(), "--"].map(str::to_owned);
    agent.into_iter().chain(own.iter().map(|word| literal(word))).collect()
}

/// Seconds between two looks at what the agent says of a container's health: its file is soon read.
const LOOK: i32 = 10;

/// Tells the kubelet what the agent's checks say of an essential container that has started. `interval` is that of its checks,
/// in seconds.
pub(crate) fn readiness_probe(placed: &ContainerSlot<'_>, interval: i32) -> Probe {
    let command = [PROGRAM, "ready", placed.name()].map(str::to_owned);
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
pub(crate) fn startup_probe(placed: &ContainerSlot<'_>) -> Probe {
    let command = [PROGRAM, "ready", placed.name()].map(str::to_owned).into_iter().chain([ITS_OWN_END.to_string()]);
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
pub(crate) fn restart_rules(placed: &ContainerSlot<'_>) -> Option<Vec<ContainerRestartRule>> {
    let killed = ContainerRestartRuleOnExitCodes { operator: "In".to_owned(), values: Some(vec![KILLED]) };
    let again = ContainerRestartRule { action: "Restart".to_owned(), exit_codes: Some(killed) };
    (!placed.is_essential()).then(|| vec![again])
}

/// The init container that brings the program and the plan.
pub(crate) fn install(task: &RenderContext<'_>, membership: &Membership<'_>) -> Container {
    // A plan is texts, numbers and lists, all of which have a JSON form.
    let plan = serde_json::to_string(&plan(task, membership)).unwrap_or_default();
    Container {
        name: container_name(task),
        image: task.profile.task_agent.as_deref().map(str::to_owned),
        command: Some(vec![IN_IMAGE.to_owned()]),
        args: Some(vec!["install".to_owned(), FOLDER.to_owned(), literal(&plan)]),
        env: metadata::facts(task),
        volume_mounts: Some(vec![mount(task)]),
        resources: Some(resources(task)),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            capabilities: Some(Capabilities { drop: Some(vec!["ALL".to_owned()]), add: None }),
            read_only_root_filesystem: Some(true),
            run_as_non_root: Some(true),
            run_as_user: Some(USER),
            seccomp_profile: Some(SeccompProfile { type_: "RuntimeDefault".to_owned(), localhost_profile: None }),
            ..SecurityContext::default()
        }),
        ..Container::default()
    }
}

/// A name that no container of the task has.
fn container_name(task: &RenderContext<'_>) -> String {
    let taken = |name: &str| {
        let mut given = task.definition.container_definitions.iter().filter_map(|c| c.name.as_deref());
        given.any(|other| names::container_name(other) == name)
    };
    let mut name = NAME.to_owned();
    while taken(&name) {
        name.push_str("-own");
    }
    name
}

/// A namespace may want every container to have them (ResourceQuota). They are over before the task's containers start, and
/// ask for no more than any of these, so that the Pod needs no more for them.
fn resources(task: &RenderContext<'_>) -> ResourceRequirements {
    let containers = &task.definition.container_definitions;
    let least = |asked: &dyn Fn(&ContainerDefinition) -> Option<i32>, own: i64| {
        containers.iter().filter_map(asked).map(i64::from).filter(|amount| *amount > 0).fold(own, i64::min)
    };
    let cpu = container_cpu(least(&|c| c.cpu, CPU));
    let request = memory(least(&|c| c.memory_reservation.or(c.memory), MEMORY));
    ResourceRequirements {
        limits: Some([("memory".to_owned(), memory(MEMORY))].into()),
        requests: Some([("cpu".to_owned(), cpu), ("memory".to_owned(), request)].into()),
        claims: None,
    }
}

/// Where the plan is in the Pod template, for reports: what it says is in the fields of no container.
pub(crate) fn plan_target(task: &RenderContext<'_>) -> String {
    format!("{}/spec/initContainers/0/args/2", task.target)
}

fn plan(task: &RenderContext<'_>, membership: &Membership<'_>) -> Plan {
    let containers = &task.definition.container_definitions;
    let of = |container: &ContainerDefinition| task_agent::Container {
        name: container.name.clone().unwrap_or_default(),
        essential: container.is_essential(),
        stop_timeout: container.stop_timeout_seconds().unsigned_abs(),
        start_timeout: start_timeout::of(container),
        depends_on: depends_on::waits(containers, container),
        restart: restart_policy::plan(container),
        health: health_check::plan(task, container),
        stop_signal: image(task, container).and_then(|image| image.stop_signal.clone()),
        limits: ulimits::plan(container),
    };
    Plan { containers: containers.iter().map(of).collect(), metadata: metadata::plan(task, membership) }
}

/// The volume of the folder that the containers share.
pub(crate) fn volume(task: &RenderContext<'_>) -> Volume {
    Volume {
        name: volumes::free_name(task, NAME),
        empty_dir: Some(EmptyDirVolumeSource::default()),
        ..Volume::default()
    }
}

/// The place of that folder in the init container, which fills it.
fn mount(task: &RenderContext<'_>) -> VolumeMount {
    VolumeMount { name: volumes::free_name(task, NAME), mount_path: FOLDER.to_owned(), ..VolumeMount::default() }
}

/// The place of that folder in each container of the task. One could otherwise put its own program in the place of the agent,
/// which the kubelet runs in all of them, as other users and with other rights. Only what they tell each other is to be written.
pub(crate) fn mounts(task: &RenderContext<'_>) -> [VolumeMount; 2] {
    let program = VolumeMount { read_only: Some(true), ..mount(task) };
    let state =
        VolumeMount { mount_path: format!("{FOLDER}/{STATE}"), sub_path: Some(STATE.to_owned()), ..mount(task) };
    [program, state]
}
