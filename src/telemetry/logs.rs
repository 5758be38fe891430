//! Logs on standard error, as text or JSON.

use tracing_subscriber::filter::ParseError;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{EnvFilter, Layer, fmt};

/// Directives for libraries that log what the operator reports itself in more detail: the client logs every failed
/// request, and the runtime adds a span to every reconcile. A filter that contains the name of the library overrides
/// its directive.
const LIBRARY_DIRECTIVES: [(&str, &str); 2] =
    [("kube_client", "kube_client::client::builder=off"), ("kube_runtime", "kube_runtime=warn")];

/// Format of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// One readable line for each record.
    #[default]
    Text,
    /// One JSON object for each record.
    Json,
}

/// Reason why logging was not set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter has a syntax error.
    #[error("the log filter {filter:?} is not valid ({cause}); write a level such as `info`, or `info,kube=debug`")]
    Filter {
        /// The filter.
        filter: String,
        /// The error of the parser.
        cause: ParseError,
    },
    /// The process already has a logger.
    #[error("logging is already set up in this process")]
    AlreadySet(#[source] TryInitError),
}

/// Sends the log to standard error. `filter` has the syntax of `tracing`: `info`, `warn,ecs_operator=debug`.
///
/// # Errors
/// When the filter is not valid, or the process already has a logger.
pub fn init(format: Format, filter: &str) -> Result<(), LogError> {
    parse(filter)?;
    let filter = parse(&with_library_directives(filter))?;
    let lines = fmt::layer().with_writer(std::io::stderr);
    let lines = match format {
        Format::Text => lines.with_ansi(use_color()).boxed(),
        Format::Json => lines.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry().with(filter).with(lines).try_init().map_err(LogError::AlreadySet)
}

fn parse(filter: &str) -> Result<EnvFilter, LogError> {
    EnvFilter::try_new(filter).map_err(|cause| LogError::Filter { filter: filter.to_owned(), cause })
}

fn with_library_directives(filter: &str) -> String {
    let directives = LIBRARY_DIRECTIVES.iter().filter(|(library, _)| !filter.contains(library));
    directives.fold(filter.to_owned(), |filter, (_, directive)| format!("{filter},{directive}"))
}

fn use_color() -> bool {
    use std::io::IsTerminal;
    std::env::var_os("NO_COLOR").is_none() && std::io::stderr().is_terminal()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_filter_is_explained() {
        let error = parse("info,=[").expect_err("not a filter");
        assert!(error.to_string().contains("write a level such as `info`"), "{error}");
    }

    #[test]
    fn a_filter_overrides_the_directive_of_a_library_that_it_names() {
        let filter = with_library_directives("info,kube_runtime=debug");
        assert_eq!(filter, "info,kube_runtime=debug,kube_client::client::builder=off");
    }
}
