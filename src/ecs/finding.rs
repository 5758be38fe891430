//! Findings: errors, warnings and notes about a definition, each with its path.

use std::fmt;

use serde::Serialize;

use super::pointer::Pointer;

/// Severity of a finding. Errors come first in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// ECS would refuse the definition.
    Error,
    /// ECS takes it, but it probably does not mean what its author thinks.
    Warning,
    /// Worth knowing.
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

/// One thing to tell about a definition.
///
/// Messages are for people and may change; codes are kebab-case, say what they mean, and stay. No message holds a
/// value that could be secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The place it is about.
    pub path: Pointer,
    /// Severity.
    pub severity: Severity,
    /// Stable code of the finding.
    pub code: &'static str,
    /// Description of the problem, and what to do.
    pub message: String,
}

impl Finding {
    /// A finding that makes ECS refuse the definition.
    #[must_use]
    pub fn error(path: Pointer, code: &'static str, message: impl Into<String>) -> Self {
        Self::new(path, Severity::Error, code, message)
    }

    /// A finding about something that probably means something else than it seems.
    #[must_use]
    pub fn warning(path: Pointer, code: &'static str, message: impl Into<String>) -> Self {
        Self::new(path, Severity::Warning, code, message)
    }

    /// A finding that is only worth knowing.
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
        write!(f, "{}[{}] at {}: {}", self.severity, self.code, shown(&self.path), self.message)
    }
}

fn shown(path: &Pointer) -> String {
    if *path == Pointer::root() { "the top".to_owned() } else { path.to_string() }
}

/// Findings in the order of the document: by place, at one place the gravest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Findings(Vec<Finding>);

impl Findings {
    /// True if ECS would refuse the definition.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|finding| finding.severity == Severity::Error)
    }

    /// The findings of one severity.
    pub fn of(&self, severity: Severity) -> impl Iterator<Item = &Finding> {
        self.0.iter().filter(move |finding| finding.severity == severity)
    }

    /// All findings.
    pub fn iter(&self) -> std::slice::Iter<'_, Finding> {
        self.0.iter()
    }

    /// Number of findings.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True if there is nothing to tell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes in what a later check found, except where an earlier one already found an error at the same place: the
    /// later one would only say it again.
    pub fn absorb(&mut self, later: impl IntoIterator<Item = Finding>) {
        let known: Vec<Pointer> = self.of(Severity::Error).map(|finding| finding.path.clone()).collect();
        self.0.extend(later.into_iter().filter(|finding| !known.contains(&finding.path)));
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
    fn a_finding_is_written_with_its_place_as_a_pointer() {
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
    fn nothing_is_said_twice_about_a_place_in_error() {
        let place = |name: &str| Pointer::root().key(name);
        let mut findings = Findings::from(vec![
            Finding::error(place("a"), "too-many-items", ""),
            Finding::info(place("b"), "coerced", ""),
        ]);
        findings.absorb([Finding::error(place("a"), "again", ""), Finding::error(place("b"), "fargate-size", "")]);
        let codes: Vec<_> = findings.iter().map(|finding| finding.code).collect();
        assert_eq!(codes, ["too-many-items", "fargate-size", "coerced"]);
    }
}
