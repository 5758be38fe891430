//! What a service is to run now: the revision it names, or one that is kept in its place.
//!
//! The workload itself says what it was made from: a fingerprint of the definition, the task definition and the translation
//! profile are its annotations, and Kubernetes copies them to what it keeps of each of its templates. So a deployment is neither
//! begun twice nor forgotten when the operator dies between two writes.

use crate::k8s::fingerprint;
use crate::translate::target;
use crate::translate::{Mode, ObjectContext, RenderContext, RenderProfile, VerdictRecorder};
use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::PodTemplateSpec;

use super::capacity::Resolved;
use super::progress::{Progress, deployment_id};
use super::replacement::Replacement;
use super::template_revisions::{self, TemplateRevision};
use super::zones::{self, Evenness};
use super::{Obstacle, ServiceInput, TASK_DEFINITION_NOT_FOUND, capacity, detached, protection, scaling, steps};
use crate::api::{ClusterKubernetes, ClusterSpec, ServiceSpec, TaskDefinitionSpec, annotations};
use crate::ecs::TaskDefinitionRef;
use crate::ecs::deployment::Bounds;
use crate::k8s::names;
use crate::reconcile::observed::{ObservedChild, OrphanReason, Revision, TaskPod};
use crate::reconcile::summary;
use crate::translate::Capacity;
use crate::translate::examine::{self, Examined};
use crate::translate::metadata::{self, Identity};
use crate::translate::service::{companions, workload};

/// Why the tasks are of another definition than the service asks for, or are not replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// What is asked for is what is deployed.
    Moving,
    /// The percentages leave no room to replace the running revision.
    Stuck,
    /// A person said so.
    Paused,
    /// What is asked for has failed, and the last completed deployment is back.
    RolledBack,
    /// What is asked for has failed, and no more of it is launched.
    Failed,
}

impl Standing {
    /// Whether Kubernetes is to replace no tasks.
    pub(super) fn pauses(self) -> bool {
        matches!(self, Self::Paused | Self::Failed)
    }
}

/// A service that can be carried out: what it says and what it runs.
pub(super) struct Plan<'a> {
    pub(super) spec: &'a ServiceSpec,
    /// What Kubernetes knows of the cluster.
    pub(super) cluster: Option<ClusterKubernetes>,
    /// The object name of the cluster, where it says something of the tasks.
    shaped_by: Option<String>,
    /// The objects of Fargate's providers that do.
    shaping_providers: Vec<String>,
    /// The nodes that the tasks may run on.
    pub(super) capacity: Capacity,
    pub(super) task: TaskDefinitionSpec,
    /// The task definition that is run.
    pub(super) family: String,
    pub(super) revision: i64,
    pub(super) profile: RenderProfile,
    pub(super) desired: i32,
    pub(super) bounds: Bounds,
    /// The limits for the workload's own tasks, beside those that stay beside it.
    pub(super) own: Bounds,
    /// The protected tasks that have to be taken out of the workload first.
    pub(super) threatened: Vec<&'a TaskPod>,
    /// What becomes of its unhealthy tasks.
    pub(super) replacement: Replacement<'a>,
    /// How its zones are.
    pub(super) zones: Evenness<'a>,
    /// What stands in front of the tasks stays as it is, as nothing is known of the definition that is kept.
    pub(super) keep_companions: bool,
    pub(super) standing: Standing,
    /// A template that stays as it is, instead of one rendered anew.
    pub(super) kept: Option<PodTemplateSpec>,
    /// The fingerprint of the definition that is run.
    definition: String,
    pub(super) failed: Option<Failed>,
    /// How the deployment that the workload is at is getting on.
    pub(super) progress: Option<Progress<'a>>,
}

impl<'a> Plan<'a> {
    /// The object name of the task definition.
    pub(super) fn object_name(&self) -> String {
        names::object_name(&self.family)
    }

    /// `family:revision` of what runs.
    pub(super) fn task_definition(&self) -> String {
        format!("{}:{}", self.family, self.revision)
    }

    /// The hash of the generation that the workload is at, as far as Kubernetes has taken note of it.
    pub(super) fn current(&self) -> Option<&str> {
        self.progress.as_ref().map(|progress| progress.generation.hash.as_str())
    }

