//! Every field that a web service has: changed, planned as expected, applied, and then there is nothing left to do.

use super::super::harness::World;
use super::super::stacks::{listed, promises_kept};
use super::shared::{balancer, issued};
use super::state;

/// The stack that is changed.
const BASE: &str = "\
app: {name: shop}
domain: shop.example.com
tasks:
  web:
    type: https
    image: http-test:latest
";

/// What it is about, the stack file after the change, and what the plan says.
struct Row {
    what: &'static str,
    stack: String,
    plan: &'static [&'static str],
}

fn task(what: &'static str, key: &str, plan: &'static [&'static str]) -> Row {
    Row { what, stack: format!("{BASE}    {key}\n"), plan }
}

fn top(what: &'static str, key: &str, plan: &'static [&'static str]) -> Row {
    Row { what, stack: format!("{key}\n{BASE}"), plan }
}

fn other(what: &'static str, from: &str, to: &str, plan: &'static [&'static str]) -> Row {
    assert!(BASE.contains(from));
    Row { what, stack: BASE.replace(from, to), plan }
}

/// `action address` of everything that is not kept.
fn doing(world: &World) -> (Vec<String>, serde_json::Value) {
    let plan = world.run(&["plan", "--format", "json"]).expect(0).json();
    let mut lines: Vec<String> = listed(&plan)
        .iter()
        .filter(|line| !line.starts_with("keep "))
        .map(|line| line.split(" (").next().unwrap().to_owned())
        .collect();
    lines.sort();
    (lines, plan)
}

fn rows() -> Vec<Row> {
    const GROUP: &[&str] = &["update target_group.web"];
    const SERVICE: &[&str] = &["update service.web"];
    /// Another target group, and the traffic moves when the new tasks are healthy.
    const NEW_GROUP: &[&str] = &[
        "create target_group.web",
        "delete target_group.web",
        "replace listener_rule.web",
        "update service.web",
    ];
    vec![
        task("health check path", "health_check: {path: /health}", GROUP),
        task(
            "health check port",
            "health_check: {port: 8081}",
            &["update security_group.tasks", "update target_group.web"],
        ),
        task("health check matcher", "health_check: {matcher: 200-299}", GROUP),
        task("health check interval", "health_check: {interval_seconds: 10}", GROUP),
        task("health check timeout", "health_check: {timeout_seconds: 4}", GROUP),
        task("healthy threshold", "health_check: {healthy_threshold_count: 2}", GROUP),
        task("unhealthy threshold", "health_check: {unhealthy_threshold_count: 3}", GROUP),
        task("grace period", "health_check: {grace_period_seconds: 90}", SERVICE),
        task("deregistration delay", "deregistration_delay: 5", GROUP),
        task("stickiness", "stickiness: true", GROUP),
        task("stickiness for an hour", "stickiness: 3600", GROUP),
        task("minimum healthy percent", "deployment: {minimum_healthy_percent: 50}", SERVICE),
        task("maximum percent", "deployment: {maximum_percent: 300}", SERVICE),
        task("circuit breaker", "deployment: {circuit_breaker: false}", SERVICE),
        task("rollback", "deployment: {rollback: false}", SERVICE),
        task("path", "path: /app/*", &["update listener_rule.web"]),
        task("paths", "path: [/app, /app/*]", &["update listener_rule.web"]),
        task("priority", "priority: 7", &["update listener_rule.web"]),
        task("target group name", "target_group_name: other", NEW_GROUP),
        task(
            "container port",
            "container_port: 8080",
            &[
                "create target_group.web",
                "delete target_group.web",
                "replace listener_rule.web",
                "update security_group.tasks",
                "update service.web",
                "update task_definition.web",
            ],
        ),
        task("size", "size: small", &["update service.web", "update task_definition.web"]),
        other(
            "another domain",
            "domain: shop.example.com",
            "domain: store.example.com",
            &[
                "create certificate.store.example.com",
                "create dns_record.store.example.com",
                "create dns_record.store.example.com-validation",
                "delete certificate.shop.example.com",
                "delete dns_record.shop.example.com",
                "delete dns_record.shop.example.com-validation",
                "update listener.public-443",
                "update listener_rule.web",
            ],
        ),
        other(
            "one more domain",
            "domain: shop.example.com",
            "domain: [shop.example.com, www.example.com]",
            &[
                "create certificate.www.example.com",
                "create dns_record.www.example.com",
                "create dns_record.www.example.com-validation",
                "update listener.public-443",
                "update listener_rule.web",
            ],
        ),
        other(
            "a wildcard domain",
            "domain: shop.example.com",
            "domain: '*.shop.example.com'",
            &[
                "create certificate._.shop.example.com",
                "create dns_record._.shop.example.com",
                "delete certificate.shop.example.com",
                "delete dns_record.shop.example.com",
                // One record validates both.
                "update dns_record._.shop.example.com-validation",
                "update listener.public-443",
                "update listener_rule.web",
            ],
        ),
        top(
            "port of the listener",
            "alb: {port: 8443}",
            &[
                "create listener.public-8443",
                "create listener_rule.web",
                "delete listener.public-443",
                "delete listener_rule.web",
                "update listener.public-80",
                "update security_group.alb-public",
            ],
        ),
        top(
            "no redirect",
            "alb: {redirect_80: false}",
            &["delete listener.public-80", "update security_group.alb-public"],
        ),
        top(
            "TLS policy",
            "alb: {ssl_policy: ELBSecurityPolicy-TLS13-1-2-2021-06}",
            &["update listener.public-443"],
        ),
        top("idle timeout", "alb: {idle_timeout: 120}", &["update load_balancer.public"]),
        top("who may connect", "alb: {allow: [203.0.113.0/24]}", &["update security_group.alb-public"]),
        other(
            "who can reach it",
            "domain: shop",
            "alb: {type: private}\ndomain: shop",
            &[
                "create dns_record.shop.example.com-internal",
                "create listener.internal-443",
                "create listener.internal-80",
                "create listener_rule.web",
                "create load_balancer.internal",
                "create target_group.web",
                "delete dns_record.shop.example.com",
                "delete listener.public-443",
                "delete listener.public-80",
                "delete listener_rule.web",
                "delete load_balancer.public",
                "delete target_group.web",
                "update security_group.alb-internal",
                "update security_group.tasks",
                "update service.web",
            ],
        ),
        other(
            "without TLS",
            "type: https",
            "type: http",
            &[
                "create dns_record.shop.example.com-internal",
                "create listener.internal-80",
                "create listener_rule.web",
                "create load_balancer.internal",
                "create target_group.web",
                "delete certificate.shop.example.com",
                "delete dns_record.shop.example.com",
                "delete dns_record.shop.example.com-validation",
                "delete listener.public-443",
                "delete listener.public-80",
                "delete listener_rule.web",
                "delete load_balancer.public",
                "delete target_group.web",
                "update security_group.alb-internal",
                "update security_group.tasks",
                "update service.web",
            ],
        ),
        top(
            "name of the load balancer's security group",
            "security_groups: {alb: {group_name: front}}",
            &[
                "create security_group.alb-public",
                "delete security_group.alb-public",
                "update load_balancer.public",
                "update security_group.tasks",
            ],
        ),
        top(
            "tags",
            "tags: {team: shop}",
            &[
                "update certificate.shop.example.com",
                "update cluster.main",
                "update iam_role.execution",
                "update iam_role.task",
                "update listener.public-443",
                "update listener.public-80",
                "update listener_rule.web",
                "update load_balancer.public",
                "update log_group.main",
                "update security_group.alb-public",
                "update security_group.tasks",
                "update service.web",
                "update target_group.web",
                "update task_definition.web",
            ],
        ),
        other(
            "without a load balancer",
            "type: https",
            "type: daemon",
            &[
                "delete certificate.shop.example.com",
                "delete dns_record.shop.example.com",
                "delete dns_record.shop.example.com-validation",
                "delete listener.public-443",
                "delete listener.public-80",
                "delete listener_rule.web",
                "delete load_balancer.public",
                "delete security_group.alb-public",
                "delete target_group.web",
                "update security_group.tasks",
                "update service.web",
                "update task_definition.web",
            ],
        ),
        Row {
            what: "one more service",
            stack: format!("{BASE}  api: {{type: https, image: 'http-test:latest', path: /api/*}}\n"),
            plan: &[
                "create listener_rule.api",
                "create service.api",
                "create target_group.api",
                "create task_definition.api",
            ],
        },
    ]
}

/// Fields that name what somebody else made.
#[test]
fn a_field_that_names_something_of_others_changes_as_planned_and_back() {
    let world = World::with(BASE);
    world.run(&["apply", "--yes"]).expect(0);
    let certificate = issued(&world, "shop.example.com");
    let rows = |arn: &str| {
        [
            (
                format!("certificate_arn: '{certificate}'\n{BASE}"),
                vec![
                    "delete certificate.shop.example.com",
                    "delete dns_record.shop.example.com-validation",
                    "update listener.public-443",
                ],
            ),
            (
                format!("alb: {{arn: '{arn}'}}\ncertificate_arn: '{certificate}'\n{BASE}"),
                vec![
                    "create listener_rule.web",
                    "create listener_rule.web-redirect",
                    "create target_group.web",
                    "delete listener.public-443",
                    "delete listener.public-80",
                    "delete listener_rule.web",
                    "delete load_balancer.public",
                    "delete security_group.alb-public",
                    "delete target_group.web",
                    "update dns_record.shop.example.com",
                    "update security_group.tasks",
                    "update service.web",
                ],
            ),
            (
                format!(
                    "alb: {{arn: '{arn}'}}\ncertificate_arn: '{certificate}'\nroute53: {{records: false}}\n{BASE}"
                ),
                vec!["delete dns_record.shop.example.com"],
            ),
        ]
    };
    let arn = balancer(&world, "everybody", &certificate);
    let before: Vec<String> = state(&world).into_iter().filter(|line| line.contains("everybody")).collect();
    for (stack, expected) in rows(&arn) {
        world.write("fargate-stack.yml", &stack);
        let (lines, plan) = doing(&world);
        assert_eq!(lines, expected, "{stack}");
        world.forget_calls();
        world.run(&["apply", "--yes"]).expect(0);
        promises_kept(&world, &plan);
        let (left, _) = doing(&world);
        assert!(left.is_empty(), "{stack}: {left:?} is left to do");
    }
    world.write("fargate-stack.yml", &format!("alb: {{create: true}}\n{BASE}"));
    world.run(&["apply", "--yes"]).expect(0);
    let (left, _) = doing(&world);
    assert!(left.is_empty(), "{left:?} is left to do");
    let after: Vec<String> = state(&world).into_iter().filter(|line| line.contains("everybody")).collect();
    assert_eq!(after, before);
}

#[test]
fn every_field_of_a_web_service_changes_as_planned_and_then_nothing_is_left_to_do() {
    let rows = rows();
    std::thread::scope(|scope| {
        for part in rows.chunks(rows.len().div_ceil(4)) {
            scope.spawn(move || {
                let world = World::with(BASE);
                world.run(&["apply", "--yes"]).expect(0);
                let first = state(&world);
                for row in part {
                    world.write("fargate-stack.yml", &row.stack);
                    let (lines, plan) = doing(&world);
                    assert_eq!(lines, row.plan, "{}", row.what);
                    world.forget_calls();
                    world.run(&["apply", "--yes"]).expect(0);
                    promises_kept(&world, &plan);
                    let (left, _) = doing(&world);
                    assert!(left.is_empty(), "{}: {left:?} is left to do", row.what);
                    assert_ne!(state(&world), first, "{}: nothing is different", row.what);
                    // And back again.
                    world.write("fargate-stack.yml", BASE);
                    world.run(&["apply", "--yes"]).expect(0);
                    let (left, _) = doing(&world);
                    assert!(left.is_empty(), "{} and back: {left:?} is left to do", row.what);
                }
            });
        }
    });
}
