//! Amounts of CPU and memory at task level.

/// CPU units of one vCPU.
pub const UNITS_PER_VCPU: i64 = 1024;

/// Error in an amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAmount {
    /// Invalid amount of CPU.
    #[error("`{0}` is not an amount of CPU: write units (\"256\", where 1024 is one vCPU) or vCPUs (\".25 vCPU\")")]
    Cpu(String),
    /// Invalid amount of memory.
    #[error("`{0}` is not an amount of memory: write MiB (\"512\") or GB (\"0.5 GB\"), where 1 GB is 1024 MiB")]
    Memory(String),
}

/// Parses an amount of CPU, in units: `256`, `.25 vCPU`, `1vcpu`.
///
/// # Errors
/// Fails if the text has another form, is negative, or is not an integer number of units.
pub fn cpu_units(text: &str) -> Result<i64, InvalidAmount> {
    amount(text, "vcpu", UNITS_PER_VCPU).ok_or_else(|| InvalidAmount::Cpu(text.to_owned()))
}

/// Parses an amount of memory, in MiB: `512`, `0.5GB`, `2 gb`. ECS counts 1 GB as 1024 MiB.
///
/// # Errors
/// Fails if the text has another form, is negative, or is not an integer number of MiB.
pub fn memory_mib(text: &str) -> Result<i64, InvalidAmount> {
    amount(text, "gb", 1024).ok_or_else(|| InvalidAmount::Memory(text.to_owned()))
}

/// Parses an integer, or a decimal number with a unit of the value `scale`.
fn amount(text: &str, unit: &str, scale: i64) -> Option<i64> {
    let lower = text.trim().to_ascii_lowercase();
    match lower.strip_suffix(unit) {
        Some(number) => scaled_decimal(number.trim_end(), scale),
        None => digits(&lower),
    }
}

/// Parses a decimal number without floating point, so that no rounding occurs.
fn scaled_decimal(text: &str, scale: i64) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let whole = if whole.is_empty() { 0 } else { digits(whole)? };
    let fraction = fraction.trim_end_matches('0');
    let divisor = 10_i64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let part = if fraction.is_empty() { 0 } else { digits(fraction)?.checked_mul(scale)? };
    if part % divisor != 0 {
        return None;
    }
    whole.checked_mul(scale)?.checked_add(part / divisor)
}

/// Parses digits without signs and spaces.
fn digits(text: &str) -> Option<i64> {
    let only_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| only_digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_is_parsed_in_units_and_vcpus() {
        let cases = [
            ("256", 256),
            (" 1024 ", 1024),
            ("1 vCPU", 1024),
            ("1vcpu", 1024),
            (".5 vcpu", 512),
            ("0.25 vCPU", 256),
            ("16 VCPU", 16384),
            ("2. vCPU", 2048),
            ("0", 0),
        ];
        for (text, units) in cases {
            assert_eq!(cpu_units(text), Ok(units), "{text}");
        }
    }

    #[test]
    fn memory_is_parsed_in_mib_and_gb() {
        let cases =
            [("512", 512), ("1GB", 1024), ("2 GB", 2048), ("0.5 gb", 512), ("2.50gb", 2560), ("120 GB", 122_880)];
        for (text, mib) in cases {
            assert_eq!(memory_mib(text), Ok(mib), "{text}");
        }
    }

    #[test]
    fn other_texts_are_rejected() {
        for text in ["", " ", "vCPU", ". vCPU", "-1", "+1", "1.5", "1 GB", "1,5 vCPU", "1e3", "0.0001 vCPU", "one vCPU"]
        {
            assert_eq!(cpu_units(text), Err(InvalidAmount::Cpu(text.to_owned())), "{text}");
        }
        for text in ["", "512MB", "1 GiB", "1 vCPU", "GB", "1.0001 GB", "99999999999999999999", "9999999999999999 GB"] {
            assert_eq!(memory_mib(text), Err(InvalidAmount::Memory(text.to_owned())), "{text}");
        }
    }

    #[test]
    fn every_number_of_units_has_a_decimal_form_that_parses() {
        for units in 0..=4096_i64 {
            // 1/1024 has ten decimals, so every multiple of it is exact in ten.
            let decimals = units % 1024 * 10_000_000_000 / 1024;
            let text = format!("{}.{decimals:010} vCPU", units / 1024);
            assert_eq!(cpu_units(&text), Ok(units), "{text}");
        }
    }
}
