//! Metric sources.

use serde_json::json;

use super::*;

#[test]
fn a_metric_divided_by_the_number_of_tasks_is_a_total() {
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
fn customized_utilization_metrics_equal_predefined_ones() {
    let dimensions = json!([dimension("ClusterName", "shop"), dimension("ServiceName", "web")]);
    let by_name = |namespace: &str, name: &str, dimensions: &Value, statistic: &str| {
        by_metric(
            60.0,
            json!({"namespace": namespace, "metricName": name, "dimensions": dimensions, "statistic": statistic}),
        )
    };
    for (name, resource) in [("CPUUtilization", "cpu"), ("MemoryUtilization", "memory")] {
        let plain = by_name("AWS/ECS", name, &dimensions, "Average");
        let (kind, hpa) = rendered(&plain, QUIET).expect(name);
        assert_eq!((kind, &hpa["metrics"][0]["resource"]["name"]), ("hpa", &json!(resource)));
        let stat = json!({"stat": "Average", "unit": "Percent", "metric": {"namespace": "AWS/ECS", "metricName": name, "dimensions": dimensions}});
        let (_, listed) =
            rendered(&by_metric(60.0, json!({"metrics": [{"id": "m", "metricStat": stat}]})), QUIET).expect(name);
        assert_eq!(listed, hpa);
    }
    let path = "policies/0/targetTrackingScalingPolicyConfiguration/customizedMetricSpecification/namespace";
    for (namespace, name, statistic) in
        [("AWS/ECS", "CPUUtilization", "Maximum"), ("ECS/ContainerInsights", "CpuUtilized", "Average")]
    {
        let unavailable = by_name(namespace, name, &dimensions, statistic);
        assert_eq!(rendered(&unavailable, QUIET), None, "{name}");
        assert_eq!(verdict(&unavailable, path, Mode::Operator).unwrap().0, "metric-unavailable-after-migration");
    }
    let other = by_name(
        "AWS/ECS",
        "CPUUtilization",
        &json!([dimension("ClusterName", "shop"), dimension("ServiceName", "db")]),
        "Average",
    );
    assert_eq!(trigger(&other).unwrap()["type"], "aws-cloudwatch");
    assert_eq!(verdict(&other, path, Mode::Operator).unwrap().0, "metric-of-other-ecs-service");
    let elsewhere = by_name("AWS/RDS", "CPUUtilization", &json!([dimension("DBInstanceIdentifier", "db")]), "Average");
    assert_eq!(verdict(&elsewhere, path, Mode::Operator).unwrap().0, "keda-needed");
}

#[test]
fn the_target_of_a_queue_is_a_whole_number_of_messages() {
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
    assert_eq!(verdict(&chosen(12.0), path, Mode::Operator).unwrap().0, "exact");
    let (code, message) = verdict(&chosen(12.5), path, Mode::Operator).unwrap();
    assert_eq!((code, message.as_str()), ("rounded-target", "KEDA requires a whole number of messages: 12"));
    // The depth in CloudWatch may have any number as target.
    let cloud_watch = spec(
        json!([policy("q", queue(json!({"targetValue": 12.5})))]),
        json!({"kubernetes": {"autoScaling": {"awsRegion": "eu-west-1"}}}),
    );
    assert_eq!(trigger(&cloud_watch).unwrap()["metadata"]["targetMetricValue"], "12.5");
    assert_eq!(verdict(&cloud_watch, path, Mode::Operator).unwrap().0, "exact");
}

#[test]
fn a_metric_without_dimensions_is_queried_with_metrics_insights() {
    let without_dimensions = |more: Value| {
        let mut metric = json!({"namespace": "Shop/Front", "metricName": "Open Sessions", "statistic": "Maximum"});
        metric.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        by_metric(5.0, metric)
    };
    let metadata = trigger(&without_dimensions(json!({}))).unwrap()["metadata"].clone();
    assert_eq!(metadata["expression"], r#"SELECT MAX("Open Sessions") FROM SCHEMA("Shop/Front")"#);
    for member in ["namespace", "metricName", "dimensionName", "metricStat"] {
        assert_eq!(metadata.get(member), None, "{member}");
    }
    let at = "policies/0/targetTrackingScalingPolicyConfiguration/customizedMetricSpecification";
    let with_unit = without_dimensions(json!({"unit": "Count"}));
    assert_eq!(verdict(&with_unit, &format!("{at}/unit"), Mode::Operator).unwrap().0, "metric-unit-ignored");
    let stat = json!({"stat": "p99", "metric": {"namespace": "Shop", "metricName": "Latency"}});
    let percentile = by_metric(5.0, json!({"metrics": [{"id": "m", "metricStat": stat}]}));
    assert_eq!(trigger(&percentile), None);
    let path = format!("{at}/metrics/0/metricStat/stat");
    assert_eq!(verdict(&percentile, &path, Mode::Operator).unwrap().0, "metric-without-dimensions");
}

#[test]
fn the_trigger_contains_the_unit_of_the_metric() {
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
fn requests_of_a_load_balancer_are_divided_by_the_number_of_tasks() {
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
fn a_mapping_replaces_the_metric_of_a_policy() {
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
