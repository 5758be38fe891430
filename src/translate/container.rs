//! `image`, `entryPoint`, `command`, `workingDirectory` and what else a container says of itself.

use k8s_openapi::api::core::v1::{Container, VolumeMount};

use super::fields::{literal, some_list};
use super::lifecycle::Role;
use super::{
    Code, Ledger, Placed, Task, accelerators, agent, devices, drain, environment, environment_files, firelens, health,
    init_process, lifecycle, memory, ports, resources, restart_policy, secrets, security, start_timeout, stop, swap,
    task_metadata, ulimits, versions, volumes,
};
use crate::api::ImagePullPolicy;
use crate::k8s::names;

/// Renders one container with all its features.
pub(super) fn render(task: &Task<'_>, placed: &Placed<'_>, ledger: &mut Ledger) -> Container {
    let definition = placed.definition;
    lifecycle::claim(task, placed, ledger);
    stop::claim(task, placed, ledger);
    restart_policy::claim(task, placed, ledger);
    start_timeout::claim(task, placed, ledger);
    init_process::claim(task, placed, ledger);
    ulimits::claim(task, placed, ledger);
    memory::claim(task, placed, ledger);
    swap::claim(task, placed, ledger);
    devices::claim(task, placed, ledger);
    let mut env = environment::render(placed, ledger);
    env.extend(secrets::render(task, placed, ledger));
    env.extend(firelens::variables(task, definition));
    env.extend(firelens::router_variables(task, definition));
    if placed.role == Role::Supervised {
        env.extend(task_metadata::variables(task, definition));
    }
    firelens::claim(task, placed, ledger);
    env.extend(accelerators::environment(placed, &env));
    let probes = health::render(task, placed, ledger);
    let (command, args) = command(task, placed, ledger);
    Container {
        name: name(placed, ledger),
        image: image(task, placed, ledger),
        image_pull_policy: task.kubernetes.and_then(|k| k.image_pull_policy).map(|p| policy(p).to_owned()),
        command,
        args,
        working_dir: working_dir(placed, ledger),
        env: Some(env).filter(|e| !e.is_empty()),
        env_from: environment_files::render(task, placed, ledger),
        ports: ports::container_ports(task, placed, ledger),
        resources: resources::container(task, placed, ledger),
        volume_mounts: mounts(task, placed, ledger),
        startup_probe: probes.startup,
        readiness_probe: probes.readiness,
        liveness_probe: probes.liveness,
        lifecycle: drain::lifecycle(task, placed),
        security_context: security::container(task, placed, ledger),
        stdin: flag(definition.interactive, placed, "interactive", "stdin", ledger),
        tty: flag(definition.pseudo_terminal, placed, "pseudoTerminal", "tty", ledger),
        restart_policy: restart_policy(placed.role),
        restart_policy_rules: if placed.role == Role::Supervised { agent::restart_rules(placed) } else { None },
        ..Container::default()
    }
}

fn name(placed: &Placed<'_>, ledger: &mut Ledger) -> String {
    ledger.exact(placed.at("name"), placed.becomes("name"));
    names::container_name(placed.name())
}

/// ECS pulls the image at each start of a task; Kubernetes by default only when the node lacks it, unless the tag is `latest`.
fn image(task: &Task<'_>, placed: &Placed<'_>, ledger: &mut Ledger) -> Option<String> {
    let image = placed.definition.image.clone()?;
    let policy = task.kubernetes.and_then(|k| k.image_pull_policy);
    let fixed = image.contains('@');
    let moving = policy.is_none() && has_latest_tag(&image);
    let pulled_each_time = moving || policy == Some(ImagePullPolicy::Always);
    versions::claim(placed, pulled_each_time, ledger);
    if fixed || pulled_each_time {
        ledger.exact(placed.at("image"), placed.becomes("image"));
    } else {
        let message = "a node that has the image does not pull it again, so a tag that was moved is not noticed; ECS pulls at each \
                       start of a task: set kubernetes.imagePullPolicy to Always, or name the image by its digest";
        ledger.approximate(placed.at("image"), Code::ImageNotPulledAgain, placed.becomes("image"), message);
    }
    Some(image)
}

/// Whether the tag is `latest`, given or by default. A colon before the last slash belongs to the registry's port.
fn has_latest_tag(image: &str) -> bool {
    let name = image.rsplit('/').next().unwrap_or(image);
    name.split_once(':').is_none_or(|(_, tag)| tag == "latest")
}

fn policy(policy: ImagePullPolicy) -> &'static str {
    match policy {
        ImagePullPolicy::Always => "Always",
        ImagePullPolicy::IfNotPresent => "IfNotPresent",
        ImagePullPolicy::Never => "Never",
    }
}

/// `command` and `args`; under the task agent they are its own, with those of the definition behind.
fn command(task: &Task<'_>, placed: &Placed<'_>, ledger: &mut Ledger) -> (Option<Vec<String>>, Option<Vec<String>>) {
    let supervised = placed.role == Role::Supervised;
    ledger.exact(placed.at("entryPoint"), placed.becomes("command"));
    ledger.exact(placed.at("command"), placed.becomes(if supervised { "command" } else { "args" }));
    if supervised && !placed.definition.has_init_process() {
        let message = "the command runs below the task agent, which is process 1 of the container: a program that has to be that \
                       itself does not start; then set kubernetes.taskAgent to false";
        let given = if placed.definition.entry_point.is_empty() { "command" } else { "entryPoint" };
        if !placed.definition.entry_point.is_empty() || !placed.definition.command.is_empty() {
            ledger.approximate(placed.at(given), Code::NotFirstProcess, placed.becomes("command"), message);
        }
    }
    if supervised {
        return (Some(agent::command_line(task, placed)), None);
    }
    let definition = placed.definition;
    (words(&definition.entry_point), words(&definition.command))
}

fn words(given: &[String]) -> Option<Vec<String>> {
    (!given.is_empty()).then(|| given.iter().map(|word| literal(word)).collect())
}

fn mounts(task: &Task<'_>, placed: &Placed<'_>, ledger: &mut Ledger) -> Option<Vec<VolumeMount>> {
    let mut mounts = volumes::mounts(task, placed, ledger).unwrap_or_default();
    if placed.role == Role::Supervised {
        mounts.extend(agent::mounts(task));
    }
    some_list(mounts)
}

/// The Pod's own is `Always`, and an init container is run until it succeeds.
fn restart_policy(role: Role) -> Option<String> {
    match role {
        Role::Sidecar => Some("Always".to_owned()),
        Role::Supervised => Some("Never".to_owned()),
        Role::Init | Role::Main => None,
    }
}

fn working_dir(placed: &Placed<'_>, ledger: &mut Ledger) -> Option<String> {
    ledger.exact(placed.at("workingDirectory"), placed.becomes("workingDir"));
    placed.definition.working_directory.clone()
}

fn flag(given: Option<bool>, placed: &Placed<'_>, from: &str, to: &str, ledger: &mut Ledger) -> Option<bool> {
    ledger.exact(placed.at(from), placed.becomes(to));
    given.filter(|on| *on)
}
