//! The one comment that the tool keeps on a pull request: found again, edited in place, left alone when equal.

use serde_json::Value;

use super::client::{Call, GitHub, Method};
use super::error::GithubError;
use super::graphql::Node;
use super::marker;

const CREATE_OP: &str = "POST /repos/{owner}/{repo}/issues/{issue_number}/comments";
const UPDATE_OP: &str = "PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}";
/// Most duplicates that one run folds away: with the comment itself that makes three writes.
const MOST_FOLDED: usize = 2;
/// How often an unclear creation is looked up and tried again.
const CREATE_TRIES: u64 = 4;

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
    /// When it was last edited (RFC 3339).
    pub last_edited_at: Option<String>,
    /// Folded away.
    pub minimized: bool,
}

/// All our comments of one scope on a pull request.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Own {
    /// The oldest: the one that is kept up to date.
    pub kept: Option<Found>,
    /// Later ones, oldest first: left by runs that raced.
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
    /// The pull request has another head by now; nothing was written.
    Superseded {
        /// SHA of that head.
        head: String,
    },
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

    /// Creates or updates the comment, unless it says the same already; folds duplicates away.
    ///
    /// A comment that somebody else edited is written anew even when it says the same, so that we are its editor again.
    pub async fn upsert_comment(&self, wanted: &Wanted<'_>) -> Result<Upserted, GithubError> {
        if let Some(planned) = wanted.head {
            let head = self.head_sha(wanted.number).await?;
            if head != planned {
                return Ok(Upserted::Superseded { head });
            }
        }
        let own = self.own_comments(wanted.number, wanted.scope).await?;
        let done = match &own.kept {
            None => Upserted::Created { id: self.create(wanted).await? },
            Some(found) if !found.edited_by_other && same(&found.body, wanted.body, wanted.volatile) => {
                Upserted::Unchanged { id: found.id }
            }
            Some(found) => match self.update(found.id, wanted.body).await {
                Ok(()) => Upserted::Updated { id: found.id },
                // Somebody deleted it since we looked.
                Err(error) if error.status == Some(404) => {
                    Upserted::Created { id: self.create(wanted).await? }
                }
                Err(error) => return Err(error),
            },
        };
        for duplicate in own.duplicates.iter().filter(|found| !found.minimized).take(MOST_FOLDED) {
            // A duplicate that stays visible is ugly, but no reason to fail: the comment itself is right.
            if let Err(error) = self.minimize_duplicate(&duplicate.node_id).await {
                tracing::warn!(comment = duplicate.id, %error, "could not fold away a duplicate comment");
            }
        }
        Ok(done)
    }

    /// Replaces the text of a comment.
    async fn update(&self, id: u64, body: &str) -> Result<(), GithubError> {
        let call = Call {
            op: UPDATE_OP,
            method: Method::Patch,
            url: self.url(&format!("issues/comments/{id}")),
            body: Some(serde_json::json!({"body": body})),
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
            body: Some(serde_json::json!({"body": wanted.body})),
            repeatable: false,
        };
        let mut tries = 0;
        loop {
            let error = match self.call::<Created>(&call, |_| None).await {
                Ok(created) => return Ok(created.id),
                Err(error) if !error.may_have_happened() => return Err(error),
                Err(error) => error,
            };
            tries += 1;
            let wait = std::time::Duration::from_secs(1 << tries);
            if tries >= CREATE_TRIES || !self.pace().pause(wait).await {
                return Err(error);
            }
            let own = self.own_comments(wanted.number, wanted.scope).await?;
            if let Some(found) = own.kept {
                if found.body != wanted.body {
                    self.update(found.id, wanted.body).await?;
                }
                return Ok(found.id);
            }
        }
    }
}

#[derive(serde::Deserialize)]
struct Created {
    id: u64,
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
    all.sort_by_key(|found| found.id);
    let mut all = all.into_iter();
    Own { kept: all.next(), duplicates: all.collect() }
}

fn found(node: Node) -> Found {
    let newest = node.user_content_edits.as_ref().and_then(|edits| edits.nodes.iter().flatten().next());
    let was_edited = node.last_edited_at.is_some() || newest.is_some_and(|edit| edit.edited_at.is_some());
    let editor = node.editor.clone().or_else(|| newest.and_then(|edit| edit.editor.clone()));
    Found {
        id: node.database_id,
        marker: marker::decode(&node.body),
        edited_by_other: was_edited && editor != node.author,
        editor: editor.map(|editor| editor.login),
        last_edited_at: node.last_edited_at,
        minimized: node.is_minimized,
        node_id: node.id,
        body: node.body,
    }
}

