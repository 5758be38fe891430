//! Maximum sizes of files and functions.

use std::fs;
use std::path::Path;

use crate::source::{Source, rust_files};

/// Maximum number of lines of a file.
const FILE: usize = 500;
/// Maximum median of the lines of a function.
const MEDIAN: usize = 8;
/// Maximum 95th percentile of the lines of a function.
const P95: usize = 28;

#[test]
fn files_are_short() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files =
        ["src", "agent", "tests", "benches", "devtools"].iter().flat_map(|folder| rust_files(&root.join(folder)));
    let lengths = files.map(|file| (fs::read_to_string(&file).expect("a source is text").lines().count(), file));
    let long: Vec<String> = lengths
        .filter(|(lines, _)| *lines > FILE)
        .map(|(lines, file)| format!("{} has {lines} lines; the maximum is {FILE}", file.display()))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn functions_are_short() {
    let modules = Source::library().modules();
    let functions = modules.flat_map(|(_, module)| module.functions.iter().map(|function| (function, &module.file)));
    let mut functions: Vec<_> = functions.collect();
    functions.sort_by_key(|(function, _)| function.lines);
    let [median, p95] = [50, 95].map(|percent| functions[functions.len() * percent / 100].0.lines);
    let longest = functions.iter().rev().take(20);
    let longest: Vec<String> = longest
        .map(|(function, file)| {
            format!("{}:{}: {} has {} lines", file.display(), function.line, function.name, function.lines)
        })
        .collect();
    let longest = longest.join("\n");
    assert!(
        median <= MEDIAN,
        "the median function has {median} lines; the maximum is {MEDIAN}; the longest:\n{longest}"
    );
    assert!(p95 <= P95, "the 95th percentile is {p95} lines; the maximum is {P95}; the longest:\n{longest}");
}
