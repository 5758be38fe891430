//! `dockerLabels` → annotations of the Pod. Label values are too narrow for them.

use std::collections::BTreeMap;

use crate::k8s::names;
use crate::translate::context::ContainerSlot;
use crate::translate::{Code, RenderContext, VerdictRecorder};

const LABELS: &str = "dockerlabel.ecs-operator.dev";

pub(crate) fn render(
    task: &RenderContext<'_>,
    slots: &[ContainerSlot<'_>],
    recorder: &mut VerdictRecorder,
) -> BTreeMap<String, String> {
    let mut annotations = BTreeMap::new();
    let target = format!("{}/metadata/annotations", task.target);
    let refused =
        "an annotation's key has at most 63 letters, digits, dots, hyphens and underscores: the Pods do not bear it";
    for container in slots {
        let name = container.name();
        for (label, value) in &container.definition.docker_labels {
            let path = container.at("dockerLabels").key(label);
            let key = format!("{name}.{label}");
            if !names::is_qualified_name(&key) {
                let message = format!("with the container's name before it, {refused}");
                recorder.unsupported(path, Code::NameNotValid, message);
                continue;
            }
            let message = format!(
                "the Pod bears it as the annotation {LABELS}/{key}: a tool that reads labels of containers has to read that"
            );
            recorder.approximate(path, Code::DockerLabelsAsAnnotations, target.clone(), message);
            annotations.insert(format!("{LABELS}/{key}"), value.clone());
        }
    }
    annotations
}
