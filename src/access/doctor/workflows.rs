//! The workflow files of the repository, as they lie here: how the action is used in them.

use serde_json::Value;

use crate::model::{Finding, Level};

/// A workflow file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its name.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// What is wrong in the workflow files; `None` when there is no folder to look into.
pub fn workflows(files: Option<&[File]>) -> Vec<Finding> {
    const ABOUT: &str = "workflows";
    let Some(files) = files else {
        return vec![Finding::new(
            Level::Unknown,
            ABOUT,
            "there is no folder `.github/workflows` here or above",
        )];
    };
    let mut found = Vec::new();
    let mut using = 0;
    for file in files {
        let about = format!("workflow {}", file.name);
        let Ok(document) = serde_yaml::from_str::<Value>(&file.text) else {
            found.push(Finding::new(Level::Unknown, about, "it is not readable as YAML"));
            continue;
        };
        let jobs = jobs(&document);
        if jobs.is_empty() {
            continue;
        }
        using += 1;
        let problems = problems(&document, &jobs);
        if problems.is_empty() {
            found.push(Finding::new(Level::Ok, about.as_str(), "uses the action as it should be"));
        }
        found.extend(
            problems
                .into_iter()
                .map(|(level, what, mend)| Finding::new(level, about.as_str(), what).mend(mend)),
        );
    }
    if using == 0 {
        found.push(
            Finding::new(Level::Warn, ABOUT, "none of them uses the action")
                .mend("`fargate-stack init` writes some"),
        );
    }
    found
}

/// A job that uses the action.
struct Job<'a> {
    name: &'a str,
    body: &'a Value,
    /// What stands behind the `@` of the action; `None` when the action is in the repository itself.
    reference: Option<&'a str>,
}

fn jobs(document: &Value) -> Vec<Job<'_>> {
    let jobs = document.get("jobs").and_then(Value::as_object);
    jobs.into_iter()
        .flatten()
        .filter_map(|(name, body)| {
            let steps = body.get("steps").and_then(Value::as_array)?;
            let uses = steps.iter().filter_map(|step| step.get("uses")?.as_str());
            let action = uses.into_iter().find(|uses| is_ours(uses))?;
            Some(Job { name, body, reference: action.split_once('@').map(|(_, reference)| reference) })
        })
        .collect()
}

/// `owner/fargate-stack-action@…`, in whatever organisation, or the action of the repository itself.
fn is_ours(uses: &str) -> bool {
    let path = uses.split('@').next().unwrap_or_default();
    path.split('/').nth(1).is_some_and(|name| name.starts_with("fargate-stack"))
}

