//! What `App::FargateStack` 1.1.0 does wrong and must never happen here. Each test is named after what must hold.

use aws_sdk_ecs::types::TaskDefinitionStatus;
use serde_json::Value;

use super::account::{block, holds, sdk};
use super::harness::World;
use super::inspect::{
    actions, allowed, change, image, latest, publish, push, recorded, repository, secret, statements, targets,
};

const SCHEDULED: &str = "
app:
  name: reports
tasks:
  daily:
    image: helloworld:latest
    schedule: rate(1 day)
";

fn apply(stack: &str) -> World {
    let world = World::with(stack);
    world.run(&["apply", "--yes"]).expect(0);
    world
}

#[track_caller]
fn nothing_to_do(world: &World) {
    let plan = world.run(&["plan", "--format", "json", "--detailed-exitcode"]).expect(0).json();
    assert!(actions(&plan).is_empty(), "{plan:#}");
}

/// B1: the tag was appended a second time.
#[test]
fn a_short_image_name_with_a_tag_gets_its_tag_once() {
    let world = World::new();
    let digest = push(&world, "helloworld", "v1.2");
    let outside = publish("public.ecr.aws", "nginx/nginx", "1.27");
    world.write(
        "fargate-stack.yml",
        "{app: {name: tags}, tasks: {own: {image: 'helloworld:v1.2'}, public: {image: 'public.ecr.aws/nginx/nginx:1.27'}}}",
    );
    world.run(&["apply", "--yes"]).expect(0);
    let registry = format!("{}.dkr.ecr.us-east-1.amazonaws.com", world.account);
    assert_eq!(image(&world, "own"), format!("{registry}/helloworld@{digest}"));
    let (_, tags) = latest(&world, "own");
    assert_eq!(tags["fargate-stack:image-tag"], "v1.2");
    assert_eq!(tags["fargate-stack:image-source"], "helloworld:v1.2");
    assert_eq!(image(&world, "public"), format!("public.ecr.aws/nginx/nginx@{outside}"));
}

/// B5: an option that means "do nothing" did everything.
#[test]
fn an_option_that_apply_does_not_know_makes_no_call() {
    let world = World::with(SCHEDULED);
    for option in ["--dryrun", "--dry-run", "--no-update"] {
        let run = world.run(&["apply", "--yes", option]).expect(2);
        assert!(run.stderr.contains(option), "{}", run.stderr);
    }
    assert_eq!(world.calls(), Vec::<Value>::new());
}

/// B6: a look-up that the stack does not need ended the command.
#[test]
fn a_stack_without_http_tasks_is_destroyed_and_destroy_needs_no_look_up() {
    let world = World::with(
        "{app: {name: gone}, tasks: {job: {image: 'helloworld:latest', secrets: ['helloworld/api-key:KEY']}}}",
    );
    let before = holds(&world);
    world.run(&["apply", "--yes"]).expect(0);
    block(async {
        let ecr = aws_sdk_ecr::Client::new(&sdk(&world));
        ecr.delete_repository().repository_name("helloworld").force(true).send().await.unwrap();
        let secrets = aws_sdk_secretsmanager::Client::new(&sdk(&world));
        secrets
            .delete_secret()
            .secret_id("helloworld/api-key")
            .force_delete_without_recovery(true)
            .send()
            .await
            .unwrap();
    });
    world.run(&["plan"]).expect(2);
    world.forget_calls();
    world.run(&["destroy", "--yes"]).expect(0);
    assert_eq!(holds(&world), before);
    for service in ["ecr", "secretsmanager", "route53"] {
        assert!(world.calls().iter().all(|call| call["service"] != service), "destroy asked {service}");
    }
}

