//! A service: its Deployment and core Service, its deployments as records, its status and events in ECS's words.

mod rollout;
mod status;
mod tasks;

use std::collections::BTreeSet;

use k8s_openapi::jiff::Timestamp;

use super::action::{Action, Child, Decision};
use super::kinds::ChildKind;
use super::observed::{ObservedChild, Revision, Root, TaskPod};
use super::owned::Owned;
use crate::api::{DEFAULT_CLUSTER, ServiceSpec, ServiceStatus, TaskDefinitionSpec, TaskRoleCredentials, annotations};
use crate::ecs::service::SchedulingStrategy;
use crate::ecs::{TaskDefinitionRef, names};
use crate::translate::examine::{self, Examined};
use crate::translate::metadata::{self, Identity};
use crate::translate::service::{self as render, Placement};
use crate::translate::{Basis, Ledger, Task, UnknownBasis, isolation, roles};

/// What a decision about a service depends on.
#[derive(Debug)]
pub struct ServiceInput<'a> {
    /// The object.
    pub root: Root<'a>,
    /// Its status as it is stored.
    pub status: &'a ServiceStatus,
    /// The revisions of the task definition it names, in any order; none when there is no such task definition.
    pub revisions: &'a [Revision],
    /// The newest revision by that task definition's own word.
    pub latest_revision: Option<i64>,
    /// The objects it owns.
    pub owned: &'a Owned,
    /// The `Cluster` it names, where there is one.
    pub cluster: Option<Root<'a>>,
    /// Its Pods.
    pub pods: &'a [TaskPod],
    /// What a new workload is rendered with.
    pub basis: Basis,
    /// The time of this decision.
    pub now: Timestamp,
}

impl ServiceInput<'_> {
    fn deployment(&self) -> Option<&ObservedChild> {
        self.owned.find(ChildKind::Deployment, self.root.name)
    }
}

const TASK_DEFINITION_NOT_FOUND: &str = "TaskDefinitionNotFound";

/// Why a service cannot be carried out at the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Obstacle {
    reason: &'static str,
    message: String,
}

/// A service that can be carried out: what it says and the revision it gets.
struct Plan<'a> {
    spec: &'a ServiceSpec,
    task: TaskDefinitionSpec,
    reference: TaskDefinitionRef,
    revision: i64,
    basis: Basis,
    /// The percentages leave no room to replace the running revision by the one that is wanted.
    stuck: bool,
}

impl Plan<'_> {
    /// The object name of the task definition.
    fn object_name(&self) -> String {
        names::object_name(&self.reference.family)
    }

    /// `family:revision` of what runs.
    fn task_definition(&self) -> String {
        format!("{}:{}", self.reference.family, self.revision)
    }
}

/// Decides about a service.
#[must_use]
pub fn service(input: &ServiceInput<'_>) -> Decision<ServiceStatus> {
    let examined = examine::service(input.root.spec.clone());
    if input.root.deleting {
        return status::leaving(input, &examined);
    }
    match plan(input, &examined) {
        Ok(plan) => {
            let mut actions: Vec<Action> = children(input, &plan).into_iter().map(Action::Apply).collect();
            actions.extend(input.owned.superfluous(&actions, &BTreeSet::new()));
            actions.extend(tasks::stop(input));
            let (status, events) = status::of(input, &examined, &plan);
            Decision { actions, status, events, revisit: None }
        }
        // What runs keeps running: a mistake in the spec, or a revision that is missing, touches nothing.
        Err(obstacle) => status::hindered(input, &examined, &obstacle),
    }
}

