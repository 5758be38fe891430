//! Containers of a task: their order, network and volumes.

use super::*;

#[test]
fn a_sound_task_definition_gives_no_findings() {
    let sound = json!({
        "family": "shop",
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "1024",
        "memory": "3 GB",
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
    assert_eq!(told(&task_definition(&read(sound))), [""; 0]);
}

#[test]
fn a_task_has_one_to_ten_containers() {
    let containers = |count: usize| (0..count).map(|n| json!({"name": format!("c{n}")})).collect::<Value>();
    assert_eq!(of_containers(json!([])), ["error no-containers /containerDefinitions"]);
    assert_eq!(of_containers(containers(10)), [""; 0]);
    assert_eq!(of_containers(containers(11)), ["error too-many-containers /containerDefinitions"]);
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
        assert_eq!(of_containers(containers), [expected]);
    }
}

#[test]
fn dependencies_lead_to_other_containers() {
    let on = |name: &str| json!([{"name": "a", "dependsOn": [{"containerName": name, "condition": "START"}]}]);
    let place = "/containerDefinitions/0/dependsOn/0/containerName";
    assert_eq!(of_containers(on("b")), [format!("error unknown-container {place}")]);
    assert_eq!(of_containers(on("a")), [format!("error dependency-on-itself {place}")]);
}

#[test]
fn conditions_ask_something_of_the_dependency() {
    let on = |condition: &str, dependency: Value| {
        of_containers(json!([
            {"name": "a", "dependsOn": [{"containerName": "b", "condition": condition}]},
            with(json!({"name": "b"}), dependency),
        ]))
    };
    let place = "/containerDefinitions/0/dependsOn/0/condition";
    let check = json!({"healthCheck": {"command": ["CMD", "true"]}});
    assert_eq!(on("HEALTHY", check), [""; 0]);
    assert_eq!(on("HEALTHY", json!({})), [format!("error dependency-without-health-check {place}")]);
    for condition in ["COMPLETE", "SUCCESS"] {
        assert_eq!(on(condition, json!({})), [format!("error dependency-on-end-of-essential {place}")]);
        assert_eq!(on(condition, json!({"essential": false})), [""; 0]);
    }
    assert_eq!(on("START", json!({})), [""; 0]);
}

#[test]
fn a_cycle_is_told_once_with_its_members() {
    let start = |name: &str| json!([{"containerName": name, "condition": "START"}]);
    let task = read(json!({"containerDefinitions": [
        {"name": "out", "image": "x", "memory": 9, "dependsOn": start("a")},
        {"name": "a", "image": "x", "memory": 9, "dependsOn": start("b")},
        {"name": "b", "image": "x", "memory": 9, "links": ["c:db"]},
        {"name": "c", "image": "x", "memory": 9, "volumesFrom": [{"sourceContainer": "a"}]},
    ]}));
    let findings = task_definition(&task);
    assert_eq!(told(&findings), ["error dependency-cycle /containerDefinitions/1/dependsOn"]);
    assert!(findings[0].message.ends_with("a → b → c → a"), "{}", findings[0].message);
}

#[test]
fn a_diamond_is_no_cycle() {
    let start = |name: &str| json!({"containerName": name, "condition": "START"});
    let diamond = json!([
        {"name": "a", "dependsOn": [start("b"), start("c")]},
        {"name": "b", "dependsOn": [start("d")]},
        {"name": "c", "dependsOn": [start("d")]},
        {"name": "d"},
    ]);
    assert_eq!(of_containers(diamond), [""; 0]);
}

#[test]
fn health_checks_start_with_their_form() {
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
        let expected: Vec<_> = expected.iter().map(|told| format!("{told} {FIRST}/healthCheck/command")).collect();
        assert_eq!(of_container(json!({"healthCheck": {"command": command}})), expected);
    }
}

#[test]
fn ports_must_fit_the_network_mode() {
    let of = |mode: &str, mappings: Value| {
        let container = json!({"name": "app", "portMappings": mappings});
        of_task(json!({"networkMode": mode, "containerDefinitions": [container]}))
    };
    let one = |mapping: Value| json!([mapping]);
    let place = |rest: &str| format!("{FIRST}/portMappings{rest}");
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
            Some(("warning duplicate-host-port", "/1/hostPort")),
        ),
        (
            "awsvpc",
            json!([{"containerPort": 80, "name": "web"}, {"containerPort": 81, "name": "web"}]),
            Some(("warning duplicate-port-name", "/1/name")),
        ),
    ];
    for (mode, mappings, expected) in cases {
        let expected: Vec<_> = expected.iter().map(|(told, rest)| format!("{told} {}", place(rest))).collect();
        assert_eq!(of(mode, mappings.clone()), expected, "{mode} {mappings}");
    }
}

