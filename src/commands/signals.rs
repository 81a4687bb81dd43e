//! SIGINT and SIGTERM as a flag that the executor watches.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::error::{Error, ExitStatus};

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

/// Runs `work`, which changes nothing, until its end or the signal: then it is dropped where it is.
pub async fn unless<T>(
    stopped: &watch::Receiver<bool>,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    tokio::select! {
        biased;
        () = raised(stopped) => Err(Error::new(ExitStatus::Interrupted, "interrupted; nothing was changed")),
        done = work => done,
    }
}

/// Returns when the signal has come; never, when nobody listens to signals any more.
pub async fn raised(stopped: &watch::Receiver<bool>) {
    if stopped.clone().wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}
