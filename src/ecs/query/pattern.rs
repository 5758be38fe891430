//! Patterns of `=~`: regular expressions of Java that match whole values.
//!
//! The `regex` crate matches them in time linear in the length of the value. Constructs that it does not support, or that have
//! another meaning in Java, are rejected: lookaround, backreferences and possessive quantifiers.

use std::fmt;

use regex::{Regex, RegexBuilder};

use super::quoting::write_value;

/// Maximum memory of a compiled pattern, in bytes.
const MAX_SIZE: usize = 1 << 20;

/// Maximum nesting of groups and classes.
const MAX_DEPTH: u32 = 50;

/// Regular expression that matches whole values.
#[derive(Clone, Debug)]
pub struct Pattern {
    source: String,
    regex: Regex,
}

/// Error in a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PatternError {
    /// Position in bytes from the start of the pattern.
    pub(super) offset: usize,
    /// Description of the problem.
    pub(super) message: String,
}

impl Pattern {
    pub(super) fn new(source: &str) -> Result<Self, PatternError> {
        reject_unsupported(source)?;
        let regex = if source.contains('#') {
            // A comment can hide a parenthesis, so that the pattern could close the group around it. A comment at the end
            // would hide the closing parenthesis of that group.
            compile(source).and_then(|_| compile_whole(source, "").or_else(|_| compile_whole(source, "\n")))
        } else {
            compile_whole(source, "")
        };
        let regex = regex.map_err(|error| PatternError { offset: 0, message: describe(&error) })?;
        Ok(Self { source: source.to_owned(), regex })
    }

    /// Returns the source of the pattern.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// True if the pattern matches the whole value.
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

fn compile_whole(source: &str, end: &str) -> Result<Regex, regex::Error> {
    compile(&format!(r"\A(?:{source}{end})\z"))
}

/// Returns the message of an error, which is the last line of its text.
fn describe(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => "the pattern is too large: use fewer repetitions".to_owned(),
        other => {
            let text = other.to_string();
            let last = text.lines().last().unwrap_or_default().trim().trim_start_matches("error: ").to_owned();
            format!("the regular expression is invalid: {last}")
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

/// Rejects constructs that only Java supports, or that have another meaning in Java.
fn reject_unsupported(pattern: &str) -> Result<(), PatternError> {
    let (mut classes, mut groups) = (0_usize, 0_usize);
    let mut after = After::Start;
    let mut rest = pattern;
    while let Some(character) = rest.chars().next() {
        let offset = pattern.len() - rest.len();
        let error = |message: &str| PatternError { offset, message: message.to_owned() };
        let mut length = character.len_utf8();
        if character == '\\' {
            let escaped = rest[1..].chars().next();
            if classes == 0 && escaped.is_some_and(|c| c.is_ascii_digit() && c != '0' || c == 'k') {
                return Err(error("backreferences are not supported: repeat the pattern of the group"));
            }
            length += escaped.map_or(0, char::len_utf8);
            after = After::Atom;
        } else if classes > 0 {
            match character {
                '[' => classes += 1,
                ']' => classes -= 1,
                '-' | '~' if rest[1..].starts_with(character) => {
                    return Err(error("escape `-` and `~` next to the same character: `\\-` or `\\~`"));
                }
                _ => {}
            }
            after = After::Atom;
        } else {
            after = match character {
                '[' => {
                    classes = 1;
                    // A `]` at the start of a class does not close it.
                    let negated = usize::from(rest[1..].starts_with('^'));
                    length += negated;
                    length += usize::from(rest[length..].starts_with(']'));
                    After::Atom
                }
                '(' => {
                    if let Some(message) = unsupported_group(rest) {
                        return Err(error(message));
                    }
                    // The `?` of a special group is not a quantifier.
                    length += usize::from(rest[1..].starts_with('?'));
                    groups += 1;
                    After::Start
                }
                ')' if groups == 0 => return Err(error("this parenthesis has no opening one")),
                ')' => {
                    groups -= 1;
                    After::Atom
                }
                '|' | '^' => After::Start,
                '*' | '+' | '?' => quantifier(after, character).map_err(error)?,
                '{' => {
                    length = rest.find('}').map_or(rest.len(), |end| end + 1);
                    quantifier(after, character).map_err(error)?
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
        (After::Quantifier, '+') => Err("possessive quantifiers are not supported: remove the `+`"),
        (After::Quantifier | After::Lazy, _) => {
            Err("a quantifier follows a quantifier: put the repeated part in a group")
        }
        (After::Start, _) => Err("there is nothing to repeat: write `.*` for any text"),
    }
}

fn unsupported_group(rest: &str) -> Option<&'static str> {
    if ["(?=", "(?!", "(?<=", "(?<!"].iter().any(|start| rest.starts_with(start)) {
        return Some("lookahead and lookbehind are not supported: join two comparisons by `and`");
    }
    rest.starts_with("(?>").then_some("atomic groups are not supported: write `(?:` instead")
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
    fn unsupported_constructs_are_rejected_with_their_position() {
        let cases = [
            ("a(?=b)", 1, "lookahead"),
            ("(?<!a)b", 0, "lookahead and lookbehind"),
            ("(?>a)", 0, "atomic groups"),
            ("(a)\\1", 3, "backreferences"),
            ("(?<n>a)\\k<n>", 7, "backreferences"),
            ("a*+", 2, "possessive"),
            ("a{2}+", 4, "possessive"),
            ("a**", 2, "a quantifier follows"),
            ("*.large", 0, "nothing to repeat"),
            ("(*)", 1, "nothing to repeat"),
            ("[a--b]", 2, "\\-"),
            ("a)|(b", 1, "no opening one"),
            ("(?x) # (\n b)|(c # )", 0, "unopened group"),
            ("(a", 0, "unclosed group"),
            ("[a", 0, "unclosed character class"),
            ("\\w{1000}{1000}", 8, "a quantifier follows"),
            ("(\\w{1000}){1000}", 0, "too large"),
            ("\\Qa\\E", 0, "unrecognized escape"),
        ];
        for (pattern, offset, message) in cases {
            let error = Pattern::new(pattern).unwrap_err();
            assert!(error.message.contains(message), "{pattern}: {error:?}");
            assert_eq!(error.offset, offset, "{pattern}: {error:?}");
        }
    }
}
