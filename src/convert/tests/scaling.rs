//! Scaling policies and alarms that are merged into services.

use serde_json::{Value, json};

use super::{codes, field, findings, manifest_settings, names, run, service, task, yaml};
use crate::convert::Settings;
use crate::translate::Verdict;

#[expect(clippy::needless_pass_by_value, reason = "values are written where they are used")]
fn scaling_input(more: Value) -> Value {
    let mut input = json!({"ServiceNamespace": "ecs", "ResourceId": "service/shop/web", "ScalableDimension": "ecs:service:DesiredCount"});
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    input
}

fn step_policy() -> Value {
    let steps = json!({"AdjustmentType": "ChangeInCapacity", "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}]});
    scaling_input(json!({"PolicyName": "out", "PolicyType": "StepScaling", "StepScalingPolicyConfiguration": steps}))
}

fn alarm(actions: &Value) -> Value {
    json!({"AlarmName": "busy", "AlarmActions": actions, "MetricName": "CPUUtilization", "Namespace": "AWS/ECS",
        "Dimensions": [{"Name": "ClusterName", "Value": "shop"}, {"Name": "ServiceName", "Value": "web"}], "Statistic": "Average",
        "Period": 60, "Threshold": 80, "EvaluationPeriods": 3, "ComparisonOperator": "GreaterThanThreshold"})
}

fn policy_arn(service: &str, policy: &str) -> String {
    format!("arn:aws:autoscaling:eu-west-1:1:scalingPolicy:2:resource/ecs/service/shop/{service}:policyName/{policy}")
}

#[test]
fn scaling_resources_are_merged_into_their_service_and_reported() {
    let mut service_in_shop = service("web", "web");
    service_in_shop["cluster"] = "arn:aws:ecs:eu-west-1:1:cluster/shop".into();
    service_in_shop.as_object_mut().unwrap().remove("desiredCount");
    let action = "arn:aws:autoscaling:eu-west-1:1:scalingPolicy:2:resource/ecs/service/shop/web:policyName/out";
    let alarm = json!({"AlarmName": "busy", "AlarmActions": [action], "Period": 60, "MetricName": "CPUUtilization", "Namespace": "AWS/ECS",
        "Dimensions": [{"Name": "ClusterName", "Value": "shop"}, {"Name": "ServiceName", "Value": "web"}],
        "Threshold": 80, "EvaluationPeriods": 3, "ComparisonOperator": "GreaterThanThreshold"});
    let late =
        scaling_input(json!({"ScheduledActionName": "late", "Schedule": "rate(1 day)", "StartTime": 1_893_456_000,
        "ScalableTargetAction": {"MinCapacity": 2}}));
    let inputs = [
        ("alarm.json", alarm),
        ("policy.json", step_policy()),
        ("target.json", scaling_input(json!({"MinCapacity": 1, "MaxCapacity": 5, "Tags": {"Team": "web"}}))),
        ("actions.json", json!({"ScheduledActions": [late]})),
        ("service.json", service_in_shop),
        ("task.json", task("web")),
    ];
    let conversion = run(&inputs, &Settings::default());
    let scaling = yaml(conversion.manifests.last().unwrap())["spec"]["autoScaling"].clone();
    assert_eq!((&scaling["minCapacity"], &scaling["tags"]["Team"]), (&json!(1), &json!("web")));
    assert_eq!(scaling["policies"][0]["alarms"][0]["alarmName"], "busy");
    assert_eq!(scaling["policies"][0].get("resourceId"), None);
    assert_eq!(scaling["scheduledActions"][0]["startTime"], "2030-01-01T00:00:00Z");
    assert_eq!(field(&conversion, 0, "/Threshold").verdict, Verdict::Exact);
    assert_eq!(field(&conversion, 0, "/MetricName").code, Some("metrics-server-needed"));
    assert_eq!(field(&conversion, 1, "/ResourceId").verdict, Verdict::Exact);
    assert_eq!(field(&conversion, 2, "/MaxCapacity").target.as_deref(), Some("Service/web#/spec/desiredCount"));
    assert_eq!(field(&conversion, 3, "/ScheduledActions/0/Schedule").verdict, Verdict::Exact);
    let fields: usize = conversion.report.documents[..4].iter().map(|document| document.fields.len()).sum();
    assert_eq!(fields, 13 + 8 + 6 + 6, "every leaf is reported");
}

#[test]
fn scaling_resources_without_a_service_are_refused() {
    let target = scaling_input(json!({"MinCapacity": 1, "MaxCapacity": 5}));
    let mut service_in_shop = service("web", "web");
    service_in_shop["cluster"] = "shop".into();
    let errors = |inputs: &[(&str, Value)]| codes(&run(inputs, &Settings::default()));
    assert_eq!(errors(&[("t.json", target.clone())]), ["service-not-given"]);
    let both = [("p.json", step_policy()), ("s.json", service_in_shop.clone())];
    assert_eq!(errors(&both), ["no-scalable-target"]);
    let mut table = target.clone();
    table["ServiceNamespace"] = "dynamodb".into();
    assert_eq!(errors(&[("t.json", table)]), ["not-a-service"]);
    service_in_shop["autoScaling"] = json!({"minCapacity": 1, "maxCapacity": 2});
    let twice = [("t.json", target), ("s.json", service_in_shop)];
    assert!(errors(&twice).contains(&"scaling-given-twice"), "{:?}", errors(&twice));
}

#[test]
fn a_desired_count_of_a_scaled_service_is_a_warning() {
    let mut scaled = service("web", "web");
    scaled["autoScaling"] = json!({"minCapacity": 1, "maxCapacity": 5});
    let conversion = run(&[("s.json", scaled)], &Settings::default());
    assert_eq!(codes(&conversion), ["desired-count-of-autoscaler"]);
}

#[test]
fn errors_in_scaling_resources_are_reported_with_the_resource() {
    let mut service_in_shop = service("web", "web");
    service_in_shop["cluster"] = "shop".into();
    let target = scaling_input(json!({"MinCapacity": 1, "MaxCapacity": 5}));
    let errors = |part: Value, others: &[&Value]| {
        let mut inputs = vec![("part.json", part), ("s.json", service_in_shop.clone()), ("t.json", task("web"))];
        inputs.extend(others.iter().map(|other| ("other.json", (*other).clone())));
        let conversion = run(&inputs, &Settings::default());
        assert!(conversion.report.documents[0].is_refused() && conversion.report.documents[1].is_refused());
        assert_eq!(names(&conversion), ["TaskDefinition/web"]);
        let findings = findings(&conversion);
        assert!(findings[1].contains(&"part-refused ".to_owned()), "{findings:?}");
        assert!(findings[3..].iter().all(|other| other.concat().starts_with("whole-refused")), "{findings:?}");
        let counts = conversion.report.counts();
        assert_eq!((counts.converted, counts.refused), (1, 2 + others.len()), "{findings:?}");
        findings[0].clone()
    };
    let crossed = scaling_input(json!({"MinCapacity": 20, "MaxCapacity": 2}));
    assert_eq!(errors(json!([crossed]), &[]), ["minimum-above-maximum /0/MinCapacity"]);
    let absent = json!({"ScalableTargets": [scaling_input(json!({"MaxCapacity": 2}))]});
    assert_eq!(errors(absent, &[]), ["missing-member /ScalableTargets/0/MinCapacity"]);
    let mut policy = step_policy();
    policy["StepScalingPolicyConfiguration"]["AdjustmentType"] = "ChangeCapacity".into();
    let error = "invalid-choice /ScalingPolicies/0/StepScalingPolicyConfiguration/AdjustmentType";
    assert_eq!(errors(json!({"ScalingPolicies": [policy]}), &[&target])[0], error);
    for (schedule, zone, path) in
        [("cron(0 22 * * *)", "Europe/Berlin", "/Schedule"), ("cron(0 22 * * ? *)", "Mars", "/Timezone")]
    {
        let action = scaling_input(json!({"ScheduledActionName": "late", "Schedule": schedule, "Timezone": zone,
            "ScalableTargetAction": {"MinCapacity": 2}}));
        assert_eq!(errors(action, &[&target]), [format!("invalid-schedule {path}")]);
    }
    let mut busy = alarm(&json!([policy_arn("web", "out")]));
    busy["EvaluationPeriods"] = 0.into();
    let paths = errors(json!({"MetricAlarms": [busy]}), &[&target, &step_policy()]);
    assert!(paths.iter().all(|path| path.ends_with(" /MetricAlarms/0/EvaluationPeriods")), "{paths:?}");
}

#[test]
fn the_cluster_arn_identifies_the_cluster_of_alarm_dimensions() {
    let mut described = service("web", "web");
    described["clusterArn"] = "arn:aws:ecs:eu-west-1:1:cluster/shop".into();
    let inputs = [
        ("s.json", json!({"services": [described]})),
        ("t.json", scaling_input(json!({"MinCapacity": 1, "MaxCapacity": 5}))),
        ("p.json", step_policy()),
        ("a.json", alarm(&json!([policy_arn("web", "out")]))),
    ];
    let conversion = run(&inputs, &Settings::default());
    assert_eq!(field(&conversion, 2, "/PolicyName").verdict, Verdict::Exact);
    assert_eq!(field(&conversion, 3, "/Threshold").verdict, Verdict::Exact);
    let manifests = run(&inputs, &manifest_settings());
    assert_eq!(
        field(&manifests, 0, "/services/0/clusterArn").verdict,
        field(&manifests, 0, "/services/0/serviceName").verdict
    );
}

#[test]
fn an_alarm_with_an_unknown_policy_is_a_warning() {
    let mut service_in_shop = service("web", "web");
    service_in_shop["cluster"] = "shop".into();
    let target = scaling_input(json!({"MinCapacity": 1, "MaxCapacity": 5}));
    let convert = |alarm: Value| {
        let inputs = [
            ("a.json", alarm),
            ("s.json", service_in_shop.clone()),
            ("t.json", target.clone()),
            ("p.json", step_policy()),
        ];
        run(&inputs, &Settings::default())
    };
    let topic = "arn:aws:sns:eu-west-1:1:pager";
    let unknown = convert(alarm(&json!([topic, policy_arn("web", "oute")])));
    assert_eq!(findings(&unknown)[0], ["no-such-policy /AlarmActions/1"]);
    assert!(unknown.report.documents[0].findings[0].message.ends_with("did you mean `out`?"));
    let mut other_state = alarm(&json!([topic]));
    other_state["OKActions"] = json!([policy_arn("web", "out")]);
    assert_eq!(findings(&convert(other_state))[0], ["action-of-other-state /OKActions/0"]);
    for action in [topic.to_owned(), policy_arn("api", "out"), policy_arn("web", "out")] {
        assert_eq!(findings(&convert(alarm(&json!([action]))))[0], [""; 0], "{action}");
    }
}

#[test]
fn an_alarm_of_two_services_is_reported_for_both() {
    let scaled = |name: &str| {
        let mut service = service(name, "web");
        service["cluster"] = "shop".into();
        let of_service = |mut part: Value| {
            part["ResourceId"] = format!("service/shop/{name}").into();
            part
        };
        let target = of_service(scaling_input(json!({"MinCapacity": 1, "MaxCapacity": 5})));
        json!([service, target, of_service(step_policy())])
    };
    let both = alarm(&json!([policy_arn("web", "out"), policy_arn("api", "out")]));
    let inputs = [("a.json", both), ("web.json", scaled("web")), ("api.json", scaled("api")), ("t.json", task("web"))];
    let conversion = run(&inputs, &Settings::default());
    // The alarm is on the utilization of one of the services.
    let threshold = field(&conversion, 0, "/Threshold");
    assert_eq!((threshold.verdict, threshold.code), (Verdict::Unsupported, Some("alarm-not-evaluated")));
    assert!(threshold.message.as_deref().unwrap().starts_with("in the Service \"api\": "), "{threshold:?}");
}

#[test]
fn composite_alarms_are_reported_as_not_evaluated() {
    let composite = |actions: Value| json!({"AlarmName": "both", "AlarmRule": "ALARM(busy)", "AlarmActions": actions});
    let described =
        json!({"MetricAlarms": [alarm(&json!([]))], "CompositeAlarms": [composite(json!([policy_arn("web", "out")]))]});
    let mut service_in_shop = service("web", "web");
    service_in_shop["cluster"] = "shop".into();
    let conversion = run(&[("a.json", described), ("s.json", service_in_shop)], &Settings::default());
    let document = &conversion.report.documents[1];
    assert_eq!((document.kind, document.name.as_deref()), (Some("CompositeAlarm"), Some("both")));
    assert_eq!(field(&conversion, 1, "/CompositeAlarms/0/AlarmRule").code, Some("alarm-not-evaluated"));
    let alone = run(&[("a.json", composite(json!([])))], &Settings::default());
    assert_eq!(field(&alone, 0, "/AlarmRule").code, Some("alarm-without-policy"));
}
