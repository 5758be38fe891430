//! Links between pages of the documentation resolve, and the index lists every page.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the Markdown files of the documentation, relative to the root of the project.
fn pages() -> Vec<PathBuf> {
    ["", "docs", "docs/fields", "docs/reference", "tests"].into_iter().flat_map(markdown).collect()
}

fn markdown(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(folder)).expect("a folder of the project");
    let names = entries.map(|entry| Path::new(folder).join(entry.expect("an entry").file_name()));
    names.filter(|path| path.extension().is_some_and(|extension| extension == "md")).collect()
}

fn text(page: &Path) -> String {
    fs::read_to_string(root().join(page)).unwrap_or_else(|error| panic!("{}: {error}", page.display()))
}

/// Returns the lines outside code blocks.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut in_code = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        in_code ^= is_fence;
        !in_code && !is_fence
    })
}

/// Returns the targets of a page's links within the project.
fn links(text: &str) -> Vec<String> {
    let targets = prose(text).flat_map(|line| line.split("](").skip(1));
    let targets = targets.filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
    targets.filter(|target| !target.contains("://")).map(str::to_owned).collect()
}

/// Returns the anchors that GitHub generates for the headings of a page.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = prose(text).filter_map(|line| line.strip_prefix('#'));
    headings.map(|heading| anchor(heading.trim_start_matches('#').trim())).collect()
}

fn anchor(heading: &str) -> String {
    let hyphenated = heading.to_lowercase().replace(' ', "-");
    hyphenated.chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, '-' | '_')).collect()
}

#[test]
fn every_link_resolves_to_a_page_and_a_heading() {
    let mut broken = Vec::new();
    for page in pages() {
        for link in links(&text(&page)) {
            let (file, fragment) = link.split_once('#').unwrap_or((&link, ""));
            let target = if file.is_empty() { page.clone() } else { page.with_file_name(file) };
            let resolves =
                root().join(&target).exists() && (fragment.is_empty() || anchors(&text(&target)).contains(fragment));
            if !resolves {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "broken links:\n{}", broken.join("\n"));
}

#[test]
fn the_index_lists_every_page_of_the_documentation() {
    let listed: BTreeSet<String> = links(&text(Path::new("docs/README.md"))).into_iter().collect();
    let listed: BTreeSet<&str> = listed.iter().map(|link| link.split('#').next().unwrap_or_default()).collect();
    let pages = pages().into_iter().filter_map(|page| page.strip_prefix("docs").ok().map(Path::to_path_buf));
    let missing: Vec<PathBuf> = pages
        .filter(|page| page != Path::new("README.md") && !listed.contains(page.to_str().unwrap_or_default()))
        .collect();
    assert!(missing.is_empty(), "docs/README.md does not link to {missing:?}");
}

#[test]
fn anchors_match_those_of_github() {
    assert_eq!(anchor("The `kubernetes` block"), "the-kubernetes-block");
    assert_eq!(anchor("Limits, and \"how\""), "limits-and-how");
}
