//! `dockerLabels` → annotations of the Pod. Values of Kubernetes labels are too restricted for them.

use std::collections::BTreeMap;

use crate::k8s::names;
use crate::translate::context::ContainerSlot;
use crate::translate::{Code, RenderContext, VerdictRecorder};

const PREFIX: &str = "dockerlabel.ecs-operator.dev";

pub(crate) fn render(
    task: &RenderContext<'_>,
    slots: &[ContainerSlot<'_>],
    recorder: &mut VerdictRecorder,
) -> BTreeMap<String, String> {
    let mut annotations = BTreeMap::new();
    let target = format!("{}/metadata/annotations", task.target);
    for slot in slots {
        let name = slot.name();
        for (label, value) in &slot.definition.docker_labels {
            let path = slot.at("dockerLabels").key(label);
            let key = format!("{name}.{label}");
            if !names::is_qualified_name(&key) {
                let message = format!(
                    "the Pods do not have the label, because {key:?} is not a valid annotation key, which has at most 63 letters, \
                     digits, dots, hyphens and underscores: rename the label"
                );
                recorder.unsupported(path, Code::NameNotValid, message);
                continue;
            }
            let message = format!(
                "the label becomes the annotation {PREFIX}/{key} of the Pod: a tool that reads container labels has to read it there"
            );
            recorder.approximate(path, Code::DockerLabelsAsAnnotations, target.clone(), message);
            annotations.insert(format!("{PREFIX}/{key}"), value.clone());
        }
    }
    annotations
}
