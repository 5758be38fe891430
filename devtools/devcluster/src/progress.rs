//! Progress messages.

use std::fmt::Display;
use std::io::Write as _;

/// Prints a line about a long operation, such as building a program.
///
/// It writes directly to standard error, because the test harness would capture
/// `eprintln!`, and building Kubernetes takes ten minutes.
pub(crate) fn say(message: impl Display) {
    // A closed standard error is not an error.
    let _ = writeln!(std::io::stderr().lock(), "devcluster: {message}");
}
