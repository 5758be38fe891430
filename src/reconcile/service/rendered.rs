//! Objects of a service, rendered from the definition that it runs.

use std::collections::BTreeMap;

use super::moves::TaskMoves;
use super::requested::{self, Requested};
use super::rollout::Rollout;
use super::{ServiceInput, scaling};
use crate::api::{annotations, condition, labels};
use crate::k8s::kinds::ChildKind;
use crate::reconcile::actions::Child;
use crate::reconcile::service_companions;
use crate::translate::metadata::{self, Identity};
use crate::translate::pod::task_role_arn;
use crate::translate::service::companion::Companions;
use crate::translate::service::companions;
use crate::translate::service::workload::{self, Settings, Workload};
use crate::translate::{Mode, ObjectContext, RenderContext, target};

/// Objects that a decision writes.
pub(super) struct Rendered {
    /// Objects, in the order in which they are applied.
    pub(super) children: Vec<Child>,
    /// Condition about the objects of add-ons, if the service requests any.
    pub(super) addons: Option<condition::Draft>,
    /// Placement expressions that nodes get membership labels for.
    pub(super) expressions: Vec<String>,
    /// True if the companion objects stay as they are, and none is deleted.
    pub(super) keeps_companions: bool,
}

impl Rendered {
    /// Renders the objects of a service.
    pub(super) fn render(
        input: &ServiceInput<'_>,
        requested: &Requested<'_>,
        rollout: &Rollout<'_>,
        moves: &TaskMoves<'_>,
    ) -> Self {
        let (spec, deployed) = (requested.spec, &rollout.deployed);
        let (definition, cluster) = (&deployed.definition, requested.cluster.as_ref());
        let (object_name, reference) = (definition.object_name(), definition.reference());
        let target = target::pod_template(&spec.ecs, input.root.name);
        let task = RenderContext {
            target: &target,
            service: Some(spec),
            task_role_credentials: cluster.and_then(|cluster| cluster.task_role_credentials),
            kubernetes: definition.task.kubernetes.as_ref(),
            capacity: Some(&requested.capacity),
            ..RenderContext::alone(&definition.task.ecs, &object_name, &deployed.profile)
        };
        let context = ObjectContext {
            namespace: Some(input.root.namespace),
            identity: Identity {
                service: input.root.name,
                task_definition: &object_name,
                cluster: spec.ecs.cluster_name(),
            },
            task_definition: &reference,
            revision: Some(definition.revision),
            tags: &spec.ecs.tags,
            mode: Mode::Operator,
        };
        let mut desired = if deployed.keeps_companions {
            Companions::default()
        } else {
            companions::render(&task, &context, cluster)
        };
        desired.after_workload.extend(scaling::autoscaler(input, requested, rollout.is_in_progress(), &context));
        let supported = service_companions::supported(desired, input.owned);
        let mut children = supported.before_workload;
        children.push(workload(input, requested, rollout, moves, (&task, &context)));
        children.extend(supported.after_workload);
        for child in &mut children {
            child.metadata_mut().owner_references = Some(vec![input.root.owner_reference()]);
        }
        // A Pod can only be created once its ServiceAccount exists.
        if let Some(account) = service_account(input, &task, &context) {
            children.insert(0, account);
        }
        let expressions = expressions(&children);
        Self { children, addons: supported.condition, expressions, keeps_companions: deployed.keeps_companions }
    }
}

fn workload(
    input: &ServiceInput<'_>,
    requested: &Requested<'_>,
    rollout: &Rollout<'_>,
    moves: &TaskMoves<'_>,
    (task, context): (&RenderContext<'_>, &ObjectContext<'_>),
) -> Child {
    let (spec, deployed) = (requested.spec, &rollout.deployed);
    let template = deployed.template.clone();
    let template = template.unwrap_or_else(|| requested::pod_template(input, spec, task, context));
    let mut annotations = BTreeMap::from([
        (annotations::RENDERED_WITH.to_owned(), deployed.profile.to_string()),
        (annotations::DEFINITION.to_owned(), deployed.definition.fingerprint.clone()),
    ]);
    annotations.extend(requested.template_annotations());
    annotations.extend(rollout.failed.as_ref().map(|failed| (annotations::FAILED.to_owned(), failed.to_string())));
    let settings = Settings {
        annotations,
        bounds: moves.workload_bounds,
        paused: rollout.decision.pauses_workload(),
        healthy_after: workload::healthy_after(Some(spec), &deployed.definition.task.ecs),
    };
    match workload::render(&spec.ecs, context, template, settings) {
        Workload::Deployment(deployment) => Child::Deployment(deployment),
        Workload::DaemonSet(daemon_set) => Child::DaemonSet(daemon_set),
    }
}

/// Returns the placement expressions of the Pod template.
fn expressions(children: &[Child]) -> Vec<String> {
    let templates = children.iter().filter_map(|child| match child {
        Child::Deployment(deployment) => deployment.spec.as_ref()?.template.metadata.as_ref()?.annotations.as_ref(),
        Child::DaemonSet(daemons) => daemons.spec.as_ref()?.template.metadata.as_ref()?.annotations.as_ref(),
        _ => None,
    });
    let memberships = templates.flatten().filter(|(key, _)| key.starts_with(labels::MEMBER_OF));
    memberships.map(|(_, expression)| expression.clone()).collect()
}

/// Renders the ServiceAccount of the task role. It belongs to the cluster, whose services share it.
fn service_account(input: &ServiceInput<'_>, task: &RenderContext<'_>, context: &ObjectContext<'_>) -> Option<Child> {
    let cluster = input.cluster.as_ref()?;
    let label = metadata::cluster_name(context.identity.cluster);
    let mut account = task_role_arn::service_account(task, context.namespace, &label)?;
    account.metadata.owner_references = Some(vec![cluster.owner_reference()]);
    Some(Child::Untyped(ChildKind::ServiceAccount, Box::new(account)))
}

#[cfg(test)]
mod tests;
