//! Options of the commands about permissions and readiness.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// `iam print` and `iam check`.
#[derive(Debug, Clone, Subcommand)]
pub enum Iam {
    /// Print the policy and the trust of a role that a workflow takes on
    Print(IamPrintArgs),
    /// Compare a policy with the calls that a recorded run made
    Check(IamCheckArgs),
}

/// Which role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// Plans pull requests: reads only
    Plan,
    /// Applies on merge
    Apply,
    /// Runs one-off tasks
    RunTask,
}

/// One of the documents of a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Document {
    /// What it may do
    Policy,
    /// Who may take it on
    Trust,
}

/// Options of `iam print`.
#[derive(Debug, Clone, Args)]
pub struct IamPrintArgs {
    /// The role
    #[arg(long, value_enum)]
    pub role: Role,
    /// The repository whose workflows take it on; in a workflow its own by default
    #[arg(long, value_name = "OWNER/REPO")]
    pub repo: Option<String>,
    /// The branch that applies
    #[arg(long, value_name = "NAME", default_value = "main")]
    pub branch: String,
    /// The environment of the job: `production` for apply and `production-tasks` for run-task unless another is named
    #[arg(long, value_name = "NAME")]
    pub environment: Option<String>,
    /// The id of the repository, for tokens whose subject holds ids (`gh api repos/OWNER/REPO --jq .id`)
    #[arg(long, value_name = "ID", requires = "owner_id")]
    pub repository_id: Option<u64>,
    /// The id of the repository's owner (`gh api repos/OWNER/REPO --jq .owner.id`)
    #[arg(long, value_name = "ID", requires = "repository_id")]
    pub owner_id: Option<u64>,
    /// The GitHub that issues the tokens, when it is not github.com: a host or an address
    #[arg(long, value_name = "HOST")]
    pub issuer: Option<String>,
    /// For run-task: a task that may be run; may be repeated. All of the stack file by default
    #[arg(long, value_name = "TASK")]
    pub task: Vec<String>,
    /// Print one document only, in JSON, for a file
    #[arg(long, value_enum)]
    pub only: Option<Document>,
}

/// Options of `iam check`.
#[derive(Debug, Clone, Args)]
pub struct IamCheckArgs {
    /// The role that the policy is for
    #[arg(long, value_enum)]
    pub role: Role,
    /// A policy document in JSON; may be repeated when the role has several
    #[arg(long, value_name = "FILE", conflicts_with = "role_name")]
    pub policy: Vec<PathBuf>,
    /// The role in AWS, by name or ARN, whose policies are read. By default the one that `iam print` names
    #[arg(long, value_name = "NAME")]
    pub role_name: Option<String>,
    /// For run-task: a task that may be run; may be repeated. All of the stack file by default
    #[arg(long, value_name = "TASK")]
    pub task: Vec<String>,
    /// The calls of a run, a line of JSON each, as `--record-calls` writes them
    #[arg(long, value_name = "FILE")]
    pub calls: Option<PathBuf>,
}

/// Options of `doctor`.
#[derive(Debug, Clone, Args)]
pub struct DoctorArgs {
    /// The repository on GitHub; by default that of the workflow run
    #[arg(long, value_name = "OWNER/REPO")]
    pub repo: Option<String>,
    /// The branch that applies
    #[arg(long, value_name = "NAME", default_value = "main")]
    pub branch: String,
    /// The environment of the job that applies
    #[arg(long, value_name = "NAME", default_value = "production")]
    pub environment: String,
    /// Which role the credentials are of; in the job of a pull request that for plans
    #[arg(long, value_enum)]
    pub role: Option<Role>,
}

/// Options of `preflight`. A switch and its opposite: the last one counts.
#[derive(Debug, Clone, Args)]
#[allow(clippy::struct_excessive_bools, reason = "switches of a command line")]
pub struct PreflightArgs {
    /// Look at certificates (the default)
    #[arg(long, overrides_with = "no_https")]
    pub https: bool,
    /// Leave certificates out
    #[arg(long, overrides_with = "https")]
    pub no_https: bool,
    /// Look at Route 53 (the default)
    #[arg(long, overrides_with = "no_dns")]
    pub dns: bool,
    /// Leave Route 53 out
    #[arg(long, overrides_with = "dns")]
    pub no_dns: bool,
    /// Look at Secrets Manager (the default)
    #[arg(long, overrides_with = "no_secrets")]
    pub secrets: bool,
    /// Leave Secrets Manager out
    #[arg(long, overrides_with = "secrets")]
    pub no_secrets: bool,
}
