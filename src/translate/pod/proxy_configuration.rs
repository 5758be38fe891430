//! `proxyConfiguration`: the proxy of App Mesh, which AWS has discontinued.

use crate::ecs::Pointer;
use crate::translate::{Code, RenderContext, VerdictRecorder};

pub(crate) fn record(task: &RenderContext<'_>, recorder: &mut VerdictRecorder) {
    if task.definition.proxy_configuration.is_some() {
        let message = "no traffic passes through the proxy container, and AWS has discontinued App Mesh, which configures it: remove the \
                       field and the container, and use a service mesh of the cluster, such as Linkerd or Istio";
        recorder.unsupported(Pointer::root().key("proxyConfiguration"), Code::AwsServiceDiscontinued, message);
    }
}
