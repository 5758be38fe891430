//! Schedule expressions: `at(…)`, `rate(…)` and `cron(…)`, with time zones.
//!
//! Source: "Schedule expressions" of EventBridge and of Application Auto Scaling. The syntax of `cron` is specific to AWS: six
//! fields with a year, days of the week from 1 for Sunday, the wildcards `L`, `W` and `#`, and `?` in one of the two day fields.
//! The `croner` crate supports the same syntax, but runs a job of a skipped hour after the gap, where AWS skips it. Tests
//! compare the two.
//!
//! The time zone database is built in, so that an expression has the same meaning on every machine.

mod cron;

use std::sync::LazyLock;

use jiff::civil::DateTime;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp};

use self::cron::Cron;

/// Schedule of an action.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule(Recurrence);

#[derive(Clone, Debug, PartialEq)]
enum Recurrence {
    /// Once.
    At(Timestamp),
    /// At a fixed interval.
    Rate(SignedDuration),
    /// By the calendar.
    Cron(Box<Cron>, TimeZone),
}

/// Period in which a schedule applies, both ends inclusive. Unbounded at an absent end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// First instant.
    pub start: Option<Timestamp>,
    /// Last instant.
    pub end: Option<Timestamp>,
}

impl Span {
    fn contains(self, at: Timestamp) -> bool {
        self.start.is_none_or(|start| start <= at) && self.end.is_none_or(|end| at <= end)
    }
}

/// Error in a schedule expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// The expression has none of the three forms.
    #[error(
        "expected at(yyyy-mm-ddThh:mm:ss), rate(VALUE UNIT) or cron(MINUTES HOURS DAY-OF-MONTH MONTH DAY-OF-WEEK YEAR)"
    )]
    Form,
    /// The time of `at` is invalid.
    #[error("expected a time without an offset in at(…), such as at(2030-01-31T08:00:00)")]
    At,
    /// The value or the unit of `rate` is invalid.
    #[error("expected a number of at least 1 and a unit in rate(…), such as rate(1 hour) or rate(5 minutes)")]
    Rate,
    /// `cron` does not have six fields.
    #[error("expected six fields in cron(…): minutes, hours, day of month, month, day of week, year")]
    Fields,
    /// A field of `cron` is invalid.
    #[error("the field `{0}` of cron(…) is invalid")]
    Field(&'static str),
    /// Both or none of the day fields are `?`.
    #[error("exactly one of day of month and day of week in cron(…) must be `?`")]
    Days,
    /// The time zone is unknown.
    #[error("unknown time zone; expected a name of the IANA database, such as Europe/Berlin")]
    Zone,
    /// The start or the end is invalid.
    #[error("invalid time; expected a time such as 2030-01-31T08:00:00Z")]
    Time,
}

impl Schedule {
    /// Parses an expression in a time zone, by default UTC. `rate` ignores the time zone.
    ///
    /// # Errors
    /// Returns the invalid part of the expression.
    pub fn parse(text: &str, zone: Option<&str>) -> Result<Self, ScheduleError> {
        let zone = zone.map_or(Ok(TimeZone::UTC), time_zone)?;
        let (form, inside) =
            text.trim().strip_suffix(')').and_then(|text| text.split_once('(')).ok_or(ScheduleError::Form)?;
        let expression = match form.trim() {
            "at" => Recurrence::At(instant(inside, &zone).ok_or(ScheduleError::At)?),
            "rate" => Recurrence::Rate(rate(inside).ok_or(ScheduleError::Rate)?),
            "cron" => Recurrence::Cron(Box::new(inside.parse()?), zone),
            _ => return Err(ScheduleError::Form),
        };
        Ok(Self(expression))
    }

    /// True for `rate`, whose times are counted from the start of the span.
    #[must_use]
    pub fn is_rate(&self) -> bool {
        matches!(self.0, Recurrence::Rate(_))
    }

    /// Returns the first due time after an instant.
    #[must_use]
    pub fn next_after(&self, instant: Timestamp, span: Span) -> Option<Timestamp> {
        // The start of the span is itself a valid time.
        let before_start = span.start.and_then(|start| start.checked_sub(SignedDuration::from_nanos(1)).ok());
        let from = before_start.map_or(instant, |before| before.max(instant));
        let next = match &self.0 {
            Recurrence::At(at) => Some(*at).filter(|at| *at > from),
            Recurrence::Rate(every) => step(span, *every, from, 1),
            Recurrence::Cron(cron, zone) => cron.next_after(from, zone),
        };
        next.filter(|at| span.contains(*at))
    }

    /// Returns the last due time up to and including an instant.
    #[must_use]
    pub fn last_until(&self, instant: Timestamp, span: Span) -> Option<Timestamp> {
        let until = span.end.map_or(instant, |end| end.min(instant));
        let last = match &self.0 {
            Recurrence::At(at) => Some(*at).filter(|at| *at <= until),
            Recurrence::Rate(every) => step(span, *every, until, 0),
            Recurrence::Cron(cron, zone) => cron.last_until(until, zone),
        };
        last.filter(|at| span.contains(*at))
    }
}