type Problem = (Level, String, &'static str);

fn problems(document: &Value, jobs: &[Job<'_>]) -> Vec<Problem> {
    let mut found = Vec::new();
    let on = |event: &str| has_event(document, event);
    if on("pull_request_target") || on("workflow_run") {
        found.push((
            Level::Fail,
            "it starts with the rights of the default branch on what a fork wrote (`pull_request_target`, `workflow_run`)".to_owned(),
            "use `pull_request`",
        ));
    }
    for job in jobs {
        let name = job.name;
        let pinned = job.reference.is_none_or(|reference| {
            reference.len() == 40 && reference.bytes().all(|byte| byte.is_ascii_hexdigit())
        });
        if !pinned {
            found.push((
                Level::Warn,
                format!(
                    "the job `{name}` names the action by `{}`, which can move",
                    job.reference.unwrap_or_default()
                ),
                "pin it to the SHA of a commit",
            ));
        }
        found.extend(permissions(document, job));
        if on("push") || on("workflow_dispatch") {
            found.extend(concurrency(document, job));
        }
    }
    found
}

fn has_event(document: &Value, event: &str) -> bool {
    match document.get("on") {
        Some(Value::String(one)) => one == event,
        Some(Value::Array(list)) => list.iter().any(|one| one == event),
        Some(Value::Object(events)) => events.contains_key(event),
        _ => false,
    }
}

/// The job's `permissions`, else those of the workflow.
fn permissions(document: &Value, job: &Job<'_>) -> Vec<Problem> {
    let name = job.name;
    let given = job.body.get("permissions").or_else(|| document.get("permissions"));
    let Some(given) = given else {
        return vec![(
            Level::Warn,
            format!(
                "the job `{name}` says nothing about `permissions`: it gets the default of the repository"
            ),
            "add a block with `contents: read` and `id-token: write`",
        )];
    };
    if given == "write-all" {
        let what = format!("the token of the job `{name}` may write everything");
        return vec![(Level::Fail, what, "name the permissions that the job needs, one by one")];
    }
    let scope = |scope: &str| given.get(scope).and_then(Value::as_str);
    let mut found = Vec::new();
    for (scope_name, why) in [
        ("contents", "could push commits, and with them what is applied"),
        ("actions", "could start and approve runs"),
        ("packages", "could replace images"),
    ] {
        if scope(scope_name) == Some("write") {
            found.push((
                Level::Warn,
                format!("the token of the job `{name}` has `{scope_name}: write`, and {why}"),
                "give it to the job that needs it, and not to this one",
            ));
        }
    }
    if scope("id-token") != Some("write") {
        found.push((
            Level::Warn,
            format!("the job `{name}` has no `id-token: write`, so it cannot take an AWS role on without stored keys"),
            "add `id-token: write`, and no keys",
        ));
    }
    found
}

/// Two applies wait for each other, and none is dropped.
fn concurrency(document: &Value, job: &Job<'_>) -> Vec<Problem> {
    let name = job.name;
    let given = job.body.get("concurrency").or_else(|| document.get("concurrency"));
    let Some(given) = given else {
        return vec![(
            Level::Warn,
            format!(
                "the job `{name}` has no `concurrency`: two runs meet at the lock, and one of them waits or fails"
            ),
            "add `concurrency` with a `group` for the stack and `queue: max`",
        )];
    };
    if given.get("cancel-in-progress") == Some(&Value::Bool(true)) {
        let what = format!("a later run cancels the job `{name}`, also in the middle of an apply");
        return vec![(Level::Fail, what, "leave `cancel-in-progress` away for everything but pull requests")];
    }
    if given.get("queue").is_none_or(|queue| queue != "max") {
        let what = format!("a third run replaces the one that waits for the job `{name}`: its apply is lost");
        return vec![(Level::Warn, what, "add `queue: max` to `concurrency`")];
    }
    vec![]
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "
on: {pull_request: null, push: {branches: [main]}}
permissions: {}
jobs:
  stack:
    permissions: {contents: read, id-token: write, pull-requests: write}
    concurrency: {group: stack, queue: max}
    steps:
      - uses: actions/checkout@v7
      - uses: org/fargate-stack-action@0123456789012345678901234567890123456789
";

    fn of(text: &str) -> Vec<(Level, String)> {
        let file = File { name: "stack.yml".into(), text: text.into() };
        workflows(Some(&[file])).into_iter().map(|one| (one.level, one.found)).collect()
    }

    #[test]
    fn a_workflow_as_it_should_be_is_fine() {
        assert_eq!(of(GOOD), [(Level::Ok, "uses the action as it should be".to_owned())]);
    }

    #[test]
    fn every_fault_is_told_alone() {
        let sha = "0123456789012345678901234567890123456789";
        for (from, to, level, part) in [
            (sha, "v1", Level::Warn, "which can move"),
            ("pull_request: null", "pull_request_target: null", Level::Fail, "what a fork wrote"),
            ("contents: read", "contents: write", Level::Warn, "could push commits"),
            ("id-token: write, ", "", Level::Warn, "no `id-token: write`"),
            ("    concurrency: {group: stack, queue: max}\n", "", Level::Warn, "has no `concurrency`"),
            (", queue: max", "", Level::Warn, "its apply is lost"),
            ("queue: max", "cancel-in-progress: true", Level::Fail, "in the middle of an apply"),
            (
                "{contents: read, id-token: write, pull-requests: write}",
                "write-all",
                Level::Fail,
                "may write everything",
            ),
        ] {
            assert!(GOOD.contains(from), "{from}");
            let found = of(&GOOD.replace(from, to));
            assert_eq!(found.len(), 1, "{from}: {found:?}");
            assert!(found.iter().all(|(is, text)| *is == level && text.contains(part)), "{from}: {found:?}");
        }
    }

    #[test]
    fn a_block_that_is_missing_is_told_and_what_cannot_be_read_is_unknown() {
        let without = GOOD
            .replace("permissions: {}\n", "")
            .replace("    permissions: {contents: read, id-token: write, pull-requests: write}\n", "");
        assert!(
            of(&without)
                .iter()
                .all(|(level, text)| *level == Level::Warn && text.contains("default of the repository"))
        );
        assert!(of("a: [").iter().any(|(level, _)| *level == Level::Unknown));
        assert_eq!(workflows(None).iter().map(|one| one.level).collect::<Vec<_>>(), [Level::Unknown]);
        assert!(
            of("on: push\njobs: {a: {steps: [{run: make}]}}")
                .iter()
                .all(|(_, text)| text == "none of them uses the action")
        );
    }
}
