//! Tests of conversions from texts to objects and reports.

mod clusters;
mod custom_resources;
mod inputs;
mod manifests;
mod names;
mod references;
mod reports;
mod scaling;

use serde_json::{Value, json};

use super::*;
use crate::report::{Document, Field};

fn source(name: &str, value: &Value) -> Source {
    Source { name: name.to_owned(), text: Ok(value.to_string()), from_folder: false }
}

fn run(inputs: &[(&str, Value)], settings: &Settings) -> Conversion {
    let sources: Vec<Source> = inputs.iter().map(|(name, value)| source(name, value)).collect();
    convert(&sources, settings)
}

fn manifest_settings() -> Settings {
    Settings { target: Target::Kubernetes, ..Settings::default() }
}

fn task(family: &str) -> Value {
    json!({
        "family": family,
        "containerDefinitions": [{
            "name": "app", "image": "nginx:1", "memory": 64, "portMappings": [{"containerPort": 80}],
            "environment": [{"name": "PASSWORD", "value": "s3cret-value"}],
        }],
    })
}

fn service(name: &str, task_definition: &str) -> Value {
    json!({"serviceName": name, "taskDefinition": task_definition, "desiredCount": 3})
}

fn yaml(manifest: &Manifest) -> Value {
    serde_saphyr::from_str(&manifest.yaml).unwrap()
}

fn names(conversion: &Conversion) -> Vec<String> {
    conversion.manifests.iter().map(|manifest| format!("{}/{}", manifest.kind, manifest.name)).collect()
}

fn codes(conversion: &Conversion) -> Vec<&'static str> {
    conversion.report.documents.iter().flat_map(|document| &document.findings).map(|finding| finding.code).collect()
}

/// The findings of each document, as `code path`.
fn findings(conversion: &Conversion) -> Vec<Vec<String>> {
    let lines = |document: &Document| {
        document.findings.iter().map(|finding| format!("{} {}", finding.code, finding.path)).collect()
    };
    conversion.report.documents.iter().map(lines).collect()
}

fn field<'a>(conversion: &'a Conversion, document: usize, path: &str) -> &'a Field {
    conversion.report.documents[document].fields.iter().find(|field| field.path == path).unwrap()
}
