//! Deployments: what GitHub shows about an environment, with its address and its log.

use serde::Deserialize;
use serde_json::{Value, json};

use super::address::encoded;
use super::client::{Call, GitHub, Method};
use super::error::GithubError;

const LIST_OP: &str = "GET /repos/{owner}/{repo}/deployments";
const CREATE_OP: &str = "POST /repos/{owner}/{repo}/deployments";
const STATUSES_OP: &str = "GET /repos/{owner}/{repo}/deployments/{deployment_id}/statuses";
const STATUS_OP: &str = "POST /repos/{owner}/{repo}/deployments/{deployment_id}/statuses";
/// Longest description in characters.
const LONGEST_DESCRIPTION: usize = 140;
/// Most deployments of one commit to one environment whose states are looked at.
const MOST_LOOKED_AT: usize = 10;

/// The state of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeploymentState {
    /// `in_progress`.
    InProgress,
    /// `success`.
    Success,
    /// `failure`.
    Failure,
    /// `error`.
    Error,
    /// `inactive`.
    Inactive,
}

/// A deployment to be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment<'a> {
    /// The commit.
    pub sha: &'a str,
    /// The environment's name.
    pub environment: &'a str,
    /// What is deployed: `apply`, `release`, `destroy`.
    pub task: &'a str,
    /// At most 140 characters.
    pub description: &'a str,
    /// Our own data: the digest of the plan, the pull requests, and as `run` the id of the run, by which the deployment is found
    /// again.
    pub payload: serde_json::Value,
}

/// A state of a deployment to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeploymentStatus<'a> {
    /// The state.
    pub state: DeploymentState,
    /// At most 140 characters.
    pub description: &'a str,
    /// The run.
    pub log_url: &'a str,
    /// `https://…` of the stack; left out when it is no address of the web.
    pub environment_url: Option<&'a str>,
}

#[derive(Debug, Deserialize)]
struct Wire {
    id: u64,
    #[serde(default)]
    task: Option<String>,
    #[serde(default)]
    payload: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct WireStatus {
    #[serde(default)]
    state: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    log_url: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Made {
    id: u64,
}

impl DeploymentState {
    fn word(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Error => "error",
            Self::Inactive => "inactive",
        }
    }
}

impl GitHub {
    /// The deployment of a commit to an environment: the one that the job's `environment:` made already, the one that an earlier
    /// attempt of this run made, or a new one; its number. Which run this is stands in the payload as `run`.
    pub async fn deployment(&self, wanted: &Deployment<'_>) -> Result<u64, GithubError> {
        if let Some(id) = self.known_deployment(wanted).await? {
            return Ok(id);
        }
        let body = json!({
            "ref": wanted.sha,
            "environment": wanted.environment,
            "task": wanted.task,
            "description": short(wanted.description),
            "payload": wanted.payload,
            // Without these GitHub merges the base into the ref, or refuses while checks run: this job is one of them.
            "auto_merge": false,
            "required_contexts": [],
        });
        let call = Call {
            op: CREATE_OP,
            method: Method::Post,
            url: self.url("deployments"),
            body: Some(body),
            repeatable: false,
        };
        let made = async || self.call::<Made>(&call, |_| None).await.map(|made| made.id);
        self.make_once(made, async || self.known_deployment(wanted).await).await
    }

    /// The deployment that this run has already.
    async fn known_deployment(&self, wanted: &Deployment<'_>) -> Result<Option<u64>, GithubError> {
        let path =
            format!("deployments?sha={}&environment={}", encoded(wanted.sha), encoded(wanted.environment));
        let mut all = self.pages::<Wire>(LIST_OP, &path, None).await?;
        all.sort_by_key(|deployment| std::cmp::Reverse(deployment.id));
        let run = run_of(Some(&wanted.payload));
        if run.is_none() {
            return Ok(None);
        }
        let own = all
            .iter()
            .find(|one| one.task.as_deref() == Some(wanted.task) && run_of(one.payload.as_ref()) == run);
        if let Some(own) = own {
            return Ok(Some(own.id));
        }
        // Those of a job's `environment:` carry no payload; the address in their states names the run.
        let of_jobs = all
            .iter()
            .filter(|one| one.task.as_deref() == Some("deploy") && run_of(one.payload.as_ref()).is_none());
        for one in of_jobs.take(MOST_LOOKED_AT) {
            let named = self.statuses(one.id).await?.into_iter().filter_map(|status| status.log_url);
            let of_this_run = |address: String| {
                let run = address.split_once("/actions/runs/").map(|(_, rest)| rest);
                run.and_then(|rest| rest.split(['/', '?', '#']).next()).map(str::to_owned)
            };
            if named.filter_map(of_this_run).any(|found| Some(found) == run) {
                return Ok(Some(one.id));
            }
        }
        Ok(None)
    }

