//! What the folder tells: Git, the Dockerfile.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::scaffold::found::{self, Dockerfile};

/// The largest file that is looked at, in bytes.
const MAX: u64 = 1024 * 1024;

/// What was found. Nothing is run for it.
#[derive(Debug, Default)]
pub struct Here {
    /// `owner/name` on GitHub.
    pub repository: Option<String>,
    /// The branch that `origin` calls its head.
    pub branch: Option<String>,
    /// What the Dockerfile says.
    pub docker: Option<Dockerfile>,
    /// A name for the application: of the repository, else of the folder.
    pub name: Option<String>,
}

impl Here {
    /// Looks at `root`.
    pub fn look(root: &Path) -> Self {
        let git = git(root);
        let read = |name: &str| git.as_ref().and_then(|git| text(&git.join(name)));
        let repository = read("config").and_then(|config| found::repository(&config));
        let folder = fs::canonicalize(if root.as_os_str().is_empty() { Path::new(".") } else { root }).ok();
        let folder = folder.and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
        let named = repository.as_deref().and_then(|name| Some(name.split_once('/')?.1.to_owned()));
        Self {
            branch: read("refs/remotes/origin/HEAD").and_then(|head| found::default_branch(&head)),
            docker: text(&root.join("Dockerfile")).map(|text| found::dockerfile(&text)),
            name: named.or(folder).and_then(|name| found::app_name(&name)),
            repository,
        }
    }
}

/// The folder of Git's configuration; a worktree and a submodule name theirs in a file.
fn git(root: &Path) -> Option<PathBuf> {
    let place = root.join(".git");
    if place.is_dir() {
        return Some(place);
    }
    let named = text(&place)?;
    let folder = root.join(named.trim().strip_prefix("gitdir:")?.trim());
    match text(&folder.join("commondir")) {
        Some(common) => Some(folder.join(common.trim())),
        None => Some(folder),
    }
}

fn text(path: &Path) -> Option<String> {
    // Opening a pipe waits for somebody to write to it, so look first.
    if !fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut text = String::new();
    File::open(path).ok()?.take(MAX).read_to_string(&mut text).ok()?;
    Some(text)
}
