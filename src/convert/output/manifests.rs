//! Definitions → plain Deployments and Services, for a cluster with nothing of ours.
//!
//! A service becomes what its task definition and itself say together. A task definition that no service uses becomes a
//! Deployment of one replica under its own name, so that nothing is lost. Labels are the operator's, so that both ways of
//! running look alike, but for `managed-by`: an operator must not take these objects for its own.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::manifest::Manifest;
use super::{companions, service_reference};
use crate::api::{ClusterKubernetes, ClusterSpec, ServiceSpec, annotations, labels};
use crate::convert::model::references::{Families, cluster_of, key, requested_task_definition};
use crate::convert::model::{Definition, Examination};
use crate::ecs::capacity::EffectiveStrategy;
use crate::ecs::scaling::Limits;
use crate::ecs::{self, Pointer, TaskDefinitionRef};
use crate::translate::capacity::ProviderCatalog;
use crate::translate::metadata::Identity;
use crate::translate::service::auto_scaling::Situation;
use crate::translate::service::companion::Companion;
use crate::translate::service::workload::{Settings, Workload};
use crate::translate::service::{auto_scaling, companions as service_companions, workload};
use crate::translate::{
    Capacity, Code, FieldVerdict, Mode, ObjectContext, RenderContext, RenderProfile, Verdict, VerdictRecorder, examine,
    target,
};

/// The value of `app.kubernetes.io/managed-by`.
const MANAGER: &str = "ecs-operator-convert";

/// What a service or a task definition becomes.
struct Rendered {
    manifests: Vec<Manifest>,
    /// The verdicts on the task definition.
    verdicts: Vec<FieldVerdict>,
}

