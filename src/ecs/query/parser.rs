//! Text → expression.

use super::cursor::Cursor;
use super::error::{QueryError, Reason};
use super::expression::{Condition, Expression, Order, Test, Text, is_bare};
use super::pattern::Pattern;
use super::value::{Date, Version};
use super::{BUILT_IN, MAX_LENGTH, Note, Query, template};
use crate::ecs::decode::hint::{did_you_mean, shortened};
use crate::ecs::placeholder;

/// Parentheses in one another: more than any reader could follow, few enough for a thread's stack.
const MAX_DEPTH: usize = 64;

/// Longest name of an attribute, in characters (`Attribute.name`).
const MAX_NAME: usize = 128;

const ATTRIBUTE: &str = "attribute:";

/// What can be asked about besides attributes.
const SUBJECTS: [&str; 6] =
    ["agentConnected", "agentVersion", "ec2InstanceId", "registeredAt", "runningTasksCount", "task:group"];

/// The operators that are words.
const WORDS: [&str; 12] = [
    "equals",
    "not_equals",
    "greater_than_equal",
    "greater_than",
    "less_than_equal",
    "less_than",
    "exists",
    "not_exists",
    "in",
    "not_in",
    "matches",
    "not_matches",
];

/// What other languages call operators of this one.
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

/// An operator with what it takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Operator {
    Exists,
    NotExists,
    Compare(Order),
    In,
    NotIn,
    Matches,
    NotMatches,
}

/// What is asked about decides which operators there are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// All operators.
    Attribute,
    /// Equality, lists and patterns.
    Text,
    /// Comparisons.
    Ordered,
}

/// How much an expression may be.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// Its characters.
    length: usize,
    /// Parentheses in one another.
    depth: usize,
}

impl Limits {
    /// Those of what people write.
    pub(super) const GIVEN: Self = Self { length: MAX_LENGTH, depth: MAX_DEPTH };
    /// Those of what is printed: operators become words, dates whole, and `not` and mixed operators get parentheses.
    pub(super) const PRINTED: Self = Self { length: 4 * MAX_LENGTH, depth: 4 * MAX_DEPTH };
}

pub(super) fn parse(text: &str, limits: Limits) -> Result<Query, QueryError> {
    let mut parser = Parser { text, cursor: Cursor::new(text), notes: Vec::new(), depth: 0, limits };
    let most = limits.length;
    if let Some((offset, _)) = text.char_indices().nth(most) {
        let length = text.chars().count();
        let message = format!("the expression has {length} characters, at most {most} are allowed");
        return parser.fail(Reason::TooLong, offset, message);
    }
    if text.trim().is_empty() {
        return parser.fail(Reason::Empty, 0, "the expression is empty");
    }
    let expression = parser.any()?;
    parser.cursor.skip_blanks();
    if !parser.cursor.is_at_end() {
        return parser.stray();
    }
    let mut notes = parser.notes;
    notes.sort_by_key(|note| note.offset);
    Ok(Query { expression, notes })
}

struct Parser<'a> {
    text: &'a str,
    cursor: Cursor<'a>,
    notes: Vec<Note>,
    depth: usize,
    limits: Limits,
}

impl<'a> Parser<'a> {
    fn fail<T>(&self, reason: Reason, offset: usize, message: impl Into<String>) -> Result<T, QueryError> {
        // What is repeated of the text must not break the line or steer the terminal.
        let message = message.into().replace(char::is_control, "\u{fffd}");
        Err(QueryError { reason, offset, message, expression: self.text.to_owned() })
    }

    fn note(&mut self, offset: usize, message: impl Into<String>) {
        self.notes.push(Note { offset, message: message.into() });
    }

    /// `or`
    fn any(&mut self) -> Result<Expression, QueryError> {
        self.cursor.skip_blanks();
        let start = self.cursor.offset;
        let (first, mut mixed) = self.all()?;
        let mut parts = vec![first];
        while self.joined_by("||", "or") {
            let (part, several) = self.all()?;
            mixed |= several;
            parts.push(part);
        }
        if parts.len() > 1 && mixed {
            let message = "`and` and `or` are mixed without parentheses; `and` is taken to bind closer, which ECS does not \
                           promise: put parentheses";
            self.note(start, message);
        }
        Ok(Expression::any(parts))
    }

    /// `and`; with it whether there are several parts.
    fn all(&mut self) -> Result<(Expression, bool), QueryError> {
        let mut parts = vec![self.negation()?];
        while self.joined_by("&&", "and") {
            parts.push(self.negation()?);
        }
        let several = parts.len() > 1;
        Ok((Expression::all(parts), several))
    }

