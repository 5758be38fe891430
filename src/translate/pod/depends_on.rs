//! `dependsOn` and `essential` → init containers, native sidecars and containers.
//!
//! A container becomes an init container if another one waits for its end, and a native sidecar (an init container with
//! `restartPolicy: Always`) if another one waits until it has started or is healthy. Other containers become main containers of
//! the Pod. The kubelet starts init containers one after another, and stops sidecars in reverse order after the main containers.
//! This is the order of ECS along every dependency: the ECS agent stops a container after all containers that depend on it.
//!
//! If the task agent runs the task, all containers are main containers, and the agent keeps the order.

use std::collections::{BTreeMap, BTreeSet};

use task_agent::{Condition, Dependency};

use crate::ecs::Pointer;
use crate::ecs::task_definition::{ContainerCondition, ContainerDefinition, ContainerDependency};
use crate::k8s::names;
use crate::translate::context::{ContainerKind, ContainerSlot};
use crate::translate::task_agent::eligibility::{self, Supervisor};
use crate::translate::{Code, RenderContext, VerdictRecorder};

/// Returns the containers with their kinds: `initContainers` first, in the order in which they start.
pub(crate) fn layout<'a>(task: &RenderContext<'a>) -> Vec<ContainerSlot<'a>> {
    let containers = &task.definition.container_definitions;
    match Supervisor::new(task) {
        Supervisor::TaskAgent => supervised(containers, task.target),
        Supervisor::Kubelet { advice } => unsupervised(containers, task.target, &advice),
    }
}

fn supervised<'a>(containers: &'a [ContainerDefinition], target: &str) -> Vec<ContainerSlot<'a>> {
    let slots = containers.iter().enumerate().map(|(index, definition)| ContainerSlot {
        definition,
        path: Pointer::root().key("containerDefinitions").index(index),
        target: format!("{target}/spec/containers/{index}"),
        kind: ContainerKind::Supervised,
        awaited_healthy: false,
        agent_advice: String::new(),
    });
    slots.collect()
}

