//! Shared state of the controllers: caches, indexes and flags, without tasks of their own.

pub(crate) mod add_ons;
pub(crate) mod children;
pub(crate) mod context;
pub(crate) mod instances;
pub(crate) mod label_requests;
pub(crate) mod measurements;
pub(crate) mod node_label_trigger;
pub(crate) mod nodes;
pub(crate) mod pods;
pub(crate) mod roots;
pub(crate) mod service_index;
pub(crate) mod status_throttle;
pub(crate) mod target;
