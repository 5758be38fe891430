//! Reasons of conditions and of Kubernetes Events, in one table. The reference page is generated from it.

use super::condition_types::{
    ACCEPTED, ADDONS_READY, AUTO_SCALED, AVAILABLE, PLACEMENT_LABELS_READY, STABLE, TRANSLATED,
};

/// Type of a Kubernetes Event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventType {
    /// Reports progress.
    Normal,
    /// Reports a problem.
    Warning,
}

/// Condition that a reason belongs to, and the status that it then has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConditionState {
    /// Type of the condition.
    pub condition: &'static str,
    /// True for the status `True`, false for `False`.
    pub holds: bool,
}

const fn is_true(condition: &'static str) -> ConditionState {
    ConditionState { condition, holds: true }
}

const fn is_false(condition: &'static str) -> ConditionState {
    ConditionState { condition, holds: false }
}

const NONE: Option<ConditionState> = None;
const NORMAL: Option<EventType> = Some(EventType::Normal);
const WARNING: Option<EventType> = Some(EventType::Warning);
const NO_EVENT: Option<EventType> = None;

macro_rules! reasons {
    ($($name:ident, $condition:expr, $event:expr, $meaning:literal;)+) => {
        /// Reason of a condition, of an Event, or of both.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Reason {
            $(#[doc = $meaning] $name,)+
        }

        impl Reason {
            /// Every reason, grouped by condition; reasons of Events alone come last.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Returns the `CamelCase` word that the API server stores.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)+
                }
            }

            /// Returns the reason of this name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|reason| reason.name() == name)
            }

            /// Returns the condition that the reason belongs to; none for a reason of Events alone.
            #[must_use]
            pub const fn condition(self) -> Option<ConditionState> {
                match self {
                    $(Self::$name => $condition,)+
                }
            }

            /// Returns the type of the Event that is published with this reason; none if there is no Event.
            #[must_use]
            pub const fn event(self) -> Option<EventType> {
                match self {
                    $(Self::$name => $event,)+
                }
            }

            /// Returns the meaning, as one or more sentences.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => $meaning,)+
                }
            }
        }
    };
}

