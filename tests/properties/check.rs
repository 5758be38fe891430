//! Properties of every conversion.

use std::collections::{BTreeMap, BTreeSet};

use ecs_operator::convert::{Conversion, Manifest, Source, Target, convert};
use ecs_operator::report::{self, Appearance, Document, Report};
use ecs_operator::translate::Verdict;
use serde_json::Value;

use crate::input::{Body, File, Input, Style};
use crate::schema::SENTINEL;
use crate::tally::Tally;
use crate::{objects, targets, walk};

/// `Ok`, or a description of the property that does not hold.
pub type Outcome = Result<(), String>;

/// End of the message of a field that is absent from the document.
const BY_DEFAULT: &str = "; the field is absent, so its default applies";

/// Checks all properties of one input, for both targets.
pub fn input(input: &Input, tally: &Tally) -> Outcome {
    for target in [Target::CustomResources, Target::Kubernetes] {
        let conversion = convert(&input.sources(), &input.settings(target));
        let checked = check_conversion(input, target, &conversion);
        checked.map_err(|error| format!("{target:?}: {error}"))?;
        tally.add(target, &conversion);
    }
    Ok(())
}

fn check_conversion(input: &Input, target: Target, conversion: &Conversion) -> Outcome {
    let forms = forms(&conversion.report);
    result_is_reproducible(input, target, conversion, &forms)?;
    every_leaf_is_reported(input, target, conversion)?;
    verdicts_have_reasons(&conversion.report)?;
    no_secret_is_reported(input, &conversion.report, &forms)?;
    targets::exist(input, target, conversion)?;
    match target {
        Target::CustomResources => {
            valid_definitions_are_written(conversion)?;
            second_conversion_changes_nothing(input, conversion)
        }
        Target::Kubernetes => {
            valid_definitions_become_workloads(conversion)?;
            objects::are_valid(&conversion.manifests)
        }
    }
}

/// The report in all its formats.
fn forms(report: &Report) -> [String; 4] {
    let text = report::text(report, Appearance::default());
    let json = report::json(report).unwrap_or_else(|error| error.to_string());
    let sarif = report::sarif(report).unwrap_or_else(|error| error.to_string());
    [text, json, report::markdown(report), sarif]
}

/// The same input gives the same bytes, and the order of JSON members does not matter.
fn result_is_reproducible(input: &Input, target: Target, first: &Conversion, reports: &[String; 4]) -> Outcome {
    let second = convert(&input.sources(), &input.settings(target));
    equal("the manifests of a second run", &first.manifests, &second.manifests)?;
    if *reports != forms(&second.report) {
        return Err("a second run gives a different report".to_owned());
    }
    let shuffled = convert(&input.shuffled(first.manifests.len() as u64).sources(), &input.settings(target));
    equal("the manifests with members in another order", &first.manifests, &shuffled.manifests)
}

fn equal(what: &str, first: &[Manifest], second: &[Manifest]) -> Outcome {
    let different = first.iter().zip(second).find(|(a, b)| a != b);
    match different {
        Some((a, b)) => Err(format!("{what} differ:\n{}\nand\n{}", a.yaml, b.yaml)),
        None if first.len() != second.len() => Err(format!("{what}: {} and {}", first.len(), second.len())),
        None => Ok(()),
    }
}

