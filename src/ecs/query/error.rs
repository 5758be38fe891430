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
    /// There is no expression.
    Empty,
    /// It is longer than [`MAX_LENGTH`](super::MAX_LENGTH).
    TooLong,
    /// A place of a template is not filled in.
    Template,
    /// A value stands in backquotes.
    Backquotes,
    /// It does not start with something that can be asked about.
    Subject,
    /// The name of an attribute has other characters, or too many.
    AttributeName,
    /// There is no such operator, or not for what is asked about.
    Operator,
    /// A value is missing or is none of its kind.
    Value,
    /// The pattern is none, or has something that is not supported.
    Pattern,
    /// A bracket or a quote is not closed, or not opened.
    Unbalanced,
    /// Something follows that is joined by nothing.
    Stray,
    /// Parentheses are in one another too often.
    TooDeep,
}

/// A mistake in an expression, without the expression.
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

/// Widest part of an expression that is shown, in characters.
const SHOWN: usize = 72;

impl QueryError {
    /// The place in characters, from 0.
    #[must_use]
    pub fn column(&self) -> usize {
        self.expression[..self.offset].chars().count()
    }

    /// The part of the expression around the place, and how far into it the place is.
    fn excerpt(&self) -> (String, usize) {
        // A control character would break the line or steer the terminal.
        let shown = |c: char| if c.is_control() { ' ' } else { c };
        let characters: Vec<char> = self.expression.chars().map(shown).collect();
        let column = self.column();
        if characters.len() <= SHOWN {
            return (characters.into_iter().collect(), column);
        }
        let start = column.saturating_sub(SHOWN / 2).min(characters.len() - SHOWN);
        let end = start + SHOWN;
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
    fn the_mark_stands_below_the_place() {
        let error = |expression: &str, offset| QueryError {
            reason: Reason::Operator,
            offset,
            message: "wrong".to_owned(),
            expression: expression.to_owned(),
        };
        assert_eq!(error("é = b", 3).to_string(), "wrong\n  é = b\n    ^");
        assert_eq!(error("a\n= b", 2).to_string(), "wrong\n  a = b\n    ^");
        let long = "x".repeat(100);
        let told = error(&format!("{long}={long}"), 100).to_string();
        let lines: Vec<&str> = told.lines().collect();
        let at = lines[2].find('^').unwrap();
        assert_eq!(lines[1].chars().nth(at), Some('='), "{told}");
        assert!(lines[1].chars().count() < 80);
        for offset in [0, 201] {
            let told = error(&format!("{long}={long}"), offset).to_string();
            assert!(told.lines().nth(2).unwrap().ends_with('^'), "{told}");
        }
    }
}
