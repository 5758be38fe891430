//! Parser of expressions.

use super::cursor::Cursor;
use super::error::{Mistake, QueryError, Reason};
use super::expression::{Condition, Expression, Literal, Order, Test};
use super::pattern::Pattern;
use super::quoting::is_bare;
use super::value::{Date, Version};
use super::vocabulary::{ATTRIBUTE, MAX_NAME, Operator, SUBJECTS, SubjectKind, is_name, is_subject};
use super::{MAX_LENGTH, Note, Query, diagnose, template};
use crate::ecs::decode::hint::shortened;

/// Maximum depth of parentheses. Deeper than readable expressions, and small enough for the stack of a thread.
const MAX_DEPTH: usize = 64;

/// Maximum size of an expression.
#[derive(Clone, Copy)]
pub(super) struct SizeLimits {
    /// Characters.
    length: usize,
    /// Depth of parentheses.
    depth: usize,
}

impl SizeLimits {
    /// Limits of an expression in a definition.
    pub(super) const WRITTEN: Self = Self { length: MAX_LENGTH, depth: MAX_DEPTH };
    /// Limits of the canonical form: operators become words, dates are complete, and `not` and mixed operators get parentheses.
    pub(super) const CANONICAL: Self = Self { length: 4 * MAX_LENGTH, depth: 4 * MAX_DEPTH };
}

pub(super) fn parse(text: &str, limits: SizeLimits) -> Result<Query, QueryError> {
    let parser = Parser { cursor: Cursor::new(text), notes: Vec::new(), depth: 0, limits };
    parser.query(text).map_err(|mistake| mistake.in_expression(text))
}

struct Parser<'a> {
    cursor: Cursor<'a>,
    notes: Vec<Note>,
    depth: usize,
    limits: SizeLimits,
}

impl<'a> Parser<'a> {
    fn query(mut self, text: &str) -> Result<Query, Mistake> {
        let max = self.limits.length;
        if let Some((offset, _)) = text.char_indices().nth(max) {
            let message = format!("the expression has {} characters; the maximum is {max}", text.chars().count());
            return Err(Mistake::new(Reason::TooLong, offset, message));
        }
        if text.trim().is_empty() {
            return Err(Mistake::new(Reason::Empty, 0, "the expression is empty"));
        }
        let expression = self.any()?;
        self.cursor.skip_blanks();
        if !self.cursor.is_at_end() {
            return Err(diagnose::unexpected(&self.cursor));
        }
        self.notes.sort_by_key(|note| note.offset);
        Ok(Query { expression, notes: self.notes })
    }

    fn note(&mut self, offset: usize, message: impl Into<String>) {
        self.notes.push(Note { offset, message: message.into() });
    }

