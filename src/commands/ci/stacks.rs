//! The stacks of a job: their files, their accounts, their plans.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tokio::sync::Semaphore;

use crate::approval;
use crate::aws::{Aws, Options, together};
use crate::cli::Selection;
use crate::config::{ConfigError, Loaded};
use crate::error::{Error, ExitStatus};
use crate::lock::Glance;
use crate::model::Plan;

use super::super::locked::Locking;
use super::super::session::Session;
use super::super::{App, failure};
use super::inputs::Inputs;
use super::job::Job;

/// How many stacks are planned at once. Each makes some 30 to 60 reads, and AWS counts them by account.
const AT_ONCE: usize = 8;
/// More stack files than this are a pattern that matches too much.
const MOST_FILES: usize = 500;

/// A stack file of the job.
pub struct Stack {
    /// Its path as the patterns gave it, relative to the workspace.
    pub file: String,
    /// The file.
    pub loaded: Loaded,
}

impl Stack {
    /// The stack's name.
    pub fn name(&self) -> &str {
        &self.loaded.config.app.name
    }
}

/// A stack, its account, and what would be done.
pub struct PlannedStack {
    /// The stack file, relative to the workspace.
    pub file: String,
    /// The account and the file.
    pub session: Session,
    /// The plan.
    pub plan: Plan,
    /// What the lock looked like before the plan was made; `None` where nobody looked.
    pub seen: Option<Glance>,
}

impl PlannedStack {
    /// For the record and the verdict.
    pub fn planned(&self) -> approval::Planned<'_> {
        approval::Planned { file: &self.file, plan: &self.plan }
    }
}

/// What came of planning one stack.
pub struct Attempt {
    /// The stack's name.
    pub stack: String,
    /// The stack file.
    pub file: String,
    /// The plan, or why there is none.
    pub outcome: Result<PlannedStack, Error>,
}

/// The stack files that the patterns name, in the order of their paths, narrowed to the stacks that are meant.
pub fn load(app: &App, job: &Job<'_>, inputs: &Inputs) -> Result<Vec<Stack>, Error> {
    let root = app.env.path("GITHUB_WORKSPACE").filter(|_| app.env.is_ci());
    let files = files(root.as_deref(), &inputs.patterns)?;
    let mut stacks = Vec::new();
    let mut errors: Vec<ConfigError> = Vec::new();
    for path in files {
        match app.read_at(&path) {
            Ok(loaded) => stacks.push(Stack { file: path.display().to_string(), loaded }),
            Err(error) => errors.push(error),
        }
    }
    if !errors.is_empty() {
        job.annotate(&errors);
        return Err(together_told(&errors));
    }
    let mut by_name: BTreeMap<&str, &str> = BTreeMap::new();
    for stack in &stacks {
        if let Some(other) = by_name.insert(stack.name(), &stack.file) {
            let message = format!("`{other}` and `{}` are both of the stack `{}`", stack.file, stack.name());
            return Err(Error::new(ExitStatus::Usage, message)
                .hint("give each an `app.name` of its own, or narrow the input `config`"));
        }
    }
    if let Some(missing) = inputs.stacks.iter().find(|name| !by_name.contains_key(name.as_str())) {
        let known: Vec<String> = by_name.keys().map(|name| format!("`{name}`")).collect();
        return Err(Error::new(ExitStatus::Usage, format!("there is no stack `{missing}`"))
            .hint(format!("the stack files are of {}", known.join(", "))));
    }
    if !inputs.stacks.is_empty() {
        stacks.retain(|stack| inputs.stacks.iter().any(|name| name == stack.name()));
    }
    Ok(stacks)
}

/// One error for all files that cannot be used.
fn together_told(errors: &[ConfigError]) -> Error {
    match errors {
        [only] => failure::config(only),
        several => {
            let text: Vec<String> = several.iter().map(ToString::to_string).collect();
            Error::new(ExitStatus::Usage, format!("{} stack files cannot be used", several.len()))
                .detail(text.join("\n\n"))
        }
    }
}

