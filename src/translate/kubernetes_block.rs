//! Whether what the `kubernetes` block maps is in the definition.

use std::collections::BTreeSet;

use crate::api::TaskDefinitionSpec;
use crate::ecs::finding::Finding;
use crate::ecs::pointer::Pointer;

/// Findings about the mappings of secrets and of environment files. No message repeats a reference, which may be a
/// value by mistake.
pub(crate) fn findings(spec: &TaskDefinitionSpec) -> Vec<Finding> {
    let Some(kubernetes) = &spec.kubernetes else { return Vec::new() };
    let containers = &spec.ecs.container_definitions;
    let options = containers.iter().filter_map(|c| c.log_configuration.as_ref()).flat_map(|logs| &logs.secret_options);
    let secrets = containers.iter().flat_map(|c| &c.secrets).chain(options);
    let secrets: BTreeSet<&str> = secrets.map(|secret| secret.value_from.as_str()).collect();
    let files = containers.iter().flat_map(|c| &c.environment_files);
    let files: BTreeSet<&str> = files.map(|file| file.value.as_str()).collect();

    let at = Pointer::root().key("kubernetes");
    let mut found = Vec::new();
    let given = kubernetes.secrets.iter().map(|mapping| mapping.value_from.as_str());
    check(given, &secrets, &at.key("secrets"), "valueFrom", "secret", &mut found);
    let at = at.key("environmentFiles");
    let given = kubernetes.environment_files.iter().map(|mapping| mapping.value.as_str());
    check(given, &files, &at, "value", "environment file", &mut found);
    for (index, mapping) in kubernetes.environment_files.iter().enumerate() {
        if mapping.config_map_name.is_some() == mapping.secret_name.is_some() {
            let message = "the variables are in one object: give either configMapName or secretName";
            found.push(Finding::error(at.index(index), "mapping-without-one-object", message));
        }
    }
    found
}

fn check<'a>(
    given: impl Iterator<Item = &'a str>,
    wanted: &BTreeSet<&str>,
    at: &Pointer,
    member: &str,
    what: &str,
    found: &mut Vec<Finding>,
) {
    let mut seen = BTreeSet::new();
    for (index, reference) in given.enumerate() {
        let at = at.index(index).key(member);
        if !wanted.contains(reference) {
            let message = format!("no {what} of the definition is written like this, so nothing reads the mapping");
            found.push(Finding::warning(at, "unused-mapping", message));
        } else if !seen.insert(reference) {
            let message = format!("an earlier mapping of this {what} counts");
            found.push(Finding::warning(at, "repeated-mapping", message));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::translate::examine;

    fn codes(kubernetes: &Value) -> Vec<(String, &'static str)> {
        let spec = json!({"executionRoleArn": "r", "kubernetes": kubernetes, "containerDefinitions": [{
            "name": "app", "image": "app", "memory": 64,
            "secrets": [{"name": "A", "valueFrom": "a"}],
            "environmentFiles": [{"value": "arn:aws:s3:::b/a.env", "type": "s3"}],
            "logConfiguration": {"logDriver": "splunk", "options": {"splunk-url": "u"},
                "secretOptions": [{"name": "splunk-token", "valueFrom": "t"}]},
        }]});
        let found = examine::task_definition(spec).findings;
        found.iter().map(|finding| (finding.path.to_string(), finding.code)).collect()
    }

    #[test]
    fn a_mapping_of_what_is_there_is_fine() {
        let file = json!({"value": "arn:aws:s3:::b/a.env", "configMapName": "c"});
        let secret = |from: &str| json!({"valueFrom": from, "secretName": "s", "key": "k"});
        let found = codes(&json!({"secrets": [secret("a"), secret("t")], "environmentFiles": [file]}));
        assert_eq!(found, []);
    }

    #[test]
    fn a_mapping_of_nothing_is_told_at_its_place() {
        let secret = |from: &str| json!({"valueFrom": from, "secretName": "s", "key": "k"});
        let arn = "arn:aws:s3:::b/a.env";
        let files = json!([
            {"value": arn, "secretName": "s"},
            {"value": arn},
            {"value": arn, "secretName": "s", "configMapName": "c"},
        ]);
        let found = codes(&json!({"secrets": [secret("a"), secret("b"), secret("a")], "environmentFiles": files}));
        let expected = [
            ("/kubernetes/environmentFiles/1", "mapping-without-one-object"),
            ("/kubernetes/environmentFiles/1/value", "repeated-mapping"),
            ("/kubernetes/environmentFiles/2", "mapping-without-one-object"),
            ("/kubernetes/environmentFiles/2/value", "repeated-mapping"),
            ("/kubernetes/secrets/1/valueFrom", "unused-mapping"),
            ("/kubernetes/secrets/2/valueFrom", "repeated-mapping"),
        ];
        assert_eq!(found, expected.map(|(path, code)| (path.to_owned(), code)));
    }
}
