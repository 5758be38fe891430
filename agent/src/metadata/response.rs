//! Responses of the endpoint. Pure.

use std::net::IpAddr;
use std::time::SystemTime;

use serde_json::{Map, Value, json};

use super::{ContainerMetadata, Limits, Metadata, Pod};
use crate::plan::Plan;
use crate::state::{ContainerState, Phase};

/// CPU units of one vCPU.
const UNITS: i64 = 1024;

/// Snapshot of a task.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// Containers of the task.
    pub plan: &'a Plan,
    /// Metadata from the definition.
    pub metadata: &'a Metadata,
    /// Pod of the task.
    pub pod: &'a Pod,
    /// States of the containers, in the order of the plan.
    pub states: &'a [ContainerState],
    /// True if the task is stopping.
    pub is_stopping: bool,
}

/// HTTP response.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Body. The body of an error is a string, as on ECS.
    pub body: Value,
}

impl Response {
    /// Returns an error.
    #[must_use]
    pub fn error(status: u16, message: impl Into<String>) -> Self {
        Self { status, body: Value::String(message.into()) }
    }
}

/// Status of a container. The status of a task is the least status of its containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Status {
    None,
    Created,
    Running,
    Stopped,
}

impl Status {
    fn from_state(state: &ContainerState) -> Self {
        match state.phase {
            Phase::Waiting if state.created_at.is_none() => Self::None,
            Phase::Waiting => Self::Created,
            Phase::Running => Self::Running,
            Phase::Ended(_) => Self::Stopped,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Created => "CREATED",
            Self::Running => "RUNNING",
            Self::Stopped => "STOPPED",
        }
    }
}

