//! Numbers, strings, booleans and enums: types, conversions and limits.

use std::fmt::Display;

use serde_json::{Number, Value};

use super::hint;
use super::shape::{Mismatch, NumberLimits, Shape, TextLimits};
use super::walk::Walk;
use crate::ecs::pointer::{Pointer, json_type};

impl Walk {
    /// Checks a value against a shape that is neither an object nor a list.
    pub(super) fn scalar(&mut self, shape: &Shape, value: Value, at: &Pointer) -> Value {
        let Some(normalized) = self.as_shape(shape, &value, at) else {
            return self.wrong_type(shape, value, at);
        };
        match (shape, &normalized) {
            (Shape::Integer(range), Value::Number(number)) => self.integer_limits(range, number, at),
            (Shape::Number(range), Value::Number(number)) => self.limits(range, number.as_f64(), at),
            (Shape::Text(limits), Value::String(text)) => self.text_limits(limits, text, at),
            (Shape::Choice(choices), Value::String(text)) => self.choice(choices, text, at),
            _ => {}
        }
        normalized
    }

    /// Returns the value in the type of the shape; `None` if it cannot be converted.
    fn as_shape(&mut self, shape: &Shape, value: &Value, at: &Pointer) -> Option<Value> {
        if let Some(choice) = choice_in_other_case(shape, value) {
            self.info(at, "coerced", format!("the value is read as `{choice}`, which differs in case"));
            return Some(choice.into());
        }
        if let Some(unchanged) = matching(shape, value) {
            return Some(unchanged);
        }
        let coerced = coerced(shape, value)?;
        let message = format!("{} is read as {}", json_type(value), json_type(&coerced));
        if is_ambiguous(value) && coerced.is_string() {
            // YAML has already read `010`, `1.10` and `on` as other values.
            self.warning(at, "coerced", format!("{message}, which may differ from its spelling: put it in quotes"));
        } else {
            self.info(at, "coerced", message);
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
            self.error(at, "too-small", format!("{number} is less than the minimum of {min}"));
        }
        if let Some(max) = range.max.filter(|max| number > *max) {
            self.error(at, "too-large", format!("{number} is more than the maximum of {max}"));
        }
    }

    /// Checks the length and the pattern of a string. The messages do not repeat it, because it may be secret.
    fn text_limits(&mut self, limits: &TextLimits, text: &str, at: &Pointer) {
        let length = text.chars().count() as u64;
        if let Some(min) = limits.min.filter(|min| length < *min) {
            self.error(at, "too-short", format!("the value has {length} characters, the minimum is {min}"));
        }
        if let Some(max) = limits.max.filter(|max| length > *max) {
            self.error(at, "too-long", format!("the value has {length} characters, the maximum is {max}"));
        }
        self.text_pattern(limits, text, at);
    }

    fn text_pattern(&mut self, limits: &TextLimits, text: &str, at: &Pointer) {
        let advice = hint::unrendered(text);
        let (code, message) = match limits.pattern.as_ref().and_then(|pattern| pattern.mismatch(text)) {
            None => return,
            Some(Mismatch::Character(character, class)) => (
                "invalid-characters",
                format!("the character {character:?} is not allowed; allowed are {class}{advice}"),
            ),
            Some(Mismatch::Pattern(pattern)) => {
                ("invalid-format", format!("the value does not match the pattern {pattern}{advice}"))
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
        let message = format!("unsupported value `{text}` (supported: {}){hint}{advice}", choices.join(", "));
        self.error(at, "invalid-choice", message);
    }
}

/// Returns the value if it has the type of the shape. A decimal number without a fraction counts as an integer.
fn matching(shape: &Shape, value: &Value) -> Option<Value> {
    match (shape, value) {
        (Shape::Integer(_), Value::Number(number)) => integer(number).map(Value::Number),
        (Shape::Boolean, Value::Bool(_))
        | (Shape::Number(_), Value::Number(_))
        | (Shape::Text(_) | Shape::Choice(_), Value::String(_)) => Some(value.clone()),
        _ => None,
    }
}

/// True if several spellings have this value, which would be different strings.
fn is_ambiguous(value: &Value) -> bool {
    value.is_boolean() || value.as_number().is_some_and(Number::is_f64)
}

/// Returns the value of an enum that differs from a string only in case.
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

/// Returns the number as an integer. Decimal numbers are exact up to 2⁵³ only.
#[allow(clippy::cast_possible_truncation)]
fn integer(number: &Number) -> Option<Number> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if !number.is_f64() {
        return Some(number.clone());
    }
    let decimal = number.as_f64()?;
    (decimal.fract() == 0.0 && decimal.abs() <= EXACT).then(|| Number::from(decimal as i64))
}
