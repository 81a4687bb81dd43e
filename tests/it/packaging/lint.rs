//! The linters over `action.yml`, every workflow, every block of YAML in the documents that is one, and every shell script.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::super::documents;
use super::super::harness::{Run, World};
use super::runner::{root, which};

/// What the block of a document lacks to be a workflow of its own.
const HEAD: &str = "name: document\non:\n  push:\n    branches: [main]\npermissions: {}\n\
    concurrency:\n  group: document-${{ github.ref }}\n  cancel-in-progress: false\n";

/// What steps lack.
const JOB: &str = "jobs:\n  document:\n    name: Document\n    runs-on: ubuntu-24.04\n    timeout-minutes: 5\n    \
    permissions:\n      contents: read # check out\n    steps:\n";

/// A repository in a folder of its own, to be linted.
pub struct Linted {
    folder: TempDir,
    files: Vec<PathBuf>,
}

impl Linted {
    /// An empty one.
    pub fn new() -> Self {
        Self { folder: TempDir::new().unwrap(), files: vec![] }
    }

    /// Adds a workflow under this name, or the action.
    pub fn add(&mut self, name: &str, text: &str) {
        let flat = name.replace(['/', ' '], "-");
        let below = self.folder.path();
        let path = if name.ends_with("action.yml") {
            below.join(format!("of-{}/action.yml", self.files.len()))
        } else {
            below.join(".github/workflows").join(flat)
        };
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        assert!(!path.exists(), "{name} twice");
        std::fs::write(&path, text).unwrap();
        self.files.push(path);
    }

    /// What zizmor says, offline and as pedantic as it can be.
    pub fn zizmor(&self) -> Run {
        let run = World::output(
            tool("zizmor")
                .args([
                    "--offline",
                    "--persona",
                    "pedantic",
                    "--no-config",
                    "--no-progress",
                    "--color",
                    "never",
                ])
                .current_dir(self.folder.path())
                .arg("."),
        );
        let read = run.stderr.matches("completed ").count();
        assert_eq!(read, self.files.len(), "zizmor left files out: {}", run.stderr);
        run
    }

    /// What GitHub's own parser says; nothing, told, where it was not built.
    pub fn parser(&self) -> Option<Run> {
        let script = root().join("tests/lint/build/parse.cjs");
        let node = which("node").filter(|_| script.is_file());
        let Some(node) = node else {
            let demanded = std::env::var("FARGATE_STACK_LINT").is_ok_and(|what| what == "all");
            assert!(!demanded, "FARGATE_STACK_LINT=all needs node and `make parser`");
            eprintln!("skipped: GitHub's own parser of workflows needs node and `make parser`");
            return None;
        };
        Some(World::output(Command::new(node).arg(script).args(&self.files)))
    }

    /// Neither of them complains.
    #[track_caller]
    pub fn expect_clean(&self) {
        let run = self.zizmor();
        assert_eq!(run.code, 0, "{}", run.stdout);
        if let Some(run) = self.parser() {
            assert_eq!(run.code, 0, "{}", run.stdout);
        }
    }
}

/// A program of the Python environment.
fn tool(name: &str) -> Command {
    let mut command = Command::new(root().join(".venv/bin").join(name));
    command.env_clear().env("PATH", std::env::var("PATH").unwrap());
    command
}

/// Files below a folder of the repository with this ending, without what was built.
fn files(below: &str, ending: &str) -> Vec<PathBuf> {
    let mut git = Command::new("git");
    git.args(["ls-files", "-co", "--exclude-standard", "--", below]).current_dir(root());
    let listed = git.output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    listed.lines().filter(|name| name.ends_with(ending)).map(|name| root().join(name)).collect()
}

/// The workflow that a block of YAML is, or stands in; nothing when it is of another kind.
fn workflow(block: &str) -> Option<String> {
    let first = block.lines().find(|line| !line.trim_start().starts_with('#') && !line.is_empty())?;
    let has = |key: &str| block.lines().any(|line| line.starts_with(key));
    if has("on:") && has("jobs:") {
        return Some(block.to_owned());
    }
    if has("jobs:") {
        return Some(format!("{HEAD}{block}"));
    }
    let step = first.trim_start().strip_prefix("- ")?;
    let is_step = ["uses:", "id:", "if:", "run:", "name:"].iter().any(|key| step.starts_with(key));
    is_step.then(|| {
        let margin = first.len() - first.trim_start().len();
        let lines = block.lines().map(|line| format!("      {}\n", line.get(margin..).unwrap_or_default()));
        format!("{HEAD}{JOB}{}", lines.collect::<String>())
    })
}

