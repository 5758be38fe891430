//! Metric sources of target tracking policies.

use serde_json::{Map, Value, json};

use crate::api::{PolicyMetric, ServiceSpec, TriggerAuthentication};
use crate::ecs::Pointer;
use crate::ecs::arn::Arn;
use crate::ecs::scaling::{
    AutoScaling, CustomizedMetricSpecification, MetricDataQuery, MetricDimension, MetricType,
    PredefinedMetricSpecification, ServiceMetrics, TargetTrackingScalingPolicyConfiguration,
};
use crate::ecs::service::Service;
use crate::translate::Code;
use crate::translate::service::auto_scaling::{mapping, steps};

/// Polling interval of KEDA, in seconds; CloudWatch metrics have one value a minute.
pub(super) const POLLING_SECONDS: i32 = 30;
/// Period of a CloudWatch value, in seconds.
const PERIOD_SECONDS: i32 = 60;

/// Target tracking policy with its metric source.
pub(super) struct TrackedPolicy<'a> {
    /// Path of the policy.
    pub path: Pointer,
    /// True if `policyType` is set.
    pub names_type: bool,
    /// True if `kubernetes.autoScaling.metrics` replaces its metric.
    pub replaced: bool,
    /// Configuration of the policy.
    pub configuration: &'a TargetTrackingScalingPolicyConfiguration,
    /// Source of the metric.
    pub source: Result<MetricSource, Untranslated>,
}

impl TrackedPolicy<'_> {
    /// Returns the metrics of its customized specification.
    pub(super) fn named_metrics(&self) -> Vec<NamedMetric<'_>> {
        let Some(custom) = self.configuration.customized_metric_specification.as_ref() else { return Vec::new() };
        let at = self.path.key("targetTrackingScalingPolicyConfiguration").key("customizedMetricSpecification");
        let namespace = custom.namespace.as_deref().unwrap_or_default();
        let unit = custom.unit.is_some().then(|| at.key("unit"));
        let single = NamedMetric { at: at.clone(), unit, namespace, dimensions: &custom.dimensions };
        let queries = custom.metrics.iter().enumerate().filter_map(|(position, query)| {
            let stat = query.metric_stat.as_ref()?;
            let at = at.key("metrics").index(position).key("metricStat");
            let unit = stat.unit.is_some().then(|| at.key("unit"));
            let namespace = stat.metric.namespace.as_deref().unwrap_or_default();
            Some(NamedMetric { at: at.key("metric"), unit, namespace, dimensions: &stat.metric.dimensions })
        });
        [single].into_iter().chain(queries).collect()
    }
}

/// Metric in a customized specification.
pub(super) struct NamedMetric<'a> {
    /// Path of the metric.
    pub at: Pointer,
    /// Path of the unit, if any.
    pub unit: Option<Pointer>,
    pub namespace: &'a str,
    pub dimensions: &'a [MetricDimension],
}

impl NamedMetric<'_> {
    /// True if ECS measures the metric, and not of this service.
    pub(super) fn is_of_other_service(&self, service: &ServiceMetrics<'_>) -> bool {
        ECS_NAMESPACES.contains(&self.namespace) && !service.has(self.dimensions)
    }
}

/// Reason why the metric of a policy has no source.
pub(super) struct Untranslated {
    pub code: Code,
    pub message: &'static str,
}

const REGION_UNKNOWN: Untranslated = Untranslated {
    code: Code::RegionUnknown,
    message: "the metric is in AWS, and no ARN of the service contains the region: set kubernetes.autoScaling.awsRegion",
};

const METRIC_MATH: Untranslated = Untranslated {
    code: Code::MetricMathNotTranslated,
    message: "KEDA supports one metric or one Metrics Insights query, and of expressions only a metric divided by the number of tasks of \
              this service: set a query of CloudWatch or Prometheus for the policy in kubernetes.autoScaling.metrics",
};

const UNAVAILABLE_AFTER_MIGRATION: Untranslated = Untranslated {
    code: Code::MetricUnavailableAfterMigration,
    message: "CloudWatch has the metric of this service only while the service runs on ECS, and of CPU and memory utilization only the \
              average has an equivalent: set the metric of the policy in kubernetes.autoScaling.metrics",
};

const STATISTIC_NOT_IN_QUERY: Untranslated = Untranslated {
    code: Code::MetricWithoutDimensions,
    message: "KEDA queries a metric without dimensions with Metrics Insights, which does not support percentiles: set a query for the \
              policy in kubernetes.autoScaling.metrics",
};

