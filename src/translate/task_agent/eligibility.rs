//! Eligibility for the task agent, and the prerequisites that are missing.
//!
//! The agent needs the command of every container, which a definition may leave to the image, and a container must not be
//! restarted by the kubelet.

use crate::api::ImageDefaults;
use crate::ecs::task_definition::ContainerDefinition;
use crate::translate::RenderContext;
use crate::translate::context::quoted_names;

/// The program that starts the containers of a task.
pub(crate) enum Supervisor {
    /// The task agent.
    TaskAgent,
    /// The kubelet.
    Kubelet {
        /// Prerequisites of the task agent that are missing, as a sentence to append to a verdict's message. Empty if the task
        /// does not use the agent.
        advice: String,
    },
}

impl Supervisor {
    /// Returns the task agent if the task uses it and its prerequisites hold.
    pub(crate) fn new(task: &RenderContext<'_>) -> Self {
        if !uses_agent(task) {
            return Self::Kubelet { advice: String::new() };
        }
        missing_prerequisites(task).map_or(Self::TaskAgent, |missing| Self::Kubelet { advice: format!(". {missing}") })
    }
}

/// True if the task has several containers or a setting that only the agent implements, and `kubernetes.taskAgent` is not false.
fn uses_agent(task: &RenderContext<'_>) -> bool {
    if task.kubernetes.is_some_and(|k| k.task_agent == Some(false)) {
        return false;
    }
    let containers = &task.definition.container_definitions;
    containers.len() > 1
        || containers.iter().any(|c| c.has_init_process() || c.restarts_in_place() || !c.ulimits.is_empty())
}

/// Describes the prerequisites of the agent that are missing, and how to meet them.
fn missing_prerequisites(task: &RenderContext<'_>) -> Option<String> {
    if task.definition.is_windows() {
        return Some("The task agent, which behaves as on ECS, does not support Windows".to_owned());
    }
    let unknown: Vec<&ContainerDefinition> =
        task.definition.container_definitions.iter().filter(|c| command(task, c).is_none()).collect();
    let mut missing = Vec::new();
    if !unknown.is_empty() {
        let names = quoted_names(unknown.into_iter());
        missing.push(format!("kubernetes.imageDefaults with the commands of the images of {names}"));
    }
    if task.profile.task_agent.is_none() {
        missing.push("--task-agent-image of `run` or `convert`".to_owned());
    }
    if !task.profile.container_restart_policy {
        missing.push("Kubernetes 1.35".to_owned());
    }
    (!missing.is_empty())
        .then(|| format!("To behave as on ECS, use the task agent, which needs {}", missing.join(", and ")))
}

/// Returns the image defaults of a container in the `kubernetes` block.
pub(super) fn image<'a>(task: &RenderContext<'a>, container: &ContainerDefinition) -> Option<&'a ImageDefaults> {
    let mut defaults = task.kubernetes.into_iter().flat_map(|k| &k.image_defaults);
    defaults.find(|image| Some(&image.container_name) == container.name.as_ref())
}

/// Returns the command line of a container: its entry point and arguments, or those of its image.
pub(super) fn command(task: &RenderContext<'_>, container: &ContainerDefinition) -> Option<Vec<String>> {
    let (entry_point, arguments) = match image(task, container).filter(|image| describes_command(image)) {
        // An entry point of the definition replaces also the arguments of the image.
        _ if !container.entry_point.is_empty() => (&container.entry_point, &container.command),
        Some(image) if container.command.is_empty() => (&image.entry_point, &image.command),
        Some(image) => (&image.entry_point, &container.command),
        None => return None,
    };
    let whole: Vec<String> = entry_point.iter().chain(arguments).cloned().collect();
    (!whole.is_empty()).then_some(whole)
}

/// True unless the image defaults contain only a stop signal.
fn describes_command(image: &ImageDefaults) -> bool {
    image.stop_signal.is_none() || !image.entry_point.is_empty() || !image.command.is_empty()
}

/// Returns the location of the plan in the Pod template, for verdicts on fields that only the plan contains.
pub(crate) fn plan_target(task: &RenderContext<'_>) -> String {
    format!("{}/spec/initContainers/0/args/2", task.target)
}
