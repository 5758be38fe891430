//! Variables, secrets, roles, images and tags.

use super::*;

#[test]
fn names_of_variables_and_secrets_are_unique() {
    let variable = |name: &str| json!({"name": name, "value": "x"});
    let secret = |name: &str| json!({"name": name, "valueFrom": "x"});
    let cases = [
        (json!({"environment": [variable("A"), variable("a")], "secrets": [secret("B")]}), None),
        (json!({"secrets": [secret("")]}), Some("error secret-without-name secrets/0/name")),
        (json!({"environment": [variable("A"), variable("A")]}), Some("warning duplicate-variable environment/1/name")),
        (json!({"environment": [variable("")]}), Some("error variable-without-name environment/0/name")),
        (json!({"environment": [variable("A=B")]}), Some("error variable-name-with-equals-sign environment/0/name")),
        (json!({"secrets": [secret("A"), secret("A")]}), Some("error duplicate-secret-name secrets/1/name")),
        (
            json!({"environment": [variable("A")], "secrets": [secret("A")]}),
            Some("error duplicate-secret-name secrets/0/name"),
        ),
        (
            json!({"environmentFiles": [{"type": "s3", "value": "arn:aws:s3:::b/a.txt"}]}),
            Some("error environment-file-extension environmentFiles/0/value"),
        ),
    ];
    for (container, expected) in cases {
        let expected: Vec<_> = expected
            .map(|summary| summary.rsplit_once(' ').unwrap())
            .map(|(summary, path)| format!("{summary} {FIRST}/{path}"))
            .into_iter()
            .collect();
        let task = json!({"executionRoleArn": "r", "containerDefinitions": [with(json!({"name": "app"}), container)]});
        assert_eq!(check_task(task), expected);
    }
}

#[test]
fn secrets_require_a_valid_source() {
    let secrets_manager = |rest: &str| format!("arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf{rest}");
    let cases = [
        (secrets_manager(""), None),
        (secrets_manager(":password::"), None),
        (secrets_manager("::AWSPREVIOUS:"), None),
        ("arn:aws:ssm:eu-west-1:123456789012:parameter/shop/db".to_owned(), None),
        ("/shop/db".to_owned(), None),
        ("arn:${partition}:secret".to_owned(), None),
        (String::new(), Some("error secret-without-source")),
        ("arn:aws:ssm".to_owned(), Some("error invalid-arn")),
        ("arn:aws:s3:::bucket/db".to_owned(), Some("error invalid-secret-source")),
        (secrets_manager("::AWSPREVIOUS:id"), Some("warning secret-version-twice")),
    ];
    for (from, expected) in cases {
        let task = json!({"executionRoleArn": "r", "containerDefinitions": [{
            "name": "app",
            "secrets": [{"name": "A", "valueFrom": from}],
            "logConfiguration": {"logDriver": "splunk", "options": {"splunk-url": "u"},
                "secretOptions": [{"name": "splunk-token", "valueFrom": from}]},
        }]});
        let paths = ["logConfiguration/secretOptions/0/valueFrom", "secrets/0/valueFrom"];
        let expected = expected.map(|summary| paths.map(|path| format!("{summary} {FIRST}/{path}")));
        assert_eq!(check_task(task), expected.into_iter().flatten().collect::<Vec<_>>(), "{from}");
    }
}

#[test]
fn environment_files_are_s3_objects() {
    let check = |value: &str| {
        let files = json!([{"type": "s3", "value": value}]);
        check_task(
            json!({"executionRoleArn": "r", "containerDefinitions": [{"name": "app", "environmentFiles": files}]}),
        )
    };
    let path = format!("{FIRST}/environmentFiles/0/value");
    assert_eq!(check("arn:aws:s3:::bucket/app.env"), [""; 0]);
    assert_eq!(check("arn:${partition}:s3:::bucket/app.env"), [""; 0]);
    assert_eq!(check("s3://bucket/app.env"), [format!("error invalid-environment-file {path}")]);
    assert_eq!(check("arn:aws:s3:::bucket/app.txt"), [format!("error environment-file-extension {path}")]);
}

