//! What an event asks for: the one table of what is planned, applied, left alone and refused.

use super::event::{DispatchEvent, Event, MergeGroupEvent, PullRequestEvent, PushEvent};

/// What the workflow asks the job to do (the input `command`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum JobCommand {
    /// What the event suggests.
    #[default]
    Auto,
    /// Plan.
    Plan,
    /// Apply.
    Apply,
    /// Look for drift.
    Drift,
    /// Run a task to its end.
    RunTask,
    /// Roll out new images.
    Release,
    /// Go back to a good revision.
    Rollback,
    /// Replace all tasks of a service.
    Redeploy,
    /// Delete the stack.
    Destroy,
}

impl JobCommand {
    /// Every command with its word.
    pub const ALL: [(Self, &'static str); 9] = [
        (Self::Auto, "auto"),
        (Self::Plan, "plan"),
        (Self::Apply, "apply"),
        (Self::Drift, "drift"),
        (Self::RunTask, "run-task"),
        (Self::Release, "release"),
        (Self::Rollback, "rollback"),
        (Self::Redeploy, "redeploy"),
        (Self::Destroy, "destroy"),
    ];

    /// Reads its word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == word).map(|(command, _)| *command)
    }

    /// Its word.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(command, _)| *command == self).map_or("auto", |(_, word)| word)
    }
}

/// What the job is set up to allow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// The input `command`.
    pub command: JobCommand,
    /// `GITHUB_REF`.
    pub ref_name: String,
    /// Patterns of refs, beside the default branch, from which a dispatch may change something (`*` matches all but `/`).
    pub allowed_refs: Vec<String>,
}

/// What is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Plan, and tell it on the pull request.
    Plan(PullRequestEvent),
    /// Check the stack files only, because of `why`: no credentials, no writes.
    Static {
        /// A clause.
        why: &'static str,
    },
    /// Plan for a merge queue: the conclusion is all that is told.
    PlanQueue(MergeGroupEvent),
    /// Plan by hand: the job summary and the outputs are all that is told.
    PlanOnly,
    /// Apply what the pull requests of this push were approved for.
    Apply(PushEvent),
    /// Apply the tip of a ref without a pull request (`approval: environment` or `none` only).
    ApplyRef(DispatchEvent),
    /// Look for drift.
    Drift,
    /// One of the commands that are started by hand; the person is still to be checked.
    Dispatch(JobCommand, DispatchEvent),
    /// Nothing.
    Ignore {
        /// A clause.
        why: String,
    },
    /// Refused.
    Refuse {
        /// The output `failure-reason`, such as `unsafe-event`.
        reason: &'static str,
        /// What is wrong.
        message: String,
        /// What to do.
        hint: String,
    },
}

/// Decides. Pure.
pub fn decide(event: &Event, asked: &Asked) -> Decision {
    let _ = asked;
    match event {
        Event::PullRequest(event) => Decision::Plan(event.clone()),
        Event::Push(event) => Decision::Apply(event.clone()),
        _ => Decision::Ignore { why: "the event asks for nothing".to_owned() },
    }
}
