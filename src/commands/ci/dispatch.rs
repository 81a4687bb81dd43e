//! The commands that people start by hand. Who may push to any branch may start a workflow; who, from where and what is checked
//! before AWS is asked for anything. The ref was judged with the event.

use crate::cli::{DestroyArgs, LockArgs, ReleaseArgs, RollbackArgs, ServiceArgs};
use crate::error::{Error, ExitStatus};
use crate::github::decide::JobCommand;
use crate::github::event::DispatchEvent;
use crate::github::reviews::Permission;
use crate::ops::run_policy;
use crate::render::escape;

use super::super::{App, deploy, destroy, failure, release, rollback};
use super::job::{Job, Outcome};
use super::stacks::{self, Accounts, Stack};
use super::{dispatched_run, inputs};

/// Refuses unless whoever started this attempt may do what the input `min-permission` asks for.
pub async fn permitted(job: &Job<'_>, event: &DispatchEvent) -> Result<(), Error> {
    permitted_to(job, event, job.inputs.min_permission).await
}

/// Refuses unless whoever started this attempt may at least do this in the repository. A re-run may be by somebody else than the
/// first run, so the actor of the event does not count.
pub async fn permitted_to(job: &Job<'_>, event: &DispatchEvent, least: Permission) -> Result<(), Error> {
    let actor = job.actor().unwrap_or(&event.sender);
    if actor.is_empty() {
        let error = Error::new(ExitStatus::Refused, "it is not known who started this run");
        return Err(error.because("actor-not-permitted").hint("GITHUB_TRIGGERING_ACTOR is not set"));
    }
    let has = job.github()?.permission(actor).await;
    let has = has.map_err(|error| {
        failure::github(&format!("find out what `{}` may do", escape::terminal(actor)), &error)
            .because("permission-unknown")
    })?;
    if has >= least {
        return Ok(());
    }
    let message = format!(
        "`{}` may {} in this repository, and this needs {}",
        escape::terminal(actor),
        may(has),
        word(least)
    );
    Err(Error::new(ExitStatus::Refused, message)
        .because("actor-not-permitted")
        .hint("somebody with that permission can start the workflow"))
}

fn word(permission: Permission) -> &'static str {
    match permission {
        Permission::None => "nothing",
        Permission::Read => "`read`",
        Permission::Triage => "`triage`",
        Permission::Write => "`write`",
        Permission::Maintain => "`maintain`",
        Permission::Admin => "`admin`",
    }
}

fn may(permission: Permission) -> String {
    match permission {
        Permission::None => "do nothing".to_owned(),
        other => format!("only {}", word(other)),
    }
}

/// Checks and carries out one command.
pub async fn run(
    app: &App,
    job: &Job<'_>,
    command: JobCommand,
    event: &DispatchEvent,
) -> Result<ExitStatus, Error> {
    let stack = one_stack(stacks::load(app, job, &job.inputs)?)?;
    // The commands read the one stack file.
    let mut cli = app.cli.clone();
    cli.global.config = stack.file.clone().into();
    let app = App { cli, env: app.env.clone(), console: app.console.clone() };
    if command == JobCommand::RunTask {
        return dispatched_run::run(&app, job, stack, event).await;
    }
    let deed = deed(&app, job, command, &stack)?;
    permitted(job, event).await?;
    if command == JobCommand::Destroy {
        let_go_on(&app, job).await?;
    }
    account(&app, job, stack).await?;
    let done = match deed {
        Deed::Release(args) => Box::pin(release::run(&app, &args)).await,
        Deed::Rollback(args) => Box::pin(rollback::run(&app, &args)).await,
        Deed::Redeploy(args) => Box::pin(deploy::again(&app, &args)).await,
        Deed::Destroy(args) => Box::pin(destroy::run(&app, &args)).await,
    };
    let status = match &done {
        Ok(status) => *status,
        Err(error) => error.exit(),
    };
    let outcome = match status {
        ExitStatus::Done | ExitStatus::ChangesPending => Outcome::Applied,
        ExitStatus::RolloutFailed => Outcome::RolloutFailed,
        ExitStatus::Partial => Outcome::Partial,
        ExitStatus::Refused => Outcome::Refused,
        ExitStatus::Interrupted => Outcome::Cancelled,
        ExitStatus::Failed | ExitStatus::Usage | ExitStatus::Task(_) => Outcome::Failed,
    };
    let reason = done.as_ref().map_or_else(Error::reason, |status| status.reason());
    job.finish(outcome, Some(reason).filter(|reason| !reason.is_empty()));
    if let Err(error) = done {
        // The outputs are written already.
        app.console.error(&error);
    }
    Ok(status)
}

