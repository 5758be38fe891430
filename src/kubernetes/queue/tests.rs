//! Coalescing, bounds and resync of the queue.

use futures::{FutureExt, StreamExt, stream};
use kube::runtime::watcher::Event;
use tokio_util::sync::CancellationToken;

use super::super::root::follow_root;
use super::super::testing::{object, resource};
use super::*;

fn key(name: &str) -> Key {
    ObjectKey::namespaced("sea", name).to_ref(&resource())
}

async fn roots(names: &[&str]) -> RootStore {
    let roots = RootStore::new(resource(), None);
    let listed = names.iter().map(|name| Ok(Event::InitApply(object(name, 1))));
    let events: Vec<_> = [Ok(Event::Init)].into_iter().chain(listed).chain([Ok(Event::InitDone)]).collect();
    follow_root(stream::iter(events), roots.clone(), |_| {}, Metrics::new(), CancellationToken::new()).await;
    roots
}

/// Returns the keys that are available without waiting.
fn ready(keys: &mut (impl Stream<Item = Key> + Unpin)) -> Vec<String> {
    std::iter::from_fn(|| keys.next().now_or_never().flatten()).map(|key| key.name).collect()
}

#[tokio::test]
async fn waiting_keys_are_not_queued_twice() {
    let (sender, queue) = WorkQueue::new("ship", 10, Metrics::new());
    let mut keys = queue.keys(roots(&[]).await).boxed();
    for name in ["a", "b", "a", "a"] {
        sender.send(key(name));
    }
    assert_eq!(ready(&mut keys), ["a", "b"]);
    sender.send(key("a"));
    assert_eq!(ready(&mut keys), ["a"], "a key that was taken may come again");
}

#[tokio::test]
async fn overflow_becomes_a_resync() {
    let (sender, queue) = WorkQueue::new("ship", 2, Metrics::new());
    let mut keys = queue.keys(roots(&["a", "b", "c", "d", "e"]).await).boxed();
    for name in ["a", "b", "c", "d", "e"] {
        sender.send(key(name));
    }
    let mut emitted = ready(&mut keys);
    assert_eq!(emitted[..2], ["a", "b"], "queued keys come first");
    let mut resynced = emitted.split_off(2);
    resynced.sort();
    assert_eq!(resynced, ["a", "b", "c", "d", "e"]);
    assert!(ready(&mut keys).is_empty(), "one resync is enough");
}

#[tokio::test]
async fn a_resync_yields_the_keys_of_the_store() {
    let (sender, queue) = WorkQueue::new("ship", 2, Metrics::new());
    let roots = roots(&["a"]).await;
    let mut keys = queue.keys(roots.clone()).boxed();
    sender.resync();
    let key = keys.next().await.expect("a key");
    assert!(roots.store().get(&key).is_some());
}

#[tokio::test]
async fn a_waiting_receiver_wakes() {
    let (sender, queue) = WorkQueue::new("ship", 2, Metrics::new());
    let mut keys = queue.keys(roots(&[]).await).boxed();
    let receiver = tokio::spawn(async move { keys.next().await });
    tokio::task::yield_now().await;
    sender.send(key("a"));
    assert_eq!(receiver.await.expect("ran").expect("a key").name, "a");
}
