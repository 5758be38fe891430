#![expect(clippy::needless_pass_by_value, reason = "values are written where they are used")]

use serde_json::json;

use super::*;
use crate::translate::metadata::Identity;
use crate::translate::{Mode, ObjectContext, VerdictRecorder};

fn spec(policies: Value, more: Value) -> ServiceSpec {
    let mut spec = json!({"serviceName": "web", "taskDefinition": "web",
        "autoScaling": {"minCapacity": 2, "maxCapacity": 10, "policies": policies}});
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(spec).unwrap()
}

fn policy(name: &str, configuration: Value) -> Value {
    json!({"policyName": name, "targetTrackingScalingPolicyConfiguration": configuration})
}

fn utilization(resource: &str, target: f64) -> Value {
    let name = format!("ECSServiceAverage{resource}Utilization");
    json!({"targetValue": target, "predefinedMetricSpecification": {"predefinedMetricType": name}})
}

const QUIET: Situation =
    Situation { limits: Limits { min: 2, max: 10 }, rolling: false, tolerance: true, desired: Some(2) };

fn rendered(spec: &ServiceSpec, situation: Situation) -> Option<(&'static str, Value)> {
    let identity = Identity { service: "web", task_definition: "web", cluster: "shop" };
    let context = ObjectContext {
        namespace: None,
        identity,
        task_definition: "web:1",
        revision: Some(1),
        tags: &[],
        mode: Mode::Operator,
    };
    match render(spec, &context, situation)? {
        Companion::Autoscaler(object) => Some(("hpa", object.body["spec"].clone())),
        Companion::ScaledObject(object) => Some(("keda", object.body["spec"].clone())),
        other => panic!("{other:?}"),
    }
}

fn queue(more: Value) -> Value {
    let depth = json!({"namespace": "AWS/SQS", "metricName": "ApproximateNumberOfMessagesVisible",
        "dimensions": [{"name": "QueueName", "value": "jobs"}], "statistic": "Average"});
    let mut whole = json!({"targetValue": 100, "customizedMetricSpecification": depth});
    whole.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    whole
}

#[test]
fn utilizations_come_to_one_autoscaler_on_the_service() {
    let spec = spec(
        json!([policy("cpu", utilization("CPU", 60.0)), policy("memory", utilization("Memory", 70.4))]),
        json!({}),
    );
    let (kind, hpa) = rendered(&spec, QUIET).unwrap();
    assert_eq!(kind, "hpa");
    assert_eq!(
        hpa["scaleTargetRef"],
        json!({"apiVersion": "ecs-operator.dev/v1alpha1", "kind": "Service", "name": "web"})
    );
    assert_eq!((&hpa["minReplicas"], &hpa["maxReplicas"]), (&json!(2), &json!(10)));
    let targets: Vec<&Value> =
        hpa["metrics"].as_array().unwrap().iter().map(|it| &it["resource"]["target"]["averageUtilization"]).collect();
    assert_eq!(targets, [60, 70]);
    assert_eq!(hpa["behavior"]["scaleUp"]["stabilizationWindowSeconds"], 0);
    assert_eq!(hpa["behavior"]["scaleUp"]["tolerance"], "0");
    assert_eq!(hpa["behavior"]["scaleDown"]["stabilizationWindowSeconds"], 900);
    assert_eq!(hpa["behavior"]["scaleDown"]["tolerance"], "100m");
}

