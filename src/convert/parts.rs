//! What AWS keeps apart from a service or a cluster, merged into it, and what is reported of each part.
//!
//! The report tells of each leaf where it was given, with the verdict on what it came to in the whole.

mod cluster;
mod scaling;

use std::collections::{BTreeMap, BTreeSet};

use super::definition::Definition;
use super::files::Source;
use super::leaves::Leaf;
use super::recognise::{Part, Recognised};
use super::{Entry, Provenance};
use crate::ecs::fields::member_of_service;
use crate::ecs::pointer::upwards;
use crate::ecs::{Pointer, Severity};
use crate::report::{Document, Field, Finding, REFUSED};
use crate::translate::{Code, FieldVerdict, Verdict};

/// Where parts came to, by their number.
pub(super) type Belonging = BTreeMap<usize, Place>;

/// Where a part came to.
pub(super) enum Place {
    /// The wholes by their number, and the places in the spec of each: an alarm may trigger several policies.
    In(BTreeMap<usize, Vec<Pointer>>),
    /// Nowhere, which is a mistake.
    Nowhere(&'static str, String),
    /// Nowhere, as it is about something else.
    Elsewhere,
    /// Nowhere, as nobody evaluates alarms on other alarms.
    NotEvaluated,
}

impl Place {
    /// One place of one whole.
    pub fn at(whole: usize, place: Pointer) -> Self {
        Self::In(BTreeMap::from([(whole, vec![place])]))
    }
}

/// Puts all parts into what they belong to.
pub(super) fn merge(found: &mut [(Provenance, Recognised)]) -> Belonging {
    let mut belonging = Belonging::new();
    scaling::merge(found, &mut belonging);
    cluster::merge(found, &mut belonging);
    belonging
}

/// Whether a place in a spec is one that parts come to.
pub(super) fn is_of_part(place: &Pointer) -> bool {
    let members = cluster::MEMBERS.iter().chain([&scaling::MEMBER]);
    members.into_iter().any(|member| Pointer::root().key(*member).is_prefix_of(place))
}

/// What is reported of each part, by its number. A whole is told which of its parts have errors.
pub(super) fn documents(
    sources: &[Source],
    entries: &mut [(Provenance, Entry)],
    belonging: &Belonging,
) -> Vec<(usize, Document)> {
    let found = findings(entries, belonging);
    tell_wholes(sources, entries, belonging, &found);
    let of_entry = |(index, (from, entry)): (usize, &(Provenance, Entry))| {
        let Entry::Part(part) = entry else { return None };
        let place = belonging.get(&index)?;
        let mut document = Document {
            source: sources[from.source].name.clone(),
            index: from.index,
            kind: Some(part.kind.name()),
            name: Some(part.name.clone()).filter(|name| !name.is_empty()),
            ..Document::default()
        };
        let again = part.share.repeated.iter().map(|place| Finding {
            path: place.to_string(),
            severity: Severity::Warning,
            code: "repeated-member",
            message: "the member is given more than once; the last one counts".to_owned(),
        });
        document.findings.extend(again);
        document.findings.extend(part.doubts.iter().cloned());
        document.findings.extend(found.get(&index).into_iter().flatten().cloned());
        fill(&mut document, part, place, entries);
        // How AWS writes what nobody reads is not worth knowing.
        let described = document.fields.iter().filter(|field| field.code == Some(Code::DescribeOutput.name()));
        let described: BTreeSet<&str> = described.map(|field| field.path.as_str()).collect();
        document.findings.retain(|it| it.severity != Severity::Info || !described.contains(it.path.as_str()));
        document.findings.sort_by(|a, b| (a.severity, a.code).cmp(&(b.severity, b.code)));
        Some((index, document))
    };
    entries.iter().enumerate().filter_map(of_entry).collect()
}

/// What was found of each part in its wholes, by its number, in places of its own document.
fn findings(entries: &[(Provenance, Entry)], belonging: &Belonging) -> BTreeMap<usize, Vec<Finding>> {
    let mut places: BTreeMap<usize, Vec<(usize, &Pointer)>> = BTreeMap::new();
    for (index, place) in belonging {
        let Place::In(wholes) = place else { continue };
        for (whole, at) in wholes {
            places.entry(*whole).or_default().extend(at.iter().map(|at| (*index, at)));
        }
    }
    let mut told: BTreeMap<usize, Vec<Finding>> = BTreeMap::new();
    for (whole, places) in places {
        let Some((_, Entry::Definition(whole))) = entries.get(whole) else { continue };
        for finding in &whole.of_parts {
            let around = || places.iter().filter(|(_, place)| place.is_prefix_of(&finding.path));
            // A policy is a place of its own in the scalable target, and an alarm in a policy.
            let Some((_, closest)) = around().max_by_key(|(_, place)| place.depth()) else { continue };
            for (index, place) in around().filter(|(_, place)| place == closest) {
                let Some((_, Entry::Part(part))) = entries.get(*index) else { continue };
                let inside = finding.path.to_string();
                let inside = inside.strip_prefix(&place.to_string()).unwrap_or_default();
                let (severity, code, message) = (finding.severity, finding.code, finding.message.clone());
                let finding = Finding { path: in_part(part, inside), severity, code, message };
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

/// Says at each whole which of its parts have errors: nothing is made of it.
fn tell_wholes(
    sources: &[Source],
    entries: &mut [(Provenance, Entry)],
    belonging: &Belonging,
    found: &BTreeMap<usize, Vec<Finding>>,
) {
    for (index, findings) in found {
        let (Some(Place::In(wholes)), Some((from, Entry::Part(part)))) = (belonging.get(index), entries.get(*index))
        else {
            continue;
        };
        if !findings.iter().any(|finding| finding.severity == Severity::Error) {
            continue;
        }
        let what = if part.name.is_empty() { String::new() } else { format!(" {:?}", part.name) };
        let file = &sources[from.source].name;
        let message = format!("its {}{what} of {file} has errors, so nothing was made of it", part.kind.name());
        for whole in wholes.keys() {
            if let Some((_, Entry::Definition(whole))) = entries.get_mut(*whole) {
                whole.warning(&Pointer::root(), "part-refused", message.clone());
            }
        }
    }
}

fn fill(document: &mut Document, part: &Part, place: &Place, entries: &[(Provenance, Entry)]) {
    let leaves = part.share.leaves.iter();
    match place {
        Place::Nowhere(code, message) => {
            let (path, message) = (part.place.to_string(), message.clone());
            document.findings.push(Finding { path, severity: Severity::Error, code, message });
            let refused = "nothing was made of it";
            document.fields = leaves.map(|leaf| told(leaf, Verdict::Unsupported, REFUSED, refused)).collect();
        }
        Place::Elsewhere => {
            let message = "the alarm triggers no scaling policy of a service among the inputs";
            document.fields =
                leaves.map(|leaf| told(leaf, Verdict::Ignored, "alarm-without-policy", message)).collect();
        }
        Place::NotEvaluated => {
            let message = "nobody evaluates an alarm on other alarms: give the policy to the AlarmActions of an alarm on a metric";
            let code = Code::AlarmNotEvaluated.name();
            document.fields = leaves.map(|leaf| told(leaf, Verdict::Unsupported, code, message)).collect();
        }
        Place::In(wholes) => {
            let of_entry = |(whole, places): (&usize, _)| match entries.get(*whole) {
                Some((_, Entry::Definition(whole))) => Some((whole.as_ref(), places)),
                _ => None,
            };
            let wholes: Vec<(&Definition, &Vec<Pointer>)> = wholes.iter().filter_map(of_entry).collect();
            let (usable, refused): (Vec<_>, Vec<_>) = wholes.into_iter().partition(|(whole, _)| whole.is_usable());
            // What is wrong with the part itself says more.
            let elsewhere = refused.iter().filter(|_| !document.is_refused());
            let elsewhere: Vec<Finding> = elsewhere
                .map(|(whole, _)| Finding {
                    path: part.place.to_string(),
                    severity: Severity::Warning,
                    code: if usable.is_empty() { "whole-refused" } else { "one-whole-refused" },
                    message: format!(
                        "the {} {:?} was not converted, and this is a part of it",
                        whole.kind.name(),
                        whole.name
                    ),
                })
                .collect();
            document.findings.extend(elsewhere);
            let uses: Vec<Use<'_>> = usable.into_iter().map(|(whole, places)| Use::of(whole, places)).collect();
            document.fields = leaves.map(|leaf| of_leaf(leaf, part, &uses)).collect();
        }
    }
}

/// A whole that a part came to.
struct Use<'a> {
    whole: &'a Definition,
    /// The places of the part in its spec.
    places: &'a [Pointer],
    verdicts: BTreeMap<String, &'a FieldVerdict>,
}

impl<'a> Use<'a> {
    fn of(whole: &'a Definition, places: &'a [Pointer]) -> Self {
        let verdicts = whole.verdicts.iter().map(|verdict| (verdict.path.to_string(), verdict)).collect();
        Self { whole, places, verdicts }
    }

    /// The gravest verdict on what is at this place of the part.
    fn verdict(&self, inside: &str) -> Option<&'a FieldVerdict> {
        let verdicts = self.places.iter().filter_map(|place| self.verdicts.get(&format!("{place}{inside}")).copied());
        verdicts.min_by_key(|verdict| verdict.verdict)
    }
}

/// What became of a leaf of a part in the wholes that could be used.
fn of_leaf(leaf: &Leaf, part: &Part, uses: &[Use<'_>]) -> Field {
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
    if part.kind.naming().iter().any(|member| part.place.key(*member).to_string() == leaf.path) {
        return exact(format!("it names the {}, which has this in itself", first.whole.kind.name()));
    }
    let spec = leaf.path.strip_prefix(&part.place.to_string()).map(in_spec).unwrap_or_default();
    let verdicts: Vec<_> = uses.iter().filter_map(|of| Some((of.whole, of.verdict(&spec)?))).collect();
    match verdicts.iter().min_by_key(|(_, verdict)| verdict.verdict) {
        Some((whole, verdict)) => {
            let says = |it: &FieldVerdict| (it.verdict, it.code, it.message.clone());
            let differ = verdicts.iter().any(|(_, other)| says(other) != says(verdict));
            let prefix =
                if differ { format!("in the {} {:?}: ", whole.kind.name(), whole.name) } else { String::new() };
            Field {
                path: leaf.path.clone(),
                verdict: verdict.verdict,
                code: verdict.code.map(Code::name),
                target: verdict.target.clone(),
                message: verdict.message.as_ref().map(|message| format!("{prefix}{message}")),
            }
        }
        None if leaf.empty => exact("an empty value means that nothing is given".to_owned()),
        None => {
            let message = "AWS prints it in descriptions; it is no input";
            told(leaf, Verdict::Ignored, Code::DescribeOutput.name(), message)
        }
    }
}

/// The place in a part's document of a place in its whole; where the part has nothing, the place that it would have.
fn in_part(part: &Part, inside: &str) -> String {
    let root = part.place.to_string();
    let places = part.share.leaves.iter().flat_map(|leaf| upwards(&leaf.path));
    let places = places.filter_map(|place| Some((in_spec(place.strip_prefix(&root)?), place)));
    let known: BTreeMap<String, &str> = places.collect();
    let found = upwards(inside).find_map(|above| Some((*known.get(above)?, &inside[above.len()..])));
    let (place, missing) = found.unwrap_or((&root, inside));
    let named = missing.split('/').skip(1).map(|step| part.kind.member(step));
    named.fold(place.to_owned(), |place, step| format!("{place}/{step}"))
}

/// The way to a leaf of a part in a Service: members are named differently, but not the keys of tags.
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
