//! Where the metric of each policy comes from.

use serde_json::{Map, Value, json};

use crate::api::{PolicyMetric, ServiceSpec, TriggerAuthentication};
use crate::ecs::Pointer;
use crate::ecs::arn::Arn;
use crate::ecs::scaling::{
    AutoScaling, CustomizedMetricSpecification, Dimensioned, MetricDataQuery, MetricDimension, MetricType,
    PredefinedMetricSpecification, TargetTrackingScalingPolicyConfiguration,
};
use crate::ecs::service::Service;
use crate::translate::Code;
use crate::translate::service::auto_scaling::{mapping, steps};

/// Seconds between two questions of KEDA; a metric of CloudWatch has a value a minute.
pub(super) const POLLING_SECONDS: i32 = 30;
/// Seconds that a value is made of.
const PERIOD_SECONDS: i32 = 60;

/// A policy that tracks a target.
pub(super) struct Tracked<'a> {
    /// The policy in the input.
    pub path: Pointer,
    /// Whether it says what kind of policy it is.
    pub names_type: bool,
    /// Whether `kubernetes.autoScaling.metrics` gives it another metric.
    pub replaced: bool,
    /// What it tracks.
    pub given: &'a TargetTrackingScalingPolicyConfiguration,
    /// Where its metric comes from.
    pub source: Result<Source, Obstacle>,
}

impl Tracked<'_> {
    /// The metrics that its specification names itself, with their places there.
    pub(super) fn named(&self) -> Vec<Named<'_>> {
        let Some(custom) = self.given.customized_metric_specification.as_ref() else { return Vec::new() };
        let at = self.path.key("targetTrackingScalingPolicyConfiguration").key("customizedMetricSpecification");
        let namespace = custom.namespace.as_deref().unwrap_or_default();
        let unit = custom.unit.is_some().then(|| at.key("unit"));
        let single = Named { at: at.clone(), unit, namespace, dimensions: &custom.dimensions };
        let queries = custom.metrics.iter().enumerate().filter_map(|(position, query)| {
            let stat = query.metric_stat.as_ref()?;
            let at = at.key("metrics").index(position).key("metricStat");
            let unit = stat.unit.is_some().then(|| at.key("unit"));
            let namespace = stat.metric.namespace.as_deref().unwrap_or_default();
            Some(Named { at: at.key("metric"), unit, namespace, dimensions: &stat.metric.dimensions })
        });
        [single].into_iter().chain(queries).collect()
    }
}

/// A metric that a specification names.
pub(super) struct Named<'a> {
    /// Where its name is.
    pub at: Pointer,
    /// Where its unit is, if it has one.
    pub unit: Option<Pointer>,
    pub namespace: &'a str,
    pub dimensions: &'a [MetricDimension],
}

impl Named<'_> {
    /// Whether ECS measures it, of something else than the service itself.
    pub(super) fn is_of_others(&self, service: &Dimensioned<'_>) -> bool {
        OF_ECS.contains(&self.namespace) && !service.has(self.dimensions)
    }
}

/// Why the metric of a policy comes from nowhere.
pub(super) struct Obstacle {
    pub code: Code,
    pub message: &'static str,
}

const REGION_NOT_KNOWN: Obstacle = Obstacle {
    code: Code::RegionUnknown,
    message: "the metric is in AWS, and no ARN of the service tells the region: give it as kubernetes.autoScaling.awsRegion",
};

const METRIC_MATH: Obstacle = Obstacle {
    code: Code::MetricMathNotTranslated,
    message: "KEDA asks CloudWatch for one metric or one query of Metrics Insights, and not for an expression over several, unless it \
              divides a metric by the number of the tasks of this very service: give the policy a query of CloudWatch or Prometheus in \
              kubernetes.autoScaling.metrics",
};

const ENDS_WITH_THE_MOVE: Obstacle = Obstacle {
    code: Code::MetricUnavailableAfterMigration,
    message: "ECS has the metric of this service only while the service runs there, and of what its tasks use only the average is \
              measured here: say in kubernetes.autoScaling.metrics where the policy has its metric from",
};

