//! Placement constraints and strategies.

use super::is_blank;
use crate::ecs::capacity::is_fargate;
use crate::ecs::finding::Finding;
use crate::ecs::placement::{InvalidStrategy, MAX_CONSTRAINTS, MAX_STRATEGIES, Strategy};
use crate::ecs::pointer::Pointer;
use crate::ecs::query::{self, Condition, Query};
use crate::ecs::service::{LaunchType, PlacementConstraintType, PlacementStrategy, SchedulingStrategy, Service};
use crate::ecs::task_definition::TaskDefinition;

/// The rules about placement in a task definition.
pub(super) fn of_task(task: &TaskDefinition) -> Vec<Finding> {
    let at = Pointer::root().key("placementConstraints");
    let constraints = task.placement_constraints.iter().enumerate();
    let expressions = constraints.map(|(position, constraint)| (at.index(position), constraint.expression.as_deref()));
    let mut findings: Vec<_> = expressions.flat_map(|(at, text)| expression(&at, text)).collect();
    findings.extend(too_many(&at, task.placement_constraints.len(), MAX_CONSTRAINTS));
    findings
}

/// The rules about placement in a service.
pub(super) fn of_service(service: &Service) -> Vec<Finding> {
    let root = Pointer::root();
    let (constraints, strategy) = (root.key("placementConstraints"), root.key("placementStrategy"));
    let mut findings = service_constraints(service, &constraints);
    findings.extend(too_many(&constraints, service.placement_constraints.len(), MAX_CONSTRAINTS));
    findings.extend(too_many(&strategy, service.placement_strategy.len(), MAX_STRATEGIES));
    let steps = service.placement_strategy.iter().enumerate();
    findings.extend(steps.filter_map(|(position, step)| step_field(step, &strategy.index(position))));
    findings.extend(not_on_fargate(service, &constraints, &strategy));
    findings.extend(not_for_daemons(service, strategy));
    findings
}

fn service_constraints(service: &Service, at: &Pointer) -> Vec<Finding> {
    let constraints = service.placement_constraints.iter().enumerate();
    let findings = constraints.map(|(position, constraint)| {
        let (at, text) = (at.index(position), constraint.expression.as_deref());
        match constraint.r#type {
            Some(PlacementConstraintType::DistinctInstance) if is_blank(text) => Vec::new(),
            Some(PlacementConstraintType::DistinctInstance) => vec![with_distinct_instance(&at)],
            Some(PlacementConstraintType::MemberOf) | None => {
                let itself = service.is_daemon().then(|| counting_itself(&at, text)).flatten();
                expression(&at, text).into_iter().chain(itself).collect()
            }
        }
    });
    findings.flatten().collect()
}

/// A daemon whose tasks make its own constraint untrue never comes to rest.
fn counting_itself(at: &Pointer, text: Option<&str>) -> Option<Finding> {
    let query: Query = text?.parse().ok()?;
    let message = "the tasks of a DAEMON service count too: one that makes the expression untrue is stopped, and starts again when that \
                   makes it true";
    let counts = |condition| matches!(condition, &Condition::RunningTasksCount(..));
    query
        .expression()
        .conditions()
        .any(counts)
        .then(|| Finding::warning(at.key("expression"), "daemon-counts-itself", message))
}

/// `placementConstraints[].expression`: of the cluster query language, at most 2000 characters.
fn expression(at: &Pointer, text: Option<&str>) -> Vec<Finding> {
    let at = at.key("expression");
    let Some(text) = text.filter(|text| !is_blank(Some(text))) else {
        return vec![Finding::error(at, "constraint-without-expression", "memberOf needs an expression")];
    };
    match text.parse::<Query>() {
        Ok(query) => {
            let notes = query.notes().iter();
            notes.map(|note| Finding::warning(at.clone(), "doubtful-expression", note.message.clone())).collect()
        }
        Err(error) => vec![Finding::error(at, "invalid-expression", error.to_string())],
    }
}

/// `placementConstraints[].expression`: not for `distinctInstance`.
fn with_distinct_instance(at: &Pointer) -> Finding {
    let message = "distinctInstance takes no expression: leave it out, or put it in a constraint of type memberOf";
    Finding::error(at.key("expression"), "expression-of-distinct-instance", message)
}

fn too_many(at: &Pointer, count: usize, max: usize) -> Option<Finding> {
    let message = format!("{count} are given, at most {max} are allowed");
    (count > max).then(|| Finding::error(at.clone(), "too-many-items", message))
}

/// `placementStrategy[].field`: required of `spread`, which knows instances and attributes, and of `binpack`, which knows CPU and
/// memory.
fn step_field(step: &PlacementStrategy, at: &Pointer) -> Option<Finding> {
    let at = at.key("field");
    let invalid = match Strategy::of(step) {
        Ok(strategy) => return misspelt(&strategy, at),
        Err(invalid) => invalid,
    };
    let code = match invalid {
        InvalidStrategy::SpreadOverNothing | InvalidStrategy::BinpackOfNothing => "strategy-without-field",
        InvalidStrategy::BinpackField(_) => "invalid-binpack-field",
        InvalidStrategy::SpreadField(_)
        | InvalidStrategy::Attribute(_)
        | InvalidStrategy::Unknown(_)
        | InvalidStrategy::FieldOfRandom(_) => "invalid-spread-field",
    };
    Some(Finding::error(at, code, invalid.to_string()))
}

/// An attribute that is called nearly as one of ECS's own.
fn misspelt(strategy: &Strategy, at: Pointer) -> Option<Finding> {
    Some(Finding::warning(at, "doubtful-attribute", query::misspelled_attribute(strategy.attribute()?)?))
}

/// Fargate chooses nodes itself: neither constraints nor strategies are supported.
fn not_on_fargate(service: &Service, constraints: &Pointer, strategy: &Pointer) -> Vec<Finding> {
    let by_provider = service.capacity_provider_strategy.iter().any(|item| is_fargate(&item.capacity_provider));
    if service.launch_type != Some(LaunchType::Fargate) && !by_provider {
        return Vec::new();
    }
    let given =
        [(constraints, !service.placement_constraints.is_empty()), (strategy, !service.placement_strategy.is_empty())];
    let refused = given.into_iter().filter(|(_, given)| *given);
    let message = "Fargate places tasks itself";
    refused.map(|(at, _)| Finding::error(at.clone(), "placement-on-fargate", message)).collect()
}

/// A daemon runs on every node, so there is nothing to choose.
fn not_for_daemons(service: &Service, strategy: Pointer) -> Option<Finding> {
    let daemon = service.scheduling_strategy == Some(SchedulingStrategy::Daemon);
    let message = "a DAEMON service runs on each node; there is no strategy to choose by";
    (daemon && !service.placement_strategy.is_empty()).then(|| Finding::error(strategy, "strategy-on-daemon", message))
}
