//! `completions`: the script for a shell.

use clap::CommandFactory;

use crate::cli::Cli;
use crate::error::{Error, ExitStatus};

use super::App;

/// Prints the script.
pub fn run(app: &App, shell: clap_complete::Shell) -> Result<ExitStatus, Error> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "fargate-stack", &mut script);
    app.print(&String::from_utf8_lossy(&script))?;
    Ok(ExitStatus::Done)
}
