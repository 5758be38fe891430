//! Cluster query language, which selects container instances in placement constraints and list commands.
//!
//! An expression such as `attribute:ecs.instance-type =~ g4dn.* and not(task:group == database)` is parsed into a [`Query`]
//! and evaluated for an [`Instance`]. Source of the rules is the ECS developer guide, "Create expressions to define
//! container instances for Amazon ECS tasks". Where the guide is silent, these rules apply:
//!
//! - `not` takes precedence over `and`, and `and` over `or`. An expression that mixes `and` and `or` without parentheses
//!   gets a [`Note`].
//! - Words of the language are lower case. A value or a pattern with blanks, parentheses or commas requires single or double
//!   quotes, which have no escapes.
//! - `!=`, `!in`, `!~` and comparisons such as `<` select only instances that have a value. `not(…)` also selects instances
//!   without one.
//! - Attributes are compared as numbers if both sides are numbers, otherwise by code point.
//! - A pattern must match the whole value.
//! - `task:group` refers to the groups of all tasks on the instance: `==`, `in` and `=~` are true if any task matches, their
//!   negated forms if none does.

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
pub use expression::{Condition, Expression, Literal, Order, Test};
pub use instance::Instance;
pub use pattern::Pattern;
pub use value::{Date, Version};
pub use vocabulary::is_attribute;

/// Maximum length of an expression, in characters.
pub const MAX_LENGTH: usize = 2000;

/// Attributes that ECS sets on container instances, except those for the capabilities of the agent.
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

/// Expression of the cluster query language.
///
/// [`fmt::Display`] writes the canonical form: equal queries have the same form, and parsing it returns the same query.
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

/// Part of an expression that may not have the intended meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Position in bytes from the start of the expression.
    pub offset: usize,
    /// Description of the ambiguity, and how to resolve it.
    pub message: String,
}

impl Query {
    /// Returns the expression.
    #[must_use]
    pub fn expression(&self) -> &Expression {
        &self.expression
    }

    /// Returns notes about the meaning, in the order of the text.
    #[must_use]
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Parses the canonical form of a query, which may be longer than [`MAX_LENGTH`].
    ///
    /// # Errors
    /// Fails if the text is not the canonical form of a query.
    pub fn from_canonical(text: &str) -> Result<Self, QueryError> {
        parser::parse(text, parser::SizeLimits::CANONICAL)
    }

    /// True if the query selects the instance.
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
