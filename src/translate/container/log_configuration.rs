//! `logConfiguration` → annotations of the Pod, for a log agent on the nodes to go by.
//!
//! What a container writes goes to a file of its node, whatever the driver: the kubelet reads it for `kubectl logs`,
//! and an agent there, such as Fluent Bit, sends it on. `logs.ecs-operator.dev/CONTAINER.driver` and one annotation for
//! each option say what the definition asks for; an option with a secret value has `CONTAINER.OPTION.secret` with
//! `SECRET/KEY`. What the task's log router is to send on is said in its own configuration instead, by
//! [`crate::translate::firelens`]; the driver tells an agent which containers those are.
//!
//! Agents may copy annotations into the records they send, so a credential is never among them.

use std::collections::BTreeMap;

use crate::api::annotations::LOGS;
use crate::ecs::task_definition::{LogConfiguration, LogDriver};
use crate::k8s::{fingerprint, names};
use crate::translate::container::secret_source;
use crate::translate::context::ContainerSlot;
use crate::translate::pod::external_secret;
use crate::translate::{Code, RenderContext, VerdictRecorder};

/// Longest name of an annotation after its prefix.
const NAME_MAX: usize = 63;

/// Longest name of an option that is kept; leaves room for the beginning of the container's name.
const OPTION_MAX: usize = 40;

/// Parts of names, without hyphens and underscores, of options that have credentials.
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

