//! The committed custom resource definitions are those of the code, and have a form that Kubernetes accepts.

use std::fs;
use std::path::Path;

use ecs_operator::api::crd;
use serde_json::Value;

/// The only copy of the definitions: the chart installs them from here.
const FOLDER: &str = "charts/ecs-operator/files/crds";

fn committed(plural: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FOLDER).join(format!("{plural}.yaml"));
    fs::read_to_string(path).unwrap_or_default()
}

#[test]
fn the_committed_definitions_are_current() {
    for definition in crd::all().expect("definitions") {
        let plural = &definition.spec.names.plural;
        let current = crd::yaml(&definition).expect("YAML");
        assert!(
            committed(plural) == current,
            "{FOLDER}/{plural}.yaml is not what the code generates; run: make generate"
        );
    }
}

#[test]
fn every_part_of_a_schema_is_structural() {
    for definition in crd::all().expect("definitions") {
        let value = serde_json::to_value(&definition).expect("JSON");
        let schema = value.pointer("/spec/versions/0/schema/openAPIV3Schema").expect("schema");
        check(schema, &definition.spec.names.kind);
    }
}

/// Kubernetes wants a type (or a declaration that anything goes) everywhere and takes no references.
fn check(schema: &Value, at: &str) {
    assert!(schema.get("$ref").is_none(), "{at}: $ref");
    let free = schema.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true));
    let either = schema.get("x-kubernetes-int-or-string") == Some(&Value::Bool(true));
    assert!(schema.get("type").is_some() || free || either, "{at}: no type in {schema}");
    for (name, member) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        assert!(
            at.ends_with("kubernetes") || member.get("description").is_some() || name == "metadata",
            "{at}.{name}: no description"
        );
        check(member, &format!("{at}.{name}"));
    }
    for nested in ["items", "additionalProperties"] {
        if let Some(member) = schema.get(nested).filter(|m| m.is_object()) {
            check(member, &format!("{at}.{nested}"));
        }
    }
}

#[test]
fn what_the_schema_does_not_know_is_kept_everywhere_in_a_spec() {
    for definition in crd::all().expect("definitions") {
        let value = serde_json::to_value(&definition).expect("JSON");
        let spec = value.pointer("/spec/versions/0/schema/openAPIV3Schema/properties/spec").expect("spec");
        check_keeps(spec, &definition.spec.names.kind);
    }
}

fn check_keeps(schema: &Value, at: &str) {
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        assert_eq!(schema.get("x-kubernetes-preserve-unknown-fields"), Some(&Value::Bool(true)), "{at}");
        for (name, member) in properties {
            check_keeps(member, &format!("{at}.{name}"));
        }
    }
    if let Some(items) = schema.get("items") {
        check_keeps(items, &format!("{at}[]"));
    }
}
