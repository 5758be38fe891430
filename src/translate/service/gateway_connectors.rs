//! `gatewayConnectors`: no equivalent.

use crate::ecs::{self, Pointer};
use crate::translate::{Code, VerdictRecorder};

/// Records the verdict on `gatewayConnectors`.
pub(crate) fn record(service: &ecs::Service, recorder: &mut VerdictRecorder) {
    if !service.gateway_connectors.is_empty() {
        let message = "ECS gateways do not send traffic to the tasks: create a Gateway of the Gateway API and an HTTPRoute to the core \
                       Service of the service, and configure checks and the deregistration delay in the policies of its controller";
        recorder.unsupported(Pointer::root().key("gatewayConnectors"), Code::GatewayNotConnected, message);
    }
}
