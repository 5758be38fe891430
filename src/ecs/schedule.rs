//! Schedule expressions: `at(…)`, `rate(…)` and `cron(…)`, with time zones.
//!
//! Source: "Schedule expressions" of EventBridge and of Application Auto Scaling. The language of `cron` is AWS's own: six fields
//! with a year, days of the week from 1 for Sunday, the wildcards `L`, `W` and `#`, and `?` in one of the two fields of days. The
//! `croner` crate evaluates the same language, but runs a job of a skipped hour after the gap, where AWS passes it over; tests
//! compare the two.
//!
//! Time zones come from the database that is built in: an expression means the same on every machine.

mod cron;

use std::sync::LazyLock;

use jiff::civil::DateTime;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp};

use self::cron::Cron;

/// Times at which something is due.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule(Expression);

#[derive(Clone, Debug, PartialEq)]
enum Expression {
    /// Once.
    At(Timestamp),
    /// Again and again after so much time.
    Rate(SignedDuration),
    /// By the calendar.
    Cron(Box<Cron>, TimeZone),
}

/// The time in which a schedule applies, both ends included. Without an end it is open there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The first instant.
    pub start: Option<Timestamp>,
    /// The last instant.
    pub end: Option<Timestamp>,
}

impl Span {
    fn covers(self, at: Timestamp) -> bool {
        self.start.is_none_or(|start| start <= at) && self.end.is_none_or(|end| at <= end)
    }
}

/// Error in a schedule expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// Not one of the three forms.
    #[error(
        "a schedule is at(yyyy-mm-ddThh:mm:ss), rate(value unit) or cron(minutes hours day-of-month month day-of-week year)"
    )]
    Form,
    /// The time of `at`.
    #[error("at(…) takes a time such as at(2030-01-31T08:00:00), without an offset")]
    At,
    /// The value or the unit of `rate`.
    #[error("rate(…) takes a number above 0 and a unit, such as rate(1 hour) or rate(5 minutes)")]
    Rate,
    /// The number of fields of `cron`.
    #[error("cron(…) takes six fields: minutes, hours, day of month, month, day of week, year")]
    Fields,
    /// A field of `cron`.
    #[error("the field `{0}` of cron(…) cannot be read")]
    Field(&'static str),
    /// Both or none of the fields of days is `?`.
    #[error("of day of month and day of week in cron(…) exactly one is `?`")]
    Days,
    /// The time zone.
    #[error("the time zone is not known; it is a name of the IANA database, such as Europe/Berlin")]
    Zone,
    /// A start or an end.
    #[error("the time cannot be read; write it like 2030-01-31T08:00:00Z")]
    Time,
}

impl Schedule {
    /// Reads an expression in a time zone; without one, in UTC. `rate` has no use for it.
    ///
    /// # Errors
    /// Returns the part that cannot be read.
    pub fn parse(text: &str, zone: Option<&str>) -> Result<Self, ScheduleError> {
        let zone = zone.map_or(Ok(TimeZone::UTC), time_zone)?;
        let (form, inside) =
            text.trim().strip_suffix(')').and_then(|text| text.split_once('(')).ok_or(ScheduleError::Form)?;
        let expression = match form.trim() {
            "at" => Expression::At(instant(inside, &zone).ok_or(ScheduleError::At)?),
            "rate" => Expression::Rate(rate(inside).ok_or(ScheduleError::Rate)?),
            "cron" => Expression::Cron(Box::new(inside.parse()?), zone),
            _ => return Err(ScheduleError::Form),
        };
        Ok(Self(expression))
    }

    /// True if it is `rate`, whose times are counted from the start of the span.
    #[must_use]
    pub fn is_rate(&self) -> bool {
        matches!(self.0, Expression::Rate(_))
    }

    /// The first time after an instant at which it is due.
    #[must_use]
    pub fn next_after(&self, instant: Timestamp, span: Span) -> Option<Timestamp> {
        // What is due at the start is due after the instant before it.
        let before_start = span.start.and_then(|start| start.checked_sub(SignedDuration::from_nanos(1)).ok());
        let from = before_start.map_or(instant, |before| before.max(instant));
        let next = match &self.0 {
            Expression::At(at) => Some(*at).filter(|at| *at > from),
            Expression::Rate(every) => step(span, *every, from, 1),
            Expression::Cron(cron, zone) => cron.next_after(from, zone),
        };
        next.filter(|at| span.covers(*at))
    }

    /// The last time up to an instant, and including it, at which it was due.
    #[must_use]
    pub fn last_until(&self, instant: Timestamp, span: Span) -> Option<Timestamp> {
        let until = span.end.map_or(instant, |end| end.min(instant));
        let last = match &self.0 {
            Expression::At(at) => Some(*at).filter(|at| *at <= until),
            Expression::Rate(every) => step(span, *every, until, 0),
            Expression::Cron(cron, zone) => cron.last_until(until, zone),
        };
        last.filter(|at| span.covers(*at))
    }
}

/// The time of a rate that is `more` times beyond the last one until an instant. Times are counted from the start of the span;
/// without one from the beginning of 1970, so that they do not depend on when somebody looks.
fn step(span: Span, every: SignedDuration, until: Timestamp, more: i64) -> Option<Timestamp> {
    let from = span.start.unwrap_or(Timestamp::UNIX_EPOCH);
    let passed = until.duration_since(from).as_nanos().div_euclid(every.as_nanos());
    let count = i64::try_from(passed).ok()?.checked_add(more)?;
    let seconds = every.as_secs().checked_mul(count)?;
    from.checked_add(SignedDuration::from_secs(seconds)).ok().filter(|at| *at >= from)
}

fn time_zone(name: &str) -> Result<TimeZone, ScheduleError> {
    // It keeps the zones that were asked for.
    static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);
    ZONES.get(name).map_err(|_| ScheduleError::Zone)
}

/// A time of the clock on the wall: one that is skipped when clocks go forward is as much later, and of one that comes twice the
/// first is meant.
fn instant(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let text = text.trim();
    // The parser would take a date alone, and an offset.
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
    fn what_is_due_once_is_due_once() {
        let once = Schedule::parse("at(2030-07-01T08:00:00)", Some("America/New_York")).unwrap();
        let due = at("2030-07-01T12:00:00Z");
        assert_eq!(once.next_after(at("2030-01-01T00:00:00Z"), Span::default()), Some(due));
        assert_eq!(once.next_after(due, Span::default()), None);
        assert_eq!(once.last_until(due, Span::default()), Some(due));
        let over = Span { start: None, end: Some(at("2030-06-01T00:00:00Z")) };
        assert_eq!(once.next_after(at("2030-01-01T00:00:00Z"), over), None);
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
    fn mistakes_are_told_apart() {
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
    fn zones_are_built_in() {
        for name in ["UTC", "Europe/Berlin", "Asia/Kolkata", "America/Sao_Paulo", "Etc/GMT+9"] {
            assert!(Schedule::parse("cron(0 8 ? * * *)", Some(name)).is_ok(), "{name}");
        }
    }
}
