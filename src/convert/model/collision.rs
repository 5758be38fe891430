//! Definitions that would become the same object.

use std::collections::{BTreeMap, BTreeSet};

use super::definition::Definition;
use crate::ecs::Pointer;
use crate::k8s::kinds::RootKind;
use crate::translate::service::companions;

/// Namespace and name of an object.
type Key = (Option<String>, String);

/// Maximum number of other definitions in a message.
const MAX_LISTED: usize = 3;

/// Refuses all definitions of the same kind and name.
pub(in crate::convert) fn refuse_same_names(definitions: &mut [&mut Definition]) {
    let mut by_name: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (index, definition) in definitions.iter().enumerate().filter(|(_, definition)| !definition.name.is_empty()) {
        let key = (definition.kind, definition.namespace.clone(), definition.name.clone());
        by_name.entry(key).or_default().push(index);
    }
    for same in by_name.values().filter(|same| same.len() > 1) {
        let advice = advice_on_clusters(same.iter().map(|index| &*definitions[*index]));
        let labels: Vec<String> = same.iter().map(|index| definitions[*index].label()).collect();
        for index in same {
            let definition = &mut *definitions[*index];
            let own_label = definition.label();
            let others: Vec<&str> = labels.iter().filter(|label| **label != own_label).map(String::as_str).collect();
            let listed = others.iter().take(MAX_LISTED).copied().collect::<Vec<_>>().join(", ");
            let more = others.len().saturating_sub(MAX_LISTED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let message = format!(
                "the {} {:?} is also in {listed}{more}; remove all but one{advice}",
                definition.kind.name(),
                definition.name
            );
            definition.error(&Pointer::root(), "same-name", message);
        }
    }
}

/// Returns advice about services with the same name in several ECS clusters. In ECS a service name is unique in its cluster.
fn advice_on_clusters<'a>(services: impl Iterator<Item = &'a Definition>) -> String {
    let clusters: BTreeSet<&str> =
        services.filter(|it| it.kind == RootKind::Service).map(Definition::cluster).collect();
    if clusters.len() < 2 {
        return String::new();
    }
    let clusters = clusters.into_iter().collect::<Vec<_>>().join(", ");
    format!(". They belong to the clusters {clusters}: convert each cluster separately, with a different --namespace")
}

/// Refuses services with the same alias, which is the name of a core Service.
///
/// An alias that is the name of another service is only a warning: without ports that service has no core Service.
pub(in crate::convert) fn refuse_same_aliases(definitions: &mut [&mut Definition]) {
    let mut claims: BTreeMap<Key, Vec<(usize, Pointer)>> = BTreeMap::new();
    let mut services: BTreeMap<Key, usize> = BTreeMap::new();
    for (index, definition) in definitions.iter().enumerate() {
        let Some(service) = definition.service() else { continue };
        let key = |name: &str| (definition.namespace.clone(), name.to_owned());
        services.insert(key(&definition.name), index);
        for (path, name) in companions::names(service) {
            claims.entry(key(&name)).or_default().push((index, path));
        }
    }
    for (key, claimants) in &claims {
        for (index, path) in claimants {
            let other = claimants.iter().map(|(other, _)| *other).find(|other| other != index);
            if let Some(other) = other {
                let message = format!("the service of {} also has the name {:?}", definitions[other].label(), key.1);
                definitions[*index].error(path, "same-alias", message);
            } else if let Some(other) = services.get(key).filter(|other| *other != index) {
                let message = format!(
                    "the service of {} is named {:?}: if its tasks have ports, its core Service uses the name",
                    definitions[*other].label(),
                    key.1
                );
                definitions[*index].warning(path, "alias-of-service", message);
            }
        }
    }
}
