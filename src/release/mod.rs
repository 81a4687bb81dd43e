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
mod verdict;
mod watch;
mod watched;

use std::collections::BTreeSet;

pub use find::{Search, named, newest};
pub use watch::{OnEnd, Patience, Target, watch};

/// The IAM actions that watching, diagnosing, going back and cleaning up read with.
pub fn reads() -> BTreeSet<&'static str> {
    let all =
        [calls::READS, evidence::READS, history::READS, prune::READS, revisions::READS, rollback::READS];
    all.concat().into_iter().collect()
}

/// The IAM actions that they change something with.
pub fn writes() -> BTreeSet<&'static str> {
    [calls::WRITES, prune::WRITES, rollback::WRITES].concat().into_iter().collect()
}
