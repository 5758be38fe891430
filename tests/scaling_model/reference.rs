//! Target tracking as Application Auto Scaling has it for ECS services: two alarms over means of a minute, and cooldowns.

use crate::{Fleet, Scaler};

const HIGH_POINTS: usize = 3;
const LOW_POINTS: usize = 15;
const COOLDOWN_SECONDS: i64 = 300;

pub struct Reference {
    target: f64,
    minute: Vec<f64>,
    points: Vec<Option<f64>>,
    /// When tasks were added, and how many there were before.
    out: Option<(i64, i32)>,
    in_at: Option<i64>,
}

impl Reference {
    pub fn new(target: f64) -> Self {
        Self { target, minute: Vec::new(), points: Vec::new(), out: None, in_at: None }
    }

    /// Whether the last so many points are there and all hold.
    fn all(&self, count: usize, holds: impl Fn(f64) -> bool) -> bool {
        let last = self.points.iter().rev().take(count);
        self.points.len() >= count && last.flatten().filter(|point| holds(**point)).count() == count
    }
}

impl Scaler for Reference {
    fn decide(&mut self, now: i64, measured: Option<f64>, fleet: &Fleet) -> i32 {
        self.minute.extend(measured);
        if now % 60 != 0 {
            return fleet.desired;
        }
        let mean = (!self.minute.is_empty()).then(|| self.minute.iter().sum::<f64>() / self.minute.len() as f64);
        self.minute.clear();
        self.points.push(mean);
        let Some(metric) = mean else { return fleet.desired };
        let of = |count: i32| ((f64::from(count) * metric / self.target).ceil() as i32).clamp(2, 40);
        let cooling = |at: Option<i64>| at.is_some_and(|at| now - at < COOLDOWN_SECONDS);
        // While a cooldown lasts, what was added counts as part of what is to be added: only a larger one passes.
        let base = self.out.filter(|(at, _)| cooling(Some(*at))).map_or(fleet.running(), |(_, before)| before);
        if self.all(HIGH_POINTS, |point| point > self.target) && of(base) > fleet.desired {
            self.out = Some((now, fleet.desired));
            self.in_at = None;
            return of(base);
        }
        let wanted = of(fleet.running());
        let is_low = self.all(LOW_POINTS, |point| point < 0.9 * self.target);
        if is_low && wanted < fleet.desired && !cooling(self.in_at) && !cooling(self.out.map(|(at, _)| at)) {
            self.in_at = Some(now);
            return wanted;
        }
        fleet.desired
    }
}
