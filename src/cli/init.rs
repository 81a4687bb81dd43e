//! Options of the commands that write files for a repository.

use clap::Args;

/// Options of `init`.
#[derive(Debug, Clone, Args)]
pub struct InitArgs {}

/// Options of `create-stack`.
#[derive(Debug, Clone, Args)]
pub struct CreateStackArgs {
    /// The name of the application, then `KIND:NAME` with clauses such as `image:REF`
    #[arg(value_name = "WORD", required = true)]
    pub words: Vec<String>,
}
