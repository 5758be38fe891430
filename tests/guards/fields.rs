//! Nothing is dropped in silence: the table of the AWS API's fields, the shapes of the code, the verdicts and the golden cases
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

/// What becomes of every kind of definition: surveyed once for all tests.
fn surveyed() -> &'static [Coverage] {
    static COVERAGE: LazyLock<Vec<Coverage>> = LazyLock::new(docgen::coverage);
    &COVERAGE
}

/// The fields of a shape and their types, in the table's words, without bounds and obligations.
fn shape<T: JsonSchema>() -> BTreeMap<String, String> {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let schema = settings.into_generator().into_root_schema_for::<T>();
    let mut found = BTreeMap::new();
    members(schema.as_object().expect("an object"), "", &mut found);
    found
}

fn members(schema: &Map<String, Value>, at: &str, found: &mut BTreeMap<String, String>) {
    for (name, member) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let path = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
        let member = plain(member);
        found.insert(path.clone(), type_of(&member));
        match kind(&member) {
            "array" => members(&plain(&member["items"]), &format!("{path}[]"), found),
            _ => members(&member, &path, found),
        }
    }
}

/// A schema without the choice of being null.
fn plain(schema: &Value) -> Map<String, Value> {
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
            let item = type_of(&plain(&schema["items"]));
            // The table writes a list of choices as one of texts.
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
    let own: BTreeSet<String> = listed.filter_map(Value::as_str).map(str::to_owned).collect();
    let variants = schema.get("oneOf").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object);
    variants.map(choices).fold(own, |all, more| all.union(&more).cloned().collect())
}

/// The table's type in the words of [`type_of`]: without bounds and obligation, choices in order, structures unnamed.
fn tabled(r#type: &str) -> String {
    let bare = r#type.split(" required").next().unwrap_or_default().split(" [").next().unwrap_or_default();
    let sorted = |text: &str| {
        let Some((before, rest)) = text.split_once('{') else { return text.to_owned() };
        let (inside, after) = rest.split_once('}').expect("a closing brace");
        let choices: BTreeSet<&str> = inside.split(',').collect();
        format!("{before}{{{}}}{after}", choices.into_iter().collect::<Vec<_>>().join(","))
    };
    match bare.strip_prefix("list<") {
        Some(item) if item.starts_with(char::is_uppercase) => "list<struct>".to_owned(),
        _ => sorted(bare),
    }
}

/// Whether the table's type and the shape's are one. `enum` alone leaves the choices to the code.
fn same_type(table: &str, shape: &str) -> bool {
    table == shape
        || (table == "enum" && shape.starts_with("enum{"))
        || (table == "list<enum>" && shape.starts_with("list<string{"))
        || (table == "struct" && shape == "document")
        || (table == "timestamp" && (shape == "double" || shape == "string"))
}

