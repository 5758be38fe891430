//! Word to the person who waits.

use std::fmt::Display;
use std::io::Write as _;

/// Says one line about an operation that takes long, such as building a program.
///
/// It goes straight to standard error, past the test harness's capture: a test
/// that builds Kubernetes for ten minutes must not look as if it hung.
pub(crate) fn say(message: impl Display) {
    // Nobody to tell is no reason to stop.
    let _ = writeln!(std::io::stderr().lock(), "devcluster: {message}");
}
