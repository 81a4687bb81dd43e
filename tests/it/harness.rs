//! A sandbox for all tests of this binary, a world for each: its own AWS account, repository and folder.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use tempfile::TempDir;

use fargate_stack_sandbox::{Options, Ready, Seed};

use super::account::{block, sdk};

/// The sandbox that all tests share: started by the first, ended with the process.
fn sandbox() -> &'static Ready {
    static READY: OnceLock<Ready> = OnceLock::new();
    READY.get_or_init(|| {
        let (send, receive) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(async move {
                let options = Options { seed: Seed::Empty, ..Options::default() };
                match fargate_stack_sandbox::start(options).await {
                    Ok(sandbox) => {
                        send.send(Ok(sandbox.ready.clone())).unwrap();
                        std::future::pending::<()>().await;
                    }
                    Err(error) => send.send(Err(error.to_string())).unwrap(),
                }
            });
        });
        receive.recv().unwrap().unwrap_or_else(|error| panic!("the sandbox did not start: {error}"))
    })
}

/// One test's world.
pub struct World {
    /// Its AWS account.
    pub account: String,
    /// Its GitHub repository.
    pub repository: String,
    folder: TempDir,
}

/// What a run of the binary gave.
pub struct Run {
    /// Exit code; 128 + n for a signal.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Run {
    /// Fails the test, with both streams, unless the exit code is this.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}:\n{}\n{}", self.stdout, self.stderr))
    }
}

impl World {
    /// A world with the standard seed.
    pub fn new() -> Self {
        Self::seeded("standard")
    }

    /// A world with this seed.
    pub fn seeded(seed: &str) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(200_000_000_001);
        let account = NEXT.fetch_add(1, Ordering::Relaxed);
        let repository = format!("octo/app-{}", account % 100_000_000);
        let world = Self { account: account.to_string(), repository, folder: TempDir::new().unwrap() };
        world.control("POST", "seed", &json!({"account": world.account, "seed": seed}));
        world.forget_calls();
        world
    }

    /// A world with this stack file.
    pub fn with(stack: &str) -> Self {
        let world = Self::new();
        world.write("fargate-stack.yml", stack);
        world
    }

    /// A world with this stack file, applied; the calls of that are forgotten.
    pub fn applied(stack: &str) -> Self {
        let world = Self::with(stack);
        world.run(&["apply", "--yes"]).expect(0);
        world.forget_calls();
        world
    }

    /// The folder that commands run in.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file into the folder.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Reads a file of the folder.
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder().join(name)).unwrap()
    }

    /// The binary, ready to run in a scrubbed environment.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fargate-stack"));
        command
            .args(args)
            .current_dir(self.folder())
            .env_clear()
            .envs(self.environment())
            .stdin(Stdio::null());
        command
    }

    /// The environment of a run: nothing of this process's own but `PATH`.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("PATH", std::env::var("PATH").unwrap_or_default()),
            ("HOME", self.folder().display().to_string()),
            ("AWS_ACCESS_KEY_ID", self.account.clone()),
            ("AWS_SECRET_ACCESS_KEY", "sandbox".to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ENDPOINT_URL", sandbox().aws_endpoint.clone()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ("FARGATE_STACK_REGISTRY_ENDPOINT", sandbox().aws_endpoint.clone()),
        ]
    }

    /// Runs the binary.
    pub fn run(&self, args: &[&str]) -> Run {
        Self::output(&mut self.command(args))
    }

    /// Runs a command to its end.
    pub fn output(command: &mut Command) -> Run {
        use std::os::unix::process::ExitStatusExt;
        let output = command.output().unwrap();
        Run {
            code: output.status.code().unwrap_or_else(|| 128 + output.status.signal().unwrap_or_default()),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Asks the sandbox's control API.
    #[allow(clippy::unused_self, reason = "reads as what this world does")]
    pub fn control(&self, method: &str, path: &str, body: &Value) -> Value {
        Self::control_of_all(method, path, body)
    }

    /// Asks for what does not belong to one world: the registries outside ECR.
    pub fn control_of_all(method: &str, path: &str, body: &Value) -> Value {
        let url = format!("{}/{path}", sandbox().control);
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let mut response = match method {
            "GET" => agent.get(&url).call(),
            "DELETE" => agent.delete(&url).call(),
            _ => agent.post(&url).send_json(body),
        }
        .unwrap();
        let text = response.body_mut().read_to_string().unwrap();
        assert!(response.status().is_success(), "{method} {path}: {} {text}", response.status());
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    /// Every recorded AWS call of this account.
    pub fn calls(&self) -> Vec<Value> {
        let calls = self.control("GET", &format!("calls?source=aws&account={}", self.account), &Value::Null);
        calls.as_array().cloned().unwrap_or_else(|| calls["calls"].as_array().cloned().unwrap())
    }

    /// Every mutating AWS call of this account, in order, but those of the lock: they are made around what a plan promises,
    /// and `lock.rs` says which.
    pub fn changes(&self) -> Vec<Value> {
        let all = self.calls().into_iter();
        all.filter(|call| call["mutating"] == true && !is_of_the_lock(call)).collect()
    }

    /// `service:Operation` of [`World::changes`].
    pub fn mutations(&self) -> Vec<String> {
        self.changes().iter().map(operation).collect()
    }

    /// The id of the lock that somebody holds in this account, seen with the SDK and not through the product.
    pub fn lock_holder(&self) -> Option<String> {
        let newest = self.locks().pop()?.1;
        (newest["state"] == "held").then(|| newest["id"].as_str().unwrap().to_owned())
    }

    /// The generations of the locks in this account, with their records, in order.
    pub fn locks(&self) -> Vec<(String, Value)> {
        let client = aws_sdk_ssm::Client::new(&sdk(self));
        let ask = client.get_parameters_by_path().path("/fargate-stack/locks").recursive(true);
        let found = block(ask.send()).unwrap();
        let record = |one: &aws_sdk_ssm::types::Parameter| {
            (one.name().unwrap().to_owned(), serde_json::from_str(one.value().unwrap()).unwrap())
        };
        let mut found: Vec<(String, Value)> = found.parameters().iter().map(record).collect();
        found.sort_by_key(|(name, _)| name.rsplit('/').next().unwrap().parse::<u64>().unwrap());
        found
    }

    /// Forgets what was recorded.
    pub fn forget_calls(&self) {
        self.control("DELETE", &format!("calls?account={}", self.account), &Value::Null);
    }

    /// The stub's API address, for `GITHUB_API_URL`.
    pub fn github_api() -> String {
        sandbox().github_api.clone()
    }

    /// The sandbox's AWS endpoint.
    pub fn aws_endpoint() -> String {
        sandbox().aws_endpoint.clone()
    }
}

/// `service:Operation` of a recorded call.
pub fn operation(call: &Value) -> String {
    format!("{}:{}", call["service"].as_str().unwrap(), call["operation"].as_str().unwrap())
}

/// Whether a recorded call is one for the lock of a stack.
pub fn is_of_the_lock(call: &Value) -> bool {
    call["service"] == "ssm" && call["parameters"].to_string().contains("/fargate-stack/locks/")
}
