//! Where a text could not be read, and how that is shown.

use serde::de::IgnoredAny;

use crate::ecs::fields;
use crate::report::Location;

/// A text that cannot be read, with the location.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::convert) struct SyntaxError {
    /// What is wrong.
    pub message: String,
    /// The line, from 1; 0 when it is not known.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
}

/// Characters of a long line that are shown on each side of the spot.
const AROUND: usize = 30;

/// Marks of templates, and what fills them in.
const TEMPLATES: [(&str, &str); 5] = [
    ("${", "for example with envsubst, or with Terraform if it is Terraform's"),
    ("%{", "with Terraform; what it deployed is in `aws ecs describe-task-definition`"),
    ("{{", "with the tool it is for, such as Ansible, Helm or Jinja"),
    ("{%", "with the tool it is for, such as Jinja"),
    ("<%", "with the tool it is for, such as ERB"),
];

/// What git writes around the sides of a conflict.
const CONFLICT: [&str; 4] = ["<<<<<<<", "|||||||", "=======", ">>>>>>>"];

impl SyntaxError {
    /// The error in a sentence, with a guess at what the text is.
    pub fn sentence(&self, text: &str) -> String {
        if self.line == 0 {
            return self.message.clone();
        }
        let told = self.told_by(self.source_line(text), text);
        format!("line {}, column {}: {}", self.line, self.column, told.as_ref().unwrap_or(&self.message))
    }

    /// The spot, for the report.
    pub fn location(&self) -> Option<Location> {
        (self.line > 0).then_some(Location { line: self.line, column: self.column, end_column: None })
    }

    /// The line with a mark under the spot. Letters and digits of values are hidden: they may be secret.
    pub fn excerpt(&self, text: &str) -> String {
        let line: Vec<char> = self.source_line(text).trim_end().chars().collect();
        let spot = self.column.saturating_sub(1).min(line.len());
        let start = spot.saturating_sub(AROUND);
        let end = line.len().min(start + 2 * AROUND);
        let before = if start > 0 { "…" } else { "" };
        let after = if line.len() > end { "…" } else { "" };
        let shown = hidden_part(&line, start, end);
        let number = self.line.to_string();
        let mark = " ".repeat(number.len() + 3 + before.chars().count() + spot - start);
        format!("{number} | {before}{shown}{after}\n{mark}^")
    }

    /// What the line, or the text as a whole, says better than the parser does.
    fn told_by(&self, line: &str, text: &str) -> Option<String> {
        let trimmed = line.trim();
        if CONFLICT.iter().any(|mark| trimmed.starts_with(mark)) {
            return Some("this is a mark of a merge conflict: resolve it first".to_owned());
        }
        if let Some(words) = self.template(line) {
            return Some(words);
        }
        if trimmed.starts_with("...") || trimmed.starts_with('…') {
            return Some("lines were left out here; the whole definition is needed".to_owned());
        }
        if let Some(begin) = self.later_begin(text) {
            let what = "what stands before it, such as what a command printed, is none";
            return Some(format!("the JSON begins only in line {begin}; {what}: take it away"));
        }
        let has_mark = TEMPLATES.iter().any(|(mark, _)| line.contains(mark));
        has_mark.then(|| format!("{}; the line looks like a template: is it filled in?", self.message))
    }

    /// What is said of a template or placeholder at the spot. A parser stops up to two characters after its begin.
    fn template(&self, line: &str) -> Option<String> {
        let spot = self.column.saturating_sub(1);
        let near: String = line.chars().skip(spot.saturating_sub(2)).take(spot.min(2) + 2).collect();
        if let Some((_, with)) = TEMPLATES.iter().find(|(mark, _)| near.contains(mark)) {
            return Some(format!("this is a template that is not filled in: fill it in first, {with}"));
        }
        let mut at = line.chars().skip(spot);
        let begins = matches!(at.next(), Some('$' | '<' | '@'));
        let names = at.next().is_some_and(|c| c.is_alphanumeric() || c == '_');
        (begins && names).then(|| "this is a placeholder that is not filled in: put a value in its place".to_owned())
    }

    /// The line where JSON begins, when the error is before it.
    fn later_begin(&self, text: &str) -> Option<usize> {
        let begins = |line: &str| line.starts_with(['{', '[']);
        let begin = text.lines().position(begins)? + 1;
        let before = text.lines().take(begin - 1).find(|line| !line.trim().is_empty())?;
        // Terms that may well stand before a bracket in a definition.
        let usual = before.trim_start().starts_with(['"', '/', '#', '-']) || before.trim_end().ends_with(':');
        if usual || self.line > begin + 1 {
            return None;
        }
        // YAML may have brackets at the beginning of a line too, but what begins there is seldom JSON.
        let lines = text.split_inclusive('\n').skip(begin - 1).map(str::len).sum::<usize>();
        let rest = serde_json::Deserializer::from_str(&text[text.len() - lines..]).into_iter::<IgnoredAny>().next();
        rest.is_some_and(|document| document.is_ok()).then_some(begin)
    }

