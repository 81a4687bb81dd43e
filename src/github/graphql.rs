//! The GraphQL documents and the shape of their answers.
//!
//! GraphQL is used where REST does not tell enough: REST never names who edited a comment.

use serde::Deserialize;
use serde_json::{Value, json};

use super::client::{Call, GitHub, Method};
use super::error::GithubError;

/// Name of the call that reads comments, for errors.
pub(super) const COMMENTS_OP: &str = "graphql:pullRequestComments";
const MINIMIZE_OP: &str = "graphql:minimizeComment";
const VIEWER_OP: &str = "graphql:viewer";

const COMMENTS: &str = "query pullRequestComments($owner: String!, $name: String!, $number: Int!, $before: String) {
  repository(owner: $owner, name: $name) {
    pullRequest(number: $number) {
      comments(last: 50, before: $before) {
        pageInfo { hasPreviousPage startCursor }
        nodes {
          databaseId id viewerDidAuthor author { login } createdAt editor { login } lastEditedAt isMinimized minimizedReason
          body userContentEdits(first: 10) { nodes { editedAt editor { login } diff } }
        }
      }
    }
  }
}";

const MINIMIZE: &str = "mutation minimizeComment($id: ID!, $classifier: ReportedContentClassifiers!) {
  minimizeComment(input: {subjectId: $id, classifier: $classifier}) { minimizedComment { isMinimized } }
}";

const VIEWER: &str = "query viewer { viewer { login } }";

/// Why a comment is folded away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fold {
    /// Another one says the same.
    Duplicate,
    /// A newer one is there.
    Outdated,
}

#[derive(Debug, Deserialize)]
struct Data {
    data: Root,
}

#[derive(Debug, Deserialize)]
struct Root {
    repository: Option<Repository>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Repository {
    pull_request: Option<PullRequest>,
}

#[derive(Debug, Deserialize)]
struct PullRequest {
    comments: Page,
}

/// One page of comments, oldest first.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page {
    pub page_info: PageInfo,
    /// GitHub leaves null where a comment cannot be read.
    pub nodes: Vec<Option<Node>>,
}

/// Where the page before this one begins.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageInfo {
    pub has_previous_page: bool,
    pub start_cursor: Option<String>,
}

/// A comment with what tells whether somebody changed it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Node {
    pub database_id: u64,
    pub id: String,
    pub viewer_did_author: bool,
    pub author: Option<Login>,
    pub editor: Option<Login>,
    pub created_at: Option<String>,
    pub last_edited_at: Option<String>,
    pub is_minimized: bool,
    pub minimized_reason: Option<String>,
    pub body: String,
    pub user_content_edits: Option<Edits>,
}

/// An account, null when it was deleted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Login {
    pub login: String,
}

/// The newest edits, newest first.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Edits {
    pub nodes: Vec<Option<Edit>>,
}

/// One edit.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Edit {
    pub edited_at: Option<String>,
    pub editor: Option<Login>,
    /// The whole text of that version, in spite of its name; null when GitHub does not have it any more.
    pub diff: Option<String>,
}

impl GitHub {
    /// The page of comments that ends before a cursor; the newest page without one.
    pub(super) async fn comments_before(
        &self,
        number: u64,
        before: Option<&str>,
    ) -> Result<Page, GithubError> {
        let (owner, name) = self.owner_and_name();
        let variables = json!({"owner": owner, "name": name, "number": number, "before": before});
        let data: Data = self.query(COMMENTS_OP, COMMENTS, &variables).await?;
        let found = data.data.repository.and_then(|repository| repository.pull_request);
        found.map(|pull| pull.comments).ok_or_else(|| {
            let body = json!({"message": format!("no pull request {number}")}).to_string();
            GithubError::answered(COMMENTS_OP, 404, &body, None, None)
        })
    }

    /// Login of the account of the token, as REST spells it.
    pub(super) async fn viewer(&self) -> Result<String, GithubError> {
        let answer: Value = self.query(VIEWER_OP, VIEWER, &json!({})).await?;
        let login = answer.pointer("/data/viewer/login").and_then(Value::as_str);
        login.map(str::to_owned).ok_or_else(|| GithubError::answered(VIEWER_OP, 404, "{}", None, None))
    }

    /// Folds a comment away.
    pub(super) async fn minimize(&self, node_id: &str, why: Fold) -> Result<(), GithubError> {
        let classifier = match why {
            Fold::Duplicate => "DUPLICATE",
            Fold::Outdated => "OUTDATED",
        };
        let variables = json!({"id": node_id, "classifier": classifier});
        self.query::<Value>(MINIMIZE_OP, MINIMIZE, &variables).await.map(|_| ())
    }

    pub(super) async fn query<T: serde::de::DeserializeOwned>(
        &self,
        op: &str,
        query: &str,
        variables: &Value,
    ) -> Result<T, GithubError> {
        // All documents can be sent twice: they read, and a folded comment stays folded.
        let call = Call {
            op,
            method: Method::Post,
            url: self.graphql_url(),
            body: Some(json!({"query": query, "variables": variables})),
            repeatable: true,
        };
        self.call(&call, problem).await
    }
}

/// The first error of an answer, with the status that REST would give.
fn problem(answer: &Value) -> Option<(u16, String)> {
    let errors = answer.get("errors")?.as_array().filter(|errors| !errors.is_empty())?;
    let text =
        |error: &Value, key: &str| error.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let kind = errors.first().map(|error| text(error, "type")).unwrap_or_default();
    let messages: Vec<String> = errors.iter().map(|error| text(error, "message")).collect();
    let status = match kind.as_str() {
        "NOT_FOUND" => 404,
        "FORBIDDEN" | "INSUFFICIENT_SCOPES" => 403,
        "RATE_LIMITED" => 429,
        _ => 422,
    };
    let limited = if kind == "RATE_LIMITED" { "rate limit: " } else { "" };
    Some((status, format!("{limited}{}", messages.join("; "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_get_the_status_that_rest_would_give() {
        for (kind, status) in [("NOT_FOUND", 404), ("FORBIDDEN", 403), ("RATE_LIMITED", 429), ("", 422)] {
            let answer = json!({"data": null, "errors": [{"type": kind, "message": "m"}, {"message": "n"}]});
            let found = problem(&answer);
            assert_eq!(found.as_ref().map(|(status, _)| *status), Some(status), "{kind}");
            assert!(found.is_some_and(|(_, message)| message.ends_with("m; n")));
        }
        assert_eq!(problem(&json!({"data": {}})), None);
        assert_eq!(problem(&json!({"data": {}, "errors": []})), None);
    }

    #[test]
    fn a_page_is_read_with_deleted_accounts_and_unreadable_comments() -> Result<(), serde_json::Error> {
        let page: Page = serde_json::from_value(json!({
            "pageInfo": {"hasPreviousPage": true, "startCursor": "x"},
            "nodes": [null, {"databaseId": 5, "id": "I", "author": null, "editor": null, "body": "b"}],
        }))?;
        assert!(page.page_info.has_previous_page);
        let node = page.nodes.into_iter().flatten().next().unwrap_or_default();
        assert_eq!((node.database_id, node.author, node.viewer_did_author), (5, None, false));
        Ok(())
    }
}
