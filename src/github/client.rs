//! The connection to GitHub: where it is, who we are, and one function that sends a call and repeats it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use octocrab::Octocrab;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::address::{self, CONNECT_OP, checked, is_name, origin};
use super::error::GithubError;
use super::network::Network;
use super::retry::{Clock, Failure, Pace, WallClock, wait};

/// Longest time for one answer, from the first byte sent to the last one read.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// All waits of a run together, unless set otherwise.
const BUDGET: Duration = Duration::from_mins(5);
/// How often an unclear creation is looked up and tried again.
const MAKE_TRIES: u32 = 4;
/// Most pages of a list that are read: 5,000 things.
const MOST_PAGES: usize = 50;

/// A token for GitHub. It can be sent, and nothing else: not printed, not compared, not stored.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// Takes a token; `None` when it is empty or holds what no token holds (spaces, control characters).
    pub fn new(token: &str) -> Option<Self> {
        let token = token.trim();
        (!token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic())).then(|| Self(token.into()))
    }

    /// The token itself, for the header that it is sent in.
    pub(super) fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// A client for one repository.
#[derive(Clone)]
pub struct GitHub {
    crab: Octocrab,
    /// Base of REST without a slash at the end.
    api: String,
    /// The whole address of GraphQL: on enterprise servers it is not below the base of REST.
    graphql: String,
    owner: String,
    name: String,
    pace: Pace,
    timeout: Duration,
    /// Writes about each comment so far.
    written: Arc<Mutex<BTreeMap<u64, u32>>>,
}

impl fmt::Debug for GitHub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { api, owner, name, .. } = self;
        f.debug_struct("GitHub")
            .field("api", api)
            .field("owner", owner)
            .field("name", name)
            .finish_non_exhaustive()
    }
}

/// HTTP method of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Patch,
    Post,
}

/// One call.
#[derive(Debug)]
pub(super) struct Call<'a> {
    /// Name for errors: method and path template, or `graphql:NAME`.
    pub op: &'a str,
    pub method: Method,
    /// Whole address.
    pub url: String,
    pub body: Option<Value>,
    /// Whether sending it twice does no harm.
    pub repeatable: bool,
}

/// What came back, of any status.
struct Answer {
    status: u16,
    body: String,
    request_id: Option<String>,
    accepted: Option<String>,
    /// Address of the next page.
    next: Option<String>,
    failure: Failure,
}

impl GitHub {
    /// A client for `repository` (`owner/name`). Addresses are those of the runner (`GITHUB_API_URL`,
    /// `GITHUB_GRAPHQL_URL`); they must be https, except on a loopback address, and share a host, since the token
    /// goes to that host only. Must be called within a Tokio runtime.
    pub fn new(
        api_url: &str,
        graphql_url: &str,
        token: Option<Token>,
        repository: &str,
    ) -> Result<Self, GithubError> {
        Self::through(&Network::default(), api_url, graphql_url, token, repository)
    }

    /// The same, by the ways of a network.
    pub fn through(
        network: &Network,
        api_url: &str,
        graphql_url: &str,
        token: Option<Token>,
        repository: &str,
    ) -> Result<Self, GithubError> {
        let api = checked(api_url, "GITHUB_API_URL")?;
        let graphql = checked(graphql_url, "GITHUB_GRAPHQL_URL")?;
        if origin(&api) != origin(&graphql) {
            return Err(setup(
                "GITHUB_GRAPHQL_URL and GITHUB_API_URL name different hosts",
                "set both to the same server: the token is sent to one host only",
            ));
        }
        let (owner, name) = repository
            .split_once('/')
            .filter(|(owner, name)| is_name(owner) && is_name(name))
            .ok_or_else(|| {
                setup(format!("`{repository}` is not a repository"), "GITHUB_REPOSITORY must be `owner/name`")
            })?;
        let crab = network.connect(&api, token.as_ref())?;
        Ok(Self {
            crab,
            api,
            graphql,
            owner: owner.into(),
            name: name.into(),
            pace: Pace::new(BUDGET, Arc::new(WallClock)),
            timeout: CALL_TIMEOUT,
            written: Arc::default(),
        })
    }

    /// Asks another server of GitHub's for JSON, with a token of its own; `url` must be [`checked`]. Repeats as `retry` says.
    pub(super) async fn ask<T: DeserializeOwned>(
        network: &Network,
        op: &str,
        url: &str,
        token: &Token,
    ) -> Result<T, GithubError> {
        let github = Self {
            crab: network.connect(url, Some(token))?,
            api: origin(url).into(),
            graphql: String::new(),
            owner: String::new(),
            name: String::new(),
            pace: Pace::new(BUDGET, Arc::new(WallClock)),
            timeout: CALL_TIMEOUT,
            written: Arc::default(),
        };
        let call = Call { op, method: Method::Get, url: url.into(), body: None, repeatable: true };
        github.call(&call, |_| None).await
    }

