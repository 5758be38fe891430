//! `stopTimeout` → the Pod's grace period.

use super::lifecycle::Role;
use super::{Code, Ledger, Placed, Task};

/// ECS's time between SIGTERM and SIGKILL when a container gives none, in seconds.
const DEFAULT_STOP_TIMEOUT: i64 = 30;

/// The longest time the task may take to stop: containers stop at once, sidecars one after another after them.
pub(super) fn grace_period(containers: &[Placed<'_>]) -> i64 {
    // The container agent takes 0 for none given.
    let given = |p: &Placed<'_>| p.definition.stop_timeout.filter(|seconds| *seconds > 0);
    let timeout = |p: &Placed<'_>| given(p).map_or(DEFAULT_STOP_TIMEOUT, i64::from);
    let of = |role: Role| containers.iter().filter(move |p| p.role == role);
    let mains = of(Role::Main).map(timeout).max().unwrap_or(DEFAULT_STOP_TIMEOUT);
    let sidecars: i64 = of(Role::Sidecar).map(timeout).sum();
    mains + sidecars
}

pub(super) fn claim(task: &Task<'_>, placed: &Placed<'_>, ledger: &mut Ledger) {
    let path = placed.at("stopTimeout");
    if task.definition.container_definitions.len() == 1 {
        return ledger.exact(path, format!("{}/spec/terminationGracePeriodSeconds", task.target));
    }
    if placed.definition.stop_timeout.is_none() {
        return;
    }
    ledger.approximate(
        path,
        Code::StopTimeoutOfPod,
        format!("{}/spec/terminationGracePeriodSeconds", task.target),
        "the Pod has one time to stop, long enough for all its containers; a container that hangs may use more than its own",
    );
}
