//! The one comment that the tool keeps on a pull request: found again, edited in place, left alone when equal.

use serde_json::{Value, json};

use super::client::{Call, GitHub, Method};
use super::error::GithubError;
use super::graphql::{Fold, Node};
use super::marker;

const CREATE_OP: &str = "POST /repos/{owner}/{repo}/issues/{issue_number}/comments";
const READ_OP: &str = "GET /repos/{owner}/{repo}/issues/comments/{comment_id}";
const UPDATE_OP: &str = "PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}";
/// Most writes of one run that are about one comment, folding others away included: GitHub allows 80 a minute and 500 an hour to
/// all runs of an account.
const MOST_WRITES: u32 = 3;

/// A version of a comment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edit {
    /// When it was written (RFC 3339, UTC).
    pub at: Option<String>,
    /// Login of who wrote it, as GraphQL spells it (apps without `[bot]`); `None` when the account was deleted.
    pub editor: Option<String>,
    /// Its whole text; `None` when GitHub does not have it any more.
    pub body: Option<String>,
}

/// A comment of ours as GitHub holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Number for REST and for links (`#issuecomment-ID`).
    pub id: u64,
    /// Id for GraphQL.
    pub node_id: String,
    /// The whole text, marker and all.
    pub body: String,
    /// The marker's value, `None` when it is not readable.
    pub marker: Option<Value>,
    /// The last editor is not the author, or is an account that was deleted: the text is not ours any more.
    pub edited_by_other: bool,
    /// Login of the last editor, as GraphQL spells it (apps without `[bot]`).
    pub editor: Option<String>,
    /// Login of its author, as GraphQL spells it.
    pub author: Option<String>,
    /// When it was first written (RFC 3339, UTC).
    pub created_at: Option<String>,
    /// When it was last edited (RFC 3339, UTC).
    pub last_edited_at: Option<String>,
    /// Its last ten versions, newest first; none when it was never edited.
    pub edits: Vec<Edit>,
    /// Folded away.
    pub minimized: bool,
    /// Why, such as `outdated` or `spam`.
    pub minimized_reason: Option<String>,
}

/// All our comments of one scope on a pull request.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Own {
    /// The one that is kept up to date: the one of the newest run. Of several of one run it is one that is not folded away, then
    /// the oldest.
    pub kept: Option<Found>,
    /// The others, oldest first: left by runs that raced, or by the mode `new`.
    pub duplicates: Vec<Found>,
}

/// What may differ between two texts that are called equal.
#[derive(Debug, Clone, Copy, Default)]
pub struct Volatile<'a> {
    /// Beginnings of lines that are not compared, such as `**Status:`.
    pub lines: &'a [&'a str],
    /// Keys of the marker that are not compared, such as `run`.
    pub keys: &'a [&'a str],
}

/// What a new text does with the comment that is there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// Edits it.
    #[default]
    Update,
    /// Leaves it, folded away as outdated, for a new comment. Not when it says the same.
    New,
}

/// A comment to be there.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Number of the pull request.
    pub number: u64,
    /// The `scope` of the marker: comments of other scopes are left alone.
    pub scope: &'a str,
    /// The whole text, with its marker in the first line.
    pub body: &'a str,
    /// What is not worth an edit.
    pub volatile: Volatile<'a>,
    /// The head commit that the text is about. When the pull request has moved on, nothing is written.
    pub head: Option<&'a str>,
    /// The id of the run that writes, 0 for none. A comment that a later one wrote is left alone.
    pub run: u64,
    /// Its attempt.
    pub attempt: u64,
    /// What becomes of the comment that is there.
    pub mode: Mode,
}

/// What became of a wanted comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upserted {
    /// There was none.
    Created {
        /// Its number.
        id: u64,
    },
    /// It said something else before.
    Updated {
        /// Its number.
        id: u64,
    },
    /// It said the same.
    Unchanged {
        /// Its number.
        id: u64,
    },
    /// There is something newer; nothing was written.
    Superseded {
        /// What.
        by: Newer,
    },
}

/// What makes a text too old to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Newer {
    /// The pull request has this head by now.
    Head(String),
    /// This run, in this attempt, has written the comment.
    Run(u64, u64),
}

impl std::fmt::Display for Newer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Head(sha) => write!(f, "commit {sha}"),
            Self::Run(run, attempt) => write!(f, "attempt {attempt} of run {run}"),
        }
    }
}

/// What became of a comment that was to be changed only if it was still what we had read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restated {
    /// It says the new text.
    Written,
    /// It said the new text already.
    Unchanged,
    /// It says something else than what we had read; it was left alone.
    Changed,
    /// It was deleted.
    Gone,
}

#[derive(serde::Deserialize)]
struct Created {
    id: u64,
}

#[derive(serde::Deserialize)]
struct Body {
    #[serde(default)]
    body: Option<String>,
}

