//! The generations of a service's workload: what Kubernetes keeps of each Pod template that it had. Each is a deployment in
//! ECS's words.
//!
//! A Deployment keeps a ReplicaSet for each template, a DaemonSet a ControllerRevision. Both label their Pods with the hash of
//! the template. A template that comes back has its old hash: tasks that still run from it stay.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use crate::api::{annotations, labels};

/// The labels with the hash of a template, of ReplicaSets and of ControllerRevisions.
pub const HASH_LABELS: [&str; 2] = ["pod-template-hash", "controller-revision-hash"];

/// One Pod template of a workload, as Kubernetes keeps it.
#[derive(Clone, Debug, PartialEq)]
pub struct Generation {
    /// What its Pods are labelled with.
    pub hash: String,
    /// Kubernetes' own number, which grows when an old one comes back.
    pub number: i64,
    /// When it was first made.
    pub created: Option<Timestamp>,
    /// The annotations that the workload had with it.
    pub annotations: BTreeMap<String, String>,
    /// The template, without the label of its hash.
    pub template: Value,
    /// Tasks of it that have been ready for long enough; none where Kubernetes does not count them.
    pub available: Option<i64>,
}

impl Generation {
    /// Reads a ReplicaSet or the ControllerRevision of a DaemonSet.
    #[must_use]
    pub fn read(body: &Value) -> Option<Self> {
        let metadata = body.get("metadata")?;
        let hash = HASH_LABELS.iter().find_map(|label| metadata.get("labels")?.get(label)?.as_str())?;
        let of_deployment = metadata.pointer("/annotations/deployment.kubernetes.io~1revision");
        let number = body.get("revision").and_then(Value::as_i64);
        let number = number.or_else(|| of_deployment?.as_str()?.parse().ok()).unwrap_or(0);
        let mut template = body.pointer("/spec/template").or_else(|| body.pointer("/data/spec/template"))?.clone();
        strip(&mut template);
        Some(Self {
            hash: hash.to_owned(),
            number,
            created: metadata.get("creationTimestamp").and_then(Value::as_str).and_then(|text| text.parse().ok()),
            annotations: serde_json::from_value(metadata.get("annotations").cloned().unwrap_or_default())
                .unwrap_or_default(),
            template,
            available: body.get("spec").map(|_| body.pointer("/status/availableReplicas").map_or(0, as_count)),
        })
    }

    /// An annotation that the workload had with it.
    pub(super) fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations.get(key).map(String::as_str)
    }

    /// The task definition, as `family:revision`.
    pub(super) fn task_definition(&self) -> Option<String> {
        let label = |key: &str| self.template.pointer("/metadata/labels")?.get(key)?.as_str();
        let by_labels = || Some(format!("{}:{}", label(labels::TASK_DEFINITION)?, label(labels::REVISION)?));
        self.annotation(annotations::TASK_DEFINITION).map(str::to_owned).or_else(by_labels)
    }

    /// The template, to apply it again.
    pub(super) fn pods(&self) -> Option<PodTemplateSpec> {
        serde_json::from_value(self.template.clone()).ok()
    }
}

fn as_count(value: &Value) -> i64 {
    value.as_i64().unwrap_or(0)
}

/// Takes away what the server adds to a template that it keeps.
fn strip(template: &mut Value) {
    if let Some(members) = template.as_object_mut() {
        members.remove("$patch");
    }
    if let Some(labels) = template.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
        for label in HASH_LABELS {
            labels.remove(label);
        }
    }
    if let Some(metadata) = template.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.retain(|_, value| !value.is_null());
    }
}

/// The generation that the workload has now; none as long as Kubernetes has not made it, or it has not been seen.
pub(super) fn current<'a>(generations: &'a [Generation], workload: &Value) -> Option<&'a Generation> {
    let mut template = workload.pointer("/spec/template")?.clone();
    strip(&mut template);
    generations.iter().filter(|generation| generation.template == template).max_by_key(|generation| generation.number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn template(image: &str) -> Value {
        json!({"metadata": {"creationTimestamp": null, "labels": {"app": "web"}}, "spec": {"containers": [{"image": image}]}})
    }

    #[test]
    fn replica_sets_and_controller_revisions_are_found_by_their_template() {
        let mut of_replica_set = template("a");
        of_replica_set["metadata"]["labels"]["pod-template-hash"] = "5f".into();
        let replica_set = json!({
            "metadata": {"labels": {"pod-template-hash": "5f"}, "annotations": {"deployment.kubernetes.io/revision": "3"}},
            "spec": {"template": of_replica_set}, "status": {"replicas": 2, "availableReplicas": 1},
        });
        let mut of_revision = template("b");
        of_revision["$patch"] = "replace".into();
        let revision = json!({
            "metadata": {"labels": {"controller-revision-hash": "7c"}},
            "data": {"spec": {"template": of_revision}}, "revision": 4,
        });
        let all = [replica_set, revision].map(|body| Generation::read(&body).unwrap());
        assert_eq!((all[0].number, all[0].available), (3, Some(1)));
        assert_eq!((all[1].number, all[1].available), (4, None));
        let found = |image: &str| {
            current(&all, &json!({"spec": {"template": template(image)}})).map(|generation| generation.hash.as_str())
        };
        assert_eq!(["a", "b", "c"].map(found), [Some("5f"), Some("7c"), None]);
    }
}
