//! The registries outside ECR: the pulling half of the OCI distribution API, with the token exchange of Docker Hub.
//!
//! All hosts are answered at one address; which one is meant arrives as the query `ns`, as containerd's mirrors send it.
//! Without it the repository's name alone decides.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::fault::{Fault, Kind};
use crate::http::{Answer, Request, Response, decode};
use crate::oci::{Document, Image};
use crate::pipeline::{self, Described};
use crate::record::Caller;
use crate::state::{State, lock};

/// The registry of references that name none.
const DOCKER_HUB: &str = "docker.io";

/// All repositories of all hosts.
#[derive(Debug, Default)]
pub struct Registry {
    pushes: u64,
    /// By host and name.
    repositories: BTreeMap<(String, String), Repository>,
}

#[derive(Debug, Default)]
struct Repository {
    /// Digests by tag.
    tags: BTreeMap<String, String>,
    /// By digest.
    manifests: BTreeMap<String, Document>,
    /// By digest.
    blobs: BTreeMap<String, Vec<u8>>,
    /// Who may pull; everybody when absent.
    private: Option<Login>,
    /// Whether those without an account have pulled too much.
    rate_limited: bool,
}

/// The credentials of a private repository.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    user: String,
    password: String,
}

/// An image to push.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Push {
    /// Docker Hub when absent.
    host: Option<String>,
    /// For example `library/nginx`; on Docker Hub `nginx` means that.
    repository: String,
    tag: String,
    /// Empty stands for amd64.
    #[serde(default)]
    platforms: Vec<String>,
    /// Equal content gives equal digests; without it every push is a new image.
    content: Option<String>,
    /// Closes the repository to all others.
    private: Option<Login>,
    /// Opens or closes the repository to those without an account.
    rate_limited: Option<bool>,
}

/// What a token stands for. The sandbox has no secrets: it is written in the token itself.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Token {
    user: Option<String>,
}

impl Registry {
    /// Pushes an image; gives its digest.
    pub fn push(&mut self, push: Push) -> Value {
        let host = host(push.host.as_deref().unwrap_or(DOCKER_HUB)).to_owned();
        let name = full_name(&host, &push.repository);
        let platforms =
            if push.platforms.is_empty() { vec!["linux/amd64".to_owned()] } else { push.platforms };
        self.pushes += 1;
        let content = push.content.unwrap_or_else(|| format!("push {}", self.pushes));
        let image = Image::new(&name, &content, &platforms);
        let digest = image.top.digest();
        let repository = self.repositories.entry((host.clone(), name.clone())).or_default();
        repository.blobs.extend(image.blobs);
        for document in image.children.into_iter().chain([image.top]) {
            repository.manifests.insert(document.digest(), document);
        }
        repository.tags.insert(push.tag.clone(), digest.clone());
        if push.private.is_some() {
            repository.private = push.private;
        }
        repository.rate_limited = push.rate_limited.unwrap_or(repository.rate_limited);
        json!({"digest": digest, "host": host, "repository": name, "tag": push.tag})
    }

    /// The repository of this name on a host, or on any when none is named.
    fn find(&self, ns: Option<&str>, name: &str) -> Option<&Repository> {
        if let Some(ns) = ns {
            let host = host(ns);
            return self.repositories.get(&(host.to_owned(), full_name(host, name)));
        }
        let mut all = self.repositories.iter();
        all.find(|((_, own), _)| own == name || *own == full_name(DOCKER_HUB, name)).map(|(_, found)| found)
    }

    /// Whether somebody may be let in: only a private repository knows its users.
    fn admits(&self, name: &str, user: &str, password: &str) -> bool {
        let named = self.repositories.iter().filter(|((_, own), _)| own == name);
        let mut logins = named.filter_map(|(_, one)| one.private.as_ref()).peekable();
        logins.peek().is_none() || logins.any(|login| login.user == user && login.password == password)
    }
}

/// Docker Hub has several names.
fn host(named: &str) -> &str {
    match named {
        "index.docker.io" | "registry-1.docker.io" | "registry.hub.docker.com" => DOCKER_HUB,
        other => other,
    }
}

/// Docker Hub keeps its own images below `library/`.
fn full_name(host: &str, name: &str) -> String {
    if host == DOCKER_HUB && !name.contains('/') { format!("library/{name}") } else { name.to_owned() }
}

