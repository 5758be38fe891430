//! Text output: the node of each task, and the reasons of nodes that refuse a further task.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::simulation::Simulation;
use crate::ecs::placement::{Amounts, Constraint, HostPort, Rejection, Request, Resource};
use crate::report::printable;

/// Maximum number of listed nodes per reason.
const MAX_LISTED: usize = 8;

/// Renders the result. Names in the request are those of ECS.
pub(super) fn render(simulation: &Simulation, request: &Request, has_pods: bool) -> String {
    let mut text = table(simulation);
    text.push('\n');
    text.push_str(&summary(simulation, request, has_pods));
    text.push_str(&rejections(simulation, request));
    text
}

fn table(simulation: &Simulation) -> String {
    let heading = ["TASK", "NODE", "ZONE", "REMAINING"].map(str::to_owned);
    let placements = simulation.placements.iter().enumerate().map(|(task, placed)| {
        let zone = placed.zone.as_deref().unwrap_or("-");
        [task.to_string(), printable(&placed.node), printable(zone), amounts(placed.left)]
    });
    let failed = simulation.failure.iter().map(|(tasks, failure)| {
        let last = tasks.end - 1;
        let number = if tasks.start == last { last.to_string() } else { format!("{}-{last}", tasks.start) };
        [number, "-".to_owned(), "-".to_owned(), failure.reason.to_string()]
    });
    let rows: Vec<[String; 4]> = [heading].into_iter().chain(placements).chain(failed).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let [first, second, third] = [width(0), width(1), width(2)];
    let line =
        |[task, node, zone, last]: &[String; 4]| format!("{task:first$}  {node:second$}  {zone:third$}  {last}\n");
    rows.iter().map(line).collect()
}

fn amounts(amounts: Amounts) -> String {
    let gpus = if amounts.gpus > 0 { format!(", {}", plural(amounts.gpus, "GPU")) } else { String::new() };
    format!("{} CPU units, {} MiB{gpus}", amounts.cpu, amounts.memory)
}

fn summary(simulation: &Simulation, request: &Request, has_pods: bool) -> String {
    let (placed, failed) = (simulation.placements.len(), simulation.failed().count());
    let group = printable(&request.group);
    let steps: Vec<String> = request.strategies.iter().map(ToString::to_string).collect();
    let strategy = if steps.is_empty() { "random".to_owned() } else { steps.join(", ") };
    let tasks = plural(placed + failed, "task");
    let outcome = match (placed, failed) {
        (_, 0) if placed == 1 => "1 task is placed".to_owned(),
        (_, 0) => format!("all {tasks} are placed"),
        (0, _) => format!("{tasks} cannot be placed"),
        _ => format!("{placed} of {tasks} are placed"),
    };
    let note = if has_pods { "" } else { "Without --pods, the nodes are assumed to be empty.\n" };
    format!("Group {group}, strategy {}: {outcome}.\n{note}", printable(&strategy))
}

/// Returns the nodes that refuse the last task, grouped by reason; the largest group is the first.
fn rejections(simulation: &Simulation, request: &Request) -> String {
    if simulation.refused.is_empty() {
        return String::new();
    }
    let mut grouped: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for (node, left, rejection) in &simulation.refused {
        let name = match rejection {
            Rejection::Insufficient(resources) => format!("{}{}", printable(node), remaining(*left, resources)),
            _ => printable(node),
        };
        grouped.entry((reasons(rejection), explanation(rejection, request))).or_default().push(name);
    }
    let mut grouped: Vec<_> = grouped.into_iter().collect();
    grouped.sort_by_key(|(_, nodes)| std::cmp::Reverse(nodes.len()));
    // All tasks after the first failure fail for the same reason.
    let last = || simulation.placements.len().saturating_sub(1);
    let task = simulation.failure.as_ref().map_or_else(last, |(tasks, _)| tasks.start);
    let mut text = format!(
        "\n{} of {} {} task {task}:\n",
        simulation.refused.len(),
        plural(simulation.nodes, "node"),
        if simulation.refused.len() == 1 { "refuses" } else { "refuse" }
    );
    for ((reasons, explanation), nodes) in grouped {
        let more = nodes.len().saturating_sub(MAX_LISTED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let names = nodes.iter().take(MAX_LISTED).map(String::as_str).collect::<Vec<_>>().join(", ");
        let _ = writeln!(text, "  {}, {reasons}: {explanation}\n    {names}{more}", plural(nodes.len(), "node"));
    }
    text
}

/// Returns the reasons as in the output of RunTask.
fn reasons(rejection: &Rejection) -> String {
    match rejection {
        Rejection::Draining => "DRAINING".to_owned(),
        other => other
            .reasons()
            .map(|reason| reason.to_string().trim_end_matches('.').to_owned())
            .collect::<Vec<_>>()
            .join(", "),
    }
}

/// Explains the reason in terms of the node.
fn explanation(rejection: &Rejection, request: &Request) -> String {
    let reserved = request.reservation.amounts;
    match rejection {
        Rejection::Draining => "the node is cordoned".to_owned(),
        Rejection::AgentDisconnected => "the node is not ready".to_owned(),
        Rejection::Excluded(message) => printable(message),
        Rejection::AttributeMismatch { name, expected, actual } => {
            format!("the {name} of the node is {}, the task requires {expected}", printable(actual))
        }
        Rejection::DistinctInstance => format!("the node runs a task of the group {}", printable(&request.group)),
        Rejection::MemberOf { position } => match request.constraints.get(*position) {
            Some(Constraint::MemberOf(expression)) => {
                format!("the node does not match {}", printable(&expression.to_string()))
            }
            _ => "the node does not match the expression".to_owned(),
        },
        Rejection::Insufficient(resources) => {
            let amounts = resources.iter().map(|resource| match resource {
                Resource::Cpu => format!("{} CPU units", reserved.cpu),
                Resource::Memory => format!("{} MiB", reserved.memory),
                Resource::Gpu => plural(reserved.gpus, "GPU"),
                Resource::Ports => ports(request.reservation.ports.iter()),
            });
            format!("the task reserves {}", amounts.collect::<Vec<_>>().join(", "))
        }
    }
}

fn ports<'a>(ports: impl Iterator<Item = &'a HostPort>) -> String {
    let ports: Vec<String> = ports.map(|port| format!("{}/{}", port.number, port.protocol)).collect();
    format!("host {} {}", if ports.len() == 1 { "port" } else { "ports" }, ports.join(", "))
}

/// Returns the remaining amounts of the resources that a node has too little of.
fn remaining(left: Amounts, resources: &[Resource]) -> String {
    let amounts = resources.iter().filter_map(|resource| match resource {
        Resource::Cpu => Some(format!("{} CPU units", left.cpu)),
        Resource::Memory => Some(format!("{} MiB", left.memory)),
        Resource::Gpu => Some(plural(left.gpus, "GPU")),
        Resource::Ports => None,
    });
    let amounts = amounts.collect::<Vec<_>>().join(", ");
    if amounts.is_empty() { amounts } else { format!(" ({amounts} remaining)") }
}

fn plural(number: impl TryInto<i64>, noun: &str) -> String {
    let number = number.try_into().unwrap_or(i64::MAX);
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
