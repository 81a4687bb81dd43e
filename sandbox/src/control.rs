//! The control API under `/_sandbox/`: what was called, what is to fail, what time it is.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::acm::Planted;
use crate::aws::caller::{DEFAULT_ACCOUNT, DEFAULT_REGION};
use crate::aws::ecr::NewImage;
use crate::ecs::Script;
use crate::fault::{Fault, Latency};
use crate::http::{Request, Response};
use crate::internal::InternalError;
use crate::policy::CallerPolicy;
use crate::quotas::NewQuota;
use crate::schedules::Fire;
use crate::seed::{self, Seed};
use crate::state::{State, lock};

/// Where the control API lives.
const ROOT: &str = "/_sandbox";

/// The path below the root, if the path belongs to the control API; the root may be repeated.
pub fn below_root(path: &str) -> Option<&str> {
    let mut rest = path.strip_prefix(ROOT).filter(|rest| rest.is_empty() || rest.starts_with('/'))?;
    while let Some(next) = rest.strip_prefix(ROOT).filter(|next| next.is_empty() || next.starts_with('/')) {
        rest = next;
    }
    Some(rest.trim_end_matches('/'))
}

/// A refused control request: status and message.
type Refused = (u16, String);

/// Answers a control request; `rest` is the path below the root.
pub async fn handle(state: &State, mut request: Request, rest: &str) -> Response {
    if rest.starts_with("/github/") {
        request.path = format!("{ROOT}{rest}");
        let now = state.now();
        let answer = lock(&state.github).control(&request, now);
        return answer
            .unwrap_or_else(|| refuse(404, &format!("no control of GitHub at {} {rest}", request.method)));
    }
    if let ("GET", Some(digest)) = (request.method.as_str(), rest.strip_prefix("/ecr/blobs/")) {
        return match lock(&state.blobs).get(digest) {
            Some(blob) => Response::text(200, "application/octet-stream", String::from_utf8_lossy(blob)),
            None => refuse(404, "no such blob"),
        };
    }
    match route(state, &request, rest).await {
        Ok(body) => Response::json(200, &body),
        Err((status, message)) => refuse(status, &message),
    }
}

fn refuse(status: u16, message: &str) -> Response {
    Response::json(status, &json!({"message": message}))
}

/// The body as JSON; no body is an empty object.
fn body<T: DeserializeOwned>(request: &Request) -> Result<T, Refused> {
    let text = request.text();
    let text = if text.trim().is_empty() { "{}" } else { text.as_str() };
    serde_json::from_str(text).map_err(|error| (400, format!("the body is not as expected: {error}")))
}

fn failed(error: &InternalError) -> Refused {
    (500, error.to_string())
}

