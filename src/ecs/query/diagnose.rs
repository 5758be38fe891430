//! Messages about invalid expressions, and about valid ones with a probable mistake.

use super::cursor::Cursor;
use super::error::{Mistake, Reason};
use super::expression::{Order, Test};
use super::vocabulary::{Operator, SUBJECTS, SubjectKind, is_sign};
use super::{BUILT_IN, template};
use crate::ecs::decode::hint::{did_you_mean, shortened};
use crate::ecs::placeholder;

/// Operators of other languages, with their counterparts.
const FOREIGN_OPERATORS: [(&str, &str); 12] = [
    ("=", "=="),
    ("===", "=="),
    ("eq", "=="),
    ("is", "=="),
    ("<>", "!="),
    ("~=", "=~"),
    ("~", "=~"),
    ("like", "=~ with a pattern such as `prefix.*`"),
    ("contains", "=~ with a pattern such as `.*part.*`"),
    ("starts_with", "=~ with a pattern such as `prefix.*`"),
    ("startsWith", "=~ with a pattern such as `prefix.*`"),
    ("not", "!in"),
];

/// Describes a condition that does not start with a subject.
pub(super) fn unknown_subject(cursor: &Cursor<'_>, subject: &str) -> Mistake {
    let start = cursor.offset;
    if let Some(mistake) = open_template(cursor) {
        return mistake;
    }
    if cursor.is_at_end() {
        return Mistake::new(Reason::Subject, start, "a condition is missing here, such as attribute:NAME == VALUE");
    }
    if cursor.rest().starts_with(')') {
        return Mistake::new(Reason::Unbalanced, start, "a condition is missing before this parenthesis");
    }
    if BUILT_IN.contains(&subject) {
        let message = format!("`{subject}` is an attribute: write `attribute:{subject}`");
        return Mistake::new(Reason::Subject, start, message);
    }
    let hint = subject_hint(subject);
    let subject = if subject.is_empty() { word(cursor) } else { subject.to_owned() };
    let message = format!(
        "`{}` is not a subject of conditions{} attribute:NAME, {}",
        shortened(&subject),
        alternatives(&hint, "subjects"),
        SUBJECTS.join(", ")
    );
    Mistake::new(Reason::Subject, start, message)
}

fn subject_hint(subject: &str) -> String {
    match subject.split_once(':') {
        Some((prefix, name)) if prefix != "task" => {
            let hint = did_you_mean(prefix, std::iter::once("attribute"));
            if hint.is_empty() { hint } else { format!(", did you mean `attribute:{name}`?") }
        }
        // A dot is a separator too: agent.connected.
        _ => did_you_mean(&subject.replace('.', "_"), SUBJECTS.into_iter()),
    }
}

/// Describes the text where an operator is required.
pub(super) fn unknown_operator(cursor: &Cursor<'_>) -> Mistake {
    if cursor.is_at_end() {
        return Mistake::new(Reason::Operator, cursor.offset, "an operator is missing here, such as == or in");
    }
    let signs = cursor.run(|c| is_sign(c) || matches!(c, '&' | '|'));
    let word = if signs.is_empty() { word(cursor) } else { signs.to_owned() };
    let foreign = FOREIGN_OPERATORS.iter().find(|(other, _)| *other == word);
    let hint = match foreign {
        Some((_, counterpart)) if counterpart.contains(' ') => format!(", did you mean {counterpart}?"),
        Some((_, counterpart)) => format!(", did you mean `{counterpart}`?"),
        None => did_you_mean(&word, Operator::words()),
    };
    let message = format!(
        "`{}` is not an operator{} == != > >= < <= in !in =~ !~ exists !exists",
        shortened(&word),
        alternatives(&hint, "operators")
    );
    Mistake::new(Reason::Operator, cursor.offset, message)
}

/// Describes an operator that does not apply to its subject.
pub(super) fn operator_does_not_apply(subject: &str, kind: SubjectKind, offset: usize) -> Mistake {
    let operators = match kind {
        SubjectKind::Ordered => "== != > >= < <=",
        SubjectKind::Attribute | SubjectKind::Text => "== != in !in =~ !~",
    };
    let message = format!("the operator does not apply to {subject}; use one of {operators}");
    Mistake::new(Reason::Operator, offset, message)
}