reasons! {
    Valid, Some(is_true(ACCEPTED)), NO_EVENT, "The spec is valid.";
    Invalid, Some(is_false(ACCEPTED)), WARNING, "The spec has errors. The message names the fields.";
    Refused, Some(is_false(ACCEPTED)), WARNING, "The API server rejected an object that the operator wrote. The message contains the error.";
    TaskDefinitionNotFound, Some(is_false(ACCEPTED)), WARNING, "The namespace has no such TaskDefinition, or no such revision of it.";
    ClusterInvalid, Some(is_false(ACCEPTED)), WARNING, "The Cluster of the service has errors.";
    ClusterNotFound, Some(is_false(ACCEPTED)), WARNING, "The Cluster whose settings the running tasks depend on was deleted.";
    CapacityProviderInvalid, Some(is_false(ACCEPTED)), WARNING, "A CapacityProvider of the service has errors.";
    CapacityProviderNotFound, Some(is_false(ACCEPTED)), WARNING, "A capacity provider of the service is not declared, or was deleted while running tasks depend on it.";
    CapacityProviderNotOfCluster, Some(is_false(ACCEPTED)), WARNING, "A capacity provider of the service is not among those of its cluster, or belongs to another cluster.";
    RenderedByLaterRelease, Some(is_false(ACCEPTED)), WARNING, "A later release of the operator rendered the running tasks. They are left as they are.";

    Exact, Some(is_true(TRANSLATED)), NO_EVENT, "Every field behaves as on ECS.";
    Approximated, Some(is_false(TRANSLATED)), NO_EVENT, "Some fields behave differently. `status.differences` lists them.";
    NeedsAddon, Some(is_false(TRANSLATED)), NO_EVENT, "Some fields need a component or an object. `status.differences` lists them.";
    Unsupported, Some(is_false(TRANSLATED)), NO_EVENT, "Some fields have no effect. `status.differences` lists them.";

    MinimumHealthy, Some(is_true(AVAILABLE)), NO_EVENT, "At least the minimum healthy percent of the desired count is healthy.";
    BelowMinimumHealthy, Some(is_false(AVAILABLE)), NO_EVENT, "Fewer tasks are healthy than the minimum healthy percent requires.";

    SteadyState, Some(is_true(STABLE)), NORMAL, "One deployment runs as many tasks as desired.";
    CountNotReached, Some(is_false(STABLE)), NO_EVENT, "The number of running tasks differs from the desired count.";
    DeploymentInProgress, Some(is_false(STABLE)), NO_EVENT, "Tasks are being replaced.";
    DeploymentBlocked, Some(is_false(STABLE)), NO_EVENT, "Protected tasks of an older deployment still run. The deployment is complete when their protection ends.";
    DeploymentStuck, Some(is_false(STABLE)), WARNING, "`minimumHealthyPercent` and `maximumPercent` leave no room to stop or start a task.";
    DeploymentFailed, Some(is_false(STABLE)), WARNING, "The deployment failed, and no more of its tasks are started.";
    RollingBack, Some(is_false(STABLE)), WARNING, "The deployment failed, and the tasks of the last completed one replace it.";
    Paused, Some(is_false(STABLE)), NO_EVENT, "The annotation `ecs-operator.dev/paused` prevents the replacement of tasks.";
    TasksFailing, Some(is_false(STABLE)), WARNING, "Tasks do not start, or end by themselves. The message contains ECS's word for the cause and the details.";

    Made, Some(is_true(ADDONS_READY)), NO_EVENT, "The objects of add-ons exist.";
    AddonMissing, Some(is_false(ADDONS_READY)), NO_EVENT, "The cluster lacks the API of an add-on, or the operator lacks rights on it. The message names the objects.";
    ExternalSecretsMissing, Some(is_false(ADDONS_READY)), NO_EVENT, "Stores are named, but no ExternalSecret can be created: the API or the rights are missing.";
    VolumeBoundElsewhere, Some(is_false(ADDONS_READY)), NO_EVENT, "Tasks still mount a PersistentVolumeClaim as an earlier definition described it. Delete the claim when no task uses it.";

    NodesLabeled, Some(is_true(PLACEMENT_LABELS_READY)), NO_EVENT, "The operator labels the nodes that match the placement constraints.";
    NotAllowed, Some(is_false(PLACEMENT_LABELS_READY)), NO_EVENT, "The operator may not label nodes. Tasks wait until you grant the rights or label the nodes.";

    Scaling, Some(is_true(AUTO_SCALED)), NO_EVENT, "The desired count is within its limits and follows the policies.";
    CountInManifest, Some(is_false(AUTO_SCALED)), NO_EVENT, "A manifest sets `desiredCount`. Applying it again reverts what was scaled.";
    CountBeyondLimits, Some(is_false(AUTO_SCALED)), NO_EVENT, "The desired count was set outside of its limits.";
    MetricsApiMissing, Some(is_false(AUTO_SCALED)), NO_EVENT, "The server has no API `metrics.k8s.io/v1beta1`.";
    MetricsNotAllowed, Some(is_false(AUTO_SCALED)), NO_EVENT, "The operator may not list `pods.metrics.k8s.io`.";
    MetricsNotAnswered, Some(is_false(AUTO_SCALED)), NO_EVENT, "The API `metrics.k8s.io/v1beta1` does not respond.";
    MetricsMissing, Some(is_false(AUTO_SCALED)), NO_EVENT, "There are no measurements of the running tasks, or they do not reserve what is measured.";
    AlarmMetricMissing, Some(is_false(AUTO_SCALED)), NO_EVENT, "The source of an alarm's values in `kubernetes.autoScaling.alarms` returns none.";

    RevisionRegistered, NONE, NORMAL, "A TaskDefinition has a new revision.";
    InvalidSpec, NONE, WARNING, "The spec of a TaskDefinition, Cluster or CapacityProvider has errors.";
    UnknownField, NONE, WARNING, "A TaskDefinition has fields that are not members of the ECS API.";
    TasksStarted, NONE, NORMAL, "Tasks have started.";
    TasksStopped, NONE, NORMAL, "The service has stopped tasks.";
    TaskStopped, NONE, WARNING, "Tasks have ended by themselves. The note contains the reasons.";
    TaskUnhealthy, NONE, WARNING, "Tasks failed their health checks and are being replaced.";
    TaskNotPlaced, NONE, WARNING, "No node accepts a task, or its scheduler does not run.";
    CapacityProviderRefused, NONE, WARNING, "The API server rejected the assignment of a task to its capacity provider.";
    ZoneRebalancing, NONE, NORMAL, "A task moves to another Availability Zone.";
    DeploymentCompleted, NONE, NORMAL, "A deployment has completed.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_belongs_to_a_condition_or_an_event() {
        for reason in Reason::ALL {
            assert!(reason.condition().is_some() || reason.event().is_some(), "{}", reason.name());
            assert!(reason.meaning().ends_with('.'), "{}", reason.name());
        }
    }
}
