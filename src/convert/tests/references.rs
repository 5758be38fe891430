//! Services with their task definitions and clusters.

use serde_json::{Value, json};

use super::{codes, manifest_settings, names, run, service, task};
use crate::convert::{Settings, Target};
use crate::report::Document;

#[test]
fn services_without_a_usable_task_definition_are_refused() {
    let mut broken = task("broken");
    broken["containerDefinitions"][0]["image"] = 5.into();
    broken["containerDefinitions"][0]["memory"] = json!([]);
    broken["containerDefinitions"][0]["name"] = json!({});
    let mut daemon = service("c", "web");
    daemon["schedulingStrategy"] = "DAEMON".into();
    daemon["deploymentConfiguration"] = json!({"maximumPercent": 200});
    let inputs = [
        ("a.json", service("a", "nowhere")),
        ("b.json", service("b", "broken")),
        ("broken.json", broken),
        ("c.json", daemon),
        ("web.json", task("web")),
        ("d.json", json!({"serviceName": "d"})),
    ];
    let conversion = run(&inputs, &manifest_settings());
    assert_eq!(names(&conversion), [""; 0]);
    let first = |document: &Document| document.findings.first().map(|finding| finding.code);
    let codes: Vec<_> = conversion.report.documents.iter().map(first).collect();
    for (index, code) in [
        (0, "task-definition-missing"),
        (1, "task-definition-refused"),
        (3, "not-for-daemons"),
        (4, "service-refused"),
        (5, "no-task-definition"),
    ] {
        assert_eq!(codes[index], Some(code), "{codes:?}");
    }
}

#[test]
fn a_service_with_task_sets_requires_a_task_definition() {
    for settings in [Settings::default(), manifest_settings()] {
        let errors = |mut service: Value, kind: &str| {
            service["deploymentController"] = json!({"type": kind});
            let conversion = run(&[("t.json", task("web")), ("s.json", service)], &settings);
            let findings = &conversion.report.documents[1].findings;
            let errors = findings.iter().filter(|finding| finding.severity == crate::ecs::Severity::Error);
            errors.map(|finding| finding.code).collect::<Vec<_>>()
        };
        assert_eq!(errors(json!({"serviceName": "a"}), "EXTERNAL"), ["task-sets-only"]);
        assert_eq!(errors(json!({"serviceName": "a"}), "ECS"), ["no-task-definition"]);
        assert_eq!(errors(service("a", "web"), "EXTERNAL"), [""; 0]);
    }
}

#[test]
fn a_service_that_contradicts_its_task_definition_is_refused() {
    let balanced = |port: u16| {
        let mut balanced = service("shop", "web:7");
        let target = json!({"targetGroupArn": "arn", "containerName": "app", "containerPort": port});
        balanced["loadBalancers"] = json!([target]);
        json!({"services": [balanced]})
    };
    let unknown_ports = |inputs: &[(&str, Value)], settings: &Settings| {
        let conversion = run(inputs, settings);
        let findings = conversion.report.documents.iter().flat_map(|document| &document.findings);
        let unknown = findings.filter(|finding| finding.code == "unknown-port");
        let unknown: Vec<String> = unknown.map(|finding| format!("{} {}", finding.severity, finding.path)).collect();
        (unknown, names(&conversion).iter().any(|name| name.contains("/shop")))
    };
    let error = "error /services/0/loadBalancers/0/containerPort".to_owned();
    for settings in [Settings::default(), manifest_settings()] {
        let with_port =
            |port: u16| unknown_ports(&[("web.json", task("web")), ("shop.json", balanced(port))], &settings);
        assert_eq!(with_port(80), (vec![], true));
        assert_eq!(with_port(81), (vec![error.clone()], false));
        // Without exactly one task definition of the name there is nothing to compare.
        let twice = [("a.json", task("web")), ("b.json", task("web")), ("shop.json", balanced(81))];
        assert_eq!(unknown_ports(&twice, &settings).0, Vec::<String>::new());
        assert_eq!(unknown_ports(&[("shop.json", balanced(81))], &settings).0, Vec::<String>::new());
    }
}

#[test]
fn a_service_is_not_checked_against_another_revision() {
    let kept = Settings { keep_revisions: true, ..Settings::default() };
    let is_checked = |revision: Option<i32>, settings: &Settings| {
        let mut web = task("web");
        web["revision"] = json!(revision);
        web["networkMode"] = "awsvpc".into();
        let inputs = [("web.json", web), ("shop.json", service("shop", "web:7"))];
        codes(&run(&inputs, settings)).contains(&"no-network-configuration")
    };
    assert!(is_checked(Some(7), &kept) && !is_checked(Some(6), &kept) && !is_checked(None, &kept));
    assert!(
        is_checked(Some(6), &Settings::default())
            && is_checked(Some(6), &Settings { target: Target::Kubernetes, ..kept })
    );
}

#[test]
fn a_service_uses_capacity_providers_of_its_cluster() {
    let cluster = json!({"clusterName": "prod", "capacityProviders": ["FARGATE_SPOT", "gpu"]});
    let findings = |change: &Value| {
        let mut of_prod = service("web", "web");
        of_prod["cluster"] = "prod".into();
        of_prod.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let inputs = [("c.json", cluster.clone()), ("s.json", of_prod), ("t.json", task("web"))];
        run(&inputs, &Settings::default()).report.documents.remove(1).findings
    };
    let unknown = findings(&json!({"capacityProviderStrategy": [{"capacityProvider": "gpuu", "weight": 1}]}));
    assert_eq!(unknown[0].path, "/capacityProviderStrategy/0/capacityProvider");
    assert!(unknown[0].message.ends_with("did you mean `gpu`?"), "{unknown:?}");
    assert_eq!(findings(&json!({"capacityProviderStrategy": [{"capacityProvider": "gpu", "weight": 1}]})), []);
    // A launch type uses no capacity provider of the cluster.
    assert!(!findings(&json!({"launchType": "FARGATE"})).iter().any(|it| it.code == "foreign-capacity-provider"));
}
