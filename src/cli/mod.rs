//! The command line: data only.

mod access;
mod init;
mod lock;
mod ops;
mod release;

use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::model::{Address, Demand};

pub use access::{DoctorArgs, Document, Iam, IamCheckArgs, IamPrintArgs, PreflightArgs, Role};
pub use init::{CreateStackArgs, InitArgs, StackKind};
pub use lock::{LockArgs, UnlockArgs};
pub use ops::{
    CountArgs, EndServiceArgs, ExecArgs, ListTasksArgs, ListZonesArgs, LogsArgs, RunTaskArgs, ServiceArgs,
    Show, StatusArgs, StopTaskArgs, TaskArgs, UpdatePolicyArgs, UpdateTargetArgs, Which,
};
pub use release::{
    OnEnd, ReleaseArgs, ReleasesArgs, RevisionsArgs, RollbackArgs, WaitArgs, WaitForArgs, WatchArgs,
};

/// The commit that this binary was built from, as `FARGATE_STACK_COMMIT` told the compiler: `make static` and the release do.
pub const COMMIT: Option<&str> = option_env!("FARGATE_STACK_COMMIT");

/// The version, and in a release the commit: `0.1.0 (4c9a1f0b7d2e)`.
pub fn version() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| version_of(COMMIT));
    TEXT.as_str()
}

fn version_of(commit: Option<&str>) -> String {
    let crate_version = env!("CARGO_PKG_VERSION");
    match commit.and_then(|commit| commit.get(..12)) {
        Some(commit) => format!("{crate_version} ({commit})"),
        None => crate_version.to_owned(),
    }
}

/// Plan, provision and release AWS Fargate stacks from a few lines of YAML.
#[derive(Debug, Clone, Parser)]
#[command(name = "fargate-stack", version = version(), max_term_width = 100, arg_required_else_help = true)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The stack file, when none is named.
const STACK_FILE: &str = "fargate-stack.yml";

/// An empty name is none: a composite action passes unset inputs as empty variables.
#[allow(clippy::unnecessary_wraps, reason = "the signature of clap's value parsers")]
fn stack_file(name: &str) -> Result<PathBuf, std::convert::Infallible> {
    Ok(PathBuf::from(if name.is_empty() { STACK_FILE } else { name }))
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// The stack file
    #[arg(short, long, global = true, value_name = "FILE", env = "FARGATE_STACK_CONFIG", default_value = STACK_FILE, value_parser = stack_file)]
    pub config: PathBuf,
    /// The command line names the stack file, and not only the environment or the default.
    #[arg(skip)]
    pub config_named: bool,
    /// The profile of the AWS configuration files
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<String>,
    /// The profile of the AWS configuration files for Route 53, when the hosted zone is in another account
    #[arg(long, visible_alias = "dns-profile", global = true, value_name = "NAME")]
    pub route53_profile: Option<String>,
    /// The AWS region; wins over the one of the stack file
    #[arg(long, global = true, value_name = "NAME")]
    pub region: Option<String>,
    /// The form of the document on standard output
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// How much to log on standard error
    #[arg(long, global = true, value_enum, value_name = "LEVEL", default_value_t = LogLevel::Warn)]
    pub log_level: LogLevel,
    /// No colour and no progress bars
    #[arg(long, global = true)]
    pub no_color: bool,
    /// Append a line of JSON with the IAM action of each AWS call to this file, for `iam check --calls`
    #[arg(long, global = true, hide = true, value_name = "FILE")]
    pub record_calls: Option<PathBuf>,
}

/// The form of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a terminal
    Text,
    /// One JSON document
    Json,
    /// As in the pull-request comment
    Markdown,
}

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    /// Nothing
    Off,
    /// Errors
    Error,
    /// Warnings too
    Warn,
    /// What happens too
    Info,
    /// Each AWS call too
    Debug,
    /// Everything
    Trace,
}

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Show what apply would do; changes nothing
    Plan(PlanArgs),
    /// Make the account match the stack file
    Apply(ApplyArgs),
    /// Delete everything that carries the stack's tags
    Destroy(DestroyArgs),
    /// Roll out new images: the plan of apply, narrowed to task definitions, services and schedules
    Release(ReleaseArgs),
    /// Wait for a rollout to end, and say how
    Wait(WaitForArgs),
    /// List what was released, when, by which run, and how it went
    Releases(ReleasesArgs),
    /// Go back to a revision that ran well
    Rollback(RollbackArgs),
    /// List the revisions of task definitions, and clean up old ones
    Revisions(RevisionsArgs),
    /// Run a task to its end, show its logs, and exit with its exit code
    RunTask(RunTaskArgs),
    /// Show the logs of a task
    Logs(LogsArgs),
    /// Open a session in a running container
    Exec(ExecArgs),
    /// Show how services are: tasks, deployments, events, images
    Status(StatusArgs),
    /// List the tasks of the stack file, without AWS
    Tasks,
    /// List the tasks that run, or that stopped a short time ago
    ListTasks(ListTasksArgs),
    /// List the hosted zones of Route 53
    ListZones(ListZonesArgs),
    /// Stop a running task
    StopTask(StopTaskArgs),
    /// Create a service of the stack file, or bring the existing one up to date
    #[command(visible_alias = "create-service")]
    DeployService(CountArgs),
    /// Let a stopped service run its tasks again
    StartService(CountArgs),
    /// Stop all tasks of a service; the service stays
    StopService(EndServiceArgs),
    /// Set how many tasks a service runs
    Scale(CountArgs),
    /// Roll out the newest revision of a service's task definition
    UpdateService(ServiceArgs),
    /// Replace all tasks of a service by new ones of the same revision
    Redeploy(ServiceArgs),
    /// Delete a service; everything else of the stack stays
    #[command(visible_aliases = ["delete-service", "delete-http-service"])]
    RemoveService(EndServiceArgs),
    /// Register a task's revision as the stack file wants it, without rolling it out
    #[command(visible_alias = "register-task")]
    RegisterTaskDefinition(TaskArgs),
    /// Let a schedule start its task again
    EnableScheduledTask(TaskArgs),
    /// Keep a schedule from starting its task
    DisableScheduledTask(TaskArgs),
    /// Point a schedule at the newest revision of its task
    UpdateTarget(UpdateTargetArgs),
    /// Bring the stack's roles and their policies up to date
    UpdatePolicy(UpdatePolicyArgs),
    /// Show what AWS recorded
    #[command(subcommand)]
    Show(Show),
    /// Print or check the IAM policies of the roles that workflows take on
    #[command(subcommand)]
    Iam(Iam),
    /// Say what is missing or too wide around this stack: tokens, roles, branch rules, environments, quotas. Exits with 1 when
    /// something fails
    Doctor(DoctorArgs),
    /// Check whether this account and these credentials can carry a stack: exits with 0 when all is well, 1 when something is in
    /// doubt, 2 when something is missing
    Preflight(PreflightArgs),
    /// Take away a lock that its holder left behind
    Unlock(UnlockArgs),
    /// Write a stack file and workflows for a repository
    Init(InitArgs),
    /// Write a stack file from words: `create-stack APP KIND:NAME image:REF …`
    CreateStack(CreateStackArgs),
    /// Check the stack file, without AWS
    Validate,
    /// Print the JSON Schema of the stack file
    Schema,
    /// Print a completion script
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Print the version
    Version,
    /// Do what the GitHub event asks for: plan on a pull request, apply on a push to the default branch
    Ci,
    /// Tell the end of a job that was cancelled or lost: the last step of the action
    #[command(hide = true)]
    Finalize,
}

