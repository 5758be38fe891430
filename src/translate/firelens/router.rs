//! What a log router is told, whichever software it is.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{EnvVar, EnvVarSource, ObjectFieldSelector, SecretKeySelector};

use crate::api::labels;
use crate::ecs::task_definition::{
    ContainerDefinition, FirelensConfiguration, FirelensConfigurationType as Software, LogConfiguration,
};
use crate::translate::RenderContext;
use crate::translate::container::secret_source;
use crate::translate::conversions::literal;
use crate::translate::firelens::options::{Fate, Given, Names, Place, Setting, Value};
use crate::translate::firelens::{ADDRESS, listens, options};

/// The folder of the Pod's log files in the router.
pub(super) const LOGS: &str = "/var/log/firelens";

/// The folder where the router remembers how far it has read, for when it is restarted in its Pod.
pub(super) const STATE: &str = "/var/lib/firelens";

/// The options of `firelensConfiguration`.
pub(super) const METADATA: &str = "enable-ecs-log-metadata";
pub(super) const FILE_TYPE: &str = "config-file-type";
pub(super) const FILE: &str = "config-file-value";

/// MB that records wait in, of a router whose definition says nothing of memory, as on ECS.
const DEFAULT_BUFFER: i64 = 25;

/// A log router that gets its configuration from here.
pub(crate) struct Router<'a> {
    pub(super) definition: &'a ContainerDefinition,
    pub(super) firelens: &'a FirelensConfiguration,
    /// Whether applications reach it by its address.
    pub(super) listens: bool,
    /// Whether it reads what its users write to their output.
    pub(super) feeding: Feeding,
    /// The containers whose logs it sends on.
    pub(super) users: Vec<User<'a>>,
    /// The names of its variables with the name, the namespace and the uid of the Pod.
    pub(super) pod: [String; 3],
}

/// Whether a router reads the node's files with the output of its users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Feeding {
    /// It does.
    Files,
    /// The `kubernetes` block says that it shall not.
    OptedOut,
    /// It runs as a user who may not.
    Unprivileged,
}

/// A container that uses the router.
pub(super) struct User<'a> {
    pub(super) definition: &'a ContainerDefinition,
    pub(super) logs: &'a LogConfiguration,
    pub(super) settings: Vec<Setting<'a>>,
}

/// What ECS adds to each record; the third is the Pod's name, which the router finds in a variable.
pub(super) struct Metadata {
    pub(super) cluster: String,
    pub(super) task_definition: String,
}

/// Why a router does not get its configuration from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unconfigured {
    /// ECS has no log router on Windows (the agent's `firelens` resource is for Linux only).
    Windows,
    /// Something else is mounted where its configuration, or what goes with it, has to be.
    PathTaken(&'static str),
}

/// The router of a task, and what keeps it from its configuration, if anything.
pub(super) fn find<'a>(
    task: &RenderContext<'a>,
) -> Option<(&'a ContainerDefinition, &'a FirelensConfiguration, Option<Unconfigured>)> {
    let mut routers = task.definition.container_definitions.iter();
    let (definition, firelens) = routers.find_map(|c| Some((c, c.firelens_configuration.as_ref()?)))?;
    let taken = || [configuration_path(firelens.r#type), LOGS, STATE].into_iter().find(|p| is_taken(definition, p));
    let windows = task.definition.is_windows().then_some(Unconfigured::Windows);
    Some((definition, firelens, windows.or_else(|| taken().map(Unconfigured::PathTaken))))
}

/// Where the router's image reads its configuration: the ECS agent mounts it there.
pub(super) fn configuration_path(software: Software) -> &'static str {
    match software {
        Software::Fluentbit => "/fluent-bit/etc/fluent-bit.conf",
        Software::Fluentd => "/fluentd/etc/fluent.conf",
    }
}

/// Whether the definition has something at this path of the container already.
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
    /// The router of the task, if it has one that gets its configuration from here.
    pub(crate) fn of(task: &RenderContext<'a>) -> Option<Self> {
        let (definition, firelens, None) = find(task)? else { return None };
        let own = definition.environment.iter().filter_map(|pair| pair.name.as_deref());
        let own = own.chain(definition.secrets.iter().map(|secret| secret.name.as_str()));
        let mut names = Names::besides(own.chain(ADDRESS.map(|(name, _)| name)));
        let pod = ["NAME", "NAMESPACE", "UID"].map(|field| names.free(&format!("ECS_OPERATOR_POD_{field}")));
        let users = task.definition.container_definitions.iter().enumerate();
        let users = users.filter(|(_, container)| container.uses_log_router() && !container.is_log_router());
        let users = users.filter_map(|(index, user)| {
            let logs = user.log_configuration.as_ref()?;
            let settings = options::settings(firelens.r#type, logs, index, &mut names);
            Some(User { definition: user, logs, settings })
        });
        let users = users.collect();
        Some(Self { definition, firelens, listens: listens(task), feeding: feeding(task, definition), users, pod })
    }

    /// Whether records get the names of cluster, task and task definition: by default they do. What is no truth in Go's
    /// spelling is taken for a no, as on ECS.
    pub(super) fn adds_metadata(&self) -> bool {
        let given = self.firelens.options.get(METADATA).map(String::as_str);
        given.is_none_or(|text| matches!(text, "1" | "t" | "T" | "true" | "TRUE" | "True"))
    }

    /// The file of the image that the configuration includes.
    pub(super) fn file(&self) -> Option<&str> {
        let option = |name: &str| self.firelens.options.get(name).map(String::as_str);
        let software = self.firelens.r#type;
        option(FILE).filter(|file| {
            option(FILE_TYPE) == Some("file") && !file.trim().is_empty() && options::is_line(software, file)
        })
    }

    /// MB of memory that the records of one user wait in: ECS gives half the router's memory to all of them.
    pub(super) fn buffer(&self) -> i64 {
        let reserved = self.definition.memory_reservation.filter(|mebibytes| *mebibytes > 0);
        let memory = reserved.or(self.definition.memory).filter(|mebibytes| *mebibytes > 1);
        let whole = memory.map_or(DEFAULT_BUFFER, |mebibytes| i64::from(mebibytes) / 2);
        let users = i64::try_from(self.users.len()).unwrap_or(i64::MAX);
        (whole / users.max(1)).max(1)
    }
}

impl<'a> User<'a> {
    /// The container's name in ECS.
    pub(super) fn name(&self) -> &'a str {
        self.definition.name()
    }

    /// The values of options that are patterns.
    pub(super) fn patterns(&self, wanted: Place) -> impl Iterator<Item = &Value<'a>> {
        self.written().filter(move |(_, place, _)| *place == wanted).map(|(_, _, value)| value)
    }

    /// The plug-in of the output, and its settings.
    pub(super) fn output(&self, plug_in: &str) -> Option<(&Value<'a>, impl Iterator<Item = (&'a str, &Value<'a>)>)> {
        let output = || self.written().filter(|(_, place, _)| *place == Place::Output);
        let (_, _, name) = output().find(|(option, _, _)| *option == plug_in)?;
        let rest = output().filter(move |(option, _, _)| *option != plug_in);
        Some((name, rest.map(|(option, _, value)| (option, value))))
    }

    fn written(&self) -> impl Iterator<Item = (&'a str, Place, &Value<'a>)> {
        self.settings.iter().filter_map(|setting| match &setting.fate {
            Fate::Written(place, value) => Some((setting.option, *place, value)),
            Fate::Not(_) => None,
        })
    }
}

