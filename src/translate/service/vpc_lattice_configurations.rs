//! `vpcLatticeConfigurations`: no equivalent.

use crate::ecs::{self, Pointer};
use crate::translate::{Code, VerdictRecorder};

/// Records the verdict on `vpcLatticeConfigurations`.
pub(crate) fn record(service: &ecs::Service, recorder: &mut VerdictRecorder) {
    if !service.vpc_lattice_configurations.is_empty() {
        let message = "tasks are not registered with an existing VPC Lattice target group: with the AWS Gateway API Controller, create an \
                       HTTPRoute from a Gateway of the class amazon-vpc-lattice to the core Service of the service, which creates a \
                       target group";
        recorder.unsupported(Pointer::root().key("vpcLatticeConfigurations"), Code::VpcLatticeNotRegistered, message);
    }
}
