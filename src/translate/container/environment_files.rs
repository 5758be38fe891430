//! `environmentFiles` → `envFrom`: the variables of `ConfigMap`s or `Secret`s that have to exist.
//!
//! On ECS a file adds the variables that neither the container nor an earlier file sets, and overrides those of the image (the
//! agent merges them in this order). In a Pod `env` overrides `envFrom`, and a later source an earlier one, so the files are
//! listed in reverse.
//!
//! The agent cuts a value at a second `=` and skips a line without a value; `kubectl create --from-env-file` keeps both.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{ConfigMapEnvSource, EnvFromSource, SecretEnvSource};

use crate::api::EnvironmentFileMapping;
use crate::k8s::{fingerprint, names};
use crate::translate::context::ContainerSlot;
use crate::translate::conversions::some_list;
use crate::translate::{Code, RenderContext, VerdictRecorder};

/// Extension of every environment file.
const EXTENSION: &str = ".env";

pub(crate) fn render(
    task: &RenderContext<'_>,
    slot: &ContainerSlot<'_>,
    recorder: &mut VerdictRecorder,
) -> Option<Vec<EnvFromSource>> {
    let files = slot.definition.environment_files.iter().enumerate();
    let mut sources: Vec<EnvFromSource> = files
        .map(|(index, file)| {
            let path = slot.at("environmentFiles").index(index);
            let mapped = mappings(task).find(|mapping| mapping.value == file.value).and_then(mapped_source);
            if let Some(source) = mapped {
                let message = "the container reads the variables of the object at every start, also when it is restarted in \
                               its Pod; ECS reads the file once for each task";
                recorder.approximate(path, Code::EnvironmentFileCopied, slot.becomes("envFrom"), message);
                return source;
            }
            let name = default_name(task, &file.value);
            let message = format!(
                "the container starts once the ConfigMap {name} contains the variables: create it from the file with kubectl \
                 create configmap {name} --from-env-file (ECS leaves out a variable without a value, and cuts a value \
                 at a second =), or name an existing ConfigMap or Secret in kubernetes.environmentFiles"
            );
            recorder.needs_addon(path, Code::ConfigMapNeeded, slot.becomes("envFrom"), message);
            config_map(name)
        })
        .collect();
    sources.reverse();
    some_list(sources)
}

fn mappings<'a>(task: &RenderContext<'a>) -> impl Iterator<Item = &'a EnvironmentFileMapping> {
    task.kubernetes.into_iter().flat_map(|k| &k.environment_files)
}

fn mapped_source(mapping: &EnvironmentFileMapping) -> Option<EnvFromSource> {
    mapping.config_map_name.clone().map(config_map).or_else(|| mapping.secret_name.clone().map(secret))
}

fn config_map(name: String) -> EnvFromSource {
    EnvFromSource { config_map_ref: Some(ConfigMapEnvSource { name, optional: None }), ..EnvFromSource::default() }
}

fn secret(name: String) -> EnvFromSource {
    EnvFromSource { secret_ref: Some(SecretEnvSource { name, optional: None }), ..EnvFromSource::default() }
}

/// Returns `TASK-FILE`, with a hash of the ARN as a suffix if files in different folders have the same name.
fn default_name(task: &RenderContext<'_>, value: &str) -> String {
    let stem = stem(value);
    let files = task.definition.container_definitions.iter().flat_map(|container| &container.environment_files);
    let same_stem: BTreeSet<&str> =
        files.map(|file| file.value.as_str()).filter(|other| self::stem(other) == stem).collect();
    let name = format!("{}-{stem}", task.name);
    if same_stem.len() > 1 { format!("{name}-{}", fingerprint::short_hash(value)) } else { name }
}

fn stem(value: &str) -> String {
    let file = value.rsplit(['/', ':']).next().unwrap_or(value);
    names::object_name(file.strip_suffix(EXTENSION).unwrap_or(file))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ecs::TaskDefinition;
    use crate::ecs::task_definition::{ContainerDefinition, EnvironmentFile, EnvironmentFileType};
    use crate::translate::RenderProfile;

    fn definition(values: &[&str]) -> TaskDefinition {
        let file = |value: &&str| EnvironmentFile { value: (*value).to_owned(), r#type: EnvironmentFileType::S3 };
        let environment_files = values.iter().map(file).collect();
        let container = ContainerDefinition { environment_files, ..ContainerDefinition::default() };
        TaskDefinition { container_definitions: vec![container], ..TaskDefinition::default() }
    }

    #[test]
    fn files_with_the_same_name_get_different_objects() {
        let values = ["arn:aws:s3:::b/live/app.env", "arn:aws:s3:::b/base/app.env", "arn:aws:s3:::b/Other.env"];
        let definition = definition(&values);
        let profile = RenderProfile::current(34);
        let task = RenderContext::alone(&definition, "web", &profile);
        let names: BTreeSet<String> = values.iter().map(|value| default_name(&task, value)).collect();
        assert_eq!(names.len(), 3);
        assert!(names.iter().all(|name| names::object_name(name) == *name && name.starts_with("web-")), "{names:?}");
    }

    #[test]
    fn a_file_that_two_containers_use_is_one_object() {
        let definition = definition(&["arn:aws:s3:::bucket/app.env", "arn:aws:s3:::bucket/app.env"]);
        let profile = RenderProfile::current(34);
        let task = RenderContext::alone(&definition, "web", &profile);
        assert_eq!(default_name(&task, "arn:aws:s3:::bucket/app.env"), "web-app");
    }
}
