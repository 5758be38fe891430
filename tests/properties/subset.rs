//! A desired object is a subset of an observed one if merging the desired one into it, as server-side apply does, changes
//! nothing.
//!
//! `k8s_openapi::DeepMerge` merges by the list types of the Kubernetes API; `k8s::diff` has its own tables of them.

use std::path::Path;
use std::sync::LazyLock;
use std::{fmt, fs};

use ecs_operator::k8s::diff::check_subset;
use k8s_openapi::DeepMerge;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim, Service};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::check::Outcome;

/// Objects of the golden cases.
static OBJECTS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/cases");
    let folders = fs::read_dir(cases).expect("cases").map(|entry| entry.expect("an entry").path());
    let mut files: Vec<_> =
        folders.flat_map(|it| ["objects.yaml", "operator.yaml"].map(|name| it.join(name))).collect();
    files.sort();
    let texts = files.iter().map(|file| fs::read_to_string(file).expect("a snapshot"));
    let objects = texts.flat_map(|text| serde_saphyr::from_multiple::<Value>(&text).expect("YAML"));
    objects.filter(Value::is_object).collect()
});

/// A change between the desired and the observed object.
#[derive(Clone, Copy, Debug)]
enum Change {
    /// The member or element is missing.
    Remove,
    /// The scalar has another value.
    Alter,
    /// The list has one more element.
    Extend,
    /// The list is in the reverse order.
    Reverse,
    /// The map from strings to strings has one more entry.
    Insert,
}

/// A desired object, and changes of it that make the observed one.
#[derive(Clone)]
pub struct Case {
    object: Index,
    changes: Vec<(Change, Index)>,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let desired = self.object.get(&OBJECTS);
        write!(f, "{:?}\ndesired: {desired:#}\nobserved: {:#}", self.changes, self.observed(desired))
    }
}

impl Case {
    fn observed(&self, desired: &Value) -> Value {
        let mut observed = desired.clone();
        for (change, index) in &self.changes {
            apply(*change, *index, &mut observed);
        }
        observed
    }
}

pub fn cases() -> impl Strategy<Value = Case> {
    let change = prop_oneof![
        2 => Just(Change::Remove),
        3 => Just(Change::Alter),
        1 => Just(Change::Extend),
        1 => Just(Change::Reverse),
        1 => Just(Change::Insert),
    ];
    let changes = vec((change, any::<Index>()), 0..3);
    (any::<Index>(), changes).prop_map(|(object, changes)| Case { object, changes })
}

/// Applies a change at one of its possible positions.
fn apply(change: Change, index: Index, object: &mut Value) {
    let positions: Vec<String> =
        positions(object, "").into_iter().filter(|at| is_possible(change, at, object)).collect();
    if positions.is_empty() {
        return;
    }
    let at = index.get(&positions);
    match (change, object.pointer_mut(at).expect("a position")) {
        (Change::Remove, _) => remove(object, at),
        (Change::Alter, scalar) => *scalar = altered(scalar),
        (Change::Extend, Value::Array(list)) => list.push(altered(&list[0])),
        (Change::Reverse, Value::Array(list)) => list.reverse(),
        (Change::Insert, Value::Object(map)) => drop(map.insert("added".to_owned(), "x".into())),
        (Change::Extend | Change::Reverse | Change::Insert, _) => {}
    }
}

/// JSON pointers of all values below `at` except `apiVersion` and `kind`.
fn positions(value: &Value, at: &str) -> Vec<String> {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(members) => {
            let members = members.iter().filter(|(name, _)| !["apiVersion", "kind"].contains(&name.as_str()));
            members
                .map(|(name, value)| (format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), value))
                .collect()
        }
        Value::Array(list) => list.iter().enumerate().map(|(index, value)| (format!("{at}/{index}"), value)).collect(),
        _ => Vec::new(),
    };
    children.into_iter().flat_map(|(at, value)| [vec![at.clone()], positions(value, &at)].concat()).collect()
}

