//! An entry of the report while the inputs are converted.

use super::Definition;
use crate::convert::input::{Locator, RelatedResource};
use crate::report::Document;

/// Identifies an entry by its input: the number of its source, of the document in the source, and of the entry in the source.
#[derive(Clone, Copy)]
pub(in crate::convert) struct Provenance {
    pub source: usize,
    pub document: usize,
    pub index: usize,
}

/// One entry of the report.
pub(in crate::convert) enum Entry {
    Definition(Box<Definition>),
    /// A resource that belongs to a service or a cluster.
    Related(Box<RelatedResource>),
    /// An input without a definition, or a related resource after its report is complete.
    Reported(Document),
}

impl Entry {
    pub fn definition(&self) -> Option<&Definition> {
        match self {
            Self::Definition(definition) => Some(definition),
            Self::Related(_) | Self::Reported(_) => None,
        }
    }

    pub fn definition_mut(&mut self) -> Option<&mut Definition> {
        match self {
            Self::Definition(definition) => Some(definition),
            Self::Related(_) | Self::Reported(_) => None,
        }
    }

    pub fn related(&self) -> Option<&RelatedResource> {
        match self {
            Self::Related(resource) => Some(resource),
            Self::Definition(_) | Self::Reported(_) => None,
        }
    }

    pub fn into_document(self, provenance: Provenance, locator: Option<&mut Locator<'_>>) -> Document {
        let mut document = match self {
            Self::Definition(definition) => definition.into_document(),
            Self::Related(_) => Document::default(),
            Self::Reported(document) => document,
        };
        // A syntax error has its location already.
        if let Some(locator) = locator.filter(|_| document.locations.is_empty()) {
            document.locations = locator.find(provenance.source, provenance.document, &document);
        }
        document
    }
}
