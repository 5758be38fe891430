//! `logConfiguration` → annotations of the Pod, which configure a log agent on the nodes.
//!
//! With any log driver the output of a container goes to a file on its node. The kubelet reads the file for `kubectl logs`, and
//! a log agent on the node, such as Fluent Bit, forwards it. The annotation `logs.ecs-operator.dev/CONTAINER.driver` and one
//! annotation for each option repeat the log configuration; an option with a secret value becomes `CONTAINER.OPTION.secret` with
//! the value `SECRET/KEY`. Options for the task's log router are part of the router's configuration instead (see
//! [`crate::translate::firelens`]); the driver annotation identifies these containers to a log agent.
//!
//! Log agents may copy annotations into records, so credentials never become annotations.

use std::collections::BTreeMap;

use crate::api::annotations::LOGS;
use crate::ecs::task_definition::{LogConfiguration, LogDriver};
use crate::k8s::{fingerprint, names};
use crate::translate::container::secret_source;
use crate::translate::context::ContainerSlot;
use crate::translate::pod::external_secret;
use crate::translate::{Code, RenderContext, VerdictRecorder};

/// Maximum length of an annotation's name after its prefix.
const NAME_MAX: usize = 63;

/// Maximum length of an option name that is kept unchanged. The rest is for the container's name.
const OPTION_MAX: usize = 40;

/// Parts of the names of options with credentials, without hyphens and underscores.
const CREDENTIALS: [&str; 11] = [
    "token",
    "passw",
    "secret",
    "credential",
    "authorization",
    "header",
    "apikey",
    "accesskey",
    "licensekey",
    "sharedkey",
    "privatekey",
];

