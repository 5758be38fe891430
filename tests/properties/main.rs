//! Property tests on random inputs: the converter, the cluster query language, schedules, placement, the division of tasks
//! among capacity providers, and the comparison of objects.
//!
//! `CASES` sets the number of inputs and `SEED` their choice: the same seed always gives the same inputs. A normal run of
//! the tests tries a few; `make campaign` tries many.

mod capacity;
mod check;
mod generate;
mod input;
mod mutate;
mod objects;
mod placement;
mod plausible;
mod queries;
mod scaling;
mod schedules;
mod schema;
mod shrink;
mod subset;
mod tally;
mod targets;
mod walk;

use std::time::Instant;

use generate::Inputs;
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use tally::Tally;

/// Number of inputs unless `CASES` is set.
const FEW: u32 = 150;
/// A run of at least this many inputs prints its progress.
const MANY: u32 = 5000;
/// Number of clusters in each run; they are cheap.
const CLUSTERS: u32 = 10_000;

fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text:?}")))
}

fn all_inputs() -> u32 {
    variable("CASES").map_or(FEW, |cases| u32::try_from(cases).expect("CASES fits into 32 bits"))
}

/// Returns a runner, which tries different inputs for each `sort`, and its seed.
fn runner(cases: u32, sort: u8) -> (TestRunner, u64) {
    let seed = variable("SEED").unwrap_or(1);
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 50_000, ..Config::default() };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8] = sort;
    (TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes)), seed)
}

/// Tries expressions: ten for each input of the converter, because they are cheap.
fn try_queries<T: std::fmt::Debug>(
    what: &str,
    sort: u8,
    queries: impl Strategy<Value = T>,
    check: impl Fn(&T) -> Result<(), String>,
) {
    try_cases(what, sort, all_inputs().saturating_mul(10), queries, check);
}

/// Checks a number of values.
fn try_cases<T: std::fmt::Debug>(
    what: &str,
    sort: u8,
    cases: u32,
    values: impl Strategy<Value = T>,
    check: impl Fn(&T) -> Result<(), String>,
) {
    let (mut runner, seed) = runner(cases, sort);
    match runner.run(&values, |value| check(&value).map_err(TestCaseError::fail)) {
        Ok(()) => eprintln!("{what}, seed {seed}: all properties hold for {cases}"),
        Err(TestError::Fail(reason, value)) => panic!("seed {seed}: {reason}\n\n{value:?}"),
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
}

/// Checks `share` percent of the number of inputs.
fn try_inputs(sort: Inputs, share: u32) -> Tally {
    let all = all_inputs();
    let cases = (u64::from(all) * u64::from(share)).div_ceil(100);
    let cases = u32::try_from(cases).expect("a share is at most all");
    let (mut runner, seed) = runner(cases, sort as u8);
    let (tally, start) = (Tally::default(), Instant::now());
    let result = runner.run(&sort, |input| {
        check::input(&input, &tally).map_err(TestCaseError::fail)?;
        let (done, step) = (tally.inputs(), usize::try_from(cases).unwrap_or(1).div_ceil(20));
        if all >= MANY && done.is_multiple_of(step) {
            eprintln!("{sort:?}: {done} of {cases} inputs, {} s", start.elapsed().as_secs());
        }
        Ok(())
    });
    match result {
        Ok(()) => eprintln!("{sort:?}, seed {seed}: all properties hold for {tally}; {} s", start.elapsed().as_secs()),
        Err(TestError::Fail(reason, input)) => panic!("seed {seed}: {reason}\n\nThe smallest input found:\n{input:?}"),
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
    tally
}

#[test]
fn properties_hold_for_plausible_definitions() {
    let tally = try_inputs(Inputs::Plausible, 40);
    assert!(tally.share_converted() >= 50, "too few definitions pass validation to try the translation: {tally}");
}

#[test]
fn properties_hold_for_definitions_with_mistakes() {
    try_inputs(Inputs::Mistaken, 40);
}

#[test]
fn properties_hold_for_damaged_texts() {
    try_inputs(Inputs::Damaged, 20);
}

#[test]
fn expressions_select_the_instances_they_describe() {
    try_queries("Expressions", 3, queries::models(), queries::agrees_with_model);
}

#[test]
fn any_text_is_parsed_or_refused_with_an_error() {
    try_queries("Texts", 4, queries::texts(), |text| queries::is_parsed_or_refused(text));
}

#[test]
fn cron_expressions_agree_with_croner() {
    let cases = all_inputs().saturating_mul(10);
    try_cases("Schedules", 9, cases, schedules::cases(), schedules::agrees_with_croner);
}

#[test]
fn placement_agrees_with_the_reference() {
    let cases = all_inputs().max(CLUSTERS);
    try_cases("Clusters", 5, cases, placement::cases(), placement::agrees);
}

#[test]
fn capacity_provider_strategies_divide_tasks_by_the_rule() {
    // Each strategy is tried with every count up to 1000.
    try_cases("Strategies", 6, all_inputs().div_ceil(3), capacity::strategies(), |items| {
        capacity::follows_the_rule(items)
    });
}

#[test]
fn differences_are_reported_exactly_if_a_merge_changes_the_object() {
    try_cases("Observed objects", 7, all_inputs().saturating_mul(10), subset::cases(), subset::agrees_with_merge);
}
