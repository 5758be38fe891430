//! Inputs that are not Kubernetes objects: measured metrics, and the field managers of `desiredCount`.

use k8s_openapi::jiff::Timestamp;

use crate::ecs::scaling::Sample;

/// Metrics of a service's tasks since the operator started.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurements {
    /// Samples, the newest last.
    pub samples: Vec<Sample>,
    /// Time of the newest sample.
    pub at: Timestamp,
    /// Reason why the newest sample has no values.
    pub error: Option<MeasurementError>,
}

/// Reason why metrics have no values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MeasurementError {
    /// The API server does not serve the metrics API.
    NoApi,
    /// The operator has no permission to read the metrics API.
    Forbidden,
    /// The metrics API did not respond.
    Unavailable,
    /// The metrics API has no values of the running tasks, or the tasks reserve nothing.
    NoValues,
    /// The metric that `kubernetes.autoScaling.alarms` assigns to an alarm has no value.
    AlarmMetric {
        /// Alarm name.
        alarm: String,
        /// Cause.
        message: String,
    },
}

/// Field manager of `desiredCount`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountManager {
    /// Name of the field manager, such as `kube-controller-manager` or `argocd-controller`.
    pub name: String,
    /// True if it wrote the count through the `scale` subresource, and not with the rest of a manifest.
    pub via_scale: bool,
}
