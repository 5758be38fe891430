//! Checks that the definition contains the references that its `kubernetes` block maps.

use std::collections::BTreeSet;

use crate::api::TaskDefinitionSpec;
use crate::ecs::finding::Finding;
use crate::ecs::pointer::Pointer;

/// Returns findings about the mappings of secrets and of environment files. Messages do not repeat references, because a
/// reference may be a value by mistake.
pub(crate) fn findings(spec: &TaskDefinitionSpec) -> Vec<Finding> {
    let Some(kubernetes) = &spec.kubernetes else { return Vec::new() };
    let containers = &spec.ecs.container_definitions;
    let options = containers.iter().filter_map(|c| c.log_configuration.as_ref()).flat_map(|logs| &logs.secret_options);
    let secrets = containers.iter().flat_map(|c| &c.secrets).chain(options);
    let secrets: BTreeSet<&str> = secrets.map(|secret| secret.value_from.as_str()).collect();
    let files = containers.iter().flat_map(|c| &c.environment_files);
    let files: BTreeSet<&str> = files.map(|file| file.value.as_str()).collect();

    let at = Pointer::root().key("kubernetes");
    let mut findings = Vec::new();
    let mapped = kubernetes.secrets.iter().map(|mapping| mapping.value_from.as_str());
    check(mapped, &secrets, &at.key("secrets"), "valueFrom", "secret", &mut findings);
    let at = at.key("environmentFiles");
    let mapped = kubernetes.environment_files.iter().map(|mapping| mapping.value.as_str());
    check(mapped, &files, &at, "value", "environment file", &mut findings);
    for (index, mapping) in kubernetes.environment_files.iter().enumerate() {
        if mapping.config_map_name.is_some() == mapping.secret_name.is_some() {
            let message = "a mapping names one object: set either configMapName or secretName";
            findings.push(Finding::error(at.index(index), "mapping-without-one-object", message));
        }
    }
    findings
}

fn check<'a>(
    mapped: impl Iterator<Item = &'a str>,
    references: &BTreeSet<&str>,
    at: &Pointer,
    member: &str,
    kind: &str,
    findings: &mut Vec<Finding>,
) {
    let mut earlier = BTreeSet::new();
    for (index, reference) in mapped.enumerate() {
        let at = at.index(index).key(member);
        if !references.contains(reference) {
            let message = format!("the mapping has no effect, because no {kind} of the definition has this reference");
            findings.push(Finding::warning(at, "unused-mapping", message));
        } else if !earlier.insert(reference) {
            let message =
                format!("the mapping has no effect, because an earlier mapping of this {kind} takes precedence");
            findings.push(Finding::warning(at, "repeated-mapping", message));
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
        let findings = examine::task_definition(spec).findings;
        findings.iter().map(|finding| (finding.path.to_string(), finding.code)).collect()
    }

    #[test]
    fn mappings_of_references_in_the_definition_have_no_findings() {
        let file = json!({"value": "arn:aws:s3:::b/a.env", "configMapName": "c"});
        let secret = |from: &str| json!({"valueFrom": from, "secretName": "s", "key": "k"});
        assert_eq!(codes(&json!({"secrets": [secret("a"), secret("t")], "environmentFiles": [file]})), []);
    }

    #[test]
    fn a_mapping_without_effect_is_reported_at_its_path() {
        let secret = |from: &str| json!({"valueFrom": from, "secretName": "s", "key": "k"});
        let arn = "arn:aws:s3:::b/a.env";
        let files = json!([
            {"value": arn, "secretName": "s"},
            {"value": arn},
            {"value": arn, "secretName": "s", "configMapName": "c"},
        ]);
        let codes = codes(&json!({"secrets": [secret("a"), secret("b"), secret("a")], "environmentFiles": files}));
        let expected = [
            ("/kubernetes/environmentFiles/1", "mapping-without-one-object"),
            ("/kubernetes/environmentFiles/1/value", "repeated-mapping"),
            ("/kubernetes/environmentFiles/2", "mapping-without-one-object"),
            ("/kubernetes/environmentFiles/2/value", "repeated-mapping"),
            ("/kubernetes/secrets/1/valueFrom", "unused-mapping"),
            ("/kubernetes/secrets/2/valueFrom", "repeated-mapping"),
        ];
        assert_eq!(codes, expected.map(|(path, code)| (path.to_owned(), code)));
    }
}
