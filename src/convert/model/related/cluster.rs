//! The capacity providers of a cluster, which `PutClusterCapacityProviders` gives to one that `CreateCluster` has made.
//!
//! Its input alone is a cluster. Where the cluster itself is among the inputs too, it is a resource of that.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Attachment, Attachments};
use crate::api::DEFAULT_CLUSTER;
use crate::convert::input::{CLUSTER_CAPACITY_MEMBERS, DefinitionInput, Detected, RelatedKind, RelatedResource};
use crate::convert::model::entry::Provenance;
use crate::ecs::Pointer;
use crate::k8s::kinds::RootKind;

/// Puts the providers into the clusters among the inputs that they are given to.
pub(super) fn merge(found: &mut [(Provenance, Detected)], attachments: &mut Attachments) {
    let mut parents: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let mut resources: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, (_, detected)) in found.iter().enumerate() {
        let Detected::Definition(item) = detected else { continue };
        if item.kind == RootKind::Cluster {
            let group = if item.is_supplement { &mut resources } else { &mut parents };
            group.entry(name(item)).or_default().push(index);
        }
    }
    for (name, resources) in resources {
        // Of several parents it cannot be known which is meant, and they are refused for their names; so are several resources alone.
        let Some([parent]) = parents.get(&name).map(Vec::as_slice) else { continue };
        for resource in &resources {
            let path = if resources.len() > 1 {
                let message = format!("the capacity providers of the cluster {name:?} are given more than once");
                Attachment::Rejected("capacity-given-twice", message)
            } else {
                give(found, *parent, *resource, &name)
            };
            if let Detected::Definition(item) = &found[*resource].1 {
                found[*resource].1 = Detected::Related(Box::new(capacity_resource(item)));
                attachments.insert(*resource, path);
            }
        }
    }
}

/// The name of a cluster, or of the one that is completed.
fn name(item: &DefinitionInput) -> String {
    let given = item.spec.get("clusterName").and_then(Value::as_str);
    let of_object = || item.resource.as_ref()?.get("name")?.as_str();
    given.or_else(of_object).unwrap_or(DEFAULT_CLUSTER).to_owned()
}

fn give(found: &mut [(Provenance, Detected)], parent: usize, resource: usize, name: &str) -> Attachment {
    let [Detected::Definition(whole_item), Detected::Definition(part_item)] = [parent, resource].map(|at| &found[at].1)
    else {
        return Attachment::Unrelated;
    };
    let says = |member: &str| match whole_item.spec.get(member) {
        None | Some(Value::Null) => false,
        Some(Value::Array(items)) => !items.is_empty(),
        Some(_) => true,
    };
    if let Some(member) = CLUSTER_CAPACITY_MEMBERS.into_iter().find(|member| says(member)) {
        let message = format!("the cluster {name:?} has `{member}` already: give its capacity providers once");
        return Attachment::Rejected("capacity-given-twice", message);
    }
    let given: Vec<(&str, Value)> = CLUSTER_CAPACITY_MEMBERS
        .iter()
        .filter_map(|member| Some((*member, part_item.spec.get(*member)?.clone())))
        .collect();
    if let Detected::Definition(item) = &mut found[parent].1
        && let Some(spec) = item.spec.as_object_mut()
    {
        for (member, value) in given {
            spec.insert(member.to_owned(), value);
            item.origin.put_in(&Pointer::root().key(member));
        }
    }
    Attachment::at(parent, Pointer::root())
}

/// Returns the input of `PutClusterCapacityProviders` as a resource related to its cluster.
fn capacity_resource(input: &DefinitionInput) -> RelatedResource {
    RelatedResource {
        kind: RelatedKind::ClusterCapacity,
        name: String::new(),
        members: Map::new(),
        value: input.spec.clone(),
        path: input.scope.span.clone(),
        scope: input.scope.clone(),
        warnings: Vec::new(),
    }
}
