//! Comparison of a desired object with the observed one: a write is needed only if the desired one is not a subset.
//!
//! The server fills in defaults, respells quantities, drops zero values and lets other writers add to some lists. The
//! desired object is therefore compared as a structural subset of the observed one.
//!
//! A field that was desired before and is not desired any more cannot be detected this way: it looks like an addition of
//! another writer. [`digest`] closes that gap. Put it in an annotation of the desired object: when a field is dropped,
//! the annotation differs, and the write that follows removes the field.

use serde_json::{Map, Value};

use super::fingerprint;
use super::quantity::is_same_quantity;

/// Maps from any name to a string. Each entry counts, also an empty one.
const STRING_MAPS: [&str; 7] =
    ["labels", "annotations", "matchLabels", "nodeSelector", "data", "binaryData", "parameters"];

/// Maps from strings to strings that the server replaces as a whole. A Service with one more entry selects fewer Pods.
const ATOMIC_MAPS: [&str; 1] = ["selector"];

/// Objects that have a meaning if they are empty, and another meaning if they are not.
const MARKERS: [&str; 3] = ["emptyDir", "podSelector", "namespaceSelector"];

/// Maps whose values are quantities.
const QUANTITY_MAPS: [&str; 6] = ["limits", "requests", "hard", "capacity", "overhead", "podFixed"];

/// Single fields that are quantities.
const QUANTITIES: [&str; 5] = ["sizeLimit", "averageValue", "divisor", "storageLimit", "tolerance"];

/// Fields the server does not store when they are zero or false.
const OMITTED_WHEN_ZERO: [&str; 12] = [
    "hostNetwork",
    "hostPID",
    "hostIPC",
    "readOnly",
    "stdin",
    "stdinOnce",
    "tty",
    "paused",
    "publishNotReadyAddresses",
    "minReadySeconds",
    "initialDelaySeconds",
    "nodePort",
];

/// Lists of strings whose order does not matter and to which others may add.
const SETS: [&str; 1] = ["finalizers"];

/// Checks that `desired` is a subset of `observed`, so that a write can be skipped.
///
/// - A map is a subset if each desired entry is; the selector of a Service must be the same. `null` requests nothing.
/// - A list that the server merges by key (such as containers) is a subset if each desired element has its
///   counterpart; any other list must have the same length and be a subset element by element.
/// - Empty maps, lists and strings are subsets of absence, because the server drops them.
/// - Quantities are compared by value, numbers without regard to how they are written.
///
/// # Errors
/// The path of the first difference, such as `/spec/template/spec/containers[name=app]/image`. Never a value:
/// it may be secret.
pub fn check_subset(desired: &Value, observed: &Value) -> Result<(), String> {
    compare(&Position::root(), desired, Some(observed))
}

/// Returns a fingerprint of a desired object, equal for equal content on every machine and in every release.
#[must_use]
pub fn digest(desired: &Value) -> String {
    fingerprint::digest(&desired.to_string())
}

/// The position of the comparison in the object.
struct Position<'a> {
    path: String,
    /// The name of the field, and of the one it is in; list elements have their list's name.
    field: &'a str,
    parent: &'a str,
}

impl<'a> Position<'a> {
    const fn root() -> Self {
        Self { path: String::new(), field: "", parent: "" }
    }

    fn entry(&self, name: &'a str) -> Self {
        Self {
            path: format!("{}/{}", self.path, name.replace('~', "~0").replace('/', "~1")),
            field: name,
            parent: self.field,
        }
    }

    fn element(&self, which: &str) -> Self {
        Self { path: format!("{}[{which}]", self.path), field: self.field, parent: self.parent }
    }

    fn differs(&self) -> Result<(), String> {
        Err(if self.path.is_empty() { "/".to_owned() } else { self.path.clone() })
    }

    fn require(&self, agrees: bool) -> Result<(), String> {
        if agrees { Ok(()) } else { self.differs() }
    }

    fn is_quantity(&self) -> bool {
        QUANTITY_MAPS.contains(&self.parent)
            || QUANTITIES.contains(&self.field)
            || (self.field == "value" && self.parent == "target")
    }

    /// True if absence has the same meaning as `desired` at this position.
    fn may_be_absent(&self, desired: &Value) -> bool {
        match desired {
            Value::Null => true,
            Value::Bool(false) => OMITTED_WHEN_ZERO.contains(&self.field),
            Value::Number(number) => number.as_f64() == Some(0.0) && OMITTED_WHEN_ZERO.contains(&self.field),
            Value::String(text) => text.is_empty() && !STRING_MAPS.contains(&self.parent),
            Value::Array(list) => list.is_empty(),
            Value::Object(map) => {
                !MARKERS.contains(&self.field) && map.iter().all(|(name, value)| self.entry_may_be_absent(name, value))
            }
            Value::Bool(true) => false,
        }
    }

