//! The real `action.yml` and the real workflow of an example, run by act in host mode: pull request, push, a task by hand.

use std::fmt::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::harness::{Run, World};
use super::packaging::runner::sum;

const CREDENTIALS: &str = "aws-actions/configure-aws-credentials";
/// Who starts workflows.
const PERSON: &str = "octocat";
/// How act tells that the last step of the action was carried out.
const FINALIZED: &str = "Success - Main exec \"$FARGATE_STACK_BIN\" finalize";
const STAND_IN: &str = "name: credentials\ndescription: The sandbox takes any credentials\n\
    inputs: {role-to-assume: {description: ignored}, aws-region: {description: ignored}}\n\
    runs: {using: composite, steps: [{shell: sh, run: \"true\"}]}\n";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// A repository whose workflow act runs.
struct Repository {
    world: World,
    base: String,
}

impl Repository {
    /// A repository with the example's files, the binary named by the action's input `binary`.
    fn with(example: &str) -> Self {
        let world = World::new();
        let from = root().join("examples").join(example);
        world.write("repo/README.md", "hello\n");
        let repository = Self { world, base: String::new() };
        repository.git(&["init", "-q", "-b", "main"]);
        repository.git(&[
            "remote",
            "add",
            "origin",
            &format!("https://github.com/{}.git", repository.world.repository),
        ]);
        let base = repository.commit("Start");
        let known = json!({"repo": repository.world.repository, "sha": base, "branch": "main"});
        repository.world.control("POST", &repository.in_repository("commits"), &known);
        let stack = std::fs::read_to_string(from.join("fargate-stack.yml")).unwrap();
        let mut workflow = std::fs::read_to_string(from.join(".github/workflows/fargate.yml")).unwrap();
        // A path with a blank, as runners have them.
        let binary = repository.world.folder().join("with blank");
        std::fs::create_dir(&binary).unwrap();
        symlink(env!("CARGO_BIN_EXE_fargate-stack"), binary.join("stack")).unwrap();
        writeln!(workflow, "        with:\n          binary: {}", binary.join("stack").display()).unwrap();
        repository.world.write("repo/fargate-stack.yml", &stack);
        repository.world.write("repo/.github/workflows/fargate.yml", &workflow);
        for file in ["action.yml", "bootstrap.sh", "versions.txt"] {
            let text = std::fs::read_to_string(root().join(file)).unwrap();
            repository.world.write(&format!("action/{file}"), &text);
        }
        repository.world.write("credentials/action.yml", STAND_IN);
        Self { base, ..repository }
    }