/// The files that patterns name. A pattern without `*`, `?` or `[` is a path, and must be there when it is loaded.
fn files(root: Option<&Path>, patterns: &[String]) -> Result<Vec<PathBuf>, Error> {
    let mut found = std::collections::BTreeSet::new();
    for pattern in patterns {
        if !pattern.contains(['*', '?', '[']) {
            found.insert(PathBuf::from(pattern));
            continue;
        }
        let refused = |why: &str| {
            Error::new(ExitStatus::Usage, format!("`config` has the pattern `{pattern}`, which {why}"))
        };
        if Path::new(pattern).is_absolute()
            || Path::new(pattern).components().any(|part| part.as_os_str() == "..")
        {
            return Err(refused("leads out of the workspace")
                .hint("patterns are relative to the workspace and have no `..`"));
        }
        let whole = root.map_or_else(
            || pattern.clone(),
            |root| format!("{}/{pattern}", glob::Pattern::escape(&root.to_string_lossy())),
        );
        let paths =
            glob::glob(&whole).map_err(|error| refused("is not a pattern").caused_by(error.to_string()))?;
        let before = found.len();
        for path in paths {
            let path = path.map_err(|error| {
                refused("leads to a folder that cannot be read").caused_by(error.to_string())
            })?;
            if path.is_file() {
                let short = root.and_then(|root| path.strip_prefix(root).ok()).unwrap_or(&path);
                found.insert(short.to_owned());
            }
            if found.len() > MOST_FILES {
                return Err(refused("matches more than 500 files"));
            }
        }
        if found.len() == before {
            return Err(refused("matches no new file").hint("check the input `config` of the action"));
        }
    }
    if found.is_empty() {
        return Err(Error::new(ExitStatus::Usage, "the input `config` names no stack file"));
    }
    Ok(found.into_iter().collect())
}

/// The accounts of stacks: who we are is asked once for each region and set of credentials.
#[derive(Default)]
pub struct Accounts {
    known: Vec<(Options, Aws)>,
}

impl Accounts {
    /// The session of a stack. Credentials of another account than the stack file and the workflow allow are refused before any
    /// other call.
    pub async fn session(&mut self, app: &App, inputs: &Inputs, stack: Stack) -> Result<Session, Error> {
        let options = app.connection(&stack.loaded.config);
        let known = self.known.iter().find(|(of, _)| *of == options).map(|(_, aws)| aws.clone());
        let aws = if let Some(aws) = known {
            aws
        } else {
            let connection = app.connect(&stack.loaded).await?;
            let aws = connection.identify().await.map_err(|error| failure::connect(&error))?;
            if !inputs.accounts.is_empty() && !inputs.accounts.contains(&aws.account) {
                let message = format!(
                    "the credentials are of the account {}, which `aws-account-ids` does not allow",
                    aws.account
                );
                return Err(Error::new(ExitStatus::Usage, message)
                    .hint("use the role of the right account, or add the account to the input"));
            }
            self.known.push((options, aws.clone()));
            aws
        };
        Session::with(app, stack.loaded, aws)
    }
}

/// Plans all stacks, some at a time. Where they are to be changed, their locks are looked at first: whoever takes one after that
/// look knows that nobody held it in between, so the plan is still true.
pub async fn plan(
    sessions: Vec<(String, Result<Session, Error>)>,
    selection: &Selection,
    locking: Option<&Locking>,
) -> Vec<Attempt> {
    let turns = Semaphore::new(AT_ONCE);
    let turns = &turns;
    together::all(sessions.into_iter().map(|(file, session)| async move {
        let stack = session.as_ref().map_or_else(|_| file.clone(), |session| session.names.stack.clone());
        let outcome = match session {
            Err(error) => Err(error),
            Ok(session) => {
                // The semaphore is never closed.
                let _turn = turns.acquire().await;
                one(file.clone(), session, selection, locking).await
            }
        };
        Attempt { stack, file, outcome }
    }))
    .await
}

async fn one(
    file: String,
    session: Session,
    selection: &Selection,
    locking: Option<&Locking>,
) -> Result<PlannedStack, Error> {
    let seen = match locking {
        Some(locking) => locking.look(&session).await?,
        None => None,
    };
    let plan = session.plan(selection).await?.plan;
    Ok(PlannedStack { file, session, plan, seen })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_find_files_once_in_order_and_stay_in_the_workspace() {
        let folder = tempfile::TempDir::new().unwrap();
        let root = folder.path();
        std::fs::create_dir_all(root.join("stacks/b.yml")).unwrap();
        for name in ["stacks/c.yml", "stacks/a.yml", "fargate-stack.yml"] {
            std::fs::write(root.join(name), "x").unwrap();
        }
        let named = |patterns: &[&str]| {
            files(Some(root), &patterns.iter().map(|p| (*p).to_owned()).collect::<Vec<_>>())
        };
        let found = named(&["stacks/*.yml", "fargate-stack.yml", "stacks/a.yml"]).unwrap();
        let found: Vec<String> = found.iter().map(|path| path.display().to_string()).collect();
        assert_eq!(found, ["fargate-stack.yml", "stacks/a.yml", "stacks/c.yml"]);
        for (pattern, why) in [
            ("../*.yml", "leads out"),
            ("/etc/*", "leads out"),
            ("none/*.yml", "matches no"),
            ("[", "is not a pattern"),
        ] {
            let error = named(&[pattern]).unwrap_err();
            assert!(error.to_string().contains(why), "{pattern}: {error}");
            assert_eq!(error.exit(), ExitStatus::Usage);
        }
        assert!(named(&[]).is_err());
    }
}
