//! The committed custom resource definitions match the code and are valid in Kubernetes.

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
        assert!(committed(plural) == current, "{FOLDER}/{plural}.yaml is out of date; run: make generate");
    }
}

#[test]
fn schemas_are_structural() {
    for definition in crd::all().expect("definitions") {
        let value = serde_json::to_value(&definition).expect("JSON");
        let schema = value.pointer("/spec/versions/0/schema/openAPIV3Schema").expect("schema");
        check(schema, &definition.spec.names.kind);
    }
}

/// Kubernetes requires a type, or a marker for free-form values, at each level, and accepts no references.
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
fn fields_outside_the_schema_are_kept_everywhere_in_a_spec() {
    for definition in crd::all().expect("definitions") {
        let value = serde_json::to_value(&definition).expect("JSON");
        let spec = value.pointer("/spec/versions/0/schema/openAPIV3Schema/properties/spec").expect("spec");
        check_unknown_fields_kept(spec, &definition.spec.names.kind);
    }
}

fn check_unknown_fields_kept(schema: &Value, at: &str) {
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        assert_eq!(schema.get("x-kubernetes-preserve-unknown-fields"), Some(&Value::Bool(true)), "{at}");
        for (name, member) in properties {
            check_unknown_fields_kept(member, &format!("{at}.{name}"));
        }
    }
    if let Some(items) = schema.get("items") {
        check_unknown_fields_kept(items, &format!("{at}[]"));
    }
}
