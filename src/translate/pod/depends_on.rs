//! `dependsOn` and `essential` → init containers, native sidecars and containers.
//!
//! A container that others wait for to end becomes an init container; one that others wait for to start or to be healthy
//! becomes a native sidecar (an init container with `restartPolicy: Always`); all others are the Pod's containers. The
//! kubelet starts init containers one after another and stops sidecars after the containers, in reverse order, which is
//! ECS's order along every dependency (semantics of the container agent: a container is stopped only after all that depend on it).
//!
//! Where the task agent runs the containers they are all the Pod's, and the agent keeps the order.

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
    // All others wait for the log router, unless there is none that could be the Pod's container then.
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

/// Each container after all it depends on, otherwise in the order of the definition.
///
/// Validation refuses cycles; should one get here, its members come last, in the order of the definition.
fn start_order(containers: &[ContainerDefinition]) -> Vec<usize> {
    let mut order = Vec::with_capacity(containers.len());
    let mut slot: BTreeSet<&str> = BTreeSet::new();
    let mut waiting: Vec<usize> = (0..containers.len()).collect();
    // The log router starts before all that it does not depend on itself, as it takes their logs.
    waiting.sort_by_key(|&i| !containers[i].is_log_router());
    let known: BTreeSet<&str> = containers.iter().map(ContainerDefinition::name).collect();
    while !waiting.is_empty() {
        let next = waiting
            .iter()
            .position(|&i| dependencies(&containers[i]).all(|d| slot.contains(d) || !known.contains(d)))
            .unwrap_or(0);
        let index = waiting.remove(next);
        slot.insert(containers[index].name());
        order.push(index);
    }
    order
}

fn dependencies(container: &ContainerDefinition) -> impl Iterator<Item = &str> {
    let links = container.links.iter().map(|l| link_source(l));
    container.depends_on.iter().map(|d| d.container_name.as_str()).chain(links)
}

/// What a container waits for, by its own word and by what ECS adds: that its links and its log router have started, and that
/// the containers are there whose volumes it takes (`volumesFrom`).
///
/// ECS adds these to what the definition says; where they would close a circle, which could neither start nor stop, they are
/// left out.
pub(crate) fn waits(containers: &[ContainerDefinition], container: &ContainerDefinition) -> Vec<Dependency> {
    let given = container.depends_on.iter().map(|dependency| Dependency {
        container: dependency.container_name.clone(),
        condition: match dependency.condition {
            ContainerCondition::Start => Condition::Start,
            ContainerCondition::Complete => Condition::Complete,
            ContainerCondition::Success => Condition::Success,
            ContainerCondition::Healthy => Condition::Healthy,
        },
    });
    let later = dependents(containers, container.name(), |c| dependencies(c).chain(volume_sources(c)).collect());
    let apart = |on: &&str| *on != container.name() && !later.contains(on);
    let routers = containers.iter().filter(|other| other.is_log_router()).map(ContainerDefinition::name).filter(apart);
    let router = routers.filter(|_| container.uses_log_router());
    let links = container.links.iter().map(|link| link_source(link));
    let started = links.chain(router).map(|on| Dependency { container: on.to_owned(), condition: Condition::Start });
    let sources = volume_sources(container).filter(apart);
    let there = sources.map(|on| Dependency { container: on.to_owned(), condition: Condition::Create });
    let mut all: Vec<Dependency> = given.collect();
    for dependency in started.chain(there) {
        let is_weaker =
            dependency.condition == Condition::Create && all.iter().any(|d| d.container == dependency.container);
        if !is_weaker && !all.contains(&dependency) {
            all.push(dependency);
        }
    }
    all
}

fn volume_sources(container: &ContainerDefinition) -> impl Iterator<Item = &str> {
    container.volumes_from.iter().filter_map(|from| from.source_container.as_deref())
}

/// Seconds until the last container has been killed, when each is told to end after all that wait for it have ended.
pub(crate) fn longest_stop(containers: &[ContainerDefinition]) -> i64 {
    let waits: Vec<(&str, Vec<Dependency>)> = containers.iter().map(|c| (c.name(), waits(containers, c))).collect();
    let mut ends: BTreeMap<&str, i64> = BTreeMap::new();
    // A chain is no longer than there are containers.
    for _ in containers {
        for container in containers {
            let waiting = waits.iter().filter(|(_, on)| on.iter().any(|d| d.container == container.name()));
            let told = waiting.filter_map(|(waiting, _)| ends.get(waiting)).max().copied().unwrap_or(0);
            ends.insert(container.name(), told + container.stop_timeout_seconds());
        }
    }
    ends.into_values().max().unwrap_or(0)
}

/// A link is `container` or `container:alias`.
fn link_source(link: &str) -> &str {
    link.split(':').next().unwrap_or(link)
}

/// Claims `essential` and `dependsOn`.
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
                match held_up(&task.definition.container_definitions, container.definition, dependency) {
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
                    "when the dependency fails, it is started again in the same Pod; ECS would end the task and start another{}",
                    container.agent_advice
                ),
            ),
            ContainerCondition::Complete => recorder.approximate(
                path,
                Code::CompleteNeedsSuccess,
                target,
                format!(
                    "the dependency has to end with exit code 0, or it is started again; ECS accepts any exit code{}",
                    container.agent_advice
                ),
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
            "containers start one after another: until {on:?} {until}, {} cannot start either. Should {on:?} need one of them, \
             the task never starts: let {on:?} depend on it",
            others.join(", ")
        ));
    }
    stricter.then(|| format!("{:?} waits until {on:?} {until}, as another container does", dependent.name()))
}

