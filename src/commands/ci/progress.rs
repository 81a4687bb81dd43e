//! What a job has done so far, in a file of the runner's temporary folder: for the step that runs when the job was cancelled or killed.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::env::Environment;

/// How far an apply is. Holds no value of a stack file and no secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// Which comment.
    pub scope: String,
    /// The digest of the plan.
    pub digest: String,
    /// The pull requests whose comments say that it is being applied.
    pub pulls: Vec<u64>,
    /// The deployment on GitHub.
    pub deployment: Option<u64>,
    /// By stack: how many steps there are, and those that are done, in words.
    pub stacks: BTreeMap<String, Steps>,
    /// Everything that can be told was told.
    pub ended: bool,
}

/// The steps of one stack.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Steps {
    /// How many there are.
    pub planned: usize,
    /// Those that are done: `create service.web`.
    pub done: Vec<String>,
}

impl Progress {
    /// Where the file of this attempt is; `None` outside of a runner.
    pub fn path(env: &Environment) -> Option<PathBuf> {
        let (run, attempt) = (env.get("GITHUB_RUN_ID")?, env.get("GITHUB_RUN_ATTEMPT").unwrap_or("1"));
        let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let name = format!("fargate-stack-{run}-{attempt}.json");
        (plain(run) && plain(attempt))
            .then(|| env.path("RUNNER_TEMP").map(|folder| folder.join(name)))
            .flatten()
    }

    /// Reads what an earlier step of this job left; `None` when there is nothing readable.
    pub fn read(env: &Environment) -> Option<Self> {
        serde_json::from_str(&std::fs::read_to_string(Self::path(env)?).ok()?).ok()
    }

    /// Writes it. A job goes on without.
    pub fn save(&self, env: &Environment) -> std::io::Result<()> {
        let (Some(path), Ok(text)) = (Self::path(env), serde_json::to_string(self)) else { return Ok(()) };
        write_private(&path, &text)
    }

    /// How many steps are done, and how many there are.
    pub fn counts(&self) -> (usize, usize) {
        self.stacks.values().fold((0, 0), |(done, all), steps| (done + steps.done.len(), all + steps.planned))
    }
}

/// Writes a file that only its owner can read, whole or not at all.
pub fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    // What lies there may belong to somebody else, or lead elsewhere.
    match std::fs::remove_file(&beside) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&beside)?.write_all(text.as_bytes())?;
    std::fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_read_back_and_is_its_owners_alone() {
        let folder = tempfile::TempDir::new().unwrap();
        let temp = folder.path().to_str().unwrap();
        let env =
            Environment::of(&[("RUNNER_TEMP", temp), ("GITHUB_RUN_ID", "318"), ("GITHUB_RUN_ATTEMPT", "2")]);
        assert_eq!(Progress::read(&env), None);
        let steps = Steps { planned: 3, done: vec!["create service.web".to_owned()] };
        let progress = Progress {
            scope: "fargate-stack.yml".to_owned(),
            stacks: BTreeMap::from([("shop".to_owned(), steps)]),
            ..Progress::default()
        };
        progress.save(&env).unwrap();
        progress.save(&env).unwrap();
        assert_eq!(Progress::read(&env), Some(progress.clone()));
        assert_eq!(progress.counts(), (1, 3));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(Progress::path(&env).unwrap()).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_run_id_that_is_no_number_names_no_file() {
        let env = Environment::of(&[("RUNNER_TEMP", "/tmp"), ("GITHUB_RUN_ID", "../x")]);
        assert_eq!(Progress::path(&env), None);
    }
}