const NO_INSIGHTS: Obstacle = Obstacle {
    code: Code::MetricWithoutDimensions,
    message: "KEDA asks for a metric without dimensions by a query of Metrics Insights, which knows no percentiles: give the policy a \
              query in kubernetes.autoScaling.metrics",
};

/// Namespaces of what ECS itself measures.
const OF_ECS: [&str; 2] = ["AWS/ECS", "ECS/ContainerInsights"];
/// The trigger for the depth of a queue.
const QUEUE: &str = "aws-sqs-queue";

/// Where a metric comes from.
pub(super) enum Source {
    /// The resource metrics of Pods: `cpu` or `memory`.
    Resource(&'static str),
    /// A trigger of KEDA.
    Trigger {
        kind: &'static str,
        /// Its metadata without the target.
        metadata: Map<String, Value>,
        /// The member of the metadata that is the target.
        target: &'static str,
        /// Whether it is a total, of which each task is to have the target.
        total: bool,
        authentication: Option<TriggerAuthentication>,
    },
}

impl Source {
    /// What a HorizontalPodAutoscaler is told; nothing of what only KEDA knows.
    pub(super) fn resource_metric(&self, policy: &Tracked<'_>) -> Option<Value> {
        let Self::Resource(name) = self else { return None };
        let target = json!({"type": "Utilization", "averageUtilization": percent(policy.given)});
        Some(json!({"type": "Resource", "resource": {"name": name, "target": target}}))
    }

    /// The target of a queue, of which KEDA takes a whole number of messages only: rounded down to one at the least, so that no fewer
    /// tasks run than on ECS unless it is below that.
    #[expect(clippy::cast_possible_truncation, reason = "a float becomes the nearest number that there is")]
    pub(super) fn messages(&self, given: &TargetTrackingScalingPolicyConfiguration) -> Option<i64> {
        matches!(self, Self::Trigger { kind: QUEUE, .. }).then(|| (given.target_value.floor() as i64).max(1))
    }

    /// Whether it is a query of Metrics Insights.
    pub(super) fn is_query(&self) -> bool {
        matches!(self, Self::Trigger { metadata, .. } if metadata.contains_key("expression"))
    }

