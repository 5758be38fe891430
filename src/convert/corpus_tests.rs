//! Properties of conversions of real definitions: reports are complete, and results depend only on the input.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::*;
use crate::ecs::query::{Query, Reason};
use crate::report;

/// Returns the folder of real definitions: `$CORPUS`, or the one beside the project; none if neither exists.
fn corpus() -> Option<PathBuf> {
    let default = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let folder = std::env::var_os("CORPUS").map_or_else(default, PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: the folder {} does not exist; set CORPUS", folder.display());
    None
}

fn sources() -> Vec<Source> {
    let Some(folder) = corpus() else { return Vec::new() };
    files::read(&[folder.join("taskdefs"), folder.join("services")])
}

fn settings() -> [Settings; 2] {
    [Settings::default(), Settings { target: Target::Kubernetes, ..Settings::default() }]
}

#[test]
fn every_leaf_of_a_real_definition_is_in_the_report() {
    for source in sources() {
        let Ok(Ok(Some(document))) = source.text.as_ref().map(|text| input::json::parse(text).map(|mut all| all.pop()))
        else {
            continue;
        };
        let leaves: BTreeSet<String> = input::Leaf::all(&document.value).iter().map(|leaf| leaf.path.clone()).collect();
        for settings in settings() {
            let report = convert(std::slice::from_ref(&source), &settings).report;
            let fields = report.documents.iter().flat_map(|document| &document.fields);
            let fields: BTreeSet<String> = fields.map(|field| field.path.clone()).collect();
            let is_detected = report.documents.iter().all(|document| document.kind.is_some());
            assert!(!is_detected || leaves.is_subset(&fields), "{}: {:?}", source.name, leaves.difference(&fields));
            let more = fields.difference(&leaves).filter_map(|path| document.value.pointer(path));
            assert!(
                !is_detected || more.count() == 0,
                "{}: fields of the report that are neither leaves nor absent",
                source.name
            );
        }
    }
}

/// Every field of the companion objects of a service has a translation or a reason.
#[test]
fn fields_of_companions_of_real_services_are_translated() {
    // Fields of the number, placement and replacement of tasks.
    const OTHERS: [&str; 4] =
        ["capacityProviderStrategy", "deploymentConfiguration", "placementConstraints", "placementStrategy"];
    let Some(corpus) = corpus() else { return };
    let mut services = 0;
    for source in files::read(&[corpus.join("services")]) {
        let report = convert(std::slice::from_ref(&source), &Settings::default()).report;
        for document in report.documents.iter().filter(|document| document.kind == Some("Service")) {
            services += 1;
            let untranslated = document.fields.iter().filter(|field| field.code == Some("not-translated-yet"));
            let paths = untranslated.map(|field| field.path.as_str());
            let paths: Vec<_> =
                paths.filter(|path| !OTHERS.iter().any(|other| path.split('/').any(|step| step == *other))).collect();
            assert_eq!(paths, [""; 0], "{}", source.name);
        }
    }
    assert!(services > 30, "only {services} services");
}

#[test]
fn every_leaf_of_a_real_definition_has_a_location() {
    for source in sources() {
        let Ok(text) = &source.text else { continue };
        let Ok(documents) = input::json::parse(text) else { continue };
        let locations = input::locations(&source);
        assert_eq!(locations.len(), documents.len(), "{}", source.name);
        for (document, locations) in documents.iter().zip(&locations) {
            for path in input::Leaf::all(&document.value).iter().map(|leaf| leaf.path.clone()) {
                let location = locations.get(&path).unwrap_or_else(|| panic!("{} {path}", source.name));
                let line: String =
                    text.lines().nth(location.line - 1).unwrap().chars().skip(location.column - 1).collect();
                let name = path.rsplit('/').next().unwrap();
                assert!(line.starts_with(&format!("\"{name}\"")) || name.parse::<usize>().is_ok(), "{path}: {line}");
            }
        }
    }
}

#[test]
fn every_real_file_is_converted_or_refused_with_a_reason() {
    for source in sources() {
        let report = convert(std::slice::from_ref(&source), &Settings::default()).report;
        assert!(!report.documents.is_empty(), "{}", source.name);
        for document in &report.documents {
            assert!(document.kind.is_some() || !document.findings.is_empty(), "{}", source.name);
            for field in document.fields.iter().filter(|field| field.verdict != crate::translate::Verdict::Exact) {
                assert!(field.code.is_some() && field.message.is_some(), "{}: {field:?}", source.name);
            }
        }
    }
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let sources = sources();
    for settings in settings() {
        let (one, two) = (convert(&sources, &settings), convert(&sources, &settings));
        assert_eq!(one.manifests, two.manifests);
        assert_eq!(report::json(&one.report).unwrap(), report::json(&two.report).unwrap());
    }
}

#[test]
fn written_manifests_convert_to_themselves() {
    for source in sources() {
        let first = convert(std::slice::from_ref(&source), &Settings::default());
        let text = first.manifests.iter().map(|manifest| manifest.yaml.as_str()).collect::<Vec<_>>().join("---\n");
        if first.manifests.is_empty() {
            continue;
        }
        let again = Source { name: "all.yaml".to_owned(), text: Ok(text), from_folder: false };
        let second = convert(&[again], &Settings::default());
        assert_eq!(second.manifests, first.manifests, "{}", source.name);
    }
}

#[test]
fn every_real_expression_is_parsed_or_rejected_with_its_reason() {
    let Some(folder) = corpus() else { return };
    let table = std::fs::read_to_string(folder.join("queries/cluster-queries.tsv")).unwrap();
    let expressions = table.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split('\t').next());
    let mut number = 0;
    for text in expressions.filter(|text| !text.is_empty()) {
        number += 1;
        let reason = match text {
            _ if text.contains('{') => Some(Reason::Template),
            _ if text.contains('`') => Some(Reason::Backquotes),
            _ => None,
        };
        let read = text.parse::<Query>();
        assert_eq!(read.as_ref().err().map(|error| error.reason), reason, "{text}");
        if let Ok(query) = read {
            assert!(query.notes().is_empty(), "{text}: {:?}", query.notes());
            assert_eq!(query.to_string().parse::<Query>().as_ref(), Ok(&query), "{text}");
        }
    }
    assert!(number > 25, "{number} expressions");
}