/// Whether a request is one to a registry: below `/v2`, or for a token, and not signed as calls of AWS are.
pub fn is_for(request: &Request) -> bool {
    let path = request.path.as_str();
    (path == "/v2" || path.starts_with("/v2/") || path == "/token")
        && crate::aws::caller::Scope::of(request).is_none()
}

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
enum Wish<'a> {
    Version,
    Token,
    Manifest { name: &'a str, reference: &'a str },
    Blob { name: &'a str, digest: &'a str },
    Tags { name: &'a str },
}

impl<'a> Wish<'a> {
    fn of(path: &'a str) -> Option<Self> {
        if path == "/token" {
            return Some(Self::Token);
        }
        let rest = path.strip_prefix("/v2")?.trim_start_matches('/');
        if rest.is_empty() {
            return Some(Self::Version);
        }
        if let Some(name) = rest.strip_suffix("/tags/list") {
            return Some(Self::Tags { name });
        }
        if let Some((name, reference)) = rest.rsplit_once("/manifests/") {
            return Some(Self::Manifest { name, reference });
        }
        rest.rsplit_once("/blobs/").map(|(name, digest)| Self::Blob { name, digest })
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Version => "version",
            Self::Token => "token",
            Self::Manifest { .. } => "manifests",
            Self::Blob { .. } => "blobs",
            Self::Tags { .. } => "tags",
        }
    }
}

/// Answers one request, behind latency, faults and the recorder. The record has the host, where it is named, as its
/// account.
pub async fn handle(state: &State, request: Request) -> Answer {
    let path = decode(&request.path);
    let wish = Wish::of(&path);
    let described = Described {
        source: "registry",
        account: request.query.get("ns").map_or_else(String::new, |ns| host(ns).to_owned()),
        region: String::new(),
        service: "registry".into(),
        operation: format!("{} {}", request.method, wish.as_ref().map_or("unknown", Wish::name)),
        mutating: !matches!(request.method.as_str(), "GET" | "HEAD"),
        caller: Caller::default(),
        parameters: json!({"path": path, "query": request.query}),
    };
    let effect = async { answer(&lock(&state.registry), wish.as_ref(), &request, &state.ready.aws_endpoint) };
    pipeline::run(state, described, fail, effect, result_of).await
}

fn answer(registry: &Registry, wish: Option<&Wish<'_>>, request: &Request, endpoint: &str) -> Response {
    if !matches!(request.method.as_str(), "GET" | "HEAD") {
        return error(405, "UNSUPPORTED", "The operation is unsupported.");
    }
    let caller = caller(registry, request);
    let ns = request.query.get("ns").map(String::as_str);
    match wish {
        Some(Wish::Token) => token(registry, request),
        Some(Wish::Version) if caller.is_some() => Response::json(200, &json!({})),
        Some(Wish::Version) => unauthorized(endpoint, None),
        Some(Wish::Manifest { name, reference }) => readable(registry, ns, name, caller.as_ref(), endpoint)
            .map_or_else(
                |refusal| refusal,
                |repository| manifest(repository, name, reference, caller.as_ref()),
            ),
        Some(Wish::Blob { name, digest }) => readable(registry, ns, name, caller.as_ref(), endpoint)
            .map_or_else(
                |refusal| refusal,
                |repository| match repository.blobs.get(*digest) {
                    Some(blob) => {
                        let text = String::from_utf8_lossy(blob);
                        with_digest(Response::text(200, "application/octet-stream", text), digest)
                    }
                    None => error(404, "BLOB_UNKNOWN", "blob unknown to registry"),
                },
            ),
        Some(Wish::Tags { name }) => readable(registry, ns, name, caller.as_ref(), endpoint).map_or_else(
            |refusal| refusal,
            |repository| {
                let tags: Vec<&String> = repository.tags.keys().collect();
                Response::json(200, &json!({"name": name, "tags": tags}))
            },
        ),
        None => error(404, "NAME_UNKNOWN", "repository name not known to registry"),
    }
}

/// Who calls: from the token, or from basic credentials that are right.
fn caller(registry: &Registry, request: &Request) -> Option<Token> {
    if let Some(token) = request.header("authorization").strip_prefix("Bearer ") {
        return serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token).ok()?).ok();
    }
    let (user, password) = basic(request)?;
    let known = registry.repositories.values().filter_map(|one| one.private.as_ref());
    let mut known = known.filter(|login| login.user == user && login.password == password);
    known.next().map(|login| Token { user: Some(login.user.clone()) })
}

/// User and password of the `Authorization` header.
fn basic(request: &Request) -> Option<(String, String)> {
    let encoded = request.header("authorization").strip_prefix("Basic ")?;
    let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    text.split_once(':').map(|(user, password)| (user.to_owned(), password.to_owned()))
}

