//! `bootstrap.sh`: the binary that runs is the one that the commit names.

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use super::runner::{Runner, TARGET, VERSION, has_own_tools, program, root, shells, sum, which};

const URL: &str = "https://github.com/org/fargate-stack-action/releases/download/v1.2.3/fargate-stack-x86_64-unknown-linux-musl";

/// Stands for curl and wget: notes its arguments and gives what the mirror's folder has under the last part of the URL.
const DOWNLOADER: &str = r#"#!/bin/sh
printf '%s\n' "$@" >"$FAKE_ARGS"
while [ $# -gt 0 ]; do
  case $1 in --output | -O) to=$2; shift ;; https://*) url=$1 ;; esac
  shift
done
cp "$FAKE_FROM/${url##*/download/}" "$to" 2>/dev/null || { echo "error: 404" >&2; exit 22; }
"#;

/// Stands for gh: notes its arguments; signed in, and sure of the provenance, when told so.
const GH: &str = r#"#!/bin/sh
printf '%s\n' "$*" >>"$FAKE_ARGS"
case $1 in api) [ -n "$FAKE_SIGNED_IN" ] ;; *) [ -n "$FAKE_CONFIRMS" ] ;; esac
"#;

/// A runner that downloads by a program of this name.
fn online(name: &str) -> Runner {
    let runner = Runner::new();
    runner.script(&format!("tools/{name}"), DOWNLOADER);
    let (from, args) = (runner.path("mirror"), runner.path("arguments"));
    runner
        .with("FARGATE_STACK_MIRROR", "")
        .with("FAKE_FROM", from.to_str().unwrap())
        .with("FAKE_ARGS", args.to_str().unwrap())
}

fn with_gh() -> Runner {
    let runner = Runner::new();
    runner.script("tools/gh", GH);
    let args = runner.path("arguments");
    std::fs::write(&args, "").unwrap();
    runner.with("FAKE_ARGS", args.to_str().unwrap())
}

