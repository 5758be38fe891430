//! Decision about a service, in stages.
//!
//! | stage | module | result |
//! |---|---|---|
//! | cluster data that is needed | [`needs`] | [`Needs`], which the controller fills into [`ServiceInput`] |
//! | requested state | `requested` | `Requested`: definition, deployment id, count, capacity |
//! | state of the rollout | `rollout` | `Rollout`: progress, `RolloutDecision`, the definition to run |
//! | tasks that move | `moves` | `TaskMoves`: tasks that are orphaned or replaced, limits of the workload |
//! | objects to write | `rendered` | `Rendered`: objects in order |
//! | actions | `actions` | [`Action`](super::Action)s in order |
//! | report | `status` | status, conditions and events, in ECS's wording |
//!
//! Each stage takes the values of the previous ones and returns its own. Deployment strategies plug in at
//! `Rollout::decide`.

mod actions;
mod capacity;
mod deployment_ids;
#[cfg(test)]
mod fake_cluster;
pub mod measurements;
mod moves;
pub mod needs;
mod orphaned;
mod protection;
mod rendered;
mod replacement;
mod requested;
mod rollout;
mod scale_in;
mod scaling;
mod status;
mod stop_orphaned;
mod stops;
mod tasks;
pub mod template_revisions;
pub mod zones;

use std::collections::BTreeMap;

use k8s_openapi::jiff::Timestamp;

use self::deployment_ids::DeploymentIds;
use self::measurements::{CountManager, Measurements};
use self::moves::TaskMoves;
pub use self::needs::{Needs, needs};
use self::rendered::Rendered;
use self::requested::Requested;
use self::rollout::Rollout;
use self::template_revisions::TemplateRevision;
use self::zones::ZonedNode;
use super::actions::Decision;
use super::observed::{ObservedChild, Revision, Root, TaskPod};
use super::owned::Owned;
use crate::api::{Reason, ServiceSpec, ServiceStatus};
use crate::ecs::placement::Instance;
use crate::k8s::kinds::ChildKind;
use crate::translate::RenderProfile;
use crate::translate::examine::{self, Examined};

/// Input of a decision about a service.
#[derive(Debug)]
pub struct ServiceInput<'a> {
    /// Service object.
    pub root: Root<'a>,
    /// Annotations of the Service.
    pub annotations: &'a BTreeMap<String, String>,
    /// Stored status.
    pub status: &'a ServiceStatus,
    /// Revisions of the task definition, in any order; empty when the task definition does not exist.
    pub revisions: &'a [Revision],
    /// `status.latestRevision` of the task definition.
    pub latest_revision: Option<i64>,
    /// Objects that the Service owns.
    pub owned: &'a Owned,
    /// Template revisions of the workload, in any order.
    pub template_revisions: &'a [TemplateRevision],
    /// `Cluster` of the service, if it exists.
    pub cluster: Option<Root<'a>>,
    /// `CapacityProvider`s of the namespace, in any order.
    pub capacity_providers: &'a [Root<'a>],
    /// Pods of the service.
    pub pods: &'a [TaskPod],
    /// Nodes of the Pods, in any order, if [`Needs::instances`] requires them.
    pub instances: &'a [Instance],
    /// Nodes with their zones, in any order, if [`Needs::zones`] requires them.
    pub zones: &'a [ZonedNode],
    /// Metrics of the tasks; `None` before the first measurement.
    pub measurements: Option<&'a Measurements>,
    /// Field managers of `desiredCount`.
    pub count_managers: &'a [CountManager],
    /// True if the operator has permission to label nodes.
    pub may_label_nodes: bool,
    /// Render profile of a new workload.
    pub profile: RenderProfile,
    /// Time of the decision.
    pub now: Timestamp,
}

impl<'a> ServiceInput<'a> {
    /// Returns the kind of the existing workload; `DaemonSet` if none exists.
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

    fn deployment_ids(&self) -> DeploymentIds<'a> {
        DeploymentIds {
            uid: self.root.uid,
            records: &self.status.deployments,
            revisions: self.template_revisions,
            template: self.workload().and_then(|workload| workload.body.pointer("/spec/template")),
        }
    }
}

/// Reason why a service cannot be reconciled at the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Blocked {
    reason: Reason,
    message: String,
}

impl Blocked {
    fn invalid(message: String) -> Self {
        Self { reason: Reason::Invalid, message }
    }
}

/// Decides about a service.
#[must_use]
pub fn service(input: &ServiceInput<'_>) -> Decision<ServiceStatus> {
    let examined = examine::service(input.root.spec.clone());
    if input.root.deleting {
        return status::draining(input, &examined);
    }
    decide(input, &examined).unwrap_or_else(|blocked| blocked_decision(input, &examined, &blocked))
}

fn decide(input: &ServiceInput<'_>, examined: &Examined<ServiceSpec>) -> Result<Decision<ServiceStatus>, Blocked> {
    let requested = Requested::resolve(input, examined)?;
    let rollout = Rollout::decide(input, &requested)?;
    let moves = TaskMoves::choose(input, &requested, &rollout);
    let rendered = Rendered::render(input, &requested, &rollout, &moves);
    let actions = actions::actions(input, &requested, &rollout, &moves, &rendered);
    let (status, events) = status::active(input, examined, &requested, &rollout, &moves, &rendered);
    let record_first = scaling::begins_step(&requested, &status) || zones::begins_move(&moves.zones);
    let times = [
        stops::retry(input, &rollout).requeue_after,
        capacity::retry_in(input),
        protection::next_end(input),
        replacement::unhealthy_in(input),
        status::unscheduled_in(input),
        zones::requeue_after(input, &requested, &rollout, &moves.zones),
        scaling::requeue_after(input, &requested, &status),
    ];
    Ok(Decision { actions, status, events, record_first, requeue_after: times.into_iter().flatten().min() })
}

/// Leaves running tasks unchanged. Tasks still get capacity providers, as Kubernetes replaces failed ones in the
/// meantime.
fn blocked_decision(
    input: &ServiceInput<'_>,
    examined: &Examined<ServiceSpec>,
    blocked: &Blocked,
) -> Decision<ServiceStatus> {
    let mut decision = status::blocked(input, examined, blocked);
    decision.actions.splice(0..0, capacity::assign(input));
    decision.requeue_after = decision.requeue_after.into_iter().chain(capacity::retry_in(input)).min();
    decision
}