/// B8: revisions stayed for ever.
#[test]
fn every_revision_of_a_removed_task_is_deregistered_and_the_other_tasks_keep_theirs() {
    let stack =
        |job: &str| format!("{{app: {{name: old}}, tasks: {{stays: {{image: 'helloworld:latest'}}{job}}}}}");
    let world = apply(&stack(", job: {image: 'helloworld:latest', size: tiny}"));
    world.write("fargate-stack.yml", &stack(", job: {image: 'helloworld:latest', size: small}"));
    world.run(&["apply", "--yes"]).expect(0);
    world.write("fargate-stack.yml", &stack(""));
    let plan = world.run(&["plan", "--format", "json"]).expect(0).json();
    assert_eq!(
        actions(&plan).into_iter().collect::<Vec<_>>(),
        [("task_definition.job".to_owned(), "delete".to_owned())]
    );
    world.run(&["apply", "--yes"]).expect(0);
    nothing_to_do(&world);
    let active = block(async {
        let ecs = aws_sdk_ecs::Client::new(&sdk(&world));
        let listed = ecs.list_task_definitions().status(TaskDefinitionStatus::Active).send().await.unwrap();
        listed.task_definition_arns().to_vec()
    });
    let [only] = active.as_slice() else { panic!("{active:?}") };
    assert!(only.ends_with(":task-definition/stays:1"), "{only}");
}

/// B9: the first apply failed, and the target was put again by every later one.
#[test]
fn a_schedule_is_applied_at_once_without_a_plan_and_the_next_plan_is_clean() {
    let world = apply(SCHEDULED);
    let [target] = targets(&world, "daily-schedule").try_into().unwrap();
    let role = format!("arn:aws:iam::{}:role/EventsReportsRole", world.account);
    assert_eq!(target.role_arn(), Some(role.as_str()));
    nothing_to_do(&world);
    world.forget_calls();
    world.run(&["apply", "--yes"]).expect(0);
    assert_eq!(world.mutations(), Vec::<String>::new());
}

/// B10: a changed target was removed first and lost its ARN.
#[test]
fn a_changed_scheduled_task_moves_its_target_in_place_so_that_no_run_is_missed() {
    let world = apply(SCHEDULED);
    let [before] = targets(&world, "daily-schedule").try_into().unwrap();
    world.write("fargate-stack.yml", &SCHEDULED.replace("rate(1 day)", "rate(1 day)\n    size: small"));
    world.forget_calls();
    world.run(&["apply", "--yes"]).expect(0);
    let made = world.mutations();
    assert_eq!(made, ["ecs:RegisterTaskDefinition", "events:PutTargets"]);
    let [after] = targets(&world, "daily-schedule").try_into().unwrap();
    assert_eq!((after.id(), after.arn(), after.role_arn()), (before.id(), before.arn(), before.role_arn()));
    let revision = |target: &aws_sdk_eventbridge::types::Target| {
        target.ecs_parameters().unwrap().task_definition_arn().rsplit_once(':').unwrap().1.to_owned()
    };
    assert_eq!((revision(&before), revision(&after)), ("1".to_owned(), "2".to_owned()));
    assert_eq!(
        before.ecs_parameters().unwrap().network_configuration(),
        after.ecs_parameters().unwrap().network_configuration()
    );
}

/// B11: the events role could start one of the tasks only, and hand over only one of the two roles.
#[test]
fn the_events_role_may_start_every_scheduled_task_and_pass_both_roles() {
    let world = apply(
        "
app: {name: many}
tasks:
  zeta: {image: 'helloworld:latest', schedule: rate(1 hour)}
  alpha: {image: 'helloworld:latest', schedule: rate(2 hours), family: other-family}
  manual: {image: 'helloworld:latest'}
",
    );
    let statements = statements(&world, "EventsManyRole", "EventsManyPolicy");
    let (account, region) = (&world.account, "us-east-1");
    let family = |name: &str| format!("arn:aws:ecs:{region}:{account}:task-definition/{name}:*");
    assert_eq!(allowed(&statements, "ecs:RunTask"), [family("other-family"), family("zeta")]);
    let role = |name: &str| format!("arn:aws:iam::{account}:role/{name}");
    assert_eq!(allowed(&statements, "iam:PassRole"), [role("FargateManyRole"), role("FargateManyTaskRole")]);
    // The permission is for the roles that the definition really names.
    let (definition, _) = latest(&world, "zeta");
    assert_eq!(definition.execution_role_arn(), Some(role("FargateManyRole").as_str()));
    assert_eq!(definition.task_role_arn(), Some(role("FargateManyTaskRole").as_str()));
}

