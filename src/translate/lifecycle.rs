//! `dependsOn` and `essential` → init containers, native sidecars and containers.
//!
//! A container that others wait for to end becomes an init container; one that others wait for to start or to be healthy
//! becomes a native sidecar (an init container with `restartPolicy: Always`); all others are the Pod's containers. The
//! kubelet starts init containers one after another and stops sidecars after the containers, in reverse order, which is
//! ECS's order along every dependency (semantics of the container agent: a container is stopped only after all that depend on it).

use std::collections::{BTreeMap, BTreeSet};

use super::{Code, Ledger, Placed, Task, firelens};
use crate::ecs::Pointer;
use crate::ecs::task_definition::{ContainerCondition, ContainerDefinition, ContainerDependency};

/// What a container becomes in the Pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Runs to its end before the next one starts.
    Init,
    /// Starts before the containers and runs beside them.
    Sidecar,
    /// One of the Pod's containers.
    Main,
}

/// The containers with their roles; those that go to `initContainers` first, in the order they start.
pub(super) fn place<'a>(containers: &'a [ContainerDefinition], target: &str) -> Vec<Placed<'a>> {
    let awaited = awaited(containers);
    let role = |c: &ContainerDefinition| role(awaited.get(name(c)));
    let (mut mains, mut inits) = (0, 0);
    start_order(containers)
        .into_iter()
        .map(|index| {
            let definition = &containers[index];
            let role = role(definition);
            let (list, count) = match role {
                Role::Main => ("containers", &mut mains),
                Role::Init | Role::Sidecar => ("initContainers", &mut inits),
            };
            let target = format!("{target}/spec/{list}/{count}");
            *count += 1;
            Placed {
                definition,
                path: Pointer::root().key("containerDefinitions").index(index),
                target,
                role,
                awaited_healthy: awaited.get(name(definition)).is_some_and(|c| c.contains(&Awaited::Healthy)),
            }
        })
        .collect()
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Awaited {
    Start,
    Healthy,
    End,
}

fn awaited(containers: &[ContainerDefinition]) -> BTreeMap<&str, BTreeSet<Awaited>> {
    let mut awaited: BTreeMap<&str, BTreeSet<Awaited>> = BTreeMap::new();
    for container in containers {
        for dependency in &container.depends_on {
            let kind = match dependency.condition {
                ContainerCondition::Start => Awaited::Start,
                ContainerCondition::Healthy => Awaited::Healthy,
                ContainerCondition::Complete | ContainerCondition::Success => Awaited::End,
            };
            awaited.entry(&dependency.container_name).or_default().insert(kind);
        }
        for link in &container.links {
            awaited.entry(link_source(link)).or_default().insert(Awaited::Start);
        }
    }
    // All others wait for the log router, unless there is none that could be the Pod's container then.
    let (routers, others): (Vec<_>, Vec<_>) = containers.iter().partition(|c| firelens::is_router(c));
    if others.iter().any(|other| !awaited.contains_key(name(other))) {
        for router in routers {
            awaited.entry(name(router)).or_default().insert(Awaited::Start);
        }
    }
    awaited
}

fn role(awaited: Option<&BTreeSet<Awaited>>) -> Role {
    match awaited {
        None => Role::Main,
        Some(kinds) if kinds.contains(&Awaited::End) => Role::Init,
        Some(_) => Role::Sidecar,
    }
}

/// Each container after all it depends on, otherwise in the order of the definition.
///
/// Validation refuses cycles; should one get here, its members come last, in the order of the definition.
fn start_order(containers: &[ContainerDefinition]) -> Vec<usize> {
    let mut order = Vec::with_capacity(containers.len());
    let mut placed: BTreeSet<&str> = BTreeSet::new();
    let mut waiting: Vec<usize> = (0..containers.len()).collect();
    // The log router starts before all that it does not depend on itself, as it takes their logs.
    waiting.sort_by_key(|&i| !firelens::is_router(&containers[i]));
    let known: BTreeSet<&str> = containers.iter().map(name).collect();
    while !waiting.is_empty() {
        let next = waiting
            .iter()
            .position(|&i| dependencies(&containers[i]).all(|d| placed.contains(d) || !known.contains(d)))
            .unwrap_or(0);
        let index = waiting.remove(next);
        placed.insert(name(&containers[index]));
        order.push(index);
    }
    order
}