#[test]
fn a_release_is_downloaded_checked_kept_and_run() {
    for shell in shells() {
        let runner = Runner::new();
        let run = runner.runs(&shell, "release");
        assert!(run.stderr.contains("1.2.3 downloaded"), "{}", run.stderr);
        let mode = std::fs::metadata(runner.cached()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        // What the binary writes is nobody else's either.
        assert!(run.stdout.contains(" umask 0077"), "{}", run.stdout);
        let output = std::fs::read_to_string(runner.path("output")).unwrap();
        assert_eq!(output, format!("binary={}\n", runner.cached().display()));

        std::fs::remove_dir_all(runner.path("mirror")).unwrap();
        let run = runner.runs(&shell, "release");
        assert!(run.stderr.contains("1.2.3 from "), "{}", run.stderr);
    }
}

#[test]
fn a_poisoned_cache_is_not_run_and_is_downloaded_again() {
    for shell in shells() {
        let runner = Runner::new();
        runner.runs(&shell, "release");
        std::fs::write(runner.cached(), program("poison")).unwrap();
        let run = runner.runs(&shell, "release");
        assert!(run.stderr.contains("downloaded"), "{}", run.stderr);
        assert_eq!(std::fs::read_to_string(runner.cached()).unwrap(), program("release"));

        std::fs::write(runner.cached(), program("poison")).unwrap();
        std::fs::remove_dir_all(runner.path("mirror")).unwrap();
        runner.refused(&shell, "cannot download fargate-stack-x86_64-unknown-linux-musl of version 1.2.3");
    }
}

#[test]
fn an_asset_with_other_bytes_is_refused_with_both_sums() {
    let right = program("release");
    for (what, bytes) in [
        ("other bytes", program("wrong").into_bytes()),
        ("truncated", right.as_bytes()[..right.len() - 1].to_vec()),
        ("longer", [right.as_bytes(), b"\n"].concat()),
        ("empty", vec![]),
    ] {
        for shell in shells() {
            let runner = Runner::new();
            runner.asset(TARGET, &bytes);
            let run = runner.refused(&shell, "refused: fargate-stack-x86_64-unknown-linux-musl");
            assert!(run.stdout.contains(&sum(right.as_bytes())), "{what}: {}", run.stdout);
            assert!(run.stdout.contains(&sum(&bytes)), "{what}: {}", run.stdout);
            assert!(!runner.cached().exists(), "{what}");
        }
    }
}

#[test]
fn a_missing_asset_and_a_missing_tool_for_sums_are_refused() {
    for shell in shells() {
        let runner = Runner::new();
        std::fs::remove_dir_all(runner.path("mirror/v1.2.3")).unwrap();
        runner.refused(&shell, "cannot download");
    }
    // Not in busybox, whose shell may have the tool built in.
    let runner = Runner::new();
    runner.without("sha256sum");
    runner.refused(&[which("sh").unwrap()], "sha256sum, shasum and openssl are missing");
}

#[test]
fn a_table_without_this_target_or_without_any_is_refused_with_a_hint() {
    let good = sum(program("release").as_bytes());
    for (table, why) in [
        ("# no release yet\n".to_owned(), "names no binary, since it is not a release"),
        (format!("{VERSION} aarch64-apple-darwin {good}\n"), "no binary for x86_64-unknown-linux-musl: name"),
        (format!("{VERSION} {TARGET} {good}\n1.2.4 other {good}\n"), "two versions, 1.2.3 and 1.2.4"),
        (format!("{VERSION} {TARGET} {}\n", &good[..63]), "damaged"),
        (format!("{VERSION} {TARGET} {good}\r\n"), "damaged"),
        (format!("{VERSION} {TARGET} {good} more\n"), "damaged"),
        (format!("../{VERSION} {TARGET} {good}\n"), "damaged"),
        (format!("$(id) {TARGET} {good}\n"), "damaged"),
    ] {
        for shell in shells() {
            let runner = Runner::new();
            runner.table(&table);
            runner.refused(&shell, why);
        }
    }
}

#[test]
fn each_system_gets_its_own_target() {
    for (os, cpu, target) in [
        ("Linux", "x86_64", "x86_64-unknown-linux-musl"),
        ("Linux", "aarch64", "aarch64-unknown-linux-musl"),
        ("Linux", "arm64", "aarch64-unknown-linux-musl"),
        ("Darwin", "arm64", "aarch64-apple-darwin"),
        ("Darwin", "x86_64", "x86_64-apple-darwin"),
    ] {
        for shell in shells().into_iter().filter(|shell| !has_own_tools(shell)) {
            let runner = Runner::new().with("FAKE_OS", os).with("FAKE_CPU", cpu);
            runner.asset(target, program(target).as_bytes());
            runner.pin(target, &sum(program(target).as_bytes()));
            runner.runs(&shell, target);
        }
    }
    for shell in shells().into_iter().filter(|shell| !has_own_tools(shell)) {
        let runner = Runner::new().with("FAKE_CPU", "riscv64");
        runner.refused(&shell, "no binary for Linux on riscv64");
    }
}

#[test]
fn without_a_tool_cache_to_write_the_binary_is_kept_for_the_job() {
    for shell in shells() {
        let runner = Runner::new();
        // Also root cannot make a folder below a file.
        std::fs::remove_dir(runner.path("tool cache")).unwrap();
        std::fs::write(runner.path("tool cache"), "").unwrap();
        runner.runs(&shell, "release");
        let kept = format!("temp of job/fargate-stack/{VERSION}/{TARGET}/fargate-stack");
        assert!(runner.path(&kept).is_file());
        std::fs::remove_dir_all(runner.path("mirror")).unwrap();
        runner.runs(&shell, "release");

        let runner = Runner::new().with("RUNNER_TOOL_CACHE", "");
        runner.runs(&shell, "release");
        assert!(runner.path(&kept).is_file());

        let runner = Runner::new().with("RUNNER_TOOL_CACHE", "").with("RUNNER_TEMP", "");
        runner.refused(&shell, "neither RUNNER_TOOL_CACHE nor RUNNER_TEMP can be written");
    }
}

#[test]
fn an_own_binary_goes_before_the_table_and_must_be_there() {
    for shell in shells() {
        let runner = Runner::new();
        let own = runner.script("work space/my bin/stack", &program("own"));
        runner.script("tools/fargate-stack", &program("on-path"));
        let runner = runner.with("FARGATE_STACK_BINARY", own.to_str().unwrap());
        let run = runner.runs(&shell, "own");
        assert!(run.stderr.contains("not checked"), "{}", run.stderr);
        assert!(!runner.cached().exists());
        let runner = runner.with("FARGATE_STACK_BINARY", "my bin/stack");
        runner.runs(&shell, "own");
        let output = std::fs::read_to_string(runner.path("output")).unwrap();
        assert!(output.lines().all(|line| line.starts_with("binary=/")), "{output}");
        let runner = runner.with("FARGATE_STACK_BINARY", "fargate-stack");
        runner.runs(&shell, "on-path");

        let runner = runner.with("FARGATE_STACK_BINARY", "none/stack");
        runner.refused(&shell, "none/stack`, which is not there");
        let runner = runner.with("FARGATE_STACK_BINARY", "no-such-program");
        runner.refused(&shell, "which is not there");
        std::fs::write(runner.path("work space/plain"), "").unwrap();
        let runner = runner.with("FARGATE_STACK_BINARY", "./plain");
        runner.refused(&shell, "cannot be executed");
        let runner = runner.with("FARGATE_STACK_BINARY", "-c");
        runner.refused(&shell, "is no path");
        let runner = runner.with("FARGATE_STACK_BINARY", "x\n::set-output name=a::b%0A");
        runner.refused(&shell, "x ::set-output name=a::b%250A");
    }
}

#[test]
fn a_program_on_the_path_is_not_taken_by_itself() {
    for shell in shells() {
        let runner = Runner::new();
        runner.script("tools/fargate-stack", &program("on-path"));
        runner.table("# no release yet\n");
        runner.refused(&shell, "names no binary");
    }
}

#[test]
fn a_mirror_is_a_folder_a_file_address_or_https() {
    for shell in shells() {
        let runner = Runner::new();
        let address = format!("file://{}/", runner.path("mirror").display());
        let runner = runner.with("FARGATE_STACK_MIRROR", &address);
        runner.runs(&shell, "release");
        let runner = Runner::new().with("FARGATE_STACK_MIRROR", "../mirror");
        runner.runs(&shell, "release");
        for wrong in ["http://user:secret@mirror.example.com", "ftp://mirror.example.com"] {
            let runner = online("curl").with("FARGATE_STACK_MIRROR", wrong);
            let run = runner.refused(&shell, "neither https:// nor file:// nor a folder");
            assert!(!run.stdout.contains("secret"), "{}", run.stdout);
            assert!(!runner.path("arguments").exists());
        }
        let runner = online("curl").with("FARGATE_STACK_MIRROR", "https://mirror.example.com/download");
        runner.runs(&shell, "release");
        let arguments = std::fs::read_to_string(runner.path("arguments")).unwrap();
        assert!(
            arguments.contains("\nhttps://mirror.example.com/download/v1.2.3/fargate-stack-"),
            "{arguments}"
        );
    }
}

#[test]
fn a_release_comes_from_github_also_for_a_server_of_its_own() {
    for shell in shells() {
        let tools = if has_own_tools(&shell) { &["curl"][..] } else { &["curl", "wget"] };
        for tool in tools {
            let runner = online(tool)
                .with("GITHUB_SERVER_URL", "https://github.example.com")
                .with("GITHUB_REPOSITORY", "octo/app")
                .with("GITHUB_TOKEN", "canary-of-the-token");
            runner.runs(&shell, "release");
            let arguments = std::fs::read_to_string(runner.path("arguments")).unwrap();
            assert!(arguments.lines().any(|line| line == URL), "{arguments}");
            assert!(!arguments.contains("canary"), "{arguments}");
            if *tool == "curl" {
                for needed in ["--proto\n=https\n", "--proto-redir\n=https\n", "--tlsv1.2\n", "--fail\n"] {
                    assert!(arguments.contains(needed), "{arguments}");
                }
            }
        }
        for unknown in ["", "org", "org/action/x", "org/x;id"] {
            let runner = online("curl").with("FARGATE_STACK_ACTION_REPOSITORY", unknown);
            runner.refused(&shell, "the repository of the action is not known");
        }
    }
}

#[test]
fn every_tool_for_sums_gives_the_same() {
    for tool in ["shasum", "openssl"].into_iter().filter(|tool| which(tool).is_some()) {
        let runner = Runner::new();
        runner.without("sha256sum");
        runner.tool(tool);
        if tool == "shasum" {
            runner.tool("perl");
        }
        let shell = [which("sh").unwrap()];
        runner.runs(&shell, "release");
        std::fs::write(runner.cached(), program("poison")).unwrap();
        runner.runs(&shell, "release");
        runner.asset(TARGET, b"wrong");
        std::fs::remove_file(runner.cached()).unwrap();
        runner.refused(&shell, &sum(b"wrong"));
    }
}

#[test]
fn a_required_provenance_must_be_confirmed() {
    for shell in shells() {
        let runner = Runner::new().with("FARGATE_STACK_VERIFY_ATTESTATION", "require");
        runner.refused(&shell, "no gh on this runner");

        let runner = with_gh().with("FARGATE_STACK_VERIFY_ATTESTATION", "require");
        runner.refused(&shell, "is not confirmed (verify-attestation: require)");
        assert!(!runner.cached().exists());
        let runner = runner.with("FAKE_CONFIRMS", "yes");
        runner.runs(&shell, "release");
        let asked = std::fs::read_to_string(runner.path("arguments")).unwrap();
        let last = asked.lines().last().unwrap();
        assert!(last.starts_with("attestation verify /"), "{asked}");
        assert!(
            last.ends_with(
                "--repo org/fargate-stack-action --signer-workflow \
                 org/fargate-stack-action/.github/workflows/release-build.yml --deny-self-hosted-runners"
            ),
            "{asked}"
        );
        // Also of what is in the cache.
        let runner = runner.with("FAKE_CONFIRMS", "");
        runner.refused(&shell, "is not confirmed");

        let runner = Runner::new().with("FARGATE_STACK_VERIFY_ATTESTATION", "maybe");
        runner.refused(&shell, "write auto, require or off");
    }
}

#[test]
fn a_provenance_is_asked_for_by_itself_only_where_that_can_be_answered() {
    for shell in shells() {
        let runner = with_gh();
        runner.runs(&shell, "release");
        let asked = std::fs::read_to_string(runner.path("arguments")).unwrap();
        assert_eq!(asked, "api --silent rate_limit\n");

        let runner = with_gh().with("FAKE_SIGNED_IN", "yes");
        runner.refused(&shell, "is not confirmed (verify-attestation: auto)");
        let runner = runner.with("FAKE_CONFIRMS", "yes");
        runner.runs(&shell, "release");

        let runner = with_gh().with("FAKE_SIGNED_IN", "yes").with("FARGATE_STACK_VERIFY_ATTESTATION", "off");
        runner.runs(&shell, "release");
        assert_eq!(std::fs::read_to_string(runner.path("arguments")).unwrap(), "");
    }
}

#[test]
fn the_binary_takes_the_place_of_the_shell_and_gets_its_signals() {
    for shell in shells() {
        let runner = Runner::new();
        let ready = runner.path("ready");
        let waiting =
            format!("#!/bin/sh\necho $$ >'{}.new'\nmv '{0}.new' '{0}'\nexec sleep 60\n", ready.display());
        runner.tool("sleep");
        let own = runner.script("work space/stack", &waiting);
        let step = runner.with("FARGATE_STACK_BINARY", own.to_str().unwrap());
        let mut child = step.command(&shell).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let began = std::time::Instant::now();
        while !ready.exists() {
            assert!(began.elapsed().as_secs() < 20, "{shell:?}: the binary did not start");
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        assert_eq!(std::fs::read_to_string(&ready).unwrap().trim(), child.id().to_string(), "{shell:?}");
        let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        let ended = child.wait().unwrap();
        assert!(!ended.success() && began.elapsed().as_secs() < 30, "{shell:?}: {ended}");
    }
}

#[test]
fn the_table_of_this_commit_is_whole() {
    let table = std::fs::read_to_string(root().join("versions.txt")).unwrap();
    let lines: Vec<Vec<&str>> = table
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| line.split_whitespace().collect())
        .collect();
    for line in &lines {
        let [version, target, sum] = line.as_slice() else { panic!("{line:?}") };
        assert_eq!(version, &lines[0][0]);
        assert!(sum.len() == 64 && sum.chars().all(|c| c.is_ascii_hexdigit()), "{target}: {sum}");
    }
    let targets: std::collections::BTreeSet<&str> = lines.iter().map(|line| line[1]).collect();
    assert_eq!(targets.len(), lines.len(), "a target stands there twice");
    assert!(lines.is_empty() || lines.len() == 5, "a release has five targets: {targets:?}");
}
