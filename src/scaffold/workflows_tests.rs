//! The workflows as they are written, and what holds for each of them.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::fmt::Write as _;

use serde_json::Value;

use super::*;
use crate::config;
use crate::scaffold::{Kind, Roles};

const OWN: &str = "org/fargate-stack-action@v1";

fn answers(kind: Kind) -> Answers {
    Answers {
        name: "shop".to_owned(),
        kind,
        domain: kind.is_web().then(|| "shop.example.com".to_owned()),
        schedule: (kind == Kind::Scheduled).then(|| "rate(1 day)".to_owned()),
        image: "shop:latest".to_owned(),
        port: Some(8080),
        region: "eu-west-1".to_owned(),
        config: STACK_FILE.to_owned(),
        branch: "main".to_owned(),
        environment: "production".to_owned(),
        action: OWN.to_owned(),
        build: Some("shop".to_owned()),
        ..Answers::default()
    }
}

fn written(answers: &Answers, stack: &str) -> Vec<File> {
    files(answers, &config::parse("fargate-stack.yml", stack).unwrap()).unwrap()
}

fn all(files: &[File]) -> String {
    files.iter().fold(String::new(), |mut text, file| {
        let _ = write!(text, "──── {}\n{}", file.path.display(), file.text);
        text
    })
}

/// Every step of a workflow with its job's name.
fn steps(workflow: &Value) -> Vec<(&String, &Value)> {
    let jobs = workflow["jobs"].as_object().unwrap();
    jobs.iter()
        .flat_map(|(name, job)| job["steps"].as_array().unwrap().iter().map(move |step| (name, step)))
        .collect()
}

/// What is wrong with a workflow.
fn complaints(text: &str) -> Vec<String> {
    let workflow: Value = match serde_yaml::from_str(text) {
        Ok(workflow) => workflow,
        Err(error) => return vec![error.to_string()],
    };
    let mut found = vec![];
    if workflow["permissions"] != serde_json::json!({}) {
        found.push("the workflow has permissions".to_owned());
    }
    for (name, job) in workflow["jobs"].as_object().unwrap() {
        if job["permissions"].as_object().is_none_or(|all| all["contents"] != "read") {
            found.push(format!("{name}: permissions"));
        }
        if job["concurrency"]["group"].as_str().is_none() || job["timeout-minutes"].as_u64().is_none() {
            found.push(format!("{name}: no concurrency or no end"));
        }
        if job["concurrency"]["queue"] == "max" && job["concurrency"]["cancel-in-progress"] != false {
            found.push(format!("{name}: a queue that is cancelled"));
        }
    }
    for (name, step) in steps(&workflow) {
        if step["run"].as_str().is_some_and(|script| script.contains("${{")) {
            found.push(format!("{name}: an expression stands inside a script"));
        }
        let Some(uses) = step["uses"].as_str() else { continue };
        let at = uses.split('@').nth(1).unwrap();
        if at.len() != 40 && uses != OWN {
            found.push(format!("{name}: {uses} is not pinned"));
        }
        if uses.starts_with("actions/checkout@") && step["with"]["persist-credentials"] != false {
            found.push(format!("{name}: the token stays in .git/config"));
        }
    }
    found
}

#[test]
fn a_web_service_gets_plan_image_apply_and_drift() {
    let answers = answers(Kind::Https);
    let files = written(&answers, &answers.outline().yaml());
    insta::assert_snapshot!(
        "workflows of a web service",
        format!("{}\n{}", answers.outline().yaml(), all(&files))
    );
}

#[test]
fn tasks_get_a_button_with_what_the_stack_file_allows() {
    let stack = "
app: {name: jobs}
tasks:
  migrate: {image: jobs, command: [./migrate], run: {command: args, environment: [DRY_RUN]}}
  nightly: {image: jobs, schedule: rate(1 day), run: {allowed: false}}
  web: {type: daemon, image: jobs}
  shell: {type: daemon, image: jobs, run: {permission: admin}}
";
    let roles = Roles { task: Some("arn:aws:iam::123456789012:role/ci/run".to_owned()), ..Roles::default() };
    let answers = Answers {
        roles,
        config: "stacks/jobs.yml".to_owned(),
        action: format!("org/fargate-stack-action@{}", "0123456789".repeat(4)),
        build: None,
        ..answers(Kind::Task)
    };
    insta::assert_snapshot!("workflows of tasks", all(&written(&answers, stack)));
}

#[test]
fn every_workflow_is_least_privileged_pinned_and_free_of_expressions_in_scripts() {
    for (kind, _) in Kind::ALL {
        let answers = answers(kind);
        let files = written(&answers, &answers.outline().yaml());
        assert_eq!(files.len(), if kind.is_service() { 2 } else { 3 });
        for file in files {
            assert_eq!(complaints(&file.text), Vec::<String>::new(), "{}", file.path.display());
            assert!(!file.text.contains("<<") && !file.text.contains("<%"), "{}", file.text);
        }
    }
    // The rules themselves fail on what breaks them.
    let answers = answers(Kind::Task);
    let text = written(&answers, &answers.outline().yaml())[0].text.clone();
    for (from, to) in [
        ("$REPOSITORY\" --query", "${{ github.ref_name }}\" --query"),
        ("permissions: {}", "permissions: {contents: write}"),
        ("persist-credentials: false", "persist-credentials: true"),
        ("checkout@11bd71901bbe5b1630ceea73d27597364c9af683", "checkout@v4"),
        ("      cancel-in-progress: false\n      queue", "      cancel-in-progress: true\n      queue"),
        ("contents: read # check out the source", "contents: write"),
    ] {
        assert!(text.contains(from), "{from}");
        assert!(!complaints(&text.replacen(from, to, 1)).is_empty(), "{to}");
    }
}