#[test]
fn two_containers_cannot_share_a_port_of_the_task() {
    let containers = json!([
        {"name": "a", "portMappings": [{"containerPort": 80}]},
        {"name": "b", "portMappings": [{"containerPort": 80}]},
    ]);
    let place = "/containerDefinitions/1/portMappings/0/containerPort";
    for mode in ["awsvpc", "host"] {
        let task = json!({"networkMode": mode, "containerDefinitions": containers});
        assert_eq!(of_task(task), [format!("error duplicate-port {place}")]);
    }
}

#[test]
fn links_are_for_bridge_mode() {
    let of = |mode: &str, link: &str| {
        let containers = json!([{"name": "a", "links": [link]}, {"name": "b"}]);
        of_task(json!({"networkMode": mode, "containerDefinitions": containers}))
    };
    assert_eq!(of("bridge", "b:db"), [""; 0]);
    assert_eq!(of("bridge", "c"), [format!("error unknown-container {FIRST}/links/0")]);
    assert_eq!(of("awsvpc", "b"), [format!("error links-outside-bridge-mode {FIRST}/links")]);
}

#[test]
fn names_of_hosts_are_not_for_awsvpc_mode() {
    let container = json!({"name": "a", "hostname": "h", "extraHosts": [{"hostname": "x", "ipAddress": "10.0.0.1"}]});
    let task = json!({"networkMode": "awsvpc", "containerDefinitions": [container]});
    let expected = ["extraHosts", "hostname"].map(|name| format!("error not-in-awsvpc-mode {FIRST}/{name}"));
    assert_eq!(of_task(task), expected);
}

#[test]
fn mounts_lead_to_volumes() {
    let of = |mounts: Value, volumes: Value| {
        of_task(json!({"containerDefinitions": [{"name": "a", "mountPoints": mounts}], "volumes": volumes}))
    };
    let mount = |volume: &str, path: &str| json!({"sourceVolume": volume, "containerPath": path});
    let volumes = json!([{"name": "data"}, {"name": "tmp"}]);
    assert_eq!(of(json!([mount("data", "/data"), mount("tmp", "/tmp")]), volumes.clone()), [""; 0]);
    let cases = [
        (json!([mount("other", "/data")]), "unknown-volume", "0/sourceVolume"),
        (json!([mount("data", "")]), "mount-without-path", "0/containerPath"),
        (json!([mount("data", "/x"), mount("tmp", "/x")]), "duplicate-mount-path", "1/containerPath"),
    ];
    for (mounts, code, place) in cases {
        assert_eq!(of(mounts, volumes.clone()), [format!("error {code} {FIRST}/mountPoints/{place}")]);
    }
}

#[test]
fn a_volume_has_a_name_and_one_kind() {
    let efs = json!({"fileSystemId": "fs-1"});
    let with_point = |more: Value| {
        let base = json!({"fileSystemId": "fs-1", "authorizationConfig": {"accessPointId": "fsap-1"}});
        json!([{"name": "a", "efsVolumeConfiguration": with(base, more)}])
    };
    let cases = [
        (json!([{"name": "a"}, {"name": "b", "host": {}}, {"name": "c", "efsVolumeConfiguration": efs}]), None),
        (json!([{"host": {}}]), Some("volume-without-name /volumes/0/name")),
        (json!([{"name": "a"}, {"name": "a"}]), Some("duplicate-volume-name /volumes/1/name")),
        (
            json!([{"name": "a", "host": {"sourcePath": "/x"}, "efsVolumeConfiguration": efs}]),
            Some("volume-of-several-kinds /volumes/0"),
        ),
        (
            json!([{"name": "a", "configuredAtLaunch": true}, {"name": "b", "configuredAtLaunch": true}]),
            Some("second-volume-at-launch /volumes/1/configuredAtLaunch"),
        ),
        (with_point(json!({"transitEncryption": "ENABLED", "rootDirectory": "/"})), None),
        (
            with_point(json!({})),
            Some("efs-without-transit-encryption /volumes/0/efsVolumeConfiguration/transitEncryption"),
        ),
        (
            with_point(json!({"transitEncryption": "ENABLED", "rootDirectory": "/x"})),
            Some("efs-root-directory-with-access-point /volumes/0/efsVolumeConfiguration/rootDirectory"),
        ),
    ];
    for (volumes, expected) in cases {
        let expected: Vec<_> = expected.iter().map(|told| format!("error {told}")).collect();
        assert_eq!(of_task(json!({"containerDefinitions": [{"name": "app"}], "volumes": volumes})), expected);
    }
}

#[test]
fn volumes_come_from_another_container() {
    let from = |name: &str| of_container(json!({"volumesFrom": [{"sourceContainer": name}]}));
    let place = format!("{FIRST}/volumesFrom/0/sourceContainer");
    assert_eq!(from("other"), [format!("error unknown-container {place}")]);
    assert_eq!(from("app"), [format!("error volumes-from-itself {place}")]);
}