    /// What KEDA is told.
    pub(super) fn trigger(&self, policy: &Tracked<'_>) -> Value {
        match self {
            Self::Resource(name) => {
                json!({"type": name, "metricType": "Utilization", "metadata": {"value": percent(policy.given).to_string()}})
            }
            Self::Trigger { kind, metadata, target, total, authentication } => {
                let mut metadata = metadata.clone();
                let value = self
                    .messages(policy.given)
                    .map_or_else(|| policy.given.target_value.to_string(), |it| it.to_string());
                metadata.insert((*target).to_owned(), value.into());
                let metric_type = if *total { "AverageValue" } else { "Value" };
                let mut trigger = json!({"type": kind, "metricType": metric_type, "metadata": metadata});
                if let Some(given) = authentication {
                    trigger["authenticationRef"] = json!({"name": given.name});
                    if given.cluster_wide == Some(true) {
                        trigger["authenticationRef"]["kind"] = "ClusterTriggerAuthentication".into();
                    }
                }
                trigger
            }
        }
    }
}

/// A target in whole percent, as a HorizontalPodAutoscaler has it.
#[expect(clippy::cast_possible_truncation, reason = "a float becomes the nearest number that there is")]
pub(super) fn percent(given: &TargetTrackingScalingPolicyConfiguration) -> i32 {
    (given.target_value.round() as i32).max(1)
}

/// Whether one of the metrics comes through KEDA.
pub(super) fn needs_keda(tracked: &[Tracked<'_>]) -> bool {
    tracked.iter().any(|policy| matches!(policy.source, Ok(Source::Trigger { .. })))
}

/// The policies that track a target, in the order of the input; `object` is the name of the service's object.
pub(super) fn tracked<'a>(spec: &'a ServiceSpec, scaling: &'a AutoScaling, object: &str) -> Vec<Tracked<'a>> {
    let service = steps::dimensions(spec, object);
    let listed = scaling.policies.iter().enumerate();
    listed
        .filter_map(|(position, policy)| {
            let given = policy.target_tracking()?;
            let chosen =
                mapping(spec).and_then(|all| all.metrics.iter().find(|it| it.policy_name == policy.policy_name));
            let path = Pointer::root().key("autoScaling").key("policies").index(position);
            let replaced =
                chosen.is_some_and(|it| it.prometheus.is_some() || it.cloud_watch.is_some() || it.queue.is_some());
            let source = source(spec, scaling, &service, given, chosen);
            Some(Tracked { path, names_type: policy.policy_type.is_some(), replaced, given, source })
        })
        .collect()
}

/// Those of them whose metric comes from somewhere.
pub(super) fn translated<'a>(spec: &'a ServiceSpec, scaling: &'a AutoScaling, object: &str) -> Vec<Tracked<'a>> {
    tracked(spec, scaling, object).into_iter().filter(|policy| policy.source.is_ok()).collect()
}

fn source(
    spec: &ServiceSpec,
    scaling: &AutoScaling,
    service: &Dimensioned<'_>,
    given: &TargetTrackingScalingPolicyConfiguration,
    chosen: Option<&PolicyMetric>,
) -> Result<Source, Obstacle> {
    let aws = || Aws::of(spec, scaling).ok_or(REGION_NOT_KNOWN);
    let total = chosen.and_then(|chosen| chosen.total);
    if let Some(chosen) = chosen {
        if let Some(prometheus) = &chosen.prometheus {
            let metadata = [("serverAddress", &prometheus.server_address), ("query", &prometheus.query)]
                .map(|(name, value)| (name.to_owned(), value.clone().into()));
            return Ok(Source::Trigger {
                kind: "prometheus",
                metadata: metadata.into_iter().collect(),
                target: "threshold",
                total: total.unwrap_or(false),
                authentication: prometheus.authentication.clone(),
            });
        }
        if let Some(query) = &chosen.cloud_watch {
            let expression = [("expression".to_owned(), query.expression.clone().into())];
            return Ok(aws()?.cloud_watch(expression, None, total.unwrap_or(false)));
        }
        if let Some(queue) = &chosen.queue {
            return Ok(aws()?.queue(&queue.url, queue.in_flight == Some(true), total.unwrap_or(false)));
        }
    }
    match (&given.predefined_metric_specification, &given.customized_metric_specification) {
        (Some(predefined), _) => of_predefined(predefined, aws),
        (None, Some(custom)) => {
            let (metric, is_total) =
                Simple::of(custom, |number| number.counts_tasks(&spec.ecs, service)).ok_or(METRIC_MATH)?;
            if metric.is_of(service) {
                return metric.utilization().filter(|_| !is_total).map(Source::Resource).ok_or(ENDS_WITH_THE_MOVE);
            }
            of_metric(&metric, given.target_value, total.unwrap_or(is_total), aws)
        }
        (None, None) => Err(METRIC_MATH),
    }
}

fn of_predefined(
    given: &PredefinedMetricSpecification,
    aws: impl Fn() -> Result<Aws, Obstacle>,
) -> Result<Source, Obstacle> {
    match given.predefined_metric_type {
        MetricType::EcsServiceAverageCpuUtilization | MetricType::EcsServiceAverageCpuUtilizationHighResolution => {
            Ok(Source::Resource("cpu"))
        }
        MetricType::EcsServiceAverageMemoryUtilization
        | MetricType::EcsServiceAverageMemoryUtilizationHighResolution => Ok(Source::Resource("memory")),
        MetricType::AlbRequestCountPerTarget => {
            let label = given.resource_label.as_deref().unwrap_or_default();
            let (balancer, group) = label.split_once("/targetgroup/").unwrap_or((label, ""));
            // All requests, of which each task is to have its share: that needs no count of targets, which lags behind.
            let metric = named("AWS/ApplicationELB", "RequestCount")
                .into_iter()
                .chain(dimensions(&[("LoadBalancer", balancer), ("TargetGroup", &format!("targetgroup/{group}"))]));
            Ok(aws()?.cloud_watch(metric, Some("Sum"), true))
        }
    }
}

fn of_metric(
    metric: &Simple<'_>,
    target: f64,
    total: bool,
    aws: impl Fn() -> Result<Aws, Obstacle>,
) -> Result<Source, Obstacle> {
    // The depth of a queue is at SQS at once, and minutes later in CloudWatch. KEDA takes a whole number of messages only.
    if let Some(queue) = metric.queue().filter(|_| target.fract() == 0.0) {
        return Ok(aws()?.queue(queue, false, total));
    }
    if metric.dimensions.is_empty() {
        let query = metric.query().ok_or(NO_INSIGHTS)?;
        return Ok(aws()?.cloud_watch([("expression".to_owned(), query.into())], None, total));
    }
    let pairs: Vec<(&str, &str)> = metric.dimensions.iter().map(|it| (it.name.as_str(), it.value.as_str())).collect();
    let unit = metric.unit.map(|unit| ("metricUnit".to_owned(), unit.into()));
    let named = named(metric.namespace, metric.name).into_iter().chain(dimensions(&pairs)).chain(unit);
    Ok(aws()?.cloud_watch(named, Some(metric.stat), total))
}

/// One metric of CloudWatch.
struct Simple<'a> {
    namespace: &'a str,
    name: &'a str,
    dimensions: &'a [MetricDimension],
    stat: &'a str,
    unit: Option<&'a str>,
}

impl<'a> Simple<'a> {
    /// The metric that is tracked, if it is a single one, and whether it is a total: an expression that divides a metric by the
    /// number of the service's tasks has that metric as one.
    fn of(given: &'a CustomizedMetricSpecification, counts_tasks: impl Fn(&Self) -> bool) -> Option<(Self, bool)> {
        if given.metrics.is_empty() {
            let stat = given.statistic?.as_str();
            let (namespace, name) = (given.namespace.as_deref()?, given.metric_name.as_deref()?);
            let unit = given.unit.as_deref();
            return Some((Self { namespace, name, dimensions: &given.dimensions, stat, unit }, false));
        }
        let tracked = given.metrics.iter().find(|query| query.return_data != Some(false))?;
        let Some(expression) = &tracked.expression else { return Some((Self::of_query(tracked)?, false)) };
        let (total, number) = expression.split_once('/')?;
        let query = |id: &str| given.metrics.iter().find(|query| query.id == id.trim());
        let number = Self::of_query(query(number)?)?;
        counts_tasks(&number).then_some(())?;
        Some((Self::of_query(query(total)?)?, true))
    }

