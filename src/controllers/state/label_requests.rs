//! Labels that workloads require of nodes.
//!
//! The DaemonSet controller stops a Pod at once if the new template does not fit the node, regardless of the update
//! strategy. Therefore nodes are labeled before the template of a DaemonSet changes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::Value;
use tokio::time::Instant;

use crate::api::labels;
use crate::kubernetes::key::ObjectKey;
use crate::reconcile::node_labels::LabelDemand;

/// Time until the controllers of Kubernetes have observed new labels. Their watches on nodes and DaemonSets are not
/// ordered.
const PROPAGATION: Duration = Duration::from_secs(2);

/// Labels that a Pod template requires and that the operator must add to nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LabelRequest {
    /// Membership labels and their expressions. A node gets the label if the expression is true of it.
    pub(crate) memberships: Vec<(String, String)>,
    /// True if the node affinity requires attributes, which may be annotations of nodes.
    pub(crate) attributes: bool,
    /// Attributes that tasks are spread over. A change of them stops no Pod.
    pub(crate) spread: BTreeSet<String>,
}

impl LabelRequest {
    /// Reads the requests of the template of a workload.
    pub(crate) fn from_workload(workload: &Value) -> Self {
        Self {
            memberships: memberships(workload),
            attributes: requires_attributes(workload),
            spread: spread_attributes(workload),
        }
    }

    fn without(mut self, other: &Self) -> Self {
        self.memberships.retain(|membership| !other.memberships.contains(membership));
        self.attributes &= !other.attributes;
        self
    }

    fn is_empty(&self) -> bool {
        self.memberships.is_empty() && !self.attributes
    }

    /// Iterates over the labels. The labels of all attributes are represented by their prefix.
    fn labels(&self) -> impl Iterator<Item = &str> {
        let attributes = self.attributes.then_some(labels::ATTRIBUTE);
        self.memberships.iter().map(|(label, _)| label.as_str()).chain(attributes)
    }
}

/// Labels that changed DaemonSets will require, and labels that nodes have.
#[derive(Default)]
pub(crate) struct PendingLabelRequests {
    requests: Mutex<BTreeMap<ObjectKey, LabelRequest>>,
    /// Time at which all nodes that must have a label had it.
    labeled: Mutex<BTreeMap<String, Instant>>,
}

impl PendingLabelRequests {
    /// Checks whether a workload may require labels that its observed template does not require. Returns the result,
    /// and true if the request is new.
    pub(crate) fn check(&self, key: &ObjectKey, desired: &Value, observed: &Value) -> (bool, bool) {
        let request = LabelRequest::from_workload(desired).without(&LabelRequest::from_workload(observed));
        if request.is_empty() {
            self.remove(key);
            return (true, false);
        }
        let allowed = {
            let labeled = self.labeled.lock();
            request.labels().all(|label| labeled.get(label).is_some_and(|since| since.elapsed() >= PROPAGATION))
        };
        let before = self.requests.lock().insert(key.clone(), request.clone());
        (allowed, before != Some(request))
    }

    /// Removes the pending request of a DaemonSet.
    pub(crate) fn remove(&self, key: &ObjectKey) {
        self.requests.lock().remove(key);
    }

    /// Returns the pending requests with the namespaces of the workloads.
    pub(crate) fn all(&self) -> Vec<(String, LabelRequest)> {
        let requests = self.requests.lock();
        requests.iter().map(|(key, request)| (key.namespace.clone().unwrap_or_default(), request.clone())).collect()
    }

    /// Records that all nodes have the requested labels.
    pub(crate) fn record_labeled(&self, demand: &LabelDemand) {
        let attributes = demand.attributes.then_some(labels::ATTRIBUTE);
        let requested: Vec<&str> = demand.memberships.keys().map(String::as_str).chain(attributes).collect();
        let mut labeled = self.labeled.lock();
        labeled.retain(|label, _| requested.contains(&label.as_str()));
        for label in requested {
            labeled.entry(label.to_owned()).or_insert_with(Instant::now);
        }
    }
}

/// True if a workload may require labels that the operator adds to nodes. A cheap test on the text, with false
/// positives.
pub(crate) fn may_request(body: &str) -> bool {
    body.contains(labels::MEMBER_OF) || body.contains(labels::ATTRIBUTE)
}

