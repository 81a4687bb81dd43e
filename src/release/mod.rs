//! A release after its apply: watching rollouts to their verdict, the cause of a failure, history, rollback.
//! Verbs on a running stack: no plan, no diff.

pub mod diagnose;
pub mod evidence;