#[test]
fn no_task_is_taken_away_while_tasks_are_replaced_or_nobody_may() {
    let disabled = json!({"selectPolicy": "Disabled"});
    let with = |disable: bool| {
        let mut cpu = utilization("CPU", 60.0);
        cpu["disableScaleIn"] = disable.into();
        cpu
    };
    let down = |spec: &ServiceSpec, situation| rendered(spec, situation).unwrap().1["behavior"]["scaleDown"].clone();
    let plain = spec(json!([policy("cpu", with(false))]), json!({}));
    assert_ne!(down(&plain, QUIET), disabled);
    assert_eq!(down(&plain, Situation { rolling: true, ..QUIET }), disabled);
    assert_eq!(down(&spec(json!([policy("cpu", with(true))]), json!({})), QUIET), disabled);
    let mixed = spec(json!([policy("cpu", with(true)), policy("memory", utilization("Memory", 70.0))]), json!({}));
    assert_ne!(down(&mixed, QUIET), disabled);
    let mut suspended = plain.clone();
    suspended.ecs.auto_scaling.as_mut().unwrap().suspended_state =
        serde_json::from_value(json!({"dynamicScalingInSuspended": true, "dynamicScalingOutSuspended": true})).unwrap();
    assert_eq!(down(&suspended, QUIET), disabled);
    assert_eq!(rendered(&suspended, QUIET).unwrap().1["behavior"]["scaleUp"], disabled);
}

#[test]
fn a_long_cooldown_lengthens_the_window() {
    let window = |seconds: i32| {
        let mut cpu = utilization("CPU", 60.0);
        cpu["scaleInCooldown"] = seconds.into();
        let spec = spec(json!([policy("cpu", cpu)]), json!({}));
        rendered(&spec, QUIET).unwrap().1["behavior"]["scaleDown"]["stabilizationWindowSeconds"].clone()
    };
    assert_eq!([0, 300, 1800, 90_000].map(window), [900, 900, 1800, 3600]);
}

#[test]
fn one_metric_from_elsewhere_takes_all_to_keda() {
    let region = json!({"kubernetes": {"autoScaling": {"awsRegion": "eu-west-1"}}});
    let spec = spec(json!([policy("cpu", utilization("CPU", 60.0)), policy("queue", queue(json!({})))]), region);
    let (kind, object) = rendered(&spec, Situation { limits: Limits { min: 0, max: 5 }, ..QUIET }).unwrap();
    assert_eq!(kind, "keda");
    assert_eq!((&object["minReplicaCount"], &object["maxReplicaCount"]), (&json!(1), &json!(5)));
    assert_eq!(object["triggers"][0], json!({"type": "cpu", "metricType": "Utilization", "metadata": {"value": "60"}}));
    assert_eq!(
        object["triggers"][1],
        json!({"type": "aws-sqs-queue", "metricType": "Value", "metadata": {"awsRegion": "eu-west-1", "identityOwner": "operator",
            "queueURL": "jobs", "queueLength": "100", "scaleOnInFlight": "false"}})
    );
    let behavior = &object["advanced"]["horizontalPodAutoscalerConfig"]["behavior"];
    assert_eq!(behavior["scaleUp"].get("tolerance"), None, "not every KEDA knows it");
}

/// A service whose queue may let it go to 0, with members of its policy and of `autoScaling`.
fn by_queue(of_policy: Value, of_scaling: Value) -> ServiceSpec {
    let region = json!({"kubernetes": {"autoScaling": {"awsRegion": "eu-west-1"}}});
    let mut spec = serde_json::to_value(spec(json!([policy("queue", queue(of_policy))]), region)).unwrap();
    spec["autoScaling"]["minCapacity"] = 0.into();
    spec["autoScaling"].as_object_mut().unwrap().extend(of_scaling.as_object().unwrap().clone());
    serde_json::from_value(spec).unwrap()
}

const FROM_ZERO: Situation = Situation { limits: Limits { min: 0, max: 5 }, ..QUIET };

