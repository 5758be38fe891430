//! Requested state: the task definition, task count and capacity of a Service.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::PodTemplateSpec;

use super::capacity::{self, Resolved};
use super::scaling::limits;
use super::{Blocked, ServiceInput};
use crate::api::{ClusterKubernetes, ClusterSpec, Reason, ServiceSpec, TaskDefinitionSpec, annotations};
use crate::ecs::TaskDefinitionRef;
use crate::ecs::deployment::Bounds;
use crate::k8s::{fingerprint, names};
use crate::reconcile::observed::Revision;
use crate::reconcile::summary;
use crate::translate::examine::{self, Examined};
use crate::translate::metadata::{self, Identity};
use crate::translate::service::{companions, workload};
use crate::translate::{Capacity, Mode, ObjectContext, RenderContext, RenderProfile, VerdictRecorder, target};

/// Requested state of a service whose spec and references are valid.
pub(super) struct Requested<'a> {
    pub(super) spec: &'a ServiceSpec,
    /// `kubernetes` block of the cluster.
    pub(super) cluster: Option<ClusterKubernetes>,
    /// Object name of the cluster, if it changes the Pod template.
    template_cluster: Option<String>,
    /// Object names of the Fargate capacity providers that change the Pod template.
    template_providers: Vec<String>,
    /// Nodes that the tasks may run on.
    pub(super) capacity: Capacity,
    pub(super) definition: Definition,
    /// Id of the deployment that this request starts.
    pub(super) deployment_id: String,
    /// Desired count, within the limits of auto scaling.
    pub(super) desired: i32,
    /// Limits on running tasks during a deployment.
    pub(super) bounds: Bounds,
}

/// Revision of a task definition, with the fingerprint of the Pod template that a service renders from it.
#[derive(Clone)]
pub(super) struct Definition {
    pub(super) family: String,
    pub(super) revision: i64,
    pub(super) task: TaskDefinitionSpec,
    /// Fingerprint of the Pod template at the reference profile. Two requests with the same fingerprint are one
    /// deployment, independent of the release and settings that render them.
    pub(super) fingerprint: String,
}

impl Definition {
    /// Returns the object name of the TaskDefinition.
    pub(super) fn object_name(&self) -> String {
        names::object_name(&self.family)
    }

    /// Formats the definition as `family:revision`.
    pub(super) fn reference(&self) -> String {
        format!("{}:{}", self.family, self.revision)
    }
}

impl<'a> Requested<'a> {
    /// Resolves the references of a Service.
    ///
    /// # Errors
    /// The spec is invalid, or an object that it refers to is missing or invalid.
    pub(super) fn resolve(input: &ServiceInput<'_>, examined: &'a Examined<ServiceSpec>) -> Result<Self, Blocked> {
        let spec = examined.usable().ok_or_else(|| Blocked::invalid(summary::invalid(&examined.findings).message))?;
        let cluster = cluster(input, spec)?;
        let Resolved { capacity, template_providers } = capacity::resolve(input, spec, cluster.as_ref())?;
        let template_cluster = cluster.as_ref().filter(|cluster| affects_template(input, spec, cluster, &capacity));
        let template_cluster = template_cluster.map(|_| cluster_name(spec));
        let cluster = cluster.and_then(|cluster| cluster.kubernetes);
        let desired = desired_count(input, spec);
        let definition = definition(input, spec, cluster.as_ref(), &capacity)?;
        let deployment_id = input.deployment_ids().requested(&definition.fingerprint);
        let bounds = spec.ecs.deployment_bounds(desired);
        Ok(Self {
            spec,
            cluster,
            template_cluster,
            template_providers,
            capacity,
            definition,
            deployment_id,
            desired,
            bounds,
        })
    }

