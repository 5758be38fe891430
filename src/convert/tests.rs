use serde_json::{Value, json};

use super::*;
use crate::ecs::Pointer;
use crate::report::{Document, Field};
use crate::translate::{Code, FieldVerdict, Verdict};

fn source(name: &str, value: &Value) -> Source {
    Source { name: name.to_owned(), text: Ok(value.to_string()), from_folder: false }
}

fn run(inputs: &[(&str, Value)], settings: &Settings) -> Conversion {
    let sources: Vec<Source> = inputs.iter().map(|(name, value)| source(name, value)).collect();
    convert(&sources, settings)
}

fn plain() -> Settings {
    Settings { target: Target::Kubernetes, ..Settings::default() }
}

fn task(family: &str) -> Value {
    json!({
        "family": family,
        "containerDefinitions": [{
            "name": "app", "image": "nginx:1", "memory": 64, "portMappings": [{"containerPort": 80}],
            "environment": [{"name": "PASSWORD", "value": "s3cret-value"}],
        }],
    })
}

fn service(name: &str, task_definition: &str) -> Value {
    json!({"serviceName": name, "taskDefinition": task_definition, "desiredCount": 3})
}

fn yaml(manifest: &Manifest) -> Value {
    serde_saphyr::from_str(&manifest.yaml).unwrap()
}

fn names(conversion: &Conversion) -> Vec<String> {
    conversion.manifests.iter().map(|manifest| format!("{}/{}", manifest.kind, manifest.name)).collect()
}

fn codes(conversion: &Conversion) -> Vec<&'static str> {
    conversion.report.documents.iter().flat_map(|document| &document.findings).map(|finding| finding.code).collect()
}

fn field<'a>(conversion: &'a Conversion, document: usize, path: &str) -> &'a Field {
    conversion.report.documents[document].fields.iter().find(|field| field.path == path).unwrap()
}

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
fn what_aws_only_prints_is_left_out_and_reported() {
    let mut given = task("web");
    given["taskDefinitionArn"] = "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:7".into();
    given["revision"] = 7.into();
    given["volumes"] = json!([]);
    given["registeredAt"] = Value::Null;
    let conversion = run(&[("-", json!({"taskDefinition": given}))], &Settings::default());
    let spec = &yaml(&conversion.manifests[0])["spec"];
    assert!(spec.get("revision").is_none() && spec.get("taskDefinitionArn").is_none(), "{spec}");
    assert_eq!(field(&conversion, 0, "/taskDefinition/revision").verdict, Verdict::Ignored);
    assert_eq!(field(&conversion, 0, "/taskDefinition/volumes").verdict, Verdict::Exact);
    assert_eq!(field(&conversion, 0, "/taskDefinition/registeredAt").verdict, Verdict::Exact);
}

#[test]
fn a_pinned_revision_follows_the_family_unless_it_is_kept() {
    let given = service("web", "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:42");
    let conversion = run(&[("s.json", given.clone())], &Settings::default());
    assert_eq!(yaml(&conversion.manifests[0])["spec"]["taskDefinition"], "web");
    assert_eq!(codes(&conversion), ["pinned-revision-follows-family"]);
    assert_eq!(field(&conversion, 0, "/taskDefinition").verdict, Verdict::Approximate);

    let kept = run(&[("s.json", given)], &Settings { keep_revisions: true, ..Settings::default() });
    assert_eq!(yaml(&kept.manifests[0])["spec"]["taskDefinition"], "web:42");
    assert_eq!(codes(&kept), [""; 0]);
}

#[test]
fn containers_alone_are_called_after_their_file() {
    let containers = task("x")["containerDefinitions"].clone();
    let conversion = run(&[("ecs/shop.json", containers.clone())], &Settings::default());
    assert_eq!(names(&conversion), ["TaskDefinition/shop"]);
    assert_eq!(codes(&conversion), ["family-from-file-name"]);
    assert!(conversion.report.documents[0].fields.iter().all(|field| field.path.starts_with("/0/")));

    let unnamed = run(&[("-", containers)], &Settings::default());
    assert_eq!((names(&unnamed).len(), codes(&unnamed)), (0, vec!["missing-member"]));
}

#[test]
fn our_own_resources_come_out_as_they_went_in() {
    let first = run(&[("a.json", task("web")), ("b.json", service("web", "web"))], &Settings::default());
    let text = first.manifests.iter().map(|manifest| manifest.yaml.as_str()).collect::<Vec<_>>().join("---\n");
    let again = Source { name: "all.yaml".to_owned(), text: Ok(text), from_folder: false };
    let second = convert(&[again], &Settings::default());
    assert_eq!(second.manifests, first.manifests);
    assert_eq!(field(&second, 1, "/metadata/name").target.as_deref(), Some("Service/web#/metadata/name"));
}

