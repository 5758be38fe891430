//! Compilation of a cluster query expression to affinities, and to a rest that must be evaluated.
//!
//! Negations are moved inward to the conditions. Each operand of the outermost `and` is then one of four: conditions on
//! labels, affinity to a group, anti-affinity to a group, or an expression without a Kubernetes equivalent. An operand is
//! compiled only if the result selects exactly the same nodes.

use std::collections::BTreeSet;

use crate::ecs::query::{Condition, Expression, Literal, Order, Test};
use crate::translate::placement::facts;
use crate::translate::placement::group::Group;
use crate::translate::placement::terms::{Terms, ValueTest, attribute_terms};

/// Operand of an expression. All operands must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Conditions on the node's labels.
    Labels(Expression, Terms),
    /// A task of the group is on the node.
    With(Expression, Group),
    /// No task of the group is on the node.
    Without(Group),
    /// Expression that must be evaluated.
    Evaluated(Expression),
}

/// Splits an expression into its operands and compiles each.
#[must_use]
pub fn compile(expression: &Expression) -> Vec<Part> {
    let normal = normal_form(expression, false);
    let parts = match normal {
        Expression::All(parts) => parts,
        other => vec![other],
    };
    parts.into_iter().flat_map(compile_operand).collect()
}

fn compile_operand(expression: Expression) -> Vec<Part> {
    if let Some((negated, groups)) = groups(&expression) {
        if negated {
            return groups.into_iter().map(Part::Without).collect();
        }
        if let [group] = groups.as_slice() {
            let group = group.clone();
            return vec![Part::With(expression, group)];
        }
    }
    match terms(&expression) {
        Some(terms) => vec![Part::Labels(expression, terms)],
        None => vec![Part::Evaluated(expression)],
    }
}

/// Returns an equivalent expression in which only single conditions are negated.
fn normal_form(expression: &Expression, negated: bool) -> Expression {
    let operands = |list: &[Expression]| list.iter().map(|operand| normal_form(operand, negated)).collect::<Vec<_>>();
    match (expression, negated) {
        (Expression::All(list), false) | (Expression::Any(list), true) => Expression::all(operands(list)),
        (Expression::Any(list), false) | (Expression::All(list), true) => Expression::any(operands(list)),
        (Expression::Not(inner), _) => normal_form(inner, !negated),
        (Expression::Is(condition), false) => Expression::Is(condition.clone()),
        (Expression::Is(condition), true) => Expression::Is(condition.clone()).negated(),
    }
}

/// Returns the condition of a possibly negated condition, and true if it is negated.
fn literal(expression: &Expression) -> Option<(&Condition, bool)> {
    match expression {
        Expression::Is(condition) => Some((condition, false)),
        Expression::Not(inner) => literal(inner).map(|(condition, negated)| (condition, !negated)),
        Expression::All(_) | Expression::Any(_) => None,
    }
}

/// Returns the groups of a condition on task groups, and true for anti-affinity to all of them instead of affinity to one.
fn groups(expression: &Expression) -> Option<(bool, Vec<Group>)> {
    let (Condition::TaskGroup(test), negated) = literal(expression)? else { return None };
    let (apart, names) = match test {
        Test::Compare(Order::Equal, name) => (negated, std::slice::from_ref(name)),
        Test::Compare(Order::NotEqual, name) => (!negated, std::slice::from_ref(name)),
        Test::In(list) => (negated, list.as_slice()),
        Test::NotIn(list) => (!negated, list.as_slice()),
        _ => return None,
    };
    Some((apart, names.iter().map(|name| Group::from_name(name.as_str())).collect()))
}

/// Returns equivalent conditions on labels; `None` if there are none, or more terms than allowed.
fn terms(expression: &Expression) -> Option<Terms> {
    if let Some((condition, negated)) = literal(expression) {
        return condition_terms(condition, negated);
    }
    match expression {
        Expression::All(list) => list.iter().try_fold(Terms::always(), |all, operand| all.and(&terms(operand)?)),
        Expression::Any(list) => list.iter().try_fold(Terms::never(), |any, operand| any.or(&terms(operand)?)),
        Expression::Is(_) | Expression::Not(_) => None,
    }
}

fn condition_terms(condition: &Condition, negated: bool) -> Option<Terms> {
    match condition {
        Condition::Attribute { name, test } => test_terms(name, test, negated),
        // The scheduler places tasks only on ready nodes, as ECS places them only where the agent is connected.
        Condition::AgentConnected(test) => Some(Terms::constant(test.matches_text(Some("true")) != negated)),
        Condition::TaskGroup(Test::In(list)) if list.is_empty() => Some(Terms::constant(negated)),
        Condition::TaskGroup(Test::NotIn(list)) if list.is_empty() => Some(Terms::constant(!negated)),
        _ => None,
    }
}

fn test_terms(attribute: &str, test: &Test, negated: bool) -> Option<Terms> {
    let (value_test, literals) = match test {
        Test::Exists => (ValueTest::PresentNotIn, &[][..]),
        Test::NotExists => (ValueTest::InOrAbsent, &[][..]),
        Test::Compare(Order::Equal, value) => (ValueTest::In, std::slice::from_ref(value)),
        Test::Compare(Order::NotEqual, value) => (ValueTest::PresentNotIn, std::slice::from_ref(value)),
        Test::In(list) => (ValueTest::In, list.as_slice()),
        Test::NotIn(list) => (ValueTest::PresentNotIn, list.as_slice()),
        // Gt and Lt of a node affinity compare integers only; ECS also compares other strings.
        Test::Compare(..) | Test::Matches(_) | Test::NotMatches(_) => return None,
    };
    let value_test = match (value_test, negated) {
        (test, false) => test,
        (ValueTest::In, true) => ValueTest::NotIn,
        (ValueTest::PresentNotIn, true) => ValueTest::InOrAbsent,
        (ValueTest::NotIn, true) => ValueTest::In,
        (ValueTest::InOrAbsent, true) => ValueTest::PresentNotIn,
    };
    let values: BTreeSet<&str> = literals.iter().map(Literal::as_str).collect();
    Some(attribute_terms(&facts::keys(attribute), value_test, &values))
}
