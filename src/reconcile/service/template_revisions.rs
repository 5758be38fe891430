//! Template revisions of a service's workload: the Pod templates that Kubernetes stores.
//!
//! Kubernetes stores each template of a Deployment in a ReplicaSet, and of a DaemonSet in a ControllerRevision. Both
//! label their Pods with the hash of the template. A template that is applied again has the same hash as before, so
//! its running Pods stay.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use crate::api::{annotations, labels};

/// Labels that hold the hash of a Pod template, on ReplicaSets and on ControllerRevisions.
pub const HASH_LABELS: [&str; 2] = ["pod-template-hash", "controller-revision-hash"];

/// Pod template of a workload, read from its ReplicaSet or ControllerRevision.
#[derive(Clone, Debug, PartialEq)]
pub struct TemplateRevision {
    /// Hash of the template, with which its Pods are labeled.
    pub hash: String,
    /// Kubernetes' revision number, which grows when an older template is applied again.
    pub number: i64,
    /// Creation time of the object.
    pub created: Option<Timestamp>,
    /// Annotations of the workload at the time of this template.
    pub annotations: BTreeMap<String, String>,
    /// Template without the hash label.
    pub template: Value,
    /// Number of available Pods; `None` for a ControllerRevision, which does not contain it.
    pub available: Option<i64>,
}

impl TemplateRevision {
    /// Reads a ReplicaSet or the ControllerRevision of a DaemonSet.
    #[must_use]
    pub fn from_object(body: &Value) -> Option<Self> {
        let metadata = body.get("metadata")?;
        let hash = HASH_LABELS.iter().find_map(|label| metadata.get("labels")?.get(label)?.as_str())?;
        let mut template = body.pointer("/spec/template").or_else(|| body.pointer("/data/spec/template"))?.clone();
        remove_server_fields(&mut template);
        Some(Self {
            hash: hash.to_owned(),
            number: revision_number(body).unwrap_or(0),
            created: metadata.get("creationTimestamp").and_then(Value::as_str).and_then(|text| text.parse().ok()),
            annotations: serde_json::from_value(metadata.get("annotations").cloned().unwrap_or_default())
                .unwrap_or_default(),
            template,
            available: body.get("spec").map(|_| available_replicas(body)),
        })
    }

    /// Returns the value of an annotation of the workload at the time of this template.
    pub(super) fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations.get(key).map(String::as_str)
    }

    /// Returns the task definition, as `family:revision`.
    pub(super) fn task_definition(&self) -> Option<String> {
        self.annotation(annotations::TASK_DEFINITION).map(str::to_owned).or_else(|| self.labeled_task_definition())
    }

    fn labeled_task_definition(&self) -> Option<String> {
        let labels = self.template.pointer("/metadata/labels")?;
        let family = labels.get(labels::TASK_DEFINITION)?.as_str()?;
        let revision = labels.get(labels::REVISION)?.as_str()?;
        Some(format!("{family}:{revision}"))
    }

    /// Returns the Pod template, to apply it again.
    pub(super) fn pod_template(&self) -> Option<PodTemplateSpec> {
        serde_json::from_value(self.template.clone()).ok()
    }
}

/// Returns the revision number of a ControllerRevision, or of a ReplicaSet.
fn revision_number(body: &Value) -> Option<i64> {
    let annotation = "/metadata/annotations/deployment.kubernetes.io~1revision";
    body.get("revision").and_then(Value::as_i64).or_else(|| body.pointer(annotation)?.as_str()?.parse().ok())
}

fn available_replicas(body: &Value) -> i64 {
    body.pointer("/status/availableReplicas").and_then(Value::as_i64).unwrap_or(0)
}

/// Removes the fields that the API server adds to a stored template.
fn remove_server_fields(template: &mut Value) {
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

/// Returns the template revision of a workload's current template, once Kubernetes has created it and the cache
/// contains it.
pub(super) fn find_current<'a>(revisions: &'a [TemplateRevision], workload: &Value) -> Option<&'a TemplateRevision> {
    let mut template = workload.pointer("/spec/template")?.clone();
    remove_server_fields(&mut template);
    revisions.iter().filter(|revision| revision.template == template).max_by_key(|revision| revision.number)
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
        let all = [replica_set, revision].map(|body| TemplateRevision::from_object(&body).unwrap());
        assert_eq!((all[0].number, all[0].available), (3, Some(1)));
        assert_eq!((all[1].number, all[1].available), (4, None));
        let hash = |image: &str| {
            find_current(&all, &json!({"spec": {"template": template(image)}})).map(|revision| revision.hash.as_str())
        };
        assert_eq!(["a", "b", "c"].map(hash), [Some("5f"), Some("7c"), None]);
    }
}
