//! Resources that AWS stores separately from the service or cluster they belong to.

use serde_json::{Map, Value};

use super::report_scope::ReportScope;
use crate::ecs::Pointer;
use crate::ecs::arn::Arn;
use crate::ecs::fields::scaling_member_name;
use crate::report::Finding;

/// The member of a Service that contains its scalable target, policies and scheduled actions.
pub(in crate::convert) const SCALING_MEMBER: &str = "autoScaling";

/// The members of a Cluster that `PutClusterCapacityProviders` sets.
pub(in crate::convert) const CLUSTER_CAPACITY_MEMBERS: [&str; 2] =
    ["capacityProviders", "defaultCapacityProviderStrategy"];

/// The members that identify what is scaled. A Service contains its related resources and does not need them.
pub(super) const TARGET_MEMBERS: [&str; 3] = ["ServiceNamespace", "ResourceId", "ScalableDimension"];

/// True if a path in a spec is one that related resources are merged into.
pub(in crate::convert) fn is_merge_target(path: &Pointer) -> bool {
    let members = CLUSTER_CAPACITY_MEMBERS.iter().chain([&SCALING_MEMBER]);
    members.into_iter().any(|member| Pointer::root().key(*member).is_prefix_of(path))
}

/// The kind of a related resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::convert) enum RelatedKind {
    ScalableTarget,
    ScalingPolicy,
    ScheduledAction,
    MetricAlarm,
    CompositeAlarm,
    ClusterCapacity,
}

impl RelatedKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::ScalableTarget => "ScalableTarget",
            Self::ScalingPolicy => "ScalingPolicy",
            Self::ScheduledAction => "ScheduledAction",
            Self::MetricAlarm => "MetricAlarm",
            Self::CompositeAlarm => "CompositeAlarm",
            Self::ClusterCapacity => "ClusterCapacityProviders",
        }
    }

    /// Returns the members that name the service or cluster.
    pub fn parent_members(self) -> &'static [&'static str] {
        match self {
            Self::ScalableTarget | Self::ScalingPolicy | Self::ScheduledAction => &TARGET_MEMBERS,
            Self::MetricAlarm | Self::CompositeAlarm => &[],
            Self::ClusterCapacity => &["cluster"],
        }
    }

    /// Returns AWS's name in the related resource of a member of the service or cluster.
    pub fn aws_member(self, name: &str) -> String {
        if self == Self::ClusterCapacity { name.to_owned() } else { scaling_member_name(name) }
    }
}

/// A resource that belongs to a service or a cluster.
#[derive(Clone, Debug)]
pub(in crate::convert) struct RelatedResource {
    pub kind: RelatedKind,
    pub name: String,
    /// The members as AWS names them.
    pub members: Map<String, Value>,
    /// The value as the service or cluster contains it, without the members that name the parent.
    pub value: Value,
    /// The path in the document.
    pub path: Pointer,
    /// The part of the document that is reported with it.
    pub scope: ReportScope,
    /// Warnings about mistakes that are valid in AWS.
    pub warnings: Vec<Finding>,
}

impl RelatedResource {
    fn text(&self, member: &str) -> &str {
        self.members.get(member).and_then(Value::as_str).unwrap_or_default()
    }

    /// Returns the cluster and name of the service that the resource scales; `None` if it scales something else.
    pub fn service(&self) -> Option<(String, String)> {
        let is_ecs = self.text("ServiceNamespace") == "ecs";
        is_ecs.then(|| parse_service(self.text("ResourceId"))).flatten()
    }

    /// Returns the names of the alarms that a policy lists.
    fn alarm_names(&self) -> Vec<&str> {
        let alarms = self.members.get("Alarms").and_then(Value::as_array).into_iter().flatten();
        alarms.filter_map(|alarm| alarm.get("AlarmName")?.as_str()).collect()
    }

    /// True if an alarm triggers a policy.
    pub fn triggers(&self, policy: &RelatedResource) -> bool {
        policy.alarm_names().contains(&self.name.as_str())
            || self.actions("AlarmActions").any(|(_, action)| policy.is_named_by(action))
    }

    /// True if an action of an alarm names this policy.
    fn is_named_by(&self, action: &str) -> bool {
        let arn = self.text("PolicyARN");
        if !arn.is_empty() {
            return action == arn;
        }
        ServicePolicy::from_arn(action)
            .is_some_and(|named| Some(named.service) == self.service() && named.policy == self.name)
    }

    /// Returns the actions of an alarm in a state, with their positions.
    fn actions(&self, member: &str) -> impl Iterator<Item = (usize, &str)> + use<'_> {
        let actions = self.members.get(member).and_then(Value::as_array).into_iter().flatten().enumerate();
        actions.filter_map(|(position, action)| Some((position, action.as_str()?)))
    }

    /// Returns the policies of services that an alarm triggers in a state, with their paths.
    pub fn policies(&self, member: &'static str) -> impl Iterator<Item = (Pointer, ServicePolicy)> + use<'_> {
        let path = self.path.key(member);
        self.actions(member)
            .filter_map(move |(position, action)| Some((path.index(position), ServicePolicy::from_arn(action)?)))
    }
}

/// A scaling policy of a service, as named by the ARN in an alarm's action.
pub(in crate::convert) struct ServicePolicy {
    /// Cluster and name of the service.
    pub service: (String, String),
    /// The policy's name.
    pub policy: String,
}

impl ServicePolicy {
    fn from_arn(arn: &str) -> Option<Self> {
        let arn: Arn = arn.parse().ok()?;
        let (_, rest) = arn.resource.split_once(":resource/ecs/")?;
        let (resource, policy) = rest.split_once(":policyName/")?;
        Some(Self { service: parse_service(resource)?, policy: policy.to_owned() })
    }
}

/// Parses `service/CLUSTER/NAME`.
fn parse_service(resource: &str) -> Option<(String, String)> {
    let (cluster, name) = resource.strip_prefix("service/")?.split_once('/')?;
    Some((cluster.to_owned(), name.to_owned()))
}
