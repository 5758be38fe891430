//! Containers of the Pod: the features of a container, and the fields that keep their names.

pub mod command;
pub mod devices;
pub mod docker_labels;
pub mod docker_security_options;
pub mod environment;
pub mod environment_files;
pub mod features;
pub mod health_check;
pub mod image;
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

use k8s_openapi::api::core::v1::Container;

use crate::k8s::names;
use crate::translate::container::features::CONTAINER_FEATURES;
use crate::translate::context::ContainerSlot;
use crate::translate::{RenderContext, VerdictRecorder};

/// Renders one container with all its features.
pub(super) fn render(task: &RenderContext<'_>, slot: &ContainerSlot<'_>, recorder: &mut VerdictRecorder) -> Container {
    let definition = slot.definition;
    let mut container = Container {
        name: name(slot, recorder),
        working_dir: working_dir(slot, recorder),
        stdin: flag(definition.interactive, slot, "interactive", "stdin", recorder),
        tty: flag(definition.pseudo_terminal, slot, "pseudoTerminal", "tty", recorder),
        ..Container::default()
    };
    for feature in CONTAINER_FEATURES {
        (feature.render)(task, slot, &mut container, recorder);
    }
    container
}

fn name(slot: &ContainerSlot<'_>, recorder: &mut VerdictRecorder) -> String {
    recorder.exact(slot.at("name"), slot.becomes("name"));
    names::container_name(slot.name())
}

fn working_dir(slot: &ContainerSlot<'_>, recorder: &mut VerdictRecorder) -> Option<String> {
    recorder.exact(slot.at("workingDirectory"), slot.becomes("workingDir"));
    slot.definition.working_directory.clone()
}

fn flag(
    value: Option<bool>,
    slot: &ContainerSlot<'_>,
    from: &str,
    to: &str,
    recorder: &mut VerdictRecorder,
) -> Option<bool> {
    recorder.exact(slot.at(from), slot.becomes(to));
    value.filter(|on| *on)
}