#[test]
fn keda_takes_the_last_task_away_only_where_a_policy_may() {
    let least = |spec: &ServiceSpec, situation| rendered(spec, situation).unwrap().1["minReplicaCount"].clone();
    let free = by_queue(json!({}), json!({}));
    assert_eq!(least(&free, FROM_ZERO), 0);
    assert_eq!(least(&free, Situation { rolling: true, ..FROM_ZERO }), 1);
    let disabled = by_queue(json!({"disableScaleIn": true}), json!({}));
    assert_eq!(least(&disabled, FROM_ZERO), 1);
    assert_eq!(least(&disabled, Situation { desired: None, ..FROM_ZERO }), 1);
    assert_eq!(
        least(&disabled, Situation { desired: Some(0), ..FROM_ZERO }),
        0,
        "nothing starts a task that none asks for"
    );
    assert_eq!(least(&disabled, Situation { limits: Limits { min: 3, max: 5 }, ..FROM_ZERO }), 3);
    let suspended = by_queue(json!({}), json!({"suspendedState": {"dynamicScalingInSuspended": true}}));
    assert_eq!(least(&suspended, FROM_ZERO), 1);
}

#[test]
fn a_policy_without_a_metric_does_not_let_tasks_be_taken_away() {
    let unknown =
        json!({"targetValue": 5, "customizedMetricSpecification": {"metrics": [{"id": "a", "expression": "SQRT(4)"}]}});
    let mut cpu = utilization("CPU", 60.0);
    cpu["disableScaleIn"] = true.into();
    let spec = spec(json!([policy("cpu", cpu), policy("unknown", unknown)]), json!({}));
    let down = rendered(&spec, QUIET).unwrap().1["behavior"]["scaleDown"].clone();
    assert_eq!(down, json!({"selectPolicy": "Disabled"}));
}

#[test]
fn keda_goes_to_zero_no_sooner_than_tasks_are_taken_away_elsewhere() {
    let cooldowns = |spec: &ServiceSpec, situation| {
        let object = rendered(spec, situation).unwrap().1;
        [object["initialCooldownPeriod"].clone(), object["cooldownPeriod"].clone()]
    };
    assert_eq!(cooldowns(&by_queue(json!({}), json!({})), FROM_ZERO), [900, 900]);
    assert_eq!(cooldowns(&by_queue(json!({"scaleInCooldown": 1800}), json!({})), FROM_ZERO), [1800, 1800]);
    let above = Situation { limits: Limits { min: 1, max: 5 }, ..FROM_ZERO };
    assert_eq!(cooldowns(&by_queue(json!({}), json!({})), above), [Value::Null, Value::Null]);
}

#[test]
fn keda_starts_no_first_task_while_scaling_out_is_suspended() {
    let paused = |state: Value| {
        let spec = by_queue(json!({}), json!({"suspendedState": state}));
        let identity = Identity { service: "web", task_definition: "web", cluster: "shop" };
        let context = ObjectContext {
            namespace: None,
            identity,
            task_definition: "web:1",
            revision: Some(1),
            tags: &[],
            mode: Mode::Operator,
        };
        let Some(Companion::ScaledObject(object)) = render(&spec, &context, FROM_ZERO) else {
            panic!("no ScaledObject")
        };
        object.metadata.annotations.unwrap_or_default().get(PAUSED_SCALE_OUT).cloned()
    };
    assert_eq!(paused(json!({"dynamicScalingOutSuspended": true})).as_deref(), Some("true"));
    assert_eq!(paused(json!({"dynamicScalingInSuspended": true})), None);
}

/// The code that a member of `autoScaling` is judged with, for a manifest or beside the operator.
fn judged(spec: &ServiceSpec, path: &str, mode: Mode) -> Option<(&'static str, String)> {
    let mut recorder = VerdictRecorder::new();
    record(spec, "web", mode, &mut recorder);
    let verdicts = recorder.close(&serde_json::to_value(spec).unwrap(), &std::collections::BTreeSet::new());
    let found = verdicts.into_iter().find(|it| it.path.to_string() == format!("/autoScaling/{path}"))?;
    Some((found.code.map_or(found.verdict.name(), |code| code.name()), found.message.unwrap_or_default()))
}

