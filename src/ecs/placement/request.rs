//! Requirements of a task on an instance.

use std::collections::BTreeMap;

use super::constraint::Constraint;
use super::instance::Instance;
use super::rejection::{Rejection, Resource};
use super::reservation::{Amounts, Reservation};
use super::strategy::Strategy;
use crate::ecs::task_definition::{CpuArchitecture, TaskDefinition};

/// Task to place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Group of the task: `service:NAME`, `family:FAMILY` or a custom group. `spread` and `distinctInstance` apply to the tasks
    /// of a group.
    pub group: String,
    /// Resources that the task reserves.
    pub reservation: Reservation,
    /// Required values of attributes. An instance without the attribute accepts the task.
    pub attributes: BTreeMap<&'static str, &'static str>,
    /// Constraints; ECS allows up to [`MAX_CONSTRAINTS`](super::MAX_CONSTRAINTS).
    pub constraints: Vec<Constraint>,
    /// Steps of the strategy; ECS allows up to [`MAX_STRATEGIES`](super::MAX_STRATEGIES). Without steps the choice is random, as
    /// with RunTask. A service has [`Strategy::service_default`].
    pub strategies: Vec<Strategy>,
}

impl Request {
    /// Returns the request for a task in a group, with the constraints of its definition. Invalid constraints are ignored.
    #[must_use]
    pub fn from_task_definition(task: &TaskDefinition, group: impl Into<String>) -> Self {
        let constraints = task.placement_constraints.iter();
        Self {
            group: group.into(),
            reservation: Reservation::from_task_definition(task),
            attributes: required_attributes(task),
            constraints: constraints.filter_map(|c| Constraint::member_of(c.expression.as_deref()).ok()).collect(),
            strategies: Vec::new(),
        }
    }

    /// Returns the rejection by an instance, or `None` if it accepts the task. Permanent reasons come first: state,
    /// attributes, constraints, then resources.
    pub(super) fn rejection_by(&self, instance: &Instance) -> Option<Rejection> {
        if instance.draining {
            return Some(Rejection::Draining);
        }
        if !instance.facts().agent_connected {
            return Some(Rejection::AgentDisconnected);
        }
        if let Some(reason) = &instance.exclusion {
            return Some(Rejection::Excluded(reason.clone()));
        }
        self.attribute_mismatch(instance)
            .or_else(|| self.unsatisfied_constraint(instance))
            .or_else(|| self.insufficient_resources(instance))
    }

    fn attribute_mismatch(&self, instance: &Instance) -> Option<Rejection> {
        self.attributes.iter().find_map(|(name, expected)| {
            let actual = instance.attribute(name).filter(|actual| actual != expected)?;
            Some(Rejection::AttributeMismatch { name, expected, actual: actual.to_owned() })
        })
    }

    fn unsatisfied_constraint(&self, instance: &Instance) -> Option<Rejection> {
        self.constraints.iter().enumerate().find_map(|(position, constraint)| match constraint {
            Constraint::DistinctInstance => (instance.tasks_of(&self.group) > 0).then_some(Rejection::DistinctInstance),
            Constraint::MemberOf(expression) => {
                (!expression.matches(instance.facts())).then_some(Rejection::MemberOf { position })
            }
        })
    }

    fn insufficient_resources(&self, instance: &Instance) -> Option<Rejection> {
        let (free, required): (Amounts, Amounts) = (instance.free, self.reservation.amounts);
        // An overcommitted instance still accepts tasks that reserve nothing.
        let is_insufficient = |free: i64, required: i64| required > 0 && required > free;
        let checks = [
            (Resource::Cpu, is_insufficient(free.cpu, required.cpu)),
            (Resource::Memory, is_insufficient(free.memory, required.memory)),
            (Resource::Ports, !self.reservation.ports.is_disjoint(&instance.ports)),
            (Resource::Gpu, is_insufficient(free.gpus, required.gpus)),
        ];
        let resources: Vec<Resource> =
            checks.into_iter().filter(|(_, is_insufficient)| *is_insufficient).map(|(resource, _)| resource).collect();
        (!resources.is_empty()).then_some(Rejection::Insufficient(resources))
    }
}

/// Returns the attributes that `runtimePlatform` requires. Without it ECS requires none.
fn required_attributes(task: &TaskDefinition) -> BTreeMap<&'static str, &'static str> {
    let platform = task.runtime_platform.as_ref();
    let architecture = platform.and_then(|platform| platform.cpu_architecture).map(|architecture| match architecture {
        CpuArchitecture::X86_64 => "x86_64",
        CpuArchitecture::Arm64 => "arm64",
    });
    let family = platform.and_then(|platform| platform.operating_system_family);
    let os = family.map(|family| if family.is_windows() { "windows" } else { "linux" });
    let attributes = [("ecs.cpu-architecture", architecture), ("ecs.os-type", os)];
    attributes.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}
