//! Imports between files. A top-level module, which `lib.rs` declares, may import only the modules listed for it.

use std::collections::BTreeSet;

use crate::source::{Knot, Names, Source, Target};

/// Top-level modules, and the modules that each may import.
const LAYERS: [(&str, &[&str]); 11] = [
    ("k8s", &[]),
    ("ecs", &[]),
    ("telemetry", &[]),
    ("api", &["ecs", "k8s"]),
    ("translate", &["api", "ecs", "k8s"]),
    ("reconcile", &["api", "ecs", "k8s", "translate"]),
    ("report", &["api", "ecs", "k8s", "translate"]),
    ("kubernetes", &["k8s", "telemetry"]),
    ("convert", &["api", "ecs", "k8s", "report", "translate"]),
    ("controllers", &["api", "ecs", "k8s", "kubernetes", "reconcile", "telemetry", "translate"]),
    ("cli", &["api", "controllers", "convert", "ecs", "k8s", "kubernetes", "report", "telemetry", "translate"]),
];

/// Files of one data model, whose types contain each other.
const MODELS: [&[&str]; 1] = [&["ecs::placement::instance", "ecs::placement::request", "ecs::placement::strategy"]];

fn layer(module: &[String]) -> &str {
    module.first().map_or("lib", String::as_str)
}

#[test]
fn imports_between_files_have_no_circles() {
    let mut models: BTreeSet<BTreeSet<Names>> = BTreeSet::new();
    for model in MODELS {
        models.insert(model.iter().map(|file| file.split("::").map(str::to_owned).collect()).collect());
    }
    let knots = Source::library().knots();
    let text: String = knots.iter().filter(|knot| !models.remove(&knot.files)).map(Knot::to_string).collect();
    assert!(text.is_empty(), "{text}");
    assert!(models.is_empty(), "these files do not import each other in a circle; remove them from MODELS: {models:?}");
}

#[test]
fn modules_import_only_the_layers_below_them() {
    let mut violations = Vec::new();
    for ((from, to), items) in Source::library().imports() {
        let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == layer(&from)) else {
            panic!("{} has no row in LAYERS", from.join("::"));
        };
        let (here, there) = (layer(&from), layer(&to));
        if here != there && !allowed.contains(&there) {
            violations.push(format!("{} may not import {items:?} from {}", from.join("::"), to.join("::")));
        }
    }
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

/// Pure modules and the crates that they may use. Except for the paths in [`IMPURE`], these crates read no clock, file or
/// environment variable and open no connection.
const PURE: [(&str, &[&str]); 6] = [
    ("ecs", &["jiff", "regex", "schemars", "serde", "serde_json", "strsim", "thiserror"]),
    ("k8s", &["jiff", "k8s_openapi", "regex", "schemars", "serde", "serde_json", "thiserror"]),
    ("api", &["jiff", "k8s_openapi", "kube", "schemars", "serde", "serde_json", "serde_saphyr", "thiserror"]),
    ("translate", &["jiff", "k8s_openapi", "schemars", "serde", "serde_json", "task_agent", "thiserror"]),
    ("reconcile", &["jiff", "k8s_openapi", "serde", "serde_json", "thiserror"]),
    ("report", &["anstyle", "schemars", "serde", "serde_json"]),
];

/// Paths in these crates and the standard library that depend on more than their inputs. Hash maps are included because their
/// order differs from run to run, and the rendered objects would differ with it.
const IMPURE: [&[&str]; 16] = [
    &["std", "collections", "HashMap"],
    &["std", "collections", "HashSet"],
    &["std", "env"],
    &["std", "fs"],
    &["std", "net"],
    &["std", "process"],
    &["std", "thread"],
    &["std", "time", "Instant"],
    &["std", "time", "SystemTime"],
    &["jiff", "Timestamp", "now"],
    &["jiff", "Zoned", "now"],
    &["kube", "Api"],
    &["kube", "Client"],
    &["kube", "api", "Api"],
    &["kube", "client"],
    &["kube", "runtime"],
];

fn is_impure(path: &[String], crates: &[&str]) -> bool {
    // k8s-openapi exports jiff.
    let path = if path.starts_with(&["k8s_openapi".to_owned(), "jiff".to_owned()]) { &path[1..] } else { path };
    let is_allowed = ["alloc", "core", "std"].contains(&&*path[0]) || crates.contains(&&*path[0]);
    !is_allowed || IMPURE.iter().any(|names| path.len() >= names.len() && names.iter().zip(path).all(|(a, b)| a == b))
}

#[test]
fn pure_modules_depend_only_on_their_inputs() {
    let mut violations = Vec::new();
    for reference in Source::library().references() {
        let Target::External(path) = &reference.target else { continue };
        let crates = PURE.iter().find(|(name, _)| *name == layer(&reference.from));
        if crates.is_some_and(|(_, crates)| is_impure(path, crates)) {
            violations.push(format!("{} is pure but uses {}", reference.from.join("::"), path.join("::")));
        }
    }
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[test]
fn impure_paths_are_recognized() {
    for (path, impure) in [
        ("std::env::var", true),
        ("tokio::spawn", true),
        ("k8s_openapi::jiff::Timestamp::now", true),
        ("std::time::Instant", true),
        ("std::collections::BTreeMap", false),
        ("jiff::Timestamp", false),
        ("k8s_openapi::api::core::v1::Pod", false),
        ("std::time::Duration", false),
    ] {
        let names: Vec<String> = path.split("::").map(str::to_owned).collect();
        assert_eq!(is_impure(&names, &["jiff", "k8s_openapi"]), impure, "{path}");
    }
}
