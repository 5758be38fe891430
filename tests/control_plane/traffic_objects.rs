//! Companion objects of services: accepted, changed, pruned, and omitted while the add-on is missing. The add-ons themselves are
//! not installed.

use anyhow::{Context as _, Result};
use devcluster::{Seen, wait_for};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Pod, Service as CoreService};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, DynamicObject, EvictParams, ListParams};
use serde_json::{Value, json};

use crate::add_ons::settled;
use crate::bench;
use crate::support::traffic_definitions::{
    GRPC_ROUTE, HTTP_ROUTE, Kind, SECURITY_GROUP_POLICY, TARGET_GROUP_BINDING, TCP_ROUTE,
};
use crate::support::{Bench, PATIENCE};

async fn task_definition(bench: &Bench, ports: &Value) -> Result<()> {
    let container = json!({"name": "app", "image": "example.test/app:1", "memory": 16, "portMappings": ports});
    let definition = json!({"networkMode": "awsvpc", "containerDefinitions": [container]});
    bench.apply("TaskDefinition", "app", definition).await.map(drop)
}

fn group(name: &str) -> String {
    format!("arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/{name}/0123456789abcdef")
}

fn balancer(group: &str, port: i32) -> Value {
    json!({"targetGroupArn": self::group(group), "containerName": "app", "containerPort": port})
}

/// Waits until the namespace has `count` objects of a kind, and returns them.
async fn objects(bench: &Bench, kind: Kind, count: usize) -> Result<Vec<DynamicObject>> {
    let api = kind.api(bench);
    wait_for(&format!("{count} objects"), PATIENCE, async || {
        let objects = api.list(&ListParams::default()).await?.items;
        let names: Vec<String> = objects.iter().map(ResourceExt::name_any).collect();
        Ok(if objects.len() == count { Seen::Done(objects) } else { Seen::not_yet(names) })
    })
    .await
}

async fn addons(bench: &Bench, service: &str, reason: &str) -> Result<()> {
    bench
        .until("Service", service, &format!("AddonsReady {reason}"), |object| {
            let conditions = object.pointer("/status/conditions")?.as_array()?;
            conditions.iter().find(|c| c["type"] == "AddonsReady" && c["reason"] == reason).map(drop)
        })
        .await
}

