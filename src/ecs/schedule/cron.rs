//! `cron(minutes hours day-of-month month day-of-week year)` in the syntax of AWS.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::{Date, Weekday, date};
use jiff::tz::{AmbiguousOffset, TimeZone};

use super::ScheduleError;

const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
/// Sunday is number 1.
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const YEARS: RangeInclusive<i16> = 1970..=2199;

/// Calendar of times, to the minute.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cron {
    minutes: BTreeSet<i16>,
    hours: BTreeSet<i16>,
    days: Days,
    months: BTreeSet<i16>,
    years: BTreeSet<i16>,
}

/// Days, from the day field that is not `?`.
#[derive(Clone, Debug, PartialEq)]
enum Days {
    OfMonth(BTreeSet<OfMonth>),
    OfWeek(BTreeSet<OfWeek>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum OfMonth {
    /// `15`
    Day(i8),
    /// `L`
    Last,
    /// `15W`: the nearest day from Monday to Friday within the month.
    Nearest(i8),
    /// `LW`: the last day from Monday to Friday.
    LastWorking,
}

/// Weekdays from 1 for Sunday.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum OfWeek {
    /// `3`
    Each(i8),
    /// `3#2`: the second Tuesday of the month.
    Nth(i8, i8),
    /// `6L`: the last Friday of the month.
    Last(i8),
}

impl FromStr for Cron {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Self, ScheduleError> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let &[minutes, hours, day_of_month, month, day_of_week, year] = fields.as_slice() else {
            return Err(ScheduleError::Fields);
        };
        let parse_field =
            |name, text, range, names: &[&str]| numbers(text, range, names).ok_or(ScheduleError::Field(name));
        let days = match (day_of_month, day_of_week) {
            ("?", "?") => return Err(ScheduleError::Days),
            (days, "?") => Days::OfMonth(items(days, of_month).ok_or(ScheduleError::Field("day of month"))?),
            ("?", days) => Days::OfWeek(items(days, of_week).ok_or(ScheduleError::Field("day of week"))?),
            _ => return Err(ScheduleError::Days),
        };
        Ok(Self {
            minutes: parse_field("minutes", minutes, 0..=59, &[])?,
            hours: parse_field("hours", hours, 0..=23, &[])?,
            days,
            months: parse_field("month", month, 1..=12, &MONTHS)?,
            years: parse_field("year", year, YEARS, &[])?,
        })
    }
}

impl Cron {
    /// Returns the first time after an instant.
    ///
    /// A time in a daylight saving gap is skipped. Of a repeated time the first is used.
    pub(super) fn next_after(&self, instant: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let today = instant.to_zoned(zone.clone()).date();
        let days = self.days_from(today);
        days.flat_map(|day| self.times_on(day, zone)).find(|time| *time > instant)
    }

    /// Returns the last time up to and including an instant.
    pub(super) fn last_until(&self, instant: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let today = instant.to_zoned(zone.clone()).date();
        let days = self.days_until(today);
        days.flat_map(|day| self.times_on(day, zone).into_iter().rev()).find(|time| *time <= instant)
    }

    fn days_from(&self, first: Date) -> impl Iterator<Item = Date> {
        let months = self.years.range(first.year()..).flat_map(|year| self.months.iter().map(|month| (*year, *month)));
        months.flat_map(|(year, month)| self.days_in(year, month)).filter(move |day| *day >= first)
    }

    fn days_until(&self, last: Date) -> impl Iterator<Item = Date> {
        let years = self.years.range(..=last.year()).rev();
        let months = years.flat_map(|year| self.months.iter().rev().map(|month| (*year, *month)));
        months.flat_map(|(year, month)| self.days_in(year, month).into_iter().rev()).filter(move |day| *day <= last)
    }

    /// Returns the days of a month, in order.
    fn days_in(&self, year: i16, month: i16) -> Vec<Date> {
        let Ok(month) = i8::try_from(month) else { return Vec::new() };
        let first = date(year, month, 1);
        (1..=first.days_in_month()).map(|day| date(year, month, day)).filter(|day| self.days.contains(*day)).collect()
    }

    /// Returns the instants of a day, in order.
    fn times_on(&self, day: Date, zone: &TimeZone) -> Vec<Timestamp> {
        let times = self.hours.iter().flat_map(|hour| self.minutes.iter().map(|minute| (*hour, *minute)));
        let instants = times.filter_map(|(hour, minute)| {
            let (hour, minute) = (i8::try_from(hour).ok()?, i8::try_from(minute).ok()?);
            let time = zone.to_ambiguous_timestamp(day.at(hour, minute, 0, 0));
            let is_skipped = matches!(time.offset(), AmbiguousOffset::Gap { .. });
            time.earlier().ok().filter(|_| !is_skipped)
        });
        instants.collect()
    }
}

