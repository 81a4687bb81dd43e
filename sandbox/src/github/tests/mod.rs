#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod checks;
mod commits;
mod deployments;
mod graphql;
mod issues;
mod people;
mod queue;
mod rest;
mod setup;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::GitHub;
use crate::http::{Request, Response};

const NOW: f64 = 1_764_000_000.0; // 2025-11-24T16:00:00Z

/// One call with a token, `METHOD /path?query`.
fn request(line: &str, token: &str, body: &Value) -> Request {
    let (method, target) = line.split_once(' ').unwrap();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let query =
        query.split('&').filter_map(|pair| pair.split_once('=')).map(|(k, v)| (k.into(), v.into())).collect();
    let mut headers = BTreeMap::from([("host".to_owned(), "127.0.0.1:8080".to_owned())]);
    if !token.is_empty() {
        headers.insert("authorization".into(), format!("Bearer {token}"));
    }
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    Request { method: method.into(), path: path.into(), query, headers, body }
}

fn call(github: &mut GitHub, line: &str, token: &str, body: &Value) -> (u16, Value) {
    let response = github.handle(&request(line, token, body), NOW + 60.0);
    (response.status, read(&response))
}

fn get(github: &mut GitHub, line: &str) -> (u16, Value) {
    call(github, &format!("GET {line}"), "run", &Value::Null)
}

fn read(response: &Response) -> Value {
    serde_json::from_slice(&response.body).unwrap_or_default()
}

fn control(github: &mut GitHub, line: &str, body: &Value) -> (u16, Value) {
    let (method, path) = line.split_once(' ').unwrap();
    let line = format!("{method} /_sandbox/github/{path}");
    let response = github.control(&request(&line, "", body), NOW).unwrap();
    (response.status, read(&response))
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// A GitHub with pull request 7 of `octo/app`.
fn with_pull() -> GitHub {
    let mut github = GitHub::new();
    let body =
        json!({"number": 7, "head_sha": "a".repeat(40), "base": "main", "title": "Grow", "user": "author"});
    assert_eq!(control(&mut github, "POST pulls", &body).0, 201);
    github
}

fn comment(github: &mut GitHub, token: &str, text: &str) -> u64 {
    let (status, body) =
        call(github, "POST /repos/octo/app/issues/7/comments", token, &json!({"body": text}));
    assert_eq!(status, 201);
    body["id"].as_u64().unwrap()
}

const QUERY: &str = "query pullRequestComments($owner: String!, $name: String!, $number: Int!, $before: String) {
  repository(owner: $owner, name: $name) { pullRequest(number: $number) { comments(last: 100, before: $before) {
    pageInfo { hasPreviousPage startCursor }
    nodes { databaseId id viewerDidAuthor author { login } editor { login } lastEditedAt includesCreatedEdit
            isMinimized body userContentEdits(first: 10) { nodes { editedAt editor { login } } } } } } } }";
