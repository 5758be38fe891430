//! Snapshot of the report of a conversion.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use ecs_operator::report::{Document, Report};

/// Maximum width of lines.
const WIDTH: usize = 120;

/// Lists each field with its verdict, code and target, and each finding. A message is printed at its first occurrence in a document.
pub fn text(report: &Report) -> String {
    report.documents.iter().map(document).collect()
}

fn document(document: &Document) -> String {
    let mut text = format!("{} {}\n", document.kind.unwrap_or("-"), document.name.as_deref().unwrap_or("-"));
    let mut messages = BTreeSet::new();
    for field in &document.fields {
        let (code, target) = (field.code.unwrap_or("-"), field.target.as_deref().unwrap_or("-"));
        let _ = writeln!(text, "  {} {} {code} {target}", field.path, field.verdict.name());
        if let Some(message) = field.message.as_deref().filter(|message| messages.insert(*message)) {
            text.push_str(&wrapped(message));
        }
    }
    for finding in &document.findings {
        let _ = writeln!(text, "  {} {} at {}", finding.severity, finding.code, finding.path);
        if messages.insert(&finding.message) {
            text.push_str(&wrapped(&finding.message));
        }
    }
    text
}

/// Indents a message and breaks it between words.
fn wrapped(message: &str) -> String {
    const INDENT: &str = "      ";
    let mut text = String::new();
    let mut line = INDENT.to_owned();
    for word in message.split(' ') {
        if line.len() > INDENT.len() && line.chars().count() + 1 + word.chars().count() > WIDTH {
            text.push_str(&line);
            text.push('\n');
            INDENT.clone_into(&mut line);
        }
        if line.len() > INDENT.len() {
            line.push(' ');
        }
        line.push_str(word);
    }
    text + &line + "\n"
}
