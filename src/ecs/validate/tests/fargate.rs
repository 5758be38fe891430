//! Amounts of a task, and requirements of Fargate.

use super::*;

#[test]
fn memory_is_required_and_fits_into_the_task() {
    let check = |task: Value, container: Value| {
        let container = with(json!({"name": "app", "memory": null}), container);
        summaries(&task_definition(&read(with(
            json!({"containerDefinitions": [with(json!({"image": "x"}), container)]}),
            task,
        ))))
    };
    let cases = [
        (json!({}), json!({"memory": 64}), None),
        (json!({}), json!({"memoryReservation": 64}), None),
        (json!({"memory": "64"}), json!({}), None),
        (json!({}), json!({}), Some(format!("error no-memory {FIRST}/memory"))),
        (
            json!({}),
            json!({"memory": 64, "memoryReservation": 65}),
            Some(format!("error memory-below-reservation {FIRST}/memory")),
        ),
        (json!({}), json!({"memory": 5}), Some(format!("warning memory-below-minimum {FIRST}/memory"))),
        (
            json!({}),
            json!({"memoryReservation": 5}),
            Some(format!("warning memory-below-minimum {FIRST}/memoryReservation")),
        ),
        (json!({}), json!({"memory": 64, "memoryReservation": 64}), None),
        (
            json!({"memory": "64"}),
            json!({"memory": 65, "memoryReservation": 6}),
            Some(format!("error container-memory-above-task {FIRST}/memory")),
        ),
        (
            json!({"memory": "64"}),
            json!({"memoryReservation": 65}),
            Some("error memory-of-containers-above-task /memory".to_owned()),
        ),
        (json!({"memory": "64 kg"}), json!({}), Some("error invalid-memory /memory".to_owned())),
        (json!({"cpu": "256"}), json!({"memory": 64, "cpu": 256}), None),
        (
            json!({"cpu": "256"}),
            json!({"memory": 64, "cpu": 257}),
            Some("error cpu-of-containers-above-task /cpu".to_owned()),
        ),
        (json!({"cpu": "127"}), json!({"memory": 64}), Some("error task-cpu-out-of-range /cpu".to_owned())),
        (json!({"cpu": "193 vCPU"}), json!({"memory": 64}), Some("error task-cpu-out-of-range /cpu".to_owned())),
        (json!({"cpu": "much"}), json!({"memory": 64}), Some("error invalid-cpu /cpu".to_owned())),
    ];
    for (task, container, expected) in cases {
        assert_eq!(
            check(task.clone(), container.clone()),
            expected.into_iter().collect::<Vec<_>>(),
            "{task} {container}"
        );
    }
}

