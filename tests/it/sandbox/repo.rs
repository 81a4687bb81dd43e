//! A repository at the GitHub stub, and how to ask for it.

use serde_json::{Value, json};

use super::super::harness::World;

/// A repository with one open pull request, number 7.
pub struct Repo {
    pub world: World,
}

/// An answer of the API.
pub struct Answer {
    pub status: u16,
    pub link: String,
    pub retry_after: String,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The address of a page by its `rel`.
    pub fn page(&self, rel: &str) -> Option<String> {
        let part = self.link.split(", ").find(|part| part.ends_with(&format!("; rel=\"{rel}\"")))?;
        Some(part.split(['<', '>']).nth(1).unwrap().to_owned())
    }
}

/// The SHA that is this digit forty times.
pub fn sha(digit: char) -> String {
    std::iter::repeat_n(digit, 40).collect()
}

/// Asks an address as the workflow run, or as whom the token says.
pub fn ask(method: &str, url: &str, token: Option<&str>, body: &Value) -> Answer {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut request = ureq::http::Request::builder().method(method).uri(url).header("user-agent", "tests");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let text = if body.is_null() { String::new() } else { body.to_string() };
    let mut answer = agent.run(request.body(text).unwrap()).unwrap();
    let header = |name: &str| {
        let value = answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        value.unwrap_or_default()
    };
    let (link, retry_after) = (header("link"), header("retry-after"));
    Answer {
        status: answer.status().as_u16(),
        link,
        retry_after,
        text: answer.body_mut().read_to_string().unwrap(),
    }
}

impl Repo {
    pub fn new() -> Self {
        let repo = Self { world: World::seeded("empty") };
        let opened = repo.control(
            "POST",
            "pulls",
            json!({
                "number": 7, "head_sha": sha('a'), "base": "main", "title": "Add a worker", "user": "author",
            }),
        );
        assert_eq!((&opened["number"], &opened["head"]["sha"]), (&json!(7), &json!(sha('a'))));
        repo
    }

    /// Asks the control of the stub.
    pub fn control(&self, method: &str, path: &str, mut body: Value) -> Value {
        if method == "GET" {
            return self.world.control(
                method,
                &format!("github/{path}?repo={}", self.world.repository),
                &Value::Null,
            );
        }
        body["repo"] = json!(self.world.repository);
        self.world.control(method, &format!("github/{path}"), &body)
    }

    /// Asks the API of the repository as the workflow run.
    pub fn ask(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.ask_as(Some("run-token"), method, path, body)
    }

    pub fn ask_as(&self, token: Option<&str>, method: &str, path: &str, body: &Value) -> Answer {
        ask(method, &format!("{}/repos/{}/{path}", World::github_api(), self.world.repository), token, body)
    }

    pub fn comment(&self, text: &str) -> Value {
        let made = self.ask("POST", "issues/7/comments", &json!({"body": text}));
        assert_eq!(made.status, 201, "{}", made.text);
        made.json()
    }

    pub fn fault(&self, mut fault: Value) {
        fault["account"] = json!(self.world.repository);
        fault["service"] = json!("github");
        self.world.control("POST", "faults", &fault);
    }

    /// The numbers of the pull requests of a commit.
    pub fn pulls_of(&self, sha: &str) -> Vec<u64> {
        let found = self.ask("GET", &format!("commits/{sha}/pulls"), &Value::Null);
        assert_eq!(found.status, 200, "{}", found.text);
        found.json().as_array().unwrap().iter().map(|pull| pull["number"].as_u64().unwrap()).collect()
    }
}