/// Why a service becomes nothing.
enum NotConvertible {
    /// It has errors of its own, which are told.
    AlreadyRefused,
    /// Something at one of its members, or at the whole of it.
    At(Pointer, &'static str, String),
}

/// Writes every usable service and every usable task definition that no service uses, in the order of the input.
pub(in crate::convert) fn write(
    definitions: &mut [&mut Definition],
    families: &Families,
    settings: &crate::convert::Settings,
) -> Vec<Manifest> {
    let mut written: BTreeMap<usize, Vec<Manifest>> = BTreeMap::new();
    let mut used: BTreeMap<usize, String> = BTreeMap::new();
    for index in 0..definitions.len() {
        let Some((task, reference)) = requested_task_definition(definitions[index], families) else { continue };
        used.extend(task.map(|task| (task, definitions[index].name.clone())));
        match of_service(definitions, index, task, &reference, &settings.profile) {
            Ok(rendered) => {
                let given = task.and_then(|task| definitions[task].task_definition()?.ecs.revision);
                note_service(definitions[index], given.map(i64::from), &reference, &settings.profile);
                if let Some(task) = task {
                    note_task(definitions[task], rendered.verdicts);
                }
                written.insert(index, rendered.manifests);
            }
            Err(obstacle) => refuse(definitions[index], obstacle),
        }
    }
    let taken: BTreeSet<_> = written.keys().map(|index| key(definitions[*index])).collect();
    for (index, definition) in definitions.iter_mut().enumerate().filter(|(_, definition)| definition.is_usable()) {
        match (&definition.examination, used.get(&index)) {
            (Examination::TaskDefinition(_), Some(service)) => of_refused(definition, service, &settings.profile),
            (Examination::TaskDefinition(_), None) => {
                written.extend(alone(definition, &taken, &settings.profile).map(|manifests| (index, manifests)));
            }
            (Examination::Cluster(_), _) => note_cluster(definition),
            (Examination::CapacityProvider(_), _) => note_capacity_provider(definition),
            (Examination::Service(_), _) => {}
        }
    }
    // What a task definition needs is needed once, whichever services use it.
    let mut known = BTreeSet::new();
    let all = written.into_values().flatten();
    all.filter(|it| known.insert((it.kind, it.namespace.clone(), it.name.clone()))).collect()
}

fn refuse(definition: &mut Definition, obstacle: NotConvertible) {
    if let NotConvertible::At(place, code, message) = obstacle {
        definition.error(&place, code, message);
    }
}

fn of_service(
    definitions: &[&mut Definition],
    index: usize,
    task: Option<usize>,
    reference: &TaskDefinitionRef,
    profile: &RenderProfile,
) -> Result<Rendered, NotConvertible> {
    let at = |member, code, message| NotConvertible::At(Pointer::root().key(member), code, message);
    let definition = &definitions[index];
    let service = definition.service().filter(|_| definition.is_usable()).ok_or(NotConvertible::AlreadyRefused)?;
    let Some(task) = task.map(|task| &definitions[task]) else {
        let message = format!(
            "task definition {:?} is not among the inputs; plain manifests need it: give its file too",
            reference.family
        );
        return Err(at("taskDefinition", "task-definition-missing", message));
    };
    if !task.is_usable() {
        let message = format!("its task definition, from {}, has errors", task.place());
        return Err(at("taskDefinition", "task-definition-refused", message));
    }
    let cluster = cluster_of(definitions, definition);
    let capacity = capacity_of(definitions, definition, service, cluster);
    let kubernetes = cluster.and_then(|cluster| cluster.kubernetes.as_ref());
    render(Some(service), (kubernetes, &capacity), definition, task, profile)
        .map_err(|message| NotConvertible::At(Pointer::root(), "unwritable", message))
}

/// The nodes for the tasks of a service, by what is among the inputs.
fn capacity_of(
    definitions: &[&mut Definition],
    definition: &Definition,
    service: &ServiceSpec,
    cluster: Option<&ClusterSpec>,
) -> Capacity {
    let near = definitions.iter().filter(|other| other.namespace == definition.namespace && other.is_usable());
    let providers = near.filter_map(|other| match &other.examination {
        Examination::CapacityProvider(examined) => Some((other.name.clone(), examined.usable()?.clone())),
        _ => None,
    });
    let catalog = ProviderCatalog {
        cluster: definition.cluster(),
        nodes: cluster.and_then(|cluster| cluster.kubernetes.as_ref()),
        cluster_providers: &[],
        providers: &providers.collect(),
        allocates: false,
    };
    let default = cluster.map(|cluster| cluster.ecs.default_capacity_provider_strategy.as_slice()).unwrap_or_default();
    let effective =
        EffectiveStrategy::resolve(&service.ecs.capacity_provider_strategy, service.ecs.launch_type, default);
    Capacity::assumed(&effective, &catalog)
}

/// Renders a service, or a task definition as if it were one, with the task definition `task`.
fn render(
    service: Option<&ServiceSpec>,
    (cluster, capacity): (Option<&ClusterKubernetes>, &Capacity),
    owner: &Definition,
    task: &Definition,
    profile: &RenderProfile,
) -> Result<Rendered, String> {
    let Examination::TaskDefinition(examined) = &task.examination else { return Err("no task definition".to_owned()) };
    let Some(spec) = &examined.spec else { return Err("the task definition cannot be read".to_owned()) };
    let revision = spec.ecs.revision.filter(|_| task.resource.is_none());
    let family = spec.ecs.family.as_deref().unwrap_or(&task.name);
    let label = revision.map_or_else(|| family.to_owned(), |number| format!("{family}:{number}"));
    let none = ecs::Service::default();
    let own = service.map_or(&none, |spec| &spec.ecs);
    let target = target::pod_template(own, &owner.name);
    let rendered = RenderContext {
        definition: &spec.ecs,
        kubernetes: spec.kubernetes.as_ref(),
        name: &task.name,
        target: &target,
        service,
        // There is nobody to make the ServiceAccount.
        task_role_credentials: None,
        capacity: Some(capacity),
        profile,
    };
    let place = ObjectContext {
        namespace: owner.namespace.as_deref(),
        identity: Identity { service: &owner.name, task_definition: &task.name, cluster: owner.cluster() },
        task_definition: &label,
        revision: revision.map_or(0, i64::from),
        tags: service.map_or(&[], |spec| &spec.ecs.tags),
    };
    let mut recorder = VerdictRecorder::new(Mode::Manifests);
    let template = workload::template(own, &rendered, &place, &mut recorder);
    let settings = Settings {
        annotations: workload::annotations(&label, &profile.to_string()),
        bounds: own.deployment_bounds(own.desired_count()),
        paused: false,
        healthy_after: workload::healthy_after(service, &spec.ecs),
    };
    let mut workload = workload::render(own, &place, template, settings);
    disown_workload(&mut workload, revision.is_some());
    let namespace = owner.namespace.as_deref();
    let mut manifests = companions::write(&rendered, namespace, disown)?;
    let mut rendered_companions = service_companions::render(&rendered, &place, cluster);
    let autoscaler = service.and_then(|spec| autoscaler(spec, &place, profile));
    if let (Some(_), Workload::Deployment(deployment)) = (&autoscaler, &mut workload) {
        // Applied again, the manifest would set the count back.
        deployment.spec.iter_mut().for_each(|spec| spec.replicas = None);
    }
    rendered_companions.after.extend(autoscaler);
    for companion in rendered_companions.before {
        manifests.push(companions::companion(companion, disown)?);
    }
    let manifest = match &workload {
        Workload::Deployment(object) => Manifest::new("Deployment", &owner.name, namespace, object),
        Workload::DaemonSet(object) => Manifest::new("DaemonSet", &owner.name, namespace, object),
    };
    manifests.push(manifest.map_err(|error| error.to_string())?);
    for companion in rendered_companions.after {
        manifests.push(companions::companion(companion, disown)?);
    }
    let mut verdicts = examined.close(&recorder);
    let identity = format!("TaskDefinition/{}#", task.name);
    // There is no TaskDefinition here: its name is in a label, and what it was checked by leaves no trace.
    for verdict in &mut verdicts {
        let Some(field) = verdict.target.as_ref().and_then(|target| target.strip_prefix(&identity)) else { continue };
        let labels = format!("{}/{}#/metadata/labels", target::workload_kind(own), owner.name);
        verdict.target = (field == "/metadata/name").then_some(labels);
    }
    Ok(Rendered { manifests, verdicts })
}

/// What scales the Deployment by metrics. Nobody is there for scheduled actions or for deployments.
fn autoscaler(spec: &ServiceSpec, place: &ObjectContext<'_>, profile: &RenderProfile) -> Option<Companion> {
    let scaling = spec.ecs.auto_scaling.as_ref()?;
    let limits = Limits { min: scaling.min_capacity, max: scaling.max_capacity };
    let tolerance = profile.has_autoscaler_tolerance();
    let situation = Situation { limits, rolling: false, tolerance, mode: Mode::Manifests, desired: None };
    auto_scaling::render(spec, place, situation)
}

/// Takes away what only the operator would read.
fn disown_workload(workload: &mut Workload, has_revision: bool) {
    disown(workload.metadata_mut());
    let Some(metadata) = workload.pod_metadata_mut() else { return };
    disown(metadata);
    if !has_revision && let Some(pod_labels) = &mut metadata.labels {
        pod_labels.remove(labels::REVISION);
    }
}

fn disown(metadata: &mut ObjectMeta) {
    if let Some(labels) = &mut metadata.labels {
        labels.insert(labels::MANAGED_BY.to_owned(), MANAGER.to_owned());
    }
    if let Some(annotations) = &mut metadata.annotations {
        annotations.remove(annotations::RENDERED_WITH);
        annotations.remove(annotations::ESSENTIAL);
        annotations.remove(annotations::HEALTH_OF);
        annotations.remove(annotations::APPLIED_HASH);
    }
    metadata.annotations = metadata.annotations.take().filter(|annotations| !annotations.is_empty());
}

fn note_service(
    definition: &mut Definition,
    given: Option<i64>,
    reference: &TaskDefinitionRef,
    profile: &RenderProfile,
) {
    if let Examination::Service(examined) = &definition.examination {
        definition.verdicts = examine::service_verdicts(examined, &definition.name, profile, Mode::Manifests);
    }
    note_circuit_breaker(definition);
    let Some(wanted) = reference.revision.filter(|wanted| given != Some(*wanted)) else { return };
    let other = given.map_or_else(|| "says no revision".to_owned(), |number| format!("is revision {number}"));
    let message =
        format!("the service names revision {wanted}, but the task definition given {other}; that one is used");
    let none = ecs::Service::default();
    let service = definition.service().map_or(&none, |spec| &spec.ecs);
    let target = target::pod_template(service, &definition.name);
    service_reference::unpin(definition, target, message);
}

/// Kubernetes itself counts no failed tasks and rolls nothing back.
fn note_circuit_breaker(definition: &mut Definition) {
    let at = Pointer::root().key("deploymentConfiguration").key("deploymentCircuitBreaker");
    let leaves: Vec<Pointer> =
        definition.verdicts.iter().map(|it| it.path.clone()).filter(|path| at.is_prefix_of(path)).collect();
    for leaf in leaves {
        let message = "without the operator nobody counts failed tasks: a deployment that fails goes on trying, and kubectl rollout \
                       undo takes it back";
        definition.say_instead(&leaf, Verdict::Unsupported, Code::NeedsOperator.name(), None, message);
    }
}

fn note_task(definition: &mut Definition, verdicts: Vec<FieldVerdict>) {
    if definition.verdicts.is_empty() {
        definition.verdicts = verdicts;
    }
}

/// A task definition whose services were all refused is not made either, but judged.
fn of_refused(definition: &mut Definition, service: &str, profile: &RenderProfile) {
    let Examination::TaskDefinition(examined) = &definition.examination else { return };
    if definition.verdicts.is_empty() {
        definition.verdicts = examine::task_definition_verdicts(examined, &definition.name, profile);
        definition.verdicts.iter_mut().for_each(|verdict| verdict.target = None);
        let message = format!("nothing was made of it, because its service {service:?} was refused");
        definition.warning(&Pointer::root(), "service-refused", message);
    }
}

/// A task definition that no service uses: one replica under its own name.
fn alone(
    definition: &mut Definition,
    taken: &BTreeSet<(Option<String>, String)>,
    profile: &RenderProfile,
) -> Option<Vec<Manifest>> {
    if taken.contains(&key(definition)) {
        let message = format!(
            "no service uses it, and its own Deployment {:?} would have the name of a service's; leave it out or rename it",
            definition.name
        );
        definition.error(&Pointer::root().key("family"), "same-name", message);
        return None;
    }
    match render(None, (None, &Capacity::default()), definition, definition, profile) {
        Ok(rendered) => {
            definition.verdicts = rendered.verdicts;
            let message = "no service among the inputs uses it; it becomes a Deployment of one replica";
            definition.info(&Pointer::root(), "no-service", message);
            Some(rendered.manifests)
        }
        Err(message) => {
            definition.error(&Pointer::root(), "unwritable", message);
            None
        }
    }
}

/// Plain manifests have no cluster: its name is a label of its services, and all else is without effect.
fn note_cluster(definition: &mut Definition) {
    let Examination::Cluster(examined) = &definition.examination else { return };
    let mut verdicts = examine::cluster_verdicts(examined, &definition.name, Mode::Manifests);
    // What security groups let through is in the policies of services, and which nodes there are in their Pods.
    let of_services = |path: &Pointer| {
        let (root, at) = (Pointer::root(), Pointer::root().key("kubernetes"));
        let parts = ["securityGroups", "securityGroupPolicies", "nodeSelector", "tolerations", "capacityProviders"];
        let strategy = root.key("defaultCapacityProviderStrategy");
        parts.into_iter().map(|member| at.key(member)).chain([strategy]).any(|part| part.is_prefix_of(path))
    };
    verdicts.iter_mut().filter(|verdict| of_services(&verdict.path)).for_each(|verdict| verdict.target = None);
    for verdict in verdicts.iter().filter(|verdict| verdict.target.is_some()) {
        let message = "plain manifests have no object for a cluster; its services bear its name as a label";
        definition.say_instead(&verdict.path, Verdict::Ignored, "no-cluster-object", None, message);
    }
    definition.verdicts = verdicts;
}

/// Nor have they one for a capacity provider: its labels are in the Pods of services that name it.
fn note_capacity_provider(definition: &mut Definition) {
    let Examination::CapacityProvider(examined) = &definition.examination else { return };
    let mut verdicts = examine::capacity_provider_verdicts(examined, &definition.name);
    let of_services = |verdict: &FieldVerdict| {
        let needs = verdict.verdict != Verdict::Exact && verdict.code != Some(Code::TagsStoredOnly);
        needs || Pointer::root().key("kubernetes").is_prefix_of(&verdict.path)
    };
    verdicts.iter_mut().filter(|verdict| of_services(verdict)).for_each(|verdict| verdict.target = None);
    for verdict in verdicts.iter().filter(|verdict| verdict.target.is_some()) {
        let message = "plain manifests have no object for a capacity provider; the Pods of services that name it ask for its nodes";
        definition.say_instead(&verdict.path, Verdict::Ignored, "no-capacity-provider-object", None, message);
    }
    definition.verdicts = verdicts;
}
