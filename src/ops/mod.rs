//! Verbs on a running stack: no plan, no diff.

pub mod logs;
pub mod time;
