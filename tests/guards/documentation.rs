//! Generated pages, generated sections and examples match the code.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::reference;

/// The marker at the end of each generated section.
const END: &str = "<!-- end of what is generated -->";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// `make generate` sets this: what is generated is then written instead of compared.
fn generating() -> bool {
    std::env::var_os("GENERATE").is_some()
}

fn check(path: &Path, current: &str) {
    if generating() {
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder is made");
        fs::write(path, current).expect("the page is written");
    } else {
        let committed = fs::read_to_string(path).unwrap_or_default();
        assert!(committed == current, "{} is not what the code generates; run: make generate", path.display());
    }
}

#[test]
fn the_pages_about_fields_are_current() {
    for page in docgen::pages() {
        check(&root().join(page.file), &page.text);
    }
}

#[test]
fn the_reference_pages_are_current() {
    for page in reference::pages() {
        check(&root().join(page.file), &page.text);
    }
}

#[test]
fn the_schema_of_the_chart_describes_each_value_as_values_yaml_does() {
    let path = root().join("charts/ecs-operator/values.schema.json");
    check(&path, &reference::chart_values::schema());
}

/// The report that `convert` prints of an example, up to the count.
fn report() -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_ecs-operator"))
        .args(["convert", "examples/ecs/invoices.taskdef.json"])
        .current_dir(root())
        .output()
        .expect("the program runs");
    let report = String::from_utf8(output.stderr).expect("UTF-8");
    format!("```text\n{}\n```", report.trim())
}

/// Replaces a section between its markers.
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
fn the_examples_custom_resources_are_what_convert_makes_of_the_ecs_files() {
    let fresh = tempfile::tempdir().expect("a folder");
    let converted = Command::new(env!("CARGO_BIN_EXE_ecs-operator"))
        .args(["convert", "--report", "none", "--output"])
        .arg(fresh.path())
        .arg(root().join("examples/ecs"))
        .status()
        .expect("the program runs");
    assert!(converted.success());
    let files = |folder: &Path| {
        let mut files: Vec<PathBuf> =
            fs::read_dir(folder).expect("a folder").map(|f| f.expect("a file").path()).collect();
        files.sort();
        files
    };
    let committed = root().join("examples/custom-resources");
    let names = |folder: &Path| files(folder).iter().map(|f| f.file_name().map(ToOwned::to_owned)).collect::<Vec<_>>();
    assert_eq!(names(fresh.path()), names(&committed), "run: make generate");
    for (new, old) in files(fresh.path()).iter().zip(files(&committed)) {
        let same = fs::read(new).expect("a file") == fs::read(&old).expect("a file");
        assert!(same, "{} is not what convert makes; run: make generate", old.display());
    }
}
