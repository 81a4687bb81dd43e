//! What an attacker, a mistake or bad luck can do to the job, and what stops it: `docs/concept/threats.md` names the test of each.

mod approval;
mod comment;
mod events;
mod interruption;
mod limits;
mod places;
mod secrets;
mod table;

use super::harness::{Run, World};
use super::stacks::example;

/// A stack with one daemon.
fn small() -> String {
    example("minimal-daemon")
}

/// The same with more processor: one more effect.
fn bigger() -> String {
    small().replace("type: daemon", "type: daemon\n    cpu: 2048\n    memory: 4096")
}

/// The job refused with this reason, and nothing was changed.
#[track_caller]
fn refused(world: &World, run: Run, reason: &str) -> Run {
    let run = run.expect(3);
    assert_eq!(world.output_of("outcome").as_deref(), Some("refused"), "{}", run.stderr);
    assert_eq!(world.output_of("failure-reason").as_deref(), Some(reason), "{}", run.stderr);
    assert_eq!(world.mutations(), Vec::<String>::new());
    run
}
