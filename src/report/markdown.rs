//! The report as Markdown, for a pull request or a wiki.

use std::fmt::Write;

use super::fold::{Entry, entries};
use super::listing::Listed;
use super::{Counts, Document, Report};
use crate::translate::Verdict;

/// Renders the report as Markdown: the numbers, then a table for each document, those that were not converted first.
#[must_use]
pub fn markdown(report: &Report) -> String {
    let mut text = format!("# Conversion of ECS definitions\n\n{}\n\n", Counts::new(report).sentences());
    for document in report.refused_first() {
        text.push_str(&section(document));
    }
    if report.foreign().next().is_some() {
        text.push_str("## Not related to ECS\n\n");
        text.extend(report.foreign().map(|document| format!("- {}\n", code(&document.source))));
    }
    format!("{}\n", text.trim_end())
}

fn section(document: &Document) -> String {
    let refused = if document.is_refused() && document.kind.is_some() { " (not converted)" } else { "" };
    let mut text = format!("## {}: {}{refused}\n\n", escaped(&document.heading_location()), escaped(&document.title()));
    let entries = entries(document);
    if !entries.is_empty() {
        text.push_str("| | Code | Message | Location |\n|---|---|---|---|\n");
        text.extend(entries.iter().map(|entry| row(document, entry)));
        text.push('\n');
    }
    if let Some(excerpt) = &document.excerpt {
        let lines = excerpt.lines().map(|line| format!("    {}\n", line.replace(char::is_control, " ")));
        let _ = writeln!(text, "{}", lines.collect::<String>());
    }
    let exact = document.fields.iter().filter(|field| field.verdict == Verdict::Exact).count();
    if exact > 0 && !document.is_refused() {
        let all = if entries.is_empty() { "All " } else { "" };
        let _ = write!(text, "{all}{} exact.\n\n", super::count::plural(exact, "field"));
    }
    text
}

fn row(document: &Document, entry: &Entry<'_>) -> String {
    let locations: Vec<String> = entry.locations(document).iter().map(location).collect();
    // The lines after the first one may be a figure, in which spaces are significant.
    let mut lines = entry.message.lines();
    let sentence = escaped(lines.next().unwrap_or_default());
    let message = lines.fold(sentence, |message, line| message + "<br>" + &code(line));
    format!("| {} | {} | {message} | {} |\n", entry.level.name(), code(entry.code), locations.join("<br>"))
}

fn location(listed: &Listed) -> String {
    match (listed.pointer.as_str(), listed.note.as_str()) {
        ("", note) => note.to_owned(),
        (pointer, "") => code(pointer),
        (pointer, note) => format!("{} ({note})", code(pointer)),
    }
}

/// Escapes a text for a cell of a Markdown table.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' | '|' | '*' | '_' | '`' | '[' | ']' | '#' | '~' => safe.extend(['\\', character]),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            control if control.is_control() => safe.push(' '),
            other => safe.push(other),
        }
    }
    safe
}

/// Formats a text as inline code in a Markdown table; replaces the characters that would end the code or the cell.
#[must_use]
pub fn code(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let safe: String = text.chars().map(|c| if c == '`' || c.is_control() { '\u{fffd}' } else { c }).collect();
    format!("`{}`", safe.replace('|', "\\|"))
}
