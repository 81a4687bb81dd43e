//! The lock of a stack around an apply: look, plan, take, do, give back. One run may hold those of several stacks.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch::{self, Receiver};

use crate::aws::{self, Aws, together};
use crate::cli::LockArgs;
use crate::env::Environment;
use crate::error::{Error, ExitStatus};
use crate::lock::{self, Glance, Holder, Lease, LockError, Owner};
use crate::model::CallError;
use crate::render::escape;

use super::session::Session;
use super::{App, signals};

/// How long taking a lock may go on after a signal.
const GRACE: Duration = Duration::from_secs(3);
/// How long giving back a lock may take: after a signal the process has 2 s left.
const RELEASE: Duration = Duration::from_millis(1500);
/// How long a lock is kept that was interrupted with calls under way: far longer than AWS takes for what was asked before.
const UNANSWERED: Duration = Duration::from_mins(1);

/// How a run locks the stacks that it changes.
#[derive(Debug, Clone)]
pub struct Locking {
    owner: Owner,
    /// `None` with `--no-lock`.
    patience: Option<Duration>,
}

/// What [`Locking::take`] gives.
#[derive(Debug, PartialEq, Eq)]
pub enum Taken {
    /// The lock is held, and what was planned since the look is true.
    Ours,
    /// Somebody held it since the look: look and plan again.
    Moved,
}

impl Locking {
    /// For this command.
    pub fn new(app: &App, session: &Session, command: &str, args: &LockArgs) -> Self {
        Self::of_run(app, command, session.run().unwrap_or_default().to_owned(), args)
    }

    /// For this command of a run with an address.
    pub fn of_run(app: &App, command: &str, run: String, args: &LockArgs) -> Self {
        let owner = Owner { who: who(&app.env), what: command.to_owned(), run };
        let patience = (!args.no_lock).then(|| args.lock_timeout.unwrap_or_default());
        Self { owner, patience }
    }

    /// Who runs this.
    pub fn owner(&self) -> &Owner {
        &self.owner
    }

    /// Looks at the lock of a stack, before it is planned. Waits for a holder as long as was asked for, and refuses then. Changes
    /// nothing; `None` when no lock is wanted.
    pub async fn look(&self, session: &Session) -> Result<Option<Glance>, Error> {
        let Some(patience) = self.patience else { return Ok(None) };
        let stack = &session.names.stack;
        let seen = lock::until_free(&session.aws, stack, patience).await;
        seen.map(Some).map_err(|error| refused(stack, error))
    }

    /// Takes the lock that `seen` showed to be free, and adds it to `locks`. Refuses when somebody holds it and nobody wants to wait.
    /// Several are taken in the order of their names, or two runs could wait for each other.
    pub async fn take(
        &self,
        session: &Session,
        seen: Option<&Glance>,
        locks: &mut Locks,
        stopped: &Receiver<bool>,
    ) -> Result<Taken, Error> {
        let (Some(patience), Some(seen)) = (self.patience, seen) else { return Ok(Taken::Ours) };
        let (aws, stack) = (&session.aws, &session.names.stack);
        let taken = tokio::select! {
            taken = lock::take(aws, stack, seen, &self.owner) => taken,
            () = patience_over(stopped) => {
                let message = "interrupted while the lock was being taken; nothing else was changed";
                return Err(Error::new(ExitStatus::Interrupted, message)
                    .hint("if the lock is left behind, it expires within 15 minutes"));
            }
        };
        match taken {
            Ok(lease) => {
                locks.held.insert(stack.clone(), (aws.clone(), lease));
                Ok(Taken::Ours)
            }
            Err(LockError::Moved) => Ok(Taken::Moved),
            Err(LockError::Held(_)) if !patience.is_zero() => {
                // The wait is for the holder alone: what it did is seen by the next look and plan.
                let free = async {
                    let free = lock::until_free(aws, stack, patience).await;
                    free.map_err(|error| refused(stack, error))
                };
                signals::unless(stopped, free).await.map(|_| Taken::Moved)
            }
            Err(error) => Err(refused(stack, error)),
        }
    }
}

/// Returns some time after the signal: a call that is under way is not cut off at once.
async fn patience_over(stopped: &Receiver<bool>) {
    signals::raised(stopped).await;
    aws::pause(GRACE).await;
}

/// The locks that this run holds. What is dropped is not given back, and expires.
#[derive(Debug, Default)]
pub struct Locks {
    held: BTreeMap<String, (Aws, Lease)>,
    lost: Mutex<Option<Error>>,
}

