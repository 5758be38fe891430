//! Connects watches, queues, controllers and workers, and executes decisions.

pub(crate) mod controllers;
pub(crate) mod execute;
pub(crate) mod fan_out;
pub(crate) mod operator;
pub(crate) mod watches;
