//! Errors of an expression, with their position.

use std::fmt;

/// Error in an expression. [`fmt::Display`] shows it with the expression and a mark below the position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryError {
    /// Kind of mistake.
    pub reason: Reason,
    /// Position in bytes from the start of the expression.
    pub offset: usize,
    /// Description of the mistake, and what to write instead.
    pub message: String,
    /// The expression.
    pub expression: String,
}

/// Kind of mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The expression is empty.
    Empty,
    /// The expression is longer than [`MAX_LENGTH`](super::MAX_LENGTH).
    TooLong,
    /// The expression contains a placeholder of a template.
    Template,
    /// The expression contains backquotes.
    Backquotes,
    /// A condition is missing or does not start with a known subject.
    Subject,
    /// The name of an attribute contains invalid characters or is too long.
    AttributeName,
    /// The operator is unknown or does not apply to its subject.
    Operator,
    /// A value is missing or invalid.
    Value,
    /// The pattern is invalid or not supported.
    Pattern,
    /// A parenthesis, a bracket or a quote has no counterpart.
    Unbalanced,
    /// Text follows the end of the expression.
    Stray,
    /// Parentheses are nested too deeply.
    TooDeep,
}

/// Mistake in an expression, without the expression.
#[derive(Debug)]
pub(super) struct Mistake {
    reason: Reason,
    offset: usize,
    message: String,
}

impl Mistake {
    pub(super) fn new(reason: Reason, offset: usize, message: impl Into<String>) -> Self {
        // Text of the expression in the message must not break the line or control the terminal.
        let message = message.into().replace(char::is_control, "\u{fffd}");
        Self { reason, offset, message }
    }

    pub(super) fn in_expression(self, expression: &str) -> QueryError {
        let Self { reason, offset, message } = self;
        QueryError { reason, offset, message, expression: expression.to_owned() }
    }
}

/// Maximum characters of an expression that an error shows.
const MAX_EXCERPT: usize = 72;

impl QueryError {
    /// Returns the position in characters, from 0.
    #[must_use]
    pub fn column(&self) -> usize {
        self.expression[..self.offset].chars().count()
    }

    /// Returns the part of the expression around the position, and the position in it.
    fn excerpt(&self) -> (String, usize) {
        // A control character would break the line or control the terminal.
        let characters: Vec<char> = self.expression.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let column = self.column();
        if characters.len() <= MAX_EXCERPT {
            return (characters.into_iter().collect(), column);
        }
        let start = column.saturating_sub(MAX_EXCERPT / 2).min(characters.len() - MAX_EXCERPT);
        let end = start + MAX_EXCERPT;
        let (before, after) = (if start > 0 { "…" } else { "" }, if end < characters.len() { "…" } else { "" });
        let middle: String = characters[start..end].iter().collect();
        (format!("{before}{middle}{after}"), column - start + before.chars().count())
    }
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if self.expression.trim().is_empty() {
            return Ok(());
        }
        let (excerpt, column) = self.excerpt();
        write!(f, "\n  {excerpt}\n  {:column$}^", "")
    }
}

impl std::error::Error for QueryError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_is_below_the_position() {
        let error = |expression: &str, offset| QueryError {
            reason: Reason::Operator,
            offset,
            message: "wrong".to_owned(),
            expression: expression.to_owned(),
        };
        assert_eq!(error("é = b", 3).to_string(), "wrong\n  é = b\n    ^");
        assert_eq!(error("a\n= b", 2).to_string(), "wrong\n  a = b\n    ^");
        let long = "x".repeat(100);
        let message = error(&format!("{long}={long}"), 100).to_string();
        let lines: Vec<&str> = message.lines().collect();
        let column = lines[2].find('^').unwrap();
        assert_eq!(lines[1].chars().nth(column), Some('='), "{message}");
        assert!(lines[1].chars().count() < 80);
        for offset in [0, 201] {
            let message = error(&format!("{long}={long}"), offset).to_string();
            assert!(message.lines().nth(2).unwrap().ends_with('^'), "{message}");
        }
    }
}