/// Namespaces of metrics that ECS measures.
const ECS_NAMESPACES: [&str; 2] = ["AWS/ECS", "ECS/ContainerInsights"];
/// KEDA trigger for the depth of a queue.
const QUEUE: &str = "aws-sqs-queue";

/// Source of a metric.
pub(super) enum MetricSource {
    /// Resource metric of Pods: `cpu` or `memory`.
    Resource(&'static str),
    /// KEDA trigger.
    Trigger {
        kind: &'static str,
        /// Metadata without the target.
        metadata: Map<String, Value>,
        /// Name of the target in the metadata.
        target: &'static str,
        /// True if the metric is a total and the target is a share per task.
        total: bool,
        authentication: Option<TriggerAuthentication>,
    },
}

impl MetricSource {
    /// Renders the metric of a HorizontalPodAutoscaler; `None` for a KEDA trigger.
    pub(super) fn resource_metric(&self, policy: &TrackedPolicy<'_>) -> Option<Value> {
        let Self::Resource(name) = self else { return None };
        let target = json!({"type": "Utilization", "averageUtilization": percent(policy.configuration)});
        Some(json!({"type": "Resource", "resource": {"name": name, "target": target}}))
    }

    /// Returns the target of a queue in messages, for which KEDA requires an integer: rounded down, so that at least as many tasks
    /// run as on ECS, with a minimum of 1.
    #[expect(clippy::cast_possible_truncation, reason = "a cast of a float saturates")]
    pub(super) fn messages(&self, configuration: &TargetTrackingScalingPolicyConfiguration) -> Option<i64> {
        matches!(self, Self::Trigger { kind: QUEUE, .. }).then(|| (configuration.target_value.floor() as i64).max(1))
    }

    /// True for a Metrics Insights query.
    pub(super) fn is_query(&self) -> bool {
        matches!(self, Self::Trigger { metadata, .. } if metadata.contains_key("expression"))
    }

