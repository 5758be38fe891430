//! Decisions, without a server: what is wanted of the world, and that a second look at the same world wants nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::api::{RolloutState, SecretStores, ServiceStatus, TaskDefinitionStatus};
use crate::translate::Basis;

const NOW: Timestamp = Timestamp::constant(1_790_000_000, 0);

fn root<'a>(kind: &'static str, name: &'a str, spec: &'a Value) -> Root<'a> {
    Root { kind, namespace: "shop", name, uid: "11111111-2222", generation: Some(1), spec, deleting: false }
}

fn web() -> Value {
    json!({"family": "web", "networkMode": "awsvpc", "containerDefinitions": [
        {"name": "app", "image": "web:1", "memory": 64, "portMappings": [{"containerPort": 80}]}
    ]})
}

fn revision(number: i64, spec: Value) -> Revision {
    Revision { name: format!("web-{number}"), uid: format!("uid-{number}"), number, spec }
}

mod task_definitions {
    use super::*;

    fn decide(
        spec: &Value,
        status: &TaskDefinitionStatus,
        revisions: &[Revision],
        in_use: &[i64],
    ) -> Decision<TaskDefinitionStatus> {
        task_definition(&TaskDefinitionInput {
            root: root("TaskDefinition", "web", spec),
            status,
            revisions,
            in_use: &in_use.iter().copied().collect::<BTreeSet<_>>(),
            highest_seen: 0,
            owned: &Owned::default(),
            efs_driver: false,
            stores: &SecretStores::default(),
            basis: Basis::current(36),
            now: NOW,
        })
    }

    fn deleted(decision: &Decision<TaskDefinitionStatus>) -> Vec<&str> {
        let names = decision.actions.iter().filter_map(|action| match action {
            Action::Delete { name, .. } => Some(name.as_str()),
            _ => None,
        });
        names.collect()
    }

    fn created(decision: &Decision<TaskDefinitionStatus>) -> Option<i64> {
        decision.actions.iter().find_map(|action| match action {
            Action::Create(Child::Revision(revision)) => Some(revision.revision),
            _ => None,
        })
    }

    #[test]
    fn a_new_definition_gets_revision_1_and_a_second_look_does_nothing() {
        let first = decide(&web(), &TaskDefinitionStatus::default(), &[], &[]);
        assert_eq!(created(&first), Some(1));
        assert_eq!(first.status.latest_revision, Some(1));
        let second = decide(&web(), &first.status, &[revision(1, web())], &[]);
        assert_eq!(second.actions, []);
        assert_eq!(second.events, []);
        assert_eq!(second.status, first.status);
    }

    #[test]
    fn a_change_makes_the_next_revision_also_when_it_restores_an_old_one() {
        let mut changed = web();
        changed["containerDefinitions"][0]["image"] = "web:2".into();
        let revisions = [revision(1, web()), revision(2, changed)];
        let decision = decide(&web(), &TaskDefinitionStatus::default(), &revisions, &[]);
        assert_eq!(created(&decision), Some(3));
    }

    #[test]
    fn a_number_is_never_used_twice() {
        let status = TaskDefinitionStatus { latest_revision: Some(7), ..Default::default() };
        assert_eq!(created(&decide(&web(), &status, &[revision(3, json!({}))], &[])), Some(8));
    }

    #[test]
    fn numbers_of_a_former_definition_of_the_name_are_not_used_again() {
        let spec = web();
        let input = TaskDefinitionInput {
            root: root("TaskDefinition", "web", &spec),
            status: &TaskDefinitionStatus::default(),
            revisions: &[],
            in_use: &BTreeSet::new(),
            highest_seen: 8,
            owned: &Owned::default(),
            efs_driver: false,
            stores: &SecretStores::default(),
            basis: Basis::current(36),
            now: NOW,
        };
        assert_eq!(created(&task_definition(&input)), Some(9));
    }

    #[test]
    fn what_aws_prints_about_a_registration_makes_no_revision() {
        let mut printed = web();
        printed["registeredAt"] = 1_706_022_400.123.into();
        printed["revision"] = 7.into();
        let decision = decide(&printed, &TaskDefinitionStatus::default(), &[revision(1, web())], &[]);
        assert_eq!(decision.actions, []);
    }

