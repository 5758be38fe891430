//! The report as Markdown, for a pull request or a wiki.

use std::fmt::Write;

use super::fold::{Entry, entries, places};
use super::{Counts, Document, Report};
use crate::translate::Verdict;

/// The report as Markdown: a table for each document, the serious first, and the numbers at the end.
#[must_use]
pub fn markdown(report: &Report) -> String {
    let mut text = String::from("# What became of the ECS definitions\n\n");
    for document in &report.documents {
        text.push_str(&section(document));
    }
    text.push_str(&Counts::of(report).sentences());
    text.push('\n');
    text
}

fn section(document: &Document) -> String {
    let refused = if document.is_refused() && document.kind.is_some() { " (not converted)" } else { "" };
    let mut text = format!("## {}: {}{refused}\n\n", escaped(&document.source), escaped(&document.title()));
    let entries = entries(document);
    if !entries.is_empty() {
        text.push_str("| | code | what it means | where |\n|---|---|---|---|\n");
        text.extend(entries.iter().map(row));
        text.push('\n');
    }
    let exact = document.fields.iter().filter(|field| field.verdict == Verdict::Exact).count();
    if exact > 0 && !document.is_refused() {
        let _ = write!(text, "{} exact.\n\n", super::count::plural(exact, "field"));
    }
    text
}

fn row(entry: &Entry<'_>) -> String {
    let places: Vec<String> = places(&entry.paths).iter().filter(|p| !p.is_empty()).map(|p| code(p)).collect();
    let message = escaped(entry.message);
    format!("| {} | {} | {message} | {} |\n", entry.weight.name(), code(entry.code), places.join("<br>"))
}

/// A text that stands for itself in a table.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' | '|' | '*' | '_' | '`' | '[' | ']' | '#' => safe.extend(['\\', character]),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            control if control.is_control() => safe.push(' '),
            other => safe.push(other),
        }
    }
    safe
}

/// A text in the font of code; the characters that would end it or the table cell are replaced.
pub(super) fn code(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let safe: String = text.chars().map(|c| if c == '`' || c.is_control() { '\u{fffd}' } else { c }).collect();
    format!("`{}`", safe.replace('|', "\\|"))
}
