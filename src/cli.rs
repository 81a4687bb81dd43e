//! The command line: data only.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::model::Address;

/// Plan, provision and release AWS Fargate stacks from a few lines of YAML.
#[derive(Debug, Clone, Parser)]
#[command(name = "fargate-stack", version, max_term_width = 100, arg_required_else_help = true)]
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
    /// The profile of the AWS configuration files
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<String>,
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
}
