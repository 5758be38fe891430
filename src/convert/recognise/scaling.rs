//! What Application Auto Scaling and CloudWatch keep of a service: the inputs of their calls, and what their describe commands
//! print.
//!
//! Members begin with a capital letter there. In a Service they begin with a small one, as everywhere in ECS.

use serde_json::{Map, Value};

use super::{Recognised, Share};
use crate::ecs::Pointer;
use crate::ecs::arn::Arn;
use crate::ecs::fields::member_of_service;

type Object = Map<String, Value>;

/// What AWS keeps apart from a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::convert) enum PartKind {
    ScalableTarget,
    ScalingPolicy,
    ScheduledAction,
    MetricAlarm,
}

impl PartKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::ScalableTarget => "ScalableTarget",
            Self::ScalingPolicy => "ScalingPolicy",
            Self::ScheduledAction => "ScheduledAction",
            Self::MetricAlarm => "MetricAlarm",
        }
    }

    /// The member of the describe command's output that lists them.
    fn list(self) -> &'static str {
        match self {
            Self::ScalableTarget => "ScalableTargets",
            Self::ScalingPolicy => "ScalingPolicies",
            Self::ScheduledAction => "ScheduledActions",
            Self::MetricAlarm => "MetricAlarms",
        }
    }

    /// The member that is its name.
    fn own_name(self) -> &'static str {
        match self {
            Self::ScalableTarget => "ResourceId",
            Self::ScalingPolicy => "PolicyName",
            Self::ScheduledAction => "ScheduledActionName",
            Self::MetricAlarm => "AlarmName",
        }
    }

    const ALL: [Self; 4] = [Self::ScalableTarget, Self::ScalingPolicy, Self::ScheduledAction, Self::MetricAlarm];
}

/// A part of what a service is scaled by.
#[derive(Clone, Debug)]
pub(in crate::convert) struct Part {
    pub kind: PartKind,
    pub name: String,
    /// As AWS has it.
    pub given: Object,
    /// As a Service has it, without what names the target.
    pub value: Value,
    /// Where it stands in the document.
    pub place: Pointer,
    /// Its share of the document.
    pub share: Share,
}

/// The members that say what is scaled: a Service has its parts in itself.
pub(in crate::convert) const OF_TARGET: [&str; 3] = ["ServiceNamespace", "ResourceId", "ScalableDimension"];

/// The parts that an object is, or that it lists.
pub(super) fn find(object: &Object, at: &Pointer) -> Option<Vec<Recognised>> {
    for kind in PartKind::ALL {
        let Some(Value::Array(items)) = object.get(kind.list()) else { continue };
        let listed = items.iter().enumerate().filter_map(|(position, item)| Some((position, item.as_object()?)));
        let parts = listed.map(|(position, item)| part(kind, item, &at.key(kind.list()).index(position)));
        return Some(parts.collect()).filter(|parts: &Vec<_>| !parts.is_empty());
    }
    Some(vec![part(kind_of(object)?, object, at)])
}

fn kind_of(object: &Object) -> Option<PartKind> {
    let has = |name: &str| object.contains_key(name);
    let of_target = has("ResourceId") && has("ServiceNamespace");
    if of_target && has("ScheduledActionName") {
        Some(PartKind::ScheduledAction)
    } else if of_target && has("PolicyName") {
        Some(PartKind::ScalingPolicy)
    } else if of_target && (has("MinCapacity") || has("MaxCapacity") || has("SuspendedState")) {
        Some(PartKind::ScalableTarget)
    } else if has("AlarmName") && has("ComparisonOperator") {
        Some(PartKind::MetricAlarm)
    } else {
        None
    }
}

fn part(kind: PartKind, object: &Object, at: &Pointer) -> Recognised {
    let name = object.get(kind.own_name()).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut value = in_service(object);
    if let Some(members) = value.as_object_mut().filter(|_| kind != PartKind::MetricAlarm) {
        for member in OF_TARGET {
            members.remove(&member_of_service(member));
        }
    }
    let (given, share) = (object.clone(), Share::at(at));
    Recognised::Part(Box::new(Part { kind, name, given, value, place: at.clone(), share }))
}

/// A value with its members named as in a Service, and times as texts.
fn in_service(object: &Object) -> Value {
    let member = |(name, value): (&String, &Value)| {
        let value = match (name.as_str(), value) {
            // The keys of tags are the user's own.
            ("Tags", Value::Object(_)) => value.clone(),
            ("StartTime" | "EndTime", Value::Number(seconds)) => {
                time(seconds.as_f64()).unwrap_or_else(|| value.clone())
            }
            _ => renamed(value),
        };
        (member_of_service(name), value)
    };
    Value::Object(object.iter().map(member).collect())
}

fn renamed(value: &Value) -> Value {
    match value {
        Value::Object(object) => in_service(object),
        Value::Array(items) => items.iter().map(renamed).collect(),
        other => other.clone(),
    }
}

/// The older command line prints times as seconds.
fn time(seconds: Option<f64>) -> Option<Value> {
    #[expect(clippy::cast_possible_truncation, reason = "a float becomes the nearest number that there is")]
    let seconds = seconds?.round() as i64;
    let time = jiff::Timestamp::from_second(seconds).ok()?;
    Some(time.to_string().into())
}

impl Part {
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
