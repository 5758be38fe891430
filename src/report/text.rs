//! The report as text for a terminal.

use std::fmt::Write;

use anstyle::{AnsiColor, Effects, Style};

use super::count::plural;
use super::fold::{Entry, Level, entries};
use super::{Counts, Document, Report};
use crate::translate::Verdict;

/// Colors and width of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appearance {
    /// True for colors by severity.
    pub color: bool,
    /// Maximum line length, in characters. Longer words are not broken.
    pub width: usize,
}

impl Default for Appearance {
    /// Without colors and with a width of 100, as for a file.
    fn default() -> Self {
        Self { color: false, width: 100 }
    }
}

/// Renders the report as text: documents that were not converted, then the others, each with the most severe entries first;
/// then the numbers.
#[must_use]
pub fn text(report: &Report, appearance: Appearance) -> String {
    let mut page = Page { text: String::new(), appearance };
    for document in report.refused_first() {
        page.document(document);
    }
    page.foreign(report);
    page.paragraph(&Counts::new(report).sentences(), 0);
    page.text
}

struct Page {
    text: String,
    appearance: Appearance,
}

impl Page {
    fn document(&mut self, document: &Document) {
        let title = self
            .painted(&format!("{}: {}", printable(&document.heading_location()), printable(&document.title())), BOLD);
        let suffix = if document.is_refused() && document.kind.is_some() { " (not converted)" } else { "" };
        self.line(&format!("{title}{suffix}"));
        let entries = entries(document);
        for entry in &entries {
            self.entry(document, entry);
        }
        if let Some(excerpt) = &document.excerpt {
            excerpt.lines().for_each(|line| self.line(&format!("      {}", printable(line))));
        }
        self.exact(document, entries.is_empty());
        self.line("");
    }

    /// Adds the other files of a folder, each with the reason in one line.
    fn foreign(&mut self, report: &Report) {
        let number = report.foreign().count();
        if number == 0 {
            return;
        }
        let title = self.painted(&format!("{} not related to ECS", plural(number, "document")), BOLD);
        self.line(&title);
        for document in report.foreign().take(MAX_FOREIGN) {
            let message = document.findings.first().map_or("", |finding| finding.message.as_str());
            let reason = message.split("; ").next().unwrap_or(message);
            let line = format!("{}: {}", printable(&document.source), printable(reason));
            let line = self.painted(&line, DIM);
            self.line(&format!("  {line}"));
        }
        if number > MAX_FOREIGN {
            self.line(&format!("  and {} more", number - MAX_FOREIGN));
        }
        self.line("");
    }

    fn exact(&mut self, document: &Document, is_all: bool) {
        if document.is_refused() || document.fields.is_empty() {
            return;
        }
        let number = document.fields.iter().filter(|field| field.verdict == Verdict::Exact).count();
        let label = self.painted("exact", style(Level::Verdict(Verdict::Exact)));
        let all = if is_all { "all " } else { "" };
        self.line(&format!("  {label}: {all}{}", plural(number, "field")));
    }

    fn entry(&mut self, document: &Document, entry: &Entry<'_>) {
        let label = self.painted(entry.level.name(), style(entry.level));
        let number = match (entry.level, entry.paths.len()) {
            (Level::Verdict(_), number) => format!(", {}", plural(number, "field")),
            (_, 1) => String::new(),
            (_, number) => format!(", {number} times"),
        };
        self.line(&format!("  {label}: {}{number}", entry.code));
        let message = without_location(document, entry.message);
        // The lines after the first one may be a figure, in which spaces are significant.
        let (sentence, figure) = message.split_once('\n').unwrap_or((message, ""));
        self.paragraph(&printable(sentence), 6);
        figure.lines().for_each(|line| self.line(&format!("      {}", printable(line))));
        for listed in entry.locations(document) {
            let note = match (listed.pointer.as_str(), listed.note.as_str()) {
                (_, "") => String::new(),
                ("", note) => note.to_owned(),
                (_, note) => format!("  ({note})"),
            };
            let note = self.painted(&note, DIM);
            self.line(&format!("      {}{note}", printable(&listed.pointer)));
        }
    }

    fn paragraph(&mut self, words: &str, indent: usize) {
        let room = self.appearance.width.saturating_sub(indent).max(20);
        let mut line = String::new();
        for word in words.split_whitespace() {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > room {
                self.line(&format!("{:indent$}{line}", ""));
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        if !line.is_empty() {
            self.line(&format!("{:indent$}{line}", ""));
        }
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn painted(&self, text: &str, style: Style) -> String {
        if self.appearance.color && !text.is_empty() { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

const BOLD: Style = Style::new().effects(Effects::BOLD);
const DIM: Style = Style::new().effects(Effects::DIMMED);

/// Maximum number of listed documents that are not related to ECS.
const MAX_FOREIGN: usize = 10;

/// Returns the message of a syntax error without the location, which the heading contains.
fn without_location<'a>(document: &Document, message: &'a str) -> &'a str {
    let Some(location) = document.locations.get("").filter(|_| document.excerpt.is_some()) else { return message };
    message.strip_prefix(&format!("line {}, column {}: ", location.line, location.column)).unwrap_or(message)
}

fn style(level: Level) -> Style {
    let color = match level {
        Level::Error | Level::Verdict(Verdict::Unsupported) => AnsiColor::Red,
        Level::Warning | Level::Verdict(Verdict::NeedsAddon | Verdict::Approximate) => AnsiColor::Yellow,
        Level::Verdict(Verdict::Exact) => AnsiColor::Green,
        Level::Info | Level::Verdict(Verdict::Ignored) => return DIM,
    };
    BOLD.fg_color(Some(color.into()))
}

/// Escapes the control characters of a text from the input.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            let _ = write!(safe, "{}", character.escape_default());
        } else {
            safe.push(character);
        }
    }
    safe
}
