//! Logs, metrics and the health server.

pub mod logs;
pub mod metrics;
pub mod server;
