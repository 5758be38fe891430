//! What a look asks: each question once, for all services that want its answer.

use std::collections::BTreeMap;

use futures::{Stream, StreamExt, stream};
use tokio::time::{Instant, timeout_at};

use super::{AT_ONCE, DEADLINE, Meter, external_metrics, pod_metrics, prometheus};
use crate::api::AlarmMetric;
use crate::controllers::start::Wiring;
use crate::reconcile::MeasurementError;

/// In the order in which they are asked: what is asked of the server itself comes before what may be slow.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Question {
    /// What the tasks of a namespace use.
    Tasks { namespace: String },
    /// A metric of the API for external metrics, by the labels of its values.
    External { namespace: String, metric: String, selector: BTreeMap<String, String> },
    /// A query of Prometheus.
    Prometheus { server: String, query: String },
}

/// What one is answered.
pub(super) enum Answer {
    /// To [`Question::Tasks`].
    Tasks(Result<pod_metrics::Used, MeasurementError>),
    /// To the others: the value, or why there is none.
    Value(Result<f64, String>),
}

impl Question {
    /// The question for the metric of an alarm.
    pub(super) fn of(namespace: &str, metric: &AlarmMetric) -> Option<Self> {
        if let Some(external) = &metric.external {
            let (metric, selector) = (external.metric_name.clone(), external.selector.clone());
            return Some(Self::External { namespace: namespace.to_owned(), metric, selector });
        }
        let prometheus = metric.prometheus.as_ref()?;
        let server = prometheus.server_address.trim_end_matches('/').to_owned();
        Some(Self::Prometheus { server, query: prometheus.query.clone() })
    }

    fn unanswered(&self) -> Answer {
        match self {
            Self::Tasks { .. } => Answer::Tasks(Err(MeasurementError::Unavailable)),
            _ => Answer::Value(Err(format!("no answer in {} s", DEADLINE.as_secs()))),
        }
    }

    async fn answer(&self, wiring: &Wiring, meter: &Meter) -> Answer {
        match self {
            Self::Tasks { namespace } => Answer::Tasks(pod_metrics::used(wiring, namespace).await),
            Self::External { namespace, metric, selector } => {
                Answer::Value(external_metrics::ask(wiring, namespace, metric, selector).await)
            }
            Self::Prometheus { server, query } => Answer::Value(of_prometheus(meter, server, query).await),
        }
    }
}

/// The answers as they come, a limited number of questions at a time. What is not answered by the end of the look is not answered.
pub(super) fn ask<'a>(
    wiring: &'a Wiring,
    meter: &'a Meter,
    questions: Vec<&'a Question>,
    end: Instant,
) -> impl Stream<Item = (&'a Question, Answer)> {
    let ask = |question: &'a Question| async move {
        let deadline = end.min(Instant::now() + DEADLINE);
        let answer = timeout_at(deadline, question.answer(wiring, meter)).await;
        (question, answer.unwrap_or_else(|_| question.unanswered()))
    };
    let asked: Vec<_> = questions.into_iter().map(ask).collect();
    stream::iter(asked).buffer_unordered(AT_ONCE)
}

/// Whoever writes a Service is not to reach what only the operator can: it asks the servers that it is started with.
async fn of_prometheus(meter: &Meter, server: &str, query: &str) -> Result<f64, String> {
    if !meter.prometheus_servers.iter().any(|known| known == server) {
        return Err(format!(
            "the operator does not ask {server}: it asks the servers that stand in the chart's prometheusServers"
        ));
    }
    prometheus::ask(server, query).await
}

/// The first word of what an answer says of its own failure, which goes into a status: the rest may be another one each time, and
/// tell what is not for everybody.
pub(super) fn first_word(text: &str) -> String {
    text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').take(32).collect()
}
