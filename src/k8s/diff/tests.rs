//! Tests with desired objects and the same objects as a real server returns them.

use serde_json::json;

use super::*;

fn difference(desired: &Value, observed: &Value) -> Option<String> {
    check_subset(desired, observed).err()
}

/// Deployment as the operator applies it.
fn desired_deployment() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web"}},
        "spec": {
            "replicas": 3,
            "selector": {"matchLabels": {"app": "web"}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 3, "maxUnavailable": 0}},
            "template": {
                "metadata": {"labels": {"app": "web"}, "annotations": {}},
                "spec": {
                    "hostNetwork": false,
                    "containers": [{
                        "name": "app", "image": "nginx:1.27", "command": [], "args": ["-g", "daemon off;"],
                        "env": [{"name": "A", "value": "1000m"}, {"name": "EMPTY", "value": ""}],
                        "ports": [{"containerPort": 80}, {"containerPort": 80, "protocol": "UDP"}],
                        "resources": {"limits": {"cpu": "1000m", "memory": "1024Mi"}, "requests": {"cpu": 0.5}},
                        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp", "readOnly": false}],
                        "livenessProbe": {"exec": {"command": ["true"]}, "initialDelaySeconds": 0}
                    }],
                    "volumes": [{"name": "tmp", "emptyDir": {}}],
                    "tolerations": [{"key": "spot", "operator": "Exists"}]
                }
            }
        }
    })
}

/// Deployment as kube-apiserver 1.36 returns it, without fields that are not compared.
fn observed_deployment() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {
            "name": "web", "namespace": "shop", "uid": "u", "resourceVersion": "42", "generation": 1,
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": {"app": "web", "team": "a"}, "annotations": {"deployment.kubernetes.io/revision": "1"}
        },
        "spec": {
            "replicas": 3, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600,
            "selector": {"matchLabels": {"app": "web"}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 3, "maxUnavailable": 0}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {
                    "containers": [{
                        "name": "app", "image": "nginx:1.27", "imagePullPolicy": "IfNotPresent", "args": ["-g", "daemon off;"],
                        "env": [{"name": "A", "value": "1000m"}, {"name": "EMPTY"}],
                        "ports": [{"containerPort": 80, "protocol": "TCP"}, {"containerPort": 80, "protocol": "UDP"}],
                        "resources": {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m", "memory": "1Gi"}},
                        "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
                        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
                        "livenessProbe": {"exec": {"command": ["true"]}, "failureThreshold": 3, "periodSeconds": 10, "successThreshold": 1, "timeoutSeconds": 1}
                    }],
                    "dnsPolicy": "ClusterFirst", "restartPolicy": "Always", "schedulerName": "default-scheduler",
                    "securityContext": {}, "terminationGracePeriodSeconds": 30,
                    "volumes": [{"name": "tmp", "emptyDir": {}}],
                    "tolerations": [{"key": "spot", "operator": "Exists"}]
                }
            }
        },
        "status": {"observedGeneration": 1, "replicas": 3}
    })
}

#[test]
fn a_deployment_with_defaults_contains_the_desired_one() {
    assert_eq!(difference(&desired_deployment(), &observed_deployment()), None);
}

#[test]
fn each_kind_of_change_is_found() {
    const CONTAINER: &str = "/spec/template/spec/containers/0";
    let table = [
        ("/spec/replicas", json!(4), "/spec/replicas"),
        ("/metadata/labels/app", json!("other"), "/metadata/labels/app"),
        ("/spec/strategy/rollingUpdate/maxSurge", json!("25%"), "/spec/strategy/rollingUpdate/maxSurge"),
        (&format!("{CONTAINER}/image"), json!("nginx:1.28"), "/spec/template/spec/containers[name=app]/image"),
        (&format!("{CONTAINER}/name"), json!("main"), "/spec/template/spec/containers[name=main]"),
        (&format!("{CONTAINER}/args"), json!(["-g"]), "/spec/template/spec/containers[name=app]/args"),
        (&format!("{CONTAINER}/args/0"), json!("-h"), "/spec/template/spec/containers[name=app]/args[0]"),
        (&format!("{CONTAINER}/env/0/value"), json!("1"), "/spec/template/spec/containers[name=app]/env[name=A]/value"),
        (
            &format!("{CONTAINER}/ports/1/protocol"),
            json!("SCTP"),
            "/spec/template/spec/containers[name=app]/ports[containerPort=80,protocol=SCTP]",
        ),
        (
            &format!("{CONTAINER}/resources/limits/memory"),
            json!("1G"),
            "/spec/template/spec/containers[name=app]/resources/limits/memory",
        ),
        (
            &format!("{CONTAINER}/volumeMounts/0/readOnly"),
            json!(true),
            "/spec/template/spec/containers[name=app]/volumeMounts[mountPath=/tmp]/readOnly",
        ),
        ("/spec/template/spec/hostNetwork", json!(true), "/spec/template/spec/hostNetwork"),
        (
            "/spec/template/spec/volumes/0",
            json!({"name": "tmp", "hostPath": {"path": "/x"}}),
            "/spec/template/spec/volumes[name=tmp]/hostPath",
        ),
        ("/spec/template/spec/tolerations", json!([]), "/spec/template/spec/tolerations"),
    ];
    for (pointer, value, path) in table {
        let mut desired = desired_deployment();
        *desired.pointer_mut(pointer).expect("exists") = value;
        assert_eq!(difference(&desired, &observed_deployment()).as_deref(), Some(path), "{pointer}");
    }
}

