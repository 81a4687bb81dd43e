//! Options of the commands for a running stack.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::duration;
use super::release::WaitArgs;

/// A service by name.
#[derive(Debug, Clone, Args)]
pub struct ServiceArgs {
    /// The service; may be left out when the stack has one
    #[arg(value_name = "SERVICE")]
    pub service: Option<String>,
    /// The rollout.
    #[command(flatten)]
    pub wait: WaitArgs,
}

/// A service and how many tasks it is to have.
#[derive(Debug, Clone, Args)]
pub struct CountArgs {
    /// The service (may be left out when the stack has one), then how many tasks
    #[arg(value_name = "[SERVICE] COUNT", num_args = 0..=2)]
    pub words: Vec<String>,
    /// The rollout.
    #[command(flatten)]
    pub wait: WaitArgs,
}

/// Options of `stop-service` and `remove-service`.
#[derive(Debug, Clone, Args)]
pub struct EndServiceArgs {
    /// The service; may be left out when the stack has one
    #[arg(value_name = "SERVICE")]
    pub service: Option<String>,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}

/// A task by name.
#[derive(Debug, Clone, Args)]
pub struct TaskArgs {
    /// The task; may be left out when the stack has one that fits
    #[arg(value_name = "TASK")]
    pub task: Option<String>,
}

/// Options of `status`.
#[derive(Debug, Clone, Args)]
pub struct StatusArgs {
    /// The service; all of the stack when none is named
    #[arg(value_name = "SERVICE")]
    pub service: Option<String>,
    /// How many of the newest events to show for each service
    #[arg(short, long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(0..=100))]
    pub max_events: u16,
    /// Show it again whenever it changes, until interrupted
    #[arg(short, long)]
    pub watch: bool,
}

/// Options of `list-tasks`.
#[derive(Debug, Clone, Args)]
pub struct ListTasksArgs {
    /// Which tasks
    #[arg(value_enum, value_name = "WHICH", default_value_t = Which::Running)]
    pub which: Which,
}

/// Which tasks are listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Which {
    /// Those that run or start
    #[default]
    Running,
    /// Those that stopped within the last hour
    Stopped,
}

/// Options of `list-zones`.
#[derive(Debug, Clone, Args)]
pub struct ListZonesArgs {
    /// Only zones that the records of this domain could be in
    #[arg(value_name = "DOMAIN")]
    pub domain: Option<String>,
}

/// Options of `stop-task`.
#[derive(Debug, Clone, Args)]
pub struct StopTaskArgs {
    /// The task's name, or the id or ARN of one of its runs
    #[arg(value_name = "TASK|ID")]
    pub task: Option<String>,
    /// Stop every run of the task, when several run
    #[arg(long)]
    pub all: bool,
    /// Why, for ECS's record
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// Options of `run-task`.
#[derive(Debug, Clone, Args)]
pub struct RunTaskArgs {
    /// The task; may be left out when the stack has one of `type: task`
    #[arg(value_name = "TASK")]
    pub task: Option<String>,
    /// Replaces the command: a JSON list of words, or text that is split as a shell does
    #[arg(long, value_name = "JSON")]
    pub command: Option<String>,
    /// Sets an environment variable for this run; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    pub env: Vec<String>,
    /// CPU units of this run
    #[arg(long, value_name = "UNITS")]
    pub cpu: Option<u32>,
    /// MiB of this run
    #[arg(long, value_name = "MIB")]
    pub memory: Option<u32>,
    /// How many to start
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=10))]
    pub count: u8,
    /// Place it into this subnet of the stack's VPC
    #[arg(long, value_name = "ID")]
    pub subnet_id: Option<String>,
    /// Do not wait for its end
    #[arg(long)]
    pub no_wait: bool,
    /// How long to wait for its end: 90s, 15m, 5h
    #[arg(short, long, visible_alias = "task-timeout", value_name = "TIME", default_value = "5h", value_parser = duration)]
    pub timeout: Duration,
    /// On SIGINT or SIGTERM leave it running instead of stopping it
    #[arg(long)]
    pub keep_running: bool,
    /// Refuse to run unless the task definition holds the image with this tag; by default the image that a plan would keep
    #[arg(long, value_name = "TAG")]
    pub image_tag: Option<String>,
    /// Run it although its task definition holds another image
    #[arg(short, long)]
    pub force: bool,
    /// Runs with the same token start once; by default made from the step of the workflow's run, or at random
    #[arg(long, value_name = "TOKEN")]
    pub client_token: Option<String>,
}

/// Options of `logs`.
#[derive(Debug, Clone, Args)]
pub struct LogsArgs {
    /// The task, then perhaps the start and the end: `5m`, `2h`, `1d`, or a date
    #[arg(value_name = "[TASK] [START [END]]", num_args = 0..=3)]
    pub words: Vec<String>,
    /// Go on showing new lines until interrupted; in CI, and once the task has ended, it ends by itself
    #[arg(long, visible_alias = "log-wait", overrides_with = "no_follow")]
    pub follow: bool,
    /// Show what there is and end
    #[arg(long, visible_alias = "no-log-wait", overrides_with = "follow")]
    pub no_follow: bool,
    /// Only events that match this CloudWatch Logs filter pattern
    #[arg(long, value_name = "PATTERN")]
    pub filter: Option<String>,
    /// Only this container
    #[arg(long, value_name = "NAME")]
    pub container: Option<String>,
    /// Leave out the time before each line
    #[arg(long, visible_alias = "no-log-time")]
    pub no_time: bool,
    /// Seconds between two looks
    #[arg(long, visible_alias = "log-poll-time", value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=300))]
    pub poll: u16,
}

/// Options of `exec`.
#[derive(Debug, Clone, Args)]
pub struct ExecArgs {
    /// The task or service, or the id of one of its runs; may be left out when only one runs
    #[arg(value_name = "TASK|ID")]
    pub task: Option<String>,
    /// The container; may be left out when there is one
    #[arg(long, value_name = "NAME")]
    pub container: Option<String>,
    /// Print the command that opens the session, instead of running it
    #[arg(long)]
    pub print: bool,
    /// What to run in the container
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}

/// Options of `update-target`.
#[derive(Debug, Clone, Args)]
pub struct UpdateTargetArgs {
    /// The scheduled task; may be left out when the stack has one
    #[arg(value_name = "TASK")]
    pub task: Option<String>,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}

/// Options of `update-policy`.
#[derive(Debug, Clone, Args)]
pub struct UpdatePolicyArgs {
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}

/// What `show` shows.
#[derive(Debug, Clone, Subcommand)]
pub enum Show {
    /// What CloudTrail recorded of a schedule starting its task
    CloudtrailEvents {
        /// The scheduled task, then perhaps the start and the end: `5m`, `2h`, `1d`, or a date
        #[arg(value_name = "[TASK] [START [END]]", num_args = 0..=3)]
        words: Vec<String>,
    },
}
