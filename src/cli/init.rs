//! Options of the commands that write files for a repository.

use clap::{Args, ValueEnum};

/// Options of `init`.
#[derive(Debug, Clone, Default, Args)]
pub struct InitArgs {
    /// The name of the application; by default that of the repository
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// How it runs; by default `https` when a domain is named, else `daemon`
    #[arg(long = "type", value_enum, value_name = "TYPE")]
    pub kind: Option<StackKind>,
    /// The name under which an `http` or `https` service is reached
    #[arg(long, value_name = "FQDN")]
    pub domain: Option<String>,
    /// When a `scheduled` task starts: `cron(0 2 * * ? *)` or `rate(1 day)`
    #[arg(long, value_name = "EXPRESSION")]
    pub schedule: Option<String>,
    /// The image; by default the application's name as a repository of ECR
    #[arg(long, value_name = "REF")]
    pub image: Option<String>,
    /// The port that the container of a web service listens on; by default the one that the Dockerfile exposes
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    /// The AWS account, 12 digits
    #[arg(long, value_name = "ID")]
    pub account: Option<String>,
    /// The branch that is applied; by default the one that `origin` calls its head, else `main`
    #[arg(long, value_name = "NAME")]
    pub branch: Option<String>,
    /// The environment of GitHub that the apply waits for
    #[arg(long, value_name = "NAME", default_value = "production")]
    pub environment: String,
    /// The role for plans; by default the repository's variable `FARGATE_PLAN_ROLE` names it
    #[arg(long, value_name = "ARN")]
    pub role_plan: Option<String>,
    /// The role for applies; by default the repository's variable `FARGATE_APPLY_ROLE` names it
    #[arg(long, value_name = "ARN")]
    pub role_apply: Option<String>,
    /// The role for runs of tasks; by default the repository's variable `FARGATE_TASK_ROLE` names it
    #[arg(long, value_name = "ARN")]
    pub role_task: Option<String>,
    /// The role that pushes images; by default the repository's variable `FARGATE_IMAGE_ROLE` names it
    #[arg(long, value_name = "ARN")]
    pub role_image: Option<String>,
    /// The action, best with the commit of a release: `OWNER/REPO@COMMIT`
    #[arg(long, value_name = "REF", default_value = "org/fargate-stack-action@v1")]
    pub action: String,
    /// Do not ask; take what was found and the defaults
    #[arg(short, long)]
    pub yes: bool,
    /// Overwrite files that exist
    #[arg(short, long)]
    pub force: bool,
}

/// How the task of a new stack runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum StackKind {
    /// All the time, without a load balancer
    Daemon,
    /// To its end, on request
    Task,
    /// To its end, by a schedule
    Scheduled,
    /// All the time, behind an internal load balancer
    Http,
    /// All the time, behind a public load balancer with a certificate
    Https,
}

/// Options of `create-stack`.
#[derive(Debug, Clone, Args)]
pub struct CreateStackArgs {
    /// The name of the application, then `KIND:NAME` with clauses such as `image:REF`
    #[arg(value_name = "WORD", required = true)]
    pub words: Vec<String>,
    /// Only print the stack file
    #[arg(long)]
    pub no_update: bool,
    /// Overwrite the file if it exists
    #[arg(short, long)]
    pub force: bool,
}
