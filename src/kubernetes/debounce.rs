//! A short wait before a key is handed on, so that a burst of triggers costs one reconcile.

use std::collections::{HashSet, VecDeque};
use std::hash::Hash;
use std::pin::Pin;
use std::time::Duration;

use futures::stream::unfold;
use futures::{Stream, StreamExt};
use tokio::time::{Instant, sleep_until};

/// Hands each key on `wait` after its *first* trigger and drops the repeats in between.
///
/// kube's own debounce waits for silence, which an object that always changes never grants.
pub fn debounced<K>(keys: impl Stream<Item = K> + Send + 'static, wait: Duration) -> impl Stream<Item = K> + Send
where
    K: Clone + Eq + Hash + Send + 'static,
{
    let state = Debounce { keys: keys.boxed(), ended: false, waiting: VecDeque::new(), known: HashSet::new(), wait };
    unfold(state, |mut state| async move { state.next().await.map(|key| (key, state)) })
}

struct Debounce<K> {
    keys: Pin<Box<dyn Stream<Item = K> + Send>>,
    ended: bool,
    /// All wait equally long, so the order of arrival is the order of departure.
    waiting: VecDeque<(Instant, K)>,
    known: HashSet<K>,
    wait: Duration,
}

impl<K: Clone + Eq + Hash> Debounce<K> {
    async fn next(&mut self) -> Option<K> {
        loop {
            let due = self.waiting.front().map(|(due, _)| *due);
            tokio::select! {
                biased;
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => return self.pop(),
                key = self.keys.next(), if !self.ended => self.push(key),
                else => return None,
            }
        }
    }

    fn pop(&mut self) -> Option<K> {
        let (_, key) = self.waiting.pop_front()?;
        self.known.remove(&key);
        Some(key)
    }

    fn push(&mut self, key: Option<K>) {
        match key {
            Some(key) if self.known.insert(key.clone()) => {
                self.waiting.push_back((Instant::now() + self.wait, key));
            }
            Some(_) => {}
            None => self.ended = true,
        }
    }
}
