//! Auto scaling.

use super::*;

fn scaling(more: Value) -> Value {
    let mut scaling = json!({"minCapacity": 1, "maxCapacity": 9});
    scaling.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"autoScaling": scaling})
}

fn policies(policies: Value) -> Value {
    scaling(json!({"policies": policies}))
}

fn tracking(configuration: Value) -> Value {
    policies(json!([{"policyName": "p", "targetTrackingScalingPolicyConfiguration": configuration}]))
}

fn cpu() -> Value {
    json!({"targetValue": 60.0, "predefinedMetricSpecification": {"predefinedMetricType": "ECSServiceAverageCPUUtilization"}})
}

fn step(steps: Value) -> Value {
    let alarm = json!({"alarmName": "a", "metricName": "m", "namespace": "n", "threshold": 1, "evaluationPeriods": 2,
        "period": 60, "comparisonOperator": "GreaterThanThreshold"});
    policies(json!([{"policyName": "p", "policyType": "StepScaling", "alarms": [alarm],
        "stepScalingPolicyConfiguration": {"adjustmentType": "ChangeInCapacity", "stepAdjustments": steps}}]))
}

fn alarm(alarm: Value) -> Value {
    let mut service = step(json!([{"metricIntervalLowerBound": 0, "scalingAdjustment": 1}]));
    service["autoScaling"]["policies"][0]["alarms"] = json!([alarm]);
    service
}

fn action(action: Value) -> Value {
    let mut whole =
        json!({"scheduledActionName": "s", "schedule": "rate(1 hour)", "scalableTargetAction": {"minCapacity": 1}});
    whole.as_object_mut().unwrap().extend(action.as_object().unwrap().clone());
    scaling(json!({"scheduledActions": [whole]}))
}

