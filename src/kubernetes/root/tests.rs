//! Changes of custom resources that start a reconcile, and those that do not.

use futures::stream;
use serde_json::json;

use super::super::testing::{object, resource};
use super::*;

type Item = watcher::Result<Event<DynamicObject>>;

/// Feeds events and returns the changes as (old version, new version).
async fn changes(
    roots: &RootStore,
    events: impl IntoIterator<Item = Event<DynamicObject>>,
) -> Vec<(Option<String>, Option<String>)> {
    let reported = Arc::new(Mutex::new(Vec::new()));
    let version = |object: &Option<Arc<DynamicObject>>| object.as_ref().and_then(|object| object.resource_version());
    let sink = {
        let reported = Arc::clone(&reported);
        move |change: &RootChange| reported.lock().push((version(&change.old), version(&change.new)))
    };
    let events: Vec<Item> = events.into_iter().map(Ok).collect();
    follow_root(stream::iter(events), roots.clone(), sink, Metrics::new(), CancellationToken::new()).await;
    mem::take(&mut *reported.lock())
}

fn pair(old: Option<u64>, new: Option<u64>) -> (Option<String>, Option<String>) {
    (old.map(|version| version.to_string()), new.map(|version| version.to_string()))
}

fn list(objects: impl IntoIterator<Item = DynamicObject>) -> Vec<Event<DynamicObject>> {
    let listed = objects.into_iter().map(Event::InitApply);
    [Event::Init].into_iter().chain(listed).chain([Event::InitDone]).collect()
}

fn stored_version(roots: &RootStore, name: &str) -> Option<String> {
    roots.get(&ObjectKey::namespaced("sea", name)).and_then(|object| object.resource_version())
}

async fn one_ship() -> RootStore {
    let roots = RootStore::new(resource(), Some("/f:spec/f:desiredCount"));
    assert_eq!(changes(&roots, list([object("a", 1)])).await, [pair(None, Some(1))]);
    roots
}

#[tokio::test]
async fn a_status_write_is_stored_without_a_change_being_reported() {
    let roots = one_ship().await;
    let mut status = object("a", 2);
    status.data = json!({"status": {"ready": true}});
    assert!(changes(&roots, [Event::Apply(status)]).await.is_empty());
    assert_eq!(stored_version(&roots, "a").as_deref(), Some("2"));
}

#[tokio::test]
async fn a_change_by_a_user_is_reported() {
    let edits: [fn(&mut DynamicObject); 5] = [
        |object| object.metadata.generation = Some(2),
        |object| drop(object.labels_mut().insert("a".into(), "b".into())),
        |object| drop(object.annotations_mut().insert("a".into(), "b".into())),
        |object| object.finalizers_mut().push("x/y".into()),
        |object| object.metadata.deletion_timestamp = serde_json::from_value(json!("2026-01-01T00:00:00Z")).ok(),
    ];
    for edit in edits {
        let roots = one_ship().await;
        let mut edited = object("a", 2);
        edit(&mut edited);
        assert_eq!(changes(&roots, [Event::Apply(edited)]).await, [pair(Some(1), Some(2))]);
    }
}

#[tokio::test]
async fn a_deletion_is_reported_even_if_the_watch_missed_it() {
    let roots = one_ship().await;
    assert_eq!(changes(&roots, [Event::Delete(object("a", 5))]).await, [pair(Some(1), None)]);
    assert!(roots.all().is_empty());

    let roots = one_ship().await;
    assert_eq!(changes(&roots, list([object("b", 3)])).await, [pair(Some(1), None), pair(None, Some(3))]);
    assert_eq!(stored_version(&roots, "a"), None);
    assert_eq!(stored_version(&roots, "b").as_deref(), Some("3"));
}

#[tokio::test]
async fn older_versions_are_ignored_in_events_and_lists() {
    let roots = RootStore::new(resource(), Some("/f:spec/f:desiredCount"));
    changes(&roots, list([object("a", 9)])).await;
    let mut old = object("a", 4);
    old.metadata.generation = Some(7);
    assert!(changes(&roots, [Event::Apply(old.clone())]).await.is_empty());
    assert!(changes(&roots, list([old])).await.is_empty());
    assert_eq!(stored_version(&roots, "a").as_deref(), Some("9"));
}

#[tokio::test]
async fn an_object_of_the_same_name_with_another_uid_is_a_removal_and_an_addition() {
    let roots = one_ship().await;
    let mut other = object("a", 8);
    other.metadata.uid = Some("other".into());
    assert_eq!(changes(&roots, [Event::Apply(other)]).await, [pair(Some(1), None), pair(None, Some(8))]);
}

#[tokio::test]
async fn writes_of_the_operator_are_read_at_once() {
    let roots = one_ship().await;
    roots.observe_write(&object("a", 3));
    assert_eq!(stored_version(&roots, "a").as_deref(), Some("3"));
    roots.observe_write(&object("a", 2));
    assert_eq!(stored_version(&roots, "a").as_deref(), Some("3"));
    assert!(changes(&roots, [Event::Apply(object("a", 2))]).await.is_empty());
    assert_eq!(stored_version(&roots, "a").as_deref(), Some("3"));
}

#[tokio::test]
async fn only_the_managers_of_the_tracked_field_are_kept() {
    let roots = RootStore::new(resource(), Some("/f:spec/f:desiredCount"));
    let (mut heavy, mut counted) = (object("a", 1), object("b", 1));
    let fields =
        |manager: &str, fields| serde_json::from_value(json!({"manager": manager, "fieldsV1": fields})).unwrap();
    let image = fields("kubectl", json!({"f:spec": {"f:image": {}}}));
    let count = fields("argocd", json!({"f:spec": {"f:desiredCount": {}, "f:image": {}}}));
    heavy.metadata.managed_fields = Some(vec![image]);
    counted.metadata.managed_fields =
        Some(heavy.metadata.managed_fields.iter().flatten().cloned().chain([count]).collect());
    changes(&roots, list([heavy, counted])).await;
    let mut managers: Vec<Option<String>> = Vec::new();
    for object in roots.all() {
        managers.extend(object.metadata.managed_fields.iter().flatten().map(|entry| entry.manager.clone()));
    }
    assert_eq!(managers, [Some("argocd".to_owned())]);
    assert!(roots.ready());
}