/// Returns the containers as the kubelet runs them.
pub(crate) fn unsupervised<'a>(
    containers: &'a [ContainerDefinition],
    target: &str,
    agent_advice: &str,
) -> Vec<ContainerSlot<'a>> {
    let awaited = awaited(containers);
    let (mut mains, mut inits) = (0, 0);
    start_order(containers)
        .into_iter()
        .map(|index| {
            let definition = &containers[index];
            let kind = container_kind(awaited.get(definition.name()));
            let (list, count) = match kind {
                ContainerKind::Main | ContainerKind::Supervised => ("containers", &mut mains),
                ContainerKind::Init | ContainerKind::Sidecar => ("initContainers", &mut inits),
            };
            let target = format!("{target}/spec/{list}/{count}");
            *count += 1;
            ContainerSlot {
                definition,
                path: Pointer::root().key("containerDefinitions").index(index),
                target,
                kind,
                awaited_healthy: awaited.get(definition.name()).is_some_and(|c| c.contains(&Awaited::Healthy)),
                agent_advice: agent_advice.to_owned(),
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
    // All other containers wait for the log router, unless no main container would remain.
    let (routers, others): (Vec<_>, Vec<_>) = containers.iter().partition(|c| c.is_log_router());
    if others.iter().any(|other| !awaited.contains_key(other.name())) {
        for router in routers {
            awaited.entry(router.name()).or_default().insert(Awaited::Start);
        }
    }
    awaited
}

fn container_kind(awaited: Option<&BTreeSet<Awaited>>) -> ContainerKind {
    match awaited {
        None => ContainerKind::Main,
        Some(kinds) if kinds.contains(&Awaited::End) => ContainerKind::Init,
        Some(_) => ContainerKind::Sidecar,
    }
}

/// Returns the indexes of the containers: each one after its dependencies, otherwise in the order of the definition.
///
/// Validation refuses cycles. Members of a cycle would come last, in the order of the definition.
fn start_order(containers: &[ContainerDefinition]) -> Vec<usize> {
    let mut order = Vec::with_capacity(containers.len());
    let mut ordered: BTreeSet<&str> = BTreeSet::new();
    let mut waiting: Vec<usize> = (0..containers.len()).collect();
    // The log router receives the logs of the containers that it does not depend on, so it starts before them.
    waiting.sort_by_key(|&i| !containers[i].is_log_router());
    let names: BTreeSet<&str> = containers.iter().map(ContainerDefinition::name).collect();
    while !waiting.is_empty() {
        let next = waiting
            .iter()
            .position(|&i| dependencies(&containers[i]).all(|d| ordered.contains(d) || !names.contains(d)))
            .unwrap_or(0);
        let index = waiting.remove(next);
        ordered.insert(containers[index].name());
        order.push(index);
    }
    order
}

fn dependencies(container: &ContainerDefinition) -> impl Iterator<Item = &str> {
    let links = container.links.iter().map(|l| link_source(l));
    container.depends_on.iter().map(|d| d.container_name.as_str()).chain(links)
}

/// Returns the dependencies of a container: those of the definition and those that ECS adds. A container starts after its links
/// and its log router have started, and after the containers exist whose volumes it mounts (`volumesFrom`).
///
/// An added dependency that would close a cycle is left out, because such a task could neither start nor stop.
pub(crate) fn waits(containers: &[ContainerDefinition], container: &ContainerDefinition) -> Vec<Dependency> {
    let later = dependents(containers, container.name(), |c| dependencies(c).chain(volume_sources(c)).collect());
    let closes_no_cycle = |on: &&str| *on != container.name() && !later.contains(on);
    let routers = containers.iter().filter(|other| other.is_log_router()).map(ContainerDefinition::name);
    let router = routers.filter(closes_no_cycle).filter(|_| container.uses_log_router());
    let links = container.links.iter().map(|link| link_source(link));
    let started = links.chain(router).map(|on| Dependency { container: on.to_owned(), condition: Condition::Start });
    let sources = volume_sources(container).filter(closes_no_cycle);
    let created = sources.map(|on| Dependency { container: on.to_owned(), condition: Condition::Create });
    let mut all: Vec<Dependency> = container.depends_on.iter().map(declared_dependency).collect();
    for dependency in started.chain(created) {
        let is_weaker =
            dependency.condition == Condition::Create && all.iter().any(|d| d.container == dependency.container);
        if !is_weaker && !all.contains(&dependency) {
            all.push(dependency);
        }
    }
    all
}

fn declared_dependency(dependency: &ContainerDependency) -> Dependency {
    let condition = match dependency.condition {
        ContainerCondition::Start => Condition::Start,
        ContainerCondition::Complete => Condition::Complete,
        ContainerCondition::Success => Condition::Success,
        ContainerCondition::Healthy => Condition::Healthy,
    };
    Dependency { container: dependency.container_name.clone(), condition }
}

fn volume_sources(container: &ContainerDefinition) -> impl Iterator<Item = &str> {
    container.volumes_from.iter().filter_map(|from| from.source_container.as_deref())
}

/// Returns the seconds until the last container is killed if each container is stopped after all that depend on it.
pub(crate) fn longest_stop(containers: &[ContainerDefinition]) -> i64 {
    let waits: Vec<(&str, Vec<Dependency>)> = containers.iter().map(|c| (c.name(), waits(containers, c))).collect();
    let mut ends: BTreeMap<&str, i64> = BTreeMap::new();
    // A chain of dependencies is no longer than the number of containers.
    for _ in containers {
        for container in containers {
            let waiting = waits.iter().filter(|(_, on)| on.iter().any(|d| d.container == container.name()));
            let start = waiting.filter_map(|(waiting, _)| ends.get(waiting)).max().copied().unwrap_or(0);
            ends.insert(container.name(), start + container.stop_timeout_seconds());
        }
    }
    ends.into_values().max().unwrap_or(0)
}

/// Returns the container of a link, `container` or `container:alias`.
fn link_source(link: &str) -> &str {
    link.split(':').next().unwrap_or(link)
}

/// Records verdicts on `essential` and `dependsOn`.
pub(crate) fn record(task: &RenderContext<'_>, container: &ContainerSlot<'_>, recorder: &mut VerdictRecorder) {
    if container.is_supervised() {
        recorder.exact(container.at("essential"), eligibility::plan_target(task));
        return recorder.exact(container.at("dependsOn"), eligibility::plan_target(task));
    }
    record_essential(task, container, recorder);
    for (index, dependency) in container.definition.depends_on.iter().enumerate() {
        let path = container.at("dependsOn").index(index);
        let target = container.target.clone();
        match dependency.condition {
            ContainerCondition::Start | ContainerCondition::Healthy => {
                match side_effects(&task.definition.container_definitions, container.definition, dependency) {
                    None => recorder.exact(path, target),
                    Some(message) => {
                        let message = format!("{message}{}", container.agent_advice);
                        recorder.approximate(path, Code::StartsOneAfterAnother, target, message);
                    }
                }
            }
            ContainerCondition::Success => recorder.approximate(
                path,
                Code::FailedDependencyRetried,
                target,
                format!(
                    "a dependency that fails is restarted in the same Pod; ECS stops the task and starts a new one{}",
                    container.agent_advice
                ),
            ),
            ContainerCondition::Complete => recorder.approximate(
                path,
                Code::CompleteNeedsSuccess,
                target,
                format!(
                    "a dependency that exits with another code than 0 is restarted; ECS accepts any exit code{}",
                    container.agent_advice
                ),
            ),
        }
    }
}

/// Describes the containers that a dependency delays although they do not depend on it. The kubelet starts init containers and
/// sidecars one after another, so every later container waits for the strictest condition.
fn side_effects(
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
    let dependents = dependents(containers, on, |c| dependencies(c).collect());
    let order = start_order(containers).into_iter().map(|index| &containers[index]);
    let is_main = |c: &ContainerDefinition| container_kind(awaited.get(c.name())) == ContainerKind::Main;
    let later: Vec<_> = order.skip_while(|c| c.name() != on).skip(1).collect();
    let earlier_mains = containers.iter().filter(|c| is_main(c) && !later.iter().any(|l| l.name() == c.name()));
    let others: Vec<String> = later
        .iter()
        .copied()
        .chain(earlier_mains)
        .filter(|c| c.name() != on && !dependents.contains(c.name()))
        .map(|c| format!("{:?}", c.name()))
        .collect();
    if !others.is_empty() {
        return Some(format!(
            "containers start one after another: until {on:?} {until}, {} cannot start either. If {on:?} needs one of them, the \
             task never starts: make {on:?} depend on it",
            others.join(", ")
        ));
    }
    stricter.then(|| format!("{:?} waits until {on:?} {until}, as another container does", dependent.name()))
}

/// Returns the containers that depend on `on`, directly or indirectly. `needs` returns the dependencies of a container.
fn dependents<'a>(
    containers: &'a [ContainerDefinition],
    on: &'a str,
    needs: impl Fn(&'a ContainerDefinition) -> Vec<&'a str>,
) -> BTreeSet<&'a str> {
    let mut dependents = BTreeSet::from([on]);
    loop {
        let more: Vec<&str> = containers
            .iter()
            .filter(|c| !dependents.contains(c.name()) && needs(c).iter().any(|on| dependents.contains(on)))
            .map(ContainerDefinition::name)
            .collect();
        if more.is_empty() {
            dependents.remove(on);
            return dependents;
        }
        dependents.extend(more);
    }
}

/// Returns the names of the containers whose exit makes the operator stop the task, separated by commas. A single container is
/// restarted in its Pod instead, and the task agent stops a task itself.
pub(crate) fn essential(slots: &[ContainerSlot<'_>]) -> Option<String> {
    let essential = slots.iter().filter(|slot| ends_task(slot));
    let names: Vec<String> = essential.map(|slot| names::container_name(slot.name())).collect();
    (slots.len() > 1 && !names.is_empty()).then(|| names.join(","))
}

fn ends_task(slot: &ContainerSlot<'_>) -> bool {
    matches!(slot.kind, ContainerKind::Main | ContainerKind::Sidecar)
        && slot.is_essential()
        && !slot.definition.restarts_in_place()
}

fn record_essential(task: &RenderContext<'_>, container: &ContainerSlot<'_>, recorder: &mut VerdictRecorder) {
    let path = container.at("essential");
    // Only a sidecar has a restart policy; for other containers the policy of the Pod applies, which is the default.
    let target = if container.kind == ContainerKind::Sidecar {
        container.becomes("restartPolicy")
    } else {
        container.target.clone()
    };
    match (container.kind, container.is_essential()) {
        (ContainerKind::Init, _) => recorder.exact(path, target),
        (_, true) => recorder.approximate(
            path,
            Code::EssentialRestartsInPlace,
            target,
            if task.definition.is_single_container() {
                "when this container exits, it is restarted in its Pod, with a growing delay; ECS starts a new task at once".to_owned()
            } else {
                format!(
                    "when this container exits, it is restarted in its Pod until the operator, if it runs, replaces the task; a \
                     container that ran for less than 10 seconds stays in its Pod, with a growing delay{}",
                    container.agent_advice
                )
            },
        ),
        (_, false) => recorder.approximate(
            path,
            Code::NonEssentialRestarts,
            target,
            format!(
                "when this container exits, it is restarted, and the task is not ready until it stays up: a container that is meant \
                 to exit prevents the service from becoming stable. Make another container depend on its SUCCESS, so that it runs \
                 before that one, or keep it running. ECS leaves the container stopped and the task healthy{}",
                container.agent_advice
            ),
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

    fn kinds(containers: &[ContainerDefinition]) -> Vec<(&str, ContainerKind)> {
        unsupervised(containers, "", "").into_iter().map(|slot| (slot.definition.name(), slot.kind)).collect()
    }

    #[test]
    fn containers_without_dependents_are_main_containers() {
        let containers = [container("b", &[]), container("a", &[])];
        assert_eq!(kinds(&containers), [("b", ContainerKind::Main), ("a", ContainerKind::Main)]);
    }

    #[test]
    fn the_condition_decides_the_kind_and_dependencies_decide_the_order() {
        let containers = [
            container("app", &[("migrate", Success), ("proxy", Healthy)]),
            container("migrate", &[("proxy", Start), ("fetch", Complete)]),
            container("proxy", &[]),
            container("fetch", &[]),
        ];
        assert_eq!(
            kinds(&containers),
            [
                ("proxy", ContainerKind::Sidecar),
                ("fetch", ContainerKind::Init),
                ("migrate", ContainerKind::Init),
                ("app", ContainerKind::Main)
            ]
        );
    }

    #[test]
    fn a_dependency_that_delays_other_containers_is_reported() {
        let containers = [container("nginx", &[("app", Healthy)]), container("app", &[]), container("proxy", &[])];
        let message = side_effects(&containers, &containers[0], &containers[0].depends_on[0]).unwrap_or_default();
        assert!(message.contains("until \"app\" is healthy, \"proxy\" cannot start either"), "{message}");
        let alone = [containers[0].clone(), containers[1].clone()];
        assert_eq!(side_effects(&alone, &alone[0], &alone[0].depends_on[0]), None);
        let both = [container("a", &[("c", Start)]), container("b", &[("c", Healthy)]), container("c", &[])];
        let message = side_effects(&both, &both[0], &both[0].depends_on[0]).unwrap_or_default();
        assert!(message.contains("\"a\" waits until \"c\" is healthy"), "{message}");
        let started = [container("a", &[("c", Start)]), container("b", &[]), container("c", &[])];
        assert_eq!(side_effects(&started, &started[0], &started[0].depends_on[0]), None);
    }

    #[test]
    fn a_container_waits_until_the_source_of_its_volumes_exists_unless_that_closes_a_cycle() {
        use crate::ecs::task_definition::VolumeFrom;
        let mounting = |name: &str, from: &str, depends_on: &[(&str, ContainerCondition)]| ContainerDefinition {
            volumes_from: vec![VolumeFrom { source_container: Some(from.to_owned()), read_only: None }],
            ..container(name, depends_on)
        };
        let created = |on: &str| Dependency { container: on.into(), condition: Condition::Create };
        let started = |on: &str| Dependency { container: on.into(), condition: Condition::Start };
        let both = [mounting("app", "data", &[]), container("data", &[])];
        assert_eq!(waits(&both, &both[0]), [created("data")]);
        let more = [mounting("app", "data", &[("data", Start)]), container("data", &[])];
        assert_eq!(waits(&more, &more[0]), [started("data")]);
        let cycle = [mounting("app", "data", &[]), container("data", &[("app", Start)])];
        assert_eq!(waits(&cycle, &cycle[0]), []);
        let mutual = [mounting("a", "b", &[]), mounting("b", "a", &[])];
        assert_eq!((waits(&mutual, &mutual[0]), waits(&mutual, &mutual[1])), (vec![], vec![]));
    }

    #[test]
    fn the_longest_chain_of_dependencies_decides_the_longest_stop() {
        use crate::ecs::task_definition::{FirelensConfiguration, LogConfiguration, LogDriver};
        let stopping_in = |name: &str, seconds: i32, depends_on: &[(&str, ContainerCondition)]| ContainerDefinition {
            stop_timeout: Some(seconds),
            ..container(name, depends_on)
        };
        // The router depends on "store", and "app" depends on the router without declaring it.
        let router = ContainerDefinition {
            firelens_configuration: Some(FirelensConfiguration::default()),
            ..stopping_in("router", 10, &[("store", Start)])
        };
        let log_configuration = LogConfiguration { log_driver: LogDriver::Awsfirelens, ..LogConfiguration::default() };
        let app = ContainerDefinition { log_configuration: Some(log_configuration), ..stopping_in("app", 100, &[]) };
        let store = stopping_in("store", 1, &[]);
        assert_eq!(longest_stop(&[app.clone(), router.clone(), store.clone()]), 111);
        assert_eq!(longest_stop(&[store, router, app]), 111);
        assert_eq!(
            longest_stop(&[stopping_in("a", 1, &[("b", Start)]), stopping_in("b", 2, &[("a", Start)])]).signum(),
            1
        );
    }

    #[test]
    fn a_link_is_a_dependency_on_the_start() {
        let mut web = container("web", &[]);
        web.links = vec!["db:database".into()];
        assert_eq!(kinds(&[web, container("db", &[])]), [("db", ContainerKind::Sidecar), ("web", ContainerKind::Main)]);
    }
}