    #[test]
    fn the_history_limit_spares_the_latest_and_what_is_in_use() {
        let mut spec = web();
        spec["kubernetes"] = json!({"revisionHistoryLimit": 1});
        let mut revisions: Vec<_> = (1..=4).map(|n| revision(n, json!({"n": n}))).collect();
        revisions.push(revision(5, web()));
        let decision = decide(&spec, &TaskDefinitionStatus::default(), &revisions, &[2]);
        assert_eq!(created(&decision), None, "the limit is no part of a revision");
        assert_eq!(deleted(&decision), ["web-1", "web-3"]);
    }

    #[test]
    fn an_invalid_definition_touches_nothing_and_says_why_once() {
        let spec = json!({"containerDefinitions": [{"name": "app", "image": 5, "memory": "x"}]});
        let revisions: Vec<_> = (1..=30).map(|n| revision(n, web())).collect();
        let first = decide(&spec, &TaskDefinitionStatus::default(), &revisions, &[]);
        assert_eq!(first.actions, []);
        let condition = &first.status.conditions[0];
        assert_eq!((condition.type_.as_str(), condition.status.as_str()), ("Accepted", "False"));
        assert!(condition.message.contains("/containerDefinitions/0/memory"), "{}", condition.message);
        assert_eq!(first.events.len(), 1);
        assert_eq!(decide(&spec, &first.status, &revisions, &[]).events, []);
    }

    #[test]
    fn a_name_that_services_would_not_find_is_refused() {
        let mut spec = web();
        spec["family"] = "other".into();
        let decision = decide(&spec, &TaskDefinitionStatus::default(), &[], &[]);
        assert_eq!(decision.actions, []);
        assert!(decision.status.conditions[0].message.contains("family-name-mismatch"));
    }
}

mod services {
    use super::*;

    /// A world with one service in it, in which actions take effect as a server would have it.
    struct World {
        spec: Value,
        status: ServiceStatus,
        revisions: Vec<Revision>,
        deployments: Vec<ObservedChild>,
        core_services: Vec<ObservedChild>,
        pods: Vec<TaskPod>,
        cluster: Option<Value>,
        latest_revision: Option<i64>,
        now: Timestamp,
    }

    impl World {
        fn new() -> Self {
            Self {
                spec: json!({"serviceName": "web", "taskDefinition": "web", "desiredCount": 2}),
                status: ServiceStatus::default(),
                revisions: vec![revision(1, web())],
                deployments: vec![],
                core_services: vec![],
                pods: vec![],
                cluster: None,
                latest_revision: None,
                now: NOW,
            }
        }

        fn decide(&self) -> Decision<ServiceStatus> {
            let owned =
                [(ChildKind::Deployment, self.deployments.clone()), (ChildKind::Service, self.core_services.clone())];
            service(&ServiceInput {
                root: root("Service", "web", &self.spec),
                status: &self.status,
                revisions: &self.revisions,
                latest_revision: self.latest_revision,
                owned: &owned.into_iter().collect(),
                cluster: self.cluster.as_ref().map(|spec| root("Cluster", "prod", spec)),
                pods: &self.pods,
                basis: Basis::current(36),
                now: self.now,
            })
        }

        /// Decides, lets the actions take effect and stores the status.
        fn step(&mut self) -> Decision<ServiceStatus> {
            let decision = self.decide();
            for action in &decision.actions {
                self.carry_out(action);
            }
            self.status = decision.status.clone();
            decision
        }

        fn carry_out(&mut self, action: &Action) {
            match action {
                Action::Apply(child) => {
                    let list = match child.kind() {
                        ChildKind::Deployment => &mut self.deployments,
                        _ => &mut self.core_services,
                    };
                    let name = child.metadata().name.clone().unwrap();
                    let status = list.iter().find(|c| c.name == name).and_then(|c| c.body.get("status").cloned());
                    list.retain(|c| c.name != name);
                    let mut body = child.to_json().unwrap();
                    body["status"] = status.unwrap_or_default();
                    list.push(ObservedChild { name: name.clone(), uid: format!("{name}-uid"), body });
                }
                Action::StopTask { uid, .. } => self.pods.retain(|pod| pod.uid != *uid),
                Action::Delete { kind: ChildKind::Service, uid, .. } => self.core_services.retain(|c| c.uid != *uid),
                other => panic!("unexpected {other:?}"),
            }
        }

