//! `versionConsistency`: by default ECS resolves the tag of an image to one digest for a whole deployment.

use crate::ecs::task_definition::VersionConsistency;
use crate::translate::context::ContainerSlot;
use crate::translate::{Code, VerdictRecorder};

/// Records the verdict. `pulled_each_time` is true if the node resolves the tag at each start of a container.
pub(crate) fn record(slot: &ContainerSlot<'_>, pulled_each_time: bool, recorder: &mut VerdictRecorder) {
    let path = slot.at("versionConsistency");
    let target = slot.becomes("image");
    let consistency = slot.definition.version_consistency;
    let has_digest = slot.definition.image.as_deref().is_none_or(|image| image.contains('@'));
    if has_digest || consistency == Some(VersionConsistency::Disabled) {
        recorder.exact(path, target);
    } else if consistency.is_some() || pulled_each_time {
        let message = "the tag is not resolved to a digest: containers of one deployment that start later may run a newer image of \
                       the same tag. Name the image by its digest to prevent that";
        recorder.approximate(path, Code::TagNotPinned, target, message);
    }
}
