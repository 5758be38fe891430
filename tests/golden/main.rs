//! A folder for each case: definitions in, the objects and the verdicts they must come to beside them.
//!
//! To add a case, make a folder under `tests/golden/cases` with the ECS files; `make generate` writes what it comes to, to be read
//! before it is committed. A change of a snapshot is a change of behaviour.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use ecs_operator::convert::{self, Settings, Target, files};
use ecs_operator::report;
use ecs_operator::translate::Basis;

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/cases");
    let mut cases: Vec<PathBuf> = fs::read_dir(folder).expect("cases").map(|e| e.expect("an entry").path()).collect();
    cases.retain(|path| path.is_dir());
    cases.sort();
    cases
}

fn check(case: &Path, name: &str, actual: &str, stale: &mut Vec<String>) {
    let path = case.join(name);
    if std::env::var_os("GENERATE").is_some() {
        fs::write(&path, actual).expect("a snapshot is written");
    } else if fs::read_to_string(&path).unwrap_or_default() != actual {
        stale.push(format!("{}\n--- now\n{actual}", path.display()));
    }
}

fn verdicts(report: &report::Report) -> String {
    let mut text = String::new();
    for document in &report.documents {
        let _ = writeln!(text, "{} {}", document.kind.unwrap_or("-"), document.name.as_deref().unwrap_or("-"));
        for field in &document.fields {
            let _ = write!(text, "  {} {}", field.path, field.verdict.name());
            let _ = write!(text, " {}", field.code.unwrap_or("-"));
            let _ = writeln!(text, " {}", field.target.as_deref().unwrap_or("-"));
        }
        for finding in &document.findings {
            let _ = writeln!(text, "  {} {} at {}", finding.severity, finding.code, finding.path);
        }
    }
    text
}

#[test]
fn every_case_comes_to_its_objects_and_verdicts() {
    let mut stale = Vec::new();
    let cases = cases();
    assert!(cases.len() > 5, "{cases:?}");
    for case in &cases {
        let inputs: Vec<PathBuf> = fs::read_dir(case)
            .expect("a case")
            .map(|e| e.expect("an entry").path())
            .filter(|p| p.extension().is_some_and(|e| e == "json"))
            .collect();
        let mut inputs = inputs;
        inputs.sort();
        let sources = files::read(&inputs);
        // A case in which the operator has the task agent names its image.
        let agent = fs::read_to_string(case.join("task-agent-image.txt")).ok();
        // One in which the cluster has the placement schedulers says so.
        let schedulers = case.join("placement-schedulers.txt").exists();
        let basis = Basis::current(Basis::NEWEST_MINOR)
            .with_task_agent(agent.as_deref().map(str::trim))
            .with_placement_schedulers(schedulers);
        let settings = Settings { target: Target::Kubernetes, basis, ..Settings::default() };
        let conversion = convert::convert(&sources, &settings);
        let objects: Vec<&str> = conversion.manifests.iter().map(|m| m.yaml.as_str()).collect();
        check(case, "objects.yaml", &objects.join("---\n"), &mut stale);
        check(case, "verdicts.txt", &verdicts(&conversion.report), &mut stale);
        let again = convert::convert(&sources, &settings);
        assert_eq!(again.report, conversion.report, "the same input came to another report: {}", case.display());
    }
    assert!(stale.is_empty(), "changed:\n{}", stale.join("\n"));
}