impl View<'_> {
    /// Responds to a request for a path: `/v4/CONTAINER`, and below it `task`, `taskWithTags`, `stats`, `task/stats`.
    #[must_use]
    pub fn respond(&self, path: &str) -> Response {
        let path = path.split('?').next().unwrap_or_default();
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let (version, name, rest) = match parts.as_slice() {
            ["v4", name, rest @ ..] => ("V4", *name, rest),
            ["v3", name, rest @ ..] => ("V3", *name, rest),
            _ => return Response::error(404, "404 page not found"),
        };
        let handler = match rest {
            [] => "container metadata",
            ["task" | "taskWithTags"] => "task metadata",
            ["stats"] => "container stats",
            ["task", "stats"] => "task stats",
            _ => return Response::error(404, "404 page not found"),
        };
        let not_found = |reason: String| Response::error(404, format!("{version} {handler} handler: {reason}"));
        let Some(index) = self.plan.find(name) else {
            return not_found(format!("unable to get container ID from request: no container {name:?} in this task"));
        };
        match rest {
            [] => Response { status: 200, body: self.container(index) },
            [.., "stats"] => not_found("no statistics of containers are available; use the kubelet's".to_owned()),
            [page, ..] => Response { status: 200, body: self.task(*page == "taskWithTags") },
        }
    }

    /// Returns the task with all its containers.
    fn task(&self, with_tags: bool) -> Value {
        let metadata = self.metadata;
        let known_status = self.states.iter().map(Status::from_state).min().unwrap_or(Status::None);
        let mut task = Object::default();
        task.put("Cluster", metadata.cluster.as_str());
        task.put("TaskARN", self.arn("task"));
        task.put("Family", metadata.family.as_str());
        task.put_some("Revision", self.pod.revision.as_deref());
        task.put_some("ServiceName", metadata.service.as_deref());
        task.put("DesiredStatus", self.desired().as_str());
        task.put("KnownStatus", known_status.as_str());
        task.put_some("Limits", limits(metadata.limits, vcpus));
        task.put_some("AvailabilityZone", self.pod.zone.as_deref());
        task.put_some("LaunchType", metadata.launch_type.as_deref());
        task.put("Containers", (0..self.plan.containers.len()).map(|index| self.container(index)).collect::<Vec<_>>());
        if with_tags && !metadata.tags.is_empty() {
            task.put("TaskTags", json!(metadata.tags));
        }
        task.into()
    }

    fn container(&self, index: usize) -> Value {
        let (name, state) = (&self.plan.containers[index].name, &self.states[index]);
        let mut container = Object::default();
        // As on Fargate: the id of the task, and a number.
        container.put("DockerId", format!("{}-{}", self.pod.task_id(), index + 1));
        container.put("Name", name.as_str());
        container.put("DesiredStatus", self.desired().as_str());
        container.put("KnownStatus", Status::from_state(state).as_str());
        if let Phase::Ended(code) = state.phase {
            container.put("ExitCode", code);
        }
        for (member, at) in
            [("CreatedAt", state.created_at), ("StartedAt", state.started_at), ("FinishedAt", state.ended_at)]
        {
            container.put_some(member, at.and_then(timestamp));
        }
        if self.plan.containers[index].health.is_some() {
            container.put("Health", json!({"status": health(state)}));
        }
        container.put("Type", "NORMAL");
        container.put("Networks", json!([self.network()]));
        container.put("ContainerARN", format!("{}/{name}", self.arn("container")));
        if let Some(metadata) = self.metadata.containers.get(index) {
            container.put("DockerName", metadata.pod_name.as_str());
            container.put("Image", metadata.image.as_str());
            // The digest is available only if the image is specified by digest.
            container.put_some("ImageID", metadata.image.split_once('@').map(|(_, digest)| digest));
            container.put("Labels", self.labels(name, metadata));
            container.put_some("Limits", limits(metadata.limits, Value::from));
            container.put_some("LogDriver", metadata.log_driver.as_deref());
        }
        container.into()
    }

    /// Returns the desired status of the task and all containers: RUNNING until the task stops, also for ended containers.
    fn desired(&self) -> Status {
        if self.is_stopping { Status::Stopped } else { Status::Running }
    }

    fn arn(&self, kind: &str) -> String {
        let Metadata { arn, cluster, .. } = self.metadata;
        format!("{arn}:{kind}/{cluster}/{}", self.pod.task_id())
    }

    /// Returns the labels of the definition, of ECS, and of the kubelet.
    fn labels(&self, name: &str, metadata: &ContainerMetadata) -> Value {
        let mut labels = metadata.labels.clone();
        let generated = [
            ("com.amazonaws.ecs.cluster", Some(self.metadata.cluster.clone())),
            ("com.amazonaws.ecs.container-name", Some(name.to_owned())),
            ("com.amazonaws.ecs.task-arn", Some(self.arn("task"))),
            ("com.amazonaws.ecs.task-definition-family", Some(self.metadata.family.clone())),
            ("com.amazonaws.ecs.task-definition-version", self.pod.revision.clone()),
            ("io.kubernetes.container.name", Some(metadata.pod_name.clone())),
            ("io.kubernetes.pod.name", Some(self.pod.name.clone())),
            ("io.kubernetes.pod.namespace", Some(self.pod.namespace.clone())),
            ("io.kubernetes.pod.uid", Some(self.pod.uid.clone())),
        ];
        labels.extend(generated.into_iter().filter_map(|(label, value)| Some((label.to_owned(), value?))));
        json!(labels)
    }

    fn network(&self) -> Value {
        let mut network = Object::default();
        network.put("NetworkMode", self.metadata.network_mode.as_str());
        let addresses: Vec<IpAddr> = self.pod.addresses.iter().filter_map(|address| address.parse().ok()).collect();
        let (four, six): (Vec<IpAddr>, Vec<IpAddr>) = addresses.into_iter().partition(IpAddr::is_ipv4);
        for (member, addresses) in [("IPv4Addresses", four), ("IPv6Addresses", six)] {
            network.put_some(member, (!addresses.is_empty()).then(|| json!(addresses)));
        }
        network.into()
    }
}

/// JSON object under construction.
#[derive(Default)]
struct Object(Map<String, Value>);

impl Object {
    fn put(&mut self, member: &str, value: impl Into<Value>) {
        self.0.insert(member.to_owned(), value.into());
    }

    fn put_some(&mut self, member: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.put(member, value);
        }
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Self {
        Self::Object(object.0)
    }
}

fn health(state: &ContainerState) -> &'static str {
    match (state.unhealthy, state.healthy_once) {
        (true, _) => "UNHEALTHY",
        (false, true) => "HEALTHY",
        (false, false) => "UNKNOWN",
    }
}

fn limits(limits: Limits, cpu: impl Fn(i64) -> Value) -> Option<Value> {
    let mut object = Object::default();
    object.put_some("CPU", limits.cpu.map(cpu));
    object.put_some("Memory", limits.memory);
    (!limits.is_empty()).then(|| object.into())
}

