//! The part of GitHub's GraphQL schema that the product uses: comments with their history, and hiding a comment.
//!
//! A document is checked against the table of fields before anything is done, so that an unknown field is refused
//! even where the list around it is empty.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::parse::{Document, Field, Operation, Selection, document};
use super::rest::pulls_of;
use super::schema::known;
use super::state::{Comment, Pull, Repo, timestamp};
use super::token::Token;
use super::{GitHub, problem};
use crate::http::{Request, Response};

/// Reasons for hiding a comment.
const CLASSIFIERS: [&str; 7] =
    ["SPAM", "ABUSE", "OFF_TOPIC", "OUTDATED", "DUPLICATE", "RESOLVED", "LOW_QUALITY"];

/// Name of the operation for the record, and whether it is a mutation.
pub(super) fn operation(body: &[u8]) -> (String, bool) {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let Ok(document) = document(body.get("query").and_then(Value::as_str).unwrap_or_default()) else {
        return ("graphql:invalid".into(), false);
    };
    let Ok(chosen) = choose(&document, &body) else {
        return ("graphql:invalid".into(), false);
    };
    let first = chosen.selections.iter().find_map(|selection| match selection {
        Selection::Field(field) => Some(field.name.clone()),
        _ => None,
    });
    let name = chosen.name.clone().or(first).unwrap_or_else(|| "invalid".into());
    (format!("graphql:{name}"), chosen.is_mutation)
}

/// The operation named by `operationName`, or the only one.
fn choose<'a>(document: &'a Document, body: &Value) -> Result<&'a Operation, String> {
    let wanted = body.get("operationName").and_then(Value::as_str).filter(|name| !name.is_empty());
    match (wanted, document.operations.as_slice()) {
        (None, [only]) => Ok(only),
        (None, _) => Err("An operation name is required".into()),
        (Some(wanted), all) => all
            .iter()
            .find(|operation| operation.name.as_deref() == Some(wanted))
            .ok_or_else(|| format!("No operation named \"{wanted}\"")),
    }
}

impl GitHub {
    pub(super) fn graphql(&mut self, request: &Request, token: &Token) -> Response {
        let Ok(body) = serde_json::from_slice::<Value>(&request.body) else {
            return problem(400, "Problems parsing JSON", "https://docs.github.com/graphql");
        };
        let links = super::rest::links(request).html;
        let answer = match self.execute(&body, token, &links) {
            Ok((data, errors)) if errors.is_empty() => json!({"data": data}),
            Ok((data, errors)) => json!({"data": data, "errors": errors}),
            Err(message) => {
                json!({"errors": [{"message": message, "locations": [{"line": 1, "column": 1}]}]})
            }
        };
        Response::json(200, &answer)
    }

    fn execute(&mut self, body: &Value, token: &Token, html: &str) -> Result<(Value, Vec<Value>), String> {
        let text = body.get("query").and_then(Value::as_str).ok_or("A query attribute must be specified")?;
        let document = document(text)?;
        let operation = choose(&document, body)?;
        let variables = variables(operation, body)?;
        let mut run = Run { document: &document, variables: &variables, errors: Vec::new(), html };
        let root = if operation.is_mutation { "Mutation" } else { "Query" };
        run.check(root, &operation.selections)?;
        let mut data = Map::new();
        for field in run.fields(&operation.selections) {
            let value = match field.name.as_str() {
                "__typename" => json!(root),
                "viewer" => run.project("User", &json!({"login": token.login}), &field.selections)?,
                "repository" => self.repository(&mut run, field, token)?,
                _ if token.read_only || !token.has_one_of("issues=write; pull_requests=write") => {
                    run.fail("FORBIDDEN", &json!([field.key]), "Resource not accessible by integration");
                    Value::Null
                }
                _ => self.minimize(&mut run, field, token)?,
            };
            data.insert(field.key.clone(), value);
        }
        Ok((Value::Object(data), run.errors))
    }

