//! Delay before the service scheduler replaces a task that did not start.
//!
//! AWS says that the time grows up to 27 minutes; how it grows is not published. Here it doubles from 15 seconds on.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(15);
const LONGEST: Duration = Duration::from_mins(27);

/// The longest delay while a circuit breaker counts failures: with the full ones a large service would need hours to fail.
pub const BREAKER_PATIENCE: Duration = Duration::from_mins(1);

/// The delay after this many tasks in a row did not come up.
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
