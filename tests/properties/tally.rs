//! Counts of inputs and results.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

use ecs_operator::convert::{Conversion, Target};

/// Totals over all inputs of a class.
#[derive(Default)]
pub struct Tally {
    inputs: AtomicUsize,
    definitions: AtomicUsize,
    converted: AtomicUsize,
    fields: AtomicUsize,
    objects: AtomicUsize,
}

impl Tally {
    /// Adds the result for one target. Definitions are counted for custom resources only, so each counts once.
    pub fn add(&self, target: Target, conversion: &Conversion) {
        let documents = &conversion.report.documents;
        if target == Target::CustomResources {
            self.inputs.fetch_add(1, Ordering::Relaxed);
            let definitions = documents.iter().filter(|document| document.kind.is_some());
            self.definitions.fetch_add(definitions.clone().count(), Ordering::Relaxed);
            let converted = definitions.filter(|document| !document.is_refused()).count();
            self.converted.fetch_add(converted, Ordering::Relaxed);
        }
        self.objects.fetch_add(conversion.manifests.len(), Ordering::Relaxed);
        self.fields.fetch_add(documents.iter().map(|document| document.fields.len()).sum(), Ordering::Relaxed);
    }

    pub fn inputs(&self) -> usize {
        self.inputs.load(Ordering::Relaxed)
    }

    /// Percentage of definitions without errors.
    pub fn share_converted(&self) -> usize {
        let definitions = self.definitions.load(Ordering::Relaxed).max(1);
        self.converted.load(Ordering::Relaxed) * 100 / definitions
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [inputs, definitions, fields, objects] =
            [&self.inputs, &self.definitions, &self.fields, &self.objects].map(|n| n.load(Ordering::Relaxed));
        let share = self.share_converted();
        write!(
            f,
            "{inputs} inputs with {definitions} definitions, {share} % of them converted, \
             to {objects} objects and {fields} verdicts"
        )
    }
}
