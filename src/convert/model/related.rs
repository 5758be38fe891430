//! Merges related resources into their services and clusters, and reports each resource.
//!
//! The report of a resource contains each of its leaves with the verdict on the merged field of the parent.

mod cluster;
mod scaling;

use std::collections::{BTreeMap, BTreeSet};

use super::definition::Definition;
use super::entry::{Entry, Provenance};
use crate::convert::input::{Detected, Leaf, RelatedResource, Source};
use crate::ecs::fields::service_member_name;
use crate::ecs::pointer::upwards;
use crate::ecs::{Pointer, Severity};
use crate::report::{Document, Field, Finding, REFUSED};
use crate::translate::{Code, DESCRIBE_OUTPUT_MESSAGE, FieldVerdict, Verdict};

/// Attachments by the index of the resource.
pub(in crate::convert) type Attachments = BTreeMap<usize, Attachment>;

/// The parents of a related resource, or the reason why it has none.
pub(in crate::convert) enum Attachment {
    /// Paths in the specs of the parents, by their index. An alarm may trigger several policies.
    Parents(BTreeMap<usize, Vec<Pointer>>),
    /// An error, with its code and message.
    Rejected(&'static str, String),
    /// An alarm without a service among the inputs.
    Unrelated,
    /// An alarm on other alarms, which is not evaluated.
    NotEvaluated,
}

impl Attachment {
    /// Returns an attachment at one path of one parent.
    pub fn at(parent: usize, path: Pointer) -> Self {
        Self::Parents(BTreeMap::from([(parent, vec![path])]))
    }
}

/// Merges all related resources into their services and clusters.
pub(in crate::convert) fn merge(inputs: &mut [(Provenance, Detected)]) -> Attachments {
    let mut attachments = Attachments::new();
    scaling::merge(inputs, &mut attachments);
    cluster::merge(inputs, &mut attachments);
    attachments
}

/// Returns the report entry of each related resource, by its index. Adds a warning to the parents of resources with errors.
pub(in crate::convert) fn documents(
    sources: &[Source],
    entries: &mut [(Provenance, Entry)],
    attachments: &Attachments,
) -> Vec<(usize, Document)> {
    let findings = findings(entries, attachments);
    warn_parents(sources, entries, attachments, &findings);
    let document = |(index, (from, entry)): (usize, &(Provenance, Entry))| {
        let resource = entry.related()?;
        let attachment = attachments.get(&index)?;
        let mut document = Document {
            source: sources[from.source].name.clone(),
            index: from.index,
            kind: Some(resource.kind.name()),
            name: Some(resource.name.clone()).filter(|name| !name.is_empty()),
            ..Document::default()
        };
        let repeated = resource.scope.repeated.iter().map(|path| Finding {
            path: path.to_string(),
            severity: Severity::Warning,
            code: "repeated-member",
            message: "the member occurs more than once; only the last one is used".to_owned(),
        });
        document.findings.extend(repeated);
        document.findings.extend(resource.warnings.iter().cloned());
        document.findings.extend(findings.get(&index).into_iter().flatten().cloned());
        fill(&mut document, resource, attachment, entries);
        // Hints about the spelling of ignored members are irrelevant.
        let described = document.fields.iter().filter(|field| field.code == Some(Code::DescribeOutput.name()));
        let described: BTreeSet<&str> = described.map(|field| field.path.as_str()).collect();
        document.findings.retain(|it| it.severity != Severity::Info || !described.contains(it.path.as_str()));
        document.findings.sort_by(|a, b| (a.severity, a.code).cmp(&(b.severity, b.code)));
        Some((index, document))
    };
    entries.iter().enumerate().filter_map(document).collect()
}

/// Returns the findings of parents about each resource, by its index, with paths in the resource's document.
fn findings(entries: &[(Provenance, Entry)], attachments: &Attachments) -> BTreeMap<usize, Vec<Finding>> {
    let mut paths: BTreeMap<usize, Vec<(usize, &Pointer)>> = BTreeMap::new();
    for (index, attachment) in attachments {
        let Attachment::Parents(parents) = attachment else { continue };
        for (parent, at) in parents {
            paths.entry(*parent).or_default().extend(at.iter().map(|at| (*index, at)));
        }
    }
    let mut findings: BTreeMap<usize, Vec<Finding>> = BTreeMap::new();
    for (parent, paths) in paths {
        let Some(parent) = entries.get(parent).and_then(|(_, entry)| entry.definition()) else { continue };
        for finding in &parent.related_findings {
            let containing = || paths.iter().filter(|(_, path)| path.is_prefix_of(&finding.path));
            // A scalable target contains the paths of policies, and a policy those of alarms.
            let Some((_, closest)) = containing().max_by_key(|(_, path)| path.depth()) else { continue };
            for (index, path) in containing().filter(|(_, path)| path == closest) {
                let Some(resource) = entries.get(*index).and_then(|(_, entry)| entry.related()) else { continue };
                let inside = finding.path.to_string();
                let inside = inside.strip_prefix(&path.to_string()).unwrap_or_default();
                let (severity, code, message) = (finding.severity, finding.code, finding.message.clone());
                let finding = Finding { path: in_resource(resource, inside), severity, code, message };
                let resource_findings = findings.entry(*index).or_default();
                // An alarm of several policies is validated in each of them.
                if !resource_findings.contains(&finding) {
                    resource_findings.push(finding);
                }
            }
        }
    }
    findings
}

/// Adds a warning to each parent of a resource with errors, which is not converted.
fn warn_parents(
    sources: &[Source],
    entries: &mut [(Provenance, Entry)],
    attachments: &Attachments,
    findings: &BTreeMap<usize, Vec<Finding>>,
) {
    for (index, findings) in findings {
        let (Some(Attachment::Parents(parents)), Some((from, Entry::Related(resource)))) =
            (attachments.get(index), entries.get(*index))
        else {
            continue;
        };
        if !findings.iter().any(|finding| finding.severity == Severity::Error) {
            continue;
        }
        let name = if resource.name.is_empty() { String::new() } else { format!(" {:?}", resource.name) };
        let file = &sources[from.source].name;
        let message = format!("its {}{name} in {file} has errors, so it was not converted", resource.kind.name());
        for parent in parents.keys() {
            if let Some(parent) = entries.get_mut(*parent).and_then(|(_, entry)| entry.definition_mut()) {
                parent.warning(&Pointer::root(), "part-refused", message.clone());
            }
        }
    }
}

/// Adds the fields of a resource to its report entry.
fn fill(document: &mut Document, resource: &RelatedResource, attachment: &Attachment, entries: &[(Provenance, Entry)]) {
    let leaves = resource.scope.leaves.iter();
    match attachment {
        Attachment::Rejected(code, message) => {
            let (path, message) = (resource.path.to_string(), message.clone());
            document.findings.push(Finding { path, severity: Severity::Error, code, message });
            let refused = "the resource has errors and was not converted";
            document.fields = leaves.map(|leaf| field(leaf, Verdict::Unsupported, REFUSED, refused)).collect();
        }
        Attachment::Unrelated => {
            let message = "the alarm triggers no scaling policy of a service among the inputs";
            document.fields =
                leaves.map(|leaf| field(leaf, Verdict::Ignored, "alarm-without-policy", message)).collect();
        }
        Attachment::NotEvaluated => {
            let message =
                "alarms on other alarms are not evaluated: add the policy to the AlarmActions of an alarm on a metric";
            let code = Code::AlarmNotEvaluated.name();
            document.fields = leaves.map(|leaf| field(leaf, Verdict::Unsupported, code, message)).collect();
        }
        Attachment::Parents(parents) => {
            let parents: Vec<(&Definition, &Vec<Pointer>)> = parents
                .iter()
                .filter_map(|(parent, paths)| Some((entries.get(*parent)?.1.definition()?, paths)))
                .collect();
            let (usable, refused): (Vec<_>, Vec<_>) = parents.into_iter().partition(|(parent, _)| parent.is_usable());
            // The errors of the resource itself are more specific.
            let parent_errors = refused.iter().filter(|_| !document.is_refused());
            let parent_errors: Vec<Finding> = parent_errors
                .map(|(parent, _)| Finding {
                    path: resource.path.to_string(),
                    severity: Severity::Warning,
                    code: if usable.is_empty() { "whole-refused" } else { "one-whole-refused" },
                    message: format!(
                        "this belongs to the {} {:?}, which was not converted",
                        parent.kind.name(),
                        parent.name
                    ),
                })
                .collect();
            document.findings.extend(parent_errors);
            let merged: Vec<Merged<'_>> =
                usable.into_iter().map(|(parent, paths)| Merged::new(parent, paths)).collect();
            document.fields = leaves.map(|leaf| leaf_field(leaf, resource, &merged)).collect();
        }
    }
}

/// A parent that contains a resource.
struct Merged<'a> {
    parent: &'a Definition,
    /// The paths of the resource in its spec.
    paths: &'a [Pointer],
    verdicts: BTreeMap<String, &'a FieldVerdict>,
}

