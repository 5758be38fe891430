//! Reconciles services: collects the input of a decision from the caches and executes the decision.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use k8s_openapi::jiff::Timestamp;
use kube::api::DynamicObject;
use serde_json::Value;

use super::state::context::Context;
use super::state::service_index::References;
use super::state::target::ReconcileTarget;
use super::state::{instances, pods};
use super::wiring::execute::execute;
use crate::api::ServiceStatus;
use crate::k8s::kinds::{ChildKind, RootKind};
use crate::kubernetes::key::{IndexKey, ObjectKey};
use crate::kubernetes::runner::{Next, ReconcileError};
use crate::reconcile::{self, CountManager, Owned, Revision, ServiceInput, TemplateRevision};

pub(crate) async fn reconcile(context: &Context, object: &DynamicObject) -> Result<Next, ReconcileError> {
    let target = ReconcileTarget::new(RootKind::Service, object);
    let root = target.root();
    let references = References::from_service(object);
    let (revisions, latest_revision) = revisions(context, root.namespace, &references.task_definition);
    let cluster = context.roots.get(RootKind::Cluster).get(&ObjectKey::namespaced(root.namespace, &references.cluster));
    let cluster = cluster.as_deref().map(|object| ReconcileTarget::new(RootKind::Cluster, object));
    let providers = context.roots.get(RootKind::CapacityProvider).all();
    let in_namespace = |object: &&Arc<DynamicObject>| object.metadata.namespace.as_deref() == Some(root.namespace);
    let providers = providers.iter().filter(in_namespace);
    let providers: Vec<_> = providers.map(|object| ReconcileTarget::new(RootKind::CapacityProvider, object)).collect();
    let providers: Vec<_> = providers.iter().map(ReconcileTarget::root).collect();
    let pods = context.pods.by_index(&pods::by_service(root.namespace, root.name));
    let tasks: Vec<_> = pods.iter().map(|p| p.task.clone()).collect();
    let status: ServiceStatus = target.status();
    let owned = context.owned(&root);
    let template_revisions = template_revisions(context, &owned, root.name);
    let annotations = object.metadata.annotations.clone().unwrap_or_default();
    let measurements = context.measurements.get(root.uid);
    let count_managers = count_managers(object);
    let mut input = ServiceInput {
        annotations: &annotations,
        template_revisions: &template_revisions,
        status: &status,
        revisions: &revisions,
        latest_revision,
        owned: &owned,
        cluster: cluster.as_ref().map(ReconcileTarget::root),
        capacity_providers: &providers,
        pods: &tasks,
        instances: &[],
        zones: &[],
        measurements: measurements.as_deref(),
        count_managers: &count_managers,
        may_label_nodes: context.add_ons.may_label_nodes(),
        profile: context.profile.clone(),
        now: Timestamp::now(),
        root,
    };
    let needs = reconcile::needs(&input);
    context.services.lock().watch_zones(input.root.namespace, input.root.name, needs.watches_zones);
    let instances = match &needs.instances {
        Some(strategy) => instances::occupied(context, &tasks, strategy).await,
        None => Vec::new(),
    };
    // The watch on nodes is started even if their zones are not needed yet, so that later changes start another
    // decision.
    let has_nodes = needs.watches_zones && context.watch_nodes();
    let zones = if has_nodes && needs.zones {
        instances::zones(context, owned.find(ChildKind::Deployment, input.root.name)).await
    } else {
        Vec::new()
    };
    (input.instances, input.zones) = (&instances, &zones);
    let decision = reconcile::service(&input);
    execute(context, &target, decision).await
}

/// Returns the field managers that wrote the desired count. The store keeps managedFields of that field only.
fn count_managers(object: &DynamicObject) -> Vec<CountManager> {
    let entries = object.metadata.managed_fields.iter().flatten();
    entries.map(count_manager).collect()
}

fn count_manager(entry: &ManagedFieldsEntry) -> CountManager {
    CountManager {
        name: entry.manager.clone().unwrap_or_default(),
        via_scale: entry.subresource.as_deref() == Some("scale"),
    }
}

/// Returns the template revisions that Kubernetes stores of the service's workload.
fn template_revisions(context: &Context, owned: &Owned, name: &str) -> Vec<TemplateRevision> {
    let kinds = [(ChildKind::Deployment, ChildKind::ReplicaSet), (ChildKind::DaemonSet, ChildKind::Revision)];
    let stored = kinds.into_iter().filter_map(|(workload, kind)| {
        let key = IndexKey::owner(owned.find(workload, name)?.uid.clone());
        Some(context.children.get(kind).by_index(&key))
    });
    stored.flatten().filter_map(|child| child.template_revision()).collect()
}

/// Returns the revisions of the task definition of this name, and the latest revision by its status.
///
/// The revisions of a deleted task definition are excluded: the garbage collector deletes them one by one, and a
/// service must not deploy older and older revisions meanwhile.
fn revisions(context: &Context, namespace: &str, name: &str) -> (Vec<Revision>, Option<i64>) {
    let object = context.roots.get(RootKind::TaskDefinition).get(&ObjectKey::namespaced(namespace, name));
    let Some(object) = object.filter(|object| object.metadata.deletion_timestamp.is_none()) else {
        return (Vec::new(), None);
    };
    let owner = IndexKey::owner(object.metadata.uid.clone().unwrap_or_default());
    let revisions =
        context.children.get(ChildKind::Revision).by_index(&owner).iter().filter_map(|r| r.revision()).collect();
    (revisions, object.data.pointer("/status/latestRevision").and_then(Value::as_i64))
}
