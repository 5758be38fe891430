use serde_json::{Value, json};

use super::*;
use crate::ecs::service::Service;
use crate::ecs::task_definition::{Compatibility, NetworkMode, TaskDefinition};

fn task(value: Value) -> Decoded<TaskDefinition> {
    decode(value)
}

/// Returns a task definition with one container that also has these members.
fn container(members: Value) -> Value {
    let mut container = json!({"name": "app", "image": "nginx"});
    if let (Value::Object(container), Value::Object(members)) = (&mut container, members) {
        container.extend(members);
    }
    json!({"family": "web", "containerDefinitions": [container]})
}

/// Returns path, severity and code of each finding.
fn summaries<T>(decoded: &Decoded<T>) -> Vec<(String, String, &'static str)> {
    decoded.findings.iter().map(|f| (f.path.to_string(), f.severity.to_string(), f.code)).collect()
}

/// Asserts that decoding a task definition has exactly this finding.
fn expect(value: &Value, path: &str, severity: &str, code: &'static str) {
    let expected = (path.to_owned(), severity.to_owned(), code);
    assert_eq!(summaries(&task(value.clone())), [expected], "{value}");
}

#[test]
fn a_correct_definition_has_no_findings() {
    let decoded = decode::<TaskDefinition>(json!({
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
    }));
    assert!(decoded.findings.is_empty(), "{:?}", decoded.findings);
    let task = decoded.value.unwrap();
    assert_eq!(task.network_mode, Some(NetworkMode::Awsvpc));
    assert_eq!(task.requires_compatibilities, [Compatibility::Fargate]);
    assert_eq!(task.container_definitions[0].environment[0].value.as_deref(), Some(""));
    assert!(task.volumes[0].host.is_some());
}

#[test]
fn each_kind_of_mistake_has_its_code_and_path() {
    fn first(member: &str) -> String {
        format!("/containerDefinitions/0/{member}")
    }
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
fn all_mistakes_are_reported_at_once() {
    let decoded = task(json!({
        "family": "we b",
        "networkMode": "vpc",
        "containerDefinitions": [{"image": 5, "cpu": "x", "Environment": []}, "app"],
    }));
    let codes: Vec<_> = summaries(&decoded).into_iter().map(|(path, _, code)| (path, code)).collect();
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
fn values_of_an_enum_are_recognized_in_any_case() {
    let decoded = task(json!({"networkMode": "AwsVpc", "containerDefinitions": [{"cpu": "x"}]}));
    assert_eq!(decoded.normalized["networkMode"], "awsvpc");
    let finding = decoded.findings.iter().find(|finding| finding.path.to_string() == "/networkMode").unwrap();
    let message = "the value is read as `awsvpc`, which differs in case";
    assert_eq!((finding.code, finding.message.as_str()), ("coerced", message));
}

#[test]
fn the_remainder_omits_only_fields_with_errors() {
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
fn near_misses_are_suggested() {
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
fn placeholders_of_a_template_are_reported() {
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
        assert!(decoded.findings[0].message.contains("a placeholder of a template"), "{:?}", decoded.findings);
    }
    let decoded = task(container(json!({"name": "my app", "cpu": "half"})));
    assert!(decoded.findings.iter().all(|finding| !finding.message.contains("template")), "{:?}", decoded.findings);
}

#[test]
fn unknown_fields_are_reported_and_kept() {
    let decoded = task(container(json!({"pullPolicy": {"deep": [1, null]}})));
    let path = Pointer::root().key("containerDefinitions").index(0).key("pullPolicy");
    assert_eq!(summaries(&decoded), [(path.to_string(), "warning".to_owned(), "unknown-field")]);
    assert_eq!(path.find(&decoded.normalized), Some(&json!({"deep": [1, null]})));
    assert_eq!(decoded.unknown, [path]);
    assert!(decoded.value.is_some());
}

#[test]
fn absent_fields_may_be_written_in_several_ways() {
    let without_finding = [
        json!({"cpu": null, "links": null, "dockerLabels": null, "user": null, "healthCheck": null}),
        json!({"links": [], "dockerLabels": {}, "linuxParameters": {}, "user": ""}),
    ];
    for members in without_finding {
        let decoded = task(container(members));
        assert!(decoded.findings.is_empty(), "{:?}", decoded.findings);
        let container = &decoded.value.unwrap().container_definitions[0];
        assert_eq!((container.cpu, container.user.as_deref()), (None, None));
    }
    let with_finding = [
        json!({"cpu": ""}),
        json!({"healthCheck": {}}),
        json!({"healthCheck": ""}),
        json!({"links": {}}),
        json!({"essential": ""}),
        json!({"versionConsistency": ""}),
    ];
    for members in with_finding {
        let name = members.as_object().unwrap().keys().next().unwrap().clone();
        let path = format!("/containerDefinitions/0/{name}");
        expect(&container(members), &path, "info", "empty-means-absent");
    }
}

#[test]
fn numbers_strings_and_booleans_are_converted() {
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
fn errors_about_limits_leave_the_value_readable() {
    let decoded = task(container(json!({"healthCheck": {"command": ["CMD", "true"], "interval": 1}})));
    assert!(decoded.has_errors());
    assert!(decoded.value.is_some());
}

#[test]
fn messages_contain_no_secret() {
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
fn free_json_stays_unchanged() {
    let events = json!([{"id": "1", "createdAt": 1.5e9, "odd": [null, {}]}]);
    let hook = json!({"lifecycleStages": ["PRE_SCALE_UP"], "hookDetails": {"deep": [1, null, {}]}});
    let decoded = decode::<Service>(
        json!({"serviceName": "web", "events": events, "deploymentConfiguration": {"lifecycleHooks": [hook]}}),
    );
    assert!(decoded.findings.is_empty(), "{:?}", decoded.findings);
    let service = decoded.value.unwrap();
    assert_eq!(service.events.map(|events| events.0), Some(events));
    assert_eq!(serde_json::to_value(service.deployment_configuration).unwrap()["lifecycleHooks"][0], hook);
}

#[test]
fn the_normalized_form_decodes_to_the_same_value() {
    let first = task(container(json!({"cpu": "128", "links": null, "healthCheck": {}, "odd": 1})));
    let second = decode::<TaskDefinition>(first.normalized.clone());
    assert_eq!(first.normalized, second.normalized);
    assert_eq!(first.value, second.value);
    assert!(!second.has_errors());
}