#[test]
fn correct_scaling_has_no_findings() {
    let both = json!([{"metricIntervalUpperBound": 0, "scalingAdjustment": -1},
        {"metricIntervalLowerBound": 0, "metricIntervalUpperBound": 10, "scalingAdjustment": 1},
        {"metricIntervalLowerBound": 10, "scalingAdjustment": 3}]);
    let math = json!({"targetValue": 10, "customizedMetricSpecification": {"metrics": [
        {"id": "q", "returnData": false, "metricStat": {"stat": "Sum", "metric": {"metricName": "a", "namespace": "b"}}},
        {"id": "e", "expression": "q / 2"}]}});
    let zoned = json!({"schedule": "cron(0 8 ? * MON-FRI *)", "timezone": "Asia/Tokyo", "startTime": "2030-01-01T00:00:00",
        "endTime": "2031-01-01T00:00:00+09:00"});
    for sound in [scaling(json!({})), tracking(cpu()), tracking(math), step(both), action(zoned)] {
        assert_eq!(check_service(sound.clone()), [""; 0], "{sound}");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn each_mistake_in_scaling_has_its_code_and_path() {
    let with = |mut service: Value, more: Value| {
        service.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        service
    };
    let policy = "/autoScaling/policies/0";
    let tracked = "/autoScaling/policies/0/targetTrackingScalingPolicyConfiguration";
    let steps = "/autoScaling/policies/0/stepScalingPolicyConfiguration";
    let alb = |label: Value| json!({"targetValue": 1, "predefinedMetricSpecification": {"predefinedMetricType": "ALBRequestCountPerTarget", "resourceLabel": label}});

    let cases = [
        (
            with(scaling(json!({})), json!({"schedulingStrategy": "DAEMON"})),
            "scaling-not-possible",
            "/autoScaling".to_owned(),
        ),
        (scaling(json!({"minCapacity": 10})), "minimum-above-maximum", "/autoScaling/minCapacity".to_owned()),
        (
            scaling(json!({"scheduledActions": [
                {"scheduledActionName": "s", "schedule": "rate(1 day)", "scalableTargetAction": {"minCapacity": 1}},
                {"scheduledActionName": "s", "schedule": "rate(1 day)", "scalableTargetAction": {"minCapacity": 1}}]})),
            "duplicate-name",
            "/autoScaling/scheduledActions/1/scheduledActionName".to_owned(),
        ),
        (
            policies(json!([{"policyName": "p", "policyType": "TargetTrackingScaling"}])),
            "no-policy-configuration",
            tracked.to_owned(),
        ),
        (
            policies(
                json!([{"policyName": "p", "policyType": "TargetTrackingScaling", "predictiveScalingPolicyConfiguration": {},
                "targetTrackingScalingPolicyConfiguration": cpu()}]),
            ),
            "configuration-of-another-type",
            format!("{policy}/predictiveScalingPolicyConfiguration"),
        ),
        (
            policies(json!([{"policyName": "a", "targetTrackingScalingPolicyConfiguration": cpu()},
                {"policyName": "b", "targetTrackingScalingPolicyConfiguration": cpu()}])),
            "metric-tracked-twice",
            "/autoScaling/policies/1/targetTrackingScalingPolicyConfiguration".to_owned(),
        ),
        (tracking(json!({"targetValue": 1})), "no-metric", format!("{tracked}/predefinedMetricSpecification")),
        (tracking(with(cpu(), json!({"targetValue": 0}))), "target-not-positive", format!("{tracked}/targetValue")),
        (
            tracking(with(cpu(), json!({"customizedMetricSpecification": {}}))),
            "two-metrics-in-one",
            format!("{tracked}/customizedMetricSpecification"),
        ),
        (
            tracking(alb(Value::Null)),
            "no-resource-label",
            format!("{tracked}/predefinedMetricSpecification/resourceLabel"),
        ),
        (
            tracking(alb(json!("app/a"))),
            "invalid-resource-label",
            format!("{tracked}/predefinedMetricSpecification/resourceLabel"),
        ),
        (
            tracking(json!({"targetValue": 1, "customizedMetricSpecification": {"metricName": "m", "namespace": "n"}})),
            "no-metric",
            format!("{tracked}/customizedMetricSpecification/statistic"),
        ),
        (
            tracking(
                json!({"targetValue": 1, "customizedMetricSpecification": {"metrics": [{"id": "a", "expression": "1"},
                {"id": "b", "expression": "2"}]}}),
            ),
            "tracked-metric-not-clear",
            format!("{tracked}/customizedMetricSpecification/metrics"),
        ),
        (step(json!([])), "no-steps", format!("{steps}/stepAdjustments")),
        (
            step(json!([{"metricIntervalLowerBound": 0, "metricIntervalUpperBound": 5, "scalingAdjustment": 1},
                {"metricIntervalLowerBound": 6, "scalingAdjustment": 2}])),
            "steps-do-not-join",
            format!("{steps}/stepAdjustments"),
        ),
        (
            step(json!([{"metricIntervalLowerBound": 0, "metricIntervalUpperBound": 5, "scalingAdjustment": 1}])),
            "steps-do-not-join",
            format!("{steps}/stepAdjustments"),
        ),
        (step(json!([{"scalingAdjustment": 1}])), "steps-do-not-join", format!("{steps}/stepAdjustments")),
        (alarm(json!({"alarmName": "a"})), "alarm-not-given", format!("{policy}/alarms/0")),
        (
            alarm(
                json!({"alarmName": "a", "metricName": "m", "evaluationPeriods": 1, "datapointsToAlarm": 2, "threshold": 1,
                "period": 60, "comparisonOperator": "LessThanThreshold"}),
            ),
            "more-datapoints-than-periods",
            format!("{policy}/alarms/0/datapointsToAlarm"),
        ),
        (
            alarm(json!({"alarmName": "a", "metricName": "m", "evaluationPeriods": 1, "threshold": 1,
                "comparisonOperator": "LessThanThreshold"})),
            "missing-member",
            format!("{policy}/alarms/0/period"),
        ),
        (
            action(json!({"schedule": "cron(0 8 * * * *)"})),
            "invalid-schedule",
            "/autoScaling/scheduledActions/0/schedule".to_owned(),
        ),
        (
            action(json!({"timezone": "Nowhere"})),
            "invalid-schedule",
            "/autoScaling/scheduledActions/0/timezone".to_owned(),
        ),
        (
            action(json!({"startTime": "soon"})),
            "invalid-schedule",
            "/autoScaling/scheduledActions/0/startTime".to_owned(),
        ),
        (action(json!({"endTime": "late"})), "invalid-schedule", "/autoScaling/scheduledActions/0/endTime".to_owned()),
        (
            action(json!({"startTime": "2030-01-02T00:00:00Z", "endTime": "2030-01-01T00:00:00Z"})),
            "end-before-start",
            "/autoScaling/scheduledActions/0/endTime".to_owned(),
        ),
        (
            action(json!({"scalableTargetAction": {}})),
            "action-without-effect",
            "/autoScaling/scheduledActions/0/scalableTargetAction".to_owned(),
        ),
        (
            tracking(json!({"targetValue": 1, "customizedMetricSpecification": {"metricName": "m", "namespace": "n",
                "statistic": "Sum", "unit": "Furlongs"}})),
            "unknown-unit",
            format!("{tracked}/customizedMetricSpecification/unit"),
        ),
        (
            tracking(
                json!({"targetValue": 1, "customizedMetricSpecification": {"metrics": [{"id": "a", "metricStat": {"stat": "Sum",
                "unit": "count", "metric": {"metricName": "m", "namespace": "n"}}}]}}),
            ),
            "unknown-unit",
            format!("{tracked}/customizedMetricSpecification/metrics/0/metricStat/unit"),
        ),
    ];
    for (service, code, path) in cases {
        let found = check_service(service.clone());
        let expected = format!("{code} {path}");
        assert!(found.iter().any(|finding| finding.ends_with(&expected)), "{expected} not in {found:?}: {service}");
    }
}

#[test]
fn an_alarm_looks_back_a_day_or_a_week_with_its_own_period_or_that_of_its_queries() {
    let is_too_far = |more: Value| {
        let mut whole = json!({"alarmName": "a", "threshold": 1, "comparisonOperator": "LessThanThreshold"});
        whole.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let findings = check_service(alarm(whole));
        assert!(findings.iter().all(|finding| finding.contains("alarm-looks-back-too-far")), "{findings:?}");
        !findings.is_empty()
    };
    let with_metric = |period: i32, periods: i32| {
        is_too_far(json!({"metricName": "m", "namespace": "n", "period": period, "evaluationPeriods": periods}))
    };
    assert_eq!(
        [(60, 1440), (3600, 168), (604_800, 1)].map(|(period, periods)| with_metric(period, periods)),
        [false; 3]
    );
    assert_eq!(
        [(60, 1441), (3600, 169), (604_860, 1)].map(|(period, periods)| with_metric(period, periods)),
        [true; 3]
    );
    assert!(with_metric(60, i32::MAX));
    let with_query = |query: Value, periods: i32| is_too_far(json!({"evaluationPeriods": periods, "metrics": [query]}));
    let stat = |period: i32| json!({"id": "a", "metricStat": {"metric": {"metricName": "m"}, "period": period, "stat": "Sum"}});
    assert_eq!([with_query(stat(300), 288), with_query(stat(300), 289)], [false, true]);
    assert!(with_query(json!({"id": "a", "expression": "1", "period": 2_000_000_000}), 1));
    assert!(with_query(json!({"id": "a", "expression": "1"}), i32::MAX), "values of a minute");
}

#[test]
fn an_action_that_sets_one_limit_beyond_the_other_is_reported() {
    let check = |changes: Value| {
        let actions = changes.as_array().unwrap().iter().enumerate().map(|(number, change)| {
            json!({"scheduledActionName": format!("a{number}"), "schedule": "rate(1 day)", "scalableTargetAction": change})
        });
        check_service(scaling(json!({"scheduledActions": actions.collect::<Vec<_>>()})))
    };
    let at = |number: i32, member: &str| {
        format!("warning limit-beyond-the-other /autoScaling/scheduledActions/{number}/scalableTargetAction/{member}")
    };
    // The limits of the target are 1 and 9.
    assert_eq!(check(json!([{"minCapacity": 10}])), [at(0, "minCapacity")]);
    assert_eq!(check(json!([{"maxCapacity": 3}, {"maxCapacity": 0}])), [at(1, "maxCapacity")]);
    assert_eq!(check(json!([{"minCapacity": 10}, {"maxCapacity": 20}])), [""; 0], "the other action may be due first");
    assert_eq!(check(json!([{"minCapacity": 9}, {"minCapacity": 10, "maxCapacity": 20}])), [""; 0]);
    assert_eq!(check(json!([{"maxCapacity": 0}, {"minCapacity": 0}])), [""; 0]);
}

#[test]
fn a_utilization_metric_requires_a_reservation() {
    let service: Service = serde_json::from_value(tracking(cpu())).unwrap();
    let codes = |task: Value| {
        let task = serde_json::from_value(task).unwrap();
        let findings = service_with_task_definition(&service, &task);
        findings.iter().map(|finding| finding.code).collect::<Vec<_>>()
    };
    let containers = |first: Value| json!([{"name": "a", "cpu": 1}, first]);
    assert_eq!(codes(json!({"containerDefinitions": containers(json!({"name": "b"}))})), ["nothing-reserved"]);
    assert_eq!(codes(json!({"containerDefinitions": containers(json!({"name": "b", "cpu": 2}))})), [""; 0]);
    assert_eq!(codes(json!({"cpu": "256", "containerDefinitions": containers(json!({"name": "b"}))})), [""; 0]);
}
