//! Names of objects.

use serde_json::{Value, json};

use super::{codes, manifest_settings, names, run, service, task};
use crate::convert::Settings;

#[test]
fn the_file_name_gives_the_family_of_container_definitions() {
    let containers = task("x")["containerDefinitions"].clone();
    let conversion = run(&[("ecs/shop.json", containers.clone())], &Settings::default());
    assert_eq!(names(&conversion), ["TaskDefinition/shop"]);
    assert_eq!(codes(&conversion), ["family-from-file-name"]);
    assert!(conversion.report.documents[0].fields.iter().all(|field| field.path.starts_with("/0/")));

    let unnamed = run(&[("-", containers)], &Settings::default());
    assert_eq!((names(&unnamed).len(), codes(&unnamed)), (0, vec!["missing-member"]));
}

#[test]
fn invalid_metadata_is_refused() {
    let resource = |metadata: Value| {
        let containers = task("x")["containerDefinitions"].clone();
        json!({
            "apiVersion": "ecs-operator.dev/v1alpha1", "kind": "TaskDefinition",
            "metadata": metadata, "spec": {"containerDefinitions": containers},
        })
    };
    for metadata in [
        json!({"name": ""}),
        json!({"name": "a/../b"}),
        json!({"name": "web", "namespace": "../x"}),
        json!({"name": "web", "namespace": 5}),
    ] {
        for settings in [Settings::default(), manifest_settings()] {
            let conversion = run(&[("t.json", resource(metadata.clone()))], &settings);
            assert_eq!((codes(&conversion), names(&conversion).len()), (vec!["invalid-resource"], 0), "{metadata}");
        }
    }
    let valid = run(&[("t.json", resource(json!({"name": "web", "namespace": null})))], &Settings::default());
    assert_eq!(names(&valid), ["TaskDefinition/web"]);
}

#[test]
fn definitions_of_the_same_name_are_all_refused() {
    let inputs = [("a.json", task("web")), ("b/c.json", task("web")), ("d.json", task("other"))];
    let conversion = run(&inputs, &Settings::default());
    assert_eq!(names(&conversion), ["TaskDefinition/other"]);
    assert_eq!(codes(&conversion), ["same-name", "same-name"]);
    assert!(conversion.report.documents[0].findings[0].message.contains("b/c.json"));

    let taken = [("t.json", task("api")), ("s.json", service("web", "api")), ("u.json", task("web"))];
    assert_eq!(names(&run(&taken, &manifest_settings())), ["Deployment/web", "Service/web", "PodDisruptionBudget/web"]);
}

#[test]
fn a_renamed_container_is_reported() {
    let mut definition = task("web");
    definition["containerDefinitions"][0]["name"] = "Main_App".into();
    let conversion = run(&[("t.json", json!({"taskDefinition": definition}))], &Settings::default());
    let finding = &conversion.report.documents[0].findings[0];
    let path = "/taskDefinition/containerDefinitions/0/name";
    assert_eq!((finding.code, finding.path.as_str()), ("container-renamed", path));
    assert!(finding.message.contains(&crate::k8s::names::container_name("Main_App")), "{}", finding.message);
}

#[test]
fn services_of_the_same_name_in_two_clusters_get_advice() {
    let service_in = |cluster: &str| {
        let mut service = service("web", "web");
        service["cluster"] = cluster.into();
        service
    };
    let message = |clusters: [&str; 2]| {
        let inputs =
            [("a.json", service_in(clusters[0])), ("b.json", service_in(clusters[1])), ("t.json", task("web"))];
        run(&inputs, &Settings::default()).report.documents[0].findings[0].message.clone()
    };
    assert!(message(["prod", "test"]).contains("to the clusters prod, test:"));
    assert!(message(["prod", "test"]).contains("--namespace"));
    assert!(!message(["prod", "prod"]).contains("clusters"));
}
