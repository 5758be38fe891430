//! Files in; custom resources or plain manifests and a report out. No cluster, no AWS account.
//!
//! [`files`] reads, `recognise` finds the definitions, `definition` examines them and `pairs` those that belong together,
//! `resources` and `plain` write what they become. Everything but reading is a function of the texts.

mod collision;
mod companions;
mod definition;
pub mod files;
mod json;
mod leaves;
mod manifest;
mod origin;
mod pairs;
mod parts;
mod plain;
mod positions;
mod recognise;
mod resources;
mod service_reference;
mod single;
mod syntax;
mod yaml;

#[cfg(test)]
mod corpus_tests;
#[cfg(test)]
mod tests;

use crate::translate::RenderProfile;
pub use files::Source;
pub use manifest::{MARK, Manifest};
pub use single::{NoTaskDefinition, single_task_definition};

use crate::report::{Document, Report};
use definition::Definition;
use positions::Positions;
use recognise::{Part, Recognised};

/// The oldest one: sidecars and their order are stable from it on.
pub const OLDEST_MINOR: u32 = 33;

/// What the definitions become.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Target {
    /// Our own resources, for a cluster where the operator runs.
    #[default]
    CustomResources,
    /// Deployments and Services and what they need, for a cluster with nothing of ours.
    Kubernetes,
}

/// How to convert.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What the definitions become.
    pub target: Target,
    /// The namespace of all objects; none leaves it to whoever applies them.
    pub namespace: Option<String>,
    /// Whether a service stays on the revision it names, which is AWS's number and not the new cluster's.
    pub keep_revisions: bool,
    /// What plain manifests may use.
    pub profile: RenderProfile,
    /// Whether the report is to know lines and columns. Each text is read once more for them.
    pub places: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            target: Target::default(),
            namespace: None,
            keep_revisions: false,
            profile: RenderProfile::current(RenderProfile::NEWEST_MINOR),
            places: true,
        }
    }
}

/// What came out.
#[derive(Clone, Debug, Default)]
pub struct Conversion {
    /// The objects; what others refer to comes first, otherwise in the order of the inputs.
    pub manifests: Vec<Manifest>,
    /// What became of every input.
    pub report: Report,
}

/// Where an entry comes from: the number of its source, that of the document in it, and its own in the source.
#[derive(Clone, Copy)]
struct Provenance {
    source: usize,
    document: usize,
    /// The number of the part of the source.
    index: usize,
}

/// One entry of the report in the making.
enum Entry {
    /// A definition.
    Definition(Box<Definition>),
    /// What belongs to a service or a cluster of the inputs.
    Part(Box<Part>),
    /// An input without one, all said.
    Other(Document),
}

/// Converts all inputs together: services find their task definitions among them.
#[must_use]
pub fn convert(sources: &[Source], settings: &Settings) -> Conversion {
    let mut found: Vec<(Provenance, Recognised)> =
        sources.iter().enumerate().flat_map(|(number, source)| recognised(number, source)).collect();
    let belonging = parts::merge(&mut found);
    let mut entries = entries(sources, found, settings);
    let mut definitions: Vec<&mut Definition> =
        entries.iter_mut().filter_map(|(_, entry)| entry.definition()).collect();
    collision::refuse_same_names(&mut definitions);
    collision::refuse_same_aliases(&mut definitions);
    let families = pairs::families(&definitions);
    pairs::check(&mut definitions, &families, settings);
    pairs::check_clusters(&mut definitions);
    let manifests = match settings.target {
        Target::CustomResources => resources::write(&mut definitions, settings),
        Target::Kubernetes => plain::write(&mut definitions, &families, settings),
    };
    let mut positions = settings.places.then(|| Positions::new(sources));
    let parts = parts::documents(sources, &mut entries, &belonging);
    for (index, document) in parts {
        entries[index].1 = Entry::Other(document);
    }
    let documents = entries.into_iter().map(|(from, entry)| entry.document(from, positions.as_mut())).collect();
    Conversion { manifests, report: Report { documents } }
}

fn recognised(number: usize, source: &Source) -> Vec<(Provenance, Recognised)> {
    let of_source = recognise::recognise(source).into_iter().enumerate();
    of_source
        .map(|(index, (document, recognised))| (Provenance { source: number, document, index }, recognised))
        .collect()
}

fn entries(sources: &[Source], found: Vec<(Provenance, Recognised)>, settings: &Settings) -> Vec<(Provenance, Entry)> {
    let enter = |(from, recognised): (Provenance, Recognised)| {
        let source = &sources[from.source];
        let entry = match recognised {
            Recognised::Definition(item) => {
                Entry::Definition(Box::new(Definition::examine(source, from.index, *item, settings)))
            }
            Recognised::Part(part) => Entry::Part(part),
            Recognised::Other(problem) => Entry::Other(problem.document(source, from.index)),
        };
        (from, entry)
    };
    found.into_iter().map(enter).collect()
}

impl Entry {
    fn definition(&mut self) -> Option<&mut Definition> {
        match self {
            Self::Definition(definition) => Some(definition),
            Self::Part(_) | Self::Other(_) => None,
        }
    }

    fn document(self, from: Provenance, positions: Option<&mut Positions<'_>>) -> Document {
        let mut document = match self {
            Self::Definition(definition) => definition.into_document(),
            Self::Part(_) => Document::default(),
            Self::Other(document) => document,
        };
        // A syntax error brought its place with it.
        if let Some(positions) = positions.filter(|_| document.places.is_empty()) {
            document.places = positions.find(from.source, from.document, &document);
        }
        document
    }
}