    fn repository(&mut self, run: &mut Run, field: &Field, token: &Token) -> Result<Value, String> {
        let (owner, name) = (run.text(field, "owner")?, run.text(field, "name")?);
        let repo = self.repo(&owner, &name);
        let mut shown = Map::new();
        for inner in run.fields(&field.selections) {
            let path = json!([field.key, inner.key]);
            let value = match inner.name.as_str() {
                "__typename" => json!("Repository"),
                "nameWithOwner" => json!(repo.full_name()),
                "object" => commit(repo, run, inner, &path, token)?,
                _ if !token.has_one_of("issues=read; pull_requests=read") => {
                    run.fail("FORBIDDEN", &path, "Resource not accessible by integration");
                    Value::Null
                }
                _ => conversation(repo, run, inner, &path, token)?,
            };
            shown.insert(inner.key.clone(), value);
        }
        Ok(Value::Object(shown))
    }

    fn minimize(&mut self, run: &mut Run, field: &Field, token: &Token) -> Result<Value, String> {
        let input = run.argument(field, "input");
        let text = |name: &str| input.get(name).and_then(Value::as_str);
        let subject =
            text("subjectId").ok_or("Argument 'subjectId' on InputObject is required. Expected type ID!")?;
        let hide = field.name == "minimizeComment";
        let reason = text("classifier").unwrap_or_default();
        if hide && !CLASSIFIERS.contains(&reason) {
            return Err("Argument 'classifier' on InputObject has an invalid value. Expected type \
                        'ReportedContentClassifiers!'."
                .into());
        }
        let holds = |repo: &&mut Repo| repo.comments.values().any(|comment| comment.node_id() == subject);
        let Some(repo) = self.repos.values_mut().find(holds) else {
            let what = format!("Could not resolve to a node with the global id of '{subject}'");
            run.fail("NOT_FOUND", &json!([field.key]), &what);
            return Ok(Value::Null);
        };
        repo.wrote(&format!("graphql:{}", field.name));
        let Some(comment) = repo.comments.values_mut().find(|comment| comment.node_id() == subject) else {
            return Ok(Value::Null);
        };
        comment.minimized_by = hide.then(|| token.login.clone());
        comment.minimized = hide.then(|| reason.to_lowercase().replace('_', "-"));
        let state = json!({"isMinimized": hide, "minimizedReason": comment.minimized});
        let value = json!({
            "clientMutationId": input.get("clientMutationId"),
            "minimizedComment": state,
            "unminimizedComment": state,
        });
        run.project("Payload", &value, &field.selections)
    }
}

/// The issue or pull request of a number.
fn conversation(
    repo: &Repo,
    run: &mut Run,
    field: &Field,
    path: &Value,
    token: &Token,
) -> Result<Value, String> {
    let number = run.argument(field, "number").as_u64();
    let number = number.ok_or("Argument 'number' on Field has an invalid value. Expected type 'Int!'.")?;
    let comments = || -> Vec<Value> {
        repo.comments_of(number).map(|comment| shown_comment(comment, token, run.html)).collect()
    };
    let (wants_pull, wants_issue) = (field.name != "issue", field.name != "pullRequest");
    let value = match (repo.pulls.get(&number), repo.issues.get(&number)) {
        (Some(pull), _) if wants_pull => {
            with(shown_pull(repo, pull, run.html), "comments", comments().into())
        }
        (_, Some(issue)) if wants_issue => json!({
            "__typename": "Issue",
            "number": number,
            "title": issue.title,
            "state": if issue.closed_at.is_some() { "CLOSED" } else { "OPEN" },
            "comments": comments(),
        }),
        _ => {
            let kind = if wants_issue { "issue or pull request" } else { "PullRequest" };
            let what = format!("Could not resolve to a {kind} with the number of {number}.");
            run.fail("NOT_FOUND", path, &what);
            return Ok(Value::Null);
        }
    };
    run.project("PullRequest", &value, &field.selections)
}

