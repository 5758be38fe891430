//! Services and clusters.

use super::*;

#[test]
fn a_correct_service_has_no_findings() {
    let sound = json!({
        "capacityProviderStrategy": [
            {"capacityProvider": "steady", "base": 1, "weight": 1}, {"capacityProvider": "spot", "weight": 3}],
        "loadBalancers": [{"targetGroupArn": "arn:x", "containerName": "app", "containerPort": 80}],
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
        "deploymentConfiguration": {"minimumHealthyPercent": 50, "maximumPercent": 200},
        "availabilityZoneRebalancing": "ENABLED",
        "placementStrategy": [{"type": "spread", "field": "attribute:ecs.availability-zone"}, {"type": "random"},
            {"type": "binpack", "field": "MEMORY"}],
        "placementConstraints": [{"type": "distinctInstance"}],
    });
    assert_eq!(check_service(sound), [""; 0]);
    assert_eq!(check_service(json!({"schedulingStrategy": "DAEMON", "desiredCount": null})), [""; 0]);
    assert_eq!(check_service(json!({"deploymentController": {"type": "EXTERNAL"}, "taskDefinition": null})), [""; 0]);
}

#[test]
fn each_mistake_in_a_service_has_its_code_and_path() {
    let strategy = |items: Value| json!({ "capacityProviderStrategy": items });
    let balancer = |balancer: Value| json!({"loadBalancers": [balancer]});
    let percents = |minimum: i32, maximum: i32| json!({"deploymentConfiguration": {"minimumHealthyPercent": minimum, "maximumPercent": maximum}});
    let ebs = |ebs: Value| json!({"volumeConfigurations": [{"name": "a", "managedEBSVolume": ebs}]});
    let cases = [
        (json!({"taskDefinition": null}), "error no-task-definition /taskDefinition"),
        (json!({"taskDefinition": "web:new"}), "error invalid-task-definition /taskDefinition"),
        (json!({"desiredCount": -1}), "error negative-desired-count /desiredCount"),
        (percents(101, 200), "error percent-out-of-range /deploymentConfiguration/minimumHealthyPercent"),
        (percents(0, 0), "error percent-out-of-range /deploymentConfiguration/maximumPercent"),
        (percents(90, 80), "error maximum-below-minimum /deploymentConfiguration/maximumPercent"),
        (percents(100, 100), "warning stuck-deployment /deploymentConfiguration"),
        (percents(75, 100), "warning stuck-deployment /deploymentConfiguration"),
        (
            json!({"launchType": "EC2", "capacityProviderStrategy": [{"capacityProvider": "a"}]}),
            "error launch-type-and-strategy /launchType",
        ),
        (
            strategy(json!([{"capacityProvider": "a", "weight": 1}, {"capacityProvider": "a"}])),
            "error duplicate-capacity-provider /capacityProviderStrategy/1/capacityProvider",
        ),
        (
            strategy(json!([{"capacityProvider": "a", "base": 1, "weight": 1}, {"capacityProvider": "b", "base": 1}])),
            "error second-base /capacityProviderStrategy/1/base",
        ),
        (
            strategy(json!([{"capacityProvider": "a"}, {"capacityProvider": "b"}])),
            "error no-weight /capacityProviderStrategy",
        ),
        (
            strategy(json!([{"capacityProvider": "a", "weight": 1}, {"capacityProvider": "FARGATE"}])),
            "error mixed-capacity-providers /capacityProviderStrategy",
        ),
        (
            json!({"capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT"}], "placementStrategy": [{"type": "random"}]}),
            "error placement-on-fargate /placementStrategy",
        ),
        (
            balancer(json!({"containerName": "a", "containerPort": 1})),
            "error no-target-group /loadBalancers/0/targetGroupArn",
        ),
        (
            balancer(json!({"targetGroupArn": "a", "loadBalancerName": "b", "containerName": "a", "containerPort": 1})),
            "error two-load-balancers-in-one /loadBalancers/0/loadBalancerName",
        ),
        (
            balancer(json!({"targetGroupArn": "a", "containerPort": 1})),
            "error no-target-container /loadBalancers/0/containerName",
        ),
        (
            balancer(json!({"targetGroupArn": "a", "containerName": "a"})),
            "error no-target-port /loadBalancers/0/containerPort",
        ),
        (json!({"serviceRegistries": [{}, {}]}), "error second-service-registry /serviceRegistries"),
        (
            json!({"serviceRegistries": [{"port": 1, "containerPort": 2}]}),
            "error registry-port-and-container /serviceRegistries/0/port",
        ),
        (
            json!({"networkConfiguration": {"awsvpcConfiguration": {"subnets": []}}}),
            "error no-subnets /networkConfiguration/awsvpcConfiguration/subnets",
        ),
        (
            json!({"availabilityZoneRebalancing": "ENABLED", "launchType": "EXTERNAL"}),
            "error rebalancing-not-possible /availabilityZoneRebalancing",
        ),
        (ebs(json!({"roleArn": "r"})), "error no-volume-size /volumeConfigurations/0/managedEBSVolume/sizeInGiB"),
        (
            ebs(json!({"roleArn": "r", "sizeInGiB": 1, "volumeType": "io2"})),
            "error no-volume-iops /volumeConfigurations/0/managedEBSVolume/iops",
        ),
        (json!({"tags": [{"key": "a"}, {"key": "a"}]}), "error duplicate-tag-key /tags/1/key"),
    ];
    for (change, expected) in cases {
        assert_eq!(check_service(change.clone()), [expected], "{change}");
    }
}