/// When the present text was first written.
pub fn written_at(found: &Found, same: impl Fn(&str, &str) -> bool) -> Option<String> {
    let _ = same("", "");
    found.last_edited_at.clone()
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
mod tests {
    use super::*;
    use crate::github::graphql::{Edit, Edits, Login};
    use serde_json::json;

    fn login(name: &str) -> Login {
        Login { login: name.into() }
    }

    fn node(id: u64, body: &str) -> Node {
        Node {
            database_id: id,
            id: format!("IC_{id}"),
            viewer_did_author: true,
            author: Some(login("github-actions")),
            body: body.into(),
            ..Node::default()
        }
    }

    fn marked(id: u64, scope: &str) -> Node {
        node(id, &marker::mark(&json!({"scope": scope}), "text"))
    }

    fn ids(own: &Own) -> (Option<u64>, Vec<u64>) {
        (own.kept.as_ref().map(|found| found.id), own.duplicates.iter().map(|found| found.id).collect())
    }

    #[test]
    fn a_comment_is_ours_only_with_the_marker_and_our_authorship() {
        let forged = Node { viewer_did_author: false, author: Some(login("stranger")), ..marked(1, ".") };
        let plain = node(2, "I approve");
        let quoted = node(3, &format!("> {}", marker::encode(&json!({"scope": "."}))));
        assert_eq!(own(vec![forged, plain, quoted], "."), Own::default());
    }

    #[test]
    fn the_oldest_is_kept_and_later_ones_are_duplicates() {
        assert_eq!(
            ids(&own(vec![marked(9, "."), marked(4, "."), marked(7, ".")], ".")),
            (Some(4), vec![7, 9])
        );
    }

    #[test]
    fn comments_of_another_scope_are_left_alone() {
        let nodes = vec![marked(1, "a"), marked(2, "b")];
        assert_eq!(ids(&own(nodes, "b")), (Some(2), vec![]));
    }

    #[test]
    fn a_damaged_marker_is_taken_over_only_when_there_is_no_whole_one() {
        let damaged = node(1, "<!-- fargate-stack:v1 ???? -->\ntext");
        assert_eq!(ids(&own(vec![damaged.clone()], ".")), (Some(1), vec![]));
        assert_eq!(ids(&own(vec![damaged, marked(2, ".")], ".")), (Some(2), vec![]));
    }

    #[test]
    fn an_edit_by_somebody_else_shows() {
        let by = |editor: Option<Login>| {
            let at = Some("2025-01-01T00:00:00Z".to_owned());
            found(Node { editor, last_edited_at: at, ..marked(1, ".") }).edited_by_other
        };
        assert!(!found(marked(1, ".")).edited_by_other, "never edited");
        assert!(!by(Some(login("github-actions"))), "edited by the tool itself");
        assert!(by(Some(login("author"))));
        assert!(by(None), "the editor's account was deleted");
    }

    #[test]
    fn the_history_tells_the_editor_when_the_comment_does_not() {
        let edit = Edit { edited_at: Some("2025-01-01T00:00:00Z".into()), editor: Some(login("author")) };
        let node =
            Node { user_content_edits: Some(Edits { nodes: vec![None, Some(edit)] }), ..marked(1, ".") };
        let found = found(node);
        assert_eq!((found.edited_by_other, found.editor.as_deref()), (true, Some("author")));
    }

    #[test]
    fn only_volatile_parts_may_differ_between_equal_texts() {
        let volatile = Volatile { lines: &["**Status:"], keys: &["run", "attempt"] };
        let text = |marker: Value, body: &str| marker::mark(&marker, body);
        let one =
            text(json!({"scope": ".", "fp": "a", "run": 1}), "### Plan\n**Status: planned** at 1\nend\n");
        let later =
            text(json!({"run": 2, "fp": "a", "scope": "."}), "### Plan\r\n**Status: planned** at 2\r\nend");
        assert!(same(&one, &later, volatile));
        for other in [
            text(json!({"scope": ".", "fp": "b", "run": 1}), "### Plan\n**Status: planned** at 1\nend"),
            text(json!({"scope": ".", "fp": "a", "run": 1}), "### Plan!\n**Status: planned** at 1\nend"),
            text(json!({"scope": ".", "fp": "a", "run": 1}), "### Plan\n**Status: planned** at 1"),
            "### Plan\n**Status: planned** at 1\nend".to_owned(),
        ] {
            assert!(!same(&one, &other, volatile), "{other}");
        }
        assert!(!same(&one, &later, Volatile::default()));
    }
}

