//! Schedule and results of health checks, by the rules of Docker. Pure.

use std::time::{Duration, Instant};

use crate::plan::Health;

/// Between checks within the start period, until one has succeeded: what Docker (25 and newer) has for `start-interval`,
/// which ECS has no setting for.
const START_INTERVAL: Duration = Duration::from_secs(5);

/// Result of the checks so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// Not enough checks yet.
    Unknown,
    /// The last check succeeded.
    Healthy,
    /// As many checks in a row failed as are allowed.
    Unhealthy,
}

/// The health of one run of a container.
#[derive(Clone, Debug)]
pub struct Checks<'a> {
    settings: &'a Health,
    started: Instant,
    next: Instant,
    failures: u32,
    judgement: Judgement,
    /// True if a check has succeeded since the start: from then on failures count.
    succeeded: bool,
    unhealthy_since: Option<Instant>,
}

impl<'a> Checks<'a> {
    /// The checks of a container that starts now.
    #[must_use]
    pub fn new(settings: &'a Health, now: Instant) -> Self {
        let mut checks = Self {
            settings,
            started: now,
            next: now,
            failures: 0,
            judgement: Judgement::Unknown,
            succeeded: false,
            unhealthy_since: None,
        };
        checks.next = now + checks.interval(now);
        checks
    }

    /// True if the container may still be starting, so that failures do not count.
    fn is_starting(&self, at: Instant) -> bool {
        !self.succeeded && at < self.started + Duration::from_secs(self.settings.start_period)
    }

    fn interval(&self, now: Instant) -> Duration {
        let interval = Duration::from_secs(self.settings.interval);
        if self.is_starting(now) { interval.min(START_INTERVAL) } else { interval }
    }

    /// Returns the time of the next check.
    #[must_use]
    pub fn due(&self) -> Instant {
        self.next
    }

    /// The program and its arguments.
    #[must_use]
    pub fn command(&self) -> &'a [String] {
        &self.settings.command
    }

    /// Returns the timeout of a check.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(self.settings.timeout)
    }

    /// Takes the result of a check that began at `began` and ended now.
    ///
    /// Failures count once the start period is over or a check has succeeded.
    pub fn result(&mut self, success: bool, began: Instant, now: Instant) -> Judgement {
        let lenient = self.is_starting(began);
        if success {
            self.succeeded = true;
            self.failures = 0;
            self.judgement = Judgement::Healthy;
            self.unhealthy_since = None;
        } else if !lenient {
            self.failures += 1;
            if self.failures >= self.settings.retries {
                self.judgement = Judgement::Unhealthy;
                self.unhealthy_since.get_or_insert(now);
            }
        }
        self.next = now + self.interval(now);
        self.judgement
    }

    /// True if the container is unhealthy and has been for too long. One that never was healthy is given no time.
    #[must_use]
    pub fn are_hopeless(&self, now: Instant) -> bool {
        let patience = if self.succeeded { Duration::from_secs(self.settings.patience) } else { Duration::ZERO };
        self.unhealthy_since.is_some_and(|since| now >= since + patience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Health {
        Health { command: vec!["true".into()], interval: 10, timeout: 5, retries: 2, start_period: 60, patience: 30 }
    }

    #[test]
    fn failures_in_a_row_make_it_unhealthy_and_a_success_healthy_again() {
        let (settings, start) = (Health { start_period: 0, ..settings() }, Instant::now());
        let mut checks = Checks::new(&settings, start);
        assert_eq!(checks.due(), start + Duration::from_secs(10));
        assert_eq!(checks.result(false, start, start), Judgement::Unknown);
        assert_eq!(checks.result(true, start, start), Judgement::Healthy);
        assert_eq!(checks.result(false, start, start), Judgement::Healthy);
        assert_eq!(checks.result(false, start, start), Judgement::Unhealthy);
        assert_eq!(checks.result(true, start, start), Judgement::Healthy);
    }

    #[test]
    fn one_that_was_healthy_has_time_to_be_replaced() {
        let (settings, start) = (Health { start_period: 0, retries: 1, ..settings() }, Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut checks = Checks::new(&settings, start);
        checks.result(false, at(10), at(10));
        assert!(checks.are_hopeless(at(10)), "it never was healthy");
        checks.result(true, at(20), at(20));
        assert!(!checks.are_hopeless(at(20)));
        checks.result(false, at(30), at(30));
        checks.result(false, at(40), at(40));
        assert!(!checks.are_hopeless(at(59)) && checks.are_hopeless(at(60)));
    }

    #[test]
    fn failures_of_the_start_period_do_not_count_until_a_success() {
        let (settings, start) = (settings(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut checks = Checks::new(&settings, start);
        assert_eq!(checks.due(), at(5));
        for second in [10, 20, 30, 40, 50] {
            assert_eq!(checks.result(false, at(second), at(second)), Judgement::Unknown);
            assert_eq!(checks.due(), at(second + 5));
        }
        let mut recovered = checks.clone();
        assert_eq!(recovered.result(true, at(51), at(51)), Judgement::Healthy);
        assert_eq!(recovered.due(), at(61));
        recovered.result(false, at(52), at(52));
        assert_eq!(recovered.result(false, at(53), at(53)), Judgement::Unhealthy);
        checks.result(false, at(60), at(60));
        assert_eq!(checks.result(false, at(70), at(70)), Judgement::Unhealthy);
        assert_eq!(checks.due(), at(80));
    }
}