        /// What the Deployment controller and the nodes come to: all tasks of one revision run.
        fn settle(&mut self, revision: i64, count: i64) {
            self.deployments[0].body["status"] = json!({
                "replicas": count, "updatedReplicas": count, "readyReplicas": count, "availableReplicas": count,
            });
            self.pods = (0..count).map(|n| pod(&format!("web-{revision}-{n}"), revision, true)).collect();
        }

        fn template(&self) -> &Value {
            self.deployments[0].body.pointer("/spec/template").unwrap()
        }

        fn condition(&self, kind: &str) -> (&str, &str) {
            let condition = self.status.conditions.iter().find(|c| c.type_ == kind).unwrap();
            (&condition.status, &condition.reason)
        }
    }

    /// Each task of each revision is created in a second of its own, which its name ends with.
    fn pod(name: &str, revision: i64, running: bool) -> TaskPod {
        let number: u64 = name.rsplit('-').next().and_then(|n| n.parse().ok()).unwrap_or(0);
        let age = revision.unsigned_abs() * 10 + number;
        TaskPod {
            name: name.into(),
            uid: format!("uid-of-{name}"),
            task_definition: "web".into(),
            revision: Some(revision),
            created: Some(NOW + Duration::from_secs(age)),
            running,
            healthy: running,
            presence: Presence::Present,
            has_own_volume: false,
            ending: None,
            unplaceable: None,
            failing: None,
        }
    }

    fn messages(status: &ServiceStatus) -> Vec<&str> {
        status.events.iter().map(|e| e.message.as_str()).collect()
    }

    #[test]
    fn a_service_becomes_a_deployment_and_a_core_service_it_owns() {
        let mut world = World::new();
        let decision = world.step();
        assert_eq!(decision.actions.len(), 2);
        for child in world.deployments.iter().chain(&world.core_services) {
            assert_eq!(child.body.pointer("/metadata/ownerReferences/0/uid"), Some(&json!("11111111-2222")));
        }
        assert_eq!(world.deployments[0].number("/spec/replicas"), Some(2));
        assert_eq!(world.core_services[0].number("/spec/ports/0/port"), Some(80));
        assert_eq!(world.condition("Stable"), ("False", "CountNotReached"));
    }

    #[test]
    fn it_becomes_stable_with_ecs_events_and_then_rests() {
        let mut world = World::new();
        world.step();
        world.settle(1, 2);
        world.step();
        assert_eq!(world.condition("Stable"), ("True", "SteadyState"));
        assert_eq!(world.status.deployments[0].rollout_state, RolloutState::Completed);
        let id = &world.status.deployments[0].id;
        assert_eq!(
            messages(&world.status),
            [
                "(service web) has reached a steady state.",
                &format!("(service web) (deployment {id}) deployment completed."),
                "(service web) has started 2 tasks: (task web-1-1) (task web-1-0).",
            ]
        );
        let again = world.decide();
        assert_eq!(again.status, world.status);
        assert_eq!(again.events, []);
    }

    #[test]
    fn a_task_acts_as_the_account_of_its_role_where_its_cluster_says_how() {
        let mut world = World::new();
        let mut task = web();
        task["taskRoleArn"] = "arn:aws:iam::111122223333:role/web-task".into();
        world.revisions = vec![revision(1, task)];
        world.spec["cluster"] = "prod".into();
        let account = |world: &World| {
            let decision = world.decide();
            let first = decision.actions.into_iter().next();
            match first {
                Some(Action::Apply(child)) if child.kind() == ChildKind::ServiceAccount => {
                    Some(child.metadata().clone())
                }
                _ => None,
            }
        };
        assert_eq!(account(&world), None);
        world.cluster = Some(json!({"clusterName": "prod", "kubernetes": {"taskRoleCredentials": "IRSA"}}));
        let made = account(&world).unwrap();
        assert_eq!(made.name.as_deref(), Some("web-task-111122223333"));
        assert_eq!(made.owner_references.unwrap()[0].kind, "Cluster");
        let decision = world.decide();
        let Some(Action::Apply(Child::Deployment(deployment))) = decision.actions.get(1) else {
            panic!("{:?}", decision.actions)
        };
        let pod = deployment.spec.as_ref().unwrap().template.spec.as_ref().unwrap();
        assert_eq!(pod.service_account_name.as_deref(), Some("web-task-111122223333"));
        assert_eq!(pod.automount_service_account_token, Some(false));
    }

