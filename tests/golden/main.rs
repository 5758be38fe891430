//! Compares the results of conversions and decisions with reviewed snapshots.
//!
//! Each folder in `tests/golden/cases` is a case. Its inputs are ECS definitions: `task-definition.json`, `service.json`,
//! `cluster.json` and so on; several of a kind have a suffix, as in `service-web.json`. `case.toml` contains the property that the
//! case proves, and settings. The snapshots are:
//!
//! - `objects.yaml`: plain manifests, as `convert --to kubernetes` writes them;
//! - `verdicts.txt`: verdict and message of each field;
//! - `operator.yaml`: conditions and objects that the operator writes for the same definitions.
//!
//! To add a case, create a folder with the inputs and a `case.toml`. `make generate` writes the snapshots; review them before you
//! commit. A change of a snapshot is a change of behavior.

mod case;
mod operator;
mod verdicts;

use std::fs;

use case::Case;
use ecs_operator::convert::{Target, convert};

fn check(case: &Case, name: &str, actual: &str, stale: &mut Vec<String>) {
    let path = case.folder.join(name);
    if std::env::var_os("GENERATE").is_some() {
        fs::write(&path, actual).expect("a snapshot is written");
    } else if fs::read_to_string(&path).unwrap_or_default() != actual {
        stale.push(format!("{}\n--- actual\n{actual}", path.display()));
    }
}

#[test]
fn every_case_matches_its_snapshots() {
    let mut stale = Vec::new();
    let cases = Case::all();
    assert!(cases.len() > 5, "{} cases", cases.len());
    for case in &cases {
        let settings = case.settings(Target::Kubernetes);
        let conversion = convert(&case.sources, &settings);
        let objects: Vec<&str> = conversion.manifests.iter().map(|manifest| manifest.yaml.as_str()).collect();
        check(case, "objects.yaml", &objects.join("---\n"), &mut stale);
        check(case, "verdicts.txt", &verdicts::text(&conversion.report), &mut stale);
        check(case, "operator.yaml", &operator::text(case), &mut stale);
        let again = convert(&case.sources, &settings);
        assert_eq!(again.report, conversion.report, "{}: the same input has two reports", case.folder.display());
    }
    assert!(stale.is_empty(), "snapshots differ; run `make generate`:\n{}", stale.join("\n"));
}
