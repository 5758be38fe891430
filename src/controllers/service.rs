//! Services: their Deployment, core Service, status and events.

use crate::k8s::kinds::ChildKind;
use crate::k8s::kinds::RootKind;
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use k8s_openapi::jiff::Timestamp;
use kube::api::DynamicObject;
use serde_json::Value;

use super::context::{Context, Own, References, Taken};
use super::{execute, nodes, pods};
use crate::api::ServiceStatus;
use crate::ecs::{TaskDefinitionRef, arn};
use crate::k8s::names;
use crate::kubernetes::key::{IndexKey, ObjectKey};
use crate::kubernetes::runner::{Next, ReconcileError};
use crate::reconcile::{self, CountManager, Owned, Revision, ServiceInput, TemplateRevision};
use crate::translate::metadata;

pub(super) async fn reconcile(context: &Context, own: &Own, object: &DynamicObject) -> Result<Next, ReconcileError> {
    let taken = Taken::of(object);
    let root = taken.root(own.kind);
    let references = references(object);
    let (revisions, latest_revision) = revisions(context, root.namespace, &references.task_definition);
    let cluster = context.roots.clusters.get(&ObjectKey::namespaced(root.namespace, &references.cluster));
    let cluster = cluster.as_deref().map(Taken::of);
    let providers = context.roots.capacity_providers.all();
    let of_namespace = |object: &&Arc<DynamicObject>| object.metadata.namespace.as_deref() == Some(root.namespace);
    let providers: Vec<_> = providers.iter().filter(of_namespace).map(|object| Taken::of(object)).collect();
    let providers: Vec<_> = providers.iter().map(|taken| taken.root(RootKind::CapacityProvider)).collect();
    let pods = context.pods.by_index(&pods::by_service(root.namespace, root.name));
    let tasks: Vec<_> = pods.iter().map(|p| p.task.clone()).collect();
    let status: ServiceStatus = taken.status();
    let owned = context.owned(&root);
    let template_revisions = template_revisions(context, &owned, root.name);
    let annotations = object.metadata.annotations.clone().unwrap_or_default();
    let measurements = context.meter.measurements(root.uid);
    let count_managers = count_managers(object);
    let mut input = ServiceInput {
        annotations: &annotations,
        template_revisions: &template_revisions,
        status: &status,
        revisions: &revisions,
        latest_revision,
        owned: &owned,
        cluster: cluster.as_ref().map(|cluster| cluster.root(RootKind::Cluster)),
        capacity_providers: &providers,
        pods: &tasks,
        instances: &[],
        zones: &[],
        measurements: measurements.as_deref(),
        count_managers: &count_managers,
        may_label_nodes: context.addons.may_label_nodes(),
        profile: context.profile.clone(),
        now: Timestamp::now(),
        root,
    };
    let instances;
    if let Some(strategy) = reconcile::scale_in::strategy(&input) {
        instances = nodes::occupied(context, &tasks, &strategy).await;
        input.instances = &instances;
    }
    let zones;
    let concerned = reconcile::zones::concern(&input);
    context.services.lock().watch_zones(input.root.namespace, input.root.name, concerned);
    // Nodes that change later concern it also when these do not matter yet.
    if concerned && context.want_nodes() && reconcile::zones::matter(&input) {
        zones = nodes::zones(context, owned.find(ChildKind::Deployment, input.root.name)).await;
        input.zones = &zones;
    }
    let decision = reconcile::service(&input);
    execute::carry_out(context, own, &taken, decision).await
}

/// Who wrote the desired count: of managedFields only those are kept that have it.
fn count_managers(object: &DynamicObject) -> Vec<CountManager> {
    let entries = object.metadata.managed_fields.iter().flatten();
    let manager = |entry: &ManagedFieldsEntry| CountManager {
        name: entry.manager.clone().unwrap_or_default(),
        via_scale: entry.subresource.as_deref() == Some("scale"),
    };
    entries.map(manager).collect()
}

/// What Kubernetes keeps of the templates of the service's workload.
fn template_revisions(context: &Context, owned: &Owned, name: &str) -> Vec<TemplateRevision> {
    let kinds = [(ChildKind::Deployment, ChildKind::ReplicaSet), (ChildKind::DaemonSet, ChildKind::Revision)];
    let kept = kinds.into_iter().filter_map(|(workload, kind)| {
        let key = IndexKey::owner(owned.find(workload, name)?.uid.clone());
        Some(context.children.of(kind).by_index(&key))
    });
    kept.flatten().filter_map(|child| child.template_revision()).collect()
}

/// The revisions of the task definition of this name, and the newest one by its own word.
///
/// Only those of the one that is there now count: when it goes, the garbage collector takes its revisions one by one, and a
/// service must not follow the family back through them.
fn revisions(context: &Context, namespace: &str, name: &str) -> (Vec<Revision>, Option<i64>) {
    let found = context.roots.task_definitions.get(&ObjectKey::namespaced(namespace, name));
    let Some(object) = found.filter(|object| object.metadata.deletion_timestamp.is_none()) else {
        return (Vec::new(), None);
    };
    let owner = IndexKey::owner(object.metadata.uid.clone().unwrap_or_default());
    let revisions =
        context.children.of(ChildKind::Revision).by_index(&owner).iter().filter_map(|r| r.revision()).collect();
    (revisions, object.data.pointer("/status/latestRevision").and_then(Value::as_i64))
}

/// What a service refers to, as far as its spec can be read.
pub(super) fn references(object: &DynamicObject) -> References {
    let text = |field: &str| object.data.get("spec")?.get(field)?.as_str();
    let reference = text("taskDefinition").and_then(|t| t.parse::<TaskDefinitionRef>().ok());
    References {
        task_definition: reference.as_ref().map(|r| names::object_name(&r.family)).unwrap_or_default(),
        revision: reference.and_then(|r| r.revision),
        cluster: metadata::cluster_name(arn::cluster_of_service(text("cluster"), text("clusterArn"))),
    }
}