/// The test requires that the API is missing at first, so no other test may install it.
#[tokio::test]
async fn a_target_group_binding_is_created_once_the_api_is_installed() -> Result<()> {
    let bench = bench("balanced").await?;
    let operator = bench.operator().await?;
    task_definition(&bench, &json!([{"containerPort": 8080}, {"containerPort": 9090}])).await?;
    let service = |balancers: Value| {
        json!({"taskDefinition": "app", "desiredCount": 2, "loadBalancers": balancers,
        "kubernetes": {"loadBalancers": [{"containerName": "app", "containerPort": 8080, "deregistrationDelaySeconds": 7,
            "targetGroupBinding": {"securityGroups": ["sg-alb"], "vpcId": "vpc-0123"}}]}})
    };
    let both = json!([balancer("outside", 8080), balancer("metrics", 9090)]);
    bench.apply("Service", "web", service(both.clone())).await?;
    bench.stable("web", "app:1").await?;
    addons(&bench, "web", "AddonMissing").await?;
    let pod = bench.api::<Deployment>().get("web").await?.spec.and_then(|spec| spec.template.spec).context("a Pod")?;
    // The default of 15 s for the port without a delay, and the 30 s of ECS.
    assert_eq!(pod.termination_grace_period_seconds, Some(45));
    let sleep = pod.containers[0].lifecycle.as_ref().and_then(|l| l.pre_stop.as_ref()?.sleep.clone());
    assert_eq!(sleep.map(|sleep| sleep.seconds), Some(15));

    TARGET_GROUP_BINDING.install(&bench).await?;
    let bindings = objects(&bench, TARGET_GROUP_BINDING, 2).await?;
    addons(&bench, "web", "Made").await?;
    for binding in &bindings {
        assert_eq!(binding.owner_references()[0].kind, "Service");
        assert_eq!(binding.data.pointer("/spec/serviceRef/name"), Some(&json!("web")));
        assert_eq!(binding.data.pointer("/spec/targetType"), Some(&json!("ip")));
        assert_eq!(binding.data.pointer("/spec/multiClusterTargetGroup"), Some(&json!(true)));
    }
    settled(&operator).await?;
    operator.stop().await?;
    let operator = bench.operator().await?;
    settled(&operator).await?;
    assert_eq!(operator.writes(), 0, "the restart wrote something:\n{}", operator.metrics.encode());

    // Another target group is another object, and the remaining delay changes the Pod template.
    bench.apply("Service", "web", service(json!([balancer("inside", 8080)]))).await?;
    let bindings = wait_for("only the other binding", PATIENCE, async || {
        let bindings = TARGET_GROUP_BINDING.api(&bench).list(&ListParams::default()).await?.items;
        let groups: Vec<Value> = bindings.iter().map(|it| it.data["spec"]["targetGroupARN"].clone()).collect();
        Ok(if groups == [json!(group("inside"))] { Seen::Done(bindings) } else { Seen::not_yet(groups) })
    })
    .await?;
    assert_eq!(bindings[0].data.pointer("/spec/networking/ingress/0/ports/0/port"), Some(&json!(8080)));
    bench.stable("web", "app:1").await?;
    let pod = bench.api::<Deployment>().get("web").await?.spec.and_then(|spec| spec.template.spec).context("a Pod")?;
    assert_eq!(pod.termination_grace_period_seconds, Some(37));

    // A port that the task definition lacks is refused, and the objects stay.
    let wrong = json!({"taskDefinition": "app", "desiredCount": 2, "loadBalancers": [balancer("inside", 81)]});
    bench.apply("Service", "web", wrong).await?;
    bench
        .until("Service", "web", "the refusal of the port", |object| {
            let conditions = object.pointer("/status/conditions")?.as_array()?;
            let accepted = conditions.iter().find(|c| c["type"] == "Accepted" && c["status"] == "False")?;
            accepted["message"].as_str()?.contains("spec/loadBalancers/0/containerPort").then_some(())
        })
        .await?;
    objects(&bench, TARGET_GROUP_BINDING, 1).await?;
    let none = json!({"taskDefinition": "app", "desiredCount": 2});
    bench.apply("Service", "web", none).await?;
    objects(&bench, TARGET_GROUP_BINDING, 0).await?;
    operator.stop().await
}

#[tokio::test]
async fn the_api_server_accepts_routes_ingresses_and_load_balancers() -> Result<()> {
    let bench = bench("routes").await?;
    for kind in [HTTP_ROUTE, GRPC_ROUTE, TCP_ROUTE] {
        kind.install(&bench).await?;
    }
    let operator = bench.operator().await?;
    let ports = [8080, 50_051, 5432, 8081, 8443];
    let mappings: Vec<Value> = ports.iter().map(|port| json!({"containerPort": port})).collect();
    task_definition(&bench, &mappings.into()).await?;
    let parents = json!([{"name": "public", "namespace": "gateways", "sectionName": "https", "port": 443}]);
    let replacements = [
        ("httpRoute", json!({"parentRefs": parents, "hostnames": ["example.com"], "paths": ["/a", "/b"]})),
        ("grpcRoute", json!({"parentRefs": parents})),
        ("tcpRoute", json!({"parentRefs": [{"name": "internal"}]})),
        (
            "ingress",
            json!({"className": "nginx", "hosts": ["example.com"], "tls": [{"secretName": "certificate"}],
            "annotations": {"example.com/a": "b"}}),
        ),
        (
            "loadBalancer",
            json!({"class": "example.com/nlb", "port": 443, "externalTrafficPolicy": "Local",
            "sourceRanges": ["192.0.2.0/24"]}),
        ),
    ];
    let mapped = ports.iter().zip(&replacements).map(|(port, (replacement, settings))| {
        json!({"containerName": "app", "containerPort": port, *replacement: settings})
    });
    let mapped: Vec<Value> = mapped.collect();
    let balancers: Vec<Value> = ports.iter().map(|port| balancer("a", *port)).collect();
    let service = json!({"taskDefinition": "app", "desiredCount": 1, "loadBalancers": balancers,
        "kubernetes": {"loadBalancers": mapped}});
    bench.apply("Service", "web", service).await?;
    bench.stable("web", "app:1").await?;
    for (kind, name) in [(HTTP_ROUTE, "web-8080"), (GRPC_ROUTE, "web-50051"), (TCP_ROUTE, "web-5432")] {
        let routes = objects(&bench, kind, 1).await?;
        assert_eq!(routes[0].name_any(), name);
    }
    let ingress = bench.api::<Ingress>().get("web-8081").await?.spec.context("a spec")?;
    assert_eq!(ingress.ingress_class_name.as_deref(), Some("nginx"));
    let balancer = bench.api::<CoreService>().get("web-8443-lb").await?.spec.context("a spec")?;
    assert_eq!((balancer.type_.as_deref(), balancer.ports.map(|p| p[0].port)), (Some("LoadBalancer"), Some(443)));
    settled(&operator).await?;
    operator.stop().await?;
    let operator = bench.operator().await?;
    settled(&operator).await?;
    assert_eq!(operator.writes(), 0, "the restart wrote something:\n{}", operator.metrics.encode());
    bench.service("web", "app", 1).await?;
    bench.apply("Service", "web", json!({"taskDefinition": "app", "desiredCount": 1})).await?;
    for kind in [HTTP_ROUTE, GRPC_ROUTE, TCP_ROUTE] {
        objects(&bench, kind, 0).await?;
    }
    wait_for("the deletion of the Ingress and the load balancer", PATIENCE, async || {
        let left = (
            bench.api::<Ingress>().get_opt("web-8081").await?,
            bench.api::<CoreService>().get_opt("web-8443-lb").await?,
        );
        Ok((left.0.is_none() && left.1.is_none()).then_some(()))
    })
    .await?;
    operator.stop().await
}

