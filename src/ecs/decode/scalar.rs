//! Numbers, texts, booleans and choices: their types, what is forgiven, and their limits.

use std::fmt::Display;

use serde_json::{Number, Value};

use super::hint;
use super::shape::{Mismatch, NumberLimits, Shape, TextLimits};
use super::walk::Walk;
use crate::ecs::pointer::Pointer;

impl Walk {
    /// Checks a value against a shape that is neither an object nor a list.
    pub(super) fn scalar(&mut self, shape: &Shape, value: Value, at: &Pointer) -> Value {
        let Some(understood) = self.as_shape(shape, &value, at) else {
            return self.wrong_type(shape, value, at);
        };
        match (shape, &understood) {
            (Shape::Integer(range), Value::Number(number)) => self.integer_limits(range, number, at),
            (Shape::Number(range), Value::Number(number)) => self.limits(range, number.as_f64(), at),
            (Shape::Text(limits), Value::String(text)) => self.text_limits(limits, text, at),
            (Shape::Choice(choices), Value::String(text)) => self.choice(choices, text, at),
            _ => {}
        }
        understood
    }

    /// The value in the shape's type, or nothing if it has another one.
    fn as_shape(&mut self, shape: &Shape, value: &Value, at: &Pointer) -> Option<Value> {
        if let Some(choice) = choice_in_other_case(shape, value).filter(|_| self.lenient) {
            self.info(at, "coerced", format!("it is written {choice}"));
            return Some(choice.into());
        }
        if let Some(same) = plainly(shape, value) {
            return Some(same);
        }
        let coerced = coerced(shape, value).filter(|_| self.lenient)?;
        let given = crate::ecs::pointer::kind_of(value);
        let taken = crate::ecs::pointer::kind_of(&coerced);
        let said = format!("{given} is given and taken as {taken}");
        if is_ambiguous(value) && coerced.is_string() {
            // `010`, `1.10` and `on` have lost their letters by now.
            self.warning(at, "coerced", format!("{said}, which may not be as it was written: put it in quotes"));
        } else {
            self.info(at, "coerced", said);
        }
        Some(coerced)
    }

    fn integer_limits(&mut self, range: &NumberLimits<i64>, number: &Number, at: &Pointer) {
        match number.as_i64() {
            Some(number) => self.limits(range, Some(number), at),
            None => self.error(at, "too-large", format!("{number} is too large")),
        }
    }

    fn limits<N: PartialOrd + Display + Copy>(&mut self, range: &NumberLimits<N>, number: Option<N>, at: &Pointer) {
        let Some(number) = number else { return };
        if let Some(min) = range.min.filter(|min| number < *min) {
            self.error(at, "too-small", format!("{number} is less than {min}, the least that is allowed"));
        }
        if let Some(max) = range.max.filter(|max| number > *max) {
            self.error(at, "too-large", format!("{number} is more than {max}, the most that is allowed"));
        }
    }

    /// The text itself is never told: it may be secret.
    fn text_limits(&mut self, limits: &TextLimits, text: &str, at: &Pointer) {
        let length = text.chars().count() as u64;
        if let Some(min) = limits.min.filter(|min| length < *min) {
            self.error(at, "too-short", format!("{length} characters are given, {min} at least are needed"));
        }
        if let Some(max) = limits.max.filter(|max| length > *max) {
            self.error(at, "too-long", format!("{length} characters are given, {max} at most are allowed"));
        }
        self.text_pattern(limits, text, at);
    }

    fn text_pattern(&mut self, limits: &TextLimits, text: &str, at: &Pointer) {
        let advice = hint::unrendered(text);
        let (code, message) = match limits.pattern.as_ref().and_then(|pattern| pattern.mismatch(text)) {
            None => return,
            Some(Mismatch::Character(character, class)) => {
                ("invalid-characters", format!("{character:?} is not allowed; use the characters {class}{advice}"))
            }
            Some(Mismatch::Pattern(pattern)) => {
                ("invalid-format", format!("the text does not match the pattern {pattern}{advice}"))
            }
        };
        self.error(at, code, message);
    }

    fn choice(&mut self, choices: &[String], text: &str, at: &Pointer) {
        if choices.iter().any(|choice| choice == text) {
            return;
        }
        let hint = hint::did_you_mean(text, choices.iter().map(String::as_str));
        let (text, advice) = (hint::shortened(text), hint::unrendered(text));
        let message = format!("`{text}` is not among the choices{hint}: {}{advice}", choices.join(", "));
        self.error(at, "invalid-choice", message);
    }
}

/// The value if its type is the shape's; 256.0 counts as a whole number.
fn plainly(shape: &Shape, value: &Value) -> Option<Value> {
    match (shape, value) {
        (Shape::Integer(_), Value::Number(number)) => whole(number).map(Value::Number),
        (Shape::Boolean, Value::Bool(_))
        | (Shape::Number(_), Value::Number(_))
        | (Shape::Text(_) | Shape::Choice(_), Value::String(_)) => Some(value.clone()),
        _ => None,
    }
}

/// True if a value can be written in several ways that a text tells apart.
fn is_ambiguous(value: &Value) -> bool {
    value.is_boolean() || value.as_number().is_some_and(Number::is_f64)
}

/// The choice that a text would be but for the case of its letters.
fn choice_in_other_case<'a>(shape: &'a Shape, value: &Value) -> Option<&'a str> {
    let (Shape::Choice(choices), Value::String(text)) = (shape, value) else { return None };
    let choice = choices.iter().find(|choice| choice.eq_ignore_ascii_case(text))?;
    (choice != text).then_some(choice.as_str())
}

fn coerced(shape: &Shape, value: &Value) -> Option<Value> {
    match (shape, value) {
        (Shape::Text(_), Value::Number(number)) => Some(number.to_string().into()),
        (Shape::Text(_), Value::Bool(truth)) => Some(truth.to_string().into()),
        (Shape::Boolean, Value::String(text)) => text.trim().parse().ok().map(Value::Bool),
        (Shape::Integer(_), Value::String(text)) => text.trim().parse::<i64>().ok().map(Value::from),
        (Shape::Number(_), Value::String(text)) => text.trim().parse::<f64>().ok().map(Value::from),
        _ => None,
    }
}

/// The number as a whole one. Decimals count up to 2⁵³, where they stop being exact.
#[allow(clippy::cast_possible_truncation)]
fn whole(number: &Number) -> Option<Number> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if !number.is_f64() {
        return Some(number.clone());
    }
    let decimal = number.as_f64()?;
    (decimal.fract() == 0.0 && decimal.abs() <= EXACT).then(|| Number::from(decimal as i64))
}
