//! The report as SARIF 2.1.0, for code scanning.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde::Serialize;

use super::rules::description;
use super::{Document, Field, Finding, Location, Report};
use crate::ecs::Severity;
use crate::translate::Verdict;

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// Renders the report as SARIF with a result for each finding and for each field that is not exact.
///
/// # Errors
/// A report always serializes.
pub fn sarif(report: &Report) -> Result<String, serde_json::Error> {
    let mut results: Vec<SarifResult<'_>> = report.documents.iter().flat_map(results).collect();
    let codes: BTreeSet<&str> = results.iter().map(|result| result.rule_id).collect();
    let numbers: BTreeMap<&str, usize> = codes.iter().enumerate().map(|(number, code)| (*code, number)).collect();
    for result in &mut results {
        result.rule_index = numbers.get(result.rule_id).copied();
    }
    let rules = codes.into_iter().map(|id| Rule { id, short_description: Text { text: description(id).into() } });
    let driver = Driver { name: "ecs-operator", version: env!("CARGO_PKG_VERSION"), rules: rules.collect() };
    let run = Run { tool: Tool { driver }, column_kind: "unicodeCodePoints", results };
    let mut text = serde_json::to_string_pretty(&Log { schema: SCHEMA, version: "2.1.0", runs: [run] })?;
    text.push('\n');
    Ok(text)
}

#[derive(Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Tool<'a>,
    column_kind: &'static str,
    results: Vec<SarifResult<'a>>,
}

#[derive(Serialize)]
struct Tool<'a> {
    driver: Driver<'a>,
}

#[derive(Serialize)]
struct Driver<'a> {
    name: &'static str,
    version: &'static str,
    rules: Vec<Rule<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule<'a> {
    id: &'a str,
    short_description: Text<'a>,
}

#[derive(Serialize)]
struct Text<'a> {
    text: Cow<'a, str>,
}

/// A finding or a field that is not exact.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifResult<'a> {
    rule_id: &'a str,
    rule_index: Option<usize>,
    level: &'static str,
    message: Text<'a>,
    locations: [SarifLocation<'a>; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    properties: Option<Properties<'a>>,
}

#[derive(Serialize)]
struct Properties<'a> {
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifLocation<'a> {
    physical_location: PhysicalLocation,
    #[serde(skip_serializing_if = "Option::is_none")]
    logical_locations: Option<[LogicalLocation<'a>; 1]>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: ArtifactLocation,
    region: Region,
}

#[derive(Serialize)]
struct ArtifactLocation {
    uri: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_column: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_column: Option<usize>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogicalLocation<'a> {
    fully_qualified_name: &'a str,
    kind: &'static str,
}

fn results(document: &Document) -> Vec<SarifResult<'_>> {
    let findings = document.findings.iter().map(|finding| finding_result(document, finding));
    findings.chain(document.notable_fields().map(|field| field_result(document, field))).collect()
}

fn finding_result<'a>(document: &Document, finding: &'a Finding) -> SarifResult<'a> {
    let level = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    };
    result(document, level, finding.code, &finding.message, &finding.path)
}

fn field_result<'a>(document: &Document, field: &'a Field) -> SarifResult<'a> {
    let level = match field.verdict {
        Verdict::Unsupported | Verdict::NeedsAddon => "warning",
        Verdict::Approximate | Verdict::Ignored | Verdict::Exact => "note",
    };
    let verdict = field.verdict.name();
    let message = field.message.as_deref().unwrap_or(verdict);
    let properties = Some(Properties { verdict, target: field.target.as_deref() });
    SarifResult { properties, ..result(document, level, field.code.unwrap_or(verdict), message, &field.path) }
}

fn result<'a>(
    document: &Document,
    level: &'static str,
    code: &'a str,
    message: &'a str,
    path: &'a str,
) -> SarifResult<'a> {
    let physical_location = PhysicalLocation {
        artifact_location: ArtifactLocation { uri: uri(&document.source) },
        region: region(document.locations.get(path)),
    };
    let property = [LogicalLocation { fully_qualified_name: path, kind: "property" }];
    let logical_locations = (!path.is_empty()).then_some(property);
    SarifResult {
        rule_id: code,
        rule_index: None,
        level,
        message: Text { text: message.into() },
        locations: [SarifLocation { physical_location, logical_locations }],
        properties: None,
    }
}

/// Returns the region of a location. Code scanning requires a line, so results without a location are in the first.
fn region(location: Option<&Location>) -> Region {
    Region {
        start_line: location.map_or(1, |location| location.line),
        start_column: location.map(|location| location.column),
        end_column: location.and_then(|location| location.end_column),
    }
}

/// Returns a path as a URI: relative, or with its scheme if the path is absolute.
fn uri(source: &str) -> String {
    let path = source.replace(std::path::MAIN_SEPARATOR, "/");
    let path = path.strip_prefix("./").unwrap_or(&path);
    let mut uri = String::with_capacity(path.len());
    uri.push_str(if path.starts_with('/') { "file://" } else { "" });
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(char::from(byte)),
            other => {
                let _ = write!(uri, "%{other:02X}");
            }
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_uris() {
        let cases = [
            ("ecs/web.json", "ecs/web.json"),
            ("./a b.json", "a%20b.json"),
            ("a:é.json", "a%3A%C3%A9.json"),
            ("/etc/x.json", "file:///etc/x.json"),
            ("-", "-"),
        ];
        for (source, expected) in cases {
            assert_eq!(uri(source), expected);
        }
    }
}
