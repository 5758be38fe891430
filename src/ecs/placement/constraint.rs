//! Placement constraints on an instance.

use std::str::FromStr;

use crate::ecs::query::{Expression, Query, QueryError};
use crate::ecs::service::{PlacementConstraint, PlacementConstraintType};

/// Maximum constraints of a task, including those of its definition.
pub const MAX_CONSTRAINTS: usize = 10;

/// Placement constraint. It is evaluated when a task is placed, and not again while the task runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Constraint {
    /// No other task of the group is on the instance.
    DistinctInstance,
    /// The expression selects the instance.
    MemberOf(Expression),
}

/// Error in a constraint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidConstraint {
    /// The type is unknown.
    #[error("`{0}` is not a constraint: write distinctInstance or memberOf=EXPRESSION")]
    Unknown(String),
    /// `distinctInstance` has an expression.
    #[error("distinctInstance takes no expression: remove it, or write memberOf=EXPRESSION")]
    ExpressionOfDistinctInstance,
    /// `memberOf` has no expression.
    #[error("memberOf needs an expression: memberOf=EXPRESSION")]
    NoExpression,
    /// The expression is invalid.
    #[error(transparent)]
    Expression(#[from] QueryError),
}

impl Constraint {
    /// Returns the constraint `memberOf` with an expression.
    ///
    /// # Errors
    /// Fails if there is no valid expression.
    pub fn member_of(expression: Option<&str>) -> Result<Self, InvalidConstraint> {
        let text = expression.filter(|text| !text.trim().is_empty()).ok_or(InvalidConstraint::NoExpression)?;
        let query: Query = text.parse()?;
        Ok(Self::MemberOf(query.expression().clone()))
    }
}

/// Converts a constraint of a service or of RunTask. The default type is `memberOf`.
impl TryFrom<&PlacementConstraint> for Constraint {
    type Error = InvalidConstraint;

    fn try_from(constraint: &PlacementConstraint) -> Result<Self, InvalidConstraint> {
        let expression = constraint.expression.as_deref().filter(|text| !text.trim().is_empty());
        match (constraint.r#type, expression) {
            (Some(PlacementConstraintType::DistinctInstance), None) => Ok(Self::DistinctInstance),
            (Some(PlacementConstraintType::DistinctInstance), Some(_)) => {
                Err(InvalidConstraint::ExpressionOfDistinctInstance)
            }
            (Some(PlacementConstraintType::MemberOf) | None, expression) => Self::member_of(expression),
        }
    }
}

/// Parses `distinctInstance` and `memberOf=EXPRESSION`.
impl FromStr for Constraint {
    type Err = InvalidConstraint;

    fn from_str(text: &str) -> Result<Self, InvalidConstraint> {
        let (name, expression) = text.split_once('=').map_or((text, None), |(name, rest)| (name, Some(rest)));
        let kind = PlacementConstraintType::ALL.iter().find(|kind| kind.as_str() == name.trim());
        let kind = *kind.ok_or_else(|| InvalidConstraint::Unknown(name.to_owned()))?;
        Self::try_from(&PlacementConstraint { r#type: Some(kind), expression: expression.map(str::to_owned) })
    }
}