    fn of_query(query: &'a MetricDataQuery) -> Option<Self> {
        let stat = query.metric_stat.as_ref()?;
        Some(Self {
            namespace: stat.metric.namespace.as_deref()?,
            name: stat.metric.metric_name.as_deref()?,
            dimensions: &stat.metric.dimensions,
            stat: &stat.stat,
            unit: stat.unit.as_deref(),
        })
    }

    /// Whether it is the number of the service's tasks: as ECS counts them, or as one of its target groups does.
    fn counts_tasks(&self, given: &Service, service: &Dimensioned<'_>) -> bool {
        let is_group = |group: &str| {
            let arns = given.load_balancers.iter().filter_map(|balancer| balancer.target_group_arn.as_deref());
            arns.filter_map(|arn| arn.parse::<Arn>().ok()).any(|arn| arn.resource == group)
        };
        match (self.namespace, self.name) {
            ("ECS/ContainerInsights", "RunningTaskCount" | "DesiredTaskCount") => service.has(self.dimensions),
            ("AWS/ApplicationELB" | "AWS/NetworkELB", "HealthyHostCount") => {
                self.dimensions.iter().any(|it| it.name == "TargetGroup" && is_group(&it.value))
            }
            _ => false,
        }
    }

    /// Whether ECS measures it of the service.
    fn is_of(&self, service: &Dimensioned<'_>) -> bool {
        OF_ECS.contains(&self.namespace) && service.has(self.dimensions)
    }

