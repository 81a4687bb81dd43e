//! The part of GitHub's GraphQL schema that the stub knows.

/// Type of each known field by the type that holds it; `""` is a scalar.
const FIELDS: &[(&str, &[(&str, &str)])] = &[
    ("Query", &[("repository", "Repository"), ("viewer", "User")]),
    ("Mutation", &[("minimizeComment", "Payload"), ("unminimizeComment", "Payload")]),
    (
        "Payload",
        &[
            ("clientMutationId", ""),
            ("minimizedComment", "Minimizable"),
            ("unminimizedComment", "Minimizable"),
        ],
    ),
    ("Minimizable", &[("isMinimized", ""), ("minimizedReason", "")]),
    (
        "Repository",
        &[
            ("nameWithOwner", ""),
            ("pullRequest", "PullRequest"),
            ("issue", "PullRequest"),
            ("issueOrPullRequest", "PullRequest"),
            ("object", "Commit"),
        ],
    ),
    (
        "Commit",
        &[
            ("oid", ""),
            ("message", ""),
            ("messageHeadline", ""),
            ("associatedPullRequests", "PullRequestConnection"),
        ],
    ),
    ("PullRequestConnection", &[("nodes", "PullRequest"), ("pageInfo", "PageInfo"), ("totalCount", "")]),
    ("RepositoryName", &[("nameWithOwner", "")]),
    ("CommitName", &[("oid", "")]),
    (
        "PullRequest",
        &[
            ("number", ""),
            ("title", ""),
            ("url", ""),
            ("author", "Actor"),
            ("isDraft", ""),
            ("isCrossRepository", ""),
            ("headRepository", "RepositoryName"),
            ("baseRefOid", ""),
            ("mergedAt", ""),
            ("mergeCommit", "CommitName"),
            ("headRefOid", ""),
            ("headRefName", ""),
            ("baseRefName", ""),
            ("merged", ""),
            ("state", ""),
            ("comments", "IssueCommentConnection"),
        ],
    ),
    ("IssueCommentConnection", &[("nodes", "IssueComment"), ("pageInfo", "PageInfo"), ("totalCount", "")]),
    ("PageInfo", &[("hasNextPage", ""), ("hasPreviousPage", ""), ("startCursor", ""), ("endCursor", "")]),
    (
        "IssueComment",
        &[
            ("databaseId", ""),
            ("fullDatabaseId", ""),
            ("id", ""),
            ("url", ""),
            ("viewerDidAuthor", ""),
            ("author", "Actor"),
            ("editor", "Actor"),
            ("createdAt", ""),
            ("updatedAt", ""),
            ("lastEditedAt", ""),
            ("includesCreatedEdit", ""),
            ("isMinimized", ""),
            ("minimizedReason", ""),
            ("body", ""),
            ("userContentEdits", "UserContentEditConnection"),
        ],
    ),
    (
        "UserContentEditConnection",
        &[("nodes", "UserContentEdit"), ("pageInfo", "PageInfo"), ("totalCount", "")],
    ),
    ("UserContentEdit", &[("createdAt", ""), ("editedAt", ""), ("editor", "Actor"), ("diff", "")]),
    ("Actor", &[("login", "")]),
    ("User", &[("login", "")]),
];

/// Type of a field: `None` when there is no such field, `""` for a scalar.
pub(super) fn known(kind: &str, field: &str) -> Option<&'static str> {
    let (_, fields) = FIELDS.iter().find(|(name, _)| *name == kind)?;
    fields.iter().find(|(name, _)| *name == field).map(|(_, inner)| *inner)
}
