//! Windows, accelerators and the App Mesh proxy.

use super::*;

#[test]
fn fields_that_windows_does_not_support_are_reported() {
    let check = |family: &str, task: Value, container: Value| {
        let base = json!({
            "runtimePlatform": {"operatingSystemFamily": family},
            "containerDefinitions": [with(json!({"name": "app"}), container)],
        });
        check_task(with(base, task))
    };
    let windows = "WINDOWS_SERVER_2022_CORE";
    let tasks = [
        (json!({"networkMode": "bridge"}), "networkMode"),
        (json!({"pidMode": "task"}), "pidMode"),
        (json!({"ipcMode": "task"}), "ipcMode"),
    ];
    for (task, path) in tasks {
        assert_eq!(check(windows, task.clone(), json!({})), [format!("warning not-on-windows /{path}")]);
        assert_eq!(check("LINUX", task, json!({})), [""; 0]);
    }
    let containers = [
        (json!({"user": "app"}), "user"),
        (json!({"privileged": true}), "privileged"),
        (json!({"readonlyRootFilesystem": true}), "readonlyRootFilesystem"),
        (json!({"disableNetworking": true}), "disableNetworking"),
        (json!({"dnsServers": ["10.0.0.2"]}), "dnsServers"),
        (json!({"dnsSearchDomains": ["example.com"]}), "dnsSearchDomains"),
        (json!({"extraHosts": [{"hostname": "a", "ipAddress": "10.0.0.3"}]}), "extraHosts"),
        (json!({"linuxParameters": {"initProcessEnabled": true}}), "linuxParameters"),
        (json!({"ulimits": [{"name": "nofile", "softLimit": 1, "hardLimit": 1}]}), "ulimits"),
    ];
    for (container, path) in containers {
        let expected = [format!("warning not-on-windows {FIRST}/{path}")];
        assert_eq!(check(windows, json!({}), container.clone()), expected);
        assert_eq!(check("LINUX", json!({}), container), [""; 0]);
    }
    let quiet = json!({"privileged": false, "linuxParameters": {}, "ulimits": []});
    assert_eq!(check(windows, json!({"networkMode": "awsvpc"}), quiet), [""; 0]);
}

#[test]
fn windows_requires_x86() {
    let check = |family: &str| {
        let platform = json!({"operatingSystemFamily": family, "cpuArchitecture": "ARM64"});
        check_task(json!({"runtimePlatform": platform, "containerDefinitions": [{"name": "app"}]}))
    };
    assert_eq!(check("LINUX"), [""; 0]);
    assert_eq!(check("WINDOWS_SERVER_2019_FULL"), ["warning windows-on-arm /runtimePlatform/cpuArchitecture"]);
}

#[test]
fn accelerators_are_counted_or_shared() {
    let check = |first: Value, second: Value| {
        check_containers(json!([
            {"name": "a", "resourceRequirements": [first]},
            {"name": "b", "resourceRequirements": [second]},
        ]))
    };
    let gpu = |value: &str| json!({"type": "GPU", "value": value});
    let shared = json!({"type": "GPU", "sharingStrategy": {"nvidiaMps": {"memory": 1}}});
    let neuron = |value: &str| json!({"type": "NeuronDevice", "value": value});
    let path = |rest: &str| format!("/containerDefinitions/1/resourceRequirements/0{rest}");
    let cases = [
        (gpu("1"), gpu("ALL"), None),
        (shared.clone(), shared.clone(), None),
        (gpu("1"), gpu("0"), Some(("error invalid-gpu-count", "/value"))),
        (gpu("1"), gpu("one"), Some(("error invalid-gpu-count", "/value"))),
        (gpu("1"), json!({"type": "GPU"}), Some(("error requirement-without-value", "/value"))),
        (
            shared.clone(),
            with(shared.clone(), json!({"value": "1"})),
            Some(("error value-and-sharing", "/sharingStrategy")),
        ),
        (gpu("1"), shared, Some(("warning mixed-gpu-sharing", ""))),
        (gpu("1"), neuron("2"), Some(("warning invalid-neuron-count", "/value"))),
        (neuron("ALL"), neuron("ALL"), Some(("warning second-neuron-container", ""))),
        (
            gpu("1"),
            json!({"type": "InferenceAccelerator", "value": "d"}),
            Some(("error inference-accelerators-ended", "")),
        ),
    ];
    for (first, second, expected) in cases {
        let expected: Vec<_> = expected.iter().map(|(summary, rest)| format!("{summary} {}", path(rest))).collect();
        assert_eq!(check(first.clone(), second.clone()), expected, "{first} {second}");
    }
}

#[test]
fn discontinued_accelerators_are_rejected() {
    let accelerators = json!([{"deviceName": "d", "deviceType": "eia2.medium"}]);
    let task = json!({"inferenceAccelerators": accelerators, "containerDefinitions": [{"name": "app"}]});
    assert_eq!(check_task(task), ["error inference-accelerators-ended /inferenceAccelerators"]);
}

#[test]
fn gpus_are_not_shared_outside_aws() {
    let shared = json!({"type": "GPU", "sharingStrategy": {"nvidiaMps": {"memory": 1}}});
    let containers = json!([{"name": "app", "resourceRequirements": [shared]}]);
    let path = format!("{FIRST}/resourceRequirements/0/sharingStrategy");
    assert_eq!(
        check_task(json!({"requiresCompatibilities": ["EXTERNAL"], "containerDefinitions": containers})),
        [format!("warning sharing-on-external {path}")]
    );
}

#[test]
fn a_proxy_redirects_the_traffic_of_its_task() {
    let names = ["AppPorts", "EgressIgnoredIPs", "ProxyEgressPort", "ProxyIngressPort", "IgnoredUID"];
    let property = |name: &&str| json!({"name": name, "value": "1"});
    let all: Vec<Value> = names.iter().map(property).collect();
    let check = |mode: &str, container: &str, properties: &[Value]| {
        let proxy = json!({"containerName": container, "properties": properties});
        check_task(json!({
            "networkMode": mode, "proxyConfiguration": proxy, "containerDefinitions": [{"name": "envoy"}]}))
    };
    let at = "/proxyConfiguration";
    assert_eq!(check("awsvpc", "envoy", &all), [""; 0]);
    assert_eq!(check("awsvpc", "other", &all), [format!("error unknown-container {at}/containerName")]);
    assert_eq!(check("bridge", "envoy", &all), [format!("error proxy-outside-awsvpc {at}")]);
    assert_eq!(check("awsvpc", "envoy", &all[1..]), [format!("error incomplete-proxy {at}/properties")]);
    assert_eq!(check("awsvpc", "envoy", &all[..4]), [format!("warning proxy-catches-itself {at}/properties")]);
}
