//! Reconciles capacity providers: validity and the number of nodes.

use k8s_openapi::jiff::Timestamp;
use kube::api::DynamicObject;

use super::state::context::Context;
use super::state::target::ReconcileTarget;
use super::wiring::execute::execute;
use crate::api::CapacityProviderStatus;
use crate::k8s::kinds::RootKind;
use crate::kubernetes::runner::{Next, ReconcileError};
use crate::reconcile::{self, CapacityProviderInput};

pub(crate) async fn reconcile(context: &Context, object: &DynamicObject) -> Result<Next, ReconcileError> {
    let target = ReconcileTarget::new(RootKind::CapacityProvider, object);
    let root = target.root();
    if root.deleting {
        return Ok(Next::OnChange);
    }
    let status: CapacityProviderStatus = target.status();
    let nodes = context.observe_nodes();
    let decision = reconcile::capacity_provider(&CapacityProviderInput {
        status: &status,
        nodes: nodes.nodes(&nodes.observed()),
        now: Timestamp::now(),
        root,
    });
    execute(context, &target, decision).await
}
