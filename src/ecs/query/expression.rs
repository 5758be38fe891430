//! Syntax tree of an expression, and its canonical form as text.

use std::fmt;

use super::pattern::Pattern;
use super::quoting::write_value;
use super::value::{Date, Version};

/// A condition, or several of them in a logical form.
///
/// Built by [`Expression::all`], [`Expression::any`] and [`Expression::negated`] it is regular: no list of fewer than two, no
/// list in a list of its kind, nothing negated twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    /// All of them hold.
    All(Vec<Expression>),
    /// One of them holds at least.
    Any(Vec<Expression>),
    /// It does not hold.
    Not(Box<Expression>),
    /// A question about one property of the instance.
    Is(Condition),
}

/// A question about one property of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// `attribute:NAME`.
    Attribute {
        /// The attribute's name, 1 to 128 letters, digits and `- _ / \ .`.
        name: String,
        /// Test of its value.
        test: Test,
    },
    /// `agentConnected`: `true` or `false`.
    AgentConnected(Test),
    /// `ec2InstanceId`.
    InstanceId(Test),
    /// `task:group`: the groups of the tasks on the instance.
    TaskGroup(Test),
    /// `agentVersion`.
    AgentVersion(Order, Version),
    /// `registeredAt`.
    RegisteredAt(Order, Date),
    /// `runningTasksCount`.
    RunningTasksCount(Order, i64),
}

/// Test of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// `exists`; of attributes only.
    Exists,
    /// `!exists`; of attributes only.
    NotExists,
    /// A comparison with one value; those of order of attributes only.
    Compare(Order, Text),
    /// `in` a list.
    In(Vec<Text>),
    /// `!in` a list.
    NotIn(Vec<Text>),
    /// `=~` a pattern.
    Matches(Pattern),
    /// `!~` a pattern.
    NotMatches(Pattern),
}

/// Comparison of two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
}

/// A value that is a text. It never has both kinds of quotes, as none could be written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Text(pub(super) String);

impl Text {
    /// The text without quotes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Expression {
    /// Returns the conjunction of the parts. An empty conjunction always holds.
    #[must_use]
    pub fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut list = Vec::new();
        for part in parts {
            match part {
                Self::All(inner) => list.extend(inner),
                other => list.push(other),
            }
        }
        single(list).unwrap_or_else(Self::All)
    }

    /// Returns the disjunction of the parts. An empty disjunction never holds.
    #[must_use]
    pub fn any(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut list = Vec::new();
        for part in parts {
            match part {
                Self::Any(inner) => list.extend(inner),
                other => list.push(other),
            }
        }
        single(list).unwrap_or_else(Self::Any)
    }

    /// Returns the negation.
    #[must_use]
    pub fn negated(self) -> Self {
        match self {
            Self::Not(inner) => *inner,
            other => Self::Not(Box::new(other)),
        }
    }

    /// The same question where task groups go by other names: each that a value names is called as `name` says.
    #[must_use]
    pub fn with_groups_named(&self, name: &impl Fn(&str) -> String) -> Self {
        let named = |text: &Text| Text(name(text.as_str()));
        let all_named = |list: &[Text]| list.iter().map(named).collect();
        match self {
            Self::All(parts) => Self::All(parts.iter().map(|part| part.with_groups_named(name)).collect()),
            Self::Any(parts) => Self::Any(parts.iter().map(|part| part.with_groups_named(name)).collect()),
            Self::Not(inner) => Self::Not(Box::new(inner.with_groups_named(name))),
            Self::Is(Condition::TaskGroup(asked)) => Self::Is(Condition::TaskGroup(match asked {
                Test::Compare(order, text) => Test::Compare(*order, named(text)),
                Test::In(list) => Test::In(all_named(list)),
                Test::NotIn(list) => Test::NotIn(all_named(list)),
                other => other.clone(),
            })),
            Self::Is(other) => Self::Is(other.clone()),
        }
    }

    /// All conditions in it, in the order they are written.
    pub fn conditions(&self) -> Box<dyn Iterator<Item = &Condition> + '_> {
        match self {
            Self::All(parts) | Self::Any(parts) => Box::new(parts.iter().flat_map(Self::conditions)),
            Self::Not(inner) => inner.conditions(),
            Self::Is(condition) => Box::new(std::iter::once(condition)),
        }
    }

    /// The names of the attributes it asks about, some of them perhaps more than once.
    pub fn attributes(&self) -> impl Iterator<Item = &str> {
        self.conditions().filter_map(|condition| match condition {
            Condition::Attribute { name, .. } => Some(name.as_str()),
            _ => None,
        })
    }

    /// True if the answer depends on the tasks of the instance.
    #[must_use]
    pub fn asks_for_tasks(&self) -> bool {
        let of_tasks = |condition| matches!(condition, &Condition::TaskGroup(_) | &Condition::RunningTasksCount(..));
        self.conditions().any(of_tasks)
    }
}

