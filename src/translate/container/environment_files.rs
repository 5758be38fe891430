//! `environmentFiles` → `envFrom`: the variables of `ConfigMap`s or `Secret`s that have to exist.
//!
//! On ECS a file only adds what neither the container nor an earlier file sets, and all of it goes over the image's own
//! variables (the agent merges them so). In a Pod `env` wins over `envFrom` and the last source over those before it:
//! the files are listed in reverse.
//!
//! The agent reads a line up to its second `=` and passes over one without a value; `kubectl create --from-env-file`
//! keeps both.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{ConfigMapEnvSource, EnvFromSource, SecretEnvSource};

use crate::api::EnvironmentFileMapping;
use crate::k8s::{fingerprint, names};
use crate::translate::context::ContainerSlot;
use crate::translate::conversions::some_list;
use crate::translate::{Code, RenderContext, VerdictRecorder};

/// What the name of every environment file ends in.
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
            let mapped = mappings(task).find(|mapping| mapping.value == file.value).and_then(of_mapping);
            if let Some(source) = mapped {
                let message = "the container gets the variables that the object has when it starts, also when it is \
                               restarted in its Pod; ECS reads the file once for each task";
                recorder.approximate(path, Code::EnvironmentFileCopied, slot.becomes("envFrom"), message);
                return source;
            }
            let name = default_name(task, &file.value);
            let message = format!(
                "the container starts once the ConfigMap {name} has the variables: make it of the file by kubectl \
                 create configmap {name} --from-env-file (ECS leaves out a variable without a value, and cuts a value \
                 at a second =); a ConfigMap or Secret that has them already is named in kubernetes.environmentFiles"
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

fn of_mapping(mapping: &EnvironmentFileMapping) -> Option<EnvFromSource> {
    let secret = |name: String| EnvFromSource {
        secret_ref: Some(SecretEnvSource { name, optional: None }),
        ..EnvFromSource::default()
    };
    mapping.config_map_name.clone().map(config_map).or_else(|| mapping.secret_name.clone().map(secret))
}

fn config_map(name: String) -> EnvFromSource {
    EnvFromSource { config_map_ref: Some(ConfigMapEnvSource { name, optional: None }), ..EnvFromSource::default() }
}

/// `TASK-FILE`; of several files of one name in different folders each has a hash of its ARN too.
fn default_name(task: &RenderContext<'_>, value: &str) -> String {
    let stem = stem(value);
    let files = task.definition.container_definitions.iter().flat_map(|container| &container.environment_files);
    let alike: BTreeSet<&str> =
        files.map(|file| file.value.as_str()).filter(|other| self::stem(other) == stem).collect();
    let name = format!("{}-{stem}", task.name);
    if alike.len() > 1 { format!("{name}-{}", fingerprint::short_hash(value)) } else { name }
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
    fn files_of_one_name_have_objects_of_their_own() {
        let values = ["arn:aws:s3:::b/live/app.env", "arn:aws:s3:::b/base/app.env", "arn:aws:s3:::b/Other.env"];
        let definition = definition(&values);
        let profile = RenderProfile::current(34);
        let task = RenderContext::alone(&definition, "web", &profile);
        let found: BTreeSet<String> = values.iter().map(|value| default_name(&task, value)).collect();
        assert_eq!(found.len(), 3);
        assert!(found.iter().all(|name| names::object_name(name) == *name && name.starts_with("web-")), "{found:?}");
    }

    #[test]
    fn one_file_in_two_containers_is_one_object() {
        let definition = definition(&["arn:aws:s3:::bucket/app.env", "arn:aws:s3:::bucket/app.env"]);
        let profile = RenderProfile::current(34);
        let task = RenderContext::alone(&definition, "web", &profile);
        assert_eq!(default_name(&task, "arn:aws:s3:::bucket/app.env"), "web-app");
    }
}
