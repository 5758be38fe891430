//! The commands of `ecs-operator`, run as a user runs them.

mod convert;
mod place;
mod query;
