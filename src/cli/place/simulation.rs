//! Placement of tasks one after another.

use std::ops::Range;

use super::ZONE;
use crate::ecs::placement::{Amounts, Failure, Instance, Reason, Rejection, Request, place, rejections};

/// The results of all tasks. After the first failure no task is placed, because the nodes do not change.
pub(super) struct Simulation {
    /// The placed tasks, from task 0 on.
    pub placements: Vec<Placed>,
    /// The tasks that are not placed, with the reason.
    pub failure: Option<(Range<usize>, Failure)>,
    /// The nodes that refuse the last task: name, remaining resources and reason.
    pub refused: Vec<(String, Amounts, Rejection)>,
    /// The number of nodes.
    pub nodes: usize,
}

/// A task on a node.
pub(super) struct Placed {
    /// The node's name.
    pub node: String,
    /// The node's zone.
    pub zone: Option<String>,
    /// The remaining resources of the node after the task.
    pub left: Amounts,
}

impl Simulation {
    /// Places `count` tasks, at least one.
    pub(super) fn run(
        mut instances: Vec<Instance>,
        request: &Request,
        count: u32,
        mut pick: impl FnMut(usize) -> usize,
    ) -> Self {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let mut placements = Vec::new();
        let mut refused = Vec::new();
        for task in 0..count {
            if task + 1 == count {
                refused = rejected_by(&instances, request);
            }
            match place(&instances, request, &mut pick) {
                Ok(at) => {
                    let instance = &mut instances[at];
                    instance.take(request);
                    let zone = instance.attribute(ZONE).map(str::to_owned);
                    placements.push(Placed { node: instance.id.clone(), zone, left: instance.free });
                }
                Err(failure) => {
                    let refused = rejected_by(&instances, request);
                    return Self { placements, failure: Some((task..count, failure)), refused, nodes: instances.len() };
                }
            }
        }
        Self { placements, failure: None, refused, nodes: instances.len() }
    }

    /// Returns the tasks that are not placed, with the reason.
    pub(super) fn failed(&self) -> impl Iterator<Item = (usize, Reason)> {
        self.failure.iter().flat_map(|(tasks, failure)| tasks.clone().map(|task| (task, failure.reason)))
    }
}

fn rejected_by(instances: &[Instance], request: &Request) -> Vec<(String, Amounts, Rejection)> {
    let refused = instances.iter().zip(rejections(instances, request));
    refused.filter_map(|(instance, rejection)| Some((instance.id.clone(), instance.free, rejection?))).collect()
}
