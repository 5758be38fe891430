//! Reasons for not placing a task on an instance, or on any.

use std::fmt;

/// Resource of an instance that a task reserves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resource {
    /// CPU units.
    Cpu,
    /// Memory.
    Memory,
    /// Fixed host ports.
    Ports,
    /// GPUs.
    Gpu,
}

/// Reason for not placing a task on an instance.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rejection {
    /// The instance accepts no new tasks.
    Draining,
    /// The agent is not connected.
    AgentDisconnected,
    /// Another reason, such as a taint, as a text.
    Excluded(String),
    /// An attribute does not have the required value.
    AttributeMismatch {
        /// Name of the attribute.
        name: &'static str,
        /// Required value.
        expected: &'static str,
        /// Value of the instance.
        actual: String,
    },
    /// Another task of the group is on the instance.
    DistinctInstance,
    /// An expression does not select the instance.
    MemberOf {
        /// Position in the constraints of the request, from 0.
        position: usize,
    },
    /// At least one resource is not available.
    Insufficient(Vec<Resource>),
}

/// Reason for placing a task on no instance. [`fmt::Display`] writes the message of RunTask.
///
/// Source: "API failure reasons" in the ECS developer guide, and for constraints the messages of RunTask and service events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// A resource is not available.
    Resource(Resource),
    /// A constraint `memberOf` is not satisfied.
    MemberOf,
    /// A constraint `distinctInstance` is not satisfied.
    DistinctInstance,
    /// An instance has other attributes, or excludes the task.
    Attribute,
    /// The agent is not connected.
    Agent,
    /// There is no active instance.
    NoInstances,
}

impl Rejection {
    /// Returns the reasons of RunTask for the rejection.
    pub fn reasons(&self) -> impl Iterator<Item = Reason> {
        let (resources, other): (&[Resource], _) = match self {
            Self::Insufficient(resources) => (resources, None),
            Self::Draining => (&[], Some(Reason::NoInstances)),
            Self::AgentDisconnected => (&[], Some(Reason::Agent)),
            Self::Excluded(_) | Self::AttributeMismatch { .. } => (&[], Some(Reason::Attribute)),
            Self::DistinctInstance => (&[], Some(Reason::DistinctInstance)),
            Self::MemberOf { .. } => (&[], Some(Reason::MemberOf)),
        };
        resources.iter().copied().map(Reason::Resource).chain(other)
    }

    /// Returns a rank: the higher, the closer the instance is to accepting the task.
    fn nearness(&self) -> u8 {
        match self {
            Self::Draining => 0,
            Self::AgentDisconnected => 1,
            Self::Excluded(_) | Self::AttributeMismatch { .. } => 2,
            Self::DistinctInstance | Self::MemberOf { .. } => 3,
            Self::Insufficient(_) => 4,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resource(Resource::Cpu) => "RESOURCE:CPU",
            Self::Resource(Resource::Memory) => "RESOURCE:MEMORY",
            Self::Resource(Resource::Ports) => "RESOURCE:PORTS",
            Self::Resource(Resource::Gpu) => "RESOURCE:GPU",
            Self::MemberOf => "MemberOf placement constraint unsatisfied.",
            Self::DistinctInstance => "DistinctInstance placement constraint unsatisfied.",
            Self::Attribute => "ATTRIBUTE",
            Self::Agent => "AGENT",
            Self::NoInstances => "No Container Instances were found in your cluster.",
        })
    }
}

/// Failure to place a task on any instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Reason of the instances that are closest to accepting the task, as ECS reports the closest match: insufficient
    /// resources before constraints, then attributes, then the agent. The most frequent of several reasons, and the first in
    /// the order of [`Reason`] if several are equally frequent.
    pub reason: Reason,
    /// Rejection of each instance, in the order of the instances.
    pub rejections: Vec<Rejection>,
}

impl Failure {
    pub(super) fn new(rejections: Vec<Rejection>) -> Self {
        let nearest = rejections.iter().map(Rejection::nearness).max();
        let near = rejections.iter().filter(|rejection| Some(rejection.nearness()) == nearest);
        let mut reasons: Vec<Reason> = near.flat_map(Rejection::reasons).collect();
        reasons.sort();
        // `max_by_key` returns the last of equally long runs, so that the order is reversed.
        let most = reasons.chunk_by(|one, other| one == other).rev().max_by_key(|run| run.len());
        Self { reason: most.map_or(Reason::NoInstances, |run| run[0]), rejections }
    }
}
