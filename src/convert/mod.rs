//! Converts files to custom resources or plain manifests and a report, without a cluster and without an AWS account.
//!
//! - `input` reads texts, detects the definitions in them and locates each part of a text.
//! - `model` examines the definitions and matches those that belong together.
//! - `output` writes the objects.
//!
//! Except for reading files, a conversion is a pure function of the texts.

mod input;
mod model;
mod output;
mod single_task_definition;

#[cfg(test)]
mod corpus_tests;
#[cfg(test)]
mod tests;

pub use input::{Source, files};
pub use output::manifest::{MARK, Manifest};
pub use single_task_definition::{NoTaskDefinition, single_task_definition};

use input::{Detected, Locator, detected_in};
use model::{Definition, Entry, Provenance, collision, references, related};
use output::{custom_resources, manifests};

use crate::report::Report;
use crate::translate::RenderProfile;

/// Minor version of the oldest supported Kubernetes: native sidecars are stable from 1.33 on.
pub const OLDEST_MINOR: u32 = 33;

/// The kind of objects that a conversion writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Target {
    /// Custom resources, for a cluster with the operator.
    #[default]
    CustomResources,
    /// Deployments, Services and the objects they need, for a cluster without the operator.
    Kubernetes,
}

/// Settings of a conversion.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The kind of objects to write.
    pub target: Target,
    /// The namespace of all objects; `None` writes objects without a namespace.
    pub namespace: Option<String>,
    /// Keep the revision number that a service names. The number is that of AWS and not of the new cluster.
    pub keep_revisions: bool,
    /// The features of Kubernetes that plain manifests may use.
    pub profile: RenderProfile,
    /// Add lines and columns to the report. Each text is parsed once more for them.
    pub locations: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            target: Target::default(),
            namespace: None,
            keep_revisions: false,
            profile: RenderProfile::current(RenderProfile::NEWEST_MINOR),
            locations: true,
        }
    }
}

/// The result of a conversion.
#[derive(Clone, Debug, Default)]
pub struct Conversion {
    /// The objects in the order of the inputs; referenced objects come first.
    pub manifests: Vec<Manifest>,
    /// The result of every input.
    pub report: Report,
}

/// Converts all inputs together: services find their task definitions among them.
#[must_use]
pub fn convert(sources: &[Source], settings: &Settings) -> Conversion {
    let mut detected: Vec<(Provenance, Detected)> =
        sources.iter().enumerate().flat_map(|(number, source)| detect(number, source)).collect();
    let attachments = related::merge(&mut detected);
    let mut entries = examine(sources, detected, settings);
    let mut definitions: Vec<&mut Definition> =
        entries.iter_mut().filter_map(|(_, entry)| entry.definition_mut()).collect();
    let manifests = write(&mut definitions, settings);
    for (index, document) in related::documents(sources, &mut entries, &attachments) {
        entries[index].1 = Entry::Reported(document);
    }
    let mut locator = settings.locations.then(|| Locator::new(sources));
    let documents =
        entries.into_iter().map(|(provenance, entry)| entry.into_document(provenance, locator.as_mut())).collect();
    Conversion { manifests, report: Report { documents } }
}

fn detect(source_number: usize, source: &Source) -> Vec<(Provenance, Detected)> {
    let detected = detected_in(source).into_iter().enumerate();
    detected
        .map(|(index, (document, detected))| (Provenance { source: source_number, document, index }, detected))
        .collect()
}

fn examine(sources: &[Source], detected: Vec<(Provenance, Detected)>, settings: &Settings) -> Vec<(Provenance, Entry)> {
    let entry = |(provenance, detected): (Provenance, Detected)| {
        let source = &sources[provenance.source];
        let entry = match detected {
            Detected::Definition(input) => {
                Entry::Definition(Box::new(Definition::examine(source, provenance.index, *input, settings)))
            }
            Detected::Related(resource) => Entry::Related(resource),
            Detected::Other(problem) => Entry::Reported(problem.document(source, provenance.index)),
        };
        (provenance, entry)
    };
    detected.into_iter().map(entry).collect()
}

/// Checks the definitions against each other and writes the objects of those without errors.
fn write(definitions: &mut [&mut Definition], settings: &Settings) -> Vec<Manifest> {
    collision::refuse_same_names(definitions);
    collision::refuse_same_aliases(definitions);
    let families = references::families(definitions);
    references::check_task_definitions(definitions, &families, settings);
    references::check_clusters(definitions);
    match settings.target {
        Target::CustomResources => custom_resources::write(definitions, settings),
        Target::Kubernetes => manifests::write(definitions, &families, settings),
    }
}
