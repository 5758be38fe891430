//! Numbers of documents, fields and findings.

use std::fmt::Write;

use super::{Document, Report};
use crate::ecs::Severity;
use crate::translate::Verdict;

/// Numbers of documents, fields and findings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Converted documents.
    pub converted: usize,
    /// Documents that were not converted.
    pub refused: usize,
    /// Files that are not related to ECS.
    pub skipped: usize,
    /// Leaves of converted documents with each verdict, in the order of [`Verdict::ALL`].
    pub verdicts: [usize; 5],
    /// Errors.
    pub errors: usize,
    /// Warnings.
    pub warnings: usize,
}

impl Counts {
    /// Counts the documents, fields and findings of a report.
    #[must_use]
    pub fn new(report: &Report) -> Self {
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
        let count = |severity| document.findings.iter().filter(|finding| finding.severity == severity).count();
        self.errors += count(Severity::Error);
        self.warnings += count(Severity::Warning);
    }

    /// Returns the number of leaves of converted documents.
    #[must_use]
    pub fn fields(&self) -> usize {
        self.verdicts.iter().sum()
    }

    /// Returns the number of leaves of converted documents whose translation is not exact.
    #[must_use]
    pub fn not_exact(&self) -> usize {
        let inexact = self.verdicts.iter().zip(Verdict::ALL).filter(|(_, verdict)| *verdict != Verdict::Exact);
        inexact.map(|(number, _)| number).sum()
    }

    /// Returns the numbers as sentences.
    #[must_use]
    pub fn sentences(&self) -> String {
        let mut results = Vec::new();
        results.extend((self.refused > 0).then(|| format!("{} not converted", self.refused)));
        results.push(format!("{} converted", self.converted));
        results.extend((self.skipped > 0).then(|| format!("{} not related to ECS", self.skipped)));
        let documents = self.converted + self.refused + self.skipped;
        let fields = self.fields();
        let verdicts = self.verdicts.iter().zip(Verdict::ALL).filter(|(count, _)| **count > 0);
        let verdicts: Vec<String> = verdicts.map(|(count, verdict)| format!("{count} {}", verdict.name())).collect();
        let mut line = format!("{}: {}.", plural(documents, "document"), results.join(", "));
        if fields > 0 {
            let _ = write!(line, " {}: {}.", plural(fields, "field"), verdicts.join(", "));
        }
        let findings = [(self.errors, "error"), (self.warnings, "warning")];
        let findings = findings.into_iter().filter(|(number, _)| *number > 0);
        let findings: Vec<String> = findings.map(|(number, noun)| plural(number, noun)).collect();
        if !findings.is_empty() {
            let _ = write!(line, " {}.", findings.join(", "));
        }
        line
    }
}

/// Returns a number with its noun, in the plural if required.
pub(super) fn plural(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
