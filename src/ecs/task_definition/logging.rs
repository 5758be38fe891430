//! Log configuration of a container.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ecs::common::{Secret, ecs_enum};
use crate::ecs::redact;

/// Log configuration of the standard output and error of a container.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LogConfiguration {
    /// Log driver. Fargate: `awslogs`, `splunk` or `awsfirelens`.
    pub log_driver: LogDriver,
    /// Options of the driver, such as `awslogs-group`. Their values are not printed in logs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
    /// Options of the driver with values from Secrets Manager or Parameter Store.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secret_options: Vec<Secret>,
}

impl fmt::Debug for LogConfiguration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        redact::debug("LogConfiguration", self, f)
    }
}

ecs_enum! {
    /// Log driver.
    pub enum LogDriver {
        /// Files on the instance.
        #[default]
        JsonFile = "json-file",
        /// Syslog server.
        Syslog = "syslog",
        /// Journal of the instance.
        Journald = "journald",
        /// GELF endpoint, such as Graylog.
        Gelf = "gelf",
        /// Forward endpoint of Fluentd or Fluent Bit.
        Fluentd = "fluentd",
        /// CloudWatch Logs.
        Awslogs = "awslogs",
        /// HTTP event collector of Splunk.
        Splunk = "splunk",
        /// Log router of the task.
        Awsfirelens = "awsfirelens",
    }
}

/// Makes a container the log router of its task.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FirelensConfiguration {
    /// Software of the log router.
    pub r#type: FirelensConfigurationType,
    /// `enable-ecs-log-metadata` (default true), `config-file-type` and `config-file-value`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
}

impl fmt::Debug for FirelensConfiguration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        redact::debug("FirelensConfiguration", self, f)
    }
}

ecs_enum! {
    /// Software of a log router.
    pub enum FirelensConfigurationType {
        /// Fluentd.
        #[default]
        Fluentd = "fluentd",
        /// Fluent Bit.
        Fluentbit = "fluentbit",
    }
}
