//! `image`, `entryPoint`, `command`, `workingDirectory` and what else a container says of itself.

use k8s_openapi::api::core::v1::Container;

use super::fields::literal;
use super::lifecycle::Role;
use super::{
    Code, Ledger, Placed, Task, accelerators, devices, environment, environment_files, firelens, health, lifecycle,
    memory, ports, resources, secrets, security, stop, swap, versions, volumes,
};
use crate::api::ImagePullPolicy;
use crate::ecs::names;

/// Renders one container with all its features.
pub(super) fn render(task: &Task<'_>, placed: &Placed<'_>, ledger: &mut Ledger) -> Container {
    let definition = placed.definition;
    lifecycle::claim(task, placed, ledger);
    stop::claim(task, placed, ledger);
    memory::claim(task, placed, ledger);
    swap::claim(task, placed, ledger);
    devices::claim(task, placed, ledger);
    let mut env = environment::render(placed, ledger);
    env.extend(secrets::render(task, placed, ledger));
    env.extend(firelens::variables(task, definition));
    firelens::claim(placed, ledger);
    env.extend(accelerators::environment(placed, &env));
    let probes = health::render(placed, ledger);
    Container {
        name: name(placed, ledger),
        image: image(task, placed, ledger),
        image_pull_policy: task.kubernetes.and_then(|k| k.image_pull_policy).map(|p| policy(p).to_owned()),
        command: words(&definition.entry_point, placed, "entryPoint", "command", ledger),
        args: words(&definition.command, placed, "command", "args", ledger),
        working_dir: working_dir(placed, ledger),
        env: Some(env).filter(|e| !e.is_empty()),
        env_from: environment_files::render(task, placed, ledger),
        ports: ports::container_ports(task, placed, ledger),
        resources: resources::container(task, placed, ledger),
        volume_mounts: volumes::mounts(task, placed, ledger),
        startup_probe: probes.startup,
        liveness_probe: probes.liveness,
        security_context: security::container(task, placed, ledger),
        stdin: flag(definition.interactive, placed, "interactive", "stdin", ledger),
        tty: flag(definition.pseudo_terminal, placed, "pseudoTerminal", "tty", ledger),
        restart_policy: (placed.role == Role::Sidecar).then(|| "Always".to_owned()),
        ..Container::default()
    }
}

fn name(placed: &Placed<'_>, ledger: &mut Ledger) -> String {
    ledger.exact(placed.at("name"), placed.becomes("name"));
    names::container_name(placed.definition.name.as_deref().unwrap_or_default())
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

fn words(given: &[String], placed: &Placed<'_>, from: &str, to: &str, ledger: &mut Ledger) -> Option<Vec<String>> {
    ledger.exact(placed.at(from), placed.becomes(to));
    (!given.is_empty()).then(|| given.iter().map(|word| literal(word)).collect())
}

fn working_dir(placed: &Placed<'_>, ledger: &mut Ledger) -> Option<String> {
    ledger.exact(placed.at("workingDirectory"), placed.becomes("workingDir"));
    placed.definition.working_directory.clone()
}

fn flag(given: Option<bool>, placed: &Placed<'_>, from: &str, to: &str, ledger: &mut Ledger) -> Option<bool> {
    ledger.exact(placed.at(from), placed.becomes(to));
    given.filter(|on| *on)
}
