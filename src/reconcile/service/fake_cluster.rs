//! Cluster with one service for tests: actions take effect as with an API server and the controllers of Kubernetes.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use super::measurements::{CountManager, Measurements};
use super::template_revisions::TemplateRevision;
use super::zones::ZonedNode;
use super::{ServiceInput, service};
use crate::api::condition::Conditions;
use crate::api::{ServiceStatus, labels};
use crate::ecs::placement::{Amounts, Instance};
use crate::k8s::kinds::{ChildKind, RootKind};
use crate::reconcile::actions::{Action, Decision};
use crate::reconcile::observed::{ObservedChild, Revision, Root, StopReason, TaskPhase, TaskPod};
use crate::translate::RenderProfile;

pub(super) const NOW: Timestamp = Timestamp::constant(1_790_000_000, 0);

fn root<'a>(kind: RootKind, name: &'a str, spec: &'a Value) -> Root<'a> {
    Root { kind, namespace: "shop", name, uid: "11111111-2222", generation: Some(1), spec, deleting: false }
}

pub(super) fn web() -> Value {
    json!({"family": "web", "networkMode": "awsvpc", "containerDefinitions": [
        {"name": "app", "image": "web:1", "memory": 64, "portMappings": [{"containerPort": 80}]}
    ]})
}

pub(super) fn revision(number: i64, spec: Value) -> Revision {
    Revision { name: format!("web-{number}"), uid: format!("uid-{number}"), number, spec }
}

/// Cluster with one service.
pub(super) struct FakeCluster {
    pub(super) spec: Value,
    pub(super) status: ServiceStatus,
    pub(super) annotations: BTreeMap<String, String>,
    pub(super) template_revisions: Vec<TemplateRevision>,
    pub(super) revisions: Vec<Revision>,
    pub(super) workloads: Vec<ObservedChild>,
    pub(super) core_services: Vec<ObservedChild>,
    /// Objects that no decision depends on.
    pub(super) others: Vec<ObservedChild>,
    pub(super) pods: Vec<TaskPod>,
    pub(super) instances: Vec<Instance>,
    pub(super) cluster: Option<Value>,
    /// Specs of capacity providers, by the names of their objects.
    pub(super) capacity_providers: BTreeMap<&'static str, Value>,
    pub(super) latest_revision: Option<i64>,
    pub(super) zones: Vec<ZonedNode>,
    pub(super) measurements: Option<Measurements>,
    pub(super) count_managers: Vec<CountManager>,
    pub(super) may_label_nodes: bool,
    pub(super) now: Timestamp,
}

impl FakeCluster {
    pub(super) fn new() -> Self {
        Self {
            spec: json!({"serviceName": "web", "taskDefinition": "web", "desiredCount": 2}),
            status: ServiceStatus::default(),
            annotations: BTreeMap::new(),
            template_revisions: vec![],
            revisions: vec![revision(1, web())],
            workloads: vec![],
            core_services: vec![],
            others: vec![],
            pods: vec![],
            instances: vec![],
            cluster: None,
            capacity_providers: BTreeMap::new(),
            latest_revision: None,
            zones: vec![],
            measurements: None,
            count_managers: vec![],
            may_label_nodes: true,
            now: NOW,
        }
    }

    pub(super) fn decide(&self) -> Decision<ServiceStatus> {
        self.observe(service)
    }

    fn workloads_of_kind(&self, kind: &str) -> Vec<ObservedChild> {
        self.workloads.iter().filter(|child| child.body["kind"] == kind).cloned().collect()
    }