#[test]
fn roles_are_names_or_arns() {
    let check = |role: &str| check_task(json!({"taskRoleArn": role, "containerDefinitions": [{"name": "app"}]}));
    for role in ["shop", "arn:aws:iam::123456789012:role/teams/shop", "arn:aws:iam::<account>:role/shop", ""] {
        assert_eq!(check(role), [""; 0], "{role}");
    }
    for role in ["arn:aws:iam", "arn:aws:iam::123456789012:user/shop", "arn:aws:ecs:r:1:role/shop"] {
        assert_eq!(check(role), ["error invalid-role /taskRoleArn"], "{role}");
    }
}

#[test]
fn fields_that_ecs_reads_for_a_task_require_an_execution_role() {
    let secret = json!({"secrets": [{"name": "A", "valueFrom": "a"}]});
    let options = json!({"logConfiguration": {"logDriver": "splunk", "options": {"splunk-url": "u"},
        "secretOptions": [{"name": "splunk-token", "valueFrom": "a"}]}});
    for members in [secret, options] {
        assert_eq!(check_container(members), ["warning no-execution-role /executionRoleArn"]);
    }
    let credentials = json!({"repositoryCredentials": {"credentialsParameter": "a"}});
    let path = format!("{FIRST}/repositoryCredentials");
    assert_eq!(check_container(credentials), [format!("warning unreadable-without-execution-role {path}")]);
    let ecr = json!({"name": "app", "image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop:1"});
    let awslogs = json!({"name": "app", "logConfiguration": {"logDriver": "awslogs", "options": {
        "awslogs-group": "g", "awslogs-region": "r", "awslogs-stream-prefix": "p"}}});
    for container in [ecr, awslogs] {
        let containers = json!([container]);
        assert_eq!(check_containers(containers.clone()), [""; 0]);
        let alone = json!({"containerDefinitions": containers});
        assert_eq!(check_fargate_task(alone.clone()), ["warning no-execution-role /executionRoleArn"]);
        assert_eq!(check_fargate_task(with(alone, json!({"executionRoleArn": "r"}))), [""; 0]);
    }
}

#[test]
fn images_have_valid_characters() {
    let check = |image: &str| check_container(json!({"image": image}));
    let digest = format!("{}@sha256:{}", "a".repeat(255), "0".repeat(64));
    for image in ["nginx", "Repo/app_x:v1.2-rc", "localhost:5000/a#b", &digest] {
        assert_eq!(check(image), [""; 0], "{image}");
    }
    let path = format!("{FIRST}/image");
    for image in ["nginx ", "my image", "https:\\nginx", "nginx:latest\n", "a|b"] {
        assert_eq!(check(image), [format!("error invalid-image {path}")], "{image}");
    }
    assert_eq!(check(&"a".repeat(256)), [format!("error image-name-too-long {path}")]);
    for image in ["<IMAGE1_NAME>", "${image}:latest", "{{ image }}", "repo/$IMAGE"] {
        assert_eq!(check(image), [format!("warning unrendered-template {path}")], "{image}");
    }
}

#[test]
fn placeholders_of_a_template_in_amounts_are_reported() {
    let task =
        |amount: &str| json!({"cpu": amount, "containerDefinitions": [{"name": "a", "image": "x", "memory": 9}]});
    let message = |amount: &str| task_definition(&read(task(amount))).remove(0).message;
    assert!(message("<CPU>").contains("a placeholder of a template"), "{}", message("<CPU>"));
    assert!(!message("much").contains("template"), "{}", message("much"));
}

#[test]
fn tags_have_unique_keys() {
    let check = |tags: Value| check_task(json!({"containerDefinitions": [{"name": "app"}], "tags": tags}));
    let cases = [
        (json!([{"key": "team", "value": "größe/1 = a@b"}, {"key": "Team"}]), None),
        (json!([{"key": "a"}, {"key": "a"}]), Some("error duplicate-tag-key /tags/1/key")),
        (json!([{"value": "a"}]), Some("error tag-without-key /tags/0/key")),
        (json!([{"key": "a", "value": "{{ env }}"}]), Some("error invalid-tag-characters /tags/0/value")),
        (json!([{"key": "a*"}]), Some("error invalid-tag-characters /tags/0/key")),
        (json!([{"key": "AWS:stack"}]), Some("warning reserved-tag-key /tags/0/key")),
    ];
    for (tags, expected) in cases {
        assert_eq!(check(tags.clone()), expected.into_iter().collect::<Vec<_>>(), "{tags}");
    }
}