#[test]
fn how_keda_goes_to_zero_is_told() {
    let of_least = |spec: &ServiceSpec, mode| judged(spec, "minCapacity", mode).unwrap();
    let (code, message) = of_least(&by_queue(json!({}), json!({})), Mode::Operator);
    assert_eq!(code, "scale-to-zero-by-activity");
    assert!(message.contains("for 900 s") && message.contains("during a deployment one is kept"), "{message}");
    let (_, message) = of_least(&by_queue(json!({}), json!({})), Mode::Manifests);
    assert!(message.ends_with("for 900 s, also during a rollout"), "{message}");
    let disabled = by_queue(json!({"disableScaleIn": true}), json!({}));
    let (code, message) = of_least(&disabled, Mode::Operator);
    assert_eq!(code, "one-task-kept");
    assert!(message.contains("no policy may take tasks away"), "{message}");
    let suspended = by_queue(json!({}), json!({"suspendedState": {"dynamicScalingOutSuspended": true}}));
    let of_out =
        |spec: &ServiceSpec| judged(spec, "suspendedState/dynamicScalingOutSuspended", Mode::Operator).unwrap().0;
    assert_eq!(of_out(&suspended), "first-task-not-held-back");
    let mut above = suspended.clone();
    above.ecs.auto_scaling.as_mut().unwrap().min_capacity = 1;
    assert_eq!(of_out(&above), "exact");
}

/// A service with one policy on a metric of CloudWatch, and with target groups.
fn by_metric(target: f64, metric: Value) -> ServiceSpec {
    let tracking = json!({"targetValue": target, "customizedMetricSpecification": metric});
    let arn = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/3c4d";
    spec(
        json!([policy("p", tracking)]),
        json!({"cluster": "shop", "loadBalancers": [{"targetGroupArn": arn, "containerName": "app", "containerPort": 80}]}),
    )
}

fn dimension(name: &str, value: &str) -> Value {
    json!({"name": name, "value": value})
}

fn trigger(spec: &ServiceSpec) -> Option<Value> {
    Some(rendered(spec, QUIET)?.1["triggers"][0].clone())
}

#[test]
fn what_an_expression_divides_by_the_number_of_tasks_is_a_total() {
    let metric = |id: &str, namespace: &str, name: &str, dimensions: Value| {
        json!({"id": id, "returnData": false, "metricStat": {"stat": "Average", "metric": {"namespace": namespace, "metricName": name,
            "dimensions": dimensions}}})
    };
    let backlog = |namespace: &str, divisor: &str, dimensions: Value| {
        let depth =
            metric("depth", "AWS/SQS", "ApproximateNumberOfMessagesVisible", json!([dimension("QueueName", "jobs")]));
        trigger(&by_metric(
            10.0,
            json!({"metrics": [depth, metric("tasks", namespace, divisor, dimensions), {"id": "each", "expression": "depth / tasks"}]}),
        ))
    };
    let (insights, web) = ("ECS/ContainerInsights", dimension("ServiceName", "web"));
    let group = |group: &str| json!([dimension("LoadBalancer", "app/shop/1a2b"), dimension("TargetGroup", group)]);
    for (namespace, divisor, dimensions) in [
        (insights, "RunningTaskCount", json!([web])),
        (insights, "DesiredTaskCount", json!([dimension("ClusterName", "shop"), web])),
        ("AWS/ApplicationELB", "HealthyHostCount", group("targetgroup/web/3c4d")),
    ] {
        let trigger = backlog(namespace, divisor, dimensions.clone()).expect(divisor);
        assert_eq!((&trigger["type"], &trigger["metricType"]), (&json!("aws-sqs-queue"), &json!("AverageValue")));
    }
    for (namespace, divisor, dimensions) in [
        (insights, "Weather", json!([web])),
        ("Weather", "RunningTaskCount", json!([web])),
        (insights, "RunningTaskCount", json!([dimension("ServiceName", "other")])),
        (insights, "RunningTaskCount", json!([dimension("ClusterName", "other"), web])),
        (insights, "RunningTaskCount", json!([dimension("ClusterName", "shop")])),
        ("AWS/ApplicationELB", "HealthyHostCount", group("targetgroup/other/5e6f")),
    ] {
        assert_eq!(backlog(namespace, divisor, dimensions.clone()), None, "{namespace} {divisor} {dimensions}");
    }
}

