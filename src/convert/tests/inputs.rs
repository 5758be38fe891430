//! Forms of inputs, and advice about inputs that are not accepted.

use serde_json::{Value, json};

use super::{codes, manifest_settings, names, run, service, task};
use crate::convert::Settings;

#[test]
fn lenient_amounts_and_types_are_accepted() {
    let with = |members: Value| {
        let mut definition = task("web");
        for (name, value) in members.as_object().unwrap() {
            definition[name] = value.clone();
        }
        definition
    };
    let accepted = [
        json!({"cpu": "1 vCPU", "memory": "2 GB"}),
        json!({"cpu": "1vCPU", "memory": "2GB"}),
        json!({"cpu": ".5 vCPU", "memory": "0.5GB"}),
        json!({"cpu": 256, "memory": 512}),
        json!({"cpu": null, "memory": "", "volumes": [], "tags": null, "taskRoleArn": ""}),
        json!({"revision": "7", "networkMode": ""}),
    ];
    for members in accepted {
        let conversion = run(&[("t.json", with(members.clone()))], &manifest_settings());
        assert_eq!(names(&conversion), ["Deployment/web", "Service/web"], "{members}: {:?}", codes(&conversion));
    }
    let mut strings = task("web");
    strings["containerDefinitions"][0]["memory"] = "64".into();
    strings["containerDefinitions"][0]["essential"] = "true".into();
    strings["containerDefinitions"][0]["portMappings"][0]["containerPort"] = "80".into();
    strings["containerDefinitions"][0]["environment"] =
        json!([{"name": "PORT", "value": 80}, {"name": "ON", "value": true}]);
    strings["containerDefinitions"][0]["command"] = json!([]);
    strings["containerDefinitions"][0]["entryPoint"] = "".into();
    assert_eq!(names(&run(&[("t.json", strings)], &manifest_settings())), ["Deployment/web", "Service/web"]);
    for members in [json!({"cpu": "1 core"}), json!({"memory": "2 pounds"}), json!({"cpu": true})] {
        assert_eq!(names(&run(&[("t.json", with(members.clone()))], &manifest_settings())), [""; 0], "{members}");
    }
}

#[test]
fn other_languages_are_reported_with_advice() {
    let container = json!({"name": "app", "image": "nginx:1", "memory": 64});
    let cases = [
        (json!({"Family": "web", "ContainerDefinitions": [container]}), "as in CloudFormation"),
        (json!({"ServiceName": "web", "TaskDefinition": "web:1", "DesiredCount": 1}), "as in CloudFormation"),
        (json!({"family": "web", "container_definitions": [container]}), "as in Terraform"),
        (json!({"name": "web", "task_definition": "web:1", "desired_count": 1}), "as in Terraform"),
        (json!({"name": "web", "type": "Backend Service", "image": {"port": 80}}), "AWS Copilot"),
        (json!({"version": 1, "task_definition": {}, "run_params": {}}), "ECS CLI"),
        (json!([{"name": "web", "imageUri": "nginx:1"}]), "CodePipeline"),
    ];
    for (value, expected) in cases {
        let conversion = run(&[("x.json", value.clone())], &Settings::default());
        let message = &conversion.report.documents[0].findings[0].message;
        assert!(
            message.contains(expected) && message.contains("aws ecs describe-task-definition"),
            "{value}: {message}"
        );
        assert!(conversion.report.has_refused() && conversion.manifests.is_empty(), "{value}");
    }
}

#[test]
fn unrendered_templates_are_reported() {
    let mut definition = task("web");
    definition["cpu"] = "${CPU}".into();
    definition["containerDefinitions"][0]["image"] = "<IMAGE1_NAME>".into();
    let findings = run(&[("t.json", definition)], &Settings::default()).report.documents.remove(0).findings;
    let at = |path: &str| findings.iter().find(|finding| finding.path == path).unwrap();
    assert!(at("/cpu").message.contains("a template that is not filled in"), "{findings:?}");
    assert_eq!(at("/containerDefinitions/0/image").code, "unrendered-template");
}

#[test]
fn failures_of_describe_commands_are_reported() {
    let failure = json!({"arn": "arn:aws:ecs:eu-west-1:123456789012:service/shop/web", "reason": "MISSING"});
    for services in [json!([]), json!([service("a", "a")])] {
        let conversion =
            run(&[("-", json!({"services": services, "failures": [failure.clone()]}))], &Settings::default());
        let last = conversion.report.documents.last().unwrap();
        assert!(last.findings[0].message.starts_with("AWS did not find service \"web\""), "{last:?}");
        assert_eq!((last.findings[0].code, last.findings[0].path.as_str()), ("not-described", "/failures/0"));
        assert!(conversion.report.has_refused());
    }
}

#[test]
fn container_definitions_without_memory_get_advice() {
    let containers = json!([{"name": "app", "image": "nginx", "cpu": 1}]);
    let message = |input: Value| {
        let conversion = run(&[("web.json", input)], &Settings::default());
        let mut findings = conversion.report.documents[0].findings.iter();
        findings.find(|finding| finding.code == "no-memory").unwrap().message.clone()
    };
    assert!(message(containers.clone()).contains("only container definitions"));
    assert!(
        !message(json!({"family": "web", "containerDefinitions": containers})).contains("only container definitions")
    );
}
