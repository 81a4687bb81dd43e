//! The one issue that tells of a drift: found again by its marker, kept up to date, closed when the drift is gone.

use serde::Deserialize;
use serde_json::{Value, json};

use super::address::encoded;
use super::client::{Call, GitHub, Method};
use super::error::GithubError;
use super::marker;

const LIST_OP: &str = "GET /repos/{owner}/{repo}/issues";
const CREATE_OP: &str = "POST /repos/{owner}/{repo}/issues";
const UPDATE_OP: &str = "PATCH /repos/{owner}/{repo}/issues/{issue_number}";
/// Not the name of the call for comments on pull requests, which other permissions allow.
const COMMENT_OP: &str = "POST /repos/{owner}/{repo}/issues/{issue_number}/comments (issue)";

/// What became of the issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IssueDone {
    /// A new one.
    Opened {
        /// Its number.
        number: u64,
    },
    /// It said something else before, or was closed.
    Updated {
        /// Its number.
        number: u64,
    },
    /// It said the same.
    Unchanged {
        /// Its number.
        number: u64,
    },
    /// It was closed.
    Closed {
        /// Its number.
        number: u64,
    },
    /// There was none to close.
    Nothing,
}

/// An issue as the list shows it.
#[derive(Debug, Deserialize)]
struct Wire {
    number: u64,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    state: Option<String>,
    /// Pull requests are issues for GitHub.
    #[serde(default)]
    pull_request: Option<Value>,
}

impl Wire {
    fn is_open(&self) -> bool {
        self.state.as_deref() == Some("open")
    }
}

#[derive(Debug, Deserialize)]
struct Made {
    number: u64,
}

impl GitHub {
    /// Keeps one open issue of ours with this `scope` in its marker. `body` holds the marker in its first line; lines that begin as
    /// `volatile` says are not compared. An issue that was closed is opened again.
    pub async fn put_issue(
        &self,
        scope: &str,
        title: &str,
        body: &str,
        volatile: &[&str],
    ) -> Result<IssueDone, GithubError> {
        let author = self.viewer().await?;
        let Some(found) = self.own_issue(&author, scope).await? else {
            let call = Call {
                op: CREATE_OP,
                method: Method::Post,
                url: self.url("issues"),
                body: Some(json!({"title": title, "body": body})),
                repeatable: false,
            };
            let made = async || self.call::<Made>(&call, |_| None).await.map(|made| made.number);
            let look = async || Ok(self.own_issue(&author, scope).await?.map(|found| found.number));
            return Ok(IssueDone::Opened { number: self.make_once(made, look).await? });
        };
        let number = found.number;
        let says_the_same = found.title.as_deref() == Some(title)
            && unmarked(found.body.as_deref().unwrap_or_default(), volatile) == unmarked(body, volatile);
        if found.is_open() && says_the_same {
            return Ok(IssueDone::Unchanged { number });
        }
        self.change(number, &json!({"title": title, "body": body, "state": "open"})).await?;
        Ok(IssueDone::Updated { number })
    }

    /// Closes our open issue of this scope, with a comment that says why.
    pub async fn close_issue(&self, scope: &str, comment: &str) -> Result<IssueDone, GithubError> {
        let author = self.viewer().await?;
        let Some(found) = self.own_issue(&author, scope).await?.filter(Wire::is_open) else {
            return Ok(IssueDone::Nothing);
        };
        let number = found.number;
        self.change(number, &json!({"state": "closed", "state_reason": "completed"})).await?;
        let call = Call {
            op: COMMENT_OP,
            method: Method::Post,
            url: self.url(&format!("issues/{number}/comments")),
            body: Some(json!({"body": comment})),
            repeatable: false,
        };
        // The issue is closed, which is what counts; a comment that may be there is not written twice.
        if let Err(error) = self.call::<Value>(&call, |_| None).await {
            tracing::warn!(issue = number, %error, "could not say why the issue is closed");
        }
        Ok(IssueDone::Closed { number })
    }

    async fn change(&self, number: u64, change: &Value) -> Result<(), GithubError> {
        let call = Call {
            op: UPDATE_OP,
            method: Method::Patch,
            url: self.url(&format!("issues/{number}")),
            body: Some(change.clone()),
            repeatable: true,
        };
        self.call::<Value>(&call, |_| None).await.map(|_| ())
    }

    /// The issue of a scope that this account opened: an open one before a closed one, then the oldest. Who opened an issue cannot
    /// be forged, a marker can.
    async fn own_issue(&self, author: &str, scope: &str) -> Result<Option<Wire>, GithubError> {
        for state in ["open", "closed"] {
            let path = format!("issues?state={state}&creator={}&sort=created&direction=asc", encoded(author));
            let found = self.pages::<Wire>(LIST_OP, &path, None).await?.into_iter().find(|issue| {
                let marker = issue.body.as_deref().and_then(marker::decode);
                let named = marker.as_ref().and_then(|marker| marker.get("scope")).and_then(Value::as_str);
                issue.pull_request.is_none() && named == Some(scope)
            });
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }
}

/// The visible lines of a body, without those that begin so.
fn unmarked<'a>(body: &'a str, volatile: &[&str]) -> Vec<&'a str> {
    let lines = marker::unmarked(body).trim_end().lines().map(str::trim_end);
    lines.filter(|line| !volatile.iter().any(|start| line.starts_with(start))).collect()
}
