//! The only room with a Kubernetes client: watch, cache, apply, prune, events, discovery.
//!
//! It knows Kubernetes and nothing of ECS: kinds come in as parameters. The way through it:
//!
//! 1. [`client`] connects, [`discovery`] says what the server lacks.
//! 2. [`watch`] and [`root`] follow one kind each, fill a [`cache`] and report what really changed.
//! 3. A report becomes a key on a [`queue`] queue; [`runner`] reconciles the keys it takes from there.
//! 4. A reconcile asks [`diff`](crate::k8s::diff) whether a write is needed, writes through [`apply`], tells people by [`events`].

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
