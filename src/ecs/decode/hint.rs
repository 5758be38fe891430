//! Hints in messages: the closest valid word, and placeholders of a template.

use crate::ecs::placeholder;

/// Maximum characters of an input text that a message repeats.
const MAX_QUOTED: usize = 40;

/// Returns `, did you mean …?` with the word closest to `written`, or an empty string if none is close.
pub(in crate::ecs) fn did_you_mean<'a>(written: &str, known: impl Iterator<Item = &'a str>) -> String {
    closest(written, known).map_or_else(String::new, |word| format!(", did you mean `{word}`?"))
}

/// Returns the same hint for names that users choose. There are few of them, so a hint is also given for a short name.
pub(crate) fn did_you_mean_name<'a>(written: &str, known: impl Iterator<Item = &'a str>) -> String {
    nearest(written, known, max_mistakes_in_name).map_or_else(String::new, |name| format!(", did you mean `{name}`?"))
}

/// Returns advice for a text with a placeholder of a template, or an empty string.
pub(in crate::ecs) fn unrendered(text: &str) -> &'static str {
    if placeholder::is_open(text) { placeholder::HINT } else { "" }
}

/// Cuts a text to the length that a message repeats.
pub(in crate::ecs) fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_QUOTED) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Returns the word with the fewest typing mistakes. Case and separators do not count as mistakes.
fn closest<'a>(written: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    nearest(written, known, max_mistakes)
}

/// Returns the closest word within the mistakes that `allowed` permits for the length of `written`.
fn nearest<'a>(
    written: &str,
    known: impl Iterator<Item = &'a str>,
    allowed: impl Fn(usize) -> usize,
) -> Option<&'a str> {
    let written = plain(written);
    let distances = known.map(|word| (strsim::damerau_levenshtein(&written, &plain(word)), word));
    let (mistakes, word) = distances.min()?;
    (mistakes <= allowed(written.chars().count())).then_some(word)
}

/// Maximum mistakes in a word of a given length that leave it recognizable.
fn max_mistakes(length: usize) -> usize {
    match length {
        0..=3 => 0,
        4..=7 => 1,
        _ => 2,
    }
}

fn max_mistakes_in_name(length: usize) -> usize {
    max_mistakes(length).max(1).min(length.saturating_sub(1))
}

/// Returns the first characters of a word in lower case, without separators.
fn plain(word: &str) -> String {
    let letters = word.chars().filter(|character| !matches!(character, '-' | '_' | ' '));
    letters.take(MAX_QUOTED * 2).map(|character| character.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_are_close_are_suggested() {
        let valid = ["portMappings", "image", "environment", "cpu", "awsvpc", "none"];
        let cases = [
            ("PortMappings", "portMappings"),
            ("port_mappings", "portMappings"),
            ("portMapping", "portMappings"),
            ("enviroment", "environment"),
            ("imge", "image"),
            ("iamge", "image"),
            ("CPU", "cpu"),
            ("AWSVPC", "awsvpc"),
        ];
        for (written, intended) in cases {
            assert_eq!(closest(written, valid.into_iter()), Some(intended), "{written}");
        }
        for written in ["", "gpu", "something", "ports"] {
            assert_eq!(closest(written, valid.into_iter()), None, "{written}");
        }
    }

    #[test]
    fn names_that_are_close_are_suggested() {
        for (written, name) in [("ss", "s"), ("prd", "prod"), ("gpuu", "gpu")] {
            assert_eq!(did_you_mean_name(written, [name].into_iter()), format!(", did you mean `{name}`?"));
        }
        for (written, name) in [("a", "b"), ("scale-in", "cpu")] {
            assert_eq!(did_you_mean_name(written, [name].into_iter()), "", "{written}");
        }
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(shortened("short"), "short");
        assert_eq!(shortened(&"é".repeat(50)), format!("{}…", "é".repeat(40)));
    }
}