#[test]
fn small_cases_agree() {
    let table = [
        ("null requests nothing", json!({"a": null}), json!({"a": 1})),
        ("null is absent", json!({"a": null}), json!({})),
        ("empty is absent", json!({"a": {}, "b": [], "c": ""}), json!({})),
        ("nested emptiness is absent", json!({"a": {"b": {"c": null}}}), json!({})),
        ("absent is null", json!({"a": []}), json!({"a": null})),
        ("numbers by value", json!({"a": 1}), json!({"a": 1.0})),
        (
            "others add to merged lists",
            json!({"containers": [{"name": "a"}]}),
            json!({"containers": [{"name": "mesh"}, {"name": "a"}]}),
        ),
        ("an empty merged list", json!({"imagePullSecrets": []}), json!({"imagePullSecrets": [{"name": "x"}]})),
        (
            "service ports",
            json!({"ports": [{"port": 80}]}),
            json!({"ports": [{"port": 80, "protocol": "TCP", "targetPort": 80, "nodePort": 30001}]}),
        ),
        ("finalizers are a set", json!({"finalizers": ["a", "b"]}), json!({"finalizers": ["b", "c", "a"]})),
        ("a size limit", json!({"emptyDir": {"sizeLimit": "1024Mi"}}), json!({"emptyDir": {"sizeLimit": "1Gi"}})),
        (
            "an autoscaler's target",
            json!({"target": {"type": "Value", "value": "2000m"}}),
            json!({"target": {"type": "Value", "value": "2"}}),
        ),
        (
            "duplicate keys in order",
            json!({"env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]}),
            json!({"env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]}),
        ),
        (
            "owner references by uid",
            json!({"ownerReferences": [{"uid": "u", "kind": "Service"}]}),
            json!({"ownerReferences": [{"uid": "x"}, {"uid": "u", "kind": "Service", "blockOwnerDeletion": true}]}),
        ),
    ];
    for (name, desired, observed) in table {
        assert_eq!(difference(&desired, &observed), None, "{name}");
    }
}

#[test]
fn small_cases_differ() {
    let table = [
        ("absent", json!({"a": 1}), json!({}), "/a"),
        (
            "a pointer's false",
            json!({"automountServiceAccountToken": false}),
            json!({}),
            "/automountServiceAccountToken",
        ),
        ("zero replicas", json!({"replicas": 0}), json!({}), "/replicas"),
        ("text is not a number", json!({"a": "1"}), json!({"a": 1}), "/a"),
        (
            "an environment is no quantity",
            json!({"env": [{"name": "A", "value": "1000m"}]}),
            json!({"env": [{"name": "A", "value": "1"}]}),
            "/env[name=A]/value",
        ),
        ("a label is no quantity", json!({"labels": {"v": "1.0"}}), json!({"labels": {"v": "1"}}), "/labels/v"),
        ("an empty label", json!({"labels": {"v": ""}}), json!({"labels": {}}), "/labels/v"),
        ("an empty label in no labels", json!({"labels": {"v": ""}}), json!({}), "/labels"),
        ("an empty text", json!({"a": ""}), json!({"a": "x"}), "/a"),
        ("empty data", json!({"data": {"k": ""}}), json!({"data": {}}), "/data/k"),
        ("all pods", json!({"podSelector": {}}), json!({"podSelector": {"matchLabels": {"a": "b"}}}), "/podSelector"),
        ("fewer pods", json!({"selector": {"a": "b"}}), json!({"selector": {"a": "b", "c": "d"}}), "/selector"),
        ("no rules", json!({"ingress": []}), json!({"ingress": [{}]}), "/ingress"),
        (
            "rule ports are one list",
            json!({"ingress": [{"ports": [{"port": 1}]}]}),
            json!({"ingress": [{"ports": [{"port": 1}, {"port": 2}]}]}),
            "/ingress[0]/ports",
        ),
        ("order of a plain list", json!({"args": ["a", "b"]}), json!({"args": ["b", "a"]}), "/args[0]"),
        ("another type", json!({"a": {"b": 1}}), json!({"a": [1]}), "/a"),
        ("a missing finalizer", json!({"finalizers": ["a"]}), json!({"finalizers": ["b"]}), "/finalizers"),
        ("a slash in a name", json!({"labels": {"a/b": "1"}}), json!({"labels": {"a/b": "2"}}), "/labels/a~1b"),
        ("the whole", json!(1), json!(2), "/"),
    ];
    for (name, desired, observed, path) in table {
        assert_eq!(difference(&desired, &observed).as_deref(), Some(path), "{name}");
    }
}

#[test]
fn a_digest_tells_dropped_fields() {
    let mut desired = desired_deployment();
    let before = digest(&desired);
    assert_eq!(before, digest(&desired_deployment()));
    desired.pointer_mut("/spec/template/spec/containers/0/env").and_then(Value::as_array_mut).expect("a list").pop();
    assert_eq!(difference(&desired, &observed_deployment()), None, "invisible to the comparison");
    assert_ne!(before, digest(&desired));
}

#[test]
fn a_digest_never_changes_between_releases() {
    assert_eq!(digest(&json!({"b": [1, "x"], "a": null})), "e730382db07c6a0a8315db695602fde4");
}
