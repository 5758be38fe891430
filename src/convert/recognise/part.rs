//! What AWS keeps apart from a service or a cluster.

use serde_json::{Map, Value};

use super::{Item, Share};
use crate::ecs::Pointer;
use crate::ecs::arn::Arn;
use crate::ecs::fields::member_of_scaling;
use crate::report::Finding;

type Object = Map<String, Value>;

/// What AWS keeps apart from a service or a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::convert) enum PartKind {
    ScalableTarget,
    ScalingPolicy,
    ScheduledAction,
    MetricAlarm,
    CompositeAlarm,
    ClusterCapacity,
}

impl PartKind {
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

    /// The members that say what it is a part of, which has it in itself.
    pub fn naming(self) -> &'static [&'static str] {
        match self {
            Self::ScalableTarget | Self::ScalingPolicy | Self::ScheduledAction => &OF_TARGET,
            Self::MetricAlarm | Self::CompositeAlarm => &[],
            Self::ClusterCapacity => &["cluster"],
        }
    }

    /// What AWS calls a member of the whole in a part.
    pub fn member(self, name: &str) -> String {
        if self == Self::ClusterCapacity { name.to_owned() } else { member_of_scaling(name) }
    }
}

/// A part of a service or a cluster.
#[derive(Clone, Debug)]
pub(in crate::convert) struct Part {
    pub kind: PartKind,
    pub name: String,
    /// As AWS has it.
    pub given: Object,
    /// As the whole has it, without what names that.
    pub value: Value,
    /// Where it stands in the document.
    pub place: Pointer,
    /// Its share of the document.
    pub share: Share,
    /// What in it its author may not have meant.
    pub doubts: Vec<Finding>,
}

/// The members that say what is scaled: a Service has its parts in itself.
pub(super) const OF_TARGET: [&str; 3] = ["ServiceNamespace", "ResourceId", "ScalableDimension"];

impl Part {
    /// The input of `PutClusterCapacityProviders` as a part of its cluster.
    pub fn of_cluster(item: &Item) -> Self {
        let place = item.share.cover.clone();
        let (kind, value) = (PartKind::ClusterCapacity, item.spec.clone());
        let (name, given, share, doubts) = (String::new(), Object::new(), item.share.clone(), Vec::new());
        Self { kind, name, given, value, place, share, doubts }
    }

    fn text(&self, member: &str) -> &str {
        self.given.get(member).and_then(Value::as_str).unwrap_or_default()
    }

    /// Cluster and name of the service that it is about, and whether it is about the count of a service at all.
    pub fn service(&self) -> Option<(String, String)> {
        let of_ecs = self.text("ServiceNamespace") == "ecs";
        of_ecs.then(|| service_of(self.text("ResourceId"))).flatten()
    }

    /// Names of the alarms that a policy knows.
    pub fn alarm_names(&self) -> Vec<&str> {
        let alarms = self.given.get("Alarms").and_then(Value::as_array).into_iter().flatten();
        alarms.filter_map(|alarm| alarm.get("AlarmName")?.as_str()).collect()
    }

    /// Whether an alarm triggers a policy.
    pub fn triggers(&self, policy: &Part) -> bool {
        let is_policy = |action: &str| {
            let arn = policy.text("PolicyARN");
            if !arn.is_empty() {
                return action == arn;
            }
            ServicePolicy::of(action)
                .is_some_and(|meant| Some(meant.service) == policy.service() && meant.policy == policy.name)
        };
        policy.alarm_names().contains(&self.name.as_str())
            || self.actions("AlarmActions").any(|(_, action)| is_policy(action))
    }

    /// What an alarm does in a state, with the positions.
    fn actions(&self, member: &str) -> impl Iterator<Item = (usize, &str)> + use<'_> {
        let actions = self.given.get(member).and_then(Value::as_array).into_iter().flatten().enumerate();
        actions.filter_map(|(position, action)| Some((position, action.as_str()?)))
    }

    /// The policies of services that an alarm names in the actions of a state, with their places.
    pub fn policies(&self, member: &'static str) -> impl Iterator<Item = (Pointer, ServicePolicy)> + use<'_> {
        let place = self.place.key(member);
        self.actions(member)
            .filter_map(move |(position, action)| Some((place.index(position), ServicePolicy::of(action)?)))
    }
}

/// A scaling policy of a service, as an action of an alarm names it by its ARN.
pub(in crate::convert) struct ServicePolicy {
    /// Cluster and name of the service.
    pub service: (String, String),
    /// The policy's name.
    pub policy: String,
}

impl ServicePolicy {
    fn of(action: &str) -> Option<Self> {
        let arn: Arn = action.parse().ok()?;
        let (_, rest) = arn.resource.split_once(":resource/ecs/")?;
        let (resource, policy) = rest.split_once(":policyName/")?;
        Some(Self { service: service_of(resource)?, policy: policy.to_owned() })
    }
}

/// `service/CLUSTER/NAME`
fn service_of(resource: &str) -> Option<(String, String)> {
    let (cluster, name) = resource.strip_prefix("service/")?.split_once('/')?;
    Some((cluster.to_owned(), name.to_owned()))
}