#[test]
fn each_mistake_about_placement_has_its_code_and_path() {
    let cases = [
        (
            json!({"placementConstraints": [{"type": "memberOf"}]}),
            "error constraint-without-expression /placementConstraints/0/expression",
        ),
        (
            json!({"placementConstraints": [{"type": "memberOf", "expression": "attribute:x = y"}]}),
            "error invalid-expression /placementConstraints/0/expression",
        ),
        (
            json!({"placementConstraints": [{"type": "memberOf", "expression": "attribute:ecs.ostype == linux"}]}),
            "warning doubtful-expression /placementConstraints/0/expression",
        ),
        (
            json!({"placementConstraints": [{"type": "distinctInstance", "expression": "attribute:x == y"}]}),
            "error expression-of-distinct-instance /placementConstraints/0/expression",
        ),
        (
            json!({"placementConstraints": vec![json!({"type": "distinctInstance"}); 11]}),
            "error too-many-items /placementConstraints",
        ),
        (json!({"placementStrategy": vec![json!({"type": "random"}); 6]}), "error too-many-items /placementStrategy"),
        (json!({"placementStrategy": [{"type": "spread"}]}), "error strategy-without-field /placementStrategy/0/field"),
        (
            json!({"placementStrategy": [{"type": "spread", "field": "ecs.availability-zone"}]}),
            "error invalid-spread-field /placementStrategy/0/field",
        ),
        (
            json!({"placementStrategy": [{"type": "spread", "field": "attribute:a b"}]}),
            "error invalid-spread-field /placementStrategy/0/field",
        ),
        (
            json!({"placementStrategy": [{"type": "spread", "field": "attribute:ecs.availability-zoen"}]}),
            "warning doubtful-attribute /placementStrategy/0/field",
        ),
        (
            json!({"placementStrategy": [{"type": "binpack", "field": "gpu"}]}),
            "error invalid-binpack-field /placementStrategy/0/field",
        ),
        (
            json!({"placementConstraints": [{"type": "distinctInstance"}], "launchType": "FARGATE"}),
            "error placement-on-fargate /placementConstraints",
        ),
    ];
    for (change, expected) in cases {
        assert_eq!(check_service(change.clone()), [expected], "{change}");
    }
}

#[test]
fn each_mistake_in_a_daemon_service_has_its_code_and_path() {
    let check =
        |change: Value| check_service(with(json!({"schedulingStrategy": "DAEMON", "desiredCount": null}), change));
    let cases = [
        (json!({"desiredCount": 2}), "info desired-count-on-daemon /desiredCount"),
        (json!({"launchType": "FARGATE"}), "error not-for-daemons /launchType"),
        (
            json!({"capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT"}]}),
            "error not-for-daemons /capacityProviderStrategy",
        ),
        (json!({"deploymentController": {"type": "CODE_DEPLOY"}}), "error not-for-daemons /deploymentController/type"),
        (
            json!({"deploymentConfiguration": {"maximumPercent": 200}}),
            "error not-for-daemons /deploymentConfiguration/maximumPercent",
        ),
        (json!({"placementStrategy": [{"type": "random"}]}), "error strategy-on-daemon /placementStrategy"),
        (
            json!({"placementConstraints": [{"type": "memberOf", "expression": "runningTasksCount < 3"}]}),
            "warning daemon-counts-itself /placementConstraints/0/expression",
        ),
        (
            json!({"availabilityZoneRebalancing": "ENABLED"}),
            "error rebalancing-not-possible /availabilityZoneRebalancing",
        ),
    ];
    for (change, expected) in cases {
        assert_eq!(check(change.clone()), [expected], "{change}");
    }
}

