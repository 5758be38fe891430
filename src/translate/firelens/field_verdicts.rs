//! The verdicts on log routers and on the log configuration of those who use them.

use std::collections::BTreeMap;

use crate::api::annotations::FIRELENS;
use crate::ecs::Pointer;
use crate::ecs::task_definition::FirelensConfigurationType as Software;
use crate::translate::container::{log_configuration, secret_source};
use crate::translate::context::ContainerSlot;
use crate::translate::firelens::options::{Fate, Given, Obstacle, Setting, Value};
use crate::translate::firelens::router::{FILE, FILE_TYPE, Feeding, METADATA, Router, Unconfigured, User};
use crate::translate::firelens::{options, router};
use crate::translate::pod::runtime_platform;
use crate::translate::{Code, RenderContext, VerdictRecorder};

/// What is not ECS's in what is added to the records.
const METADATA_DIFFERS: &str = "ecs_task_arn is the name of the Pod, ecs_cluster that of the cluster's object, and \
                                ecs_task_definition is without a revision where none is known; there is no \
                                ec2_instance_id";

/// The annotation with the configuration, in the output.
fn configuration(task: &RenderContext<'_>) -> String {
    format!("{}/metadata/annotations/{}", task.target, FIRELENS.replace('/', "~1"))
}

/// Claims `firelensConfiguration`.
pub(crate) fn record_router(task: &RenderContext<'_>, slot: &ContainerSlot<'_>, recorder: &mut VerdictRecorder) {
    if !slot.definition.is_log_router() {
        return;
    }
    let path = slot.at("firelensConfiguration");
    if let Some((_, _, Some(unconfigured))) = router::find(task) {
        return refuse(path, unconfigured, recorder);
    }
    let Some(router) = Router::of(task) else { return };
    let target = slot.becomes("volumeMounts");
    let by_default = router.adds_metadata() && !router.firelens.options.contains_key(METADATA);
    let metadata = if by_default { format!(". In records {METADATA_DIFFERS}") } else { String::new() };
    match router.feeding {
        Feeding::Files => {
            let needed = match router.firelens.r#type {
                Software::Fluentbit => "Fluent Bit 1.8 or later, run as root: set user to 0 if its image does not",
                Software::Fluentd => {
                    "Fluentd 1.0 or later, run as root: set user to 0 if its image does not. It does not join the pieces \
                     in which the container runtime writes lines of more than 16 KiB"
                }
            };
            let message = format!(
                "the router gets the configuration that ECS writes, but reads what its users write from its Pod's log files on \
                 the node instead of a socket: after a restart it goes on where it was and may send the last lines again, and \
                 what it has not read of a file within 30 seconds of the node's rotating it may be lost. Records have no \
                 container_id, and as container_name the name in the definition. The volume is a hostPath, which a \
                 namespace of Pod Security level baseline or restricted refuses, and the Pods with it: set \
                 kubernetes.logRouterReadsNodeLogs to false there. It takes {needed}{metadata}"
            );
            recorder.approximate(path.key("type"), Code::LogRouterReadsFiles, target, message);
        }
        unfed => {
            let message =
                format!("the router gets the configuration that ECS writes, but {}{metadata}", why_unfed(unfed));
            recorder.approximate(path.key("type"), Code::LogRouterReceivesNoLogs, target, message);
        }
    }
    record_options(task, &router, &path.key("options"), recorder);
}

fn refuse(path: Pointer, unconfigured: Unconfigured, recorder: &mut VerdictRecorder) {
    match unconfigured {
        Unconfigured::Windows => runtime_platform::refuse_at(path, recorder),
        Unconfigured::PathTaken(taken) => {
            let message = format!(
                "the router runs without the configuration that ECS writes, as something else is mounted at {taken} and is kept: \
                 mount that at another path"
            );
            recorder.unsupported(path, Code::MountPathTaken, message);
        }
    }
}

/// Why a router does not read what its users write, and what to do.
fn why_unfed(feeding: Feeding) -> &'static str {
    match feeding {
        Feeding::OptedOut | Feeding::Files => {
            "what containers write to their output stays on the node, for kubectl logs and the node's log agent, as \
             kubernetes.logRouterReadsNodeLogs says; what applications send to the router themselves reaches it"
        }
        Feeding::Unprivileged => {
            "what containers write to their output stays on the node, as the router's user may not read the node's log files: \
             let it run as user 0 or with group 0; what applications send to the router themselves reaches it"
        }
    }
}

fn record_options(task: &RenderContext<'_>, router: &Router<'_>, path: &Pointer, recorder: &mut VerdictRecorder) {
    let target = configuration(task);
    let options = &router.firelens.options;
    let file_type = options.get(FILE_TYPE).map(String::as_str);
    for name in options.keys() {
        let path = path.key(name);
        match (name.as_str(), file_type) {
            (METADATA, _) if router.adds_metadata() => {
                recorder.approximate(path, Code::LogMetadataDiffers, target.clone(), METADATA_DIFFERS);
            }
            // ECS does nothing with a file of no type either.
            (METADATA, _) | (FILE, None) => recorder.exact(path, target.clone()),
            (FILE_TYPE | FILE, Some("file")) if router.file().is_some() => recorder.exact(path, target.clone()),
            (FILE_TYPE | FILE, Some("s3")) => {
                let message = "nothing fetches the file, and the configuration is without it: put it into the router's image, \
                               and name it with the config-file-type file";
                recorder.unsupported(path, Code::LogRouterFileNeeded, message);
            }
            (FILE_TYPE | FILE, _) => {
                let message = "the configuration is without a file; on ECS the task would not start: make config-file-type \
                               file, and config-file-value a path in the router's image, in one line";
                recorder.unsupported(path, Code::LogRouterFileNeeded, message);
            }
            _ => {
                let message =
                    "ECS knows enable-ecs-log-metadata, config-file-type and config-file-value only: remove it";
                recorder.unsupported(path, Code::LogOptionNotRendered, message);
            }
        }
    }
}

