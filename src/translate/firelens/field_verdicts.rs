//! Verdicts on log routers and on the log configuration of the containers that use them.

use std::collections::BTreeMap;

use crate::api::annotations::FIRELENS;
use crate::ecs::Pointer;
use crate::ecs::common::Secret;
use crate::ecs::task_definition::FirelensConfigurationType as Software;
use crate::translate::container::{log_configuration, secret_source};
use crate::translate::context::ContainerSlot;
use crate::translate::firelens::options::{Omission, OptionSource, OptionValue, Setting, Translation};
use crate::translate::firelens::router::{FILE, FILE_TYPE, LogInput, METADATA, Router, RouterUser, Unconfigured};
use crate::translate::firelens::{options, router};
use crate::translate::pod::runtime_platform;
use crate::translate::{Code, RenderContext, VerdictRecorder};

/// Differences of the metadata in records from ECS.
const METADATA_DIFFERS: &str = "ecs_task_arn is the name of the Pod, ecs_cluster is the name of the Cluster object, \
                                ecs_task_definition has no revision if it is unknown, and ec2_instance_id is missing";

/// Returns the location of the annotation with the configuration.
fn configuration(task: &RenderContext<'_>) -> String {
    format!("{}/metadata/annotations/{}", task.target, FIRELENS.replace('/', "~1"))
}

/// Records verdicts on `firelensConfiguration`.
pub(crate) fn record_router(task: &RenderContext<'_>, slot: &ContainerSlot<'_>, recorder: &mut VerdictRecorder) {
    if !slot.definition.is_log_router() {
        return;
    }
    let path = slot.at("firelensConfiguration");
    if let Some((_, _, Some(unconfigured))) = router::find(task) {
        return refuse(path, unconfigured, recorder);
    }
    let Some(router) = Router::new(task) else { return };
    let target = slot.becomes("volumeMounts");
    let by_default = router.adds_metadata() && !router.firelens.options.contains_key(METADATA);
    let metadata = if by_default { format!(". In records {METADATA_DIFFERS}") } else { String::new() };
    match router.input {
        LogInput::Files => {
            let requirement = match router.firelens.r#type {
                Software::Fluentbit => "Fluent Bit 1.8 or later as root: set user to 0 if the image has another user",
                Software::Fluentd => {
                    "Fluentd 1.0 or later as root: set user to 0 if the image has another user. Fluentd does not join the parts \
                     into which the container runtime splits lines of more than 16 KiB"
                }
            };
            let message = format!(
                "the router gets the configuration of ECS, but reads the output of its users from the log files of its Pod on the \
                 node instead of a socket. After a restart it may send the last lines again, and lines that it has not read 30 \
                 seconds after the node rotates a file may be lost. Records have no container_id, and their container_name is the \
                 name in the definition. The volume is a hostPath: in a namespace with the Pod Security level baseline or restricted, \
                 which refuses Pods with it, set kubernetes.logRouterReadsNodeLogs to false. The router needs {requirement}{metadata}"
            );
            recorder.approximate(path.key("type"), Code::LogRouterReadsFiles, target, message);
        }
        input @ (LogInput::OptedOut | LogInput::Unprivileged) => {
            let message = format!("the router gets the configuration of ECS, but {}{metadata}", no_logs_message(input));
            recorder.approximate(path.key("type"), Code::LogRouterReceivesNoLogs, target, message);
        }
    }
    record_options(task, &router, &path.key("options"), recorder);
}

fn refuse(path: Pointer, unconfigured: Unconfigured, recorder: &mut VerdictRecorder) {
    match unconfigured {
        Unconfigured::Windows => runtime_platform::refuse_at(path, recorder),
        Unconfigured::PathTaken(path_taken) => {
            let message = format!(
                "the router runs without the configuration of ECS, because another mount uses {path_taken}: mount it at another path"
            );
            recorder.unsupported(path, Code::MountPathTaken, message);
        }
    }
}

/// Returns a message about a router that does not read the output of its users.
fn no_logs_message(input: LogInput) -> &'static str {
    match input {
        LogInput::OptedOut | LogInput::Files => {
            "the output of containers stays on the node, for kubectl logs and the node's log agent, because \
             kubernetes.logRouterReadsNodeLogs is false; logs that applications send to the router reach it"
        }
        LogInput::Unprivileged => {
            "the output of containers stays on the node, because the router's user has no permission to read the node's log files: \
             run the router as user 0 or with group 0; logs that applications send to the router reach it"
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
            // ECS ignores a file without a type.
            (METADATA, _) | (FILE, None) => recorder.exact(path, target.clone()),
            (FILE_TYPE | FILE, Some("file")) if router.file().is_some() => recorder.exact(path, target.clone()),
            (FILE_TYPE | FILE, Some("s3")) => {
                let message = "the configuration does not include the file, which is not fetched from S3: add it to the router's image, \
                               and set config-file-type to file and config-file-value to its path";
                recorder.unsupported(path, Code::LogRouterFileNeeded, message);
            }
            (FILE_TYPE | FILE, _) => {
                let message = "the configuration includes no file, and on ECS the task does not start: set config-file-type to file, \
                               and config-file-value to a path in the router's image, in one line";
                recorder.unsupported(path, Code::LogRouterFileNeeded, message);
            }
            _ => {
                let message = "ECS supports only enable-ecs-log-metadata, config-file-type and config-file-value: remove the option";
                recorder.unsupported(path, Code::LogOptionNotRendered, message);
            }
        }
    }
}

