//! Inputs of a log router's configuration, for Fluent Bit and Fluentd.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{EnvVar, EnvVarSource, ObjectFieldSelector, SecretKeySelector};

use crate::api::labels;
use crate::ecs::task_definition::{
    ContainerDefinition, FirelensConfiguration, FirelensConfigurationType as Software, LogConfiguration,
};
use crate::translate::RenderContext;
use crate::translate::container::secret_source;
use crate::translate::conversions::literal;
use crate::translate::firelens::options::{OptionSource, OptionUse, OptionValue, Setting, Translation, UsedNames};
use crate::translate::firelens::{ADDRESS, listens, options};

/// Folder of the Pod's log files in the router.
pub(super) const LOGS: &str = "/var/log/firelens";

/// Folder of the router's positions in the log files, which are kept when it restarts in its Pod.
pub(super) const STATE: &str = "/var/lib/firelens";

/// Option of `firelensConfiguration` that adds metadata to records.
pub(super) const METADATA: &str = "enable-ecs-log-metadata";
/// Option of `firelensConfiguration` with the type of the configuration file.
pub(super) const FILE_TYPE: &str = "config-file-type";
/// Option of `firelensConfiguration` with the location of the configuration file.
pub(super) const FILE: &str = "config-file-value";

/// Buffer for records in MB if the router's definition sets no memory, as on ECS.
const DEFAULT_BUFFER: i64 = 25;

/// Log router with a generated configuration.
pub(crate) struct Router<'a> {
    pub(super) definition: &'a ContainerDefinition,
    pub(super) firelens: &'a FirelensConfiguration,
    /// True if applications can send to its address.
    pub(super) listens: bool,
    /// Source of the output of its users.
    pub(super) input: LogInput,
    /// Containers whose logs it forwards.
    pub(super) users: Vec<RouterUser<'a>>,
    /// Names of its variables with the name, the namespace and the uid of the Pod.
    pub(super) pod: [String; 3],
}

/// Source of the output of a router's users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LogInput {
    /// The log files on the node.
    Files,
    /// None, because `kubernetes.logRouterReadsNodeLogs` is false.
    OptedOut,
    /// None, because the router's user has no permission to read the log files.
    Unprivileged,
}

/// Container that uses the router.
pub(super) struct RouterUser<'a> {
    pub(super) definition: &'a ContainerDefinition,
    pub(super) logs: &'a LogConfiguration,
    pub(super) settings: Vec<Setting<'a>>,
}

/// Metadata that ECS adds to each record. It also includes the Pod's name, which the router gets from a variable.
pub(super) struct RecordMetadata {
    pub(super) cluster: String,
    pub(super) task_definition: String,
}

/// Reason for a router without a generated configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unconfigured {
    /// ECS has no log router on Windows (the agent's `firelens` resource is for Linux only).
    Windows,
    /// Another mount uses this path, which the router needs.
    PathTaken(&'static str),
}

/// Returns the router of a task, and the reason if it has no generated configuration.
pub(super) fn find<'a>(
    task: &RenderContext<'a>,
) -> Option<(&'a ContainerDefinition, &'a FirelensConfiguration, Option<Unconfigured>)> {
    let mut routers = task.definition.container_definitions.iter();
    let (definition, firelens) = routers.find_map(|c| Some((c, c.firelens_configuration.as_ref()?)))?;
    let mut paths = [configuration_path(firelens.r#type), LOGS, STATE].into_iter();
    let windows = task.definition.is_windows().then_some(Unconfigured::Windows);
    let unconfigured = windows.or_else(|| paths.find(|path| is_taken(definition, path)).map(Unconfigured::PathTaken));
    Some((definition, firelens, unconfigured))
}

/// Returns the path from which the router's image reads its configuration. The ECS agent mounts it there.
pub(super) fn configuration_path(software: Software) -> &'static str {
    match software {
        Software::Fluentbit => "/fluent-bit/etc/fluent-bit.conf",
        Software::Fluentd => "/fluentd/etc/fluent.conf",
    }
}

/// True if the definition mounts something at this path of the container.
fn is_taken(container: &ContainerDefinition, path: &str) -> bool {
    let linux = container.linux_parameters.as_ref();
    let mounted = container.mount_points.iter().any(|mount| mount.container_path.as_deref() == Some(path));
    mounted
        || linux.is_some_and(|linux| {
            linux.tmpfs.iter().any(|tmpfs| tmpfs.container_path == path)
                || linux.devices.iter().any(|device| device.container_path.as_deref() == Some(path))
        })
}

impl<'a> Router<'a> {
    /// Returns the router of the task, if it has one with a generated configuration.
    pub(crate) fn new(task: &RenderContext<'a>) -> Option<Self> {
        let (definition, firelens, None) = find(task)? else { return None };
        let variables = definition.environment.iter().filter_map(|pair| pair.name.as_deref());
        let secrets = definition.secrets.iter().map(|secret| secret.name.as_str());
        let mut names = UsedNames::new(variables.chain(secrets).chain(ADDRESS.map(|(name, _)| name)));
        let pod = ["NAME", "NAMESPACE", "UID"].map(|field| names.reserve(&format!("ECS_OPERATOR_POD_{field}")));
        let users = task.definition.container_definitions.iter().enumerate();
        let users = users.filter(|(_, container)| container.uses_log_router() && !container.is_log_router());
        let users = users.filter_map(|(index, user)| {
            let logs = user.log_configuration.as_ref()?;
            let settings = options::settings(firelens.r#type, logs, index, &mut names);
            Some(RouterUser { definition: user, logs, settings })
        });
        let users = users.collect();
        Some(Self { definition, firelens, listens: listens(task), input: log_input(task, definition), users, pod })
    }

    /// True if records get the names of cluster, task and task definition, which is the default. As on ECS, a value that Go does
    /// not parse as true disables it.
    pub(super) fn adds_metadata(&self) -> bool {
        let option = self.firelens.options.get(METADATA).map(String::as_str);
        option.is_none_or(|text| matches!(text, "1" | "t" | "T" | "true" | "TRUE" | "True"))
    }

    /// Returns the file of the image that the configuration includes.
    pub(super) fn file(&self) -> Option<&str> {
        let option = |name: &str| self.firelens.options.get(name).map(String::as_str);
        let software = self.firelens.r#type;
        option(FILE).filter(|file| {
            option(FILE_TYPE) == Some("file") && !file.trim().is_empty() && options::is_line(software, file)
        })
    }

    /// Returns the buffer for the records of one user, in MB. As on ECS, all users together get half the router's memory.
    pub(super) fn buffer(&self) -> i64 {
        let reserved = self.definition.memory_reservation.filter(|mebibytes| *mebibytes > 0);
        let memory = reserved.or(self.definition.memory).filter(|mebibytes| *mebibytes > 1);
        let total = memory.map_or(DEFAULT_BUFFER, |mebibytes| i64::from(mebibytes) / 2);
        let users = i64::try_from(self.users.len()).unwrap_or(i64::MAX);
        (total / users.max(1)).max(1)
    }
}

impl<'a> RouterUser<'a> {
    /// Returns the container's name in ECS.
    pub(super) fn name(&self) -> &'a str {
        self.definition.name()
    }

    /// Returns the patterns of this use.
    pub(super) fn patterns(&self, option_use: OptionUse) -> impl Iterator<Item = &OptionValue<'a>> {
        self.written().filter(move |(_, other, _)| *other == option_use).map(|(_, _, value)| value)
    }

    /// Returns the plug-in of the output and its settings.
    pub(super) fn output(
        &self,
        plug_in: &str,
    ) -> Option<(&OptionValue<'a>, impl Iterator<Item = (&'a str, &OptionValue<'a>)>)> {
        let output = || self.written().filter(|(_, option_use, _)| *option_use == OptionUse::Output);
        let (_, _, name) = output().find(|(option, _, _)| *option == plug_in)?;
        let rest = output().filter(move |(option, _, _)| *option != plug_in);
        Some((name, rest.map(|(option, _, value)| (option, value))))
    }

    fn written(&self) -> impl Iterator<Item = (&'a str, OptionUse, &OptionValue<'a>)> {
        self.settings.iter().filter_map(|setting| match &setting.translation {
            Translation::Written(option_use, value) => Some((setting.option, *option_use, value)),
            Translation::Omitted(_) => None,
        })
    }
}

