//! Objects of services, and second decisions that change nothing.

use serde_json::json;

use crate::k8s::kinds::ChildKind;
use crate::reconcile::actions::{Action, Child};
use crate::reconcile::service::fake_cluster::{FakeCluster, messages, revision, web};

#[test]
fn a_service_is_rendered_as_a_deployment_and_a_core_service_with_an_owner() {
    let mut cluster = FakeCluster::new();
    let decision = cluster.step();
    assert_eq!(decision.actions.len(), 3);
    for child in cluster.workloads.iter().chain(&cluster.core_services).chain(&cluster.others) {
        assert_eq!(child.body.pointer("/metadata/ownerReferences/0/uid"), Some(&json!("11111111-2222")));
    }
    assert_eq!(cluster.workloads[0].number("/spec/replicas"), Some(2));
    assert_eq!(cluster.core_services[0].number("/spec/ports/0/port"), Some(80));
    assert_eq!(cluster.others[0].number("/spec/maxUnavailable"), Some(1));
    assert_eq!(cluster.condition("Stable"), ("False", "DeploymentInProgress"));
}

#[test]
fn a_task_role_has_a_service_account_if_the_cluster_defines_credentials() {
    let mut cluster = FakeCluster::new();
    let mut task = web();
    task["taskRoleArn"] = "arn:aws:iam::111122223333:role/web-task".into();
    cluster.revisions = vec![revision(1, task)];
    cluster.spec["cluster"] = "prod".into();
    let service_account = |cluster: &FakeCluster| {
        let decision = cluster.decide();
        let first = decision.actions.into_iter().next();
        match first {
            Some(Action::Apply(child)) if child.kind() == ChildKind::ServiceAccount => Some(child.metadata().clone()),
            _ => None,
        }
    };
    assert_eq!(service_account(&cluster), None);
    cluster.cluster = Some(json!({"clusterName": "prod", "kubernetes": {"taskRoleCredentials": "IRSA"}}));
    let account = service_account(&cluster).unwrap();
    assert_eq!(account.name.as_deref(), Some("web-task-111122223333"));
    assert_eq!(account.owner_references.unwrap()[0].kind, "Cluster");
    let decision = cluster.decide();
    let Some(Action::Apply(Child::Deployment(deployment))) = decision.actions.get(1) else {
        panic!("{:?}", decision.actions)
    };
    let pod = deployment.spec.as_ref().unwrap().template.spec.as_ref().unwrap();
    assert_eq!(pod.service_account_name.as_deref(), Some("web-task-111122223333"));
    assert_eq!(pod.automount_service_account_token, Some(false));
}

#[test]
fn the_core_service_is_deleted_with_the_last_port() {
    let mut cluster = FakeCluster::new();
    cluster.step();
    cluster
        .revisions
        .push(revision(2, json!({"containerDefinitions": [{"name": "app", "image": "web:2", "memory": 64}]})));
    cluster.step();
    assert_eq!(cluster.core_services, []);
}

#[test]
fn a_daemon_service_has_a_task_on_each_node() {
    let mut cluster = FakeCluster::new();
    cluster.spec = json!({"serviceName": "web", "taskDefinition": "web", "schedulingStrategy": "DAEMON",
        "deploymentConfiguration": {"minimumHealthyPercent": 40, "maximumPercent": 100}});
    cluster.step();
    let unavailable = "/spec/updateStrategy/rollingUpdate/maxUnavailable";
    assert_eq!(cluster.workloads[0].body["kind"], "DaemonSet");
    assert_eq!(cluster.workloads[0].number(unavailable), Some(1));
    cluster.settle(1, 3);
    cluster.workloads[0].body["status"] = json!({"desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberAvailable": 3, "currentNumberScheduled": 3});
    cluster.step();
    cluster.step();
    assert_eq!(cluster.workloads[0].number(unavailable), Some(1), "40 % of 3 is 2 that remain");
    assert_eq!((cluster.status.desired_count, cluster.condition("Stable")), (3, ("True", "SteadyState")));
    cluster.spec["deploymentConfiguration"]["minimumHealthyPercent"] = 100.into();
    cluster.revisions.push(revision(2, web()));
    cluster.step();
    assert_eq!(cluster.condition("Stable"), ("False", "DeploymentStuck"));
    let event = "(service web) was unable to stop or start tasks during a deployment because of the service deployment \
                configuration. Update the minimumHealthyPercent or maximumPercent value and try again.";
    assert_eq!(messages(&cluster.status)[0], event);
}
