//! GitHub as a test sees it: pull requests, events, and the job as a runner starts it.

use std::process::Command;

use base64::Engine as _;
use serde_json::{Value, json};

use super::harness::{Run, World};

/// The tip of `main` before everything.
pub const BASE: &str = "00000000000000000000000000000000000000aa";
/// The head of the pull request.
pub const HEAD: &str = "00000000000000000000000000000000000000bb";
/// The commit that the merge leaves on `main`.
pub const MERGE: &str = "00000000000000000000000000000000000000cc";
/// The number of the pull request.
pub const NUMBER: u64 = 7;

impl World {
    /// The GitHub stub's control API, for this world's repository.
    pub fn github(&self, method: &str, path: &str, mut body: Value) -> Value {
        if let Some(fields) = body.as_object_mut() {
            fields.insert("repo".to_owned(), self.repository.clone().into());
        }
        let and = if path.contains('?') { '&' } else { '?' };
        self.control(method, &format!("github/{path}{and}repo={}", self.repository), &body)
    }

    /// Opens a pull request to `main`.
    pub fn open_pull(&self, number: u64, head: &str) {
        let pull = json!({
            "number": number, "head_sha": head, "head_repo": self.repository, "base": "main", "title": "Change", "user": "author",
        });
        self.github("POST", "pulls", pull);
    }

    /// Merges a pull request as one commit.
    pub fn merge_pull(&self, number: u64, merge: &str) {
        self.github("POST", &format!("pulls/{number}/merge"), json!({"sha": merge, "method": "squash"}));
    }

    /// Opens the one pull request of most tests.
    pub fn open_pull_request(&self) {
        self.github("POST", "commits", json!({"sha": BASE, "branch": "main", "message": "Before"}));
        self.open_pull(NUMBER, HEAD);
    }

    /// Merges it.
    pub fn merge_pull_request(&self) {
        self.merge_pull(NUMBER, MERGE);
    }

    /// The comments of a pull request.
    pub fn comments_of(&self, number: u64) -> Vec<Value> {
        self.github("GET", &format!("pulls/{number}/comments"), Value::Null).as_array().unwrap().clone()
    }

    /// The comments of the one pull request.
    pub fn comments(&self) -> Vec<Value> {
        self.comments_of(NUMBER)
    }

    /// The text of its first comment.
    pub fn comment(&self) -> String {
        self.comments()[0]["body"].as_str().unwrap().to_owned()
    }

    /// The event of a pull request that got commits.
    pub fn event_of_pull(&self, number: u64, head: &str) -> Value {
        json!({
            "action": "synchronize", "number": number,
            "pull_request": {
                "number": number, "title": "Change", "user": {"login": "author"},
                "head": {"sha": head, "ref": "change", "repo": {"full_name": self.repository}},
                "base": {"sha": BASE, "ref": "main", "repo": {"full_name": self.repository}},
            },
            "repository": {"full_name": self.repository, "default_branch": "main"},
            "sender": {"login": "author"},
        })
    }

    /// The event of the one pull request.
    pub fn pull_request_event(&self) -> Value {
        self.event_of_pull(NUMBER, HEAD)
    }

    /// The event of a push to `main`.
    pub fn event_of_push(&self, before: &str, after: &str) -> Value {
        json!({
            "ref": "refs/heads/main", "before": before, "after": after, "forced": false, "deleted": false, "created": false,
            "head_commit": {"id": after, "message": "Change"},
            "repository": {"full_name": self.repository, "default_branch": "main"},
            "sender": {"login": "author"},
        })
    }

    /// The event of the merge of the one pull request.
    pub fn push_event(&self) -> Value {
        self.event_of_push(BASE, MERGE)
    }

    /// The event of somebody who starts the workflow by hand.
    pub fn dispatch_event(&self, reference: &str) -> Value {
        json!({
            "ref": reference, "inputs": {}, "workflow": ".github/workflows/run-task.yml",
            "repository": {"full_name": self.repository, "default_branch": "main"},
            "sender": {"login": "operator"},
        })
    }

    /// `fargate-stack ci` as a runner starts it.
    pub fn ci_command(&self, name: &str, event: &Value) -> Command {
        self.runner_command("ci", name, event)
    }

