//! Placement constraints on an instance.

use std::str::FromStr;

use crate::ecs::query::{Expression, Query, QueryError};
use crate::ecs::service::{PlacementConstraint, PlacementConstraintType};

/// Constraints of a task together, those of its definition included.
pub const MAX_CONSTRAINTS: usize = 10;

/// A constraint of placement. It is asked when a task is placed, and not again while it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Constraint {
    /// No other task of the group is on the instance.
    DistinctInstance,
    /// The expression is true of the instance.
    MemberOf(Expression),
}

/// Reason for refusing a constraint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidConstraint {
    /// There is no such kind.
    #[error("`{0}` is not a constraint: write distinctInstance or memberOf=EXPRESSION")]
    Unknown(String),
    /// `distinctInstance` has an expression.
    #[error("distinctInstance takes no expression: leave it out, or write memberOf=EXPRESSION")]
    ExpressionOfDistinctInstance,
    /// `memberOf` has none.
    #[error("memberOf needs an expression: memberOf=EXPRESSION")]
    NoExpression,
    /// The expression cannot be read.
    #[error(transparent)]
    Expression(#[from] QueryError),
}

impl Constraint {
    /// A constraint as a service or RunTask has it; without a type it is `memberOf`.
    ///
    /// # Errors
    /// Fails if `memberOf` has no valid expression, or `distinctInstance` has an expression.
    pub fn of(constraint: &PlacementConstraint) -> Result<Self, InvalidConstraint> {
        let expression = constraint.expression.as_deref().filter(|text| !text.trim().is_empty());
        match (constraint.r#type, expression) {
            (Some(PlacementConstraintType::DistinctInstance), None) => Ok(Self::DistinctInstance),
            (Some(PlacementConstraintType::DistinctInstance), Some(_)) => {
                Err(InvalidConstraint::ExpressionOfDistinctInstance)
            }
            (Some(PlacementConstraintType::MemberOf) | None, expression) => Self::member_of(expression),
        }
    }

    /// The constraint that an expression is true of the instance.
    ///
    /// # Errors
    /// Fails if there is no valid expression.
    pub fn member_of(expression: Option<&str>) -> Result<Self, InvalidConstraint> {
        let text = expression.filter(|text| !text.trim().is_empty()).ok_or(InvalidConstraint::NoExpression)?;
        let query: Query = text.parse()?;
        Ok(Self::MemberOf(query.expression().clone()))
    }
}

/// Reads `distinctInstance` and `memberOf=EXPRESSION`.
impl FromStr for Constraint {
    type Err = InvalidConstraint;

    fn from_str(text: &str) -> Result<Self, InvalidConstraint> {
        let (name, expression) = text.split_once('=').map_or((text, None), |(name, rest)| (name, Some(rest)));
        let kind = PlacementConstraintType::ALL.iter().find(|kind| kind.as_str() == name.trim());
        let kind = *kind.ok_or_else(|| InvalidConstraint::Unknown(name.to_owned()))?;
        Self::of(&PlacementConstraint { r#type: Some(kind), expression: expression.map(str::to_owned) })
    }
}
