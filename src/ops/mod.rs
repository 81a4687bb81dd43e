//! Verbs on a running stack: no plan, no diff.

pub mod deployed;
pub mod exit;
pub mod logs;
pub mod run_report;
pub mod run_task;
pub mod run_watch;
pub mod time;
