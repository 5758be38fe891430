//! Syntax errors, with advice and an excerpt of the text.

use serde::de::IgnoredAny;

use crate::ecs::fields;
use crate::report::Location;

/// A syntax error and its location.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::convert) struct SyntaxError {
    /// The error message.
    pub message: String,
    /// The line, from 1; 0 if unknown.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
}

/// Maximum number of characters that an excerpt shows on each side of the error.
const MARGIN: usize = 30;

/// Delimiters of templates, and how to render them.
const TEMPLATES: [(&str, &str); 5] = [
    ("${", "for example with envsubst, or with Terraform for a Terraform template"),
    ("%{", "with Terraform; `aws ecs describe-task-definition` prints what it deployed"),
    ("{{", "with its own tool, such as Ansible, Helm or Jinja"),
    ("{%", "with its own tool, such as Jinja"),
    ("<%", "with its own tool, such as ERB"),
];

/// Markers that git writes into files with merge conflicts.
const CONFLICT_MARKERS: [&str; 4] = ["<<<<<<<", "|||||||", "=======", ">>>>>>>"];

impl SyntaxError {
    /// Returns the error as a sentence with its location, and with advice if its cause can be guessed.
    pub fn sentence(&self, text: &str) -> String {
        if self.line == 0 {
            return self.message.clone();
        }
        let advice = self.advice(self.source_line(text), text);
        format!("line {}, column {}: {}", self.line, self.column, advice.as_ref().unwrap_or(&self.message))
    }

    /// Returns the location for the report; none if unknown.
    pub fn location(&self) -> Option<Location> {
        (self.line > 0).then_some(Location { line: self.line, column: self.column, end_column: None })
    }

    /// Returns the line with a mark under the error. Values are redacted because they may be secret.
    pub fn excerpt(&self, text: &str) -> String {
        let line: Vec<char> = self.source_line(text).trim_end().chars().collect();
        let spot = self.column.saturating_sub(1).min(line.len());
        let start = spot.saturating_sub(MARGIN);
        let end = line.len().min(start + 2 * MARGIN);
        let before = if start > 0 { "…" } else { "" };
        let after = if line.len() > end { "…" } else { "" };
        let shown = redact_range(&line, start, end);
        let number = self.line.to_string();
        let mark = " ".repeat(number.len() + 3 + before.chars().count() + spot - start);
        format!("{number} | {before}{shown}{after}\n{mark}^")
    }

    /// Returns a better message than the parser's if the line or the text matches a common mistake.
    fn advice(&self, line: &str, text: &str) -> Option<String> {
        let trimmed = line.trim();
        if CONFLICT_MARKERS.iter().any(|mark| trimmed.starts_with(mark)) {
            return Some("merge conflict marker: resolve the conflict first".to_owned());
        }
        if let Some(message) = self.template(line) {
            return Some(message);
        }
        if trimmed.starts_with("...") || trimmed.starts_with('…') {
            return Some("lines are omitted here; the complete definition is required".to_owned());
        }
        if let Some(start) = self.later_start(text) {
            return Some(format!(
                "the JSON starts at line {start}: remove the text before it, such as the output of a command"
            ));
        }
        let has_mark = TEMPLATES.iter().any(|(mark, _)| line.contains(mark));
        has_mark.then(|| format!("{}; the line looks like a template: render it first", self.message))
    }

    /// Returns a message about a template or placeholder at the error. A parser stops up to two characters after its start.
    fn template(&self, line: &str) -> Option<String> {
        let spot = self.column.saturating_sub(1);
        let near: String = line.chars().skip(spot.saturating_sub(2)).take(spot.min(2) + 2).collect();
        if let Some((_, with)) = TEMPLATES.iter().find(|(mark, _)| near.contains(mark)) {
            return Some(format!("this template is not rendered: render it first, {with}"));
        }
        let mut rest = line.chars().skip(spot);
        let is_start = matches!(rest.next(), Some('$' | '<' | '@'));
        let has_name = rest.next().is_some_and(|c| c.is_alphanumeric() || c == '_');
        (is_start && has_name).then(|| "this placeholder is not filled in: replace it with a value".to_owned())
    }

    /// Returns the line at which JSON starts if the error is before it.
    fn later_start(&self, text: &str) -> Option<usize> {
        let start = text.lines().position(|line| line.starts_with(['{', '[']))? + 1;
        let before = text.lines().take(start - 1).find(|line| !line.trim().is_empty())?;
        // In a definition too, such lines may be before a bracket.
        let is_definition = before.trim_start().starts_with(['"', '/', '#', '-']) || before.trim_end().ends_with(':');
        if is_definition || self.line > start + 1 {
            return None;
        }
        // Lines of YAML may start with a bracket too, but the text after it is rarely valid JSON.
        let lines = text.split_inclusive('\n').skip(start - 1).map(str::len).sum::<usize>();
        let rest = serde_json::Deserializer::from_str(&text[text.len() - lines..]).into_iter::<IgnoredAny>().next();
        rest.is_some_and(|document| document.is_ok()).then_some(start)
    }

    fn source_line<'a>(&self, text: &'a str) -> &'a str {
        text.lines().nth(self.line.saturating_sub(1)).unwrap_or_default()
    }
}