/// The only item of a list, or the list.
fn single(list: Vec<Expression>) -> Result<Expression, Vec<Expression>> {
    <[Expression; 1]>::try_from(list).map(|[only]| only)
}

impl Test {
    /// The values that it names.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let texts = match self {
            Self::Compare(_, text) => std::slice::from_ref(text),
            Self::In(list) | Self::NotIn(list) => list,
            Self::Exists | Self::NotExists | Self::Matches(_) | Self::NotMatches(_) => &[],
        };
        texts.iter().map(Text::as_str)
    }
}

impl Order {
    /// All of them, with the symbol and the word for each.
    pub(super) const NAMES: [(Self, &'static str, &'static str); 6] = [
        (Self::Equal, "==", "equals"),
        (Self::NotEqual, "!=", "not_equals"),
        (Self::GreaterOrEqual, ">=", "greater_than_equal"),
        (Self::Greater, ">", "greater_than"),
        (Self::LessOrEqual, "<=", "less_than_equal"),
        (Self::Less, "<", "less_than"),
    ];

    /// True if values that compare so stand in this order.
    #[must_use]
    pub fn holds(self, ordering: std::cmp::Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::NotEqual => ordering.is_ne(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
        }
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
        })
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All(parts) => joined(parts, " and ", f),
            Self::Any(parts) => joined(parts, " or ", f),
            Self::Not(inner) => write!(f, "not({inner})"),
            Self::Is(condition) => write!(f, "{condition}"),
        }
    }
}

fn joined(parts: &[Expression], word: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (position, part) in parts.iter().enumerate() {
        f.write_str(if position == 0 { "" } else { word })?;
        match part {
            Expression::All(_) | Expression::Any(_) => write!(f, "({part})")?,
            Expression::Not(_) | Expression::Is(_) => write!(f, "{part}")?,
        }
    }
    Ok(())
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attribute { name, test } => write!(f, "attribute:{name} {test}"),
            Self::AgentConnected(test) => write!(f, "agentConnected {test}"),
            Self::InstanceId(test) => write!(f, "ec2InstanceId {test}"),
            Self::TaskGroup(test) => write!(f, "task:group {test}"),
            Self::AgentVersion(order, version) => write!(f, "agentVersion {order} {version}"),
            Self::RegisteredAt(order, date) => write!(f, "registeredAt {order} {date}"),
            Self::RunningTasksCount(order, number) => write!(f, "runningTasksCount {order} {number}"),
        }
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists => f.write_str("exists"),
            Self::NotExists => f.write_str("!exists"),
            Self::Compare(order, text) => write!(f, "{order} {text}"),
            Self::In(list) => write_list("in", list, f),
            Self::NotIn(list) => write_list("!in", list, f),
            Self::Matches(pattern) => write!(f, "=~ {pattern}"),
            Self::NotMatches(pattern) => write!(f, "!~ {pattern}"),
        }
    }
}

fn write_list(operator: &str, list: &[Text], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{operator} [")?;
    for (position, text) in list.iter().enumerate() {
        f.write_str(if position == 0 { "" } else { ", " })?;
        write!(f, "{text}")?;
    }
    f.write_str("]")
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_value(&self.0, f)
    }
}