    /// Renders the KEDA trigger.
    pub(super) fn trigger(&self, policy: &TrackedPolicy<'_>) -> Value {
        match self {
            Self::Resource(name) => {
                json!({"type": name, "metricType": "Utilization", "metadata": {"value": percent(policy.configuration).to_string()}})
            }
            Self::Trigger { kind, metadata, target, total, authentication } => {
                let mut metadata = metadata.clone();
                let value = self
                    .messages(policy.configuration)
                    .map_or_else(|| policy.configuration.target_value.to_string(), |it| it.to_string());
                metadata.insert((*target).to_owned(), value.into());
                let metric_type = if *total { "AverageValue" } else { "Value" };
                let mut trigger = json!({"type": kind, "metricType": metric_type, "metadata": metadata});
                if let Some(authentication) = authentication {
                    trigger["authenticationRef"] = json!({"name": authentication.name});
                    if authentication.cluster_wide == Some(true) {
                        trigger["authenticationRef"]["kind"] = "ClusterTriggerAuthentication".into();
                    }
                }
                trigger
            }
        }
    }
}

/// Returns the target in whole percent, as a HorizontalPodAutoscaler requires it.
#[expect(clippy::cast_possible_truncation, reason = "a cast of a float saturates")]
pub(super) fn percent(configuration: &TargetTrackingScalingPolicyConfiguration) -> i32 {
    (configuration.target_value.round() as i32).max(1)
}

/// True if a metric needs KEDA.
pub(super) fn needs_keda(tracked: &[TrackedPolicy<'_>]) -> bool {
    tracked.iter().any(|policy| matches!(policy.source, Ok(MetricSource::Trigger { .. })))
}

/// Returns the target tracking policies, in the order of the input; `object` is the name of the service's object.
pub(super) fn tracked<'a>(spec: &'a ServiceSpec, scaling: &'a AutoScaling, object: &str) -> Vec<TrackedPolicy<'a>> {
    let service = steps::dimensions(spec, object);
    let policies = scaling.policies.iter().enumerate();
    policies
        .filter_map(|(position, policy)| {
            let configuration = policy.target_tracking()?;
            let metric =
                mapping(spec).and_then(|all| all.metrics.iter().find(|it| it.policy_name == policy.policy_name));
            let path = Pointer::root().key("autoScaling").key("policies").index(position);
            let replaced =
                metric.is_some_and(|it| it.prometheus.is_some() || it.cloud_watch.is_some() || it.queue.is_some());
            let source = source(spec, scaling, &service, configuration, metric);
            Some(TrackedPolicy { path, names_type: policy.policy_type.is_some(), replaced, configuration, source })
        })
        .collect()
}

/// Returns the target tracking policies with a metric source.
pub(super) fn translated<'a>(spec: &'a ServiceSpec, scaling: &'a AutoScaling, object: &str) -> Vec<TrackedPolicy<'a>> {
    tracked(spec, scaling, object).into_iter().filter(|policy| policy.source.is_ok()).collect()
}

fn source(
    spec: &ServiceSpec,
    scaling: &AutoScaling,
    service: &ServiceMetrics<'_>,
    configuration: &TargetTrackingScalingPolicyConfiguration,
    metric: Option<&PolicyMetric>,
) -> Result<MetricSource, Untranslated> {
    let aws = || AwsAccess::new(spec, scaling).ok_or(REGION_UNKNOWN);
    let total = metric.and_then(|metric| metric.total);
    if let Some(metric) = metric {
        if let Some(prometheus) = &metric.prometheus {
            let metadata = [("serverAddress", &prometheus.server_address), ("query", &prometheus.query)]
                .map(|(name, value)| (name.to_owned(), value.clone().into()));
            return Ok(MetricSource::Trigger {
                kind: "prometheus",
                metadata: metadata.into_iter().collect(),
                target: "threshold",
                total: total.unwrap_or(false),
                authentication: prometheus.authentication.clone(),
            });
        }
        if let Some(query) = &metric.cloud_watch {
            let expression = [("expression".to_owned(), query.expression.clone().into())];
            return Ok(aws()?.cloud_watch(expression, None, total.unwrap_or(false)));
        }
        if let Some(queue) = &metric.queue {
            return Ok(aws()?.queue(&queue.url, queue.in_flight == Some(true), total.unwrap_or(false)));
        }
    }
    match (&configuration.predefined_metric_specification, &configuration.customized_metric_specification) {
        (Some(predefined), _) => predefined_source(predefined, aws),
        (None, Some(custom)) => {
            let (metric, is_total) =
                CloudWatchMetric::from_specification(custom, |divisor| divisor.counts_tasks(&spec.ecs, service))
                    .ok_or(METRIC_MATH)?;
            if metric.is_of(service) {
                return metric
                    .utilization()
                    .filter(|_| !is_total)
                    .map(MetricSource::Resource)
                    .ok_or(UNAVAILABLE_AFTER_MIGRATION);
            }
            metric_source(&metric, configuration.target_value, total.unwrap_or(is_total), aws)
        }
        (None, None) => Err(METRIC_MATH),
    }
}

fn predefined_source(
    specification: &PredefinedMetricSpecification,
    aws: impl Fn() -> Result<AwsAccess, Untranslated>,
) -> Result<MetricSource, Untranslated> {
    match specification.predefined_metric_type {
        MetricType::EcsServiceAverageCpuUtilization | MetricType::EcsServiceAverageCpuUtilizationHighResolution => {
            Ok(MetricSource::Resource("cpu"))
        }
        MetricType::EcsServiceAverageMemoryUtilization
        | MetricType::EcsServiceAverageMemoryUtilizationHighResolution => Ok(MetricSource::Resource("memory")),
        MetricType::AlbRequestCountPerTarget => {
            let label = specification.resource_label.as_deref().unwrap_or_default();
            let (balancer, group) = label.split_once("/targetgroup/").unwrap_or((label, ""));
            // The total number of requests, divided by the number of tasks, as the count of targets lags behind.
            let metric = metric_name("AWS/ApplicationELB", "RequestCount")
                .into_iter()
                .chain(dimensions(&[("LoadBalancer", balancer), ("TargetGroup", &format!("targetgroup/{group}"))]));
            Ok(aws()?.cloud_watch(metric, Some("Sum"), true))
        }
    }
}

fn metric_source(
    metric: &CloudWatchMetric<'_>,
    target: f64,
    total: bool,
    aws: impl Fn() -> Result<AwsAccess, Untranslated>,
) -> Result<MetricSource, Untranslated> {
    // SQS reports the depth of a queue minutes before CloudWatch does. KEDA requires an integer as target.
    if let Some(queue) = metric.queue().filter(|_| target.fract() == 0.0) {
        return Ok(aws()?.queue(queue, false, total));
    }
    if metric.dimensions.is_empty() {
        let query = metric.query().ok_or(STATISTIC_NOT_IN_QUERY)?;
        return Ok(aws()?.cloud_watch([("expression".to_owned(), query.into())], None, total));
    }
    let pairs: Vec<(&str, &str)> = metric.dimensions.iter().map(|it| (it.name.as_str(), it.value.as_str())).collect();
    let unit = metric.unit.map(|unit| ("metricUnit".to_owned(), unit.into()));
    let named = metric_name(metric.namespace, metric.name).into_iter().chain(dimensions(&pairs)).chain(unit);
    Ok(aws()?.cloud_watch(named, Some(metric.stat), total))
}

/// Single CloudWatch metric.
struct CloudWatchMetric<'a> {
    namespace: &'a str,
    name: &'a str,
    dimensions: &'a [MetricDimension],
    stat: &'a str,
    unit: Option<&'a str>,
}

impl<'a> CloudWatchMetric<'a> {
    /// Returns the metric of a specification with a single metric, and true if it is a total. An expression that divides a metric
    /// by the number of the service's tasks tracks the total of that metric.
    fn from_specification(
        specification: &'a CustomizedMetricSpecification,
        counts_tasks: impl Fn(&Self) -> bool,
    ) -> Option<(Self, bool)> {
        if specification.metrics.is_empty() {
            let stat = specification.statistic?.as_str();
            let (namespace, name) = (specification.namespace.as_deref()?, specification.metric_name.as_deref()?);
            let unit = specification.unit.as_deref();
            return Some((Self { namespace, name, dimensions: &specification.dimensions, stat, unit }, false));
        }
        let tracked = specification.metrics.iter().find(|query| query.return_data != Some(false))?;
        let Some(expression) = &tracked.expression else { return Some((Self::from_query(tracked)?, false)) };
        let (total, divisor) = expression.split_once('/')?;
        let query = |id: &str| specification.metrics.iter().find(|query| query.id == id.trim());
        let divisor = Self::from_query(query(divisor)?)?;
        counts_tasks(&divisor).then_some(())?;
        Some((Self::from_query(query(total)?)?, true))
    }