fn feeding(task: &RenderContext<'_>, router: &ContainerDefinition) -> Feeding {
    if task.kubernetes.is_some_and(|k| k.log_router_reads_node_logs == Some(false)) {
        return Feeding::OptedOut;
    }
    // The container runtime lets root and root's group read the files. An image's own user is not known here.
    let is_root = |id: &str| matches!(id, "0" | "root");
    match router.user.as_deref() {
        Some(user) if !user.split(':').any(is_root) => Feeding::Unprivileged,
        _ => Feeding::Files,
    }
}

pub(super) fn metadata(task: &RenderContext<'_>, pod: &BTreeMap<String, String>) -> Metadata {
    let label = |name: &str| pod.get(name).map(String::as_str);
    let family = task.definition.family.as_deref().unwrap_or(task.name);
    let task_definition = match label(labels::REVISION) {
        Some(revision) => format!("{family}:{revision}"),
        None => family.to_owned(),
    };
    Metadata { cluster: label(labels::CLUSTER).unwrap_or_default().to_owned(), task_definition }
}

/// The router's own variables: what it has to know of its Pod, and the values of options that are secret.
pub(crate) fn variables(task: &RenderContext<'_>, container: &ContainerDefinition) -> Vec<EnvVar> {
    if !container.is_log_router() {
        return Vec::new();
    }
    let Some(router) = Router::of(task) else { return Vec::new() };
    let mut env = Vec::new();
    let [name, namespace, uid] = &router.pod;
    let reads = router.feeding == Feeding::Files;
    for (variable, field, wanted) in [
        (name, "metadata.name", reads || router.adds_metadata()),
        (namespace, "metadata.namespace", reads),
        (uid, "metadata.uid", reads),
    ] {
        if wanted {
            let field_ref = ObjectFieldSelector { field_path: field.to_owned(), ..ObjectFieldSelector::default() };
            env.push(from(variable, EnvVarSource { field_ref: Some(field_ref), ..EnvVarSource::default() }));
        }
    }
    for user in &router.users {
        for setting in &user.settings {
            let Fate::Written(_, Value::Variable(name)) = &setting.fate else { continue };
            env.push(match setting.given {
                Given::Open => {
                    let value = user.logs.options.get(setting.option).map(|text| literal(text));
                    EnvVar { name: name.clone(), value, value_from: None }
                }
                Given::Secret(index) => {
                    let source = secret_source::source(task, user.definition, &user.logs.secret_options[index]);
                    let key = SecretKeySelector { name: source.secret_name, key: source.key, optional: None };
                    from(name, EnvVarSource { secret_key_ref: Some(key), ..EnvVarSource::default() })
                }
            });
        }
    }
    env
}

fn from(name: &str, source: EnvVarSource) -> EnvVar {
    EnvVar { name: name.to_owned(), value: None, value_from: Some(source) }
}
