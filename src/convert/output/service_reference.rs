//! What a service refers to in AWS → what that is called in the new cluster.

use serde_json::{Map, Value};

use crate::convert::model::Definition;
use crate::ecs::{Pointer, TaskDefinitionRef};
use crate::translate::Verdict;

/// The code of a pinned revision that is not kept.
const PINNED: &str = "pinned-revision-follows-family";

/// Writes ARNs of a service's task definition and cluster as names.
///
/// A revision's number is AWS's: in the new cluster the revisions of a family count from 1. So a service that pins one
/// follows the family, unless the numbers are to be kept. What was given as one of our resources is kept as it is.
pub(super) fn settle(definition: &mut Definition, spec: &mut Map<String, Value>, keep_revisions: bool) {
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
        let message = "it names the service's cluster";
        definition.override_verdict(
            &Pointer::root().key("clusterArn"),
            Verdict::Exact,
            "cluster-from-arn",
            target,
            message,
        );
    }
}

/// The warning of a service in a cluster whose revisions count anew.
fn renumbered(reference: &TaskDefinitionRef) -> String {
    format!(
        "the service names revision {}, a number of AWS; in the new cluster revisions count from 1, so it follows the \
         family {:?} (--keep-revisions keeps the number)",
        reference.revision.unwrap_or_default(),
        reference.family
    )
}

/// Tells that a service follows the family though it names a revision; `target` is what became of the name.
pub(super) fn unpin(definition: &mut Definition, target: String, message: String) {
    let at = Pointer::root().key("taskDefinition");
    definition.override_verdict(&at, Verdict::Approximate, PINNED, Some(target), &message);
    definition.warning(&at, PINNED, message);
}
