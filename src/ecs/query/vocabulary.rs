//! Words and signs of the language: subjects, operators and names of attributes.

use super::cursor::Cursor;
use super::expression::Order;

/// Maximum length of the name of an attribute, in characters (`Attribute.name`).
pub(super) const MAX_NAME: usize = 128;

/// Prefix of an attribute.
pub(super) const ATTRIBUTE: &str = "attribute:";

/// Subjects of conditions besides attributes.
pub(super) const SUBJECTS: [&str; 6] =
    ["agentConnected", "agentVersion", "ec2InstanceId", "registeredAt", "runningTasksCount", "task:group"];

/// Operator without its operand.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Exists,
    NotExists,
    Compare(Order),
    In,
    NotIn,
    Matches,
    NotMatches,
}

/// Kind of subject, which decides the operators that apply.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum SubjectKind {
    /// All operators.
    Attribute,
    /// Equality, lists and patterns.
    Text,
    /// Comparisons.
    Ordered,
}

impl Operator {
    /// Operators other than comparisons, with their sign and word.
    const OTHERS: [(&str, &str, Self); 6] = [
        ("=~", "matches", Self::Matches),
        ("!~", "not_matches", Self::NotMatches),
        ("!in", "not_in", Self::NotIn),
        ("!exists", "not_exists", Self::NotExists),
        ("in", "in", Self::In),
        ("exists", "exists", Self::Exists),
    ];

    /// Returns all operators with their sign and word.
    fn all() -> impl Iterator<Item = (&'static str, &'static str, Self)> {
        let orders = Order::NAMES.into_iter().map(|(order, sign, word)| (sign, word, Self::Compare(order)));
        orders.chain(Self::OTHERS)
    }

    /// Returns the operators that are words.
    pub(super) fn words() -> impl Iterator<Item = &'static str> {
        Self::all().map(|(_, word, _)| word)
    }

    /// Consumes the next operator of an expression. Adjacent signs form one operator, because no value starts with a sign.
    pub(super) fn take(cursor: &mut Cursor<'_>) -> Option<Self> {
        let signs = cursor.run(is_sign);
        let operator = Self::all().find(|(sign, word, _)| match signs {
            "" | "!" => cursor.take_word(sign) || cursor.take_word(word),
            signs => signs == *sign && cursor.take(sign),
        });
        operator.map(|(_, _, operator)| operator)
    }

    /// True if the operator applies to a kind of subject.
    pub(super) fn applies_to(self, kind: SubjectKind) -> bool {
        match self {
            Self::Exists | Self::NotExists => kind == SubjectKind::Attribute,
            Self::Compare(Order::Equal | Order::NotEqual) => true,
            Self::Compare(_) => kind != SubjectKind::Text,
            Self::In | Self::NotIn | Self::Matches | Self::NotMatches => kind != SubjectKind::Ordered,
        }
    }
}

/// True if an attribute may have the name.
#[must_use]
pub fn is_attribute(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len()) && name.chars().all(is_name)
}

/// True for a character of operators.
pub(super) fn is_sign(character: char) -> bool {
    matches!(character, '=' | '!' | '<' | '>' | '~')
}

/// True for a character of names of attributes.
pub(super) fn is_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '/' | '\\' | '.')
}

/// True for a character of subjects.
pub(super) fn is_subject(character: char) -> bool {
    is_name(character) || character == ':'
}
