//! Kubernetes quantities by their value: `1000m` is `1`, `1024Mi` is `1Gi`.

use serde_json::Value;

/// Billionths in one. The finest step of a quantity is one billionth.
pub const NANOS: i128 = 1_000_000_000;

/// True if two spellings mean the same quantity. Numbers are quantities too.
#[must_use]
pub fn is_same_quantity(one: &Value, other: &Value) -> bool {
    match (nanos_of(one), nanos_of(other)) {
        (Some(one), Some(other)) => one == other,
        _ => false,
    }
}

fn nanos_of(value: &Value) -> Option<i128> {
    match value {
        Value::String(text) => nanos(text),
        Value::Number(number) => nanos(&number.to_string()),
        _ => None,
    }
}

/// Returns the quantity in billionths; `None` if it is not one, or finer or larger than the result can hold.
#[must_use]
pub fn nanos(text: &str) -> Option<i128> {
    let end = text.find(|c: char| !matches!(c, '0'..='9' | '.' | '+' | '-')).unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let (digits, decimals) = decimal(number)?;
    let (factor, exponent) = scale(suffix)?;
    let power = exponent.checked_sub(decimals)?;
    let value = digits.checked_mul(factor)?.checked_mul(NANOS)?;
    let step = 10_i128.checked_pow(power.unsigned_abs())?;
    if power >= 0 { value.checked_mul(step) } else { (value % step == 0).then(|| value / step) }
}

/// Splits a decimal number into its digits and the number of decimal places: `-1.50` is (-150, 2).
fn decimal(number: &str) -> Option<(i128, i32)> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if fraction.contains(['+', '-']) {
        return None;
    }
    let digits = format!("{whole}{fraction}").parse().ok()?;
    Some((digits, i32::try_from(fraction.len()).ok()?))
}

/// Returns a factor and a power of ten for a suffix.
fn scale(suffix: &str) -> Option<(i128, i32)> {
    let binary = |power: u32| Some((1_i128 << (10 * power), 0));
    let ten = |power| Some((1, power));
    match suffix {
        "" => ten(0),
        "n" => ten(-9),
        "u" => ten(-6),
        "m" => ten(-3),
        "k" => ten(3),
        "M" => ten(6),
        "G" => ten(9),
        "T" => ten(12),
        "P" => ten(15),
        "E" => ten(18),
        "Ki" => binary(1),
        "Mi" => binary(2),
        "Gi" => binary(3),
        "Ti" => binary(4),
        "Pi" => binary(5),
        "Ei" => binary(6),
        _ => ten(suffix.strip_prefix(['e', 'E'])?.parse().ok()?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn spellings_of_one_value_are_the_same() {
        let table = [
            (json!("1000m"), json!("1")),
            (json!("1024Mi"), json!("1Gi")),
            (json!("0.25"), json!("250m")),
            (json!(".5"), json!("500m")),
            (json!(1), json!("1")),
            (json!(0.5), json!("500m")),
            (json!("1e3"), json!("1k")),
            (json!("1E3"), json!("1000")),
            (json!("1.5Gi"), json!("1536Mi")),
            (json!("128974848"), json!("123Mi")),
            (json!("0"), json!("0Mi")),
            (json!("-1"), json!("-1000m")),
        ];
        for (one, other) in table {
            assert!(is_same_quantity(&one, &other), "{one} {other}");
        }
    }

    #[test]
    fn other_values_differ() {
        let table = [
            (json!("1000m"), json!("10")),
            (json!("1M"), json!("1Mi")),
            (json!("1"), json!("one")),
            (json!("1x"), json!("1x")),
            (json!(""), json!("")),
            (json!("9999999999999999999E"), json!("1")),
            (json!("1e99"), json!("1")),
            (json!(true), json!("1")),
        ];
        for (one, other) in table {
            assert!(!is_same_quantity(&one, &other), "{one} {other}");
        }
    }
}
