//! A service: its workload and core Service, its deployments as records, its status and events in ECS's words.

mod activities;
mod capacity;
mod detached;
pub mod measurements;
mod plan;
mod progress;
mod protection;
mod replacement;
mod rollout;
pub mod scale_in;
mod scaling;
#[cfg(test)]
mod scaling_tests;
mod status;
mod steps;
mod tasks;
pub mod template_revisions;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod world;
pub mod zones;

use crate::k8s::kinds::ChildKind;
use crate::translate::{ObjectContext, RenderContext, RenderProfile};
use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::jiff::Timestamp;

use self::measurements::{CountManager, Measurements};
use self::plan::Plan;
use self::template_revisions::TemplateRevision;
use self::zones::ZonedNode;
use super::actions::{Action, Child, Decision};
use super::observed::{ObservedChild, Revision, Root, TaskPod};
use super::owned::Owned;
use super::service_companions;
use crate::api::{ServiceStatus, condition, labels};
use crate::ecs::placement::Instance;
use crate::translate::examine;
use crate::translate::metadata::{self, Identity};
use crate::translate::pod::task_role_arn;
use crate::translate::service::companions;
use crate::translate::service::companions::Companions;
use crate::translate::service::workload;
use crate::translate::service::workload::{Settings, Workload};

/// What a decision about a service depends on.
#[derive(Debug)]
pub struct ServiceInput<'a> {
    /// The object.
    pub root: Root<'a>,
    /// Its annotations.
    pub annotations: &'a BTreeMap<String, String>,
    /// Its status as it is stored.
    pub status: &'a ServiceStatus,
    /// The revisions of the task definition it names, in any order; none when there is no such task definition.
    pub revisions: &'a [Revision],
    /// The newest revision by that task definition's own word.
    pub latest_revision: Option<i64>,
    /// The objects it owns.
    pub owned: &'a Owned,
    /// What Kubernetes keeps of the templates that its workload had, in any order.
    pub template_revisions: &'a [TemplateRevision],
    /// The `Cluster` it names, where there is one.
    pub cluster: Option<Root<'a>>,
    /// The `CapacityProvider`s of its namespace, in any order.
    pub capacity_providers: &'a [Root<'a>],
    /// Its Pods.
    pub pods: &'a [TaskPod],
    /// The nodes that its Pods are on, in any order, as far as they are known and [`scale_in::strategy`] asks for them.
    pub instances: &'a [Instance],
    /// The nodes that are in a zone, in any order, as far as they are known and [`zones::matter`].
    pub zones: &'a [ZonedNode],
    /// What was measured of its tasks; none before the first look.
    pub measurements: Option<&'a Measurements>,
    /// Who wrote the desired count.
    pub count_managers: &'a [CountManager],
    /// Whether the operator may label nodes.
    pub may_label_nodes: bool,
    /// What a new workload is rendered with.
    pub profile: RenderProfile,
    /// The time of this decision.
    pub now: Timestamp,
}

impl<'a> ServiceInput<'a> {
    /// The kind of the workload that there is.
    fn workload_kind(&self) -> ChildKind {
        let deployment = self.owned.find(ChildKind::Deployment, self.root.name);
        if deployment.is_some() { ChildKind::Deployment } else { ChildKind::DaemonSet }
    }

    fn workload(&self) -> Option<&'a ObservedChild> {
        self.owned.find(self.workload_kind(), self.root.name)
    }

    fn annotation(&self, key: &str) -> Option<&'a str> {
        self.annotations.get(key).map(String::as_str)
    }
}

/// Why a service cannot be carried out at the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Obstacle {
    reason: &'static str,
    message: String,
}

const TASK_DEFINITION_NOT_FOUND: &str = "TaskDefinitionNotFound";

