//! Services: their Deployment, core Service, status and events.

use k8s_openapi::jiff::Timestamp;
use kube::api::DynamicObject;

use super::children;
use super::context::{Context, Own, References, Taken};
use super::{execute, pods};
use crate::api::{DEFAULT_CLUSTER, ServiceStatus};
use crate::ecs::{TaskDefinitionRef, names};
use crate::kubernetes::key::IndexKey;
use crate::kubernetes::runner::{Next, ReconcileError};
use crate::reconcile::{self, ServiceInput};
use crate::translate::metadata;

pub(super) async fn reconcile(context: &Context, own: &Own, object: &DynamicObject) -> Result<Next, ReconcileError> {
    let taken = Taken::of(object);
    let root = taken.root(own.kind);
    let owner = IndexKey::owner(root.uid);
    let observe = |cache: &crate::kubernetes::cache::Cache<children::CachedChild>| -> Vec<_> {
        cache.by_index(&owner).iter().map(|child| child.observed()).collect()
    };
    let task_definition = references(object).task_definition;
    let found = context.revisions.by_index(&children::by_task_definition(root.namespace, &task_definition));
    let revisions: Vec<_> = found.iter().filter_map(|r| r.revision()).collect();
    let pods = context.pods.by_index(&pods::by_service(root.namespace, root.name));
    let tasks: Vec<_> = pods.iter().map(|p| p.task.clone()).collect();
    let status: ServiceStatus = taken.status();
    let decision = reconcile::service(&ServiceInput {
        status: &status,
        revisions: &revisions,
        deployments: &observe(&context.deployments),
        core_services: &observe(&context.core_services),
        pods: &tasks,
        basis: context.basis,
        now: Timestamp::now(),
        root,
    });
    execute::carry_out(context, own, &taken, decision).await
}

/// What a service refers to, as far as its spec can be read.
pub(super) fn references(object: &DynamicObject) -> References {
    let text = |field: &str| object.data.get("spec")?.get(field)?.as_str();
    let reference = text("taskDefinition").and_then(|t| t.parse::<TaskDefinitionRef>().ok());
    References {
        task_definition: reference.as_ref().map(|r| names::object_name(&r.family)).unwrap_or_default(),
        revision: reference.and_then(|r| r.revision),
        cluster: metadata::cluster_name(text("cluster").unwrap_or(DEFAULT_CLUSTER)),
    }
}
