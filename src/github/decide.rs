//! What an event asks for: the one table of what is planned, applied, left alone and refused.

use super::event::{Credentials, DispatchEvent, Event, MergeGroupEvent, PullRequestEvent, PushEvent};
use super::refs;

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
    /// Patterns of refs, beside the default branch, from which a dispatch may change something (`*` matches all but `/`, `**`
    /// matches all; one that begins with `refs/` is for the whole name, every other one for the name of a branch).
    pub allowed_refs: Vec<String>,
    /// The input `allow-unsafe-event`: plan on `pull_request_target` as well.
    pub allow_unsafe_event: bool,
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

/// The reason of an event whose code or text others control, and of a command that is not for the event.
pub const UNSAFE_EVENT: &str = "unsafe-event";
/// The reason of a dispatch that does not say what to do.
pub const NO_COMMAND: &str = "no-command";
/// The reason of a dispatch from a ref that may not change anything.
pub const REF_NOT_ALLOWED: &str = "ref-not-allowed";
/// The reason of a push that no pull request can account for.
pub const FORCED_PUSH: &str = "forced-push";

/// Events that people without write access cause, or that come with their text or code, while the job has the rights of the
/// default branch. `pull_request_review` has not, but its code is that of the pull request as well.
const UNSAFE: &[&str] = &[
    "commit_comment",
    "discussion",
    "discussion_comment",
    "fork",
    "gollum",
    "issue_comment",
    "issues",
    "pull_request_comment",
    "pull_request_review",
    "pull_request_review_comment",
    "pull_request_target",
    "repository_dispatch",
    "watch",
    "workflow_run",
];

/// Decides. Pure.
pub fn decide(event: &Event, asked: &Asked) -> Decision {
    match event {
        Event::PullRequest(pull) => pull_request(pull, asked.command, event.name()),
        Event::PullRequestTarget(pull) if asked.allow_unsafe_event => {
            pull_request(pull, asked.command, event.name())
        }
        Event::PullRequestTarget(_) => unsafe_event(
            event.name(),
            "use the event `pull_request`; `allow-unsafe-event: true` plans pull requests of this repository nevertheless",
        ),
        Event::Push(push) => pushed(push, asked.command),
        Event::MergeGroup(group) => merge_group(group, asked.command),
        Event::Dispatch(dispatch) => dispatched(dispatch, asked),
        Event::Schedule(_) => match asked.command {
            JobCommand::Auto | JobCommand::Drift => Decision::Drift,
            JobCommand::Plan => Decision::PlanOnly,
            command => contradicts(command, event.name()),
        },
        Event::Other { name } if UNSAFE.contains(&name.as_str()) => unsafe_event(
            name,
            "plan on `pull_request`, apply on `push`, start everything else with `workflow_dispatch`",
        ),
        Event::Other { name } => match asked.command {
            JobCommand::Auto => ignore(&format!("the event `{name}` asks for nothing")),
            command => contradicts(command, name),
        },
    }
}

fn pull_request(pull: &PullRequestEvent, command: JobCommand, name: &str) -> Decision {
    if !matches!(command, JobCommand::Auto | JobCommand::Plan) {
        // The code is that of the pull request: nobody has agreed to it yet.
        return contradicts(command, name);
    }
    if pull.action == "closed" {
        return ignore("the pull request is closed; its merge arrives as a push");
    }
    match pull.credentials() {
        Credentials::Available => Decision::Plan(pull.clone()),
        Credentials::Fork => Decision::Static { why: "the pull request comes from a fork" },
        Credentials::DeletedFork => {
            Decision::Static { why: "the pull request comes from a fork that is deleted" }
        }
        Credentials::Dependabot => Decision::Static { why: "Dependabot's runs get no credentials" },
    }
}