async fn route(state: &State, request: &Request, rest: &str) -> Result<Value, Refused> {
    let account = request.query.get("account").map(String::as_str);
    Ok(match (request.method.as_str(), rest) {
        ("GET", "" | "/ready") => json!(state.ready),
        ("GET", "/calls") => json!(lock(&state.recorder).list(&request.query)),
        ("DELETE", "/calls") => {
            lock(&state.recorder).forget(account);
            json!({})
        }
        ("GET", "/faults") => json!(lock(&state.faults).list()),
        ("POST", "/faults") => {
            let fault: Fault = body(request)?;
            if fault.nth == 0 {
                return Err((400, "nth counts from 1".into()));
            }
            lock(&state.faults).add(Fault { seen: 0, ..fault });
            json!({})
        }
        ("DELETE", "/faults") => {
            lock(&state.faults).forget(account);
            json!({})
        }
        ("POST", "/latency") => {
            let latency: Latency = body(request)?;
            lock(&state.faults).delay(latency);
            json!({})
        }
        ("DELETE", "/latency") => {
            lock(&state.faults).hurry(account);
            json!({})
        }
        ("GET", "/clock") => clock(state),
        ("POST", "/clock") => {
            set_clock(state, &body(request)?);
            clock(state)
        }
        ("POST", "/reset") => reset(state, body(request)?).await?,
        ("GET", "/seed") => {
            let region = request.query.get("region").map_or(DEFAULT_REGION, String::as_str);
            let place = (account.unwrap_or(DEFAULT_ACCOUNT).to_owned(), region.to_owned());
            let found = lock(&state.seeds).get(&place).map(|(_, planted)| planted.clone());
            found.ok_or((404, format!("account {} is not seeded in {}", place.0, place.1)))?
        }
        ("POST", "/seed") => plant(state, body(request)?).await?,
        ("POST", "/registry/images") => lock(&state.registry).push(body(request)?),
        ("POST", "/schedules/fire") => body::<Fire>(request)?.now(state).await?,
        ("POST", "/acm/certificates") => {
            let planted: Planted = body(request)?;
            if let Some(fault) = planted.fault() {
                return Err((400, fault));
            }
            let account = planted.account.clone().unwrap_or_else(|| DEFAULT_ACCOUNT.to_owned());
            let region = planted.region.clone().unwrap_or_else(|| DEFAULT_REGION.to_owned());
            let now = state.now();
            json!({ "arn": state.with_acm(&account, &region, |acm| acm.plant(planted, now)) })
        }
        ("POST", "/ecr/images") => body::<NewImage>(request)?.push(state).await?,
        ("POST", "/quotas") => {
            let new: NewQuota = body(request)?;
            let account = new.account.clone().unwrap_or_else(|| DEFAULT_ACCOUNT.to_owned());
            let region = new.region.clone().unwrap_or_else(|| DEFAULT_REGION.to_owned());
            lock(&state.quotas).set(&account, &region, &new);
            json!({})
        }
        ("POST", "/iam/caller") => allow(state, body(request)?)?,
        ("DELETE", "/iam/caller") => {
            lock(&state.callers).retain(|name, _| account.is_some_and(|account| account != name));
            json!({})
        }
        ("POST", "/rollouts") => script(state, body(request)?)?,
        ("GET", "/rollouts") => scripts(state, account),
        ("DELETE", "/rollouts") => {
            for (_, ecs) in
                lock(&state.ecs).iter_mut().filter(|((name, _), _)| account.is_none_or(|one| one == name))
            {
                ecs.forget_scripts();
            }
            json!({})
        }
        (method, _) => return Err((404, format!("no control at {method} {ROOT}{rest}"))),
    })
}

fn clock(state: &State) -> Value {
    let clock = lock(&state.clock);
    json!({"now": clock.now(), "speed": clock.speed()})
}

/// How to move the clock; all given parts are applied, `now` first.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Move {
    now: Option<f64>,
    advance_s: Option<f64>,
    speed: Option<f64>,
}

fn set_clock(state: &State, to: &Move) {
    let mut clock = lock(&state.clock);
    if let Some(now) = to.now {
        clock.set(now);
    }
    if let Some(seconds) = to.advance_s {
        clock.advance(seconds);
    }
    if let Some(speed) = to.speed {
        clock.run_at(speed);
    }
}

/// What to reset: one account, or everything.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reset {
    account: Option<String>,
}

/// Puts an account, or the whole sandbox, back to how its seed left it.
async fn reset(state: &State, reset: Reset) -> Result<Value, Refused> {
    let account = reset.account.as_deref();
    state.moto.reset(account).await.map_err(|error| (500, error.to_string()))?;
    let kept = |name: &str| account.is_some_and(|account| account != name);
    lock(&state.ecs).retain(|(name, _), _| kept(name));
    lock(&state.elb).retain(|(name, _), _| kept(name));
    lock(&state.acm).retain(|(name, _), _| kept(name));
    lock(&state.ssm).retain(|(name, _), _| kept(name));
    lock(&state.dns).retain(|name, _| kept(name));
    lock(&state.callers).retain(|name, _| kept(name));
    lock(&state.quotas).forget(account);
    lock(&state.recorder).forget(account);
    lock(&state.faults).forget(account);
    lock(&state.faults).hurry(account);
    lock(&state.pushes).retain(|push| kept(&push.account));
    lock(&state.archived).retain(|image, _| kept(&image.account));
    let seeds = std::mem::take(&mut *lock(&state.seeds));
    let (keep, again): (Vec<_>, Vec<_>) = seeds.into_iter().partition(|((name, _), _)| kept(name));
    lock(&state.seeds).extend(keep);
    if account.is_none() {
        lock(&state.clock).clone_from(&crate::clock::Clock::new());
        *lock(&state.github) = crate::github::GitHub::new();
        lock(&state.keys).clear();
        *lock(&state.registry) = crate::registry::Registry::default();
        let place = (DEFAULT_ACCOUNT, DEFAULT_REGION);
        seed::plant(state, place.0, place.1, state.seed).await.map_err(|error| failed(&error))?;
    } else {
        for ((name, region), (seed, _)) in again {
            seed::plant(state, &name, &region, seed).await.map_err(|error| failed(&error))?;
        }
    }
    Ok(json!({}))
}