/// Returns the membership labels that a workload's template requires, with their expressions.
fn memberships(workload: &Value) -> Vec<(String, String)> {
    let annotations = workload.pointer("/spec/template/metadata/annotations").and_then(Value::as_object);
    let memberships = annotations.into_iter().flatten().filter(|(key, _)| key.starts_with(labels::MEMBER_OF));
    memberships.filter_map(|(key, text)| Some((key.clone(), text.as_str()?.to_owned()))).collect()
}

/// True if a workload's node affinity requires attributes, which may be annotations of nodes.
fn requires_attributes(workload: &Value) -> bool {
    let terms =
        "/spec/template/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms";
    let terms = workload.pointer(terms).and_then(Value::as_array);
    let requirements = terms.into_iter().flatten().filter_map(|term| term["matchExpressions"].as_array()).flatten();
    requirements.filter_map(|requirement| requirement["key"].as_str()).any(|key| key.starts_with(labels::ATTRIBUTE))
}

/// Returns the attributes that the tasks of a workload are spread over, except those that are well-known labels.
fn spread_attributes(workload: &Value) -> BTreeSet<String> {
    let constraints = workload.pointer("/spec/template/spec/topologySpreadConstraints").and_then(Value::as_array);
    let keys = constraints.into_iter().flatten().filter_map(|constraint| constraint["topologyKey"].as_str());
    keys.filter_map(|key| key.strip_prefix(labels::ATTRIBUTE)).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::translate::placement::MembershipLabel;

    fn daemons(expression: &str) -> (Value, MembershipLabel) {
        let query: crate::ecs::query::Query = expression.parse().unwrap();
        let membership = MembershipLabel::new(query.expression().clone(), Some("shop"));
        let annotations = json!({(membership.label()): membership.expression().to_string()});
        (json!({"spec": {"template": {"metadata": {"annotations": annotations}}}}), membership)
    }

    fn demand(memberships: &[&MembershipLabel]) -> LabelDemand {
        let memberships =
            memberships.iter().map(|membership| (membership.label().to_owned(), vec![(*membership).clone()])).collect();
        LabelDemand { memberships, ..LabelDemand::default() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_daemon_set_requests_labels_after_nodes_had_them_for_the_propagation_time() {
        let ((one, membership), (other, another)) = (daemons("attribute:a =~ x"), daemons("attribute:a =~ y"));
        let (pending, key) = (PendingLabelRequests::default(), ObjectKey::namespaced("shop", "agent"));
        pending.record_labeled(&demand(&[&membership]));
        assert_eq!(pending.check(&key, &one, &one), (true, false), "it already requires the label");
        assert_eq!(pending.check(&key, &other, &one), (false, true));
        assert_eq!(pending.check(&key, &other, &one), (false, false));
        assert_eq!(pending.all(), [("shop".to_owned(), LabelRequest::from_workload(&other))]);
        pending.record_labeled(&demand(&[&membership, &another]));
        assert_eq!(pending.check(&key, &other, &one), (false, false));
        tokio::time::advance(PROPAGATION).await;
        pending.record_labeled(&demand(&[&membership, &another]));
        assert_eq!(pending.check(&key, &other, &one), (true, false));
        pending.record_labeled(&demand(&[&membership]));
        assert_eq!(pending.check(&key, &other, &one), (false, false), "nodes have lost the label");
        assert_eq!(pending.check(&key, &one, &one), (true, false));
        assert_eq!(pending.all(), []);
    }

    #[test]
    fn the_labels_that_a_template_requires_are_read() {
        let affinity = json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
            {"matchExpressions": [{"key": "attribute.ecs-operator.dev/rack", "operator": "Exists"}]}]}}});
        let spread =
            json!([{"topologyKey": "attribute.ecs-operator.dev/row"}, {"topologyKey": "kubernetes.io/hostname"}]);
        let template = json!({"metadata": {"annotations": {"member-of.ecs-operator.dev/x": "attribute:a =~ b", "y": "z"}},
            "spec": {"affinity": affinity, "topologySpreadConstraints": spread}});
        let workload = json!({"spec": {"template": template}});
        assert!(may_request(&workload.to_string()) && requires_attributes(&workload));
        assert_eq!(spread_attributes(&workload), ["row".to_owned()].into());
        assert_eq!(
            memberships(&workload),
            [("member-of.ecs-operator.dev/x".to_owned(), "attribute:a =~ b".to_owned())]
        );
        let plain = json!({"spec": {"template": {"spec": {"containers": []}}}});
        assert!(!may_request(&plain.to_string()) && !requires_attributes(&plain) && memberships(&plain).is_empty());
    }
}
