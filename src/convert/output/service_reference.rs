//! References of a service to AWS resources → names in the new cluster.

use serde_json::{Map, Value};

use crate::convert::model::Definition;
use crate::ecs::{Pointer, TaskDefinitionRef};
use crate::translate::Verdict;

/// The code of a reference to a revision that is replaced by one to the family.
const PINNED: &str = "pinned-revision-follows-family";

/// Replaces the ARNs of a service's task definition and cluster by names.
///
/// Revision numbers of AWS do not apply in the new cluster, where the revisions of a family start at 1. Without
/// `keep_revisions` a service with a revision follows the family instead. Custom resources are kept as they are.
pub(super) fn replace(definition: &mut Definition, spec: &mut Map<String, Value>, keep_revisions: bool) {
    if definition.resource.is_some() {
        return;
    }
    let Some(service) = definition.service().map(|spec| spec.ecs.clone()) else { return };
    if let Some(Ok(reference)) = service.task_definition.as_deref().map(str::parse::<TaskDefinitionRef>) {
        let text = if keep_revisions { reference.to_string() } else { reference.family.clone() };
        spec.insert("taskDefinition".to_owned(), text.into());
        if reference.revision.is_some() && !keep_revisions {
            let target = format!("Service/{}#/spec/taskDefinition", definition.name);
            unpin(definition, target, renumbered(&reference));
        }
    }
    if service.cluster.is_some() || service.cluster_arn.is_some() {
        spec.insert("cluster".to_owned(), definition.cluster().into());
        spec.remove("clusterArn");
    }
    if service.cluster.is_none() && service.cluster_arn.is_some() {
        let target = Some(format!("Service/{}#/spec/cluster", definition.name));
        let message = "the ARN identifies the service's cluster";
        definition.override_verdict(
            &Pointer::root().key("clusterArn"),
            Verdict::Exact,
            "cluster-from-arn",
            target,
            message,
        );
    }
}

/// Returns the warning about a revision number of AWS.
fn renumbered(reference: &TaskDefinitionRef) -> String {
    format!(
        "revision {} is a revision of AWS, and in the new cluster revisions start at 1, so the service follows the family \
         {:?}; --keep-revisions keeps the number, for a cluster that already has this revision",
        reference.revision.unwrap_or_default(),
        reference.family
    )
}

/// Warns that a service with a revision follows the family; `target` is the location of the reference.
pub(super) fn unpin(definition: &mut Definition, target: String, message: String) {
    let at = Pointer::root().key("taskDefinition");
    definition.override_verdict(&at, Verdict::Approximate, PINNED, Some(target), &message);
    definition.warning(&at, PINNED, message);
}