impl Days {
    fn contains(&self, day: Date) -> bool {
        match self {
            Self::OfMonth(days) => days.iter().any(|which| which.matches(day)),
            Self::OfWeek(days) => days.iter().any(|which| which.matches(day)),
        }
    }
}

impl OfMonth {
    fn matches(self, day: Date) -> bool {
        let last = day.days_in_month();
        match self {
            Self::Day(number) => day.day() == number,
            Self::Last => day.day() == last,
            Self::Nearest(number) => number <= last && day.day() == nearest_working(day, number),
            Self::LastWorking => day.day() == nearest_working(day, last),
        }
    }
}

/// Returns the day from Monday to Friday that is nearest to day `number` of the month of `date_in_month`, within the month.
fn nearest_working(date_in_month: Date, number: i8) -> i8 {
    let last = date_in_month.days_in_month();
    match date(date_in_month.year(), date_in_month.month(), number).weekday() {
        Weekday::Saturday if number > 1 => number - 1,
        Weekday::Saturday => number + 2,
        Weekday::Sunday if number < last => number + 1,
        Weekday::Sunday => number - 2,
        _ => number,
    }
}

impl OfWeek {
    fn matches(self, day: Date) -> bool {
        let number = day.weekday().to_sunday_one_offset();
        match self {
            Self::Each(weekday) => number == weekday,
            Self::Nth(weekday, which) => number == weekday && (day.day() - 1) / 7 + 1 == which,
            Self::Last(weekday) => number == weekday && day.day() + 7 > day.days_in_month(),
        }
    }
}

/// Returns the union of the parts of a list.
fn items<T: Ord>(text: &str, part: fn(&str) -> Option<Vec<T>>) -> Option<BTreeSet<T>> {
    let parts: Option<Vec<Vec<T>>> = text.split(',').map(part).collect();
    Some(parts?.into_iter().flatten().collect())
}

fn of_month(text: &str) -> Option<Vec<OfMonth>> {
    let upper = text.to_ascii_uppercase();
    match upper.as_str() {
        "L" => return Some(vec![OfMonth::Last]),
        "LW" => return Some(vec![OfMonth::LastWorking]),
        _ => {}
    }
    if let Some(day) = upper.strip_suffix('W') {
        return Some(vec![OfMonth::Nearest(small(number(day, &(1..=31), &[])?)?)]);
    }
    part(text, &(1..=31), &[])?.into_iter().map(|day| small(day).map(OfMonth::Day)).collect()
}

fn of_week(text: &str) -> Option<Vec<OfWeek>> {
    let upper = text.to_ascii_uppercase();
    let weekday = |text: &str| small(number(text, &(1..=7), &WEEKDAYS)?);
    if upper == "L" {
        // Saturday is the last day of the week.
        return Some(vec![OfWeek::Each(7)]);
    }
    if let Some((day, which)) = upper.split_once('#') {
        return Some(vec![OfWeek::Nth(weekday(day)?, small(number(which, &(1..=5), &[])?)?)]);
    }
    if let Some(day) = upper.strip_suffix('L') {
        return Some(vec![OfWeek::Last(weekday(day)?)]);
    }
    part(text, &(1..=7), &WEEKDAYS)?.into_iter().map(|day| small(day).map(OfWeek::Each)).collect()
}

fn small(number: i16) -> Option<i8> {
    i8::try_from(number).ok()
}

/// Returns the numbers of a list of values, ranges and steps.
fn numbers(text: &str, range: RangeInclusive<i16>, names: &[&str]) -> Option<BTreeSet<i16>> {
    let parts: Option<Vec<Vec<i16>>> = text.split(',').map(|text| part(text, &range, names)).collect();
    Some(parts?.into_iter().flatten().collect())
}

/// Returns the numbers of `*`, `3` or `3-7`, optionally with a step such as `/2`.
fn part(text: &str, range: &RangeInclusive<i16>, names: &[&str]) -> Option<Vec<i16>> {
    let (values, every) = match text.split_once('/') {
        Some((values, every)) => (values, Some(every.parse::<usize>().ok().filter(|every| *every > 0)?)),
        None => (text, None),
    };
    let (first, last) = match values.split_once('-') {
        _ if values == "*" => (*range.start(), *range.end()),
        Some((first, last)) => (number(first, range, names)?, number(last, range, names)?),
        None => {
            let first = number(values, range, names)?;
            (first, if every.is_some() { *range.end() } else { first })
        }
    };
    (first <= last).then(|| (first..=last).step_by(every.unwrap_or(1)).collect())
}