/// The report has exactly one field for each leaf of a document with a definition, and no other fields except absent ones.
fn every_leaf_is_reported(input: &Input, target: Target, conversion: &Conversion) -> Outcome {
    for file in &input.files {
        let Some(documents) = file.documents() else { continue };
        let is_of_file = |document: &&Document| document.source == file.name;
        let reported: Vec<&Document> = conversion.report.documents.iter().filter(is_of_file).collect();
        if reported.is_empty() {
            return Err(format!("{} is missing from the report", file.name));
        }
        // The limits of the reader apply to the whole text.
        if reported.iter().any(|document| document.findings.iter().any(|finding| finding.code == "syntax-error")) {
            continue;
        }
        let mut missing: BTreeMap<String, i32> = BTreeMap::new();
        for document in &documents {
            for leaf in expected_leaves(input, file, target, document, (documents.len() == 1).then_some(&reported)) {
                *missing.entry(leaf).or_default() += 1;
            }
        }
        for field in reported.iter().flat_map(|document| &document.fields) {
            let by_default = field.message.as_ref().is_some_and(|message| message.ends_with(BY_DEFAULT));
            let written = documents.iter().any(|document| document.pointer(&field.path).is_some());
            match missing.get_mut(&field.path) {
                _ if by_default && documents.len() == 1 && written => {
                    return Err(format!("{} is set, but reported as a default", field.path));
                }
                _ if by_default => {}
                Some(count) => *count -= 1,
                None => return Err(format!("{} is reported, but is not a leaf", field.path)),
            }
        }
        if let Some((leaf, count)) = missing.iter().find(|(_, count)| **count != 0) {
            return Err(format!("{leaf} of {} is missing from the report {count} times", file.name));
        }
    }
    Ok(())
}

/// The leaves of a document that belong to definitions; none if the converter finds no definition in the document.
fn expected_leaves(
    input: &Input,
    file: &File,
    target: Target,
    document: &Value,
    reported: Option<&Vec<&Document>>,
) -> Vec<String> {
    let alone;
    let reported = if let Some(reported) = reported {
        reported
    } else {
        // The report does not identify the documents of a file, so this one is converted on its own.
        let body = Body::Documents(vec![document.clone()], Style::Yaml);
        let file = File { body, ..file.clone() };
        alone = convert(&[file.source()], &input.settings(target)).report;
        &alone.documents.iter().collect::<Vec<_>>()
    };
    if reported.iter().all(|document| document.kind.is_none()) {
        return Vec::new();
    }
    let others = reported.iter().filter(|document| document.kind.is_none());
    let others: Vec<&str> = others.filter_map(|document| Some(document.findings.first()?.path.as_str())).collect();
    let mut leaves = walk::leaves(document);
    leaves.retain(|leaf| !others.iter().any(|other| walk::is_inside(leaf, other)));
    leaves
}

/// Every verdict other than exact and every finding has a code and a message.
fn verdicts_have_reasons(report: &Report) -> Outcome {
    for document in &report.documents {
        for field in document.fields.iter().filter(|field| field.verdict != Verdict::Exact) {
            let message = field.message.as_deref().unwrap_or_default();
            if field.code.is_none_or(str::is_empty) || message.trim().is_empty() {
                return Err(format!("{} is {} without a reason", field.path, field.verdict.name()));
            }
        }
        if let Some(finding) = document.findings.iter().find(|f| f.code.is_empty() || f.message.trim().is_empty()) {
            return Err(format!("the finding at {:?} has no code or no message", finding.path));
        }
    }
    Ok(())
}

/// No report shows a value that may be secret, unless a mistake moved it to a field of another meaning.
fn no_secret_is_reported(input: &Input, report: &Report, reports: &[String; 4]) -> Outcome {
    let shown = reports.iter().find(|form| form.contains(SENTINEL));
    match shown.and_then(|form| form.lines().find(|line| line.contains(SENTINEL))) {
        Some(line) if input.files.iter().all(|file| secrets_are_in_place(file, report)) => {
            Err(format!("the report shows a value: {line}"))
        }
        _ => Ok(()),
    }
}

fn secrets_are_in_place(file: &File, report: &Report) -> bool {
    if let Some(documents) = file.documents() {
        return documents.iter().all(|document| in_place(document, &mut Vec::new()));
    }
    let refused = |d: &Document| d.source == file.name && d.findings.iter().any(|f| f.code == "syntax-error");
    report.documents.iter().any(refused)
}

fn in_place(value: &Value, path: &mut Vec<String>) -> bool {
    match value {
        Value::Object(members) => members.iter().all(|(name, value)| {
            path.push(name.clone());
            let fine = !name.contains(SENTINEL) && in_place(value, path);
            path.pop();
            fine
        }),
        Value::Array(items) => items.iter().all(|item| in_place(item, path)),
        Value::String(text) => !text.contains(SENTINEL) || walk::is_user_data(path),
        _ => true,
    }
}