#[test]
fn metadata_that_kubernetes_would_not_take_is_refused() {
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
        for settings in [Settings::default(), plain()] {
            let conversion = run(&[("t.json", resource(metadata.clone()))], &settings);
            assert_eq!((codes(&conversion), names(&conversion).len()), (vec!["invalid-resource"], 0), "{metadata}");
        }
    }
    let fine = run(&[("t.json", resource(json!({"name": "web", "namespace": null})))], &Settings::default());
    assert_eq!(names(&fine), ["TaskDefinition/web"]);
}

#[test]
fn what_plain_manifests_keep_of_a_resource_is_told() {
    let resource = json!({
        "apiVersion": "ecs-operator.dev/v1alpha1", "kind": "TaskDefinition",
        "metadata": {"name": "web", "labels": {"a": "b"}, "ownerReferences": [{"kind": "X"}]},
        "spec": task("web"),
    });
    let list = json!({"apiVersion": "v1", "kind": "List", "items": [resource]});
    let kept = run(&[("t.json", list.clone())], &Settings::default());
    let target = |place: &str| field(&kept, 0, place).target.clone();
    assert_eq!(target("/items/0/metadata/labels/a").as_deref(), Some("TaskDefinition/web#/metadata/labels/a"));
    assert_eq!(target("/kind"), None);
    assert_eq!(field(&kept, 0, "/items/0/metadata/ownerReferences/0/kind").verdict, Verdict::Ignored);

    let conversion = run(&[("t.json", list)], &plain());
    let said = |place: &str| (field(&conversion, 0, place).verdict, field(&conversion, 0, place).target.as_deref());
    assert_eq!(said("/items/0/metadata/name"), (Verdict::Exact, None));
    assert_eq!(said("/items/0/metadata/labels/a"), (Verdict::Unsupported, None));
    assert_eq!(said("/items/0/spec/family"), (Verdict::Exact, Some("Deployment/web#/metadata/labels")));
}

#[test]
fn a_port_that_is_mapped_twice_has_one_name_and_one_host_port() {
    let mut given = task("web");
    given["containerDefinitions"][0]["portMappings"] = json!([
        {"containerPort": 80},
        {"containerPort": 80, "hostPort": 8080, "name": "http"},
        {"containerPort": 80, "hostPort": 8081, "name": "other"},
        {"containerPortRange": "90-99", "protocol": "udp"},
    ]);
    let conversion = run(&[("t.json", given)], &plain());
    let container = &yaml(&conversion.manifests[0])["spec"]["template"]["spec"]["containers"][0];
    let port = json!({"containerPort": 80, "hostPort": 8080, "name": "http", "protocol": "TCP"});
    assert_eq!(container["ports"], json!([port]));
    let said = |place: &str| field(&conversion, 0, &format!("/containerDefinitions/0/portMappings/{place}")).verdict;
    assert_eq!([said("1/hostPort"), said("1/name")], [Verdict::Exact; 2]);
    assert_eq!([said("2/hostPort"), said("2/name")], [Verdict::Unsupported; 2]);
}

