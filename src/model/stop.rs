//! How a step learns that the apply is stopped.

use std::future::Future;

use tokio::sync::watch;

tokio::task_local! {
    /// Turns true when nothing new is to be started.
    static STOP: watch::Receiver<bool>;
}

/// Runs a step that is told by `stop` to end its waits. Calls that it makes are never cut off.
pub async fn stoppable<T>(stop: watch::Receiver<bool>, work: impl Future<Output = T>) -> T {
    STOP.scope(stop, work).await
}

/// Returns when the step that runs is to be stopped; never, outside of one.
pub async fn stopped() {
    // Cloned: the task's own must not be borrowed over a wait.
    if let Ok(mut stop) = STOP.try_with(watch::Receiver::clone)
        && stop.wait_for(|stop| *stop).await.is_ok()
    {
        return;
    }
    std::future::pending::<()>().await;
}
