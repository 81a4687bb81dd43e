//! The `fargate-stack` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    fargate_stack::commands::main().into()
}