/// Claims the log configuration of every container that uses the router.
pub(crate) fn record_users(task: &RenderContext<'_>, slots: &[ContainerSlot<'_>], recorder: &mut VerdictRecorder) {
    let unconfigured = router::find(task).and_then(|(_, _, unconfigured)| unconfigured);
    let router = Router::of(task);
    let users = router.iter().flat_map(|router| &router.users).map(|user| (user.name(), user));
    let users: BTreeMap<&str, &User<'_>> = users.collect();
    let place = slots.iter().find(|slot| slot.definition.is_log_router());
    for user in slots.iter().filter(|slot| slot.definition.uses_log_router()) {
        let path = user.at("logConfiguration");
        if let Some(unconfigured) = unconfigured {
            refuse(path, unconfigured, recorder);
        } else if user.definition.is_log_router() {
            let message = "the router does not read its own output, which stays on the node, for kubectl logs and the node's log \
                           agent: give it another log driver";
            recorder.unsupported(path, Code::LogRouterReceivesNoLogs, message);
        } else if let (Some(router), Some(place), Some(found)) = (&router, place, users.get(user.name())) {
            of_user(task, router, place, user, found, recorder);
        }
    }
}

fn of_user(
    task: &RenderContext<'_>,
    router: &Router<'_>,
    place: &ContainerSlot<'_>,
    slot: &ContainerSlot<'_>,
    user: &User<'_>,
    recorder: &mut VerdictRecorder,
) {
    let path = slot.at("logConfiguration");
    let driver = path.key("logDriver");
    match router.feeding {
        Feeding::Files => {
            let message = "the log router reads the output from a file of the node, where kubectl logs shows it too, so the \
                           container never waits for the router";
            recorder.approximate(driver, Code::LogRouterReadsFiles, configuration(task), message);
        }
        unfed => recorder.needs_addon(driver, Code::LogRouterReceivesNoLogs, configuration(task), why_unfed(unfed)),
    }
    for setting in &user.settings {
        match &setting.fate {
            Fate::Written(_, value) => written(task, place, slot, user, setting, value, recorder),
            Fate::Not(obstacle) => not_written(router, &at(&path, setting), *obstacle, recorder),
        }
    }
}

/// Where an option stands in the input.
fn at(path: &Pointer, setting: &Setting<'_>) -> Pointer {
    match setting.given {
        Given::Open => path.key("options").key(setting.option),
        Given::Secret(index) => path.key("secretOptions").index(index),
    }
}

fn written(
    task: &RenderContext<'_>,
    place: &ContainerSlot<'_>,
    slot: &ContainerSlot<'_>,
    user: &User<'_>,
    setting: &Setting<'_>,
    value: &Value<'_>,
    recorder: &mut VerdictRecorder,
) {
    let path = at(&slot.at("logConfiguration"), setting);
    match (setting.given, value) {
        (Given::Open, Value::Text(_)) => recorder.exact(path, configuration(task)),
        (Given::Open, Value::Variable(_)) => {
            let message = "this looks like a credential, and annotations may end up in log records: the configuration has a \
                           variable of the router instead, which has the value: move it to secretOptions";
            recorder.approximate(path, Code::LogCredentialNotCarried, place.becomes("env"), message);
        }
        (Given::Secret(index), _) => {
            let secret = &user.logs.secret_options[index];
            let source = secret_source::source(task, slot.definition, secret);
            if source.is_mapped {
                let message = "the log router gets the value that the Secret has when the router starts; ECS fetches it once \
                               for each task";
                recorder.approximate(path, Code::SecretReadAtContainerStart, place.becomes("env"), message);
            } else {
                let message = format!("the log router, and so the task, starts once {}", source.requirement(secret));
                recorder.needs_addon(path, Code::SecretNeeded, place.becomes("env"), message);
            }
        }
    }
}

fn not_written(router: &Router<'_>, path: &Pointer, obstacle: Obstacle, recorder: &mut VerdictRecorder) {
    let path = path.clone();
    let message = match obstacle {
        Obstacle::Shadowed => {
            let message = "a secret option of the same name wins, as on ECS";
            return recorder.ignored(path, Code::ShadowedVariable, message);
        }
        Obstacle::Buffer => return recorder.unsupported(path, Code::LogsThroughFile, log_configuration::NO_BUFFER),
        Obstacle::Credential => {
            let message = "this looks like a credential, and annotations may end up in log records: move it to secretOptions, \
                           without a reference to another variable";
            return recorder.unsupported(path, Code::LogCredentialNotCarried, message);
        }
        Obstacle::Name => "the name is not one word of letters, digits, dots, hyphens and underscores, so the router's \
                           configuration cannot have it: correct it, or write the output into a file of the router's image"
            .to_owned(),
        Obstacle::Value => "the value is empty or not in one line, so the router's configuration cannot have it: write the \
                            output into a file of the router's image, and name that by config-file-value"
            .to_owned(),
        Obstacle::NoPlugIn => format!(
            "settings of an output need one: name its plug-in by the option {:?}, without which the task does not start on ECS",
            options::plug_in(router.firelens.r#type)
        ),
    };
    recorder.unsupported(path, Code::LogOptionNotRendered, message);
}
