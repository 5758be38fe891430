//! Delay before the service scheduler replaces a task that did not start.
//!
//! AWS documents a delay of up to 27 minutes, but not its growth. Here it starts at 15 seconds and doubles.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(15);
const LONGEST: Duration = Duration::from_mins(27);

/// Maximum delay with a circuit breaker. With longer delays, a deployment of a large service would fail only after hours.
pub const MAX_DELAY_WITH_BREAKER: Duration = Duration::from_mins(1);

/// Returns the delay after a number of consecutive tasks that did not start.
///
/// ```
/// use ecs_operator::ecs::deployment::launch_delay;
/// let seconds = [0, 1, 2, 3, 7, 8, 1_000].map(|failures| launch_delay(failures).as_secs());
/// assert_eq!(seconds, [0, 15, 30, 60, 960, 1620, 1620]);
/// ```
#[must_use]
pub fn launch_delay(failures: i64) -> Duration {
    let Ok(doublings) = u32::try_from(failures - 1) else { return Duration::ZERO };
    let factor = 1_u32.checked_shl(doublings).filter(|_| doublings < 10).unwrap_or(u32::MAX);
    FIRST.checked_mul(factor).unwrap_or(LONGEST).min(LONGEST)
}