#[tokio::test]
async fn services_get_the_names_of_service_connect_and_service_discovery() -> Result<()> {
    let bench = bench("names").await?;
    HTTP_ROUTE.install(&bench).await?;
    let operator = bench.operator().await?;
    task_definition(&bench, &json!([{"containerPort": 8080, "name": "http", "appProtocol": "http"}])).await?;
    let connect = |alias: &str| {
        json!({"enabled": true, "namespace": "internal", "services": [
        {"portName": "http", "clientAliases": [{"port": 80, "dnsName": alias}], "timeout": {"perRequestTimeoutSeconds": 100_000}}]})
    };
    let service = json!({"taskDefinition": "app", "desiredCount": 1, "serviceConnectConfiguration": connect("stock"),
        "serviceRegistries": [{"registryArn": "arn:aws:servicediscovery:r:1:service/srv-1", "containerName": "app", "containerPort": 8080}],
        "kubernetes": {"serviceRegistries": [{"name": "jobs", "namespace": "prod.internal"}], "serviceConnect": {"meshRoutes": true}}});
    bench.apply("Service", "web", service).await?;
    bench.stable("web", "app:1").await?;
    let services = bench.api::<CoreService>();
    let (headless, alias) =
        (services.get("jobs").await?.spec.unwrap_or_default(), services.get("stock").await?.spec.unwrap_or_default());
    assert_eq!(headless.cluster_ip.as_deref(), Some("None"));
    assert_eq!(alias.ports.map(|ports| ports[0].port), Some(80));
    objects(&bench, HTTP_ROUTE, 1).await?;

    // The name is in use: the second service runs, and a condition reports the conflict.
    let second = json!({"taskDefinition": "app", "desiredCount": 1, "serviceConnectConfiguration": connect("stock")});
    bench.apply("Service", "other", second).await?;
    bench
        .until("Service", "other", "the refusal of the name", |object| {
            let conditions = object.pointer("/status/conditions")?.as_array()?;
            let refused = conditions.iter().find(|c| c["reason"] == "Refused")?;
            refused["message"].as_str()?.contains("stock").then_some(())
        })
        .await?;
    assert!(bench.api::<Deployment>().get_opt("other").await?.is_some());
    operator.stop().await
}

