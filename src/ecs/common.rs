//! Shapes that several ECS operations share, and what all shapes are written with.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::redact;

/// Names that ECS gives no other meaning: families, clusters, services, containers, volumes.
pub(crate) const NAME_PATTERN: &str = "^[A-Za-z0-9_-]+$";

/// Names of port mappings; ECS takes no capitals here.
pub(crate) const PORT_NAME_PATTERN: &str = "^[a-z0-9_-]+$";

/// Defines an enum with ECS's own spelling of its values.
///
/// The first variant is the `Default`, which is of use to builders and tests only: an absent member stays absent.
macro_rules! ecs_enum {
    (
        $(#[$meta:meta])*
        pub enum $name:ident { $( $(#[$variant_meta:meta])* $variant:ident = $wire:literal, )+ }
    ) => {
        $(#[$meta])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash,
            serde::Serialize, serde::Deserialize, schemars::JsonSchema,
        )]
        #[schemars(transform = $crate::ecs::common::without_description)]
        pub enum $name { $( $(#[$variant_meta])* #[serde(rename = $wire)] $variant, )+ }

        impl $name {
            /// All values, in the order they are documented.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The value as ECS spells it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $wire),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use ecs_enum;

/// Takes an enum's own description out of its schema, so that a member's description, which also tells the default,
/// is the one that is shown.
pub(crate) fn without_description(schema: &mut Schema) {
    schema.remove("description");
}

/// Reads a string and takes an empty one for absent, as templates made by the AWS command line have it.
///
/// Used where the empty string has no meaning of its own.
pub(crate) fn empty_is_none<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(from)?.filter(|text| !text.is_empty()))
}

/// JSON that is kept as it is and never looked into.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Opaque(pub Value);

impl Opaque {
    /// The schema of any JSON at all, in the form a custom resource accepts.
    pub(crate) fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "x-kubernetes-preserve-unknown-fields": true })
    }
}

impl JsonSchema for Opaque {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Opaque".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Self::schema(generator)
    }
}

/// Prints the kind of JSON and none of its content, which may be secret.
impl fmt::Debug for Opaque {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opaque({})", super::pointer::json_type(&self.0))
    }
}

/// A label of an ECS resource.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Tag {
    /// Name of the label, 1 to 128 characters; `aws:` is reserved.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub key: Option<String>,
    /// Value of the label, at most 256 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub value: Option<String>,
}

/// A name and a value.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct KeyValuePair {
    /// The name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The value, taken literally. Not printed in logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

impl fmt::Debug for KeyValuePair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        redact::debug("KeyValuePair", self, f)
    }
}

/// A setting whose value is kept in Secrets Manager or Parameter Store.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Secret {
    /// Name of the environment variable or of the log option.
    pub name: String,
    /// ARN of a secret, with optional `:json-key:version-stage:version-id`, or name or ARN of a parameter.
    pub value_from: String,
}

/// A capacity provider's part in a strategy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CapacityProviderStrategyItem {
    /// Name of the capacity provider, such as `FARGATE_SPOT`.
    pub capacity_provider: String,
    /// Its share of the tasks beyond all bases, 0 to 1000. Default 0: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1000))]
    pub weight: Option<i32>,
    /// Tasks that go to it first, 0 to 100000; in one item of a strategy only. Default 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100_000))]
    pub base: Option<i32>,
}

ecs_enum! {
    /// Kind of compute that tasks run on.
    pub enum LaunchType {
        /// EC2 instances of the account.
        #[default]
        Ec2 = "EC2",
        /// Serverless tasks.
        Fargate = "FARGATE",
        /// Registered machines outside AWS.
        External = "EXTERNAL",
        /// Instances that ECS itself manages; only through a strategy.
        ManagedInstances = "MANAGED_INSTANCES",
    }
}

ecs_enum! {
    /// Source of a task's tags.
    pub enum PropagateTags {
        /// Nowhere.
        #[default]
        None = "NONE",
        /// The task definition.
        TaskDefinition = "TASK_DEFINITION",
        /// The service.
        Service = "SERVICE",
    }
}