    /// The same client that waits at most `budget` in total (waits after rate limits and errors), by this clock.
    #[must_use]
    pub fn paced(mut self, budget: Duration, clock: Arc<dyn Clock>) -> Self {
        self.pace = Pace::new(budget, clock);
        self
    }

    /// The same client that gives one call at most this time.
    #[must_use]
    pub fn timing_out(mut self, after: Duration) -> Self {
        self.timeout = after;
        self
    }

    /// `owner/name`.
    pub fn repository(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    /// The same client whose calls and waits together end within this time from now: for the end of a job that was
    /// cancelled. What is not done by then is an error.
    #[must_use]
    pub fn hurried(mut self, within: Duration) -> Self {
        self.pace = self.pace.ending(within);
        self
    }

    /// Counts a write about a comment, unless there were so many already.
    pub(super) fn may_write(&self, comment: u64, most: u32) -> bool {
        let mut written = self.written.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let count = written.entry(comment).or_default();
        let may = *count < most;
        *count += u32::from(may);
        may
    }

    pub(super) fn owner_and_name(&self) -> (&str, &str) {
        (&self.owner, &self.name)
    }

    pub(super) fn pace(&self) -> &Pace {
        &self.pace
    }

    pub(super) fn graphql_url(&self) -> String {
        self.graphql.clone()
    }

    /// Address below the repository, such as `pulls/7`.
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}/repos/{}/{}/{path}", self.api, self.owner, self.name)
    }

    /// Makes something that must not be made twice. After an unclear answer `look` tells whether it is there, before `make` is
    /// called again.
    pub(super) async fn make_once(
        &self,
        make: impl AsyncFn() -> Result<u64, GithubError>,
        look: impl AsyncFn() -> Result<Option<u64>, GithubError>,
    ) -> Result<u64, GithubError> {
        let mut tries = 0;
        loop {
            let error = match make().await {
                Ok(id) => return Ok(id),
                Err(error) if !error.may_have_happened() => return Err(error),
                Err(error) => error,
            };
            tries += 1;
            if tries >= MAKE_TRIES || !self.pace.pause(Duration::from_secs(1 << tries)).await {
                return Err(error);
            }
            if let Some(id) = look().await? {
                return Ok(id);
            }
        }
    }

    /// A call that reads, below the repository.
    pub(super) fn get<'a>(&self, op: &'a str, path: &str) -> Call<'a> {
        Call { op, method: Method::Get, url: self.url(path), body: None, repeatable: true }
    }

    /// All of a list, page by page, in its order. `list` is the key that holds the list when the answer is an object.
    pub(super) async fn pages<T: DeserializeOwned>(
        &self,
        op: &str,
        path: &str,
        list: Option<&str>,
    ) -> Result<Vec<T>, GithubError> {
        let sign = if path.contains('?') { '&' } else { '?' };
        let mut all = Vec::new();
        let mut call = self.get(op, &format!("{path}{sign}per_page=100"));
        for page in 2..=MOST_PAGES + 1 {
            let (mut value, next) = self.exchange::<Value>(&call, |_| None).await?;
            let items = match list {
                None => value,
                Some(key) => value.get_mut(key).map(Value::take).unwrap_or_default(),
            };
            let items: Vec<T> = serde_json::from_value(items).map_err(|error| {
                let mut unreadable = GithubError::answered(op, 200, "", None, None);
                unreadable.message = format!("the answer is not as expected: {error}");
                unreadable
            })?;
            all.extend(items);
            let Some(next) = next else { return Ok(all) };
            // A proxy may hide behind another name than the server knows: then the pages are counted.
            call.url = if origin(&next) == origin(&self.api) {
                next
            } else {
                self.url(&format!("{path}{sign}per_page=100&page={page}"))
            };
        }
        Err(GithubError::setup(
            op,
            format!("there are more than {} of them", all.len()),
            "this is too many to read",
        ))
    }

    /// Sends a call and reads its answer; repeats it as `retry` says. `check` finds errors in answers of status 200.
    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        call: &Call<'_>,
        check: impl Fn(&Value) -> Option<(u16, String)>,
    ) -> Result<T, GithubError> {
        self.exchange(call, check).await.map(|(answer, _)| answer)
    }

    /// The same, with the address of the next page.
    async fn exchange<T: DeserializeOwned>(
        &self,
        call: &Call<'_>,
        check: impl Fn(&Value) -> Option<(u16, String)>,
    ) -> Result<(T, Option<String>), GithubError> {
        let mut attempt = 1;
        loop {
            let (error, failure) = match self.send(call).await {
                Err(error) => (error, Failure::default()),
                Ok(answer) if (200..300).contains(&answer.status) => {
                    match serde_json::from_str::<Value>(&answer.body) {
                        Err(error) => {
                            let mut unreadable = refused(call.op, answer.status, "", &answer);
                            unreadable.message = format!("the answer is not JSON: {error}");
                            return Err(unreadable);
                        }
                        Ok(value) => match check(&value) {
                            None => return Ok((read(call.op, value, &answer)?, answer.next)),
                            Some((status, message)) => {
                                let body = serde_json::json!({"message": message}).to_string();
                                let limit = Failure {
                                    speaks_of_limit: speaks_of_limit(&body),
                                    ..answer.failure.clone()
                                };
                                (refused(call.op, status, &body, &answer), limit)
                            }
                        },
                    }
                }
                Ok(answer) => (refused(call.op, answer.status, &answer.body, &answer), answer.failure),
            };
            let Some(pause) = wait(&failure, attempt, call.repeatable, self.pace.now()) else {
                return Err(error);
            };
            if !self.pace.pause(pause).await {
                let mut error = error;
                let seconds = pause.as_secs();
                error.hint =
                    Some(format!("gave up: the next try would be in {seconds} s, beyond the time allowed"));
                return Err(error);
            }
            attempt += 1;
        }
    }

    /// Sends a call once.
    async fn send(&self, call: &Call<'_>) -> Result<Answer, GithubError> {
        let (url, body) = (call.url.as_str(), call.body.as_ref());
        let exchange = async {
            let response = match call.method {
                Method::Get => self.crab._get(url).await,
                Method::Post => self.crab._post(url, body).await,
                Method::Patch => self.crab._patch(url, body).await,
            }?;
            let status = response.status().as_u16();
            let header = |name: &str| {
                response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
            };
            let number = |name: &str| header(name).and_then(|text| text.trim().parse::<u64>().ok());
            let mut answer = Answer {
                status,
                body: String::new(),
                request_id: header("x-github-request-id"),
                accepted: header("x-accepted-github-permissions"),
                next: header("link").as_deref().and_then(address::next_page),
                failure: Failure {
                    status: Some(status),
                    retry_after: number("retry-after"),
                    remaining: number("x-ratelimit-remaining"),
                    reset: number("x-ratelimit-reset"),
                    speaks_of_limit: false,
                },
            };
            answer.body = self.crab.body_to_string(response).await?;
            answer.failure.speaks_of_limit = status != 200 && speaks_of_limit(&answer.body);
            Ok(answer)
        };
        let timeout = self.pace.left_of(self.timeout);
        match tokio::time::timeout(timeout, exchange).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(GithubError::unreachable(call.op, &chain(&error))),
            Err(_) => {
                let message = format!("no answer within {:.1} s", timeout.as_secs_f32());
                Err(GithubError::unreachable(call.op, &message))
            }
        }
    }
}

