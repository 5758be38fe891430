//! Table of controllers: the reconcile function of each kind of custom resource, and the objects that depend on its
//! changes.

use futures::FutureExt;
use futures::future::BoxFuture;
use kube::api::DynamicObject;

use super::super::state::context::Context;
use super::super::{capacity_provider, cluster, service, task_definition};
use super::fan_out::{Changed, FanOut};
use crate::k8s::kinds::RootKind;
use crate::kubernetes::runner::{Next, ReconcileError};

/// Future of a reconcile.
type Reconcile<'a> = BoxFuture<'a, Result<Next, ReconcileError>>;

/// Row of the table.
pub(crate) struct Controller {
    /// Reconciles a custom resource.
    pub(crate) reconcile: for<'a> fn(&'a Context, &'a DynamicObject) -> Reconcile<'a>,
    /// Enqueues the other objects that depend on a changed custom resource.
    pub(crate) notify: fn(&FanOut, &Changed<'_>),
}

/// Returns the controller of a kind. To add a kind, add a row.
pub(crate) const fn controller(kind: RootKind) -> Controller {
    match kind {
        RootKind::Cluster => Controller {
            reconcile: |context, object| cluster::reconcile(context, object).boxed(),
            notify: FanOut::cluster_changed,
        },
        RootKind::CapacityProvider => Controller {
            reconcile: |context, object| capacity_provider::reconcile(context, object).boxed(),
            notify: FanOut::capacity_provider_changed,
        },
        RootKind::TaskDefinition => Controller {
            reconcile: |context, object| task_definition::reconcile(context, object).boxed(),
            notify: FanOut::task_definition_changed,
        },
        RootKind::Service => Controller {
            reconcile: |context, object| service::reconcile(context, object).boxed(),
            notify: FanOut::service_changed,
        },
    }
}
