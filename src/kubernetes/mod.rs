//! The Kubernetes client, and what is built on it: watch, cache, queue, apply, events, discovery. It does not depend on
//! ECS: kinds are parameters.
//!
//! 1. [`client`] connects; [`discovery`] reports missing APIs and rights.
//! 2. [`watch`] and [`root`] follow one kind each, fill a [`cache`] and emit the changes.
//! 3. For a change, a key is added to a [`queue`]; [`runner`] reconciles the keys of the queue.
//! 4. A reconcile compares objects by [`diff`](crate::k8s::diff), writes by [`apply`], and publishes [`events`].

pub mod apply;
pub mod backoff;
pub mod cache;
pub mod class;
pub mod client;
pub mod discovery;
pub mod error;
pub mod events;
pub mod key;
pub mod queue;
pub mod root;
pub mod runner;
pub mod watch;

#[cfg(test)]
mod testing;
