//! `image`, `entryPoint`, `command`, `workingDirectory` and what else a container says of itself.

pub mod devices;
pub mod docker_labels;
pub mod docker_security_options;
pub mod environment;
pub mod environment_files;
pub mod health_check;
pub mod image_registry;
pub mod init_process_enabled;
pub mod log_configuration;
pub mod max_swap;
pub mod port_mappings;
pub mod repository_credentials;
pub mod resource_requirements;
pub mod resources;
pub mod restart_policy;
pub mod secret_source;
pub mod secrets;
pub mod security_context;
pub mod start_timeout;
pub mod stop_timeout;
pub mod ulimits;
pub mod version_consistency;

use crate::translate::context::{ContainerKind, ContainerSlot};
use crate::translate::{RenderContext, VerdictRecorder};
use k8s_openapi::api::core::v1::{Container, VolumeMount};

use crate::api::ImagePullPolicy;
use crate::k8s::names;
use crate::translate::conversions::{literal, some_list};
use crate::translate::pod::depends_on;
use crate::translate::service::pre_stop;
use crate::translate::task_agent::{metadata, supervised_container};
use crate::translate::volumes::tmpfs;
use crate::translate::{Code, firelens, volumes};

/// Renders one container with all its features.
pub(super) fn render(
    task: &RenderContext<'_>,
    placed: &ContainerSlot<'_>,
    recorder: &mut VerdictRecorder,
) -> Container {
    let definition = placed.definition;
    depends_on::claim(task, placed, recorder);
    stop_timeout::claim(task, placed, recorder);
    restart_policy::claim(task, placed, recorder);
    start_timeout::claim(task, placed, recorder);
    init_process_enabled::claim(task, placed, recorder);
    ulimits::claim(task, placed, recorder);
    tmpfs::claim(task, placed, recorder);
    max_swap::claim(task, placed, recorder);
    devices::claim(task, placed, recorder);
    let mut env = environment::render(placed, recorder);
    env.extend(secrets::render(task, placed, recorder));
    env.extend(firelens::variables(task, definition));
    env.extend(firelens::router_variables(task, definition));
    if placed.kind == ContainerKind::Supervised {
        env.extend(metadata::variables(task, definition));
    }
    firelens::claim(task, placed, recorder);
    env.extend(resource_requirements::environment(placed, &env));
    let probes = health_check::render(task, placed, recorder);
    let (command, args) = command(task, placed, recorder);
    Container {
        name: name(placed, recorder),
        image: image(task, placed, recorder),
        image_pull_policy: task.kubernetes.and_then(|k| k.image_pull_policy).map(|p| policy(p).to_owned()),
        command,
        args,
        working_dir: working_dir(placed, recorder),
        env: Some(env).filter(|e| !e.is_empty()),
        env_from: environment_files::render(task, placed, recorder),
        ports: port_mappings::container_ports(task, placed, recorder),
        resources: resources::container(task, placed, recorder),
        volume_mounts: mounts(task, placed, recorder),
        startup_probe: probes.startup,
        readiness_probe: probes.readiness,
        liveness_probe: probes.liveness,
        lifecycle: pre_stop::lifecycle(task, placed),
        security_context: security_context::container(task, placed, recorder),
        stdin: flag(definition.interactive, placed, "interactive", "stdin", recorder),
        tty: flag(definition.pseudo_terminal, placed, "pseudoTerminal", "tty", recorder),
        restart_policy: restart_policy(placed.kind),
        restart_policy_rules: if placed.kind == ContainerKind::Supervised {
            supervised_container::restart_rules(placed)
        } else {
            None
        },
        ..Container::default()
    }
}

fn name(placed: &ContainerSlot<'_>, recorder: &mut VerdictRecorder) -> String {
    recorder.exact(placed.at("name"), placed.becomes("name"));
    names::container_name(placed.name())
}

/// ECS pulls the image at each start of a task; Kubernetes by default only when the node lacks it, unless the tag is `latest`.
fn image(task: &RenderContext<'_>, placed: &ContainerSlot<'_>, recorder: &mut VerdictRecorder) -> Option<String> {
    let image = placed.definition.image.clone()?;
    let policy = task.kubernetes.and_then(|k| k.image_pull_policy);
    let fixed = image.contains('@');
    let moving = policy.is_none() && has_latest_tag(&image);
    let pulled_each_time = moving || policy == Some(ImagePullPolicy::Always);
    version_consistency::claim(placed, pulled_each_time, recorder);
    if fixed || pulled_each_time {
        recorder.exact(placed.at("image"), placed.becomes("image"));
    } else {
        let message = "a node that has the image does not pull it again, so a tag that was moved is not noticed; ECS pulls at each \
                       start of a task: set kubernetes.imagePullPolicy to Always, or name the image by its digest";
        recorder.approximate(placed.at("image"), Code::ImageNotPulledAgain, placed.becomes("image"), message);
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
fn command(
    task: &RenderContext<'_>,
    placed: &ContainerSlot<'_>,
    recorder: &mut VerdictRecorder,
) -> (Option<Vec<String>>, Option<Vec<String>>) {
    let supervised = placed.kind == ContainerKind::Supervised;
    recorder.exact(placed.at("entryPoint"), placed.becomes("command"));
    recorder.exact(placed.at("command"), placed.becomes(if supervised { "command" } else { "args" }));
    if supervised && !placed.definition.has_init_process() {
        let message = "the command runs below the task agent, which is process 1 of the container: a program that has to be that \
                       itself does not start; then set kubernetes.taskAgent to false";
        let given = if placed.definition.entry_point.is_empty() { "command" } else { "entryPoint" };
        if !placed.definition.entry_point.is_empty() || !placed.definition.command.is_empty() {
            recorder.approximate(placed.at(given), Code::NotFirstProcess, placed.becomes("command"), message);
        }
    }
    if supervised {
        return (Some(supervised_container::command_line(task, placed)), None);
    }
    let definition = placed.definition;
    (words(&definition.entry_point), words(&definition.command))
}

fn words(given: &[String]) -> Option<Vec<String>> {
    (!given.is_empty()).then(|| given.iter().map(|word| literal(word)).collect())
}

fn mounts(
    task: &RenderContext<'_>,
    placed: &ContainerSlot<'_>,
    recorder: &mut VerdictRecorder,
) -> Option<Vec<VolumeMount>> {
    let mut mounts = volumes::mounts(task, placed, recorder).unwrap_or_default();
    if placed.kind == ContainerKind::Supervised {
        mounts.extend(supervised_container::mounts(task));
    }
    some_list(mounts)
}

/// The Pod's own is `Always`, and an init container is run until it succeeds.
fn restart_policy(kind: ContainerKind) -> Option<String> {
    match kind {
        ContainerKind::Sidecar => Some("Always".to_owned()),
        ContainerKind::Supervised => Some("Never".to_owned()),
        ContainerKind::Init | ContainerKind::Main => None,
    }
}

fn working_dir(placed: &ContainerSlot<'_>, recorder: &mut VerdictRecorder) -> Option<String> {
    recorder.exact(placed.at("workingDirectory"), placed.becomes("workingDir"));
    placed.definition.working_directory.clone()
}

fn flag(
    given: Option<bool>,
    placed: &ContainerSlot<'_>,
    from: &str,
    to: &str,
    recorder: &mut VerdictRecorder,
) -> Option<bool> {
    recorder.exact(placed.at(from), placed.becomes(to));
    given.filter(|on| *on)
}
