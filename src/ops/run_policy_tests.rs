//! The table: stack file × ask → what is done.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use super::*;
use crate::config;

fn task(yaml: &str) -> Task {
    let text = format!("app: {{name: jobs}}\ntasks:\n  job:\n    image: helloworld:latest\n{yaml}");
    config::parse("fargate-stack.yml", &text).unwrap().tasks.remove("job").unwrap()
}

fn ask(command: Option<&[&str]>, environment: &[&str], cpu: Option<u32>, memory: Option<u32>) -> RunAsk {
    RunAsk {
        command: command.map(|words| words.iter().map(|word| (*word).to_owned()).collect()),
        environment: environment.iter().map(|name| ((*name).to_owned(), "x".to_owned())).collect(),
        cpu,
        memory,
    }
}

const PLAIN: &str = "";
const SERVICE: &str = "    type: daemon\n";
const OPEN_SERVICE: &str = "    type: daemon\n    run: {permission: admin}\n";
const CLOSED: &str = "    run: {allowed: false, command: any}\n";
const ARGS: &str = "    command: [./migrate, --all]\n    run: {command: args}\n";
const ANY: &str =
    "    command: [./migrate]\n    secrets: [a/b:KEY]\n    run: {command: any, environment: [A, B]}\n";
const LARGE: &str = "    size: small\n    run: {max_cpu: 1024, max_memory: 2 GB}\n";

#[test]
fn what_a_workflow_may_change_is_what_the_stack_file_allows() {
    let none = ask(None, &[], None, None);
    let words = ask(Some(&["--one", "$(id)"]), &[], None, None);
    let empty = ask(Some(&[]), &[], None, None);
    for (yaml, ask, wanted) in [
        (PLAIN, &none, Ok(None)),
        (PLAIN, &words, Err("override-not-allowed")),
        (PLAIN, &empty, Err("override-not-allowed")),
        (PLAIN, &self::ask(None, &["A"], None, None), Err("env-not-allowed")),
        (PLAIN, &self::ask(None, &[], Some(512), None), Err("too-large")),
        (PLAIN, &self::ask(None, &[], None, Some(513)), Err("too-large")),
        (PLAIN, &self::ask(None, &[], Some(256), Some(512)), Ok(None)),
        (SERVICE, &none, Err("task-not-allowed")),
        (OPEN_SERVICE, &none, Ok(None)),
        (OPEN_SERVICE, &words, Err("override-not-allowed")),
        (CLOSED, &none, Err("task-not-allowed")),
        (CLOSED, &words, Err("task-not-allowed")),
        (ARGS, &none, Ok(None)),
        (ARGS, &words, Ok(Some(vec!["./migrate", "--all", "--one", "$(id)"]))),
        (ANY, &words, Ok(Some(vec!["--one", "$(id)"]))),
        (ANY, &self::ask(None, &["A", "B"], None, None), Ok(None)),
        (ANY, &self::ask(None, &["A", "C"], None, None), Err("env-not-allowed")),
        (ANY, &self::ask(None, &["KEY"], None, None), Err("env-not-allowed")),
        (ANY, &self::ask(None, &["a"], None, None), Err("env-not-allowed")),
        (LARGE, &self::ask(None, &[], Some(1024), Some(2048)), Ok(None)),
        (LARGE, &self::ask(None, &[], Some(2048), None), Err("too-large")),
        (LARGE, &self::ask(None, &[], None, Some(3072)), Err("too-large")),
    ] {
        let got = allowed("job", &task(yaml), ask);
        let command = got.as_ref().map(|got| got.command.clone()).map_err(|refusal| refusal.reason);
        let wanted = wanted
            .map(|words| words.map(|words| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>()));
        assert_eq!(command, wanted, "{yaml}\n{ask:?}\n{got:?}");
        if let Ok(got) = got {
            assert_eq!(
                (got.environment, got.cpu, got.memory),
                (ask.environment.clone(), ask.cpu, ask.memory)
            );
        }
    }
}

#[test]
fn the_limit_is_never_less_than_what_the_task_has() {
    let task = task("    cpu: 1024\n    memory: 4096\n    run: {max_cpu: 256, max_memory: 512}\n");
    assert!(allowed("job", &task, &ask(None, &[], Some(1024), Some(4096))).is_ok());
}

#[test]
fn a_refusal_never_shows_a_value() {
    let environment = BTreeMap::from([("A".to_owned(), "hunter2".to_owned())]);
    let ask = RunAsk { environment, ..RunAsk::default() };
    let refusal = allowed("job", &task(PLAIN), &ask).unwrap_err();
    assert!(!format!("{refusal:?}").contains("hunter2"));
    assert_eq!(refusal.hint, "name it in `tasks.job.run.environment`");
}

#[test]
fn the_permission_is_to_write_unless_the_stack_file_asks_for_more() {
    assert_eq!(permission(&task(PLAIN)), RunPermission::Write);
    assert_eq!(permission(&task(OPEN_SERVICE)), RunPermission::Admin);
}

#[test]
fn a_name_from_a_workflow_has_no_character_that_means_something_elsewhere() {
    let longest = "a".repeat(64);
    for name in ["a", "migrate", "1st", "a-b_c", longest.as_str()] {
        assert!(is_name(name), "{name}");
    }
    let long = "a".repeat(65);
    for name in ["", "-a", "_a", "a b", "a/b", "a\n", "a.b", "$(id)", "a;b", "ä", "..", long.as_str()] {
        assert!(!is_name(name), "{name}");
    }
}