    async fn statuses(&self, id: u64) -> Result<Vec<WireStatus>, GithubError> {
        self.pages(STATUSES_OP, &format!("deployments/{id}/statuses"), None).await
    }

    /// Adds a state to a deployment. After an unclear answer it looks whether the state is there.
    pub async fn deployment_status(&self, id: u64, status: &DeploymentStatus<'_>) -> Result<(), GithubError> {
        let description = short(status.description);
        let mut body = json!({"state": status.state.word(), "description": description});
        if let Some(fields) = body.as_object_mut() {
            if is_web(status.log_url) {
                fields.insert("log_url".into(), status.log_url.into());
            }
            if let Some(address) = status.environment_url.filter(|address| is_web(address)) {
                fields.insert("environment_url".into(), address.into());
            }
        }
        let call = Call {
            op: STATUS_OP,
            method: Method::Post,
            url: self.url(&format!("deployments/{id}/statuses")),
            body: Some(body),
            repeatable: false,
        };
        let made = async || self.call::<Value>(&call, |_| None).await.map(|_| id);
        let look = async || {
            // GitHub lists the newest state first.
            let newest = self.statuses(id).await?.into_iter().next();
            let same = newest.is_some_and(|newest| {
                newest.state.as_deref() == Some(status.state.word())
                    && newest.description.as_deref() == Some(description.as_str())
            });
            Ok(same.then_some(id))
        };
        self.make_once(made, look).await.map(|_| ())
    }
}

/// The run that a payload is of, as text. GitHub gives payloads back as they were, or as JSON in a text.
fn run_of(payload: Option<&Value>) -> Option<String> {
    let parsed = match payload? {
        Value::String(text) => serde_json::from_str(text).ok()?,
        other => other.clone(),
    };
    match parsed.get("run")? {
        Value::String(run) => Some(run.clone()),
        Value::Number(run) => Some(run.to_string()),
        _ => None,
    }
}

/// At most as many characters as a description may have.
fn short(text: &str) -> String {
    if text.chars().count() <= LONGEST_DESCRIPTION {
        return text.to_owned();
    }
    text.chars().take(LONGEST_DESCRIPTION - 1).chain(['…']).collect()
}

/// Whether GitHub takes this for an address.
fn is_web(address: &str) -> bool {
    let rest = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        !rest.is_empty()
            && rest.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_has_at_most_140_characters() {
        assert_eq!(short("rolled out"), "rolled out");
        assert_eq!(short(&"ü".repeat(140)), "ü".repeat(140));
        assert_eq!(short(&"ü".repeat(141)), format!("{}…", "ü".repeat(139)));
    }

    #[test]
    fn only_addresses_of_the_web_are_passed_on() {
        for address in ["https://web.example.org", "http://10.0.0.1:8080/x?y=z"] {
            assert!(is_web(address), "{address}");
        }
        for address in [
            "",
            "https://",
            "javascript:alert(1)",
            "ftp://x",
            "https://a b",
            "https://x\"><img>",
            "https://a\n",
        ] {
            assert!(!is_web(address), "{address:?}");
        }
    }

    #[test]
    fn the_run_of_a_payload_is_found_in_every_form() {
        for payload in [json!({"run": 5}), json!({"run": "5"}), json!("{\"run\": 5}")] {
            assert_eq!(run_of(Some(&payload)).as_deref(), Some("5"), "{payload}");
        }
        for payload in [json!(null), json!(""), json!({}), json!({"run": {}}), json!("run"), json!([5])] {
            assert_eq!(run_of(Some(&payload)), None, "{payload}");
        }
    }
}