    fn source_line<'a>(&self, text: &'a str) -> &'a str {
        text.lines().nth(self.line.saturating_sub(1)).unwrap_or_default()
    }
}

/// The part of a line, from a character to another, as it would be in the whole line with its values hidden.
fn hidden_part(line: &[char], start: usize, end: usize) -> String {
    // The rest of a word that is a secret may be the name of a field, and so may its beginning.
    let from = line[..start].iter().rposition(|c| !is_of_key(*c)).map_or(0, |at| at + 1);
    let over = |from: usize, passed: fn(char) -> bool| from + line[from..].iter().take_while(|c| passed(**c)).count();
    let word = over(end, is_of_key);
    let gap = over(word, |c| is_quote(c) || c.is_whitespace());
    let part: String = line[from..line.len().min(gap + 1)].iter().collect();
    hidden(&part).chars().skip(start - from).take(end - start).collect()
}

/// The line with the letters and digits of all words as `*`, but for names of fields before a colon. Any other word may be a
/// secret, also where a name belongs: the text cannot be read.
fn hidden(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(start) = rest.find(|c: char| c.is_alphanumeric()) {
        let (before, from_word) = rest.split_at(start);
        let length = from_word.find(|c: char| !is_of_key(c)).unwrap_or(from_word.len());
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

fn is_of_key(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '-' | '.' | '/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spot_is_marked_and_values_are_hidden() {
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
    fn templates_are_recognised() {
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
            assert!(sentence(text, 1, column).contains("that is not filled in"), "{text}");
        }
        let beside = sentence("\"command\": \"echo ${HOME}\" \"x\"", 1, 27);
        assert!(beside.starts_with("line 1, column 27: no; the line looks like a template"), "{beside}");
    }

    #[test]
    fn what_does_not_belong_into_the_text_is_named() {
        assert!(sentence("{\n<<<<<<< HEAD\n", 2, 1).contains("a merge conflict"));
        assert!(sentence("{\n  ...\n", 2, 3).contains("lines were left out"));
        assert!(sentence("+ aws ecs\nok\n{\n}", 1, 1).contains("begins only in line 3"));
        assert_eq!(sentence("a: b: c\n", 1, 5), "line 1, column 5: no");
        assert_eq!(sentence("family: web\ncpu: 1\n[x]: 1: 2\n", 3, 7), "line 3, column 7: no");
        assert_eq!(sentence("<<<<<<< HEAD\n", 0, 0), "no");
    }

    #[test]
    fn no_part_of_a_hidden_word_is_shown() {
        // The part inside the window is the name of a field at either end.
        let (name, filler) = ("memory", "!".repeat(AROUND));
        let excerpt = |text: &str, column: usize| {
            SyntaxError { message: "no".to_owned(), line: 1, column }.excerpt(text).lines().next().unwrap().to_owned()
        };
        let start = format!("s3cret{name}:{}{filler}", "!".repeat(AROUND - name.len() - 1));
        assert_eq!(excerpt(&start, 6 + AROUND + 1), format!("1 | …******:{}{filler}", "!".repeat(AROUND - 7)));
        let end = format!("{filler}{}{name}s3cret: 1", "!".repeat(AROUND - name.len()));
        assert_eq!(excerpt(&end, AROUND + 1), format!("1 | {filler}{}******…", "!".repeat(AROUND - 6)));
        let whole = format!("{filler}{}{name}\" : 1", "!".repeat(AROUND - name.len()));
        assert_eq!(excerpt(&whole, AROUND + 1), format!("1 | {filler}{}{name}…", "!".repeat(AROUND - 6)));
    }

    #[test]
    fn a_long_line_is_shown_around_the_spot() {
        let text = format!("{}!{}", ",".repeat(200), ",".repeat(200));
        let error = SyntaxError { message: "no".to_owned(), line: 1, column: 201 };
        let excerpt = error.excerpt(&text);
        let (line, mark) = excerpt.split_once('\n').unwrap();
        assert!(line.starts_with("1 | …,") && line.ends_with(",…") && line.chars().count() < 70, "{line}");
        assert_eq!(line.chars().nth(mark.chars().count() - 1), Some('!'));
    }
}
