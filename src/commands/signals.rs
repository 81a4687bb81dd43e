//! SIGINT and SIGTERM as a flag that the executor watches.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// Runs `work` with a flag that turns true on the first SIGINT or SIGTERM; later ones change nothing.
pub async fn watching<T>(work: impl AsyncFnOnce(watch::Receiver<bool>) -> T) -> T {
    let (stop, stopped) = watch::channel(false);
    let mut work = std::pin::pin!(work(stopped));
    let mut interrupt = signal(SignalKind::interrupt()).ok();
    let mut terminate = signal(SignalKind::terminate()).ok();
    loop {
        tokio::select! {
            done = &mut work => return done,
            () = came(&mut interrupt) => { stop.send_replace(true); }
            () = came(&mut terminate) => { stop.send_replace(true); }
        }
    }
}

/// Returns when the signal comes; never, when it cannot be listened to.
async fn came(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}
