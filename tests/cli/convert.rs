//! Runs `ecs-operator convert`: files, standard streams and exit codes.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

const EXACT: &str = "{\"clusterName\": \"shop\"}";
const INEXACT: &str = "family: web\ncontainerDefinitions:\n  - name: app\n    image: nginx:1\n    memory: 64\n";
const BROKEN: &str = "{\n  \"family\": \"s3cret\"\n  \"cpu\": 1\n}\n";

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        fs::write(folder.path().join(name), text).expect("a file");
    }
    folder
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ecs-operator"));
    command.current_dir(folder).arg("convert").args(arguments);
    command
}

fn convert(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments).stdin(Stdio::null()).output().expect("the program runs")
}

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> =
        entries.map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn exit_codes_and_messages() {
    let folder = folder(&[("exact.json", EXACT), ("inexact.yaml", INEXACT), ("broken.json", BROKEN)]);
    let cases: [(&[&str], i32, &str); 9] = [
        (&["exact.json"], 0, "1 document: 1 converted."),
        (&["exact.json", "--strict"], 0, "1 document: 1 converted."),
        (&["inexact.yaml"], 0, "approximate"),
        (&["inexact.yaml", "--strict"], 2, "fields are not exact (--strict)"),
        (&["inexact.yaml", "--strict", "--report", "none"], 2, "see `--report text`"),
        (&["broken.json", "inexact.yaml", "--strict"], 1, "broken.json:3:3: not converted"),
        (&["broken.json", "--report", "none"], 1, "error: 1 of 1 documents were not converted"),
        (&["missing.json"], 1, "no such file"),
        (&["exact.json", "--to", "nowhere"], 1, "possible values: crs, kubernetes"),
    ];
    for (arguments, exit_code, message) in cases {
        let output = convert(folder.path(), arguments);
        assert_eq!(code(&output), Some(exit_code), "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(message), "{arguments:?}: {}", stderr(&output));
        assert!(!stderr(&output).contains("s3cret"), "{}", stderr(&output));
    }
}

#[test]
fn no_file_is_written_if_one_cannot_be() {
    let folder = folder(&[("inexact.yaml", INEXACT), ("taken", "")]);
    let cases: [(&[&str], &str); 4] = [
        (&["--output", "taken"], "--output requires a folder, but taken is a file"),
        (&["--output", "taken/below"], "a parent is a file instead of a folder"),
        (&["--report-file", "missing/report.txt"], "no such folder"),
        (&["--report-file", "missing/report.txt", "--output", "new"], "no such folder"),
    ];
    for (arguments, message) in cases {
        let output = convert(folder.path(), &[arguments, &["inexact.yaml"]].concat());
        assert_eq!((code(&output), output.stdout.len()), (Some(1), 0), "{arguments:?}");
        assert!(stderr(&output).contains(message), "{arguments:?}: {}", stderr(&output));
    }
    let new = folder.path().join("new");
    assert!(!new.exists() || names(&new).is_empty());
    fs::create_dir_all(&new).expect("a folder");
    fs::write(new.join("taskdefinition-web.yaml"), "mine").expect("a file");
    let output = convert(folder.path(), &["inexact.yaml", "--output", "new", "--report-file", "report.txt"]);
    assert!(stderr(&output).contains("was not created by"), "{}", stderr(&output));
    assert_eq!(names(folder.path()), ["inexact.yaml", "new", "taken"]);
}

#[test]
fn a_file_with_two_paths_is_read_once() {
    let folder = folder(&[("inexact.yaml", INEXACT)]);
    let output = convert(folder.path(), &["inexact.yaml", "./inexact.yaml", "."]);
    assert_eq!(code(&output), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("1 document: 1 converted"), "{}", stderr(&output));
}

#[test]
fn standard_input_may_contain_several_outputs() {
    let folder = folder(&[]);
    let mut command = command(folder.path(), &["-", "--report", "json"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    write!(stdin, "{EXACT}\n{}\n", EXACT.replace("shop", "other")).expect("it reads");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    let report: Value = serde_json::from_slice(&output.stderr).expect("nothing but JSON");
    assert_eq!(report["documents"][1]["name"], "other");
}

#[test]
fn a_closed_pipe_is_not_an_error() {
    // More than the capacity of a pipe.
    let command = format!("nginx:1\n    command: [{}]", "long, ".repeat(9_000));
    let folder = folder(&[("inexact.yaml", &INEXACT.replace("nginx:1", &command))]);
    let mut command = self::command(folder.path(), &["inexact.yaml", "--report", "none"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!((code(&output), stderr(&output).as_str()), (Some(0), ""));
}

#[test]
fn findings_have_their_line_in_text_and_in_sarif() {
    let folder = folder(&[("inexact.yaml", INEXACT), ("broken.json", BROKEN)]);
    let text = convert(folder.path(), &["inexact.yaml"]);
    assert!(stderr(&text).contains("/containerDefinitions/0/essential  (line 3)"), "{}", stderr(&text));
    let sarif = convert(folder.path(), &["./inexact.yaml", "broken.json", "--report", "sarif"]);
    let sarif: Value = serde_json::from_slice(&sarif.stderr).expect("SARIF");
    let results = sarif["runs"][0]["results"].as_array().expect("results");
    let regions = |file: &str| {
        let locations = results.iter().map(|result| &result["locations"][0]["physicalLocation"]);
        let in_file = locations.filter(|location| location["artifactLocation"]["uri"] == file);
        in_file
            .map(|location| (location["region"]["startLine"].as_u64(), location["region"]["startColumn"].as_u64()))
            .collect::<Vec<_>>()
    };
    assert_eq!(regions("broken.json"), [(Some(3), Some(3))]);
    assert!(!regions("inexact.yaml").is_empty() && regions("inexact.yaml").iter().all(|(line, _)| *line >= Some(3)));
}
