//! The cluster query language: all spellings of an expression mean the same, and the parser handles any text.

use std::collections::{BTreeMap, BTreeSet};

use ecs_operator::ecs::query::{Instance, Query, Version};
use fastrand::Rng;
use proptest::arbitrary::any;
use proptest::strategy::Strategy;

/// An expression whose meaning is computed without the parser.
#[derive(Clone, Debug)]
pub enum Model {
    All(Vec<Model>),
    Any(Vec<Model>),
    Not(Box<Model>),
    Attribute { name: &'static str, test: Test },
    Group { negative: bool, group: &'static str },
    Running { operator: usize, number: i64 },
    Agent { operator: usize, version: &'static str },
}

#[derive(Clone, Debug)]
pub enum Test {
    Exists(bool),
    Equal { negative: bool, value: &'static str },
    In { negative: bool, values: Vec<&'static str> },
    Prefix { negative: bool, value: &'static str },
    Order { operator: usize, value: i64 },
}

/// Symbol, word, and the results for smaller, equal and larger values.
const ORDERS: [(&str, &str, [bool; 3]); 6] = [
    ("==", "equals", [false, true, false]),
    ("!=", "not_equals", [true, false, true]),
    (">", "greater_than", [false, false, true]),
    (">=", "greater_than_equal", [false, true, true]),
    ("<", "less_than", [true, false, false]),
    ("<=", "less_than_equal", [true, true, false]),
];

const NAMES: [&str; 5] = ["stack", "ecs.instance-type", "a/b", "x.y_z-0", "in"];
const VALUES: [&str; 7] = ["prod", "t2.micro", "t3.micro", "a b", "or", "x&&y", ""];
const GROUPS: [&str; 3] = ["service:web", "family:job", "databases"];
const VERSIONS: [&str; 4] = ["1", "1.9", "1.14.5", "1.14.5.0"];

fn one_of<T: Copy>(from: &[T], rng: &mut Rng) -> T {
    from[rng.usize(..from.len())]
}

impl Model {
    fn random(rng: &mut Rng, depth: u32) -> Self {
        let several = |rng: &mut Rng| (0..rng.usize(1..4)).map(|_| Self::random(rng, depth - 1)).collect();
        match rng.u32(..if depth == 0 { 6 } else { 10 }) {
            0 => Self::Group { negative: rng.bool(), group: one_of(&GROUPS, rng) },
            1 => Self::Running { operator: rng.usize(..6), number: rng.i64(-1..4) },
            2 => Self::Agent { operator: rng.usize(..6), version: one_of(&VERSIONS, rng) },
            3..6 => Self::Attribute { name: one_of(&NAMES, rng), test: Test::random(rng) },
            6 => Self::Not(Box::new(Self::random(rng, depth - 1))),
            7 | 8 => Self::All(several(rng)),
            _ => Self::Any(several(rng)),
        }
    }

    fn matches(&self, facts: &Facts) -> bool {
        match self {
            Self::All(parts) => !parts.iter().any(|part| !part.matches(facts)),
            Self::Any(parts) => parts.iter().any(|part| part.matches(facts)),
            Self::Not(part) => !part.matches(facts),
            Self::Group { negative, group } => facts.groups.contains(group) != *negative,
            Self::Running { operator, number } => ORDERS[*operator].2[place(facts.running, *number)],
            Self::Agent { operator, version } => {
                let index = |version: &str| VERSIONS.iter().position(|v| *v == version).unwrap_or(0).min(2);
                ORDERS[*operator].2[place(index(facts.agent), index(version))]
            }
            Self::Attribute { name, test } => match (facts.attributes.get(name), test) {
                (None, Test::Exists(exists)) => !exists,
                (None, _) => false,
                (Some(_), Test::Exists(exists)) => *exists,
                (Some(has), Test::Equal { negative, value }) => (has == value) != *negative,
                (Some(has), Test::In { negative, values }) => values.contains(has) != *negative,
                (Some(has), Test::Prefix { negative, value }) => has.starts_with(value) != *negative,
                (Some(has), Test::Order { operator, value }) => {
                    let as_text = value.to_string();
                    let place =
                        has.parse().map_or_else(|_| place(*has, as_text.as_str()), |has: i64| place(has, *value));
                    ORDERS[*operator].2[place]
                }
            },
        }
    }

    /// Writes the expression in one of its spellings.
    fn spell(&self, rng: &mut Rng, text: &mut String) {
        match self {
            Self::All(parts) => spell_joined(parts, &["and", "&&"], rng, text),
            Self::Any(parts) => spell_joined(parts, &["or", "||"], rng, text),
            Self::Not(part) => {
                let not = if rng.bool() { "!" } else { "not" };
                text.push_str(not);
                blank(rng, text);
                text.push('(');
                part.spell(rng, text);
                text.push(')');
            }
            Self::Group { negative, group } => {
                text.push_str("task:group");
                spell_order(usize::from(*negative), rng, text);
                spell_value(group, rng, text);
            }
            Self::Running { operator, number } => {
                text.push_str("runningTasksCount");
                spell_order(*operator, rng, text);
                spell_value(&number.to_string(), rng, text);
            }
            Self::Agent { operator, version } => {
                text.push_str("agentVersion");
                spell_order(*operator, rng, text);
                spell_value(version, rng, text);
            }
            Self::Attribute { name, test } => {
                text.push_str("attribute:");
                text.push_str(name);
                test.spell(rng, text);
            }
        }
    }
}

/// Returns 0 for smaller, 1 for equal and 2 for larger.
fn place<T: Ord + Copy>(one: T, other: T) -> usize {
    match one.cmp(&other) {
        std::cmp::Ordering::Less => 0,
        std::cmp::Ordering::Equal => 1,
        std::cmp::Ordering::Greater => 2,
    }
}

impl Test {
    fn random(rng: &mut Rng) -> Self {
        let negative = rng.bool();
        match rng.u32(..5) {
            0 => Self::Exists(negative),
            1 => Self::Equal { negative, value: one_of(&VALUES, rng) },
            2 => Self::In { negative, values: (0..rng.usize(..4)).map(|_| one_of(&VALUES, rng)).collect() },
            3 => Self::Prefix { negative, value: one_of(&["t", "t2", "", "or"], rng) },
            _ => Self::Order { operator: rng.usize(2..6), value: rng.i64(-1..12) },
        }
    }

    fn spell(&self, rng: &mut Rng, text: &mut String) {
        let mut operator = |symbol: &str, word: &str| {
            text.push(' ');
            text.push_str(if rng.bool() { symbol } else { word });
        };
        match self {
            Self::Exists(true) => operator("exists", "exists"),
            Self::Exists(false) => operator("!exists", "not_exists"),
            Self::Equal { negative, value } => {
                spell_order(usize::from(*negative), rng, text);
                spell_value(value, rng, text);
            }
            Self::In { negative, values } => {
                if *negative {
                    operator("!in", "not_in");
                } else {
                    operator("in", "in");
                }
                blank(rng, text);
                text.push('[');
                for (position, value) in values.iter().enumerate() {
                    text.push_str(if position == 0 { "" } else { "," });
                    blank(rng, text);
                    spell_value(value, rng, text);
                    blank(rng, text);
                }
                text.push(']');
            }
            Self::Prefix { negative, value } => {
                if *negative {
                    operator("!~", "not_matches");
                } else {
                    operator("=~", "matches");
                }
                text.push(' ');
                spell_value(&format!("{value}.*"), rng, text);
            }
            Self::Order { operator, value } => {
                spell_order(*operator, rng, text);
                spell_value(&value.to_string(), rng, text);
            }
        }
    }
}

fn spell_joined(parts: &[Model], words: &[&str; 2], rng: &mut Rng, text: &mut String) {
    for (position, part) in parts.iter().enumerate() {
        if position > 0 {
            text.push_str(if rng.bool() { " " } else { "  " });
            text.push_str(one_of(words, rng));
            text.push(' ');
        }
        let simple = !matches!(part, Model::All(_) | Model::Any(_));
        if simple && rng.bool() {
            part.spell(rng, text);
        } else {
            text.push('(');
            blank(rng, text);
            part.spell(rng, text);
            blank(rng, text);
            text.push(')');
        }
    }
}

fn spell_order(operator: usize, rng: &mut Rng, text: &mut String) {
    let (symbol, word, _) = ORDERS[operator];
    if rng.bool() {
        blank(rng, text);
        text.push_str(symbol);
        blank(rng, text);
    } else {
        text.push(' ');
        text.push_str(word);
        text.push(' ');
    }
}

fn spell_value(value: &str, rng: &mut Rng, text: &mut String) {
    let bare = !value.is_empty() && !value.contains(' ') && !value.contains("&&");
    match rng.u32(..3) {
        0 if bare => text.push_str(value),
        0 | 1 => text.extend(["'", value, "'"]),
        _ => text.extend(["\"", value, "\""]),
    }
}

fn blank(rng: &mut Rng, text: &mut String) {
    text.push_str(one_of(&["", "", " ", "\t", "\n  "], rng));
}

/// Properties of an instance.
struct Facts {
    attributes: BTreeMap<&'static str, &'static str>,
    groups: BTreeSet<&'static str>,
    running: i64,
    agent: &'static str,
}

impl Facts {
    fn random(rng: &mut Rng) -> Self {
        let values = [&VALUES[..], &["-1", "1", "3", "10", "011"]].concat();
        let mut attributes = BTreeMap::new();
        for name in NAMES {
            if rng.bool() {
                attributes.insert(name, one_of(&values, rng));
            }
        }
        Self {
            attributes,
            groups: GROUPS.into_iter().filter(|_| rng.bool()).collect(),
            running: rng.i64(0..4),
            agent: one_of(&VERSIONS, rng),
        }
    }

    fn instance(&self) -> Instance {
        Instance {
            attributes: self.attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            agent_version: Version::parse(self.agent),
            running_tasks: self.running,
            task_groups: self.groups.iter().map(|group| (*group).to_owned()).collect(),
            ..Instance::default()
        }
    }
}

/// Returns a random expression in one of its spellings.
pub fn expression(rng: &mut Rng) -> String {
    let mut text = String::new();
    Model::random(rng, 2).spell(rng, &mut text);
    text
}

/// Random expressions, each with a seed for its spelling and for instances.
pub fn models() -> impl Strategy<Value = (Model, u64)> {
    (any::<u64>(), any::<u64>()).prop_map(|(seed, more)| (Model::random(&mut Rng::with_seed(seed), 3), more))
}

/// The parsed expression selects the same instances as the model, and its text form parses to the same expression.
pub fn agrees_with_model((model, seed): &(Model, u64)) -> Result<(), String> {
    let mut rng = Rng::with_seed(*seed);
    let mut text = String::new();
    model.spell(&mut rng, &mut text);
    let query: Query = text.parse().map_err(|error| format!("{error}"))?;
    survives_a_round_trip(&query)?;
    for _ in 0..8 {
        let facts = Facts::random(&mut rng);
        let (actual, expected) = (query.matches(&facts.instance()), model.matches(&facts));
        if actual != expected {
            return Err(format!("{text}\nis {actual}, expected {expected}, for {:?}", facts.instance()));
        }
    }
    let mut other = String::new();
    model.spell(&mut rng, &mut other);
    let other: Query = other.parse().map_err(|error| format!("{error}"))?;
    if other.expression() == query.expression() {
        Ok(())
    } else {
        Err(format!("{query}\nand\n{other}\nare spellings of one expression"))
    }
}

fn survives_a_round_trip(query: &Query) -> Result<(), String> {
    let written = query.to_string();
    let again: Query = written.parse().map_err(|error| format!("the written expression cannot be parsed: {error}"))?;
    let same = again.expression() == query.expression() && again.to_string() == written;
    if same { Ok(()) } else { Err(format!("{written}\nis parsed as\n{again}")) }
}

/// Arbitrary texts, texts of parts of the language, and expressions with mistakes.
pub fn texts() -> impl Strategy<Value = String> {
    (any::<u64>(), any::<String>()).prop_map(|(seed, arbitrary)| {
        let rng = &mut Rng::with_seed(seed);
        match rng.u32(..8) {
            0 => arbitrary,
            1 | 2 => (0..rng.usize(..30)).map(|_| one_of(&PARTS, rng)).collect(),
            _ => {
                let mut text = String::new();
                Model::random(rng, 2).spell(rng, &mut text);
                for _ in 0..rng.usize(1..4) {
                    text = with_mistake(&text, rng);
                }
                text
            }
        }
    })
}

const PARTS: [&str; 52] = [
    "attribute:",
    "a",
    "ecs.os-type",
    " ",
    " ",
    "==",
    "=",
    "!",
    "!=",
    "<",
    ">=",
    "=~",
    "!~",
    "in",
    "!in",
    "exists",
    "not",
    "and",
    "or",
    "&&",
    "||",
    "&",
    "(",
    ")",
    "[",
    "]",
    ",",
    "'",
    "\"",
    "`",
    "${",
    "}",
    "{}",
    "task:group",
    "agentVersion",
    "registeredAt",
    "runningTasksCount",
    "agentConnected",
    "ec2InstanceId",
    "1.2",
    "2018-02-13",
    "T25:00",
    "-",
    "\\",
    "é",
    "\u{0}",
    "\u{202e}",
    "*",
    "(?=",
    "\\1",
    "{9999}",
    "\u{a0}",
];

fn with_mistake(text: &str, rng: &mut Rng) -> String {
    let places: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let (one, other) = (one_of(&places, rng), one_of(&places, rng));
    let (start, end) = (one.min(other), one.max(other));
    match rng.u32(..4) {
        0 => format!("{}{}", &text[..start], &text[end..]),
        1 => format!("{}{}{}", &text[..start], one_of(&PARTS, rng), &text[start..]),
        2 => format!("{}{}{}", &text[..end], &text[start..end], &text[end..]),
        _ => text[..end].to_owned(),
    }
}

/// The text is parsed and survives a round trip, or the error names a position and a reason.
pub fn is_parsed_or_refused(text: &str) -> Result<(), String> {
    match text.parse::<Query>() {
        Ok(query) => {
            let _ = query.matches(&Instance::default());
            survives_a_round_trip(&query)
        }
        Err(error) => {
            let message = error.to_string();
            let placed = text.is_char_boundary(error.offset) && error.column() <= text.chars().count();
            let lines = if text.trim().is_empty() { 1 } else { 3 };
            let clean = message.lines().count() == lines && !message.chars().any(|c| c.is_control() && c != '\n');
            if placed && clean && !error.message.is_empty() { Ok(()) } else { Err(format!("{error:?}\n{message}")) }
        }
    }
}