fn dependencies(container: &ContainerDefinition) -> impl Iterator<Item = &str> {
    let links = container.links.iter().map(|l| link_source(l));
    container.depends_on.iter().map(|d| d.container_name.as_str()).chain(links)
}

/// A link is `container` or `container:alias`.
fn link_source(link: &str) -> &str {
    link.split(':').next().unwrap_or(link)
}

fn name(container: &ContainerDefinition) -> &str {
    container.name.as_deref().unwrap_or_default()
}

/// Claims `essential` and `dependsOn`.
pub(super) fn claim(task: &Task<'_>, container: &Placed<'_>, ledger: &mut Ledger) {
    claim_essential(task, container, ledger);
    for (index, dependency) in container.definition.depends_on.iter().enumerate() {
        let path = container.at("dependsOn").index(index);
        let target = container.target.clone();
        match dependency.condition {
            ContainerCondition::Start | ContainerCondition::Healthy => {
                match held_up(&task.definition.container_definitions, container.definition, dependency) {
                    None => ledger.exact(path, target),
                    Some(message) => ledger.approximate(path, Code::StartsOneAfterAnother, target, message),
                }
            }
            ContainerCondition::Success => ledger.approximate(
                path,
                Code::FailedDependencyRetried,
                target,
                "when the dependency fails, it is started again in the same Pod; ECS would end the task and start another",
            ),
            ContainerCondition::Complete => ledger.approximate(
                path,
                Code::CompleteNeedsSuccess,
                target,
                "the dependency has to end with exit code 0, or it is started again; ECS accepts any exit code",
            ),
        }
    }
}

/// What a dependency holds up beyond what it asks for, if anything: the kubelet starts init containers and sidecars one after
/// another, so all that comes later waits too, and for as long as anybody does.
fn held_up(
    containers: &[ContainerDefinition],
    dependent: &ContainerDefinition,
    dependency: &ContainerDependency,
) -> Option<String> {
    let awaited = awaited(containers);
    let on = dependency.container_name.as_str();
    let kinds = awaited.get(on)?;
    let until = match (kinds.contains(&Awaited::End), kinds.contains(&Awaited::Healthy)) {
        (true, _) => "has ended",
        (false, true) => "is healthy",
        (false, false) => return None,
    };
    let stricter = dependency.condition == ContainerCondition::Start || kinds.contains(&Awaited::End);
    let dependents = dependents(containers, on);
    let order = start_order(containers).into_iter().map(|index| &containers[index]);
    let is_main = |c: &ContainerDefinition| role(awaited.get(name(c))) == Role::Main;
    let later: Vec<_> = order.skip_while(|c| name(c) != on).skip(1).collect();
    let earlier_mains = containers.iter().filter(|c| is_main(c) && !later.iter().any(|l| name(l) == name(c)));
    let others: Vec<String> = later
        .iter()
        .copied()
        .chain(earlier_mains)
        .filter(|c| name(c) != on && !dependents.contains(name(c)))
        .map(|c| format!("{:?}", name(c)))
        .collect();
    if !others.is_empty() {
        return Some(format!(
            "containers start one after another: until {on:?} {until}, {} cannot start either. Should {on:?} need one of them, \
             the task never starts: let {on:?} depend on it",
            others.join(", ")
        ));
    }
    stricter.then(|| format!("{:?} waits until {on:?} {until}, as another container does", name(dependent)))
}

/// The containers that depend on one, directly or through others.
fn dependents<'a>(containers: &'a [ContainerDefinition], on: &'a str) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::from([on]);
    loop {
        let more: Vec<&str> = containers
            .iter()
            .filter(|c| !found.contains(name(c)) && dependencies(c).any(|d| found.contains(d)))
            .map(name)
            .collect();
        if more.is_empty() {
            found.remove(on);
            return found;
        }
        found.extend(more);
    }
}

