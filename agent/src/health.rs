//! Schedule and results of health checks, by the rules of Docker. Pure.

use std::time::{Duration, Instant};

use crate::plan::Health;

/// Interval between checks within the start period, until a check succeeds: the default `start-interval` of Docker 25 and newer.
/// ECS has no setting for it.
const START_INTERVAL: Duration = Duration::from_secs(5);

/// Health of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HealthStatus {
    /// No result yet.
    Unknown,
    /// The last check succeeded.
    Healthy,
    /// `retries` consecutive checks failed.
    Unhealthy,
}

/// Health checks of one run of a container.
#[derive(Clone, Debug)]
pub struct Checks<'a> {
    settings: &'a Health,
    started: Instant,
    next: Instant,
    failures: u32,
    status: HealthStatus,
    /// True if a check has succeeded since the start. Failures count from then on.
    succeeded: bool,
    unhealthy_since: Option<Instant>,
}

impl<'a> Checks<'a> {
    /// Returns the checks of a container that starts now.
    #[must_use]
    pub fn new(settings: &'a Health, now: Instant) -> Self {
        let mut checks = Self {
            settings,
            started: now,
            next: now,
            failures: 0,
            status: HealthStatus::Unknown,
            succeeded: false,
            unhealthy_since: None,
        };
        checks.next = now + checks.interval(now);
        checks
    }

    /// True within the start period before the first success, in which failures do not count.
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

    /// Returns the program and its arguments.
    #[must_use]
    pub fn command(&self) -> &'a [String] {
        &self.settings.command
    }

    /// Returns the timeout of a check.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(self.settings.timeout)
    }

    /// Records the result of a check that began at `start` and ended now.
    ///
    /// Failures count once the start period is over or a check has succeeded.
    pub fn record(&mut self, success: bool, start: Instant, now: Instant) -> HealthStatus {
        if success {
            self.succeeded = true;
            self.failures = 0;
            self.status = HealthStatus::Healthy;
            self.unhealthy_since = None;
        } else if !self.is_starting(start) {
            self.failures += 1;
            if self.failures >= self.settings.retries {
                self.status = HealthStatus::Unhealthy;
                self.unhealthy_since.get_or_insert(now);
            }
        }
        self.next = now + self.interval(now);
        self.status
    }

    /// True if the container has been unhealthy for `patience`, or is unhealthy and never was healthy.
    #[must_use]
    pub fn has_failed(&self, now: Instant) -> bool {
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
    fn consecutive_failures_make_a_container_unhealthy_until_a_success() {
        let (settings, start) = (Health { start_period: 0, ..settings() }, Instant::now());
        let mut checks = Checks::new(&settings, start);
        assert_eq!(checks.due(), start + Duration::from_secs(10));
        assert_eq!(checks.record(false, start, start), HealthStatus::Unknown);
        assert_eq!(checks.record(true, start, start), HealthStatus::Healthy);
        assert_eq!(checks.record(false, start, start), HealthStatus::Healthy);
        assert_eq!(checks.record(false, start, start), HealthStatus::Unhealthy);
        assert_eq!(checks.record(true, start, start), HealthStatus::Healthy);
    }

    #[test]
    fn a_container_that_was_healthy_fails_after_its_patience() {
        let (settings, start) = (Health { start_period: 0, retries: 1, ..settings() }, Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut checks = Checks::new(&settings, start);
        checks.record(false, at(10), at(10));
        assert!(checks.has_failed(at(10)), "a container that never was healthy");
        checks.record(true, at(20), at(20));
        assert!(!checks.has_failed(at(20)));
        checks.record(false, at(30), at(30));
        checks.record(false, at(40), at(40));
        assert!(!checks.has_failed(at(59)) && checks.has_failed(at(60)));
    }

    #[test]
    fn failures_of_the_start_period_do_not_count_until_a_success() {
        let (settings, start) = (settings(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut checks = Checks::new(&settings, start);
        assert_eq!(checks.due(), at(5));
        for second in [10, 20, 30, 40, 50] {
            assert_eq!(checks.record(false, at(second), at(second)), HealthStatus::Unknown);
            assert_eq!(checks.due(), at(second + 5));
        }
        let mut recovered = checks.clone();
        assert_eq!(recovered.record(true, at(51), at(51)), HealthStatus::Healthy);
        assert_eq!(recovered.due(), at(61));
        recovered.record(false, at(52), at(52));
        assert_eq!(recovered.record(false, at(53), at(53)), HealthStatus::Unhealthy);
        checks.record(false, at(60), at(60));
        assert_eq!(checks.record(false, at(70), at(70)), HealthStatus::Unhealthy);
        assert_eq!(checks.due(), at(80));
    }
}
