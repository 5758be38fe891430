//! What AWS keeps apart from a service or a cluster, merged into it, and what is reported of each part.
//!
//! The report tells of each leaf where it was given, with the verdict on what it came to in the whole.

mod cluster;
mod scaling;

use std::collections::{BTreeMap, BTreeSet};

use super::files::Source;
use super::leaves::Leaf;
use super::recognise::{Part, Recognised};
use super::{Entry, Provenance};
use crate::ecs::fields::member_of_service;
use crate::ecs::{Pointer, Severity};
use crate::report::{Document, Field, Finding};
use crate::translate::{Code, Verdict};

/// Where parts came to, by their number.
pub(super) type Belonging = BTreeMap<usize, Place>;

/// Where a part came to.
pub(super) enum Place {
    /// The number of the whole, and the places in its spec: an alarm may trigger several policies.
    In(usize, Vec<Pointer>),
    /// Nowhere, which is a mistake.
    Nowhere(&'static str, String),
    /// Nowhere, as it is about something else.
    Elsewhere,
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

/// What is reported of each part, by its number.
pub(super) fn documents(
    sources: &[Source],
    entries: &[(Provenance, Entry)],
    belonging: &Belonging,
) -> Vec<(usize, Document)> {
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
        fill(&mut document, part, place, entries);
        Some((index, document))
    };
    entries.iter().enumerate().filter_map(of_entry).collect()
}

fn fill(document: &mut Document, part: &Part, place: &Place, entries: &[(Provenance, Entry)]) {
    let leaves = part.share.leaves.iter();
    match place {
        Place::Nowhere(code, message) => {
            let (path, message) = (part.place.to_string(), message.clone());
            document.findings.push(Finding { path, severity: Severity::Error, code, message });
            let refused = "nothing was made of it";
            document.fields = leaves.map(|leaf| told(leaf, Verdict::Unsupported, "refused", refused)).collect();
        }
        Place::Elsewhere => {
            let message = "the alarm triggers no scaling policy of a service among the inputs";
            document.fields =
                leaves.map(|leaf| told(leaf, Verdict::Ignored, "alarm-without-policy", message)).collect();
        }
        Place::In(whole, places) => {
            let Some((_, Entry::Definition(whole))) = entries.get(*whole) else { return };
            if !whole.is_usable() {
                let what = whole.kind.name();
                let message = format!("the {what} {:?} has errors, and this is a part of it", whole.name);
                document.findings.push(Finding {
                    path: part.place.to_string(),
                    severity: Severity::Warning,
                    code: "whole-refused",
                    message,
                });
                let refused = format!("nothing was made of the {what} that it belongs to");
                document.fields = leaves.map(|leaf| told(leaf, Verdict::Unsupported, "refused", &refused)).collect();
                return;
            }
            let naming = part.kind.naming().iter();
            let own: BTreeSet<String> = naming.map(|member| part.place.key(*member).to_string()).collect();
            let verdicts: BTreeMap<String, _> =
                whole.verdicts.iter().map(|verdict| (verdict.path.to_string(), verdict)).collect();
            let field = |leaf: &Leaf| {
                if own.contains(&leaf.path) {
                    let message = Some(format!("it names the {}, which has this in itself", whole.kind.name()));
                    return Field {
                        path: leaf.path.clone(),
                        verdict: Verdict::Exact,
                        code: None,
                        target: None,
                        message,
                    };
                }
                let inside = leaf.path.strip_prefix(&part.place.to_string());
                let spec = inside.map(in_spec).unwrap_or_default();
                let verdict = places.iter().find_map(|place| verdicts.get(&format!("{place}{spec}")));
                match verdict {
                    Some(verdict) => Field {
                        path: leaf.path.clone(),
                        verdict: verdict.verdict,
                        code: verdict.code.map(Code::name),
                        target: verdict.target.clone(),
                        message: verdict.message.clone(),
                    },
                    None if leaf.empty => Field {
                        path: leaf.path.clone(),
                        verdict: Verdict::Exact,
                        code: None,
                        target: None,
                        message: Some("an empty value means that nothing is given".to_owned()),
                    },
                    None => told(
                        leaf,
                        Verdict::Ignored,
                        Code::DescribeOutput.name(),
                        "AWS prints it in descriptions; it is no input",
                    ),
                }
            };
            document.fields = leaves.map(field).collect();
        }
    }
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