    /// A command of the binary as a runner starts it for an event.
    pub fn runner_command(&self, command: &str, name: &str, event: &Value) -> Command {
        let path = self.write("runner/event.json", &event.to_string());
        let mut command = self.command(&[command]);
        for file in ["runner/output", "runner/summary"] {
            self.write(file, "");
        }
        std::fs::create_dir_all(self.folder().join("runner/temp")).unwrap();
        let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str);
        let sha = text("/after").or_else(|| text("/pull_request/head/sha")).unwrap_or(MERGE).to_owned();
        let reference = text("/ref").unwrap_or("refs/heads/main").to_owned();
        let short = reference.trim_start_matches("refs/heads/").to_owned();
        command.envs([
            ("CI", "true"),
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_EVENT_NAME", name),
            ("GITHUB_REPOSITORY", &self.repository),
            ("GITHUB_API_URL", &World::github_api()),
            ("GITHUB_GRAPHQL_URL", &format!("{}/graphql", World::github_api())),
            ("GITHUB_SERVER_URL", "https://github.example"),
            ("GITHUB_RUN_ID", "318"),
            ("GITHUB_RUN_ATTEMPT", "1"),
            ("GITHUB_TOKEN", "sandbox-token"),
            ("GITHUB_SHA", &sha),
            ("GITHUB_REF", &reference),
            ("GITHUB_REF_NAME", &short),
            ("GITHUB_ACTOR", "author"),
            ("GITHUB_TRIGGERING_ACTOR", "author"),
        ]);
        command.env("GITHUB_WORKSPACE", self.folder());
        command.env("GITHUB_EVENT_PATH", path);
        command.env("RUNNER_TEMP", self.folder().join("runner/temp"));
        command.env("GITHUB_OUTPUT", self.folder().join("runner/output"));
        command.env("GITHUB_STEP_SUMMARY", self.folder().join("runner/summary"));
        command
    }

    /// Runs the job.
    pub fn ci(&self, name: &str, event: &Value) -> Run {
        World::output(&mut self.ci_command(name, event))
    }

    /// Runs the job with inputs of the action: `("approval", "none")`.
    pub fn ci_with(&self, name: &str, event: &Value, inputs: &[(&str, &str)]) -> Run {
        World::output(with_inputs(&mut self.ci_command(name, event), inputs))
    }

    /// Plans the one pull request, merges it, and forgets the calls.
    pub fn planned_and_merged(&self) {
        self.open_pull_request();
        self.ci("pull_request", &self.pull_request_event()).expect(0);
        self.merge_pull_request();
        self.forget_calls();
    }

    /// One output, read as the runner reads it: `name<<DELIMITER`, lines, `DELIMITER`. The last one of a name counts.
    pub fn output_of(&self, name: &str) -> Option<String> {
        let text = self.read("runner/output");
        let mut lines = text.lines();
        let mut found = None;
        while let Some(line) = lines.next() {
            let (key, delimiter) = line.split_once("<<").unwrap();
            let value: Vec<&str> = lines.by_ref().take_while(|line| *line != delimiter).collect();
            if key == name {
                found = Some(value.join("\n"));
            }
        }
        found
    }

    /// Every recorded call of the GitHub stub for this repository.
    pub fn github_calls(&self) -> Vec<Value> {
        let calls =
            self.control("GET", &format!("calls?source=github&account={}", self.repository), &Value::Null);
        calls.as_array().cloned().unwrap_or_else(|| calls["calls"].as_array().cloned().unwrap())
    }

    /// Those that changed something.
    pub fn github_writes(&self) -> Vec<Value> {
        self.github_calls().into_iter().filter(|call| call["mutating"] == true).collect()
    }

    /// Lets a call of GitHub go wrong.
    pub fn github_fault(&self, operation: &str, mut fault: Value) {
        let fields = fault.as_object_mut().unwrap();
        fields.insert("account".to_owned(), self.repository.clone().into());
        fields.insert("service".to_owned(), "github".into());
        fields.insert("operation".to_owned(), operation.into());
        self.control("POST", "faults", &fault);
    }

    /// Somebody edits a comment.
    pub fn edit_comment(&self, id: &Value, user: &str, body: &str) {
        self.github("POST", &format!("comments/{id}/edit"), json!({"user": user, "body": body}));
    }
}

/// A command with inputs of the action, as `action.yml` passes them on.
pub fn with_inputs<'c>(command: &'c mut Command, inputs: &[(&str, &str)]) -> &'c mut Command {
    for (name, value) in inputs {
        command.env(format!("FARGATE_STACK_{}", name.replace('-', "_").to_uppercase()), value);
    }
    command
}

/// The hidden record of a comment, as everybody can read it.
pub fn decoded_record(body: &str) -> Value {
    fargate_stack::github::marker::decode(body).unwrap()
}

/// A comment with another hidden record.
pub fn with_record(body: &str, record: &Value) -> String {
    fargate_stack::github::marker::mark(record, fargate_stack::github::marker::unmarked(body))
}

/// Whether a text holds another text, also below base64 of either alphabet.
pub fn holds(text: &str, secret: &str) -> bool {
    let encoded = |engine: &base64::engine::GeneralPurpose| engine.encode(secret);
    [
        secret.to_owned(),
        encoded(&base64::engine::general_purpose::STANDARD_NO_PAD),
        encoded(&base64::engine::general_purpose::URL_SAFE_NO_PAD),
    ]
    .iter()
    .any(|form| text.contains(form.as_str()))
}
