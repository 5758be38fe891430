use serde_json::{Value, json};

use super::Leniency::{Lenient, Strict};
use super::*;
use crate::ecs::service::Service;
use crate::ecs::task_definition::{Compatibility, NetworkMode, TaskDefinition};

fn task(value: Value) -> Decoded<TaskDefinition> {
    decode(value, Lenient)
}

/// A task definition with one container that has these members too.
fn container(members: Value) -> Value {
    let mut container = json!({"name": "app", "image": "nginx"});
    if let (Value::Object(container), Value::Object(members)) = (&mut container, members) {
        container.extend(members);
    }
    json!({"family": "web", "containerDefinitions": [container]})
}

/// Place, severity and code of each finding.
fn told<T>(decoded: &Decoded<T>) -> Vec<(String, String, &'static str)> {
    let finding = |f: &Finding| (f.path.to_string(), f.severity.to_string(), f.code);
    decoded.findings.iter().map(finding).collect()
}

fn told_once(value: Value) -> (String, String, &'static str) {
    let mut all = told(&task(value));
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

fn expect(value: &Value, path: &str, severity: &str, code: &str) {
    let (found_path, found_severity, found_code) = told_once(value.clone());
    assert_eq!((found_path.as_str(), found_severity.as_str(), found_code), (path, severity, code), "{value}");
}

#[test]
fn a_correct_definition_is_read_without_a_word() {
    let decoded = decode::<TaskDefinition>(
        json!({
            "family": "web",
            "networkMode": "awsvpc",
            "requiresCompatibilities": ["FARGATE"],
            "cpu": "256",
            "memory": "512",
            "containerDefinitions": [{
                "name": "app", "image": "nginx", "cpu": 128,
                "environment": [{"name": "EMPTY", "value": ""}],
                "healthCheck": {"command": ["CMD", "true"], "interval": 5},
                "dependsOn": [],
            }],
            "volumes": [{"name": "scratch", "host": {}}],
        }),
        Strict,
    );
    assert!(decoded.findings.is_empty(), "{:?}", decoded.findings);
    let task = decoded.value.unwrap();
    assert_eq!(task.network_mode, Some(NetworkMode::Awsvpc));
    assert_eq!(task.requires_compatibilities, [Compatibility::Fargate]);
    assert_eq!(task.container_definitions[0].environment[0].value.as_deref(), Some(""));
    assert!(task.volumes[0].host.is_some());
}

#[test]
fn each_kind_of_mistake_has_its_code_and_place() {
    let first = |member: &str| format!("/containerDefinitions/0/{member}");
    let cases = [
        (json!({"cpu": true}), first("cpu"), "wrong-type"),
        (json!({"cpu": [1]}), first("cpu"), "wrong-type"),
        (json!({"cpu": 1.5}), first("cpu"), "wrong-type"),
        (json!({"cpu": "half"}), first("cpu"), "wrong-type"),
        (json!({"essential": "yes"}), first("essential"), "wrong-type"),
        (json!({"command": "ls -l"}), first("command"), "wrong-type"),
        (json!({"command": [["ls"]]}), first("command/0"), "wrong-type"),
        (json!({"command": [null]}), first("command/0"), "wrong-type"),
        (json!({"portMappings": {"containerPort": 80}}), first("portMappings"), "wrong-type"),
        (json!({"healthCheck": [{"command": ["CMD"]}]}), first("healthCheck"), "wrong-type"),
        (json!({"portMappings": [{"protocol": "sctp"}]}), first("portMappings/0/protocol"), "invalid-choice"),
        (json!({"portMappings": [{"containerPort": 70000}]}), first("portMappings/0/containerPort"), "too-large"),
        (json!({"portMappings": [{"name": "Web"}]}), first("portMappings/0/name"), "invalid-characters"),
        (json!({"cpu": -1}), first("cpu"), "too-small"),
        (json!({"memory": 4_000_000_000_i64}), first("memory"), "too-large"),
        (
            json!({"ulimits": [{"name": "nofile", "softLimit": -3e9, "hardLimit": 1}]}),
            first("ulimits/0/softLimit"),
            "too-small",
        ),
        (json!({"name": ""}), first("name"), "too-short"),
        (json!({"name": "a".repeat(256)}), first("name"), "too-long"),
        (json!({"credentialSpecs": ["a", "b"]}), first("credentialSpecs"), "too-many-items"),
        (json!({"secrets": [{"name": "KEY"}]}), first("secrets/0/valueFrom"), "missing-member"),
        (json!({"secrets": [{"name": "KEY", "valueFrom": null}]}), first("secrets/0/valueFrom"), "missing-member"),
        (json!({"dependsOn": [{"containerName": "db"}]}), first("dependsOn/0/condition"), "missing-member"),
        (
            json!({"dependsOn": [{"containerName": "db", "condition": ""}]}),
            first("dependsOn/0/condition"),
            "invalid-choice",
        ),
    ];
    for (members, path, code) in cases {
        expect(&container(members), &path, "error", code);
    }
    expect(&json!({}), "/containerDefinitions", "error", "missing-member");
    expect(&json!({"containerDefinitions": []}), "/containerDefinitions", "error", "too-few-items");
    expect(&json!([]), "", "error", "wrong-type");
    expect(&json!("web"), "", "error", "wrong-type");
}

#[test]
fn all_mistakes_are_told_at_once() {
    let decoded = task(json!({
        "family": "we b",
        "networkMode": "vpc",
        "containerDefinitions": [{"image": 5, "cpu": "x", "Environment": []}, "app"],
    }));
    let codes: Vec<_> = told(&decoded).into_iter().map(|(path, _, code)| (path, code)).collect();
    let expected = [
        ("/containerDefinitions/0/Environment", "unknown-field"),
        ("/containerDefinitions/0/cpu", "wrong-type"),
        ("/containerDefinitions/0/image", "coerced"),
        ("/containerDefinitions/1", "wrong-type"),
        ("/family", "invalid-characters"),
        ("/networkMode", "invalid-choice"),
    ];
    for (path, code) in expected {
        assert!(codes.contains(&(path.to_owned(), code)), "{path} {code} in {codes:?}");
    }
    assert_eq!(codes.len(), expected.len());
    assert!(decoded.value.is_none());
}

#[test]
fn choices_are_known_in_any_case() {
    let decoded = task(json!({"networkMode": "AwsVpc", "containerDefinitions": [{"cpu": "x"}]}));
    assert_eq!(decoded.normalised["networkMode"], "awsvpc");
    let said = decoded.findings.iter().find(|finding| finding.path.to_string() == "/networkMode").unwrap();
    assert_eq!((said.code, said.message.as_str()), ("coerced", "it is written awsvpc"));
}

#[test]
fn what_surrounds_a_mistake_is_there_to_be_checked() {
    let decoded = task(json!({
        "family": "web", "networkMode": "vpc",
        "containerDefinitions": [{"name": "app", "cpu": "x", "secrets": [{"name": "A"}], "dependsOn": [{"containerName": "b"}]}],
    }));
    let rest = decoded.remainder.unwrap();
    let container = &rest.container_definitions[0];
    assert!(decoded.value.is_none() && rest.network_mode.is_none());
    assert_eq!((container.name.as_deref(), container.cpu, container.secrets.len()), (Some("app"), None, 0));
}

#[test]
fn near_misses_are_named() {
    let cases = [
        (json!({"networkMode": "aws_vpc"}), "did you mean `awsvpc`?"),
        (json!({"requiresCompatibilities": ["far_gate"]}), "did you mean `FARGATE`?"),
        (json!({"Family": "web"}), "did you mean `family`?"),
        (json!({"volume": []}), "did you mean `volumes`?"),
    ];
    for (mut value, hint) in cases {
        value["containerDefinitions"] = json!([{}]);
        let decoded = task(value);
        assert!(decoded.findings[0].message.contains(hint), "{:?}", decoded.findings);
    }
}

#[test]
fn what_a_template_left_open_is_told_as_such() {
    let cases = [
        json!({"family": "<FAMILY>", "containerDefinitions": [{}]}),
        json!({"networkMode": "{{networkmode}}", "containerDefinitions": [{}]}),
        container(json!({"name": "{{ must_env `APP` }}"})),
        container(json!({"cpu": "${cpu}"})),
        container(json!({"essential": "$ESSENTIAL"})),
        container(json!({"portMappings": "${ports}"})),
    ];
    for value in cases {
        let decoded = task(value.clone());
        assert!(decoded.has_errors(), "{value}");
        assert!(decoded.findings[0].message.contains("a place of a template"), "{:?}", decoded.findings);
    }
    let decoded = task(container(json!({"name": "my app", "cpu": "half"})));
    assert!(decoded.findings.iter().all(|finding| !finding.message.contains("template")), "{:?}", decoded.findings);
}

#[test]
fn what_is_unknown_is_told_and_kept() {
    let decoded = task(container(json!({"pullPolicy": {"deep": [1, null]}})));
    let place = Pointer::root().key("containerDefinitions").index(0).key("pullPolicy");
    assert_eq!(told(&decoded), [(place.to_string(), "warning".to_owned(), "unknown-field")]);
    assert_eq!(place.find(&decoded.normalised), Some(&json!({"deep": [1, null]})));
    assert_eq!(decoded.unknown, [place]);
    assert!(decoded.value.is_some());
}

#[test]
fn absent_members_may_be_written_in_several_ways() {
    let silent = [
        json!({"cpu": null, "links": null, "dockerLabels": null, "user": null, "healthCheck": null}),
        json!({"links": [], "dockerLabels": {}, "linuxParameters": {}, "user": ""}),
    ];
    for members in silent {
        let decoded = task(container(members));
        assert!(decoded.findings.is_empty(), "{:?}", decoded.findings);
        let container = &decoded.value.unwrap().container_definitions[0];
        assert_eq!((container.cpu, container.user.as_deref()), (None, None));
    }
    let told_of = [
        json!({"cpu": ""}),
        json!({"healthCheck": {}}),
        json!({"healthCheck": ""}),
        json!({"links": {}}),
        json!({"essential": ""}),
        json!({"versionConsistency": ""}),
    ];
    for members in told_of {
        let name = members.as_object().unwrap().keys().next().unwrap().clone();
        let path = format!("/containerDefinitions/0/{name}");
        expect(&container(members), &path, "info", "empty-means-absent");
    }
}

#[test]
fn numbers_texts_and_booleans_stand_for_each_other_when_lenient() {
    let decoded = task(json!({
        "cpu": 256,
        "containerDefinitions": [{
            "cpu": "128", "memory": 64.0, "essential": "false",
            "environment": [{"name": "PORT", "value": 8080}, {"name": "ON", "value": true}],
        }],
    }));
    let coerced = decoded.findings.iter().filter(|finding| finding.code == "coerced").count();
    assert_eq!((coerced, decoded.findings.len()), (5, 5), "{:?}", decoded.findings);
    let task = decoded.value.unwrap();
    let container = &task.container_definitions[0];
    assert_eq!((task.cpu.as_deref(), container.cpu, container.memory), (Some("256"), Some(128), Some(64)));
    assert_eq!(container.essential, Some(false));
    let values: Vec<_> = container.environment.iter().map(|pair| pair.value.as_deref()).collect();
    assert_eq!(values, [Some("8080"), Some("true")]);
}

#[test]
fn nothing_is_forgiven_when_strict() {
    let value = json!({"cpu": 256, "pidMode": "", "containerDefinitions": [{"cpu": "128", "healthCheck": {}}]});
    let decoded = decode::<TaskDefinition>(value, Strict);
    let mut codes: Vec<_> = decoded.findings.iter().map(|finding| finding.code).collect();
    codes.sort_unstable();
    assert_eq!(codes, ["invalid-choice", "missing-member", "wrong-type", "wrong-type"]);
}

#[test]
fn errors_about_limits_leave_the_value_readable() {
    let decoded = task(container(json!({"healthCheck": {"command": ["CMD", "true"], "interval": 1}})));
    assert!(decoded.has_errors());
    assert!(decoded.value.is_some());
}

#[test]
fn messages_hold_no_secret() {
    let secret = "hunter2";
    let decoded = task(container(json!({
        "environment": [{"name": "A", "value": {"x": secret}}, {"name": "B", "value": [secret]}, secret],
        "secrets": [{"name": "C", "valueFrom": {"x": secret}}, {"name": secret.repeat(0), "valueFrom": [secret]}],
        "logConfiguration": {"logDriver": "splunk", "options": {"splunk-token": [secret], "b": {"x": secret}}},
        "dockerLabels": {"a": [secret]},
        "command": secret,
        "cpu": secret,
        "user": [secret],
    })));
    assert!(decoded.findings.len() >= 10, "{:?}", decoded.findings);
    for finding in &decoded.findings {
        assert!(!finding.to_string().contains(secret), "{finding}");
    }
}

#[test]
fn free_json_is_left_alone() {
    let events = json!([{"id": "1", "createdAt": 1.5e9, "odd": [null, {}]}]);
    let hook = json!({"lifecycleStages": ["PRE_SCALE_UP"], "hookDetails": {"deep": [1, null, {}]}});
    let decoded = decode::<Service>(
        json!({"serviceName": "web", "events": events, "deploymentConfiguration": {"lifecycleHooks": [hook]}}),
        Strict,
    );
    assert!(decoded.findings.is_empty(), "{:?}", decoded.findings);
    let service = decoded.value.unwrap();
    assert_eq!(service.events.map(|events| events.0), Some(events));
    assert_eq!(serde_json::to_value(service.deployment_configuration).unwrap()["lifecycleHooks"][0], hook);
}

#[test]
fn the_understood_form_reads_the_same_again() {
    let first = task(container(json!({"cpu": "128", "links": null, "healthCheck": {}, "odd": 1})));
    let second = decode::<TaskDefinition>(first.normalised.clone(), Strict);
    assert_eq!(first.normalised, second.normalised);
    assert_eq!(first.value, second.value);
    assert!(!second.has_errors());
}