/// Returns the annotations of the Pod and records verdicts on the log configuration of every container.
pub(crate) fn annotations(
    task: &RenderContext<'_>,
    slots: &[ContainerSlot<'_>],
    recorder: &mut VerdictRecorder,
) -> BTreeMap<String, String> {
    let mut annotations = BTreeMap::new();
    for slot in slots {
        match &slot.definition.log_configuration {
            Some(logs) if logs.log_driver == LogDriver::Awsfirelens => {
                let container = names::container_name(slot.name());
                annotations.insert(key(&container, "driver"), logs.log_driver.to_string());
            }
            Some(logs) => add_annotations(task, slot, logs, &mut annotations, recorder),
            None => {}
        }
    }
    annotations
}

fn add_annotations(
    task: &RenderContext<'_>,
    slot: &ContainerSlot<'_>,
    logs: &LogConfiguration,
    annotations: &mut BTreeMap<String, String>,
    recorder: &mut VerdictRecorder,
) {
    let container = names::container_name(slot.name());
    let target = format!("{}/metadata/annotations", task.target);
    let path = slot.at("logConfiguration");
    let length_before = annotations.len();
    for (option, value) in &logs.options {
        let path = path.key("options").key(option);
        match translate_option(logs.log_driver, option, value) {
            OptionTranslation::Annotation(code, message) => {
                annotations.insert(key(&container, option), value.clone());
                recorder.needs_addon(path, code, target.clone(), message);
            }
            OptionTranslation::NotNeeded(message) => {
                recorder.approximate(path, Code::LogsThroughFile, slot.target.clone(), message);
            }
            OptionTranslation::Unsupported(code, message) => recorder.unsupported(path, code, message),
        }
    }
    record_secret_options(task, slot, logs, annotations, recorder);
    // The default of Kubernetes: worth an annotation only with options.
    if logs.log_driver != LogDriver::JsonFile || annotations.len() > length_before {
        annotations.insert(key(&container, "driver"), logs.log_driver.to_string());
    }
    record_driver(slot, logs.log_driver, &target, recorder);
}

fn record_secret_options(
    task: &RenderContext<'_>,
    slot: &ContainerSlot<'_>,
    logs: &LogConfiguration,
    annotations: &mut BTreeMap<String, String>,
    recorder: &mut VerdictRecorder,
) {
    let container = names::container_name(slot.name());
    let target = format!("{}/metadata/annotations", task.target);
    let path = slot.at("logConfiguration");
    let has_external_secret = external_secret::fills_container(task, slot.definition);
    for (index, secret) in logs.secret_options.iter().enumerate() {
        let source = secret_source::source(task, slot.definition, secret);
        let name = key(&container, &format!("{}.secret", secret.name));
        annotations.insert(name, format!("{}/{}", source.secret_name, source.key));
        let (code, requirement) = match &source {
            source if source.is_mapped => (Code::SecretNeeded, String::new()),
            source if has_external_secret => (
                Code::ExternalSecretMade,
                format!(". It exists once {}", external_secret::requirement(&source.secret_name)),
            ),
            source => (Code::SecretNeeded, format!(". It exists once {}", source.requirement(secret))),
        };
        let message = format!(
            "give the log agent the value: the annotation logs.ecs-operator.dev/CONTAINER.OPTION.secret names its Secret and \
             key{requirement}"
        );
        recorder.needs_addon(path.key("secretOptions").index(index), code, target.clone(), message);
    }
}

fn record_driver(slot: &ContainerSlot<'_>, driver: LogDriver, target: &str, recorder: &mut VerdictRecorder) {
    let path = slot.at("logConfiguration").key("logDriver");
    let destination = match driver {
        LogDriver::JsonFile => {
            let message = "the output is in files on the node, for kubectl logs and for log agents: under /var/log/pods, in the format \
                           of the container runtime instead of Docker's";
            return recorder.approximate(path, Code::LogsThroughFile, slot.target.clone(), message);
        }
        LogDriver::Awslogs => "to CloudWatch Logs, run Fluent Bit or the CloudWatch agent",
        LogDriver::Splunk => "to Splunk, run an agent such as Fluent Bit",
        LogDriver::Fluentd => "to Fluentd, run an agent such as Fluent Bit",
        LogDriver::Gelf => "to a GELF endpoint, run an agent such as Fluent Bit",
        LogDriver::Syslog => "to syslog, run an agent such as Fluent Bit",
        LogDriver::Journald => "to the node's journal, run an agent such as Vector",
        // Recorded with the log router.
        LogDriver::Awsfirelens => return,
    };
    let message = format!(
        "kubectl logs shows the output; to send it {destination} on the nodes and configure it by the Pod's annotations \
         logs.ecs-operator.dev/CONTAINER.OPTION, which contain the driver and its options"
    );
    recorder.needs_addon(path, Code::LogsNeedAgent, target, message);
}

/// Translation of an option, with the code and the message of its verdict.
enum OptionTranslation {
    /// Becomes an annotation.
    Annotation(Code, &'static str),
    /// Has no annotation, because logging works nearly the same without one.
    NotNeeded(&'static str),
    /// Has no equivalent.
    Unsupported(Code, &'static str),
}

fn translate_option(driver: LogDriver, option: &str, value: &str) -> OptionTranslation {
    match (driver, option) {
        (_, "mode") => delivery(value),
        (_, "max-buffer-size") => no_buffer(),
        (LogDriver::JsonFile, "max-size" | "max-file" | "compress") => OptionTranslation::Unsupported(
            Code::NodeLogRotationUsed,
            "the node's kubelet rotates the files of all containers, by default at 10 MiB and keeping 5 \
             (containerLogMaxSize, containerLogMaxFiles)",
        ),
        _ if is_credential(option, value) => OptionTranslation::Unsupported(
            Code::LogCredentialNotCarried,
            "the option looks like a credential, and log agents may copy annotations into log records: move it to secretOptions, \
             and give it to the log agent in a Secret",
        ),
        _ => OptionTranslation::Annotation(
            Code::LogsNeedAgent,
            "the option takes effect in a log agent that reads the Pod's annotation logs.ecs-operator.dev/CONTAINER.OPTION",
        ),
    }
}

/// Translates `mode`, which decides if the container waits for a slow log driver.
fn delivery(mode: &str) -> OptionTranslation {
    if mode == "blocking" {
        return OptionTranslation::Unsupported(
            Code::LogsThroughFile,
            "the container never waits for the destination: output that the log agent has not read before the node rotates the \
             file is lost",
        );
    }
    OptionTranslation::NotNeeded(
        "the container never waits for the destination, as requested: output that the log agent has not read before the node \
         rotates the file is lost",
    )
}

/// Message about the size of a driver's buffer.
pub(crate) const NO_BUFFER: &str = "Kubernetes has no such buffer: output that is not sent yet stays in the node's files, by \
                                    default 5 files of 10 MiB for each container";

fn no_buffer() -> OptionTranslation {
    OptionTranslation::Unsupported(Code::LogsThroughFile, NO_BUFFER)
}

/// True if an option contains a credential, by its name or by an address with a user and a password.
pub(crate) fn is_credential(option: &str, value: &str) -> bool {
    let name: String = option.to_ascii_lowercase().chars().filter(|c| !matches!(c, '-' | '_')).collect();
    let has_user = authority(value).is_some_and(|authority| authority.contains('@'));
    CREDENTIALS.iter().any(|part| name.contains(part)) || has_user
}

/// Returns the part of an address between its scheme and its path.
pub(crate) fn authority(value: &str) -> Option<&str> {
    value.split_once("://").and_then(|(_, rest)| rest.split('/').next())
}

/// Returns the annotation of an option. If it would be too long, a hash replaces the end of the container's name, so that the
/// option's name remains complete. A long option name, or one with other characters, is shortened like the name of a port.
fn key(container: &str, option: &str) -> String {
    let fits = option.len() <= OPTION_MAX
        && option.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        && option.ends_with(|c: char| c.is_ascii_alphanumeric());
    let option = if fits { option.to_owned() } else { names::port_name(option) };
    let container_max = NAME_MAX - 1 - option.len();
    if container.len() <= container_max {
        return format!("{LOGS}{container}.{option}");
    }
    let hash = fingerprint::short_hash(container);
    let stem: String = container.chars().take(container_max - hash.len() - 1).collect();
    format!("{LOGS}{}-{hash}.{option}", stem.trim_end_matches('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(driver: LogDriver, option: &str, value: &str) -> (bool, Code) {
        match translate_option(driver, option, value) {
            OptionTranslation::Annotation(code, _) => (true, code),
            OptionTranslation::NotNeeded(_) => (false, Code::LogsThroughFile),
            OptionTranslation::Unsupported(code, _) => (false, code),
        }
    }

    #[test]
    fn credentials_never_become_annotations() {
        let credential = (false, Code::LogCredentialNotCarried);
        for (option, value) in [
            ("splunk-token", "x"),
            ("apikey", "x"),
            ("API_Key", "x"),
            ("HTTP_Passwd", "x"),
            ("Header", "Authorization x"),
            ("splunk-url", "https://user:x@logs.example.test"),
        ] {
            for driver in [LogDriver::Splunk, LogDriver::Fluentd, LogDriver::JsonFile] {
                assert_eq!(code(driver, option, value), credential, "{option}");
            }
        }
        for (option, value) in
            [("splunk-url", "https://logs.example.test/a@b"), ("log_key", "log"), ("awslogs-group", "/a@b")]
        {
            assert!(code(LogDriver::Splunk, option, value).0, "{option}");
        }
    }

    #[test]
    fn no_option_makes_a_container_wait_for_its_log_destination() {
        for (driver, option, value) in [
            (LogDriver::Awslogs, "mode", "blocking"),
            (LogDriver::Awslogs, "mode", "non-blocking"),
            (LogDriver::Splunk, "max-buffer-size", "4m"),
        ] {
            assert_eq!(code(driver, option, value), (false, Code::LogsThroughFile), "{option}");
        }
        assert_eq!(code(LogDriver::JsonFile, "max-size", "10m"), (false, Code::NodeLogRotationUsed));
    }

    #[test]
    fn every_annotation_has_a_valid_name() {
        assert_eq!(key("app", "awslogs-group"), "logs.ecs-operator.dev/app.awslogs-group");
        assert_eq!(key("app", "log_group_name"), "logs.ecs-operator.dev/app.log_group_name");
        let long = "a-b".repeat(21);
        let names = [
            ("app", "*"),
            ("app", "a b"),
            ("app", "-"),
            (&long, "awslogs-group"),
            (&long, "log-driver-buffer-limit.secret"),
            (&long, &long),
        ];
        for (container, option) in names {
            let key = key(container, option);
            let name = key.strip_prefix(LOGS).unwrap_or_default();
            let (container, option) = name.split_once('.').unwrap_or_default();
            assert!(name.len() <= NAME_MAX && names::container_name(container) == container, "{key}");
            assert!(option.ends_with(|c: char| c.is_ascii_alphanumeric()), "{key}");
        }
        assert!(key(&long, "awslogs-group").ends_with(".awslogs-group"));
    }
}