#[test]
fn the_action_and_the_workflows_have_no_findings() {
    let mut linted = Linted::new();
    for file in
        [files("action.yml", "action.yml"), files(".github/workflows", ".yml"), files("examples", ".yml")]
            .concat()
    {
        let name = file.strip_prefix(root()).unwrap().display().to_string();
        if name == "action.yml" || name.contains(".github/workflows/") {
            linted.add(&name, &std::fs::read_to_string(&file).unwrap());
        }
    }
    assert!(linted.files.len() >= 7, "{:?}", linted.files);
    linted.expect_clean();
}

#[test]
fn the_blocks_of_the_documents_have_no_findings() {
    let mut linted = Linted::new();
    for (file, block) in documents::yaml_blocks() {
        match workflow(&block) {
            Some(workflow) => {
                let name = format!("{file}-{}.yml", linted.files.len());
                linted.add(&name, &workflow);
            }
            None => assert!(
                !block.contains("uses:") && !block.contains("runs-on:"),
                "{file}: not linted:\n{block}"
            ),
        }
    }
    assert!(linted.files.len() >= 2, "{:?}", linted.files);
    linted.expect_clean();
}

#[test]
fn what_the_linters_are_there_for_is_found() {
    let step = |step: &str| workflow(step).unwrap();
    for (text, finding) in [
        (step("- run: echo ${{ github.event.pull_request.title }}\n"), "template-injection"),
        (step("- uses: actions/checkout@v4\n  with:\n    persist-credentials: false\n"), "unpinned-uses"),
        (step("- run: make\n").replace("permissions: {}", "permissions: write-all"), "excessive-permissions"),
        (
            step("- run: make\n").replace("push:\n    branches: [main]", "pull_request_target:"),
            "dangerous-triggers",
        ),
    ] {
        let mut linted = Linted::new();
        linted.add("bad.yml", &text);
        let run = linted.zizmor();
        assert!(run.code != 0 && run.stdout.contains(finding), "{finding}: {}", run.stdout);
    }
    for (name, text, finding) in [
        ("bad.yml", step("- run: make\n  shel: sh\n"), "Unexpected value 'shel'"),
        ("bad.yml", step("- run: make\n").replace("contents: read", "content: read"), "content"),
        ("bad.yml", step("- run: make\n  if: steps.x ===\n"), "Unexpected symbol"),
        (
            "action.yml",
            "name: x\ndescription: x\nruns:\n  using: composite\n  steps:\n  - run: x\n".to_owned(),
            "shell",
        ),
    ] {
        let mut linted = Linted::new();
        linted.add(name, &text);
        if let Some(run) = linted.parser() {
            assert!(
                run.code == 1 && run.stdout.contains(finding),
                "{finding}: {} {}",
                run.stdout,
                run.stderr
            );
        }
    }
}

#[test]
fn every_action_of_a_workflow_is_pinned_with_its_version_beside_it() {
    let mut seen = 0;
    for file in [files(".github/workflows", ".yml"), files("examples", ".yml")].concat() {
        for line in std::fs::read_to_string(&file).unwrap().lines() {
            let Some(uses) = line.trim_start_matches([' ', '-']).strip_prefix("uses: ") else { continue };
            if uses.starts_with("./") || uses.starts_with("org/fargate-stack-action@v1") {
                continue;
            }
            let (_, pin) = uses.split_once('@').unwrap();
            let (commit, version) =
                pin.split_once(" # v").unwrap_or_else(|| panic!("{}: {line}", file.display()));
            assert!(commit.len() == 40 && commit.chars().all(|c| c.is_ascii_hexdigit()), "{line}");
            assert!(version.starts_with(|c: char| c.is_ascii_digit()), "{line}");
            seen += 1;
        }
    }
    assert!(seen > 5);
}

#[test]
fn the_shell_scripts_have_no_findings() {
    let scripts = files(".", ".sh");
    assert!(scripts.iter().any(|script| script == &root().join("bootstrap.sh")), "{scripts:?}");
    let scripts: Vec<&Path> = scripts.iter().map(PathBuf::as_path).collect();
    let run = World::output(tool("shellcheck").args(scripts));
    assert_eq!(run.code, 0, "{}", run.stdout);
}
