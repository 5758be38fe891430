//! Every input field of the AWS operations that define, run, place and scale tasks, as their API references list them.
//!
//! The table is what "nothing is dropped in silence" is held against: a field of the shapes that is not in it, or one of it
//! that the shapes lack, fails a test, and the documentation of what is translated is written along it.

use std::collections::BTreeSet;
use std::sync::LazyLock;

/// Tab-separated: operation, field, type. A field's members follow it.
const TABLE: &str = include_str!("fields.tsv");

/// One input field of an AWS operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputField {
    /// The operation with its service: `ecs:RegisterTaskDefinition`.
    pub operation: &'static str,
    /// The field from the operation's input down: `containerDefinitions[].portMappings[].protocol`.
    pub path: &'static str,
    /// The type with its choices, bounds and whether it has to be given: `enum{tcp,udp}`, `list<string> required`.
    pub r#type: &'static str,
}

impl InputField {
    /// True if the field has members of its own in the table.
    #[must_use]
    pub fn is_group(&self) -> bool {
        let bare = self.r#type.trim_end_matches(" required");
        let item = bare.strip_prefix("list<").map_or(bare, |item| item.split(['>', '{']).next().unwrap_or_default());
        !matches!(
            item.split(['{', ' ']).next(),
            Some("string" | "integer" | "boolean" | "double" | "enum" | "map" | "document" | "long" | "timestamp")
        )
    }
}

/// Every input field of every operation, in the order of the table.
pub fn all() -> impl Iterator<Item = InputField> {
    TABLE.lines().skip(1).filter_map(|line| {
        let mut columns = line.split('\t');
        Some(InputField { operation: columns.next()?, path: columns.next()?, r#type: columns.next()? })
    })
}

/// The fields of some operations, each path once, in the order of the table.
#[must_use]
pub fn of(operations: &[&str]) -> Vec<InputField> {
    let mut found: Vec<InputField> = Vec::new();
    for field in all().filter(|field| operations.contains(&field.operation)) {
        if !found.iter().any(|known| known.path == field.path) {
            found.push(field);
        }
    }
    found
}

/// The operations of Application Auto Scaling and CloudWatch whose inputs a service's `autoScaling` has, and where.
const SCALING: [(&str, &str); 4] = [
    ("application-autoscaling:RegisterScalableTarget", "autoScaling"),
    ("application-autoscaling:PutScalingPolicy", "autoScaling.policies[]"),
    ("cloudwatch:PutMetricAlarm", "autoScaling.policies[].alarms[]"),
    ("application-autoscaling:PutScheduledAction", "autoScaling.scheduledActions[]"),
];

/// The members by which those operations name the service, which has the rest in itself.
const OF_TARGET: [&str; 3] = ["ServiceNamespace", "ResourceId", "ScalableDimension"];

/// The fields of those operations at the places where a service has them.
#[must_use]
pub fn of_scaling() -> Vec<InputField> {
    static PLACED: LazyLock<Vec<(&str, String, &str)>> = LazyLock::new(|| {
        let placed = |(operation, place): (&'static str, &str)| {
            let fields = all().filter(move |field| field.operation == operation && !OF_TARGET.contains(&field.path));
            let path = |field: InputField| {
                let steps = field.path.split('.').map(member_of_service).collect::<Vec<_>>();
                (operation, format!("{place}.{}", steps.join(".")), field.r#type)
            };
            fields.map(path).collect::<Vec<_>>()
        };
        SCALING.into_iter().flat_map(placed).collect()
    });
    PLACED.iter().map(|(operation, path, r#type)| InputField { operation, path, r#type }).collect()
}

/// A member of a service for one of Application Auto Scaling or CloudWatch, whose names begin with a capital letter:
/// `PolicyName` → `policyName`.
#[must_use]
pub fn member_of_service(name: &str) -> String {
    match name {
        "OKActions" => return "okActions".to_owned(),
        "AlarmArn" => return "alarmARN".to_owned(),
        _ => {}
    }
    let mut letters = name.chars();
    letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect()
}

/// The member of Application Auto Scaling or CloudWatch that is this one of a service: `policyName` → `PolicyName`.
#[must_use]
pub fn member_of_scaling(name: &str) -> String {
    if name == "okActions" {
        return "OKActions".to_owned();
    }
    let mut letters = name.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

/// True if some operation has a field of that name at any depth.
#[must_use]
pub fn is_member(name: &str) -> bool {
    static MEMBERS: LazyLock<BTreeSet<&'static str>> = LazyLock::new(|| {
        let last = |field: InputField| Some(field.path.rsplit('.').next()?.trim_end_matches("[]"));
        all().filter_map(last).collect()
    });
    MEMBERS.contains(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_a_field_of_its_own() {
        let mut seen = BTreeSet::new();
        for field in all() {
            assert!(!field.r#type.is_empty(), "{field:?} has no type");
            assert!(field.operation.contains(':'), "{field:?} names no service");
            assert!(seen.insert((field.operation, field.path)), "{field:?} stands twice");
        }
        assert_eq!(seen.len(), TABLE.lines().count() - 1, "a line of the table is no field");
    }

    #[test]
    fn members_are_known_at_any_depth() {
        assert!(is_member("family") && is_member("containerPort") && !is_member("hunter2"));
    }

    #[test]
    fn members_of_scaling_are_found_again() {
        for name in ["PolicyName", "OKActions", "AlarmARN", "RoleARN"] {
            assert_eq!(member_of_scaling(&member_of_service(name)), name);
        }
    }

    #[test]
    fn groups_are_told_from_values() {
        let field = |r#type| InputField { operation: "ecs:X", path: "p", r#type };
        for group in ["struct", "struct required", "list<Secret>", "list<Tag> required"] {
            assert!(field(group).is_group(), "{group}");
        }
        for value in [
            "string required",
            "integer [min=1]",
            "list<string{read,write}>",
            "enum{a,b} required",
            "map",
            "list<enum>",
            "list<string> required",
        ] {
            assert!(!field(value).is_group(), "{value}");
        }
    }
}