fn pushed(push: &PushEvent, command: JobCommand) -> Decision {
    if push.deleted {
        return ignore(&format!("`{}` was deleted", push.ref_name));
    }
    if command == JobCommand::Plan {
        return Decision::PlanOnly;
    }
    let elsewhere = format!("a push to `{}` is not a push to the default branch", push.ref_name);
    match command {
        JobCommand::Destroy => contradicts(command, "push"),
        JobCommand::Auto | JobCommand::Apply | JobCommand::Drift if !push.is_default_branch() => {
            ignore(&elsewhere)
        }
        JobCommand::Drift => Decision::Drift,
        JobCommand::Auto | JobCommand::Apply if push.forced || push.created => {
            let done = if push.forced { "rewrites the history of" } else { "creates" };
            Decision::Refuse {
                reason: FORCED_PUSH,
                message: format!(
                    "the push {done} `{}`: which pull requests it brings cannot be told",
                    push.ref_name
                ),
                hint: "look at the plan, then start the workflow by hand with `command: apply`".to_owned(),
            }
        }
        JobCommand::Auto | JobCommand::Apply => Decision::Apply(push.clone()),
        _ if !push.is_default_branch() => ref_not_allowed(command, &push.ref_name),
        command => Decision::Dispatch(
            command,
            DispatchEvent {
                ref_name: push.ref_name.clone(),
                default_branch: push.default_branch.clone(),
                inputs: std::collections::BTreeMap::new(),
                sender: push.sender.clone(),
            },
        ),
    }
}

fn merge_group(group: &MergeGroupEvent, command: JobCommand) -> Decision {
    match command {
        JobCommand::Auto | JobCommand::Plan if group.action == "checks_requested" => {
            Decision::PlanQueue(group.clone())
        }
        JobCommand::Auto | JobCommand::Plan => ignore("the merge queue asks for no check"),
        command => contradicts(command, "merge_group"),
    }
}

fn dispatched(dispatch: &DispatchEvent, asked: &Asked) -> Decision {
    let command = asked.command;
    match command {
        JobCommand::Auto => Decision::Refuse {
            reason: NO_COMMAND,
            message: "a workflow that is started by hand must say what to do".to_owned(),
            hint: "set the input `command` of the action, for example to `plan`, `apply` or `run-task`"
                .to_owned(),
        },
        JobCommand::Plan => Decision::PlanOnly,
        // What the runner says and what the event says must both be allowed; they differ only if somebody tampered.
        _ if !may_change(&asked.ref_name, dispatch, asked) => ref_not_allowed(command, &asked.ref_name),
        _ if !dispatch.ref_name.is_empty() && !may_change(&dispatch.ref_name, dispatch, asked) => {
            ref_not_allowed(command, &dispatch.ref_name)
        }
        JobCommand::Drift => Decision::Drift,
        JobCommand::Apply => Decision::ApplyRef(dispatch.clone()),
        command => Decision::Dispatch(command, dispatch.clone()),
    }
}

/// Whether something may be changed from this ref.
fn may_change(ref_name: &str, dispatch: &DispatchEvent, asked: &Asked) -> bool {
    let branch = ref_name.strip_prefix("refs/heads/");
    let default = refs::is_ref(ref_name) && branch.is_some() && branch == dispatch.default_branch.as_deref();
    default || refs::is_allowed(ref_name, &asked.allowed_refs)
}

fn ignore(why: &str) -> Decision {
    Decision::Ignore { why: why.to_owned() }
}

fn unsafe_event(name: &str, hint: &str) -> Decision {
    Decision::Refuse {
        reason: UNSAFE_EVENT,
        message: format!("the event `{name}` runs with the rights of this repository for what others wrote"),
        hint: hint.to_owned(),
    }
}

fn contradicts(command: JobCommand, name: &str) -> Decision {
    let hint = match command {
        JobCommand::Apply => "apply on a push to the default branch, or start the workflow by hand",
        JobCommand::Drift => "look for drift on `schedule`, or start the workflow by hand",
        JobCommand::Auto | JobCommand::Plan => "plan on `pull_request` or `merge_group`",
        _ => "start the workflow by hand (`workflow_dispatch`)",
    };
    Decision::Refuse {
        reason: UNSAFE_EVENT,
        message: format!("`command: {}` is not for the event `{name}`", command.word()),
        hint: hint.to_owned(),
    }
}

fn ref_not_allowed(command: JobCommand, ref_name: &str) -> Decision {
    Decision::Refuse {
        reason: REF_NOT_ALLOWED,
        message: format!("`{}` is not allowed from `{ref_name}`", command.word()),
        hint: "start it from the default branch, or name the ref in the input `allowed-refs`".to_owned(),
    }
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
