//! `cron(…)` expressions against the `croner` crate, an independent implementation of the same language: Quartz weekdays, `L`,
//! `W` and `#`.
//!
//! Days on which clocks change are left out: croner runs a job of a skipped hour after the gap, AWS does not run it.

use std::iter;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use ecs_operator::ecs::schedule::{Schedule, Span};
use fastrand::Rng;
use jiff::civil::date;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, ToSpan, Zoned};
use proptest::arbitrary::any;
use proptest::strategy::Strategy;

/// Occurrences that are compared for each expression.
const OCCURRENCES: usize = 5;

const ZONES: [&str; 5] = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"];
const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// An expression, and the time from which occurrences are searched.
#[derive(Debug)]
pub struct Case {
    /// The six fields of AWS.
    fields: String,
    zone: &'static str,
    start: Timestamp,
}

/// Returns random expressions with random start times from 1990 to 2089.
pub fn cases() -> impl Strategy<Value = Case> {
    any::<u64>().prop_map(|seed| {
        let mut rng = Rng::with_seed(seed);
        let (day_of_month, day_of_week) = days(&mut rng);
        let fields = [
            list(&mut rng, 0, 59, &[]),
            list(&mut rng, 0, 23, &[]),
            day_of_month,
            list(&mut rng, 1, 12, &MONTHS),
            day_of_week,
            years(&mut rng),
        ];
        let start = date(rng.i16(1990..2090), 1, 1).at(0, 0, 0, 0) + rng.i64(0..365 * 24 * 60).minutes();
        let start = start.to_zoned(TimeZone::UTC).expect("a time within the range of jiff").timestamp();
        Case { fields: fields.join(" "), zone: ZONES[rng.usize(..ZONES.len())], start }
    })
}

/// Returns the two fields of days; `?` stands in one of them.
fn days(rng: &mut Rng) -> (String, String) {
    match rng.usize(..8) {
        0 => ("L".to_owned(), "?".to_owned()),
        1 => ("LW".to_owned(), "?".to_owned()),
        2 => (format!("{}W", rng.u8(1..=31)), "?".to_owned()),
        3 => ("?".to_owned(), format!("{}#{}", weekday(rng), rng.u8(1..=5))),
        4 => ("?".to_owned(), format!("{}L", rng.u8(1..=7))),
        5 | 6 => ("?".to_owned(), list(rng, 1, 7, &WEEKDAYS)),
        _ => (list(rng, 1, 31, &[]), "?".to_owned()),
    }
}

fn weekday(rng: &mut Rng) -> String {
    let number = rng.usize(1..=7);
    if rng.bool() { number.to_string() } else { WEEKDAYS[number - 1].to_owned() }
}

fn years(rng: &mut Rng) -> String {
    let years = if rng.u8(..3) > 0 { "*".to_owned() } else { list(rng, 1990, 2099, &[]) };
    // The steps of `*/2` count from 1970 in AWS, and from year 1 in croner.
    years.replace("*/", "1970/")
}

/// Returns `*`, or one to three values, ranges and steps.
fn list(rng: &mut Rng, min: u16, max: u16, names: &[&str]) -> String {
    if rng.u8(..4) == 0 {
        return "*".to_owned();
    }
    let count = rng.usize(1..=3);
    let parts: Vec<String> = (0..count).map(|_| part(rng, min, max, names)).collect();
    parts.join(",")
}

fn part(rng: &mut Rng, min: u16, max: u16, names: &[&str]) -> String {
    let first = rng.u16(min..=max);
    let last = rng.u16(first..=max);
    let step = rng.u16(1..=(max - min));
    let (from, to) = (value(rng, first, min, names), value(rng, last, min, names));
    match rng.u8(..6) {
        0 => format!("{from}-{to}"),
        1 => format!("{from}-{to}/{step}"),
        2 => format!("{from}/{step}"),
        3 => format!("*/{step}"),
        _ => from,
    }
}

/// Writes a value as a number or by its name.
fn value(rng: &mut Rng, value: u16, min: u16, names: &[&str]) -> String {
    let name = names.get(usize::from(value - min)).filter(|_| rng.bool());
    name.map_or_else(|| value.to_string(), |name| (*name).to_owned())
}

/// Compares the occurrences before and after the start of a case.
pub fn agrees_with_croner(case: &Case) -> Result<(), String> {
    let zone = TimeZoneDatabase::bundled().get(case.zone).expect("a zone of the database");
    let parser = CronParser::builder()
        .seconds(Seconds::Required)
        .year(Year::Required)
        .alternative_weekdays(true)
        .sloppy_ranges(true)
        .build();
    let reference = parser.parse(&format!("0 {}", case.fields)).map_err(|error| format!("croner: {error}"))?;
    let schedule = Schedule::parse(&format!("cron({})", case.fields), Some(case.zone)).map_err(|e| e.to_string())?;
    let start = case.start.to_zoned(zone.clone());
    let expected: Vec<Timestamp> = occurrences(&reference, &start);
    let actual: Vec<Timestamp> = iter::successors(Some(case.start), |at| schedule.next_after(*at, Span::default()))
        .skip(1)
        .filter(|at| !is_clock_change(&at.to_zoned(zone.clone())))
        .take(OCCURRENCES)
        .collect();
    if actual != expected {
        return Err(format!("after {start}: {actual:?}, croner {expected:?}"));
    }
    let Some(last) = actual.last() else { return Ok(()) };
    let latest = schedule.last_until(*last, Span::default());
    if latest == Some(*last) { Ok(()) } else { Err(format!("until {last}: {latest:?}")) }
}

fn occurrences(cron: &Cron, start: &Zoned) -> Vec<Timestamp> {
    let times = cron.iter_after(start.clone()).take_while(|at| at.year() < 2200);
    times.filter(|at| !is_clock_change(at)).take(OCCURRENCES).map(|at| at.timestamp()).collect()
}

/// True if the day has more or fewer than 24 hours.
fn is_clock_change(at: &Zoned) -> bool {
    let day = at.start_of_day().expect("a day within the range of jiff");
    let next = day.tomorrow().and_then(|next| next.start_of_day()).expect("a day within the range of jiff");
    day.duration_until(&next).as_hours() != 24 || day.offset() != next.offset()
}