    fn git(&self, args: &[&str]) -> String {
        let output = Command::new("git")
            .args(["-c", "user.name=author", "-c", "user.email=author@example.com"])
            .args(args)
            .current_dir(self.world.folder().join("repo"))
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .unwrap();
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn commit(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "-q", "-m", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Runs the workflow for an event.
    fn act(&self, name: &str, event: &Value) -> Run {
        let event = self.world.write(&format!("{name}.json"), &event.to_string());
        let workflow = self.world.read("repo/.github/workflows/fargate.yml");
        let credentials = workflow.split_whitespace().find(|word| word.starts_with(CREDENTIALS)).unwrap();
        let folder = self.world.folder();
        let mut command = Command::new(root().join(".venv/bin/act"));
        command.current_dir(folder.join("repo")).env_clear();
        command
            .env("PATH", std::env::var("PATH").unwrap())
            .env("HOME", folder)
            .env("XDG_CACHE_HOME", folder.join("cache"));
        command.arg(name).arg("-e").arg(event).args(["--actor", PERSON]).args([
            "-P",
            "ubuntu-latest=-self-hosted",
            "-s",
            "GITHUB_TOKEN=sandbox-token",
        ]);
        let local = |uses: &str, path: &str| format!("{uses}={}", folder.join(path).display());
        command.args(["--local-repository", &local("org/fargate-stack-action@v1", "action")]);
        command.args(["--local-repository", &local(credentials, "credentials")]);
        let mut passed = self.world.environment();
        passed.retain(|(key, _)| key.starts_with("AWS_"));
        passed.push(("GITHUB_API_URL", World::github_api()));
        passed.push(("RUNNER_TOOL_CACHE", folder.join("tool cache").display().to_string()));
        passed.push(("GITHUB_GRAPHQL_URL", format!("{}/graphql", World::github_api())));
        for (key, value) in passed {
            command.args(["--env", &format!("{key}={value}")]);
        }
        World::output(&mut command)
    }
}

/// The workflow that runs a task when a person asks for it.
const RUN_TASK: &str = r#"name: run-task
on:
  workflow_dispatch:
    inputs:
      task: {required: true, type: string}
permissions: {}
jobs:
  run:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2
      - uses: aws-actions/configure-aws-credentials@61815dcd50bd041e203e49132bacad1fd04d2708 # v5.1.1
      - id: stack
        uses: org/fargate-stack-action@v1
        with:
          command: run-task
          task: ${{ inputs.task }}
          binary: BINARY
      - env:
          CODE: ${{ steps.stack.outputs.task-exit-code }}
          ARN: ${{ steps.stack.outputs.task-arn }}
          OUTCOME: ${{ steps.stack.outputs.outcome }}
        run: echo "told $OUTCOME, $CODE, $ARN"
"#;

impl Repository {
    fn about(&self) -> Value {
        json!({"full_name": self.world.repository, "default_branch": "main"})
    }

    fn in_repository(&self, path: &str) -> String {
        format!("github/{path}?repo={}", self.world.repository)
    }

    /// Opens pull request 1 from a branch with everything that is there, and runs the workflow for it.
    fn open(&self) -> Run {
        self.git(&["checkout", "-q", "-b", "change"]);
        let head = self.commit("Add the stack");
        let world = &self.world;
        let pull = json!({"repo": world.repository, "number": 1, "head_sha": head, "head_repo": world.repository, "base": "main", "title": "Add", "user": "author"});
        world.control("POST", &self.in_repository("pulls"), &pull);
        let event = json!({
            "action": "opened", "number": 1, "repository": self.about(),
            "pull_request": {
                "number": 1, "user": {"login": "author"},
                "head": {"sha": head, "ref": "change", "repo": {"full_name": world.repository}},
                "base": {"sha": self.base, "ref": "main"},
            },
        });
        self.act("pull_request", &event)
    }

    /// Merges it; the event of the push.
    fn merge(&self) -> Value {
        self.git(&["checkout", "-q", "main"]);
        self.git(&["merge", "-q", "--no-ff", "-m", "Merge", "change"]);
        let merge = self.git(&["rev-parse", "HEAD"]);
        let merged = json!({"repo": self.world.repository, "sha": merge, "method": "merge"});
        self.world.control("POST", &self.in_repository("pulls/1/merge"), &merged);
        json!({
            "ref": "refs/heads/main", "before": self.base, "after": merge, "forced": false, "deleted": false, "created": false,
            "head_commit": {"id": merge, "message": "Merge"}, "repository": self.about(),
        })
    }

    /// Replaces what the workflow gives to the action.
    fn inputs(&self, with: &str) {
        let workflow = self.world.read("repo/.github/workflows/fargate.yml");
        let without = workflow.split("        with:\n          binary:").next().unwrap();
        self.world.write("repo/.github/workflows/fargate.yml", &format!("{without}{with}"));
    }
}

#[test]
fn the_real_action_plans_on_the_pull_request_and_applies_on_the_push() {
    let repository = Repository::with("worker");
    let world = &repository.world;
    let run = repository.open().expect(0);
    assert!(run.stdout.contains("::set-output:: outcome=planned"), "{}", run.stdout);
    assert!(run.stdout.contains("::set-output:: create=11"), "{}", run.stdout);
    assert!(run.stdout.contains(FINALIZED), "{}", run.stdout);
    assert_eq!(world.mutations(), Vec::<String>::new());
    let comments = world.control("GET", &repository.in_repository("pulls/1/comments"), &Value::Null);
    assert_eq!(comments.as_array().unwrap().len(), 1);
    assert!(comments[0]["body"].as_str().unwrap().contains("service.consumer"));

    let event = repository.merge();
    let run = repository.act("push", &event).expect(0);
    assert!(run.stdout.contains("::set-output:: outcome=applied"), "{}", run.stdout);
    assert!(world.mutations().contains(&"ecs:CreateService".to_owned()));
    world.forget_calls();
    let again = repository.act("push", &event).expect(0);
    assert!(again.stdout.contains("::set-output:: outcome=no-changes"), "{}", again.stdout);
    assert_eq!(world.mutations(), Vec::<String>::new());
}

#[test]
fn the_real_action_runs_a_task_for_a_person_and_tells_its_exit_code() {
    let repository = Repository::with("worker");
    let world = &repository.world;
    let binary = world.folder().join("with blank/stack").display().to_string();
    world.write("repo/.github/workflows/run-task.yml", &RUN_TASK.replace("BINARY", &binary));
    repository.open().expect(0);
    repository.act("push", &repository.merge()).expect(0);
    world.forget_calls();

    let person = json!({"repo": world.repository, "user": PERSON, "permission": "write"});
    world.control("POST", &repository.in_repository("permissions"), &person);
    let event = json!({
        "ref": "refs/heads/main", "inputs": {"task": "migrate"}, "repository": repository.about(),
        "sender": {"login": PERSON}, "workflow": ".github/workflows/run-task.yml",
    });
    let run = repository.act("workflow_dispatch", &event).expect(0);
    assert!(run.stdout.contains("told ran, 0, arn:aws:ecs:"), "{}", run.stdout);
    assert!(run.stdout.contains(FINALIZED), "{}", run.stdout);
    assert!(world.mutations().contains(&"ecs:RunTask".to_owned()), "{:?}", world.mutations());
}

#[test]
fn the_binary_that_the_commit_of_the_action_names_is_downloaded_checked_and_run() {
    let repository = Repository::with("minimal-task");
    let world = &repository.world;
    let program = format!("#!/bin/sh\nexec '{}' \"$@\"\n", env!("CARGO_BIN_EXE_fargate-stack"));
    let targets = [
        "x86_64-unknown-linux-musl",
        "aarch64-unknown-linux-musl",
        "aarch64-apple-darwin",
        "x86_64-apple-darwin",
    ];
    let mut table = String::new();
    for target in targets {
        world.write(&format!("mirror of releases/v1.2.3/fargate-stack-{target}"), &program);
        writeln!(table, "1.2.3 {target} {}", sum(program.as_bytes())).unwrap();
    }
    world.write("action/versions.txt", &table);
    let mirror = world.folder().join("mirror of releases");
    repository.inputs(&format!("        with:\n          mirror: {}\n", mirror.display()));
    let run = repository.open().expect(0);
    assert!(run.stdout.contains("fargate-stack: 1.2.3 downloaded"), "{}", run.stdout);
    assert!(run.stdout.contains("::set-output:: outcome=planned"), "{}", run.stdout);

    world.write(
        "action/versions.txt",
        &table.replace(" 1.2.3 ", " ").replace(&sum(program.as_bytes()), &sum(b"other")),
    );
    let run = repository.act("push", &repository.merge());
    assert_ne!(run.code, 0);
    assert!(run.stdout.contains("is not what this commit names"), "{}", run.stdout);
    assert!(!run.stdout.contains(FINALIZED), "{}", run.stdout);
    assert_eq!(world.mutations(), Vec::<String>::new());
}

#[test]
fn without_a_binary_the_action_says_what_to_do() {
    let repository = Repository::with("minimal-task");
    repository.inputs("");
    let head = repository.commit("Add the stack");
    let event = json!({"ref": "refs/heads/main", "after": head, "repository": {"full_name": "octo/app", "default_branch": "main"}});
    let run = repository.act("push", &event);
    assert_ne!(run.code, 0);
    assert!(run.stdout.contains("this commit of the action names no binary"), "{}", run.stdout);
}
