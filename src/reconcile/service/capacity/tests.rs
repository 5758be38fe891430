//! Capacity providers and nodes of tasks.

use std::time::Duration;

use serde_json::{Value, json};

use crate::api::ServiceStatus;
use crate::reconcile::actions::{Action, Decision};
use crate::reconcile::observed::{CapacityRejection, TaskPod};
use crate::reconcile::service::fake_cluster::{FakeCluster, NOW, pod};

#[test]
fn tasks_run_on_the_nodes_of_their_provider_and_cluster() {
    let mut cluster = FakeCluster::new();
    cluster.step();
    cluster.settle(1, 2);
    let (before, selector) = (cluster.workloads[0].clone(), "/spec/nodeSelector");
    assert_eq!(cluster.template().pointer(selector), None);
    // Fargate without settings means any node: no task is replaced.
    cluster.spec["launchType"] = "FARGATE".into();
    cluster.cluster = Some(json!({}));
    cluster.step();
    assert_eq!(cluster.template(), before.body.pointer("/spec/template").unwrap());
    cluster.cluster = Some(json!({"kubernetes": {"nodeSelector": {"team": "shop"},
        "capacityProviders": {"FARGATE": {"nodeSelector": {"type": "on-demand"}, "tolerations": [{"key": "t"}]}}}}));
    cluster.step();
    assert_eq!(cluster.template().pointer(selector), Some(&json!({"team": "shop", "type": "on-demand"})));
    assert_eq!(cluster.template().pointer("/spec/tolerations/0/key"), Some(&json!("t")));
    cluster.spec.as_object_mut().unwrap().remove("launchType");
    cluster.spec["capacityProviderStrategy"] = json!([{"capacityProvider": "spot", "weight": 1}]);
    cluster.capacity_providers.insert("spot", json!({"kubernetes": {"nodeSelector": {"pool": "spot"}}}));
    cluster.step();
    assert_eq!(cluster.template().pointer(selector), Some(&json!({"team": "shop", "pool": "spot"})));
}

#[test]
fn a_missing_provider_changes_nothing() {
    let mut cluster = FakeCluster::new();
    cluster.step();
    cluster.settle(1, 2);
    let cases = [
        (json!({}), json!(null), "CapacityProviderNotFound"),
        (json!({"capacityProviders": ["other"]}), json!({"kubernetes": {}}), "CapacityProviderNotOfCluster"),
        (json!({}), json!({"cluster": "theirs", "kubernetes": {}}), "CapacityProviderNotOfCluster"),
        (json!({}), json!({"name": "ecs-reserved", "kubernetes": {}}), "CapacityProviderInvalid"),
    ];
    cluster.spec["capacityProviderStrategy"] = json!([{"capacityProvider": "spot"}]);
    for (spec, provider, reason) in cases {
        cluster.cluster = Some(spec);
        cluster.capacity_providers.clear();
        if provider.is_object() {
            cluster.capacity_providers.insert("spot", provider);
        }
        let decision = cluster.step();
        assert_eq!(decision.actions, [], "{reason}");
        assert_eq!(cluster.condition("Accepted"), ("False", reason));
    }
    cluster.cluster = None;
    cluster.capacity_providers.insert("spot", json!({"kubernetes": {"nodeSelector": {"pool": "spot"}}}));
    cluster.step();
    assert_eq!(cluster.condition("Accepted").0, "True");
}

#[test]
fn settings_that_fargate_lacks_are_rejected_if_it_is_the_default_of_the_cluster() {
    let mut cluster = FakeCluster::new();
    cluster.cluster = Some(json!({"defaultCapacityProviderStrategy": [{"capacityProvider": "FARGATE"}]}));
    cluster.spec["placementStrategy"] = json!([{"type": "random"}]);
    assert_eq!(cluster.step().actions, []);
    assert_eq!(cluster.condition("Accepted"), ("False", "Invalid"));
    cluster.spec["launchType"] = "EC2".into();
    cluster.step();
    assert_eq!(cluster.condition("Accepted").0, "True");
}

