//! Versions of programs.

use std::path::Path;
use std::process::{Command, Stdio};

use super::Tool;

/// The version that the program at `path` prints; `None` if it prints none.
pub(super) fn from_program(tool: Tool, path: &Path) -> Option<String> {
    let output = Command::new(path).args(tool.version_arguments()).stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split_whitespace().find(|word| is_version(word)).map(str::to_owned)
}

/// The version without its leading `v`: etcd prints none, the others do.
pub(super) fn bare(version: &str) -> &str {
    version.strip_prefix('v').unwrap_or(version)
}

/// True if major and minor version are equal.
pub(super) fn same_minor(one: &str, other: &str) -> bool {
    major_minor(one).is_some() && major_minor(one) == major_minor(other)
}

/// Major and minor number.
pub(super) fn major_minor(version: &str) -> Option<(&str, &str)> {
    let mut parts = bare(version).split('.');
    Some((parts.next()?, parts.next()?))
}

fn is_version(word: &str) -> bool {
    let mut parts = bare(word).split('.');
    let numbers = parts.by_ref().take(2).filter(|part| part.parse::<u32>().is_ok()).count();
    numbers == 2 && parts.next().is_some_and(|patch| patch.starts_with(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_are_versions() {
        for word in ["v1.36.3", "3.7.3", "v4.3.1", "v1.36.3-rc.1"] {
            assert!(is_version(word), "{word}");
        }
        for word in ["version", "go1.26.8", "Version:", "1.36", "a.b.c"] {
            assert!(!is_version(word), "{word}");
        }
    }

    #[test]
    fn minor_versions_are_compared_without_the_patch() {
        assert!(same_minor("v1.36.0", "v1.36.3"));
        assert!(!same_minor("v1.35.3", "v1.36.3"));
        assert!(!same_minor("", ""));
    }
}