    /// Whether the workload is to be told of another definition than the one it has.
    pub(super) fn begins(&self, workload: &ObservedChild) -> bool {
        workload.annotation(annotations::DEFINITION) != Some(self.definition.as_str())
    }

    /// The tasks that are taken out of the workload now, and why.
    pub(super) fn leaves(&self) -> Vec<(&'a TaskPod, OrphanReason)> {
        let moved = self.zones.due().and_then(|moved| moved.task);
        let replaced: Vec<&TaskPod> = self.replacement.detach.iter().copied().chain(moved).collect();
        let threatened = self.threatened.iter().filter(|pod| replaced.iter().all(|other| other.uid != pod.uid));
        let threatened = threatened.map(|pod| (*pod, OrphanReason::Protected));
        replaced.iter().map(|pod| (*pod, OrphanReason::Replaced)).chain(threatened).collect()
    }

    /// What the workload says of itself.
    pub(super) fn annotations(&self) -> BTreeMap<String, String> {
        let mut all = workload::annotations(&self.task_definition(), &self.profile.to_string());
        all.insert(annotations::DEFINITION.to_owned(), self.definition.clone());
        all.extend(self.shaped_by.as_ref().map(|cluster| (annotations::CLUSTER.to_owned(), cluster.clone())));
        if !self.shaping_providers.is_empty() {
            all.insert(annotations::CAPACITY_PROVIDERS.to_owned(), self.shaping_providers.join(" "));
        }
        all.extend(self.failed.as_ref().map(|failed| (annotations::FAILED.to_owned(), failed.to_string())));
        all
    }
}

/// A definition that failed, as a workload's annotation remembers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failed {
    definition: String,
    /// The hash of the generation that had it.
    pub(super) hash: String,
    /// Whether somebody asked for it, rather than the circuit breaker.
    pub(super) told: bool,
}

const TOLD: &str = "told";
const TRIPPED: &str = "circuit-breaker";

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {}", self.definition, self.hash, if self.told { TOLD } else { TRIPPED })
    }
}

impl Failed {
    pub(super) fn of(workload: &ObservedChild) -> Option<Self> {
        let mut words = workload.annotation(annotations::FAILED)?.split(' ').map(str::to_owned);
        let (definition, hash) = (words.next()?, words.next()?);
        Some(Self { definition, hash, told: words.next().as_deref() == Some(TOLD) })
    }
}

/// What the service asks for.
struct Wanted {
    family: String,
    revision: i64,
    task: TaskDefinitionSpec,
    definition: String,
}

pub(super) fn invalid(message: String) -> Obstacle {
    Obstacle { reason: "Invalid", message }
}

pub(super) fn plan<'a>(input: &'a ServiceInput<'a>, examined: &'a Examined<ServiceSpec>) -> Result<Plan<'a>, Obstacle> {
    let spec = examined.usable().ok_or_else(|| invalid(summary::refused(&examined.findings).message))?;
    let cluster = cluster(input, spec)?;
    let Resolved { capacity, shaped_by: shaping_providers } = capacity::resolve(input, spec, cluster.as_ref())?;
    let shaping = cluster.as_ref().filter(|cluster| is_shaped(input, spec, cluster, &capacity));
    let shaped_by = shaping.map(|_| cluster_name(spec));
    let cluster = cluster.and_then(|cluster| cluster.kubernetes);
    let desired = desired(input, spec);
    let wanted = wanted(input, spec, cluster.as_ref(), &capacity)?;
    let bounds = spec.ecs.deployment_bounds(desired);
    let generation = input
        .workload()
        .and_then(|workload| template_revisions::find_current(input.template_revisions, &workload.body));
    let current = generation.map(|generation| generation.hash.as_str());
    let own = detached::beside(detached::of(input), bounds, current);
    let mut plan = Plan {
        spec,
        cluster,
        shaped_by,
        shaping_providers,
        capacity,
        family: wanted.family,
        revision: wanted.revision,
        task: wanted.task,
        profile: input.profile.clone(),
        desired,
        bounds,
        own,
        threatened: Vec::new(),
        replacement: Replacement::default(),
        zones: Evenness::default(),
        keep_companions: false,
        standing: Standing::Moving,
        kept: None,
        definition: wanted.definition,
        failed: None,
        progress: generation.and_then(|generation| Progress::of(input, generation, &spec.ecs, desired, own)),
    };
    if let Some(workload) = input.workload() {
        plan.stand(input, workload)?;
        let begins = plan.begins(workload);
        plan.threatened = protection::threatened(input, bounds, begins, current);
        plan.replacement = Replacement::of(input, &plan, begins);
        plan.zones = zones::evenness(input, &plan, begins);
        let leaving = plan.leaves();
        let stay = detached::of(input).filter(|(pod, _)| leaving.iter().all(|(other, _)| other.uid != pod.uid));
        plan.own = detached::beside(stay.chain(leaving.iter().copied()), bounds, current.filter(|_| !begins));
    }
    Ok(plan)
}

