//! Findings about `kubernetes.autoScaling`.

use serde_json::json;

use super::*;

#[test]
fn credentials_of_the_cluster_are_rejected_for_an_address_of_the_service() {
    let codes = |authentication: Value| {
        let prometheus =
            json!({"serverAddress": "http://prometheus:9090", "query": "m", "authentication": authentication});
        let metrics = json!([{"policyName": "q", "prometheus": prometheus}]);
        let aws = json!({"name": "aws", "clusterWide": true});
        let chosen = json!({"kubernetes": {"autoScaling": {"authentication": aws, "metrics": metrics}}});
        let spec = spec(json!([policy("q", queue(json!({})))]), chosen);
        findings(&spec).into_iter().map(|finding| finding.code).collect::<Vec<_>>()
    };
    assert_eq!(codes(json!({"name": "team"})), [""; 0]);
    assert_eq!(codes(json!({"name": "team", "clusterWide": false})), [""; 0]);
    assert_eq!(codes(json!({"name": "central", "clusterWide": true})), ["authentication-for-any-address"]);
}

#[test]
fn the_metric_of_an_alarm_must_have_one_source_that_can_be_queried() {
    let policies =
        json!([{"policyName": "out", "alarms": [{"alarmName": "high"}], "stepScalingPolicyConfiguration": {}}]);
    let codes = |alarms: Value| {
        let spec = spec(policies.clone(), json!({"kubernetes": {"autoScaling": {"alarms": alarms}}}));
        findings(&spec).into_iter().map(|finding| finding.code).collect::<Vec<_>>()
    };
    let (external, http) =
        (json!({"metricName": "m"}), json!({"serverAddress": "http://prometheus:9090", "query": "m"}));
    let valid = json!([{"alarmName": "high", "external": external}]);
    assert_eq!(codes(valid), [""; 0]);
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
        assert_eq!(codes(alarms.clone()), [code], "{alarms}");
    }
}