/// The commit of an `oid`, null when there is none; with the pull requests that brought it, as slow to know them as REST.
fn commit(
    repo: &mut Repo,
    run: &mut Run,
    field: &Field,
    path: &Value,
    token: &Token,
) -> Result<Value, String> {
    let oid = run.text(field, "oid")?;
    let Some((sha, message)) = repo.commits.get(&oid).map(|commit| (oid.clone(), commit.message.clone()))
    else {
        return Ok(Value::Null);
    };
    let asks = run.fields(&field.selections).iter().any(|inner| inner.name == "associatedPullRequests");
    if asks && !token.has_one_of("pull_requests=read") {
        run.fail("FORBIDDEN", path, "Resource not accessible by integration");
        return Ok(Value::Null);
    }
    let numbers = if asks { pulls_of(repo, &sha) } else { Vec::new() };
    let pulls = numbers.iter().filter_map(|number| repo.pulls.get(number));
    let pulls: Vec<Value> = pulls.map(|pull| shown_pull(repo, pull, run.html)).collect();
    let headline = message.lines().next().unwrap_or_default();
    let value = json!({
        "__typename": "Commit",
        "oid": sha,
        "message": message,
        "messageHeadline": headline,
        "associatedPullRequests": pulls,
    });
    run.project("Commit", &value, &field.selections)
}

/// A pull request without its comments.
fn shown_pull(repo: &Repo, pull: &Pull, html: &str) -> Value {
    let state = match (pull.merged_at, pull.closed) {
        (Some(_), _) => "MERGED",
        (None, true) => "CLOSED",
        (None, false) => "OPEN",
    };
    let full = repo.full_name();
    let foreign = pull.head_repo.as_deref().is_none_or(|head| !head.eq_ignore_ascii_case(&full));
    let merge = pull.merge_commit_sha.as_ref().filter(|_| pull.merged_at.is_some());
    json!({
        "__typename": "PullRequest",
        "number": pull.number,
        "title": pull.title,
        "url": format!("{html}/{full}/pull/{}", pull.number),
        "author": shown_actor(&pull.user),
        "isDraft": pull.draft,
        "isCrossRepository": foreign,
        "headRefOid": pull.head_sha,
        "headRefName": pull.head_ref,
        "headRepository": pull.head_repo.as_ref().map(|name| json!({"nameWithOwner": name})),
        "baseRefName": pull.base_ref,
        "baseRefOid": pull.base_sha,
        "merged": pull.merged_at.is_some(),
        "mergedAt": pull.merged_at.map(timestamp),
        "mergeCommit": merge.map(|sha| json!({"oid": sha})),
        "state": state,
        "comments": [],
    })
}

fn with(mut value: Value, key: &str, inner: Value) -> Value {
    if let Some(fields) = value.as_object_mut() {
        fields.insert(key.into(), inner);
    }
    value
}

/// Values of the declared variables.
fn variables(operation: &Operation, body: &Value) -> Result<Map<String, Value>, String> {
    let given = body.get("variables").and_then(Value::as_object).cloned().unwrap_or_default();
    let mut values = Map::new();
    for variable in &operation.variables {
        let value = match (given.get(&variable.name), &variable.default) {
            (Some(value), _) => value.clone(),
            (None, Some(default)) => default.value(&Map::new()),
            (None, None) => Value::Null,
        };
        let base = variable.kind.trim_end_matches('!');
        let fits = match base {
            _ if value.is_null() => !variable.kind.ends_with('!'),
            "Int" => value.is_i64() || value.is_u64(),
            "String" => value.is_string(),
            "ID" => value.is_string() || value.is_u64(),
            "Boolean" => value.is_boolean(),
            _ => true,
        };
        if !fits {
            return Err(format!(
                "Variable ${} of type {} was provided invalid value",
                variable.name, variable.kind
            ));
        }
        values.insert(variable.name.clone(), value);
    }
    Ok(values)
}

/// One running operation.
struct Run<'a> {
    document: &'a Document,
    variables: &'a Map<String, Value>,
    errors: Vec<Value>,
    html: &'a str,
}

