//! The last lines of a log file, for error messages.

use std::fs;
use std::path::Path;

const LINES: usize = 20;

/// The last lines of the log at `path`, indented, below a line that names it.
pub(crate) fn tail(path: &Path) -> String {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => return format!("(no log at {}: {error})", path.display()),
    };
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    if lines.is_empty() {
        return format!("({} is empty)", path.display());
    }
    let last = &lines[lines.len().saturating_sub(LINES)..];
    format!("the end of {}:\n  {}", path.display(), last.join("\n  "))
}
