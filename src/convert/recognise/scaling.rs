//! What Application Auto Scaling and CloudWatch keep of a service: the inputs of their calls, and what their describe commands
//! print.
//!
//! Members begin with a capital letter there. In a Service they begin with a small one, as everywhere in ECS.

use serde_json::{Map, Value};

use super::part::{OF_TARGET, Part, PartKind};
use super::{Recognised, Share};
use crate::ecs::Pointer;
use crate::ecs::fields::member_of_service;

type Object = Map<String, Value>;

/// The members of the describe commands' outputs that list parts, and those that are a part's name.
const LISTED: [(PartKind, &str, &str); 5] = [
    (PartKind::ScalableTarget, "ScalableTargets", "ResourceId"),
    (PartKind::ScalingPolicy, "ScalingPolicies", "PolicyName"),
    (PartKind::ScheduledAction, "ScheduledActions", "ScheduledActionName"),
    (PartKind::MetricAlarm, "MetricAlarms", "AlarmName"),
    (PartKind::CompositeAlarm, "CompositeAlarms", "AlarmName"),
];

fn own_name(kind: PartKind) -> &'static str {
    LISTED.iter().find(|(listed, ..)| *listed == kind).map_or("", |(.., name)| name)
}

/// The parts that an object is, or that it lists.
pub(super) fn find(object: &Object, at: &Pointer) -> Option<Vec<Recognised>> {
    let mut parts = Vec::new();
    for (kind, list, _) in LISTED {
        let items = object.get(list).and_then(Value::as_array).into_iter().flatten().enumerate();
        let listed = items.filter_map(|(position, item)| Some((position, item.as_object()?)));
        parts.extend(listed.map(|(position, item)| part(kind, item, &at.key(list).index(position))));
    }
    if parts.is_empty() {
        parts.push(part(kind_of(object)?, object, at));
    }
    Some(parts)
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
    } else if has("AlarmName") && has("AlarmRule") {
        Some(PartKind::CompositeAlarm)
    } else {
        None
    }
}

fn part(kind: PartKind, object: &Object, at: &Pointer) -> Recognised {
    let name = object.get(own_name(kind)).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut value = in_service(object);
    if let Some(members) = value.as_object_mut().filter(|_| !kind.naming().is_empty()) {
        for member in OF_TARGET {
            members.remove(&member_of_service(member));
        }
    }
    let (given, share) = (object.clone(), Share::at(at));
    Recognised::Part(Box::new(Part { kind, name, given, value, place: at.clone(), share, doubts: Vec::new() }))
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
