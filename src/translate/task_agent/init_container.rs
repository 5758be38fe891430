//! The init container that installs the task agent and the plan of the task.

use k8s_openapi::api::core::v1::{Capabilities, Container, ResourceRequirements, SeccompProfile, SecurityContext};
use task_agent::{FOLDER, Plan};

use crate::ecs::task_definition::ContainerDefinition;
use crate::k8s::names;
use crate::translate::RenderContext;
use crate::translate::container::{health_check, restart_policy, start_timeout, ulimits};
use crate::translate::context::Membership;
use crate::translate::conversions::{container_cpu, literal, memory};
use crate::translate::pod::depends_on;
use crate::translate::task_agent::supervised_container::{NAME, mount};
use crate::translate::task_agent::{eligibility, metadata};

/// Path of the program in the agent's image.
const IN_IMAGE: &str = "/task-agent";
/// Memory for copying a program of a few MiB, in MiB.
const MEMORY: i64 = 16;
/// CPU units for copying the program.
const CPU: i64 = 10;
/// User that images do not define.
const USER: i64 = 65_532;

/// Renders the init container that installs the program and the plan.
pub(crate) fn render(task: &RenderContext<'_>, membership: &Membership<'_>) -> Container {
    // A plan of strings, numbers and lists always serializes.
    let plan = serde_json::to_string(&plan(task, membership)).unwrap_or_default();
    Container {
        name: container_name(task),
        image: task.profile.task_agent.as_deref().map(str::to_owned),
        command: Some(vec![IN_IMAGE.to_owned()]),
        args: Some(vec!["install".to_owned(), FOLDER.to_owned(), literal(&plan)]),
        env: metadata::pod_variables(task),
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

/// Returns a name that no container of the task has.
fn container_name(task: &RenderContext<'_>) -> String {
    let definitions = &task.definition.container_definitions;
    let names: Vec<String> = definitions.iter().map(|container| names::container_name(container.name())).collect();
    let mut name = NAME.to_owned();
    while names.contains(&name) {
        name.push_str("-own");
    }
    name
}

/// Returns the resources of the init container, which a `ResourceQuota` may require. The init container exits before the others
/// start and requests no more than any of them, so it does not increase the requests of the Pod.
fn resources(task: &RenderContext<'_>) -> ResourceRequirements {
    let containers = &task.definition.container_definitions;
    let cpu = container_cpu(minimum(CPU, containers.iter().filter_map(|c| c.cpu)));
    let request = memory(minimum(MEMORY, containers.iter().filter_map(|c| c.memory_reservation.or(c.memory))));
    ResourceRequirements {
        limits: Some([("memory".to_owned(), memory(MEMORY))].into()),
        requests: Some([("cpu".to_owned(), cpu), ("memory".to_owned(), request)].into()),
        claims: None,
    }
}

/// Returns the smallest of `limit` and the positive amounts.
fn minimum(limit: i64, amounts: impl Iterator<Item = i32>) -> i64 {
    amounts.map(i64::from).filter(|amount| *amount > 0).fold(limit, i64::min)
}

fn plan(task: &RenderContext<'_>, membership: &Membership<'_>) -> Plan {
    let containers = task.definition.container_definitions.iter().map(|container| container_plan(task, container));
    Plan { containers: containers.collect(), metadata: metadata::plan(task, membership) }
}

fn container_plan(task: &RenderContext<'_>, container: &ContainerDefinition) -> task_agent::Container {
    task_agent::Container {
        name: container.name.clone().unwrap_or_default(),
        essential: container.is_essential(),
        stop_timeout: container.stop_timeout_seconds().unsigned_abs(),
        start_timeout: start_timeout::seconds(container),
        depends_on: depends_on::waits(&task.definition.container_definitions, container),
        restart: restart_policy::plan(container),
        health: health_check::plan(task, container),
        stop_signal: eligibility::image(task, container).and_then(|image| image.stop_signal.clone()),
        limits: ulimits::plan(container),
    }
}
