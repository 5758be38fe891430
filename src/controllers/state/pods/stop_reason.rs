//! Stop reason of a task, from the status of its Pod.

use std::time::Duration;

use k8s_openapi::api::core::v1::{ContainerStateTerminated, ContainerStatus, PodStatus};
use k8s_openapi::jiff::Timestamp;

use crate::reconcile::StopReason;

/// Minimum duration of an essential container whose end replaces the task. The kubelet restarts others with growing
/// delays; otherwise a task that fails at once would be replaced many times a minute.
const MIN_RUN: Duration = Duration::from_secs(10);

/// Returns the stop reason of a task whose containers have all ended.
pub(crate) fn from_task(status: &PodStatus) -> Option<StopReason> {
    // Init containers ended before these started.
    let statuses: Vec<&ContainerStatus> = status.container_statuses.iter().flatten().collect();
    let ends = || statuses.iter().filter_map(|container| container.state.as_ref()?.terminated.as_ref());
    let at = ends().filter_map(finished_at).max();
    // The termination message of the task agent.
    let agent_message =
        ends().filter_map(|end| end.message.clone()).find(|message| message.starts_with("essential container "));
    // The Pod status has a message if the Pod was evicted.
    let pod_message = status.message.clone().or_else(|| status.reason.clone());
    let message = agent_message.or(pod_message).or_else(|| first_end(&statuses));
    let message = message.unwrap_or_else(|| "its containers have ended".to_owned());
    Some(StopReason { at: at.or_else(|| status.start_time.as_ref().map(|t| t.0))?, message })
}

/// Describes the first container that ended.
fn first_end(statuses: &[&ContainerStatus]) -> Option<String> {
    let ends = statuses.iter().filter_map(|container| {
        let end = container.state.as_ref()?.terminated.as_ref()?;
        Some((finished_at(end)?, end_message("container", container, end)))
    });
    ends.min().map(|(_, message)| format!("its {message}, the first of all"))
}

/// Returns the latest end of an essential container, by the list of their names, that the kubelet has restarted or
/// will restart.
pub(crate) fn from_essential_container(status: &PodStatus, essential: Option<&String>) -> Option<StopReason> {
    let names: Vec<&str> = essential?.split(',').collect();
    let ends =
        containers(status).filter(|container| names.contains(&container.name.as_str())).filter_map(|container| {
            let end = [&container.state, &container.last_state].into_iter().flatten();
            let end = end.into_iter().find_map(|state| state.terminated.as_ref())?;
            let at = finished_at(end)?;
            let ran = Duration::try_from(at.duration_since(end.started_at.as_ref()?.0)).unwrap_or_default();
            (ran >= MIN_RUN).then(|| StopReason { at, message: end_message("essential container", container, end) })
        });
    ends.max_by_key(|stop| stop.at)
}

fn containers(status: &PodStatus) -> impl Iterator<Item = &ContainerStatus> {
    status.init_container_statuses.iter().chain(&status.container_statuses).flatten()
}

fn finished_at(end: &ContainerStateTerminated) -> Option<Timestamp> {
    end.finished_at.as_ref().map(|time| time.0)
}

fn end_message(what: &str, container: &ContainerStatus, end: &ContainerStateTerminated) -> String {
    let is_out_of_memory = end.reason.as_deref() == Some("OOMKilled");
    let cause = if is_out_of_memory { ", because it exceeded its memory limit" } else { "" };
    format!("{what} {} ended with exit code {}{cause}", container.name, end.exit_code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn status(value: Value) -> PodStatus {
        serde_json::from_value(value).unwrap()
    }

    fn end(code: i32, from: &str, to: &str) -> Value {
        json!({"terminated": {"exitCode": code, "startedAt": from, "finishedAt": to}})
    }

    fn container(name: &str, state: &Value, last: &Value) -> Value {
        json!({"name": name, "image": "", "imageID": "", "ready": true, "restartCount": 0, "state": state, "lastState": last})
    }

    #[test]
    fn an_essential_container_that_ran_for_a_while_stops_the_task() {
        let names = "app,proxy".to_owned();
        let (early, late) = ("2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z");
        let message = |name: &str, last: Value| {
            let status = status(json!({"containerStatuses": [container(name, &json!({"running": {}}), &last)]}));
            from_essential_container(&status, Some(&names)).map(|stop| stop.message)
        };
        let expected = "essential container app ended with exit code 3";
        assert_eq!(message("app", end(3, early, late)).as_deref(), Some(expected));
        assert_eq!(message("app", end(3, early, "2026-01-01T00:00:09Z")), None, "it failed at once");
        assert_eq!(message("helper", end(3, early, late)), None);
        assert_eq!(message("app", json!({})), None);
    }

    #[test]
    fn a_stopped_task_has_the_reason_of_its_first_container_or_of_the_pod() {
        let (early, late) = ("2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z");
        let mut pod = status(json!({"phase": "Failed", "containerStatuses": [
            container("app", &end(3, early, early), &json!({})), container("b", &end(143, early, late), &json!({}))]}));
        let stop = from_task(&pod).unwrap();
        let message = "its container app ended with exit code 3, the first of all";
        assert_eq!((stop.message.as_str(), stop.at.to_string().as_str()), (message, late));
        pod.message = Some("The node was low on resource: memory.".to_owned());
        assert_eq!(from_task(&pod).unwrap().message, "The node was low on resource: memory.");
    }
}
