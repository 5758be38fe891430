//! A definition on its way from the input to the output, and its entry in the report.

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

/// What to add about memory when a file has containers alone, as Terraform and the AWS command line take them.
const CONTAINERS_ONLY: &str = "; the file has containers alone, so a task's memory can be given only with all of them in \
                               {\"containerDefinitions\": […], \"memory\": …}";

/// A definition and all that is to be told of it.
#[derive(Debug)]
pub(in crate::convert) struct Definition {
    pub source: String,
    pub index: usize,
    pub kind: RootKind,
    pub examined: Examined<Spec>,
    /// The name of the object it becomes; empty when it has none, which is an error.
    pub name: String,
    pub namespace: Option<String>,
    /// What it becomes.
    target: Target,
    /// The metadata it was given with as one of our resources.
    pub resource: Option<Value>,
    /// Whether it is what AWS completes a definition of its kind and name with.
    pub is_supplement: bool,
    origin: Origin,
    leaves: Vec<Leaf>,
    findings: Vec<Finding>,
    /// What is found of its parts, in places of the spec: it is told where they were given.
    pub related_findings: Vec<ecs::Finding>,
    /// What is said of a field instead of its verdict, by place in the spec.
    overrides: Vec<(Pointer, Field)>,
    /// The verdicts, once they are known.
    pub verdicts: Vec<FieldVerdict>,
}

