//! What holds of every conversion, whatever is given.

use std::collections::{BTreeMap, BTreeSet};

use ecs_operator::convert::{Conversion, Manifest, Source, Target, convert};
use ecs_operator::report::{self, Appearance, Document, Report};
use ecs_operator::translate::Verdict;
use serde_json::Value;

use crate::input::{Body, File, Input, Style};
use crate::schema::SENTINEL;
use crate::tally::Tally;
use crate::{objects, targets, walk};

/// Nothing, or in words what does not hold.
pub type Outcome = Result<(), String>;

/// How the message of a field ends that is not written.
const BY_DEFAULT: &str = "; the field is not written, its default counts";

/// Checks all properties of one input, for both targets.
pub fn input(input: &Input, tally: &Tally) -> Outcome {
    for target in [Target::CustomResources, Target::Kubernetes] {
        let conversion = convert(&input.sources(), &input.settings(target));
        let checked = conversion_of(input, target, &conversion);
        checked.map_err(|error| format!("{target:?}: {error}"))?;
        tally.add(target, &conversion);
    }
    Ok(())
}

fn conversion_of(input: &Input, target: Target, conversion: &Conversion) -> Outcome {
    let forms = forms(&conversion.report);
    same_again(input, target, conversion, &forms)?;
    every_leaf_is_told(input, target, conversion)?;
    verdicts_say_enough(&conversion.report)?;
    nothing_secret_is_told(input, &conversion.report, &forms)?;
    targets::are_there(input, target, conversion)?;
    match target {
        Target::CustomResources => {
            usable_definitions_are_written(conversion)?;
            same_when_converted_again(input, conversion)
        }
        Target::Kubernetes => {
            usable_definitions_run(conversion)?;
            objects::are_sound(&conversion.manifests)
        }
    }
}

/// The report in all its forms.
fn forms(report: &Report) -> [String; 4] {
    let text = report::text(report, Appearance::default());
    let json = report::json(report).unwrap_or_else(|error| error.to_string());
    let sarif = report::sarif(report).unwrap_or_else(|error| error.to_string());
    [text, json, report::markdown(report), sarif]
}

