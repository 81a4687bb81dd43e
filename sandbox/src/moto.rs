//! The moto server: started and ended here, and the only way to talk to it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};

use crate::http::{Request, Response};
use crate::state::lock;

/// The Python program that runs moto and ends with its parent.
const PROGRAM: &str = include_str!("moto.py");

/// How long moto may take until it listens; importing it cold on a busy machine takes many seconds.
const START: Duration = Duration::from_secs(90);

/// The variable that names the Python interpreter with moto.
pub const PYTHON: &str = "FARGATE_STACK_SANDBOX_PYTHON";

/// Headers that belong to one connection, not to the message.
const HOP: &[&str] =
    &["connection", "transfer-encoding", "content-length", "keep-alive", "expect", "upgrade"];

/// Why moto could not be used.
#[derive(Debug, thiserror::Error)]
pub enum MotoError {
    /// The interpreter could not be started.
    #[error("could not start `{}`: {source} (hint: `make venv` makes the Python environment with moto)", python.display())]
    Spawn {
        /// The interpreter.
        python: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The program ended, or said something else than its port.
    #[error("moto did not start with `{}`: {said} (hint: `make venv` makes the Python environment with moto)", python.display())]
    Start {
        /// The interpreter.
        python: PathBuf,
        /// The last line of its standard error, or what happened.
        said: String,
    },
    /// A request to moto failed.
    #[error("moto did not answer: {0}")]
    Answer(String),
}

/// A running moto server. It ends with this value, and also when this process dies.
#[derive(Debug)]
pub struct Moto {
    address: SocketAddr,
    client: Client<HttpConnector, Full<Bytes>>,
    child: tokio::sync::Mutex<Child>,
    last_words: Arc<Mutex<String>>,
    _stdin: ChildStdin,
}

/// The interpreter to use when none is named: `.venv/bin/python` of the working directory or a directory above it, else
/// of the workspace that this was compiled in.
pub fn default_python() -> PathBuf {
    if let Some(named) = std::env::var_os(PYTHON) {
        return named.into();
    }
    let inside = Path::new(".venv/bin/python");
    let here = std::env::current_dir().unwrap_or_default();
    let compiled = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found =
        here.ancestors().chain(compiled.ancestors()).map(|dir| dir.join(inside)).find(|path| path.exists());
    found.unwrap_or_else(|| here.join(inside))
}

impl Moto {
    /// Starts moto and waits until it listens.
    pub async fn start(python: &Path) -> Result<Self, MotoError> {
        let mut command = Command::new(python);
        command.arg("-c").arg(PROGRAM).env_clear();
        // A dead proxy: nothing that moto imports may reach the network.
        for name in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
            command.env(name, "http://127.0.0.1:9");
        }
        command
            .env("PATH", "/usr/bin:/bin")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("MOTO_ACM_VALIDATION_WAIT", "1")
            .env("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
            .env("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let failed = |said: String| MotoError::Start { python: python.into(), said };
        let mut child =
            command.spawn().map_err(|source| MotoError::Spawn { python: python.into(), source })?;
        let (Some(stdin), Some(stdout), Some(mut stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(failed("its streams could not be opened".into()));
        };
        let mut lines = BufReader::new(stdout).lines();
        let line = tokio::time::timeout(START, lines.next_line())
            .await
            .map_err(|_| failed(format!("it did not listen within {} s", START.as_secs())))?;
        let port = line.ok().flatten().and_then(|line| line.trim().parse::<u16>().ok());
        let Some(port) = port else {
            let mut said = String::new();
            let reading = stderr.read_to_string(&mut said);
            let _ = tokio::time::timeout(Duration::from_secs(5), reading).await;
            return Err(failed(said.trim().lines().last().unwrap_or("it ended without a word").to_owned()));
        };
        // The pipes must not fill up; of what moto says, the last line of a traceback is worth keeping.
        let last_words = Arc::new(Mutex::new(String::new()));
        let keep = Arc::clone(&last_words);
        tokio::spawn(async move {
            let mut lines = BufReader::new(stderr).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                if !line.trim().is_empty() {
                    *lock(&keep) = line;
                }
            }
        });
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self {
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            client: Client::builder(TokioExecutor::new()).build_http(),
            child: tokio::sync::Mutex::new(child),
            last_words,
            _stdin: stdin,
        })
    }

    /// Sends a request on, in the name of an account.
    pub async fn forward(
        &self,
        request: &Request,
        query: &str,
        account: &str,
    ) -> Result<Response, MotoError> {
        let failed = |error: &dyn std::fmt::Display| MotoError::Answer(error.to_string());
        let mark = if query.is_empty() { "" } else { "?" };
        let mut builder = hyper::Request::builder()
            .method(request.method.as_str())
            .uri(format!("http://{}{}{mark}{query}", self.address, request.path))
            .header("x-moto-account-id", account);
        for (name, value) in &request.headers {
            if !HOP.contains(&name.as_str()) {
                builder = builder.header(name, value);
            }
        }
        let outgoing =
            builder.body(Full::new(Bytes::from(request.body.clone()))).map_err(|error| failed(&error))?;
        let answer = self.client.request(outgoing).await.map_err(|error| failed(&error))?;
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.map_err(|error| failed(&error))?.to_bytes().to_vec();
        let headers = parts
            .headers
            .iter()
            .filter(|(name, _)| !HOP.contains(&name.as_str()) && !matches!(name.as_str(), "server" | "date"))
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        Ok(Response { status: parts.status.as_u16(), headers, body })
    }

    /// What moto wrote last to its standard error: why it broke, just after it did.
    pub async fn last_words(&self) -> String {
        // It is written before the answer, but read by another task.
        tokio::time::sleep(Duration::from_millis(20)).await;
        lock(&self.last_words).clone()
    }

    /// Forgets everything, or everything of one account.
    pub async fn reset(&self, account: Option<&str>) -> Result<(), MotoError> {
        let (path, query) = match account {
            Some(account) => ("/sandbox-api/forget", format!("account={account}")),
            None => ("/moto-api/reset", String::new()),
        };
        let request = Request { method: "POST".into(), path: path.into(), ..Request::default() };
        let answer = self.forward(&request, &query, "").await?;
        if answer.status == 200 {
            Ok(())
        } else {
            Err(MotoError::Answer(String::from_utf8_lossy(&answer.body).into_owned()))
        }
    }

    /// Ends the server and waits until it is gone.
    pub async fn stop(&self) {
        let mut child = self.child.lock().await;
        // It may have ended already; then there is nothing to do.
        let _ = child.kill().await;
    }
}
