//! `role`, for load balancers: the component that registers tasks uses its own role.

use crate::ecs::{self, Pointer};
use crate::translate::{Code, VerdictRecorder};

/// Records the verdict on `role`.
pub(crate) fn record(service: &ecs::Service, recorder: &mut VerdictRecorder) {
    if service.role.is_some() {
        let message = "the component that registers tasks with a load balancer uses its own role";
        recorder.ignored(Pointer::root().key("role"), Code::DriverRoleUsed, message);
    }
}
