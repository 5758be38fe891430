//! A definition during conversion, and its entry in the report.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::Value;

use super::spec::{self, Spec};
use crate::api::{DEFAULT_CLUSTER, ServiceSpec, TaskDefinitionSpec};
use crate::convert::input::{DefinitionInput, Leaf, Origin, Source, is_merge_target};
use crate::convert::{Settings, Target};
use crate::ecs::pointer::upwards;
use crate::ecs::service::DeploymentControllerType;
use crate::ecs::{self, Pointer, Severity};
use crate::k8s::kinds::RootKind;
use crate::k8s::names;
use crate::report::{Document, Field, Finding, REFUSED};
use crate::translate::examine::Examined;
use crate::translate::{Code, DESCRIBE_OUTPUT_MESSAGE, FieldVerdict, Mode, RenderProfile, Verdict, capacity};

/// Advice about the task's memory if a file contains only container definitions, as Terraform and the AWS CLI accept them.
const CONTAINERS_ONLY: &str = "; the file contains only container definitions: to set the task's memory, write \
                               {\"containerDefinitions\": […], \"memory\": …}";

/// A definition and the contents of its report entry.
#[derive(Debug)]
pub(in crate::convert) struct Definition {
    pub source: String,
    pub index: usize,
    pub kind: RootKind,
    pub examined: Examined<Spec>,
    /// The name of its object; empty if it has none, which is an error.
    pub name: String,
    pub namespace: Option<String>,
    /// The kind of objects to write.
    target: Target,
    /// The metadata, if the input is a custom resource.
    pub resource: Option<Value>,
    /// True for the input of an AWS call that adds to an existing definition of that kind and name.
    pub is_supplement: bool,
    origin: Origin,
    leaves: Vec<Leaf>,
    findings: Vec<Finding>,
    /// Findings about merged related resources, with paths in the spec. The report of each resource contains its own.
    pub related_findings: Vec<ecs::Finding>,
    /// Fields of the report that replace verdicts, by path in the spec.
    overrides: Vec<(Pointer, Field)>,
    /// The verdicts; empty until the objects are rendered.
    pub verdicts: Vec<FieldVerdict>,
}

impl Definition {
    /// Examines a definition of a source.
    pub fn examine(source: &Source, index: usize, mut item: DefinitionInput, settings: &Settings) -> Self {
        let is_family_assumed = assume_family(&mut item, source);
        let examined = spec::examine(item.kind, item.spec);
        let namespace = item.resource.as_ref().and_then(|metadata| metadata.get("namespace")).and_then(Value::as_str);
        let namespace = namespace.filter(|namespace| !namespace.is_empty());
        let mut definition = Self {
            source: source.name.clone(),
            index,
            kind: item.kind,
            examined,
            name: String::new(),
            namespace: settings.namespace.clone().or_else(|| namespace.map(str::to_owned)),
            target: settings.target,
            resource: item.resource,
            is_supplement: item.is_supplement,
            origin: item.origin,
            leaves: item.scope.leaves,
            findings: Vec::new(),
            related_findings: Vec::new(),
            overrides: Vec::new(),
            verdicts: Vec::new(),
        };
        definition.take_findings(&item.scope.repeated);
        definition.set_name(is_family_assumed);
        definition.check_metadata();
        definition.refuse_task_sets();
        definition.warn_about_desired_count();
        definition.report_container_names();
        definition
    }

    /// Takes over the findings of the examination, with paths in the input.
    fn take_findings(&mut self, repeated: &[Pointer]) {
        let containers_only = self.kind == RootKind::TaskDefinition && self.origin.find(&Pointer::root()).is_none();
        let in_input = |finding: &ecs::Finding| {
            let advice = if containers_only && finding.code == "no-memory" { CONTAINERS_ONLY } else { "" };
            let path = self.origin.find(&finding.path).unwrap_or_default();
            let message = format!("{}{advice}", finding.message);
            Finding { path, severity: finding.severity, code: finding.code, message }
        };
        let (related_findings, own): (Vec<_>, Vec<_>) =
            self.examined.findings.iter().partition(|finding| self.belongs_to_related(&finding.path));
        let (related_findings, own) =
            (related_findings.into_iter().cloned().collect(), own.into_iter().map(in_input).collect());
        (self.related_findings, self.findings) = (related_findings, own);
        let repeated_member = |path: &Pointer| Finding {
            path: path.to_string(),
            severity: Severity::Warning,
            code: "repeated-member",
            message: "the member occurs more than once; only the last one is used".to_owned(),
        };
        self.findings.extend(repeated.iter().map(repeated_member));
    }