    fn joined_by(&mut self, signs: &str, word: &str) -> bool {
        self.cursor.skip_blanks();
        self.cursor.take(signs) || self.cursor.take_word(word)
    }

    /// `not`
    fn negation(&mut self) -> Result<Expression, QueryError> {
        let mut negated = false;
        self.cursor.skip_blanks();
        while self.cursor.take("!") || self.cursor.take_word("not") {
            negated = !negated;
            self.cursor.skip_blanks();
        }
        let inner = self.operand()?;
        Ok(if negated { inner.negated() } else { inner })
    }

    fn operand(&mut self) -> Result<Expression, QueryError> {
        let open = self.cursor.offset;
        if !self.cursor.take("(") {
            return self.condition().map(Expression::Is);
        }
        self.depth += 1;
        let most = self.limits.depth;
        if self.depth > most {
            let message = format!("more than {most} parentheses are in one another");
            return self.fail(Reason::TooDeep, open, message);
        }
        let inner = self.any()?;
        self.cursor.skip_blanks();
        if self.cursor.is_at_end() {
            return self.fail(Reason::Unbalanced, open, "this parenthesis is not closed");
        }
        if !self.cursor.take(")") {
            return self.stray();
        }
        self.depth -= 1;
        Ok(inner)
    }

    fn condition(&mut self) -> Result<Condition, QueryError> {
        if self.cursor.take(ATTRIBUTE) {
            let name = self.attribute_name()?;
            return Ok(Condition::Attribute { name, test: self.test(ATTRIBUTE, Kind::Attribute)? });
        }
        let start = self.cursor.offset;
        let subject = self.cursor.run(is_subject);
        if !SUBJECTS.contains(&subject) {
            return self.unknown_subject(start, subject);
        }
        self.cursor.skip(subject.len());
        Ok(match subject {
            "agentConnected" => Condition::AgentConnected(self.agent_connected()?),
            "ec2InstanceId" => Condition::InstanceId(self.test(subject, Kind::Text)?),
            "task:group" => Condition::TaskGroup(self.task_group(start)?),
            "agentVersion" => {
                let wanted = "a version: numbers with dots between them, such as 1.14.5";
                let (order, version) = self.compared(subject, Version::parse, wanted)?;
                Condition::AgentVersion(order, version)
            }
            "registeredAt" => {
                let wanted = "a point in time, such as 2018-06-18 or 2018-06-18T22:28:28+00:00";
                let (order, date) = self.compared(subject, Date::parse, wanted)?;
                Condition::RegisteredAt(order, date)
            }
            _ => {
                let number = |text: &str| text.parse().ok().filter(|_| !text.starts_with('+'));
                let (order, number) = self.compared(subject, number, "a whole number")?;
                Condition::RunningTasksCount(order, number)
            }
        })
    }

    fn unknown_subject<T>(&self, start: usize, subject: &str) -> Result<T, QueryError> {
        self.refuse_template()?;
        if self.cursor.is_at_end() {
            return self.fail(Reason::Subject, start, "something to ask about is missing here, such as attribute:NAME");
        }
        if self.cursor.rest().starts_with(')') {
            return self.fail(Reason::Unbalanced, start, "something to ask about is missing before this parenthesis");
        }
        if BUILT_IN.contains(&subject) {
            let message = format!("`{subject}` is an attribute: write `attribute:{subject}`");
            return self.fail(Reason::Subject, start, message);
        }
        let known = SUBJECTS.into_iter();
        let hint = match subject.split_once(':') {
            Some((prefix, name)) if prefix != "task" => {
                let meant = did_you_mean(prefix, std::iter::once("attribute"));
                if meant.is_empty() { meant } else { format!(", did you mean `attribute:{name}`?") }
            }
            // A dot is a separator too: agent.connected.
            _ => did_you_mean(&subject.replace('.', "_"), known),
        };
        let subject = if subject.is_empty() { self.word() } else { subject.to_owned() };
        let (subject, all) = (shortened(&subject), SUBJECTS.join(", "));
        let message = format!("nothing can be asked about `{subject}`{hint} There are attribute:NAME, {all}");
        self.fail(Reason::Subject, start, punctuated(&message, &hint))
    }