impl Definition {
    /// Examines what was found in a source.
    pub fn examine(source: &Source, index: usize, mut item: DefinitionInput, settings: &Settings) -> Self {
        let assumed = assume_family(&mut item, source);
        let examined = spec::examine(item.kind, item.spec);
        let given = item.resource.as_ref().and_then(|metadata| metadata.get("namespace")).and_then(Value::as_str);
        let given = given.filter(|namespace| !namespace.is_empty());
        let mut definition = Self {
            source: source.name.clone(),
            index,
            kind: item.kind,
            examined,
            name: String::new(),
            namespace: settings.namespace.clone().or_else(|| given.map(str::to_owned)),
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
        definition.settle_name(assumed);
        definition.check_metadata();
        definition.refuse_task_sets();
        definition.tell_owner_of_count();
        definition.tell_container_names();
        definition
    }

    /// Takes over what the examination found, in places of the input.
    fn take_findings(&mut self, repeated: &[Pointer]) {
        let containers_only = self.kind == RootKind::TaskDefinition && self.origin.find(&Pointer::root()).is_none();
        let here = |finding: &ecs::Finding| {
            let more = if containers_only && finding.code == "no-memory" { CONTAINERS_ONLY } else { "" };
            let path = self.origin.find(&finding.path).unwrap_or_default();
            let message = format!("{}{more}", finding.message);
            Finding { path, severity: finding.severity, code: finding.code, message }
        };
        let (related_findings, own): (Vec<_>, Vec<_>) =
            self.examined.findings.iter().partition(|finding| self.belongs_to_related(&finding.path));
        let (related_findings, own) =
            (related_findings.into_iter().cloned().collect(), own.into_iter().map(here).collect());
        (self.related_findings, self.findings) = (related_findings, own);
        let again = |place: &Pointer| Finding {
            path: place.to_string(),
            severity: Severity::Warning,
            code: "repeated-member",
            message: "the member is given more than once; the last one counts".to_owned(),
        };
        self.findings.extend(repeated.iter().map(again));
    }

    /// Whether a place in the spec was given by another input.
    fn belongs_to_related(&self, at: &Pointer) -> bool {
        is_merge_target(at) && self.origin.find(at).is_none()
    }

    /// Takes over what a later check found, except where the same place was found wrong before.
    pub fn absorb(&mut self, later: Vec<ecs::Finding>) {
        for finding in later {
            match finding.severity {
                Severity::Error => self.error(&finding.path, finding.code, finding.message),
                Severity::Warning => self.warning(&finding.path, finding.code, finding.message),
                Severity::Info => self.info(&finding.path, finding.code, finding.message),
            }
        }
    }

    fn settle_name(&mut self, assumed: bool) {
        let given = self.resource.as_ref().and_then(|metadata| metadata.get("name")).and_then(Value::as_str);
        let given = given.map(str::to_owned);
        let (member, own) = self.own_name();
        match (given, own) {
            (Some(given), _) => {
                if let Some(finding) = self.examined.spec.as_ref().and_then(|spec| spec.misnamed(&given)) {
                    self.error(&member, finding.code, finding.message);
                }
                self.name = given;
            }
            (None, Some(name)) if self.kind == RootKind::CapacityProvider => self.name = capacity::object_name(&name),
            (None, Some(name)) => self.name = names::object_name(&name),
            (None, None) => self.error(&member, "missing-member", "a name is required to make objects of this"),
        }
        if assumed && !self.name.is_empty() {
            let message = format!("no family is given; it is called {:?} after its file", self.name);
            self.warning(&Pointer::root(), "family-from-file-name", message);
        }
    }

    /// Name and namespace of one of our resources become parts of other objects and of file names.
    fn check_metadata(&mut self) {
        let Some(metadata) = &self.resource else { return };
        let wrong = |member: &str, fits: fn(&str) -> bool| {
            metadata.get(member).is_some_and(|value| !value.is_null() && !value.as_str().is_some_and(fits))
        };
        let name = wrong("name", names::is_subdomain);
        let namespace = wrong("namespace", |namespace| namespace.is_empty() || names::is_label(namespace));
        let of_name = "at most 253 of a-z, 0-9 and hyphens, also in several parts with dots between them";
        let of_namespace = "at most 63 of a-z, 0-9 and hyphens";
        let rules = [(name, "name", of_name), (namespace, "namespace", of_namespace)];
        for (_, member, allowed) in rules.into_iter().filter(|(wrong, ..)| *wrong) {
            let message = format!(
                "`metadata.{member}` is not a {member} that Kubernetes takes: {allowed}; no hyphen is at an end"
            );
            self.error(&Pointer::root(), "invalid-resource", message);
        }
    }

    /// The member that holds the definition's name, and the name.
    fn own_name(&self) -> (Pointer, Option<String>) {
        let (member, default) = match self.kind {
            RootKind::TaskDefinition => ("family", None),
            RootKind::Service => ("serviceName", None),
            RootKind::Cluster => ("clusterName", Some(DEFAULT_CLUSTER)),
            RootKind::CapacityProvider => ("name", None),
        };
        // A definition that cannot be decoded may still contain its name.
        let name = self.normalised().get(member).and_then(Value::as_str).or(default);
        (Pointer::root().key(member), name.filter(|name| !name.is_empty()).map(str::to_owned))
    }

    /// ECS takes a service without a task definition from an external controller, which makes task sets; nothing that a
    /// service becomes has those.
    fn refuse_task_sets(&mut self) {
        let Some(service) = self.service() else { return };
        let controller = service.ecs.deployment_controller.as_ref().map(|controller| controller.r#type);
        if controller == Some(DeploymentControllerType::External) && service.ecs.task_definition.is_none() {
            let message = "its external controller brings task definitions with task sets, which have no counterpart; name \
                           the one to run here";
            self.error(&Pointer::root().key("taskDefinition"), "task-sets-only", message);
        }
    }

    /// What scales a service writes its count too: a manifest that gives one sets it back each time it is applied.
    fn tell_owner_of_count(&mut self) {
        let Some(service) = self.service() else { return };
        let is_scaled = service.ecs.auto_scaling.is_some() && !service.ecs.is_daemon();
        if is_scaled && service.ecs.desired_count.is_some() && self.target == Target::CustomResources {
            let message = "the service is scaled, and the count is that of whoever scales it: applied again, this one would set it \
                           back, so leave it out of what is applied from then on";
            self.warning(&Pointer::root().key("desiredCount"), "desired-count-of-autoscaler", message);
        }
    }

    /// Commands such as `kubectl logs --container` need the name a container has on Kubernetes.
    fn tell_container_names(&mut self) {
        let containers = self.task_definition().map(|spec| spec.ecs.container_definitions.as_slice());
        let given = containers.unwrap_or_default().iter().enumerate();
        let renamed = given.filter_map(|(position, container)| {
            let name = container.name.as_deref().filter(|name| !name.is_empty())?;
            let becomes = names::container_name(name);
            (becomes != name).then_some((position, becomes))
        });
        for (position, name) in renamed.collect::<Vec<_>>() {
            let at = Pointer::root().key("containerDefinitions").index(position).key("name");
            let message = format!("on Kubernetes the container is called {name:?}: kubectl logs --container {name}");
            self.info(&at, "container-renamed", message);
        }
    }

    /// The input with its lenient spellings made regular.
    pub fn normalised(&self) -> &Value {
        &self.examined.normalized
    }

    /// The task definition, when it is one that can be read.
    pub fn task_definition(&self) -> Option<&TaskDefinitionSpec> {
        match &self.examined.spec {
            Some(Spec::TaskDefinition(spec)) => Some(spec),
            _ => None,
        }
    }

    /// The service, when it is one that can be read.
    pub fn service(&self) -> Option<&ServiceSpec> {
        match &self.examined.spec {
            Some(Spec::Service(spec)) => Some(spec),
            _ => None,
        }
    }

    /// Returns the verdicts on the fields of its spec when objects are rendered in `mode`.
    pub fn field_verdicts(&self, profile: &RenderProfile, mode: Mode) -> Vec<FieldVerdict> {
        self.examined.verdicts(|spec, recorder| spec.claim(&self.name, profile, mode, recorder))
    }

    /// The ECS cluster a service belongs to.
    pub fn cluster(&self) -> &str {
        self.service().map_or(DEFAULT_CLUSTER, |spec| spec.ecs.cluster_name())
    }

    /// Whether something can be made of it.
    pub fn is_usable(&self) -> bool {
        let own = self.findings.iter().map(|finding| finding.severity);
        !own.chain(self.related_findings.iter().map(|finding| finding.severity))
            .any(|severity| severity == Severity::Error)
    }

    /// How the definition is called in messages about others.
    pub fn place(&self) -> String {
        if self.index == 0 { self.source.clone() } else { format!("{} (definition {})", self.source, self.index + 1) }
    }

    /// Refuses the definition, unless the same place was found wrong before.
    pub fn error(&mut self, at: &Pointer, code: &'static str, message: impl Into<String>) {
        let is_known = if self.belongs_to_related(at) {
            self.related_findings.iter().any(|known| known.severity == Severity::Error && known.path == *at)
        } else {
            let path = self.origin.find(at).unwrap_or_default();
            self.findings.iter().any(|known| known.severity == Severity::Error && known.path == path)
        };
        if !is_known {
            self.find(at, Severity::Error, code, message.into());
        }
    }

    /// Tells something that a person should look at.
    pub fn warning(&mut self, at: &Pointer, code: &'static str, message: impl Into<String>) {
        self.find(at, Severity::Warning, code, message.into());
    }

    /// Tells something worth knowing.
    pub fn info(&mut self, at: &Pointer, code: &'static str, message: impl Into<String>) {
        self.find(at, Severity::Info, code, message.into());
    }

    fn find(&mut self, at: &Pointer, severity: Severity, code: &'static str, message: String) {
        if self.belongs_to_related(at) {
            return self.related_findings.push(ecs::Finding { path: at.clone(), severity, code, message });
        }
        let path = self.origin.find(at).unwrap_or_default();
        self.findings.push(Finding { path, severity, code, message });
    }

    /// Says something else of a field of the spec than its verdict.
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

    /// The definition's entry in the report: every leaf of the input, whatever became of it, and every field that is
    /// not written and matters by its default.
    pub fn into_document(mut self) -> Document {
        let verdicts = std::mem::take(&mut self.verdicts);
        let defaults = self.defaults(&verdicts);
        let mut known: HashMap<String, Field> =
            verdicts.into_iter().filter_map(|verdict| self.place_verdict(verdict)).collect();
        known.extend(self.overrides.iter().map(|(_, field)| (field.path.clone(), field.clone())));
        let usable = self.is_usable();
        let leaves = std::mem::take(&mut self.leaves);
        let fields = leaves.into_iter().map(|leaf| {
            let path = leaf.path;
            match known.remove(&path) {
                _ if !usable => refused(&path),
                // An empty list that nothing translates is no loss: describe output is full of them.
                Some(field) if leaf.empty && field.code == Some(Code::NotTranslatedYet.name()) => absent(path),
                Some(field) => field,
                None if leaf.empty => absent(path),
                None => self.beside(&path),
            }
        });
        let fields: Vec<Field> = fields.chain(defaults).collect();
        let described = fields.iter().filter(|field| field.code == Some(Code::DescribeOutput.name()));
        let described: HashSet<&str> = described.map(|field| field.path.as_str()).collect();
        // How AWS writes what nobody reads is not worth knowing.
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

    /// What is said of fields that are not written. A refused definition has none: nothing was made of it.
    fn defaults(&self, verdicts: &[FieldVerdict]) -> Vec<Field> {
        let is_written = |path: &Pointer| path.find(self.normalised()).is_some();
        let absent = verdicts.iter().filter(|verdict| self.is_usable() && !is_written(&verdict.path));
        let placed = absent.filter_map(|verdict| Some(self.place_verdict(verdict.clone())?.1));
        let leaves: BTreeSet<&str> = self.leaves.iter().map(|leaf| leaf.path.as_str()).collect();
        let has_leaf_below = |path: &str| {
            let below = format!("{path}/");
            leaves.range(below.as_str()..).next().is_some_and(|leaf| leaf.starts_with(&below))
        };
        let is_given = |path: &str| has_leaf_below(path) || upwards(path).any(|above| leaves.contains(above));
        let unwritten = placed.filter(|field| !is_given(&field.path));
        let told = unwritten.map(|field| Field { message: field.message.map(|message| by_default(&message)), ..field });
        told.collect()
    }

    fn place_verdict(&self, verdict: FieldVerdict) -> Option<(String, Field)> {
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

    /// What is said of a leaf that stands beside the definition.
    fn beside(&self, path: &str) -> Field {
        if self.resource.is_some() {
            return self.beside_spec(path);
        }
        let has = |step: &str| path.split('/').any(|other| other == step);
        if ["failures", "ResponseMetadata", "nextToken"].into_iter().any(has) {
            return ignored(path, Code::DescribeOutput.name(), DESCRIBE_OUTPUT_MESSAGE);
        }
        if has("forceNewDeployment") {
            return ignored(path, "one-time-request", "it asks for a deployment once, and is no part of the service");
        }
        unsupported(path, "unknown-field", "it stands beside the definition and has no effect")
    }

    /// What is said of a leaf beside the spec of one of our resources.
    fn beside_spec(&self, path: &str) -> Field {
        let spec = self.origin.find(&Pointer::root()).unwrap_or_default();
        let resource = spec.strip_suffix("/spec").unwrap_or(&spec);
        let place = path.strip_prefix(resource).filter(|place| place.starts_with('/'));
        let mut steps = place.unwrap_or(path).split('/').skip(1);
        let (first, second) = (steps.next().unwrap_or_default(), steps.next());
        match (first, second) {
            ("metadata", Some("labels" | "annotations")) if place.is_some() && self.target == Target::Kubernetes => {
                let message =
                    "plain manifests have labels and annotations of their own; add this one to them if need be";
                unsupported(path, Code::NotTranslatedYet.name(), message)
            }
            ("apiVersion" | "kind", None) | ("metadata", Some("name" | "namespace" | "labels" | "annotations")) => {
                // What surrounds the items of a list says what it is and nothing more, and so do these in plain manifests.
                let written = place.filter(|_| self.target == Target::CustomResources);
                let target = written.map(|place| format!("{}/{}#{place}", self.kind.name(), self.name));
                Field { path: path.to_owned(), verdict: Verdict::Exact, code: None, target, message: None }
            }
            _ => ignored(path, Code::DescribeOutput.name(), "the API server or the operator writes it; it is no input"),
        }
    }
}

fn by_default(message: &str) -> String {
    format!("{message}; the field is not written, its default counts")
}

fn refused(path: &str) -> Field {
    unsupported(path, REFUSED, "the definition has errors; nothing was made of it")
}

fn unsupported(path: &str, code: &'static str, message: &str) -> Field {
    told(path, Verdict::Unsupported, code, message)
}

fn ignored(path: &str, code: &'static str, message: &str) -> Field {
    told(path, Verdict::Ignored, code, message)
}

fn told(path: &str, verdict: Verdict, code: &'static str, message: &str) -> Field {
    Field { path: path.to_owned(), verdict, code: Some(code), target: None, message: Some(message.to_owned()) }
}

fn absent(path: String) -> Field {
    let message = "an empty value means that nothing is given".to_owned();
    Field { path, verdict: Verdict::Exact, code: None, target: None, message: Some(message) }
}

/// Gives a task definition without a family the name of its file. Our own resources have a name.
fn assume_family(item: &mut DefinitionInput, source: &Source) -> bool {
    let absent = item.spec.get("family").is_none_or(|family| family.is_null() || family.as_str() == Some(""));
    if item.kind != RootKind::TaskDefinition || !absent || item.resource.is_some() {
        return false;
    }
    let (Some(stem), Some(spec)) = (source.stem(), item.spec.as_object_mut()) else { return false };
    spec.insert("family".to_owned(), stem.into());
    item.origin.put_in(&Pointer::root().key("family"));
    true
}
