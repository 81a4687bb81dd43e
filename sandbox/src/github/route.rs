//! From method and path to the call that is meant.

use crate::http::Request;

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    /// The GraphQL endpoint.
    GraphQl,
    /// A REST call.
    Rest(Call),
    /// Nothing that the stub knows.
    Unknown,
}

/// One REST call with the values of its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Call {
    User,
    RateLimit,
    Repo { repo: Name },
    Pulls { repo: Name },
    Pull { repo: Name, number: u64 },
    Commit { repo: Name, reference: String },
    CommitPulls { repo: Name, reference: String },
    Compare { repo: Name, base: String, head: String },
    Comments { repo: Name, number: u64 },
    CreateComment { repo: Name, number: u64 },
    Comment { repo: Name, id: u64 },
    UpdateComment { repo: Name, id: u64 },
    DeleteComment { repo: Name, id: u64 },
}

/// Owner and name of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    pub owner: String,
    pub name: String,
}

impl Route {
    /// Reads method and path.
    pub fn of(request: &Request) -> Self {
        let path = request.path.trim_end_matches('/');
        if matches!(path, "/graphql" | "/api/graphql") {
            return if request.method == "POST" { Self::GraphQl } else { Self::Unknown };
        }
        let path = path.strip_prefix("/api/v3").unwrap_or(path);
        let parts: Vec<String> = path.split('/').skip(1).map(decode).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        Call::of(&request.method, &parts).map_or(Self::Unknown, Self::Rest)
    }
}

impl Call {
    fn of(method: &str, parts: &[&str]) -> Option<Self> {
        let (owner, name, rest) = match (method, parts) {
            ("GET", ["user"]) => return Some(Self::User),
            ("GET", ["rate_limit"]) => return Some(Self::RateLimit),
            (_, ["repos", owner, name, rest @ ..]) => (*owner, *name, rest),
            _ => return None,
        };
        let repo = Name { owner: owner.into(), name: name.into() };
        Some(match (method, rest) {
            ("GET", []) => Self::Repo { repo },
            ("GET", ["pulls"]) => Self::Pulls { repo },
            ("GET", ["pulls", number]) => Self::Pull { repo, number: number.parse().ok()? },
            // Reference names may hold slashes.
            ("GET", ["commits", reference @ .., "pulls"]) if !reference.is_empty() => {
                Self::CommitPulls { repo, reference: reference.join("/") }
            }
            ("GET", ["commits", reference @ ..]) if !reference.is_empty() => {
                Self::Commit { repo, reference: reference.join("/") }
            }
            ("GET", ["compare", both @ ..]) => {
                let both = both.join("/");
                let (base, head) = both.split_once("...")?;
                Self::Compare { repo, base: base.into(), head: head.into() }
            }
            ("GET", ["issues", "comments", id]) => Self::Comment { repo, id: id.parse().ok()? },
            ("PATCH", ["issues", "comments", id]) => Self::UpdateComment { repo, id: id.parse().ok()? },
            ("DELETE", ["issues", "comments", id]) => Self::DeleteComment { repo, id: id.parse().ok()? },
            ("GET", ["issues", number, "comments"]) => Self::Comments { repo, number: number.parse().ok()? },
            ("POST", ["issues", number, "comments"]) => {
                Self::CreateComment { repo, number: number.parse().ok()? }
            }
            _ => return None,
        })
    }

    /// Method and path template as GitHub's API description names them.
    pub fn template(&self) -> &'static str {
        match self {
            Self::User => "GET /user",
            Self::RateLimit => "GET /rate_limit",
            Self::Repo { .. } => "GET /repos/{owner}/{repo}",
            Self::Pulls { .. } => "GET /repos/{owner}/{repo}/pulls",
            Self::Pull { .. } => "GET /repos/{owner}/{repo}/pulls/{pull_number}",
            Self::Commit { .. } => "GET /repos/{owner}/{repo}/commits/{ref}",
            Self::CommitPulls { .. } => "GET /repos/{owner}/{repo}/commits/{commit_sha}/pulls",
            Self::Compare { .. } => "GET /repos/{owner}/{repo}/compare/{basehead}",
            Self::Comments { .. } => "GET /repos/{owner}/{repo}/issues/{issue_number}/comments",
            Self::CreateComment { .. } => "POST /repos/{owner}/{repo}/issues/{issue_number}/comments",
            Self::Comment { .. } => "GET /repos/{owner}/{repo}/issues/comments/{comment_id}",
            Self::UpdateComment { .. } => "PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}",
            Self::DeleteComment { .. } => "DELETE /repos/{owner}/{repo}/issues/comments/{comment_id}",
        }
    }

    /// Whether the call changes something.
    pub fn is_mutating(&self) -> bool {
        matches!(self, Self::CreateComment { .. } | Self::UpdateComment { .. } | Self::DeleteComment { .. })
    }
}

/// Percent-decodes one part of a path.
pub(super) fn decode(part: &str) -> String {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let code =
            if *first == b'%' { tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok()) } else { None };
        if let Some(byte) = code.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            bytes.push(byte);
            rest = tail.get(2..).unwrap_or_default();
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
