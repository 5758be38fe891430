//! Auto scaling against a reference: traces of load go through Application Auto Scaling's rules, written here once more and
//! apart from the program, and through what the program decides.
//!
//! Target tracking is decided by a HorizontalPodAutoscaler: its documented algorithm is written here too, and is given the very
//! object that the program renders. Step scaling is decided by the program itself.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "counts of tasks and seconds of a day"
)]

mod autoscaler;
mod reference;
mod steps;
mod trace;

use autoscaler::Autoscaler;
use reference::Reference;
use trace::{Trace, traces};

/// Tasks, and how long new ones take.
struct Fleet {
    desired: i32,
    running: i32,
    /// When those that are starting are running.
    starting: Vec<i64>,
}

/// Seconds that a task takes to start.
const START_SECONDS: i64 = 30;

impl Fleet {
    fn new(count: i32) -> Self {
        Self { desired: count, running: count, starting: Vec::new() }
    }

    fn scale(&mut self, now: i64, desired: i32) {
        self.desired = desired;
        while self.running + self.coming() < desired {
            self.starting.push(now + START_SECONDS);
        }
        while self.running + self.coming() > desired && self.starting.pop().is_some() {}
        self.running = self.running.min(desired);
    }

    fn pass(&mut self, now: i64) {
        let before = self.starting.len();
        self.starting.retain(|at| *at > now);
        self.running += i32::try_from(before - self.starting.len()).expect("a few");
    }

    fn running(&self) -> i32 {
        self.running
    }

    fn coming(&self) -> i32 {
        i32::try_from(self.starting.len()).expect("a few")
    }

    /// Used over reserved, in percent.
    fn utilization(&self, load: f64) -> f64 {
        100.0 * load / f64::from(self.running.max(1))
    }
}

/// What came of a trace.
#[derive(Debug, Default)]
struct Outcome {
    /// The mean count.
    mean: f64,
    /// The greatest count.
    most: i32,
    /// The count at the end.
    last: i32,
    /// Changes of the count.
    changes: u32,
    /// Seconds in which tasks had more to do than they reserve.
    overloaded: i64,
}

trait Scaler {
    /// Told of each 15 seconds: the load of them, if it was measured. Gives the count that is wanted.
    fn decide(&mut self, now: i64, measured: Option<f64>, fleet: &Fleet) -> i32;
}

const STEP_SECONDS: i64 = 15;
const FIRST: i32 = 4;

fn replay(trace: &Trace, scaler: &mut dyn Scaler) -> Outcome {
    let mut fleet = Fleet::new(FIRST);
    let mut outcome = Outcome::default();
    let mut now = 0;
    while now < trace.seconds {
        now += STEP_SECONDS;
        fleet.pass(now);
        let load = (trace.load)(now);
        let measured = (!(trace.missing)(now)).then(|| fleet.utilization(load));
        let desired = scaler.decide(now, measured, &fleet);
        if desired != fleet.desired {
            outcome.changes += 1;
            fleet.scale(now, desired);
        }
        outcome.mean += f64::from(fleet.desired);
        outcome.most = outcome.most.max(fleet.desired);
        outcome.overloaded += if fleet.utilization(load) > 100.0 { STEP_SECONDS } else { 0 };
    }
    outcome.mean /= (trace.seconds / STEP_SECONDS) as f64;
    outcome.last = fleet.desired;
    outcome
}

/// What a trace may cost more or less than on ECS: never more time overloaded, and so much of the mean count.
fn assert_bounds(trace: &Trace, ecs: &Outcome, ours: &Outcome) {
    assert!(ours.overloaded <= ecs.overloaded, "{}: {ours:?}, ECS {ecs:?}", trace.name);
    let ratio = ours.mean / ecs.mean;
    assert!(
        (0.90..=trace.most_of_mean).contains(&ratio),
        "{}: {ratio:.3} of the mean: {ours:?}, ECS {ecs:?}",
        trace.name
    );
    assert!((ours.last - ecs.last).abs() <= 1, "{}: it comes to another count: {ours:?}, ECS {ecs:?}", trace.name);
}

#[test]
fn target_tracking_decides_as_on_ecs_within_bounds() {
    for (wait, name) in [(0, "at once"), (120, "after 120 s")] {
        println!("\ntarget 60 %, 2 to 40 tasks; scale-out {name}");
        println!(
            "{:<24} {:>14} {:>11} {:>11} {:>11} {:>17}",
            "trace", "mean ECS/ours", "most", "last", "changes", "overloaded s"
        );
        for trace in traces() {
            let ecs = replay(&trace, &mut Reference::new(60.0));
            let ours = replay(&trace, &mut Autoscaler::rendered(60, wait));
            println!(
                "{:<24} {:>6.2} {:>7.2} {:>5} {:>5} {:>5} {:>5} {:>5} {:>5} {:>8} {:>8}",
                trace.name,
                ecs.mean,
                ours.mean,
                ecs.most,
                ours.most,
                ecs.last,
                ours.last,
                ecs.changes,
                ours.changes,
                ecs.overloaded,
                ours.overloaded
            );
            assert_bounds(&trace, &ecs, &ours);
        }
    }
}
