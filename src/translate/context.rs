//! Inputs of rendering that features share: the task definition, its containers, the identity of the objects.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::capacity::Capacity;
use super::conversions::some_map;
use super::metadata::{self, Identity};
use super::render_profile::RenderProfile;
use crate::api::{MANAGER, ServiceSpec, TaskDefinitionKubernetes, TaskRoleCredentials};
use crate::ecs::common::LaunchType;
use crate::ecs::service::{PropagateTags, Tag};
use crate::ecs::{self, Pointer};

/// Applier of the rendered objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// The operator, which also acts on them over time: rollbacks, scaling, replacement of unhealthy tasks.
    #[default]
    Operator,
    /// A person or a pipeline, as plain manifests. No operator acts on them.
    Manifests,
}

impl Mode {
    /// True if the operator acts on the rendered objects.
    #[must_use]
    pub fn has_operator(self) -> bool {
        self == Self::Operator
    }

    /// Returns the value of the label `app.kubernetes.io/managed-by`. The operator does not adopt objects with another value.
    #[must_use]
    pub fn manager(self) -> &'static str {
        match self {
            Self::Operator => MANAGER,
            Self::Manifests => "ecs-operator-convert",
        }
    }
}

/// Task definition and the inputs that its rendering as a Pod template depends on.
#[derive(Clone, Copy, Debug)]
pub struct RenderContext<'a> {
    /// Validated definition.
    pub definition: &'a ecs::TaskDefinition,
    /// The `kubernetes` block of the definition.
    pub kubernetes: Option<&'a TaskDefinitionKubernetes>,
    /// Name of the `TaskDefinition` object.
    pub name: &'a str,
    /// Location of the template for reports: `Deployment/web#/spec/template`.
    pub target: &'a str,
    /// Service that runs the task; none for a task definition without a service.
    pub service: Option<&'a ServiceSpec>,
    /// Source of the credentials of task roles in the cluster.
    pub task_role_credentials: Option<TaskRoleCredentials>,
    /// Nodes that the service and the cluster allow; none for a task definition without a service, which may run on any node.
    pub capacity: Option<&'a Capacity>,
    /// Version of the rendering and features of the API server.
    pub profile: &'a RenderProfile,
    /// Applier of the rendered objects.
    pub mode: Mode,
}

impl<'a> RenderContext<'a> {
    /// Returns the context of a task definition without service, cluster and `kubernetes` block.
    #[must_use]
    pub fn alone(definition: &'a ecs::TaskDefinition, name: &'a str, profile: &'a RenderProfile) -> Self {
        Self {
            definition,
            kubernetes: None,
            name,
            target: "",
            service: None,
            task_role_credentials: None,
            capacity: None,
            profile,
            mode: Mode::Operator,
        }
    }

    /// Returns the tags that ECS propagates to the task. Without a service these are the tags of the definition.
    pub(crate) fn task_tags(&self) -> &'a [Tag] {
        let Some(spec) = self.service else { return &self.definition.tags };
        match spec.ecs.propagate_tags {
            Some(PropagateTags::TaskDefinition) => &self.definition.tags,
            Some(PropagateTags::Service) => &spec.ecs.tags,
            Some(PropagateTags::None) | None => &[],
        }
    }

    /// Returns a location in the `TaskDefinition` object for reports; none in plain manifests, which contain no such object.
    pub(crate) fn task_definition_location(&self, pointer: &str) -> Option<String> {
        self.mode.has_operator().then(|| format!("TaskDefinition/{}#{pointer}", self.name))
    }

    /// Returns the core Service with the name of the workload, for reports.
    pub(crate) fn core_service(&self) -> String {
        format!("Service/{}#", self.workload_name())
    }

    /// Returns the name of the workload that contains the template.
    pub(crate) fn workload_name(&self) -> &str {
        self.workload().split('/').nth(1).unwrap_or_default()
    }

    /// Returns the workload that contains the template, for reports: `Deployment/web`.
    pub(crate) fn workload(&self) -> &str {
        self.target.split('#').next().unwrap_or_default()
    }
}

