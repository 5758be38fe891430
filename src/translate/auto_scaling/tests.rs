#![expect(clippy::needless_pass_by_value, reason = "values are written where they are used")]

use super::*;
use crate::translate::Ledger;
use crate::translate::metadata::Identity;
use serde_json::json;

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
    Situation { limits: Limits { min: 2, max: 10 }, rolling: false, tolerance: true, attended: true };

fn rendered(spec: &ServiceSpec, situation: Situation) -> Option<(&'static str, Value)> {
    let identity = Identity { service: "web", task_definition: "web", cluster: "shop" };
    let place = Placement { namespace: None, identity, task_definition: "web:1", revision: 1, tags: &[] };
    match render(spec, &place, situation)? {
        Surrounding::Autoscaler(object) => Some(("hpa", object.body["spec"].clone())),
        Surrounding::ScaledObject(object) => Some(("keda", object.body["spec"].clone())),
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
    assert_eq!((&object["minReplicaCount"], &object["maxReplicaCount"]), (&json!(0), &json!(5)));
    assert_eq!(object["triggers"][0], json!({"type": "cpu", "metricType": "Utilization", "metadata": {"value": "60"}}));
    assert_eq!(
        object["triggers"][1],
        json!({"type": "aws-sqs-queue", "metricType": "Value", "metadata": {"awsRegion": "eu-west-1", "identityOwner": "operator",
            "queueURL": "jobs", "queueLength": "100", "scaleOnInFlight": "false"}})
    );
    let behavior = &object["advanced"]["horizontalPodAutoscalerConfig"]["behavior"];
    assert_eq!(behavior["scaleUp"].get("tolerance"), None, "not every KEDA knows it");
}

#[test]
fn what_an_expression_divides_by_the_number_of_tasks_is_a_total() {
    let metric = |id: &str, namespace: &str, name: &str| {
        json!({"id": id, "returnData": false, "metricStat": {"stat": "Average", "metric": {"namespace": namespace, "metricName": name,
            "dimensions": [{"name": "QueueName", "value": "jobs"}]}}})
    };
    let backlog = |divisor: &str| {
        json!({"targetValue": 10, "customizedMetricSpecification": {"metrics": [
            metric("depth", "AWS/SQS", "ApproximateNumberOfMessagesVisible"),
            metric("tasks", "ECS/ContainerInsights", divisor), {"id": "each", "expression": "depth / tasks"}]}})
    };
    let region = json!({"kubernetes": {"autoScaling": {"awsRegion": "eu-west-1"}}});
    let whole = spec(json!([policy("q", backlog("RunningTaskCount"))]), region.clone());
    let trigger = rendered(&whole, QUIET).unwrap().1["triggers"][0].clone();
    assert_eq!((&trigger["type"], &trigger["metricType"]), (&json!("aws-sqs-queue"), &json!("AverageValue")));
    assert_eq!(rendered(&spec(json!([policy("q", backlog("Weather"))]), region), QUIET), None);
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
        let mut ledger = Ledger::of_service();
        claim(&spec, "web", &mut ledger);
        let judged = ledger.close(&serde_json::to_value(&spec).unwrap(), &std::collections::BTreeSet::new());
        let of_policies = judged.into_iter().filter(|it| it.path.to_string().starts_with("/autoScaling/policies/0"));
        let codes = of_policies.filter_map(|it| it.code.map(|code| (it.path.to_string(), code)));
        codes.map(|(path, code)| (path.rsplit('/').next().unwrap().to_owned(), code.name())).collect::<Vec<_>>()
    };
    let verdicts = |policies: Value| verdicts_of(policies, json!({}));
    let metric = ("metricName".to_owned(), "metrics-server-needed");
    assert_eq!(verdicts(json!([step("CPUUtilization")])), std::slice::from_ref(&metric));
    let beside = verdicts(json!([step("CPUUtilization"), policy("memory", utilization("Memory", 70.0))]));
    assert_eq!(beside.len(), 3, "{beside:?}");
    assert!(beside.contains(&metric) && beside.iter().any(|(_, code)| *code == "scale-in-left-to-tracking"));
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
