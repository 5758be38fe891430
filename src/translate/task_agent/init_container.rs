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

/// The program in its image.
const IN_IMAGE: &str = "/task-agent";
/// MiB to copy a program of a few MiB with.
const MEMORY: i64 = 16;
/// CPU units, as few as copying takes.
const CPU: i64 = 10;
/// A user that no image has.
const USER: i64 = 65_532;
/// The init container that brings the program and the plan.
pub(crate) fn render(task: &RenderContext<'_>, membership: &Membership<'_>) -> Container {
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

fn plan(task: &RenderContext<'_>, membership: &Membership<'_>) -> Plan {
    let containers = &task.definition.container_definitions;
    let of = |container: &ContainerDefinition| task_agent::Container {
        name: container.name.clone().unwrap_or_default(),
        essential: container.is_essential(),
        stop_timeout: container.stop_timeout_seconds().unsigned_abs(),
        start_timeout: start_timeout::seconds(container),
        depends_on: depends_on::waits(containers, container),
        restart: restart_policy::plan(container),
        health: health_check::plan(task, container),
        stop_signal: eligibility::image(task, container).and_then(|image| image.stop_signal.clone()),
        limits: ulimits::plan(container),
    };
    Plan { containers: containers.iter().map(of).collect(), metadata: metadata::plan(task, membership) }
}
