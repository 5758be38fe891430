//! Input fields of the AWS operations that define, run, place and scale tasks, as their API references list them.
//!
//! Tests compare the table with the shapes, so that no field is ignored silently. The reference of translated fields is
//! generated from it.

use std::collections::BTreeSet;
use std::sync::LazyLock;

/// Table with the columns operation, field and type, separated by tabs. The members of a field follow it.
const TABLE: &str = include_str!("fields.tsv");

/// Input field of an AWS operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputField {
    /// Operation with its service: `ecs:RegisterTaskDefinition`.
    pub operation: &'static str,
    /// Field in the input of the operation: `containerDefinitions[].portMappings[].protocol`.
    pub path: &'static str,
    /// Type with its values, bounds and `required`: `enum{tcp,udp}`, `list<string> required`.
    pub r#type: &'static str,
}

impl InputField {
    /// True if the table lists members of the field.
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

/// Returns every input field of every operation, in the order of the table.
pub fn all() -> impl Iterator<Item = InputField> {
    TABLE.lines().skip(1).filter_map(|line| {
        let mut columns = line.split('\t');
        Some(InputField { operation: columns.next()?, path: columns.next()?, r#type: columns.next()? })
    })
}

/// Returns the fields of some operations, each path once, in the order of the table.
#[must_use]
pub fn for_operations(operations: &[&str]) -> Vec<InputField> {
    let mut fields: Vec<InputField> = Vec::new();
    for field in all().filter(|field| operations.contains(&field.operation)) {
        if !fields.iter().any(|earlier| earlier.path == field.path) {
            fields.push(field);
        }
    }
    fields
}

/// Operations of Application Auto Scaling and CloudWatch, each with the path of its input in a service.
const SCALING: [(&str, &str); 4] = [
    ("application-autoscaling:RegisterScalableTarget", "autoScaling"),
    ("application-autoscaling:PutScalingPolicy", "autoScaling.policies[]"),
    ("cloudwatch:PutMetricAlarm", "autoScaling.policies[].alarms[]"),
    ("application-autoscaling:PutScheduledAction", "autoScaling.scheduledActions[]"),
];

/// Fields by which these operations identify the service. `autoScaling` of a service does not have them.
const SERVICE_IDENTITY: [&str; 3] = ["ServiceNamespace", "ResourceId", "ScalableDimension"];

/// Returns the fields of these operations with their paths in a service.
#[must_use]
pub fn auto_scaling() -> Vec<InputField> {
    static PATHS: LazyLock<Vec<(&str, String, &str)>> = LazyLock::new(|| {
        let fields = SCALING.into_iter().flat_map(|(operation, parent)| {
            let fields = all().filter(move |it| it.operation == operation && !SERVICE_IDENTITY.contains(&it.path));
            fields.map(move |field| (operation, path_in_service(parent, field.path), field.r#type))
        });
        fields.collect()
    });
    PATHS.iter().map(|(operation, path, r#type)| InputField { operation, path, r#type }).collect()
}

fn path_in_service(parent: &str, path: &str) -> String {
    let steps = path.split('.').map(service_member_name).collect::<Vec<_>>();
    format!("{parent}.{}", steps.join("."))
}

/// Returns the field name that a service has for a field of Application Auto Scaling or CloudWatch: `PolicyName` →
/// `policyName`.
#[must_use]
pub fn service_member_name(name: &str) -> String {
    match name {
        "OKActions" => return "okActions".to_owned(),
        "AlarmArn" => return "alarmARN".to_owned(),
        _ => {}
    }
    let mut letters = name.chars();
    letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect()
}

/// Returns the field name that Application Auto Scaling or CloudWatch has for a field of a service: `policyName` →
/// `PolicyName`.
#[must_use]
pub fn scaling_member_name(name: &str) -> String {
    if name == "okActions" {
        return "OKActions".to_owned();
    }
    let mut letters = name.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

/// True if an operation has a field of that name at any depth.
#[must_use]
pub fn is_member(name: &str) -> bool {
    static MEMBERS: LazyLock<BTreeSet<&'static str>> = LazyLock::new(|| {
        all().filter_map(|field| Some(field.path.rsplit('.').next()?.trim_end_matches("[]"))).collect()
    });
    MEMBERS.contains(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_a_distinct_field() {
        let mut paths = BTreeSet::new();
        for field in all() {
            assert!(!field.r#type.is_empty(), "{field:?} has no type");
            assert!(field.operation.contains(':'), "{field:?} names no service");
            assert!(paths.insert((field.operation, field.path)), "{field:?} is listed twice");
        }
        assert_eq!(paths.len(), TABLE.lines().count() - 1, "a line of the table is not a field");
    }

    #[test]
    fn field_names_are_recognized_at_any_depth() {
        assert!(is_member("family") && is_member("containerPort") && !is_member("hunter2"));
    }

    #[test]
    fn names_of_scaling_fields_convert_back() {
        for name in ["PolicyName", "OKActions", "AlarmARN", "RoleARN"] {
            assert_eq!(scaling_member_name(&service_member_name(name)), name);
        }
    }

    #[test]
    fn groups_differ_from_values() {
        fn field(r#type: &'static str) -> InputField {
            InputField { operation: "ecs:X", path: "p", r#type }
        }
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