    fn attribute_name(&mut self) -> Result<String, QueryError> {
        let start = self.cursor.offset;
        let name = self.cursor.run(is_name);
        self.cursor.skip(name.len());
        let next = self.cursor.run(|c| !c.is_whitespace()).chars().next();
        if let Some(next) = next.filter(|next| !"=!<>~(".contains(*next)) {
            self.refuse_template()?;
            self.refuse_backquote(self.cursor.run(|c| !c.is_whitespace()))?;
            let message = format!(
                "the name of an attribute cannot have `{next}`: it has letters, digits, hyphens and `_ / \\ .`"
            );
            return self.fail(Reason::AttributeName, self.cursor.offset, message);
        }
        if name.is_empty() {
            return self.fail(Reason::AttributeName, start, "the name of the attribute is missing: attribute:NAME");
        }
        if name.len() > MAX_NAME {
            let message = format!("the name has {} characters, at most {MAX_NAME} are allowed", name.len());
            return self.fail(Reason::AttributeName, start, message);
        }
        if let Some(message) = misspelt(name) {
            self.note(start, message);
        }
        Ok(name.to_owned())
    }

    fn agent_connected(&mut self) -> Result<Test, QueryError> {
        self.cursor.skip_blanks();
        let start = self.cursor.offset;
        let test = self.test("agentConnected", Kind::Text)?;
        if let Some(other) = test.texts().find(|text| !matches!(*text, "true" | "false")) {
            let message = format!("agentConnected is `true` or `false`, never `{}`", shortened(other));
            return self.fail(Reason::Value, start, message);
        }
        Ok(test)
    }

    fn task_group(&mut self, start: usize) -> Result<Test, QueryError> {
        let test = self.test("task:group", Kind::Text)?;
        if matches!(test, Test::Compare(Order::NotEqual, _) | Test::NotIn(_) | Test::NotMatches(_)) {
            let message = "ECS does not say what this means of an instance with tasks of several groups; it is taken to mean \
                           that no task there is of such a group: write not(task:group == …)";
            self.note(start, message);
        }
        Ok(test)
    }

    fn test(&mut self, subject: &str, kind: Kind) -> Result<Test, QueryError> {
        self.cursor.skip_blanks();
        let start = self.cursor.offset;
        let test = match self.operator(subject, kind)? {
            Operator::Exists => Test::Exists,
            Operator::NotExists => Test::NotExists,
            Operator::Compare(order) => Test::Compare(order, self.text()?),
            Operator::In => Test::In(self.list()?),
            Operator::NotIn => Test::NotIn(self.list()?),
            Operator::Matches => Test::Matches(self.pattern()?),
            Operator::NotMatches => Test::NotMatches(self.pattern()?),
        };
        self.notes.extend(pattern_as_value(&test, kind).map(|message| Note { offset: start, message }));
        Ok(test)
    }

    fn compared<T>(
        &mut self,
        subject: &str,
        read: impl Fn(&str) -> Option<T>,
        wanted: &str,
    ) -> Result<(Order, T), QueryError> {
        let operator = self.operator(subject, Kind::Ordered)?;
        let Operator::Compare(order) = operator else {
            return self.not_for(subject, Kind::Ordered, self.cursor.offset);
        };
        self.cursor.skip_blanks();
        let start = self.cursor.offset;
        let text = self.text()?;
        if let Some(value) = read(text.as_str()) {
            return Ok((order, value));
        }
        let message = format!("`{}` is not {wanted}", shortened(text.as_str()));
        self.fail(Reason::Value, start, message)
    }

    fn operator(&mut self, subject: &str, kind: Kind) -> Result<Operator, QueryError> {
        self.cursor.skip_blanks();
        let start = self.cursor.offset;
        let Some(operator) = self.take_operator() else { return self.no_operator() };
        let fits = match operator {
            Operator::Exists | Operator::NotExists => kind == Kind::Attribute,
            Operator::Compare(Order::Equal | Order::NotEqual) => true,
            Operator::Compare(_) => kind != Kind::Text,
            Operator::In | Operator::NotIn | Operator::Matches | Operator::NotMatches => kind != Kind::Ordered,
        };
        if fits { Ok(operator) } else { self.not_for(subject, kind, start) }
    }

    fn not_for<T>(&self, subject: &str, kind: Kind, start: usize) -> Result<T, QueryError> {
        let operators = match kind {
            Kind::Ordered => "== != > >= < <=",
            Kind::Attribute | Kind::Text => "== != in !in =~ !~",
        };
        self.fail(Reason::Operator, start, format!("{subject} does not have this operator; it has {operators}"))
    }

