//! The stub's things in the form of the REST API.

use serde_json::{Value, json};

use super::state::{ACTIONS_BOT, Comment, Commit, Pull, Repo, id_of, timestamp};

/// The places that answers link to.
#[derive(Debug, Clone)]
pub(super) struct Links {
    /// Base of the REST API without a slash at the end.
    pub api: String,
    /// Base of web pages.
    pub html: String,
}

/// An account.
pub(super) fn user(login: &str) -> Value {
    let is_bot = login.ends_with("[bot]");
    let id = if login == ACTIONS_BOT { 41_898_282 } else { id_of(login) };
    json!({
        "login": login,
        "id": id,
        "node_id": if is_bot { format!("BOT_kgDO{id}") } else { format!("U_kgDO{id}") },
        "type": if is_bot { "Bot" } else { "User" },
        "site_admin": false,
    })
}

/// A repository.
pub(super) fn repo(repo: &Repo, links: &Links) -> Value {
    let full = repo.full_name();
    json!({
        "id": repo.id,
        "node_id": format!("R_kgDO{}", repo.id),
        "name": repo.name,
        "full_name": full,
        "private": false,
        "owner": user(&repo.owner),
        "html_url": format!("{}/{full}", links.html),
        "url": format!("{}/repos/{full}", links.api),
        "fork": false,
        "default_branch": repo.default_branch,
    })
}

/// A repository that is only known by name: the head of a pull request from a fork.
fn foreign_repo(full: &str, links: &Links) -> Value {
    let (owner, name) = full.split_once('/').unwrap_or((full, ""));
    json!({
        "id": id_of(full),
        "name": name,
        "full_name": full,
        "private": false,
        "owner": user(owner),
        "html_url": format!("{}/{full}", links.html),
        "url": format!("{}/repos/{full}", links.api),
        "fork": true,
        "default_branch": "main",
    })
}

/// A pull request; `whole` adds what only a single look-up shows.
pub(super) fn pull(of: &Repo, pull: &Pull, links: &Links, whole: bool) -> Value {
    let base_repo = repo(of, links);
    let full = of.full_name();
    let head_repo = match &pull.head_repo {
        None => Value::Null,
        Some(name) if name.eq_ignore_ascii_case(&full) => base_repo.clone(),
        Some(name) => foreign_repo(name, links),
    };
    let head_owner = pull.head_repo.as_deref().and_then(|name| name.split('/').next());
    let mut value = json!({
        "url": format!("{}/repos/{full}/pulls/{}", links.api, pull.number),
        "id": id_of(&format!("{full}#{}", pull.number)),
        "node_id": format!("PR_kwDO{}", id_of(&format!("{full}#{}", pull.number))),
        "html_url": format!("{}/{full}/pull/{}", links.html, pull.number),
        "number": pull.number,
        "state": if pull.closed { "closed" } else { "open" },
        "locked": pull.locked,
        "title": pull.title,
        "user": user(&pull.user),
        "body": pull.body,
        "draft": pull.draft,
        "created_at": timestamp(pull.created_at),
        "updated_at": timestamp(pull.updated_at),
        "closed_at": if pull.closed { json!(timestamp(pull.merged_at.unwrap_or(pull.updated_at))) } else { Value::Null },
        "merged_at": pull.merged_at.map(timestamp),
        "merge_commit_sha": pull.merge_commit_sha,
        "head": {
            "label": format!("{}:{}", head_owner.unwrap_or("unknown"), pull.head_ref),
            "ref": pull.head_ref,
            "sha": pull.head_sha,
            "user": head_owner.map(user),
            "repo": head_repo,
        },
        "base": {
            "label": format!("{}:{}", of.owner, pull.base_ref),
            "ref": pull.base_ref,
            "sha": pull.base_sha,
            "user": user(&of.owner),
            "repo": base_repo,
        },
        "author_association": "CONTRIBUTOR",
    });
    if whole && let Some(fields) = value.as_object_mut() {
        fields.insert("merged".into(), json!(pull.merged_at.is_some()));
        fields.insert("mergeable".into(), if pull.closed { Value::Null } else { json!(true) });
        fields.insert("comments".into(), json!(of.comments_of(pull.number).count()));
        fields.insert("commits".into(), json!(pull.commits.len()));
    }
    value
}

/// The app behind an author, null for a person.
pub(super) fn app_of(author: &str) -> Value {
    if author == ACTIONS_BOT {
        json!({"id": 15368, "slug": "github-actions", "name": "GitHub Actions", "owner": user("github")})
    } else {
        Value::Null
    }
}

/// An issue comment.
pub(super) fn comment(of: &Repo, comment: &Comment, links: &Links) -> Value {
    let full = of.full_name();
    let place = if of.issues.contains_key(&comment.number) { "issues" } else { "pull" };
    json!({
        "url": format!("{}/repos/{full}/issues/comments/{}", links.api, comment.id),
        "html_url": format!("{}/{full}/{place}/{}#issuecomment-{}", links.html, comment.number, comment.id),
        "issue_url": format!("{}/repos/{full}/issues/{}", links.api, comment.number),
        "id": comment.id,
        "node_id": comment.node_id(),
        "user": user(&comment.author),
        "created_at": timestamp(comment.created_at),
        "updated_at": timestamp(comment.updated_at),
        "author_association": if comment.author == ACTIONS_BOT { "NONE" } else { "CONTRIBUTOR" },
        "body": comment.body,
        "performed_via_github_app": app_of(&comment.author),
    })
}

/// A commit.
pub(super) fn commit(of: &Repo, sha: &str, commit: &Commit, links: &Links) -> Value {
    let full = of.full_name();
    let parents: Vec<Value> = commit
        .parents
        .iter()
        .map(|sha| json!({"sha": sha, "url": format!("{}/repos/{full}/commits/{sha}", links.api)}))
        .collect();
    json!({
        "sha": sha,
        "node_id": format!("C_kwDO{sha}"),
        "url": format!("{}/repos/{full}/commits/{sha}", links.api),
        "html_url": format!("{}/{full}/commit/{sha}", links.html),
        "commit": {"message": commit.message, "comment_count": 0},
        "author": Value::Null,
        "committer": Value::Null,
        "parents": parents,
    })
}