/// Decides about a service.
#[must_use]
pub fn service(input: &ServiceInput<'_>) -> Decision<ServiceStatus> {
    let examined = examine::service(input.root.spec.clone());
    if input.root.deleting {
        return status::leaving(input, &examined);
    }
    let assignment = capacity::assign(input);
    match plan::plan(input, &examined) {
        Ok(plan) => {
            // The count is the service's own, whatever becomes of its objects.
            let mut actions = Vec::from_iter(scaling::pull(&plan));
            actions.extend(assignment);
            // Tasks leave their workload before it is told to stop some.
            actions.extend(plan.leaves().into_iter().map(|(pod, why)| detached::detach(input, pod, why)));
            actions.extend(scale_in::order(input, &plan));
            let (children, addons) = children(input, &plan);
            let marks = marks(&children);
            actions.extend(children.into_iter().map(Action::Apply));
            if !plan.keep_companions {
                let superfluous = input.owned.superfluous(&actions, &BTreeSet::new());
                // KEDA refuses to scale what an autoscaler still does.
                let (scalers, others): (Vec<Action>, Vec<Action>) =
                    superfluous.into_iter().partition(scaling::is_end_of_scaler);
                actions.splice(0..0, scalers);
                actions.extend(others);
            }
            actions.extend(detached::release(input, &plan));
            actions.extend(plan.replacement.stop.map(tasks::stopped));
            actions.extend(tasks::stop(input, &plan));
            let retries = tasks::retry(input, &plan);
            actions.extend(retries.actions);
            let (status, events) = status::of(input, &examined, &plan, addons, &marks);
            let requeue_after = scaling::requeue_after(input, &plan, &status);
            let record_first = scaling::is_begun(&plan, &status) || zones::is_begun(&plan);
            Decision {
                actions,
                status,
                events,
                record_first,
                requeue_after: [
                    retries.requeue_after,
                    capacity::try_again_in(input),
                    protection::next_end(input),
                    replacement::next(input),
                    status::unseen_in(input),
                    zones::next(input, &plan),
                    requeue_after,
                ]
                .into_iter()
                .flatten()
                .min(),
            }
        }
        // What runs keeps running: a mistake in the spec, or a revision that is missing, touches nothing. Tasks that replace others
        // meanwhile start all the same.
        Err(obstacle) => {
            let mut decision = status::hindered(input, &examined, &obstacle);
            decision.actions.splice(0..0, assignment);
            decision.requeue_after = decision.requeue_after.into_iter().chain(capacity::try_again_in(input)).min();
            decision
        }
    }
}

/// The children in the order in which they are made, and how far objects for add-ons are among them.
fn children(input: &ServiceInput<'_>, plan: &Plan<'_>) -> (Vec<Child>, Option<condition::Draft>) {
    let name = input.root.name;
    let task_definition_name = plan.object_name();
    let target = plan::target(plan.spec, name);
    let task = RenderContext {
        target: &target,
        service: Some(plan.spec),
        task_role_credentials: plan.cluster.as_ref().and_then(|cluster| cluster.task_role_credentials),
        kubernetes: plan.task.kubernetes.as_ref(),
        capacity: Some(&plan.capacity),
        ..RenderContext::alone(&plan.task.ecs, &task_definition_name, &plan.profile)
    };
    let task_definition = plan.task_definition();
    let place = ObjectContext {
        namespace: Some(input.root.namespace),
        identity: Identity {
            service: name,
            task_definition: &task_definition_name,
            cluster: plan.spec.ecs.cluster_name(),
        },
        task_definition: &task_definition,
        revision: plan.revision,
        tags: &plan.spec.ecs.tags,
    };
    let template = plan.kept.clone().unwrap_or_else(|| plan::pods(input, plan.spec, &task, &place));
    let settings = Settings {
        annotations: plan.annotations(),
        bounds: plan.own,
        paused: plan.standing.pauses(),
        healthy_after: workload::healthy_after(Some(plan.spec), &plan.task.ecs),
    };
    let workload = workload::render(&plan.spec.ecs, &place, template, settings);
    let mut rendered = if plan.keep_companions {
        Companions::default()
    } else {
        companions::render(&task, &place, plan.cluster.as_ref())
    };
    rendered.after.extend(scaling::autoscaler(input, plan, &place));
    let supported = service_companions::supported(rendered, input.owned);
    let mut children = supported.before;
    children.push(match workload {
        Workload::Deployment(deployment) => Child::Deployment(deployment),
        Workload::DaemonSet(daemon_set) => Child::DaemonSet(daemon_set),
    });
    children.extend(supported.after);
    for child in &mut children {
        child.metadata_mut().owner_references = Some(vec![input.root.owner_reference()]);
    }
    // Pods cannot be made before the account they run as.
    if let Some(account) = service_account(input, &task, &place) {
        children.insert(0, account);
    }
    (children, supported.condition)
}

/// The expressions that nodes have to be marked by for the tasks to start.
fn marks(children: &[Child]) -> Vec<String> {
    let templates = children.iter().filter_map(|child| match child {
        Child::Deployment(deployment) => deployment.spec.as_ref()?.template.metadata.as_ref()?.annotations.as_ref(),
        Child::DaemonSet(daemons) => daemons.spec.as_ref()?.template.metadata.as_ref()?.annotations.as_ref(),
        _ => None,
    });
    let marks = templates.flatten().filter(|(key, _)| key.starts_with(labels::MEMBER_OF));
    marks.map(|(_, expression)| expression.clone()).collect()
}

/// The account of the task's role belongs to the cluster, whose services share it.
fn service_account(input: &ServiceInput<'_>, task: &RenderContext<'_>, place: &ObjectContext<'_>) -> Option<Child> {
    let cluster = input.cluster.as_ref()?;
    let label = metadata::cluster_name(place.identity.cluster);
    let mut account = task_role_arn::service_account(task, place.namespace, &label)?;
    account.metadata.owner_references = Some(vec![cluster.owner_reference()]);
    Some(Child::Untyped(ChildKind::ServiceAccount, Box::new(account)))
}
