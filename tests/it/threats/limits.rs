//! Size and number: many stacks in one comment, and a busy repository.

use std::fmt::Write as _;
use std::time::Instant;

use serde_json::Value;

use super::super::harness::World;
use super::small;

/// How long the job of the test below may take in a development build, beside other tests. `make bench` states what it takes alone.
const LIMIT_S: u64 = 300;

#[test]
fn a_pull_request_with_a_hundred_stacks_gets_one_comment_within_the_budget_from_one_job() {
    let world = World::new();
    for number in 0..100 {
        let name = format!("stack-{number:03}");
        world.write(&format!("stacks/{name}.yml"), &small().replace("my-daemon", &name));
    }
    world.open_pull_request();
    let started = Instant::now();
    let run =
        world.ci_with("pull_request", &world.pull_request_event(), &[("config", "stacks/*.yml")]).expect(0);
    let took = started.elapsed();
    assert_eq!(world.output_of("outcome").as_deref(), Some("planned"), "{}", run.stderr);
    assert_eq!(world.mutations(), Vec::<String>::new());
    let comments = world.comments();
    assert_eq!(comments.len(), 1);
    let body = comments[0]["body"].as_str().unwrap();
    assert!(body.len() <= 60_000, "{} bytes", body.len());
    let create: usize = world.output_of("create").unwrap().parse().unwrap();
    assert!(create >= 500, "{create}");
    assert!(body.contains("stack-000") && body.contains("stack-099"), "{body}");
    assert!(world.read("runner/summary").contains("service.stack-057"));
    assert!(took.as_secs() < LIMIT_S, "{took:?}");
    let mut who = 0;
    for call in world.calls() {
        who += usize::from(call["operation"] == "GetCallerIdentity");
    }
    assert_eq!(who, 1, "who we are is asked once");

    // The merge is approved by that one comment, or by the check run where the comment has no room for every effect.
    world.merge_pull_request();
    world.ci_with("push", &world.push_event(), &[("config", "stacks/*.yml"), ("wait", "false")]).expect(0);
    assert_eq!(world.output_of("outcome").as_deref(), Some("applied"));
    assert!(world.comment().len() <= 60_000);
}

#[test]
fn stacks_without_changes_are_told_without_noise() {
    let world = World::new();
    let mut files = String::new();
    for name in ["alpha", "beta"] {
        world.write(&format!("{name}.yml"), &small().replace("my-daemon", name));
        world.run(&["apply", "--yes", "-c", &format!("{name}.yml")]).expect(0);
        writeln!(files, "{name}.yml").unwrap();
    }
    world.write(
        "beta.yml",
        &small().replace("my-daemon", "beta").replace("type: daemon", "type: daemon\n    size: large"),
    );
    world.open_pull_request();
    world.ci_with("pull_request", &world.pull_request_event(), &[("config", &files)]).expect(0);
    let body = world.comment();
    assert!(body.contains("1 of 2 stacks"), "{body}");
    world.merge_pull_request();
    world.forget_calls();
    world.ci_with("push", &world.push_event(), &[("config", &files)]).expect(0);
    let touched: Vec<Value> = world.calls().into_iter().filter(|call| call["mutating"] == true).collect();
    assert!(touched.iter().all(|call| !call["parameters"].to_string().contains("alpha")), "{touched:?}");
}

#[test]
fn one_stack_that_cannot_be_planned_is_told_beside_the_others_and_fails_the_job() {
    let world = World::with(&small());
    world.write(
        "broken.yml",
        &small().replace("my-daemon", "broken").replace("helloworld", "not-there-at-all/image"),
    );
    world.write("wrong.yml", &format!("{}account: '111122223333'\n", small().replace("my-daemon", "wrong")));
    world.open_pull_request();
    let files = [("config", "fargate-stack.yml\nwrong.yml")];
    world.ci_with("pull_request", &world.pull_request_event(), &files).expect(2);
    assert_eq!(world.output_of("outcome").as_deref(), Some("failed"));
    let body = world.comment();
    assert!(body.contains("service.my-daemon") && body.contains("wrong"), "{body}");
    world.merge_pull_request();
    world.ci_with("push", &world.push_event(), &files).expect(2);
    assert_eq!(world.mutations(), Vec::<String>::new(), "nothing is applied while a stack cannot be planned");
}

#[test]
fn two_files_of_one_stack_and_a_stack_that_is_not_there_are_refused() {
    let world = World::with(&small());
    world.write("again.yml", &small());
    world.open_pull_request();
    let run = world
        .ci_with("pull_request", &world.pull_request_event(), &[("config", "fargate-stack.yml\nagain.yml")])
        .expect(2);
    assert!(run.stderr.contains("both of the stack"), "{}", run.stderr);
    let run = world.ci_with("pull_request", &world.pull_request_event(), &[("stacks", "web")]).expect(2);
    assert!(run.stderr.contains("no stack `web`") && run.stderr.contains("`my-daemon`"), "{}", run.stderr);
    assert_eq!(world.calls().len(), 0);
}
