//! What tasks behind a load balancer need: ingress rules, ports, and a service that moves to its target group.

use aws_sdk_ec2::types::{IpPermission, IpRange};
use aws_sdk_ecs::types::{PortMapping, TransportProtocol};
use fargate_stack::model::Resource;
use serde_json::{Value, json};

use super::Flow;
use crate::harness::World;

const STACK: &str = "
app: {name: webs}
alb:
  type: public
  allow: [203.0.113.0/24, '2001:db8::/32']
tasks:
  web:
    type: http
    image: http-test:latest
    domain: web.example.com
    container_port: 8080
    health_check: {port: 9000}
";
const TASKS: &str = "security_group.tasks";
const BALANCER: &str = "security_group.alb-public";
const SERVICE: &str = "service.web";

async fn flow() -> Flow {
    Flow::with(World::new(), STACK).await
}

/// A flow with everything that the service needs.
async fn ready() -> Flow {
    let mut flow = flow().await;
    flow.make_some(|address| address != SERVICE && !address.starts_with("dns_record")).await;
    flow
}

async fn id(flow: &Flow, want: &Resource) -> String {
    flow.seen(want).await.outputs["id"].clone()
}

async fn ingress(flow: &Flow, want: &Resource) -> Vec<IpPermission> {
    let id = id(flow, want).await;
    let described = flow.aws.ec2.describe_security_groups().group_ids(id).send().await.unwrap();
    described.security_groups()[0].ip_permissions().to_vec()
}

fn rule(port: i32, source: &str, description: Option<&str>) -> IpPermission {
    let range = IpRange::builder().cidr_ip(source).set_description(description.map(str::to_owned)).build();
    IpPermission::builder().ip_protocol("tcp").from_port(port).to_port(port).ip_ranges(range).build()
}

async fn allow(flow: &Flow, want: &Resource, rule: IpPermission) {
    let request = flow.aws.ec2.authorize_security_group_ingress().group_id(id(flow, want).await);
    request.ip_permissions(rule).send().await.unwrap();
}

fn ports(permissions: &[IpPermission]) -> Vec<i32> {
    let mut ports: Vec<i32> = permissions.iter().filter_map(IpPermission::from_port).collect();
    ports.sort_unstable();
    ports
}

async fn update(flow: &Flow, want: &Resource) {
    let seen = flow.seen(want).await;
    flow.driver(want).update(&want.at, &seen, flow.resolved(want)).await.unwrap();
}

