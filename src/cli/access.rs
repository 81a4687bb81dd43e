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

/// Options of `iam print`.
#[derive(Debug, Clone, Args)]
pub struct IamPrintArgs {
    /// The role
    #[arg(long, value_enum)]
    pub role: Role,
    /// The repository whose workflows take it on
    #[arg(long, value_name = "OWNER/REPO")]
    pub repo: Option<String>,
    /// The branch that applies
    #[arg(long, value_name = "NAME", default_value = "main")]
    pub branch: String,
    /// The environment of the job
    #[arg(long, value_name = "NAME")]
    pub environment: Option<String>,
}

/// Options of `iam check`.
#[derive(Debug, Clone, Args)]
pub struct IamCheckArgs {
    /// A policy document in JSON
    #[arg(long, value_name = "FILE")]
    pub policy: PathBuf,
    /// The calls of a run, a line of JSON each
    #[arg(long, value_name = "FILE")]
    pub calls: Option<PathBuf>,
}

/// Options of `doctor`.
#[derive(Debug, Clone, Args)]
pub struct DoctorArgs {
    /// The repository on GitHub; by default that of the workflow run
    #[arg(long, value_name = "OWNER/REPO")]
    pub repo: Option<String>,
}

/// Options of `preflight`.
#[derive(Debug, Clone, Args)]
pub struct PreflightArgs {}