    fn stopped(decision: &Decision<ServiceStatus>) -> Vec<&str> {
        let names = decision.actions.iter().filter_map(|action| match action {
            Action::StopTask { name, .. } => Some(name.as_str()),
            _ => None,
        });
        names.collect()
    }

    fn ending(seconds: u64) -> Ending {
        let reason = "essential container app ended with exit code 3".to_owned();
        Ending { at: NOW + Duration::from_secs(seconds), reason }
    }

    #[test]
    fn a_task_whose_essential_container_ended_is_stopped_and_told_once() {
        let mut world = World::new();
        world.step();
        world.settle(1, 2);
        world.step();
        world.pods[0].ending = Some(ending(100));
        world.now = NOW + Duration::from_secs(101);
        assert_eq!(stopped(&world.step()), ["web-1-0"]);
        let told = "(service web) (task web-1-0) has stopped: essential container app ended with exit code 3.";
        assert!(messages(&world.status).contains(&told), "{:?}", world.status.events);
        world.pods[0] = TaskPod { presence: Presence::Leaving, ending: Some(ending(100)), ..pod("web-1-0", 1, false) };
        let again = world.step();
        assert_eq!(stopped(&again), [""; 0], "it is on its way out");
        assert_eq!(messages(&world.status).iter().filter(|message| **message == told).count(), 1);
    }

    #[test]
    fn a_task_that_does_its_work_again_is_left_alone() {
        let mut world = World::new();
        world.step();
        world.settle(1, 2);
        world.step();
        world.pods[0].ending = Some(ending(100));
        world.now = NOW + Duration::from_mins(5);
        let decision = world.step();
        assert_eq!(stopped(&decision), [""; 0]);
        assert!(!messages(&world.status).iter().any(|message| message.contains("has stopped:")));
    }

    #[test]
    fn the_newest_tasks_that_are_over_are_kept_to_be_looked_at() {
        let mut world = World::new();
        world.step();
        world.settle(1, 2);
        let over = |number: u64| TaskPod {
            presence: Presence::Over,
            ending: Some(ending(number)),
            ..pod(&format!("web-1-{number}"), 1, false)
        };
        world.pods.extend((3..9).map(over));
        assert_eq!(stopped(&world.step()), [""; 0], "they are told of first");
        let told = "(service web) 6 tasks have stopped: (task web-1-3) essential container app ended with exit code 3; \
                    (task web-1-4) essential container app ended with exit code 3; (task web-1-5) essential container app \
                    ended with exit code 3; and others.";
        assert!(messages(&world.status).contains(&told), "{:?}", world.status.events);
        assert_eq!(stopped(&world.step()), ["web-1-5", "web-1-4", "web-1-3"]);
        let rest = world.decide();
        assert_eq!((stopped(&rest).len(), &rest.status), (0, &world.status));
        assert_eq!(world.status.running_count, 2);
        for pod in &mut world.pods {
            pod.has_own_volume = true;
        }
        assert_eq!(stopped(&world.step()), ["web-1-8", "web-1-7", "web-1-6"], "their volumes cost");
    }

    #[test]
    fn tasks_of_a_revision_that_failed_are_no_failure_of_the_one_before() {
        let mut world = World::new();
        world.step();
        world.settle(1, 2);
        world.step();
        let over = TaskPod { presence: Presence::Over, ending: Some(ending(25)), ..pod("web-2-5", 2, false) };
        world.pods.push(over);
        world.step();
        assert_eq!(world.condition("Stable"), ("True", "SteadyState"));
    }

    #[test]
    fn tasks_that_end_at_once_are_told_as_failing_until_one_lasts() {
        let mut world = World::new();
        world.step();
        world.settle(1, 2);
        let over = TaskPod { presence: Presence::Over, ending: Some(ending(25)), ..pod("web-1-5", 1, false) };
        world.pods = vec![pod("web-1-0", 1, true), over, pod("web-1-6", 1, false)];
        world.now = NOW + Duration::from_secs(26);
        world.step();
        assert_eq!(world.condition("Stable"), ("False", "TasksFailing"));
        world.pods[2].healthy = true;
        world.step();
        assert_ne!(world.condition("Stable").1, "TasksFailing");
    }

