//! Detects resources of Application Auto Scaling and CloudWatch: inputs of their calls, and outputs of their describe
//! commands.
//!
//! Their members are in PascalCase; a Service has the same members in camelCase, as everywhere in ECS.

use serde_json::{Map, Value};

use super::detected::Detected;
use super::related_resource::{RelatedKind, RelatedResource, TARGET_MEMBERS};
use super::report_scope::ReportScope;
use crate::ecs::Pointer;
use crate::ecs::fields::service_member_name;

type Object = Map<String, Value>;

/// For each kind, the member of the describe command's output that lists it, and the member that contains the name.
const MEMBERS: [(RelatedKind, &str, &str); 5] = [
    (RelatedKind::ScalableTarget, "ScalableTargets", "ResourceId"),
    (RelatedKind::ScalingPolicy, "ScalingPolicies", "PolicyName"),
    (RelatedKind::ScheduledAction, "ScheduledActions", "ScheduledActionName"),
    (RelatedKind::MetricAlarm, "MetricAlarms", "AlarmName"),
    (RelatedKind::CompositeAlarm, "CompositeAlarms", "AlarmName"),
];

fn name_member(kind: RelatedKind) -> &'static str {
    MEMBERS.iter().find(|(listed, ..)| *listed == kind).map_or("", |(.., name)| name)
}

/// Returns the related resources that an object is or lists.
pub(super) fn detect(object: &Object, path: &Pointer) -> Option<Vec<Detected>> {
    let mut resources = Vec::new();
    for (kind, list, _) in MEMBERS {
        let items = object.get(list).and_then(Value::as_array).into_iter().flatten().enumerate();
        let listed = items.filter_map(|(position, item)| Some((position, item.as_object()?)));
        resources.extend(listed.map(|(position, item)| related(kind, item, &path.key(list).index(position))));
    }
    if resources.is_empty() {
        resources.push(related(detect_kind(object)?, object, path));
    }
    Some(resources)
}

fn detect_kind(object: &Object) -> Option<RelatedKind> {
    let has = |name: &str| object.contains_key(name);
    let has_target = has("ResourceId") && has("ServiceNamespace");
    if has_target && has("ScheduledActionName") {
        Some(RelatedKind::ScheduledAction)
    } else if has_target && has("PolicyName") {
        Some(RelatedKind::ScalingPolicy)
    } else if has_target && (has("MinCapacity") || has("MaxCapacity") || has("SuspendedState")) {
        Some(RelatedKind::ScalableTarget)
    } else if has("AlarmName") && has("ComparisonOperator") {
        Some(RelatedKind::MetricAlarm)
    } else if has("AlarmName") && has("AlarmRule") {
        Some(RelatedKind::CompositeAlarm)
    } else {
        None
    }
}

fn related(kind: RelatedKind, object: &Object, path: &Pointer) -> Detected {
    let name = object.get(name_member(kind)).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut value = with_service_names(object);
    if let Some(members) = value.as_object_mut().filter(|_| !kind.parent_members().is_empty()) {
        for member in TARGET_MEMBERS {
            members.remove(&service_member_name(member));
        }
    }
    Detected::Related(Box::new(RelatedResource {
        kind,
        name,
        members: object.clone(),
        value,
        path: path.clone(),
        scope: ReportScope::new(path),
        warnings: Vec::new(),
    }))
}

/// Returns the object with its members named as in a Service, and times as texts.
fn with_service_names(object: &Object) -> Value {
    let member = |(name, value): (&String, &Value)| {
        let value = match (name.as_str(), value) {
            // The keys of tags are the user's.
            ("Tags", Value::Object(_)) => value.clone(),
            ("StartTime" | "EndTime", Value::Number(seconds)) => {
                time_text(seconds.as_f64()).unwrap_or_else(|| value.clone())
            }
            _ => renamed(value),
        };
        (service_member_name(name), value)
    };
    Value::Object(object.iter().map(member).collect())
}

fn renamed(value: &Value) -> Value {
    match value {
        Value::Object(object) => with_service_names(object),
        Value::Array(items) => items.iter().map(renamed).collect(),
        other => other.clone(),
    }
}

/// Formats seconds since 1970, which version 1 of the AWS CLI prints for times.
fn time_text(seconds: Option<f64>) -> Option<Value> {
    #[expect(clippy::cast_possible_truncation, reason = "a float becomes the nearest number that there is")]
    let seconds = seconds?.round() as i64;
    let time = jiff::Timestamp::from_second(seconds).ok()?;
    Some(time.to_string().into())
}