#[test]
fn plain_manifests_join_a_service_and_its_task_definition() {
    let inputs = [("t.json", task("web")), ("s.json", service("front", "web")), ("o.json", task("other"))];
    let conversion = run(&inputs, &plain());
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
fn what_a_service_lacks_is_told() {
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
    let conversion = run(&inputs, &plain());
    assert_eq!(names(&conversion), [""; 0]);
    let first = |document: &Document| document.findings.first().map(|finding| finding.code);
    let found: Vec<_> = conversion.report.documents.iter().map(first).collect();
    for (index, code) in [
        (0, "task-definition-missing"),
        (1, "task-definition-refused"),
        (3, "not-for-daemons"),
        (4, "service-refused"),
        (5, "no-task-definition"),
    ] {
        assert_eq!(found[index], Some(code), "{found:?}");
    }
}

#[test]
fn a_service_of_task_sets_is_refused_unless_it_names_what_to_run() {
    for settings in [Settings::default(), plain()] {
        let of = |mut given: Value, kind: &str| {
            given["deploymentController"] = json!({"type": kind});
            let conversion = run(&[("t.json", task("web")), ("s.json", given)], &settings);
            let findings = &conversion.report.documents[1].findings;
            let errors = findings.iter().filter(|finding| finding.severity == crate::ecs::Severity::Error);
            errors.map(|finding| finding.code).collect::<Vec<_>>()
        };
        assert_eq!(of(json!({"serviceName": "a"}), "EXTERNAL"), ["task-sets-only"]);
        assert_eq!(of(json!({"serviceName": "a"}), "ECS"), ["no-task-definition"]);
        assert_eq!(of(service("a", "web"), "EXTERNAL"), [""; 0]);
    }
}

#[test]
fn definitions_of_the_same_name_are_all_refused() {
    let inputs = [("a.json", task("web")), ("b/c.json", task("web")), ("d.json", task("other"))];
    let conversion = run(&inputs, &Settings::default());
    assert_eq!(names(&conversion), ["TaskDefinition/other"]);
    assert_eq!(codes(&conversion), ["same-name", "same-name"]);
    assert!(conversion.report.documents[0].findings[0].message.contains("b/c.json"));

    let taken = [("t.json", task("api")), ("s.json", service("web", "api")), ("u.json", task("web"))];
    assert_eq!(names(&run(&taken, &plain())), ["Deployment/web", "Service/web", "PodDisruptionBudget/web"]);
}

#[test]
fn a_namespace_is_written_when_it_is_given() {
    let settings = Settings { namespace: Some("shop".to_owned()), ..plain() };
    let conversion = run(&[("t.json", task("web"))], &settings);
    assert!(conversion.manifests.iter().all(|manifest| yaml(manifest)["metadata"]["namespace"] == "shop"));
    assert_eq!(conversion.manifests[0].file_name(), "deployment-shop-web.yaml");
}

#[test]
fn a_cluster_given_by_arn_becomes_a_name() {
    let mut given = service("web", "web");
    given["clusterArn"] = "arn:aws:ecs:eu-west-1:123456789012:cluster/shop".into();
    let conversion = run(&[("s.json", json!({"services": [given], "failures": []}))], &Settings::default());
    let spec = yaml(&conversion.manifests[0])["spec"].clone();
    assert_eq!((spec["cluster"].as_str(), spec.get("clusterArn")), (Some("shop"), None));
    assert_eq!(field(&conversion, 0, "/services/0/clusterArn").verdict, Verdict::Exact);
    assert_eq!(field(&conversion, 0, "/failures").verdict, Verdict::Exact);
}

#[test]
fn no_value_is_in_any_report() {
    for settings in [Settings::default(), plain()] {
        let conversion = run(&[("t.json", task("web"))], &settings);
        let report = &conversion.report;
        for text in [
            crate::report::json(report).unwrap(),
            crate::report::sarif(report).unwrap(),
            crate::report::markdown(report),
            crate::report::text(report, crate::report::Appearance::default()),
        ] {
            assert!(!text.contains("s3cret"), "{text}");
        }
    }
}

#[test]
fn a_container_with_another_name_is_told() {
    let mut given = task("web");
    given["containerDefinitions"][0]["name"] = "Main_App".into();
    let conversion = run(&[("t.json", json!({"taskDefinition": given}))], &Settings::default());
    let finding = &conversion.report.documents[0].findings[0];
    let place = "/taskDefinition/containerDefinitions/0/name";
    assert_eq!((finding.code, finding.path.as_str()), ("container-renamed", place));
    assert!(finding.message.contains(&crate::k8s::names::container_name("Main_App")), "{}", finding.message);
}

#[test]
fn a_default_that_differs_is_told_beside_the_leaves() {
    let item = json!({"taskDefinition": task("web"), "tags": []});
    let verdict = |path: Pointer, code| FieldVerdict {
        path,
        verdict: Verdict::Approximate,
        code: Some(code),
        target: None,
        message: Some("it differs".to_owned()),
    };
    let source = source("t.json", &item);
    let Some((_, Detected::Definition(item))) = detected_in(&source).pop() else { panic!("no definition") };
    let mut definition = Definition::examine(&source, 0, *item, &Settings::default());
    let container = Pointer::root().key("containerDefinitions").index(0);
    definition.verdicts = vec![
        verdict(container.key("essential"), Code::EssentialRestartsInPlace),
        verdict(container.key("name").key("below"), Code::UnknownField),
        verdict(container.clone(), Code::UnknownField),
    ];
    let fields = definition.into_document().fields;
    let told: Vec<_> = fields.iter().filter(|field| field.code == Some("essential-restarts-in-place")).collect();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].path, "/taskDefinition/containerDefinitions/0/essential");
    assert_eq!(told[0].message.as_deref(), Some("it differs; the field is not written, its default counts"));
    assert!(!fields.iter().any(|field| field.path.ends_with("/below") || field.path.ends_with("Definitions/0")));
}

#[test]
fn amounts_and_types_are_taken_as_people_write_them() {
    let given = |members: Value| {
        let mut given = task("web");
        for (name, value) in members.as_object().unwrap() {
            given[name] = value.clone();
        }
        given
    };
    let taken = [
        json!({"cpu": "1 vCPU", "memory": "2 GB"}),
        json!({"cpu": "1vCPU", "memory": "2GB"}),
        json!({"cpu": ".5 vCPU", "memory": "0.5GB"}),
        json!({"cpu": 256, "memory": 512}),
        json!({"cpu": null, "memory": "", "volumes": [], "tags": null, "taskRoleArn": ""}),
        json!({"revision": "7", "networkMode": ""}),
    ];
    for members in taken {
        let conversion = run(&[("t.json", given(members.clone()))], &plain());
        assert_eq!(names(&conversion), ["Deployment/web", "Service/web"], "{members}: {:?}", codes(&conversion));
    }
    let mut texts = task("web");
    texts["containerDefinitions"][0]["memory"] = "64".into();
    texts["containerDefinitions"][0]["essential"] = "true".into();
    texts["containerDefinitions"][0]["portMappings"][0]["containerPort"] = "80".into();
    texts["containerDefinitions"][0]["environment"] =
        json!([{"name": "PORT", "value": 80}, {"name": "ON", "value": true}]);
    texts["containerDefinitions"][0]["command"] = json!([]);
    texts["containerDefinitions"][0]["entryPoint"] = "".into();
    assert_eq!(names(&run(&[("t.json", texts)], &plain())), ["Deployment/web", "Service/web"]);
    for members in [json!({"cpu": "1 core"}), json!({"memory": "2 pounds"}), json!({"cpu": true})] {
        assert_eq!(names(&run(&[("t.json", given(members.clone()))], &plain())), [""; 0], "{members}");
    }
}