impl<'a> Run<'a> {
    fn fail(&mut self, kind: &str, path: &Value, message: &str) {
        let at = json!([{"line": 1, "column": 1}]);
        self.errors.push(json!({"type": kind, "path": path, "locations": at, "message": message}));
    }

    fn argument(&self, field: &Field, name: &str) -> Value {
        field.arguments.get(name).map_or(Value::Null, |argument| argument.value(self.variables))
    }

    fn text(&self, field: &Field, name: &str) -> Result<String, String> {
        self.argument(field, name)
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| format!("Field '{}' is missing required arguments: {name}", field.name))
    }

    /// Fields with fragments put in.
    fn fields<'b>(&self, selections: &'b [Selection]) -> Vec<&'b Field>
    where
        'a: 'b,
    {
        let mut found = Vec::new();
        for selection in selections {
            match selection {
                Selection::Field(field) => found.push(field),
                Selection::Inline(inner) => found.extend(self.fields(inner)),
                Selection::Spread(name) => {
                    found.extend(
                        self.document.fragments.get(name).map(|inner| self.fields(inner)).unwrap_or_default(),
                    );
                }
            }
        }
        found
    }

    /// Refuses fields, variables and fragments that do not exist, and objects without a selection.
    fn check(&self, kind: &str, selections: &[Selection]) -> Result<(), String> {
        for selection in selections {
            match selection {
                Selection::Inline(inner) => self.check(kind, inner)?,
                Selection::Spread(name) => match self.document.fragments.get(name) {
                    Some(inner) => self.check(kind, inner)?,
                    None => return Err(format!("Fragment {name} was used, but not defined")),
                },
                Selection::Field(field) if field.name == "__typename" => {}
                Selection::Field(field) => self.check_field(kind, field)?,
            }
        }
        Ok(())
    }

    fn check_field(&self, kind: &str, field: &Field) -> Result<(), String> {
        let Some(inner) = known(kind, &field.name) else {
            return Err(format!("Field '{}' doesn't exist on type '{kind}'", field.name));
        };
        for argument in field.arguments.values() {
            if let super::parse::Argument::Variable(name) = argument
                && !self.variables.contains_key(name)
            {
                return Err(format!("Variable ${name} is used but not declared"));
            }
        }
        match (inner.is_empty(), field.selections.is_empty()) {
            (true, false) => Err(format!("Selections can't be made on scalars (field '{}')", field.name)),
            (false, true) => {
                Err(format!("Field must have selections (field '{}' returns {inner})", field.name))
            }
            (true, true) => Ok(()),
            (false, false) => {
                if inner.ends_with("Connection") {
                    self.size(field)?;
                }
                self.check(inner, &field.selections)
            }
        }
    }

    /// How many items of a connection are wanted, and whether from its end.
    fn size(&self, field: &Field) -> Result<(usize, bool), String> {
        let (first, last) = (self.argument(field, "first").as_u64(), self.argument(field, "last").as_u64());
        let (size, end) = match (first, last) {
            (Some(size), _) => (size, "first"),
            (None, Some(size)) => (size, "last"),
            (None, None) => {
                return Err(format!(
                    "You must provide a `first` or `last` value to properly paginate the `{}` connection.",
                    field.name
                ));
            }
        };
        if size > 100 {
            return Err(format!(
                "Requesting {size} records on the `{}` connection exceeds the `{end}` limit of 100 records.",
                field.name
            ));
        }
        Ok((usize::try_from(size).unwrap_or(100), end == "last"))
    }

    /// What the selection wants of a whole value.
    fn project(&self, kind: &str, value: &Value, selections: &[Selection]) -> Result<Value, String> {
        match value {
            Value::Null => return Ok(Value::Null),
            Value::Array(items) => {
                return items.iter().map(|item| self.project(kind, item, selections)).collect();
            }
            _ => {}
        }
        let mut shown = Map::new();
        for field in self.fields(selections) {
            let inner = known(kind, &field.name).unwrap_or_default();
            let whole = value.get(&field.name).unwrap_or(&Value::Null);
            let answer = if field.name == "__typename" {
                value.get("__typename").cloned().unwrap_or_else(|| json!(kind))
            } else if inner.ends_with("Connection") {
                let page = self.page(field, whole.as_array().map(Vec::as_slice).unwrap_or_default())?;
                self.project(inner, &page, &field.selections)?
            } else if inner.is_empty() {
                whole.clone()
            } else {
                self.project(inner, whole, &field.selections)?
            };
            shown.insert(field.key.clone(), answer);
        }
        Ok(Value::Object(shown))
    }

    /// The wanted part of a list in its own order.
    fn page(&self, field: &Field, items: &[Value]) -> Result<Value, String> {
        let (size, from_end) = self.size(field)?;
        let keyed: Vec<(u64, &Value)> = items
            .iter()
            .zip(0_u64..)
            .map(|(item, index)| (item.get("databaseId").and_then(Value::as_u64).unwrap_or(index), item))
            .collect();
        let bound = |name: &str| match self.argument(field, name) {
            Value::String(text) => key(&text).map(Some),
            _ => Ok(None),
        };
        let (after, before) = (bound("after")?, bound("before")?);
        let within: Vec<_> = keyed
            .iter()
            .filter(|(key, _)| {
                after.is_none_or(|after| *key > after) && before.is_none_or(|before| *key < before)
            })
            .collect();
        let skip = if from_end { within.len().saturating_sub(size) } else { 0 };
        let shown: Vec<_> = within.into_iter().skip(skip).take(size).collect();
        let edge = |item: Option<&&(u64, &Value)>| item.map(|(key, _)| cursor(*key));
        let (start, end) = (shown.first().map(|item| item.0), shown.last().map(|item| item.0));
        Ok(json!({
            "totalCount": items.len(),
            "nodes": shown.iter().map(|(_, item)| (*item).clone()).collect::<Vec<_>>(),
            "pageInfo": {
                "hasPreviousPage": keyed.first().is_some_and(|first| start.is_some_and(|start| first.0 < start)),
                "hasNextPage": keyed.last().is_some_and(|last| end.is_some_and(|end| last.0 > end)),
                "startCursor": edge(shown.first()),
                "endCursor": edge(shown.last()),
            },
        }))
    }
}

