//! The numbers at the end of a report.

use std::fmt::Write;

use super::{Document, Report};
use crate::ecs::Severity;
use crate::translate::Verdict;

/// How many there are of each thing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Documents of which something was made.
    pub converted: usize,
    /// Documents that could not be used.
    pub refused: usize,
    /// Files that hold nothing of ECS.
    pub skipped: usize,
    /// Leaves of converted documents with each verdict, in the order of [`Verdict::ALL`].
    pub verdicts: [usize; 5],
    /// Findings that make a document unusable.
    pub errors: usize,
    /// Findings that a person should look at.
    pub warnings: usize,
}

impl Counts {
    /// Counts a report.
    #[must_use]
    pub fn of(report: &Report) -> Self {
        let mut counts = Self::default();
        for document in &report.documents {
            counts.add(document);
        }
        counts
    }

    fn add(&mut self, document: &Document) {
        match document {
            refused if refused.is_refused() => self.refused += 1,
            Document { kind: Some(_), .. } => self.converted += 1,
            _ => self.skipped += 1,
        }
        let fields = document.fields.iter().filter(|_| !document.is_refused());
        for (count, verdict) in self.verdicts.iter_mut().zip(Verdict::ALL) {
            *count += fields.clone().filter(|field| field.verdict == verdict).count();
        }
        let of = |severity| document.findings.iter().filter(|finding| finding.severity == severity).count();
        self.errors += of(Severity::Error);
        self.warnings += of(Severity::Warning);
    }

    /// The numbers as sentences.
    #[must_use]
    pub fn sentences(&self) -> String {
        let mut fates = vec![format!("{} converted", self.converted)];
        fates.extend((self.refused > 0).then(|| format!("{} refused", self.refused)));
        fates.extend((self.skipped > 0).then(|| format!("{} without ECS definitions", self.skipped)));
        let documents = self.converted + self.refused + self.skipped;
        let fields: usize = self.verdicts.iter().sum();
        let verdicts = self.verdicts.iter().zip(Verdict::ALL).rev().filter(|(count, _)| **count > 0);
        let verdicts: Vec<String> = verdicts.map(|(count, verdict)| format!("{count} {}", verdict.name())).collect();
        let mut line = format!("{}: {}.", plural(documents, "document"), fates.join(", "));
        if fields > 0 {
            let _ = write!(line, " {}: {}.", plural(fields, "field"), verdicts.join(", "));
        }
        if self.errors + self.warnings > 0 {
            let _ = write!(line, " {}, {}.", plural(self.errors, "error"), plural(self.warnings, "warning"));
        }
        line
    }
}

/// A number with its noun.
pub(super) fn plural(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
