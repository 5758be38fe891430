//! Conversions of times and counts that saturate instead of failing.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;

/// Returns the time from one moment to another; zero when `since` is later.
pub(super) fn age(since: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(since)).unwrap_or_default()
}

/// Returns the time left until a moment, unless it has passed.
pub(super) fn time_until(moment: Timestamp, now: Timestamp) -> Option<Duration> {
    Duration::try_from(moment.duration_since(now)).ok()
}

/// Converts a count into the integers of Kubernetes statuses.
pub(super) fn saturating_i32(count: impl TryInto<i32>) -> i32 {
    count.try_into().unwrap_or(i32::MAX)
}

/// Converts a count into the integers of calculations.
pub(super) fn saturating_i64(count: impl TryInto<i64>) -> i64 {
    count.try_into().unwrap_or(i64::MAX)
}
