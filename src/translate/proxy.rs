//! `proxyConfiguration`: the proxy of App Mesh, which has ended.

use super::{Code, Ledger, Task};
use crate::ecs::Pointer;

pub(super) fn claim(task: &Task<'_>, ledger: &mut Ledger) {
    if task.definition.proxy_configuration.is_some() {
        let message = "no traffic is led through the proxy container, and App Mesh, which would tell it where to send it, has ended: \
                       remove the field and the container, and use a mesh of the cluster, such as Linkerd or Istio";
        ledger.unsupported(Pointer::root().key("proxyConfiguration"), Code::ServiceEnded, message);
    }
}
