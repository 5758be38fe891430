//! Target tracking: a metric is kept near a value.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ecs::common::ecs_enum;

/// Seconds between two activities where a policy gives none, for ECS services.
pub const DEFAULT_COOLDOWN_SECONDS: i32 = 300;

/// A metric and the value it is to be kept near. Exactly one of the metric specifications is given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TargetTrackingScalingPolicyConfiguration {
    /// The value, in the metric's unit: percent for utilizations.
    pub target_value: f64,
    /// A metric that AWS knows by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predefined_metric_specification: Option<PredefinedMetricSpecification>,
    /// Any metric of CloudWatch, or an expression over several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customized_metric_specification: Option<CustomizedMetricSpecification>,
    /// Seconds after a scale-out in which only a larger one follows. Default 300.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub scale_out_cooldown: Option<i32>,
    /// Seconds after a scale-in in which no other follows; a scale-out ends them. Default 300.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub scale_in_cooldown: Option<i32>,
    /// True if the policy never lowers the count. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disable_scale_in: Option<bool>,
}

/// A metric that AWS knows by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PredefinedMetricSpecification {
    /// The metric.
    pub predefined_metric_type: MetricType,
    /// For `ALBRequestCountPerTarget`: the load balancer and the target group, as
    /// `app/NAME/ID/targetgroup/NAME/ID`. At most 1023 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1023))]
    pub resource_label: Option<String>,
}

ecs_enum! {
    /// A metric that AWS knows by name, of those that ECS services have.
    pub enum MetricType {
        /// CPU used by all tasks, in percent of what they reserve, over a minute.
        #[default]
        EcsServiceAverageCpuUtilization = "ECSServiceAverageCPUUtilization",
        /// Memory used by all tasks, in percent of what they reserve, over a minute.
        EcsServiceAverageMemoryUtilization = "ECSServiceAverageMemoryUtilization",
        /// Requests of a minute for each target of an Application Load Balancer.
        AlbRequestCountPerTarget = "ALBRequestCountPerTarget",
        /// CPU used, over 20 seconds.
        EcsServiceAverageCpuUtilizationHighResolution = "ECSServiceAverageCPUUtilizationHighResolution",
        /// Memory used, over 20 seconds.
        EcsServiceAverageMemoryUtilizationHighResolution = "ECSServiceAverageMemoryUtilizationHighResolution",
    }
}

/// Any metric of CloudWatch, or an expression over several. Either a metric with its name and namespace, or `metrics`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CustomizedMetricSpecification {
    /// Name of the metric.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric_name: Option<String>,
    /// Namespace of the metric.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Dimensions, all of those that the metric was published with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dimensions: Vec<MetricDimension>,
    /// Statistic over the values of a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statistic: Option<MetricStatistic>,
    /// Unit of the metric.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Metrics and expressions over them; the one that returns data is the metric that is tracked.
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
        /// Their mean.
        #[default]
        Average = "Average",
        /// The least of them.
        Minimum = "Minimum",
        /// The greatest of them.
        Maximum = "Maximum",
        /// Their number.
        SampleCount = "SampleCount",
        /// Their sum.
        Sum = "Sum",
    }
}

/// A metric, or an expression over others by their `id`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricDataQuery {
    /// Identifier in expressions.
    pub id: String,
    /// An expression over other queries, such as `m1 / m2`. Excludes `metricStat`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// A metric and what is made of its values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric_stat: Option<MetricStat>,
    /// True for the query that is tracked; exactly one is. Default true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_data: Option<bool>,
}

/// A metric and what is made of its values.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricStat {
    /// The metric.
    pub metric: Metric,
    /// Statistic over the values of a minute, or a percentile such as `p99`.
    pub stat: String,
    /// Unit of the metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}

/// A metric of CloudWatch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Metric {
    /// Namespace of the metric.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Name of the metric.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric_name: Option<String>,
    /// Dimensions, all of those that the metric was published with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dimensions: Vec<MetricDimension>,
}
