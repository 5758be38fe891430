//! `versionConsistency`: ECS pins the tag of an image to a digest for a whole deployment, unless it is told not to.

use super::{Code, Ledger, Placed};
use crate::ecs::task_definition::VersionConsistency;

/// Claims the field; `pulled_each_time` tells that the node asks for the tag at each start of a container.
pub(super) fn claim(placed: &Placed<'_>, pulled_each_time: bool, ledger: &mut Ledger) {
    let path = placed.at("versionConsistency");
    let target = placed.becomes("image");
    let given = placed.definition.version_consistency;
    let fixed = placed.definition.image.as_deref().is_none_or(|image| image.contains('@'));
    if fixed || given == Some(VersionConsistency::Disabled) {
        ledger.exact(path, target);
    } else if given.is_some() || pulled_each_time {
        let message = "the tag is not pinned: of one deployment, containers that start later may run a newer image of the same tag. \
                       Name the image by its digest where that matters";
        ledger.approximate(path, Code::TagNotPinned, target, message);
    }
}
