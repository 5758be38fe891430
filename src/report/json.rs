//! The report as JSON, in a form that is kept stable.

use super::Report;

/// The report as indented JSON with a final newline.
///
/// # Errors
/// None that this form of data allows.
pub fn json(report: &Report) -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(report)?;
    text.push('\n');
    Ok(text)
}
