//! The task agent: which tasks it runs, its plan, and the task metadata it serves.

pub mod eligibility;
pub mod metadata;
