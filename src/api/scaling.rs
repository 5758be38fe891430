//! What only Kubernetes knows of the auto scaling of a service: where metrics come from.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How metrics reach what scales a service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AutoScalingMapping {
    /// Seconds that a metric has to be above its target before tasks are added. Default 0: at once. ECS takes about 180.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 3600))]
    pub scale_out_after_seconds: Option<i32>,
    /// Seconds that a metric has to be below 90 % of its target before tasks are taken away, or the longest `scaleInCooldown` where
    /// that is longer. Default 900, as ECS takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 3600))]
    pub scale_in_after_seconds: Option<i32>,
    /// The AWS region of metrics and queues. Default: that of an ARN in the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub aws_region: Option<String>,
    /// What KEDA asks CloudWatch and SQS as. Default: its own identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authentication: Option<TriggerAuthentication>,
    /// Where the metrics of policies come from, by policy. Default: CloudWatch, and SQS for the depth of a queue.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub metrics: Vec<PolicyMetric>,
    /// Where the metrics of alarms of step policies come from that are not on what the tasks use, by alarm. Default: from nowhere.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub alarms: Vec<AlarmMetric>,
}

/// A `TriggerAuthentication` or `ClusterTriggerAuthentication` of KEDA.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TriggerAuthentication {
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Whether it is a `ClusterTriggerAuthentication`, which is for CloudWatch and SQS only. Default false: it is in the namespace of
    /// the service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_wide: Option<bool>,
}

/// Where the metric of a policy comes from. One way is chosen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyMetric {
    /// The policy, as in `autoScaling.policies`.
    #[schemars(length(min = 1, max = 256))]
    pub policy_name: String,
    /// Whether the metric is a total, of which each task is to have the target value. Default false: it is a value that the
    /// target is compared with, such as a mean over tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<bool>,
    /// A query of Prometheus.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prometheus: Option<PrometheusQuery>,
    /// A query of CloudWatch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud_watch: Option<CloudWatchQuery>,
    /// The depth of a queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<Queue>,
}

/// Where the metric of an alarm comes from. One way is chosen. Its value is compared with the threshold as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AlarmMetric {
    /// The alarm, as in `autoScaling.policies[].alarms`.
    #[schemars(length(min = 1, max = 255))]
    pub alarm_name: String,
    /// A metric of the API `external.metrics.k8s.io` in the namespace of the service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<ExternalMetric>,
    /// A query of Prometheus, which the operator asks over HTTP and as nobody in particular: one of the servers that it is started
    /// with (`prometheusServers` of the chart).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prometheus: Option<PrometheusQuery>,
}

/// A metric of the API `external.metrics.k8s.io`. Of several values the sum counts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExternalMetric {
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub metric_name: String,
    /// Labels that its values have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub selector: BTreeMap<String, String>,
}

/// A query of Prometheus.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PrometheusQuery {
    /// The address, such as `http://prometheus.monitoring.svc:9090`.
    #[schemars(length(min = 1, max = 2048))]
    pub server_address: String,
    /// The query; it comes to one value.
    #[schemars(length(min = 1, max = 8192))]
    pub query: String,
    /// What KEDA asks as. Default: nobody in particular.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authentication: Option<TriggerAuthentication>,
}

/// A query of CloudWatch Metrics Insights.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CloudWatchQuery {
    /// The query, such as `SELECT AVG(CPUUtilization) FROM "AWS/RDS"`.
    #[schemars(length(min = 1, max = 4096))]
    pub expression: String,
}

/// A queue of SQS.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Queue {
    /// The URL of the queue, or its name.
    #[schemars(length(min = 1, max = 2048))]
    pub url: String,
    /// Whether messages count too that a task has taken and not deleted yet. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_flight: Option<bool>,
}