#[test]
fn each_task_is_assigned_one_of_several_providers() {
    let mut cluster = FakeCluster::new();
    let provider = |pool: &str| json!({"kubernetes": {"nodeSelector": {"pool": pool}}});
    cluster.capacity_providers.insert("steady", provider("steady"));
    cluster.capacity_providers.insert("spot", provider("spot"));
    cluster.spec["capacityProviderStrategy"] =
        json!([{"capacityProvider": "steady", "base": 1, "weight": 1}, {"capacityProvider": "spot", "weight": 3}]);
    cluster.step();
    assert_eq!(cluster.template().pointer("/spec/schedulingGates/0/name"), Some(&json!(crate::api::CAPACITY_GATE)));
    assert_eq!(cluster.template().pointer("/spec/affinity"), None);
    let strategy = cluster.template()["metadata"]["annotations"][crate::api::annotations::CAPACITY_STRATEGY].clone();
    let strategy = strategy.as_str().unwrap().to_owned();
    let gated = |name: &str| TaskPod { allocation: Some(strategy.clone().into()), ..pod(name, 1, false) };
    cluster.pods = (0..5).map(|n| gated(&format!("web-1-{n}"))).collect();
    let first = assignments(&cluster.step());
    let providers: Vec<&str> = first.iter().map(|(_, _, provider)| provider.as_str()).collect();
    assert_eq!(providers, ["steady", "spot", "steady", "spot", "spot"]);
    assert_eq!(assignments(&cluster.step()), [], "all have a provider");
    // A new task gets the number of a task that ended, even while the service is blocked.
    cluster.pods[1] = gated("web-1-7");
    cluster.capacity_providers.clear();
    // A rejected assignment is retried after a minute.
    cluster.pods[1].capacity_rejection = CapacityRejection::parse(&format!("{NOW} rejected by the server"));
    let rejected = cluster.step();
    assert_eq!((assignments(&rejected), rejected.requeue_after), (vec![], Some(Duration::from_mins(1))));
    cluster.now += Duration::from_mins(1);
    assert_eq!(assignments(&cluster.step()), [("web-1-7".to_owned(), 2, "spot".to_owned())]);
}

/// Returns task, number and provider of each assignment.
fn assignments(decision: &Decision<ServiceStatus>) -> Vec<(String, i64, String)> {
    let assigned = decision.actions.iter().filter_map(|action| match action {
        Action::AssignCapacity(assigned) => Some(assigned),
        _ => None,
    });
    let assigned = assigned.flatten();
    assigned.map(|it| (it.name.clone(), it.assignment.number, it.assignment.provider.clone())).collect()
}

#[test]
fn a_deleted_provider_of_fargate_leaves_its_services_unchanged() {
    let mut cluster = FakeCluster::new();
    cluster.spec["launchType"] = "FARGATE".into();
    cluster.revisions[0].spec["cpu"] = "256".into();
    cluster.revisions[0].spec["memory"] = "512".into();
    let nodes = json!({"kubernetes": {"nodeSelector": {"pool": "fargate"}}});
    cluster.capacity_providers.insert("fargate", nodes.clone());
    cluster.step();
    cluster.settle(1, 2);
    let template = cluster.template().clone();
    assert_eq!(template["spec"]["nodeSelector"]["pool"], "fargate");
    cluster.capacity_providers.clear();
    assert_eq!(cluster.step().actions, []);
    assert_eq!(cluster.condition("Accepted"), ("False", "CapacityProviderNotFound"));
    cluster.capacity_providers.insert("fargate", nodes);
    cluster.step();
    assert_eq!((cluster.template(), cluster.condition("Accepted").0), (&template, "True"));
    cluster.capacity_providers.insert("fargate", json!({"kubernetes": {}}));
    cluster.step();
    assert_eq!(
        (cluster.condition("Accepted"), &cluster.template()["spec"]["nodeSelector"]),
        (("True", "Valid"), &Value::Null)
    );
    cluster.capacity_providers.clear();
    cluster.step();
    assert_eq!(cluster.condition("Accepted").0, "True", "it did not restrict the nodes");
}