/// The same input comes to the same bytes, and the order of members in JSON says nothing.
fn same_again(input: &Input, target: Target, first: &Conversion, told: &[String; 4]) -> Outcome {
    let second = convert(&input.sources(), &input.settings(target));
    equal("the manifests of a second run", &first.manifests, &second.manifests)?;
    if *told != forms(&second.report) {
        return Err("a second run gives another report".to_owned());
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

/// The report has a field for each leaf of a document with a definition, once, and none for anything else that is written.
fn every_leaf_is_told(input: &Input, target: Target, conversion: &Conversion) -> Outcome {
    for file in &input.files {
        let Some(documents) = file.documents() else { continue };
        let told = |document: &&Document| document.source == file.name;
        let told: Vec<&Document> = conversion.report.documents.iter().filter(told).collect();
        if told.is_empty() {
            return Err(format!("nothing is told of {}", file.name));
        }
        // The limits on what is read are those of the whole text.
        if told.iter().any(|document| document.findings.iter().any(|finding| finding.code == "syntax-error")) {
            continue;
        }
        let mut missing: BTreeMap<String, i32> = BTreeMap::new();
        for document in &documents {
            for leaf in leaves_to_tell(input, file, target, document, (documents.len() == 1).then_some(&told)) {
                *missing.entry(leaf).or_default() += 1;
            }
        }
        for field in told.iter().flat_map(|document| &document.fields) {
            let by_default = field.message.as_ref().is_some_and(|message| message.ends_with(BY_DEFAULT));
            let written = documents.iter().any(|document| document.pointer(&field.path).is_some());
            match missing.get_mut(&field.path) {
                _ if by_default && documents.len() == 1 && written => {
                    return Err(format!("{} is written, and told of as a default", field.path));
                }
                _ if by_default => {}
                Some(count) => *count -= 1,
                None => return Err(format!("{} is told of, and is no leaf", field.path)),
            }
        }
        if let Some((leaf, count)) = missing.iter().find(|(_, count)| **count != 0) {
            return Err(format!("{leaf} of {}: told of {} times too few", file.name, count));
        }
    }
    Ok(())
}

/// The leaves of a document that belong to a definition: all, but those in parts that are something else. Where no
/// definition is found there are none.
fn leaves_to_tell(
    input: &Input,
    file: &File,
    target: Target,
    document: &Value,
    told: Option<&Vec<&Document>>,
) -> Vec<String> {
    let alone;
    let told = if let Some(told) = told {
        told
    } else {
        // Of several documents the report does not say which is which.
        let body = Body::Documents(vec![document.clone()], Style::Yaml);
        let file = File { body, ..file.clone() };
        alone = convert(&[file.source()], &input.settings(target)).report;
        &alone.documents.iter().collect::<Vec<_>>()
    };
    if told.iter().all(|document| document.kind.is_none()) {
        return Vec::new();
    }
    let others = told.iter().filter(|document| document.kind.is_none());
    let others: Vec<&str> = others.filter_map(|document| Some(document.findings.first()?.path.as_str())).collect();
    let mut leaves = walk::leaves(document);
    leaves.retain(|leaf| !others.iter().any(|other| walk::is_inside(leaf, other)));
    leaves
}

/// What is not exact has a code and a message, and so has every finding.
fn verdicts_say_enough(report: &Report) -> Outcome {
    for document in &report.documents {
        for field in document.fields.iter().filter(|field| field.verdict != Verdict::Exact) {
            let message = field.message.as_deref().unwrap_or_default();
            if field.code.is_none_or(str::is_empty) || message.trim().is_empty() {
                return Err(format!("{} is {} without a reason", field.path, field.verdict.name()));
            }
        }
        if let Some(finding) = document.findings.iter().find(|f| f.code.is_empty() || f.message.trim().is_empty()) {
            return Err(format!("the finding at {:?} says nothing", finding.path));
        }
    }
    Ok(())
}

/// No report shows a text of the user, as long as it stands where such texts belong.
fn nothing_secret_is_told(input: &Input, report: &Report, told: &[String; 4]) -> Outcome {
    let shown = told.iter().find(|form| form.contains(SENTINEL));
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

fn usable<'a>(report: &'a Report, kind: &str) -> Vec<&'a str> {
    let documents = report.documents.iter().filter(|d| d.kind == Some(kind) && !d.is_refused());
    let mut names: Vec<&str> = documents.map(|d| d.name.as_deref().unwrap_or_default()).collect();
    names.sort_unstable();
    names
}

/// Each definition without an error becomes one custom resource, and nothing else becomes one.
fn usable_definitions_are_written(conversion: &Conversion) -> Outcome {
    for kind in ["TaskDefinition", "Service", "Cluster"] {
        let (written, wanted) = (names(&conversion.manifests, kind), usable(&conversion.report, kind));
        if written != wanted {
            return Err(format!("of kind {kind} there are {wanted:?} without errors, but written are {written:?}"));
        }
    }
    Ok(())
}

/// What services become.
const WORKLOADS: [&str; 2] = ["Deployment", "DaemonSet"];

/// Each service without an error becomes a workload. So does each task definition, unless a service uses it; that nothing
/// comes of it is said otherwise.
fn usable_definitions_run(conversion: &Conversion) -> Outcome {
    let report = &conversion.report;
    let mut wanted = usable(report, "Service");
    for document in report.documents.iter().filter(|d| d.kind == Some("TaskDefinition") && !d.is_refused()) {
        let said = |code: &str| document.findings.iter().any(|finding| finding.code == code);
        let name = document.name.as_deref().unwrap_or_default();
        let is_workload = |target: &String| WORKLOADS.iter().any(|kind| target.starts_with(&format!("{kind}/")));
        let becomes = |field: &report::Field| field.target.as_ref().is_some_and(is_workload);
        if said("no-service") {
            wanted.push(name);
        } else if !said("service-refused") && !document.fields.iter().any(becomes) {
            return Err(format!("nothing says what became of the task definition {name}"));
        }
    }
    let cluster = |d: &&Document| d.kind == Some("Cluster") && !d.is_refused();
    let exact = |d: &Document| d.fields.iter().any(|f| f.verdict == Verdict::Exact && f.target.is_some());
    if report.documents.iter().filter(cluster).any(exact) {
        return Err("a field of a cluster is called exact, and nothing is made of clusters".to_owned());
    }
    wanted.sort_unstable();
    let mut written: Vec<&str> = WORKLOADS.iter().flat_map(|kind| names(&conversion.manifests, kind)).collect();
    written.sort_unstable();
    if written != wanted {
        return Err(format!("workloads are {written:?} and not {wanted:?}"));
    }
    let services: BTreeSet<&str> = names(&conversion.manifests, "Service").into_iter().collect();
    match services.iter().find(|name| !written.contains(name)) {
        Some(name) => Err(format!("the Service {name} has no workload")),
        None => Ok(()),
    }
}

/// A custom resource that was written is understood, and stays as it is.
fn same_when_converted_again(input: &Input, conversion: &Conversion) -> Outcome {
    if conversion.manifests.is_empty() {
        return Ok(());
    }
    let texts: Vec<&str> = conversion.manifests.iter().map(|manifest| manifest.yaml.as_str()).collect();
    let source = Source { name: "all.yaml".to_owned(), text: Ok(texts.join("---\n")), from_folder: false };
    let again = convert(&[source], &input.settings(Target::CustomResources));
    equal("the custom resources, converted again,", &conversion.manifests, &again.manifests)
        .map_err(|error| format!("{error}\n{}", report::text(&again.report, Appearance::default())))
}
