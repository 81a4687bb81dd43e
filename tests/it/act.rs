//! The real `action.yml` and the real workflow of an example, run by act in host mode: pull request, then push.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::harness::{Run, World};

const CREDENTIALS: &str = "aws-actions/configure-aws-credentials";
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
        let stack = std::fs::read_to_string(from.join("fargate-stack.yml")).unwrap();
        let mut workflow = std::fs::read_to_string(from.join(".github/workflows/fargate.yml")).unwrap();
        // A path with a blank, as runners have them.
        let binary = repository.world.folder().join("with blank");
        std::fs::create_dir(&binary).unwrap();
        symlink(env!("CARGO_BIN_EXE_fargate-stack"), binary.join("stack")).unwrap();
        workflow += "        with:
          binary: ";
        workflow += binary.join("stack").to_str().unwrap();
        workflow += "
";
        repository.world.write("repo/fargate-stack.yml", &stack);
        repository.world.write("repo/.github/workflows/fargate.yml", &workflow);
        let action = std::fs::read_to_string(root().join("action.yml")).unwrap();
        repository.world.write("action/action.yml", &action);
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
        command.arg(name).arg("-e").arg(event).args([
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
        passed.push(("GITHUB_GRAPHQL_URL", format!("{}/graphql", World::github_api())));
        for (key, value) in passed {
            command.args(["--env", &format!("{key}={value}")]);
        }
        World::output(&mut command)
    }
}

#[test]
fn the_real_action_plans_on_the_pull_request_and_applies_on_the_push() {
    let repository = Repository::with("worker");
    let world = &repository.world;
    repository.git(&["checkout", "-q", "-b", "change"]);
    let head = repository.commit("Add the stack");
    let in_repository = |path: &str| format!("github/{path}?repo={}", world.repository);
    let pull = json!({"repo": world.repository, "number": 1, "head_sha": head, "head_repo": world.repository, "base": "main", "title": "Add", "user": "author"});
    world.control("POST", &in_repository("pulls"), &pull);
    let about = json!({"full_name": world.repository, "default_branch": "main"});
    let event = json!({
        "action": "opened", "number": 1, "repository": about,
        "pull_request": {
            "number": 1, "user": {"login": "author"},
            "head": {"sha": head, "ref": "change", "repo": {"full_name": world.repository}},
            "base": {"sha": repository.base, "ref": "main"},
        },
    });
    let run = repository.act("pull_request", &event).expect(0);
    assert!(run.stdout.contains("::set-output:: outcome=planned"), "{}", run.stdout);
    assert!(run.stdout.contains("::set-output:: create=11"), "{}", run.stdout);
    assert_eq!(world.mutations(), Vec::<String>::new());
    let comments = world.control("GET", &in_repository("pulls/1/comments"), &Value::Null);
    assert_eq!(comments.as_array().unwrap().len(), 1);
    assert!(comments[0]["body"].as_str().unwrap().contains("service.consumer"));

    repository.git(&["checkout", "-q", "main"]);
    repository.git(&["merge", "-q", "--no-ff", "-m", "Merge", "change"]);
    let merge = repository.git(&["rev-parse", "HEAD"]);
    let merged = json!({"repo": world.repository, "sha": merge, "method": "merge"});
    world.control("POST", &in_repository("pulls/1/merge"), &merged);
    let event = json!({
        "ref": "refs/heads/main", "before": repository.base, "after": merge, "forced": false, "deleted": false, "created": false,
        "head_commit": {"id": merge, "message": "Merge"}, "repository": about,
    });
    let run = repository.act("push", &event).expect(0);
    assert!(run.stdout.contains("::set-output:: outcome=applied"), "{}", run.stdout);
    assert!(world.mutations().contains(&"ecs:CreateService".to_owned()));
    world.forget_calls();
    let again = repository.act("push", &event).expect(0);
    assert!(again.stdout.contains("::set-output:: outcome=no-changes"), "{}", again.stdout);
    assert_eq!(world.mutations(), Vec::<String>::new());
}

#[test]
fn without_a_binary_the_action_says_what_to_do() {
    let repository = Repository::with("minimal-task");
    let workflow = repository.world.read("repo/.github/workflows/fargate.yml");
    let without = workflow.split("        with:\n          binary:").next().unwrap();
    repository.world.write("repo/.github/workflows/fargate.yml", without);
    let head = repository.commit("Add the stack");
    let event = json!({"ref": "refs/heads/main", "after": head, "repository": {"full_name": "octo/app", "default_branch": "main"}});
    let run = repository.act("push", &event);
    assert_ne!(run.code, 0);
    assert!(run.stdout.contains("no fargate-stack binary"), "{}", run.stdout);
}
