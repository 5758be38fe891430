//! What is seen from outside of a decision and not of objects: the metrics of tasks, and who set a count.

use k8s_openapi::jiff::Timestamp;

use crate::ecs::scaling::Sample;

/// What the operator has measured of a service's tasks since it started.
#[derive(Clone, Debug, PartialEq)]
pub struct Readings {
    /// Look by look, the newest last.
    pub samples: Vec<Sample>,
    /// When the newest look was.
    pub at: Timestamp,
    /// Why the newest look saw nothing.
    pub lack: Option<Lack>,
}

/// Why metrics cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lack {
    /// The server does not have the API.
    NoApi,
    /// The operator may not.
    NotAllowed,
    /// There is no answer.
    NoAnswer,
    /// There is nothing about the tasks that run, or they reserve nothing.
    NoValues,
    /// The metric that is chosen for an alarm has no value.
    OfAlarm {
        /// The alarm.
        alarm: String,
        /// Why, for people.
        why: String,
    },
}

/// Who wrote the count that the spec of a service has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountManager {
    /// The name it writes as, such as `kube-controller-manager` or `argocd-controller`.
    pub name: String,
    /// Whether it wrote it through the `scale` subresource, as what scales does, and not with the rest of a manifest.
    pub scales: bool,
}
