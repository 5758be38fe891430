//! Target tracking, which keeps a metric near a target value.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ecs::common::ecs_enum;

/// Default cooldown of policies for ECS services, in seconds.
pub const DEFAULT_COOLDOWN_SECONDS: i32 = 300;

/// Metric and target value. Exactly one of the metric specifications is required.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TargetTrackingScalingPolicyConfiguration {
    /// Target value in the unit of the metric: percent for utilizations.
    pub target_value: f64,
    /// Metric that AWS predefines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predefined_metric_specification: Option<PredefinedMetricSpecification>,
    /// Any metric of CloudWatch, or expression over several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customized_metric_specification: Option<CustomizedMetricSpecification>,
    /// Seconds after a scale-out during which only a larger one may follow. Default 300.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub scale_out_cooldown: Option<i32>,
    /// Seconds after a scale-in during which no other may follow. A scale-out ends them. Default 300.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub scale_in_cooldown: Option<i32>,
    /// True if the policy never lowers the count. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disable_scale_in: Option<bool>,
}

/// Metric that AWS predefines.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PredefinedMetricSpecification {
    /// Metric.
    pub predefined_metric_type: MetricType,
    /// For `ALBRequestCountPerTarget`: the load balancer and the target group, as
    /// `app/NAME/ID/targetgroup/NAME/ID`. At most 1023 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1023))]
    pub resource_label: Option<String>,
}

ecs_enum! {
    /// Predefined metric of ECS services.
    pub enum MetricType {
        /// CPU used by all tasks, in percent of what they reserve, over a minute.
        #[default]
        EcsServiceAverageCpuUtilization = "ECSServiceAverageCPUUtilization",
        /// Memory used by all tasks, in percent of what they reserve, over a minute.
        EcsServiceAverageMemoryUtilization = "ECSServiceAverageMemoryUtilization",
        /// Requests per minute and target of an Application Load Balancer.
        AlbRequestCountPerTarget = "ALBRequestCountPerTarget",
        /// CPU used, over 20 seconds.
        EcsServiceAverageCpuUtilizationHighResolution = "ECSServiceAverageCPUUtilizationHighResolution",
        /// Memory used, over 20 seconds.
        EcsServiceAverageMemoryUtilizationHighResolution = "ECSServiceAverageMemoryUtilizationHighResolution",
    }
}

/// Any metric of CloudWatch, or expression over several. Either a metric with its name and namespace, or `metrics`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CustomizedMetricSpecification {
    /// Name of the metric.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric_name: Option<String>,
    /// Namespace of the metric.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// All dimensions of the metric.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dimensions: Vec<MetricDimension>,
    /// Statistic over the values of a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statistic: Option<MetricStatistic>,
    /// Unit of the metric.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Metrics and expressions over them. The one that returns data is tracked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<MetricDataQuery>,
}

/// Dimension of a metric.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricDimension {
    /// Name of the dimension.
    pub name: String,
    /// Value of the dimension.
    pub value: String,
}

ecs_enum! {
    /// Statistic over the values of a period.
    pub enum MetricStatistic {
        /// Average.
        #[default]
        Average = "Average",
        /// Minimum.
        Minimum = "Minimum",
        /// Maximum.
        Maximum = "Maximum",
        /// Number of values.
        SampleCount = "SampleCount",
        /// Sum.
        Sum = "Sum",
    }
}

/// Metric, or expression over others by their `id`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricDataQuery {
    /// Identifier in expressions.
    pub id: String,
    /// Expression over other queries, such as `m1 / m2`. Excludes `metricStat`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
    /// Human-readable name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Metric and its statistic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric_stat: Option<MetricStat>,
    /// True for the query that is tracked. Exactly one query is true. Default true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_data: Option<bool>,
}

/// Metric and its statistic.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricStat {
    /// Metric.
    pub metric: Metric,
    /// Statistic over the values of a minute, or a percentile such as `p99`.
    pub stat: String,
    /// Unit of the metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}

/// Metric of CloudWatch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Metric {
    /// Namespace of the metric.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Name of the metric.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric_name: Option<String>,
    /// All dimensions of the metric.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dimensions: Vec<MetricDimension>,
}
