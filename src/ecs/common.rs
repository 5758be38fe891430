//! Shapes that several ECS operations share, and tools to define shapes.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::redact;

/// Pattern of names of families, clusters, services, containers and volumes.
pub(crate) const NAME_PATTERN: &str = "^[A-Za-z0-9_-]+$";

/// Pattern of names of port mappings, without capital letters.
pub(crate) const PORT_NAME_PATTERN: &str = "^[a-z0-9_-]+$";

/// Defines an enum with the spelling of its values in the ECS API.
///
/// The first variant is the `Default`, which only builders and tests use: an absent field stays absent.
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
            /// All values, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Returns the value in the spelling of ECS.
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

/// Removes the description of an enum from its schema, so that the description of the field, which includes the default,
/// is shown.
pub(crate) fn without_description(schema: &mut Schema) {
    schema.remove("description");
}

/// Deserializes a string; an empty string is absent, as in templates of the AWS command line.
///
/// Used for fields in which an empty string has no meaning.
pub(crate) fn empty_is_none<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(from)?.filter(|text| !text.is_empty()))
}

/// JSON that is kept without interpretation.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Opaque(pub Value);

impl Opaque {
    /// Returns the schema of any JSON, in the form that a custom resource accepts.
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

/// Prints the type of the JSON without its content, which may be secret.
impl fmt::Debug for Opaque {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opaque({})", super::pointer::json_type(&self.0))
    }
}

/// Tag of an ECS resource.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Tag {
    /// Key of the tag, 1 to 128 characters. The prefix `aws:` is reserved.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub key: Option<String>,
    /// Value of the tag, at most 256 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub value: Option<String>,
}

/// Name and value.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct KeyValuePair {
    /// Name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Literal value. Not printed in logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

impl fmt::Debug for KeyValuePair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        redact::debug("KeyValuePair", self, f)
    }
}

/// Setting with a value from Secrets Manager or Parameter Store.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Secret {
    /// Name of the environment variable or of the log option.
    pub name: String,
    /// ARN of a secret, with optional `:json-key:version-stage:version-id`, or name or ARN of a parameter.
    pub value_from: String,
}

/// Item of a capacity provider strategy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CapacityProviderStrategyItem {
    /// Name of the capacity provider, such as `FARGATE_SPOT`.
    pub capacity_provider: String,
    /// Relative share of the tasks beyond all bases, 0 to 1000. Default 0: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1000))]
    pub weight: Option<i32>,
    /// Number of tasks that the provider gets first, 0 to 100000; only in one item of a strategy. Default 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100_000))]
    pub base: Option<i32>,
}

ecs_enum! {
    /// Launch type of tasks.
    pub enum LaunchType {
        /// EC2 instances of the account.
        #[default]
        Ec2 = "EC2",
        /// AWS Fargate.
        Fargate = "FARGATE",
        /// Registered instances outside AWS.
        External = "EXTERNAL",
        /// Instances that ECS manages; only through a strategy.
        ManagedInstances = "MANAGED_INSTANCES",
    }
}

ecs_enum! {
    /// Source of the tags of a task.
    pub enum PropagateTags {
        /// No tags.
        #[default]
        None = "NONE",
        /// The task definition.
        TaskDefinition = "TASK_DEFINITION",
        /// The service.
        Service = "SERVICE",
    }
}
