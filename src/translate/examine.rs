//! A definition as a person gave it → what it says, what is wrong with it, and how far each field was translated.
//!
//! The converter, the controllers and admission all see a definition through here, so they all say the same about it.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::api::{CapacityProviderSpec, ClusterSpec, DEFAULT_CLUSTER, ServiceSpec, TaskDefinitionSpec};
use crate::ecs::decode::{self, Leniency};
use crate::ecs::finding::{Finding, Findings, Severity};
use crate::ecs::pointer::Pointer;
use crate::ecs::validate;
use crate::k8s::names;
use crate::translate::metadata::Identity;
use crate::translate::pod::container_names;
use crate::translate::service::{companions, workload};
use crate::translate::{
    FieldVerdict, Mode, ObjectContext, RenderContext, RenderProfile, VerdictRecorder, capacity, cluster,
    kubernetes_block, node_selector, service, target,
};

/// A definition after examination.
#[derive(Clone, Debug)]
pub struct Examined<T> {
    /// The definition; none when it could not be read at all.
    pub spec: Option<T>,
    /// The input with its lenient spellings made regular.
    pub normalised: Value,
    /// All that is wrong or noteworthy. With an error among them the definition is not used.
    pub findings: Findings,
    unknown: BTreeSet<Pointer>,
}

impl<T> Examined<T> {
    /// The definition, when it may be used.
    #[must_use]
    pub fn usable(&self) -> Option<&T> {
        self.spec.as_ref().filter(|_| !self.findings.has_errors())
    }

    /// Returns the same examination with its spec converted by `convert`.
    pub(crate) fn map<U>(self, convert: impl FnOnce(T) -> U) -> Examined<U> {
        let Self { spec, normalised, findings, unknown } = self;
        Examined { spec: spec.map(convert), normalised, findings, unknown }
    }

    /// Returns the verdicts that `claim` records on the spec.
    pub(crate) fn verdicts(&self, claim: impl FnOnce(&T, &mut VerdictRecorder)) -> Vec<FieldVerdict> {
        let mut recorder = VerdictRecorder::new();
        if let Some(spec) = &self.spec {
            claim(spec, &mut recorder);
        }
        self.close(&recorder)
    }

    /// The verdict on every leaf of the input.
    #[must_use]
    pub fn close(&self, recorder: &VerdictRecorder) -> Vec<FieldVerdict> {
        recorder.close(&self.normalised, &self.unknown)
    }
}

fn examine<T: JsonSchema + DeserializeOwned + 'static>(
    input: Value,
    validate: impl Fn(&T) -> Vec<Finding>,
) -> Examined<T> {
    let decoded = decode::decode::<T>(input, Leniency::Lenient);
    let mut findings = Findings::from(decoded.findings);
    if let Some(spec) = &decoded.value {
        findings.absorb(validate(spec));
    } else if let Some(spec) = &decoded.remainder {
        // What is said of places around an error may be due to it.
        let errors: Vec<Pointer> = findings.of(Severity::Error).map(|finding| finding.path.clone()).collect();
        let due = |finding: &Finding| {
            errors.iter().any(|error| error.is_prefix_of(&finding.path) || finding.path.is_prefix_of(error))
        };
        findings.absorb(validate(spec).into_iter().filter(|finding| !due(finding)));
    }
    Examined {
        spec: decoded.value,
        normalised: decoded.normalised,
        findings,
        unknown: decoded.unknown.into_iter().collect(),
    }
}

/// Examines the spec of a task definition.
#[must_use]
pub fn task_definition(spec: Value) -> Examined<TaskDefinitionSpec> {
    examine(spec, |spec: &TaskDefinitionSpec| {
        let mut findings = validate::task_definition(&spec.ecs);
        findings.extend(container_names::findings(&spec.ecs));
        findings.extend(kubernetes_block::findings(spec));
        findings.extend(node_selector::of_task_definition(spec));
        findings
    })
}