/// Whether the shape has free JSON at a place above.
fn is_in_free_json(path: &str, shape: &BTreeMap<String, String>) -> bool {
    let above = path.match_indices('.').map(|(at, _)| path[..at].trim_end_matches("[]"));
    above.into_iter().any(|place| shape.get(place).is_some_and(|r#type| r#type == "document"))
}

fn is_ignored(outcome: &docgen::Outcome) -> bool {
    outcome.verdict.0 == Verdict::Ignored
}

fn compare<T: JsonSchema>(coverage: &Coverage) -> Vec<String> {
    let shape = shape::<T>();
    let table: BTreeMap<String, &str> =
        coverage.inputs.iter().map(|field| (field.path.to_owned(), field.r#type)).collect();
    let mut wrong = Vec::new();
    for (path, wanted) in &table {
        match shape.get(path) {
            None if is_in_free_json(path, &shape) => {}
            None => wrong.push(format!("{}: the shape lacks {path}", coverage.kind)),
            Some(found) if !same_type(&tabled(wanted), found) => {
                wrong.push(format!("{}: {path} is {wanted} in the table and {found} in the shape", coverage.kind));
            }
            Some(_) => {}
        }
    }
    // What AWS prints stands at the top, beside the inputs, and is ignored as a whole.
    let top = |path: &str| path.split(['.', '[']).next().unwrap_or_default().to_owned();
    let inputs: BTreeSet<String> = table.keys().map(|path| top(path)).collect();
    let others: BTreeSet<String> = coverage.others.keys().map(|path| top(path)).collect();
    let unknown = shape.keys().filter(|path| {
        let beside = !inputs.contains(&top(path)) && others.contains(&top(path));
        // What AWS prints of the parts of `autoScaling` stands among them, and the lists of parts are our own.
        let of_scaling = path.starts_with("autoScaling");
        let list = format!("{path}[].");
        let holds_inputs =
            of_scaling && (**path == "autoScaling" || table.keys().any(|known| known.starts_with(&list)));
        let printed = of_scaling && coverage.others.contains_key(*path);
        !table.contains_key(*path) && !beside && !holds_inputs && !printed
    });
    wrong.extend(unknown.map(|path| format!("{}: the table lacks {path}", coverage.kind)));
    wrong
}

#[test]
fn the_shapes_have_the_fields_of_the_api_and_no_others() {
    let coverage = surveyed();
    let [task_definition, service, cluster, capacity_provider] = coverage else { panic!("four kinds") };
    let mut wrong = compare::<TaskDefinitionSpec>(task_definition);
    wrong.extend(compare::<ServiceSpec>(service));
    wrong.extend(compare::<ClusterSpec>(cluster));
    wrong.extend(compare::<CapacityProviderSpec>(capacity_provider));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What the shapes have beside the inputs is ignored, but for our own block.
#[test]
fn what_is_no_input_is_ignored() {
    for kind in surveyed() {
        for (other, outcomes) in &kind.others {
            let ours = other == "kubernetes" || other.starts_with("kubernetes.");
            assert!(ours || outcomes.iter().all(is_ignored), "{}: the table lacks {other}", kind.kind);
        }
    }
}

#[test]
fn every_field_has_a_verdict_and_every_difference_a_code_and_a_sentence() {
    for kind in surveyed() {
        for covered in &kind.fields {
            let place = format!("{} {}", kind.kind, covered.field.path);
            assert!(!covered.outcomes.is_empty(), "{place} has no verdict");
            for outcome in &covered.outcomes {
                let exact = outcome.verdict.0 == Verdict::Exact;
                assert_eq!(exact, outcome.code.is_none(), "{place}: {outcome:?}");
                assert_eq!(exact, outcome.messages.is_empty(), "{place}: {outcome:?}");
                // A switch that is off keeps its meaning by becoming nothing.
                let becomes = !outcome.targets.is_empty();
                match outcome.verdict.0 {
                    Verdict::Approximate | Verdict::NeedsAddon => assert!(becomes, "{place}: {outcome:?}"),
                    Verdict::Unsupported | Verdict::Ignored => assert!(!becomes, "{place}: {outcome:?}"),
                    Verdict::Exact => {}
                }
            }
        }
    }
}

/// Every field of the API has a verdict of a translation of its own.
#[test]
fn every_field_is_translated() {
    for kind in surveyed() {
        for covered in &kind.fields {
            let untranslated = covered.outcomes.iter().any(|outcome| outcome.code == Some(Code::NotTranslatedYet));
            assert!(!untranslated, "{} {} has no verdict of a translation", kind.kind, covered.field.path);
        }
    }
}

/// The fields in the golden cases' verdicts on definitions of a kind.
fn in_golden_cases(kind: &str) -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/cases");
    let mut seen = BTreeSet::new();
    for case in fs::read_dir(folder).expect("cases") {
        let verdicts = fs::read_to_string(case.expect("an entry").path().join("verdicts.txt")).unwrap_or_default();
        let mut current = "";
        for line in verdicts.lines() {
            let mut words = line.split_whitespace();
            let first = words.next().unwrap_or_default();
            match (line.starts_with(' '), line.starts_with("  /") && words.next() != Some("at")) {
                (false, _) => current = first,
                (true, true) if current == kind => drop(seen.insert(field(first))),
                _ => {}
            }
        }
    }
    seen
}

fn not_in_golden_cases(coverage: &Coverage) -> Vec<&'static str> {
    let seen = in_golden_cases(coverage.kind);
    let fields = coverage.fields.iter().map(|covered| covered.field.path);
    let missing = fields.filter(|path| {
        let inside =
            |found: &String| found == path || found.strip_prefix(path).is_some_and(|r| r.starts_with(['.', '[']));
        !seen.iter().any(inside)
    });
    missing.collect()
}

#[test]
fn every_field_of_a_task_definition_is_in_a_golden_case() {
    let missing = not_in_golden_cases(&surveyed()[0]);
    assert!(missing.is_empty(), "no golden case has:\n{}", missing.join("\n"));
}

/// What stands in front of and around the tasks of a service.
#[test]
fn every_field_around_a_service_is_in_a_golden_case() {
    const ELSEWHERE: [&str; 6] = [
        "deploymentConfiguration",
        "deploymentController",
        "placementConstraints",
        "placementStrategy",
        "schedulingStrategy",
        "volumeConfigurations",
    ];
    let mut missing = not_in_golden_cases(&surveyed()[1]);
    // Nothing looks into what predictive scaling is to foresee.
    missing.retain(|path| !path.contains("predictiveScalingPolicyConfiguration."));
    missing.retain(|path| !ELSEWHERE.contains(&path.split(['.', '[']).next().unwrap_or_default()));
    assert!(missing.is_empty(), "no golden case has:\n{}", missing.join("\n"));
}

#[test]
fn every_field_of_clusters_and_capacity_providers_is_in_a_golden_case() {
    for kind in &docgen::coverage()[2..] {
        let missing = not_in_golden_cases(kind);
        assert!(missing.is_empty(), "{}: no golden case has:\n{}", kind.kind, missing.join("\n"));
    }
}

/// What `PutClusterCapacityProviders` takes, a Cluster has, where the cluster's name is called differently.
#[test]
fn a_cluster_has_the_fields_of_its_capacity_providers() {
    let of_cluster: BTreeSet<&str> = fields::of(&["ecs:CreateCluster"]).iter().map(|field| field.path).collect();
    let put = fields::of(&["ecs:PutClusterCapacityProviders"]);
    let others: Vec<&str> = put.iter().map(|field| field.path).filter(|path| !of_cluster.contains(path)).collect();
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
fn every_operation_has_something_that_takes_its_place() {
    let table: BTreeSet<&str> = fields::all().map(|field| field.operation).collect();
    let told: Vec<&str> = OPERATIONS.iter().flat_map(|entry| entry.operations).copied().collect();
    let unique: BTreeSet<&str> = told.iter().copied().collect();
    assert_eq!(told.len(), unique.len(), "an operation stands twice");
    assert_eq!(table, unique);
}