    #[test]
    fn following_the_family_means_the_newest_revision_and_pinning_means_that_one() {
        let mut newer = web();
        newer["containerDefinitions"][0]["image"] = "web:2".into();
        for (reference, image) in [("web", "web:2"), ("web:1", "web:1")] {
            let mut world = World::new();
            world.revisions.push(revision(2, newer.clone()));
            world.spec["taskDefinition"] = reference.into();
            world.step();
            assert_eq!(world.template().pointer("/spec/containers/0/image"), Some(&json!(image)), "{reference}");
        }
    }

    #[test]
    fn a_rollout_shows_two_deployments_until_the_old_tasks_are_gone() {
        let mut world = World::new();
        world.step();
        world.settle(1, 2);
        world.step();
        world.revisions.push(revision(2, web()));
        world.step();
        world.pods.push(pod("web-2-0", 2, false));
        world.step();
        let seen: Vec<_> = world
            .status
            .deployments
            .iter()
            .map(|d| (d.task_definition.as_str(), d.running_count, d.pending_count))
            .collect();
        assert_eq!(seen, [("web:2", 0, 1), ("web:1", 2, 0)]);
        assert_ne!(world.status.deployments[0].id, world.status.deployments[1].id);
        assert_eq!(world.condition("Stable"), ("False", "DeploymentInProgress"));
        world.settle(2, 2);
        world.step();
        assert_eq!(world.status.deployments.len(), 1);
        assert!(messages(&world.status).contains(&"(service web) has stopped 2 running tasks."));
        assert_eq!(world.condition("Stable"), ("True", "SteadyState"));
    }

    #[test]
    fn without_room_to_replace_a_task_the_old_revision_stays_as_on_ecs() {
        let mut world = World::new();
        world.spec["deploymentConfiguration"] = json!({"minimumHealthyPercent": 100, "maximumPercent": 100});
        world.step();
        world.settle(1, 2);
        world.step();
        let before = world.template().clone();
        world
            .revisions
            .push(revision(2, json!({"containerDefinitions": [{"name": "app", "image": "web:2", "memory": 64}]})));
        world.step();
        assert_eq!(world.template(), &before);
        assert_eq!(world.condition("Stable"), ("False", "DeploymentStuck"));
        world.spec["deploymentConfiguration"] = json!({"minimumHealthyPercent": 50, "maximumPercent": 100});
        world.step();
        assert_eq!(world.template().pointer("/spec/containers/0/image"), Some(&json!("web:2")));
    }

    #[test]
    fn a_missing_or_invalid_task_definition_leaves_what_runs_alone() {
        let mut world = World::new();
        world.step();
        world.settle(1, 2);
        world.step();
        for (reference, reason) in [("web:9", "TaskDefinitionNotFound"), ("web:x", "Invalid")] {
            world.spec["taskDefinition"] = reference.into();
            let decision = world.step();
            assert_eq!(decision.actions, [], "{reference}");
            assert_eq!(world.condition("Accepted"), ("False", reason), "{reference}");
            assert_eq!(world.status.running_count, 2);
        }
        assert_eq!(world.decide().events, [], "said once");
    }

    #[test]
    fn a_task_definition_that_comes_a_moment_later_is_no_news() {
        let mut world = World::new();
        let revisions = std::mem::take(&mut world.revisions);
        let first = world.step();
        assert_eq!((first.events.len(), first.revisit), (0, Some(Duration::from_secs(10))));
        world.now = NOW + Duration::from_secs(4);
        assert_eq!(world.step().revisit, Some(Duration::from_secs(6)));
        world.now = NOW + Duration::from_secs(10);
        let last = world.step();
        assert_eq!((last.events.len(), last.revisit), (1, None));
        assert_eq!(world.step().events, [], "said once");
        world.revisions = revisions;
        world.step();
        assert_eq!(world.condition("Accepted"), ("True", "Valid"));
    }

    #[test]
    fn ports_that_are_gone_take_the_core_service_with_them() {
        let mut world = World::new();
        world.step();
        world
            .revisions
            .push(revision(2, json!({"containerDefinitions": [{"name": "app", "image": "web:2", "memory": 64}]})));
        world.step();
        assert_eq!(world.core_services, []);
    }

