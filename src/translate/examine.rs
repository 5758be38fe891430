//! Examination of definitions: decodes the input, validates it, and reports verdicts on its fields.
//!
//! The converter, the controllers and admission share it, so that they report the same findings.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::api::{CapacityProviderSpec, ClusterSpec, DEFAULT_CLUSTER, ServiceSpec, TaskDefinitionSpec};
use crate::ecs::decode;
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

/// Result of an examination.
#[derive(Clone, Debug)]
pub struct Examined<T> {
    /// Decoded definition; none if the input cannot be decoded.
    pub spec: Option<T>,
    /// Input with its lenient spellings normalized.
    pub normalized: Value,
    /// Findings about the input. A definition with an error is not used.
    pub findings: Findings,
    /// Members that ECS does not define.
    unknown: BTreeSet<Pointer>,
}

impl<T> Examined<T> {
    /// Returns the definition if it has no errors.
    #[must_use]
    pub fn usable(&self) -> Option<&T> {
        self.spec.as_ref().filter(|_| !self.findings.has_errors())
    }

    /// Returns the same examination with its spec converted by `convert`.
    pub(crate) fn map<U>(self, convert: impl FnOnce(T) -> U) -> Examined<U> {
        let Self { spec, normalized, findings, unknown } = self;
        Examined { spec: spec.map(convert), normalized, findings, unknown }
    }

    /// Returns the verdicts that `record` records on the spec.
    pub(crate) fn verdicts(&self, record: impl FnOnce(&T, &mut VerdictRecorder)) -> Vec<FieldVerdict> {
        let mut recorder = VerdictRecorder::new();
        if let Some(spec) = &self.spec {
            record(spec, &mut recorder);
        }
        self.close(&recorder)
    }

    /// Returns the verdict on every leaf of the input.
    #[must_use]
    pub fn close(&self, recorder: &VerdictRecorder) -> Vec<FieldVerdict> {
        recorder.close(&self.normalized, &self.unknown)
    }
}

fn examine<T: JsonSchema + DeserializeOwned + 'static>(
    input: Value,
    validate: impl Fn(&T) -> Vec<Finding>,
) -> Examined<T> {
    let decoded = decode::decode::<T>(input);
    let mut findings = Findings::from(decoded.findings);
    if let Some(spec) = &decoded.value {
        findings.absorb(validate(spec));
    } else if let Some(spec) = &decoded.remainder {
        // Findings above or below an error may be consequences of it.
        let errors: Vec<Pointer> =
            findings.with_severity(Severity::Error).map(|finding| finding.path.clone()).collect();
        let is_near_error = |finding: &Finding| {
            errors.iter().any(|error| error.is_prefix_of(&finding.path) || finding.path.is_prefix_of(error))
        };
        findings.absorb(validate(spec).into_iter().filter(|finding| !is_near_error(finding)));
    }
    Examined {
        spec: decoded.value,
        normalized: decoded.normalized,
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
        findings.extend(node_selector::task_definition_findings(spec));
        findings
    })
}

/// Returns an error if `name` is not the object name of the task definition's family.
///
/// A service references a task definition by its family, so the object's name has to follow from it.
#[must_use]
pub fn check_name(name: &str, spec: &TaskDefinitionSpec) -> Option<Finding> {
    let family = spec.ecs.family.as_deref()?;
    let expected = names::object_name(family);
    (expected != name).then(|| {
        let message = format!(
            "services reference family {family:?} by the object name {expected:?}, but the name of this object is {name:?}: \
             rename the object, or remove the family"
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
        findings.extend(node_selector::cluster_findings(spec));
        findings
    })
}

/// Examines the spec of a capacity provider.
#[must_use]
pub fn capacity_provider(spec: Value) -> Examined<CapacityProviderSpec> {
    examine(spec, |spec: &CapacityProviderSpec| {
        let mut findings = validate::capacity_provider(&spec.ecs);
        findings.extend(capacity::findings(spec));
        findings.extend(node_selector::provider_findings(spec));
        findings
    })
}

/// Returns an error if `name` is not the object name of the capacity provider, by which strategies reference it.
#[must_use]
pub fn check_provider_name(name: &str, spec: &CapacityProviderSpec) -> Option<Finding> {
    let provider = spec.ecs.name.as_deref()?;
    let expected = capacity::object_name(provider);
    (expected != name).then(|| {
        let message = format!(
            "strategies reference provider {provider:?} by the object name {expected:?}, but the name of this object is {name:?}: \
             rename the object, or remove the name"
        );
        Finding::error(Pointer::root().key("name"), "provider-name-mismatch", message)
    })
}

/// Returns the verdicts on a capacity provider.
#[must_use]
pub fn capacity_provider_verdicts(examined: &Examined<CapacityProviderSpec>, name: &str) -> Vec<FieldVerdict> {
    examined.verdicts(|spec, recorder| capacity::record_provider(spec, name, recorder))
}

/// Returns the verdicts on a task definition without a service, rendered as the Pod template of a service with its name.
#[must_use]
pub fn task_definition_verdicts(
    examined: &Examined<TaskDefinitionSpec>,
    name: &str,
    profile: &RenderProfile,
) -> Vec<FieldVerdict> {
    examined.verdicts(|spec, recorder| record_task_definition(spec, name, profile, Mode::Operator, recorder))
}

/// Records the verdicts on a task definition without a service.
pub fn record_task_definition(
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
    let context = ObjectContext { mode, ..ObjectContext::alone(identity, name) };
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
    examined.verdicts(|spec, recorder| service::record(spec, name, profile, mode, recorder))
}

/// Returns the verdicts on a cluster whose services are rendered in `mode`.
#[must_use]
pub fn cluster_verdicts(examined: &Examined<ClusterSpec>, name: &str, mode: Mode) -> Vec<FieldVerdict> {
    examined.verdicts(|spec, recorder| cluster::record(spec, name, mode, recorder))
}