/// The annotations of the Pod; claims the log configuration of every container.
pub(crate) fn annotations(
    task: &RenderContext<'_>,
    slots: &[ContainerSlot<'_>],
    recorder: &mut VerdictRecorder,
) -> BTreeMap<String, String> {
    let mut annotations = BTreeMap::new();
    for container in slots {
        match &container.definition.log_configuration {
            Some(logs) if logs.log_driver == LogDriver::Awsfirelens => {
                let container = names::container_name(container.name());
                annotations.insert(key(&container, "driver"), logs.log_driver.to_string());
            }
            Some(logs) => of_container(task, container, logs, &mut annotations, recorder),
            None => {}
        }
    }
    annotations
}

fn of_container(
    task: &RenderContext<'_>,
    slot: &ContainerSlot<'_>,
    logs: &LogConfiguration,
    annotations: &mut BTreeMap<String, String>,
    recorder: &mut VerdictRecorder,
) {
    let container = names::container_name(slot.name());
    let target = format!("{}/metadata/annotations", task.target);
    let path = slot.at("logConfiguration");
    let before = annotations.len();
    for (option, value) in &logs.options {
        let path = path.key("options").key(option);
        match fate(logs.log_driver, option, value) {
            Fate::Carried(code, message) => {
                annotations.insert(key(&container, option), value.clone());
                recorder.needs_addon(path, code, target.clone(), message);
            }
            Fate::Same(message) => {
                recorder.approximate(path, Code::LogsThroughFile, slot.target.clone(), message);
            }
            Fate::Lost(code, message) => recorder.unsupported(path, code, message),
        }
    }
    let made = external_secret::fills_container(task, slot.definition);
    for (index, secret) in logs.secret_options.iter().enumerate() {
        let source = secret_source::source(task, slot.definition, secret);
        let name = key(&container, &format!("{}.secret", secret.name));
        annotations.insert(name, format!("{}/{}", source.secret_name, source.key));
        let (code, wanted) = match &source {
            source if source.is_mapped => (Code::SecretNeeded, String::new()),
            source if made => (
                Code::ExternalSecretMade,
                format!(". It is there once {}", external_secret::fills(&source.secret_name)),
            ),
            source => (Code::SecretNeeded, format!(". It is there once {}", source.requirement(secret))),
        };
        let message = format!(
            "the log agent has to be given the value: the annotation logs.ecs-operator.dev/CONTAINER.OPTION.secret \
             names its Secret and key{wanted}"
        );
        recorder.needs_addon(path.key("secretOptions").index(index), code, target.clone(), message);
    }
    // Files of the node are what there is anyway: only their options are worth an annotation.
    if logs.log_driver != LogDriver::JsonFile || annotations.len() > before {
        annotations.insert(key(&container, "driver"), logs.log_driver.to_string());
    }
    record_driver(slot, logs.log_driver, &target, recorder);
}

fn record_driver(slot: &ContainerSlot<'_>, driver: LogDriver, target: &str, recorder: &mut VerdictRecorder) {
    let path = slot.at("logConfiguration").key("logDriver");
    let destination = match driver {
        LogDriver::JsonFile => {
            let message = "the output is kept in files of the node, for kubectl logs and for log agents: under \
                           /var/log/pods, in the format of the container runtime instead of Docker's";
            return recorder.approximate(path, Code::LogsThroughFile, slot.target.clone(), message);
        }
        LogDriver::Awslogs => "to CloudWatch Logs, run Fluent Bit or the CloudWatch agent",
        LogDriver::Splunk => "to Splunk, run an agent such as Fluent Bit",
        LogDriver::Fluentd => "to Fluentd, run an agent such as Fluent Bit",
        LogDriver::Gelf => "to a GELF endpoint, run an agent such as Fluent Bit",
        LogDriver::Syslog => "to syslog, run an agent such as Fluent Bit",
        LogDriver::Journald => "to the node's journal, run an agent such as Vector",
        // Its router claims it.
        LogDriver::Awsfirelens => return,
    };
    let message = format!(
        "kubectl logs shows the output in any case; to bring it {destination} on the nodes: the driver and its options \
         are in the Pod's annotations logs.ecs-operator.dev/CONTAINER.OPTION, for its pipeline to go by"
    );
    recorder.needs_addon(path, Code::LogsNeedAgent, target, message);
}

/// What becomes of an option.
enum Fate {
    /// An annotation; works as the message says.
    Carried(Code, &'static str),
    /// No annotation, and nearly nothing changes.
    Same(&'static str),
    /// Nothing.
    Lost(Code, &'static str),
}

fn fate(driver: LogDriver, option: &str, value: &str) -> Fate {
    match (driver, option) {
        (_, "mode") => delivery(value),
        (_, "max-buffer-size") => no_buffer(),
        (LogDriver::JsonFile, "max-size" | "max-file" | "compress") => Fate::Lost(
            Code::NodeLogRotationUsed,
            "the node's kubelet rotates the files of all containers, by default at 10 MiB and keeping 5 \
             (containerLogMaxSize, containerLogMaxFiles)",
        ),
        _ if is_credential(option, value) => Fate::Lost(
            Code::LogCredentialNotCarried,
            "this looks like a credential, and annotations may end up in the log records: give it to the log agent in a \
             Secret, and move it to secretOptions",
        ),
        _ => Fate::Carried(
            Code::LogsNeedAgent,
            "only a log agent acts on it, which finds it in the Pod's annotation \
             logs.ecs-operator.dev/CONTAINER.OPTION",
        ),
    }
}

/// `mode`: whether the container waits for its log driver when that is slow.
fn delivery(mode: &str) -> Fate {
    if mode == "blocking" {
        return Fate::Lost(
            Code::LogsThroughFile,
            "the container never waits for the destination: what the log agent has not read when the node's file is \
             rotated is lost",
        );
    }
    Fate::Same(
        "the container never waits for the destination, as asked; lost is what the log agent has not read when the \
         node's file is rotated",
    )
}

/// Why the size of a driver's buffer becomes nothing.
pub(crate) const NO_BUFFER: &str = "there is no such buffer: the node's files hold what is not sent yet, by default 5 of \
                                    10 MiB for each container";

fn no_buffer() -> Fate {
    Fate::Lost(Code::LogsThroughFile, NO_BUFFER)
}

/// Whether an option has a credential, by its name or by an address with a user and a password.
pub(crate) fn is_credential(option: &str, value: &str) -> bool {
    let name: String = option.to_ascii_lowercase().chars().filter(|c| !matches!(c, '-' | '_')).collect();
    let has_user = authority(value).is_some_and(|authority| authority.contains('@'));
    CREDENTIALS.iter().any(|part| name.contains(part)) || has_user
}

/// The part of an address between its scheme and its path.
pub(crate) fn authority(value: &str) -> Option<&str> {
    value.split_once("://").and_then(|(_, rest)| rest.split('/').next())
}

/// The annotation of an option. The container's name is cut where both together are too long, with a hash at its end,
/// so that an agent finds the option's name whole; an option whose own name is long or has other characters is named as
/// ports are.
fn key(container: &str, option: &str) -> String {
    let alphanumeric = |c: char| c.is_ascii_alphanumeric();
    let fits = option.len() <= OPTION_MAX
        && option.chars().all(|c| alphanumeric(c) || matches!(c, '-' | '_' | '.'))
        && option.ends_with(alphanumeric);
    let option = if fits { option.to_owned() } else { names::port_name(option) };
    let room = NAME_MAX - 1 - option.len();
    if container.len() <= room {
        return format!("{LOGS}{container}.{option}");
    }
    let hash = fingerprint::short_hash(container);
    let stem: String = container.chars().take(room - hash.len() - 1).collect();
    format!("{LOGS}{}-{hash}.{option}", stem.trim_end_matches('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(driver: LogDriver, option: &str, value: &str) -> (bool, Code) {
        match fate(driver, option, value) {
            Fate::Carried(code, _) => (true, code),
            Fate::Same(_) => (false, Code::LogsThroughFile),
            Fate::Lost(code, _) => (false, code),
        }
    }

    #[test]
    fn credentials_are_never_carried() {
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
    fn no_option_makes_a_container_wait_for_its_logs() {
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
    fn every_annotation_has_a_name_that_kubernetes_takes() {
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
