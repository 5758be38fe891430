//! `Debug` output without values that may be secret.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

/// Replacement for a hidden value.
const HIDDEN: &str = "<hidden>";

/// Fields that contain lists of names with values.
const PAIRS: [&str; 2] = ["environment", "properties"];

/// Fields that contain maps of names to values.
const MAPS: [&str; 4] = ["options", "dockerLabels", "driverOpts", "labels"];

/// Writes a shape as its name and its JSON, with the values of environment variables, options and labels hidden.
pub(crate) fn debug<T: Serialize>(name: &str, shape: &T, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut json = serde_json::to_value(shape).map_err(|_| fmt::Error)?;
    if name == "KeyValuePair" {
        hide_pair(&mut json);
    }
    hide(&mut json);
    write!(f, "{name} {json}")
}

fn hide(json: &mut Value) {
    match json {
        Value::Array(items) => items.iter_mut().for_each(hide),
        Value::Object(members) => members.iter_mut().for_each(|(name, value)| hide_member(name, value)),
        _ => {}
    }
}

fn hide_member(name: &str, value: &mut Value) {
    match value {
        Value::Array(pairs) if PAIRS.contains(&name) => pairs.iter_mut().for_each(hide_pair),
        Value::Object(map) if MAPS.contains(&name) => map.values_mut().for_each(|v| *v = HIDDEN.into()),
        other => hide(other),
    }
}

fn hide_pair(pair: &mut Value) {
    if let Some(value) = pair.get_mut("value") {
        *value = HIDDEN.into();
    }
}
