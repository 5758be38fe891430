//! Where a text could not be read, and how that is shown.

/// A text that cannot be read, with the place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SyntaxError {
    /// What is wrong.
    pub message: String,
    /// The line, from 1; 0 when it is not known.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
}

/// Characters of a long line that are shown on each side of the spot.
const AROUND: usize = 60;

impl SyntaxError {
    /// The error in a sentence, with a guess at what the text is.
    pub fn sentence(&self, text: &str) -> String {
        let place = if self.line > 0 { format!("line {}, column {}: ", self.line, self.column) } else { String::new() };
        format!("{place}{}{}", self.message, self.hint(self.source_line(text)))
    }

    /// The line with a mark under the spot. Letters and digits of values are hidden: they may be secret.
    pub fn excerpt(&self, text: &str) -> Option<String> {
        if self.line == 0 {
            return None;
        }
        let line: Vec<char> = hidden(self.source_line(text)).chars().collect();
        let spot = self.column.saturating_sub(1).min(line.len());
        let start = spot.saturating_sub(AROUND);
        let shown: String = line.iter().skip(start).take(2 * AROUND).collect();
        let number = self.line.to_string();
        let mark = " ".repeat(number.len() + 3 + spot - start);
        Some(format!("{number} | {}\n{mark}^", shown.trim_end()))
    }

    /// A guess at why the line is no JSON or YAML.
    fn hint(&self, line: &str) -> &'static str {
        let marks = ["${", "%{", "{{", "<%", "{%"];
        let spot = line.chars().nth(self.column.saturating_sub(1));
        if marks.iter().any(|mark| line.contains(mark)) {
            "; the line looks like a template: fill it in first, for example with envsubst or terraform console"
        } else if matches!(spot, Some('$' | '<')) {
            "; this looks like a placeholder: fill it in first"
        } else if line.trim().starts_with("...") || line.trim().starts_with('…') {
            "; lines were left out here"
        } else {
            ""
        }
    }

    fn source_line<'a>(&self, text: &'a str) -> &'a str {
        text.lines().nth(self.line.saturating_sub(1)).unwrap_or_default()
    }
}

/// The line with the letters and digits of all but its keys as `*`. A key is a word before a colon.
fn hidden(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(start) = rest.find(|c: char| c.is_alphanumeric()) {
        let (before, from_word) = rest.split_at(start);
        let length = from_word.find(|c: char| !is_of_key(c)).unwrap_or(from_word.len());
        let (word, after) = from_word.split_at(length);
        let after_quote = after.trim_start_matches(['"', '\'']).trim_start();
        shown.push_str(&before.replace('\t', " "));
        if after_quote.starts_with(':') && before.trim_end_matches(['"', '\'', '-', ' ', '\t', '{', ',']).is_empty() {
            shown.push_str(word);
        } else {
            shown.extend(word.chars().map(|c| if c.is_alphanumeric() { '*' } else { c }));
        }
        rest = after;
    }
    shown + rest
}

fn is_of_key(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '-' | '.' | '/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spot_is_marked_and_values_are_hidden() {
        let text = "{\n  \"password\": \"s3cret-x\" oops\n}";
        let error = SyntaxError { message: "expected `,`".to_owned(), line: 2, column: 26 };
        assert_eq!(error.sentence(text), "line 2, column 26: expected `,`");
        let excerpt = error.excerpt(text).unwrap();
        assert_eq!(excerpt, "2 |   \"password\": \"******-*\" ****\n                             ^");
    }

    #[test]
    fn templates_are_recognised() {
        let error = SyntaxError { message: "no".to_owned(), line: 1, column: 1 };
        assert!(error.sentence("%{ if x }").contains("looks like a template"));
        assert!(error.sentence("$PORT,").contains("looks like a placeholder"));
    }
}
