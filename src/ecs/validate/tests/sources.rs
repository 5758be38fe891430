//! Variables, secrets, roles and images: what is brought to a task from elsewhere.

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
            .map(|told| told.rsplit_once(' ').unwrap())
            .map(|(told, place)| format!("{told} {FIRST}/{place}"))
            .into_iter()
            .collect();
        let task = json!({"executionRoleArn": "r", "containerDefinitions": [with(json!({"name": "app"}), container)]});
        assert_eq!(of_task(task), expected);
    }
}

#[test]
fn secrets_have_a_source() {
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
        let places = ["logConfiguration/secretOptions/0/valueFrom", "secrets/0/valueFrom"];
        let told = |told: &str| places.map(|place| format!("{told} {FIRST}/{place}"));
        assert_eq!(of_task(task), expected.map(told).into_iter().flatten().collect::<Vec<_>>(), "{from}");
    }
}

#[test]
fn files_of_variables_are_objects_of_s3() {
    let of = |value: &str| {
        let files = json!([{"type": "s3", "value": value}]);
        of_task(json!({"executionRoleArn": "r", "containerDefinitions": [{"name": "app", "environmentFiles": files}]}))
    };
    let place = format!("{FIRST}/environmentFiles/0/value");
    assert_eq!(of("arn:aws:s3:::bucket/app.env"), [""; 0]);
    assert_eq!(of("arn:${partition}:s3:::bucket/app.env"), [""; 0]);
    assert_eq!(of("s3://bucket/app.env"), [format!("error invalid-environment-file {place}")]);
    assert_eq!(of("arn:aws:s3:::bucket/app.txt"), [format!("error environment-file-extension {place}")]);
}

#[test]
fn roles_are_names_or_arns() {
    let of = |role: &str| of_task(json!({"taskRoleArn": role, "containerDefinitions": [{"name": "app"}]}));
    for role in ["shop", "arn:aws:iam::123456789012:role/teams/shop", "arn:aws:iam::<account>:role/shop", ""] {
        assert_eq!(of(role), [""; 0], "{role}");
    }
    for role in ["arn:aws:iam", "arn:aws:iam::123456789012:user/shop", "arn:aws:ecs:r:1:role/shop"] {
        assert_eq!(of(role), ["error invalid-role /taskRoleArn"], "{role}");
    }
}

#[test]
fn what_ecs_reads_for_a_task_takes_an_execution_role() {
    let told = |members: Value| of_container(members);
    let secret = json!({"secrets": [{"name": "A", "valueFrom": "a"}]});
    let options = json!({"logConfiguration": {"logDriver": "splunk", "options": {"splunk-url": "u"},
        "secretOptions": [{"name": "splunk-token", "valueFrom": "a"}]}});
    for members in [secret, options] {
        assert_eq!(told(members), ["warning no-execution-role /executionRoleArn"]);
    }
    let credentials = json!({"repositoryCredentials": {"credentialsParameter": "a"}});
    let place = format!("{FIRST}/repositoryCredentials");
    assert_eq!(told(credentials), [format!("warning unreadable-without-execution-role {place}")]);
    let ecr = json!({"name": "app", "image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop:1"});
    let awslogs = json!({"name": "app", "logConfiguration": {"logDriver": "awslogs", "options": {
        "awslogs-group": "g", "awslogs-region": "r", "awslogs-stream-prefix": "p"}}});
    for container in [ecr, awslogs] {
        let containers = json!([container]);
        assert_eq!(of_containers(containers.clone()), [""; 0]);
        let alone = json!({"containerDefinitions": containers});
        assert_eq!(of_fargate(alone.clone()), ["warning no-execution-role /executionRoleArn"]);
        assert_eq!(of_fargate(with(alone, json!({"executionRoleArn": "r"}))), [""; 0]);
    }
}

#[test]
fn images_have_their_characters() {
    let of = |image: &str| of_container(json!({"image": image}));
    let digest = format!("{}@sha256:{}", "a".repeat(255), "0".repeat(64));
    for image in ["nginx", "Repo/app_x:v1.2-rc", "localhost:5000/a#b", &digest] {
        assert_eq!(of(image), [""; 0], "{image}");
    }
    let place = format!("{FIRST}/image");
    for image in ["nginx ", "my image", "https:\\nginx", "nginx:latest\n", "a|b"] {
        assert_eq!(of(image), [format!("error invalid-image {place}")], "{image}");
    }
    assert_eq!(of(&"a".repeat(256)), [format!("error image-name-too-long {place}")]);
    for image in ["<IMAGE1_NAME>", "${image}:latest", "{{ image }}", "repo/$IMAGE"] {
        assert_eq!(of(image), [format!("warning unrendered-template {place}")], "{image}");
    }
}

#[test]
fn amounts_that_a_template_left_open_are_told_as_such() {
    let task =
        |amount: &str| json!({"cpu": amount, "containerDefinitions": [{"name": "a", "image": "x", "memory": 9}]});
    let message = |amount: &str| task_definition(&read(task(amount))).remove(0).message;
    assert!(message("<CPU>").contains("a place of a template"), "{}", message("<CPU>"));
    assert!(!message("much").contains("template"), "{}", message("much"));
}

#[test]
fn tags_have_a_key_of_their_own() {
    let of = |tags: Value| of_task(json!({"containerDefinitions": [{"name": "app"}], "tags": tags}));
    let cases = [
        (json!([{"key": "team", "value": "größe/1 = a@b"}, {"key": "Team"}]), None),
        (json!([{"key": "a"}, {"key": "a"}]), Some("error duplicate-tag-key /tags/1/key")),
        (json!([{"value": "a"}]), Some("error tag-without-key /tags/0/key")),
        (json!([{"key": "a", "value": "{{ env }}"}]), Some("error invalid-tag-characters /tags/0/value")),
        (json!([{"key": "a*"}]), Some("error invalid-tag-characters /tags/0/key")),
        (json!([{"key": "AWS:stack"}]), Some("warning reserved-tag-key /tags/0/key")),
    ];
    for (tags, expected) in cases {
        assert_eq!(of(tags.clone()), expected.into_iter().collect::<Vec<_>>(), "{tags}");
    }
}
