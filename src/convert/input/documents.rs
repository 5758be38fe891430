//! Parses a text into documents and detects the definitions in each.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use serde_json::Value;

use super::detected::Detected;
use super::files::Source;
use super::problem::Problem;
use super::report_scope::{Leaf, ReportScope};
use super::syntax::SyntaxError;
use super::{detect, foreign, json, yaml};
use crate::ecs::Pointer;
use crate::ecs::pointer::upwards;

/// A parsed document.
struct ParsedDocument {
    value: Value,
    /// Members that the text contains more than once.
    repeated: Vec<Pointer>,
}

/// Returns all definitions of a source, and everything that is none, in the order of the text: at least one entry.
/// Each entry comes with the number of its document in the text.
pub(in crate::convert) fn detected_in(source: &Source) -> Vec<(usize, Detected)> {
    match documents(source) {
        Ok(documents) => {
            let documents = documents.into_iter().enumerate();
            let detected = |(number, document)| {
                detect_all(document, source.from_folder).into_iter().map(move |detected| (number, detected))
            };
            documents.flat_map(detected).collect()
        }
        Err(problem) => vec![(0, Detected::Other(problem))],
    }
}

fn documents(source: &Source) -> Result<Vec<ParsedDocument>, Problem> {
    let text = source.text.as_ref().map_err(|reason| Problem::unreadable(reason))?;
    if let Some(problem) = foreign::command_output(&source.name, text) {
        return Err(problem);
    }
    let parsed = parse(&source.name, text);
    // YAML parses nearly any text as one string.
    let is_data = |document: &ParsedDocument| document.value.is_object() || document.value.is_array();
    let has_data = parsed.as_ref().is_ok_and(|documents| documents.iter().any(is_data));
    if !has_data && let Some(problem) = foreign::language(text) {
        return Err(problem);
    }
    let documents = parsed.map_err(|error| Problem::syntax(&error, text))?;
    if documents.is_empty() { Err(Problem::empty(source)) } else { Ok(documents) }
}

fn parse(name: &str, text: &str) -> Result<Vec<ParsedDocument>, SyntaxError> {
    if is_yaml(name, text) {
        let values = yaml::parse(text)?.into_iter();
        Ok(values.map(|value| ParsedDocument { value, repeated: Vec::new() }).collect())
    } else {
        let documents = json::parse(text)?.into_iter();
        Ok(documents.map(|json| ParsedDocument { value: json.value, repeated: json.repeated }).collect())
    }
}

/// True if a text is parsed as YAML: by the extension of its name, otherwise by its first character.
pub(super) fn is_yaml(name: &str, text: &str) -> bool {
    let extension = Path::new(name).extension().map(|extension| extension.to_string_lossy().to_lowercase());
    match extension.as_deref() {
        Some("yaml" | "yml") => true,
        Some("json" | "jsonc") => false,
        _ => !text.trim_start().starts_with(['{', '[', '/']) && !text.trim().is_empty(),
    }
}

fn detect_all(document: ParsedDocument, from_folder: bool) -> Vec<Detected> {
    let mut detected = detect::detect(&document.value, &Pointer::root(), from_folder);
    distribute(Leaf::all(&document.value), document.repeated, &mut detected);
    detected
}

/// Assigns each leaf and each repeated member to the definition that contains it; a leaf outside of all of them goes to the
/// first.
fn distribute(leaves: Vec<Leaf>, repeated: Vec<Pointer>, detected: &mut [Detected]) {
    let problems: HashSet<String> = detected.iter().filter_map(Detected::problem_path).collect();
    let mut scopes: Vec<&mut ReportScope> = detected.iter_mut().filter_map(Detected::scope_mut).collect();
    let spans: HashMap<String, usize> =
        scopes.iter().enumerate().map(|(number, scope)| (scope.span.to_string(), number)).collect();
    let containing = |path: &str| upwards(path).find_map(|above| spans.get(above).copied());
    for leaf in leaves {
        if !problems.is_empty() && upwards(&leaf.path).any(|above| problems.contains(above)) {
            continue;
        }
        if let Some(scope) = scopes.get_mut(containing(&leaf.path).unwrap_or(0)) {
            scope.leaves.push(leaf);
        }
    }
    for path in repeated {
        if let Some(number) = containing(&path.to_string()) {
            scopes[number].repeated.push(path);
        }
    }
}
