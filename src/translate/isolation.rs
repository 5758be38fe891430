//! `networkMode` `none` and `disableNetworking`: a Pod always has a network, which a NetworkPolicy closes.

use super::{Code, Ledger, Placed, Task, platform};
use crate::ecs::Pointer;
use crate::ecs::task_definition::NetworkMode;

pub(super) fn claim(task: &Task<'_>, placed: &[Placed<'_>], ledger: &mut Ledger) {
    let close = "write a NetworkPolicy for Ingress and Egress that selects the Pods by the label ecs-operator.dev/service and \
                 allows nothing; the network of the cluster has to enforce it";
    if task.definition.network_mode == Some(NetworkMode::None) {
        let message = format!("the containers have a network all the same: {close}");
        ledger.unsupported(Pointer::root().key("networkMode"), Code::NetworkNotDenied, message);
    }
    for container in placed.iter().filter(|p| p.definition.disable_networking == Some(true)) {
        let path = container.at("disableNetworking");
        if task.is_windows() {
            platform::refuse_at(path, ledger);
        } else if task.is_single() {
            ledger.unsupported(
                path,
                Code::NetworkNotDenied,
                format!("the container has a network all the same: {close}"),
            );
        } else {
            let message = format!(
                "the container has the network of its Pod, as the others: make it a task of its own where that matters, and {close}"
            );
            ledger.unsupported(path, Code::NetworkNotDenied, message);
        }
    }
}
