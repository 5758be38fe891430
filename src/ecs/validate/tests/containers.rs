//! Containers of a task: their order, network and volumes.

use super::*;

#[test]
fn a_correct_task_definition_has_no_findings() {
    let sound = json!({
        "family": "shop",
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "1024",
        "memory": "3 GB",
        "executionRoleArn": "ecsTaskExecutionRole",
        "containerDefinitions": [
            {
                "name": "app", "image": "shop:1", "cpu": 512, "memory": 1024, "memoryReservation": 512,
                "portMappings": [{"containerPort": 8080, "hostPort": 8080, "name": "http"}, {"containerPort": 9090}],
                "dependsOn": [
                    {"containerName": "migrate", "condition": "SUCCESS"},
                    {"containerName": "cache", "condition": "HEALTHY"},
                ],
                "environment": [{"name": "A", "value": "1"}],
                "secrets": [{"name": "B", "valueFrom": "b"}],
                "mountPoints": [{"sourceVolume": "data", "containerPath": "/data"}],
                "logConfiguration": {"logDriver": "awslogs", "options": {
                    "awslogs-group": "g", "awslogs-region": "r", "awslogs-stream-prefix": "p"}},
            },
            {"name": "migrate", "image": "shop:1", "essential": false, "volumesFrom": [{"sourceContainer": "cache"}]},
            {"name": "cache", "image": "redis", "healthCheck": {"command": ["CMD-SHELL", "redis-cli ping"]}},
        ],
        "volumes": [{"name": "data", "host": {}}],
    });
    assert_eq!(summaries(&task_definition(&read(sound))), [""; 0]);
}

#[test]
fn a_task_has_one_to_ten_containers() {
    let containers = |count: usize| (0..count).map(|n| json!({"name": format!("c{n}")})).collect::<Value>();
    assert_eq!(check_containers(json!([])), ["error no-containers /containerDefinitions"]);
    assert_eq!(check_containers(containers(10)), [""; 0]);
    assert_eq!(check_containers(containers(11)), ["error too-many-containers /containerDefinitions"]);
}

#[test]
fn each_container_has_its_own_name_and_an_image() {
    let cases = [
        (json!([{}]), "error container-without-name /containerDefinitions/0/name"),
        (json!([{"name": "a"}, {"name": "a"}]), "error duplicate-container-name /containerDefinitions/1/name"),
        (json!([{"name": "a", "image": ""}]), "error container-without-image /containerDefinitions/0/image"),
        (json!([{"name": "a", "essential": false}]), "error no-essential-container /containerDefinitions"),
    ];
    for (containers, expected) in cases {
        assert_eq!(check_containers(containers), [expected]);
    }
}

#[test]
fn dependencies_are_other_containers() {
    let on = |name: &str| json!([{"name": "a", "dependsOn": [{"containerName": name, "condition": "START"}]}]);
    let path = "/containerDefinitions/0/dependsOn/0/containerName";
    assert_eq!(check_containers(on("b")), [format!("error unknown-container {path}")]);
    assert_eq!(check_containers(on("a")), [format!("error dependency-on-itself {path}")]);
}

#[test]
fn conditions_require_a_suitable_dependency() {
    let on = |condition: &str, dependency: Value| {
        check_containers(json!([
            {"name": "a", "dependsOn": [{"containerName": "b", "condition": condition}]},
            with(json!({"name": "b"}), dependency),
        ]))
    };
    let path = "/containerDefinitions/0/dependsOn/0/condition";
    let check = json!({"healthCheck": {"command": ["CMD", "true"]}});
    assert_eq!(on("HEALTHY", check), [""; 0]);
    assert_eq!(on("HEALTHY", json!({})), [format!("error dependency-without-health-check {path}")]);
    for condition in ["COMPLETE", "SUCCESS"] {
        assert_eq!(on(condition, json!({})), [format!("error dependency-on-end-of-essential {path}")]);
        assert_eq!(on(condition, json!({"essential": false})), [""; 0]);
    }
    assert_eq!(on("START", json!({})), [""; 0]);
}

#[test]
fn a_cycle_is_reported_once_with_its_members() {
    let start = |name: &str| json!([{"containerName": name, "condition": "START"}]);
    let task = read(json!({"containerDefinitions": [
        {"name": "out", "image": "x", "memory": 9, "dependsOn": start("a")},
        {"name": "a", "image": "x", "memory": 9, "dependsOn": start("b")},
        {"name": "b", "image": "x", "memory": 9, "links": ["c:db"]},
        {"name": "c", "image": "x", "memory": 9, "volumesFrom": [{"sourceContainer": "a"}]},
    ]}));
    let findings = task_definition(&task);
    assert_eq!(summaries(&findings), ["error dependency-cycle /containerDefinitions/1/dependsOn"]);
    assert!(findings[0].message.ends_with("a → b → c → a"), "{}", findings[0].message);
}

