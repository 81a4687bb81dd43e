//! Options of the lock.

use std::time::Duration;

use clap::Args;

use super::duration;

/// The lock of a stack.
#[derive(Debug, Clone, Default, Args)]
pub struct LockArgs {
    /// Do not take the stack's lock
    #[arg(long)]
    pub no_lock: bool,
    /// How long to wait for somebody else's lock: 90s, 5m; by default not at all
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub lock_timeout: Option<Duration>,
}

/// Options of `unlock`.
#[derive(Debug, Clone, Args)]
pub struct UnlockArgs {
    /// The id of the lock, as the refusal told it
    #[arg(value_name = "ID")]
    pub id: String,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}
