//! Patterns of `=~`: regular expressions of Java that match whole values.
//!
//! They are run by an engine whose time grows linearly with the value. What it cannot do, or reads in another way than Java,
//! is refused: looking around, references back, quantifiers that never give back.

use std::fmt;

use regex::{Regex, RegexBuilder};

use super::quoting::write_value;

/// Most memory that a compiled pattern may take, in bytes.
const MAX_SIZE: usize = 1 << 20;

/// Most groups and classes in one another.
const MAX_DEPTH: u32 = 50;

/// A regular expression that matches whole values.
#[derive(Clone, Debug)]
pub struct Pattern {
    source: String,
    regex: Regex,
}

/// Reason for refusing a text as a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// Where, in bytes from the start of the pattern.
    pub(super) offset: usize,
    /// Description of the problem.
    pub(super) message: String,
}

impl Pattern {
    pub(super) fn new(source: &str) -> Result<Self, Refusal> {
        refuse_foreign(source)?;
        let whole = |end: &str| compile(&format!(r"\A(?:{source}{end})\z"));
        let regex = if source.contains('#') {
            // In a comment a parenthesis means nothing, so that another one might close the group around the pattern; and a
            // comment at the end would take that group's own parenthesis in.
            compile(source).and_then(|_| whole("").or_else(|_| whole("\n")))
        } else {
            whole("")
        };
        let regex = regex.map_err(|error| Refusal { offset: 0, message: in_words(&error) })?;
        Ok(Self { source: source.to_owned(), regex })
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// True if it matches the whole value.
    #[must_use]
    pub fn matches(&self, value: &str) -> bool {
        self.regex.is_match(value)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Pattern {}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_value(&self.source, f)
    }
}

fn compile(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).size_limit(MAX_SIZE).dfa_size_limit(MAX_SIZE).nest_limit(MAX_DEPTH).build()
}

/// The engine draws a picture of a mistake; its last line says what it is.
fn in_words(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => "the pattern is too large: count fewer repetitions".to_owned(),
        other => {
            let text = other.to_string();
            let last = text.lines().last().unwrap_or_default().trim().trim_start_matches("error: ").to_owned();
            format!("the pattern is no regular expression: {last}")
        }
    }
}

/// Position before a quantifier, which decides whether it is valid.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    Start,
    Atom,
    Quantifier,
    Lazy,
}

/// Refuses what Java and the engine read in different ways, or what Java knows alone.
fn refuse_foreign(pattern: &str) -> Result<(), Refusal> {
    let (mut classes, mut groups) = (0_usize, 0_usize);
    let mut after = After::Start;
    let mut rest = pattern;
    while let Some(character) = rest.chars().next() {
        let offset = pattern.len() - rest.len();
        let refuse = |message: &str| Refusal { offset, message: message.to_owned() };
        let mut length = character.len_utf8();
        if character == '\\' {
            let escaped = rest[1..].chars().next();
            if classes == 0 && escaped.is_some_and(|c| c.is_ascii_digit() && c != '0' || c == 'k') {
                return Err(refuse("references back to a group are not supported: write out what it may match"));
            }
            length += escaped.map_or(0, char::len_utf8);
            after = After::Atom;
        } else if classes > 0 {
            match character {
                '[' => classes += 1,
                ']' => classes -= 1,
                '-' | '~' if rest[1..].starts_with(character) => {
                    return Err(refuse("write `\\-` or `\\~` for one that stands beside another"));
                }
                _ => {}
            }
            after = After::Atom;
        } else {
            after = match character {
                '[' => {
                    classes = 1;
                    // What comes first is meant itself, though it would close the class.
                    let negated = usize::from(rest[1..].starts_with('^'));
                    length += negated;
                    length += usize::from(rest[length..].starts_with(']'));
                    After::Atom
                }
                '(' => {
                    if let Some(message) = foreign_group(rest) {
                        return Err(refuse(message));
                    }
                    // The mark of a special group is no quantifier.
                    length += usize::from(rest[1..].starts_with('?'));
                    groups += 1;
                    After::Start
                }
                ')' if groups == 0 => return Err(refuse("this parenthesis closes none")),
                ')' => {
                    groups -= 1;
                    After::Atom
                }
                '|' | '^' => After::Start,
                '*' | '+' | '?' => quantifier(after, character).map_err(refuse)?,
                '{' => {
                    length = rest.find('}').map_or(rest.len(), |end| end + 1);
                    quantifier(after, character).map_err(refuse)?
                }
                _ => After::Atom,
            };
        }
        rest = &rest[length..];
    }
    Ok(())
}