/// Converts CPU units to vCPUs: the limit of a task is in vCPUs, the limit of a container in units.
fn vcpus(units: i64) -> Value {
    if units % UNITS == 0 {
        json!(units / UNITS)
    } else {
        json!(f64::from(i32::try_from(units).unwrap_or(i32::MAX)) / 1024.0)
    }
}

fn timestamp(at: SystemTime) -> Option<String> {
    jiff::Timestamp::try_from(at).ok().map(|at| at.to_string())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::plan::{Container, Health};

    fn plan() -> Plan {
        let checks =
            Health { command: vec!["true".into()], interval: 1, timeout: 1, retries: 1, start_period: 0, patience: 0 };
        let app = Container { name: "app".into(), essential: true, health: Some(checks), ..Container::default() };
        Plan { containers: vec![app, Container { name: "Helper".into(), ..Container::default() }], metadata: None }
    }

    fn metadata() -> Metadata {
        let digest = format!("sha256:{}", "0".repeat(64));
        let app = ContainerMetadata {
            pod_name: "app".into(),
            image: format!("example.test/app@{digest}"),
            labels: BTreeMap::from([("team".into(), "shop".into())]),
            limits: Limits { cpu: Some(256), memory: Some(512) },
            log_driver: Some("awslogs".into()),
        };
        let helper =
            ContainerMetadata { pod_name: "helper-x".into(), image: "helper:1".into(), ..ContainerMetadata::default() };
        Metadata {
            port: 1,
            arn: "arn:aws:ecs:eu-west-1:123456789012".into(),
            cluster: "shop".into(),
            family: "web".into(),
            service: Some("front".into()),
            launch_type: Some("FARGATE".into()),
            network_mode: "awsvpc".into(),
            limits: Limits { cpu: Some(512), memory: Some(1024) },
            tags: BTreeMap::from([("team".into(), "shop".into())]),
            containers: vec![app, helper],
        }
    }

    fn pod() -> Pod {
        Pod {
            name: "front-x".into(),
            namespace: "shop".into(),
            uid: "01234567-89ab-cdef-0123-456789abcdef".into(),
            addresses: vec!["10.0.0.7".into(), "fd00::7".into()],
            revision: Some("3".into()),
            zone: Some("eu-west-1a".into()),
        }
    }

    fn states() -> [ContainerState; 2] {
        let at = |seconds: u64| Some(UNIX_EPOCH + Duration::from_millis(seconds * 1000 + 500));
        let app =
            ContainerState { phase: Phase::Running, created_at: at(1), started_at: at(2), ..ContainerState::default() };
        [
            ContainerState { healthy_once: true, ..app },
            ContainerState { phase: Phase::Ended(3), ended_at: at(4), ..app },
        ]
    }

    fn get(path: &str, states: &[ContainerState], is_stopping: bool) -> Response {
        View { plan: &plan(), metadata: &metadata(), pod: &pod(), states, is_stopping }.respond(path)
    }

    #[test]
    fn a_container_has_the_members_of_ecs() {
        let response = get("/v4/app", &states(), false);
        assert_eq!(response.status, 200);
        let expected = json!({
            "DockerId": "0123456789abcdef0123456789abcdef-1",
            "Name": "app",
            "DockerName": "app",
            "Image": format!("example.test/app@sha256:{}", "0".repeat(64)),
            "ImageID": format!("sha256:{}", "0".repeat(64)),
            "Labels": {
                "team": "shop",
                "com.amazonaws.ecs.cluster": "shop",
                "com.amazonaws.ecs.container-name": "app",
                "com.amazonaws.ecs.task-arn":
                    "arn:aws:ecs:eu-west-1:123456789012:task/shop/0123456789abcdef0123456789abcdef",
                "com.amazonaws.ecs.task-definition-family": "web",
                "com.amazonaws.ecs.task-definition-version": "3",
                "io.kubernetes.container.name": "app",
                "io.kubernetes.pod.name": "front-x",
                "io.kubernetes.pod.namespace": "shop",
                "io.kubernetes.pod.uid": "01234567-89ab-cdef-0123-456789abcdef",
            },
            "DesiredStatus": "RUNNING",
            "KnownStatus": "RUNNING",
            "Limits": {"CPU": 256, "Memory": 512},
            "CreatedAt": "1970-01-01T00:00:01.5Z",
            "StartedAt": "1970-01-01T00:00:02.5Z",
            "Health": {"status": "HEALTHY"},
            "Type": "NORMAL",
            "Networks": [{"NetworkMode": "awsvpc", "IPv4Addresses": ["10.0.0.7"], "IPv6Addresses": ["fd00::7"]}],
            "ContainerARN":
                "arn:aws:ecs:eu-west-1:123456789012:container/shop/0123456789abcdef0123456789abcdef/app",
            "LogDriver": "awslogs",
        });
        assert_eq!(response.body, expected);
        assert_eq!(get("/v3/app/?x", &states(), false), response);
    }

    #[test]
    fn an_ended_container_has_an_exit_code_and_a_time() {
        let body = get("/v4/Helper", &states(), false).body;
        assert_eq!((&body["KnownStatus"], &body["DesiredStatus"]), (&json!("STOPPED"), &json!("RUNNING")));
        assert_eq!((&body["ExitCode"], &body["FinishedAt"]), (&json!(3), &json!("1970-01-01T00:00:04.5Z")));
        assert_eq!((&body["Name"], &body["DockerName"]), (&json!("Helper"), &json!("helper-x")));
        for member in ["ImageID", "Health", "Limits", "LogDriver"] {
            assert_eq!(body.get(member), None, "{member}");
        }
        assert_eq!(get("/v4/Helper", &states(), true).body["DesiredStatus"], "STOPPED");
    }

    #[test]
    fn a_task_has_all_containers_and_on_request_its_tags() {
        let body = get("/v4/app/task", &states(), false).body;
        assert_eq!(body["Containers"][1], get("/v4/Helper", &states(), false).body);
        let mut rest = body.clone();
        rest.as_object_mut().unwrap().remove("Containers");
        let expected = json!({
            "Cluster": "shop",
            "TaskARN": "arn:aws:ecs:eu-west-1:123456789012:task/shop/0123456789abcdef0123456789abcdef",
            "Family": "web",
            "Revision": "3",
            "ServiceName": "front",
            "DesiredStatus": "RUNNING",
            "KnownStatus": "RUNNING",
            "Limits": {"CPU": 0.5, "Memory": 1024},
            "AvailabilityZone": "eu-west-1a",
            "LaunchType": "FARGATE",
        });
        assert_eq!(rest, expected);
        let mut tagged = body;
        tagged["TaskTags"] = json!({"team": "shop"});
        assert_eq!(get("/v4/app/taskWithTags", &states(), false).body, tagged);
    }

    #[test]
    fn a_task_has_the_least_status_of_its_containers() {
        let [app, helper] = states();
        let waiting = ContainerState { created_at: app.created_at, ..ContainerState::default() };
        for (containers, known) in [
            ([app, ContainerState::default()], "NONE"),
            ([waiting, helper], "CREATED"),
            ([app, helper], "RUNNING"),
            ([helper, helper], "STOPPED"),
        ] {
            assert_eq!(get("/v4/app/task", &containers, false).body["KnownStatus"], known);
        }
    }

    #[test]
    fn health_follows_the_checks() {
        let [app, helper] = states();
        for (healthy_once, unhealthy, status) in
            [(false, false, "UNKNOWN"), (true, false, "HEALTHY"), (true, true, "UNHEALTHY")]
        {
            let app = ContainerState { healthy_once, unhealthy, ..app };
            assert_eq!(get("/v4/app", &[app, helper], false).body["Health"]["status"], status);
        }
    }

    #[test]
    fn unknown_paths_and_statistics_are_not_found() {
        for path in ["/", "/v2/metadata", "/v4", "/v4/app/other", "/v4/other", "/v4/other/task", "/v4/app/task/x"] {
            let response = get(path, &states(), false);
            assert!(response.status == 404 && response.body.is_string(), "{path}: {response:?}");
        }
        for path in ["/v4/app/stats", "/v4/app/task/stats", "/v3/app/stats"] {
            let response = get(path, &states(), false);
            assert_eq!(response.status, 404);
            assert!(response.body.as_str().unwrap().contains("no statistics of containers"), "{response:?}");
        }
        let other = get("/v4/other/task", &states(), false).body;
        assert!(other.as_str().unwrap().starts_with("V4 task metadata handler: unable to get container ID"), "{other}");
    }
}