impl<'a> Merged<'a> {
    fn new(parent: &'a Definition, paths: &'a [Pointer]) -> Self {
        let verdicts = parent.verdicts.iter().map(|verdict| (verdict.path.to_string(), verdict)).collect();
        Self { parent, paths, verdicts }
    }

    /// Returns the most severe verdict on a path of the resource.
    fn verdict(&self, inside: &str) -> Option<&'a FieldVerdict> {
        let verdicts = self.paths.iter().filter_map(|path| self.verdicts.get(&format!("{path}{inside}")).copied());
        verdicts.min_by_key(|verdict| verdict.verdict)
    }
}

/// Returns the field of the report for a leaf of a resource that is merged into usable parents.
fn leaf_field(leaf: &Leaf, resource: &RelatedResource, merged: &[Merged<'_>]) -> Field {
    let exact = |message: String| Field {
        path: leaf.path.clone(),
        verdict: Verdict::Exact,
        code: None,
        target: None,
        message: Some(message),
    };
    let Some(first) = merged.first() else {
        return field(leaf, Verdict::Unsupported, REFUSED, "the definition that it belongs to was not converted");
    };
    if resource.kind.parent_members().iter().any(|member| resource.path.key(*member).to_string() == leaf.path) {
        return exact(format!("it identifies the {}, which contains the resource", first.parent.kind.name()));
    }
    let spec = leaf.path.strip_prefix(&resource.path.to_string()).map(in_spec).unwrap_or_default();
    let verdicts: Vec<_> = merged.iter().filter_map(|merged| Some((merged.parent, merged.verdict(&spec)?))).collect();
    match verdicts.iter().min_by_key(|(_, verdict)| verdict.verdict) {
        Some((parent, verdict)) => {
            let content = |it: &FieldVerdict| (it.verdict, it.code, it.message.clone());
            let differ = verdicts.iter().any(|(_, other)| content(other) != content(verdict));
            let prefix =
                if differ { format!("in the {} {:?}: ", parent.kind.name(), parent.name) } else { String::new() };
            Field {
                path: leaf.path.clone(),
                verdict: verdict.verdict,
                code: verdict.code.map(Code::name),
                target: verdict.target.clone(),
                message: verdict.message.as_ref().map(|message| format!("{prefix}{message}")),
            }
        }
        None if leaf.empty => exact("empty values have no effect".to_owned()),
        None => field(leaf, Verdict::Ignored, Code::DescribeOutput.name(), DESCRIBE_OUTPUT_MESSAGE),
    }
}

/// Returns the path in a resource's document of a path in its parent, also for members that the resource does not contain.
fn in_resource(resource: &RelatedResource, inside: &str) -> String {
    let root = resource.path.to_string();
    let paths = resource.scope.leaves.iter().flat_map(|leaf| upwards(&leaf.path));
    let paths = paths.filter_map(|path| Some((in_spec(path.strip_prefix(&root)?), path)));
    let paths: BTreeMap<String, &str> = paths.collect();
    let closest = upwards(inside).find_map(|above| Some((*paths.get(above)?, &inside[above.len()..])));
    let (path, missing) = closest.unwrap_or((&root, inside));
    let steps = missing.split('/').skip(1).map(|step| resource.kind.aws_member(step));
    steps.fold(path.to_owned(), |path, step| format!("{path}/{step}"))
}

/// Returns the path in a Service of a path in a resource. The names of members differ, the keys of tags do not.
fn in_spec(path: &str) -> String {
    let steps = path.split('/').skip(1);
    let mut is_tag = false;
    let renamed = steps.map(|step| {
        let is_key = std::mem::replace(&mut is_tag, step == "Tags");
        if is_key { step.to_owned() } else { service_member_name(step) }
    });
    renamed.fold(String::new(), |path, step| format!("{path}/{step}"))
}

fn field(leaf: &Leaf, verdict: Verdict, code: &'static str, message: &str) -> Field {
    Field { path: leaf.path.clone(), verdict, code: Some(code), target: None, message: Some(message.to_owned()) }
}
