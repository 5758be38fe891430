//! Deployment circuit breaker: the number of failed tasks after which a deployment has failed.
//!
//! Source: "How the Amazon ECS deployment circuit breaker detects failures" in the ECS developer guide.

use crate::ecs::service::{CircuitBreakerThresholdType, DeploymentConfiguration};

/// Default threshold in percent of the desired count.
const DEFAULT_PERCENT: i64 = 50;
/// Minimum and maximum of a threshold of the type `BOUNDED_PERCENT`.
const BOUNDS: (i64, i64) = (3, 200);

/// Enabled circuit breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CircuitBreaker {
    /// Number of failed tasks at which the deployment has failed.
    pub threshold: i64,
    /// True if the last completed deployment is restored.
    pub rollback: bool,
    /// True if a task that becomes healthy resets the count.
    pub reset_on_healthy_task: bool,
}

impl CircuitBreaker {
    /// Returns the circuit breaker of a service with this desired count; `None` if it is not enabled.
    ///
    /// ```
    /// use ecs_operator::ecs::deployment::CircuitBreaker;
    /// use ecs_operator::ecs::service::{DeploymentCircuitBreaker, DeploymentConfiguration};
    /// let enabled = DeploymentCircuitBreaker { enable: true, ..Default::default() };
    /// let configuration = DeploymentConfiguration { deployment_circuit_breaker: Some(enabled), ..Default::default() };
    /// let thresholds =
    ///     [1, 10, 25, 400].map(|desired| CircuitBreaker::from_configuration(&configuration, desired).unwrap().threshold);
    /// assert_eq!(thresholds, [3, 5, 13, 200]);
    /// ```
    #[must_use]
    pub fn from_configuration(configuration: &DeploymentConfiguration, desired: i32) -> Option<Self> {
        let breaker = configuration.deployment_circuit_breaker.as_ref().filter(|breaker| breaker.enable)?;
        let threshold = breaker.threshold_configuration.as_ref();
        let value = threshold.map_or(DEFAULT_PERCENT, |threshold| i64::from(threshold.value.max(0)));
        let hundredths = i64::from(desired.max(0)) * value;
        let percent = hundredths / 100 + i64::from(hundredths % 100 > 0);
        let threshold = match threshold.map(|threshold| threshold.r#type).unwrap_or_default() {
            CircuitBreakerThresholdType::Count => value,
            CircuitBreakerThresholdType::BoundedPercent => percent.clamp(BOUNDS.0, BOUNDS.1),
            CircuitBreakerThresholdType::UnboundedPercent => percent,
        };
        Some(Self {
            // A deployment cannot fail before one of its tasks has failed.
            threshold: threshold.max(1),
            rollback: breaker.rollback,
            reset_on_healthy_task: breaker.reset_on_healthy_task.unwrap_or(true),
        })
    }
}

/// Number of consecutive failed tasks of a deployment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failures(pub i64);

impl Failures {
    /// Returns the count after `failed` more tasks have failed, possibly after a task became healthy.
    ///
    /// The count is also required without a circuit breaker, because the delay of restarts depends on it.
    #[must_use]
    pub fn after(self, failed: i64, became_healthy: bool, breaker: Option<&CircuitBreaker>) -> Self {
        let resets = became_healthy && breaker.is_none_or(|breaker| breaker.reset_on_healthy_task);
        Self(if resets { failed } else { self.0 + failed })
    }

    /// True if the failures reach the threshold.
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
        CircuitBreaker::from_configuration(&configuration, desired)
    }

    #[test]
    fn thresholds_are_those_of_the_guide() {
        use CircuitBreakerThresholdType::{BoundedPercent, Count, UnboundedPercent};
        let threshold = |configured, desired| breaker(configured, desired).map(|breaker| breaker.threshold);
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
    fn a_disabled_circuit_breaker_is_ignored() {
        let off = DeploymentCircuitBreaker { rollback: true, ..DeploymentCircuitBreaker::default() };
        let configuration =
            DeploymentConfiguration { deployment_circuit_breaker: Some(off), ..DeploymentConfiguration::default() };
        assert_eq!(CircuitBreaker::from_configuration(&configuration, 10), None);
        assert_eq!(CircuitBreaker::from_configuration(&DeploymentConfiguration::default(), 10), None);
    }

    #[test]
    fn a_healthy_task_resets_the_count_by_default() {
        let mut breaker = breaker(None, 1).unwrap();
        let two = Failures::default().after(2, false, Some(&breaker));
        assert!(!two.trip(&breaker) && two.after(1, false, Some(&breaker)).trip(&breaker));
        assert_eq!(two.after(1, true, Some(&breaker)), Failures(1));
        breaker.reset_on_healthy_task = false;
        assert_eq!(two.after(1, true, Some(&breaker)), Failures(3));
        assert_eq!(two.after(0, true, None), Failures(0));
    }
}
