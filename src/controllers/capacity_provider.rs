//! Capacity providers: which nodes they stand for.

use k8s_openapi::jiff::Timestamp;
use kube::api::DynamicObject;

use super::context::{Context, Own, Taken};
use super::execute;
use crate::api::CapacityProviderStatus;
use crate::kubernetes::runner::{Next, ReconcileError};
use crate::reconcile::{self, CapacityProviderInput};

pub(super) async fn reconcile(context: &Context, own: &Own, object: &DynamicObject) -> Result<Next, ReconcileError> {
    let taken = Taken::of(object);
    let root = taken.root(own.kind);
    if root.deleting {
        return Ok(Next::OnChange);
    }
    let status: CapacityProviderStatus = taken.status();
    let seen = context.see_nodes();
    let decision = reconcile::capacity_provider(&CapacityProviderInput {
        status: &status,
        nodes: seen.nodes(&seen.observed()),
        now: Timestamp::now(),
        root,
    });
    execute::carry_out(context, own, &taken, decision).await
}
