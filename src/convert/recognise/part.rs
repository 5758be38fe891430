//! What AWS keeps apart from a service or a cluster.

use serde_json::{Map, Value};

use super::{Item, Share};
use crate::ecs::Pointer;
use crate::ecs::arn::Arn;
use crate::ecs::fields::member_of_scaling;

type Object = Map<String, Value>;

/// What AWS keeps apart from a service or a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::convert) enum PartKind {
    ScalableTarget,
    ScalingPolicy,
    ScheduledAction,
    MetricAlarm,
    ClusterCapacity,
}

impl PartKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::ScalableTarget => "ScalableTarget",
            Self::ScalingPolicy => "ScalingPolicy",
            Self::ScheduledAction => "ScheduledAction",
            Self::MetricAlarm => "MetricAlarm",
            Self::ClusterCapacity => "ClusterCapacityProviders",
        }
    }

    /// The members that say what it is a part of, which has it in itself.
    pub fn naming(self) -> &'static [&'static str] {
        match self {
            Self::ScalableTarget | Self::ScalingPolicy | Self::ScheduledAction => &OF_TARGET,
            Self::MetricAlarm => &[],
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
}

/// The members that say what is scaled: a Service has its parts in itself.
pub(super) const OF_TARGET: [&str; 3] = ["ServiceNamespace", "ResourceId", "ScalableDimension"];

impl Part {
    /// The input of `PutClusterCapacityProviders` as a part of its cluster.
    pub fn of_cluster(item: &Item) -> Self {
        let place = item.share.cover.clone();
        let (kind, value) = (PartKind::ClusterCapacity, item.spec.clone());
        Self { kind, name: String::new(), given: Object::new(), value, place, share: item.share.clone() }
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
        let actions = self.given.get("AlarmActions").and_then(Value::as_array).into_iter().flatten();
        let is_policy = |action: &str| {
            let arn = policy.text("PolicyARN");
            if !arn.is_empty() {
                return action == arn;
            }
            let Ok(arn) = action.parse::<Arn>() else { return false };
            let Some((_, rest)) = arn.resource.split_once(":resource/ecs/") else { return false };
            let named = rest.split_once(":policyName/");
            named.is_some_and(|(resource, name)| service_of(resource) == policy.service() && name == policy.name)
        };
        policy.alarm_names().contains(&self.name.as_str()) || actions.filter_map(Value::as_str).any(is_policy)
    }
}

/// `service/CLUSTER/NAME`
fn service_of(resource: &str) -> Option<(String, String)> {
    let (cluster, name) = resource.strip_prefix("service/")?.split_once('/')?;
    Some((cluster.to_owned(), name.to_owned()))
}
