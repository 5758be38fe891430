//! "Did you mean …?", "is this a template?"

use crate::ecs::placeholder;

/// Longest text of the input that a message repeats.
const SHOWN: usize = 40;

/// `, did you mean …?` for the known word closest to what was written; empty when none is close.
pub(in crate::ecs) fn did_you_mean<'a>(written: &str, known: impl Iterator<Item = &'a str>) -> String {
    closest(written, known).map_or_else(String::new, |word| format!(", did you mean `{word}`?"))
}

/// The same for a name that people gave something, of which there are few: also short ones may have a typing mistake.
pub(crate) fn did_you_mean_name<'a>(written: &str, known: impl Iterator<Item = &'a str>) -> String {
    let allowed = |length: usize| tolerated(length).max(1).min(length.saturating_sub(1));
    nearest(written, known, allowed).map_or_else(String::new, |name| format!(", did you mean `{name}`?"))
}

/// What to add to a message about a text, when it is a place that a template leaves open; else nothing.
pub(in crate::ecs) fn unrendered(text: &str) -> &'static str {
    if placeholder::is_open(text) { placeholder::HINT } else { "" }
}

/// A text, cut so that a message stays readable.
pub(in crate::ecs) fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The known word that is the same but for case and separators, or else the one with the fewest typing mistakes.
fn closest<'a>(written: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    nearest(written, known, tolerated)
}

/// The closest one, with no more mistakes than are allowed in a word of its length.
fn nearest<'a>(
    written: &str,
    known: impl Iterator<Item = &'a str>,
    allowed: impl Fn(usize) -> usize,
) -> Option<&'a str> {
    let written = plain(written);
    let distances = known.map(|word| (distance(&written, &plain(word)), word));
    let (mistakes, word) = distances.min()?;
    (mistakes <= allowed(written.len())).then_some(word)
}

/// Mistakes in a word of that length that still leave it recognisable.
fn tolerated(length: usize) -> usize {
    match length {
        0..=3 => 0,
        4..=7 => 1,
        _ => 2,
    }
}

fn plain(word: &str) -> Vec<char> {
    let letters = word.chars().filter(|character| !matches!(character, '-' | '_' | ' '));
    letters.take(SHOWN * 2).map(|character| character.to_ascii_lowercase()).collect()
}

/// Characters to insert, remove or replace to make one word of the other (Levenshtein).
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_are_close_are_suggested() {
        let known = ["portMappings", "image", "environment", "cpu", "awsvpc", "none"];
        let cases = [
            ("PortMappings", "portMappings"),
            ("port_mappings", "portMappings"),
            ("portMapping", "portMappings"),
            ("enviroment", "environment"),
            ("imge", "image"),
            ("CPU", "cpu"),
            ("AWSVPC", "awsvpc"),
        ];
        for (written, meant) in cases {
            assert_eq!(closest(written, known.into_iter()), Some(meant), "{written}");
        }
        for written in ["", "gpu", "something", "ports"] {
            assert_eq!(closest(written, known.into_iter()), None, "{written}");
        }
    }

    #[test]
    fn names_that_are_close_are_suggested() {
        let meant = |written: &str, known: &'static str| did_you_mean_name(written, std::iter::once(known));
        for (written, known) in [("ss", "s"), ("prd", "prod"), ("gpuu", "gpu")] {
            assert_eq!(meant(written, known), format!(", did you mean `{known}`?"));
        }
        for (written, known) in [("a", "b"), ("scale-in", "cpu")] {
            assert_eq!(meant(written, known), "", "{written}");
        }
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(shortened("short"), "short");
        assert_eq!(shortened(&"é".repeat(50)), format!("{}…", "é".repeat(40)));
    }
}
