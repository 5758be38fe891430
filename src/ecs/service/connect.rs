//! Service Connect and gateway connectors.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ecs::common::ecs_enum;
use crate::ecs::task_definition::LogConfiguration;

/// Short names and a proxy for calls between services.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceConnectConfiguration {
    /// True if the service uses Service Connect.
    pub enabled: bool,
    /// Cloud Map namespace, as a name or an ARN. Default: that of the cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Ports that other services can call. Empty: the service only calls others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<ServiceConnectService>,
    /// Destination of the logs of the proxy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_configuration: Option<LogConfiguration>,
    /// Log of each request. Requires `logConfiguration`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_log_configuration: Option<ServiceConnectAccessLogConfiguration>,
    /// Settings of the proxy container.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub container_configurations: Vec<ServiceConnectContainerConfiguration>,
}

/// Port that other services can call.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceConnectService {
    /// Name of a port mapping of the task definition.
    pub port_name: String,
    /// Name in the namespace, at most 64 characters. Default: the name of the port.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub discovery_name: Option<String>,
    /// Name and port that clients use; at most one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1))]
    pub client_aliases: Vec<ServiceConnectClientAlias>,
    /// Port of the proxy. Default: the container port in `awsvpc`, a free port in `bridge`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 65_535))]
    pub ingress_port_override: Option<i32>,
    /// Limits on connections and requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<TimeoutConfiguration>,
    /// Encryption between proxies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<ServiceConnectTlsConfiguration>,
}

/// Name and port that clients use.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceConnectClientAlias {
    /// Port that clients call.
    #[schemars(range(min = 0, max = 65_535))]
    pub port: i32,
    /// Name that clients call, at most 127 characters. Default `<discoveryName>.<namespace>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 127))]
    pub dns_name: Option<String>,
    /// Rules that select test requests for the new revision of a blue/green deployment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_traffic_rules: Option<ServiceConnectTestTrafficRules>,
}

/// Rules that select test traffic.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceConnectTestTrafficRules {
    /// Header of test requests.
    pub header: ServiceConnectTestTrafficHeaderRules,
}

/// Header of test requests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceConnectTestTrafficHeaderRules {
    /// Name of the header.
    pub name: String,
    /// Value of the header. Default: any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<ServiceConnectTestTrafficHeaderMatchRules>,
}

/// Value of the header of test requests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceConnectTestTrafficHeaderMatchRules {
    /// Exact value.
    pub exact: String,
}

/// Limits on connections and requests through the proxy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TimeoutConfiguration {
    /// Seconds after which an idle connection is closed; 0 for never. Default 300, TCP 3600.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub idle_timeout_seconds: Option<i32>,
    /// Maximum seconds of a request; 0 for no limit. Default 15. Not for TCP.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub per_request_timeout_seconds: Option<i32>,
}

/// Encryption between proxies.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceConnectTlsConfiguration {
    /// Authority that signs the certificates.
    pub issuer_certificate_authority: ServiceConnectTlsCertificateAuthority,
    /// KMS key that protects the private keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<String>,
    /// IAM role for requesting certificates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
}

/// Authority that signs the certificates of proxies.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ServiceConnectTlsCertificateAuthority {
    /// ARN of the AWS Private Certificate Authority.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws_pca_authority_arn: Option<String>,
}

/// Log of each request through the proxy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceConnectAccessLogConfiguration {
    /// Format of a line.
    pub format: ServiceConnectAccessLoggingFormat,
    /// Logging of query strings. Default `DISABLED`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub include_query_parameters: Option<ServiceConnectIncludeQueryParameters>,
}

ecs_enum! {
    /// Format of a line of the access log.
    pub enum ServiceConnectAccessLoggingFormat {
        /// Plain text.
        #[default]
        Text = "TEXT",
        /// JSON.
        Json = "JSON",
    }
}

ecs_enum! {
    /// Logging of query strings.
    pub enum ServiceConnectIncludeQueryParameters {
        /// Query strings are not logged.
        #[default]
        Disabled = "DISABLED",
        /// Query strings are logged.
        Enabled = "ENABLED",
    }
}

/// Settings of the proxy container.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ServiceConnectContainerConfiguration {
    /// Log level of the proxy. Default `info`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_level: Option<ServiceConnectLogLevel>,
}

ecs_enum! {
    /// Log level of the proxy.
    pub enum ServiceConnectLogLevel {
        /// Normal messages.
        #[default]
        Info = "info",
        /// All messages.
        Debug = "debug",
    }
}

/// Gateway that sends traffic to the tasks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GatewayConnector {
    /// Name of the port mapping that receives the traffic.
    pub port_name: String,
    /// Health check of tasks by the gateway.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check: Option<GatewayHealthCheck>,
    /// Access types of the gateway to use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filters: Option<GatewayFilters>,
    /// Time in which a stopping task completes its requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deregistration_delay: Option<GatewayDeregistrationDelay>,
}

/// Health check of tasks by a gateway.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct GatewayHealthCheck {
    /// Protocol of the check.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check_protocol: Option<GatewayHealthCheckProtocol>,
    /// Port of the check.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 65_535))]
    pub health_check_port: Option<i32>,
    /// Path of the check.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check_path: Option<String>,
    /// Seconds after which a check has failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub health_check_timeout_seconds: Option<i32>,
    /// Seconds between two checks.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub health_check_interval_seconds: Option<i32>,
    /// Consecutive successes after which a task is healthy.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub healthy_threshold_count: Option<i32>,
    /// Consecutive failures after which a task is unhealthy.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub unhealthy_threshold_count: Option<i32>,
    /// Responses that count as success.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matcher: Option<GatewayHealthCheckMatcher>,
}

ecs_enum! {
    /// Protocol of a gateway's health check.
    pub enum GatewayHealthCheckProtocol {
        /// HTTP.
        #[default]
        Http = "HTTP",
        /// HTTPS.
        Https = "HTTPS",
    }
}

/// Responses that count as success.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct GatewayHealthCheckMatcher {
    /// HTTP status codes, such as `200` or `200-299`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_code: Option<String>,
    /// gRPC status codes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grpc_code: Option<String>,
}

/// Access types of a gateway to use.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct GatewayFilters {
    /// Access types.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub access_types: Vec<GatewayAccessType>,
}

ecs_enum! {
    /// Access type of a gateway.
    pub enum GatewayAccessType {
        /// Access from the Internet.
        #[default]
        Public = "PUBLIC",
        /// Access from the private network.
        Private = "PRIVATE",
    }
}

/// Time in which a stopping task completes its requests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct GatewayDeregistrationDelay {
    /// Seconds, 0 to 3600. Default 300.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 3600))]
    pub timeout_seconds: Option<i32>,
}