    fn from_query(query: &'a MetricDataQuery) -> Option<Self> {
        let stat = query.metric_stat.as_ref()?;
        Some(Self {
            namespace: stat.metric.namespace.as_deref()?,
            name: stat.metric.metric_name.as_deref()?,
            dimensions: &stat.metric.dimensions,
            stat: &stat.stat,
            unit: stat.unit.as_deref(),
        })
    }

    /// True if the metric is the number of the service's tasks, counted by ECS or by one of its target groups.
    fn counts_tasks(&self, definition: &Service, service: &ServiceMetrics<'_>) -> bool {
        let is_target_group = |group: &str| {
            let arns = definition.load_balancers.iter().filter_map(|balancer| balancer.target_group_arn.as_deref());
            arns.filter_map(|arn| arn.parse::<Arn>().ok()).any(|arn| arn.resource == group)
        };
        match (self.namespace, self.name) {
            ("ECS/ContainerInsights", "RunningTaskCount" | "DesiredTaskCount") => service.has(self.dimensions),
            ("AWS/ApplicationELB" | "AWS/NetworkELB", "HealthyHostCount") => {
                self.dimensions.iter().any(|it| it.name == "TargetGroup" && is_target_group(&it.value))
            }
            _ => false,
        }
    }

    /// True if ECS measures the metric of the service.
    fn is_of(&self, service: &ServiceMetrics<'_>) -> bool {
        ECS_NAMESPACES.contains(&self.namespace) && service.has(self.dimensions)
    }

    /// Returns the resource of a metric that equals a predefined one.
    fn utilization(&self) -> Option<&'static str> {
        let is_average = self.stat == "Average" && self.unit.is_none_or(|unit| unit == "Percent");
        match (self.namespace, self.name) {
            ("AWS/ECS", "CPUUtilization") if is_average => Some("cpu"),
            ("AWS/ECS", "MemoryUtilization") if is_average => Some("memory"),
            _ => None,
        }
    }