/// The tasks there are to be. A DAEMON service has as many as there are nodes for it, which its DaemonSet counts.
pub(super) fn desired(input: &ServiceInput<'_>, spec: &ServiceSpec) -> i32 {
    if !spec.ecs.is_daemon() {
        let count = steps::count_begun(input, spec).or_else(|| scaling::kept(input, spec));
        let count = count.unwrap_or_else(|| spec.ecs.desired_count());
        return scaling::within_limits(input, spec, count);
    }
    let nodes = input.workload().and_then(|workload| workload.number("/status/desiredNumberScheduled"));
    nodes.and_then(|nodes| i32::try_from(nodes).ok()).unwrap_or(0)
}

impl<'a> Plan<'a> {
    /// Finds out where the workload stands, by what it says of itself.
    fn stand(&mut self, input: &ServiceInput<'a>, workload: &'a ObservedChild) -> Result<(), Obstacle> {
        let same = !self.begins(workload);
        let failed = Failed::of(workload).filter(|failed| failed.definition == self.definition);
        let paused = input.annotation(annotations::PAUSED) == Some("true");
        let held = if paused {
            Some(Standing::Paused)
        } else if failed.is_some() {
            Some(if same { Standing::Failed } else { Standing::RolledBack })
        } else if !same && self.is_stuck(workload) {
            Some(Standing::Stuck)
        } else {
            None
        };
        self.failed = failed;
        if let Some(standing) = held {
            self.standing = standing;
            let template = workload.body.pointer("/spec/template").cloned().unwrap_or_default();
            let said = |key: &str| workload.annotation(key);
            return self.keep(input, serde_json::from_value(template).ok(), said);
        }
        if same {
            self.profile =
                recorded_basis(workload.annotation(annotations::RENDERED_WITH)).unwrap_or(Ok(self.profile.clone()))?;
            self.give_way(input)?;
        }
        Ok(())
    }

    /// Neither may a task stop first nor one start first, and there are some to replace. A deployment that has not come to its
    /// end holds nothing up: its tasks that fail make room.
    fn is_stuck(&self, workload: &ObservedChild) -> bool {
        if self.progress.as_ref().is_some_and(|progress| !progress.completed) {
            return false;
        }
        let running = |count: &str| workload.number(count).unwrap_or(0) > 0;
        self.bounds.is_stuck() && (running("/status/replicas") || running("/status/currentNumberScheduled"))
    }

    /// Lets a deployment that has failed give way to the last completed one, or stops it where it is.
    fn give_way(&mut self, input: &ServiceInput<'a>) -> Result<(), Obstacle> {
        let Some(progress) = &self.progress else { return Ok(()) };
        let Some(failure) = progress.has_failed(input) else { return Ok(()) };
        self.failed = Some(Failed {
            definition: self.definition.clone(),
            hash: progress.generation.hash.clone(),
            told: failure.told,
        });
        self.standing = Standing::Failed;
        let Some(last) = last_completed(input).filter(|last| failure.rollback && self.differs(last)) else {
            return Ok(());
        };
        self.standing = Standing::RolledBack;
        self.keep(input, last.pod_template(), |key| last.annotation(key))
    }

    /// A restart of the very definition that has completed cannot be taken back by the same definition.
    fn differs(&self, generation: &TemplateRevision) -> bool {
        generation.annotation(annotations::DEFINITION).is_some_and(|definition| definition != self.definition)
    }

