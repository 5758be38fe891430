//! Runs reconciles: concurrency, deadlines and retries.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures::{FutureExt, Stream, StreamExt};
use kube::ResourceExt;
use kube::api::DynamicObject;
use kube::runtime::controller::{Action, Config, Error, applier};
use kube::runtime::reflector::{ObjectRef, Store};
use parking_lot::Mutex;
use tokio::task::JoinError;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use super::backoff::{Backoff, random_between};
pub use super::class::ErrorClass;
use super::error::WriteError;
use super::key::ObjectKey;
use super::queue::debounced;
use crate::telemetry::metrics::Metrics;

/// Maximum duration of a reconcile.
pub const DEADLINE: Duration = Duration::from_mins(1);

/// Maximum time for running reconciles to finish after a shutdown.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(20);

/// Delays after transient failures.
const RETRY: Backoff = Backoff { first: Duration::from_secs(1), ceiling: Duration::from_mins(5) };

/// Delay after a missing right, which an administrator may be granting at the moment.
const FORBIDDEN: (Duration, Duration) = (Duration::from_secs(45), Duration::from_secs(75));

/// Every object is reconciled at this interval even without a change, in case a change was missed.
const HEARTBEAT: (Duration, Duration) = (Duration::from_mins(10), Duration::from_mins(30));

/// Time of the next reconcile after a successful one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// After a change, or at the heartbeat.
    OnChange,
    /// After this time at the latest.
    After(Duration),
}

/// Error of a reconcile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ReconcileError {
    class: ErrorClass,
    message: String,
    max_delay: Option<Duration>,
}

impl ReconcileError {
    /// Returns an error with a message on which a user can act.
    pub fn new(class: ErrorClass, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), max_delay: None }
    }

    /// Limits the delay until the retry, because the object requires a reconcile at that time for another reason.
    #[must_use]
    pub fn with_max_delay(self, max_delay: Option<Duration>) -> Self {
        Self { max_delay, ..self }
    }

    /// Returns the class, which decides when to retry.
    #[must_use]
    pub const fn class(&self) -> ErrorClass {
        self.class
    }
}

impl From<WriteError> for ReconcileError {
    fn from(error: WriteError) -> Self {
        Self::new(error.class(), error.to_string())
    }
}

/// Reconciles the keys of `queue` until `shutdown`: at most `concurrency` at a time, and each object at most once at
/// a time. The first reconcile waits until `store` is complete.
///
/// Requests within `debounce` of the first are combined into one reconcile. A reconcile that takes longer than
/// [`DEADLINE`] or panics is retried as any failed one. After `shutdown`, running reconciles may take
/// [`DRAIN_TIMEOUT`] to finish.
#[expect(clippy::too_many_arguments, reason = "all are passed once, at start, and hardly two have the same type")]
pub async fn run_controller<F>(
    name: &'static str,
    store: Store<DynamicObject>,
    queue: impl Stream<Item = ObjectRef<DynamicObject>> + Send + 'static,
    concurrency: u16,
    debounce: Duration,
    reconcile: impl Fn(Arc<DynamicObject>) -> F + Send + Sync + 'static,
    shutdown: CancellationToken,
    metrics: Metrics,
) where
    F: Future<Output = Result<Next, ReconcileError>> + Send + 'static,
{
    // kube's runner waits for the store too, but ignores a shutdown in the meantime.
    if shutdown.run_until_cancelled(store.wait_until_ready()).await.is_none() {
        return;
    }
    let controller = Arc::new(Controller {
        name,
        reconcile,
        failures: Mutex::new(FailureCounts::default()),
        shutdown: shutdown.clone(),
        metrics,
    });
    let queue = debounced(queue, debounce).take_until(shutdown.clone().cancelled_owned()).map(Ok::<_, Infallible>);
    let runs = applier(
        |object, controller: Arc<_>| Controller::run(controller, object).boxed(),
        |object, error, controller| Action::requeue(controller.retry_delay(&object, error)),
        Arc::clone(&controller),
        store,
        queue,
        Config::default().concurrency(concurrency),
    );
    let work = runs.for_each(|result| {
        controller.handle_applier_result(result);
        std::future::ready(())
    });
    drain(name, work, &shutdown).await;
}

/// Runs `work` until it ends, at most [`DRAIN_TIMEOUT`] after `shutdown`.
async fn drain(name: &str, work: impl Future<Output = ()>, shutdown: &CancellationToken) {
    let mut work = std::pin::pin!(work);
    tokio::select! {
        () = &mut work => return,
        () = shutdown.cancelled() => {}
    }
    if timeout(DRAIN_TIMEOUT, work).await.is_err() {
        tracing::warn!(controller = name, "stopped with reconciles still running");
    }
}

struct Controller<R> {
    name: &'static str,
    reconcile: R,
    failures: Mutex<FailureCounts>,
    shutdown: CancellationToken,
    metrics: Metrics,
}

type ApplierResult = Result<(ObjectRef<DynamicObject>, Action), Error<ReconcileError, Infallible>>;