/// Records verdicts on the log configuration of every container that uses the router.
pub(crate) fn record_users(task: &RenderContext<'_>, slots: &[ContainerSlot<'_>], recorder: &mut VerdictRecorder) {
    let unconfigured = router::find(task).and_then(|(_, _, unconfigured)| unconfigured);
    let router = Router::new(task);
    let users = router.iter().flat_map(|router| &router.users).map(|user| (user.name(), user));
    let users: BTreeMap<&str, &RouterUser<'_>> = users.collect();
    let router_slot = slots.iter().find(|slot| slot.definition.is_log_router());
    for slot in slots.iter().filter(|slot| slot.definition.uses_log_router()) {
        let path = slot.at("logConfiguration");
        if let Some(unconfigured) = unconfigured {
            refuse(path, unconfigured, recorder);
        } else if slot.definition.is_log_router() {
            let message = "the output of the router stays on the node, for kubectl logs and the node's log agent, because the router \
                           does not read it: set another log driver";
            recorder.unsupported(path, Code::LogRouterReceivesNoLogs, message);
        } else if let (Some(router), Some(router_slot), Some(user)) = (&router, router_slot, users.get(slot.name())) {
            UserVerdicts { task, router, router_slot, slot, user, recorder }.record();
        }
    }
}

/// Recording of verdicts on the log configuration of one container.
struct UserVerdicts<'a> {
    task: &'a RenderContext<'a>,
    router: &'a Router<'a>,
    router_slot: &'a ContainerSlot<'a>,
    slot: &'a ContainerSlot<'a>,
    user: &'a RouterUser<'a>,
    recorder: &'a mut VerdictRecorder,
}

impl<'a> UserVerdicts<'a> {
    fn record(&mut self) {
        let driver = self.slot.at("logConfiguration").key("logDriver");
        let target = configuration(self.task);
        match self.router.input {
            LogInput::Files => {
                let message = "the log router reads the output from a file of the node, which kubectl logs also shows, so the \
                               container never waits for the router";
                self.recorder.approximate(driver, Code::LogRouterReadsFiles, target, message);
            }
            input @ (LogInput::OptedOut | LogInput::Unprivileged) => {
                self.recorder.needs_addon(driver, Code::LogRouterReceivesNoLogs, target, no_logs_message(input));
            }
        }
        let user: &'a RouterUser<'a> = self.user;
        for setting in &user.settings {
            match &setting.translation {
                Translation::Written(_, value) => self.written(setting, value),
                Translation::Omitted(omission) => self.omitted(setting, *omission),
            }
        }
    }

    /// Returns the path of an option in the task definition.
    fn path(&self, setting: &Setting<'_>) -> Pointer {
        let path = self.slot.at("logConfiguration");
        match setting.source {
            OptionSource::Options => path.key("options").key(setting.option),
            OptionSource::SecretOptions(index) => path.key("secretOptions").index(index),
        }
    }

    fn written(&mut self, setting: &Setting<'_>, value: &OptionValue<'_>) {
        let path = self.path(setting);
        match (setting.source, value) {
            (OptionSource::Options, OptionValue::Text(_)) => self.recorder.exact(path, configuration(self.task)),
            (OptionSource::Options, OptionValue::Variable(_)) => {
                let message = "the option looks like a credential, and log agents may copy annotations into log records: a variable of \
                               the router contains its value instead. Move it to secretOptions";
                let target = self.router_slot.becomes("env");
                self.recorder.approximate(path, Code::LogCredentialNotCarried, target, message);
            }
            (OptionSource::SecretOptions(index), _) => self.secret(path, &self.user.logs.secret_options[index]),
        }
    }

    fn secret(&mut self, path: Pointer, secret: &Secret) {
        let source = secret_source::source(self.task, self.slot.definition, secret);
        let target = self.router_slot.becomes("env");
        if source.is_mapped {
            let message =
                "the log router reads the value of the Secret when it starts; ECS fetches it once for each task";
            self.recorder.approximate(path, Code::SecretReadAtContainerStart, target, message);
        } else {
            let message = format!("the log router, and with it the task, starts once {}", source.requirement(secret));
            self.recorder.needs_addon(path, Code::SecretNeeded, target, message);
        }
    }

    fn omitted(&mut self, setting: &Setting<'_>, omission: Omission) {
        let path = self.path(setting);
        match omission {
            Omission::Shadowed => {
                let message = "a secret option of the same name overrides it, as on ECS";
                self.recorder.ignored(path, Code::ShadowedVariable, message);
            }
            Omission::Buffer => {
                self.recorder.unsupported(path, Code::LogsThroughFile, log_configuration::NO_BUFFER);
            }
            Omission::Credential => {
                let message = "the option looks like a credential, and log agents may copy annotations into log records: move it to \
                               secretOptions, without a reference to another variable";
                self.recorder.unsupported(path, Code::LogCredentialNotCarried, message);
            }
            Omission::Name => {
                let message = "the router's configuration cannot contain the name, which is not one word of letters, digits, dots, \
                               hyphens and underscores: correct it, or define the output in a file of the router's image";
                self.recorder.unsupported(path, Code::LogOptionNotRendered, message);
            }
            Omission::Value => {
                let message = "the router's configuration cannot contain the value, which is empty or has several lines: define the \
                               output in a file of the router's image, and set config-file-value to its path";
                self.recorder.unsupported(path, Code::LogOptionNotRendered, message);
            }
            Omission::NoPlugIn => {
                let message = format!(
                    "the option has no output to apply to, and on ECS the task does not start: name the plug-in of the output in the \
                     option {:?}",
                    options::plug_in(self.router.firelens.r#type)
                );
                self.recorder.unsupported(path, Code::LogOptionNotRendered, message);
            }
        }
    }
}
