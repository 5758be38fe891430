//! `platformVersion`: no equivalent.

use crate::ecs::{self, Pointer};
use crate::translate::{Code, VerdictRecorder};

/// Records the verdict on `platformVersion`.
pub(crate) fn record(service: &ecs::Service, recorder: &mut VerdictRecorder) {
    if service.platform_version.is_some() {
        let message = "the field selects a version of Fargate: tasks run on the version of the nodes";
        recorder.ignored(Pointer::root().key("platformVersion"), Code::NoPlatformVersion, message);
    }
}