/// B12: the singular was rejected, although it is what AWS wants.
#[test]
fn a_rate_of_one_is_taken_in_the_singular_and_refused_in_the_plural() {
    for unit in ["minute", "hour", "day"] {
        let world = World::with(&SCHEDULED.replace("1 day", &format!("1 {unit}")));
        world.run(&["apply", "--yes"]).expect(0);
        let [rule] = recorded(&world, "events:PutRule").try_into().unwrap();
        assert_eq!(rule["ScheduleExpression"], format!("rate(1 {unit})"));
        world.write("fargate-stack.yml", &SCHEDULED.replace("1 day", &format!("1 {unit}s")));
        world.run(&["validate"]).expect(2);
    }
}

/// B19: a name found every secret that starts with it, and the policies had the last task's secrets only.
#[test]
fn a_secret_is_found_by_its_whole_name_and_all_tasks_secrets_reach_the_execution_role_alone() {
    let world = World::new();
    let longer = secret(&world, "db/password-old", "x");
    let password = secret(&world, "db/password", "x");
    let token = secret(&world, "api/token", "x");
    world.write(
        "fargate-stack.yml",
        "
app: {name: secrets}
tasks:
  one: {image: 'helloworld:latest', secrets: ['db/password:PASSWORD']}
  three: {image: 'helloworld:latest'}
  two: {image: 'helloworld:latest', secrets: ['api/token']}
",
    );
    world.run(&["apply", "--yes"]).expect(0);
    let held = |family: &str| -> Vec<(String, String)> {
        let (definition, _) = latest(&world, family);
        let secrets = definition.container_definitions()[0].secrets().to_vec();
        secrets.iter().map(|secret| (secret.name().to_owned(), secret.value_from().to_owned())).collect()
    };
    assert_eq!(held("one"), [("PASSWORD".to_owned(), password.clone())]);
    assert_eq!(held("two"), [("TOKEN".to_owned(), token.clone())]);
    assert_eq!(held("three"), []);
    let execution = statements(&world, "FargateSecretsRole", "FargateSecretsPolicy");
    let mut both = [password, token];
    both.sort();
    assert_eq!(allowed(&execution, "secretsmanager:GetSecretValue"), both);
    assert!(!format!("{execution:?}").contains(&longer));
    let task = statements(&world, "FargateSecretsTaskRole", "FargateSecretsTaskPolicy");
    assert!(!format!("{task:?}").contains("secretsmanager"), "{task:?}");
    nothing_to_do(&world);
}

/// B20: every text but the empty one counted as true.
#[test]
fn false_is_false() {
    let world = apply(
        "
app: {name: booleans}
assign_public_ip: true
tasks:
  open: {type: daemon, image: 'helloworld:latest'}
  closed: {type: daemon, image: 'helloworld:latest', assign_public_ip: false}
",
    );
    let mut ips: Vec<(Value, Value)> = recorded(&world, "ecs:CreateService")
        .iter()
        .map(|call| {
            (
                call["serviceName"].clone(),
                call["networkConfiguration"]["awsvpcConfiguration"]["assignPublicIp"].clone(),
            )
        })
        .collect();
    ips.sort_by_key(|(name, _)| name.to_string());
    assert_eq!(ips, [("closed".into(), "DISABLED".into()), ("open".into(), "ENABLED".into())]);
    for text in ["\"false\"", "no-way", "0"] {
        world.write(
            "fargate-stack.yml",
            &format!("{{app: {{name: x}}, assign_public_ip: {text}, tasks: {{a: {{image: a}}}}}}"),
        );
        let run = world.run(&["validate"]).expect(2);
        assert!(run.stderr.contains("assign_public_ip"), "{text}: {}", run.stderr);
    }
}

