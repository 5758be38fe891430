//! Conversion to custom resources.

use serde_json::{Value, json};

use super::{codes, field, run, service, task, yaml};
use crate::convert::{Settings, Source, convert};
use crate::translate::Verdict;

#[test]
fn a_task_definition_becomes_a_custom_resource() {
    let conversion = run(&[("web.json", task("Web_API"))], &Settings::default());
    let object = yaml(&conversion.manifests[0]);
    assert_eq!(object["apiVersion"], "ecs-operator.dev/v1alpha1");
    assert_eq!(object["metadata"], json!({"name": "web-api-d8pgb"}));
    assert_eq!(object["spec"], task("Web_API"));
    assert!(conversion.manifests[0].yaml.starts_with("apiVersion: ecs-operator.dev/v1alpha1\nkind: TaskDefinition\n"));
}

#[test]
fn describe_output_is_not_written_and_reported() {
    let mut definition = task("web");
    definition["taskDefinitionArn"] = "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:7".into();
    definition["revision"] = 7.into();
    definition["volumes"] = json!([]);
    definition["registeredAt"] = Value::Null;
    let conversion = run(&[("-", json!({"taskDefinition": definition}))], &Settings::default());
    let spec = &yaml(&conversion.manifests[0])["spec"];
    assert!(spec.get("revision").is_none() && spec.get("taskDefinitionArn").is_none(), "{spec}");
    assert_eq!(field(&conversion, 0, "/taskDefinition/revision").verdict, Verdict::Ignored);
    assert_eq!(field(&conversion, 0, "/taskDefinition/volumes").verdict, Verdict::Exact);
    assert_eq!(field(&conversion, 0, "/taskDefinition/registeredAt").verdict, Verdict::Exact);
}

#[test]
fn a_service_with_a_revision_follows_the_family_without_keep_revisions() {
    let service = service("web", "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:42");
    let conversion = run(&[("s.json", service.clone())], &Settings::default());
    assert_eq!(yaml(&conversion.manifests[0])["spec"]["taskDefinition"], "web");
    assert_eq!(codes(&conversion), ["pinned-revision-follows-family"]);
    assert_eq!(field(&conversion, 0, "/taskDefinition").verdict, Verdict::Approximate);

    let kept = run(&[("s.json", service)], &Settings { keep_revisions: true, ..Settings::default() });
    assert_eq!(yaml(&kept.manifests[0])["spec"]["taskDefinition"], "web:42");
    assert_eq!(codes(&kept), [""; 0]);
}

#[test]
fn custom_resources_are_written_unchanged() {
    let first = run(&[("a.json", task("web")), ("b.json", service("web", "web"))], &Settings::default());
    let text = first.manifests.iter().map(|manifest| manifest.yaml.as_str()).collect::<Vec<_>>().join("---\n");
    let again = Source { name: "all.yaml".to_owned(), text: Ok(text), from_folder: false };
    let second = convert(&[again], &Settings::default());
    assert_eq!(second.manifests, first.manifests);
    assert_eq!(field(&second, 1, "/metadata/name").target.as_deref(), Some("Service/web#/metadata/name"));
}

#[test]
fn a_cluster_arn_becomes_a_name() {
    let mut service = service("web", "web");
    service["clusterArn"] = "arn:aws:ecs:eu-west-1:123456789012:cluster/shop".into();
    let conversion = run(&[("s.json", json!({"services": [service], "failures": []}))], &Settings::default());
    let spec = yaml(&conversion.manifests[0])["spec"].clone();
    assert_eq!((spec["cluster"].as_str(), spec.get("clusterArn")), (Some("shop"), None));
    assert_eq!(field(&conversion, 0, "/services/0/clusterArn").verdict, Verdict::Exact);
    assert_eq!(field(&conversion, 0, "/failures").verdict, Verdict::Exact);
}