#[test]
fn a_diamond_is_not_a_cycle() {
    let start = |name: &str| json!({"containerName": name, "condition": "START"});
    let diamond = json!([
        {"name": "a", "dependsOn": [start("b"), start("c")]},
        {"name": "b", "dependsOn": [start("d")]},
        {"name": "c", "dependsOn": [start("d")]},
        {"name": "d"},
    ]);
    assert_eq!(check_containers(diamond), [""; 0]);
}

#[test]
fn health_checks_start_with_cmd_or_cmd_shell() {
    let cases = [
        (json!(["CMD", "true"]), None),
        (json!(["CMD-SHELL", "true || exit 1"]), None),
        (json!(["NONE"]), None),
        (json!([]), Some("error health-check-without-command")),
        (json!([""]), Some("error health-check-without-command")),
        (json!(["CMD"]), Some("error health-check-without-command")),
        (json!(["CMD-SHELL"]), Some("error health-check-without-command")),
        (json!(["CMD-SHELL", "curl", "localhost"]), Some("warning health-check-shell-arguments")),
        (json!(["curl", "localhost"]), Some("warning health-check-without-form")),
    ];
    for (command, expected) in cases {
        let expected: Vec<_> =
            expected.iter().map(|summary| format!("{summary} {FIRST}/healthCheck/command")).collect();
        assert_eq!(check_container(json!({"healthCheck": {"command": command}})), expected);
    }
}

#[test]
fn ports_must_fit_the_network_mode() {
    let check = |mode: &str, mappings: Value| {
        let container = json!({"name": "app", "portMappings": mappings});
        check_task(json!({"networkMode": mode, "containerDefinitions": [container]}))
    };
    let one = |mapping: Value| json!([mapping]);
    let path = |rest: &str| format!("{FIRST}/portMappings{rest}");
    let cases = [
        ("bridge", one(json!({"containerPort": 80, "hostPort": 8080})), None),
        ("bridge", one(json!({"containerPort": 80, "hostPort": 0})), None),
        ("awsvpc", one(json!({"containerPort": 80, "hostPort": 80})), None),
        (
            "awsvpc",
            one(json!({"containerPort": 80, "hostPort": 8080})),
            Some(("error host-port-differs", "/0/hostPort")),
        ),
        ("host", one(json!({"containerPort": 80, "hostPort": 8080})), Some(("error host-port-differs", "/0/hostPort"))),
        ("none", one(json!({"containerPort": 80})), Some(("error ports-without-network", ""))),
        ("bridge", one(json!({})), Some(("error no-port", "/0/containerPort"))),
        (
            "bridge",
            one(json!({"containerPort": 80, "containerPortRange": "1-2"})),
            Some(("error port-and-range", "/0/containerPortRange")),
        ),
        ("awsvpc", one(json!({"containerPortRange": "80-90"})), None),
        (
            "awsvpc",
            one(json!({"containerPortRange": "90-80"})),
            Some(("error invalid-port-range", "/0/containerPortRange")),
        ),
        (
            "host",
            one(json!({"containerPortRange": "80-90"})),
            Some(("error port-range-in-host-mode", "/0/containerPortRange")),
        ),
        (
            "bridge",
            one(json!({"containerPortRange": "80-90", "hostPort": 80})),
            Some(("error port-range-with-host-port", "/0/hostPort")),
        ),
        (
            "awsvpc",
            json!([{"containerPort": 80}, {"containerPort": 80}]),
            Some(("error duplicate-port", "/1/containerPort")),
        ),
        ("awsvpc", json!([{"containerPort": 53}, {"containerPort": 53, "protocol": "udp"}]), None),
        ("bridge", json!([{"containerPort": 80}, {"containerPort": 80}]), None),
        (
            "bridge",
            json!([{"containerPort": 80, "hostPort": 80}, {"containerPort": 81, "hostPort": 80}]),
            Some(("error duplicate-host-port", "/1/hostPort")),
        ),
        (
            "awsvpc",
            json!([{"containerPort": 80, "name": "web"}, {"containerPort": 81, "name": "web"}]),
            Some(("error duplicate-port-name", "/1/name")),
        ),
        (
            "bridge",
            json!([{"containerPort": 80, "name": "web"}, {"containerPort": 81, "name": "web"}]),
            Some(("warning duplicate-port-name", "/1/name")),
        ),
        (
            "bridge",
            one(json!({"containerPort": 80, "name": "-web"})),
            Some(("error port-name-starts-with-hyphen", "/0/name")),
        ),
        ("bridge", one(json!({"containerPort": 0})), Some(("error container-port-zero", "/0/containerPort"))),
        (
            "bridge",
            one(json!({"containerPort": 80, "hostPort": 22})),
            Some(("warning reserved-host-port", "/0/hostPort")),
        ),
        (
            "host",
            one(json!({"containerPort": 22, "hostPort": 22})),
            Some(("warning reserved-host-port", "/0/containerPort")),
        ),
        (
            "awsvpc",
            one(json!({"containerPortRange": "80-80"})),
            Some(("error invalid-port-range", "/0/containerPortRange")),
        ),
    ];
    for (mode, mappings, expected) in cases {
        let expected: Vec<_> = expected.iter().map(|(summary, rest)| format!("{summary} {}", path(rest))).collect();
        assert_eq!(check(mode, mappings.clone()), expected, "{mode} {mappings}");
    }
}

