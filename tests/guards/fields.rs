//! No field is dropped silently: the table of the AWS API's fields, the shapes of the code, the verdicts and the golden cases
//! have the same fields.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use docgen::{Coverage, OPERATIONS};
use ecs_operator::api::{CapacityProviderSpec, ClusterSpec, ServiceSpec, TaskDefinitionSpec};
use ecs_operator::ecs::fields;
use ecs_operator::translate::{Code, Verdict};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

/// Returns the verdicts on the fields of every kind, computed once for all tests.
fn coverage_of_all_kinds() -> &'static [Coverage] {
    static COVERAGE: LazyLock<Vec<Coverage>> = LazyLock::new(docgen::coverage);
    &COVERAGE
}

/// Returns the fields of a shape and their types in the notation of the table, without bounds and `required`.
fn shape<T: JsonSchema>() -> BTreeMap<String, String> {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let schema = settings.into_generator().into_root_schema_for::<T>();
    let mut fields = BTreeMap::new();
    members(schema.as_object().expect("an object"), "", &mut fields);
    fields
}

fn members(schema: &Map<String, Value>, at: &str, fields: &mut BTreeMap<String, String>) {
    for (name, member) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let path = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
        let member = without_null(member);
        fields.insert(path.clone(), type_of(&member));
        match kind(&member) {
            "array" => members(&without_null(&member["items"]), &format!("{path}[]"), fields),
            _ => members(&member, &path, fields),
        }
    }
}

/// Returns a schema without the alternative `null`.
fn without_null(schema: &Value) -> Map<String, Value> {
    let Some(schema) = schema.as_object() else { return Map::new() };
    let inner = schema.get("anyOf").and_then(Value::as_array).and_then(|choices| choices.first());
    inner.and_then(Value::as_object).unwrap_or(schema).clone()
}

fn kind(schema: &Map<String, Value>) -> &str {
    match schema.get("type") {
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).find(|name| *name != "null"),
        Some(name) => name.as_str(),
        None => None,
    }
    .unwrap_or_default()
}

fn type_of(schema: &Map<String, Value>) -> String {
    let choices = choices(schema);
    if !choices.is_empty() {
        return format!("enum{{{}}}", choices.into_iter().collect::<Vec<_>>().join(","));
    }
    match kind(schema) {
        "array" => {
            let item = type_of(&without_null(&schema["items"]));
            // The table writes the items of a list as strings, with their choices.
            format!("list<{}>", item.replace("enum{", "string{"))
        }
        "object" if schema.contains_key("properties") => "struct".to_owned(),
        "object" => "map".to_owned(),
        "number" => "double".to_owned(),
        "" => "document".to_owned(),
        other => other.to_owned(),
    }
}

fn choices(schema: &Map<String, Value>) -> BTreeSet<String> {
    let listed = schema.get("enum").and_then(Value::as_array).into_iter().flatten().chain(schema.get("const"));
    let mut all: BTreeSet<String> = listed.filter_map(Value::as_str).map(str::to_owned).collect();
    let variants = schema.get("oneOf").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object);
    all.extend(variants.flat_map(choices));
    all
}

/// Returns a type of the table in the notation of [`type_of`]: without bounds and `required`, choices sorted, structures unnamed.
fn normalized(r#type: &str) -> String {
    let bare = r#type.split(" required").next().unwrap_or_default().split(" [").next().unwrap_or_default();
    match bare.strip_prefix("list<") {
        Some(item) if item.starts_with(char::is_uppercase) => "list<struct>".to_owned(),
        _ => with_sorted_choices(bare),
    }
}

fn with_sorted_choices(r#type: &str) -> String {
    let Some((before, rest)) = r#type.split_once('{') else { return r#type.to_owned() };
    let (choices, after) = rest.split_once('}').expect("a closing brace");
    let choices: BTreeSet<&str> = choices.split(',').collect();
    format!("{before}{{{}}}{after}", choices.into_iter().collect::<Vec<_>>().join(","))
}

/// True if the type in the table and the type of the shape are equal. A bare `enum` in the table matches any choices.
fn same_type(table: &str, shape: &str) -> bool {
    table == shape
        || (table == "enum" && shape.starts_with("enum{"))
        || (table == "list<enum>" && shape.starts_with("list<string{"))
        || (table == "struct" && shape == "document")
        || (table == "timestamp" && (shape == "double" || shape == "string"))
}

