//! `proxyConfiguration`: the proxy of App Mesh, which has ended.

use crate::ecs::Pointer;
use crate::translate::{Code, RenderContext, VerdictRecorder};

pub(crate) fn record(task: &RenderContext<'_>, recorder: &mut VerdictRecorder) {
    if task.definition.proxy_configuration.is_some() {
        let message = "no traffic is led through the proxy container, and App Mesh, which would tell it where to send it, has ended: \
                       remove the field and the container, and use a mesh of the cluster, such as Linkerd or Istio";
        recorder.unsupported(Pointer::root().key("proxyConfiguration"), Code::AwsServiceDiscontinued, message);
    }
}