    /// Returns the Metrics Insights query for a metric without dimensions; `None` if the statistic is not supported.
    fn query(&self) -> Option<String> {
        let function = match self.stat {
            "Average" => "AVG",
            "Minimum" => "MIN",
            "Maximum" => "MAX",
            "SampleCount" => "COUNT",
            "Sum" => "SUM",
            _ => return None,
        };
        let plain = ![self.namespace, self.name].iter().any(|name| name.contains(['"', '\\']));
        // A schema with only the namespace selects metrics without dimensions.
        plain.then(|| format!(r#"SELECT {function}("{}") FROM SCHEMA("{}")"#, self.name, self.namespace))
    }

    /// The name of the queue whose depth it is.
    fn queue(&self) -> Option<&'a str> {
        let is_depth = self.namespace == "AWS/SQS" && self.name == "ApproximateNumberOfMessagesVisible";
        let [dimension] = self.dimensions else { return None };
        let is_count = self.unit.is_none_or(|unit| unit == "Count");
        (is_depth && is_count && dimension.name == "QueueName").then_some(dimension.value.as_str())
    }
}

fn metric_name(namespace: &str, name: &str) -> [(String, Value); 2] {
    [("namespace".to_owned(), namespace.into()), ("metricName".to_owned(), name.into())]
}

/// Joins several dimensions, as KEDA requires.
fn dimensions(pairs: &[(&str, &str)]) -> [(String, Value); 2] {
    let (names, values): (Vec<&str>, Vec<&str>) = pairs.iter().copied().unzip();
    [("dimensionName".to_owned(), names.join(";").into()), ("dimensionValue".to_owned(), values.join(";").into())]
}

/// Region and credentials for metrics in AWS.
struct AwsAccess {
    region: String,
    authentication: Option<TriggerAuthentication>,
}

impl AwsAccess {
    fn new(spec: &ServiceSpec, scaling: &AutoScaling) -> Option<Self> {
        let mapping = mapping(spec);
        let configured = mapping.and_then(|mapping| mapping.aws_region.clone());
        let service = &spec.ecs;
        let arns = [&service.service_arn, &service.cluster_arn, &service.cluster, &scaling.scalable_target_arn];
        let groups = service.load_balancers.iter().map(|balancer| &balancer.target_group_arn);
        let arns = arns.into_iter().chain(groups).chain(scaling.policies.iter().map(|policy| &policy.policy_arn));
        let mut regions = arns.flatten().filter_map(|text| text.parse::<Arn>().ok()).map(|arn| arn.region);
        let region = configured.or_else(|| regions.find(|region| !region.is_empty()))?;
        Some(Self { region, authentication: mapping.and_then(|mapping| mapping.authentication.clone()) })
    }

    /// Returns the common metadata of triggers for AWS. Without an authentication KEDA uses its own identity.
    fn metadata(&self) -> Map<String, Value> {
        let mut metadata = Map::new();
        metadata.insert("awsRegion".to_owned(), self.region.clone().into());
        if self.authentication.is_none() {
            metadata.insert("identityOwner".to_owned(), "operator".into());
        }
        metadata
    }

    /// Returns a trigger for the last complete minute of a metric. A missing value has no effect, as on AWS.
    fn cloud_watch(
        &self,
        metric: impl IntoIterator<Item = (String, Value)>,
        stat: Option<&str>,
        total: bool,
    ) -> MetricSource {
        let mut metadata = self.metadata();
        metadata.extend(metric);
        metadata.extend(stat.map(|stat| ("metricStat".to_owned(), stat.into())));
        for (name, value) in [
            ("metricStatPeriod", PERIOD_SECONDS.to_string()),
            ("metricEndTimeOffset", PERIOD_SECONDS.to_string()),
            ("minMetricValue", "0".to_owned()),
            ("ignoreNullValues", "false".to_owned()),
        ] {
            metadata.insert(name.to_owned(), value.into());
        }
        let authentication = self.authentication.clone();
        MetricSource::Trigger { kind: "aws-cloudwatch", metadata, target: "targetMetricValue", total, authentication }
    }

    fn queue(&self, queue: &str, in_flight: bool, total: bool) -> MetricSource {
        let mut metadata = self.metadata();
        metadata.insert("queueURL".to_owned(), queue.into());
        metadata.insert("scaleOnInFlight".to_owned(), in_flight.to_string().into());
        let authentication = self.authentication.clone();
        MetricSource::Trigger { kind: QUEUE, metadata, target: "queueLength", total, authentication }
    }
}
