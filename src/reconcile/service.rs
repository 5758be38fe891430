//! A service: its workload and core Service, its deployments as records, its status and events in ECS's words.

pub mod generations;
mod plan;
mod progress;
mod protection;
mod rollout;
mod status;
mod tasks;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod world;

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::jiff::Timestamp;

use self::generations::Generation;
use self::plan::Plan;
use super::action::{Action, Child, Decision};
use super::kinds::ChildKind;
use super::observed::{ObservedChild, Revision, Root, TaskPod};
use super::owned::Owned;
use crate::api::{DEFAULT_CLUSTER, ServiceStatus, TaskRoleCredentials};
use crate::translate::metadata::{self, Identity};
use crate::translate::service::{self as render, Placement};
use crate::translate::workload::{self, Settings, Workload};
use crate::translate::{Basis, Task, examine, isolation, roles};

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
    pub generations: &'a [Generation],
    /// The `Cluster` it names, where there is one.
    pub cluster: Option<Root<'a>>,
    /// Its Pods.
    pub pods: &'a [TaskPod],
    /// What a new workload is rendered with.
    pub basis: Basis,
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
    match plan::plan(input, &examined) {
        Ok(plan) => {
            let mut actions = protection::detach(input, &plan);
            actions.extend(children(input, &plan).into_iter().map(Action::Apply));
            actions.extend(input.owned.superfluous(&actions, &BTreeSet::new()));
            actions.extend(protection::release(input));
            actions.extend(tasks::stop(input));
            let retries = tasks::retry(input, &plan);
            actions.extend(retries.actions);
            let (status, events) = status::of(input, &examined, &plan);
            Decision {
                actions,
                status,
                events,
                revisit: [retries.revisit, protection::next_end(input)].into_iter().flatten().min(),
            }
        }
        // What runs keeps running: a mistake in the spec, or a revision that is missing, touches nothing.
        Err(obstacle) => status::hindered(input, &examined, &obstacle),
    }
}

fn children(input: &ServiceInput<'_>, plan: &Plan<'_>) -> Vec<Child> {
    let name = input.root.name;
    let task_definition_name = plan.object_name();
    let target = plan::target(plan.spec, name);
    let task = Task {
        target: &target,
        service: Some(plan.spec),
        task_role_credentials: credentials(input),
        kubernetes: plan.task.kubernetes.as_ref(),
        ..Task::alone(&plan.task.ecs, &task_definition_name, &plan.basis)
    };
    let task_definition = plan.task_definition();
    let place = Placement {
        namespace: Some(input.root.namespace),
        identity: Identity {
            service: name,
            task_definition: &task_definition_name,
            cluster: plan.spec.ecs.cluster.as_deref().unwrap_or(DEFAULT_CLUSTER),
        },
        task_definition: &task_definition,
        revision: plan.revision,
    };
    let template = plan.kept.clone().unwrap_or_else(|| plan::pods(input, plan.spec, &task, &place));
    let settings = Settings {
        annotations: plan.annotations(),
        bounds: plan.own,
        paused: plan.standing.pauses(),
        healthy_after: workload::healthy_after(plan.spec, &plan.task.ecs),
    };
    let workload = workload::render(&plan.spec.ecs, &place, template, settings);
    // The network is closed before a task is there that must not have one.
    let policy = isolation::network_policy(&task, &place);
    let mut children: Vec<Child> =
        policy.map(|policy| Child::Untyped(ChildKind::NetworkPolicy, Box::new(policy))).into_iter().collect();
    children.push(match workload {
        Workload::Deployment(deployment) => Child::Deployment(deployment),
        Workload::DaemonSet(daemon_set) => Child::DaemonSet(daemon_set),
    });
    children.extend(render::core_service(&plan.task.ecs, &place).map(|s| Child::Service(Box::new(s))));
    for child in &mut children {
        child.metadata_mut().owner_references = Some(vec![input.root.owner_reference()]);
    }
    // Pods cannot be made before the account they run as.
    if let Some(account) = service_account(input, &task, &place) {
        children.insert(0, account);
    }
    children
}

/// How the cluster has its tasks get the credentials of their roles, as far as the operator can make what that takes.
fn credentials(input: &ServiceInput<'_>) -> Option<TaskRoleCredentials> {
    let cluster = input.cluster.as_ref().filter(|cluster| !cluster.deleting)?;
    examine::cluster(cluster.spec.clone()).usable()?.kubernetes.as_ref()?.task_role_credentials
}

/// The account of the task's role belongs to the cluster, whose services share it.
fn service_account(input: &ServiceInput<'_>, task: &Task<'_>, place: &Placement<'_>) -> Option<Child> {
    let cluster = input.cluster.as_ref()?;
    let label = metadata::cluster_name(place.identity.cluster);
    let mut account = roles::service_account(task, place.namespace, &label)?;
    account.metadata.owner_references = Some(vec![cluster.owner_reference()]);
    Some(Child::Untyped(ChildKind::ServiceAccount, Box::new(account)))
}