impl<R, F> Controller<R>
where
    R: Fn(Arc<DynamicObject>) -> F + Send + Sync + 'static,
    F: Future<Output = Result<Next, ReconcileError>> + Send + 'static,
{
    /// Runs one reconcile in its own task, so that reconciles use all cores and a panic does not end the controller.
    async fn run(controller: Arc<Self>, object: Arc<DynamicObject>) -> Result<Action, ReconcileError> {
        if controller.shutdown.is_cancelled() {
            return Ok(Action::await_change());
        }
        let _active = controller.metrics.start_worker(controller.name);
        let started = Instant::now();
        let span =
            tracing::info_span!("reconcile", controller = controller.name, object = %ObjectKey::from_object(&*object));
        let task = Arc::clone(&controller);
        let subject = Arc::clone(&object);
        let run = async move { timeout(DEADLINE, (task.reconcile)(subject)).await };
        let result = match AbortOnDropHandle::new(tokio::spawn(run.instrument(span.clone()))).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(controller.record_timeout()),
            Err(error) => Err(controller.record_panic(error)),
        };
        span.in_scope(|| controller.record_result(&object, result, started.elapsed()))
    }
}

impl<R> Controller<R> {
    fn record_timeout(&self) -> ReconcileError {
        self.metrics.record_timeout(self.name);
        let text = format!("the reconcile did not finish within {} s", DEADLINE.as_secs());
        ReconcileError::new(ErrorClass::Timeout, text)
    }

    fn record_panic(&self, error: JoinError) -> ReconcileError {
        self.metrics.record_panic(self.name);
        let message = match error.try_into_panic() {
            Ok(panic) => panic_message(&*panic),
            Err(cancelled) => cancelled.to_string(),
        };
        let message = format!("the reconcile panicked, which is a defect of the operator: {message}");
        ReconcileError::new(ErrorClass::Panic, message)
    }

    /// Counts and logs the result, and returns when to reconcile next.
    fn record_result(
        &self,
        object: &DynamicObject,
        result: Result<Next, ReconcileError>,
        duration: Duration,
    ) -> Result<Action, ReconcileError> {
        match result {
            Ok(next) => {
                self.failures.lock().reset(&ObjectKey::from_object(object));
                self.metrics.record_reconcile(self.name, matches!(next, Next::After(_)), duration);
                Ok(Action::requeue(requeue_delay(next)))
            }
            Err(error) => {
                self.metrics.record_reconcile_error(self.name, error.class.label(), duration);
                log_error(&error);
                Err(error)
            }
        }
    }

    /// Returns the delay until the retry after a failure.
    fn retry_delay(&self, object: &DynamicObject, error: &ReconcileError) -> Duration {
        let (key, uid) = (ObjectKey::from_object(object), object.uid().unwrap_or_default());
        let failures = self.failures.lock().increment(key, uid);
        let delay = match error.class {
            ErrorClass::Conflict
            | ErrorClass::Transient
            | ErrorClass::NotFound
            | ErrorClass::Timeout
            | ErrorClass::Panic => RETRY.delay(failures),
            ErrorClass::Forbidden => random_between(FORBIDDEN.0, FORBIDDEN.1),
            ErrorClass::Invalid | ErrorClass::Gone => random_between(HEARTBEAT.0, HEARTBEAT.1),
        };
        error.max_delay.map_or(delay, |max_delay| max_delay.min(delay))
    }

    /// Handles the errors of the applier. The results of reconciles were recorded by [`Controller::record_result`].
    fn handle_applier_result(&self, result: ApplierResult) {
        match result {
            Err(Error::ObjectNotFound(object)) => {
                self.failures.lock().reset(&ObjectKey::from(&*object));
                tracing::debug!(controller = self.name, %object, "deleted before it was reconciled");
            }
            Err(Error::RunnerError(error)) => {
                tracing::error!(controller = self.name, %error, "the controller cannot run");
            }
            Ok(_) | Err(Error::ReconcilerFailed(..) | Error::QueueError(_)) => {}
        }
    }
}

fn requeue_delay(next: Next) -> Duration {
    let heartbeat = random_between(HEARTBEAT.0, HEARTBEAT.1);
    match next {
        Next::OnChange => heartbeat,
        Next::After(time) => time.min(heartbeat),
    }
}

/// Logs an error. Conflicts are resolved by the retry, so they are logged for debugging only.
fn log_error(error: &ReconcileError) {
    let class = error.class.label();
    match error.class {
        ErrorClass::Conflict => tracing::debug!(class, "{error}"),
        ErrorClass::Panic => tracing::error!(class, "{error}"),
        _ => tracing::warn!(class, "{error}"),
    }
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let message = panic.downcast_ref::<&str>().copied();
    let message = message.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    message.unwrap_or("no message").to_owned()
}

/// Consecutive failures of each object, with the uid of the object.
#[derive(Default)]
struct FailureCounts(HashMap<ObjectKey, (String, u32)>);

impl FailureCounts {
    /// Counts a failure and returns the number of consecutive ones. An object with another uid starts from one.
    fn increment(&mut self, key: ObjectKey, uid: String) -> u32 {
        let entry = self.0.entry(key).or_default();
        if entry.0 != uid {
            *entry = (uid, 0);
        }
        entry.1 = entry.1.saturating_add(1);
        entry.1
    }

    fn reset(&mut self, key: &ObjectKey) {
        self.0.remove(key);
    }
}

#[cfg(test)]
mod tests;
