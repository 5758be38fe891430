//! Publishes Kubernetes Events, which `kubectl describe` shows.
//!
//! Events pass through a bounded queue with its own task, so that they never delay or fail a reconcile. An Event that
//! does not fit is dropped and counted.

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

/// Maximum duration of the write of one Event.
const DEADLINE: Duration = Duration::from_secs(5);

/// Maximum duration of the writes of queued Events after a shutdown.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(3);

type QueuedEvent = (ObjectReference, Event);

/// Queues Events for the task that publishes them. Cloning shares the queue.
#[derive(Clone)]
pub struct EventPublisher {
    queue: mpsc::Sender<QueuedEvent>,
    metrics: Metrics,
}

impl EventPublisher {
    /// Queues an Event about `regarding`. Never waits; if the queue is full, the Event is dropped.
    ///
    /// Each call creates an Event with its own note: kube's recorder would merge all Events of one reason into a
    /// series with the first note. Therefore publish transitions only, not states.
    pub fn publish(&self, regarding: ObjectReference, event: Event) {
        if self.queue.try_send((regarding, event)).is_err() {
            self.metrics.record_dropped_event();
        }
    }
}

/// Returns a queue of at most `capacity` Events, and the task that publishes them until `shutdown`. `controller` is
/// the reporting controller; the reporting instance is the host name.
pub fn event_publisher(
    client: Client,
    controller: &str,
    capacity: usize,
    metrics: Metrics,
    shutdown: CancellationToken,
) -> (EventPublisher, impl Future<Output = ()> + Send + use<>) {
    let (queue, queued) = mpsc::channel(capacity);
    let writer = EventWriter { client, reporter: Reporter::from(controller) };
    let task = write_all(writer, queued, metrics.clone(), shutdown);
    (EventPublisher { queue, metrics }, task)
}

/// Writes Events to the API server.
struct EventWriter {
    client: Client,
    reporter: Reporter,
}

impl EventWriter {
    async fn create(&self, event: &Event, regarding: &ObjectReference) -> kube::Result<()> {
        let object = self.to_object(event, regarding, Timestamp::now());
        let namespace = regarding.namespace.as_deref().unwrap_or("default");
        let api: Api<v1::Event> = Api::namespaced(self.client.clone(), namespace);
        api.create(&PostParams::default(), &object).await.map(drop)
    }

    fn to_object(&self, event: &Event, regarding: &ObjectReference, now: Timestamp) -> v1::Event {
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

async fn write_all(
    writer: EventWriter,
    mut queued: mpsc::Receiver<QueuedEvent>,
    metrics: Metrics,
    shutdown: CancellationToken,
) {
    let _ = shutdown.run_until_cancelled(drain(&writer, &mut queued, &metrics)).await;
    queued.close();
    let _ = timeout(FLUSH_TIMEOUT, drain(&writer, &mut queued, &metrics)).await;
}

async fn drain(writer: &EventWriter, queued: &mut mpsc::Receiver<QueuedEvent>, metrics: &Metrics) {
    while let Some((regarding, event)) = queued.recv().await {
        match timeout(DEADLINE, writer.create(&event, &regarding)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                metrics.record_failed_event();
                tracing::debug!(reason = event.reason, %error, "the server did not accept an Event");
            }
            Err(_) => metrics.record_failed_event(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> QueuedEvent {
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
        let (queue, _queued) = mpsc::channel(2);
        let publisher = EventPublisher { queue, metrics: metrics.clone() };
        for _ in 0..5 {
            let (regarding, event) = event();
            publisher.publish(regarding, event);
        }
        assert_eq!(metrics.dropped_events(), 3);
    }
}
