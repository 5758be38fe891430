//! The answer for people: where each task goes, and why nodes take no further one.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::simulation::Simulation;
use crate::ecs::placement::{Amounts, Constraint, HostPort, Refusal, Request, Resource};
use crate::report::printable;

/// Nodes that are named at most of those that refuse for one reason.
const NAMED: usize = 8;

/// The answer. Names in the request are those that ECS has.
pub(super) fn render(simulation: &Simulation, request: &Request, pods_given: bool) -> String {
    let mut text = table(simulation);
    text.push('\n');
    text.push_str(&summary(simulation, request, pods_given));
    text.push_str(&refusals(simulation, request));
    text
}

fn table(simulation: &Simulation) -> String {
    let heading = ["TASK", "NODE", "ZONE", "LEFT ON THE NODE"].map(str::to_owned);
    let placed = simulation.placements.iter().enumerate().map(|(task, placed)| {
        let zone = placed.zone.as_deref().unwrap_or("-");
        [task.to_string(), printable(&placed.node), printable(zone), amounts(placed.left)]
    });
    let failed = simulation.failure.iter().map(|(tasks, failure)| {
        let last = tasks.end - 1;
        let number = if tasks.start == last { last.to_string() } else { format!("{}-{last}", tasks.start) };
        [number, "-".to_owned(), "-".to_owned(), failure.reason.to_string()]
    });
    let rows: Vec<[String; 4]> = [heading].into_iter().chain(placed).chain(failed).collect();
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

fn summary(simulation: &Simulation, request: &Request, pods_given: bool) -> String {
    let (placed, failed) = (simulation.placements.len(), simulation.failed().count());
    let group = printable(&request.group);
    let steps: Vec<String> = request.strategies.iter().map(ToString::to_string).collect();
    let how = if steps.is_empty() { "random".to_owned() } else { steps.join(", ") };
    let tasks = plural(placed + failed, "task");
    let outcome = match (placed, failed) {
        (_, 0) if placed == 1 => "1 task has a node".to_owned(),
        (_, 0) => format!("all {tasks} have a node"),
        (0, _) => format!("no node for {tasks}"),
        _ => format!("{placed} of {tasks} have a node"),
    };
    let empty = if pods_given { "" } else { "No Pods are given (--pods): the nodes are taken for empty.\n" };
    format!("Group {group}, strategy {}: {outcome}.\n{empty}", printable(&how))
}

/// The nodes that refuse the last task, those that do so for the same reason together; the most first.
fn refusals(simulation: &Simulation, request: &Request) -> String {
    if simulation.refused.is_empty() {
        return String::new();
    }
    let mut folded: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for (node, left, refusal) in &simulation.refused {
        let name = match refusal {
            Refusal::Short(lacks) => format!("{}{}", printable(node), has(*left, lacks)),
            _ => printable(node),
        };
        folded.entry((reasons(refusal), why(refusal, request))).or_default().push(name);
    }
    let mut folded: Vec<_> = folded.into_iter().collect();
    folded.sort_by_key(|(_, nodes)| std::cmp::Reverse(nodes.len()));
    // All tasks from the first failure on are refused alike.
    let last = || simulation.placements.len().saturating_sub(1);
    let task = simulation.failure.as_ref().map_or_else(last, |(tasks, _)| tasks.start);
    let mut text = format!(
        "\n{} of {} {} task {task}:\n",
        simulation.refused.len(),
        plural(simulation.nodes, "node"),
        if simulation.refused.len() == 1 { "refuses" } else { "refuse" }
    );
    for ((reasons, why), nodes) in folded {
        let more = nodes.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let names = nodes.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
        let _ = writeln!(text, "  {}, {reasons}: {why}\n    {names}{more}", plural(nodes.len(), "node"));
    }
    text
}

/// The reasons as RunTask has them.
fn reasons(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Draining => "DRAINING".to_owned(),
        other => other
            .reasons()
            .map(|reason| reason.to_string().trim_end_matches('.').to_owned())
            .collect::<Vec<_>>()
            .join(", "),
    }
}

fn why(refusal: &Refusal, request: &Request) -> String {
    let wanted = request.reservation.amounts;
    match refusal {
        Refusal::Draining => "it is cordoned, and takes no new tasks".to_owned(),
        Refusal::AgentDisconnected => "it is not ready".to_owned(),
        Refusal::Repelled(words) => printable(words),
        Refusal::OtherAttribute { name, wanted, has } => {
            format!("its {name} is {}, and the task is for {wanted}", printable(has))
        }
        Refusal::DistinctInstance => format!("a task of the group {} is there", printable(&request.group)),
        Refusal::MemberOf { position } => match request.constraints.get(*position) {
            Some(Constraint::MemberOf(expression)) => format!("not true of it: {}", printable(&expression.to_string())),
            _ => "the expression is not true of it".to_owned(),
        },
        Refusal::Short(lacks) => {
            let asked = lacks.iter().map(|resource| match resource {
                Resource::Cpu => format!("{} CPU units", wanted.cpu),
                Resource::Memory => format!("{} MiB", wanted.memory),
                Resource::Gpu => plural(wanted.gpus, "GPU"),
                Resource::Ports => ports(request.reservation.ports.iter()),
            });
            format!("the task reserves {}", asked.collect::<Vec<_>>().join(", "))
        }
    }
}

fn ports<'a>(ports: impl Iterator<Item = &'a HostPort>) -> String {
    let named: Vec<String> = ports.map(|port| format!("{}/{}", port.number, port.protocol)).collect();
    format!("host {} {}", if named.len() == 1 { "port" } else { "ports" }, named.join(", "))
}

/// What a node has left of what it lacks.
fn has(left: Amounts, lacks: &[Resource]) -> String {
    let amounts = lacks.iter().filter_map(|resource| match resource {
        Resource::Cpu => Some(format!("{} CPU units", left.cpu)),
        Resource::Memory => Some(format!("{} MiB", left.memory)),
        Resource::Gpu => Some(plural(left.gpus, "GPU")),
        Resource::Ports => None,
    });
    let amounts = amounts.collect::<Vec<_>>().join(", ");
    if amounts.is_empty() { amounts } else { format!(" ({amounts} left)") }
}

fn plural(number: impl TryInto<i64>, noun: &str) -> String {
    let number = number.try_into().unwrap_or(i64::MAX);
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
