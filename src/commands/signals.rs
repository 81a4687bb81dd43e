//! SIGINT and SIGTERM as a flag that the executor watches; on Windows, Ctrl+C and Ctrl+Break.

use tokio::sync::watch;

use crate::error::{Error, ExitStatus};

/// Runs `work` with a flag that turns true on the first SIGINT or SIGTERM; later ones change nothing.
pub async fn watching<T>(work: impl AsyncFnOnce(watch::Receiver<bool>) -> T) -> T {
    let (stop, stopped) = watch::channel(false);
    let mut work = std::pin::pin!(work(stopped));
    let mut signals = Signals::listen();
    loop {
        tokio::select! {
            done = &mut work => return done,
            () = signals.came() => { stop.send_replace(true); }
        }
    }
}

/// What asks a process to end.
#[cfg(unix)]
struct Signals {
    interrupt: Option<tokio::signal::unix::Signal>,
    terminate: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let listen = |kind| signal(kind).ok();
        Self { interrupt: listen(SignalKind::interrupt()), terminate: listen(SignalKind::terminate()) }
    }

    /// Returns when one comes.
    async fn came(&mut self) {
        tokio::select! {
            () = one(self.interrupt.as_mut().map(tokio::signal::unix::Signal::recv)) => {}
            () = one(self.terminate.as_mut().map(tokio::signal::unix::Signal::recv)) => {}
        }
    }
}

/// What asks a process to end. The runner sends Ctrl+C first.
#[cfg(windows)]
struct Signals {
    interrupt: Option<tokio::signal::windows::CtrlC>,
    terminate: Option<tokio::signal::windows::CtrlBreak>,
}

#[cfg(windows)]
impl Signals {
    fn listen() -> Self {
        use tokio::signal::windows::{ctrl_break, ctrl_c};
        Self { interrupt: ctrl_c().ok(), terminate: ctrl_break().ok() }
    }

    /// Returns when one comes.
    async fn came(&mut self) {
        tokio::select! {
            () = one(self.interrupt.as_mut().map(tokio::signal::windows::CtrlC::recv)) => {}
            () = one(self.terminate.as_mut().map(tokio::signal::windows::CtrlBreak::recv)) => {}
        }
    }
}

/// Returns when the signal comes; never, when it cannot be listened to.
async fn one(signal: Option<impl Future<Output = Option<()>>>) {
    match signal {
        Some(signal) => {
            signal.await;
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
