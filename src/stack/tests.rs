//! Names and defaults, over whole configurations.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeMap;

use super::facts::TaskImage;
use super::*;
use crate::config::parse;

const SMALL: &str = "
app:
  name: my-small_app
tasks:
  job:
    image: helloworld:latest
  cron:
    image: helloworld:latest
    schedule: cron(00 15 * * * *)
  worker:
    type: daemon
    image: helloworld:latest
";

fn config(text: &str) -> Config {
    parse("fargate-stack.yml", text).unwrap()
}

fn daemon(desired_count: i32) -> Runs {
    let deployment = Deployment::new(&config::Deployment::default());
    Runs::Service(ServiceRun { desired_count, deployment, web: None })
}

fn facts() -> Facts {
    Facts {
        account: "123456789012".into(),
        region: "eu-west-1".into(),
        partition: "aws".into(),
        vpc_id: "vpc-1".into(),
        ..Facts::default()
    }
}

#[test]
fn every_name_has_its_default() {
    insta::assert_debug_snapshot!(Names::new(&config(SMALL)), @r#"
    Names {
        stack: "my-small_app",
        cluster: "my-small_app-cluster",
        log_group: "/ecs/my-small_app",
        execution_role: "FargateMySmallAppRole",
        execution_policy: "FargateMySmallAppPolicy",
        task_role: "FargateMySmallAppTaskRole",
        task_policy: "FargateMySmallAppTaskPolicy",
        events_role: "EventsMySmallAppRole",
        events_policy: "EventsMySmallAppPolicy",
        security_group: "my-small_app-sg",
        default_roles: [
            "FargateMySmallAppRole",
            "FargateMySmallAppTaskRole",
            "EventsMySmallAppRole",
        ],
    }
    "#);
}

#[test]
fn every_name_that_the_configuration_gives_wins_without_an_arn_beside_it() {
    let names = Names::new(&config(
        "
app: {name: my-app}
cluster: {name: c}
log_group: {name: /l}
role: {name: r, policy_name: rp}
task_role: {name: t, policy_name: tp}
events_role: {name: e, policy_name: ep}
security_groups: {fargate: {group_name: g}}
tasks: {job: {image: helloworld}}
",
    ));
    let given = [
        &names.cluster,
        &names.log_group,
        &names.execution_role,
        &names.execution_policy,
        &names.task_role,
        &names.task_policy,
        &names.events_role,
        &names.events_policy,
        &names.security_group,
    ];
    assert_eq!(given, ["c", "/l", "r", "rp", "t", "tp", "e", "ep", "g"]);
}

#[test]
fn a_locator_tells_which_stack_asks() {
    let names = Names::new(&config(SMALL));
    let at = names.at("schedule", "cron", &names.rule("cron"));
    assert_eq!((at.address.to_string().as_str(), at.name.as_str()), ("schedule.cron", "cron-schedule"));
    assert_eq!((at.stack.as_str(), at.parent, at.id), ("my-small_app", None, None));
    assert_eq!(
        (names.target_id("cron").as_str(), names.service("worker").as_str()),
        ("cron-target", "worker")
    );
}

#[test]
fn arns_carry_the_partition_of_the_caller() {
    let scope =
        Scope { partition: "aws-cn".into(), region: "cn-north-1".into(), account: "123456789012".into() };
    let place = "cn-north-1:123456789012";
    assert_eq!(scope.role_arn("r"), "arn:aws-cn:iam::123456789012:role/r");
    assert_eq!(scope.cluster_arn("c"), format!("arn:aws-cn:ecs:{place}:cluster/c"));
    assert_eq!(scope.log_group_arn("/ecs/a"), format!("arn:aws-cn:logs:{place}:log-group:/ecs/a"));
    assert_eq!(scope.task_definition_arn("f"), format!("arn:aws-cn:ecs:{place}:task-definition/f"));
    assert_eq!(scope.repository_arn("a/b"), format!("arn:aws-cn:ecr:{place}:repository/a/b"));
    assert_eq!(scope.registry(), "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn");
}

#[test]
fn each_kind_of_task_has_its_size_and_its_way_to_run() {
    let stack = Stack::new(&config(SMALL), facts());
    let sized = |key: &str| (stack.tasks[key].cpu, stack.tasks[key].memory, stack.tasks[key].runs.clone());
    assert_eq!(sized("job"), (256, 512, Runs::OneOff));
    assert_eq!(sized("cron"), (1024, 2048, Runs::Scheduled("cron(00 15 * * ? *)".into())));
    assert_eq!(sized("worker"), (1024, 2048, daemon(1)));
    assert_eq!((stack.log_retention_days, stack.vpc_id.as_str()), (14, "vpc-1"));
    assert_eq!((stack.tasks["job"].family.as_str(), stack.tasks["job"].container.as_str()), ("job", "job"));
}

#[test]
fn what_the_configuration_says_wins_over_every_default() {
    let stack = Stack::new(
        &config(
            "
app: {name: my-app}
log_group: {retention_days: 30}
tags: {team: a, stage: test}
tasks:
  worker:
    type: daemon
    image: helloworld
    size: small
    memory: 2048
    desired_count: 0
    family: f
    name: c
    tags: {team: b}
",
        ),
        facts(),
    );
    let task = &stack.tasks["worker"];
    assert_eq!((task.cpu, task.memory), (512, 2048));
    assert_eq!(task.runs, daemon(0));
    assert_eq!((task.family.as_str(), task.container.as_str()), ("f", "c"));
    assert_eq!(stack.log_retention_days, 30);
    let tag = |key: &str| task.tags[key].as_str();
    assert_eq!((tag("team"), tag("stage"), stack.tags["team"].as_str()), ("b", "test", "a"));
}

#[test]
fn facts_reach_their_task() {
    let config = config(
        "
app: {name: my-app}
tasks:
  in: {image: helloworld, secrets: ['/db/password:DB', /db/user]}
  out: {image: helloworld, assign_public_ip: true}
",
    );
    let image = Image {
        task: "in".into(),
        image: "r/helloworld@sha256:1".into(),
        tag: Some("latest".into()),
        digest: Some("sha256:1".into()),
        origin: ImageOrigin::Configured,
    };
    let found =
        TaskImage { image: image.clone(), source: "helloworld".into(), repository_arn: None, commit: None };
    let placed = |id: &str, assign_public_ip| Placement { subnets: vec![id.into()], assign_public_ip };
    let arns = [("/db/password", "arn:p"), ("/db/user", "arn:u")];
    let stack = Stack::new(
        &config,
        Facts {
            images: BTreeMap::from([("in".into(), found)]),
            placements: BTreeMap::from([
                ("in".into(), placed("s-1", false)),
                ("out".into(), placed("s-2", true)),
            ]),
            secrets: arns.into_iter().map(|(path, arn)| (path.to_owned(), arn.to_owned())).collect(),
            warnings: vec!["mind the gap".into()],
            ..facts()
        },
    );
    assert_eq!(stack.images()[0], image);
    assert_eq!(stack.tasks["in"].secrets["DB"], "arn:p");
    assert_eq!(stack.tasks["in"].secrets["USER"], "arn:u");
    assert_eq!((stack.tasks["in"].subnets[0].as_str(), stack.tasks["in"].assign_public_ip), ("s-1", false));
    assert_eq!((stack.tasks["out"].subnets[0].as_str(), stack.tasks["out"].assign_public_ip), ("s-2", true));
    assert_eq!(stack.warnings, ["mind the gap"]);
}