    /// Takes an operator, if one is next. Signs count together: what follows one is no part of a value.
    fn take_operator(&mut self) -> Option<Operator> {
        let signs = self.cursor.run(is_sign);
        let orders = Order::NAMES.into_iter().map(|(order, sign, word)| (sign, word, Operator::Compare(order)));
        let mut all = orders.chain([
            ("=~", "matches", Operator::Matches),
            ("!~", "not_matches", Operator::NotMatches),
            ("!in", "not_in", Operator::NotIn),
            ("!exists", "not_exists", Operator::NotExists),
            ("in", "in", Operator::In),
            ("exists", "exists", Operator::Exists),
        ]);
        let cursor = &mut self.cursor;
        let found = all.find(|(sign, word, _)| match signs {
            "" | "!" => cursor.take_word(sign) || cursor.take_word(word),
            signs => signs == *sign && cursor.take(sign),
        });
        found.map(|(_, _, operator)| operator)
    }

    fn no_operator<T>(&self) -> Result<T, QueryError> {
        let start = self.cursor.offset;
        if self.cursor.is_at_end() {
            return self.fail(Reason::Operator, start, "an operator is missing here, such as == or in");
        }
        let signs = self.cursor.run(|c| is_sign(c) || matches!(c, '&' | '|'));
        let word = if signs.is_empty() { self.word() } else { signs.to_owned() };
        let foreign = FOREIGN_OPERATORS.iter().find(|(other, _)| *other == word);
        let hint = match foreign {
            Some((_, ours)) if ours.contains(' ') => format!(", did you mean {ours}?"),
            Some((_, ours)) => format!(", did you mean `{ours}`?"),
            None => did_you_mean(&word, WORDS.into_iter()),
        };
        let message = format!(
            "`{}` is no operator{hint} There are == != > >= < <= in !in =~ !~ exists !exists",
            shortened(&word)
        );
        self.fail(Reason::Operator, start, punctuated(&message, &hint))
    }

    fn list(&mut self) -> Result<Vec<Text>, QueryError> {
        self.cursor.skip_blanks();
        let open = self.cursor.offset;
        if !self.cursor.take("[") {
            return self.fail(Reason::Value, open, "a list is wanted here: [a, b]");
        }
        let mut list = Vec::new();
        self.cursor.skip_blanks();
        if self.cursor.take("]") {
            return Ok(list);
        }
        loop {
            list.push(self.text()?);
            self.cursor.skip_blanks();
            if self.cursor.take("]") {
                return Ok(list);
            }
            if self.cursor.is_at_end() {
                return self.fail(Reason::Unbalanced, open, "this list is not closed");
            }
            if !self.cursor.take(",") {
                let message = "the values of a list have commas between them; a value with blanks stands in quotes";
                return self.fail(Reason::Value, self.cursor.offset, message);
            }
        }
    }

    fn text(&mut self) -> Result<Text, QueryError> {
        self.cursor.skip_blanks();
        if let Some((_, text)) = self.quoted()? {
            if template::is_open(text) {
                return self.template(self.cursor.offset - text.len() - 1);
            }
            return Ok(Text(text.to_owned()));
        }
        self.refuse_template()?;
        let text = self.bare(is_bare)?;
        if template::is_open(text) {
            return self.template(self.cursor.offset - text.len());
        }
        Ok(Text(text.to_owned()))
    }

    /// A pattern, which may have brackets and commas also without quotes, as no list can stand in its place.
    fn pattern(&mut self) -> Result<Pattern, QueryError> {
        self.cursor.skip_blanks();
        let start = self.cursor.offset;
        let (start, text) = if let Some(quoted) = self.quoted()? {
            quoted
        } else {
            (start, self.bare(|c| is_bare(c) || matches!(c, '[' | ']' | ','))?)
        };
        if template::is_open_pattern(text) {
            return self.template(start);
        }
        Pattern::new(text).or_else(|refusal| self.fail(Reason::Pattern, start + refusal.offset, refusal.message))
    }

    /// A value in quotes and where it starts, if one is next.
    fn quoted(&mut self) -> Result<Option<(usize, &'a str)>, QueryError> {
        let open = self.cursor.offset;
        let Some(quote) = ["'", "\""].into_iter().find(|quote| self.cursor.take(quote)) else { return Ok(None) };
        let Some(length) = self.cursor.rest().find(quote) else {
            return self.fail(Reason::Unbalanced, open, "this quote is not closed");
        };
        let text = &self.cursor.rest()[..length];
        self.refuse_backquote(text)?;
        self.cursor.skip(length + 1);
        Ok(Some((open + 1, text)))
    }