fn read<T: DeserializeOwned>(op: &str, value: Value, answer: &Answer) -> Result<T, GithubError> {
    serde_json::from_value(value).map_err(|error| {
        let mut unreadable = refused(op, answer.status, "", answer);
        unreadable.message = format!("the answer is not as expected: {error}");
        unreadable
    })
}

fn refused(op: &str, status: u16, body: &str, answer: &Answer) -> GithubError {
    GithubError::answered(op, status, body, answer.request_id.clone(), answer.accepted.as_deref())
}

fn speaks_of_limit(body: &str) -> bool {
    let body = body.to_lowercase();
    body.contains("rate limit") || body.contains("abuse detection") || body.contains("rate_limited")
}

/// The causes of an error, without the backtrace that octocrab prints with some.
fn chain(error: &octocrab::Error) -> String {
    let mut words = Vec::new();
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        let text = error.to_string();
        let text = text.split("\nFound at").next().unwrap_or_default().trim().to_owned();
        if !text.is_empty() && !words.iter().any(|word: &String| word.contains(&text)) {
            words.push(text);
        }
        cause = error.source();
    }
    words.join(": ")
}

fn setup(message: impl Into<String>, hint: &str) -> GithubError {
    GithubError::setup(CONNECT_OP, message, hint)
}
