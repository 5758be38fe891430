//! Linux settings and kernel parameters of containers.

use super::*;

#[test]
fn each_mistake_in_linux_settings_has_its_code_and_path() {
    let limit = |name: &str, soft: i32, hard: i32| json!({"name": name, "softLimit": soft, "hardLimit": hard});
    let linux = |members: Value| json!({ "linuxParameters": members });
    let tmpfs = |path: &str| json!({"containerPath": path, "size": 1});
    let cases = [
        (json!({"ulimits": [limit("nofile", 1, 1), limit("core", -1, -1), limit("cpu", 1, -1)]}), None),
        (json!({"ulimits": [limit("nofile", 2, 1)]}), Some("error ulimit-soft-above-hard ulimits/0")),
        (json!({"ulimits": [limit("nofile", -1, 1)]}), Some("warning ulimit-soft-above-hard ulimits/0")),
        (
            json!({"ulimits": [limit("nofile", 1, 1), limit("nofile", 2, 2)]}),
            Some("warning duplicate-ulimit ulimits/1/name"),
        ),
        (linux(json!({"capabilities": {"add": ["NET_ADMIN"], "drop": ["ALL"]}})), None),
        (
            linux(json!({"capabilities": {"add": ["NET_ADMIN", "CAP_SYSLOG"]}})),
            Some("warning unknown-capability linuxParameters/capabilities/add/1"),
        ),
        (
            linux(json!({"capabilities": {"drop": ["all"]}})),
            Some("warning unknown-capability linuxParameters/capabilities/drop/0"),
        ),
        (linux(json!({"swappiness": 10, "maxSwap": 1})), None),
        (linux(json!({"swappiness": 10})), Some("warning swappiness-without-max-swap linuxParameters/swappiness")),
        (linux(json!({"tmpfs": [tmpfs("/a"), tmpfs("/b")]})), None),
        (
            linux(json!({"tmpfs": [tmpfs("a")]})),
            Some("warning relative-mount-path linuxParameters/tmpfs/0/containerPath"),
        ),
        (linux(json!({"tmpfs": [tmpfs("")]})), Some("error relative-mount-path linuxParameters/tmpfs/0/containerPath")),
        (
            linux(json!({"devices": [{"hostPath": ""}]})),
            Some("error device-without-path linuxParameters/devices/0/hostPath"),
        ),
        (
            linux(json!({"tmpfs": [tmpfs("/a"), tmpfs("/a")]})),
            Some("error duplicate-mount-path linuxParameters/tmpfs/1/containerPath"),
        ),
        (json!({"dockerSecurityOptions": ["no-new-privileges", "label:user:x", "apparmor:p"]}), None),
        (
            json!({"dockerSecurityOptions": ["seccomp=unconfined"]}),
            Some("warning unknown-security-option dockerSecurityOptions/0"),
        ),
        (json!({"credentialSpecs": ["credentialspecdomainless:arn:aws:s3:::b/c"]}), None),
        (json!({"credentialSpecs": ["arn:aws:s3:::b/c"]}), Some("warning invalid-credential-spec credentialSpecs/0")),
    ];
    for (members, expected) in cases {
        let expected: Vec<_> = expected
            .map(|summary| summary.rsplit_once(' ').unwrap())
            .map(|(summary, path)| format!("{summary} {FIRST}/{path}"))
            .into_iter()
            .collect();
        assert_eq!(check_container(members.clone()), expected, "{members}");
    }
}

#[test]
fn kernel_parameters_belong_to_a_namespace_of_the_task() {
    let check = |task: Value, name: &str| {
        let controls = json!([{"namespace": name, "value": "1"}]);
        check_task(with(json!({"containerDefinitions": [{"name": "app", "systemControls": controls}]}), task))
    };
    let finding = |summary: &str| [format!("{summary} {FIRST}/systemControls/0/namespace")];
    for name in ["net.core.somaxconn", "kernel.shmmax", "fs.mqueue.msg_max"] {
        assert_eq!(check(json!({}), name), [""; 0], "{name}");
    }
    for name in ["vm.max_map_count", "fs.file-max", "kernel.pid_max"] {
        assert_eq!(check(json!({}), name), finding("error system-control-not-namespaced"), "{name}");
    }
    let (host_network, host_ipc) = (json!({"networkMode": "host"}), json!({"ipcMode": "host"}));
    let instance = finding("error system-control-of-the-instance");
    assert_eq!(check(host_network.clone(), "net.core.somaxconn"), instance);
    assert_eq!(check(host_ipc.clone(), "kernel.shmmax"), instance);
    assert_eq!(check(host_network, "kernel.shmmax"), [""; 0]);
    assert_eq!(check(host_ipc, "net.core.somaxconn"), [""; 0]);
}

#[test]
fn kernel_parameters_are_complete_and_consistent() {
    let check = |mode: &str, first: Value, second: Value| {
        let containers = json!([{"name": "a", "systemControls": [first]}, {"name": "b", "systemControls": [second]}]);
        check_task(json!({"networkMode": mode, "containerDefinitions": containers}))
    };
    let set = |value: &str| json!({"namespace": "net.core.somaxconn", "value": value});
    assert_eq!(check("awsvpc", set("1"), set("1")), [""; 0]);
    assert_eq!(check("bridge", set("1"), set("2")), [""; 0]);
    let path = "/containerDefinitions/1/systemControls/0";
    assert_eq!(check("awsvpc", set("1"), set("2")), [format!("warning conflicting-system-control {path}/value")]);
    let nameless = json!({"value": "1"});
    assert_eq!(check("bridge", set("1"), nameless), [format!("error system-control-without-name {path}/namespace")]);
    let empty = json!({"namespace": "kernel.sem"});
    assert_eq!(check("bridge", set("1"), empty), [format!("warning system-control-without-value {path}/value")]);
}
