//! Everything that decides is a function of its inputs: no clock, no client, no randomness, no environment.

use std::fs;
use std::path::{Path, PathBuf};

const PURE: [&str; 5] = ["ecs", "api", "translate", "reconcile", "report"];

const FORBIDDEN: [&str; 14] = [
    "tokio",
    "kube::Client",
    "kube::Api",
    "kube::runtime",
    "crate::kubernetes",
    "crate::controllers",
    "std::env",
    "std::fs",
    "std::net",
    "std::process",
    "SystemTime",
    "Timestamp::now",
    "Instant::now",
    "rand::",
];

/// Maps whose order differs from run to run would make different objects of one definition.
const UNORDERED: [&str; 2] = ["HashMap", "HashSet"];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn the_core_touches_nothing() {
    let mut offences = Vec::new();
    for room in PURE {
        let mut files = Vec::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(room), &mut files);
        assert!(!files.is_empty(), "{room}");
        for file in files {
            let text = fs::read_to_string(&file).expect("a source");
            for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
                let words = FORBIDDEN.iter().chain(&UNORDERED);
                let hits = words.filter(|word| line.contains(**word));
                offences.extend(hits.map(|word| format!("{}:{}: {word}", file.display(), number + 1)));
            }
        }
    }
    assert_eq!(offences, Vec::<String>::new());
}