    /// The resource that it is the use of, as a predefined metric is.
    fn utilization(&self) -> Option<&'static str> {
        let is_mean = self.stat == "Average" && self.unit.is_none_or(|unit| unit == "Percent");
        match (self.namespace, self.name) {
            ("AWS/ECS", "CPUUtilization") if is_mean => Some("cpu"),
            ("AWS/ECS", "MemoryUtilization") if is_mean => Some("memory"),
            _ => None,
        }
    }

    /// The query of Metrics Insights for a metric without dimensions; none where it knows no such statistic.
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
        // With nothing but the namespace a schema is that of metrics without dimensions.
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

fn named(namespace: &str, name: &str) -> [(String, Value); 2] {
    [("namespace".to_owned(), namespace.into()), ("metricName".to_owned(), name.into())]
}

/// KEDA has several dimensions in one text.
fn dimensions(pairs: &[(&str, &str)]) -> [(String, Value); 2] {
    let (names, values): (Vec<&str>, Vec<&str>) = pairs.iter().copied().unzip();
    [("dimensionName".to_owned(), names.join(";").into()), ("dimensionValue".to_owned(), values.join(";").into())]
}

/// Where metrics of AWS are, and who asks for them.
struct Aws {
    region: String,
    authentication: Option<TriggerAuthentication>,
}

impl Aws {
    fn of(spec: &ServiceSpec, scaling: &AutoScaling) -> Option<Self> {
        let mapping = mapping(spec);
        let chosen = mapping.and_then(|mapping| mapping.aws_region.clone());
        let service = &spec.ecs;
        let arns = [&service.service_arn, &service.cluster_arn, &service.cluster, &scaling.scalable_target_arn];
        let groups = service.load_balancers.iter().map(|balancer| &balancer.target_group_arn);
        let arns = arns.into_iter().chain(groups).chain(scaling.policies.iter().map(|policy| &policy.policy_arn));
        let mut regions = arns.flatten().filter_map(|text| text.parse::<Arn>().ok()).map(|arn| arn.region);
        let region = chosen.or_else(|| regions.find(|region| !region.is_empty()))?;
        Some(Self { region, authentication: mapping.and_then(|mapping| mapping.authentication.clone()) })
    }

    /// What every question to AWS has. Without an authentication KEDA asks as itself.
    fn metadata(&self) -> Map<String, Value> {
        let mut metadata = Map::new();
        metadata.insert("awsRegion".to_owned(), self.region.clone().into());
        if self.authentication.is_none() {
            metadata.insert("identityOwner".to_owned(), "operator".into());
        }
        metadata
    }

    /// A metric whose last whole minute counts. A value that is missing decides nothing, as on AWS.
    fn cloud_watch(&self, what: impl IntoIterator<Item = (String, Value)>, stat: Option<&str>, total: bool) -> Source {
        let mut metadata = self.metadata();
        metadata.extend(what);
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
        Source::Trigger { kind: "aws-cloudwatch", metadata, target: "targetMetricValue", total, authentication }
    }

    fn queue(&self, queue: &str, in_flight: bool, total: bool) -> Source {
        let mut metadata = self.metadata();
        metadata.insert("queueURL".to_owned(), queue.into());
        metadata.insert("scaleOnInFlight".to_owned(), in_flight.to_string().into());
        let authentication = self.authentication.clone();
        Source::Trigger { kind: QUEUE, metadata, target: "queueLength", total, authentication }
    }
}
