//! Options of the commands that release, watch and go back.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{Selection, duration};

/// Whether and how long a rollout is watched.
#[derive(Debug, Clone, Args)]
pub struct WaitArgs {
    /// Do not wait for the rollout
    #[arg(long)]
    pub no_wait: bool,
    #[command(flatten)]
    /// How it is watched.
    pub watch: WatchArgs,
}

/// How a rollout is watched.
#[derive(Debug, Clone, Args)]
pub struct WatchArgs {
    /// How long to wait for a rollout: 90s, 15m, 1h
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = duration)]
    pub timeout: Duration,
    /// Go on waiting although the rollout cannot succeed any more
    #[arg(long)]
    pub no_fail_fast: bool,
    /// What to do with a rollout that cannot succeed any more
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = OnEnd::Leave)]
    pub on_failure: OnEnd,
    /// What to do with a rollout that still runs on SIGINT or SIGTERM
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = OnEnd::Leave)]
    pub on_cancel: OnEnd,
}

impl Default for WatchArgs {
    fn default() -> Self {
        Self {
            timeout: Duration::from_mins(15),
            no_fail_fast: false,
            on_failure: OnEnd::Leave,
            on_cancel: OnEnd::Leave,
        }
    }
}

/// What happens to a rollout that is not waited for any more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum OnEnd {
    /// It is left to ECS
    #[default]
    Leave,
    /// It is stopped, and the last good revision comes back
    Rollback,
}

/// Options of `release`.
#[derive(Debug, Clone, Args)]
pub struct ReleaseArgs {
    /// The tasks to release; all of them when none is named
    #[arg(value_name = "TASK")]
    pub tasks: Vec<String>,
    /// What the plan depends on.
    #[command(flatten)]
    pub selection: Selection,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    /// The rollout.
    #[command(flatten)]
    pub wait: WaitArgs,
    /// The lock.
    #[command(flatten)]
    pub lock: super::LockArgs,
}

/// Options of `wait`.
#[derive(Debug, Clone, Args)]
pub struct WaitForArgs {
    /// The services to wait for; all of the stack when none is named
    #[arg(value_name = "SERVICE")]
    pub services: Vec<String>,
    /// The deployment to wait for (`ecs-svc/…` or the ARN of a service deployment), instead of the newest
    #[arg(long, value_name = "ID")]
    pub deployment: Option<String>,
    /// How it is watched.
    #[command(flatten)]
    pub watch: WatchArgs,
}

/// Options of `releases`.
#[derive(Debug, Clone, Args)]
pub struct ReleasesArgs {
    /// The service; all of the stack when none is named
    #[arg(value_name = "SERVICE")]
    pub service: Option<String>,
    /// How many releases to show, newest first
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub limit: u16,
}

/// Options of `rollback`.
#[derive(Debug, Clone, Args)]
pub struct RollbackArgs {
    /// The service; may be left out when the stack has one
    #[arg(value_name = "SERVICE")]
    pub service: Option<String>,
    /// The revision (`7`, `family:7` or an ARN) or the commit to go back to; by default the last that succeeded before
    #[arg(long, value_name = "REVISION|COMMIT")]
    pub to: Option<String>,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    /// The rollout.
    #[command(flatten)]
    pub wait: WaitArgs,
}

/// Options of `revisions`.
#[derive(Debug, Clone, Args)]
pub struct RevisionsArgs {
    /// The tasks; all of the stack when none is named
    #[arg(value_name = "TASK")]
    pub tasks: Vec<String>,
    /// How many of the newest revisions of each family to keep, beside those in use
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub keep: Option<u16>,
    /// Delete what is not kept, instead of only deregistering it
    #[arg(long, requires = "keep")]
    pub delete: bool,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}
