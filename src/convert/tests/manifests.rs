//! Conversion to plain manifests.

use serde_json::json;

use super::{field, manifest_settings, names, run, service, task, yaml};
use crate::convert::Settings;
use crate::translate::Verdict;

#[test]
fn a_service_and_its_task_definition_become_one_deployment() {
    let inputs = [("t.json", task("web")), ("s.json", service("front", "web")), ("o.json", task("other"))];
    let conversion = run(&inputs, &manifest_settings());
    let front = ["Deployment/front", "Service/front", "PodDisruptionBudget/front"];
    assert_eq!(names(&conversion), [&front[..], &["Deployment/other", "Service/other"]].concat());
    let deployment = yaml(&conversion.manifests[0]);
    assert_eq!(deployment["spec"]["replicas"], 3);
    assert_eq!(deployment["metadata"]["labels"]["app.kubernetes.io/managed-by"], "ecs-operator-convert");
    let text = &conversion.manifests[0].yaml;
    assert!(
        !text.contains("rendered-with") && !text.contains("applied-hash") && !text.contains("dev/revision"),
        "{text}"
    );
    assert_eq!(yaml(&conversion.manifests[3])["spec"]["replicas"], 1);
    assert!(
        field(&conversion, 0, "/containerDefinitions/0/image")
            .target
            .as_ref()
            .unwrap()
            .starts_with("Deployment/front#")
    );
}

#[test]
fn metadata_of_a_custom_resource_is_reported() {
    let resource = json!({
        "apiVersion": "ecs-operator.dev/v1alpha1", "kind": "TaskDefinition",
        "metadata": {"name": "web", "labels": {"a": "b"}, "ownerReferences": [{"kind": "X"}]},
        "spec": task("web"),
    });
    let list = json!({"apiVersion": "v1", "kind": "List", "items": [resource]});
    let kept = run(&[("t.json", list.clone())], &Settings::default());
    let target = |path: &str| field(&kept, 0, path).target.clone();
    assert_eq!(target("/items/0/metadata/labels/a").as_deref(), Some("TaskDefinition/web#/metadata/labels/a"));
    assert_eq!(target("/kind"), None);
    assert_eq!(field(&kept, 0, "/items/0/metadata/ownerReferences/0/kind").verdict, Verdict::Ignored);

    let conversion = run(&[("t.json", list)], &manifest_settings());
    let verdict = |path: &str| (field(&conversion, 0, path).verdict, field(&conversion, 0, path).target.as_deref());
    assert_eq!(verdict("/items/0/metadata/name"), (Verdict::Exact, None));
    assert_eq!(verdict("/items/0/metadata/labels/a"), (Verdict::Unsupported, None));
    assert_eq!(verdict("/items/0/spec/family"), (Verdict::Exact, Some("Deployment/web#/metadata/labels")));
}

#[test]
fn a_port_mapped_twice_has_one_name_and_one_host_port() {
    let mut definition = task("web");
    definition["containerDefinitions"][0]["portMappings"] = json!([
        {"containerPort": 80},
        {"containerPort": 80, "hostPort": 8080, "name": "http"},
        {"containerPort": 80, "hostPort": 8081, "name": "other"},
        {"containerPortRange": "90-99", "protocol": "udp"},
    ]);
    let conversion = run(&[("t.json", definition)], &manifest_settings());
    let container = &yaml(&conversion.manifests[0])["spec"]["template"]["spec"]["containers"][0];
    let port = json!({"containerPort": 80, "hostPort": 8080, "name": "http", "protocol": "TCP"});
    assert_eq!(container["ports"], json!([port]));
    let verdict = |path: &str| field(&conversion, 0, &format!("/containerDefinitions/0/portMappings/{path}")).verdict;
    assert_eq!([verdict("1/hostPort"), verdict("1/name")], [Verdict::Exact; 2]);
    assert_eq!([verdict("2/hostPort"), verdict("2/name")], [Verdict::Unsupported; 2]);
}

#[test]
fn all_objects_have_the_namespace_of_the_settings() {
    let settings = Settings { namespace: Some("shop".to_owned()), ..manifest_settings() };
    let conversion = run(&[("t.json", task("web"))], &settings);
    assert!(conversion.manifests.iter().all(|manifest| yaml(manifest)["metadata"]["namespace"] == "shop"));
    assert_eq!(conversion.manifests[0].file_name(), "deployment-shop-web.yaml");
}

#[test]
fn companions_of_a_task_definition_are_written_once_and_first() {
    let mut definition = task("web");
    definition["executionRoleArn"] = "arn:aws:iam::111122223333:role/agent".into();
    definition["kubernetes"] = json!({"secretStores": {"parameterStore": {"name": "aws"}}});
    definition["volumes"] = json!([{"name": "data", "efsVolumeConfiguration": {"fileSystemId": "fs-1"}}]);
    definition["containerDefinitions"][0]["secrets"] = json!([{"name": "A", "valueFrom": "/prod/a"}]);
    let inputs = [("web.json", definition), ("a.json", service("a", "web")), ("b.json", service("b", "web"))];
    let conversion = run(&inputs, &Settings { namespace: Some("shop".to_owned()), ..manifest_settings() });
    let expected = [
        "ExternalSecret/web-app",
        "PersistentVolume/shop.web-data",
        "PersistentVolumeClaim/web-data",
        "Deployment/a",
        "Service/a",
        "PodDisruptionBudget/a",
        "Deployment/b",
        "Service/b",
        "PodDisruptionBudget/b",
    ];
    assert_eq!(names(&conversion), expected);
    let volume = yaml(&conversion.manifests[1]);
    assert_eq!(volume.pointer("/metadata/namespace"), None);
    assert_eq!(volume.pointer("/metadata/labels/app.kubernetes.io~1managed-by"), Some(&json!("ecs-operator-convert")));
    let code = |path: &str| field(&conversion, 0, path).code;
    assert_eq!(code("/containerDefinitions/0/secrets/0/valueFrom"), Some("external-secret-made"));
    assert_eq!(code("/volumes/0/efsVolumeConfiguration/fileSystemId"), Some("efs-csi-needed"));
}
