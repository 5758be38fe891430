//! Kubernetes' own rules as pure functions and tables: names, quantities, kinds, untyped objects, comparison.
//!
//! This module depends on nothing of ECS, performs no I/O and holds no client.
//!
//! - [`names`]: which names, label keys and label values the API server accepts, and how to derive one from any text.
//! - [`fingerprint`]: stable hashes of texts.
//! - [`quantity`]: quantities compared by value.
//! - [`kinds`]: the kinds of the custom resources and of the objects the operator creates for them.
//! - [`object`]: an object of any kind as JSON.
//! - [`diff`]: the first difference between a desired and an observed object.

pub mod diff;
pub mod fingerprint;
pub mod kinds;
pub mod names;
pub mod object;
pub mod quantity;

pub use object::UntypedObject;