/// Which account to seed with what.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Plant {
    account: String,
    #[serde(default)]
    seed: Seed,
    region: Option<String>,
}

async fn plant(state: &State, plant: Plant) -> Result<Value, Refused> {
    let region = plant.region.as_deref().unwrap_or(DEFAULT_REGION);
    if crate::aws::caller::account_of(&plant.account) != plant.account {
        return Err((400, format!("`{}` is not an account id of 12 digits", plant.account)));
    }
    let seeded = lock(&state.seeds).contains_key(&(plant.account.clone(), region.to_owned()));
    if seeded {
        return Err((409, format!("account {} is seeded in {region}: reset it first", plant.account)));
    }
    seed::plant(state, &plant.account, region, plant.seed).await.map_err(|error| failed(&error))
}

/// What the caller of an account is to be allowed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Allow {
    account: Option<String>,
    /// One document, a list of documents, or null for everything.
    #[serde(default)]
    policy: Value,
    #[serde(default)]
    enforce: bool,
}

fn allow(state: &State, allow: Allow) -> Result<Value, Refused> {
    let documents = match allow.policy {
        Value::Null => Vec::new(),
        Value::Array(all) => all,
        one => vec![one],
    };
    if documents.iter().any(|document| document.get("Statement").is_none()) {
        return Err((400, "`policy` must be a policy document, a list of them, or null".into()));
    }
    let account = allow.account.unwrap_or_else(|| DEFAULT_ACCOUNT.to_owned());
    let policy = CallerPolicy { documents, enforce: allow.enforce };
    lock(&state.callers).insert(account, policy);
    Ok(json!({}))
}

/// Puts a script into the queue of its account and region.
fn script(state: &State, mut given: serde_json::Map<String, Value>) -> Result<Value, Refused> {
    let mut place = |key: &str, default: &str| match given.remove(key) {
        None | Some(Value::Null) => Ok(default.to_owned()),
        Some(Value::String(text)) => Ok(text),
        Some(other) => Err((400, format!("`{key}` must be a text, not `{other}`"))),
    };
    let (account, region) = (place("account", DEFAULT_ACCOUNT)?, place("region", DEFAULT_REGION)?);
    let script: Script = serde_json::from_value(Value::Object(given))
        .map_err(|error| (400, format!("the rollout is not as expected: {error}")))?;
    if let Some(fault) = script.fault() {
        return Err((400, fault));
    }
    state.with_ecs(&account, &region, |ecs| ecs.add_script(script));
    Ok(json!({}))
}

/// The scripts that are still to be played, of one account or all.
fn scripts(state: &State, account: Option<&str>) -> Value {
    let all = lock(&state.ecs);
    let places = all.iter().filter(|((name, _), _)| account.is_none_or(|one| one == name));
    let shown: Vec<Value> = places
        .flat_map(|((account, region), ecs)| {
            ecs.scripts().iter().map(move |script| {
                let mut shown = json!(script);
                if let Some(members) = shown.as_object_mut() {
                    members.insert("account".to_owned(), json!(account));
                    members.insert("region".to_owned(), json!(region));
                }
                shown
            })
        })
        .collect();
    json!(shown)
}

#[cfg(test)]
mod tests {
    use super::below_root;

    #[test]
    fn a_repeated_root_is_one_root() {
        assert_eq!(below_root("/_sandbox/calls"), Some("/calls"));
        assert_eq!(below_root("/_sandbox/_sandbox/calls/"), Some("/calls"));
        assert_eq!(below_root("/_sandbox"), Some(""));
        assert_eq!(below_root("/_sandboxes/calls"), None);
        assert_eq!(below_root("/repos/_sandbox"), None);
    }
}
