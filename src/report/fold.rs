//! Groups findings and fields with the same message into entries.

use std::collections::BTreeMap;

use super::Document;
use super::listing::{Form, Listed, listing};
use crate::ecs::Severity;
use crate::translate::Verdict;

/// Severity of an entry, the most severe first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Error,
    Verdict(Verdict),
    Warning,
    Info,
}

impl Level {
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
            Self::Verdict(verdict) => verdict.name(),
        }
    }

    /// Returns the maximum number of lines for the locations of an entry, less for entries that require no action.
    fn max_lines(self) -> usize {
        match self {
            Self::Error | Self::Warning | Self::Verdict(Verdict::Unsupported | Verdict::NeedsAddon) => 20,
            Self::Info | Self::Verdict(Verdict::Approximate | Verdict::Exact) => 8,
            Self::Verdict(Verdict::Ignored) => 5,
        }
    }

    /// Returns the order: unsupported fields before warnings, the other verdicts after them.
    fn rank(self) -> (u8, Self) {
        let rank = match self {
            Self::Error => 0,
            Self::Verdict(Verdict::Unsupported) => 1,
            Self::Warning => 2,
            Self::Verdict(Verdict::Exact) => 5,
            Self::Verdict(_) => 3,
            Self::Info => 4,
        };
        (rank, self)
    }
}

/// A message about one or more paths.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    pub level: Level,
    pub code: &'a str,
    pub message: &'a str,
    pub paths: Vec<&'a str>,
}

impl Entry<'_> {
    /// Returns the locations of the entry in few lines.
    pub fn locations(&self, document: &Document) -> Vec<Listed> {
        let form = Form { max_lines: self.level.max_lines(), fields: matches!(self.level, Level::Verdict(_)) };
        listing(document, &self.paths, form)
    }
}

/// Returns the entries of a document, the most severe first. Exact fields have none.
pub(super) fn entries(document: &Document) -> Vec<Entry<'_>> {
    let mut grouped: BTreeMap<_, Vec<&str>> = BTreeMap::new();
    let mut add = |level: Level, code, message, path| {
        grouped.entry((level.rank(), code, message)).or_default().push(path);
    };
    for finding in &document.findings {
        let level = match finding.severity {
            Severity::Error => Level::Error,
            Severity::Warning => Level::Warning,
            Severity::Info => Level::Info,
        };
        add(level, finding.code, finding.message.as_str(), finding.path.as_str());
    }
    for field in document.notable_fields() {
        let (code, message) = (field.code.unwrap_or_default(), field.message.as_deref().unwrap_or_default());
        add(Level::Verdict(field.verdict), code, message, field.path.as_str());
    }
    let entry = |(((_, level), code, message), paths)| Entry { level, code, message, paths };
    grouped.into_iter().map(entry).collect()
}