    /// True if a path in the spec is in a merged related resource.
    fn belongs_to_related(&self, path: &Pointer) -> bool {
        is_merge_target(path) && self.origin.find(path).is_none()
    }

    /// Adds the findings of a later check, except errors at a path that has an error already.
    pub fn absorb(&mut self, later: Vec<ecs::Finding>) {
        for finding in later {
            match finding.severity {
                Severity::Error => self.error(&finding.path, finding.code, finding.message),
                Severity::Warning => self.warning(&finding.path, finding.code, finding.message),
                Severity::Info => self.info(&finding.path, finding.code, finding.message),
            }
        }
    }

    /// Sets the object name: that of the custom resource, or one from the definition's own name.
    fn set_name(&mut self, is_family_assumed: bool) {
        let object_name = self.resource.as_ref().and_then(|metadata| metadata.get("name")).and_then(Value::as_str);
        let object_name = object_name.map(str::to_owned);
        let (member, own_name) = self.own_name();
        match (object_name, own_name) {
            (Some(object_name), _) => {
                if let Some(finding) = self.examined.spec.as_ref().and_then(|spec| spec.misnamed(&object_name)) {
                    self.error(&member, finding.code, finding.message);
                }
                self.name = object_name;
            }
            (None, Some(name)) if self.kind == RootKind::CapacityProvider => self.name = capacity::object_name(&name),
            (None, Some(name)) => self.name = names::object_name(&name),
            (None, None) => self.error(&member, "missing-member", "a name is required"),
        }
        if is_family_assumed && !self.name.is_empty() {
            let message = format!("the family is not set; the file name gives {:?}", self.name);
            self.warning(&Pointer::root(), "family-from-file-name", message);
        }
    }

    /// Checks name and namespace of a custom resource, which become parts of other objects and of file names.
    fn check_metadata(&mut self) {
        let Some(metadata) = &self.resource else { return };
        let is_invalid = |member: &str, is_valid: fn(&str) -> bool| {
            metadata.get(member).is_some_and(|value| !value.is_null() && !value.as_str().is_some_and(is_valid))
        };
        let name = is_invalid("name", names::is_subdomain);
        let namespace = is_invalid("namespace", |namespace| namespace.is_empty() || names::is_label(namespace));
        let name_rule = "at most 253 lowercase letters, digits, hyphens and dots";
        let namespace_rule = "at most 63 lowercase letters, digits and hyphens";
        let rules = [(name, "name", name_rule), (namespace, "namespace", namespace_rule)];
        for (_, member, allowed) in rules.into_iter().filter(|(is_invalid, ..)| *is_invalid) {
            let message = format!(
                "`metadata.{member}` is invalid: use {allowed}, and a letter or digit at the start and the end"
            );
            self.error(&Pointer::root(), "invalid-resource", message);
        }
    }

    /// Returns the member with the definition's name, and the name.
    fn own_name(&self) -> (Pointer, Option<String>) {
        let (member, default) = match self.kind {
            RootKind::TaskDefinition => ("family", None),
            RootKind::Service => ("serviceName", None),
            RootKind::Cluster => ("clusterName", Some(DEFAULT_CLUSTER)),
            RootKind::CapacityProvider => ("name", None),
        };
        // A definition that cannot be decoded may still contain its name.
        let name = self.normalized().get(member).and_then(Value::as_str).or(default);
        (Pointer::root().key(member), name.filter(|name| !name.is_empty()).map(str::to_owned))
    }

