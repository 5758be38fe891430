//! Logs on standard error, as text for people or JSON for machines.

use tracing_subscriber::filter::ParseError;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, reload};

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// One readable line for each record.
    #[default]
    Text,
    /// One JSON object for each record.
    Json,
}

/// Why logging could not be set up or changed.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter is not one.
    #[error(
        "the log filter {filter:?} is not understood ({cause}); write a level such as `info`, or `info,kube=debug`"
    )]
    Filter {
        /// As given.
        filter: String,
        /// What the parser says.
        cause: ParseError,
    },
    /// The process already has a logger.
    #[error("logging is already set up in this process")]
    AlreadySet(#[source] TryInitError),
    /// The logger is gone.
    #[error("the log filter can no longer be changed")]
    Closed(#[source] reload::Error),
}

/// Changes the log filter while the process runs.
#[derive(Clone, Debug)]
pub struct LogControl(reload::Handle<EnvFilter, Registry>);

impl LogControl {
    /// Replaces the filter, in the syntax of [`init`].
    ///
    /// # Errors
    /// When the filter is not understood.
    pub fn set_filter(&self, filter: &str) -> Result<(), LogError> {
        self.0.reload(parse(filter)?).map_err(LogError::Closed)
    }
}

/// Sends the log to standard error. `filter` has `tracing`'s syntax: `info`, `warn,ecs_operator=debug`.
///
/// # Errors
/// When the filter is not understood, or the process has a logger already.
pub fn init(format: Format, filter: &str) -> Result<LogControl, LogError> {
    let (filter, handle) = reload::Layer::new(parse(filter)?);
    let lines = fmt::layer().with_writer(std::io::stderr);
    let lines = match format {
        Format::Text => lines.with_ansi(use_colour()).boxed(),
        Format::Json => lines.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry().with(filter).with(lines).try_init().map_err(LogError::AlreadySet)?;
    Ok(LogControl(handle))
}

fn parse(filter: &str) -> Result<EnvFilter, LogError> {
    EnvFilter::try_new(filter).map_err(|cause| LogError::Filter { filter: filter.to_owned(), cause })
}

fn use_colour() -> bool {
    use std::io::IsTerminal;
    std::env::var_os("NO_COLOR").is_none() && std::io::stderr().is_terminal()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_filter_is_explained() {
        let error = parse("info,=[").expect_err("not a filter");
        assert!(error.to_string().contains("write a level such as `info`"), "{error}");
    }
}