/// Returns the number of a number or a name within a range.
fn number(text: &str, range: &RangeInclusive<i16>, names: &[&str]) -> Option<i16> {
    let position = names.iter().position(|name| name.eq_ignore_ascii_case(text));
    let number = match position {
        Some(position) => i16::try_from(position).ok()? + 1,
        None if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok()?,
        None => return None,
    };
    range.contains(&number).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cron(text: &str) -> Cron {
        text.parse().unwrap()
    }

    fn dates(text: &str, from: &str, count: usize) -> Vec<String> {
        let cron = cron(text);
        let mut now: Timestamp = format!("{from}T00:00:00Z").parse().unwrap();
        let mut dates = Vec::new();
        for _ in 0..count {
            let Some(next) = cron.next_after(now, &TimeZone::UTC) else { break };
            assert_eq!(cron.last_until(next, &TimeZone::UTC), Some(next));
            now = next;
            dates.push(next.to_zoned(TimeZone::UTC).date().to_string());
        }
        dates
    }

    #[test]
    fn days_are_selected_by_month_or_by_week() {
        for (text, expected) in [
            ("0 8 1 * ? *", ["2030-01-01", "2030-02-01"]),
            ("0 8 31 * ? *", ["2030-01-31", "2030-03-31"]),
            ("0 8 L * ? *", ["2030-01-31", "2030-02-28"]),
            // The 1st of June 2030 is a Saturday, the 30th a Sunday.
            ("0 8 1W 6 ? *", ["2030-06-03", "2031-06-02"]),
            ("0 8 30W 6 ? 2030", ["2030-06-28", ""]),
            ("0 8 LW 6 ? *", ["2030-06-28", "2031-06-30"]),
            ("0 8 ? * 1 *", ["2030-01-06", "2030-01-13"]),
            ("0 8 ? * L *", ["2030-01-05", "2030-01-12"]),
            ("0 8 ? * TUE#2 *", ["2030-01-08", "2030-02-12"]),
            ("0 8 ? * 6L *", ["2030-01-25", "2030-02-22"]),
            ("0 8 ? * mon-fri *", ["2030-01-01", "2030-01-02"]),
            ("0 8 29 2 ? *", ["2032-02-29", "2036-02-29"]),
            ("0 8 1/10 * ? *", ["2030-01-01", "2030-01-11"]),
            ("0 8 1 JAN,jul ? *", ["2030-01-01", "2030-07-01"]),
            ("0 8 1 1 ? 2031-2033/2", ["2031-01-01", "2033-01-01"]),
        ] {
            let expected: Vec<&str> = expected.into_iter().filter(|date| !date.is_empty()).collect();
            assert_eq!(dates(text, "2030-01-01", 2), expected, "{text}");
        }
        assert_eq!(dates("0 8 30 2 ? *", "2030-01-01", 1), [""; 0], "February has no 30th day");
    }

    #[test]
    fn minutes_and_hours_are_lists_ranges_and_steps() {
        let cron = cron("0/20 9-10,22 ? * * *");
        let mut now: Timestamp = "2030-01-01T09:30:00Z".parse().unwrap();
        let mut times = Vec::new();
        for _ in 0..5 {
            now = cron.next_after(now, &TimeZone::UTC).unwrap();
            times.push(now.to_string());
        }
        let expected = ["09:40", "10:00", "10:20", "10:40", "22:00"].map(|time| format!("2030-01-01T{time}:00Z"));
        assert_eq!(times, expected);
        assert_eq!(
            cron.last_until("2030-01-01T08:00:00Z".parse().unwrap(), &TimeZone::UTC).unwrap().to_string(),
            "2029-12-31T22:40:00Z"
        );
    }

    #[test]
    fn a_time_in_a_gap_is_skipped_and_a_repeated_time_counts_once() {
        let berlin = jiff::tz::TimeZoneDatabase::bundled().get("Europe/Berlin").unwrap();
        let cron = cron("30 2 ? * * *");
        let next = |from: &str| cron.next_after(from.parse().unwrap(), &berlin).unwrap().to_string();
        // Clocks go forward at 2030-03-31 02:00 and back at 2030-10-27 03:00.
        assert_eq!(next("2030-03-30T01:30:00Z"), "2030-04-01T00:30:00Z");
        assert_eq!(next("2030-10-26T12:00:00Z"), "2030-10-27T00:30:00Z");
        assert_eq!(next("2030-10-27T00:30:00Z"), "2030-10-28T01:30:00Z");
    }

    #[test]
    fn invalid_fields_are_rejected() {
        for text in [
            "61 8 1 * ? *",
            "0 24 1 * ? *",
            "0 8 0 * ? *",
            "0 8 32 * ? *",
            "0 8 1 13 ? *",
            "0 8 ? * 8 *",
            "0 8 ? * MON#6 *",
            "0 8 1 1 ? 1969",
            "0 8 W * ? *",
            "5-1 8 1 * ? *",
            "*/0 8 1 * ? *",
            "+1 8 1 * ? *",
            ", 8 1 * ? *",
        ] {
            assert!(text.parse::<Cron>().is_err(), "{text}");
        }
    }
}
