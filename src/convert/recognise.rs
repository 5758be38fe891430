//! Which definitions a text holds, by the members that are present.

mod foreign;
mod part;
mod problem;
mod scaling;
mod shapes;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::path::Path;

use serde_json::Value;

pub(super) use part::{Part, PartKind};
pub(super) use problem::Problem;

use super::files::Source;
use super::leaves::{self, Leaf};
use super::origin::Origin;
use super::syntax::SyntaxError;
use super::{json, yaml};
use crate::ecs::Pointer;
use crate::ecs::pointer::upwards;

/// What ECS calls a definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    TaskDefinition,
    Service,
    Cluster,
    CapacityProvider,
}

impl Kind {
    const ALL: [Self; 4] = [Self::TaskDefinition, Self::Service, Self::Cluster, Self::CapacityProvider];

    pub fn name(self) -> &'static str {
        match self {
            Self::TaskDefinition => "TaskDefinition",
            Self::Service => "Service",
            Self::Cluster => "Cluster",
            Self::CapacityProvider => "CapacityProvider",
        }
    }
}

/// A definition and where it was found.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub kind: Kind,
    /// The definition in the shape of our custom resource's spec.
    pub spec: Value,
    /// Where its parts were given.
    pub origin: Origin,
    /// The metadata, when it was given as one of our custom resources.
    pub resource: Option<Value>,
    /// Whether it is what AWS completes a definition of that kind and name with, and may stand alone too.
    pub completes: bool,
    /// Its share of the document.
    pub share: Share,
}

/// What of a document is to be reported with a part of it.
#[derive(Clone, Debug)]
pub(super) struct Share {
    /// The place in the document that is this part and nothing else.
    cover: Pointer,
    /// The leaves to report with it.
    pub leaves: Vec<Leaf>,
    /// Members that are given more than once in the input.
    pub repeated: Vec<Pointer>,
}

impl Share {
    fn at(cover: &Pointer) -> Self {
        Self { cover: cover.clone(), leaves: Vec::new(), repeated: Vec::new() }
    }
}

/// What a part of an input is.
#[derive(Debug)]
pub(super) enum Recognised {
    Definition(Box<Item>),
    /// What AWS keeps apart from the service or the cluster that it is about.
    Part(Box<Part>),
    Other(Problem),
}

/// A document, and the members given more than once in it.
type Documents = Vec<(Value, Vec<Pointer>)>;

/// All definitions of a text, and what in it is none, in the order of the text. There is always something to tell.
/// Each comes with the number of its document in the text.
pub(super) fn recognise(source: &Source) -> Vec<(usize, Recognised)> {
    let other = |problem| vec![(0, Recognised::Other(problem))];
    let text = match &source.text {
        Ok(text) => text,
        Err(reason) => return other(Problem::unreadable(reason)),
    };
    if let Some(problem) = foreign::output(&source.name, text) {
        return other(problem);
    }
    let parsed = parse(&source.name, text);
    // YAML takes nearly any words for one text.
    let has_members =
        parsed.as_ref().is_ok_and(|all| all.iter().any(|(value, _)| value.is_object() || value.is_array()));
    if !has_members && let Some(problem) = foreign::language(text) {
        return other(problem);
    }
    let numbered = |(number, document)| in_document(document, source.found).into_iter().map(move |r| (number, r));
    match parsed {
        Ok(documents) if documents.is_empty() => other(Problem::empty(source)),
        Ok(documents) => documents.into_iter().enumerate().flat_map(numbered).collect(),
        Err(error) => other(Problem::syntax(&error, text)),
    }
}

fn parse(name: &str, text: &str) -> Result<Documents, SyntaxError> {
    if is_yaml(name, text) {
        Ok(yaml::parse(text)?.into_iter().map(|value| (value, Vec::new())).collect())
    } else {
        Ok(json::parse(text)?.into_iter().map(|json| (json.value, json.repeated)).collect())
    }
}

/// By the ending of the name; where that tells nothing, by the first character of the text.
pub(super) fn is_yaml(name: &str, text: &str) -> bool {
    let ending = Path::new(name).extension().map(|ending| ending.to_string_lossy().to_lowercase());
    match ending.as_deref() {
        Some("yaml" | "yml") => true,
        Some("json" | "jsonc") => false,
        _ => !text.trim_start().starts_with(['{', '[', '/']) && !text.trim().is_empty(),
    }
}

fn in_document((document, repeated): (Value, Vec<Pointer>), found: bool) -> Vec<Recognised> {
    let mut all = shapes::find(&document, &Pointer::root(), found);
    share_out(leaves::of(&document), repeated, &mut all);
    all
}

/// Gives each leaf, and each member given again, to the definition it is in. A leaf that is in none goes to the first.
fn share_out(leaves: Vec<Leaf>, repeated: Vec<Pointer>, all: &mut [Recognised]) {
    let problems: HashSet<String> = all.iter().filter_map(Recognised::problem_place).collect();
    let mut items: Vec<&mut Share> = all.iter_mut().filter_map(Recognised::share).collect();
    let covers: HashMap<String, usize> =
        items.iter().enumerate().map(|(number, item)| (item.cover.to_string(), number)).collect();
    let owner = |place: &str| upwards(place).find_map(|above| covers.get(above).copied());
    for leaf in leaves {
        if !problems.is_empty() && upwards(&leaf.path).any(|above| problems.contains(above)) {
            continue;
        }
        if let Some(item) = items.get_mut(owner(&leaf.path).unwrap_or(0)) {
            item.leaves.push(leaf);
        }
    }
    for place in repeated {
        if let Some(owner) = owner(&place.to_string()) {
            items[owner].repeated.push(place);
        }
    }
}

impl Recognised {
    fn share(&mut self) -> Option<&mut Share> {
        match self {
            Self::Definition(item) => Some(&mut item.share),
            Self::Part(part) => Some(&mut part.share),
            Self::Other(_) => None,
        }
    }

    fn problem_place(&self) -> Option<String> {
        match self {
            Self::Definition(_) | Self::Part(_) => None,
            Self::Other(problem) => Some(problem.place.to_string()),
        }
    }
}
