//! Target tracking of Application Auto Scaling for ECS services: two alarms on means of one minute, and cooldowns.

use crate::{Fleet, Scaler};

const HIGH_POINTS: usize = 3;
const LOW_POINTS: usize = 15;
const COOLDOWN_SECONDS: i64 = 300;

pub struct Reference {
    target: f64,
    minute: Vec<f64>,
    points: Vec<Option<f64>>,
    /// Time of the last scale-out, and the count before it.
    out: Option<(i64, i32)>,
    in_at: Option<i64>,
}

impl Reference {
    pub fn new(target: f64) -> Self {
        Self { target, minute: Vec::new(), points: Vec::new(), out: None, in_at: None }
    }

    /// True if the last `count` points exist and satisfy the predicate.
    fn last_points(&self, count: usize, holds: impl Fn(f64) -> bool) -> bool {
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
        let scaled = |count: i32| ((f64::from(count) * metric / self.target).ceil() as i32).clamp(2, 40);
        let cooling = |at: Option<i64>| at.is_some_and(|at| now - at < COOLDOWN_SECONDS);
        // During a cooldown, added tasks count as a part of the next scale-out, so only a larger one applies.
        let base = self.out.filter(|(at, _)| cooling(Some(*at))).map_or(fleet.running(), |(_, before)| before);
        if self.last_points(HIGH_POINTS, |point| point > self.target) && scaled(base) > fleet.desired {
            self.out = Some((now, fleet.desired));
            self.in_at = None;
            return scaled(base);
        }
        let lower = scaled(fleet.running());
        let is_low = self.last_points(LOW_POINTS, |point| point < 0.9 * self.target);
        if is_low && lower < fleet.desired && !cooling(self.in_at) && !cooling(self.out.map(|(at, _)| at)) {
            self.in_at = Some(now);
            return lower;
        }
        fleet.desired
    }
}
