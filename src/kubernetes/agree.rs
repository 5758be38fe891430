//! Whether an observed object already says all that a desired one asks for.
//!
//! The server fills in defaults, respells quantities, drops zero values and lets others add to some lists. So the
//! desired object is compared as a structural subset of the observed one.
//!
//! What was desired once and is not desired any more is invisible here: it looks like somebody else's addition.
//! [`digest`] closes that gap. Put it in an annotation of the desired object: when a field is dropped, the
//! annotation differs, and the write that follows removes the field.

use serde_json::{Map, Value};

use crate::translate::quantity::same_quantity;

/// Maps from any name to a string. Each entry counts, also an empty one.
const STRING_MAPS: [&str; 7] =
    ["labels", "annotations", "matchLabels", "nodeSelector", "data", "binaryData", "parameters"];

/// Objects that mean something by being there and empty, and something else when filled.
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

/// Whether `observed` says all that `desired` asks for, so that a write can be skipped.
///
/// - A map agrees when each desired entry does. `null` asks for nothing.
/// - A list that the server merges by key (such as containers) agrees when each desired element has its
///   counterpart; any other list must have the same length and agree element by element.
/// - Empty maps, lists and strings agree with absence, as the server drops them.
/// - Quantities are compared by value, numbers without regard to how they are written.
///
/// # Errors
/// The path of the first difference, such as `/spec/template/spec/containers[name=app]/image`. Never a value:
/// it may be secret.
pub fn agrees(desired: &Value, observed: &Value) -> Result<(), String> {
    compare(&Place::root(), desired, Some(observed))
}

/// A short fingerprint of a desired object, equal for equal content on every machine and in every release.
#[must_use]
pub fn digest(desired: &Value) -> String {
    // FNV-1a: not cryptographic, which nobody needs who compares an object with its own past.
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let text = desired.to_string();
    let hash = text.bytes().fold(OFFSET, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME));
    format!("{hash:032x}")
}

/// Where in the object the comparison is.
struct Place<'a> {
    path: String,
    /// The name of the field, and of the one it is in; list elements have their list's name.
    field: &'a str,
    parent: &'a str,
}

impl<'a> Place<'a> {
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

    /// Whether absence says the same as `desired` here.
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
        Place { path: String::new(), field: name, parent: self.field }.may_be_absent(value)
    }
}

fn compare(place: &Place<'_>, desired: &Value, observed: Option<&Value>) -> Result<(), String> {
    let Some(observed) = observed.filter(|observed| !observed.is_null()) else {
        return place.require(place.may_be_absent(desired));
    };
    match (desired, observed) {
        (Value::Null, _) => Ok(()),
        (Value::Object(desired), Value::Object(observed)) => compare_maps(place, desired, observed),
        (Value::Array(desired), Value::Array(observed)) => compare_lists(place, desired, observed),
        (desired, observed) if place.is_quantity() && same_quantity(desired, observed) => Ok(()),
        (Value::Number(desired), Value::Number(observed)) => {
            place.require(desired == observed || desired.as_f64() == observed.as_f64())
        }
        (desired, observed) => place.require(desired == observed),
    }
}

fn compare_maps(place: &Place<'_>, desired: &Map<String, Value>, observed: &Map<String, Value>) -> Result<(), String> {
    if MARKERS.contains(&place.field) && desired.is_empty() {
        return place.require(observed.is_empty());
    }
    desired.iter().try_for_each(|(name, value)| compare(&place.entry(name), value, observed.get(name)))
}

fn compare_lists(place: &Place<'_>, desired: &[Value], observed: &[Value]) -> Result<(), String> {
    if SETS.contains(&place.field) {
        let missing = desired.iter().find(|wanted| !observed.contains(wanted));
        return place.require(missing.is_none());
    }
    if let Some(keys) = desired.first().and_then(|first| merge_keys(place, first)) {
        return compare_keyed(place, keys, desired, observed);
    }
    if desired.is_empty() && is_merged(place) {
        return Ok(());
    }
    place.require(desired.len() == observed.len())?;
    let mut pairs = desired.iter().zip(observed).enumerate();
    pairs.try_for_each(|(index, (desired, observed))| {
        compare(&place.element(&index.to_string()), desired, Some(observed))
    })
}

fn compare_keyed(place: &Place<'_>, keys: &[&str], desired: &[Value], observed: &[Value]) -> Result<(), String> {
    for (index, wanted) in desired.iter().enumerate() {
        let identity = identity(keys, wanted);
        let same = |other: &&Value| self::identity(keys, other) == identity;
        // Two elements with one key are compared in their order.
        let earlier = desired[..index].iter().filter(same).count();
        let found = observed.iter().filter(same).nth(earlier);
        let place = place.element(&describe(keys, &identity));
        match found {
            Some(found) => compare(&place, wanted, Some(found))?,
            None => return place.differs(),
        }
    }
    Ok(())
}

/// The fields by which the server merges elements of a list; `None` when it replaces the list as a whole.
fn merge_keys(place: &Place<'_>, element: &Value) -> Option<&'static [&'static str]> {
    let in_rules = matches!(place.parent, "ingress" | "egress");
    let keys: &[&str] = match place.field {
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

/// Whether the server merges this list, judged by its name alone.
fn is_merged(place: &Place<'_>) -> bool {
    place.field == "ports" || merge_keys(place, &Value::Null).is_some()
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
#[path = "agree_tests.rs"]
mod tests;
