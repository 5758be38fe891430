//! Placement constraints and strategies.

use super::is_blank;
use crate::ecs::capacity::is_fargate;
use crate::ecs::finding::Finding;
use crate::ecs::placement::{InvalidStrategy, MAX_CONSTRAINTS, MAX_STRATEGIES, Strategy};
use crate::ecs::pointer::Pointer;
use crate::ecs::query::{self, Condition, Query};
use crate::ecs::service::{LaunchType, PlacementConstraintType, PlacementStrategy, SchedulingStrategy, Service};
use crate::ecs::task_definition::TaskDefinition;

/// Checks the placement constraints of a task definition.
pub(super) fn task(task: &TaskDefinition) -> Vec<Finding> {
    let at = Pointer::root().key("placementConstraints");
    let constraints = task.placement_constraints.iter().enumerate();
    let expressions = constraints.map(|(position, constraint)| (at.index(position), constraint.expression.as_deref()));
    let mut findings: Vec<_> = expressions.flat_map(|(at, text)| expression(&at, text)).collect();
    findings.extend(too_many(&at, task.placement_constraints.len(), MAX_CONSTRAINTS));
    findings
}

/// Checks the placement constraints and strategies of a service.
pub(super) fn service(service: &Service) -> Vec<Finding> {
    let root = Pointer::root();
    let (constraints, strategy) = (root.key("placementConstraints"), root.key("placementStrategy"));
    let mut findings = service_constraints(service, &constraints);
    findings.extend(too_many(&constraints, service.placement_constraints.len(), MAX_CONSTRAINTS));
    findings.extend(too_many(&strategy, service.placement_strategy.len(), MAX_STRATEGIES));
    let steps = service.placement_strategy.iter().enumerate();
    findings.extend(steps.filter_map(|(position, step)| strategy_field(step, &strategy.index(position))));
    findings.extend(on_fargate(service, &constraints, &strategy));
    findings.extend(strategy_of_daemon(service, strategy));
    findings
}

fn service_constraints(service: &Service, at: &Pointer) -> Vec<Finding> {
    let constraints = service.placement_constraints.iter().enumerate();
    let findings = constraints.map(|(position, constraint)| {
        let (at, text) = (at.index(position), constraint.expression.as_deref());
        match constraint.r#type {
            Some(PlacementConstraintType::DistinctInstance) if is_blank(text) => Vec::new(),
            Some(PlacementConstraintType::DistinctInstance) => vec![expression_of_distinct_instance(&at)],
            Some(PlacementConstraintType::MemberOf) | None => {
                let counted = service.is_daemon().then(|| counts_itself(&at, text)).flatten();
                expression(&at, text).into_iter().chain(counted).collect()
            }
        }
    });
    findings.flatten().collect()
}

/// A daemon whose tasks make its own constraint false starts and stops them forever.
fn counts_itself(at: &Pointer, text: Option<&str>) -> Option<Finding> {
    let query: Query = text?.parse().ok()?;
    let message = "the expression counts the tasks of this DAEMON service too: a task that makes it false is stopped, \
                   and starts again when the expression becomes true";
    let counts_tasks = query.expression().conditions().any(|it| matches!(it, &Condition::RunningTasksCount(..)));
    counts_tasks.then(|| Finding::warning(at.key("expression"), "daemon-counts-itself", message))
}

/// `placementConstraints[].expression`: in the cluster query language, at most 2000 characters.
fn expression(at: &Pointer, text: Option<&str>) -> Vec<Finding> {
    let at = at.key("expression");
    let Some(text) = text.filter(|text| !is_blank(Some(text))) else {
        return vec![Finding::error(at, "constraint-without-expression", "memberOf requires an expression")];
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
fn expression_of_distinct_instance(at: &Pointer) -> Finding {
    let message = "distinctInstance has no expression: remove it, or move it to a constraint of the type memberOf";
    Finding::error(at.key("expression"), "expression-of-distinct-instance", message)
}

fn too_many(at: &Pointer, count: usize, max: usize) -> Option<Finding> {
    let message = format!("the list has {count} items, the maximum is {max}");
    (count > max).then(|| Finding::error(at.clone(), "too-many-items", message))
}

/// `placementStrategy[].field`: for `spread` an instance or an attribute, for `binpack` CPU or memory.
fn strategy_field(step: &PlacementStrategy, at: &Pointer) -> Option<Finding> {
    let at = at.key("field");
    let invalid = match Strategy::try_from(step) {
        Ok(strategy) => return misspelled(&strategy, at),
        Err(invalid) => invalid,
    };
    let code = match invalid {
        InvalidStrategy::SpreadWithoutField | InvalidStrategy::BinpackWithoutField => "strategy-without-field",
        InvalidStrategy::BinpackField(_) => "invalid-binpack-field",
        InvalidStrategy::SpreadField(_)
        | InvalidStrategy::Attribute(_)
        | InvalidStrategy::Unknown(_)
        | InvalidStrategy::FieldOfRandom(_) => "invalid-spread-field",
    };
    Some(Finding::error(at, code, invalid.to_string()))
}

/// Reports an attribute whose name is close to that of an attribute of ECS.
fn misspelled(strategy: &Strategy, at: Pointer) -> Option<Finding> {
    Some(Finding::warning(at, "doubtful-attribute", query::misspelled_attribute(strategy.attribute()?)?))
}

/// Fargate supports neither placement constraints nor strategies.
fn on_fargate(service: &Service, constraints: &Pointer, strategy: &Pointer) -> Vec<Finding> {
    let by_provider = service.capacity_provider_strategy.iter().any(|item| is_fargate(&item.capacity_provider));
    if service.launch_type != Some(LaunchType::Fargate) && !by_provider {
        return Vec::new();
    }
    let fields =
        [(constraints, !service.placement_constraints.is_empty()), (strategy, !service.placement_strategy.is_empty())];
    let unsupported = fields.into_iter().filter(|(_, is_set)| *is_set);
    let message = "Fargate supports neither placement constraints nor placement strategies; remove them";
    unsupported.map(|(at, _)| Finding::error(at.clone(), "placement-on-fargate", message)).collect()
}

/// A daemon runs a task on every node, so that a strategy has no effect.
fn strategy_of_daemon(service: &Service, strategy: Pointer) -> Option<Finding> {
    let daemon = service.scheduling_strategy == Some(SchedulingStrategy::Daemon);
    let message = "a DAEMON service runs a task on each node and has no placement strategy; remove it";
    (daemon && !service.placement_strategy.is_empty()).then(|| Finding::error(strategy, "strategy-on-daemon", message))
}