fn names<'a>(manifests: &'a [Manifest], kind: &str) -> Vec<&'a str> {
    let mut names: Vec<&str> = manifests.iter().filter(|m| m.kind == kind).map(|m| m.name.as_str()).collect();
    names.sort_unstable();
    names
}

fn valid<'a>(report: &'a Report, kind: &str) -> Vec<&'a str> {
    let documents = report.documents.iter().filter(|d| d.kind == Some(kind) && !d.is_refused());
    let mut names: Vec<&str> = documents.map(|d| d.name.as_deref().unwrap_or_default()).collect();
    names.sort_unstable();
    names
}

/// Exactly the definitions without errors become custom resources.
fn valid_definitions_are_written(conversion: &Conversion) -> Outcome {
    for kind in ["TaskDefinition", "Service", "Cluster"] {
        let (written, expected) = (names(&conversion.manifests, kind), valid(&conversion.report, kind));
        if written != expected {
            return Err(format!(
                "the {kind} definitions without errors are {expected:?}, the written ones {written:?}"
            ));
        }
    }
    Ok(())
}

/// Kinds of objects that services become.
const WORKLOADS: [&str; 2] = ["Deployment", "DaemonSet"];

/// Each service without errors becomes a workload, and so does each task definition that no service uses. The report names
/// each task definition that does not.
fn valid_definitions_become_workloads(conversion: &Conversion) -> Outcome {
    let report = &conversion.report;
    let mut expected = valid(report, "Service");
    for document in report.documents.iter().filter(|d| d.kind == Some("TaskDefinition") && !d.is_refused()) {
        let has_finding = |code: &str| document.findings.iter().any(|finding| finding.code == code);
        let name = document.name.as_deref().unwrap_or_default();
        let is_workload = |target: &String| WORKLOADS.iter().any(|kind| target.starts_with(&format!("{kind}/")));
        let becomes = |field: &report::Field| field.target.as_ref().is_some_and(is_workload);
        if has_finding("no-service") {
            expected.push(name);
        } else if !has_finding("service-refused") && !document.fields.iter().any(becomes) {
            return Err(format!("the report does not name the result of the task definition {name}"));
        }
    }
    let cluster = |d: &&Document| d.kind == Some("Cluster") && !d.is_refused();
    let exact = |d: &Document| d.fields.iter().any(|f| f.verdict == Verdict::Exact && f.target.is_some());
    if report.documents.iter().filter(cluster).any(exact) {
        return Err("a field of a cluster is reported as exact, but clusters become no objects".to_owned());
    }
    expected.sort_unstable();
    let mut written: Vec<&str> = WORKLOADS.iter().flat_map(|kind| names(&conversion.manifests, kind)).collect();
    written.sort_unstable();
    if written != expected {
        return Err(format!("the workloads are {written:?}, expected {expected:?}"));
    }
    let services: BTreeSet<&str> = names(&conversion.manifests, "Service").into_iter().collect();
    match services.iter().find(|name| !written.contains(name)) {
        Some(name) => Err(format!("the Service {name} has no workload")),
        None => Ok(()),
    }
}

/// Converting the written custom resources again gives the same custom resources.
fn second_conversion_changes_nothing(input: &Input, conversion: &Conversion) -> Outcome {
    if conversion.manifests.is_empty() {
        return Ok(());
    }
    let texts: Vec<&str> = conversion.manifests.iter().map(|manifest| manifest.yaml.as_str()).collect();
    let source = Source { name: "all.yaml".to_owned(), text: Ok(texts.join("---\n")), from_folder: false };
    let again = convert(&[source], &input.settings(Target::CustomResources));
    equal("the custom resources of a second conversion", &conversion.manifests, &again.manifests)
        .map_err(|error| format!("{error}\n{}", report::text(&again.report, Appearance::default())))
}