/// What a plan depends on beside the stack file.
#[derive(Debug, Clone, Default, Args)]
pub struct Selection {
    /// Pin every ECR image of the stack that has this tag to its digest; without it, images stay as they run now (in a
    /// GitHub workflow the default is the commit's SHA)
    #[arg(long, value_name = "TAG")]
    pub image_tag: Option<String>,
    /// Allow to delete a resource that holds data, by its address; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    pub allow_delete: Vec<Address>,
    /// How long to wait for the image to appear in its registry, for a build that still pushes: 90s, 5m
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub wait_image: Option<Duration>,
    /// Look up the tag of the stack file for this task although an image of it runs; may be repeated
    #[arg(long, value_name = "TASK")]
    pub refresh: Vec<String>,
    /// Make a load balancer for this stack even where an existing one could be used
    #[arg(short = 'C', long)]
    pub create_alb: bool,
    /// What it means that an image has not the tag. Who carries a plan out says so.
    #[arg(skip)]
    pub demand: Demand,
    /// Show the values of these environment variables; may be repeated
    #[arg(long, value_name = "NAME")]
    pub show_value: Vec<String>,
}

/// Options of `plan`.
#[derive(Debug, Clone, Args)]
pub struct PlanArgs {
    /// What the plan depends on.
    #[command(flatten)]
    pub selection: Selection,
    /// Exit with 6 when there are changes
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// Write the resolved values (account, region, VPC, subnets, names) into the stack file; never when CI is set
    #[arg(long)]
    pub update: bool,
}

/// Options of `apply`.
#[derive(Debug, Clone, Args)]
pub struct ApplyArgs {
    /// What the plan depends on.
    #[command(flatten)]
    pub selection: Selection,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    /// Write the resolved values (account, region, VPC, subnets, names) into the stack file; never when CI is set
    #[arg(long)]
    pub update: bool,
    /// The rollout.
    #[command(flatten)]
    pub wait: WaitArgs,
    /// The lock.
    #[command(flatten)]
    pub lock: LockArgs,
}

/// Options of `destroy`.
#[derive(Debug, Clone, Args)]
pub struct DestroyArgs {
    /// Allow to delete a resource that holds data, by its address; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    pub allow_delete: Vec<Address>,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    /// The lock.
    #[command(flatten)]
    pub lock: LockArgs,
}

/// Reads `90s`, `15m`, `2h`, `1d`, or a number of seconds.
pub fn duration(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor = match unit {
        "" | "s" => 1,
        "m" | "min" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err("write a time like `90s`, `15m` or `2h`".to_owned()),
    };
    let seconds = number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
    match seconds {
        Some(seconds) if seconds > 0 && seconds <= 7 * 86_400 => Ok(Duration::from_secs(seconds)),
        Some(_) => Err("must be more than nothing and at most 7 days".to_owned()),
        None => Err("write a time like `90s`, `15m` or `2h`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_tells_its_commit_and_a_build_by_hand_only_its_version() {
        let own = env!("CARGO_PKG_VERSION");
        assert_eq!(version_of(None), own);
        assert_eq!(version_of(Some("")), own);
        let commit = "4c9a1f0b7d2e53aa0f6b1c8d9e7f604152637485";
        assert_eq!(version_of(Some(commit)), format!("{own} (4c9a1f0b7d2e)"));
    }

    #[test]
    fn times_have_units_and_bounds() {
        for (text, seconds) in [("90", 90), ("90s", 90), ("15m", 900), ("2h", 7200), ("1d", 86_400)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "m", "0s", "-1", "1.5h", "8d", "99999999999999999999", "1w"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
