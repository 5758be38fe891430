//! `versionConsistency`: ECS pins the tag of an image to a digest for a whole deployment, unless it is told not to.

use crate::ecs::task_definition::VersionConsistency;
use crate::translate::context::ContainerSlot;
use crate::translate::{Code, VerdictRecorder};

/// Claims the field; `pulled_each_time` tells that the node asks for the tag at each start of a container.
pub(crate) fn record(slot: &ContainerSlot<'_>, pulled_each_time: bool, recorder: &mut VerdictRecorder) {
    let path = slot.at("versionConsistency");
    let target = slot.becomes("image");
    let given = slot.definition.version_consistency;
    let fixed = slot.definition.image.as_deref().is_none_or(|image| image.contains('@'));
    if fixed || given == Some(VersionConsistency::Disabled) {
        recorder.exact(path, target);
    } else if given.is_some() || pulled_each_time {
        let message = "the tag is not pinned: of one deployment, containers that start later may run a newer image of the same tag. \
                       Name the image by its digest where that matters";
        recorder.approximate(path, Code::TagNotPinned, target, message);
    }
}