impl GitHub {
    /// Our comments of a scope. Ours means: written by the account of the token, and beginning with the marker.
    pub async fn own_comments(&self, number: u64, scope: &str) -> Result<Own, GithubError> {
        let mut nodes = Vec::new();
        let mut before: Option<String> = None;
        loop {
            let page = self.comments_before(number, before.as_deref()).await?;
            nodes.extend(page.nodes.into_iter().flatten());
            match page.page_info.start_cursor {
                Some(cursor) if page.page_info.has_previous_page && before.as_ref() != Some(&cursor) => {
                    before = Some(cursor);
                }
                _ => return Ok(own(nodes, scope)),
            }
        }
    }

    /// Creates or updates the comment, unless it says the same already; folds others of its scope away.
    ///
    /// A comment that somebody else edited is written anew even when it says the same, so that we are its editor again. A client
    /// writes a comment three times at most; the next time is an error.
    pub async fn upsert_comment(&self, wanted: &Wanted<'_>) -> Result<Upserted, GithubError> {
        if let Some(planned) = wanted.head {
            let head = self.head_sha(wanted.number).await?;
            if head != planned {
                return Ok(Upserted::Superseded { by: Newer::Head(head) });
            }
        }
        let Own { kept, duplicates } = self.own_comments(wanted.number, wanted.scope).await?;
        let (done, outdated) = match kept {
            None => (Upserted::Created { id: self.create(wanted).await? }, None),
            Some(found) => {
                // Of a comment that somebody else edited nothing can be believed, its run neither.
                if let Some(by) = newer(&found, wanted.run, wanted.attempt).filter(|_| !found.edited_by_other)
                {
                    return Ok(Upserted::Superseded { by });
                }
                let says_the_same = !found.edited_by_other && same(&found.body, wanted.body, wanted.volatile);
                if says_the_same {
                    (Upserted::Unchanged { id: found.id }, None)
                } else if wanted.mode == Mode::New {
                    (Upserted::Created { id: self.create(wanted).await? }, Some(found))
                } else {
                    (self.replace(&found, wanted).await?, None)
                }
            }
        };
        let (Upserted::Created { id } | Upserted::Updated { id } | Upserted::Unchanged { id }) = done else {
            return Ok(done);
        };
        let why = if wanted.mode == Mode::New { Fold::Outdated } else { Fold::Duplicate };
        for old in outdated.iter().chain(&duplicates).filter(|found| !found.minimized && found.id != id) {
            // One write is kept for how the run ends. What stays is folded away by the next run.
            if !self.may_write(id, MOST_WRITES - 1) {
                break;
            }
            // A comment that stays visible is ugly, but no reason to fail: the one that counts is right.
            if let Err(error) = self.minimize(&old.node_id, why).await {
                tracing::warn!(comment = old.id, %error, "could not fold away a comment");
            }
        }
        Ok(done)
    }

    /// Replaces the text of a comment of ours, if it still is what we read.
    ///
    /// GitHub cannot compare and write in one call: between both lies the time of one call.
    pub async fn restate(&self, found: &Found, body: &str) -> Result<Restated, GithubError> {
        let call = self.get(READ_OP, &format!("issues/comments/{}", found.id));
        let now = match self.call::<Body>(&call, |_| None).await {
            Ok(now) => now.body.unwrap_or_default(),
            Err(error) if matches!(error.status, Some(404 | 410)) => return Ok(Restated::Gone),
            Err(error) => return Err(error),
        };
        if now == body {
            return Ok(Restated::Unchanged);
        }
        if now != found.body {
            return Ok(Restated::Changed);
        }
        match self.update(found.id, body).await {
            Ok(()) => Ok(Restated::Written),
            Err(error) if matches!(error.status, Some(404 | 410)) => Ok(Restated::Gone),
            Err(error) => Err(error),
        }
    }

    /// Edits a comment; creates it when somebody deleted it since we looked.
    async fn replace(&self, found: &Found, wanted: &Wanted<'_>) -> Result<Upserted, GithubError> {
        match self.update(found.id, wanted.body).await {
            Ok(()) => Ok(Upserted::Updated { id: found.id }),
            Err(error) if error.status == Some(404) => {
                Ok(Upserted::Created { id: self.create(wanted).await? })
            }
            Err(error) => Err(error),
        }
    }

    /// Replaces the text of a comment.
    async fn update(&self, id: u64, body: &str) -> Result<(), GithubError> {
        if !self.may_write(id, MOST_WRITES) {
            return Err(GithubError::setup(
                UPDATE_OP,
                format!("this run has written comment {id} {MOST_WRITES} times"),
                "the next run writes it again",
            ));
        }
        let call = Call {
            op: UPDATE_OP,
            method: Method::Patch,
            url: self.url(&format!("issues/comments/{id}")),
            body: Some(json!({"body": body})),
            repeatable: true,
        };
        self.call::<Value>(&call, |_| None).await.map(|_| ())
    }