/// Gives out a token: an anonymous one to everybody, one with a name for the right password.
fn token(registry: &Registry, request: &Request) -> Response {
    let scope = request.query.get("scope").map_or("", String::as_str);
    let name =
        scope.strip_prefix("repository:").and_then(|rest| rest.rsplit_once(':')).map_or("", |one| one.0);
    let user = match basic(request) {
        None => None,
        Some((user, password)) if registry.admits(name, &user, &password) => Some(user),
        Some(_) => {
            return Response::json(401, &json!({"details": "incorrect username or password"}));
        }
    };
    let token = URL_SAFE_NO_PAD.encode(json!(Token { user }).to_string());
    let body = json!({"token": token, "access_token": token, "expires_in": 300});
    Response::json(200, &body)
}

/// The repository, if the caller may read it. Docker Hub does not tell a repository that does not exist from a private one.
fn readable<'a>(
    registry: &'a Registry,
    ns: Option<&str>,
    name: &str,
    caller: Option<&Token>,
    endpoint: &str,
) -> Result<&'a Repository, Response> {
    let scope = format!("repository:{name}:pull");
    let Some(caller) = caller else {
        return Err(unauthorized(endpoint, Some(&scope)));
    };
    let Some(repository) = registry.find(ns, name) else {
        return Err(if host(ns.unwrap_or(DOCKER_HUB)) == DOCKER_HUB {
            unauthorized(endpoint, Some(&scope))
        } else {
            error(404, "NAME_UNKNOWN", "repository name not known to registry")
        });
    };
    match &repository.private {
        Some(login) if caller.user.as_ref() != Some(&login.user) => Err(unauthorized(endpoint, Some(&scope))),
        _ => Ok(repository),
    }
}

fn manifest(repository: &Repository, name: &str, reference: &str, caller: Option<&Token>) -> Response {
    let anonymous = caller.is_none_or(|caller| caller.user.is_none());
    if repository.rate_limited && anonymous {
        let said = "You have reached your unauthenticated pull rate limit. \
                    https://www.docker.com/increase-rate-limit";
        return error(429, "TOOMANYREQUESTS", said);
    }
    let digest = repository.tags.get(reference).map_or(reference, String::as_str);
    if let Some(found) = repository.manifests.get(digest) {
        return with_digest(Response::text(200, found.media_type, found.text.clone()), digest);
    }
    let detail = json!({"name": name, "reference": reference});
    let one = json!({"code": "MANIFEST_UNKNOWN", "message": "manifest unknown", "detail": detail});
    Response::json(404, &json!({"errors": [one]}))
}

fn with_digest(mut response: Response, digest: &str) -> Response {
    response.headers.push(("docker-content-digest".into(), digest.into()));
    response.headers.push(("docker-distribution-api-version".into(), "registry/2.0".into()));
    response
}

fn unauthorized(endpoint: &str, scope: Option<&str>) -> Response {
    let scope = scope.map_or_else(String::new, |scope| format!(",scope=\"{scope}\""));
    let challenge = format!("Bearer realm=\"{endpoint}/token\",service=\"registry.sandbox\"{scope}");
    let mut response = error(401, "UNAUTHORIZED", "authentication required");
    response.headers.push(("www-authenticate".into(), challenge));
    response
}

fn error(status: u16, code: &str, message: &str) -> Response {
    Response::json(status, &json!({"errors": [{"code": code, "message": message}]}))
}

/// The answer of a fault.
fn fail(fault: &Fault) -> Response {
    let (status, code, message) = match fault.kind {
        Kind::Throttle => (429, "TOOMANYREQUESTS", "too many requests"),
        Kind::AccessDenied => (403, "DENIED", "requested access to the resource is denied"),
        Kind::Status => return pipeline::plain(fault, 500, "text/plain", String::new()),
        Kind::Error => (400, "UNKNOWN", "unknown error"),
        _ => (500, "UNKNOWN", "unknown error"),
    };
    let (code, message) =
        (fault.code.as_deref().unwrap_or(code), fault.message.as_deref().unwrap_or(message));
    error(fault.status.unwrap_or(status), code, message)
}

/// `ok`, or the code of the error in an answer.
fn result_of(response: &Response) -> String {
    if response.status < 400 {
        return "ok".into();
    }
    let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let code = body.pointer("/errors/0/code").and_then(Value::as_str);
    code.map_or_else(|| format!("http {}", response.status), str::to_owned)
}
