//! Log drivers and log routers.

use super::*;

#[test]
fn log_drivers_require_options_and_a_router() {
    let router = json!({"name": "router", "firelensConfiguration": {"type": "fluentbit"}});
    let user = json!({"name": "user", "logConfiguration": {"logDriver": "awsfirelens"}});
    assert_eq!(check_containers(json!([router, user])), [""; 0]);
    assert_eq!(check_containers(json!([user])), [format!("error no-log-router {FIRST}/logConfiguration/logDriver")]);
    assert_eq!(check_containers(json!([router])), [format!("error unused-log-router {FIRST}/firelensConfiguration")]);
    let second = with(router.clone(), json!({"name": "second"}));
    assert_eq!(
        check_containers(json!([router, user, second])),
        ["error second-log-router /containerDefinitions/2/firelensConfiguration"]
    );
    let logs = json!({"logDriver": "awslogs", "options": {"awslogs-group": "g"}});
    let path = format!("{FIRST}/logConfiguration/options");
    assert_eq!(
        check_container(json!({"logConfiguration": logs})),
        [format!("error missing-log-option {path}/awslogs-region")]
    );
    let prefix = json!({"logDriver": "awslogs", "options": {"awslogs-group": "g", "awslogs-region": "r"}});
    assert_eq!(
        check_fargate_task(json!({
            "executionRoleArn": "r", "containerDefinitions": [{"name": "app", "logConfiguration": prefix}]})),
        [format!("error missing-log-option {path}/awslogs-stream-prefix")]
    );
}

#[test]
fn options_are_plain_texts_or_secrets() {
    let splunk = |options: Value, secrets: Value| {
        let logs = json!({"logDriver": "splunk", "options": options, "secretOptions": secrets});
        let container = json!({"name": "app", "logConfiguration": logs});
        check_task(json!({"executionRoleArn": "r", "containerDefinitions": [container]}))
    };
    let token = json!([{"name": "splunk-token", "valueFrom": "a"}]);
    assert_eq!(splunk(json!({"splunk-url": "u"}), token), [""; 0]);
    let missing = |name: &str| format!("error missing-log-option {FIRST}/logConfiguration/options/{name}");
    assert_eq!(splunk(json!({}), json!([])), [missing("splunk-token"), missing("splunk-url")]);
}

#[test]
fn conflicting_options_are_reported() {
    let check = |more: Value| {
        let options = with(json!({"awslogs-group": "g", "awslogs-region": "r"}), more);
        check_container(json!({"logConfiguration": {"logDriver": "awslogs", "options": options}}))
    };
    let path = |name: &str| format!("{FIRST}/logConfiguration/options/{name}");
    assert_eq!(check(json!({"mode": "non-blocking"})), [""; 0]);
    assert_eq!(check(json!({"mode": "async"})), [format!("warning invalid-log-mode {}", path("mode"))]);
    assert_eq!(
        check(json!({"awslogs-datetime-format": "%Y", "awslogs-multiline-pattern": "^a"})),
        [format!("warning ignored-log-option {}", path("awslogs-multiline-pattern"))]
    );
}

#[test]
fn each_mistake_in_a_router_configuration_has_its_code_and_path() {
    let containers = |options: Value| {
        json!([
            {"name": "router", "firelensConfiguration": {"type": "fluentbit", "options": options}},
            {"name": "user", "logConfiguration": {"logDriver": "awsfirelens"}},
        ])
    };
    let path = |name: &str| format!("{FIRST}/firelensConfiguration/options/{name}");
    let s3 = json!({"config-file-type": "s3", "config-file-value": "arn:aws:s3:::bucket/a.conf"});
    let cases = [
        (s3.clone(), None),
        (json!({"enable-ecs-log-metadata": "true"}), None),
        (json!({"config-file-type": "file"}), Some(("no-config-file-value", "config-file-value"))),
        (json!({"config-file-type": "ssm"}), Some(("invalid-config-file-type", "config-file-type"))),
    ];
    for (options, expected) in cases {
        let expected: Vec<_> = expected.iter().map(|(code, at)| format!("warning {code} {}", path(at))).collect();
        assert_eq!(check_containers(containers(options.clone())), expected, "{options}");
    }
    assert_eq!(
        check_fargate_task(json!({"containerDefinitions": containers(s3)})),
        [format!("warning fargate-config-file-type {}", path("config-file-type"))]
    );
}

#[test]
fn a_log_router_does_not_log_to_itself() {
    let router = json!({"name": "router", "firelensConfiguration": {"type": "fluentbit"},
        "logConfiguration": {"logDriver": "awsfirelens"}});
    assert_eq!(
        check_containers(json!([router])),
        [format!("warning router-logs-to-itself {FIRST}/logConfiguration/logDriver")]
    );
}

#[test]
fn options_of_an_output_require_its_plug_in() {
    let check = |software: &str, options: Value, secrets: Value| {
        check_task(json!({"executionRoleArn": "r", "containerDefinitions": [
            {"name": "user", "logConfiguration": {
                "logDriver": "awsfirelens", "options": options, "secretOptions": secrets}},
            {"name": "router", "firelensConfiguration": {"type": software}},
        ]}))
    };
    let missing = |name: &str| [format!("warning no-log-plug-in {FIRST}/logConfiguration/options/{name}")];
    let key = json!([{"name": "apikey", "valueFrom": "a"}]);
    assert_eq!(check("fluentbit", json!({"name": "http"}), json!([])), missing("Name"));
    assert_eq!(check("fluentbit", json!({}), key.clone()), missing("Name"));
    assert_eq!(check("fluentd", json!({"Name": "http"}), json!([])), missing("@type"));
    assert_eq!(check("fluentbit", json!({"Name": "http"}), key), [""; 0]);
    assert_eq!(check("fluentd", json!({"include-pattern": "x", "log-driver-buffer-limit": "1"}), json!([])), [""; 0]);
}
