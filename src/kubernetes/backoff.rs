//! Exponential delays with jitter.

use std::time::Duration;

/// A growing delay between attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Delay before the first retry.
    pub first: Duration,
    /// Maximum delay, including jitter.
    pub ceiling: Duration,
}

impl Backoff {
    /// Returns the delay after a number of consecutive failures, counted from one: doubled each time. Its upper half
    /// is random, so that objects that fail at the same time are not retried at the same time.
    #[must_use]
    pub fn delay(self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        let full = self.first.saturating_mul(1 << doublings).min(self.ceiling);
        full.mul_f64(0.5 + fastrand::f64() / 2.0)
    }
}

/// Returns a random duration between the two.
#[must_use]
pub fn random_between(shortest: Duration, longest: Duration) -> Duration {
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
