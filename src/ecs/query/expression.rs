//! Syntax tree of an expression, and its canonical form as text.

use std::fmt;

use super::pattern::Pattern;
use super::quoting::write_value;
use super::value::{Date, Version};

/// Condition, or logical combination of expressions.
///
/// Expressions that [`Expression::all`], [`Expression::any`] and [`Expression::negated`] build are normalized: each list has at
/// least two parts, none of which is of the same kind, and there is no double negation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    /// All parts are true.
    All(Vec<Expression>),
    /// At least one part is true.
    Any(Vec<Expression>),
    /// The inner expression is false.
    Not(Box<Expression>),
    /// The condition is true.
    Is(Condition),
}

/// Condition on one property of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// `attribute:NAME`.
    Attribute {
        /// Name of the attribute: 1 to 128 letters, digits and `- _ / \ .`.
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
    /// `exists`, only for attributes.
    Exists,
    /// `!exists`, only for attributes.
    NotExists,
    /// Comparison with one value. `>`, `>=`, `<` and `<=` only for attributes.
    Compare(Order, Literal),
    /// `in` a list.
    In(Vec<Literal>),
    /// `!in` a list.
    NotIn(Vec<Literal>),
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

/// Literal value in an expression. It never contains both kinds of quotes, because the language has no escapes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Literal(pub(super) String);

impl Literal {
    /// Returns the text without quotes.
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

    /// Replaces the names of task groups.
    #[must_use]
    pub fn rename_groups(&self, rename: &impl Fn(&str) -> String) -> Self {
        match self {
            Self::All(parts) => Self::All(parts.iter().map(|part| part.rename_groups(rename)).collect()),
            Self::Any(parts) => Self::Any(parts.iter().map(|part| part.rename_groups(rename)).collect()),
            Self::Not(inner) => Self::Not(Box::new(inner.rename_groups(rename))),
            Self::Is(Condition::TaskGroup(test)) => Self::Is(Condition::TaskGroup(test.map_texts(rename))),
            Self::Is(other) => Self::Is(other.clone()),
        }
    }

    /// Returns all conditions, in the order of the text.
    pub fn conditions(&self) -> Box<dyn Iterator<Item = &Condition> + '_> {
        match self {
            Self::All(parts) | Self::Any(parts) => Box::new(parts.iter().flat_map(Self::conditions)),
            Self::Not(inner) => inner.conditions(),
            Self::Is(condition) => Box::new(std::iter::once(condition)),
        }
    }

    /// Returns the names of attributes, possibly with duplicates.
    pub fn attributes(&self) -> impl Iterator<Item = &str> {
        self.conditions().filter_map(|condition| match condition {
            Condition::Attribute { name, .. } => Some(name.as_str()),
            _ => None,
        })
    }

    /// True if the result depends on the tasks of the instance.
    #[must_use]
    pub fn depends_on_tasks(&self) -> bool {
        self.conditions().any(|it| matches!(it, Condition::TaskGroup(_) | Condition::RunningTasksCount(..)))
    }
}

/// Returns the only item of a list, otherwise the list.
fn single(list: Vec<Expression>) -> Result<Expression, Vec<Expression>> {
    <[Expression; 1]>::try_from(list).map(|[only]| only)
}

impl Test {
    /// Returns the values of comparisons and lists.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let texts = match self {
            Self::Compare(_, text) => std::slice::from_ref(text),
            Self::In(list) | Self::NotIn(list) => list,
            Self::Exists | Self::NotExists | Self::Matches(_) | Self::NotMatches(_) => &[],
        };
        texts.iter().map(Literal::as_str)
    }

    fn map_texts(&self, map: &impl Fn(&str) -> String) -> Self {
        let map_all = |list: &[Literal]| list.iter().map(|text| Literal(map(text.as_str()))).collect();
        match self {
            Self::Compare(order, text) => Self::Compare(*order, Literal(map(text.as_str()))),
            Self::In(list) => Self::In(map_all(list)),
            Self::NotIn(list) => Self::NotIn(map_all(list)),
            Self::Exists | Self::NotExists | Self::Matches(_) | Self::NotMatches(_) => self.clone(),
        }
    }
}

impl Order {
    /// All orders, each with its symbol and its word.
    pub(super) const NAMES: [(Self, &'static str, &'static str); 6] = [
        (Self::Equal, "==", "equals"),
        (Self::NotEqual, "!=", "not_equals"),
        (Self::GreaterOrEqual, ">=", "greater_than_equal"),
        (Self::Greater, ">", "greater_than"),
        (Self::LessOrEqual, "<=", "less_than_equal"),
        (Self::Less, "<", "less_than"),
    ];

    /// True if values with this ordering satisfy the comparison.
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

fn write_list(operator: &str, list: &[Literal], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{operator} [")?;
    for (position, text) in list.iter().enumerate() {
        f.write_str(if position == 0 { "" } else { ", " })?;
        write!(f, "{text}")?;
    }
    f.write_str("]")
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_value(&self.0, f)
    }
}
