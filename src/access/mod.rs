//! The permissions that a stack needs, and what is missing or too wide around it: decided here, without a call to AWS.
//!
//! What a role may do comes from the calls that the code declares ([`need`]), narrowed to this stack's resources as far as AWS
//! knows how ([`reach`]); who may take it on is [`trust`]. Readiness is findings over facts that others gathered.

pub mod compare;
pub mod doctor;
pub mod document;
pub mod need;
mod place;
mod policy;
pub mod preflight;
#[cfg(test)]
mod preflight_tests;
mod reach;
pub mod size;
pub mod trust;

pub use place::Place;
pub use policy::policy;

use crate::config::Config;

/// A role that a workflow takes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Plans pull requests, and looks for drift: reads only. Whoever can write to a branch can take it on.
    Plan,
    /// Applies on merge.
    Apply,
    /// Runs one-off tasks.
    RunTask,
}

impl Role {
    /// As on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Apply => "apply",
            Self::RunTask => "run-task",
        }
    }
}

/// What the role of a stack is called when it is made by the printed commands: at most 64 characters, as IAM wants it.
pub fn role_name(stack: &str, role: Role) -> String {
    let end = format!("-github-{}", role.word());
    let start: String = stack.chars().take(64 - end.len()).collect();
    format!("{start}{end}")
}

/// The vCPUs that a stack runs at rest and while all its services roll out at once: as many tasks as the stack file starts with, one
/// of each scheduled task.
pub fn size_of(config: &Config) -> (f64, f64) {
    let (mut steady, mut rolling) = (0.0, 0.0);
    for task in config.tasks.values() {
        let cpu = f64::from(task.capacity().cpu) / 1024.0;
        if task.kind.is_service() {
            let count = f64::from(task.desired_count.unwrap_or(1));
            steady += cpu * count;
            rolling += cpu * count * f64::from(task.deployment.maximum_percent.unwrap_or(200)) / 100.0;
        } else if task.schedule.is_some() {
            steady += cpu;
            rolling += cpu;
        }
    }
    (steady, rolling)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_role_is_never_longer_than_iam_takes() {
        assert_eq!(role_name("worker", Role::RunTask), "worker-github-run-task");
        for role in [Role::Plan, Role::Apply, Role::RunTask] {
            assert_eq!(role_name(&"x".repeat(200), role).len(), 64);
        }
    }
}
