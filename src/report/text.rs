//! The report for a person at a terminal.

use std::fmt::Write;

use anstyle::{AnsiColor, Effects, Style};

use super::count::plural;
use super::fold::{Entry, Weight, entries};
use super::{Counts, Document, Report};
use crate::translate::Verdict;

/// How the text looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appearance {
    /// Whether the serious is set off by colour.
    pub colour: bool,
    /// Longest line, in characters; a word that is longer stays whole.
    pub width: usize,
}

impl Default for Appearance {
    /// Without colour and 100 wide, as for a file.
    fn default() -> Self {
        Self { colour: false, width: 100 }
    }
}

/// The report as text: what could not be used, then the other documents, in each the serious first; the numbers last.
#[must_use]
pub fn text(report: &Report, appearance: Appearance) -> String {
    let mut page = Page { text: String::new(), appearance };
    for document in report.serious_first() {
        page.document(document);
    }
    page.foreign(report);
    page.paragraph(&Counts::of(report).sentences(), 0);
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

    /// What a folder holds beside definitions is told in a line each: why it is none, and no more.
    fn foreign(&mut self, report: &Report) {
        let number = report.foreign().count();
        if number == 0 {
            return;
        }
        let title = self.painted(&format!("{} not of ECS", plural(number, "document")), BOLD);
        self.line(&title);
        for document in report.foreign().take(FOREIGN) {
            let what = document.findings.first().map_or("", |finding| finding.message.as_str());
            let what = what.split("; ").next().unwrap_or(what);
            let line = format!("{}: {}", printable(&document.source), printable(what));
            let line = self.painted(&line, DIM);
            self.line(&format!("  {line}"));
        }
        if number > FOREIGN {
            self.line(&format!("  and {} more", number - FOREIGN));
        }
        self.line("");
    }

    fn exact(&mut self, document: &Document, all: bool) {
        if document.is_refused() || document.fields.is_empty() {
            return;
        }
        let number = document.fields.iter().filter(|field| field.verdict == Verdict::Exact).count();
        let label = self.painted("exact", style(Weight::Verdict(Verdict::Exact)));
        let all = if all { ", all there are" } else { "" };
        self.line(&format!("  {label}: {}{all}", plural(number, "field")));
    }

    fn entry(&mut self, document: &Document, entry: &Entry<'_>) {
        let label = self.painted(entry.weight.name(), style(entry.weight));
        let number = match (entry.weight, entry.paths.len()) {
            (Weight::Verdict(_), number) => format!(", {}", plural(number, "field")),
            (_, 1) => String::new(),
            (_, number) => format!(", {number} times"),
        };
        self.line(&format!("  {label}: {}{number}", entry.code));
        let message = without_location(document, entry.message);
        // Below the words there may be a figure, whose blanks matter.
        let (words, figure) = message.split_once('\n').unwrap_or((message, ""));
        self.paragraph(&printable(words), 6);
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
        if self.appearance.colour && !text.is_empty() { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

const BOLD: Style = Style::new().effects(Effects::BOLD);
const DIM: Style = Style::new().effects(Effects::DIMMED);

/// Documents not of ECS that are named at most.
const FOREIGN: usize = 10;

/// The message of a syntax error without the location, which the heading tells.
fn without_location<'a>(document: &Document, message: &'a str) -> &'a str {
    let Some(location) = document.locations.get("").filter(|_| document.excerpt.is_some()) else { return message };
    message.strip_prefix(&format!("line {}, column {}: ", location.line, location.column)).unwrap_or(message)
}

fn style(weight: Weight) -> Style {
    let colour = match weight {
        Weight::Error | Weight::Verdict(Verdict::Unsupported) => AnsiColor::Red,
        Weight::Warning | Weight::Verdict(Verdict::NeedsAddon | Verdict::Approximate) => AnsiColor::Yellow,
        Weight::Verdict(Verdict::Exact) => AnsiColor::Green,
        Weight::Info | Weight::Verdict(Verdict::Ignored) => return DIM,
    };
    BOLD.fg_color(Some(colour.into()))
}

/// A text from the input without the characters that steer a terminal.
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
