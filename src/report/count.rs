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

    /// Leaves of converted documents.
    #[must_use]
    pub fn fields(&self) -> usize {
        self.verdicts.iter().sum()
    }

    /// Leaves of converted documents that do not keep their meaning exactly.
    #[must_use]
    pub fn not_exact(&self) -> usize {
        let inexact = self.verdicts.iter().zip(Verdict::ALL).filter(|(_, verdict)| *verdict != Verdict::Exact);
        inexact.map(|(number, _)| number).sum()
    }

    /// The numbers as sentences.
    #[must_use]
    pub fn sentences(&self) -> String {
        let mut fates = Vec::new();
        fates.extend((self.refused > 0).then(|| format!("{} not converted", self.refused)));
        fates.push(format!("{} converted", self.converted));
        fates.extend((self.skipped > 0).then(|| format!("{} not of ECS", self.skipped)));
        let documents = self.converted + self.refused + self.skipped;
        let fields = self.fields();
        let verdicts = self.verdicts.iter().zip(Verdict::ALL).filter(|(count, _)| **count > 0);
        let verdicts: Vec<String> = verdicts.map(|(count, verdict)| format!("{count} {}", verdict.name())).collect();
        let mut line = format!("{}: {}.", plural(documents, "document"), fates.join(", "));
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

/// A number with its noun.
pub(super) fn plural(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
