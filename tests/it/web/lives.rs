//! Plan, apply, plan again, release, destroy: for every example with web services.

use super::super::harness::World;
use super::super::inspect::push;
use super::super::stacks::{applied_as_planned, example};
use super::state;

fn whole_life_of(name: &str, expected: &[&str]) {
    let world = World::with(&example(name));
    let before = state(&world);
    applied_as_planned(&world, expected);
    insta::assert_snapshot!(format!("applied_{name}"), state(&world).join("\n"));

    let commit = "0123456789abcdef0123456789abcdef01234567";
    push(&world, "http-test", commit);
    push(&world, "helloworld", commit);
    let released = world.run(&["release", "--image-tag", commit, "--yes"]).expect(0);
    assert!(released.stdout.contains("released in"), "{}", released.stdout);
    world.run(&["plan", "--image-tag", commit, "--detailed-exitcode"]).expect(0);

    world.run(&["destroy", "--yes"]).expect(0);
    assert_eq!(state(&world), before, "destroy did not leave the account as it was");
}

#[test]
fn the_http_example_lives_and_goes() {
    whole_life_of(
        "http",
        &[
            "create cluster.main (http-test-cluster)",
            "create dns_record.http-test.example.com-internal (http-test.example.com)",
            "create iam_role.execution (FargateHttpTestRole)",
            "create iam_role.task (FargateHttpTestTaskRole)",
            "create listener.internal-80 (80)",
            "create listener_rule.http-test (http-test)",
            "create load_balancer.internal (http-test-alb)",
            "create log_group.main (/ecs/http-test)",
            "create security_group.alb-internal (http-test-alb-sg)",
            "create security_group.tasks (http-test-sg)",
            "create service.http-test (http-test)",
            "create target_group.http-test (http-test-tg)",
            "create task_definition.http-test (http-test)",
        ],
    );
}

#[test]
fn the_https_example_lives_and_goes() {
    whole_life_of(
        "https",
        &[
            "create certificate.https-test.example.com (https-test.example.com)",
            "create cluster.main (https-test-cluster)",
            "create dns_record.https-test.example.com (https-test.example.com)",
            "create dns_record.https-test.example.com-validation ()",
            "create iam_role.execution (FargateHttpsTestRole)",
            "create iam_role.task (FargateHttpsTestTaskRole)",
            "create listener.public-443 (443)",
            "create listener.public-80 (80)",
            "create listener_rule.https-test (https-test)",
            "create load_balancer.public (https-test-alb)",
            "create log_group.main (/ecs/https-test)",
            "create security_group.alb-public (https-test-alb-sg)",
            "create security_group.tasks (https-test-sg)",
            "create service.https-test (https-test)",
            "create target_group.https-test (https-test-tg)",
            "create task_definition.https-test (https-test)",
        ],
    );
}

#[test]
fn the_multi_example_lives_and_goes() {
    whole_life_of(
        "multi",
        &[
            "create certificate.shop.example.com (shop.example.com)",
            "create cluster.main (shop-cluster)",
            "create dns_record.shop.example.com (shop.example.com)",
            "create dns_record.shop.example.com-validation ()",
            "create iam_role.events (EventsShopRole)",
            "create iam_role.execution (FargateShopRole)",
            "create iam_role.task (FargateShopTaskRole)",
            "create listener.public-443 (443)",
            "create listener.public-80 (80)",
            "create listener_rule.api (api)",
            "create listener_rule.web (web)",
            "create load_balancer.public (shop-alb)",
            "create log_group.main (/ecs/shop)",
            "create schedule.nightly (nightly-schedule)",
            "create security_group.alb-public (shop-alb-sg)",
            "create security_group.tasks (shop-sg)",
            "create service.api (api)",
            "create service.mailer (mailer)",
            "create service.web (web)",
            "create target_group.api (shop-api-tg)",
            "create target_group.web (shop-web-tg)",
            "create task_definition.api (api)",
            "create task_definition.mailer (mailer)",
            "create task_definition.nightly (nightly)",
            "create task_definition.web (web)",
        ],
    );
}