#[test]
fn other_languages_are_named_with_a_way_out() {
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
fn values_that_are_not_filled_in_are_named() {
    let mut given = task("web");
    given["cpu"] = "${CPU}".into();
    given["containerDefinitions"][0]["image"] = "<IMAGE1_NAME>".into();
    let findings = run(&[("t.json", given)], &Settings::default()).report.documents.remove(0).findings;
    let at = |path: &str| findings.iter().find(|finding| finding.path == path).unwrap();
    assert!(at("/cpu").message.contains("a template that is not filled in"), "{findings:?}");
    assert_eq!(at("/containerDefinitions/0/image").code, "unrendered-template");
}

#[test]
fn what_is_told_has_its_place_and_the_json_form_is_without() {
    let text = "{\n \"family\": \"a\",\n \"odd\": 1,\n \"containerDefinitions\": [\n  {\"name\": \"a\", \"image\": \"b:1\", \"memory\": 64}\n ]\n}\n{\n \"clusterName\": \"c\",\n \"odd\": 2\n}\n";
    let source = Source { name: "all.json".to_owned(), text: Ok(text.to_owned()), from_folder: false };
    let report = convert(&[source], &Settings::default()).report;
    let line = |document: usize, path: &str| report.documents[document].locations.get(path).map(|place| place.line);
    assert_eq!((line(0, "/odd"), line(1, "/odd")), (Some(3), Some(10)));
    assert_eq!(line(0, "/containerDefinitions/0/essential"), Some(5), "where it would be");
    let form: Value = serde_json::from_str(&crate::report::json(&report).unwrap()).unwrap();
    let members: Vec<&String> = form["documents"][0].as_object().unwrap().keys().collect();
    assert_eq!(members, ["fields", "findings", "index", "kind", "name", "source"]);
}

#[test]
fn what_aws_did_not_find_is_named() {
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
fn a_service_that_does_not_fit_its_task_definition_is_refused() {
    let balanced = |port: u16| {
        let mut balanced = service("shop", "web:7");
        let target = json!({"targetGroupArn": "arn", "containerName": "app", "containerPort": port});
        balanced["loadBalancers"] = json!([target]);
        json!({"services": [balanced]})
    };
    let found = |inputs: &[(&str, Value)], settings: &Settings| {
        let conversion = run(inputs, settings);
        let findings = conversion.report.documents.iter().flat_map(|document| &document.findings);
        let found = findings.filter(|finding| finding.code == "unknown-port");
        let found: Vec<String> = found.map(|finding| format!("{} {}", finding.severity, finding.path)).collect();
        (found, names(&conversion).iter().any(|name| name.contains("/shop")))
    };
    let place = "error /services/0/loadBalancers/0/containerPort".to_owned();
    for settings in [Settings::default(), plain()] {
        let of = |port: u16| found(&[("web.json", task("web")), ("shop.json", balanced(port))], &settings);
        assert_eq!(of(80), (vec![], true));
        assert_eq!(of(81), (vec![place.clone()], false));
        // Which of two is meant is not known, and one that is not there cannot be asked.
        let twice = [("a.json", task("web")), ("b.json", task("web")), ("shop.json", balanced(81))];
        assert_eq!(found(&twice, &settings).0, Vec::<String>::new());
        assert_eq!(found(&[("shop.json", balanced(81))], &settings).0, Vec::<String>::new());
    }
}

#[test]
fn a_service_that_keeps_its_revision_is_not_held_to_another_one() {
    let kept = Settings { keep_revisions: true, ..Settings::default() };
    let told = |revision: Option<i32>, settings: &Settings| {
        let mut web = task("web");
        web["revision"] = json!(revision);
        web["networkMode"] = "awsvpc".into();
        let inputs = [("web.json", web), ("shop.json", service("shop", "web:7"))];
        codes(&run(&inputs, settings)).contains(&"no-network-configuration")
    };
    assert!(told(Some(7), &kept) && !told(Some(6), &kept) && !told(None, &kept));
    assert!(told(Some(6), &Settings::default()) && told(Some(6), &Settings { target: Target::Kubernetes, ..kept }));
}

#[test]
fn containers_alone_are_told_where_memory_goes() {
    let containers = json!([{"name": "app", "image": "nginx", "cpu": 1}]);
    let message = |input: Value| {
        let conversion = run(&[("web.json", input)], &Settings::default());
        let mut findings = conversion.report.documents[0].findings.iter();
        findings.find(|finding| finding.code == "no-memory").unwrap().message.clone()
    };
    assert!(message(containers.clone()).contains("containers alone"));
    assert!(!message(json!({"family": "web", "containerDefinitions": containers})).contains("containers alone"));
}

#[test]
fn what_a_task_definition_needs_is_written_once_and_before_its_services() {
    let mut definition = task("web");
    definition["executionRoleArn"] = "arn:aws:iam::111122223333:role/agent".into();
    definition["kubernetes"] = json!({"secretStores": {"parameterStore": {"name": "aws"}}});
    definition["volumes"] = json!([{"name": "data", "efsVolumeConfiguration": {"fileSystemId": "fs-1"}}]);
    definition["containerDefinitions"][0]["secrets"] = json!([{"name": "A", "valueFrom": "/prod/a"}]);
    let inputs = [("web.json", definition), ("a.json", service("a", "web")), ("b.json", service("b", "web"))];
    let conversion = run(&inputs, &Settings { namespace: Some("shop".to_owned()), ..plain() });
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
    let told = |path: &str| field(&conversion, 0, path).code;
    assert_eq!(told("/containerDefinitions/0/secrets/0/valueFrom"), Some("external-secret-made"));
    assert_eq!(told("/volumes/0/efsVolumeConfiguration/fileSystemId"), Some("efs-csi-needed"));
}

#[expect(clippy::needless_pass_by_value, reason = "values are written where they are used")]
fn of_target(more: Value) -> Value {
    let mut whole = json!({"ServiceNamespace": "ecs", "ResourceId": "service/shop/web", "ScalableDimension": "ecs:service:DesiredCount"});
    whole.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    whole
}

fn step_policy() -> Value {
    let steps = json!({"AdjustmentType": "ChangeInCapacity", "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}]});
    of_target(json!({"PolicyName": "out", "PolicyType": "StepScaling", "StepScalingPolicyConfiguration": steps}))
}

#[test]
fn what_scales_a_service_is_merged_into_it_and_reported_where_it_was_given() {
    let mut of_shop = service("web", "web");
    of_shop["cluster"] = "arn:aws:ecs:eu-west-1:1:cluster/shop".into();
    of_shop.as_object_mut().unwrap().remove("desiredCount");
    let action = "arn:aws:autoscaling:eu-west-1:1:scalingPolicy:2:resource/ecs/service/shop/web:policyName/out";
    let alarm = json!({"AlarmName": "busy", "AlarmActions": [action], "Period": 60, "MetricName": "CPUUtilization", "Namespace": "AWS/ECS",
        "Dimensions": [{"Name": "ClusterName", "Value": "shop"}, {"Name": "ServiceName", "Value": "web"}],
        "Threshold": 80, "EvaluationPeriods": 3, "ComparisonOperator": "GreaterThanThreshold"});
    let late = of_target(json!({"ScheduledActionName": "late", "Schedule": "rate(1 day)", "StartTime": 1_893_456_000,
        "ScalableTargetAction": {"MinCapacity": 2}}));
    let inputs = [
        ("alarm.json", alarm),
        ("policy.json", step_policy()),
        ("target.json", of_target(json!({"MinCapacity": 1, "MaxCapacity": 5, "Tags": {"Team": "web"}}))),
        ("actions.json", json!({"ScheduledActions": [late]})),
        ("service.json", of_shop),
        ("task.json", task("web")),
    ];
    let conversion = run(&inputs, &Settings::default());
    let scaling = yaml(conversion.manifests.last().unwrap())["spec"]["autoScaling"].clone();
    assert_eq!((&scaling["minCapacity"], &scaling["tags"]["Team"]), (&json!(1), &json!("web")));
    assert_eq!(scaling["policies"][0]["alarms"][0]["alarmName"], "busy");
    assert_eq!(scaling["policies"][0].get("resourceId"), None);
    assert_eq!(scaling["scheduledActions"][0]["startTime"], "2030-01-01T00:00:00Z");
    assert_eq!(field(&conversion, 0, "/Threshold").verdict, Verdict::Exact);
    assert_eq!(field(&conversion, 0, "/MetricName").code, Some("metrics-server-needed"));
    assert_eq!(field(&conversion, 1, "/ResourceId").verdict, Verdict::Exact);
    assert_eq!(field(&conversion, 2, "/MaxCapacity").target.as_deref(), Some("Service/web#/spec/desiredCount"));
    assert_eq!(field(&conversion, 3, "/ScheduledActions/0/Schedule").verdict, Verdict::Exact);
    let fields: usize = conversion.report.documents[..4].iter().map(|document| document.fields.len()).sum();
    assert_eq!(fields, 13 + 8 + 6 + 6, "every leaf is told of");
}

#[test]
fn what_scales_something_else_is_refused() {
    let target = of_target(json!({"MinCapacity": 1, "MaxCapacity": 5}));
    let mut of_shop = service("web", "web");
    of_shop["cluster"] = "shop".into();
    let with = |inputs: &[(&str, Value)]| codes(&run(inputs, &Settings::default()));
    assert_eq!(with(&[("t.json", target.clone())]), ["service-not-given"]);
    let both = [("p.json", step_policy()), ("s.json", of_shop.clone())];
    assert_eq!(with(&both), ["no-scalable-target"]);
    let mut table = target.clone();
    table["ServiceNamespace"] = "dynamodb".into();
    assert_eq!(with(&[("t.json", table)]), ["not-a-service"]);
    of_shop["autoScaling"] = json!({"minCapacity": 1, "maxCapacity": 2});
    let twice = [("t.json", target), ("s.json", of_shop)];
    assert!(with(&twice).contains(&"scaling-given-twice"), "{:?}", with(&twice));
}

#[test]
fn a_count_beside_what_scales_it_is_warned_of() {
    let mut scaled = service("web", "web");
    scaled["autoScaling"] = json!({"minCapacity": 1, "maxCapacity": 5});
    let conversion = run(&[("s.json", scaled)], &Settings::default());
    assert_eq!(codes(&conversion), ["desired-count-of-autoscaler"]);
}

#[test]
fn the_providers_that_a_cluster_is_given_later_are_merged_into_it() {
    let strategy = json!([{"capacityProvider": "FARGATE", "weight": 1}]);
    let put = json!({"cluster": "arn:aws:ecs:eu-west-1:1:cluster/prod", "capacityProviders": ["FARGATE"],
        "defaultCapacityProviderStrategy": strategy});
    let create = json!({"clusterName": "prod", "tags": [{"key": "team", "value": "shop"}]});
    for order in [[0, 1], [1, 0]] {
        let inputs = [("put.json", put.clone()), ("create.json", create.clone())];
        let conversion = run(&order.map(|at| inputs[at].clone()), &Settings::default());
        assert_eq!(names(&conversion), ["Cluster/prod"]);
        assert_eq!(codes(&conversion), [""; 0]);
        let spec = &yaml(&conversion.manifests[0])["spec"];
        assert_eq!(
            (&spec["defaultCapacityProviderStrategy"], &spec["capacityProviders"][0]),
            (&strategy, &json!("FARGATE"))
        );
        let of_put = order[0];
        let told = |path: &str| field(&conversion, of_put, path);
        assert_eq!(told("/cluster").verdict, Verdict::Exact);
        assert_eq!(told("/defaultCapacityProviderStrategy/0/weight").code, Some("default-strategy-followed"));
        assert_eq!(conversion.report.documents[of_put].fields.len(), 4, "every leaf is told of");
    }
    let alone = run(&[("put.json", put.clone())], &Settings::default());
    assert_eq!(names(&alone), ["Cluster/prod"]);
    let mut described = create.clone();
    described["capacityProviders"] = json!(["spot"]);
    let twice = run(&[("c.json", described), ("put.json", put.clone())], &Settings::default());
    assert_eq!(codes(&twice), ["capacity-given-twice"]);
    let twice = run(&[("c.json", create), ("put.json", put.clone()), ("again.json", put)], &Settings::default());
    assert_eq!(codes(&twice), ["capacity-given-twice"; 2]);
}

/// The findings of each document, as `code path`.
fn found(conversion: &Conversion) -> Vec<Vec<String>> {
    let told = |document: &Document| {
        document.findings.iter().map(|finding| format!("{} {}", finding.code, finding.path)).collect()
    };
    conversion.report.documents.iter().map(told).collect()
}

fn alarm(actions: &Value) -> Value {
    json!({"AlarmName": "busy", "AlarmActions": actions, "MetricName": "CPUUtilization", "Namespace": "AWS/ECS",
        "Dimensions": [{"Name": "ClusterName", "Value": "shop"}, {"Name": "ServiceName", "Value": "web"}], "Statistic": "Average",
        "Period": 60, "Threshold": 80, "EvaluationPeriods": 3, "ComparisonOperator": "GreaterThanThreshold"})
}

fn policy_arn(service: &str, policy: &str) -> String {
    format!("arn:aws:autoscaling:eu-west-1:1:scalingPolicy:2:resource/ecs/service/shop/{service}:policyName/{policy}")
}

#[test]
fn what_is_wrong_with_a_part_is_told_where_it_was_given() {
    let mut of_shop = service("web", "web");
    of_shop["cluster"] = "shop".into();
    let target = of_target(json!({"MinCapacity": 1, "MaxCapacity": 5}));
    let told = |part: Value, others: &[&Value]| {
        let mut inputs = vec![("part.json", part), ("s.json", of_shop.clone()), ("t.json", task("web"))];
        inputs.extend(others.iter().map(|other| ("other.json", (*other).clone())));
        let conversion = run(&inputs, &Settings::default());
        assert!(conversion.report.documents[0].is_refused() && conversion.report.documents[1].is_refused());
        assert_eq!(names(&conversion), ["TaskDefinition/web"]);
        let told = found(&conversion);
        assert!(told[1].contains(&"part-refused ".to_owned()), "{told:?}");
        assert!(told[3..].iter().all(|other| other.concat().starts_with("whole-refused")), "{told:?}");
        let counts = conversion.report.counts();
        assert_eq!((counts.converted, counts.refused), (1, 2 + others.len()), "{told:?}");
        told[0].clone()
    };
    let crossed = of_target(json!({"MinCapacity": 20, "MaxCapacity": 2}));
    assert_eq!(told(json!([crossed]), &[]), ["minimum-above-maximum /0/MinCapacity"]);
    let absent = json!({"ScalableTargets": [of_target(json!({"MaxCapacity": 2}))]});
    assert_eq!(told(absent, &[]), ["missing-member /ScalableTargets/0/MinCapacity"]);
    let mut policy = step_policy();
    policy["StepScalingPolicyConfiguration"]["AdjustmentType"] = "ChangeCapacity".into();
    let place = "invalid-choice /ScalingPolicies/0/StepScalingPolicyConfiguration/AdjustmentType";
    assert_eq!(told(json!({"ScalingPolicies": [policy]}), &[&target])[0], place);
    for (schedule, zone, place) in
        [("cron(0 22 * * *)", "Europe/Berlin", "/Schedule"), ("cron(0 22 * * ? *)", "Mars", "/Timezone")]
    {
        let action = of_target(json!({"ScheduledActionName": "late", "Schedule": schedule, "Timezone": zone,
            "ScalableTargetAction": {"MinCapacity": 2}}));
        assert_eq!(told(action, &[&target]), [format!("invalid-schedule {place}")]);
    }
    let mut busy = alarm(&json!([policy_arn("web", "out")]));
    busy["EvaluationPeriods"] = 0.into();
    let places = told(json!({"MetricAlarms": [busy]}), &[&target, &step_policy()]);
    assert!(places.iter().all(|place| place.ends_with(" /MetricAlarms/0/EvaluationPeriods")), "{places:?}");
}

#[test]
fn what_is_wrong_with_the_providers_that_a_cluster_is_given_later_is_told_there() {
    let create = json!({"clusterName": "prod"});
    let put = json!({"cluster": "prod", "capacityProviders": ["FARGATE"],
        "defaultCapacityProviderStrategy": [{"capacityProvider": "nothere", "weight": 1}]});
    let conversion = run(&[("create.json", create), ("put.json", put)], &Settings::default());
    assert_eq!(names(&conversion), [""; 0]);
    let told = found(&conversion);
    assert_eq!(told[0], ["part-refused "]);
    assert!(told[1].concat().ends_with("/defaultCapacityProviderStrategy/0/capacityProvider"), "{told:?}");
}

#[test]
fn describe_output_names_the_cluster_that_the_dimensions_of_alarms_mean() {
    let mut described = service("web", "web");
    described["clusterArn"] = "arn:aws:ecs:eu-west-1:1:cluster/shop".into();
    let inputs = [
        ("s.json", json!({"services": [described]})),
        ("t.json", of_target(json!({"MinCapacity": 1, "MaxCapacity": 5}))),
        ("p.json", step_policy()),
        ("a.json", alarm(&json!([policy_arn("web", "out")]))),
    ];
    let conversion = run(&inputs, &Settings::default());
    assert_eq!(field(&conversion, 2, "/PolicyName").verdict, Verdict::Exact);
    assert_eq!(field(&conversion, 3, "/Threshold").verdict, Verdict::Exact);
    let plain = run(&inputs, &plain());
    assert_eq!(field(&plain, 0, "/services/0/clusterArn").verdict, field(&plain, 0, "/services/0/serviceName").verdict);
}

#[test]
fn a_service_names_providers_that_its_cluster_has() {
    let cluster = json!({"clusterName": "prod", "capacityProviders": ["FARGATE_SPOT", "gpu"]});
    let with = |change: &Value| {
        let mut of_prod = service("web", "web");
        of_prod["cluster"] = "prod".into();
        of_prod.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let inputs = [("c.json", cluster.clone()), ("s.json", of_prod), ("t.json", task("web"))];
        run(&inputs, &Settings::default()).report.documents.remove(1).findings
    };
    let findings = with(&json!({"capacityProviderStrategy": [{"capacityProvider": "gpuu", "weight": 1}]}));
    assert_eq!(findings[0].path, "/capacityProviderStrategy/0/capacityProvider");
    assert!(findings[0].message.ends_with("did you mean `gpu`?"), "{findings:?}");
    assert_eq!(with(&json!({"capacityProviderStrategy": [{"capacityProvider": "gpu", "weight": 1}]})), []);
    // A launch type asks for no provider of the cluster.
    assert!(!with(&json!({"launchType": "FARGATE"})).iter().any(|it| it.code == "foreign-capacity-provider"));
}

#[test]
fn providers_for_a_cluster_that_is_not_given_are_warned_of_where_others_are() {
    let put = json!({"cluster": "prd", "capacityProviders": ["FARGATE"], "defaultCapacityProviderStrategy": []});
    let create = json!({"clusterName": "prod"});
    let conversion = run(&[("put.json", put.clone()), ("create.json", create)], &Settings::default());
    assert_eq!(found(&conversion), [vec!["cluster-not-given /cluster".to_owned()], vec![]]);
    assert!(conversion.report.documents[0].findings[0].message.contains("did you mean `prod`?"));
    assert_eq!(codes(&run(&[("put.json", put)], &Settings::default())), [""; 0]);
}

#[test]
fn an_alarm_whose_policy_is_not_there_is_warned_of() {
    let mut of_shop = service("web", "web");
    of_shop["cluster"] = "shop".into();
    let target = of_target(json!({"MinCapacity": 1, "MaxCapacity": 5}));
    let with = |alarm: Value| {
        let inputs =
            [("a.json", alarm), ("s.json", of_shop.clone()), ("t.json", target.clone()), ("p.json", step_policy())];
        run(&inputs, &Settings::default())
    };
    let topic = "arn:aws:sns:eu-west-1:1:pager";
    let unknown = with(alarm(&json!([topic, policy_arn("web", "oute")])));
    assert_eq!(found(&unknown)[0], ["no-such-policy /AlarmActions/1"]);
    assert!(unknown.report.documents[0].findings[0].message.ends_with("did you mean `out`?"));
    let mut other_state = alarm(&json!([topic]));
    other_state["OKActions"] = json!([policy_arn("web", "out")]);
    assert_eq!(found(&with(other_state))[0], ["action-of-other-state /OKActions/0"]);
    for action in [topic.to_owned(), policy_arn("api", "out"), policy_arn("web", "out")] {
        assert_eq!(found(&with(alarm(&json!([action]))))[0], [""; 0], "{action}");
    }
}

#[test]
fn an_alarm_of_two_services_is_reported_for_both() {
    let of = |name: &str| {
        let mut of_shop = service(name, "web");
        of_shop["cluster"] = "shop".into();
        let about = |mut part: Value| {
            part["ResourceId"] = format!("service/shop/{name}").into();
            part
        };
        let target = about(of_target(json!({"MinCapacity": 1, "MaxCapacity": 5})));
        json!([of_shop, target, about(step_policy())])
    };
    let both = alarm(&json!([policy_arn("web", "out"), policy_arn("api", "out")]));
    let inputs = [("a.json", both), ("web.json", of("web")), ("api.json", of("api")), ("t.json", task("web"))];
    let conversion = run(&inputs, &Settings::default());
    // It is on what the tasks of one of them use.
    let threshold = field(&conversion, 0, "/Threshold");
    assert_eq!((threshold.verdict, threshold.code), (Verdict::Unsupported, Some("alarm-not-evaluated")));
    assert!(threshold.message.as_deref().unwrap().starts_with("in the Service \"api\": "), "{threshold:?}");
}

#[test]
fn services_of_one_name_in_two_clusters_are_told_the_way_out() {
    let of = |cluster: &str| {
        let mut of_cluster = service("web", "web");
        of_cluster["cluster"] = cluster.into();
        of_cluster
    };
    let message = |clusters: [&str; 2]| {
        let inputs = [("a.json", of(clusters[0])), ("b.json", of(clusters[1])), ("t.json", task("web"))];
        run(&inputs, &Settings::default()).report.documents[0].findings[0].message.clone()
    };
    assert!(message(["prod", "test"]).contains("of the clusters prod, test, and"));
    assert!(message(["prod", "test"]).contains("--namespace"));
    assert!(!message(["prod", "prod"]).contains("clusters"));
}

#[test]
fn composite_alarms_are_told_as_what_they_are() {
    let composite = |actions: Value| json!({"AlarmName": "both", "AlarmRule": "ALARM(busy)", "AlarmActions": actions});
    let described =
        json!({"MetricAlarms": [alarm(&json!([]))], "CompositeAlarms": [composite(json!([policy_arn("web", "out")]))]});
    let mut of_shop = service("web", "web");
    of_shop["cluster"] = "shop".into();
    let conversion = run(&[("a.json", described), ("s.json", of_shop)], &Settings::default());
    let document = &conversion.report.documents[1];
    assert_eq!((document.kind, document.name.as_deref()), (Some("CompositeAlarm"), Some("both")));
    assert_eq!(field(&conversion, 1, "/CompositeAlarms/0/AlarmRule").code, Some("alarm-not-evaluated"));
    let alone = run(&[("a.json", composite(json!([])))], &Settings::default());
    assert_eq!(field(&alone, 0, "/AlarmRule").code, Some("alarm-without-policy"));
}
