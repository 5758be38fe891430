//! Definitions that would become the same object.

use std::collections::{BTreeMap, BTreeSet};

use super::definition::Definition;
use crate::ecs::Pointer;
use crate::k8s::kinds::RootKind;
use crate::translate::service::companions;

/// What tells objects of one kind apart: the namespace and the name.
type Key = (Option<String>, String);

/// Other places that are named at most.
const NAMED: usize = 3;

/// Refuses all definitions of one kind and name: which of them is meant cannot be known.
pub(in crate::convert) fn refuse_same_names(definitions: &mut [&mut Definition]) {
    let mut known: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (index, definition) in definitions.iter().enumerate().filter(|(_, definition)| !definition.name.is_empty()) {
        let key = (definition.kind, definition.namespace.clone(), definition.name.clone());
        known.entry(key).or_default().push(index);
    }
    for same in known.values().filter(|same| same.len() > 1) {
        let way_out = clusters_apart(same.iter().map(|index| &*definitions[*index]));
        let places: Vec<String> = same.iter().map(|index| definitions[*index].place()).collect();
        for index in same {
            let definition = &mut *definitions[*index];
            let own = definition.place();
            let others: Vec<&str> = places.iter().filter(|place| **place != own).map(String::as_str).collect();
            let named = others.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
            let more = others.len().saturating_sub(NAMED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let message =
                format!("the {} {:?} is also in {named}{more}{way_out}", definition.kind.name(), definition.name);
            definition.error(&Pointer::root(), "same-name", message);
        }
    }
}

/// What to add about services of one name in several clusters of ECS, where names are those of a cluster.
fn clusters_apart<'a>(services: impl Iterator<Item = &'a Definition>) -> String {
    let clusters: BTreeSet<&str> =
        services.filter(|it| it.kind == RootKind::Service).map(Definition::cluster).collect();
    if clusters.len() < 2 {
        return String::new();
    }
    let clusters = clusters.into_iter().collect::<Vec<_>>().join(", ");
    format!(
        ". They are of the clusters {clusters}, and a namespace has one Service of a name: convert each cluster by itself, with a \
         --namespace of its own"
    )
}

/// Refuses services that claim one name for what callers find them by: only one of them can be found by it.
///
/// A service that is itself called so may have no ports, and then nothing by that name; so that is no more than a warning.
pub(in crate::convert) fn refuse_same_aliases(definitions: &mut [&mut Definition]) {
    let mut claims: BTreeMap<Key, Vec<(usize, Pointer)>> = BTreeMap::new();
    let mut own: BTreeMap<Key, usize> = BTreeMap::new();
    for (index, definition) in definitions.iter().enumerate() {
        let Some(service) = definition.service() else { continue };
        let key = |name: &str| (definition.namespace.clone(), name.to_owned());
        own.insert(key(&definition.name), index);
        for (place, name) in companions::names(service) {
            claims.entry(key(&name)).or_default().push((index, place));
        }
    }
    for (key, claimants) in &claims {
        for (index, place) in claimants {
            let other = claimants.iter().map(|(other, _)| *other).find(|other| other != index);
            if let Some(other) = other {
                let message = format!("the service of {} has the name {:?} too", definitions[other].place(), key.1);
                definitions[*index].error(place, "same-alias", message);
            } else if let Some(other) = own.get(key).filter(|other| *other != index) {
                let message = format!(
                    "the service of {} is called {:?}: if its tasks have ports, its core Service has the name already",
                    definitions[*other].place(),
                    key.1
                );
                definitions[*index].warning(place, "alias-of-service", message);
            }
        }
    }
}
