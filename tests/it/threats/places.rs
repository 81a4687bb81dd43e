//! Where files are read and written, and which account is touched.

use std::os::unix::fs::{PermissionsExt, symlink};

use super::super::harness::World;
use super::small;

#[test]
fn stack_files_are_read_in_the_workspace_only_and_never_quoted_when_refused() {
    let world = World::with(&small());
    world.open_pull_request();
    let outside = tempfile::TempDir::new().unwrap();
    let secret = outside.path().join("credentials");
    std::fs::write(&secret, "aws_secret_access_key = canary-1f2e3d").unwrap();
    symlink(&secret, world.folder().join("link.yml")).unwrap();
    symlink("/proc/self/environ", world.folder().join("environ.yml")).unwrap();
    symlink(outside.path(), world.folder().join("folder")).unwrap();
    let secret = secret.display().to_string();
    for config in [
        "link.yml",
        "environ.yml",
        "../x.yml",
        "../*.yml",
        "folder/credentials",
        "folder/*",
        "l*.yml",
        "/etc/passwd",
        &secret,
    ] {
        let run = world.ci_with("pull_request", &world.pull_request_event(), &[("config", config)]).expect(2);
        let all = format!("{}{}{}", run.stdout, run.stderr, world.read("runner/summary"));
        assert!(
            !all.contains("canary") && !all.contains("AWS_ACCESS_KEY_ID") && !all.contains("root:"),
            "{config}: {all}"
        );
        assert_eq!(world.calls().len(), 0, "{config}");
    }
}

#[test]
fn credentials_of_an_account_that_is_not_allowed_end_the_job_after_asking_who_we_are() {
    let world = World::with(&small());
    world.open_pull_request();
    let run = world
        .ci_with("pull_request", &world.pull_request_event(), &[("aws-account-ids", "111122223333")])
        .expect(2);
    assert!(run.stderr.contains("aws-account-ids"), "{}", run.stderr);
    let calls: Vec<String> =
        world.calls().iter().map(|call| call["operation"].as_str().unwrap().to_owned()).collect();
    assert_eq!(calls, ["GetCallerIdentity"]);
    world
        .ci_with("pull_request", &world.pull_request_event(), &[("aws-account-ids", &world.account)])
        .expect(0);
}

#[test]
fn the_files_of_a_job_are_its_owners_alone_and_nothing_is_written_to_home() {
    let world = World::with(&small());
    world.planned_and_merged();
    let before: Vec<_> =
        std::fs::read_dir(world.folder()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    let home = world.folder().join("home");
    std::fs::create_dir(&home).unwrap();
    let mut command = world.ci_command("push", &world.push_event());
    World::output(command.env("HOME", &home)).expect(0);
    assert_eq!(std::fs::read_dir(&home).unwrap().count(), 0);
    let after = std::fs::read_dir(world.folder()).unwrap().count();
    assert_eq!(after, before.len() + 1, "only the home folder of this test is new");
    let files: Vec<_> =
        std::fs::read_dir(world.folder().join("runner/temp")).unwrap().map(Result::unwrap).collect();
    assert!(files.len() >= 2, "{files:?}");
    for file in files {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
    }
    let plan = world.output_of("plan-path").unwrap();
    let plan: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(plan).unwrap()).unwrap();
    assert_eq!(plan["stacks"][0]["stack"], "my-daemon");
    assert_eq!(plan["plan_digest"], world.output_of("plan-digest").unwrap());
}

#[test]
fn no_key_of_a_stack_file_names_an_endpoint_a_proxy_or_a_source_of_credentials() {
    let schema =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/schema/fargate-stack.schema.json"))
            .unwrap();
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    let mut keys = Vec::new();
    collect(&schema, &mut keys);
    assert!(keys.len() > 50, "{keys:?}");
    for key in keys {
        let low = key.to_lowercase();
        for word in ["endpoint", "proxy", "credential", "access_key", "web_identity", "ca_bundle", "url"] {
            assert!(!low.contains(word) || key == "queue_url", "the stack file has the key `{key}`");
        }
    }
}

fn collect(value: &serde_json::Value, keys: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(members) => {
            if let Some(serde_json::Value::Object(properties)) = members.get("properties") {
                keys.extend(properties.keys().cloned());
            }
            members.values().for_each(|value| collect(value, keys));
        }
        serde_json::Value::Array(items) => items.iter().for_each(|value| collect(value, keys)),
        _ => {}
    }
}

#[test]
fn the_program_starts_no_process() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut open = vec![root];
    let mut files = 0;
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files += 1;
                let text = std::fs::read_to_string(&path).unwrap();
                let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
                for word in ["process::Command", "Command::new(\"", "libc::exec", "posix_spawn"] {
                    let allowed = path.ends_with("commands/exec.rs");
                    assert!(allowed || !code.contains(word), "{} holds `{word}`", path.display());
                }
            }
        }
    }
    assert!(files > 100, "{files}");
}