/// What the next deployment of the service does.
fn next(flow: &Flow, script: &Value) {
    let mut script = script.clone();
    script["account"] = flow.world.account.clone().into();
    script["service"] = "web".into();
    flow.world.control("POST", "rollouts", &script);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_service_reads_back_as_it_was_wanted_and_is_made_once() {
    let mut flow = ready().await;
    flow.make_some(|address| address == SERVICE).await;
    let mine =
        |want: &&Resource| ["security_group", "task_definition", "service"].contains(&want.at.address.kind());
    for want in flow.wanted.iter().filter(mine) {
        flow.same(want, &flow.resolved(want)).await;
    }
    let service = flow.seen(&flow.want(SERVICE)).await;
    let group = &flow.known["target_group.web"]["arn"];
    let balancers = json!([{"name": "web", "container_port": 8080, "target_group": group}]);
    assert_eq!(service.attrs["load_balancers"], balancers);
    assert_eq!(service.attrs["health_check_grace_period"], 60);
    let definition = flow.seen(&flow.want("task_definition.web")).await;
    assert_eq!(definition.attrs["containers"][0]["ports"], json!([8080]));
    assert_eq!(definition.attrs["containers"][0]["other"], Value::Null);

    flow.world.forget_calls();
    for want in flow.wanted.iter().filter(mine) {
        update(&flow, want).await;
        assert_eq!(flow.effects().len(), 0, "{} changes although nothing differs", want.at.address);
    }
    let first = flow.known.clone();
    flow.make_some(|address| address == TASKS || address == BALANCER || address == SERVICE).await;
    assert_eq!(flow.known, first);
    for address in [SERVICE, TASKS] {
        let want = flow.want(address);
        let seen = flow.seen(&want).await;
        for _ in 0..2 {
            flow.driver(&want).delete(&want.at, &seen).await.unwrap();
            assert_eq!(flow.driver(&want).read(&want.at).await.unwrap(), None);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tasks_let_the_load_balancer_in_and_the_load_balancer_whoever_may() {
    let mut flow = flow().await;
    flow.make_some(|address| address.starts_with("security_group")).await;
    let tasks = ingress(&flow, &flow.want(TASKS)).await;
    assert_eq!(ports(&tasks), [8080, 9000]);
    let pair = &tasks[0].user_id_group_pairs()[0];
    assert_eq!(pair.group_id(), Some(flow.known[BALANCER]["id"].as_str()));
    assert_eq!(pair.description(), Some("fargate-stack: from security_group.alb-public"));
    let seen = flow.seen(&flow.want(BALANCER)).await;
    assert_eq!(
        seen.attrs["ingress"],
        json!({"tcp 80 from 2001:db8::/32": "2001:db8::/32", "tcp 80 from 203.0.113.0/24": "203.0.113.0/24"})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_somebody_added_stays_and_one_of_ours_that_nobody_wants_goes() {
    let mut flow = flow().await;
    flow.make_some(|address| address.starts_with("security_group")).await;
    let want = flow.want(TASKS);
    allow(&flow, &want, rule(22, "10.0.0.0/8", None)).await;
    allow(&flow, &want, rule(23, "10.0.0.0/8", Some("for fargate-stack"))).await;
    flow.same(&want, &flow.resolved(&want)).await;
    allow(&flow, &want, rule(24, "10.0.0.0/8", Some("fargate-stack: from a former load balancer"))).await;
    let seen = flow.seen(&want).await;
    assert_eq!(seen.attrs["ingress"]["tcp 24 from a former load balancer"], "10.0.0.0/8");
    update(&flow, &want).await;
    assert_eq!(ports(&ingress(&flow, &want).await), [22, 23, 8080, 9000]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_of_nobody_that_is_as_wanted_becomes_ours_and_is_never_taken_away() {
    let mut flow = flow().await;
    flow.make_some(|address| address.starts_with("security_group")).await;
    let want = flow.want(BALANCER);
    let id = id(&flow, &want).await;
    let revoke = flow.aws.ec2.revoke_security_group_ingress().group_id(&id);
    revoke.ip_permissions(rule(80, "203.0.113.0/24", None)).send().await.unwrap();
    allow(&flow, &want, rule(80, "203.0.113.0/24", Some("by hand"))).await;
    let seen = flow.seen(&want).await;
    assert_eq!(seen.attrs["ingress"], json!({"tcp 80 from 2001:db8::/32": "2001:db8::/32"}));
    flow.world.forget_calls();
    update(&flow, &want).await;
    flow.same(&want, &flow.resolved(&want)).await;
    let effects: Vec<String> = flow.effects().into_keys().collect();
    assert_eq!(effects, ["ec2:UpdateSecurityGroupRuleDescriptionsIngress"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_whose_load_balancer_was_made_anew_shows_both_and_keeps_the_new_one() {
    let mut flow = flow().await;
    flow.make_some(|address| address.starts_with("security_group")).await;
    let want = flow.want(TASKS);
    let old = rule(8080, "10.1.0.0/16", Some("fargate-stack: from security_group.alb-public"));
    allow(&flow, &want, old).await;
    let seen = flow.seen(&want).await;
    assert_eq!(seen.attrs["ingress"].as_object().unwrap().len(), 3, "{}", seen.attrs["ingress"]);
    update(&flow, &want).await;
    flow.same(&want, &flow.resolved(&want)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_whose_answer_is_lost_is_there_once() {
    for kind in ["timeout_after", "drop", "error500", "throttle"] {
        let mut flow = flow().await;
        flow.fault("ec2", "AuthorizeSecurityGroupIngress", kind);
        flow.make_some(|address| address.starts_with("security_group")).await;
        for address in [TASKS, BALANCER] {
            let want = flow.want(address);
            flow.same(&want, &flow.resolved(&want)).await;
        }
        assert_eq!(ports(&ingress(&flow, &flow.want(TASKS)).await), [8080, 9000], "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_becomes_a_web_service_in_place_when_its_new_tasks_run_and_back() {
    let flow = ready().await;
    let want = flow.want(SERVICE);
    let wanted = flow.resolved(&want);
    let mut daemon = wanted.clone();
    daemon["load_balancers"] = json!([]);
    daemon["health_check_grace_period"] = Value::Null;
    let driver = flow.driver(&want);
    let made = driver.create(&want.at, daemon.clone()).await.unwrap();
    let seen = flow.same(&want, &daemon).await;

    next(&flow, &json!({"outcome": "healthy", "after_s": 2.0}));
    let moved = driver.update(&want.at, &seen, wanted.clone()).await.unwrap();
    assert_eq!(moved["arn"], made["arn"]);
    assert_ne!(moved["deployment"], made["deployment"]);
    let described =
        flow.aws.ecs.describe_services().cluster("webs-cluster").services("web").send().await.unwrap();
    let primary = &described.services()[0].deployments()[0];
    assert_eq!(primary.id(), Some(moved["deployment"].as_str()));
    assert_eq!(
        primary.rollout_state().map(aws_sdk_ecs::types::DeploymentRolloutState::as_str),
        Some("COMPLETED")
    );
    let seen = flow.same(&want, &wanted).await;

    driver.update(&want.at, &seen, daemon.clone()).await.unwrap();
    flow.same(&want, &daemon).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_whose_tasks_fail_behind_the_load_balancer_says_why() {
    let flow = ready().await;
    let want = flow.want(SERVICE);
    let mut daemon = flow.resolved(&want);
    daemon["load_balancers"] = json!([]);
    daemon["health_check_grace_period"] = Value::Null;
    let driver = flow.driver(&want);
    driver.create(&want.at, daemon).await.unwrap();
    let seen = flow.seen(&want).await;
    next(&flow, &json!({"outcome": "crash"}));
    let error = driver.update(&want.at, &seen, flow.resolved(&want)).await.unwrap_err();
    assert!(error.message.contains("`web` did not move to its target group: "), "{error}");
    assert!(error.message.contains("circuit breaker"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_group_that_ecs_does_not_see_behind_its_load_balancer_yet_is_waited_for() {
    let mut flow = ready().await;
    let group = &flow.known["target_group.web"]["arn"];
    let message =
        format!("The target group with targetGroupArn {group} does not have an associated load balancer.");
    let fault = json!({
        "account": flow.world.account, "service": "ecs", "operation": "CreateService", "nth": 1, "count": 2,
        "kind": "error", "code": "InvalidParameterException", "message": message
    });
    flow.world.control("POST", "faults", &fault);
    flow.make_some(|address| address == SERVICE).await;
    let want = flow.want(SERVICE);
    flow.same(&want, &flow.resolved(&want)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_somebody_mapped_in_another_way_shows() {
    let mut flow = ready().await;
    let want = flow.want("task_definition.web");
    let described = flow.aws.ecs.describe_task_definition().task_definition("web").send().await.unwrap();
    let definition = described.task_definition().unwrap();
    let mut container = definition.container_definitions()[0].clone();
    let udp = PortMapping::builder().container_port(53).protocol(TransportProtocol::Udp).build();
    container.port_mappings.get_or_insert_default().push(udp);
    let request = flow.aws.ecs.register_task_definition().family("web").container_definitions(container);
    let request = request
        .cpu(definition.cpu().unwrap())
        .memory(definition.memory().unwrap())
        .network_mode(definition.network_mode().unwrap().clone())
        .requires_compatibilities(aws_sdk_ecs::types::Compatibility::Fargate)
        .execution_role_arn(definition.execution_role_arn().unwrap());
    request.send().await.unwrap();
    let seen = flow.seen(&want).await;
    let container = &seen.attrs["containers"][0];
    assert_eq!(container["ports"], json!([8080]));
    assert!(container["other"]["portMappings"].as_str().unwrap().contains("53"), "{container}");
    update(&flow, &want).await;
    flow.make_some(|address| address == "task_definition.web").await;
    flow.same(&want, &flow.resolved(&want)).await;
}
