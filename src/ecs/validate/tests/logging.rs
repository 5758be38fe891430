//! Log drivers and log routers.

use super::*;

#[test]
fn log_drivers_have_what_they_need() {
    let router = json!({"name": "router", "firelensConfiguration": {"type": "fluentbit"}});
    let user = json!({"name": "user", "logConfiguration": {"logDriver": "awsfirelens"}});
    assert_eq!(of_containers(json!([router, user])), [""; 0]);
    assert_eq!(of_containers(json!([user])), [format!("error no-log-router {FIRST}/logConfiguration/logDriver")]);
    assert_eq!(of_containers(json!([router])), [format!("error unused-log-router {FIRST}/firelensConfiguration")]);
    let second = with(router.clone(), json!({"name": "second"}));
    assert_eq!(
        of_containers(json!([router, user, second])),
        ["error second-log-router /containerDefinitions/2/firelensConfiguration"]
    );
    let logs = json!({"logDriver": "awslogs", "options": {"awslogs-group": "g"}});
    let place = format!("{FIRST}/logConfiguration/options");
    assert_eq!(
        of_container(json!({"logConfiguration": logs})),
        [format!("error missing-log-option {place}/awslogs-region")]
    );
    let prefix = json!({"logDriver": "awslogs", "options": {"awslogs-group": "g", "awslogs-region": "r"}});
    assert_eq!(
        of_fargate(json!({
            "executionRoleArn": "r", "containerDefinitions": [{"name": "app", "logConfiguration": prefix}]})),
        [format!("error missing-log-option {place}/awslogs-stream-prefix")]
    );
}

#[test]
fn options_are_given_in_the_clear_or_as_secrets() {
    let splunk = |options: Value, secrets: Value| {
        let logs = json!({"logDriver": "splunk", "options": options, "secretOptions": secrets});
        let container = json!({"name": "app", "logConfiguration": logs});
        of_task(json!({"executionRoleArn": "r", "containerDefinitions": [container]}))
    };
    let token = json!([{"name": "splunk-token", "valueFrom": "a"}]);
    assert_eq!(splunk(json!({"splunk-url": "u"}), token), [""; 0]);
    let missing = |name: &str| format!("error missing-log-option {FIRST}/logConfiguration/options/{name}");
    assert_eq!(splunk(json!({}), json!([])), [missing("splunk-token"), missing("splunk-url")]);
}

#[test]
fn options_that_do_not_go_together_are_told() {
    let of = |more: Value| {
        let options = with(json!({"awslogs-group": "g", "awslogs-region": "r"}), more);
        of_container(json!({"logConfiguration": {"logDriver": "awslogs", "options": options}}))
    };
    let place = |name: &str| format!("{FIRST}/logConfiguration/options/{name}");
    assert_eq!(of(json!({"mode": "non-blocking"})), [""; 0]);
    assert_eq!(of(json!({"mode": "async"})), [format!("warning invalid-log-mode {}", place("mode"))]);
    assert_eq!(
        of(json!({"awslogs-datetime-format": "%Y", "awslogs-multiline-pattern": "^a"})),
        [format!("warning ignored-log-option {}", place("awslogs-multiline-pattern"))]
    );
}

#[test]
fn a_log_router_has_a_configuration_it_can_read() {
    let containers = |options: Value| {
        json!([
            {"name": "router", "firelensConfiguration": {"type": "fluentbit", "options": options}},
            {"name": "user", "logConfiguration": {"logDriver": "awsfirelens"}},
        ])
    };
    let place = |name: &str| format!("{FIRST}/firelensConfiguration/options/{name}");
    let s3 = json!({"config-file-type": "s3", "config-file-value": "arn:aws:s3:::bucket/a.conf"});
    let cases = [
        (s3.clone(), None),
        (json!({"enable-ecs-log-metadata": "true"}), None),
        (json!({"config-file-type": "file"}), Some(("no-config-file-value", "config-file-value"))),
        (json!({"config-file-type": "ssm"}), Some(("invalid-config-file-type", "config-file-type"))),
    ];
    for (options, expected) in cases {
        let expected: Vec<_> = expected.iter().map(|(code, at)| format!("warning {code} {}", place(at))).collect();
        assert_eq!(of_containers(containers(options.clone())), expected, "{options}");
    }
    assert_eq!(
        of_fargate(json!({"containerDefinitions": containers(s3)})),
        [format!("warning fargate-config-file-type {}", place("config-file-type"))]
    );
}

#[test]
fn a_log_router_does_not_log_to_itself() {
    let router = json!({"name": "router", "firelensConfiguration": {"type": "fluentbit"},
        "logConfiguration": {"logDriver": "awsfirelens"}});
    assert_eq!(
        of_containers(json!([router])),
        [format!("warning router-logs-to-itself {FIRST}/logConfiguration/logDriver")]
    );
}

#[test]
fn settings_of_an_output_need_its_plug_in() {
    let of = |software: &str, options: Value, secrets: Value| {
        of_task(json!({"executionRoleArn": "r", "containerDefinitions": [
            {"name": "user", "logConfiguration": {
                "logDriver": "awsfirelens", "options": options, "secretOptions": secrets}},
            {"name": "router", "firelensConfiguration": {"type": software}},
        ]}))
    };
    let missing = |name: &str| [format!("warning no-log-plug-in {FIRST}/logConfiguration/options/{name}")];
    let key = json!([{"name": "apikey", "valueFrom": "a"}]);
    assert_eq!(of("fluentbit", json!({"name": "http"}), json!([])), missing("Name"));
    assert_eq!(of("fluentbit", json!({}), key.clone()), missing("Name"));
    assert_eq!(of("fluentd", json!({"Name": "http"}), json!([])), missing("@type"));
    assert_eq!(of("fluentbit", json!({"Name": "http"}), key), [""; 0]);
    assert_eq!(of("fluentd", json!({"include-pattern": "x", "log-driver-buffer-limit": "1"}), json!([])), [""; 0]);
}
