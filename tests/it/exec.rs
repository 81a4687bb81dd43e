//! `exec`: the command that opens a session in a running container.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::account::{block, sdk};
use super::harness::World;

fn stack(enabled: bool) -> String {
    format!(
        "
app:
  name: shells
tasks:
  web:
    type: daemon
    image: helloworld:latest
    enable_execute_command: {enabled}
  job:
    image: helloworld:latest
"
    )
}

/// The ids of the running tasks of the service, once there are so many.
fn running(world: &World, count: usize) -> Vec<String> {
    let begun = Instant::now();
    loop {
        let found = block(async {
            let ecs = aws_sdk_ecs::Client::new(&sdk(world));
            let arns = ecs.list_tasks().cluster("shells-cluster").service_name("web").send().await.unwrap();
            let request = ecs.describe_tasks().cluster("shells-cluster");
            let tasks = if arns.task_arns().is_empty() {
                vec![]
            } else {
                request.set_tasks(Some(arns.task_arns().to_vec())).send().await.unwrap().tasks().to_vec()
            };
            let running = tasks.iter().filter(|task| task.last_status() == Some("RUNNING"));
            let id = |arn: &str| arn.rsplit('/').next().unwrap().to_owned();
            running.map(|task| id(task.task_arn().unwrap())).collect::<Vec<_>>()
        });
        if found.len() == count {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{found:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn world(enabled: bool) -> (World, String) {
    let world = World::with(&stack(enabled));
    world.run(&["apply", "--yes", "--no-wait"]).expect(0);
    let id = running(&world, 1).remove(0);
    (world, id)
}

#[test]
fn the_command_is_printed_quoted_for_a_shell() {
    let (world, id) = world(true);
    let expected = |command: &str| {
        format!(
            "aws ecs execute-command --region us-east-1 --cluster shells-cluster --task {id} --container web --interactive --command {command}\n"
        )
    };
    assert_eq!(world.run(&["exec", "--print"]).expect(0).stdout, expected("/bin/sh"));
    let words = ["exec", "web", "--print", "--", "sh", "-c", "ls | wc"];
    assert_eq!(world.run(&words).expect(0).stdout, expected(r"'sh -c '\''ls | wc'\'''"));
    assert_eq!(world.run(&["exec", &id[..8], "--print"]).expect(0).stdout, expected("/bin/sh"));
    let document = world.run(&["exec", &id, "--format", "json"]).expect(0).json();
    assert_eq!(document["task"], Value::from(id));
}

#[test]
fn the_session_takes_over_terminal_and_exit_code() {
    let (world, id) = world(true);
    let without = world.run(&["exec"]).expect(1);
    assert!(without.stderr.contains("is not installed"), "{}", without.stderr);
    assert!(without.stderr.contains("hint: `--print` shows the command"), "{}", without.stderr);
    for (name, text) in
        [("aws", "#!/bin/sh\necho \"$@\"\nexit 7\n"), ("session-manager-plugin", "#!/bin/sh\n")]
    {
        let path = world.write(&format!("bin/{name}"), text);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let path = format!("{}:/usr/bin:/bin", world.folder().join("bin").display());
    let run = World::output(world.command(&["exec", "web", "--", "id", "-u"]).env("PATH", path)).expect(7);
    assert!(
        run.stdout.contains(&format!("--task {id} --container web --interactive --command id -u")),
        "{}",
        run.stdout
    );
}

#[test]
fn a_task_without_exec_says_how_to_get_one_with_it() {
    let (world, id) = world(false);
    let run = world.run(&["exec", "web", "--print"]).expect(1);
    assert!(run.stderr.contains(&format!("the task `{id}` was started without ECS Exec")), "{}", run.stderr);
    assert!(run.stderr.contains("set `tasks.web.enable_execute_command: true`"), "{}", run.stderr);
    // It reaches only tasks that start later, and the role gets what the agent needs.
    world.write("fargate-stack.yml", &stack(true));
    let plan = world.run(&["plan", "--format", "json"]).expect(0).json();
    let text = plan.to_string();
    assert!(
        text.contains("enable_execute_command") && text.contains("ssmmessages:OpenDataChannel"),
        "{plan:#}"
    );
    world.run(&["apply", "--yes", "--no-wait"]).expect(0);
    world.run(&["exec", "web", "--print"]).expect(1);
}

#[test]
fn a_run_is_never_chosen_silently() {
    let (world, id) = world(true);
    for (words, complaint) in [
        (&["exec", "wbe"][..], "the stack file has no task `wbe`"),
        (&["exec", "job"], "no task of `job` runs"),
        (&["exec", "0123456789abcdef"], "no running task of the stack has the id `0123456789abcdef`"),
        (&["exec", "--container", "proxy"], "the task has no container `proxy`"),
    ] {
        let run = world.run(words).expect(2);
        assert!(run.stderr.contains(complaint), "{words:?}: {}", run.stderr);
    }
    block(async {
        let ecs = aws_sdk_ecs::Client::new(&sdk(&world));
        let request = ecs.update_service().cluster("shells-cluster").service("web").desired_count(2);
        request.send().await.unwrap();
    });
    let ids = running(&world, 2);
    let run = world.run(&["exec", "web", "--print"]).expect(2);
    assert!(run.stderr.contains("2 tasks of `web` run: name one by its id"), "{}", run.stderr);
    assert!(ids.iter().all(|id| run.stderr.contains(id)), "{}", run.stderr);
    world.run(&["exec", &id, "--print"]).expect(0);
}
