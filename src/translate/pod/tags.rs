//! `tags`, `propagateTags` → annotations. Values of labels are too narrow for them.

use crate::ecs::service::{PropagateTags, Tag};
use crate::ecs::{self, Pointer};
use crate::k8s::names;
use crate::translate::metadata::TAG_PREFIX as PREFIX;
use crate::translate::{Code, RenderContext, VerdictRecorder, target};

const REFUSED: &str =
    "an annotation's key has at most 63 letters, digits, dots, hyphens and underscores: nothing bears it";

/// Claims the tags of a task definition.
pub(crate) fn record(task: &RenderContext<'_>, recorder: &mut VerdictRecorder) {
    let propagated = task.service.is_none_or(|spec| spec.ecs.propagate_tags == Some(PropagateTags::TaskDefinition));
    let at = Pointer::root().key("tags");
    if !propagated {
        return recorder.exact_in(at, task.task_definition_location("/spec/tags"));
    }
    let target = format!("{}/metadata/annotations", task.target);
    let when = "where the service's propagateTags is TASK_DEFINITION, each Pod bears it as the annotation";
    record_each(&task.definition.tags, &at, &target, when, recorder);
}

fn record_each(tags: &[Tag], at: &Pointer, target: &str, when: &str, recorder: &mut VerdictRecorder) {
    for (index, tag) in tags.iter().enumerate() {
        let key = tag.key.as_deref().unwrap_or_default();
        if names::is_qualified_name(key) {
            let message = format!("{when} {PREFIX}/{key}");
            recorder.approximate(at.index(index), Code::TagsAsAnnotations, target, message);
        } else {
            recorder.unsupported(at.index(index), Code::NameNotValid, REFUSED);
        }
    }
}

/// Claims tags that stay where they are given, as they do on ECS: no other object has them there either.
pub(crate) fn record_kept(tags: &[Tag], target: &str, recorder: &mut VerdictRecorder) {
    if !tags.is_empty() {
        let message = "kubectl shows the tags with the object; what reads tags in AWS, such as cost reports and IAM conditions, does not see \
                       them";
        recorder.approximate(Pointer::root().key("tags"), Code::TagsStoredOnly, target, message);
    }
}

/// Claims the tags of a service, and which of them its tasks have.
pub(crate) fn record_service(service: &ecs::Service, name: &str, recorder: &mut VerdictRecorder) {
    let root = Pointer::root();
    let when = if service.propagate_tags == Some(PropagateTags::Service) {
        "each Pod and what is made for the service bear it as an annotation; a change replaces the tasks, while ECS gives it to new \
         ones only:"
    } else {
        "what is made for the service bears it as the annotation"
    };
    let target = target::workload(service, name, "/metadata/annotations");
    record_each(&service.tags, &root.key("tags"), &target, when, recorder);
    recorder.exact(root.key("propagateTags"), target::workload(service, name, "/spec/template/metadata"));
    if service.enable_ecs_managed_tags == Some(true) {
        let message = "each Pod bears the names of its service and its cluster as the labels ecs-operator.dev/service and \
                       ecs-operator.dev/cluster, in any case";
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
    fn the_service_says_whose_tags_its_tasks_have() {
        let service = |from: Value| Some(json!({"tags": [{"key": "of-service"}], "propagateTags": from}));
        assert_eq!(keys(service(json!("SERVICE"))), ["of-service"]);
        assert_eq!(keys(service(json!("TASK_DEFINITION"))), ["of-task"]);
        assert!(keys(service(json!("NONE"))).is_empty() && keys(service(Value::Null)).is_empty());
        assert_eq!(keys(None), ["of-task"]);
    }

    #[test]
    fn a_tag_that_no_annotation_can_have_is_left_out() {
        let tags: Vec<Tag> = serde_json::from_value(json!([{"key": "a b", "value": "1"}, {"key": "team"}])).unwrap();
        assert_eq!(metadata::tag_annotations(&tags), [("tags.ecs-operator.dev/team".to_owned(), String::new())].into());
    }
}
