//! Typed values: versions and points in time.

use std::cmp::Ordering;
use std::fmt;

use jiff::Timestamp;
use jiff::civil::{self, DateTime};
use jiff::tz::TimeZone;

/// Version whose parts compare as numbers. Missing parts are 0.
#[derive(Clone, Debug)]
pub struct Version(Vec<u64>);

impl Version {
    /// Parses numbers separated by dots.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let parts = text.split('.').map(|part| {
            let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            part.parse().ok().filter(|_| is_number)
        });
        parts.collect::<Option<Vec<_>>>().map(Self)
    }

    /// Parses the numbers at the start of a text, after an optional `v`: `v1.36.2+build` is 1.36.2.
    #[must_use]
    pub fn leading(text: &str) -> Option<Self> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        Self::parse(text[..end].trim_end_matches('.'))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let length = self.0.len().max(other.0.len());
        let padded = |parts: &[u64]| parts.iter().copied().chain(std::iter::repeat(0)).take(length).collect::<Vec<_>>();
        padded(&self.0).cmp(&padded(&other.0))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Version {}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = self.0.iter().map(u64::to_string).collect();
        // Equal versions have the same form.
        while parts.len() > 1 && parts.last().is_some_and(|last| last == "0") {
            parts.pop();
        }
        f.write_str(&parts.join("."))
    }
}

/// Point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date(pub Timestamp);

impl Date {
    /// Parses `2018-06-18T22:28:28+00:00`, the same with `Z` or without a zone, which means UTC, or a day, which means its
    /// start in UTC.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if !text.starts_with(|c: char| c.is_ascii_digit()) || text.contains(['[', ' ']) {
            return None;
        }
        let at = if text.contains(['T', 't']) { timestamp(text)? } else { midnight(text)? };
        Some(Self(at))
    }
}

fn timestamp(text: &str) -> Option<Timestamp> {
    text.parse().ok().or_else(|| {
        let without_zone: DateTime = text.parse().ok()?;
        without_zone.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
    })
}

fn midnight(text: &str) -> Option<Timestamp> {
    let day: civil::Date = text.parse().ok()?;
    day.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number() {
        let [v1_9, v1_14, v1_14_0, v1_14_1] =
            ["1.9.0", "1.14", "1.14.0", "1.14.1"].map(|text| Version::parse(text).unwrap());
        assert!(v1_9 < v1_14 && v1_14 < v1_14_1);
        assert_eq!(v1_14, v1_14_0);
        assert_eq!(v1_14_0.to_string(), "1.14");
        for text in ["", "1.", ".1", "1..2", "v1", "1.x", "1.-2", "1.+2", "1.99999999999999999999999"] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_version_of_a_kubelet_is_read_from_its_start() {
        for (text, version) in [("v1.36.2", "1.36.2"), ("v1.31.0-eks-1a2b", "1.31"), ("v1.30.4+k3s1", "1.30.4")] {
            assert_eq!(Version::leading(text).unwrap().to_string(), version);
        }
        assert_eq!(Version::leading("latest"), None);
    }

    #[test]
    fn each_form_of_a_date_is_read() {
        let cases = [
            ("2018-06-18T22:28:28+00:00", "2018-06-18T22:28:28Z"),
            ("2018-06-18T22:28:28Z", "2018-06-18T22:28:28Z"),
            ("2018-06-18T22:28:28", "2018-06-18T22:28:28Z"),
            ("2018-06-18T22:28:28.5+02:00", "2018-06-18T20:28:28.5Z"),
            ("2018-06-18", "2018-06-18T00:00:00Z"),
        ];
        for (text, canonical) in cases {
            let date = Date::parse(text).unwrap();
            assert_eq!(date.to_string(), canonical, "{text}");
            assert_eq!(Date::parse(canonical), Some(date), "{text}");
        }
        for text in ["", "yesterday", "2018", "2018-13-01", "2018-02-30", "22:28", "2018-06-18T25:00:00Z"] {
            assert_eq!(Date::parse(text), None, "{text}");
        }
    }
}
