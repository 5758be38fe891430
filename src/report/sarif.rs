//! The report as SARIF 2.1.0, for code scanning.

use std::fmt::Write;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Document, Field, Finding, Report};
use crate::ecs::Severity;
use crate::translate::Verdict;

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// The report as SARIF with a result for each finding and for each field that is not exact.
///
/// # Errors
/// None that this form of data allows.
pub fn sarif(report: &Report) -> Result<String, serde_json::Error> {
    let results: Vec<Value> = report.documents.iter().flat_map(results).collect();
    let codes: BTreeSet<&str> = results.iter().filter_map(|result| result["ruleId"].as_str()).collect();
    let rules: Vec<Value> = codes.into_iter().map(|code| json!({"id": code})).collect();
    let driver = json!({"name": "ecs-operator", "version": env!("CARGO_PKG_VERSION"), "rules": rules});
    let run = json!({"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results});
    let mut text = serde_json::to_string_pretty(&json!({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}))?;
    text.push('\n');
    Ok(text)
}

fn results(document: &Document) -> Vec<Value> {
    let findings = document.findings.iter().map(|finding| of_finding(document, finding));
    findings.chain(document.notable_fields().map(|field| of_field(document, field))).collect()
}

fn of_finding(document: &Document, finding: &Finding) -> Value {
    let level = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    };
    result(document, level, finding.code, &finding.message, &finding.path)
}

fn of_field(document: &Document, field: &Field) -> Value {
    let level = match field.verdict {
        Verdict::Unsupported | Verdict::NeedsAddon => "warning",
        Verdict::Approximate | Verdict::Ignored | Verdict::Exact => "note",
    };
    let message = field.message.as_deref().unwrap_or_else(|| field.verdict.name());
    let mut result = result(document, level, field.code.unwrap_or(field.verdict.name()), message, &field.path);
    result["properties"] = json!({"verdict": field.verdict.name(), "target": field.target});
    result
}

fn result(document: &Document, level: &str, code: &str, message: &str, path: &str) -> Value {
    json!({
        "ruleId": code,
        "level": level,
        "message": {"text": message},
        "locations": [{
            "physicalLocation": {"artifactLocation": {"uri": uri(&document.source)}, "region": {"startLine": 1}},
            "logicalLocations": [{"fullyQualifiedName": path, "kind": "property"}],
        }],
    })
}

/// A file's name as a relative or absolute URI reference.
fn uri(source: &str) -> String {
    let mut uri = String::with_capacity(source.len());
    for byte in source.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(char::from(byte)),
            other => {
                let _ = write!(uri, "%{other:02X}");
            }
        }
    }
    uri
}
