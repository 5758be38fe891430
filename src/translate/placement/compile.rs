//! An expression → what the scheduler of Kubernetes can be told, and what is left to be evaluated.
//!
//! Negations are brought down to the conditions; then each part of the outermost `and` is one of four things: conditions on
//! labels, a group to be with, a group to be apart from, or something that Kubernetes has no words for. Only what comes to
//! exactly the same nodes is compiled.

use std::collections::BTreeSet;

use crate::ecs::query::{Condition, Expression, Order, Test, Text};
use crate::translate::placement::facts;
use crate::translate::placement::group::Group;
use crate::translate::placement::terms::{Asked, Terms, of_attribute};

/// One of the parts of an expression, all of which have to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Conditions on the node's labels.
    Labels(Expression, Terms),
    /// A task of the group is on the node.
    With(Expression, Group),
    /// No task of the group is on the node.
    Without(Group),
    /// What has to be evaluated.
    Evaluated(Expression),
}

/// The parts of an expression.
#[must_use]
pub fn compile(expression: &Expression) -> Vec<Part> {
    let normal = normal_form(expression, false);
    let parts = match normal {
        Expression::All(parts) => parts,
        other => vec![other],
    };
    parts.into_iter().flat_map(part).collect()
}

fn part(expression: Expression) -> Vec<Part> {
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

/// The same with negations of single conditions only.
fn normal_form(expression: &Expression, negated: bool) -> Expression {
    let parts = |parts: &[Expression]| parts.iter().map(|part| normal_form(part, negated)).collect::<Vec<_>>();
    match (expression, negated) {
        (Expression::All(list), false) | (Expression::Any(list), true) => Expression::all(parts(list)),
        (Expression::Any(list), false) | (Expression::All(list), true) => Expression::any(parts(list)),
        (Expression::Not(inner), _) => normal_form(inner, !negated),
        (Expression::Is(condition), false) => Expression::Is(condition.clone()),
        (Expression::Is(condition), true) => Expression::Is(condition.clone()).negated(),
    }
}

/// A condition and whether it is negated.
fn literal(expression: &Expression) -> Option<(&Condition, bool)> {
    match expression {
        Expression::Is(condition) => Some((condition, false)),
        Expression::Not(inner) => literal(inner).map(|(condition, negated)| (condition, !negated)),
        Expression::All(_) | Expression::Any(_) => None,
    }
}

/// The groups that a condition names, and whether none of them is to be there rather than one.
fn groups(expression: &Expression) -> Option<(bool, Vec<Group>)> {
    let (Condition::TaskGroup(asked), negated) = literal(expression)? else { return None };
    let (apart, texts) = match asked {
        Test::Compare(Order::Equal, text) => (negated, std::slice::from_ref(text)),
        Test::Compare(Order::NotEqual, text) => (!negated, std::slice::from_ref(text)),
        Test::In(list) => (negated, list.as_slice()),
        Test::NotIn(list) => (!negated, list.as_slice()),
        _ => return None,
    };
    Some((apart, texts.iter().map(|text| Group::of(text.as_str())).collect()))
}

/// Conditions on labels that say the same; none where there are no such conditions or too many.
fn terms(expression: &Expression) -> Option<Terms> {
    if let Some((condition, negated)) = literal(expression) {
        return of_condition(condition, negated);
    }
    match expression {
        Expression::All(parts) => parts.iter().try_fold(Terms::always(), |all, part| all.and(&terms(part)?)),
        Expression::Any(parts) => parts.iter().try_fold(Terms::never(), |any, part| any.or(&terms(part)?)),
        Expression::Is(_) | Expression::Not(_) => None,
    }
}

fn of_condition(condition: &Condition, negated: bool) -> Option<Terms> {
    match condition {
        Condition::Attribute { name, test } => of_test(name, test, negated),
        // Tasks are only placed on nodes that are ready, as ECS places them where the agent is connected.
        Condition::AgentConnected(test) => Some(Terms::constant(test.of_text(Some("true")) != negated)),
        Condition::TaskGroup(Test::In(list)) if list.is_empty() => Some(Terms::constant(negated)),
        Condition::TaskGroup(Test::NotIn(list)) if list.is_empty() => Some(Terms::constant(!negated)),
        _ => None,
    }
}

fn of_test(attribute: &str, question: &Test, negated: bool) -> Option<Terms> {
    let (asked, texts) = match question {
        Test::Exists => (Asked::Different, &[][..]),
        Test::NotExists => (Asked::NotDifferent, &[][..]),
        Test::Compare(Order::Equal, text) => (Asked::Among, std::slice::from_ref(text)),
        Test::Compare(Order::NotEqual, text) => (Asked::Different, std::slice::from_ref(text)),
        Test::In(list) => (Asked::Among, list.as_slice()),
        Test::NotIn(list) => (Asked::Different, list.as_slice()),
        // The server's Gt and Lt take whole numbers only, where ECS also puts other texts in order.
        Test::Compare(..) | Test::Matches(_) | Test::NotMatches(_) => return None,
    };
    let asked = match (asked, negated) {
        (asked, false) => asked,
        (Asked::Among, true) => Asked::NotAmong,
        (Asked::Different, true) => Asked::NotDifferent,
        (Asked::NotAmong, true) => Asked::Among,
        (Asked::NotDifferent, true) => Asked::Different,
    };
    let values: BTreeSet<&str> = texts.iter().map(Text::as_str).collect();
    Some(of_attribute(&facts::keys(attribute), asked, &values))
}
