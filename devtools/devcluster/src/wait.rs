//! Waiting for something that others bring about.

use std::fmt::Debug;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

const INTERVAL: Duration = Duration::from_millis(100);

/// What one look at the awaited thing showed.
#[derive(Debug, Clone)]
pub enum Seen<T> {
    /// It is there.
    Done(T),
    /// Not yet; the text says what there was instead, for the time-out's message.
    NotYet(String),
}

impl<T> Seen<T> {
    /// `NotYet` with the debug form of what there was instead.
    pub fn not_yet(state: impl Debug) -> Self {
        Self::NotYet(format!("{state:#?}"))
    }
}

impl<T> From<Option<T>> for Seen<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or_else(|| Self::NotYet("nothing".to_owned()), Self::Done)
    }
}

/// Looks ten times a second until `look` gives a value, for at most `timeout`.
///
/// `look` answers with an `Option` or with a [`Seen`], which can say what it saw.
/// An error counts as "not yet": a server that is still starting, or one that a
/// test has just restarted, refuses connections.
///
/// ```no_run
/// # async fn example(pods: kube::Api<k8s_openapi::api::core::v1::Pod>) -> anyhow::Result<()> {
/// use std::time::Duration;
/// let pod = devcluster::wait_for("pod web", Duration::from_secs(30), async || {
///     Ok(pods.get_opt("web").await?)
/// })
/// .await?;
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// Fails if the time is up; the message says for what, for how long, and the last
/// state or error that was seen.
pub async fn wait_for<T, S: Into<Seen<T>>>(
    what: &str,
    timeout: Duration,
    mut look: impl AsyncFnMut() -> Result<S>,
) -> Result<T> {
    let deadline = Instant::now() + timeout;
    let mut last = "nothing: the first look did not return".to_owned();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match tokio::time::timeout(left, look()).await {
            Ok(Ok(seen)) => match seen.into() {
                Seen::Done(value) => return Ok(value),
                Seen::NotYet(state) => last = state,
            },
            Ok(Err(error)) => last = format!("error: {error:#}"),
            Err(_) => {}
        }
        if Instant::now() + INTERVAL > deadline {
            bail!("{what}: still waiting after {:.1} s; last seen: {last}", timeout.as_secs_f64());
        }
        tokio::time::sleep(INTERVAL).await;
    }
}