    /// Returns the annotations that record which objects change the Pod template.
    pub(super) fn template_annotations(&self) -> BTreeMap<String, String> {
        let mut all = BTreeMap::new();
        all.extend(self.template_cluster.as_ref().map(|cluster| (annotations::CLUSTER.to_owned(), cluster.clone())));
        if !self.template_providers.is_empty() {
            all.insert(annotations::CAPACITY_PROVIDERS.to_owned(), self.template_providers.join(" "));
        }
        all
    }
}

/// Returns the desired count. For a DAEMON service, it is the number of nodes on which its DaemonSet runs Pods.
pub(super) fn desired_count(input: &ServiceInput<'_>, spec: &ServiceSpec) -> i32 {
    if !spec.ecs.is_daemon() {
        let count = limits::recorded_count(input, spec).or_else(|| limits::kept_count(input, spec));
        let count = count.unwrap_or_else(|| spec.ecs.desired_count());
        return limits::within_limits(input, spec, count);
    }
    let nodes = input.workload().and_then(|workload| workload.number("/status/desiredNumberScheduled"));
    nodes.and_then(|nodes| i32::try_from(nodes).ok()).unwrap_or(0)
}

fn definition(
    input: &ServiceInput<'_>,
    spec: &ServiceSpec,
    cluster: Option<&ClusterKubernetes>,
    capacity: &Capacity,
) -> Result<Definition, Blocked> {
    let text = spec.ecs.task_definition.as_deref().unwrap_or_default();
    let reference: TaskDefinitionRef =
        text.parse().map_err(|error| Blocked::invalid(format!("spec/taskDefinition: {error}")))?;
    let revision = find_revision(input.revisions, reference.revision)
        // A service without a revision waits for the newest one and does not run an older one.
        .filter(|revision| reference.revision.is_some() || Some(revision.number) >= input.latest_revision)
        .ok_or_else(|| missing(&reference))?;
    let task = usable(revision)?;
    check_companions(input, spec, &task).map_err(Blocked::invalid)?;
    let fingerprint = fingerprint(input, spec, (cluster, capacity), (&reference.family, revision.number), &task);
    Ok(Definition { family: reference.family, revision: revision.number, task, fingerprint })
}

/// Rejects load balancers, registries and names that refer to ports that the task definition does not have, as ECS
/// does.
fn check_companions(input: &ServiceInput<'_>, spec: &ServiceSpec, task: &TaskDefinitionSpec) -> Result<(), String> {
    let task = RenderContext { service: Some(spec), ..RenderContext::alone(&task.ecs, "", &input.profile) };
    let errors = companions::errors(&task, input.root.name);
    if errors.has_errors() { Err(summary::invalid(&errors).message) } else { Ok(()) }
}

/// Returns the spec of the cluster. An invalid or deleted cluster blocks the services whose Pod templates depend on
/// it: ECS does not delete a cluster that has services.
fn cluster(input: &ServiceInput<'_>, spec: &ServiceSpec) -> Result<Option<ClusterSpec>, Blocked> {
    let Some(cluster) = input.cluster.as_ref().filter(|cluster| !cluster.deleting) else {
        let name = cluster_name(spec);
        let rendered_for = input.workload().and_then(|workload| workload.annotation(annotations::CLUSTER));
        return if rendered_for == Some(name.as_str()) { Err(cluster_deleted(&name)) } else { Ok(None) };
    };
    let examined = examine::cluster(cluster.spec.clone());
    if let Some(spec) = examined.usable() {
        return Ok(Some(spec.clone()));
    }
    let message = format!(
        "the Cluster {} of the service is invalid: {}",
        cluster.name,
        summary::invalid(&examined.findings).message
    );
    Err(Blocked { reason: Reason::ClusterInvalid, message })
}

/// Returns the object name of the cluster.
fn cluster_name(spec: &ServiceSpec) -> String {
    metadata::cluster_name(spec.ecs.cluster_name())
}

