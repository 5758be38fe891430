//! The tables of the documentation.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{Coverage, Covered, OPERATIONS, Outcome, coverage};
use crate::report::markdown::{code, escaped};
use crate::translate::{Code, Verdict};

/// A page of the documentation that is written by the program.
pub struct Page {
    /// Its file, from the root of the project.
    pub file: &'static str,
    /// Its text, Markdown.
    pub text: String,
}

/// Every generated page.
#[must_use]
pub fn pages() -> Vec<Page> {
    let mut pages: Vec<Page> = coverage().iter().map(of_kind).collect();
    pages.push(Page { file: "docs/verdicts.md", text: verdicts() });
    pages.push(Page { file: "docs/operations.md", text: operations() });
    pages
}

/// How many fields of each kind have which verdict, with the pages that name them.
#[must_use]
pub fn summary() -> String {
    let mut text = String::from("| fields of | all |");
    Verdict::ALL.iter().rev().for_each(|verdict| {
        let _ = write!(text, " {} |", verdict.name());
    });
    text.push_str("\n|---|---|---|---|---|---|---|\n");
    for kind in coverage() {
        let mut numbers: BTreeMap<Verdict, usize> = BTreeMap::new();
        for covered in &kind.fields {
            *numbers.entry(worst(covered)).or_default() += 1;
        }
        let _ = write!(text, "| [`{}`]({}) | {} |", kind.kind, file(kind.kind), kind.fields.len());
        for verdict in Verdict::ALL.iter().rev() {
            let _ = write!(text, " {} |", numbers.get(verdict).copied().unwrap_or_default());
        }
        text.push('\n');
    }
    text
}

/// A field counts as the least it may come to.
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

fn of_kind(kind: &Coverage) -> Page {
    let mut text = format!(
        "# {}: what becomes of each field\n\n\
         Every input field of {}. A field whose verdict depends on its value or on other fields has a line for each; what\n\
         verdicts and codes mean is in [verdicts](../verdicts.md).\n\n\
         | field | verdict | becomes | what differs, what to do |\n|---|---|---|---|\n",
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
        "\nNot among the inputs of the operation, and accepted: what AWS prints in descriptions, which is ignored, and the \
         `kubernetes` block.\n\n{}\n",
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
    text.push_str("\nEvery verdict but `exact` has a code, which keeps its meaning from release to release.\n");
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
        let _ = writeln!(text, "| {} | {} |", operations.join(", "), entry.place);
    }
    text
}