    /// Runs what a workload or a generation of it says of itself.
    fn keep<'s>(
        &mut self,
        input: &ServiceInput<'_>,
        template: Option<PodTemplateSpec>,
        said: impl Fn(&str) -> Option<&'s str>,
    ) -> Result<(), Obstacle> {
        let reference = said(annotations::TASK_DEFINITION).and_then(|text| text.parse::<TaskDefinitionRef>().ok());
        let Some((reference, number)) = reference.and_then(|it| it.revision.map(|number| (it, number))) else {
            return Ok(());
        };
        if reference.family != self.family || number != self.revision {
            // The template is there: a revision that is not at hand, perhaps of another family, only tells of ports and health.
            let revision = find_revision(input.revisions, Some(number)).filter(|_| reference.family == self.family);
            match revision.and_then(|revision| usable(revision).ok()) {
                Some(task) => self.task = task,
                None => self.keep_companions = true,
            }
            (self.family, self.revision) = (reference.family, number);
        }
        self.profile = recorded_basis(said(annotations::RENDERED_WITH)).unwrap_or(Ok(self.profile.clone()))?;
        said(annotations::DEFINITION).unwrap_or_default().clone_into(&mut self.definition);
        self.kept = template;
        Ok(())
    }
}

/// What Kubernetes keeps of the last deployment that was completed.
fn last_completed<'a>(input: &ServiceInput<'a>) -> Option<&'a TemplateRevision> {
    let id = input.status.last_completed_deployment.as_deref()?;
    input.template_revisions.iter().find(|generation| deployment_id(input, &generation.hash) == id)
}

fn recorded_basis(text: Option<&str>) -> Option<Result<RenderProfile, Obstacle>> {
    let parsed = text?.parse::<RenderProfile>();
    Some(parsed.map_err(|unknown| Obstacle {
        reason: "RenderedByLaterRelease",
        message: format!(
            "a later release of the operator rendered the running tasks, and they are left as they are: {unknown}"
        ),
    }))
}

fn wanted(
    input: &ServiceInput<'_>,
    spec: &ServiceSpec,
    cluster: Option<&ClusterKubernetes>,
    capacity: &Capacity,
) -> Result<Wanted, Obstacle> {
    let text = spec.ecs.task_definition.as_deref().unwrap_or_default();
    let reference: TaskDefinitionRef = text.parse().map_err(|e| invalid(format!("spec/taskDefinition: {e}")))?;
    let revision = find_revision(input.revisions, reference.revision)
        // Following the family never means an older revision because the newest is not seen yet, or no longer.
        .filter(|r| reference.revision.is_some() || Some(r.number) >= input.latest_revision)
        .ok_or_else(|| missing(&reference))?;
    let task = usable(revision)?;
    front_fits(input, spec, &task).map_err(invalid)?;
    let definition = fingerprint(input, spec, (cluster, capacity), (&reference.family, revision.number), &task);
    Ok(Wanted { family: reference.family, revision: revision.number, task, definition })
}

/// ECS refuses a service whose load balancers, registries or names lead to what its task definition does not have.
fn front_fits(input: &ServiceInput<'_>, spec: &ServiceSpec, task: &TaskDefinitionSpec) -> Result<(), String> {
    let task = RenderContext { service: Some(spec), ..RenderContext::alone(&task.ecs, "", &input.profile) };
    let errors = companions::errors(&task, input.root.name);
    if errors.has_errors() { Err(summary::refused(&errors).message) } else { Ok(()) }
}

/// The cluster of a service. Neither a mistake in it nor its end takes anything from the services that rely on what it said before:
/// ECS deletes no cluster that has services.
fn cluster(input: &ServiceInput<'_>, spec: &ServiceSpec) -> Result<Option<ClusterSpec>, Obstacle> {
    let Some(cluster) = input.cluster.as_ref().filter(|cluster| !cluster.deleting) else {
        let name = cluster_name(spec);
        let shaped_by = input.workload().and_then(|workload| workload.annotation(annotations::CLUSTER));
        return if shaped_by == Some(name.as_str()) { Err(cluster_gone(&name)) } else { Ok(None) };
    };
    let examined = examine::cluster(cluster.spec.clone());
    if let Some(spec) = examined.usable() {
        return Ok(Some(spec.clone()));
    }
    let message =
        format!("its Cluster {} cannot be used: {}", cluster.name, summary::refused(&examined.findings).message);
    Err(Obstacle { reason: "ClusterInvalid", message })
}

