//! Definitions that would become the same object.

use std::collections::BTreeMap;

use super::definition::Definition;
use crate::ecs::Pointer;

/// Other places that are named at most.
const NAMED: usize = 3;

/// Refuses all definitions of one kind and name: which of them is meant cannot be known.
pub(super) fn refuse_same_names(definitions: &mut [&mut Definition]) {
    let mut known: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (index, definition) in definitions.iter().enumerate().filter(|(_, definition)| !definition.name.is_empty()) {
        let key = (definition.kind, definition.namespace.clone(), definition.name.clone());
        known.entry(key).or_default().push(index);
    }
    for same in known.values().filter(|same| same.len() > 1) {
        let places: Vec<String> = same.iter().map(|index| definitions[*index].place()).collect();
        for index in same {
            let definition = &mut *definitions[*index];
            let own = definition.place();
            let others: Vec<&str> = places.iter().filter(|place| **place != own).map(String::as_str).collect();
            let named = others.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
            let more = others.len().saturating_sub(NAMED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let message = format!("the {} {:?} is also in {named}{more}", definition.kind.name(), definition.name);
            definition.error(&Pointer::root(), "same-name", message);
        }
    }
}