/// Kind of a container in the Pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ContainerKind {
    /// Init container, which exits before the next one starts.
    Init,
    /// Init container that starts before the main containers and runs beside them.
    Sidecar,
    /// Main container.
    Main,
    /// Main container that the task agent runs.
    Supervised,
}

impl ContainerKind {
    /// True for a main container.
    pub(crate) fn is_main(self) -> bool {
        matches!(self, Self::Main | Self::Supervised)
    }
}

/// Container of the task and its location in the Pod.
pub(crate) struct ContainerSlot<'a> {
    pub(crate) definition: &'a ecs::task_definition::ContainerDefinition,
    /// Path in the task definition.
    pub(crate) path: Pointer,
    /// Location in the rendered object, for reports.
    pub(crate) target: String,
    pub(crate) kind: ContainerKind,
    /// True if another container waits until this one is healthy.
    pub(crate) awaited_healthy: bool,
    /// Missing prerequisites of the task agent, as a sentence to append to a verdict's message. Empty if the agent runs the
    /// container or the task does not use it.
    pub(crate) agent_advice: String,
}

impl<'a> ContainerSlot<'a> {
    /// Returns the path of a field of the container in the task definition.
    pub(crate) fn at(&self, field: &str) -> Pointer {
        self.path.key(field)
    }

    /// Returns the location of a field of the rendered container.
    pub(crate) fn becomes(&self, field: &str) -> String {
        format!("{}/{field}", self.target)
    }

    pub(crate) fn is_essential(&self) -> bool {
        self.definition.is_essential()
    }

    /// True if the task agent runs the container.
    pub(crate) fn is_supervised(&self) -> bool {
        self.kind == ContainerKind::Supervised
    }

    /// Returns the container's name in ECS.
    pub(crate) fn name(&self) -> &'a str {
        self.definition.name()
    }
}

/// The cluster and service that a task belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Membership<'a> {
    /// Namespace of the task; none in plain manifests without one.
    pub namespace: Option<&'a str>,
    /// Cluster, by name or ARN.
    pub cluster: &'a str,
    /// ECS name of the service.
    pub service: Option<&'a str>,
    /// Requested launch type.
    pub launch_type: Option<LaunchType>,
}

/// Namespace, identity, task definition and tags of the objects of a service.
#[derive(Clone, Copy, Debug)]
pub struct ObjectContext<'a> {
    /// Namespace of the service and of all its objects.
    pub namespace: Option<&'a str>,
    /// Service and cluster that the objects belong to.
    pub identity: Identity<'a>,
    /// `family:revision`.
    pub task_definition: &'a str,
    /// Number of the revision; none in plain manifests of a definition without one.
    pub revision: Option<i64>,
    /// Tags of the service.
    pub tags: &'a [Tag],
    /// Applier of the objects.
    pub mode: Mode,
}

impl<'a> ObjectContext<'a> {
    /// Returns the context of objects that the operator applies: without a namespace, a revision or tags.
    #[must_use]
    pub fn alone(identity: Identity<'a>, task_definition: &'a str) -> Self {
        Self { namespace: None, identity, task_definition, revision: None, tags: &[], mode: Mode::Operator }
    }

    /// Returns the labels of every object of the service.
    pub(crate) fn labels(&self) -> BTreeMap<String, String> {
        self.identity.labels(self.mode.manager())
    }

    /// Returns the metadata of an object of the service.
    pub(crate) fn metadata(&self, name: impl Into<String>) -> ObjectMeta {
        ObjectMeta {
            name: Some(name.into()),
            namespace: self.namespace.map(str::to_owned),
            labels: some_map(self.labels()),
            annotations: some_map(metadata::tag_annotations(self.tags)),
            ..ObjectMeta::default()
        }
    }
}

/// Returns the quoted names of containers, separated by commas.
pub(crate) fn quoted_names<'a>(
    containers: impl Iterator<Item = &'a ecs::task_definition::ContainerDefinition>,
) -> String {
    containers.map(|c| format!("{:?}", c.name())).collect::<Vec<_>>().join(", ")
}
