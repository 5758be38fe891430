//! Runs reconciles: when, how many at once, for how long, and how soon again after a failure.

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

use super::backoff::{Backoff, between};
pub use super::class::Class;
use super::error::WriteError;
use super::key::ObjectKey;
use super::queue::debounced;
use crate::telemetry::metrics::Metrics;

/// How long one reconcile may take.
pub const DEADLINE: Duration = Duration::from_mins(1);

/// How long running reconciles may take after the operator was told to stop.
pub const DRAIN: Duration = Duration::from_secs(20);

/// After failures that may pass.
const RETRY: Backoff = Backoff { first: Duration::from_secs(1), ceiling: Duration::from_mins(5) };

/// A right is granted by a person, who may be at it now.
const FORBIDDEN: (Duration, Duration) = (Duration::from_secs(45), Duration::from_secs(75));

/// Every object is looked at this often even when nothing happens, in case a change was missed.
const HEARTBEAT: (Duration, Duration) = (Duration::from_mins(10), Duration::from_mins(30));

/// When a successful reconcile wants to run again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// When something changes, or at the slow heartbeat.
    OnChange,
    /// After this time at the latest.
    After(Duration),
}

/// Why a reconcile failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ReconcileError {
    class: Class,
    message: String,
    /// How soon something else is due.
    due: Option<Duration>,
}

impl ReconcileError {
    /// A failure in words a user can act on.
    pub fn new(class: Class, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), due: None }
    }

    /// The same where something else is due after this time, which does not wait for what the class alone asks for.
    #[must_use]
    pub fn with_due(self, due: Option<Duration>) -> Self {
        Self { due, ..self }
    }

    /// When to try again.
    #[must_use]
    pub const fn class(&self) -> Class {
        self.class
    }
}

impl From<WriteError> for ReconcileError {
    fn from(error: WriteError) -> Self {
        Self::new(error.class(), error.to_string())
    }
}

/// Reconciles the keys of `queue` until `shutdown`, at most `concurrency` at once and never one object twice
/// at the same time. The first run waits until `store` is complete.
///
/// A burst of triggers within `debounce` of the first costs one reconcile. A reconcile that takes longer than
/// [`DEADLINE`] or panics is a failure like any other. After `shutdown`, running ones get [`DRAIN`].
#[expect(clippy::too_many_arguments, reason = "each is given once, at start, and hardly two have one type")]
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
    // kube's runner would wait for the store too, but not heed a shutdown meanwhile.
    if shutdown.run_until_cancelled(store.wait_until_ready()).await.is_none() {
        return;
    }
    let controller = Arc::new(Controller {
        name,
        reconcile,
        memory: Mutex::new(Memory::default()),
        shutdown: shutdown.clone(),
        metrics,
    });
    let queue = debounced(queue, debounce).take_until(shutdown.clone().cancelled_owned()).map(Ok::<_, Infallible>);
    let runs = applier(
        |object, controller: Arc<_>| Controller::guarded(controller, object).boxed(),
        |object, error, controller| Action::requeue(controller.pause(&object, error)),
        Arc::clone(&controller),
        store,
        queue,
        Config::default().concurrency(concurrency),
    );
    let work = runs.for_each(|done| {
        controller.note(done);
        std::future::ready(())
    });
    drain(name, work, &shutdown).await;
}

/// Runs `work` to its end, which after `shutdown` must come soon.
async fn drain(name: &str, work: impl Future<Output = ()>, shutdown: &CancellationToken) {
    let mut work = std::pin::pin!(work);
    tokio::select! {
        () = &mut work => return,
        () = shutdown.cancelled() => {}
    }
    if timeout(DRAIN, work).await.is_err() {
        tracing::warn!(controller = name, "stopped with reconciles still running");
    }
}

struct Controller<R> {
    name: &'static str,
    reconcile: R,
    memory: Mutex<Memory>,
    shutdown: CancellationToken,
    metrics: Metrics,
}

type Done = Result<(ObjectRef<DynamicObject>, Action), Error<ReconcileError, Infallible>>;

