//! Which file may import which: rooms are the modules that `lib.rs` declares.

use std::collections::BTreeSet;

use crate::source::{Knot, Names, Source, Target};

/// Rooms that each room may import.
const ROOMS: [(&str, &[&str]); 11] = [
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

/// Files that describe one thing together, whose types therefore contain each other.
const MODELS: [&[&str]; 1] = [&["ecs::placement::instance", "ecs::placement::request", "ecs::placement::strategy"]];

fn room(module: &[String]) -> &str {
    module.first().map_or("lib", String::as_str)
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let mut models: BTreeSet<BTreeSet<Names>> = BTreeSet::new();
    for model in MODELS {
        models.insert(model.iter().map(|file| file.split("::").map(str::to_owned).collect()).collect());
    }
    let knots = Source::library().knots();
    let text: String = knots.iter().filter(|knot| !models.remove(&knot.files)).map(Knot::to_string).collect();
    assert!(text.is_empty(), "{text}");
    assert!(models.is_empty(), "these files are no circle; take them out of MODELS: {models:?}");
}

#[test]
fn rooms_import_the_rooms_below_them() {
    let mut offences = Vec::new();
    for ((from, to), items) in Source::library().imports() {
        let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == room(&from)) else {
            panic!("{} has no row in ROOMS", from.join("::"));
        };
        let (here, there) = (room(&from), room(&to));
        if here != there && !allowed.contains(&there) {
            offences.push(format!("{} may not import {items:?} from {}", from.join("::"), to.join("::")));
        }
    }
    assert!(offences.is_empty(), "{}", offences.join("\n"));
}

/// Crates that the pure rooms may use: none of these reads a clock, a file or the environment, or opens a connection by itself.
const PURE: [(&str, &[&str]); 6] = [
    ("ecs", &["jiff", "regex", "schemars", "serde", "serde_json", "strsim", "thiserror"]),
    ("k8s", &["jiff", "k8s_openapi", "regex", "schemars", "serde", "serde_json", "thiserror"]),
    ("api", &["jiff", "k8s_openapi", "kube", "schemars", "serde", "serde_json", "serde_saphyr", "thiserror"]),
    ("translate", &["jiff", "k8s_openapi", "schemars", "serde", "serde_json", "task_agent", "thiserror"]),
    ("reconcile", &["jiff", "k8s_openapi", "serde", "serde_json", "thiserror"]),
    ("report", &["anstyle", "schemars", "serde", "serde_json"]),
];

/// Parts of these crates and of the standard library that depend on more than their inputs. Hash maps are among them: their
/// order differs from run to run, and objects of one definition would differ with it.
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
    let known = ["alloc", "core", "std"].contains(&&*path[0]) || crates.contains(&&*path[0]);
    !known || IMPURE.iter().any(|names| path.len() >= names.len() && names.iter().zip(path).all(|(a, b)| a == b))
}

#[test]
fn pure_rooms_depend_on_their_inputs_alone() {
    let mut offences = Vec::new();
    for reference in Source::library().references() {
        let Target::External(path) = &reference.target else { continue };
        let crates = PURE.iter().find(|(name, _)| *name == room(&reference.from));
        if crates.is_some_and(|(_, crates)| is_impure(path, crates)) {
            offences.push(format!("{} uses {}", reference.from.join("::"), path.join("::")));
        }
    }
    assert!(offences.is_empty(), "{}", offences.join("\n"));
}

#[test]
fn impure_paths_are_recognized() {
    let impure =
        |path: &str| is_impure(&path.split("::").map(str::to_owned).collect::<Vec<_>>(), &["jiff", "k8s_openapi"]);
    for path in ["std::env::var", "tokio::spawn", "k8s_openapi::jiff::Timestamp::now", "std::time::Instant"] {
        assert!(impure(path), "{path}");
    }
    for path in
        ["std::collections::BTreeMap", "jiff::Timestamp", "k8s_openapi::api::core::v1::Pod", "std::time::Duration"]
    {
        assert!(!impure(path), "{path}");
    }
}
