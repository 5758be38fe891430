//! What AWS keeps apart from a service or a cluster, merged into it, and what is reported of each resource.
//!
//! The report tells of each leaf where it was given, with the verdict on what it came to in the parent.

mod cluster;
mod scaling;

use std::collections::{BTreeMap, BTreeSet};

use super::definition::Definition;
use super::entry::{Entry, Provenance};
use crate::convert::input::{Detected, Leaf, RelatedResource, Source};
use crate::ecs::fields::member_of_service;
use crate::ecs::pointer::upwards;
use crate::ecs::{Pointer, Severity};
use crate::report::{Document, Field, Finding, REFUSED};
use crate::translate::{Code, DESCRIBE_OUTPUT_MESSAGE, FieldVerdict, Verdict};

/// Where resources came to, by their number.
pub(in crate::convert) type Attachments = BTreeMap<usize, Attachment>;

/// Where a resource came to.
pub(in crate::convert) enum Attachment {
    /// The parents by their number, and the paths in the spec of each: an alarm may trigger several policies.
    Parents(BTreeMap<usize, Vec<Pointer>>),
    /// Nowhere, which is a mistake.
    Rejected(&'static str, String),
    /// Nowhere, as it is about something else.
    Unrelated,
    /// Nowhere, as nobody evaluates alarms on other alarms.
    NotEvaluated,
}

impl Attachment {
    /// One path of one parent.
    pub fn at(parent: usize, path: Pointer) -> Self {
        Self::Parents(BTreeMap::from([(parent, vec![path])]))
    }
}

/// Puts all resources into what they belong to.
pub(in crate::convert) fn merge(found: &mut [(Provenance, Detected)]) -> Attachments {
    let mut attachments = Attachments::new();
    scaling::merge(found, &mut attachments);
    cluster::merge(found, &mut attachments);
    attachments
}

/// What is reported of each resource, by its number. A parent is told which of its resources have errors.
pub(in crate::convert) fn documents(
    sources: &[Source],
    entries: &mut [(Provenance, Entry)],
    attachments: &Attachments,
) -> Vec<(usize, Document)> {
    let found = findings(entries, attachments);
    tell_wholes(sources, entries, attachments, &found);
    let of_entry = |(index, (from, entry)): (usize, &(Provenance, Entry))| {
        let resource = entry.related()?;
        let path = attachments.get(&index)?;
        let mut document = Document {
            source: sources[from.source].name.clone(),
            index: from.index,
            kind: Some(resource.kind.name()),
            name: Some(resource.name.clone()).filter(|name| !name.is_empty()),
            ..Document::default()
        };
        let again = resource.scope.repeated.iter().map(|path| Finding {
            path: path.to_string(),
            severity: Severity::Warning,
            code: "repeated-member",
            message: "the member is given more than once; the last one counts".to_owned(),
        });
        document.findings.extend(again);
        document.findings.extend(resource.warnings.iter().cloned());
        document.findings.extend(found.get(&index).into_iter().flatten().cloned());
        fill(&mut document, resource, path, entries);
        // How AWS writes what nobody reads is not worth knowing.
        let described = document.fields.iter().filter(|field| field.code == Some(Code::DescribeOutput.name()));
        let described: BTreeSet<&str> = described.map(|field| field.path.as_str()).collect();
        document.findings.retain(|it| it.severity != Severity::Info || !described.contains(it.path.as_str()));
        document.findings.sort_by(|a, b| (a.severity, a.code).cmp(&(b.severity, b.code)));
        Some((index, document))
    };
    entries.iter().enumerate().filter_map(of_entry).collect()
}

/// What was found of each resource in its parents, by its number, in paths of its own document.
fn findings(entries: &[(Provenance, Entry)], attachments: &Attachments) -> BTreeMap<usize, Vec<Finding>> {
    let mut paths: BTreeMap<usize, Vec<(usize, &Pointer)>> = BTreeMap::new();
    for (index, path) in attachments {
        let Attachment::Parents(parents) = path else { continue };
        for (parent, at) in parents {
            paths.entry(*parent).or_default().extend(at.iter().map(|at| (*index, at)));
        }
    }
    let mut told: BTreeMap<usize, Vec<Finding>> = BTreeMap::new();
    for (parent, paths) in paths {
        let Some(parent) = entries.get(parent).and_then(|(_, entry)| entry.definition()) else { continue };
        for finding in &parent.related_findings {
            let around = || paths.iter().filter(|(_, path)| path.is_prefix_of(&finding.path));
            // A policy is a path of its own in the scalable target, and an alarm in a policy.
            let Some((_, closest)) = around().max_by_key(|(_, path)| path.depth()) else { continue };
            for (index, path) in around().filter(|(_, path)| path == closest) {
                let Some(resource) = entries.get(*index).and_then(|(_, entry)| entry.related()) else { continue };
                let inside = finding.path.to_string();
                let inside = inside.strip_prefix(&path.to_string()).unwrap_or_default();
                let (severity, code, message) = (finding.severity, finding.code, finding.message.clone());
                let finding = Finding { path: in_part(resource, inside), severity, code, message };
                let all = told.entry(*index).or_default();
                // An alarm that triggers several policies is looked at in each.
                if !all.contains(&finding) {
                    all.push(finding);
                }
            }
        }
    }
    told
}

/// Says at each parent which of its resources have errors: nothing is made of it.
fn tell_wholes(
    sources: &[Source],
    entries: &mut [(Provenance, Entry)],
    attachments: &Attachments,
    found: &BTreeMap<usize, Vec<Finding>>,
) {
    for (index, findings) in found {
        let (Some(Attachment::Parents(parents)), Some((from, Entry::Related(resource)))) =
            (attachments.get(index), entries.get(*index))
        else {
            continue;
        };
        if !findings.iter().any(|finding| finding.severity == Severity::Error) {
            continue;
        }
        let what = if resource.name.is_empty() { String::new() } else { format!(" {:?}", resource.name) };
        let file = &sources[from.source].name;
        let message = format!("its {}{what} of {file} has errors, so nothing was made of it", resource.kind.name());
        for parent in parents.keys() {
            if let Some(parent) = entries.get_mut(*parent).and_then(|(_, entry)| entry.definition_mut()) {
                parent.warning(&Pointer::root(), "part-refused", message.clone());
            }
        }
    }
}

fn fill(document: &mut Document, resource: &RelatedResource, path: &Attachment, entries: &[(Provenance, Entry)]) {
    let leaves = resource.scope.leaves.iter();
    match path {
        Attachment::Rejected(code, message) => {
            let (path, message) = (resource.path.to_string(), message.clone());
            document.findings.push(Finding { path, severity: Severity::Error, code, message });
            let refused = "nothing was made of it";
            document.fields = leaves.map(|leaf| told(leaf, Verdict::Unsupported, REFUSED, refused)).collect();
        }
        Attachment::Unrelated => {
            let message = "the alarm triggers no scaling policy of a service among the inputs";
            document.fields =
                leaves.map(|leaf| told(leaf, Verdict::Ignored, "alarm-without-policy", message)).collect();
        }
        Attachment::NotEvaluated => {
            let message = "nobody evaluates an alarm on other alarms: give the policy to the AlarmActions of an alarm on a metric";
            let code = Code::AlarmNotEvaluated.name();
            document.fields = leaves.map(|leaf| told(leaf, Verdict::Unsupported, code, message)).collect();
        }
        Attachment::Parents(parents) => {
            let of_entry = |(parent, paths): (&usize, _)| Some((entries.get(*parent)?.1.definition()?, paths));
            let parents: Vec<(&Definition, &Vec<Pointer>)> = parents.iter().filter_map(of_entry).collect();
            let (usable, refused): (Vec<_>, Vec<_>) = parents.into_iter().partition(|(parent, _)| parent.is_usable());
            // What is wrong with the resource itself says more.
            let elsewhere = refused.iter().filter(|_| !document.is_refused());
            let elsewhere: Vec<Finding> = elsewhere
                .map(|(parent, _)| Finding {
                    path: resource.path.to_string(),
                    severity: Severity::Warning,
                    code: if usable.is_empty() { "whole-refused" } else { "one-whole-refused" },
                    message: format!(
                        "the {} {:?} was not converted, and this belongs to it",
                        parent.kind.name(),
                        parent.name
                    ),
                })
                .collect();
            document.findings.extend(elsewhere);
            let uses: Vec<Use<'_>> = usable.into_iter().map(|(parent, paths)| Use::of(parent, paths)).collect();
            document.fields = leaves.map(|leaf| of_leaf(leaf, resource, &uses)).collect();
        }
    }
}

/// A parent that a resource came to.
struct Use<'a> {
    parent: &'a Definition,
    /// The paths of the resource in its spec.
    paths: &'a [Pointer],
    verdicts: BTreeMap<String, &'a FieldVerdict>,
}

