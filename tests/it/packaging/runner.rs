//! A runner's step without a runner: folders with blanks in their names, only the tools that a test names, no network.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::super::harness::{Run, World};

/// What bootstrap.sh calls beside what downloads, hashes and attests.
const TOOLS: &[&str] =
    &["cat", "chmod", "cp", "cut", "mkdir", "mktemp", "mv", "rm", "rmdir", "sed", "sh", "tr"];

/// The target that the runner's `uname` names.
pub const TARGET: &str = "x86_64-unknown-linux-musl";

/// The version of the table.
pub const VERSION: &str = "1.2.3";

/// Where the repository is.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// A program on the PATH of this process.
pub fn which(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap();
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// The shells to run a step with; `sh` is what the runner takes, the others when they are here.
pub fn shells() -> Vec<Vec<PathBuf>> {
    let mut found: Vec<Vec<PathBuf>> =
        ["sh", "dash", "bash"].into_iter().filter_map(which).map(|shell| vec![shell]).collect();
    found.extend(which("busybox").map(|busybox| vec![busybox, "ash".into()]));
    eprintln!("shells: {found:?}");
    assert!(!found.is_empty());
    found
}

/// A shell with tools of its own, which go before those of the PATH.
pub fn has_own_tools(shell: &[PathBuf]) -> bool {
    shell[0].ends_with("busybox")
}

/// The sha256 of some bytes, as hex.
pub fn sum(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// A program that tells which one it is, its arguments and its process.
pub fn program(name: &str) -> String {
    format!("#!/bin/sh\necho \"{name} ran $1 as $$ umask $(umask)\"\n")
}

/// The action's own environment, tools, caches and releases.
pub struct Runner {
    folder: TempDir,
    env: Vec<(String, String)>,
}

impl Runner {
    /// A runner with `sha256sum`, a tool cache, and a mirror that holds the asset that the table names.
    pub fn new() -> Self {
        let runner = Self { folder: TempDir::new().unwrap(), env: vec![] };
        for folder in ["action", "tools", "home", "tool cache", "temp of job", "mirror", "work space"] {
            std::fs::create_dir(runner.path(folder)).unwrap();
        }
        for tool in TOOLS {
            runner.tool(tool);
        }
        runner.tool("sha256sum");
        runner.script(
            "tools/uname",
            "#!/bin/sh\ncase $1 in -s) echo \"${FAKE_OS:-Linux}\" ;; *) echo \"${FAKE_CPU:-x86_64}\" ;; esac\n",
        );
        std::fs::copy(root().join("bootstrap.sh"), runner.path("action/bootstrap.sh")).unwrap();
        runner.asset(TARGET, program("release").as_bytes());
        runner.pin(TARGET, &sum(program("release").as_bytes()));
        let mirror = runner.path("mirror").display().to_string();
        runner.with("FARGATE_STACK_MIRROR", &mirror)
    }

    /// A path below the runner's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// With this variable; empty takes it away.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.env.retain(|(known, _)| known != name);
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Puts a tool of this machine on the runner's PATH.
    pub fn tool(&self, name: &str) {
        let found = which(name).unwrap_or_else(|| panic!("this machine has no {name}"));
        symlink(found, self.path("tools").join(name)).unwrap();
    }

    /// Takes a tool from the runner's PATH.
    pub fn without(&self, name: &str) {
        std::fs::remove_file(self.path("tools").join(name)).unwrap();
    }

    /// Writes a program.
    pub fn script(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        // Another process writes it: one that was forked beside this thread could hold it open, and then it cannot be executed.
        let text_of = self.path("text of the program");
        std::fs::write(&text_of, text).unwrap();
        let done = Command::new("install").args(["-m", "755"]).arg(text_of).arg(&path).status().unwrap();
        assert!(done.success());
        path
    }

    /// Puts an asset into the mirror.
    pub fn asset(&self, target: &str, bytes: &[u8]) {
        let folder = self.path("mirror").join(format!("v{VERSION}"));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("fargate-stack-{target}")), bytes).unwrap();
    }

    /// Writes the table with this one line.
    pub fn pin(&self, target: &str, sum: &str) {
        self.table(&format!("# A comment.\n\n{VERSION} {target} {sum}\n"));
    }

    /// Writes the table.
    pub fn table(&self, text: &str) {
        std::fs::write(self.path("action/versions.txt"), text).unwrap();
    }

    /// Where the tool cache keeps the binary.
    pub fn cached(&self) -> PathBuf {
        self.path("tool cache").join(format!("fargate-stack/{VERSION}/{TARGET}/fargate-stack"))
    }

    /// The first step of `action.yml`, as the runner starts it.
    pub fn command(&self, shell: &[PathBuf]) -> Command {
        let action: Value =
            serde_yaml::from_str(&std::fs::read_to_string(root().join("action.yml")).unwrap()).unwrap();
        let step = &action["runs"]["steps"][0];
        assert_eq!((&step["id"], &step["shell"]), (&"u".into(), &"sh".into()));
        let script = self.path("step.sh");
        std::fs::write(&script, step["run"].as_str().unwrap()).unwrap();
        let mut command = Command::new(&shell[0]);
        command.args(&shell[1..]).arg("-e").arg(script).current_dir(self.path("work space")).env_clear();
        for (name, folder) in [
            ("PATH", "tools"),
            ("HOME", "home"),
            ("GITHUB_ACTION_PATH", "action"),
            ("RUNNER_TOOL_CACHE", "tool cache"),
            ("RUNNER_TEMP", "temp of job"),
            ("GITHUB_OUTPUT", "output"),
        ] {
            command.env(name, self.path(folder));
        }
        command.env("FARGATE_STACK_ACTION_REPOSITORY", "org/fargate-stack-action");
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null());
        command
    }

    /// Runs the first step of `action.yml`.
    pub fn run(&self, shell: &[PathBuf]) -> Run {
        let run = World::output(&mut self.command(shell));
        let home: Vec<_> = std::fs::read_dir(self.path("home")).unwrap().collect();
        assert!(home.is_empty(), "something was written into the home folder: {home:?}");
        run
    }

    /// Runs the step, which must refuse: nothing was executed, nothing is left in the caches, and the reason is one annotation.
    #[track_caller]
    pub fn refused(&self, shell: &[PathBuf], why: &str) -> Run {
        let run = self.run(shell);
        let all = format!("{}{}", run.stdout, run.stderr);
        assert_eq!(run.code, 1, "{shell:?}: {all}");
        assert!(!all.contains(" ran "), "{shell:?}: something was executed: {all}");
        let commands: Vec<&str> = all.lines().filter(|line| line.starts_with("::")).collect();
        assert!(commands.len() == 1 && commands[0].starts_with("::error title=fargate-stack::"), "{all}");
        assert!(commands[0].contains(why), "{shell:?}: `{why}` is not in {all}");
        for cache in ["tool cache", "temp of job"] {
            assert_eq!(parts(&self.path(cache)), Vec::<PathBuf>::new());
        }
        run
    }

    /// Runs the step, which must execute the program of this name, in the place of the shell.
    #[track_caller]
    pub fn runs(&self, shell: &[PathBuf], name: &str) -> Run {
        let run = self.run(shell).expect(0);
        assert!(run.stdout.starts_with(&format!("{name} ran ci as ")), "{shell:?}: {}", run.stdout);
        run
    }
}

/// Unfinished downloads below a folder.
fn parts(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![];
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_string_lossy().starts_with(".part") {
            found.push(path);
        } else if path.is_dir() {
            found.extend(parts(&path));
        }
    }
    found
}