fn is_possible(change: Change, at: &str, object: &Value) -> bool {
    let value = object.pointer(at).expect("a position");
    match change {
        // The server does not store empty, zero or false values.
        Change::Remove => ![json!(""), json!(0), json!(false), json!([]), json!({})].contains(value),
        Change::Alter => value.is_boolean() || value.is_number() || value.is_string(),
        Change::Extend | Change::Reverse => value.as_array().is_some_and(|list| !list.is_empty()),
        // The operator keeps additions of others to node selectors, and to elements of lists that a merge replaces as a whole.
        Change::Insert if at.ends_with("/nodeSelector") || at.split('/').any(|step| step.parse::<usize>().is_ok()) => {
            false
        }
        Change::Insert => value.as_object().is_some_and(|map| !map.is_empty() && map.values().all(Value::is_string)),
    }
}

fn remove(object: &mut Value, at: &str) {
    let (parent, last) = at.rsplit_once('/').expect("a position below the root");
    match object.pointer_mut(parent).expect("a parent") {
        Value::Object(members) => drop(members.remove(&last.replace("~1", "/").replace("~0", "~"))),
        Value::Array(elements) => drop(elements.remove(last.parse().expect("an index"))),
        _ => {}
    }
}

/// Returns another value of the same type. An object gets other scalars.
fn altered(value: &Value) -> Value {
    match value {
        Value::String(text) => format!("{text}x").into(),
        Value::Number(number) => (number.as_i64().unwrap_or_default() + 20_000).into(),
        Value::Bool(flag) => (!flag).into(),
        Value::Object(members) => {
            let change =
                |value: &Value| if value.is_object() || value.is_array() { value.clone() } else { altered(value) };
            members.iter().map(|(name, value)| (name.clone(), change(value))).collect()
        }
        other => other.clone(),
    }
}

/// `check_subset` reports a difference exactly if a merge changes the object.
pub fn agrees_with_merge(case: &Case) -> Outcome {
    let desired = case.object.get(&OBJECTS);
    let observed = case.observed(desired);
    match desired["kind"].as_str().unwrap_or_default() {
        "Deployment" => compare::<Deployment>(desired, &observed),
        "DaemonSet" => compare::<DaemonSet>(desired, &observed),
        "HorizontalPodAutoscaler" => compare::<HorizontalPodAutoscaler>(desired, &observed),
        "Ingress" => compare::<Ingress>(desired, &observed),
        "NetworkPolicy" => compare::<NetworkPolicy>(desired, &observed),
        "PersistentVolume" => compare::<PersistentVolume>(desired, &observed),
        "PersistentVolumeClaim" => compare::<PersistentVolumeClaim>(desired, &observed),
        "PodDisruptionBudget" => compare::<PodDisruptionBudget>(desired, &observed),
        "Service" => compare::<Service>(desired, &observed),
        // There are no Rust types for the kinds of add-ons, and revisions never change.
        _ => Ok(()),
    }
}

fn compare<K: DeepMerge + DeserializeOwned + Serialize>(desired: &Value, observed: &Value) -> Outcome {
    let read = |object: &Value| serde_json::from_value::<K>(object.clone()).map_err(|error| error.to_string());
    let write = |object: &K| serde_json::to_value(object).map_err(|error| error.to_string());
    // An object without a required field cannot be observed.
    let (Ok(desired), Ok(mut merged)) = (read(desired), read(observed)) else { return Ok(()) };
    let (desired_json, observed_json) = (write(&desired)?, write(&merged)?);
    merged.merge_from(desired);
    let is_unchanged = write(&merged)? == observed_json;
    match (is_unchanged, check_subset(&desired_json, &observed_json)) {
        (true, Ok(())) | (false, Err(_)) => Ok(()),
        (true, Err(path)) => Err(format!("a merge changes nothing, but a difference is reported at {path}")),
        (false, Ok(())) => {
            Err(format!("a merge changes the object, but no difference is reported: {:#}", write(&merged)?))
        }
    }
}
