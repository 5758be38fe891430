//! Findings: errors, warnings and notes about a definition, each with its path.

use std::fmt;

use serde::Serialize;

use super::pointer::Pointer;

/// Severity of a finding. Errors come first in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// ECS rejects the definition.
    Error,
    /// ECS accepts the definition, but it probably does not do what its author intends.
    Warning,
    /// Information that requires no action.
    Info,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        })
    }
}

/// Error, warning or note about a definition.
///
/// Messages are for people and may change. Codes are in kebab case and stable. No message contains a value that may be
/// secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Path of the value that it concerns.
    pub path: Pointer,
    /// Severity of the finding.
    pub severity: Severity,
    /// Stable code of the finding.
    pub code: &'static str,
    /// Description of the problem, and what to do.
    pub message: String,
}

impl Finding {
    /// Returns a finding for a definition that ECS rejects.
    #[must_use]
    pub fn error(path: Pointer, code: &'static str, message: impl Into<String>) -> Self {
        Self::new(path, Severity::Error, code, message)
    }

    /// Returns a finding for a value that probably does not have the intended effect.
    #[must_use]
    pub fn warning(path: Pointer, code: &'static str, message: impl Into<String>) -> Self {
        Self::new(path, Severity::Warning, code, message)
    }

    /// Returns a finding that requires no action.
    #[must_use]
    pub fn info(path: Pointer, code: &'static str, message: impl Into<String>) -> Self {
        Self::new(path, Severity::Info, code, message)
    }

    fn new(path: Pointer, severity: Severity, code: &'static str, message: impl Into<String>) -> Self {
        Self { path, severity, code, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path == Pointer::root() { "the root".to_owned() } else { self.path.to_string() };
        write!(f, "{}[{}] at {path}: {}", self.severity, self.code, self.message)
    }
}

/// Findings in the order of the document: by path, then by severity with errors first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Findings(Vec<Finding>);

impl Findings {
    /// True if ECS rejects the definition.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|finding| finding.severity == Severity::Error)
    }

    /// Returns the findings of one severity.
    pub fn with_severity(&self, severity: Severity) -> impl Iterator<Item = &Finding> {
        self.0.iter().filter(move |finding| finding.severity == severity)
    }

    /// Returns all findings.
    pub fn iter(&self) -> std::slice::Iter<'_, Finding> {
        self.0.iter()
    }

    /// Returns the number of findings.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True if there are no findings.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds the findings of a later check, except those at a path that already has an error: they have the same cause.
    pub fn absorb(&mut self, later: impl IntoIterator<Item = Finding>) {
        let errors: Vec<Pointer> = self.with_severity(Severity::Error).map(|finding| finding.path.clone()).collect();
        self.0.extend(later.into_iter().filter(|finding| !errors.contains(&finding.path)));
        self.sort();
    }

    fn sort(&mut self) {
        self.0.sort_by(|a, b| (&a.path, a.severity, a.code).cmp(&(&b.path, b.severity, b.code)));
    }
}

impl From<Vec<Finding>> for Findings {
    fn from(findings: Vec<Finding>) -> Self {
        findings.into_iter().collect()
    }
}

impl FromIterator<Finding> for Findings {
    fn from_iter<I: IntoIterator<Item = Finding>>(findings: I) -> Self {
        let mut all = Self(findings.into_iter().collect());
        all.sort();
        all
    }
}

impl IntoIterator for Findings {
    type Item = Finding;
    type IntoIter = std::vec::IntoIter<Finding>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Findings {
    type Item = &'a Finding;
    type IntoIter = std::slice::Iter<'a, Finding>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_written_with_its_path_as_a_pointer() {
        let finding = Finding::error(Pointer::root().key("a").index(1), "too-large", "5 is more than 4");
        assert_eq!(
            serde_json::to_value(&finding).unwrap(),
            serde_json::json!({"path": "/a/1", "severity": "error", "code": "too-large", "message": "5 is more than 4"})
        );
        assert_eq!(finding.to_string(), "error[too-large] at /a/1: 5 is more than 4");
    }

    #[test]
    fn only_errors_count_as_errors() {
        let info = Finding::info(Pointer::root(), "coerced", "");
        let warning = Finding::warning(Pointer::root(), "unknown-field", "");
        let error = Finding::error(Pointer::root(), "missing-member", "");
        assert!(!Findings::from(vec![info.clone(), warning.clone()]).has_errors());
        let all = Findings::from(vec![info, warning, error]);
        assert!(all.has_errors());
        assert_eq!(all.iter().next().map(|first| first.code), Some("missing-member"));
    }

    #[test]
    fn a_later_finding_at_the_path_of_an_error_is_dropped() {
        let (a, b) = (Pointer::root().key("a"), Pointer::root().key("b"));
        let mut findings = Findings::from(vec![
            Finding::error(a.clone(), "too-many-items", ""),
            Finding::info(b.clone(), "coerced", ""),
        ]);
        findings.absorb([Finding::error(a, "again", ""), Finding::error(b, "fargate-size", "")]);
        let codes: Vec<_> = findings.iter().map(|finding| finding.code).collect();
        assert_eq!(codes, ["too-many-items", "fargate-size", "coerced"]);
    }
}
