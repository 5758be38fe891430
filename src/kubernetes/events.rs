//! Kubernetes Events: what people see under `kubectl describe`.
//!
//! Events are a courtesy. They go through a bounded queue with a task of its own and never delay or fail a
//! reconcile; what does not fit is dropped and counted.

use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;
use kube::Client;
use kube::api::{Api, PostParams};
pub use kube::runtime::events::{Event, EventType, Reporter};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::telemetry::metrics::Metrics;

/// How long one Event may take.
const DEADLINE: Duration = Duration::from_secs(5);

/// How long waiting Events may take after the operator was told to stop.
const FLUSH: Duration = Duration::from_secs(3);

type Item = (ObjectReference, Event);

/// Hands Events to the task that publishes them. Cloning shares the queue.
#[derive(Clone)]
pub struct Events {
    queue: mpsc::Sender<Item>,
    metrics: Metrics,
}

impl Events {
    /// Queues an Event about `regarding`. Never waits; a full queue drops it.
    ///
    /// Each becomes an Event of its own, with its own note: kube's recorder would merge all of one reason into a series that
    /// keeps the first note. So only transitions are to be published, never states.
    pub fn publish(&self, regarding: ObjectReference, event: Event) {
        if self.queue.try_send((regarding, event)).is_err() {
            self.metrics.record_dropped_event();
        }
    }
}

/// A queue of at most `capacity` Events, and the task that publishes them until `shutdown`.
/// `controller` is the reporting controller; the instance is the host name.
pub fn events(
    client: Client,
    controller: &str,
    capacity: usize,
    metrics: Metrics,
    shutdown: CancellationToken,
) -> (Events, impl Future<Output = ()> + Send + use<>) {
    let (queue, waiting) = mpsc::channel(capacity);
    let recorder = Recorder { client, reporter: Reporter::from(controller) };
    let task = publish_all(recorder, waiting, metrics.clone(), shutdown);
    (Events { queue, metrics }, task)
}

/// Writes Events to the API server.
struct Recorder {
    client: Client,
    reporter: Reporter,
}

impl Recorder {
    async fn publish(&self, event: &Event, regarding: &ObjectReference) -> kube::Result<()> {
        let written = self.write(event, regarding, Timestamp::now());
        let namespace = regarding.namespace.as_deref().unwrap_or("default");
        let api: Api<v1::Event> = Api::namespaced(self.client.clone(), namespace);
        api.create(&PostParams::default(), &written).await.map(|_| ())
    }

    fn write(&self, event: &Event, regarding: &ObjectReference, now: Timestamp) -> v1::Event {
        let name = regarding.name.as_deref().unwrap_or_default();
        let controller = &self.reporter.controller;
        v1::Event {
            metadata: ObjectMeta {
                name: Some(format!("{name}.{:x}", now.as_nanosecond())),
                namespace: regarding.namespace.clone().or_else(|| Some("default".to_owned())),
                ..ObjectMeta::default()
            },
            event_time: Some(MicroTime(now)),
            type_: Some(match event.type_ {
                EventType::Normal => "Normal".to_owned(),
                EventType::Warning => "Warning".to_owned(),
            }),
            reason: Some(event.reason.clone()),
            note: event.note.clone(),
            action: Some(event.action.clone()),
            regarding: Some(regarding.clone()),
            related: event.secondary.clone(),
            reporting_controller: Some(controller.clone()),
            reporting_instance: Some(self.reporter.instance.clone().unwrap_or_else(|| controller.clone())),
            ..v1::Event::default()
        }
    }
}

async fn publish_all(
    recorder: Recorder,
    mut waiting: mpsc::Receiver<Item>,
    metrics: Metrics,
    shutdown: CancellationToken,
) {
    let _ = shutdown.run_until_cancelled(drain(&recorder, &mut waiting, &metrics)).await;
    waiting.close();
    let _ = timeout(FLUSH, drain(&recorder, &mut waiting, &metrics)).await;
}

async fn drain(recorder: &Recorder, waiting: &mut mpsc::Receiver<Item>, metrics: &Metrics) {
    while let Some((regarding, event)) = waiting.recv().await {
        match timeout(DEADLINE, recorder.publish(&event, &regarding)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                metrics.record_failed_event();
                tracing::debug!(reason = event.reason, %error, "an Event was not taken");
            }
            Err(_) => metrics.record_failed_event(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Item {
        let event = Event {
            type_: EventType::Normal,
            reason: "Deployed".into(),
            note: None,
            action: "Deploy".into(),
            secondary: None,
        };
        (ObjectReference::default(), event)
    }

    #[test]
    fn a_full_queue_drops_and_counts() {
        let metrics = Metrics::new();
        let (queue, _waiting) = mpsc::channel(2);
        let events = Events { queue, metrics: metrics.clone() };
        for _ in 0..5 {
            let (regarding, event) = event();
            events.publish(regarding, event);
        }
        assert_eq!(metrics.dropped_events(), 3);
    }
}
