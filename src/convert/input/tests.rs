use serde_json::{Value, json};

use super::detected::DefinitionInput;
use super::*;
use crate::ecs::Pointer;
use crate::k8s::kinds::RootKind;

fn source(name: &str, text: &str) -> Source {
    Source { name: name.to_owned(), text: Ok(text.to_owned()), from_folder: false }
}

fn found(source: &Source) -> Vec<Detected> {
    detected_in(source).into_iter().map(|(_, detected)| detected).collect()
}

fn all(value: &Value) -> Vec<Detected> {
    found(&source("x.json", &value.to_string()))
}

fn kinds(value: &Value) -> Vec<Option<RootKind>> {
    let kind = |detected: &Detected| match detected {
        Detected::Definition(item) => Some(item.kind),
        _ => None,
    };
    all(value).iter().map(kind).collect()
}

fn only(value: &Value) -> DefinitionInput {
    match all(value).pop() {
        Some(Detected::Definition(item)) => *item,
        other => panic!("no definition: {other:?}"),
    }
}

fn message(name: &str, text: &str) -> String {
    match found(&source(name, text)).pop() {
        Some(Detected::Other(problem)) => problem.document(&source(name, text), 0).findings[0].message.clone(),
        other => panic!("no problem: {other:?}"),
    }
}

#[test]
fn definitions_are_detected_by_their_members() {
    let task = json!({"family": "web", "containerDefinitions": [{"name": "a", "image": "b"}]});
    let service = json!({"serviceName": "web", "taskDefinition": "web:1"});
    let cluster = json!({"clusterName": "shop"});
    let (a_task, a_service, a_cluster) =
        (Some(RootKind::TaskDefinition), Some(RootKind::Service), Some(RootKind::Cluster));
    let cases = [
        (task.clone(), vec![a_task]),
        (json!({"taskDefinition": task, "tags": []}), vec![a_task]),
        (json!([{"name": "a", "image": "b"}]), vec![a_task]),
        (json!({"image": "b", "cpu": 1}), vec![a_task]),
        (service.clone(), vec![a_service]),
        (json!({"service": service}), vec![a_service]),
        (json!({"services": [service, service], "failures": []}), vec![a_service, a_service]),
        (json!({"service": "web", "desiredCount": 2, "forceNewDeployment": true}), vec![a_service]),
        (cluster.clone(), vec![a_cluster]),
        (json!({"cluster": cluster}), vec![a_cluster]),
        (json!({"clusters": [cluster]}), vec![a_cluster]),
        (json!([task, service, cluster, 5]), vec![a_task, a_service, a_cluster, None]),
        (json!({"cluster": "c", "taskDefinition": "web", "overrides": {}}), vec![None]),
        (json!({"name": "some-package", "version": "1"}), vec![None]),
    ];
    for (value, expected) in cases {
        assert_eq!(kinds(&value), expected, "{value}");
    }
}

#[test]
fn every_leaf_belongs_to_one_definition() {
    let value = json!({"services": [{"serviceName": "a"}, {"serviceName": "b", "role": null}], "failures": []});
    let leaves = |detected: Detected| match detected {
        Detected::Definition(item) => item.scope.leaves.iter().map(|leaf| leaf.path.clone()).collect(),
        _ => Vec::new(),
    };
    let leaves: Vec<Vec<String>> = all(&value).into_iter().map(leaves).collect();
    assert_eq!(
        leaves,
        [vec!["/failures", "/services/0/serviceName"], vec!["/services/1/role", "/services/1/serviceName"]]
    );
}

#[test]
fn an_update_names_the_service_differently() {
    let item = only(&json!({"service": "arn:aws:ecs:eu-west-1:1:service/shop/web", "forceNewDeployment": true}));
    assert_eq!(item.spec, json!({"serviceName": "web"}));
    assert_eq!(item.origin.find(&Pointer::root().key("serviceName")).as_deref(), Some("/service"));
}

#[test]
fn settings_of_the_primary_deployment_belong_to_the_service() {
    let connect = json!({"enabled": true});
    let old = json!({"status": "ACTIVE", "serviceConnectConfiguration": {"enabled": false}});
    let primary = json!({"status": "PRIMARY", "serviceConnectConfiguration": connect, "volumeConfigurations": []});
    let described =
        json!({"services": [{"serviceName": "web", "deployments": [old, primary], "volumeConfigurations": [1]}]});
    let item = only(&described);
    assert_eq!(item.spec["serviceConnectConfiguration"], connect);
    assert_eq!(item.spec["volumeConfigurations"], json!([1]), "settings of the service itself are kept");
    let path = item.origin.find(&Pointer::root().key("serviceConnectConfiguration").key("enabled"));
    assert_eq!(path.as_deref(), Some("/services/0/deployments/1/serviceConnectConfiguration/enabled"));
    assert!(item.spec.pointer("/deployments/1/serviceConnectConfiguration").is_none());
}

