//! Waiting for a state.

use std::fmt::Debug;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

const INTERVAL: Duration = Duration::from_millis(100);

/// Result of one check.
#[derive(Debug, Clone)]
pub enum Seen<T> {
    /// The state is reached.
    Done(T),
    /// Not yet. The text describes the present state, for the message of a time-out.
    NotYet(String),
}

impl<T> Seen<T> {
    /// `NotYet` with the debug form of the present state.
    pub fn not_yet(state: impl Debug) -> Self {
        Self::NotYet(format!("{state:#?}"))
    }
}

impl<T> From<Option<T>> for Seen<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or_else(|| Self::NotYet("nothing".to_owned()), Self::Done)
    }
}

/// Calls `look` ten times a second until it returns a value, for at most `timeout`.
///
/// `look` returns an `Option`, or a [`Seen`] that can describe the present state.
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
/// Fails after `timeout`. The message contains `what`, the time, and the last state or
/// error.
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