#[tokio::test]
async fn a_disruption_budget_allows_one_eviction_at_a_time() -> Result<()> {
    let bench = bench("drain").await?;
    let operator = bench.operator().await?;
    task_definition(&bench, &json!([])).await?;
    bench.service("web", "app", 3).await?;
    bench.stable("web", "app:1").await?;
    let budgets = bench.api::<PodDisruptionBudget>();
    let one_eviction_allowed = async || {
        wait_for("one allowed eviction", PATIENCE, async || {
            let allowed = budgets.get("web").await?.status.and_then(|status| status.disruptions_allowed);
            Ok(if allowed == Some(1) { Seen::Done(()) } else { Seen::not_yet(allowed) })
        })
        .await
    };
    one_eviction_allowed().await?;
    let pods: Api<Pod> = bench.api();
    let mut names: Vec<String> = pods.list(&ListParams::default()).await?.iter().map(ResourceExt::name_any).collect();
    let first = names.pop().context("a Pod")?;
    pods.evict(&first, &EvictParams::default()).await?;
    wait_for("the replacement", PATIENCE, async || {
        let now: Vec<String> = pods.list(&ListParams::default()).await?.iter().map(ResourceExt::name_any).collect();
        Ok((now.len() == 3 && !now.contains(&first)).then_some(()))
    })
    .await?;
    one_eviction_allowed().await?;

    // A budget for a single task would block each eviction.
    bench.service("web", "app", 1).await?;
    wait_for("no budget", PATIENCE, async || Ok(budgets.get_opt("web").await?.is_none().then_some(()))).await?;
    operator.stop().await
}

#[tokio::test]
async fn security_groups_of_the_cluster_become_policies() -> Result<()> {
    let bench = bench("groups").await?;
    SECURITY_GROUP_POLICY.install(&bench).await?;
    let operator = bench.operator().await?;
    task_definition(&bench, &json!([{"containerPort": 8080}])).await?;
    let network = json!({"awsvpcConfiguration": {"subnets": ["subnet-1"], "securityGroups": ["sg-web"]}});
    let service =
        json!({"taskDefinition": "app", "desiredCount": 1, "cluster": "prod", "networkConfiguration": network});
    bench.apply("Service", "web", service).await?;
    bench.stable("web", "app:1").await?;
    let policies = bench.api::<NetworkPolicy>();
    assert!(policies.get_opt("web-security-groups").await?.is_none());
    let label = "security-groups.ecs-operator.dev/sg-web";
    let pods = bench.api::<Pod>().list(&ListParams::default().labels(label)).await?;
    assert_eq!(pods.items.len(), 1);

    let groups = json!({"sg-alb": {"members": [{"cidr": "10.0.0.0/20"}]},
        "sg-web": {"ingress": [{"securityGroups": ["sg-alb"], "ports": [{"port": 8080}]}], "egress": []}});
    let cluster =
        json!({"clusterName": "prod", "kubernetes": {"securityGroups": groups, "securityGroupPolicies": true}});
    bench.apply("Cluster", "prod", cluster).await?;
    let policy = wait_for("the policy", PATIENCE, async || Ok(policies.get_opt("web-security-groups").await?)).await?;
    let spec = policy.spec.context("a spec")?;
    assert_eq!(spec.policy_types, Some(vec!["Ingress".to_owned(), "Egress".to_owned()]));
    assert_eq!(spec.ingress.map(|rules| rules[0].from.as_ref().map(Vec::len)), Some(Some(2)));
    let group_policies = objects(&bench, SECURITY_GROUP_POLICY, 1).await?;
    assert_eq!(group_policies[0].data.pointer("/spec/securityGroups/groupIds"), Some(&json!(["sg-web"])));
    assert_eq!(bench.api::<Deployment>().get("web").await?.metadata.generation, Some(1), "tasks were replaced");
    settled(&operator).await?;
    operator.stop().await?;
    let operator = bench.operator().await?;
    settled(&operator).await?;
    assert_eq!(operator.writes_of_services(), 0, "the restart wrote something:\n{}", operator.metrics.encode());

    bench.custom_resources("Cluster").delete("prod", &DeleteParams::default()).await?;
    objects(&bench, SECURITY_GROUP_POLICY, 0).await?;
    wait_for("no policy", PATIENCE, async || {
        Ok(policies.get_opt("web-security-groups").await?.is_none().then_some(()))
    })
    .await?;
    operator.stop().await
}