impl<'a> Use<'a> {
    fn of(parent: &'a Definition, paths: &'a [Pointer]) -> Self {
        let verdicts = parent.verdicts.iter().map(|verdict| (verdict.path.to_string(), verdict)).collect();
        Self { parent, paths, verdicts }
    }

    /// The gravest verdict on what is at this path of the resource.
    fn verdict(&self, inside: &str) -> Option<&'a FieldVerdict> {
        let verdicts = self.paths.iter().filter_map(|path| self.verdicts.get(&format!("{path}{inside}")).copied());
        verdicts.min_by_key(|verdict| verdict.verdict)
    }
}

/// What became of a leaf of a resource in the parents that could be used.
fn of_leaf(leaf: &Leaf, resource: &RelatedResource, uses: &[Use<'_>]) -> Field {
    let exact = |message: String| Field {
        path: leaf.path.clone(),
        verdict: Verdict::Exact,
        code: None,
        target: None,
        message: Some(message),
    };
    let Some(first) = uses.first() else {
        return told(leaf, Verdict::Unsupported, REFUSED, "nothing was made of what it belongs to");
    };
    if resource.kind.parent_members().iter().any(|member| resource.path.key(*member).to_string() == leaf.path) {
        return exact(format!("it names the {}, which has this in itself", first.parent.kind.name()));
    }
    let spec = leaf.path.strip_prefix(&resource.path.to_string()).map(in_spec).unwrap_or_default();
    let verdicts: Vec<_> = uses.iter().filter_map(|of| Some((of.parent, of.verdict(&spec)?))).collect();
    match verdicts.iter().min_by_key(|(_, verdict)| verdict.verdict) {
        Some((parent, verdict)) => {
            let says = |it: &FieldVerdict| (it.verdict, it.code, it.message.clone());
            let differ = verdicts.iter().any(|(_, other)| says(other) != says(verdict));
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
        None if leaf.empty => exact("an empty value means that nothing is given".to_owned()),
        None => told(leaf, Verdict::Ignored, Code::DescribeOutput.name(), DESCRIBE_OUTPUT_MESSAGE),
    }
}

/// The path in a resource's document of a path in its parent; where the resource has nothing, the path that it would have.
fn in_part(resource: &RelatedResource, inside: &str) -> String {
    let root = resource.path.to_string();
    let paths = resource.scope.leaves.iter().flat_map(|leaf| upwards(&leaf.path));
    let paths = paths.filter_map(|path| Some((in_spec(path.strip_prefix(&root)?), path)));
    let known: BTreeMap<String, &str> = paths.collect();
    let found = upwards(inside).find_map(|above| Some((*known.get(above)?, &inside[above.len()..])));
    let (path, missing) = found.unwrap_or((&root, inside));
    let named = missing.split('/').skip(1).map(|step| resource.kind.aws_member(step));
    named.fold(path.to_owned(), |path, step| format!("{path}/{step}"))
}

/// The way to a leaf of a resource in a Service: members are named differently, but not the keys of tags.
fn in_spec(path: &str) -> String {
    let steps = path.split('/').skip(1);
    let mut tags = false;
    let renamed = steps.map(|step| {
        let own = std::mem::replace(&mut tags, step == "Tags");
        if own { step.to_owned() } else { member_of_service(step) }
    });
    renamed.fold(String::new(), |path, step| format!("{path}/{step}"))
}

fn told(leaf: &Leaf, verdict: Verdict, code: &'static str, message: &str) -> Field {
    Field { path: leaf.path.clone(), verdict, code: Some(code), target: None, message: Some(message.to_owned()) }
}