/// Returns a range of characters of a line as it is in the redacted line.
fn redact_range(line: &[char], start: usize, end: usize) -> String {
    // A word that the range cuts off is redacted as a whole: the start or the end of a secret may equal a field name.
    let from = line[..start].iter().rposition(|c| !is_key_character(*c)).map_or(0, |at| at + 1);
    let word = end_of_run(line, end, is_key_character);
    let gap = end_of_run(line, word, |c| is_quote(c) || c.is_whitespace());
    let part: String = line[from..line.len().min(gap + 1)].iter().collect();
    redact(&part).chars().skip(start - from).take(end - start).collect()
}

/// Returns the end of the characters from `start` on for which `is_part` is true.
fn end_of_run(line: &[char], start: usize, is_part: fn(char) -> bool) -> usize {
    start + line[start..].iter().take_while(|c| is_part(**c)).count()
}

/// Replaces the letters and digits of all words by `*`, except field names before a colon. In an invalid text any other word
/// may be a secret, also at the place of a name.
fn redact(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(start) = rest.find(|c: char| c.is_alphanumeric()) {
        let (before, from_word) = rest.split_at(start);
        let length = from_word.find(|c: char| !is_key_character(c)).unwrap_or(from_word.len());
        let (word, after) = from_word.split_at(length);
        let after_quote = after.trim_start_matches(is_quote).trim_start();
        shown.push_str(&before.replace('\t', " "));
        if after_quote.starts_with(':') && fields::is_member(word) {
            shown.push_str(word);
        } else {
            shown.extend(word.chars().map(|c| if c.is_alphanumeric() { '*' } else { c }));
        }
        rest = after;
    }
    shown + &rest.replace('\t', " ")
}

fn is_quote(character: char) -> bool {
    matches!(character, '"' | '\'')
}

fn is_key_character(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '-' | '.' | '/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_is_marked_and_values_are_redacted() {
        let text = "{\n  \"family\": \"s3cret-x\" oops\n}";
        let error = SyntaxError { message: "expected `,`".to_owned(), line: 2, column: 24 };
        assert_eq!(error.sentence(text), "line 2, column 24: expected `,`");
        let excerpt = error.excerpt(text);
        assert_eq!(excerpt, "2 |   \"family\": \"******-*\" ****\n                           ^");
    }

    fn sentence(text: &str, line: usize, column: usize) -> String {
        SyntaxError { message: "no".to_owned(), line, column }.sentence(text)
    }

    #[test]
    fn templates_are_recognized() {
        for (text, column) in [
            ("%{ if x }", 1),
            ("\"cpu\": ${CPU},", 8),
            ("cpu: {{ cpu }}", 7),
            ("{{- if x }}", 3),
            ("{% for c in d %}", 2),
            ("\"cpu\": <%= cpu %>,", 8),
            ("\"cpu\": $CPU,", 8),
            ("\"cpu\": <CPU>,", 8),
        ] {
            let sentence = sentence(text, 1, column);
            assert!(sentence.contains("is not rendered") || sentence.contains("is not filled in"), "{sentence}");
        }
        let beside = sentence("\"command\": \"echo ${HOME}\" \"x\"", 1, 27);
        assert!(beside.starts_with("line 1, column 27: no; the line looks like a template"), "{beside}");
    }

    #[test]
    fn text_that_is_not_part_of_a_definition_is_reported() {
        assert!(sentence("{\n<<<<<<< HEAD\n", 2, 1).contains("merge conflict"));
        assert!(sentence("{\n  ...\n", 2, 3).contains("lines are omitted"));
        assert!(sentence("+ aws ecs\nok\n{\n}", 1, 1).contains("starts at line 3"));
        assert_eq!(sentence("a: b: c\n", 1, 5), "line 1, column 5: no");
        assert_eq!(sentence("family: web\ncpu: 1\n[x]: 1: 2\n", 3, 7), "line 3, column 7: no");
        assert_eq!(sentence("<<<<<<< HEAD\n", 0, 0), "no");
    }

    #[test]
    fn no_part_of_a_redacted_word_is_shown() {
        // At either end of the excerpt, the visible part of the word equals a field name.
        let (name, filler) = ("memory", "!".repeat(MARGIN));
        let excerpt = |text: &str, column: usize| {
            SyntaxError { message: "no".to_owned(), line: 1, column }.excerpt(text).lines().next().unwrap().to_owned()
        };
        let start = format!("s3cret{name}:{}{filler}", "!".repeat(MARGIN - name.len() - 1));
        assert_eq!(excerpt(&start, 6 + MARGIN + 1), format!("1 | …******:{}{filler}", "!".repeat(MARGIN - 7)));
        let end = format!("{filler}{}{name}s3cret: 1", "!".repeat(MARGIN - name.len()));
        assert_eq!(excerpt(&end, MARGIN + 1), format!("1 | {filler}{}******…", "!".repeat(MARGIN - 6)));
        let whole = format!("{filler}{}{name}\" : 1", "!".repeat(MARGIN - name.len()));
        assert_eq!(excerpt(&whole, MARGIN + 1), format!("1 | {filler}{}{name}…", "!".repeat(MARGIN - 6)));
    }

    #[test]
    fn an_excerpt_of_a_long_line_is_shown() {
        let text = format!("{}!{}", ",".repeat(200), ",".repeat(200));
        let error = SyntaxError { message: "no".to_owned(), line: 1, column: 201 };
        let excerpt = error.excerpt(&text);
        let (line, mark) = excerpt.split_once('\n').unwrap();
        assert!(line.starts_with("1 | …,") && line.ends_with(",…") && line.chars().count() < 70, "{line}");
        assert_eq!(line.chars().nth(mark.chars().count() - 1), Some('!'));
    }
}
