//! Properties of the converter that hold of every input: plausible, mistaken or damaged; of the query language; of placement;
//! and of the division of tasks among capacity providers.
//!
//! `CASES` says how many inputs are tried, and `SEED` which ones: the same number always gives the same inputs. Few are
//! tried in each run of the tests; `make campaign` tries very many.

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

/// Inputs of a run that says nothing else.
const FEW: u32 = 150;
/// From so many inputs on the run tells how far it is.
const MANY: u32 = 5000;
/// Clusters of each run: they cost little.
const CLUSTERS: u32 = 10_000;

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is {text:?} and not a number")))
}

fn all_inputs() -> u32 {
    number("CASES").map_or(FEW, |cases| u32::try_from(cases).expect("a number of inputs"))
}

/// What tries inputs, those of each sort others, and the seed they come of.
fn runner(cases: u32, sort: u8) -> (TestRunner, u64) {
    let seed = number("SEED").unwrap_or(1);
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 50_000, ..Config::default() };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8] = sort;
    (TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes)), seed)
}

/// Tries expressions: ten for each input of the converter, as they cost so much less.
fn try_queries<T: std::fmt::Debug>(
    what: &str,
    sort: u8,
    queries: impl Strategy<Value = T>,
    check: impl Fn(&T) -> Result<(), String>,
) {
    try_cases(what, sort, all_inputs().saturating_mul(10), queries, check);
}

/// Tries so many values.
fn try_cases<T: std::fmt::Debug>(
    what: &str,
    sort: u8,
    cases: u32,
    values: impl Strategy<Value = T>,
    check: impl Fn(&T) -> Result<(), String>,
) {
    let (mut runner, seed) = runner(cases, sort);
    match runner.run(&values, |value| check(&value).map_err(TestCaseError::fail)) {
        Ok(()) => eprintln!("{what}, seed {seed}: all properties hold of {cases}"),
        Err(TestError::Fail(reason, value)) => panic!("seed {seed}: {reason}\n\n{value:?}"),
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
}

/// Tries a share, in percent, of all inputs.
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
        Ok(()) => eprintln!("{sort:?}, seed {seed}: all properties hold of {tally}; {} s", start.elapsed().as_secs()),
        Err(TestError::Fail(reason, input)) => panic!("seed {seed}: {reason}\n\nThe smallest input found:\n{input:?}"),
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
    tally
}

#[test]
fn of_plausible_definitions() {
    let tally = try_inputs(Inputs::Plausible, 40);
    assert!(tally.share_converted() >= 50, "too few definitions pass validation to try the translation: {tally}");
}

#[test]
fn of_definitions_with_mistakes() {
    try_inputs(Inputs::Mistaken, 40);
}

#[test]
fn of_damaged_texts() {
    try_inputs(Inputs::Damaged, 20);
}

#[test]
fn of_expressions() {
    try_queries("Expressions", 3, queries::questions(), queries::means_what_it_says);
}

#[test]
fn of_texts_that_are_taken_for_expressions() {
    try_queries("Texts", 4, queries::texts(), |text| queries::is_read_or_refused(text));
}

#[test]
fn of_cron_expressions() {
    let cases = all_inputs().saturating_mul(10);
    try_cases("Schedules", 9, cases, schedules::cases(), schedules::agrees_with_croner);
}

#[test]
fn of_clusters_that_tasks_are_placed_on() {
    let cases = all_inputs().max(CLUSTERS);
    try_cases("Clusters", 5, cases, placement::cases(), placement::agrees);
}

#[test]
fn of_capacity_provider_strategies() {
    // Each is tried with every count to 1000.
    try_cases("Strategies", 6, all_inputs().div_ceil(3), capacity::strategies(), |items| {
        capacity::is_divided_by_the_rule(items)
    });
}

#[test]
fn of_observed_objects() {
    try_cases("Observed objects", 7, all_inputs().saturating_mul(10), subset::cases(), subset::is_judged_as_by_a_merge);
}