#[test]
fn tags_beside_a_definition_belong_to_it() {
    let item = only(&json!({"taskDefinition": {"family": "a"}, "tags": [{"key": "k", "value": "v"}]}));
    assert_eq!(item.spec["tags"][0]["key"], "k");
    assert_eq!(item.origin.find(&Pointer::root().key("tags").index(0)).as_deref(), Some("/tags/0"));
}

#[test]
fn custom_resources_are_read_and_other_objects_reported() {
    let resource = "apiVersion: ecs-operator.dev/v1alpha1\nkind: Cluster\nmetadata: {name: a}\nspec: {}\n";
    assert!(
        matches!(found(&source("a.yaml", resource)).as_slice(), [Detected::Definition(item)] if item.resource.is_some())
    );
    let cases = [
        (resource.replace("v1alpha1", "v9"), "reads version v1alpha1"),
        (resource.replace("Cluster", "Pipe"), "this version does not convert the kind"),
        (resource.replace("name: a", ""), "no `metadata.name`"),
        ("apiVersion: v1\nkind: Pod\n".to_owned(), "this is a Kubernetes Pod"),
    ];
    for (text, expected) in cases {
        let message = message("a.yaml", &text);
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn values_may_contain_keywords_of_other_languages() {
    for keywords in [
        "AWS::ECS::Service",
        "AWSTemplateFormatVersion",
        "resource 'aws_ecs_service'",
        "resource \"aws_ecs_service\"",
        "version: 0.0 AWS::ECS::Service",
    ] {
        let task =
            json!({"family": "web", "containerDefinitions": [{"name": "a", "image": "b", "command": [keywords]}]});
        assert_eq!(only(&task).kind, RootKind::TaskDefinition, "{keywords}");
    }
    let yaml = "family: web\ncontainerDefinitions:\n  - command: ['resource \"aws_ecs_a\"', AWS::ECS::Service]\n";
    assert!(matches!(found(&source("a.yaml", yaml)).as_slice(), [Detected::Definition(_)]));
}

#[test]
fn inputs_without_a_definition_are_described() {
    let cases = [
        ("main.tf", "resource \"aws_ecs_service\" \"a\" {}", "this is Terraform"),
        ("t.yaml", "Resources:\n  A:\n    Type: AWS::ECS::Service\n    X: !Ref B\n", "CloudFormation template"),
        ("a.json", "{\"ContainerDefinitions\": []}", "as in CloudFormation"),
        ("a.json", "{\"Resources\": {\"A\": {\"Type\": \"AWS::ECS::Service\"}}}", "CloudFormation template"),
        ("t.yaml", "A:\n  Type: AWS::ECS::Service\n", "CloudFormation template"),
        ("t.yaml", "AWSTemplateFormatVersion: 2010-09-09\nDescription: a\n", "CloudFormation template"),
        ("-", "resource \"aws_ecs_service\" \"a\" {\n  name = \"a\"\n}\n", "this is Terraform"),
        ("a.json", "resource \"aws_ecs_service\" \"a\" {\n", "this is Terraform"),
        ("c.yaml", "services:\n  web: {image: a}\n", "Docker Compose"),
        ("a.json", "{\"serviceArns\": []}", "a list of ARNs"),
        (
            "a.json",
            "{\"a\": 1, \"b\": 2}",
            "no ECS definition has these members together: `a`, `b`; `ecs-operator convert --help`",
        ),
        ("a.json", "[]", "an empty list"),
        ("a.json", "", "the file is empty"),
        ("a.yaml", "", "the file is empty"),
        ("a.json", "3", "this is a number"),
        ("a.yaml", "family: !Ref Name\n", "such as CloudFormation's !Ref"),
        ("a.txt", "container_definitions = [\n", "this is Terraform"),
        ("a.yaml", "version: 0.0\nResources:\n  - A: {Type: AWS::ECS::Service}\n", "AppSpec file of CodeDeploy"),
        ("-", "\nAn error occurred (ClientException) when", "an error message of the AWS CLI"),
        ("-", "TASKDEFINITION\tweb\t1\n", "`--output json`"),
        ("-", "", "standard input is empty"),
        ("a.json", "version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        ("a.json", "<!DOCTYPE html>", "XML or HTML"),
        ("a.sh", "#!/bin/sh\n", "this is a script"),
        ("a.json", "{\0", "binary"),
        ("a.json", "{\"a\": ${b}}", "template is not rendered"),
    ];
    for (name, text, expected) in cases {
        let message = message(name, text);
        assert!(message.contains(expected), "{text}: {message}");
    }
}
