//! Merges the input of `PutClusterCapacityProviders` into the cluster.
//!
//! Without the cluster among the inputs, it becomes a separate cluster.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Attachment, Attachments};
use crate::api::DEFAULT_CLUSTER;
use crate::convert::input::{CLUSTER_CAPACITY_MEMBERS, DefinitionInput, Detected, RelatedKind, RelatedResource};
use crate::convert::model::entry::Provenance;
use crate::ecs::Pointer;
use crate::k8s::kinds::RootKind;

/// Merges capacity providers into their clusters.
pub(super) fn merge(inputs: &mut [(Provenance, Detected)], attachments: &mut Attachments) {
    let mut parents: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let mut resources: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, (_, detected)) in inputs.iter().enumerate() {
        let Detected::Definition(item) = detected else { continue };
        if item.kind == RootKind::Cluster {
            let group = if item.is_supplement { &mut resources } else { &mut parents };
            group.entry(name(item)).or_default().push(index);
        }
    }
    for (name, resources) in resources {
        // Several clusters with the same name are refused later, and so are several inputs of the call without a cluster.
        let Some([parent]) = parents.get(&name).map(Vec::as_slice) else { continue };
        for resource in &resources {
            let attachment = if resources.len() > 1 {
                let message = format!("the inputs set the capacity providers of the cluster {name:?} more than once");
                Attachment::Rejected("capacity-given-twice", message)
            } else {
                attach(inputs, *parent, *resource, &name)
            };
            if let Detected::Definition(item) = &inputs[*resource].1 {
                inputs[*resource].1 = Detected::Related(Box::new(capacity_resource(item)));
                attachments.insert(*resource, attachment);
            }
        }
    }
}

/// Returns the name of the cluster.
fn name(item: &DefinitionInput) -> String {
    let own_name = item.spec.get("clusterName").and_then(Value::as_str);
    let object_name = || item.resource.as_ref()?.get("name")?.as_str();
    own_name.or_else(object_name).unwrap_or(DEFAULT_CLUSTER).to_owned()
}

/// Adds capacity providers to the spec of a cluster without any.
fn attach(inputs: &mut [(Provenance, Detected)], parent: usize, resource: usize, name: &str) -> Attachment {
    let [Detected::Definition(cluster), Detected::Definition(supplement)] = [parent, resource].map(|at| &inputs[at].1)
    else {
        return Attachment::Unrelated;
    };
    let is_set = |member: &str| match cluster.spec.get(member) {
        None | Some(Value::Null) => false,
        Some(Value::Array(items)) => !items.is_empty(),
        Some(_) => true,
    };
    if let Some(member) = CLUSTER_CAPACITY_MEMBERS.into_iter().find(|member| is_set(member)) {
        let message =
            format!("the cluster {name:?} already contains `{member}`: remove it there, or leave this input out");
        return Attachment::Rejected("capacity-given-twice", message);
    }
    let members: Vec<(&str, Value)> = CLUSTER_CAPACITY_MEMBERS
        .iter()
        .filter_map(|member| Some((*member, supplement.spec.get(*member)?.clone())))
        .collect();
    if let Detected::Definition(item) = &mut inputs[parent].1
        && let Some(spec) = item.spec.as_object_mut()
    {
        for (member, value) in members {
            spec.insert(member.to_owned(), value);
            item.origin.add_made(&Pointer::root().key(member));
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