/// The containers that depend on one, directly or through others, by what each `needs`.
fn dependents<'a>(
    containers: &'a [ContainerDefinition],
    on: &'a str,
    needs: impl Fn(&'a ContainerDefinition) -> Vec<&'a str>,
) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::from([on]);
    loop {
        let more: Vec<&str> = containers
            .iter()
            .filter(|c| !found.contains(c.name()) && needs(c).iter().any(|on| found.contains(on)))
            .map(ContainerDefinition::name)
            .collect();
        if more.is_empty() {
            found.remove(on);
            return found;
        }
        found.extend(more);
    }
}

/// The names of the containers whose end the operator makes the end of the task. A single container is restarted in its Pod,
/// which is all there is of its task; the task agent ends a task itself.
pub(crate) fn essential(slots: &[ContainerSlot<'_>]) -> Option<String> {
    let ends_task = |p: &&ContainerSlot<'_>| {
        matches!(p.kind, ContainerKind::Main | ContainerKind::Sidecar)
            && p.is_essential()
            && !p.definition.restarts_in_place()
    };
    let names: Vec<String> = slots.iter().filter(ends_task).map(|p| names::container_name(p.name())).collect();
    (slots.len() > 1 && !names.is_empty()).then(|| names.join(","))
}

fn record_essential(task: &RenderContext<'_>, container: &ContainerSlot<'_>, recorder: &mut VerdictRecorder) {
    let alone = task.definition.is_single_container();
    let path = container.at("essential");
    // Only sidecars have a restart policy of their own; for all others it is the Pod's, which is the default.
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
            if alone {
                "when this container ends, it is restarted in its Pod, with a growing delay; ECS would start a new task at once"
                    .to_owned()
            } else {
                format!(
                    "when this container ends, it is restarted in its Pod beside the others until the operator, where it runs, \
                     replaces the task; one that ran for less than 10 seconds stays there, with a growing delay{}",
                    container.agent_advice
                )
            },
        ),
        (_, false) => recorder.approximate(
            path,
            Code::NonEssentialRestarts,
            target,
            format!(
                "ECS would leave this container stopped when it ends, and the task healthy. Here it is started again, and the task \
                 is not ready as long as it does not stay up: one that is meant to end keeps the service from ever becoming stable. \
                 Let another container depend on its SUCCESS, so that it runs before that one, or keep it running{}",
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
    fn containers_nobody_waits_for_stay_as_they_are() {
        let containers = [container("b", &[]), container("a", &[])];
        assert_eq!(kinds(&containers), [("b", ContainerKind::Main), ("a", ContainerKind::Main)]);
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
    fn one_that_takes_the_volumes_of_another_waits_until_it_is_there_unless_that_one_waits_for_it() {
        use crate::ecs::task_definition::VolumeFrom;
        let taking = |name: &str, from: &str, depends_on: &[(&str, ContainerCondition)]| ContainerDefinition {
            volumes_from: vec![VolumeFrom { source_container: Some(from.to_owned()), read_only: None }],
            ..container(name, depends_on)
        };
        let there = |on: &str| Dependency { container: on.into(), condition: Condition::Create };
        let started = |on: &str| Dependency { container: on.into(), condition: Condition::Start };
        let both = [taking("app", "data", &[]), container("data", &[])];
        assert_eq!(waits(&both, &both[0]), [there("data")]);
        let more = [taking("app", "data", &[("data", Start)]), container("data", &[])];
        assert_eq!(waits(&more, &more[0]), [started("data")]);
        let circle = [taking("app", "data", &[]), container("data", &[("app", Start)])];
        assert_eq!(waits(&circle, &circle[0]), []);
        let mutual = [taking("a", "b", &[]), taking("b", "a", &[])];
        assert_eq!((waits(&mutual, &mutual[0]), waits(&mutual, &mutual[1])), (vec![], vec![]));
    }

    #[test]
    fn the_longest_stop_is_that_of_the_longest_chain_of_waits() {
        use crate::ecs::task_definition::{FirelensConfiguration, LogConfiguration, LogDriver};
        let lasting = |name: &str, seconds: i32, depends_on: &[(&str, ContainerCondition)]| ContainerDefinition {
            stop_timeout: Some(seconds),
            ..container(name, depends_on)
        };
        // The router depends on one, and others wait for it without saying so.
        let router = ContainerDefinition {
            firelens_configuration: Some(FirelensConfiguration::default()),
            ..lasting("router", 10, &[("store", Start)])
        };
        let log_configuration = LogConfiguration { log_driver: LogDriver::Awsfirelens, ..LogConfiguration::default() };
        let app = ContainerDefinition { log_configuration: Some(log_configuration), ..lasting("app", 100, &[]) };
        let store = lasting("store", 1, &[]);
        assert_eq!(longest_stop(&[app.clone(), router.clone(), store.clone()]), 111);
        assert_eq!(longest_stop(&[store, router, app]), 111);
        assert_eq!(longest_stop(&[lasting("a", 1, &[("b", Start)]), lasting("b", 2, &[("a", Start)])]).signum(), 1);
    }

    #[test]
    fn a_link_is_a_dependency_on_the_start() {
        let mut web = container("web", &[]);
        web.links = vec!["db:database".into()];
        assert_eq!(kinds(&[web, container("db", &[])]), [("db", ContainerKind::Sidecar), ("web", ContainerKind::Main)]);
    }
}
