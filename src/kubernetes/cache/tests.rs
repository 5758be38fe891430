//! Events, lists and writes of the operator, in every order in which they can arrive.

use super::super::testing::Ship;
use super::*;

fn cache() -> Cache<Ship> {
    Cache::new("Ship")
}

fn key(name: &str) -> ObjectKey {
    ObjectKey::namespaced("sea", name)
}

fn describe(change: &Change<Ship>) -> String {
    match change {
        Change::Added(new) => format!("+{}@{}", new.meta.name, new.meta.resource_version),
        Change::Changed { old, new } => {
            format!("{}@{}>{}", new.meta.name, old.meta.resource_version, new.meta.resource_version)
        }
        Change::Removed(old) => format!("-{}@{}", old.meta.name, old.meta.resource_version),
    }
}

fn announced(update: &CacheUpdate<Ship>) -> Vec<String> {
    let mut changes: Vec<String> = update.changes.iter().map(describe).collect();
    changes.sort();
    changes
}

fn names(ships: &[Arc<Ship>]) -> Vec<&str> {
    ships.iter().map(|ship| ship.meta.name.as_str()).collect()
}

#[test]
fn only_changes_of_content_are_announced() {
    let cache = cache();
    assert_eq!(announced(&cache.apply(Ship::new("a", 1, "tea"))), ["+a@1"]);
    assert!(announced(&cache.apply(Ship::new("a", 2, "tea"))).is_empty());
    assert_eq!(cache.get(&key("a")).expect("there").meta.resource_version, 2, "stored nevertheless");
    assert_eq!(announced(&cache.apply(Ship::new("a", 3, "salt"))), ["a@2>3"]);
    assert_eq!(announced(&cache.remove(&Ship::new("a", 4, "salt"))), ["-a@3"]);
    assert!(cache.is_empty());
}

#[test]
fn the_index_follows_the_objects() {
    let cache = cache();
    for (name, cargo) in [("c", "tea"), ("a", "tea"), ("b", "salt")] {
        cache.apply(Ship::new(name, 1, cargo));
    }
    let tea = IndexKey::new("cargo", "tea");
    assert_eq!(names(&cache.by_index(&tea)), ["a", "c"]);
    cache.apply(Ship::new("a", 2, "salt"));
    assert_eq!(names(&cache.by_index(&tea)), ["c"]);
    assert_eq!(names(&cache.by_index(&IndexKey::new("cargo", "salt"))), ["a", "b"]);
    cache.remove(&Ship::new("c", 3, "tea"));
    assert!(cache.by_index(&tea).is_empty());
    assert!(!cache.contents.read().index.contains_key(&tea), "empty sets are removed");
}

#[test]
fn older_versions_of_the_same_object_are_ignored() {
    let cache = cache();
    cache.apply(Ship::new("a", 5, "new"));
    let update = cache.apply(Ship::new("a", 3, "old"));
    assert_eq!((update.stale, announced(&update).len()), (1, 0));
    let update = cache.relist(vec![Ship::new("a", 4, "old")]);
    assert_eq!((update.stale, announced(&update).len()), (1, 0));
    assert_eq!(cache.get(&key("a")).expect("there").cargo, "new");
}

#[test]
fn an_object_with_another_uid_is_a_removal_and_an_addition() {
    let cache = cache();
    cache.apply(Ship::new("a", 5, "tea"));
    assert_eq!(announced(&cache.apply(Ship::new("a", 7, "tea").recreated("u2"))), ["+a@7", "-a@5"]);
    assert!(announced(&cache.remove(&Ship::new("a", 6, "tea"))).is_empty(), "the deletion of the predecessor");
    assert_eq!(cache.get(&key("a")).expect("there").meta.uid, "u2");
}

#[test]
fn objects_missing_from_a_list_are_removed() {
    let cache = cache();
    assert!(!cache.ready());
    assert_eq!(announced(&cache.relist(vec![Ship::new("a", 1, "x"), Ship::new("b", 2, "x")])), ["+a@1", "+b@2"]);
    assert!(cache.ready());
    assert_eq!(announced(&cache.relist(vec![Ship::new("b", 2, "x"), Ship::new("c", 9, "x")])), ["+c@9", "-a@1"]);
    assert_eq!(cache.len(), 2);
}

#[test]
fn writes_of_the_operator_are_read_at_once_and_announced_by_the_watch() {
    let cache = cache();
    cache.apply(Ship::new("a", 1, "tea"));
    cache.observe_write(Ship::new("a", 2, "salt"));
    cache.observe_write(Ship::new("b", 3, "salt"));
    assert_eq!(cache.get(&key("a")).expect("there").cargo, "salt");
    assert_eq!(cache.len(), 2);
    assert_eq!(announced(&cache.apply(Ship::new("a", 2, "salt"))), ["a@1>2"]);
    assert_eq!(announced(&cache.apply(Ship::new("b", 3, "salt"))), ["+b@3"]);
    assert!(cache.contents.read().unconfirmed.is_empty());
}