    /// Calls a function with the input that a controller collects.
    pub(super) fn observe<T>(&self, with_input: impl FnOnce(&ServiceInput<'_>) -> T) -> T {
        let owned = [
            (ChildKind::Deployment, self.workloads_of_kind("Deployment")),
            (ChildKind::DaemonSet, self.workloads_of_kind("DaemonSet")),
            (ChildKind::Service, self.core_services.clone()),
        ];
        let providers: Vec<_> =
            self.capacity_providers.iter().map(|(name, spec)| root(RootKind::CapacityProvider, name, spec)).collect();
        with_input(&ServiceInput {
            root: root(RootKind::Service, "web", &self.spec),
            annotations: &self.annotations,
            template_revisions: &self.template_revisions,
            status: &self.status,
            revisions: &self.revisions,
            latest_revision: self.latest_revision,
            owned: &owned.into_iter().collect(),
            cluster: self.cluster.as_ref().map(|spec| root(RootKind::Cluster, "prod", spec)),
            capacity_providers: &providers,
            pods: &self.pods,
            zones: &self.zones,
            instances: &self.instances,
            measurements: self.measurements.as_ref(),
            count_managers: &self.count_managers,
            may_label_nodes: self.may_label_nodes,
            profile: RenderProfile::current(36),
            now: self.now,
        })
    }

    /// Decides, executes the actions and stores the status.
    pub(super) fn step(&mut self) -> Decision<ServiceStatus> {
        let decision = self.decide();
        for action in &decision.actions {
            self.execute(action);
        }
        self.status = decision.status.clone();
        decision
    }

    /// Decides and executes the actions as with a server that rejects all objects of a kind.
    pub(super) fn step_with_rejection(&mut self, kind: ChildKind) -> Decision<ServiceStatus> {
        let decision = self.decide();
        let is_rejected = |action: &&Action| matches!(action, Action::Apply(child) if child.kind() == kind);
        assert!(decision.actions.iter().any(|action| is_rejected(&action)), "an object of the kind is applied");
        for action in decision.actions.iter().take_while(|action| !is_rejected(action)) {
            self.execute(action);
        }
        self.status.record(&decision.status);
        decision
    }

    pub(super) fn execute(&mut self, action: &Action) {
        match action {
            Action::Apply(child) => {
                let list = match child.kind() {
                    ChildKind::Deployment | ChildKind::DaemonSet => &mut self.workloads,
                    ChildKind::Service => &mut self.core_services,
                    _ => &mut self.others,
                };
                let name = child.metadata().name.clone().unwrap();
                let status = list.iter().find(|c| c.name == name).and_then(|c| c.body.get("status").cloned());
                list.retain(|c| c.name != name);
                let mut body = child.to_json().unwrap();
                body["status"] = status.unwrap_or_default();
                let is_workload = body.pointer("/spec/template").is_some();
                list.push(ObservedChild { name: name.clone(), uid: format!("{name}-uid"), body });
                if is_workload {
                    self.create_template_revision();
                }
            }
            Action::OrphanTask { uid, reason, .. } => {
                self.pods.iter_mut().filter(|pod| pod.uid == *uid).for_each(|pod| pod.orphaned = Some(*reason));
            }
            Action::AssignCapacity(assigned) => {
                for pod in &mut self.pods {
                    if let Some(assigned) = assigned.iter().find(|assigned| assigned.uid == pod.uid) {
                        (pod.allocation, pod.capacity_number) = (None, Some(assigned.assignment.number));
                    }
                }
            }
            Action::SetDeletionCosts(costs) => {
                for pod in &mut self.pods {
                    let changed = costs.iter().find(|changed| changed.uid == pod.uid);
                    pod.deletion_cost = changed.map_or(pod.deletion_cost, |changed| changed.cost);
                }
            }
            Action::Scale { count } => self.spec["desiredCount"] = (*count).into(),
            Action::StopTask { uid, .. } => self.pods.retain(|pod| pod.uid != *uid),
            Action::Delete { kind: ChildKind::Service, uid, .. } => self.core_services.retain(|c| c.uid != *uid),
            other => panic!("unexpected {other:?}"),
        }
    }

    /// Creates a ReplicaSet for the template of the workload, or uses an existing one, as the Deployment controller
    /// does.
    pub(super) fn create_template_revision(&mut self) {
        let body = &self.workloads[0].body;
        let annotations = serde_json::from_value(body["metadata"]["annotations"].clone()).unwrap();
        let template = body["spec"]["template"].clone();
        let number = self.template_revisions.iter().map(|revision| revision.number).max().unwrap_or(0) + 1;
        if let Some(existing) = self.template_revisions.iter_mut().find(|revision| revision.template == template) {
            existing.annotations = annotations;
            existing.number = number;
            return;
        }
        let labels = &template["metadata"]["labels"];
        let label = |key: &str| labels[key].as_str().unwrap().to_owned();
        let mut hash = format!("{}-{}", label(labels::TASK_DEFINITION), label(labels::REVISION));
        if self.template_revisions.iter().any(|revision| revision.hash == hash) {
            hash = format!("{hash}-{number}");
        }
        let created = Some(NOW + Duration::from_secs(number.unsigned_abs()));
        self.template_revisions.push(TemplateRevision {
            hash,
            number,
            created,
            annotations,
            template,
            available: None,
        });
    }

    /// Completes the rollout: all tasks are of one revision and run.
    pub(super) fn settle(&mut self, revision: i64, count: i64) {
        self.workloads[0].body["status"] = json!({
            "replicas": count, "updatedReplicas": count, "readyReplicas": count, "availableReplicas": count,
        });
        self.pods = (0..count).map(|n| pod(&format!("web-{revision}-{n}"), revision, true)).collect();
    }

    pub(super) fn template(&self) -> &Value {
        self.workloads[0].body.pointer("/spec/template").unwrap()
    }

    pub(super) fn condition(&self, kind: &str) -> (&str, &str) {
        let condition = self.status.conditions.iter().find(|c| c.type_ == kind).unwrap();
        (&condition.status, &condition.reason)
    }
}

/// Returns a task. Its creation time follows from the revision and the number at the end of the name.
pub(super) fn pod(name: &str, revision: i64, running: bool) -> TaskPod {
    let number: u64 = name.rsplit('-').next().and_then(|n| n.parse().ok()).unwrap_or(0);
    let age = revision.unsigned_abs() * 10 + number;
    TaskPod {
        name: name.into(),
        uid: format!("uid-of-{name}"),
        task_definition: "web".into(),
        revision: Some(revision),
        template_hash: name.rsplit_once('-').map(|(hash, _)| hash.to_owned()).unwrap_or_default(),
        protected_until: None,
        orphaned: None,
        allocation: None,
        capacity_number: None,
        node: None,
        reserved: Amounts::default(),
        deletion_cost: None,
        created: Some(NOW + Duration::from_secs(age)),
        running,
        healthy: running,
        unhealthy_since: None,
        phase: TaskPhase::Active,
        has_own_volume: false,
        stop_reason: None,
        unschedulable_message: None,
        capacity_rejection: None,
        unscheduled_by: None,
        start_error: None,
    }
}

/// Returns the messages of the events, the newest first.
pub(super) fn messages(status: &ServiceStatus) -> Vec<&str> {
    status.events.iter().map(|e| e.message.as_str()).collect()
}

/// Returns the names of the tasks that a decision stops.
pub(super) fn stopped(decision: &Decision<ServiceStatus>) -> Vec<&str> {
    let names = decision.actions.iter().filter_map(|action| match action {
        Action::StopTask { name, .. } => Some(name.as_str()),
        _ => None,
    });
    names.collect()
}

/// Returns the end of an essential container, seconds after [`NOW`].
pub(super) fn stop_reason(seconds: u64) -> StopReason {
    let message = "essential container app ended with exit code 3".to_owned();
    StopReason { at: NOW + Duration::from_secs(seconds), message }
}

/// Returns a task of revision 2 that does not start.
pub(super) fn failing(name: &str) -> TaskPod {
    let cause = ("CannotPullContainerError", "container app of image missing:1".to_owned());
    TaskPod { start_error: Some(cause), ..pod(name, 2, false) }
}

/// Makes a task unhealthy, or healthy again.
pub(super) fn set_unhealthy(cluster: &mut FakeCluster, index: usize, unhealthy: bool) {
    cluster.pods[index].unhealthy_since = unhealthy.then(|| cluster.now - Duration::from_secs(5));
    cluster.pods[index].healthy = !unhealthy;
}