    /// `or`
    fn any(&mut self) -> Result<Expression, Mistake> {
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
            let message = "`and` and `or` are mixed without parentheses; `and` takes precedence here, which ECS does not \
                           document: add parentheses";
            self.note(start, message);
        }
        Ok(Expression::any(parts))
    }

    /// `and`. Also returns true if there are several parts.
    fn all(&mut self) -> Result<(Expression, bool), Mistake> {
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
    fn negation(&mut self) -> Result<Expression, Mistake> {
        let mut negated = false;
        self.cursor.skip_blanks();
        while self.cursor.take("!") || self.cursor.take_word("not") {
            negated = !negated;
            self.cursor.skip_blanks();
        }
        let inner = self.operand()?;
        Ok(if negated { inner.negated() } else { inner })
    }

    fn operand(&mut self) -> Result<Expression, Mistake> {
        let open = self.cursor.offset;
        if !self.cursor.take("(") {
            return self.condition().map(Expression::Is);
        }
        self.depth += 1;
        let max = self.limits.depth;
        if self.depth > max {
            let message = format!("parentheses are nested more than {max} deep");
            return Err(Mistake::new(Reason::TooDeep, open, message));
        }
        let inner = self.any()?;
        self.cursor.skip_blanks();
        if self.cursor.is_at_end() {
            return Err(Mistake::new(Reason::Unbalanced, open, "this parenthesis is not closed"));
        }
        if !self.cursor.take(")") {
            return Err(diagnose::unexpected(&self.cursor));
        }
        self.depth -= 1;
        Ok(inner)
    }

    fn condition(&mut self) -> Result<Condition, Mistake> {
        if self.cursor.take(ATTRIBUTE) {
            let name = self.attribute_name()?;
            return Ok(Condition::Attribute { name, test: self.test(ATTRIBUTE, SubjectKind::Attribute)? });
        }
        let start = self.cursor.offset;
        let subject = self.cursor.run(is_subject);
        if !SUBJECTS.contains(&subject) {
            return Err(diagnose::unknown_subject(&self.cursor, subject));
        }
        self.cursor.skip(subject.len());
        Ok(match subject {
            "agentConnected" => Condition::AgentConnected(self.agent_connected()?),
            "ec2InstanceId" => Condition::InstanceId(self.test(subject, SubjectKind::Text)?),
            "task:group" => Condition::TaskGroup(self.task_group(start)?),
            "agentVersion" => {
                let expected = "a version: numbers with dots between them, such as 1.14.5";
                let (order, version) = self.comparison(subject, Version::parse, expected)?;
                Condition::AgentVersion(order, version)
            }
            "registeredAt" => {
                let expected = "a point in time, such as 2018-06-18 or 2018-06-18T22:28:28+00:00";
                let (order, date) = self.comparison(subject, Date::parse, expected)?;
                Condition::RegisteredAt(order, date)
            }
            _ => {
                let number = |text: &str| text.parse().ok().filter(|_| !text.starts_with('+'));
                let (order, number) = self.comparison(subject, number, "an integer")?;
                Condition::RunningTasksCount(order, number)
            }
        })
    }

    fn attribute_name(&mut self) -> Result<String, Mistake> {
        let start = self.cursor.offset;
        let name = self.cursor.run(is_name);
        self.cursor.skip(name.len());
        let next = self.cursor.run(|c| !c.is_whitespace()).chars().next();
        if let Some(next) = next.filter(|next| !"=!<>~(".contains(*next)) {
            return Err(diagnose::invalid_name(&self.cursor, next));
        }
        if name.is_empty() {
            return Err(Mistake::new(Reason::AttributeName, start, "the attribute name is missing: attribute:NAME"));
        }
        if name.len() > MAX_NAME {
            let message = format!("the name has {} characters; the maximum is {MAX_NAME}", name.len());
            return Err(Mistake::new(Reason::AttributeName, start, message));
        }
        if let Some(message) = diagnose::misspelled_attribute(name) {
            self.note(start, message);
        }
        Ok(name.to_owned())
    }

    fn agent_connected(&mut self) -> Result<Test, Mistake> {
        self.cursor.skip_blanks();
        let start = self.cursor.offset;
        let test = self.test("agentConnected", SubjectKind::Text)?;
        if let Some(other) = test.texts().find(|text| !matches!(*text, "true" | "false")) {
            let message = format!("agentConnected expects `true` or `false`, found `{}`", shortened(other));
            return Err(Mistake::new(Reason::Value, start, message));
        }
        Ok(test)
    }

    fn task_group(&mut self, start: usize) -> Result<Test, Mistake> {
        let test = self.test("task:group", SubjectKind::Text)?;
        if matches!(test, Test::Compare(Order::NotEqual, _) | Test::NotIn(_) | Test::NotMatches(_)) {
            let message = "ECS does not document the meaning for an instance with tasks of several groups; here it means \
                           that no task on the instance belongs to such a group: write not(task:group == …)";
            self.note(start, message);
        }
        Ok(test)
    }

    fn test(&mut self, subject: &str, kind: SubjectKind) -> Result<Test, Mistake> {
        self.cursor.skip_blanks();
        let start = self.cursor.offset;
        let test = match self.operator(subject, kind)? {
            Operator::Exists => Test::Exists,
            Operator::NotExists => Test::NotExists,
            Operator::Compare(order) => Test::Compare(order, self.literal()?),
            Operator::In => Test::In(self.list()?),
            Operator::NotIn => Test::NotIn(self.list()?),
            Operator::Matches => Test::Matches(self.pattern()?),
            Operator::NotMatches => Test::NotMatches(self.pattern()?),
        };
        self.notes.extend(diagnose::pattern_as_value(&test, kind).map(|message| Note { offset: start, message }));
        Ok(test)
    }

    fn comparison<T>(
        &mut self,
        subject: &str,
        read: impl Fn(&str) -> Option<T>,
        expected: &str,
    ) -> Result<(Order, T), Mistake> {
        let operator = self.operator(subject, SubjectKind::Ordered)?;
        let Operator::Compare(order) = operator else {
            return Err(diagnose::operator_does_not_apply(subject, SubjectKind::Ordered, self.cursor.offset));
        };
        self.cursor.skip_blanks();
        let start = self.cursor.offset;
        let text = self.literal()?;
        if let Some(value) = read(text.as_str()) {
            return Ok((order, value));
        }
        let message = format!("expected {expected}, found `{}`", shortened(text.as_str()));
        Err(Mistake::new(Reason::Value, start, message))
    }

    fn operator(&mut self, subject: &str, kind: SubjectKind) -> Result<Operator, Mistake> {
        self.cursor.skip_blanks();
        let start = self.cursor.offset;
        let Some(operator) = Operator::take(&mut self.cursor) else {
            return Err(diagnose::unknown_operator(&self.cursor));
        };
        if operator.applies_to(kind) {
            Ok(operator)
        } else {
            Err(diagnose::operator_does_not_apply(subject, kind, start))
        }
    }

    fn list(&mut self) -> Result<Vec<Literal>, Mistake> {
        self.cursor.skip_blanks();
        let open = self.cursor.offset;
        if !self.cursor.take("[") {
            return Err(Mistake::new(Reason::Value, open, "a list is required here: [a, b]"));
        }
        let mut list = Vec::new();
        self.cursor.skip_blanks();
        if self.cursor.take("]") {
            return Ok(list);
        }
        loop {
            list.push(self.literal()?);
            self.cursor.skip_blanks();
            if self.cursor.take("]") {
                return Ok(list);
            }
            if self.cursor.is_at_end() {
                return Err(Mistake::new(Reason::Unbalanced, open, "this list is not closed"));
            }
            if !self.cursor.take(",") {
                let message = "separate the values of a list by commas; a value with blanks needs quotes";
                return Err(Mistake::new(Reason::Value, self.cursor.offset, message));
            }
        }
    }

    fn literal(&mut self) -> Result<Literal, Mistake> {
        self.cursor.skip_blanks();
        if let Some((_, text)) = self.quoted()? {
            if template::is_open(text) {
                return Err(diagnose::template_at(self.cursor.offset - text.len() - 1));
            }
            return Ok(Literal(text.to_owned()));
        }
        if let Some(mistake) = diagnose::open_template(&self.cursor) {
            return Err(mistake);
        }
        let text = self.bare(is_bare)?;
        if template::is_open(text) {
            return Err(diagnose::template_at(self.cursor.offset - text.len()));
        }
        Ok(Literal(text.to_owned()))
    }

    /// Reads a pattern. Without quotes it may contain brackets and commas, because a list cannot occur here.
    fn pattern(&mut self) -> Result<Pattern, Mistake> {
        self.cursor.skip_blanks();
        let start = self.cursor.offset;
        let (start, text) = if let Some(quoted) = self.quoted()? {
            quoted
        } else {
            (start, self.bare(|c| is_bare(c) || matches!(c, '[' | ']' | ','))?)
        };
        if template::is_open_pattern(text) {
            return Err(diagnose::template_at(start));
        }
        Pattern::new(text).map_err(|error| Mistake::new(Reason::Pattern, start + error.offset, error.message))
    }

    /// Reads a value in quotes, if one is next, with its offset.
    fn quoted(&mut self) -> Result<Option<(usize, &'a str)>, Mistake> {
        let open = self.cursor.offset;
        let Some(quote) = ["'", "\""].into_iter().find(|quote| self.cursor.take(quote)) else { return Ok(None) };
        let Some(length) = self.cursor.rest().find(quote) else {
            return Err(Mistake::new(Reason::Unbalanced, open, "this quote is not closed"));
        };
        let text = &self.cursor.rest()[..length];
        if let Some(mistake) = diagnose::backquotes(&self.cursor, text) {
            return Err(mistake);
        }
        self.cursor.skip(length + 1);
        Ok(Some((open + 1, text)))
    }

    fn bare(&mut self, is_match: impl Fn(char) -> bool) -> Result<&'a str, Mistake> {
        let run = self.cursor.run(is_match);
        let end = [run.find("&&"), run.find("||")].into_iter().flatten().min().unwrap_or(run.len());
        let text = &run[..end];
        if let Some(mistake) = diagnose::backquotes(&self.cursor, text) {
            return Err(mistake);
        }
        if text.is_empty() {
            return Err(diagnose::missing_value(&self.cursor));
        }
        self.cursor.skip(text.len());
        Ok(text)
    }
}
