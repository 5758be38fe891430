//! The cluster query language: which container instances a placement constraint or a list command means.
//!
//! An expression such as `attribute:ecs.instance-type =~ g4dn.* and not(task:group == database)` is read into a [`Query`]
//! and asked of an [`Instance`]. Source of the rules is the ECS developer guide, "Create expressions to define container
//! instances for Amazon ECS tasks". What it leaves open is settled so:
//!
//! - `not` binds closer than `and`, and `and` closer than `or`. An expression that mixes `and` and `or` without parentheses
//!   gets a [`Note`].
//! - Words of the language are lower case. A value or a pattern with blanks, parentheses or commas stands in single or double
//!   quotes, which have no escapes.
//! - `!=`, `!in`, `!~` and the comparisons of order select instances that have a value. `not(…)` also selects those that have
//!   none.
//! - Attributes are ordered as numbers where both sides are numbers, else by code point.
//! - A pattern has to match the whole value.
//! - `task:group` means the groups of all tasks on the instance: `==`, `in` and `=~` ask whether there is such a task, their
//!   negative forms whether there is none.

mod cursor;
mod diagnose;
mod error;
mod evaluate;
mod expression;
mod instance;
mod parser;
mod pattern;
mod quoting;
mod template;
#[cfg(test)]
mod tests;
mod value;
mod vocabulary;

use std::fmt;
use std::str::FromStr;

pub use diagnose::misspelled_attribute;
pub use error::{QueryError, Reason};
pub use expression::{Condition, Expression, Order, Test, Text};
pub use instance::Instance;
pub use pattern::Pattern;
pub use value::{Date, Version};
pub use vocabulary::is_attribute;

/// Longest expression that ECS takes, in characters.
pub const MAX_LENGTH: usize = 2000;

/// The attributes that ECS gives its container instances, but for those that say what their agent can do.
pub const BUILT_IN: [&str; 11] = [
    "ecs.ami-id",
    "ecs.availability-zone",
    "ecs.awsvpc-trunk-id",
    "ecs.capability.external",
    "ecs.cpu-architecture",
    "ecs.instance-type",
    "ecs.os-family",
    "ecs.os-type",
    "ecs.outpost-arn",
    "ecs.subnet-id",
    "ecs.vpc-id",
];

/// An expression of the cluster query language.
///
/// It is written out in a canonical form: equal queries are written the same, and what is written reads as the same query.
///
/// ```
/// use ecs_operator::ecs::query::Query;
/// let query: Query = "not ( attribute:stack equals 'prod' )&&agentConnected==true".parse()?;
/// assert_eq!(query.to_string(), "not(attribute:stack == prod) and agentConnected == true");
/// # Ok::<(), ecs_operator::ecs::query::QueryError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    expression: Expression,
    notes: Vec<Note>,
}

/// Something about an expression that its author may not have meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Position in bytes from the start.
    pub offset: usize,
    /// Description of the doubt, and how to resolve it.
    pub message: String,
}

impl Query {
    /// Returns the expression.
    #[must_use]
    pub fn expression(&self) -> &Expression {
        &self.expression
    }

    /// Returns doubts about the meaning, in the order of the text.
    #[must_use]
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Reads what a query was printed as, which may be longer than what anybody may write.
    ///
    /// # Errors
    /// Fails if the text is not the canonical form of a query.
    pub fn printed(text: &str) -> Result<Self, QueryError> {
        parser::parse(text, parser::SizeLimits::CANONICAL)
    }

    /// True if an instance is meant.
    #[must_use]
    pub fn matches(&self, instance: &Instance) -> bool {
        self.expression.matches(instance)
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expression.fmt(f)
    }
}

impl FromStr for Query {
    type Err = QueryError;

    fn from_str(text: &str) -> Result<Self, QueryError> {
        parser::parse(text, parser::SizeLimits::WRITTEN)
    }
}