fn plan<'a>(input: &ServiceInput<'_>, examined: &'a Examined<ServiceSpec>) -> Result<Plan<'a>, Obstacle> {
    let invalid = |message| Obstacle { reason: "Invalid", message };
    let spec = examined.usable().ok_or_else(|| invalid(super::summary::refused(&examined.findings).message))?;
    if spec.ecs.scheduling_strategy == Some(SchedulingStrategy::Daemon) {
        let message = "spec/schedulingStrategy: this version does not run DAEMON services yet (not-translated-yet)";
        return Err(Obstacle { reason: "Unsupported", message: message.to_owned() });
    }
    let text = spec.ecs.task_definition.as_deref().unwrap_or_default();
    let reference: TaskDefinitionRef = text.parse().map_err(|e| invalid(format!("spec/taskDefinition: {e}")))?;
    let wanted = find_revision(input.revisions, reference.revision)
        // Following the family never means an older revision because the newest is not seen yet, or no longer.
        .filter(|r| reference.revision.is_some() || Some(r.number) >= input.latest_revision)
        .ok_or_else(|| missing(&reference))?;
    let running = running_revision(input, &reference);
    let bounds = render::bounds(&spec.ecs);
    let stuck = bounds.is_stuck()
        && render::desired_count(&spec.ecs) > 0
        && running.is_some_and(|r| r.number != wanted.number)
        && input.deployment().and_then(|d| d.number("/status/replicas")).unwrap_or(0) > 0;
    let chosen = running.filter(|_| stuck).unwrap_or(wanted);
    let task = examine::task_definition(chosen.spec.clone());
    let task = task.usable().cloned().ok_or_else(|| {
        let message = format!(
            "revision {} of the task definition cannot be used: {}",
            chosen.number,
            super::summary::refused(&task.findings).message
        );
        invalid(message)
    })?;
    let same = running.is_some_and(|r| r.number == chosen.number);
    let basis = match recorded_basis(input).filter(|_| same) {
        None => input.basis.clone(),
        Some(recorded) => recorded.map_err(|unknown| Obstacle {
            reason: "RenderedByLaterRelease",
            message: format!(
                "a later release of the operator rendered the running tasks, and they are left as they are: {unknown}"
            ),
        })?,
    };
    Ok(Plan { spec, task, reference, revision: chosen.number, basis, stuck })
}

fn missing(reference: &TaskDefinitionRef) -> Obstacle {
    let object = names::object_name(&reference.family);
    let message = match reference.revision {
        Some(n) => format!(
            "task definition {}:{n} not found: TaskDefinition {object} has no such revision in this namespace",
            reference.family
        ),
        None => format!(
            "task definition {} not found: there is no valid TaskDefinition {object} in this namespace",
            reference.family
        ),
    };
    Obstacle { reason: TASK_DEFINITION_NOT_FOUND, message }
}

fn find_revision(revisions: &[Revision], number: Option<i64>) -> Option<&Revision> {
    match number {
        Some(number) => revisions.iter().find(|r| r.number == number),
        None => revisions.iter().max_by_key(|r| r.number),
    }
}

/// The revision the Deployment was last given, when it is of the same family and still there.
fn running_revision<'a>(input: &ServiceInput<'a>, wanted: &TaskDefinitionRef) -> Option<&'a Revision> {
    let recorded = input.deployment()?.annotation(annotations::TASK_DEFINITION)?;
    let running: TaskDefinitionRef = recorded.parse().ok()?;
    (running.family == wanted.family).then(|| find_revision(input.revisions, Some(running.revision?)))?
}

fn recorded_basis(input: &ServiceInput<'_>) -> Option<Result<Basis, UnknownBasis>> {
    Some(input.deployment()?.annotation(annotations::BASIS)?.parse())
}

fn children(input: &ServiceInput<'_>, plan: &Plan<'_>) -> Vec<Child> {
    let name = input.root.name;
    let task_definition_name = plan.object_name();
    let target = format!("Deployment/{name}#/spec/template");
    let task = Task {
        definition: &plan.task.ecs,
        kubernetes: plan.task.kubernetes.as_ref(),
        name: &task_definition_name,
        target: &target,
        service: Some(plan.spec),
        task_role_credentials: credentials(input),
        basis: &plan.basis,
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
    let deployment = render::deployment(&plan.spec.ecs, &task, &place, &mut Ledger::of_task_definition());
    // The network is closed before a task is there that must not have one.
    let policy = isolation::network_policy(&task, &place);
    let mut children: Vec<Child> =
        policy.map(|policy| Child::Untyped(ChildKind::NetworkPolicy, Box::new(policy))).into_iter().collect();
    children.push(Child::Deployment(Box::new(deployment)));
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
