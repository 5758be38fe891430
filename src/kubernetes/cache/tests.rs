//! The cache under events, lists and our own writes, in every order they can come.

use super::super::testing::Ship;
use super::*;

fn cache() -> Cache<Ship> {
    Cache::new("Ship")
}

fn key(name: &str) -> ObjectKey {
    ObjectKey::namespaced("sea", name)
}

fn told(outcome: &Outcome<Ship>) -> Vec<String> {
    let tell = |change: &Change<Ship>| match change {
        Change::Added(new) => format!("+{}@{}", new.meta.name, new.meta.resource_version),
        Change::Changed { old, new } => {
            format!("{}@{}>{}", new.meta.name, old.meta.resource_version, new.meta.resource_version)
        }
        Change::Removed(old) => format!("-{}@{}", old.meta.name, old.meta.resource_version),
    };
    let mut told: Vec<String> = outcome.changes.iter().map(tell).collect();
    told.sort();
    told
}

fn names(found: &[Arc<Ship>]) -> Vec<&str> {
    found.iter().map(|ship| ship.meta.name.as_str()).collect()
}

#[test]
fn only_real_changes_are_announced() {
    let cache = cache();
    assert_eq!(told(&cache.apply(Ship::new("a", 1, "tea"))), ["+a@1"]);
    assert!(told(&cache.apply(Ship::new("a", 2, "tea"))).is_empty());
    assert_eq!(cache.get(&key("a")).expect("there").meta.resource_version, 2, "stored all the same");
    assert_eq!(told(&cache.apply(Ship::new("a", 3, "salt"))), ["a@2>3"]);
    assert_eq!(told(&cache.remove(&Ship::new("a", 4, "salt"))), ["-a@3"]);
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
    assert!(!cache.view.read().index.contains_key(&tea), "no empty sets are kept");
}

#[test]
fn older_objects_of_the_same_life_are_ignored() {
    let cache = cache();
    cache.apply(Ship::new("a", 5, "new"));
    let outcome = cache.apply(Ship::new("a", 3, "old"));
    assert_eq!((outcome.stale, told(&outcome).len()), (1, 0));
    let outcome = cache.relist(vec![Ship::new("a", 4, "old")]);
    assert_eq!((outcome.stale, told(&outcome).len()), (1, 0));
    assert_eq!(cache.get(&key("a")).expect("there").cargo, "new");
}

#[test]
fn another_life_is_an_end_and_a_beginning() {
    let cache = cache();
    cache.apply(Ship::new("a", 5, "tea"));
    assert_eq!(told(&cache.apply(Ship::new("a", 7, "tea").reborn("u2"))), ["+a@7", "-a@5"]);
    assert!(told(&cache.remove(&Ship::new("a", 6, "tea"))).is_empty(), "the end of the former life");
    assert_eq!(cache.get(&key("a")).expect("there").meta.uid, "u2");
}

#[test]
fn a_list_tells_what_was_deleted_meanwhile() {
    let cache = cache();
    assert!(!cache.ready());
    assert_eq!(told(&cache.relist(vec![Ship::new("a", 1, "x"), Ship::new("b", 2, "x")])), ["+a@1", "+b@2"]);
    assert!(cache.ready());
    assert_eq!(told(&cache.relist(vec![Ship::new("b", 2, "x"), Ship::new("c", 9, "x")])), ["+c@9", "-a@1"]);
    assert_eq!(cache.len(), 2);
}

#[test]
fn own_writes_are_read_at_once_and_announced_by_the_watch() {
    let cache = cache();
    cache.apply(Ship::new("a", 1, "tea"));
    cache.observe_write(Ship::new("a", 2, "salt"));
    cache.observe_write(Ship::new("b", 3, "salt"));
    assert_eq!(cache.get(&key("a")).expect("there").cargo, "salt");
    assert_eq!(cache.len(), 2);
    assert_eq!(told(&cache.apply(Ship::new("a", 2, "salt"))), ["a@1>2"]);
    assert_eq!(told(&cache.apply(Ship::new("b", 3, "salt"))), ["+b@3"]);
    assert!(cache.view.read().unannounced.is_empty());
}

#[test]
fn events_older_than_an_own_write_do_not_undo_it() {
    let cache = cache();
    cache.apply(Ship::new("a", 1, "tea"));
    cache.observe_write(Ship::new("a", 5, "salt"));
    assert_eq!(cache.apply(Ship::new("a", 3, "tea")).stale, 1);
    assert_eq!(cache.get(&key("a")).expect("there").cargo, "salt");
}

