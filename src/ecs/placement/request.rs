//! Requirements of a task on an instance.

use std::collections::BTreeMap;

use super::constraint::Constraint;
use super::instance::Instance;
use super::refusal::{Refusal, Resource};
use super::reservation::{Amounts, Reservation};
use super::strategy::Strategy;
use crate::ecs::task_definition::{CpuArchitecture, TaskDefinition};

/// A task to be placed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Its group: `service:NAME`, `family:FAMILY`, or one it was put into. Tasks of one group are spread and kept apart.
    pub group: String,
    /// Resources that it reserves.
    pub reservation: Reservation,
    /// Attributes that an instance must not have other values of; one that does not say such an attribute will do.
    pub attributes: BTreeMap<&'static str, &'static str>,
    /// What must be true of an instance; ECS takes up to [`MAX_CONSTRAINTS`](super::MAX_CONSTRAINTS).
    pub constraints: Vec<Constraint>,
    /// How one of several instances is chosen; ECS takes up to [`MAX_STRATEGIES`](super::MAX_STRATEGIES). Without any it is left
    /// to chance, which is what RunTask does; a service has [`Strategy::of_service_by_default`].
    pub strategies: Vec<Strategy>,
}

impl Request {
    /// A task of a definition, with the constraints that the definition has, in a group.
    ///
    /// The definition is valid: a constraint that cannot be read is left out.
    #[must_use]
    pub fn of(task: &TaskDefinition, group: impl Into<String>) -> Self {
        let constraints = task.placement_constraints.iter();
        Self {
            group: group.into(),
            reservation: Reservation::of(task),
            attributes: implied(task),
            constraints: constraints.filter_map(|c| Constraint::member_of(c.expression.as_deref()).ok()).collect(),
            strategies: Vec::new(),
        }
    }

    /// Why an instance does not take the task; none when it does. What could not change comes before what could: the
    /// instance's state, attributes, constraints, room.
    pub(super) fn refused_by(&self, instance: &Instance) -> Option<Refusal> {
        if instance.draining {
            return Some(Refusal::Draining);
        }
        if !instance.facts().agent_connected {
            return Some(Refusal::AgentDisconnected);
        }
        if let Some(words) = &instance.repels {
            return Some(Refusal::Repelled(words.clone()));
        }
        self.other_attribute(instance).or_else(|| self.constraint(instance)).or_else(|| self.shortage(instance))
    }

    fn other_attribute(&self, instance: &Instance) -> Option<Refusal> {
        self.attributes.iter().find_map(|(name, wanted)| {
            let has = instance.attribute(name).filter(|has| has != wanted)?;
            Some(Refusal::OtherAttribute { name, wanted, has: has.to_owned() })
        })
    }

    fn constraint(&self, instance: &Instance) -> Option<Refusal> {
        self.constraints.iter().enumerate().find_map(|(position, constraint)| match constraint {
            Constraint::DistinctInstance => (instance.tasks_of(&self.group) > 0).then_some(Refusal::DistinctInstance),
            Constraint::MemberOf(expression) => {
                (!expression.matches(instance.facts())).then_some(Refusal::MemberOf { position })
            }
        })
    }

    fn shortage(&self, instance: &Instance) -> Option<Refusal> {
        let (free, wanted): (Amounts, Amounts) = (instance.free, self.reservation.amounts);
        // An instance where more is reserved than there is still takes what asks for nothing.
        let short = |free: i64, wanted: i64| wanted > 0 && wanted > free;
        let checks = [
            (Resource::Cpu, short(free.cpu, wanted.cpu)),
            (Resource::Memory, short(free.memory, wanted.memory)),
            (Resource::Ports, !self.reservation.ports.is_disjoint(&instance.ports)),
            (Resource::Gpu, short(free.gpus, wanted.gpus)),
        ];
        let lacks: Vec<Resource> = checks.into_iter().filter(|(_, short)| *short).map(|(lacking, _)| lacking).collect();
        (!lacks.is_empty()).then_some(Refusal::Short(lacks))
    }
}

/// Returns the attributes that `runtimePlatform` requires. Without it ECS requires none.
fn implied(task: &TaskDefinition) -> BTreeMap<&'static str, &'static str> {
    let platform = task.runtime_platform.as_ref();
    let architecture = platform.and_then(|platform| platform.cpu_architecture).map(|architecture| match architecture {
        CpuArchitecture::X86_64 => "x86_64",
        CpuArchitecture::Arm64 => "arm64",
    });
    let family = platform.and_then(|platform| platform.operating_system_family);
    let os = family.map(|family| if family.is_windows() { "windows" } else { "linux" });
    let implied = [("ecs.cpu-architecture", architecture), ("ecs.os-type", os)];
    implied.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}
