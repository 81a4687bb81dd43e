//! A release after its apply: watching rollouts to their verdict, the cause of a failure, history, rollback.

mod calls;
mod closing;
pub mod diagnose;
pub mod evidence;
mod find;
pub mod history;
mod hopeless;
mod pace;
mod proof;
pub mod prune;
pub mod revisions;
pub mod rollback;
mod together;
mod verdict;
mod watch;
mod watched;

pub use calls::{READS, WRITES};
pub use find::{Search, named, newest};
pub use watch::{OnEnd, Patience, Target, watch};