impl<R, F> Controller<R>
where
    R: Fn(Arc<DynamicObject>) -> F + Send + Sync + 'static,
    F: Future<Output = Result<Next, ReconcileError>> + Send + 'static,
{
    /// One reconcile in a task of its own, so that reconciles use all cores and a panic stays inside.
    async fn guarded(controller: Arc<Self>, object: Arc<DynamicObject>) -> Result<Action, ReconcileError> {
        if controller.shutdown.is_cancelled() {
            return Ok(Action::await_change());
        }
        let _active = controller.metrics.start_worker(controller.name);
        let started = Instant::now();
        let span = tracing::info_span!("reconcile", controller = controller.name, object = %ObjectKey::of(&*object));
        let task = Arc::clone(&controller);
        let subject = Arc::clone(&object);
        let run = async move { timeout(DEADLINE, (task.reconcile)(subject)).await };
        let result = match AbortOnDropHandle::new(tokio::spawn(run.instrument(span.clone()))).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(controller.timed_out()),
            Err(crash) => Err(controller.crashed(crash)),
        };
        span.in_scope(|| controller.conclude(&object, result, started.elapsed()))
    }
}

impl<R> Controller<R> {
    fn timed_out(&self) -> ReconcileError {
        self.metrics.record_timeout(self.name);
        let text = format!("the reconcile did not finish within {} s", DEADLINE.as_secs());
        ReconcileError::new(Class::Timeout, text)
    }

    fn crashed(&self, crash: JoinError) -> ReconcileError {
        self.metrics.record_panic(self.name);
        let words = match crash.try_into_panic() {
            Ok(panic) => panic_text(&*panic),
            Err(cancelled) => cancelled.to_string(),
        };
        ReconcileError::new(Class::Panic, format!("the reconcile panicked, which is a defect of the operator: {words}"))
    }

    /// Counts and tells the result, and turns a wish to run again into one.
    fn conclude(
        &self,
        object: &DynamicObject,
        result: Result<Next, ReconcileError>,
        took: Duration,
    ) -> Result<Action, ReconcileError> {
        match result {
            Ok(next) => {
                self.memory.lock().forget(&ObjectKey::of(object));
                self.metrics.record_reconcile(self.name, matches!(next, Next::After(_)), took);
                Ok(Action::requeue(wait(next)))
            }
            Err(error) => {
                self.metrics.record_reconcile_error(self.name, error.class.label(), took);
                tell(&error);
                Err(error)
            }
        }
    }

    /// How long to wait after a failure.
    fn pause(&self, object: &DynamicObject, error: &ReconcileError) -> Duration {
        let (key, uid) = (ObjectKey::of(object), object.uid().unwrap_or_default());
        let failures = self.memory.lock().count(key, uid);
        let by_class = match error.class {
            Class::Conflict | Class::Transient | Class::NotFound | Class::Timeout | Class::Panic => {
                RETRY.delay(failures)
            }
            Class::Forbidden => between(FORBIDDEN.0, FORBIDDEN.1),
            Class::Invalid | Class::Gone => between(HEARTBEAT.0, HEARTBEAT.1),
        };
        error.due.map_or(by_class, |due| due.min(by_class))
    }

    /// What the applier reports besides results, which [`Controller::conclude`] has told already.
    fn note(&self, done: Done) {
        match done {
            Err(Error::ObjectNotFound(object)) => {
                self.memory.lock().forget(&ObjectKey::from(&*object));
                tracing::debug!(controller = self.name, %object, "gone before its turn");
            }
            Err(Error::RunnerError(error)) => {
                tracing::error!(controller = self.name, %error, "the controller cannot run");
            }
            Ok(_) | Err(Error::ReconcilerFailed(..) | Error::QueueError(_)) => {}
        }
    }
}

fn wait(next: Next) -> Duration {
    let heartbeat = between(HEARTBEAT.0, HEARTBEAT.1);
    match next {
        Next::OnChange => heartbeat,
        Next::After(time) => time.min(heartbeat),
    }
}

/// Conflicts settle themselves; the rest is for people to read.
fn tell(error: &ReconcileError) {
    let class = error.class.label();
    match error.class {
        Class::Conflict => tracing::debug!(class, "{error}"),
        Class::Panic => tracing::error!(class, "{error}"),
        _ => tracing::warn!(class, "{error}"),
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("without words").to_owned()
}

/// Failures in a row, for each object that has any.
#[derive(Default)]
struct Memory(HashMap<ObjectKey, (String, u32)>);

impl Memory {
    /// One more failure. A new life of the name starts from one.
    fn count(&mut self, key: ObjectKey, uid: String) -> u32 {
        let entry = self.0.entry(key).or_default();
        if entry.0 != uid {
            *entry = (uid, 0);
        }
        entry.1 = entry.1.saturating_add(1);
        entry.1
    }

    fn forget(&mut self, key: &ObjectKey) {
        self.0.remove(key);
    }
}

#[cfg(test)]
mod tests;
