//! Auto scaling compared with a reference over traces of load. The reference implements the rules of Application Auto Scaling
//! independently of the operator.
//!
//! Target tracking runs the documented algorithm of HorizontalPodAutoscalers with the rendered object. Step scaling runs the code of
//! the operator.

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

/// Tasks of a service, with the start times of new ones.
struct Fleet {
    desired: i32,
    running: i32,
    /// Times at which starting tasks are running.
    starting: Vec<i64>,
}

/// Duration of the start of a task, in seconds.
const START_SECONDS: i64 = 30;

impl Fleet {
    fn new(count: i32) -> Self {
        Self { desired: count, running: count, starting: Vec::new() }
    }

    fn scale(&mut self, now: i64, desired: i32) {
        self.desired = desired;
        while self.running + self.starting() < desired {
            self.starting.push(now + START_SECONDS);
        }
        while self.running + self.starting() > desired && self.starting.pop().is_some() {}
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

    fn starting(&self) -> i32 {
        i32::try_from(self.starting.len()).expect("a few")
    }

    /// Returns usage divided by reservation, in percent.
    fn utilization(&self, load: f64) -> f64 {
        100.0 * load / f64::from(self.running.max(1))
    }
}

/// Result of a trace.
#[derive(Debug, Default)]
struct Outcome {
    /// Mean count.
    mean: f64,
    /// Maximum count.
    most: i32,
    /// Count at the end.
    last: i32,
    /// Number of changes of the count.
    changes: u32,
    /// Seconds in which the load exceeded the reservation.
    overloaded: i64,
}

trait Scaler {
    /// Returns the desired count. Called every 15 seconds, with the utilization if it was measured.
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

/// Compares a result with ECS: no more overloaded time, a mean count within bounds, and the same count at the end.
fn assert_bounds(trace: &Trace, ecs: &Outcome, rendered: &Outcome) {
    assert!(rendered.overloaded <= ecs.overloaded, "{}: {rendered:?}, ECS {ecs:?}", trace.name);
    let ratio = rendered.mean / ecs.mean;
    assert!(
        (0.90..=trace.most_of_mean).contains(&ratio),
        "{}: {ratio:.3} of the mean: {rendered:?}, ECS {ecs:?}",
        trace.name
    );
    assert!((rendered.last - ecs.last).abs() <= 1, "{}: the last counts differ: {rendered:?}, ECS {ecs:?}", trace.name);
}

#[test]
fn target_tracking_decides_as_on_ecs_within_bounds() {
    for (wait, name) in [(0, "at once"), (120, "after 120 s")] {
        println!("\ntarget 60 %, 2 to 40 tasks; scale-out {name}");
        println!(
            "{:<24} {:>14} {:>11} {:>11} {:>11} {:>17}",
            "trace", "mean ECS/HPA", "most", "last", "changes", "overloaded s"
        );
        for trace in traces() {
            let ecs = replay(&trace, &mut Reference::new(60.0));
            let rendered = replay(&trace, &mut Autoscaler::rendered(60, wait));
            println!(
                "{:<24} {:>6.2} {:>7.2} {:>5} {:>5} {:>5} {:>5} {:>5} {:>5} {:>8} {:>8}",
                trace.name,
                ecs.mean,
                rendered.mean,
                ecs.most,
                rendered.most,
                ecs.last,
                rendered.last,
                ecs.changes,
                rendered.changes,
                ecs.overloaded,
                rendered.overloaded
            );
            assert_bounds(&trace, &ecs, &rendered);
        }
    }
}