#[test]
fn fargate_has_fixed_sizes() {
    let valid = [
        ("256", "512"),
        ("256", "1 GB"),
        (".25 vCPU", "2048"),
        ("512", "4096"),
        ("1024", "2 GB"),
        ("2048", "16 GB"),
        ("4096", "30 GB"),
        ("8192", "16 GB"),
        ("8 vCPU", "60 GB"),
        ("16384", "120 GB"),
        ("32768", "244 GB"),
    ];
    for (cpu, memory) in valid {
        assert_eq!(check_fargate_task(json!({"cpu": cpu, "memory": memory})), [""; 0], "{cpu} {memory}");
    }
    let memory =
        [("256", "4 GB"), ("256", "768"), ("512", "512"), ("4096", "31 GB"), ("8192", "18 GB"), ("16384", "36 GB")];
    for (cpu, memory) in memory {
        let expected = ["error fargate-memory-size /memory"];
        assert_eq!(check_fargate_task(json!({"cpu": cpu, "memory": memory})), expected, "{cpu} {memory}");
    }
    assert_eq!(check_fargate_task(json!({"cpu": "300"})), ["error fargate-cpu-size /cpu"]);
    assert_eq!(check_fargate_task(json!({"cpu": null})), ["error fargate-size-missing /cpu"]);
    assert_eq!(check_fargate_task(json!({"memory": ""})), ["error fargate-size-missing /memory"]);
    let windows = json!({"runtimePlatform": {"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}});
    assert_eq!(check_fargate_task(windows), ["error fargate-cpu-size /cpu"]);
}

#[test]
fn a_wrong_fargate_size_is_reported_with_the_valid_ones() {
    let check = |cpu: &str, memory: &str| {
        let task = json!({
            "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": cpu, "memory": memory,
            "containerDefinitions": [{"name": "a", "image": "x"}],
        });
        task_definition(&read(task)).remove(0).message
    };
    assert!(check("256", "4 GB").ends_with("expected 512, 1024, 2048 MiB"), "{}", check("256", "4 GB"));
    assert!(
        check("8192", "17 GB").ends_with("expected 16384 to 61440 in steps of 4096 MiB"),
        "{}",
        check("8192", "17 GB")
    );
    assert!(check("300", "512").ends_with("expected one of 256, 512, 1024, 2048, 4096, 8192, 16384, 32768"));
}

#[test]
fn fields_that_fargate_does_not_support_are_rejected() {
    let members = [
        (json!({"networkMode": null}), "fargate-network-mode /networkMode"),
        (json!({"ipcMode": "task"}), "fargate-unsupported /ipcMode"),
        (json!({"pidMode": "host"}), "fargate-pid-mode /pidMode"),
        (
            json!({"placementConstraints": [{"type": "memberOf", "expression": "attribute:x exists"}]}),
            "fargate-unsupported /placementConstraints",
        ),
        (
            json!({"volumes": [{"name": "a", "host": {"sourcePath": "/x"}}]}),
            "fargate-unsupported /volumes/0/host/sourcePath",
        ),
        (
            json!({"volumes": [{"name": "a", "dockerVolumeConfiguration": {}}]}),
            "fargate-unsupported /volumes/0/dockerVolumeConfiguration",
        ),
    ];
    for (change, expected) in members {
        assert_eq!(check_fargate_task(change), [format!("error {expected}")]);
    }
    assert_eq!(check_fargate_task(json!({"pidMode": "task", "volumes": [{"name": "a", "host": {}}]})), [""; 0]);
}

#[test]
fn container_fields_that_fargate_does_not_support_are_rejected() {
    let check = |members: Value| {
        let container = with(json!({"name": "app"}), members);
        check_fargate_task(json!({ "containerDefinitions": [container] }))
    };
    let cases = [
        (json!({"privileged": true}), "fargate-unsupported", "privileged"),
        (json!({"dockerSecurityOptions": ["label:x"]}), "fargate-unsupported", "dockerSecurityOptions"),
        (json!({"dnsServers": ["1.1.1.1"]}), "not-in-awsvpc-mode", "dnsServers"),
        (json!({"linuxParameters": {"maxSwap": 0}}), "fargate-unsupported", "linuxParameters/maxSwap"),
        (
            json!({"linuxParameters": {"devices": [{"hostPath": "/dev/x"}]}}),
            "fargate-unsupported",
            "linuxParameters/devices",
        ),
        (
            json!({"linuxParameters": {"capabilities": {"add": ["SYS_PTRACE", "NET_ADMIN"]}}}),
            "fargate-capability",
            "linuxParameters/capabilities/add/1",
        ),
        (
            json!({"resourceRequirements": [{"type": "GPU", "value": "1"}]}),
            "fargate-unsupported",
            "resourceRequirements/0",
        ),
        (json!({"logConfiguration": {"logDriver": "json-file"}}), "fargate-log-driver", "logConfiguration/logDriver"),
        (json!({"stopTimeout": 121}), "fargate-timeout", "stopTimeout"),
        (json!({"startTimeout": 1}), "fargate-timeout", "startTimeout"),
        (json!({"links": ["app"]}), "links-outside-bridge-mode", "links"),
    ];
    for (members, code, path) in cases {
        assert_eq!(check(members), [format!("error {code} {FIRST}/{path}")]);
    }
    assert_eq!(
        check(json!({"privileged": false, "stopTimeout": 120, "linuxParameters": {"initProcessEnabled": true}})),
        [""; 0]
    );
}

#[test]
fn fields_that_fargate_does_not_support_are_accepted_without_fargate() {
    let members = json!({
        "privileged": true, "dnsServers": ["1.1.1.1"], "stopTimeout": 600, "hostname": "h",
        "linuxParameters": {"maxSwap": 0, "capabilities": {"add": ["NET_ADMIN"]}},
        "logConfiguration": {"logDriver": "json-file"},
    });
    assert_eq!(check_container(members), [""; 0]);
}
