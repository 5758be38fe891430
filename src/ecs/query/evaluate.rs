//! Evaluation of an expression for an instance.

use std::cmp::Ordering;

use super::expression::{Condition, Expression, Literal, Order, Test};
use super::instance::Instance;

impl Expression {
    /// True if the expression selects the instance.
    #[must_use]
    pub fn matches(&self, instance: &Instance) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.matches(instance)),
            Self::Any(parts) => parts.iter().any(|part| part.matches(instance)),
            Self::Not(inner) => !inner.matches(instance),
            Self::Is(condition) => condition.holds(instance),
        }
    }
}

impl Condition {
    fn holds(&self, instance: &Instance) -> bool {
        match self {
            Self::Attribute { name, test } => test.matches_text(instance.attributes.get(name).map(String::as_str)),
            Self::AgentConnected(test) => {
                test.matches_text(Some(if instance.agent_connected { "true" } else { "false" }))
            }
            Self::InstanceId(test) => test.matches_text(instance.instance_id.as_deref()),
            Self::TaskGroup(test) => test.matches_any(instance.task_groups.iter().map(String::as_str)),
            Self::AgentVersion(order, version) => compares(*order, instance.agent_version.as_ref(), version),
            Self::RegisteredAt(order, date) => compares(*order, instance.registered_at.as_ref(), date),
            Self::RunningTasksCount(order, number) => order.holds(instance.running_tasks.cmp(number)),
        }
    }
}

/// Compares a property with a value. An unknown property is neither equal to nor different from any value.
fn compares<T: Ord>(order: Order, property: Option<&T>, value: &T) -> bool {
    property.is_some_and(|property| order.holds(property.cmp(value)))
}

impl Test {
    /// True if the test passes for a value. Without a value only `!exists` passes.
    #[must_use]
    pub fn matches_text(&self, value: Option<&str>) -> bool {
        let Some(value) = value else { return matches!(self, Self::NotExists) };
        match self {
            Self::Exists => true,
            Self::NotExists => false,
            Self::Compare(Order::Equal, text) => value == text.as_str(),
            Self::Compare(Order::NotEqual, text) => value != text.as_str(),
            Self::Compare(order, text) => order.holds(compare_texts(value, text.as_str())),
            Self::In(list) => is_one_of(value, list),
            Self::NotIn(list) => !is_one_of(value, list),
            Self::Matches(pattern) => pattern.matches(value),
            Self::NotMatches(pattern) => !pattern.matches(value),
        }
    }

    /// True if the test passes for any of several values. A negated test must pass for all of them.
    fn matches_any<'a>(&self, mut values: impl Iterator<Item = &'a str>) -> bool {
        match self {
            Self::NotExists => values.next().is_none(),
            Self::Compare(Order::NotEqual, text) => !values.any(|value| value == text.as_str()),
            Self::NotIn(list) => !values.any(|value| is_one_of(value, list)),
            Self::NotMatches(pattern) => !values.any(|value| pattern.matches(value)),
            positive => values.any(|value| positive.matches_text(Some(value))),
        }
    }
}

fn is_one_of(value: &str, list: &[Literal]) -> bool {
    list.iter().any(|text| text.as_str() == value)
}

/// Compares two texts as numbers if both are numbers, otherwise by code point.
fn compare_texts(value: &str, other: &str) -> Ordering {
    match (Decimal::parse(value), Decimal::parse(other)) {
        (Some(value), Some(other)) => value.cmp(&other),
        _ => value.cmp(other),
    }
}

/// Decimal number of any length.
#[derive(Debug, PartialEq, Eq)]
struct Decimal<'a> {
    negative: bool,
    /// Without zeros at the start.
    whole: &'a str,
    /// Without zeros at the end.
    fraction: &'a str,
}

impl<'a> Decimal<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
        let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(w, f)| (w, Some(f)));
        let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !all_digits(whole) || !fraction.is_none_or(all_digits) {
            return None;
        }
        let (whole, fraction) = (whole.trim_start_matches('0'), fraction.unwrap_or_default().trim_end_matches('0'));
        let zero = whole.is_empty() && fraction.is_empty();
        Some(Self { negative: negative && !zero, whole, fraction })
    }

    /// Returns the order key of numbers of one sign: without leading zeros, the longer whole part is larger.
    fn amount(&self) -> (usize, &str, &str) {
        (self.whole.len(), self.whole, self.fraction)
    }
}

impl Ord for Decimal<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, false) => self.amount().cmp(&other.amount()),
            (true, true) => other.amount().cmp(&self.amount()),
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
        }
    }
}

impl PartialOrd for Decimal<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_ordered_as_numbers_and_other_texts_by_code_point() {
        let rising = ["-10", "-9.5", "-0.1", "0", "0.05", "0.5", "2", "10", "10.25", "99999999999999999999999"];
        for (position, smaller) in rising.iter().enumerate() {
            for larger in &rising[position + 1..] {
                assert_eq!(compare_texts(smaller, larger), Ordering::Less, "{smaller} {larger}");
                assert_eq!(compare_texts(larger, smaller), Ordering::Greater, "{smaller} {larger}");
            }
        }
        assert_eq!(compare_texts("1.0", "01"), Ordering::Equal);
        assert_eq!(compare_texts("-0", "0"), Ordering::Equal);
        assert_eq!(compare_texts("10", "9a"), Ordering::Less);
        assert_eq!(compare_texts("b", "a"), Ordering::Greater);
        assert_eq!(compare_texts("1e5", "2"), Ordering::Less);
    }
}