/// Returns the time of a rate that is `intervals` after the last one up to an instant. Times are counted from the start of the
/// span, or from the Unix epoch without a start, so that they do not depend on the time of evaluation.
fn step(span: Span, every: SignedDuration, until: Timestamp, intervals: i64) -> Option<Timestamp> {
    let from = span.start.unwrap_or(Timestamp::UNIX_EPOCH);
    let passed = until.duration_since(from).as_nanos().div_euclid(every.as_nanos());
    let count = i64::try_from(passed).ok()?.checked_add(intervals)?;
    let seconds = every.as_secs().checked_mul(count)?;
    from.checked_add(SignedDuration::from_secs(seconds)).ok().filter(|at| *at >= from)
}

fn time_zone(name: &str) -> Result<TimeZone, ScheduleError> {
    // The database caches the time zones that it returns.
    static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);
    ZONES.get(name).map_err(|_| ScheduleError::Zone)
}

/// Converts local time to an instant. A time in a daylight saving gap moves forward by the gap; of a repeated time the first is
/// used.
fn instant(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let text = text.trim();
    // The parser also accepts a date alone, and an offset.
    let is_plain = text.len() == "2030-01-31T08:00:00".len() && text.as_bytes().get(10) == Some(&b'T');
    let civil: DateTime = is_plain.then(|| text.parse().ok()).flatten()?;
    zone.to_ambiguous_timestamp(civil).compatible().ok()
}

fn rate(text: &str) -> Option<SignedDuration> {
    let mut words = text.split_whitespace();
    let (value, unit) = (words.next()?, words.next()?);
    let value: i64 = value.parse().ok().filter(|value| *value > 0 && words.next().is_none())?;
    let seconds = match unit {
        "minute" | "minutes" => 60,
        "hour" | "hours" => 3600,
        "day" | "days" => 86_400,
        _ => return None,
    };
    Some(SignedDuration::from_secs(value.checked_mul(seconds)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn schedule(text: &str) -> Schedule {
        Schedule::parse(text, None).unwrap()
    }

    #[test]
    fn at_is_due_once() {
        let once = Schedule::parse("at(2030-07-01T08:00:00)", Some("America/New_York")).unwrap();
        let due = at("2030-07-01T12:00:00Z");
        assert_eq!(once.next_after(at("2030-01-01T00:00:00Z"), Span::default()), Some(due));
        assert_eq!(once.next_after(due, Span::default()), None);
        assert_eq!(once.last_until(due, Span::default()), Some(due));
        let ended = Span { start: None, end: Some(at("2030-06-01T00:00:00Z")) };
        assert_eq!(once.next_after(at("2030-01-01T00:00:00Z"), ended), None);
    }

    #[test]
    fn a_rate_counts_from_its_start() {
        let span = Span { start: Some(at("2030-01-01T00:10:00Z")), end: None };
        let hourly = schedule("rate(1 hour)");
        for (now, last, next) in [
            ("2030-01-01T00:00:00Z", None, "2030-01-01T00:10:00Z"),
            ("2030-01-01T00:10:00Z", Some("2030-01-01T00:10:00Z"), "2030-01-01T01:10:00Z"),
            ("2030-01-01T05:00:00Z", Some("2030-01-01T04:10:00Z"), "2030-01-01T05:10:00Z"),
        ] {
            assert_eq!(hourly.last_until(at(now), span), last.map(at), "{now}");
            assert_eq!(hourly.next_after(at(now), span), Some(at(next)), "{now}");
        }
        let whole = schedule("rate(5 minutes)").next_after(at("2030-01-01T00:07:00Z"), Span::default());
        assert_eq!(whole, Some(at("2030-01-01T00:10:00Z")));
    }

    #[test]
    fn each_mistake_has_its_error() {
        for (text, error) in [
            ("every day", ScheduleError::Form),
            ("now()", ScheduleError::Form),
            ("at(2030-01-01)", ScheduleError::At),
            ("at(2030-01-01T00:00:00Z)", ScheduleError::At),
            ("rate(0 minutes)", ScheduleError::Rate),
            ("rate(1 fortnight)", ScheduleError::Rate),
            ("rate(1 hour 2)", ScheduleError::Rate),
            ("cron(0 8 * * ?)", ScheduleError::Fields),
            ("cron(0 8 * * * *)", ScheduleError::Days),
            ("cron(0 8 ? * ? *)", ScheduleError::Days),
            ("cron(60 8 ? * * *)", ScheduleError::Field("minutes")),
        ] {
            assert_eq!(Schedule::parse(text, None), Err(error), "{text}");
        }
        assert_eq!(Schedule::parse("rate(1 hour)", Some("Mars/Olympus")), Err(ScheduleError::Zone));
    }

    #[test]
    fn time_zones_are_built_in() {
        for name in ["UTC", "Europe/Berlin", "Asia/Kolkata", "America/Sao_Paulo", "Etc/GMT+9"] {
            assert!(Schedule::parse("cron(0 8 ? * * *)", Some(name)).is_ok(), "{name}");
        }
    }
}