#[test]
fn what_the_tasks_use_is_the_same_by_whatever_name_it_is_called() {
    let own = json!([dimension("ClusterName", "shop"), dimension("ServiceName", "web")]);
    let of = |namespace: &str, name: &str, dimensions: &Value, statistic: &str| {
        by_metric(
            60.0,
            json!({"namespace": namespace, "metricName": name, "dimensions": dimensions, "statistic": statistic}),
        )
    };
    for (name, resource) in [("CPUUtilization", "cpu"), ("MemoryUtilization", "memory")] {
        let plain = of("AWS/ECS", name, &own, "Average");
        let (kind, hpa) = rendered(&plain, QUIET).expect(name);
        assert_eq!((kind, &hpa["metrics"][0]["resource"]["name"]), ("hpa", &json!(resource)));
        let stat = json!({"stat": "Average", "unit": "Percent", "metric": {"namespace": "AWS/ECS", "metricName": name, "dimensions": own}});
        let (_, listed) =
            rendered(&by_metric(60.0, json!({"metrics": [{"id": "m", "metricStat": stat}]})), QUIET).expect(name);
        assert_eq!(listed, hpa);
    }
    let path = "policies/0/targetTrackingScalingPolicyConfiguration/customizedMetricSpecification/namespace";
    for (namespace, name, statistic) in
        [("AWS/ECS", "CPUUtilization", "Maximum"), ("ECS/ContainerInsights", "CpuUtilized", "Average")]
    {
        let gone = of(namespace, name, &own, statistic);
        assert_eq!(rendered(&gone, QUIET), None, "{name}");
        assert_eq!(judged(&gone, path, Mode::Operator).unwrap().0, "metric-unavailable-after-migration");
    }
    let other = of(
        "AWS/ECS",
        "CPUUtilization",
        &json!([dimension("ClusterName", "shop"), dimension("ServiceName", "db")]),
        "Average",
    );
    assert_eq!(trigger(&other).unwrap()["type"], "aws-cloudwatch");
    assert_eq!(judged(&other, path, Mode::Operator).unwrap().0, "metric-of-other-ecs-service");
    let elsewhere = of("AWS/RDS", "CPUUtilization", &json!([dimension("DBInstanceIdentifier", "db")]), "Average");
    assert_eq!(judged(&elsewhere, path, Mode::Operator).unwrap().0, "keda-needed");
}

#[test]
fn a_queue_has_a_whole_number_of_messages_as_its_target() {
    let path = "policies/0/targetTrackingScalingPolicyConfiguration/targetValue";
    let chosen = |target: f64| {
        let more = json!({"kubernetes": {"autoScaling": {"awsRegion": "eu-west-1", "metrics": [{"policyName": "q",
            "queue": {"url": "https://sqs.eu-west-1.amazonaws.com/111122223333/jobs"}}]}}});
        spec(json!([policy("q", queue(json!({"targetValue": target})))]), more)
    };
    for (target, length) in [(12.0, "12"), (12.5, "12"), (12.9, "12"), (0.5, "1")] {
        let metadata = trigger(&chosen(target)).unwrap()["metadata"].clone();
        assert_eq!(metadata["queueLength"], length, "{target}");
    }
    assert_eq!(judged(&chosen(12.0), path, Mode::Operator).unwrap().0, "exact");
    let (code, message) = judged(&chosen(12.5), path, Mode::Operator).unwrap();
    assert_eq!((code, message.as_str()), ("rounded-target", "KEDA takes a whole number of messages: 12"));
    // CloudWatch knows the depth too, and takes any number.
    let found = spec(
        json!([policy("q", queue(json!({"targetValue": 12.5})))]),
        json!({"kubernetes": {"autoScaling": {"awsRegion": "eu-west-1"}}}),
    );
    assert_eq!(trigger(&found).unwrap()["metadata"]["targetMetricValue"], "12.5");
    assert_eq!(judged(&found, path, Mode::Operator).unwrap().0, "exact");
}