    fn entry_may_be_absent(&self, name: &str, value: &Value) -> bool {
        Position { path: String::new(), field: name, parent: self.field }.may_be_absent(value)
    }
}

fn compare(position: &Position<'_>, desired: &Value, observed: Option<&Value>) -> Result<(), String> {
    let Some(observed) = observed.filter(|observed| !observed.is_null()) else {
        return position.require(position.may_be_absent(desired));
    };
    match (desired, observed) {
        (Value::Null, _) => Ok(()),
        (Value::Object(desired), Value::Object(observed)) => compare_maps(position, desired, observed),
        (Value::Array(desired), Value::Array(observed)) => compare_lists(position, desired, observed),
        (desired, observed) if position.is_quantity() && is_same_quantity(desired, observed) => Ok(()),
        (Value::Number(desired), Value::Number(observed)) => {
            position.require(desired == observed || desired.as_f64() == observed.as_f64())
        }
        (desired, observed) => position.require(desired == observed),
    }
}

fn compare_maps(
    position: &Position<'_>,
    desired: &Map<String, Value>,
    observed: &Map<String, Value>,
) -> Result<(), String> {
    if MARKERS.contains(&position.field) && desired.is_empty() {
        return position.require(observed.is_empty());
    }
    if ATOMIC_MAPS.contains(&position.field) && desired.values().all(Value::is_string) {
        position.require(desired.len() == observed.len())?;
    }
    desired.iter().try_for_each(|(name, value)| compare(&position.entry(name), value, observed.get(name)))
}

fn compare_lists(position: &Position<'_>, desired: &[Value], observed: &[Value]) -> Result<(), String> {
    if SETS.contains(&position.field) {
        let missing = desired.iter().find(|element| !observed.contains(element));
        return position.require(missing.is_none());
    }
    if let Some(keys) = desired.first().and_then(|first| merge_keys(position, first)) {
        return compare_keyed(position, keys, desired, observed);
    }
    if desired.is_empty() && is_merged(position) {
        return Ok(());
    }
    position.require(desired.len() == observed.len())?;
    let mut pairs = desired.iter().zip(observed).enumerate();
    pairs.try_for_each(|(index, (desired, observed))| {
        compare(&position.element(&index.to_string()), desired, Some(observed))
    })
}

fn compare_keyed(position: &Position<'_>, keys: &[&str], desired: &[Value], observed: &[Value]) -> Result<(), String> {
    for (index, element) in desired.iter().enumerate() {
        let identity = identity(keys, element);
        let same = |other: &&Value| self::identity(keys, other) == identity;
        // Two elements with one key are compared in their order.
        let earlier = desired[..index].iter().filter(same).count();
        let counterpart = observed.iter().filter(same).nth(earlier);
        let position = position.element(&describe(keys, &identity));
        match counterpart {
            Some(counterpart) => compare(&position, element, Some(counterpart))?,
            None => return position.differs(),
        }
    }
    Ok(())
}

/// The fields by which the server merges elements of a list; `None` when it replaces the list as a whole.
fn merge_keys(position: &Position<'_>, element: &Value) -> Option<&'static [&'static str]> {
    let in_rules = matches!(position.parent, "ingress" | "egress");
    let keys: &[&str] = match position.field {
        "containers"
        | "initContainers"
        | "ephemeralContainers"
        | "env"
        | "volumes"
        | "imagePullSecrets"
        | "resourceClaims"
        | "claims"
        | "schedulingGates"
        | "secrets" => &["name"],
        "ports" if element.get("containerPort").is_some() => &["containerPort", "protocol"],
        "ports" if element.get("port").is_some() && !in_rules => &["port", "protocol"],
        "volumeMounts" => &["mountPath"],
        "volumeDevices" => &["devicePath"],
        "ownerReferences" => &["uid"],
        "hostAliases" => &["ip"],
        "topologySpreadConstraints" => &["topologyKey", "whenUnsatisfiable"],
        "conditions" => &["type"],
        _ => return None,
    };
    Some(keys)
}

/// True if the server merges this list, judged by its name alone.
fn is_merged(position: &Position<'_>) -> bool {
    position.field == "ports" || merge_keys(position, &Value::Null).is_some()
}

fn identity<'a>(keys: &[&'a str], element: &'a Value) -> Vec<String> {
    keys.iter().map(|key| part(key, element)).collect()
}

fn part(key: &str, element: &Value) -> String {
    match element.get(key) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None if key == "protocol" => "TCP".to_owned(),
        None => String::new(),
    }
}

fn describe(keys: &[&str], identity: &[String]) -> String {
    let pairs: Vec<String> = keys.iter().zip(identity).map(|(key, value)| format!("{key}={value}")).collect();
    pairs.join(",")
}

#[cfg(test)]
mod tests;
