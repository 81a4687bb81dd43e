//! A release after its apply: watching rollouts to their verdict, the cause of a failure, history, rollback.

pub mod diagnose;
pub mod evidence;
mod watch;

pub use watch::{OnEnd, Patience, Target, newest, watch};
