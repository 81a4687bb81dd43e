//! The program `fargate-stack-sandbox serve`: its ready line, and that nothing outlives it.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;

/// When the youngest file below a folder was written.
fn youngest(folder: &Path) -> SystemTime {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let times = entries.map(|path| {
        if path.is_dir() { youngest(&path) } else { path.metadata().unwrap().modified().unwrap() }
    });
    times.max().unwrap_or(SystemTime::UNIX_EPOCH)
}

/// The program. It lies beside the folder of this test binary; it is built when it is missing or older than its source,
/// because `cargo test` builds the programs of other packages only by chance.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let test = std::env::current_exe().unwrap();
        let profile = test.parent().unwrap().parent().unwrap();
        let program = profile.join("fargate-stack-sandbox");
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let built = program.metadata().and_then(|file| file.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
        if built < youngest(&root.join("sandbox/src")) {
            let mut cargo = Command::new(env!("CARGO"));
            cargo.args(["build", "--locked", "--quiet", "-p", "fargate-stack-sandbox", "--target-dir"]);
            cargo.arg(profile.parent().unwrap()).current_dir(root);
            if profile.ends_with("release") {
                cargo.arg("--release");
            }
            let output = cargo.output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        program
    })
}

/// A running sandbox of its own; it is killed when a test fails.
struct Served {
    child: Child,
    rest: BufReader<ChildStdout>,
    ready: Value,
}

impl Drop for Served {
    fn drop(&mut self) {
        // It has ended already unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Served {
    fn start(args: &[&str], stdin: Stdio) -> Self {
        let mut command = Command::new(program());
        command.arg("serve").args(args).env_clear().env("PATH", std::env::var("PATH").unwrap_or_default());
        command.env("FARGATE_STACK_SANDBOX_PYTHON", fargate_stack_sandbox::moto::default_python());
        let mut child = command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let mut rest = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        rest.read_line(&mut line).unwrap();
        let ready = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        Self { child, rest, ready }
    }

    /// The host and port of an address of the ready line.
    fn address(&self, key: &str) -> String {
        self.ready[key].as_str().unwrap().strip_prefix("http://").unwrap().to_owned()
    }

    /// Ids of the processes that it started.
    fn children(&self) -> Vec<u32> {
        let id = self.child.id();
        let threads =
            std::fs::read_dir(format!("/proc/{id}/task")).unwrap().map(|entry| entry.unwrap().path());
        let lists = threads.filter_map(|thread| std::fs::read_to_string(thread.join("children")).ok());
        lists
            .flat_map(|list| list.split_whitespace().map(|id| id.parse().unwrap()).collect::<Vec<u32>>())
            .collect()
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Waits for its end.
    fn end(&mut self) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(started.elapsed() < Duration::from_secs(30), "it does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Whether a process is there and not just waiting to be reaped.
fn lives(id: u32) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{id}/stat")) else {
        return false;
    };
    !matches!(stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().next()), Some("Z" | "X") | None)
}

/// Fails the test unless the processes go.
fn assert_gone(ids: &[u32]) {
    let started = Instant::now();
    while ids.iter().any(|id| lives(*id)) {
        assert!(started.elapsed() < Duration::from_secs(20), "moto outlives the sandbox: {ids:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn it_says_in_one_line_of_json_where_it_listens_and_ends_with_moto_on_sigterm() {
    let mut served = Served::start(&[], Stdio::null());
    let keys: Vec<&String> = served.ready.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["aws_endpoint", "github_api", "control", "account", "region"]);
    assert_eq!(
        (&served.ready["account"], &served.ready["region"]),
        (&"123456789012".into(), &"us-east-1".into())
    );
    for key in ["aws_endpoint", "github_api"] {
        assert!(served.address(key).starts_with("127.0.0.1:"));
        TcpStream::connect(served.address(key)).unwrap();
    }
    let control = served.ready["control"].as_str().unwrap();
    let seed: Value = ureq::get(format!("{control}/seed")).call().unwrap().body_mut().read_json().unwrap();
    assert!(seed["vpc_id"].as_str().unwrap().starts_with("vpc-"), "the default seed is the standard one");
    let same: Value = ureq::get(format!("{control}/ready")).call().unwrap().body_mut().read_json().unwrap();
    assert_eq!(same, served.ready);
    let moto = served.children();
    assert_eq!(moto.len(), 1, "moto runs");

    served.signal("-TERM");
    assert!(served.end().success());
    assert_gone(&moto);
    TcpStream::connect(served.address("aws_endpoint")).unwrap_err();
    let mut more = String::new();
    served.rest.read_to_string(&mut more).unwrap();
    assert_eq!(more, "", "one line is all that it prints");
}

#[test]
fn it_ends_with_moto_when_its_parent_closes_standard_input() {
    let mut served = Served::start(&["--seed", "empty"], Stdio::piped());
    let moto = served.children();
    assert_eq!(moto.len(), 1);
    std::thread::sleep(Duration::from_millis(200));
    assert!(served.child.try_wait().unwrap().is_none(), "it lives as long as the pipe is open");
    drop(served.child.stdin.take());
    assert!(served.end().success());
    assert_gone(&moto);
}

#[test]
fn moto_goes_even_when_the_sandbox_is_killed() {
    let mut served = Served::start(&["--seed", "empty"], Stdio::null());
    let moto = served.children();
    assert_eq!(moto.len(), 1);
    served.signal("-KILL");
    assert!(!served.end().success());
    assert_gone(&moto);
}

#[test]
fn it_listens_on_loopback_alone() {
    let run =
        Command::new(program()).args(["serve", "--aws", "0.0.0.0:0"]).stdin(Stdio::null()).output().unwrap();
    assert!(!run.status.success());
    assert_eq!(String::from_utf8_lossy(&run.stdout), "");
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(said.contains("`0.0.0.0:0` is not a loopback address"), "{said}");
}