/// What is done, with its options.
enum Deed {
    Release(ReleaseArgs),
    Rollback(RollbackArgs),
    Redeploy(ServiceArgs),
    Destroy(DestroyArgs),
}

fn deed(app: &App, job: &Job<'_>, command: JobCommand, stack: &Stack) -> Result<Deed, Error> {
    let wait = job.inputs.wait.clone();
    let timeout = job.inputs.lock_timeout;
    let lock = LockArgs { no_lock: false, lock_timeout: Some(timeout).filter(|time| !time.is_zero()) };
    let service = named(job, "service")?;
    Ok(match command {
        JobCommand::Rollback => {
            Deed::Rollback(RollbackArgs { service, to: job.input("to").map(str::to_owned), yes: true, wait })
        }
        JobCommand::Redeploy => Deed::Redeploy(ServiceArgs { service, wait }),
        JobCommand::Destroy => {
            confirmed(job, stack.name())?;
            let allow_delete = inputs::selection(&app.env, &job.sha)?.allow_delete;
            Deed::Destroy(DestroyArgs { allow_delete, yes: true, lock })
        }
        _ => {
            let mut selection = inputs::selection(&app.env, &job.sha)?;
            // A release deletes nothing; the input is for applies.
            selection.allow_delete.clear();
            Deed::Release(ReleaseArgs {
                tasks: service.into_iter().collect(),
                selection,
                yes: true,
                wait,
                lock,
            })
        }
    })
}

/// Exactly one stack file.
fn one_stack(mut stacks: Vec<Stack>) -> Result<Stack, Error> {
    match (stacks.pop(), stacks.len()) {
        (Some(stack), 0) => Ok(stack),
        (last, _) => {
            let names: Vec<String> =
                stacks.iter().chain(last.as_ref()).map(|stack| format!("`{}`", stack.name())).collect();
            Err(Error::new(ExitStatus::Usage, "a command that is started by hand needs one stack")
                .because("stack-not-named")
                .hint(format!("name one of {} in the input `stacks`", names.join(", "))))
        }
    }
}

/// A name from an input: whoever starts the workflow writes it.
pub fn named(job: &Job<'_>, input: &str) -> Result<Option<String>, Error> {
    match job.input(input) {
        None => Ok(None),
        Some(name) if run_policy::is_name(name) => Ok(Some(name.to_owned())),
        Some(_) => Err(Error::new(ExitStatus::Usage, format!("the input `{input}` is no name"))
            .because("bad-input")
            .hint("a name begins with a letter or a digit and has at most 64 letters, digits, `-` and `_`")),
    }
}

/// Deleting a stack needs its name once more.
fn confirmed(job: &Job<'_>, stack: &str) -> Result<(), Error> {
    if job.input("confirm") == Some(stack) {
        return Ok(());
    }
    let given = if job.input("confirm").is_some() { "is another name" } else { "is empty" };
    let message = format!("the stack `{stack}` is not deleted: the input `confirm` {given}");
    Err(Error::new(ExitStatus::Refused, message)
        .because("not-confirmed")
        .hint("write the name of the stack into `confirm`"))
}

/// Where the job names an environment with reviewers, one of them must have let this run go on.
async fn let_go_on(app: &App, job: &Job<'_>) -> Result<(), Error> {
    let Some(name) = &job.inputs.environment else { return Ok(()) };
    let github = job.github()?;
    let unknown = |what: &str, error: &_| failure::github(what, error).because("approval-unknown");
    let environment = github.environment(name).await;
    let environment = environment.map_err(|error| unknown("read the environment", &error))?;
    if !environment.is_some_and(|environment| environment.required_reviewers) {
        app.console.note(&format!(
            "the environment `{}` has no required reviewers: nobody had to let this run go on",
            escape::terminal(name)
        ));
        return Ok(());
    }
    let approvals = github.run_approvals(job.run).await;
    let approvals = approvals.map_err(|error| unknown("find out who approved this run", &error))?;
    let approved = approvals
        .iter()
        .any(|one| one.approved && one.environments.iter().any(|environment| environment == name));
    if approved {
        return Ok(());
    }
    let message = format!("nobody approved this run for the environment `{}`", escape::terminal(name));
    Err(Error::new(ExitStatus::Refused, message)
        .because("not-approved")
        .hint("give the job `environment:` with the name that the input `environment` has"))
}

/// Refuses credentials of an account that the workflow does not allow, before any other call.
pub async fn account(app: &App, job: &Job<'_>, stack: Stack) -> Result<(), Error> {
    if job.inputs.accounts.is_empty() {
        // The command itself asks whose credentials these are.
        return Ok(());
    }
    Accounts::default().session(app, &job.inputs, stack).await.map(|_| ())
}