fn quantifier(after: After, character: char) -> Result<After, &'static str> {
    match (after, character) {
        (After::Atom, _) => Ok(After::Quantifier),
        (After::Quantifier, '?') => Ok(After::Lazy),
        (After::Quantifier, '+') => Err("quantifiers that never give back are not supported: leave out the second `+`"),
        (After::Quantifier | After::Lazy, _) => {
            Err("a quantifier follows a quantifier: put what is repeated in a group")
        }
        (After::Start, _) => Err("there is nothing to repeat: write `.*` for anything"),
    }
}

fn foreign_group(rest: &str) -> Option<&'static str> {
    let starts = |marks: &[&str]| marks.iter().any(|mark| rest.starts_with(mark));
    if starts(&["(?=", "(?!", "(?<=", "(?<!"]) {
        return Some("looking ahead or behind is not supported: join two comparisons by `and`");
    }
    starts(&["(?>"]).then_some("groups that never give back are not supported: write `(?:` instead")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_the_whole_value() {
        let cases = [
            ("t2.*", "t2.micro", true),
            ("t2.*", "xt2.micro", false),
            ("t2", "t2.micro", false),
            ("a|ab", "ab", true),
            ("a|ab", "abc", false),
            ("", "", true),
            ("(c|m)[45]d?\\..*", "m5d.large", true),
            ("^t2$", "t2", true),
            ("[^]a]+", "bc", true),
            ("[a]]", "a]", true),
            ("(?i)T2.*", "t2.nano", true),
            ("(?x) t 2 # a comment", "t2", true),
            ("(?i)a#b", "A#B", true),
            ("[-a]+?", "a-", true),
            ("x{2,3}?", "xxx", true),
            ("\\++", "++", true),
            ("us-(?<area>east|west)-.*", "us-west-2a", true),
        ];
        for (pattern, value, matches) in cases {
            assert_eq!(Pattern::new(pattern).unwrap().matches(value), matches, "{pattern} {value}");
        }
    }

    #[test]
    fn what_java_reads_in_another_way_is_refused_with_its_place() {
        let cases = [
            ("a(?=b)", 1, "looking ahead"),
            ("(?<!a)b", 0, "looking ahead or behind"),
            ("(?>a)", 0, "never give back"),
            ("(a)\\1", 3, "references back"),
            ("(?<n>a)\\k<n>", 7, "references back"),
            ("a*+", 2, "never give back"),
            ("a{2}+", 4, "never give back"),
            ("a**", 2, "a quantifier follows"),
            ("*.large", 0, "nothing to repeat"),
            ("(*)", 1, "nothing to repeat"),
            ("[a--b]", 2, "\\-"),
            ("a)|(b", 1, "closes none"),
            ("(?x) # (\n b)|(c # )", 0, "unopened group"),
            ("(a", 0, "unclosed group"),
            ("[a", 0, "unclosed character class"),
            ("\\w{1000}{1000}", 8, "a quantifier follows"),
            ("(\\w{1000}){1000}", 0, "too large"),
            ("\\Qa\\E", 0, "unrecognized escape"),
        ];
        for (pattern, offset, message) in cases {
            let refusal = Pattern::new(pattern).unwrap_err();
            assert!(refusal.message.contains(message), "{pattern}: {refusal:?}");
            assert_eq!(refusal.offset, offset, "{pattern}: {refusal:?}");
        }
    }
}