#[test]
fn events_older_than_a_write_of_the_operator_are_ignored() {
    let cache = cache();
    cache.apply(Ship::new("a", 1, "tea"));
    cache.observe_write(Ship::new("a", 5, "salt"));
    assert_eq!(cache.apply(Ship::new("a", 3, "tea")).stale, 1);
    assert_eq!(cache.get(&key("a")).expect("there").cargo, "salt");
}

#[test]
fn a_late_response_does_not_restore_a_deleted_object() {
    let cache = cache();
    cache.apply(Ship::new("a", 1, "tea"));
    cache.apply(Ship::new("a", 2, "salt"));
    cache.remove(&Ship::new("a", 3, "salt"));
    cache.observe_write(Ship::new("a", 2, "salt"));
    assert!(cache.get(&key("a")).is_none());
}

#[test]
fn a_created_object_that_the_watch_never_reports_is_removed() {
    let cache = cache();
    cache.relist(vec![Ship::new("a", 1, "x")]);
    cache.observe_write(Ship::new("b", 5, "x"));
    assert_eq!(announced(&cache.apply(Ship::new("a", 6, "y"))), ["-b@5", "a@1>6"]);
    assert!(cache.get(&key("b")).is_none());
}

#[test]
fn a_list_older_than_a_write_of_the_operator_keeps_the_write() {
    let cache = cache();
    cache.observe_write(Ship::new("b", 5, "x"));
    assert_eq!(announced(&cache.relist(vec![Ship::new("a", 4, "x")])), ["+a@4"]);
    assert!(cache.get(&key("b")).is_some());
    assert_eq!(announced(&cache.apply(Ship::new("b", 5, "x"))), ["+b@5"]);
}

#[test]
fn an_object_deleted_by_the_operator_is_hidden_until_the_watch_reports_the_deletion() {
    let cache = cache();
    cache.apply(Ship::new("a", 1, "tea"));
    cache.observe_delete(&key("a"), "a-uid");
    assert!(cache.get(&key("a")).is_none());
    assert!(announced(&cache.apply(Ship::new("a", 2, "salt"))).is_empty());
    cache.observe_write(Ship::new("a", 3, "salt"));
    assert!(cache.get(&key("a")).is_none());
    assert_eq!(announced(&cache.remove(&Ship::new("a", 4, "salt"))), ["-a@1"]);
    assert_eq!(announced(&cache.apply(Ship::new("a", 5, "tea").recreated("u2"))), ["+a@5"]);
}

#[test]
fn an_object_deleted_and_created_again_by_the_operator() {
    let cache = cache();
    cache.apply(Ship::new("a", 1, "tea"));
    cache.observe_delete(&key("a"), "a-uid");
    cache.observe_write(Ship::new("a", 9, "tea").recreated("u2"));
    assert_eq!(cache.get(&key("a")).expect("there").meta.uid, "u2");
    assert!(announced(&cache.apply(Ship::new("a", 7, "tea"))).is_empty());
    assert_eq!(announced(&cache.remove(&Ship::new("a", 8, "tea"))), ["-a@1"]);
    assert_eq!(announced(&cache.apply(Ship::new("a", 9, "tea").recreated("u2"))), ["+a@9"]);
}

#[test]
fn a_delete_with_another_uid_hides_nothing() {
    let cache = cache();
    cache.apply(Ship::new("a", 1, "tea"));
    cache.observe_delete(&key("a"), "another-uid");
    assert!(cache.get(&key("a")).is_some());
}

#[test]
fn a_complete_list_removes_tombstones() {
    let cache = cache();
    cache.apply(Ship::new("a", 1, "tea"));
    cache.apply(Ship::new("b", 2, "tea"));
    cache.observe_delete(&key("a"), "a-uid");
    cache.observe_delete(&key("b"), "b-uid");
    let update = cache.relist(vec![Ship::new("a", 1, "tea")]);
    assert_eq!(announced(&update), ["-b@2"]);
    assert!(cache.get(&key("a")).is_some());
}

#[tokio::test]
async fn readiness_can_be_waited_for() {
    let cache = Arc::new(cache());
    let waiting = Arc::clone(&cache);
    let waiter = tokio::spawn(async move { waiting.wait_ready().await });
    tokio::task::yield_now().await;
    assert!(!waiter.is_finished());
    cache.relist(Vec::new());
    waiter.await.expect("ready");
}

#[test]
fn metadata_is_converted() {
    let metadata = serde_json::from_value(serde_json::json!({
        "name": "a", "namespace": "n", "uid": "u", "resourceVersion": "77", "generation": 3,
        "deletionTimestamp": "2026-01-01T00:00:00Z",
        "ownerReferences": [
            {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "1"},
            {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "r", "uid": "2", "controller": true}
        ]
    }))
    .expect("metadata");
    let meta = Meta::from(&metadata);
    assert_eq!((meta.resource_version, meta.generation, meta.deleting), (77, Some(3), true));
    assert_eq!(meta.owner.expect("owned").uid, "2");
    assert_eq!(ObjectKey::namespaced("n", "a"), Meta::from(&metadata).key());
}
