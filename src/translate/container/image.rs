//! `image` and `kubernetes.imagePullPolicy` → `image` and `imagePullPolicy`.

use crate::api::ImagePullPolicy;
use crate::translate::container::version_consistency;
use crate::translate::context::ContainerSlot;
use crate::translate::{Code, RenderContext, VerdictRecorder};

/// Returns the image. ECS pulls it at each start of a task; Kubernetes by default only if it is not on the node, unless the tag
/// is `latest`.
pub(crate) fn render(
    task: &RenderContext<'_>,
    slot: &ContainerSlot<'_>,
    recorder: &mut VerdictRecorder,
) -> Option<String> {
    let image = slot.definition.image.clone()?;
    let policy = task.kubernetes.and_then(|k| k.image_pull_policy);
    let has_digest = image.contains('@');
    let pulled_each_time = policy == Some(ImagePullPolicy::Always) || (policy.is_none() && has_latest_tag(&image));
    version_consistency::record(slot, pulled_each_time, recorder);
    if has_digest || pulled_each_time {
        recorder.exact(slot.at("image"), slot.becomes("image"));
    } else {
        let message = "a node that has the image does not pull it again after its tag was moved; ECS pulls at each start of a task: \
                       set kubernetes.imagePullPolicy to Always, or name the image by its digest";
        recorder.approximate(slot.at("image"), Code::ImageNotPulledAgain, slot.becomes("image"), message);
    }
    Some(image)
}

/// True if the tag is `latest` or absent. A colon before the last slash belongs to the registry's port.
fn has_latest_tag(image: &str) -> bool {
    let name = image.rsplit('/').next().unwrap_or(image);
    name.split_once(':').is_none_or(|(_, tag)| tag == "latest")
}

/// Returns the pull policy that the `kubernetes` block sets.
pub(crate) fn pull_policy(task: &RenderContext<'_>) -> Option<String> {
    task.kubernetes.and_then(|kubernetes| kubernetes.image_pull_policy).map(|policy| policy_name(policy).to_owned())
}

fn policy_name(policy: ImagePullPolicy) -> &'static str {
    match policy {
        ImagePullPolicy::Always => "Always",
        ImagePullPolicy::IfNotPresent => "IfNotPresent",
        ImagePullPolicy::Never => "Never",
    }
}