/// Describes a name that is followed by `next`, which no name may contain.
pub(super) fn invalid_name(cursor: &Cursor<'_>, next: char) -> Mistake {
    if let Some(mistake) = open_template(cursor).or_else(|| backquotes(cursor, cursor.run(|c| !c.is_whitespace()))) {
        return mistake;
    }
    let message = format!("`{next}` is not allowed in an attribute name; use letters, digits, hyphens and `_ / \\ .`");
    Mistake::new(Reason::AttributeName, cursor.offset, message)
}

/// Describes the text where a value without quotes is required.
pub(super) fn missing_value(cursor: &Cursor<'_>) -> Mistake {
    let message = match cursor.rest().chars().next() {
        Some('[') => "a single value is required here; use `in` with a list",
        Some('(') => "a value with parentheses needs quotes",
        _ => "a value is missing here",
    };
    Mistake::new(Reason::Value, cursor.offset, message)
}

/// Describes text after the end of an expression.
pub(super) fn unexpected(cursor: &Cursor<'_>) -> Mistake {
    let offset = cursor.offset;
    if cursor.rest().starts_with(')') {
        return Mistake::new(Reason::Unbalanced, offset, "this parenthesis has no opening one");
    }
    let word = word(cursor);
    let message = match word.as_str() {
        "AND" | "And" | "&" => "did you mean `and`? Words of the language are lower case".to_owned(),
        "OR" | "Or" | "|" => "did you mean `or`? Words of the language are lower case".to_owned(),
        _ => format!(
            "`{}` is unexpected: write `and` or `or` before it, or quote a value with blanks or parentheses",
            shortened(&word)
        ),
    };
    Mistake::new(Reason::Stray, offset, message)
}

/// Describes backquotes in a text that starts at the cursor.
pub(super) fn backquotes(cursor: &Cursor<'_>, text: &str) -> Option<Mistake> {
    let position = text.find('`')?;
    let message = "backquotes mark placeholders in the AWS documentation: remove them, and replace the placeholder";
    Some(Mistake::new(Reason::Backquotes, cursor.offset + position, message))
}

/// Describes a placeholder of a template that starts at the cursor.
pub(super) fn open_template(cursor: &Cursor<'_>) -> Option<Mistake> {
    let rest = cursor.rest();
    (rest.starts_with(['$', '{', '%', '<']) && template::is_open(rest)).then(|| template_at(cursor.offset))
}

/// Describes a placeholder of a template.
pub(super) fn template_at(offset: usize) -> Mistake {
    Mistake::new(Reason::Template, offset, format!("the value is not known{}", placeholder::HINT))
}

/// Returns advice about a value that looks like a pattern but is compared as a whole. Values in ECS contain no asterisk.
pub(super) fn pattern_as_value(test: &Test, kind: SubjectKind) -> Option<String> {
    let (sign, intended, exists) = match test {
        Test::Compare(Order::Equal, _) => ("==", "=~", "exists"),
        Test::Compare(Order::NotEqual, _) => ("!=", "!~", "!exists"),
        Test::In(_) => ("in", "=~", "exists"),
        Test::NotIn(_) => ("!in", "!~", "!exists"),
        _ => return None,
    };
    let value = test.texts().find(|value| value.contains('*'))?;
    if matches!(value, "*" | ".*") && kind == SubjectKind::Attribute {
        return Some(format!("`{sign}` compares whole values, did you mean `{exists}`?"));
    }
    let pattern = if value.contains(".*") { value.to_owned() } else { value.replace('*', ".*") };
    Some(format!("`{sign}` compares whole values, did you mean `{intended} {}`?", shortened(&pattern)))
}

/// Returns a message about an attribute with the prefix `ecs.` that ECS does not define.
#[must_use]
pub fn misspelled_attribute(name: &str) -> Option<String> {
    let has_prefix = name.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("ecs."));
    if !has_prefix || BUILT_IN.contains(&name) || name.starts_with("ecs.capability.") {
        return None;
    }
    let hint = did_you_mean(name, BUILT_IN.into_iter());
    Some(format!("ECS sets no attribute `{}`{hint}", shortened(name)))
}

/// Returns the next word, or the next sign.
fn word(cursor: &Cursor<'_>) -> String {
    let word = cursor.run(|c| !c.is_whitespace() && !"()[],'\"=!<>".contains(c));
    if word.is_empty() { cursor.rest().chars().take(1).collect() } else { word.to_owned() }
}

/// Joins a hint, which ends with a question mark, and a list of all alternatives.
fn alternatives(hint: &str, names: &str) -> String {
    if hint.is_empty() { format!("; {names} are") } else { format!("{hint} The {names} are") }
}
