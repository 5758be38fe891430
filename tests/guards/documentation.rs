//! Generated pages, generated sections and examples match the code.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Marker at the end of each generated section.
const END: &str = "<!-- end of what is generated -->";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// True under `make generate`: the tests write the generated files instead of comparing them.
fn generating() -> bool {
    std::env::var_os("GENERATE").is_some()
}

fn check(path: &Path, current: &str) {
    if generating() {
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder is made");
        fs::write(path, current).expect("the page is written");
    } else {
        let committed = fs::read_to_string(path).unwrap_or_default();
        assert!(committed == current, "{} is out of date; run: make generate", path.display());
    }
}

#[test]
fn the_generated_pages_are_current() {
    for page in docgen::pages() {
        check(&root().join(page.file), &page.text);
    }
}

#[test]
fn the_schema_of_the_chart_has_the_descriptions_of_values_yaml() {
    let path = root().join("charts/ecs-operator/values.schema.json");
    check(&path, &docgen::chart_values_schema());
}

/// Returns the report that `convert` prints for an example, as a code block.
fn report() -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_ecs-operator"))
        .args(["convert", "examples/ecs/invoices.taskdef.json"])
        .current_dir(root())
        .output()
        .expect("the program runs");
    let report = String::from_utf8(output.stderr).expect("UTF-8");
    format!("```text\n{}\n```", report.trim())
}

/// Replaces the section between its markers.
fn with_section(page: &str, name: &str, content: &str) -> String {
    let begin = format!("<!-- generated: {name} -->");
    let (before, rest) = page.split_once(&begin).unwrap_or_else(|| panic!("no marker {begin}"));
    let (_, after) = rest.split_once(END).expect("the end of the section");
    format!("{before}{begin}\n{}\n{END}{after}", content.trim())
}

#[test]
fn the_generated_sections_of_the_readme_are_current() {
    let path = root().join("README.md");
    let readme = fs::read_to_string(&path).expect("README.md");
    let readme = with_section(&readme, "report", &report());
    check(&path, &with_section(&readme, "coverage", &docgen::summary()));
}

#[test]
fn the_custom_resources_of_the_examples_match_the_output_of_convert() {
    let fresh = tempfile::tempdir().expect("a folder");
    let converted = Command::new(env!("CARGO_BIN_EXE_ecs-operator"))
        .args(["convert", "--report", "none", "--output"])
        .arg(fresh.path())
        .arg(root().join("examples/ecs"))
        .status()
        .expect("the program runs");
    assert!(converted.success());
    let committed = root().join("examples/custom-resources");
    assert_eq!(file_names(fresh.path()), file_names(&committed), "run: make generate");
    for name in file_names(&committed) {
        let same =
            fs::read(fresh.path().join(&name)).expect("a file") == fs::read(committed.join(&name)).expect("a file");
        assert!(same, "{} is out of date; run: make generate", committed.join(&name).display());
    }
}

/// Returns the names of the files in a folder, sorted.
fn file_names(folder: &Path) -> Vec<OsString> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<OsString> = entries.map(|entry| entry.expect("a file").file_name()).collect();
    names.sort();
    names
}
