//! Settings of auto scaling that exist only on Kubernetes: sources of metrics.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Sources of the metrics that scale a service, and waiting times.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AutoScalingMapping {
    /// Seconds that a metric must be above its target before tasks are added. Default 0. ECS waits
    /// about 180.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 3600))]
    pub scale_out_after_seconds: Option<i32>,
    /// Seconds that a metric must be below 90 % of its target before tasks are removed. The longest
    /// `scaleInCooldown` applies if it is longer. Default 900, as on ECS.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 3600))]
    pub scale_in_after_seconds: Option<i32>,
    /// AWS region of metrics and queues. Default: the region of an ARN in the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub aws_region: Option<String>,
    /// Authentication of KEDA at CloudWatch and SQS. Default: the identity of KEDA.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authentication: Option<TriggerAuthentication>,
    /// Sources of the metrics of policies. Default: CloudWatch, and SQS for the depth of a queue.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub metrics: Vec<PolicyMetric>,
    /// Sources of the metrics of alarms of step scaling policies, for alarms on other metrics than
    /// CPU and memory of the service. Default: none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub alarms: Vec<AlarmMetric>,
}

/// TriggerAuthentication or ClusterTriggerAuthentication of KEDA.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TriggerAuthentication {
    /// Name of the object.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// True for a ClusterTriggerAuthentication, which is allowed for CloudWatch and SQS only.
    /// Default false: a TriggerAuthentication in the namespace of the service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_wide: Option<bool>,
}

/// Source of the metric of a policy. Set one of `prometheus`, `cloudWatch` and `queue`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyMetric {
    /// Policy, as in `autoScaling.policies`.
    #[schemars(length(min = 1, max = 256))]
    pub policy_name: String,
    /// True if the metric is a total that is divided by the number of tasks before it is compared
    /// with the target. Default false: the value itself is compared with the target, such as an
    /// average over tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<bool>,
    /// Query of Prometheus.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prometheus: Option<PrometheusQuery>,
    /// Query of CloudWatch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud_watch: Option<CloudWatchQuery>,
    /// Depth of a queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<Queue>,
}

/// Source of the metric of an alarm. Set one of `external` and `prometheus`. The value is compared
/// with the threshold of the alarm.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AlarmMetric {
    /// Alarm, as in `autoScaling.policies[].alarms`.
    #[schemars(length(min = 1, max = 255))]
    pub alarm_name: String,
    /// Metric of the API `external.metrics.k8s.io` in the namespace of the service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<ExternalMetric>,
    /// Query of Prometheus. The operator sends it over plain HTTP and without credentials, and only
    /// to the servers with which it was started (`prometheusServers` of the chart).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prometheus: Option<PrometheusQuery>,
}

/// Metric of the API `external.metrics.k8s.io`. Several values are summed up.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExternalMetric {
    /// Name of the metric.
    #[schemars(length(min = 1, max = 253))]
    pub metric_name: String,
    /// Labels of the values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub selector: BTreeMap<String, String>,
}

/// Query of Prometheus.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PrometheusQuery {
    /// Address of the server, such as `http://prometheus.monitoring.svc:9090`.
    #[schemars(length(min = 1, max = 2048))]
    pub server_address: String,
    /// Query that returns one value.
    #[schemars(length(min = 1, max = 8192))]
    pub query: String,
    /// Authentication of KEDA at the server. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authentication: Option<TriggerAuthentication>,
}

/// Query of CloudWatch Metrics Insights.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CloudWatchQuery {
    /// Query, such as `SELECT AVG(CPUUtilization) FROM "AWS/RDS"`.
    #[schemars(length(min = 1, max = 4096))]
    pub expression: String,
}

/// Queue of SQS.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Queue {
    /// URL or name of the queue.
    #[schemars(length(min = 1, max = 2048))]
    pub url: String,
    /// Includes messages that a task has received and not deleted yet. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_flight: Option<bool>,
}
