//! The deployment circuit breaker: how many tasks may fail before a deployment has.
//!
//! Source: "How the Amazon ECS deployment circuit breaker detects failures" in the ECS developer guide.

use crate::ecs::service::{CircuitBreakerThresholdType, DeploymentConfiguration};

/// Percent of the desired count, where nothing says how many failures are too many.
const DEFAULT_PERCENT: i64 = 50;
/// Bounds of a threshold that is given in percent, unless it is to have none.
const BOUNDS: (i64, i64) = (3, 200);

/// A circuit breaker that is switched on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CircuitBreaker {
    /// The number of failed tasks at which the deployment has failed.
    pub threshold: i64,
    /// True if the last completed deployment is restored.
    pub rollback: bool,
    /// True if a task that becomes healthy sets the count back to zero.
    pub reset_on_healthy_task: bool,
}

impl CircuitBreaker {
    /// The circuit breaker of a service with this desired count; none when it is not enabled.
    ///
    /// ```
    /// use ecs_operator::ecs::deployment::CircuitBreaker;
    /// use ecs_operator::ecs::service::{DeploymentCircuitBreaker, DeploymentConfiguration};
    /// let enabled = DeploymentCircuitBreaker { enable: true, ..Default::default() };
    /// let configuration = DeploymentConfiguration { deployment_circuit_breaker: Some(enabled), ..Default::default() };
    /// let thresholds = [1, 10, 25, 400].map(|desired| CircuitBreaker::of(&configuration, desired).unwrap().threshold);
    /// assert_eq!(thresholds, [3, 5, 13, 200]);
    /// ```
    #[must_use]
    pub fn of(configuration: &DeploymentConfiguration, desired: i32) -> Option<Self> {
        let given = configuration.deployment_circuit_breaker.as_ref().filter(|breaker| breaker.enable)?;
        let threshold = given.threshold_configuration.as_ref();
        let value = threshold.map_or(DEFAULT_PERCENT, |threshold| i64::from(threshold.value.max(0)));
        let percent = || {
            let hundredths = i64::from(desired.max(0)) * value;
            hundredths / 100 + i64::from(hundredths % 100 > 0)
        };
        let threshold = match threshold.map(|threshold| threshold.r#type).unwrap_or_default() {
            CircuitBreakerThresholdType::Count => value,
            CircuitBreakerThresholdType::BoundedPercent => percent().clamp(BOUNDS.0, BOUNDS.1),
            CircuitBreakerThresholdType::UnboundedPercent => percent(),
        };
        Some(Self {
            // No deployment has failed before one of its tasks has.
            threshold: threshold.max(1),
            rollback: given.rollback,
            reset_on_healthy_task: given.reset_on_healthy_task.unwrap_or(true),
        })
    }
}

/// Tasks of a deployment that have failed in a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failures(pub i64);

impl Failures {
    /// The count after `failed` more tasks have failed, and perhaps a task became healthy before.
    ///
    /// It is counted without a breaker too, as it decides how soon a task is tried again.
    #[must_use]
    pub fn after(self, failed: i64, became_healthy: bool, breaker: Option<&CircuitBreaker>) -> Self {
        let resets = became_healthy && breaker.is_none_or(|breaker| breaker.reset_on_healthy_task);
        Self(if resets { failed } else { self.0 + failed })
    }

    /// True if there are too many.
    #[must_use]
    pub fn trip(self, breaker: &CircuitBreaker) -> bool {
        self.0 >= breaker.threshold
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ecs::service::{CircuitBreakerThresholdConfiguration, DeploymentCircuitBreaker};

    fn breaker(threshold: Option<(CircuitBreakerThresholdType, i32)>, desired: i32) -> Option<CircuitBreaker> {
        let threshold_configuration =
            threshold.map(|(r#type, value)| CircuitBreakerThresholdConfiguration { r#type, value });
        let breaker = DeploymentCircuitBreaker { enable: true, threshold_configuration, ..Default::default() };
        let configuration =
            DeploymentConfiguration { deployment_circuit_breaker: Some(breaker), ..DeploymentConfiguration::default() };
        CircuitBreaker::of(&configuration, desired)
    }

    #[test]
    fn thresholds_are_those_of_the_guide() {
        use CircuitBreakerThresholdType::{BoundedPercent, Count, UnboundedPercent};
        let threshold = |given, desired| breaker(given, desired).map(|breaker| breaker.threshold);
        for (desired, expected) in [(0, 3), (1, 3), (6, 3), (7, 4), (10, 5), (25, 13), (400, 200), (800, 200)] {
            assert_eq!(threshold(None, desired), Some(expected), "{desired}");
            assert_eq!(threshold(Some((BoundedPercent, 50)), desired), Some(expected), "{desired}");
        }
        assert_eq!(threshold(Some((UnboundedPercent, 50)), 800), Some(400));
        assert_eq!(threshold(Some((UnboundedPercent, 10)), 1), Some(1));
        assert_eq!(threshold(Some((Count, 7)), 1000), Some(7));
        assert_eq!(threshold(Some((Count, 0)), 1000), Some(1));
    }

    #[test]
    fn one_that_is_not_enabled_is_none() {
        let off = DeploymentCircuitBreaker { rollback: true, ..DeploymentCircuitBreaker::default() };
        let configuration =
            DeploymentConfiguration { deployment_circuit_breaker: Some(off), ..DeploymentConfiguration::default() };
        assert_eq!(CircuitBreaker::of(&configuration, 10), None);
        assert_eq!(CircuitBreaker::of(&DeploymentConfiguration::default(), 10), None);
    }

    #[test]
    fn a_healthy_task_sets_the_count_back_unless_it_is_not_to() {
        let mut breaker = breaker(None, 1).unwrap();
        let two = Failures::default().after(2, false, Some(&breaker));
        assert!(!two.trip(&breaker) && two.after(1, false, Some(&breaker)).trip(&breaker));
        assert_eq!(two.after(1, true, Some(&breaker)), Failures(1));
        breaker.reset_on_healthy_task = false;
        assert_eq!(two.after(1, true, Some(&breaker)), Failures(3));
        assert_eq!(two.after(0, true, None), Failures(0));
    }
}