impl Locks {
    /// Runs `work` and keeps the locks meanwhile. Its flag turns true when `stopped` does, and when a lock is lost: then nothing
    /// new may be started.
    pub async fn during<T>(
        &self,
        stopped: &Receiver<bool>,
        work: impl AsyncFnOnce(Receiver<bool>) -> T,
    ) -> T {
        let (stop, cancel) = watch::channel(*stopped.borrow());
        let mut work = pin!(work(cancel));
        let keeps = self.held.iter().map(async |(stack, (aws, lease))| {
            let lost = lease.keep(aws).await;
            let message = format!("the lock of the stack `{stack}` was lost: nothing more was started");
            let error = Error::new(ExitStatus::Failed, message).caused_by(lost.to_string());
            let mut told = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
            told.get_or_insert(
                error.hint("run it again: what is done stays done, and it goes on with the rest"),
            );
            stop.send_replace(true);
        });
        let mut keeping = pin!(async {
            together::all(keeps).await;
            std::future::pending::<()>().await;
        });
        let mut signal = pin!(async {
            signals::raised(stopped).await;
            stop.send_replace(true);
            std::future::pending::<()>().await;
        });
        loop {
            tokio::select! {
                done = &mut work => return done,
                () = &mut keeping => {}
                () = &mut signal => {}
            }
        }
    }

    /// Why the work was stopped, when that was for a lost lock.
    pub fn lost(&self) -> Option<Error> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Gives back the lock of a stack, if it is held; a little later when calls are under way that have no answer.
    pub async fn release(&self, app: &App, stack: &str, unanswered: bool) {
        let Some((aws, lease)) = self.held.get(stack) else { return };
        let released = async {
            if unanswered { lease.release_after(aws, UNANSWERED).await } else { lease.release(aws).await }
        };
        let late = || CallError::local("ssm:PutParameter", "no answer came in time");
        let released = tokio::time::timeout(RELEASE, released).await;
        match released.unwrap_or_else(|_| Err(late())) {
            Ok(()) if unanswered => {
                app.console.note(&format!(
                    "calls that were made have no answer: {stack} stays locked for {} s, so that nobody plans before they took effect",
                    UNANSWERED.as_secs()
                ));
            }
            Ok(()) => {}
            Err(error) => app.console.warn(&format!(
                "the lock of {stack} could not be given back, and expires within 15 minutes: {error}; `fargate-stack unlock {}` \
                 takes it away",
                lease.id()
            )),
        }
    }

    /// Gives all of them back.
    pub async fn release_all(&self, app: &App) {
        let all = self.held.keys().map(async |stack| self.release(app, stack, false).await);
        together::all(all).await;
    }
}

/// Who runs this, for the one who is kept out.
pub fn who(env: &Environment) -> String {
    // Who started a run again is not who started it first.
    if let Some(actor) = env.get("GITHUB_TRIGGERING_ACTOR").or_else(|| env.get("GITHUB_ACTOR")) {
        return actor.to_owned();
    }
    let user = ["USER", "LOGNAME", "USERNAME"].iter().find_map(|name| env.get(name)).unwrap_or("somebody");
    match ["HOSTNAME", "COMPUTERNAME"].iter().find_map(|name| env.get(name)).map(str::to_owned).or_else(host)
    {
        Some(host) => format!("{user}@{host}"),
        None => user.to_owned(),
    }
}

/// The name of this machine, where it is a file.
fn host() -> Option<String> {
    let name = std::fs::read_to_string("/etc/hostname").ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// Why there is no lock, and what can be done.
fn refused(stack: &str, error: LockError) -> Error {
    match error {
        LockError::Held(holder) => Error::new(ExitStatus::Refused, format!("the stack `{stack}` is locked"))
            .because("locked")
            .detail(told(&holder))
            .hint("`--lock-timeout 10m` waits for it")
            .hint(format!(
                "if that run is gone for sure, `fargate-stack unlock {}` takes the lock away",
                holder.id
            )),
        LockError::Moved => moved(stack),
        LockError::Call(call) => of_call(stack, &call),
    }
}

/// What was shown is not what would be done now.
pub fn moved(stack: &str) -> Error {
    Error::new(
        ExitStatus::Refused,
        format!("another run changed the stack `{stack}` meanwhile; nothing was changed"),
    )
    .hint("run it again: it plans from what is true now")
}

/// A call for the lock failed.
pub fn of_call(stack: &str, call: &CallError) -> Error {
    let error = Error::of_call(format!("could not lock the stack `{stack}`"), call);
    if !call.is_access_denied() {
        return error;
    }
    let needed: Vec<String> =
        lock::READS.iter().chain(lock::WRITES).map(|action| format!("`{action}`")).collect();
    error
        .hint(format!(
            "the lock needs {} on the parameters below `{}`; `fargate-stack iam print --role apply` prints the whole policy",
            needed.join(", "),
            lock::PATH
        ))
        .hint("`--no-lock` goes on without the lock; then nothing keeps two runs from changing the stack at once")
}

/// A holder, a line for each part.
pub fn told(holder: &Holder) -> String {
    let Owner { who, what, run } = &holder.owner;
    let mut lines = vec![format!("held by  {} ({})", escape::terminal(who), escape::terminal(what))];
    if !run.is_empty() {
        lines.push(format!("run      {}", escape::terminal(run)));
    }
    let time = |seconds: u64| Environment::utc_text(i64::try_from(seconds).unwrap_or(i64::MAX));
    lines.push(format!("since    {}", time(holder.since)));
    lines.push(format!("expires  {} unless it is renewed", time(holder.expires)));
    lines.push(format!("id       {}", escape::terminal(&holder.id)));
    lines.join("\n")
}
