//! Reconciles task definitions: revisions and their pruning, and the objects of add-ons.

use std::collections::BTreeSet;

use k8s_openapi::jiff::Timestamp;
use kube::api::DynamicObject;

use super::state::context::Context;
use super::state::target::ReconcileTarget;
use super::state::{children, pods};
use super::wiring::execute::execute;
use crate::api::{TaskDefinitionStatus, annotations};
use crate::ecs::TaskDefinitionRef;
use crate::k8s::kinds::{ChildKind, RootKind};
use crate::kubernetes::key::IndexKey;
use crate::kubernetes::runner::{Next, ReconcileError};
use crate::reconcile::{self, TaskDefinitionInput};
use crate::translate::volumes::efs_volume_configuration;

pub(crate) async fn reconcile(context: &Context, object: &DynamicObject) -> Result<Next, ReconcileError> {
    let target = ReconcileTarget::new(RootKind::TaskDefinition, object);
    let root = target.root();
    if root.deleting {
        return Ok(Next::OnChange);
    }
    let owned = context.children.get(ChildKind::Revision).by_index(&IndexKey::owner(root.uid));
    let revisions: Vec<_> = owned.iter().filter_map(|r| r.revision()).collect();
    let status: TaskDefinitionStatus = target.status();
    let mut in_use = running(context, root.namespace, root.name);
    in_use.extend(context.services.lock().pinned(root.namespace, root.name));
    let decision = reconcile::task_definition(&TaskDefinitionInput {
        status: &status,
        revisions: &revisions,
        in_use: &in_use,
        highest_number: highest_number(context, root.namespace, root.name),
        owned: &context.owned(&root),
        efs_driver: context.add_ons.has_driver(efs_volume_configuration::DRIVER),
        stores: &context.stores,
        profile: context.profile.clone(),
        now: Timestamp::now(),
        root,
    });
    execute(context, &target, decision).await
}

/// Returns the highest number of any revision of this name, including those of a deleted task definition, or of a task.
fn highest_number(context: &Context, namespace: &str, name: &str) -> i64 {
    let revisions = context.children.get(ChildKind::Revision).by_index(&children::by_task_definition(namespace, name));
    // The ControllerRevisions of a DaemonSet have other numbers.
    let numbers = revisions.iter().filter(|r| r.service().is_none()).filter_map(|r| r.revision()).map(|r| r.number);
    numbers.chain(running(context, namespace, name)).max().unwrap_or(0)
}

/// Returns the revisions that workloads and Pods run.
fn running(context: &Context, namespace: &str, name: &str) -> BTreeSet<i64> {
    let mut in_use = BTreeSet::new();
    let index = children::by_task_definition(namespace, name);
    let workloads =
        [ChildKind::Deployment, ChildKind::DaemonSet].map(|kind| context.children.get(kind).by_index(&index));
    for workload in workloads.iter().flatten() {
        let observed = workload.observed();
        let running =
            observed.annotation(annotations::TASK_DEFINITION).and_then(|t| t.parse::<TaskDefinitionRef>().ok());
        in_use.extend(running.and_then(|r| r.revision));
    }
    let pods = context.pods.by_index(&pods::by_task_definition(namespace, name));
    in_use.extend(pods.iter().filter_map(|p| p.task.revision));
    in_use
}
