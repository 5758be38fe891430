//! Files and functions stay short enough to be read in one go.

use std::fs;
use std::path::{Path, PathBuf};

use crate::source::Source;

/// Lines that a file may have.
const FILE: usize = 500;
/// Lines that half of the functions may have.
const MEDIAN: usize = 8;
/// Lines that 19 of 20 functions may have.
const P95: usize = 28;

/// Files that are too long still.
const UNFINISHED: &[&str] = &[
    "src/ecs/task_definition/container.rs",
    "src/convert/tests.rs",
    "src/translate/service/auto_scaling/tests.rs",
    "src/reconcile/service/tests.rs",
];

/// Files of Rust below `folder`.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder is readable").map(|entry| entry.expect("an entry").path());
    entries
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

#[test]
fn no_file_is_too_long() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = ["src", "agent", "tests", "benches", "devtools"].iter().flat_map(|folder| files(&root.join(folder)));
    let lengths = files.map(|file| (fs::read_to_string(&file).expect("a source is text").lines().count(), file));
    let long: Vec<String> = lengths
        .filter(|(lines, file)| *lines > FILE && !UNFINISHED.iter().any(|name| file.ends_with(name)))
        .map(|(lines, file)| format!("{} has {lines} lines; {FILE} are allowed", file.display()))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn functions_are_short() {
    let modules = Source::library().modules();
    let functions = modules.flat_map(|(_, module)| module.functions.iter().map(|function| (function, &module.file)));
    let mut functions: Vec<_> = functions.collect();
    functions.sort_by_key(|(function, _)| function.lines);
    let lines_at = |share: usize| functions[functions.len() * share / 100].0.lines;
    let longest = functions.iter().rev().take(20);
    let longest: Vec<String> = longest
        .map(|(function, file)| {
            format!("{}:{}: {} has {} lines", file.display(), function.line, function.name, function.lines)
        })
        .collect();
    let longest = longest.join("\n");
    assert!(
        lines_at(50) <= MEDIAN,
        "half of the functions have {} lines or more; the longest:\n{longest}",
        lines_at(50)
    );
    assert!(lines_at(95) <= P95, "one in twenty functions has {} lines or more; the longest:\n{longest}", lines_at(95));
}