/// True if a parent of the field is free-form JSON in the shape.
fn is_in_free_json(path: &str, shape: &BTreeMap<String, String>) -> bool {
    let above = path.match_indices('.').map(|(at, _)| path[..at].trim_end_matches("[]"));
    above.into_iter().any(|parent| shape.get(parent).is_some_and(|r#type| r#type == "document"))
}

fn is_ignored(outcome: &docgen::Outcome) -> bool {
    outcome.verdict.0 == Verdict::Ignored
}

fn compare<T: JsonSchema>(coverage: &Coverage) -> Vec<String> {
    let shape = shape::<T>();
    let table: BTreeMap<String, &str> =
        coverage.inputs.iter().map(|field| (field.path.to_owned(), field.r#type)).collect();
    let mut differences = Vec::new();
    for (path, expected) in &table {
        match shape.get(path) {
            None if is_in_free_json(path, &shape) => {}
            None => differences.push(format!("{}: the shape lacks {path}", coverage.kind)),
            Some(actual) if !same_type(&normalized(expected), actual) => differences
                .push(format!("{}: {path} is {expected} in the table and {actual} in the shape", coverage.kind)),
            Some(_) => {}
        }
    }
    // Fields of descriptions are at the top level, beside the inputs, and are ignored with all that they contain.
    let inputs: BTreeSet<&str> = table.keys().map(|path| top_level(path)).collect();
    let others: BTreeSet<&str> = coverage.others.keys().map(|path| top_level(path)).collect();
    let unlisted = shape.keys().filter(|path| {
        let is_description = !inputs.contains(top_level(path)) && others.contains(top_level(path));
        // In `autoScaling` they are beside the inputs at every level; its lists are fields of this project.
        let in_scaling = path.starts_with("autoScaling");
        let list = format!("{path}[].");
        let contains_inputs =
            in_scaling && (**path == "autoScaling" || table.keys().any(|input| input.starts_with(&list)));
        let is_scaling_description = in_scaling && coverage.others.contains_key(*path);
        !table.contains_key(*path) && !is_description && !contains_inputs && !is_scaling_description
    });
    differences.extend(unlisted.map(|path| format!("{}: the table lacks {path}", coverage.kind)));
    differences
}

fn top_level(path: &str) -> &str {
    path.split(['.', '[']).next().unwrap_or_default()
}

#[test]
fn the_shapes_have_the_fields_of_the_api_and_no_others() {
    let coverage = coverage_of_all_kinds();
    let [task_definition, service, cluster, capacity_provider] = coverage else { panic!("four kinds") };
    let mut differences = compare::<TaskDefinitionSpec>(task_definition);
    differences.extend(compare::<ServiceSpec>(service));
    differences.extend(compare::<ClusterSpec>(cluster));
    differences.extend(compare::<CapacityProviderSpec>(capacity_provider));
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn fields_that_are_not_inputs_are_ignored_except_for_the_kubernetes_block() {
    for kind in coverage_of_all_kinds() {
        for (other, outcomes) in &kind.others {
            let in_block = other == "kubernetes" || other.starts_with("kubernetes.");
            assert!(in_block || outcomes.iter().all(is_ignored), "{}: the table lacks {other}", kind.kind);
        }
    }
}

#[test]
fn every_field_has_a_verdict_and_every_difference_a_code_and_a_message() {
    for kind in coverage_of_all_kinds() {
        for covered in &kind.fields {
            let field = format!("{} {}", kind.kind, covered.field.path);
            assert!(!covered.outcomes.is_empty(), "{field} has no verdict");
            for outcome in &covered.outcomes {
                let exact = outcome.verdict.0 == Verdict::Exact;
                assert_eq!(exact, outcome.code.is_none(), "{field}: {outcome:?}");
                assert_eq!(exact, outcome.messages.is_empty(), "{field}: {outcome:?}");
                // An exact field may have no target: a feature that is switched off sets nothing.
                let has_target = !outcome.targets.is_empty();
                match outcome.verdict.0 {
                    Verdict::Approximate | Verdict::NeedsAddon => assert!(has_target, "{field}: {outcome:?}"),
                    Verdict::Unsupported | Verdict::Ignored => assert!(!has_target, "{field}: {outcome:?}"),
                    Verdict::Exact => {}
                }
            }
        }
    }
}

#[test]
fn every_field_is_recorded_by_a_translation() {
    for kind in coverage_of_all_kinds() {
        for covered in &kind.fields {
            let untranslated = covered.outcomes.iter().any(|outcome| outcome.code == Some(Code::NotTranslatedYet));
            assert!(!untranslated, "{} {} has no verdict of a translation", kind.kind, covered.field.path);
        }
    }
}

/// Returns the fields of a kind that have verdicts in the golden cases.
fn in_golden_cases(kind: &str) -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/cases");
    let mut fields = BTreeSet::new();
    for case in fs::read_dir(folder).expect("cases") {
        let verdicts = fs::read_to_string(case.expect("an entry").path().join("verdicts.txt")).unwrap_or_default();
        let mut current = "";
        for line in verdicts.lines() {
            let mut words = line.split_whitespace();
            let first = words.next().unwrap_or_default();
            match (line.starts_with(' '), line.starts_with("  /") && words.next() != Some("at")) {
                (false, _) => current = first,
                (true, true) if current == kind => drop(fields.insert(field(first))),
                _ => {}
            }
        }
    }
    fields
}

fn not_in_golden_cases(coverage: &Coverage) -> Vec<&'static str> {
    let in_cases = in_golden_cases(coverage.kind);
    let fields = coverage.fields.iter().map(|covered| covered.field.path);
    fields.filter(|path| !in_cases.iter().any(|field| is_within(field, path))).collect()
}

/// True if `field` is `path` or a part of it.
fn is_within(field: &str, path: &str) -> bool {
    field.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

#[test]
fn every_field_of_a_task_definition_is_in_a_golden_case() {
    let missing = not_in_golden_cases(&coverage_of_all_kinds()[0]);
    assert!(missing.is_empty(), "no golden case has:\n{}", missing.join("\n"));
}

#[test]
fn every_field_of_companion_objects_of_a_service_is_in_a_golden_case() {
    /// Fields of the workload itself, which other tests cover.
    const OF_WORKLOAD: [&str; 6] = [
        "deploymentConfiguration",
        "deploymentController",
        "placementConstraints",
        "placementStrategy",
        "schedulingStrategy",
        "volumeConfigurations",
    ];
    let mut missing = not_in_golden_cases(&coverage_of_all_kinds()[1]);
    // Predictive scaling is unsupported as a whole.
    missing.retain(|path| !path.contains("predictiveScalingPolicyConfiguration."));
    missing.retain(|path| !OF_WORKLOAD.contains(&top_level(path)));
    assert!(missing.is_empty(), "no golden case has:\n{}", missing.join("\n"));
}

#[test]
fn every_field_of_clusters_and_capacity_providers_is_in_a_golden_case() {
    for kind in &coverage_of_all_kinds()[2..] {
        let missing = not_in_golden_cases(kind);
        assert!(missing.is_empty(), "{}: no golden case has:\n{}", kind.kind, missing.join("\n"));
    }
}

#[test]
fn a_cluster_has_the_inputs_of_put_cluster_capacity_providers() {
    let created: BTreeSet<&str> =
        fields::for_operations(&["ecs:CreateCluster"]).iter().map(|field| field.path).collect();
    let put = fields::for_operations(&["ecs:PutClusterCapacityProviders"]);
    let others: Vec<&str> = put.iter().map(|field| field.path).filter(|path| !created.contains(path)).collect();
    // `clusterName` of a Cluster.
    assert_eq!(others, ["cluster"]);
}

/// `/containerDefinitions/0/name` → `containerDefinitions[].name`
fn field(pointer: &str) -> String {
    let mut name = String::new();
    for step in pointer.split('/').skip(1) {
        if step.bytes().all(|byte| byte.is_ascii_digit()) {
            name.push_str("[]");
        } else {
            name.push_str(if name.is_empty() { "" } else { "." });
            name.push_str(step);
        }
    }
    name
}

#[test]
fn every_operation_has_a_replacement() {
    let table: BTreeSet<&str> = fields::all().map(|field| field.operation).collect();
    let replaced: Vec<&str> = OPERATIONS.iter().flat_map(|entry| entry.operations).copied().collect();
    let unique: BTreeSet<&str> = replaced.iter().copied().collect();
    assert_eq!(replaced.len(), unique.len(), "an operation is listed twice");
    assert_eq!(table, unique);
}