#[test]
fn a_metric_without_dimensions_is_asked_for_by_a_query() {
    let of = |more: Value| {
        let mut metric = json!({"namespace": "Shop/Front", "metricName": "Open Sessions", "statistic": "Maximum"});
        metric.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        by_metric(5.0, metric)
    };
    let metadata = trigger(&of(json!({}))).unwrap()["metadata"].clone();
    assert_eq!(metadata["expression"], r#"SELECT MAX("Open Sessions") FROM SCHEMA("Shop/Front")"#);
    for member in ["namespace", "metricName", "dimensionName", "metricStat"] {
        assert_eq!(metadata.get(member), None, "{member}");
    }
    let at = "policies/0/targetTrackingScalingPolicyConfiguration/customizedMetricSpecification";
    let with_unit = of(json!({"unit": "Count"}));
    assert_eq!(judged(&with_unit, &format!("{at}/unit"), Mode::Operator).unwrap().0, "metric-unit-ignored");
    let stat = json!({"stat": "p99", "metric": {"namespace": "Shop", "metricName": "Latency"}});
    let percentile = by_metric(5.0, json!({"metrics": [{"id": "m", "metricStat": stat}]}));
    assert_eq!(trigger(&percentile), None);
    let path = format!("{at}/metrics/0/metricStat/stat");
    assert_eq!(judged(&percentile, &path, Mode::Operator).unwrap().0, "metric-without-dimensions");
}

#[test]
fn the_unit_of_a_metric_is_asked_for() {
    let dimensions = json!([dimension("Shop", "front")]);
    let plain = by_metric(
        5.0,
        json!({"namespace": "Shop", "metricName": "Latency", "dimensions": dimensions, "statistic": "Average",
        "unit": "Milliseconds"}),
    );
    assert_eq!(trigger(&plain).unwrap()["metadata"]["metricUnit"], "Milliseconds");
    let stat = json!({"stat": "p99", "unit": "Seconds", "metric": {"namespace": "Shop", "metricName": "Latency", "dimensions": dimensions}});
    let listed = by_metric(5.0, json!({"metrics": [{"id": "m", "metricStat": stat}]}));
    assert_eq!(trigger(&listed).unwrap()["metadata"]["metricUnit"], "Seconds");
    let mut depth = queue(json!({}))["customizedMetricSpecification"].clone();
    assert_eq!(trigger(&by_metric(5.0, depth.clone())).unwrap()["type"], "aws-sqs-queue");
    depth["unit"] = "Count".into();
    assert_eq!(trigger(&by_metric(5.0, depth.clone())).unwrap()["type"], "aws-sqs-queue");
    depth["unit"] = "Bytes".into();
    assert_eq!(trigger(&by_metric(5.0, depth)).unwrap()["type"], "aws-cloudwatch", "no depth is of that unit");
}

#[test]
fn requests_of_a_load_balancer_are_shared_out() {
    let alb = json!({"targetValue": 500.5, "predefinedMetricSpecification": {"predefinedMetricType": "ALBRequestCountPerTarget",
        "resourceLabel": "app/shop/1a2b/targetgroup/web/3c4d"}});
    let arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/3c4d";
    let spec = spec(
        json!([policy("alb", alb)]),
        json!({"loadBalancers": [{"targetGroupArn": arn, "containerName": "app", "containerPort": 80}],
            "kubernetes": {"autoScaling": {"authentication": {"name": "aws", "clusterWide": true}}}}),
    );
    let trigger = rendered(&spec, QUIET).unwrap().1["triggers"][0].clone();
    assert_eq!(trigger["metricType"], "AverageValue");
    assert_eq!(trigger["authenticationRef"], json!({"name": "aws", "kind": "ClusterTriggerAuthentication"}));
    let metadata = &trigger["metadata"];
    for (member, expected) in [
        ("awsRegion", "us-east-1"),
        ("dimensionName", "LoadBalancer;TargetGroup"),
        ("dimensionValue", "app/shop/1a2b;targetgroup/web/3c4d"),
        ("metricStat", "Sum"),
        ("targetMetricValue", "500.5"),
    ] {
        assert_eq!(metadata[member], expected, "{member}");
    }
    assert_eq!(metadata.get("identityOwner"), None);
}

#[test]
fn a_policy_can_be_given_another_metric() {
    let chosen = json!({"kubernetes": {"autoScaling": {"metrics": [{"policyName": "q", "total": true,
        "prometheus": {"serverAddress": "http://prometheus:9090", "query": "sum(jobs_waiting)"}}]}}});
    let spec = spec(json!([policy("q", queue(json!({})))]), chosen);
    let trigger = rendered(&spec, QUIET).unwrap().1["triggers"][0].clone();
    assert_eq!(
        trigger,
        json!({"type": "prometheus", "metricType": "AverageValue",
            "metadata": {"serverAddress": "http://prometheus:9090", "query": "sum(jobs_waiting)", "threshold": "100"}})
    );
}

#[test]
fn credentials_of_the_whole_cluster_go_to_no_address_that_a_service_names() {
    let found = |authentication: Value| {
        let prometheus =
            json!({"serverAddress": "http://prometheus:9090", "query": "m", "authentication": authentication});
        let metrics = json!([{"policyName": "q", "prometheus": prometheus}]);
        let of_aws = json!({"name": "aws", "clusterWide": true});
        let chosen = json!({"kubernetes": {"autoScaling": {"authentication": of_aws, "metrics": metrics}}});
        let spec = spec(json!([policy("q", queue(json!({})))]), chosen);
        findings(&spec).into_iter().map(|finding| finding.code).collect::<Vec<_>>()
    };
    assert_eq!(found(json!({"name": "team"})), [""; 0]);
    assert_eq!(found(json!({"name": "team", "clusterWide": false})), [""; 0]);
    assert_eq!(found(json!({"name": "central", "clusterWide": true})), ["authentication-for-any-address"]);
}

#[test]
fn nothing_is_made_where_nothing_can_scale() {
    let unknown = spec(json!([policy("q", queue(json!({})))]), json!({}));
    assert_eq!(rendered(&unknown, QUIET), None, "nobody knows the region");
    let cpu = spec(json!([policy("cpu", utilization("CPU", 60.0))]), json!({}));
    assert_eq!(rendered(&cpu, Situation { limits: Limits { min: 0, max: 0 }, ..QUIET }), None);
    assert_eq!(rendered(&spec(json!([]), json!({})), QUIET), None);
}

#[test]
fn steps_are_the_operators_where_it_can_see_their_metric() {
    let alarm = |metric: &str| {
        json!([{"alarmName": metric, "metricName": metric, "namespace": "AWS/ECS", "statistic": "Average", "period": 60,
            "dimensions": [{"name": "ServiceName", "value": "web"}], "evaluationPeriods": 1, "threshold": 70,
            "comparisonOperator": "GreaterThanThreshold"}])
    };
    let step = |metric: &str| {
        json!({"policyName": metric, "alarms": alarm(metric), "stepScalingPolicyConfiguration": {
            "adjustmentType": "ChangeInCapacity",
            "stepAdjustments": [{"metricIntervalLowerBound": 0, "scalingAdjustment": 1}]}})
    };
    let verdicts_of = |policies: Value, more: Value| {
        let spec = spec(policies, more);
        let mut recorder = VerdictRecorder::new();
        record(&spec, "web", Mode::Operator, &mut recorder);
        let judged = recorder.close(&serde_json::to_value(&spec).unwrap(), &std::collections::BTreeSet::new());
        let of_policies = judged.into_iter().filter(|it| it.path.to_string().starts_with("/autoScaling/policies/0"));
        let codes = of_policies.filter_map(|it| it.code.map(|code| (it.path.to_string(), code)));
        codes.map(|(path, code)| (path.rsplit('/').next().unwrap().to_owned(), code.name())).collect::<Vec<_>>()
    };
    let verdicts = |policies: Value| verdicts_of(policies, json!({}));
    let metric = ("metricName".to_owned(), "metrics-server-needed");
    assert_eq!(verdicts(json!([step("CPUUtilization")])), std::slice::from_ref(&metric));
    let beside = verdicts(json!([step("CPUUtilization"), policy("memory", utilization("Memory", 70.0))]));
    assert_eq!(beside.len(), 3, "{beside:?}");
    assert!(beside.contains(&metric) && beside.iter().any(|(_, code)| *code == "scale-in-by-target-tracking-only"));
    let other = verdicts(json!([step("RequestCount")]));
    assert!(other.contains(&("policyName".to_owned(), "policy-not-triggered")), "{other:?}");
    assert!(other.iter().all(|(_, code)| ["policy-not-triggered", "alarm-not-evaluated"].contains(code)), "{other:?}");
    let chosen = |way: Value| {
        let mut alarm = json!({"alarmName": "RequestCount"});
        alarm.as_object_mut().unwrap().extend(way.as_object().unwrap().clone());
        verdicts_of(json!([step("RequestCount")]), json!({"kubernetes": {"autoScaling": {"alarms": [alarm]}}}))
    };
    let external = chosen(json!({"external": {"metricName": "requests"}}));
    assert!(external.contains(&("metricName".to_owned(), "external-metrics-needed")), "{external:?}");
    let query = json!({"prometheus": {"serverAddress": "http://prometheus:9090", "query": "sum(requests)"}});
    assert!(chosen(query).iter().all(|(_, code)| *code == "prometheus-needed"));
}

#[test]
fn the_metric_of_an_alarm_comes_from_one_place_that_can_be_asked() {
    let policies =
        json!([{"policyName": "out", "alarms": [{"alarmName": "high"}], "stepScalingPolicyConfiguration": {}}]);
    let found = |alarms: Value| {
        let spec = spec(policies.clone(), json!({"kubernetes": {"autoScaling": {"alarms": alarms}}}));
        findings(&spec).into_iter().map(|finding| finding.code).collect::<Vec<_>>()
    };
    let (external, http) =
        (json!({"metricName": "m"}), json!({"serverAddress": "http://prometheus:9090", "query": "m"}));
    let fine = json!([{"alarmName": "high", "external": external}]);
    assert_eq!(found(fine), [""; 0]);
    for (alarms, code) in [
        (json!([{"alarmName": "high"}]), "two-metrics-in-one"),
        (json!([{"alarmName": "high", "external": external, "prometheus": http}]), "two-metrics-in-one"),
        (
            json!([{"alarmName": "high", "external": external}, {"alarmName": "high", "prometheus": http}]),
            "repeated-mapping",
        ),
        (json!([{"alarmName": "low", "external": external}]), "no-such-alarm"),
        (json!([{"alarmName": "high", "external": {"metricName": "m", "selector": {"a b": ""}}}]), "illegal-label"),
        (json!([{"alarmName": "high", "external": {"metricName": "a/../b"}}]), "illegal-metric-name"),
        (
            json!([{"alarmName": "high", "prometheus": {"serverAddress": "http://a:b@c", "query": "m"}}]),
            "address-not-asked",
        ),
        (
            json!([{"alarmName": "high", "prometheus": {"serverAddress": "http://p:9090/x?y=", "query": "m"}}]),
            "address-not-asked",
        ),
        (
            json!([{"alarmName": "high", "prometheus": {"serverAddress": "https://p", "query": "m"}}]),
            "address-not-asked",
        ),
        (
            json!([{"alarmName": "high", "prometheus":
                {"serverAddress": "http://p", "query": "m", "authentication": {"name": "a"}}}]),
            "authentication-without-use",
        ),
    ] {
        assert_eq!(found(alarms.clone()), [code], "{alarms}");
    }
}