#[test]
fn a_late_answer_does_not_bring_back_the_deleted() {
    let cache = cache();
    cache.apply(Ship::new("a", 1, "tea"));
    cache.apply(Ship::new("a", 2, "salt"));
    cache.remove(&Ship::new("a", 3, "salt"));
    cache.observe_write(Ship::new("a", 2, "salt"));
    assert!(cache.get(&key("a")).is_none());
}

#[test]
fn own_creations_the_watch_never_saw_end() {
    let cache = cache();
    cache.relist(vec![Ship::new("a", 1, "x")]);
    cache.observe_write(Ship::new("b", 5, "x"));
    assert_eq!(told(&cache.apply(Ship::new("a", 6, "y"))), ["-b@5", "a@1>6"]);
    assert!(cache.get(&key("b")).is_none());
}

#[test]
fn a_list_older_than_an_own_write_keeps_it() {
    let cache = cache();
    cache.observe_write(Ship::new("b", 5, "x"));
    assert_eq!(told(&cache.relist(vec![Ship::new("a", 4, "x")])), ["+a@4"]);
    assert!(cache.get(&key("b")).is_some());
    assert_eq!(told(&cache.apply(Ship::new("b", 5, "x"))), ["+b@5"]);
}

#[test]
fn deleted_by_us_stays_hidden_until_the_watch_says_so() {
    let cache = cache();
    cache.apply(Ship::new("a", 1, "tea"));
    cache.observe_delete(&key("a"), "a-uid");
    assert!(cache.get(&key("a")).is_none());
    assert!(told(&cache.apply(Ship::new("a", 2, "salt"))).is_empty());
    cache.observe_write(Ship::new("a", 3, "salt"));
    assert!(cache.get(&key("a")).is_none());
    assert_eq!(told(&cache.remove(&Ship::new("a", 4, "salt"))), ["-a@1"]);
    assert_eq!(told(&cache.apply(Ship::new("a", 5, "tea").reborn("u2"))), ["+a@5"]);
}

#[test]
fn deleted_and_created_again_by_us() {
    let cache = cache();
    cache.apply(Ship::new("a", 1, "tea"));
    cache.observe_delete(&key("a"), "a-uid");
    cache.observe_write(Ship::new("a", 9, "tea").reborn("u2"));
    assert_eq!(cache.get(&key("a")).expect("there").meta.uid, "u2");
    assert!(told(&cache.apply(Ship::new("a", 7, "tea"))).is_empty());
    assert_eq!(told(&cache.remove(&Ship::new("a", 8, "tea"))), ["-a@1"]);
    assert_eq!(told(&cache.apply(Ship::new("a", 9, "tea").reborn("u2"))), ["+a@9"]);
}

#[test]
fn a_delete_of_another_life_hides_nothing() {
    let cache = cache();
    cache.apply(Ship::new("a", 1, "tea"));
    cache.observe_delete(&key("a"), "somebody-else");
    assert!(cache.get(&key("a")).is_some());
}

#[test]
fn a_new_list_lifts_tombstones() {
    let cache = cache();
    cache.apply(Ship::new("a", 1, "tea"));
    cache.apply(Ship::new("b", 2, "tea"));
    cache.observe_delete(&key("a"), "a-uid");
    cache.observe_delete(&key("b"), "b-uid");
    let outcome = cache.relist(vec![Ship::new("a", 1, "tea")]);
    assert_eq!(told(&outcome), ["-b@2"]);
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
fn metadata_is_read() {
    let metadata = serde_json::from_value(serde_json::json!({
        "name": "a", "namespace": "n", "uid": "u", "resourceVersion": "77", "generation": 3,
        "deletionTimestamp": "2026-01-01T00:00:00Z",
        "ownerReferences": [
            {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "1"},
            {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "r", "uid": "2", "controller": true}
        ]
    }))
    .expect("metadata");
    let meta = Meta::of(&metadata);
    assert_eq!((meta.resource_version, meta.generation, meta.deleting), (77, Some(3), true));
    assert_eq!(meta.owner.expect("owned").uid, "2");
    assert_eq!(ObjectKey::namespaced("n", "a"), Meta::of(&metadata).key());
}
