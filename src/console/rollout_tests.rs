//! What each kind of surroundings gets to see of a rollout.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use super::super::Surroundings;
use super::*;

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl io::Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What standard error shows of a rollout whose every word is foreign.
fn played(surroundings: Surroundings) -> String {
    let err = Shared::default();
    let out = Box::new(Shared::default());
    let console = Console::with(surroundings, out, Box::new(err.clone()), Box::new(io::empty()));
    let progress = |running, pending, failed, healthy, seconds| RolloutEvent::Progress {
        service: "web".to_owned(),
        progress: Progress {
            phase: "starting tasks".to_owned(),
            desired: 2,
            running,
            pending,
            healthy,
            failed,
            seconds,
        },
    };
    console.rollout_begin("Rollout of web");
    console.rollout(&progress(0, 2, 0, None, 0.4));
    console.rollout(&progress(1, 1, 1, Some(1), 75.0));
    let what = "container `web` exited with 1: \u{1b}[2Jgone\n::error::x".to_owned();
    console.rollout(&RolloutEvent::TaskFailed { service: "web".to_owned(), what });
    let rollout = ServiceRollout {
        service: "web".to_owned(),
        deployment: "ecs-svc/1".to_owned(),
        revision: "web:2".to_owned(),
        outcome: RolloutOutcome::RolledBack,
        seconds: 80.0,
        status_reason: Some(format!("##[error]{}", "x".repeat(1000))),
        digests: BTreeMap::new(),
        running: None,
        cause: None,
        next: Vec::new(),
    };
    console.rollout(&RolloutEvent::Ended(Box::new(rollout)));
    console.rollout_end();
    String::from_utf8(err.0.lock().unwrap().clone()).unwrap().replace(&"x".repeat(291), "[…]")
}

#[test]
fn a_plain_stream_gets_a_line_a_change() {
    insta::assert_snapshot!(played(Surroundings::default()), @r"
    Rollout of web
      web: starting tasks, 0 of 2 running, 2 pending, 0.4 s
      web: starting tasks, 1 of 2 running, 1 pending, 1 healthy, 1 failed, 1 min 15 s
      task failed: web: container `web` exited with 1: \u{1b}[2Jgone\n::error::x
      failed: web: rolled back after 1 min 20 s (##[error][…]…)
    ");
}

#[test]
fn a_workflow_gets_a_closed_group_in_which_the_runner_finds_no_other_command() {
    let text = played(Surroundings { github_actions: true, ..Surroundings::default() });
    let commands: Vec<&str> = text
        .split(['\n', '\r'])
        .filter(|line| line.trim_start().starts_with("::") || line.contains("##["))
        .collect();
    assert_eq!(commands, ["::group::Rollout of web", "::endgroup::"], "{text}");
}

#[test]
fn a_screen_gets_the_failure_and_the_end_as_lines_and_no_foreign_control_characters() {
    let text =
        played(Surroundings { stderr_tty: true, unicode: true, no_color: true, ..Surroundings::default() });
    assert!(text.contains("! web: container `web` exited with 1: \\u{1b}[2Jgone"), "{text}");
    assert!(text.contains("✗ web: rolled back after 1 min 20 s"), "{text}");
    assert!(!text.contains("\u{1b}[2J"));
}