fn cursor(key: u64) -> String {
    STANDARD.encode(format!("cursor:v1:{key}"))
}

fn key(cursor: &str) -> Result<u64, String> {
    let decoded = STANDARD.decode(cursor).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    decoded
        .and_then(|text| text.strip_prefix("cursor:v1:").and_then(|key| key.parse().ok()))
        .ok_or_else(|| format!("`{cursor}` does not appear to be a valid cursor."))
}

/// An account; apps lose the `[bot]` that REST shows.
fn shown_actor(login: &str) -> Value {
    match login.strip_suffix("[bot]") {
        Some(app) => json!({"__typename": "Bot", "login": app}),
        None => json!({"__typename": "User", "login": login}),
    }
}

fn shown_comment(comment: &Comment, token: &Token, html: &str) -> Value {
    // The newest edit comes first.
    let edits = comment.edits.iter().rev().map(|edit| {
        let at = timestamp(edit.at);
        json!({"createdAt": at, "editedAt": at, "editor": shown_actor(&edit.editor), "diff": edit.body})
    });
    json!({
        "databaseId": comment.id,
        "fullDatabaseId": comment.id.to_string(),
        "id": comment.node_id(),
        "url": format!("{html}#issuecomment-{}", comment.id),
        "viewerDidAuthor": comment.author == token.login,
        "author": shown_actor(&comment.author),
        "editor": comment.editor().map(shown_actor),
        "createdAt": timestamp(comment.created_at),
        "updatedAt": timestamp(comment.updated_at),
        "lastEditedAt": comment.edits.last().map(|edit| timestamp(edit.at)),
        "includesCreatedEdit": !comment.edits.is_empty(),
        "isMinimized": comment.minimized.is_some(),
        "minimizedReason": comment.minimized,
        "body": comment.body,
        "userContentEdits": edits.collect::<Vec<_>>(),
    })
}