#[test]
fn a_service_must_fit_its_task_definition() {
    let task = json!({
        "networkMode": "awsvpc",
        "containerDefinitions": [{"name": "app", "portMappings": [
            {"containerPort": 80, "name": "http"}, {"containerPortRange": "100-110"}]}],
        "volumes": [{"name": "data", "configuredAtLaunch": true}, {"name": "tmp"}],
    });
    let check = |change: Value| {
        let base = json!({
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["s"]}},
            "volumeConfigurations": [{"name": "data"}],
        });
        summaries(&service_with_task_definition(&read(with(base, change)), &read(task.clone())))
    };
    let balancer = |name: &str, port: i32| json!({"loadBalancers": [{"containerName": name, "containerPort": port}]});
    let connect =
        |name: &str| json!({"serviceConnectConfiguration": {"enabled": true, "services": [{"portName": name}]}});
    let sound = [balancer("app", 80), balancer("app", 105), connect("http"), json!({})];
    for change in sound {
        assert_eq!(check(change), [""; 0]);
    }
    let cases = [
        (balancer("web", 80), "error unknown-container /loadBalancers/0/containerName"),
        (balancer("app", 81), "error unknown-port /loadBalancers/0/containerPort"),
        (
            json!({"serviceRegistries": [{"containerName": "web"}]}),
            "error unknown-container /serviceRegistries/0/containerName",
        ),
        (connect("grpc"), "error unknown-port-name /serviceConnectConfiguration/services/0/portName"),
        (json!({"gatewayConnectors": [{"portName": "x"}]}), "error unknown-port-name /gatewayConnectors/0/portName"),
        (json!({"networkConfiguration": null}), "info no-network-configuration /networkConfiguration"),
        (json!({"launchType": "FARGATE"}), "error incompatible-launch-type /launchType"),
        (json!({"volumeConfigurations": []}), "error volume-not-configured /volumeConfigurations"),
        (
            json!({"volumeConfigurations": [{"name": "data"}, {"name": "x"}]}),
            "error unknown-volume /volumeConfigurations/1/name",
        ),
        (
            json!({"volumeConfigurations": [{"name": "data"}, {"name": "tmp"}]}),
            "error volume-not-configured-at-launch /volumeConfigurations/1/name",
        ),
    ];
    for (change, expected) in cases {
        assert_eq!(check(change.clone()), [expected], "{change}");
    }
}

#[test]
fn a_task_definition_may_be_compatible_with_fargate_without_requiring_it() {
    let check = |change: Value| {
        let base = json!({
            "networkMode": "awsvpc", "cpu": "256", "memory": "512", "containerDefinitions": [{"name": "app"}]});
        let service = json!({
            "launchType": "FARGATE", "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["s"]}}});
        service_with_task_definition(&read(service), &read(with(base, change)))
    };
    assert_eq!(summaries(&check(json!({}))), [""; 0]);
    assert_eq!(summaries(&check(json!({"compatibilities": ["FARGATE"], "cpu": null}))), [""; 0]);
    // The task definition has its own finding about that.
    assert_eq!(summaries(&check(json!({"requiresCompatibilities": ["FARGATE"], "cpu": null}))), [""; 0]);
    let findings = check(json!({"cpu": "300"}));
    assert_eq!(summaries(&findings), ["error incompatible-launch-type /launchType"]);
    assert!(findings[0].message.contains("/cpu (Fargate has no size of 300 CPU units"), "{}", findings[0].message);
}

#[test]
fn the_default_strategy_of_a_cluster_is_checked() {
    let items = json!([{"capacityProvider": "FARGATE"}, {"capacityProvider": "FARGATE_SPOT"}]);
    let findings = cluster(&read(json!({ "defaultCapacityProviderStrategy": items })));
    assert_eq!(summaries(&findings), ["error no-weight /defaultCapacityProviderStrategy"]);
    assert_eq!(findings[0].severity, Severity::Error);
}