    /// Creates the comment. After an unclear answer it looks whether the comment is there before it tries again.
    async fn create(&self, wanted: &Wanted<'_>) -> Result<u64, GithubError> {
        let call = Call {
            op: CREATE_OP,
            method: Method::Post,
            url: self.url(&format!("issues/{}/comments", wanted.number)),
            body: Some(json!({"body": wanted.body})),
            repeatable: false,
        };
        let made = async || self.call::<Created>(&call, |_| None).await.map(|created| created.id);
        let look = async || {
            let own = self.own_comments(wanted.number, wanted.scope).await?;
            let there = own.kept.iter().chain(&own.duplicates).find(|found| found.body == wanted.body);
            match (there, own.kept.as_ref()) {
                (Some(found), _) => Ok(Some(found.id)),
                // Another run was quicker.
                (None, Some(found)) if wanted.mode == Mode::Update => {
                    self.update(found.id, wanted.body).await?;
                    Ok(Some(found.id))
                }
                _ => Ok(None),
            }
        };
        let id = self.make_once(made, look).await?;
        self.may_write(id, MOST_WRITES);
        Ok(id)
    }
}

/// The run that wrote a comment, when it is later than this one.
fn newer(found: &Found, run: u64, attempt: u64) -> Option<Newer> {
    let (its_run, its_attempt) = run_of(found);
    (run > 0 && (its_run, its_attempt) > (run, attempt)).then_some(Newer::Run(its_run, its_attempt))
}

/// The run and the attempt in the marker of a comment, zeros when it does not tell.
fn run_of(found: &Found) -> (u64, u64) {
    let number =
        |key: &str| found.marker.as_ref().and_then(|marker| marker.get(key)?.as_u64()).unwrap_or_default();
    (number("run"), number("attempt"))
}

/// When the present text of a comment was first written (RFC 3339, UTC): its versions are walked from the newest as long as they
/// are the `same` as what it says now. Versions whose text GitHub does not have any more end the walk, so the answer is rather too
/// late than too early. `None` when GitHub tells no time.
pub fn written_at(found: &Found, same: impl Fn(&str, &str) -> bool) -> Option<String> {
    let Some(newest) = found.edits.first() else {
        return found.last_edited_at.clone().or_else(|| found.created_at.clone());
    };
    let unchanged = found
        .edits
        .iter()
        .take_while(|edit| edit.body.as_deref().is_some_and(|body| same(body, &found.body)));
    unchanged.last().unwrap_or(newest).at.clone()
}

/// Picks ours out of all comments of a pull request, given in any order.
fn own(nodes: Vec<Node>, scope: &str) -> Own {
    let ours =
        nodes.into_iter().filter(|node| node.viewer_did_author && node.body.starts_with(marker::PREFIX));
    let (mut named, mut unnamed): (Vec<Found>, Vec<Found>) = (Vec::new(), Vec::new());
    for found in ours.map(found) {
        match found.marker.as_ref().and_then(|marker| marker.get("scope")).and_then(Value::as_str) {
            Some(other) if other != scope => {}
            Some(_) => named.push(found),
            None => unnamed.push(found),
        }
    }
    // A marker that does not tell its scope was damaged; such a comment is taken over when there is no better one.
    let mut all = if named.is_empty() { unnamed } else { named };
    all.sort_by_key(|found| (std::cmp::Reverse(run_of(found)), found.minimized, found.id));
    let mut all = all.into_iter();
    let kept = all.next();
    let mut duplicates: Vec<Found> = all.collect();
    duplicates.sort_by_key(|found| found.id);
    Own { kept, duplicates }
}

fn found(node: Node) -> Found {
    let edits = node.user_content_edits.map(|edits| edits.nodes).unwrap_or_default();
    let mut edits: Vec<Edit> = edits
        .into_iter()
        .flatten()
        .map(|edit| Edit {
            at: edit.edited_at,
            editor: edit.editor.map(|editor| editor.login),
            body: edit.diff,
        })
        .collect();
    edits.sort_by(|left, right| right.at.cmp(&left.at));
    let author = node.author.map(|author| author.login);
    let newest = edits.first();
    let was_edited = node.last_edited_at.is_some() || newest.is_some_and(|edit| edit.at.is_some());
    let editor =
        node.editor.map(|editor| editor.login).or_else(|| newest.and_then(|edit| edit.editor.clone()));
    Found {
        id: node.database_id,
        marker: marker::decode(&node.body),
        edited_by_other: was_edited && editor != author,
        editor,
        author,
        created_at: node.created_at,
        last_edited_at: node.last_edited_at,
        edits,
        minimized: node.is_minimized,
        minimized_reason: node.minimized_reason,
        node_id: node.id,
        body: node.body,
    }
}

/// Whether two texts are equal apart from what is volatile.
pub fn same(left: &str, right: &str, volatile: Volatile<'_>) -> bool {
    comparable(left, volatile) == comparable(right, volatile)
}

fn comparable(body: &str, volatile: Volatile<'_>) -> (Option<Value>, Vec<String>) {
    let mut marker = marker::decode(body);
    if let Some(Value::Object(fields)) = &mut marker {
        for key in volatile.keys {
            fields.remove(*key);
        }
        // The order of the keys means nothing.
        fields.sort_keys();
    }
    let text = if marker.is_some() { marker::unmarked(body) } else { body };
    let lines = text.trim_end().lines().map(str::trim_end);
    let kept = lines.filter(|line| !volatile.lines.iter().any(|start| line.starts_with(start)));
    (marker, kept.map(str::to_owned).collect())
}

#[cfg(test)]
#[path = "comment_tests.rs"]
mod tests;