    fn bare(&mut self, fits: impl Fn(char) -> bool) -> Result<&'a str, QueryError> {
        let run = self.cursor.run(fits);
        let end = [run.find("&&"), run.find("||")].into_iter().flatten().min().unwrap_or(run.len());
        let text = &run[..end];
        self.refuse_backquote(text)?;
        if text.is_empty() {
            let offset = self.cursor.offset;
            let message = match self.cursor.rest().chars().next() {
                Some('[') => "one value is wanted here; a list is asked for by `in`",
                Some('(') => "a value with parentheses stands in quotes",
                _ => "a value is missing here",
            };
            return self.fail(Reason::Value, offset, message);
        }
        self.cursor.skip(text.len());
        Ok(text)
    }

    fn refuse_backquote(&self, text: &str) -> Result<(), QueryError> {
        let Some(at) = text.find('`') else { return Ok(()) };
        let message = "backquotes mark what is to be replaced in the documentation of AWS: leave them out, and put your own value";
        self.fail(Reason::Backquotes, self.cursor.offset + at, message)
    }

    /// Refuses what is next if it starts like a place of a template and is one.
    fn refuse_template(&self) -> Result<(), QueryError> {
        let rest = self.cursor.rest();
        if rest.starts_with(['$', '{', '%', '<']) && template::is_open(rest) {
            return self.template(self.cursor.offset);
        }
        Ok(())
    }

    fn template<T>(&self, offset: usize) -> Result<T, QueryError> {
        self.fail(Reason::Template, offset, format!("the value is not known{}", placeholder::HINT))
    }

    /// Something follows where the expression could end.
    fn stray<T>(&self) -> Result<T, QueryError> {
        let offset = self.cursor.offset;
        let rest = self.cursor.rest();
        if rest.starts_with(')') {
            return self.fail(Reason::Unbalanced, offset, "this parenthesis closes none");
        }
        let word = self.word();
        let message = match word.as_str() {
            "AND" | "And" | "&" => "did you mean `and`? Words of the language are lower case".to_owned(),
            "OR" | "Or" | "|" => "did you mean `or`? Words of the language are lower case".to_owned(),
            _ => format!(
                "`{}` is joined to nothing: write `and` or `or` before it, or put a value with blanks or parentheses in quotes",
                shortened(&word)
            ),
        };
        self.fail(Reason::Stray, offset, message)
    }

    /// The word that is next, or the sign.
    fn word(&self) -> String {
        let word = self.cursor.run(|c| !c.is_whitespace() && !"()[],'\"=!<>".contains(c));
        if word.is_empty() { self.cursor.rest().chars().take(1).collect() } else { word.to_owned() }
    }
}

/// A message whose first sentence ends with a hint, which has a mark of its own, or without one.
fn punctuated(message: &str, hint: &str) -> String {
    if hint.is_empty() { message.replacen(" There are", "; there are", 1) } else { message.to_owned() }
}

/// Whether operators are made of this character.
fn is_sign(character: char) -> bool {
    matches!(character, '=' | '!' | '<' | '>' | '~')
}

/// What to tell of a value that looks like a pattern, where whole values are compared: the values of ECS have no asterisk.
fn pattern_as_value(test: &Test, kind: Kind) -> Option<String> {
    let (sign, meant, exists) = match test {
        Test::Compare(Order::Equal, _) => ("==", "=~", "exists"),
        Test::Compare(Order::NotEqual, _) => ("!=", "!~", "!exists"),
        Test::In(_) => ("in", "=~", "exists"),
        Test::NotIn(_) => ("!in", "!~", "!exists"),
        _ => return None,
    };
    let value = test.texts().find(|value| value.contains('*'))?;
    if matches!(value, "*" | ".*") && kind == Kind::Attribute {
        return Some(format!("`{sign}` compares whole values, did you mean `{exists}`?"));
    }
    let pattern = if value.contains(".*") { value.to_owned() } else { value.replace('*', ".*") };
    Some(format!("`{sign}` compares whole values, did you mean `{meant} {}`?", shortened(&pattern)))
}

/// Whether an attribute can have this name.
#[must_use]
pub fn is_attribute(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len()) && name.chars().all(is_name)
}

/// What to tell about the name of an attribute that looks like one of ECS's own and is none.
#[must_use]
pub fn misspelt(name: &str) -> Option<String> {
    let built_in = name.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("ecs."));
    let is_wrong = built_in && !BUILT_IN.contains(&name) && !name.starts_with("ecs.capability.");
    let told = || {
        let hint = did_you_mean(name, BUILT_IN.into_iter());
        format!("ECS gives instances no attribute `{}`{hint}", shortened(name))
    };
    is_wrong.then(told)
}

fn is_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '/' | '\\' | '.')
}

fn is_subject(character: char) -> bool {
    is_name(character) || character == ':'
}