fn claim_essential(task: &Task<'_>, container: &Placed<'_>, ledger: &mut Ledger) {
    let alone = task.definition.container_definitions.len() == 1;
    let path = container.at("essential");
    // Only sidecars have a restart policy of their own; for all others it is the Pod's, which is the default.
    let target =
        if container.role == Role::Sidecar { container.becomes("restartPolicy") } else { container.target.clone() };
    match (container.role, container.is_essential()) {
        (Role::Init, _) => ledger.exact(path, target),
        (_, true) => ledger.approximate(
            path,
            Code::EssentialRestartsInPlace,
            target,
            if alone {
                "when this container ends, it is restarted in its Pod, with a growing delay; ECS would start a new task at once"
            } else {
                "when this container ends, it is restarted in its Pod beside the others; ECS would replace the whole task"
            },
        ),
        (_, false) => ledger.approximate(
            path,
            Code::NonEssentialRestarts,
            target,
            "ECS would leave this container stopped when it ends, and the task healthy. Here it is started again, and the task is \
             not ready as long as it does not stay up: one that is meant to end keeps the service from ever becoming stable. Let \
             another container depend on its SUCCESS, so that it runs before that one, or keep it running",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ecs::task_definition::ContainerDependency;
    use ContainerCondition::{Complete, Healthy, Start, Success};

    fn container(name: &str, depends_on: &[(&str, ContainerCondition)]) -> ContainerDefinition {
        ContainerDefinition {
            name: Some(name.into()),
            depends_on: depends_on
                .iter()
                .map(|(n, c)| ContainerDependency { container_name: (*n).into(), condition: *c })
                .collect(),
            ..Default::default()
        }
    }

    fn layout(containers: &[ContainerDefinition]) -> Vec<(&str, Role)> {
        place(containers, "").into_iter().map(|p| (name(p.definition), p.role)).collect()
    }

    #[test]
    fn containers_nobody_waits_for_stay_as_they_are() {
        let containers = [container("b", &[]), container("a", &[])];
        assert_eq!(layout(&containers), [("b", Role::Main), ("a", Role::Main)]);
    }

    #[test]
    fn the_condition_decides_the_role_and_dependencies_the_order() {
        let containers = [
            container("app", &[("migrate", Success), ("proxy", Healthy)]),
            container("migrate", &[("proxy", Start), ("fetch", Complete)]),
            container("proxy", &[]),
            container("fetch", &[]),
        ];
        assert_eq!(
            layout(&containers),
            [("proxy", Role::Sidecar), ("fetch", Role::Init), ("migrate", Role::Init), ("app", Role::Main)]
        );
    }

    #[test]
    fn what_a_dependency_holds_up_besides_is_told() {
        let containers = [container("nginx", &[("app", Healthy)]), container("app", &[]), container("proxy", &[])];
        let said = held_up(&containers, &containers[0], &containers[0].depends_on[0]).unwrap_or_default();
        assert!(said.contains("until \"app\" is healthy, \"proxy\" cannot start either"), "{said}");
        let alone = [containers[0].clone(), containers[1].clone()];
        assert_eq!(held_up(&alone, &alone[0], &alone[0].depends_on[0]), None);
        let both = [container("a", &[("c", Start)]), container("b", &[("c", Healthy)]), container("c", &[])];
        let said = held_up(&both, &both[0], &both[0].depends_on[0]).unwrap_or_default();
        assert!(said.contains("\"a\" waits until \"c\" is healthy"), "{said}");
        let started = [container("a", &[("c", Start)]), container("b", &[]), container("c", &[])];
        assert_eq!(held_up(&started, &started[0], &started[0].depends_on[0]), None);
    }

    #[test]
    fn a_link_is_a_dependency_on_the_start() {
        let mut web = container("web", &[]);
        web.links = vec!["db:database".into()];
        assert_eq!(layout(&[web, container("db", &[])]), [("db", Role::Sidecar), ("web", Role::Main)]);
    }
}