/// B23: only the last part of the name and only the tag `latest` were looked at.
#[test]
fn a_nested_repository_keeps_its_whole_name_and_its_own_tag() {
    let world = World::new();
    repository(&world, "team/app");
    repository(&world, "app");
    let wanted = push(&world, "team/app", "v2");
    let decoys =
        [push(&world, "team/app", "latest"), push(&world, "app", "v2"), push(&world, "app", "latest")];
    assert!(!decoys.contains(&wanted));
    publish("public.ecr.aws", "team/app", "v3");
    world.write(
        "fargate-stack.yml",
        "{app: {name: nested}, tasks: {short: {image: 'team/app:v2'}, public: {image: 'public.ecr.aws/team/app:v3'}}}",
    );
    world.run(&["apply", "--yes"]).expect(0);
    let registry = format!("{}.dkr.ecr.us-east-1.amazonaws.com", world.account);
    assert_eq!(image(&world, "short"), format!("{registry}/team/app@{wanted}"));
    let execution = statements(&world, "FargateNestedRole", "FargateNestedPolicy");
    let repository = format!("arn:aws:ecr:us-east-1:{}:repository/team/app", world.account);
    assert_eq!(allowed(&execution, "ecr:BatchGetImage"), [repository]);
    world.write(
        "fargate-stack.yml",
        &format!("{{app: {{name: nested}}, tasks: {{short: {{image: '{registry}/team/app:v2'}}}}}}"),
    );
    let plan = world.run(&["plan", "--format", "json"]).expect(0).json();
    assert_eq!(plan["images"][0]["digest"], wanted.as_str());
}

/// B27: a role that the file names with its ARN was taken to exist.
#[test]
fn a_role_that_the_file_names_with_an_arn_is_made_when_it_does_not_exist() {
    let world = World::new();
    let arn = format!("arn:aws:iam::{}:role/hand-named", world.account);
    world.write(
        "fargate-stack.yml",
        &format!("{{app: {{name: roles}}, role: {{name: hand-named, arn: '{arn}'}}, tasks: {{job: {{image: 'helloworld:latest'}}}}}}"),
    );
    let plan = world.run(&["plan", "--format", "json"]).expect(0).json();
    let role = change(&plan, "iam_role.execution");
    assert_eq!((&role["action"], &role["physical_name"]), (&"create".into(), &"hand-named".into()));
    world.run(&["apply", "--yes"]).expect(0);
    assert!(recorded(&world, "iam:CreateRole").iter().any(|call| call["RoleName"] == "hand-named"));
    assert!(!statements(&world, "hand-named", "FargateRolesPolicy").is_empty());
    assert_eq!(latest(&world, "job").0.execution_role_arn(), Some(arn.as_str()));
    nothing_to_do(&world);
}

/// B28: policies came in the order of a hash, so that equal plans differed.
#[test]
fn two_plans_of_one_state_are_equal_byte_for_byte() {
    let world = World::new();
    let tasks = ["gamma", "alpha", "delta", "beta", "epsilon"].map(|name| {
        repository(&world, &format!("team/{name}"));
        push(&world, &format!("team/{name}"), "latest");
        let secret = secret(&world, &format!("{name}/key"), "x");
        format!(
            "  {name}: {{image: team/{name}, schedule: rate(1 hour), secrets: ['{secret}:KEY'], environment: {{B: '1', A: '2'}}}}\n"
        )
    });
    world.write("fargate-stack.yml", &format!("app: {{name: equal}}\ntasks:\n{}", tasks.concat()));
    let twice = |format: &str| {
        let [one, two] = [(); 2].map(|()| world.run(&["plan", "--format", format]).expect(0).stdout);
        assert_eq!(one, two);
    };
    twice("json");
    twice("markdown");
    world.run(&["apply", "--yes"]).expect(0);
    twice("json");
    nothing_to_do(&world);
}
