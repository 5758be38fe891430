//! Decisions about task definitions, and second decisions that change nothing.

use std::collections::BTreeSet;

use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::api::{SecretStores, TaskDefinitionStatus};
use crate::k8s::kinds::RootKind;
use crate::translate::RenderProfile;

const NOW: Timestamp = Timestamp::constant(1_790_000_000, 0);

fn root<'a>(kind: RootKind, name: &'a str, spec: &'a Value) -> Root<'a> {
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
            root: root(RootKind::TaskDefinition, "web", spec),
            status,
            revisions,
            in_use: &in_use.iter().copied().collect::<BTreeSet<_>>(),
            highest_number: 0,
            owned: &Owned::default(),
            efs_driver: false,
            stores: &SecretStores::default(),
            profile: RenderProfile::current(36),
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
    fn a_new_definition_gets_revision_1_and_a_second_decision_changes_nothing() {
        let first = decide(&web(), &TaskDefinitionStatus::default(), &[], &[]);
        assert_eq!(created(&first), Some(1));
        assert_eq!(first.status.latest_revision, Some(1));
        let second = decide(&web(), &first.status, &[revision(1, web())], &[]);
        assert_eq!(second.actions, []);
        assert_eq!(second.events, []);
        assert_eq!(second.status, first.status);
    }

    #[test]
    fn a_change_creates_the_next_revision_even_if_it_restores_an_old_one() {
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
    fn numbers_of_a_deleted_definition_of_the_same_name_are_not_used_again() {
        let spec = web();
        let input = TaskDefinitionInput {
            root: root(RootKind::TaskDefinition, "web", &spec),
            status: &TaskDefinitionStatus::default(),
            revisions: &[],
            in_use: &BTreeSet::new(),
            highest_number: 8,
            owned: &Owned::default(),
            efs_driver: false,
            stores: &SecretStores::default(),
            profile: RenderProfile::current(36),
            now: NOW,
        };
        assert_eq!(created(&task_definition(&input)), Some(9));
    }

    #[test]
    fn fields_of_describe_task_definition_create_no_revision() {
        let mut described = web();
        described["registeredAt"] = 1_706_022_400.123.into();
        described["revision"] = 7.into();
        let decision = decide(&described, &TaskDefinitionStatus::default(), &[revision(1, web())], &[]);
        assert_eq!(decision.actions, []);
    }

    #[test]
    fn the_history_limit_keeps_the_latest_revision_and_those_in_use() {
        let mut spec = web();
        spec["kubernetes"] = json!({"revisionHistoryLimit": 1});
        let mut revisions: Vec<_> = (1..=4).map(|n| revision(n, json!({"n": n}))).collect();
        revisions.push(revision(5, web()));
        let decision = decide(&spec, &TaskDefinitionStatus::default(), &revisions, &[2]);
        assert_eq!(created(&decision), None, "the limit is not part of a revision");
        assert_eq!(deleted(&decision), ["web-1", "web-3"]);
    }

    #[test]
    fn an_invalid_definition_changes_nothing_and_is_reported_once() {
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
    fn a_name_that_differs_from_the_family_is_rejected() {
        let mut spec = web();
        spec["family"] = "other".into();
        let decision = decide(&spec, &TaskDefinitionStatus::default(), &[], &[]);
        assert_eq!(decision.actions, []);
        assert!(decision.status.conditions[0].message.contains("family-name-mismatch"));
    }
}