    #[test]
    fn an_unchanged_definition_keeps_the_basis_it_was_rendered_with() {
        let mut world = World::new();
        world.revisions[0].spec["cpu"] = "256".into();
        world.step();
        let template = world.template().clone();
        assert!(template.pointer("/spec/resources/limits/cpu").is_some());
        world.deployments[0].body["metadata"]["annotations"]["ecs-operator.dev/translation-basis"] = "1".into();
        world.step();
        assert_eq!(world.template().pointer("/spec/resources"), None, "the recorded basis had no resources of a Pod");
        world.revisions.push(Revision { number: 2, ..world.revisions[0].clone() });
        world.step();
        assert!(world.template().pointer("/spec/resources/limits/cpu").is_some(), "a new revision is rendered anew");
    }

    #[test]
    fn a_daemon_service_is_refused_for_now() {
        let mut world = World::new();
        world.spec["schedulingStrategy"] = "DAEMON".into();
        world.spec.as_object_mut().unwrap().remove("desiredCount");
        assert_eq!(world.step().actions, []);
        assert_eq!(world.condition("Accepted"), ("False", "Unsupported"));
    }

    #[test]
    fn a_follower_waits_for_the_newest_revision_rather_than_run_an_older_one() {
        let mut world = World::new();
        world.latest_revision = Some(2);
        assert_eq!(world.step().actions, [], "only revision 1 is left, or seen yet");
        assert_eq!(world.condition("Accepted"), ("False", "TaskDefinitionNotFound"));
        world.spec["taskDefinition"] = "web:1".into();
        assert_eq!(world.step().actions.len(), 2, "what is pinned is there");
    }

    #[test]
    fn another_family_with_the_same_number_is_another_deployment() {
        let mut world = World::new();
        world.step();
        world.settle(1, 2);
        world.step();
        world.spec["taskDefinition"] = "api".into();
        world.step();
        let mut waiting = pod("api-1-0", 1, false);
        waiting.task_definition = "api".into();
        world.pods.push(waiting);
        world.step();
        let seen: Vec<_> =
            world.status.deployments.iter().map(|d| (d.task_definition.as_str(), d.running_count)).collect();
        assert_eq!(seen, [("api:1", 0), ("web:1", 2)]);
        assert_eq!(world.condition("Stable"), ("False", "DeploymentInProgress"));
    }

    #[test]
    fn tasks_a_later_release_rendered_are_left_as_they_are() {
        let mut world = World::new();
        world.step();
        world.deployments[0].body["metadata"]["annotations"]["ecs-operator.dev/translation-basis"] = "99".into();
        assert_eq!(world.step().actions, []);
        assert_eq!(world.condition("Accepted"), ("False", "RenderedByLaterRelease"));
    }

    #[test]
    fn a_task_that_is_replaced_is_told_of_as_stopped_and_as_started() {
        let mut world = World::new();
        world.step();
        world.settle(1, 2);
        world.step();
        let other = pod("web-1-9", 1, true);
        world.pods[0] = other;
        world.step();
        let told = messages(&world.status);
        assert!(told.contains(&"(service web) has started 1 tasks: (task web-1-9)."), "{told:?}");
        assert!(told.contains(&"(service web) has stopped 1 running tasks."), "{told:?}");
    }

    #[test]
    fn a_task_that_does_not_come_up_is_told_once_with_its_cause() {
        let mut world = World::new();
        world.step();
        let mut failing = pod("web-1-0", 1, false);
        failing.failing = Some(("CannotPullContainerError", "container app of image web:1".into()));
        world.pods = vec![failing];
        world.step();
        world.step();
        let told = messages(&world.status).iter().filter(|m| m.contains("CannotPullContainerError")).count();
        assert_eq!(told, 1);
        assert_eq!(world.condition("Stable"), ("False", "TasksFailing"));
    }

    #[test]
    fn a_task_no_node_takes_is_told_once_in_ecs_words() {
        let mut world = World::new();
        world.step();
        let mut waiting = pod("web-1-0", 1, false);
        waiting.unplaceable = Some("0/3 nodes are available: 3 Insufficient memory.".into());
        world.pods = vec![waiting];
        world.step();
        world.step();
        let told = messages(&world.status).iter().filter(|m| m.contains("was unable to place a task")).count();
        assert_eq!(told, 1);
    }
}
