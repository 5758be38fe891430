//! A service in a world where actions take effect as a server and Kubernetes' own controllers would have it.

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
use crate::reconcile::observed::{ObservedChild, Revision, Root, TaskPhase, TaskPod};
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

/// A world with one service in it, in which actions take effect as a server would have it.
pub(super) struct FakeCluster {
    pub(super) spec: Value,
    pub(super) status: ServiceStatus,
    pub(super) annotations: BTreeMap<String, String>,
    pub(super) template_revisions: Vec<TemplateRevision>,
    pub(super) revisions: Vec<Revision>,
    pub(super) workloads: Vec<ObservedChild>,
    pub(super) core_services: Vec<ObservedChild>,
    /// What no decision depends on.
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

    /// What a function makes of the world as a controller sees it.
    pub(super) fn observe<T>(&self, seen: impl FnOnce(&ServiceInput<'_>) -> T) -> T {
        let of = |kind: &str| self.workloads.iter().filter(|child| child.body["kind"] == kind).cloned().collect();
        let owned = [
            (ChildKind::Deployment, of("Deployment")),
            (ChildKind::DaemonSet, of("DaemonSet")),
            (ChildKind::Service, self.core_services.clone()),
        ];
        let providers: Vec<_> =
            self.capacity_providers.iter().map(|(name, spec)| root(RootKind::CapacityProvider, name, spec)).collect();
        seen(&ServiceInput {
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

    /// Decides, lets the actions take effect and stores the status.
    pub(super) fn step(&mut self) -> Decision<ServiceStatus> {
        let decision = self.decide();
        for action in &decision.actions {
            self.carry_out(action);
        }
        self.status = decision.status.clone();
        decision
    }

    /// The same where the server refuses objects of a kind for good.
    pub(super) fn step_refused(&mut self, kind: ChildKind) -> Decision<ServiceStatus> {
        let decision = self.decide();
        let is_refused = |action: &&Action| matches!(action, Action::Apply(child) if child.kind() == kind);
        assert!(decision.actions.iter().any(|action| is_refused(&action)), "nothing is refused");
        for action in decision.actions.iter().take_while(|action| !is_refused(action)) {
            self.carry_out(action);
        }
        self.status.record(&decision.status);
        decision
    }

    pub(super) fn carry_out(&mut self, action: &Action) {
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
                    self.note_template_revision();
                }
            }
            Action::OrphanTask { uid, reason, .. } => {
                self.pods.iter_mut().filter(|pod| pod.uid == *uid).for_each(|pod| pod.orphaned = Some(*reason));
            }
            Action::AssignCapacity(assigned) => {
                for pod in &mut self.pods {
                    if let Some(own) = assigned.iter().find(|it| it.uid == pod.uid) {
                        (pod.allocation, pod.capacity_number) = (None, Some(own.assignment.number));
                    }
                }
            }
            Action::OrderTasks(costs) => {
                for pod in &mut self.pods {
                    let told = costs.iter().find(|told| told.uid == pod.uid);
                    pod.deletion_cost = told.map_or(pod.deletion_cost, |told| told.cost);
                }
            }
            Action::Scale { count } => self.spec["desiredCount"] = (*count).into(),
            Action::StopTask { uid, .. } => self.pods.retain(|pod| pod.uid != *uid),
            Action::Delete { kind: ChildKind::Service, uid, .. } => self.core_services.retain(|c| c.uid != *uid),
            other => panic!("unexpected {other:?}"),
        }
    }

    /// What the Deployment controller does once it sees the Deployment: it makes a ReplicaSet, or takes up one it had.
    pub(super) fn note_template_revision(&mut self) {
        let body = &self.workloads[0].body;
        let annotations = serde_json::from_value(body["metadata"]["annotations"].clone()).unwrap();
        let template = body["spec"]["template"].clone();
        let number = self.template_revisions.iter().map(|generation| generation.number).max().unwrap_or(0) + 1;
        if let Some(known) = self.template_revisions.iter_mut().find(|generation| generation.template == template) {
            known.annotations = annotations;
            known.number = number;
            return;
        }
        let labels = &template["metadata"]["labels"];
        let label = |key: &str| labels[key].as_str().unwrap().to_owned();
        let mut hash = format!("{}-{}", label(labels::TASK_DEFINITION), label(labels::REVISION));
        if self.template_revisions.iter().any(|generation| generation.hash == hash) {
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

    /// What the Deployment controller and the nodes come to: all tasks of one revision run.
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

/// Each task of each revision is created in a second of its own, which its name ends with.
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
