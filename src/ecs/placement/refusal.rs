//! Reasons for not placing a task on an instance, or on any.

use std::fmt;

/// Something of an instance that a task needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resource {
    /// CPU units.
    Cpu,
    /// Memory.
    Memory,
    /// A port that the definition fixes.
    Ports,
    /// GPUs.
    Gpu,
}

/// Reason for not placing a task on an instance.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// It takes no new tasks.
    Draining,
    /// Its agent is not connected.
    AgentDisconnected,
    /// Something keeps these tasks away, in words.
    Repelled(String),
    /// An attribute has another value than the definition implies.
    OtherAttribute {
        /// The attribute.
        name: &'static str,
        /// The value that the definition implies.
        wanted: &'static str,
        /// The value that the instance has.
        has: String,
    },
    /// A task of the group is there already.
    DistinctInstance,
    /// An expression is not true of it.
    MemberOf {
        /// The position among the constraints of the request, from 0.
        position: usize,
    },
    /// It has too little left; at least of one resource.
    Short(Vec<Resource>),
}

/// Reason for placing a task on no instance. [`fmt::Display`] uses the words of RunTask.
///
/// Source: "API failure reasons" in the ECS developer guide, and for constraints what RunTask and the events of services say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Too little is left, or taken.
    Resource(Resource),
    /// A constraint `memberOf` does not hold.
    MemberOf,
    /// A constraint `distinctInstance` does not hold.
    DistinctInstance,
    /// An instance has other attributes, or keeps the task away.
    Attribute,
    /// The agent is not connected.
    Agent,
    /// There is no active instance.
    NoInstances,
}

impl Refusal {
    /// The reasons that RunTask has for it.
    pub fn reasons(&self) -> impl Iterator<Item = Reason> {
        let (lacks, other): (&[Resource], _) = match self {
            Self::Short(lacks) => (lacks, None),
            Self::Draining => (&[], Some(Reason::NoInstances)),
            Self::AgentDisconnected => (&[], Some(Reason::Agent)),
            Self::Repelled(_) | Self::OtherAttribute { .. } => (&[], Some(Reason::Attribute)),
            Self::DistinctInstance => (&[], Some(Reason::DistinctInstance)),
            Self::MemberOf { .. } => (&[], Some(Reason::MemberOf)),
        };
        lacks.iter().copied().map(Reason::Resource).chain(other)
    }

    /// Returns a rank: the higher, the closer the instance is to accepting the task.
    fn nearness(&self) -> u8 {
        match self {
            Self::Draining => 0,
            Self::AgentDisconnected => 1,
            Self::Repelled(_) | Self::OtherAttribute { .. } => 2,
            Self::DistinctInstance | Self::MemberOf { .. } => 3,
            Self::Short(_) => 4,
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

/// A task that no instance takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The reason of the instances that come nearest to taking it, as ECS tells of the closest match: those with too little
    /// room come before those a constraint rules out, then come attributes, then the agent. Of several reasons the most
    /// frequent one, and of equally frequent ones the first in the order of [`Reason`].
    pub reason: Reason,
    /// Refusal of each instance, in the order of the instances.
    pub refusals: Vec<Refusal>,
}

impl Failure {
    pub(super) fn new(refusals: Vec<Refusal>) -> Self {
        let nearest = refusals.iter().map(Refusal::nearness).max();
        let near = refusals.iter().filter(|refusal| Some(refusal.nearness()) == nearest);
        let mut reasons: Vec<Reason> = near.flat_map(Refusal::reasons).collect();
        reasons.sort();
        // Of equally long runs the last one is taken, so the order is turned round.
        let most = reasons.chunk_by(|one, other| one == other).rev().max_by_key(|run| run.len());
        Self { reason: most.map_or(Reason::NoInstances, |run| run[0]), refusals }
    }
}
