//! The capacity providers of a cluster, which `PutClusterCapacityProviders` gives to one that `CreateCluster` has made.
//!
//! Its input alone is a cluster. Where the cluster itself is among the inputs too, it is a part of that.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Belonging, Place};
use crate::api::DEFAULT_CLUSTER;
use crate::convert::Provenance;
use crate::convert::recognise::{Item, Kind, Part, Recognised};
use crate::ecs::Pointer;

/// The members that the call gives.
pub(super) const MEMBERS: [&str; 2] = ["capacityProviders", "defaultCapacityProviderStrategy"];

/// Puts the providers into the clusters among the inputs that they are given to.
pub(super) fn merge(found: &mut [(Provenance, Recognised)], belonging: &mut Belonging) {
    let mut wholes: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let mut parts: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, (_, recognised)) in found.iter().enumerate() {
        let Recognised::Definition(item) = recognised else { continue };
        if item.kind == Kind::Cluster {
            let group = if item.completes { &mut parts } else { &mut wholes };
            group.entry(name(item)).or_default().push(index);
        }
    }
    for (name, parts) in parts {
        // Of several wholes it cannot be known which is meant, and they are refused for their names; so are several parts alone.
        let Some([whole]) = wholes.get(&name).map(Vec::as_slice) else { continue };
        for part in &parts {
            let place = if parts.len() > 1 {
                let message = format!("the capacity providers of the cluster {name:?} are given more than once");
                Place::Nowhere("capacity-given-twice", message)
            } else {
                give(found, *whole, *part, &name)
            };
            if let Recognised::Definition(item) = &found[*part].1 {
                found[*part].1 = Recognised::Part(Box::new(Part::of_cluster(item)));
                belonging.insert(*part, place);
            }
        }
    }
}

/// The name of a cluster, or of the one that is completed.
fn name(item: &Item) -> String {
    let given = item.spec.get("clusterName").and_then(Value::as_str);
    let of_object = || item.resource.as_ref()?.get("name")?.as_str();
    given.or_else(of_object).unwrap_or(DEFAULT_CLUSTER).to_owned()
}

fn give(found: &mut [(Provenance, Recognised)], whole: usize, part: usize, name: &str) -> Place {
    let [Recognised::Definition(whole_item), Recognised::Definition(part_item)] = [whole, part].map(|at| &found[at].1)
    else {
        return Place::Elsewhere;
    };
    let says = |member: &str| match whole_item.spec.get(member) {
        None | Some(Value::Null) => false,
        Some(Value::Array(items)) => !items.is_empty(),
        Some(_) => true,
    };
    if let Some(member) = MEMBERS.into_iter().find(|member| says(member)) {
        let message = format!("the cluster {name:?} has `{member}` already: give its capacity providers once");
        return Place::Nowhere("capacity-given-twice", message);
    }
    let given: Vec<(&str, Value)> =
        MEMBERS.iter().filter_map(|member| Some((*member, part_item.spec.get(*member)?.clone()))).collect();
    if let Recognised::Definition(item) = &mut found[whole].1
        && let Some(spec) = item.spec.as_object_mut()
    {
        for (member, value) in given {
            spec.insert(member.to_owned(), value);
            item.origin.put_in(&Pointer::root().key(member));
        }
    }
    Place::at(whole, Pointer::root())
}