fn log_input(task: &RenderContext<'_>, router: &ContainerDefinition) -> LogInput {
    if task.kubernetes.is_some_and(|k| k.log_router_reads_node_logs == Some(false)) {
        return LogInput::OptedOut;
    }
    // The container runtime allows root and the group of root to read the files. The default user of the image is unknown.
    let is_root = |id: &str| matches!(id, "0" | "root");
    match router.user.as_deref() {
        Some(user) if !user.split(':').any(is_root) => LogInput::Unprivileged,
        _ => LogInput::Files,
    }
}

pub(super) fn metadata(task: &RenderContext<'_>, pod: &BTreeMap<String, String>) -> RecordMetadata {
    let label = |name: &str| pod.get(name).map(String::as_str);
    let family = task.definition.family.as_deref().unwrap_or(task.name);
    let task_definition = match label(labels::REVISION) {
        Some(revision) => format!("{family}:{revision}"),
        None => family.to_owned(),
    };
    RecordMetadata { cluster: label(labels::CLUSTER).unwrap_or_default().to_owned(), task_definition }
}

/// Returns the variables of the router: fields of its Pod, and the values of secret options.
pub(crate) fn variables(task: &RenderContext<'_>, container: &ContainerDefinition) -> Vec<EnvVar> {
    if !container.is_log_router() {
        return Vec::new();
    }
    let Some(router) = Router::new(task) else { return Vec::new() };
    let mut env = Vec::new();
    let [name, namespace, uid] = &router.pod;
    let reads = router.input == LogInput::Files;
    for (variable, field, is_used) in [
        (name, "metadata.name", reads || router.adds_metadata()),
        (namespace, "metadata.namespace", reads),
        (uid, "metadata.uid", reads),
    ] {
        if is_used {
            let field_ref = ObjectFieldSelector { field_path: field.to_owned(), ..ObjectFieldSelector::default() };
            env.push(variable_from(variable, EnvVarSource { field_ref: Some(field_ref), ..EnvVarSource::default() }));
        }
    }
    for user in &router.users {
        for setting in &user.settings {
            let Translation::Written(_, OptionValue::Variable(name)) = &setting.translation else { continue };
            env.push(match setting.source {
                OptionSource::Options => {
                    let value = user.logs.options.get(setting.option).map(|text| literal(text));
                    EnvVar { name: name.clone(), value, value_from: None }
                }
                OptionSource::SecretOptions(index) => {
                    let source = secret_source::source(task, user.definition, &user.logs.secret_options[index]);
                    let key = SecretKeySelector { name: source.secret_name, key: source.key, optional: None };
                    variable_from(name, EnvVarSource { secret_key_ref: Some(key), ..EnvVarSource::default() })
                }
            });
        }
    }
    env
}

fn variable_from(name: &str, source: EnvVarSource) -> EnvVar {
    EnvVar { name: name.to_owned(), value: None, value_from: Some(source) }
}
