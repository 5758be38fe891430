//! Exponential delays with jitter.

use std::time::Duration;

/// A growing delay between tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Before the first new try.
    pub first: Duration,
    /// Never more than this, jitter included.
    pub ceiling: Duration,
}

impl Backoff {
    /// The delay after so many failures in a row, counted from one: doubled each time, with its upper half
    /// left to chance, so that many failing at once do not come back at once.
    #[must_use]
    pub fn delay(self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        let full = self.first.saturating_mul(1 << doublings).min(self.ceiling);
        full.mul_f64(0.5 + fastrand::f64() / 2.0)
    }
}

/// A time between the two, by chance.
#[must_use]
pub fn between(shortest: Duration, longest: Duration) -> Duration {
    shortest + longest.saturating_sub(shortest).mul_f64(fastrand::f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_ceiling() {
        let backoff = Backoff { first: Duration::from_secs(1), ceiling: Duration::from_mins(5) };
        let table = [(1, 1), (2, 2), (3, 4), (9, 256), (10, 300), (1000, 300)];
        for (failures, full) in table {
            let full = Duration::from_secs(full);
            for _ in 0..50 {
                let delay = backoff.delay(failures);
                assert!(delay >= full / 2 && delay <= full, "{failures}: {delay:?}");
            }
        }
    }
}
