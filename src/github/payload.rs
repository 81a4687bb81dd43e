//! The event file as GitHub writes it. Everything may be missing or of another type than documented.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::event::{
    DispatchEvent, Event, MergeGroupEvent, NO_COMMIT, PullRequestEvent, PushEvent, ScheduleEvent,
};

/// The events whose file is looked at.
pub(super) const EVENTS: &[&str] =
    &["pull_request", "pull_request_target", "push", "merge_group", "workflow_dispatch", "schedule"];
/// How the refs of a merge queue begin.
const QUEUE: &str = "refs/heads/gh-readonly-queue/";

/// Why an event file cannot be used.
pub(super) enum Unusable {
    /// It is not JSON, or not of this shape.
    Unreadable(serde_json::Error),
    /// A field is missing or is not what it must be.
    Missing(&'static str),
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Payload {
    action: Option<String>,
    number: Option<u64>,
    pull_request: Option<Pull>,
    merge_group: Option<Group>,
    before: Option<String>,
    after: Option<String>,
    #[serde(rename = "ref")]
    ref_name: Option<String>,
    forced: Option<bool>,
    deleted: Option<bool>,
    created: Option<bool>,
    head_commit: Option<Commit>,
    commits: Option<Vec<Commit>>,
    inputs: Option<BTreeMap<String, Value>>,
    schedule: Option<String>,
    repository: Option<Repository>,
    sender: Option<User>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Pull {
    number: Option<u64>,
    title: Option<String>,
    draft: Option<bool>,
    merged: Option<bool>,
    user: Option<User>,
    head: Option<Side>,
    base: Option<Side>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Group {
    head_sha: Option<String>,
    head_ref: Option<String>,
    base_sha: Option<String>,
    base_ref: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Side {
    sha: Option<String>,
    #[serde(rename = "ref")]
    name: Option<String>,
    repo: Option<Repository>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Repository {
    full_name: Option<String>,
    default_branch: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct User {
    login: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Commit {
    id: Option<String>,
    message: Option<String>,
}

/// Reads the file of one of [`EVENTS`].
pub(super) fn read(name: &str, json_text: &str) -> Result<Event, Unusable> {
    let payload: Payload =
        serde_json::from_str(json_text.trim_start_matches('\u{feff}')).map_err(Unusable::Unreadable)?;
    let event = match name {
        "push" => push(payload).map(Event::Push),
        "pull_request" => pull(payload).map(Event::PullRequest),
        "pull_request_target" => pull(payload).map(Event::PullRequestTarget),
        "merge_group" => Ok(Event::MergeGroup(merge_group(payload))),
        "workflow_dispatch" => Ok(Event::Dispatch(dispatch(payload))),
        _ => Ok(Event::Schedule(schedule(payload))),
    };
    event.map_err(Unusable::Missing)
}

fn pull(payload: Payload) -> Result<PullRequestEvent, &'static str> {
    let pull = payload.pull_request.ok_or("pull_request")?;
    let head = pull.head.ok_or("pull_request.head")?;
    let base = pull.base.ok_or("pull_request.base")?;
    let repository = base.repo.and_then(|repo| repo.full_name);
    Ok(PullRequestEvent {
        number: payload.number.or(pull.number).filter(|number| *number > 0).ok_or("number")?,
        action: payload.action.unwrap_or_default(),
        head_sha: sha(head.sha).ok_or("pull_request.head.sha")?,
        head_ref: head.name.unwrap_or_default(),
        head_repo: head.repo.and_then(|repo| repo.full_name),
        base_sha: base.sha.unwrap_or_default(),
        base_ref: base.name.ok_or("pull_request.base.ref")?,
        base_repo: repository.or_else(|| payload.repository.and_then(|repo| repo.full_name)),
        draft: pull.draft.unwrap_or(false),
        merged: pull.merged.unwrap_or(false),
        title: pull.title.unwrap_or_default(),
        user: login(pull.user),
        actor: login(payload.sender),
    })
}

fn push(payload: Payload) -> Result<PushEvent, &'static str> {
    let before = sha(payload.before).unwrap_or_else(|| NO_COMMIT.into());
    let after = sha(payload.after).ok_or("after")?;
    let commits = payload.commits.unwrap_or_default();
    Ok(PushEvent {
        deleted: payload.deleted.unwrap_or(false) || is_nothing(&after),
        created: payload.created.unwrap_or(false) || is_nothing(&before),
        before,
        after,
        ref_name: payload.ref_name.ok_or("ref")?,
        forced: payload.forced.unwrap_or(false),
        default_branch: default_branch(payload.repository),
        message: payload.head_commit.and_then(|commit| commit.message).unwrap_or_default(),
        commits: commits.into_iter().filter_map(|commit| sha(commit.id)).collect(),
        sender: login(payload.sender),
    })
}

fn merge_group(payload: Payload) -> MergeGroupEvent {
    let group = payload.merge_group.unwrap_or_default();
    let head_ref = group.head_ref.unwrap_or_default();
    let queued = queued(&head_ref);
    let base_ref = group.base_ref.or_else(|| queued.map(|(base, _)| base.to_owned())).unwrap_or_default();
    MergeGroupEvent {
        action: payload.action.unwrap_or_default(),
        head_sha: sha(group.head_sha).unwrap_or_default(),
        base_sha: sha(group.base_sha).unwrap_or_default(),
        base_ref: base_ref.strip_prefix("refs/heads/").unwrap_or(&base_ref).to_owned(),
        number: queued.map(|(_, number)| number),
        head_ref,
    }
}

/// Base branch and number of the last pull request in the name of a queue's ref. The base may hold slashes.
fn queued(head_ref: &str) -> Option<(&str, u64)> {
    let (base, last) = head_ref.strip_prefix(QUEUE)?.rsplit_once('/')?;
    let (number, commit) = last.strip_prefix("pr-")?.split_once('-')?;
    sha(Some(commit.to_owned()))?;
    let number = number.parse().ok().filter(|number| *number > 0)?;
    (!base.is_empty()).then_some((base, number))
}

fn dispatch(payload: Payload) -> DispatchEvent {
    let inputs = payload.inputs.unwrap_or_default().into_iter();
    DispatchEvent {
        ref_name: payload.ref_name.unwrap_or_default(),
        default_branch: default_branch(payload.repository),
        inputs: inputs.filter_map(|(name, value)| Some((name, text(value)?))).collect(),
        sender: login(payload.sender),
    }
}

fn schedule(payload: Payload) -> ScheduleEvent {
    ScheduleEvent {
        cron: payload.schedule.unwrap_or_default(),
        default_branch: default_branch(payload.repository),
    }
}

/// A value as the text that the form of the workflow shows; nothing for null.
fn text(value: Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}

fn login(user: Option<User>) -> String {
    user.and_then(|user| user.login).unwrap_or_default()
}

fn default_branch(repository: Option<Repository>) -> Option<String> {
    repository.and_then(|repo| repo.default_branch).filter(|branch| !branch.is_empty())
}

/// A SHA-1 or SHA-256 name of a commit.
fn sha(text: Option<String>) -> Option<String> {
    text.filter(|text| matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Whether a commit's name is all zeros: there is none.
fn is_nothing(sha: &str) -> bool {
    sha.bytes().all(|byte| byte == b'0')
}
