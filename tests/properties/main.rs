//! Properties of the converter that hold of every input: plausible, mistaken or damaged.
//!
//! `CASES` says how many inputs are tried, and `SEED` which ones: the same number always gives the same inputs. Few are
//! tried in each run of the tests; `make campaign` tries very many.

mod check;
mod generate;
mod input;
mod mutate;
mod objects;
mod plausible;
mod schema;
mod shrink;
mod tally;
mod targets;
mod walk;

use std::time::Instant;

use generate::Inputs;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use tally::Tally;

/// Inputs of a run that says nothing else.
const FEW: u32 = 150;
/// From so many inputs on the run tells how far it is.
const MANY: u32 = 5000;

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is {text:?} and not a number")))
}

/// Tries a share, in percent, of all inputs.
fn try_inputs(sort: Inputs, share: u32) -> Tally {
    let all = number("CASES").map_or(FEW, |cases| u32::try_from(cases).expect("a number of inputs"));
    let cases = (u64::from(all) * u64::from(share)).div_ceil(100);
    let cases = u32::try_from(cases).expect("a share is at most all");
    let seed = number("SEED").unwrap_or(1);
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 50_000, ..Config::default() };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    // Each sort has inputs of its own.
    bytes[8] = sort as u8;
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
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