/// The object name of the cluster of a service.
fn cluster_name(spec: &ServiceSpec) -> String {
    metadata::cluster_name(spec.ecs.cluster_name())
}

/// Whether the Pods of a service are others for what its cluster says.
fn is_shaped(input: &ServiceInput<'_>, spec: &ServiceSpec, cluster: &ClusterSpec, capacity: &Capacity) -> bool {
    let credentials = cluster.kubernetes.as_ref().and_then(|said| said.task_role_credentials);
    credentials.is_some() || capacity::resolve(input, spec, None).map(|it| it.capacity).as_ref() != Ok(capacity)
}

fn cluster_gone(name: &str) -> Obstacle {
    Obstacle {
        reason: "ClusterNotFound",
        message: format!(
            "Cluster {name} is gone, which said something of the tasks, such as their nodes; they run on as it said. Apply it again, \
             without a kubernetes block and a default strategy if it is to say nothing any more"
        ),
    }
}

fn usable(revision: &Revision) -> Result<TaskDefinitionSpec, Obstacle> {
    let examined = examine::task_definition(revision.spec.clone());
    examined.usable().cloned().ok_or_else(|| {
        let refused = summary::refused(&examined.findings).message;
        invalid(format!("revision {} of the task definition cannot be used: {refused}", revision.number))
    })
}

fn missing(reference: &TaskDefinitionRef) -> Obstacle {
    let object = names::object_name(&reference.family);
    let message = match reference.revision {
        Some(n) => format!(
            "task definition {}:{n} not found: TaskDefinition {object} has no such revision in this namespace",
            reference.family
        ),
        None => format!(
            "task definition {} not found: there is no valid TaskDefinition {object} in this namespace",
            reference.family
        ),
    };
    Obstacle { reason: TASK_DEFINITION_NOT_FOUND, message }
}

fn find_revision(revisions: &[Revision], number: Option<i64>) -> Option<&Revision> {
    match number {
        Some(number) => revisions.iter().find(|r| r.number == number),
        None => revisions.iter().max_by_key(|r| r.number),
    }
}

/// Two definitions with one fingerprint are one deployment, whichever release and settings render them.
fn fingerprint(
    input: &ServiceInput<'_>,
    spec: &ServiceSpec,
    (cluster, capacity): (Option<&ClusterKubernetes>, &Capacity),
    (family, revision): (&str, i64),
    task: &TaskDefinitionSpec,
) -> String {
    let (name, profile, target) =
        (names::object_name(family), RenderProfile::reference(), target(spec, input.root.name));
    let task = RenderContext {
        target: &target,
        service: Some(spec),
        task_role_credentials: cluster.and_then(|cluster| cluster.task_role_credentials),
        kubernetes: task.kubernetes.as_ref(),
        capacity: Some(capacity),
        ..RenderContext::alone(&task.ecs, &name, &profile)
    };
    let label = format!("{family}:{revision}");
    let identity = Identity { service: input.root.name, task_definition: &name, cluster: spec.ecs.cluster_name() };
    let tags = &spec.ecs.tags;
    let place =
        ObjectContext { namespace: Some(input.root.namespace), identity, task_definition: &label, revision, tags };
    // A template always has a JSON form.
    let text = serde_json::to_string(&pods(input, spec, &task, &place)).unwrap_or_default();
    format!("{:016x}", fingerprint::number(&text))
}

/// Where the Pod template stands, for reports.
pub(super) fn target(spec: &ServiceSpec, name: &str) -> String {
    format!("{}/{name}#/spec/template", target::workload_kind(&spec.ecs))
}

/// The Pods of a service, as its definition and the demand for a new deployment have them.
pub(super) fn pods(
    input: &ServiceInput<'_>,
    spec: &ServiceSpec,
    task: &RenderContext<'_>,
    place: &ObjectContext<'_>,
) -> PodTemplateSpec {
    let mut template = workload::template(&spec.ecs, task, place, &mut VerdictRecorder::new(Mode::Operator));
    if let Some(forced) = input.annotation(annotations::FORCE_NEW_DEPLOYMENT) {
        let metadata = template.metadata.get_or_insert_default();
        let annotations = metadata.annotations.get_or_insert_default();
        annotations.insert(annotations::FORCE_NEW_DEPLOYMENT.to_owned(), forced.to_owned());
    }
    template
}
