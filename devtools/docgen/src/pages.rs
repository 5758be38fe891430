//! Markdown of the generated pages.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{Coverage, Covered, OPERATIONS, Outcome, coverage, reference};
use ecs_operator::report::markdown::{code, escaped};
use ecs_operator::translate::{Code, Verdict};

/// A generated page of the documentation.
pub struct Page {
    /// The file, relative to the root of the project.
    pub file: &'static str,
    /// The text in Markdown.
    pub text: String,
}

/// Returns every generated page.
///
/// # Panics
///
/// Panics if a file of the chart cannot be read.
#[must_use]
pub fn pages() -> Vec<Page> {
    let mut pages: Vec<Page> = coverage().iter().map(fields_page).collect();
    pages.push(Page { file: "docs/verdicts.md", text: verdicts() });
    pages.push(Page { file: "docs/operations.md", text: operations() });
    pages.extend(reference::pages());
    pages
}

/// Returns a table of the number of fields with each verdict, for each kind of definition: at best, and at worst.
#[must_use]
pub fn summary() -> String {
    let mut text = String::from("| fields of | all | |");
    Verdict::ALL.iter().rev().for_each(|verdict| {
        let _ = write!(text, " {} |", verdict.name());
    });
    text.push_str("\n|---|---|---|---|---|---|---|---|\n");
    for kind in coverage() {
        let link = format!("[`{}`]({}) | {}", kind.kind, file(kind.kind), kind.fields.len());
        let _ = writeln!(text, "| {link} | at best |{}", counts(&kind.fields, best));
        let _ = writeln!(text, "| | | at worst |{}", counts(&kind.fields, worst));
    }
    text
}

/// Returns the number of fields with each verdict as cells of a table.
fn counts(fields: &[Covered], verdict: fn(&Covered) -> Verdict) -> String {
    let mut counts: BTreeMap<Verdict, usize> = BTreeMap::new();
    for covered in fields {
        *counts.entry(verdict(covered)).or_default() += 1;
    }
    let count = |verdict| counts.get(verdict).copied().unwrap_or_default();
    Verdict::ALL.iter().rev().fold(String::new(), |mut cells, verdict| {
        let _ = write!(cells, " {} |", count(verdict));
        cells
    })
}

/// Returns the verdict of the value that is translated best.
fn best(covered: &Covered) -> Verdict {
    covered.outcomes.iter().map(|outcome| outcome.verdict.0).max().unwrap_or(Verdict::Unsupported)
}

/// Returns the verdict of the value that is translated worst.
fn worst(covered: &Covered) -> Verdict {
    covered.outcomes.iter().map(|outcome| outcome.verdict.0).min().unwrap_or(Verdict::Unsupported)
}

fn file(kind: &str) -> &'static str {
    match kind {
        "TaskDefinition" => "docs/fields/task-definition.md",
        "Service" => "docs/fields/service.md",
        "Cluster" => "docs/fields/cluster.md",
        _ => "docs/fields/capacity-provider.md",
    }
}

fn fields_page(kind: &Coverage) -> Page {
    let mut text = format!(
        "# {}: fields\n\n\
         The input fields of {} and the verdict on each. A field has several lines if its verdict depends on its value or on\n\
         other fields. See [verdicts](../verdicts.md) for the meaning of verdicts and codes.\n\n\
         | field | verdict | Kubernetes field | difference and action |\n|---|---|---|---|\n",
        kind.kind,
        kind.operations.iter().map(|operation| code(operation)).collect::<Vec<_>>().join(", "),
    );
    for covered in &kind.fields {
        for (number, outcome) in covered.outcomes.iter().enumerate() {
            let field = if number == 0 { code(covered.field.path) } else { String::new() };
            let _ = writeln!(text, "| {field} | {} |", row(outcome));
        }
    }
    let others: Vec<String> = kind.others.keys().map(|field| code(field)).collect();
    let _ = write!(
        text,
        "\nAlso accepted: fields that AWS prints in descriptions, which are ignored, and the `kubernetes` block.\n\n{}\n",
        others.join(", ")
    );
    Page { file: file(kind.kind), text }
}

fn row(outcome: &Outcome) -> String {
    let verdict = outcome.verdict.0.name();
    let verdict = match outcome.code {
        Some(name) => format!("{verdict}: [{}](../verdicts.md#{})", code(name.name()), name.name()),
        None => verdict.to_owned(),
    };
    let targets: Vec<String> = outcome.targets.iter().map(|target| code(target)).collect();
    let messages: Vec<String> = outcome.messages.iter().map(|message| escaped(message)).collect();
    format!("{verdict} | {} | {}", targets.join("<br>"), messages.join("<br>"))
}

fn verdicts() -> String {
    let mut text = String::from("# Verdicts and codes\n\n| verdict | meaning |\n|---|---|\n");
    for verdict in Verdict::ALL.iter().rev() {
        let _ = writeln!(text, "| {} | {} |", verdict.name(), verdict.meaning());
    }
    text.push_str(
        "\nEvery verdict except `exact` has a code. The meaning of a code does not change between releases.\n",
    );
    for name in Code::ALL {
        let _ = write!(text, "\n### {}\n\n{}\n", name.name(), name.meaning());
    }
    text
}

fn operations() -> String {
    let mut text = String::from(
        "# Operations\n\nReplacements of the operations of the AWS APIs.\n\n| operation | replacement |\n|---|---|\n",
    );
    for entry in OPERATIONS {
        let operations: Vec<String> = entry.operations.iter().map(|operation| code(operation)).collect();
        let _ = writeln!(text, "| {} | {} |", operations.join(", "), entry.replacement);
    }
    text
}
