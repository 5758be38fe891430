//! `tags`, `propagateTags` → annotations. Values of Kubernetes labels are too restricted for them.

use crate::ecs::service::{PropagateTags, Tag};
use crate::ecs::{self, Pointer};
use crate::k8s::names;
use crate::translate::metadata::TAG_PREFIX as PREFIX;
use crate::translate::{Code, RenderContext, VerdictRecorder, target};

const KEY_NOT_VALID: &str = "no object has the tag, because its key is not a valid annotation key, which has at most 63 letters, \
                             digits, dots, hyphens and underscores: rename it";

/// Records verdicts on the tags of a task definition.
pub(crate) fn record(task: &RenderContext<'_>, recorder: &mut VerdictRecorder) {
    let propagated = task.service.is_none_or(|spec| spec.ecs.propagate_tags == Some(PropagateTags::TaskDefinition));
    let at = Pointer::root().key("tags");
    if !propagated {
        return recorder.exact_in(at, task.task_definition_location("/spec/tags"));
    }
    let target = format!("{}/metadata/annotations", task.target);
    let when = "if propagateTags of the service is TASK_DEFINITION, each Pod has the annotation";
    record_each(&task.definition.tags, &at, &target, when, recorder);
}

fn record_each(tags: &[Tag], at: &Pointer, target: &str, when: &str, recorder: &mut VerdictRecorder) {
    for (index, tag) in tags.iter().enumerate() {
        let key = tag.key.as_deref().unwrap_or_default();
        if names::is_qualified_name(key) {
            let message = format!("{when} {PREFIX}/{key}");
            recorder.approximate(at.index(index), Code::TagsAsAnnotations, target, message);
        } else {
            recorder.unsupported(at.index(index), Code::NameNotValid, KEY_NOT_VALID);
        }
    }
}

/// Records the verdict on tags that are kept in the object of the definition. As on ECS, no other object has them.
pub(crate) fn record_kept(tags: &[Tag], target: &str, recorder: &mut VerdictRecorder) {
    if !tags.is_empty() {
        let message = "kubectl shows the tags with the object; tools that read tags in AWS, such as cost reports and IAM conditions, do \
                       not find them";
        recorder.approximate(Pointer::root().key("tags"), Code::TagsStoredOnly, target, message);
    }
}

/// Records verdicts on the tags of a service and on their propagation to its tasks.
pub(crate) fn record_service(service: &ecs::Service, name: &str, recorder: &mut VerdictRecorder) {
    let root = Pointer::root();
    let when = if service.propagate_tags == Some(PropagateTags::Service) {
        "a change of the tag replaces the tasks, while ECS applies it to new tasks only; each Pod and each object of the service has \
         the annotation"
    } else {
        "each object of the service has the annotation"
    };
    let target = target::workload(service, name, "/metadata/annotations");
    record_each(&service.tags, &root.key("tags"), &target, when, recorder);
    recorder.exact(root.key("propagateTags"), target::workload(service, name, "/spec/template/metadata"));
    if service.enable_ecs_managed_tags == Some(true) {
        let message = "each Pod has the names of its service and its cluster as the labels ecs-operator.dev/service and \
                       ecs-operator.dev/cluster, with or without this field";
        let target = target::workload(service, name, "/spec/template/metadata/labels");
        recorder.approximate(root.key("enableECSManagedTags"), Code::ManagedTagsAsLabels, target, message);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::api::ServiceSpec;
    use crate::ecs::TaskDefinition;
    use crate::translate::RenderProfile;
    use crate::translate::metadata;

    fn keys(service: Option<Value>) -> Vec<String> {
        let definition: TaskDefinition = serde_json::from_value(json!({"tags": [{"key": "of-task"}]})).unwrap();
        let service: Option<ServiceSpec> = service.map(|service| serde_json::from_value(service).unwrap());
        let profile = RenderProfile::current(36);
        let task = RenderContext { service: service.as_ref(), ..RenderContext::alone(&definition, "web", &profile) };
        task.task_tags().iter().filter_map(|tag| tag.key.clone()).collect()
    }

    #[test]
    fn propagate_tags_decides_which_tags_a_task_has() {
        let service = |from: Value| Some(json!({"tags": [{"key": "of-service"}], "propagateTags": from}));
        assert_eq!(keys(service(json!("SERVICE"))), ["of-service"]);
        assert_eq!(keys(service(json!("TASK_DEFINITION"))), ["of-task"]);
        assert!(keys(service(json!("NONE"))).is_empty() && keys(service(Value::Null)).is_empty());
        assert_eq!(keys(None), ["of-task"]);
    }

    #[test]
    fn a_tag_without_a_valid_annotation_key_is_left_out() {
        let tags: Vec<Tag> = serde_json::from_value(json!([{"key": "a b", "value": "1"}, {"key": "team"}])).unwrap();
        assert_eq!(metadata::tag_annotations(&tags), [("tags.ecs-operator.dev/team".to_owned(), String::new())].into());
    }
}