#[test]
fn port_ranges_do_not_overlap() {
    let cases = [
        (
            "awsvpc",
            json!([{"containerPortRange": "80-90"}, {"containerPortRange": "90-95"}]),
            Some(("error overlapping-ports", "/1/containerPortRange")),
        ),
        (
            "bridge",
            json!([{"containerPort": 85}, {"containerPortRange": "80-90"}]),
            Some(("error overlapping-ports", "/1/containerPortRange")),
        ),
        (
            "awsvpc",
            json!([{"containerPortRange": "80-90"}, {"containerPort": 80}]),
            Some(("error overlapping-ports", "/1/containerPort")),
        ),
        ("awsvpc", json!([{"containerPortRange": "80-90"}, {"containerPortRange": "80-90", "protocol": "udp"}]), None),
        ("awsvpc", json!([{"containerPortRange": "80-90"}, {"containerPortRange": "91-95"}]), None),
    ];
    for (mode, mappings, expected) in cases {
        let container = json!({"name": "app", "portMappings": mappings});
        let findings = check_task(json!({"networkMode": mode, "containerDefinitions": [container]}));
        let path = |rest: &str| format!("{FIRST}/portMappings{rest}");
        let expected: Vec<_> = expected.iter().map(|(summary, rest)| format!("{summary} {}", path(rest))).collect();
        assert_eq!(findings, expected, "{mode} {mappings}");
    }
}

#[test]
fn two_containers_cannot_share_a_port_of_the_task() {
    let containers = json!([
        {"name": "a", "portMappings": [{"containerPort": 80}]},
        {"name": "b", "portMappings": [{"containerPort": 80}]},
    ]);
    let path = "/containerDefinitions/1/portMappings/0/containerPort";
    for mode in ["awsvpc", "host"] {
        let task = json!({"networkMode": mode, "containerDefinitions": containers});
        assert_eq!(check_task(task), [format!("error duplicate-port {path}")]);
    }
}

#[test]
fn ranges_of_two_containers_conflict_only_if_ports_are_shared() {
    let containers = json!([
        {"name": "a", "portMappings": [{"containerPortRange": "80-90"}]},
        {"name": "b", "portMappings": [{"containerPortRange": "85-95"}]},
    ]);
    let check = |mode: &str| check_task(json!({"networkMode": mode, "containerDefinitions": containers}));
    let path = "/containerDefinitions/1/portMappings/0/containerPortRange";
    assert_eq!(check("awsvpc"), [format!("error overlapping-ports {path}")]);
    assert_eq!(check("bridge"), [""; 0]);
}

#[test]
fn a_container_has_at_most_a_hundred_port_ranges() {
    let ranges = |count: usize| {
        let range = |n: usize| json!({"containerPortRange": format!("{}-{}", 10 * n + 1, 10 * n + 2)});
        check_container(json!({"portMappings": (0..count).map(range).collect::<Value>()}))
    };
    assert_eq!(ranges(100), [""; 0]);
    assert_eq!(ranges(101), [format!("error too-many-port-ranges {FIRST}/portMappings")]);
}

#[test]
fn links_require_bridge_mode() {
    let check = |mode: &str, link: &str| {
        let containers = json!([{"name": "a", "links": [link]}, {"name": "b"}]);
        check_task(json!({"networkMode": mode, "containerDefinitions": containers}))
    };
    assert_eq!(check("bridge", "b:db"), [""; 0]);
    assert_eq!(check("bridge", "c"), [format!("error unknown-container {FIRST}/links/0")]);
    assert_eq!(check("bridge", "a"), [format!("warning link-to-itself {FIRST}/links/0")]);
    assert_eq!(check("awsvpc", "b"), [format!("error links-outside-bridge-mode {FIRST}/links")]);
}

#[test]
fn network_settings_of_containers_are_rejected_in_awsvpc_mode() {
    let members = json!({
        "hostname": "h", "extraHosts": [{"hostname": "x", "ipAddress": "10.0.0.1"}], "disableNetworking": true,
        "dnsServers": ["10.0.0.2"], "dnsSearchDomains": ["example.com"],
    });
    let check = |mode: &str| {
        let container = with(json!({"name": "a"}), members.clone());
        check_task(json!({"networkMode": mode, "containerDefinitions": [container]}))
    };
    let expected = ["disableNetworking", "dnsSearchDomains", "dnsServers", "extraHosts", "hostname"]
        .map(|name| format!("error not-in-awsvpc-mode {FIRST}/{name}"));
    assert_eq!(check("awsvpc"), expected);
    assert_eq!(check("bridge"), [""; 0]);
}

#[test]
fn external_instances_do_not_support_awsvpc_mode() {
    let check = |mode: &str| {
        check_task(json!({
            "requiresCompatibilities": ["EXTERNAL"], "networkMode": mode, "containerDefinitions": [{"name": "a"}]}))
    };
    assert_eq!(check("bridge"), [""; 0]);
    assert_eq!(check("awsvpc"), ["error external-network-mode /networkMode"]);
}
