//! Check runs: the second witness of a plan, and a place for its state that is not a comment.

use serde::Deserialize;
use serde_json::{Value, json};

use super::address::{encoded, segment};
use super::client::{Call, GitHub, Method};
use super::error::GithubError;

const LIST_OP: &str = "GET /repos/{owner}/{repo}/commits/{ref}/check-runs";
const CREATE_OP: &str = "POST /repos/{owner}/{repo}/check-runs";
const UPDATE_OP: &str = "PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}";
/// Longest `summary` and `text` that GitHub takes, in bytes.
const LONGEST: usize = 65_535;

/// How a check run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conclusion {
    /// `success`.
    Success,
    /// `failure`.
    Failure,
    /// `neutral`: it says nothing about the commit.
    Neutral,
    /// `cancelled`.
    Cancelled,
    /// `action_required`.
    ActionRequired,
    /// `skipped`, `stale`, `timed_out` or one that this version does not know.
    Other,
}

/// A check run as GitHub holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckRun {
    /// Its number.
    pub id: u64,
    /// The app that wrote it, such as `github-actions`; `None` when GitHub does not say.
    pub app: Option<String>,
    /// Our own key: the digest of the plan.
    pub external_id: Option<String>,
    /// `None` while it runs.
    pub conclusion: Option<Conclusion>,
    /// The text of its page, hidden record included.
    pub text: Option<String>,
    /// When it ended (RFC 3339, UTC).
    pub completed_at: Option<String>,
}

/// What a check run is to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check<'a> {
    /// Its name on the commit.
    pub name: &'a str,
    /// The head commit of the pull request (not `GITHUB_SHA`, which is the test merge).
    pub head_sha: &'a str,
    /// Our own key.
    pub external_id: &'a str,
    /// `None` while it runs.
    pub conclusion: Option<Conclusion>,
    /// One line.
    pub title: &'a str,
    /// Markdown, at most 65,535 bytes.
    pub summary: &'a str,
    /// Markdown, at most 65,535 bytes.
    pub text: &'a str,
    /// Where "details" leads: the run.
    pub details_url: &'a str,
}

#[derive(Debug, Deserialize)]
struct Wire {
    id: u64,
    #[serde(default)]
    app: Option<App>,
    #[serde(default)]
    external_id: Option<String>,
    #[serde(default)]
    conclusion: Option<String>,
    #[serde(default)]
    output: Option<Output>,
    #[serde(default)]
    completed_at: Option<String>,
}

#[derive(Debug, Deserialize)]
struct App {
    #[serde(default)]
    slug: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Output {
    #[serde(default)]
    text: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Made {
    id: u64,
}

impl From<Wire> for CheckRun {
    fn from(wire: Wire) -> Self {
        Self {
            id: wire.id,
            app: wire.app.and_then(|app| app.slug),
            external_id: wire.external_id.filter(|id| !id.is_empty()),
            conclusion: wire.conclusion.map(|word| Conclusion::parse(&word)),
            text: wire.output.and_then(|output| output.text),
            completed_at: wire.completed_at,
        }
    }
}

impl Conclusion {
    const WORDS: [(Self, &'static str); 6] = [
        (Self::Success, "success"),
        (Self::Failure, "failure"),
        (Self::Neutral, "neutral"),
        (Self::Cancelled, "cancelled"),
        (Self::ActionRequired, "action_required"),
        (Self::Other, "skipped"),
    ];

    fn parse(word: &str) -> Self {
        Self::WORDS
            .iter()
            .find(|(_, known)| *known == word)
            .map_or(Self::Other, |(conclusion, _)| *conclusion)
    }

    fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(known, _)| *known == self).map_or("neutral", |(_, word)| word)
    }
}

impl GitHub {
    /// The check runs of a commit with this name, of every app, newest first. A job that GitHub shows under the same name is one
    /// of them.
    pub async fn check_runs(&self, sha: &str, name: &str) -> Result<Vec<CheckRun>, GithubError> {
        // `all`: the filter `latest` looks at when one completed, and leaves out one that runs anew.
        let path =
            format!("commits/{}/check-runs?check_name={}&filter=all", segment(LIST_OP, sha)?, encoded(name));
        let mut found: Vec<CheckRun> = self
            .pages::<Wire>(LIST_OP, &path, Some("check_runs"))
            .await?
            .into_iter()
            .map(CheckRun::from)
            .collect();
        found.sort_by_key(|run| std::cmp::Reverse(run.id));
        Ok(found)
    }

    /// Makes the check run, or brings our newest one of that name and commit up to date; its number. After an unclear answer it is
    /// looked for before it is made again.
    pub async fn put_check_run(&self, check: &Check<'_>) -> Result<u64, GithubError> {
        let newest = self.check_runs(check.head_sha, check.name).await?.first().map(|run| run.id);
        if let Some(id) = newest {
            match self.update_check_run(id, check).await {
                // It is another app's, or GitHub's own of a job: those cannot be changed. A missing permission shows again below.
                Err(error) if matches!(error.status, Some(403 | 404 | 422)) => {}
                done => return done,
            }
        }
        let call = Call {
            op: CREATE_OP,
            method: Method::Post,
            url: self.url("check-runs"),
            body: Some(check.body(true)),
            repeatable: false,
        };
        let made = async || self.call::<Made>(&call, |_| None).await.map(|made| made.id);
        let look = async || {
            let there = self.check_runs(check.head_sha, check.name).await?;
            let ours = |run: &CheckRun| run.external_id.as_deref() == Some(check.external_id);
            Ok(there.into_iter().find(|run| ours(run) && Some(run.id) > newest).map(|run| run.id))
        };
        self.make_once(made, look).await
    }

    async fn update_check_run(&self, id: u64, check: &Check<'_>) -> Result<u64, GithubError> {
        let call = Call {
            op: UPDATE_OP,
            method: Method::Patch,
            url: self.url(&format!("check-runs/{id}")),
            body: Some(check.body(false)),
            repeatable: true,
        };
        self.call::<Made>(&call, |_| None).await.map(|made| made.id)
    }
}

impl Check<'_> {
    /// The request. The commit of one that exists cannot be changed.
    fn body(&self, new: bool) -> Value {
        let mut body = json!({
            "name": self.name,
            "external_id": self.external_id,
            "details_url": self.details_url,
            "status": if self.conclusion.is_some() { "completed" } else { "in_progress" },
            "output": {
                "title": self.title,
                "summary": first_bytes(self.summary, LONGEST),
                "text": first_bytes(self.text, LONGEST),
            },
        });
        if let Some(fields) = body.as_object_mut() {
            if new {
                fields.insert("head_sha".into(), self.head_sha.into());
            }
            if let Some(conclusion) = self.conclusion {
                fields.insert("conclusion".into(), conclusion.word().into());
            }
        }
        body
    }
}

/// The beginning of a text in at most so many bytes.
fn first_bytes(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or_default()
}