/// What is wrong with calling the object of a task definition `name`, if anything.
///
/// A service finds a task definition by its family, so the object's name has to follow from it.
#[must_use]
pub fn misnamed(name: &str, spec: &TaskDefinitionSpec) -> Option<Finding> {
    let family = spec.ecs.family.as_deref()?;
    let wanted = names::object_name(family);
    (wanted != name).then(|| {
        let message = format!(
            "services look for family {family:?} under the object name {wanted:?}, but this object is called {name:?}: \
             rename the object, or leave the family out"
        );
        Finding::error(Pointer::root().key("family"), "family-name-mismatch", message)
    })
}

/// Examines the spec of a service.
#[must_use]
pub fn service(spec: Value) -> Examined<ServiceSpec> {
    examine(spec, |spec: &ServiceSpec| {
        let mut findings = validate::service(&spec.ecs);
        findings.extend(companions::findings(spec));
        findings
    })
}

/// Examines the spec of a cluster.
#[must_use]
pub fn cluster(spec: Value) -> Examined<ClusterSpec> {
    examine(spec, |spec: &ClusterSpec| {
        let mut findings = validate::cluster(&spec.ecs);
        findings.extend(node_selector::of_cluster(spec));
        findings
    })
}

/// Examines the spec of a capacity provider.
#[must_use]
pub fn capacity_provider(spec: Value) -> Examined<CapacityProviderSpec> {
    examine(spec, |spec: &CapacityProviderSpec| {
        let mut findings = validate::capacity_provider(&spec.ecs);
        findings.extend(capacity::findings(spec));
        findings.extend(node_selector::of_provider(spec));
        findings
    })
}

/// What is wrong with calling the object of a capacity provider `name`, if anything: strategies find it by its own name.
#[must_use]
pub fn misnamed_provider(name: &str, spec: &CapacityProviderSpec) -> Option<Finding> {
    let given = spec.ecs.name.as_deref()?;
    let wanted = capacity::object_name(given);
    (wanted != name).then(|| {
        let message = format!(
            "strategies look for provider {given:?} under the object name {wanted:?}, but this object is called {name:?}: rename the \
             object, or leave the name out"
        );
        Finding::error(Pointer::root().key("name"), "provider-name-mismatch", message)
    })
}

/// Returns the verdicts on a capacity provider.
#[must_use]
pub fn capacity_provider_verdicts(examined: &Examined<CapacityProviderSpec>, name: &str) -> Vec<FieldVerdict> {
    examined.verdicts(|spec, recorder| capacity::record_provider(spec, name, recorder))
}

/// Returns the verdicts on a task definition without a service: as the Pod template of a service of its own name.
#[must_use]
pub fn task_definition_verdicts(
    examined: &Examined<TaskDefinitionSpec>,
    name: &str,
    profile: &RenderProfile,
) -> Vec<FieldVerdict> {
    examined.verdicts(|spec, recorder| claim_task_definition(spec, name, profile, Mode::Operator, recorder))
}

/// Records the verdicts on a task definition without a service.
pub fn claim_task_definition(
    spec: &TaskDefinitionSpec,
    name: &str,
    profile: &RenderProfile,
    mode: Mode,
    recorder: &mut VerdictRecorder,
) {
    let service = crate::ecs::Service::default();
    let target = target::pod_template(&service, name);
    let kubernetes = spec.kubernetes.as_ref();
    let task = RenderContext { kubernetes, target: &target, mode, ..RenderContext::alone(&spec.ecs, name, profile) };
    let identity = Identity { service: name, task_definition: name, cluster: DEFAULT_CLUSTER };
    let context = ObjectContext { namespace: None, identity, task_definition: name, revision: None, tags: &[], mode };
    let _ = workload::template(&service, &task, &context, recorder);
}

/// Returns the verdicts on a service whose objects are rendered in `mode`.
#[must_use]
pub fn service_verdicts(
    examined: &Examined<ServiceSpec>,
    name: &str,
    profile: &RenderProfile,
    mode: Mode,
) -> Vec<FieldVerdict> {
    examined.verdicts(|spec, recorder| service::claim(spec, name, profile, mode, recorder))
}

/// Returns the verdicts on a cluster whose services are rendered in `mode`.
#[must_use]
pub fn cluster_verdicts(examined: &Examined<ClusterSpec>, name: &str, mode: Mode) -> Vec<FieldVerdict> {
    examined.verdicts(|spec, recorder| cluster::record(spec, name, mode, recorder))
}