/// True if the cluster changes the Pod template.
fn affects_template(input: &ServiceInput<'_>, spec: &ServiceSpec, cluster: &ClusterSpec, capacity: &Capacity) -> bool {
    let credentials = cluster.kubernetes.as_ref().and_then(|kubernetes| kubernetes.task_role_credentials);
    let without_cluster = capacity::resolve(input, spec, None).map(|resolved| resolved.capacity);
    credentials.is_some() || without_cluster.as_ref() != Ok(capacity)
}

fn cluster_deleted(name: &str) -> Blocked {
    Blocked {
        reason: Reason::ClusterNotFound,
        message: format!(
            "the Cluster {name} was deleted, but running tasks depend on its settings, such as their nodes. The tasks keep running. \
             Apply it again, without a kubernetes block and a default strategy to remove the dependency"
        ),
    }
}

pub(super) fn usable(revision: &Revision) -> Result<TaskDefinitionSpec, Blocked> {
    let examined = examine::task_definition(revision.spec.clone());
    examined.usable().cloned().ok_or_else(|| {
        let errors = summary::invalid(&examined.findings).message;
        Blocked::invalid(format!("revision {} of the task definition is invalid: {errors}", revision.number))
    })
}

fn missing(reference: &TaskDefinitionRef) -> Blocked {
    let object = names::object_name(&reference.family);
    let message = match reference.revision {
        Some(n) => format!(
            "task definition {}:{n} not found: TaskDefinition {object} does not have this revision in this namespace",
            reference.family
        ),
        None => format!(
            "task definition {} not found: there is no valid TaskDefinition {object} in this namespace",
            reference.family
        ),
    };
    Blocked { reason: Reason::TaskDefinitionNotFound, message }
}

pub(super) fn find_revision(revisions: &[Revision], number: Option<i64>) -> Option<&Revision> {
    match number {
        Some(number) => revisions.iter().find(|r| r.number == number),
        None => revisions.iter().max_by_key(|r| r.number),
    }
}

/// Returns the fingerprint of the Pod template at the reference profile.
fn fingerprint(
    input: &ServiceInput<'_>,
    spec: &ServiceSpec,
    (cluster, capacity): (Option<&ClusterKubernetes>, &Capacity),
    (family, revision): (&str, i64),
    task: &TaskDefinitionSpec,
) -> String {
    let (name, profile, target) =
        (names::object_name(family), RenderProfile::reference(), target::pod_template(&spec.ecs, input.root.name));
    let task = RenderContext {
        target: &target,
        service: Some(spec),
        task_role_credentials: cluster.and_then(|cluster| cluster.task_role_credentials),
        kubernetes: task.kubernetes.as_ref(),
        capacity: Some(capacity),
        ..RenderContext::alone(&task.ecs, &name, &profile)
    };
    let label = format!("{family}:{revision}");
    let identity = Identity { service: input.root.name, task_definition: &name, cluster: spec.ecs.cluster_name() };
    let tags = &spec.ecs.tags;
    let context = ObjectContext {
        namespace: Some(input.root.namespace),
        identity,
        task_definition: &label,
        revision: Some(revision),
        tags,
        mode: Mode::Operator,
    };
    // A Pod template always serializes.
    let text = serde_json::to_string(&pod_template(input, spec, &task, &context)).unwrap_or_default();
    format!("{:016x}", fingerprint::number(&text))
}

/// Renders the Pod template, with the annotation that forces a new deployment.
pub(super) fn pod_template(
    input: &ServiceInput<'_>,
    spec: &ServiceSpec,
    task: &RenderContext<'_>,
    context: &ObjectContext<'_>,
) -> PodTemplateSpec {
    let mut template = workload::template(&spec.ecs, task, context, &mut VerdictRecorder::new());
    if let Some(forced) = input.annotation(annotations::FORCE_NEW_DEPLOYMENT) {
        let metadata = template.metadata.get_or_insert_default();
        let annotations = metadata.annotations.get_or_insert_default();
        annotations.insert(annotations::FORCE_NEW_DEPLOYMENT.to_owned(), forced.to_owned());
    }
    template
}

#[cfg(test)]
mod tests;
