//! Language of comments, messages and documentation comments in the source, as CONTRIBUTING.md describes it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};
use regex::Regex;

use crate::source::rust_files;

/// Folders that are checked.
const FOLDERS: [&str; 4] = ["src", "agent/src", "devtools/demo/src", "devtools/docgen/src"];

/// Words that begin a relative clause instead of naming a thing or an action.
const OPENINGS: &str = r"^(What|Whether|Where|Who|Whom|Whose|Which)\b";

/// Words and phrases that personify programs and objects, or that leave open what they refer to.
const PHRASES: &str =
    r"(?i)\b(nobody|anybody|somebody|everybody|whoever|knows|tells|told|wants|looks? after|is asked)\b";

/// Finds violations in one source file.
struct Checker {
    opening: Regex,
    phrase: Regex,
}

impl Checker {
    fn new() -> Self {
        let regex = |pattern| Regex::new(pattern).expect("a valid pattern");
        Self { opening: regex(OPENINGS), phrase: regex(PHRASES) }
    }

    /// Returns the lines with violations, by number, with the words.
    fn violations(&self, source: &str) -> BTreeSet<(usize, String)> {
        let mut texts: Vec<(usize, String)> = comments(source);
        let tokens: TokenStream = source.parse().expect("Rust");
        strings(tokens, &mut texts);
        let mut violations = BTreeSet::new();
        for (line, text) in texts {
            for (number, part) in text.lines().enumerate() {
                let words = self.phrase.find_iter(part).map(|words| (line + number, words.as_str().to_owned()));
                violations.extend(words);
            }
        }
        for (line, text) in openings(source) {
            violations.extend(self.opening.find(text).map(|word| (line, word.as_str().to_owned())));
        }
        violations
    }
}

/// Returns the comments that take up a line, with their line numbers.
fn comments(source: &str) -> Vec<(usize, String)> {
    let lines = source.lines().zip(1..).map(|(line, number)| (number, line.trim()));
    lines.filter(|(_, line)| line.starts_with("//")).map(|(number, line)| (number, line.to_owned())).collect()
}

/// Returns the first line of each documentation comment.
fn openings(source: &str) -> Vec<(usize, &str)> {
    let mut openings = Vec::new();
    let mut previous = "";
    for (line, number) in source.lines().map(str::trim).zip(1..) {
        let marker = ["///", "//!"].into_iter().find(|marker| line.starts_with(marker));
        if let Some(marker) = marker.filter(|marker| !previous.starts_with(marker)) {
            openings.push((number, line[marker.len()..].trim()));
        }
        previous = line;
    }
    openings
}

/// Collects the string literals with the line numbers of their beginnings.
fn strings(tokens: TokenStream, texts: &mut Vec<(usize, String)>) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => strings(group.stream(), texts),
            TokenTree::Literal(literal) => {
                let text = literal.to_string();
                if text.contains('"') {
                    texts.push((literal.span().start().line, text));
                }
            }
            TokenTree::Ident(_) | TokenTree::Punct(_) => {}
        }
    }
}

#[test]
fn comments_and_messages_follow_the_style() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let checker = Checker::new();
    let mut report = Vec::new();
    for file in FOLDERS.iter().flat_map(|folder| rust_files(&root.join(folder))) {
        let source = fs::read_to_string(&file).expect("a readable file");
        let path = file.strip_prefix(root).expect("a file of the project").display();
        let violations = checker.violations(&source).into_iter();
        report.extend(violations.map(|(line, words)| format!("{path}:{line}: {words:?}")));
    }
    report.sort();
    assert!(report.is_empty(), "see Style in CONTRIBUTING.md:\n{}", report.join("\n"));
}

#[test]
fn violations_are_found_in_comments_and_strings() {
    let source = r#"
/// Whether it is so.
/// Which is not an opening.
fn f() {
    // Nobody is told.
    let text = "first \
        and the server knows it";
    let told = 'x';
}
"#;
    let violations = Checker::new().violations(source);
    let words: Vec<(usize, &str)> = violations.iter().map(|(line, words)| (*line, words.as_str())).collect();
    assert_eq!(words, [(2, "Whether"), (5, "Nobody"), (5, "told"), (7, "knows")]);
}
