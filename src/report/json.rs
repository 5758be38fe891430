//! The report as JSON, in a stable form.

use super::Report;

/// Renders the report as indented JSON with a final newline.
///
/// # Errors
/// A report always serializes.
pub fn json(report: &Report) -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(report)?;
    text.push('\n');
    Ok(text)
}