    /// Refuses a service whose task definitions are only in task sets, which an external controller creates. Kubernetes has no
    /// equivalent of task sets.
    fn refuse_task_sets(&mut self) {
        let Some(service) = self.service() else { return };
        let controller = service.ecs.deployment_controller.as_ref().map(|controller| controller.r#type);
        if controller == Some(DeploymentControllerType::External) && service.ecs.task_definition.is_none() {
            let message = "the external controller sets task definitions in task sets, which are not supported: set the task \
                           definition to run";
            self.error(&Pointer::root().key("taskDefinition"), "task-sets-only", message);
        }
    }

    /// Warns about the desired count of a scaled service: applying the manifest again would undo the scaling.
    fn warn_about_desired_count(&mut self) {
        let Some(service) = self.service() else { return };
        let is_scaled = service.ecs.auto_scaling.is_some() && !service.ecs.is_daemon();
        if is_scaled && service.ecs.desired_count.is_some() && self.target == Target::CustomResources {
            let message = "service auto scaling sets the count, and applying this manifest again would reset it: remove desiredCount \
                           after the service is created";
            self.warning(&Pointer::root().key("desiredCount"), "desired-count-of-autoscaler", message);
        }
    }

    /// Reports the Kubernetes names of containers, which commands such as `kubectl logs --container` require.
    fn report_container_names(&mut self) {
        let containers = self.task_definition().map(|spec| spec.ecs.container_definitions.as_slice());
        let renamed = containers.unwrap_or_default().iter().enumerate().filter_map(|(position, container)| {
            let name = container.name.as_deref().filter(|name| !name.is_empty())?;
            let new_name = names::container_name(name);
            (new_name != name).then_some((position, new_name))
        });
        for (position, name) in renamed.collect::<Vec<_>>() {
            let at = Pointer::root().key("containerDefinitions").index(position).key("name");
            let message = format!("the container's name in Kubernetes is {name:?}: kubectl logs --container {name}");
            self.info(&at, "container-renamed", message);
        }
    }

    /// Returns the input with its lenient spellings normalized.
    pub fn normalized(&self) -> &Value {
        &self.examined.normalized
    }

    /// Returns the task definition; none for another kind or if it cannot be decoded.
    pub fn task_definition(&self) -> Option<&TaskDefinitionSpec> {
        match &self.examined.spec {
            Some(Spec::TaskDefinition(spec)) => Some(spec),
            _ => None,
        }
    }

    /// Returns the service; none for another kind or if it cannot be decoded.
    pub fn service(&self) -> Option<&ServiceSpec> {
        match &self.examined.spec {
            Some(Spec::Service(spec)) => Some(spec),
            _ => None,
        }
    }

    /// Returns the verdicts on the fields of its spec when objects are rendered in `mode`.
    pub fn field_verdicts(&self, profile: &RenderProfile, mode: Mode) -> Vec<FieldVerdict> {
        self.examined.verdicts(|spec, recorder| spec.record(&self.name, profile, mode, recorder))
    }

    /// Returns the ECS cluster of a service.
    pub fn cluster(&self) -> &str {
        self.service().map_or(DEFAULT_CLUSTER, |spec| spec.ecs.cluster_name())
    }

    /// True if it has no errors, so that objects can be written.
    pub fn is_usable(&self) -> bool {
        let severities = self.findings.iter().map(|finding| finding.severity);
        !severities
            .chain(self.related_findings.iter().map(|finding| finding.severity))
            .any(|severity| severity == Severity::Error)
    }

    /// Returns the name of the definition in messages about other definitions.
    pub fn label(&self) -> String {
        if self.index == 0 { self.source.clone() } else { format!("{} (definition {})", self.source, self.index + 1) }
    }

    /// Adds an error, unless the path has an error already.
    pub fn error(&mut self, at: &Pointer, code: &'static str, message: impl Into<String>) {
        let has_error = if self.belongs_to_related(at) {
            self.related_findings.iter().any(|other| other.severity == Severity::Error && other.path == *at)
        } else {
            let path = self.origin.find(at).unwrap_or_default();
            self.findings.iter().any(|other| other.severity == Severity::Error && other.path == path)
        };
        if !has_error {
            self.add(at, Severity::Error, code, message.into());
        }
    }

    /// Adds a warning: a probable mistake.
    pub fn warning(&mut self, at: &Pointer, code: &'static str, message: impl Into<String>) {
        self.add(at, Severity::Warning, code, message.into());
    }

    /// Adds a hint that requires no action.
    pub fn info(&mut self, at: &Pointer, code: &'static str, message: impl Into<String>) {
        self.add(at, Severity::Info, code, message.into());
    }

    fn add(&mut self, at: &Pointer, severity: Severity, code: &'static str, message: String) {
        if self.belongs_to_related(at) {
            return self.related_findings.push(ecs::Finding { path: at.clone(), severity, code, message });
        }
        let path = self.origin.find(at).unwrap_or_default();
        self.findings.push(Finding { path, severity, code, message });
    }

    /// Replaces the verdict on a field of the spec.
    pub fn override_verdict(
        &mut self,
        at: &Pointer,
        verdict: Verdict,
        code: &'static str,
        target: Option<String>,
        message: &str,
    ) {
        let path = self.origin.find(at).unwrap_or_default();
        let field = Field { path, verdict, code: Some(code), target, message: Some(message.to_owned()) };
        self.overrides.push((at.clone(), field));
    }

    /// Returns the definition's entry in the report: every leaf of the input, and every absent field whose default behaves
    /// differently.
    pub fn into_document(mut self) -> Document {
        let verdicts = std::mem::take(&mut self.verdicts);
        let defaults = self.defaults(&verdicts);
        let mut fields: HashMap<String, Field> =
            verdicts.into_iter().filter_map(|verdict| self.field(verdict)).collect();
        fields.extend(self.overrides.iter().map(|(_, field)| (field.path.clone(), field.clone())));
        let is_usable = self.is_usable();
        let leaves = std::mem::take(&mut self.leaves);
        let fields = leaves.into_iter().map(|leaf| {
            let path = leaf.path;
            match fields.remove(&path) {
                _ if !is_usable => refused(&path),
                // Describe output contains many empty lists. Without a translation nothing is lost.
                Some(field) if leaf.empty && field.code == Some(Code::NotTranslatedYet.name()) => empty(path),
                Some(field) => field,
                None if leaf.empty => empty(path),
                None => self.outside_definition(&path),
            }
        });
        let fields: Vec<Field> = fields.chain(defaults).collect();
        let described = fields.iter().filter(|field| field.code == Some(Code::DescribeOutput.name()));
        let described: HashSet<&str> = described.map(|field| field.path.as_str()).collect();
        // Hints about the spelling of ignored members are irrelevant.
        self.findings
            .retain(|finding| finding.severity != Severity::Info || !described.contains(finding.path.as_str()));
        self.findings.sort_by(|a, b| (a.severity, a.code).cmp(&(b.severity, b.code)));
        Document {
            source: self.source,
            index: self.index,
            kind: Some(self.kind.name()),
            name: Some(self.name).filter(|name| !name.is_empty()),
            fields,
            findings: self.findings,
            ..Document::default()
        }
    }

    /// Returns the fields of the report for absent members. A refused definition has none, because it has no objects.
    fn defaults(&self, verdicts: &[FieldVerdict]) -> Vec<Field> {
        let is_written = |path: &Pointer| path.find(self.normalized()).is_some();
        let absent = verdicts.iter().filter(|verdict| self.is_usable() && !is_written(&verdict.path));
        let fields = absent.filter_map(|verdict| Some(self.field(verdict.clone())?.1));
        let leaves: BTreeSet<&str> = self.leaves.iter().map(|leaf| leaf.path.as_str()).collect();
        let has_leaf_below = |path: &str| {
            let below = format!("{path}/");
            leaves.range(below.as_str()..).next().is_some_and(|leaf| leaf.starts_with(&below))
        };
        let is_reported = |path: &str| has_leaf_below(path) || upwards(path).any(|above| leaves.contains(above));
        let unreported = fields.filter(|field| !is_reported(&field.path));
        unreported.map(|field| Field { message: field.message.map(|message| by_default(&message)), ..field }).collect()
    }

    /// Returns the field of the report for a verdict, with its path; none for a part that the converter made.
    fn field(&self, verdict: FieldVerdict) -> Option<(String, Field)> {
        let path = self.origin.find(&verdict.path)?;
        let field = Field {
            path: path.clone(),
            verdict: verdict.verdict,
            code: verdict.code.map(Code::name),
            target: verdict.target,
            message: verdict.message,
        };
        Some((path, field))
    }

    /// Returns the field of the report for a leaf outside of the definition.
    fn outside_definition(&self, path: &str) -> Field {
        if self.resource.is_some() {
            return self.outside_spec(path);
        }
        let has_step = |step: &str| path.split('/').any(|other| other == step);
        if ["failures", "ResponseMetadata", "nextToken"].into_iter().any(has_step) {
            return ignored(path, Code::DescribeOutput.name(), DESCRIBE_OUTPUT_MESSAGE);
        }
        if has_step("forceNewDeployment") {
            return ignored(path, "one-time-request", "it requests one deployment and is not part of the service");
        }
        unsupported(path, "unknown-field", "it is outside of the definition and has no effect")
    }

    /// Returns the field of the report for a leaf outside of the spec of a custom resource.
    fn outside_spec(&self, path: &str) -> Field {
        let spec = self.origin.find(&Pointer::root()).unwrap_or_default();
        let resource = spec.strip_suffix("/spec").unwrap_or(&spec);
        let inside = path.strip_prefix(resource).filter(|inside| inside.starts_with('/'));
        let mut steps = inside.unwrap_or(path).split('/').skip(1);
        let (first, second) = (steps.next().unwrap_or_default(), steps.next());
        match (first, second) {
            ("metadata", Some("labels" | "annotations")) if inside.is_some() && self.target == Target::Kubernetes => {
                let message = "plain manifests have other labels and annotations; add this one to them if required";
                unsupported(path, Code::NotTranslatedYet.name(), message)
            }
            ("apiVersion" | "kind", None) | ("metadata", Some("name" | "namespace" | "labels" | "annotations")) => {
                // The members of a list object are not written, and plain manifests contain no custom resource.
                let written = inside.filter(|_| self.target == Target::CustomResources);
                let target = written.map(|inside| format!("{}/{}#{inside}", self.kind.name(), self.name));
                Field { path: path.to_owned(), verdict: Verdict::Exact, code: None, target, message: None }
            }
            _ => ignored(
                path,
                Code::DescribeOutput.name(),
                "the API server or the operator writes it; it is not an input",
            ),
        }
    }
}

/// Message on a field that is absent.
fn by_default(message: &str) -> String {
    format!("{message}; the field is absent, so its default applies")
}

fn refused(path: &str) -> Field {
    unsupported(path, REFUSED, "the definition has errors and was not converted")
}

fn unsupported(path: &str, code: &'static str, message: &str) -> Field {
    field(path, Verdict::Unsupported, code, message)
}

fn ignored(path: &str, code: &'static str, message: &str) -> Field {
    field(path, Verdict::Ignored, code, message)
}

fn field(path: &str, verdict: Verdict, code: &'static str, message: &str) -> Field {
    Field { path: path.to_owned(), verdict, code: Some(code), target: None, message: Some(message.to_owned()) }
}

fn empty(path: String) -> Field {
    let message = "empty values have no effect".to_owned();
    Field { path, verdict: Verdict::Exact, code: None, target: None, message: Some(message) }
}

/// Sets the family of a task definition without one to the name of its file. Custom resources have a name.
fn assume_family(item: &mut DefinitionInput, source: &Source) -> bool {
    let is_absent = item.spec.get("family").is_none_or(|family| family.is_null() || family.as_str() == Some(""));
    if item.kind != RootKind::TaskDefinition || !is_absent || item.resource.is_some() {
        return false;
    }
    let (Some(stem), Some(spec)) = (source.stem(), item.spec.as_object_mut()) else { return false };
    spec.insert("family".to_owned(), stem.into());
    item.origin.add_made(&Pointer::root().key("family"));
    true
}
