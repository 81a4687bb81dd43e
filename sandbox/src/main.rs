//! `fargate-stack-sandbox serve`: runs the sandbox until it is told to end.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::unix::fs::FileTypeExt;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use fargate_stack_sandbox::{Options, Seed, start};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// A local AWS and GitHub that behave, for demos and tests of fargate-stack.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves on loopback until SIGTERM, SIGINT, or the end of a piped standard input.
    ///
    /// Prints one line of JSON when ready: endpoints, control address, account and region.
    Serve {
        /// Where AWS listens [default: a free port of 127.0.0.1]
        #[arg(long, value_name = "ADDR")]
        aws: Option<SocketAddr>,
        /// Where GitHub listens [default: a free port of 127.0.0.1]
        #[arg(long, value_name = "ADDR")]
        github: Option<SocketAddr>,
        /// What the account holds: standard or empty
        #[arg(long, default_value = "standard")]
        seed: Seed,
        /// The Python interpreter that has moto [default: .venv/bin/python, here or above]
        #[arg(long, value_name = "PATH")]
        python: Option<PathBuf>,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let Command::Serve { aws, github, seed, python } = Arguments::parse().command;
    match serve(Options { aws, github, seed, python }).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(options: Options) -> Result<(), Box<dyn std::error::Error>> {
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let sandbox = start(options).await?;
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{}", serde_json::to_string(&sandbox.ready)?)?;
    stdout.flush()?;
    tokio::select! {
        _ = terminated.recv() => {}
        _ = interrupted.recv() => {}
        () = parent_gone() => {}
    }
    sandbox.stop().await;
    Ok(())
}

/// Ends when the parent closes our standard input. Only a pipe or socket has such a parent: a terminal is ended by its
/// user, and `/dev/null` is at its end from the start.
async fn parent_gone() {
    let kind = std::fs::metadata("/dev/stdin").map(|stdin| stdin.file_type());
    if !kind.is_ok_and(|kind| kind.is_fifo() || kind.is_socket()) {
        return std::future::pending().await;
    }
    let (gone, told) = oneshot::channel();
    // A thread of its own: a blocked read must not keep the runtime from ending.
    std::thread::spawn(move || {
        let mut bytes = [0_u8; 256];
        while std::io::stdin().read(&mut bytes).is_ok_and(|count| count > 0) {}
        gone.send(())
    });
    let _ = told.await;
}
