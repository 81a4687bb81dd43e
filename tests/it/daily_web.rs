//! Web services by hand: what `status` and `tasks` show of them, and the zones of their domains.

use std::time::{Duration, Instant};

use aws_config::SdkConfig;
use aws_sdk_ecs::types::{
    AwsVpcConfiguration, Compatibility, ContainerDefinition, LaunchType, LoadBalancer, NetworkConfiguration,
    NetworkMode, PortMapping, Tag,
};
use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, LoadBalancerSchemeEnum, ProtocolEnum, TargetTypeEnum,
};
use serde_json::{Value, json};

use super::account::{block, sdk};
use super::harness::World;

const STACK: &str = "
app: {name: shop}
domain: [shop.example.com, www.example.com]
tasks:
  site: {type: https, image: 'http-test:latest', path: ['/', '/img/*'], container_port: 8080}
  inside: {type: http, image: 'http-test:latest', domain: inside.example.com}
  job: {image: 'helloworld:latest'}
";

/// Makes the service `site` of the stack behind a load balancer, with the given health of its targets; gives their port's ARN.
fn deployed(world: &World, health: &Value) {
    let seed = world.control("GET", &format!("seed?account={}", world.account), &Value::Null);
    let script =
        json!({"account": world.account, "service": "site", "outcome": "healthy", "target_health": health});
    world.control("POST", "rollouts", &script);
    block(make(&sdk(world), &seed));
}

async fn make(config: &SdkConfig, seed: &Value) {
    let (ecs, balancing) =
        (aws_sdk_ecs::Client::new(config), aws_sdk_elasticloadbalancingv2::Client::new(config));
    let text = |key: &str| seed[key].as_str().unwrap();
    let made = balancing.create_target_group().name("shop-site").protocol(ProtocolEnum::Http).port(8080);
    let made = made.vpc_id(text("vpc_id")).target_type(TargetTypeEnum::Ip).send().await.unwrap();
    let group = made.target_groups()[0].target_group_arn().unwrap().to_owned();
    let mut request =
        balancing.create_load_balancer().name("shop-alb").scheme(LoadBalancerSchemeEnum::InternetFacing);
    for index in [0, 1] {
        request = request.subnets(seed["public_subnets"][index].as_str().unwrap());
    }
    let balancer = request.send().await.unwrap().load_balancers()[0].load_balancer_arn().unwrap().to_owned();
    let forward = Action::builder().r#type(ActionTypeEnum::Forward).target_group_arn(&group).build();
    let listener = balancing.create_listener().load_balancer_arn(balancer).default_actions(forward);
    listener.protocol(ProtocolEnum::Http).port(80).send().await.unwrap();
    ecs.create_cluster().cluster_name("shop-cluster").send().await.unwrap();
    let container = ContainerDefinition::builder()
        .name("site")
        .image("public.ecr.aws/docker/library/nginx:1")
        .port_mappings(PortMapping::builder().container_port(8080).build());
    ecs.register_task_definition()
        .family("site")
        .requires_compatibilities(Compatibility::Fargate)
        .network_mode(NetworkMode::Awsvpc)
        .cpu("256")
        .memory("512")
        .container_definitions(container.build())
        .send()
        .await
        .unwrap();
    let mut vpc = AwsVpcConfiguration::builder().security_groups(text("default_security_group_id"));
    for index in [0, 1] {
        vpc = vpc.subnets(seed["private_subnets"][index].as_str().unwrap());
    }
    let network = NetworkConfiguration::builder().awsvpc_configuration(vpc.build().unwrap()).build();
    let behind = LoadBalancer::builder().target_group_arn(group).container_name("site").container_port(8080);
    ecs.create_service()
        .cluster("shop-cluster")
        .service_name("site")
        .task_definition("site")
        .launch_type(LaunchType::Fargate)
        .desired_count(2)
        .network_configuration(network)
        .load_balancers(behind.build())
        .tags(Tag::builder().key("fargate-stack:stack").value("shop").build())
        .send()
        .await
        .unwrap();
}

/// The status document once both targets are known.
fn looked(world: &World) -> Value {
    let started = Instant::now();
    loop {
        let status = world.run(&["status", "site", "--format", "json"]).expect(0).json();
        let web = &status["services"][0]["web"];
        let count = |zone: &Value| {
            ["healthy", "unhealthy"].iter().filter_map(|state| zone[*state].as_u64()).sum::<u64>()
        };
        if web["zones"].as_array().unwrap().iter().map(count).sum::<u64>() == 2 {
            return status;
        }
        assert!(started.elapsed() < Duration::from_mins(1), "{status:#}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn the_status_of_a_web_service_tells_its_addresses_and_its_healthy_targets() {
    let world = World::with(STACK);
    deployed(&world, &json!({"state": "healthy"}));
    let status = looked(&world);
    let web = &status["services"][0]["web"];
    assert_eq!(
        web["urls"],
        json!([
            "https://shop.example.com/",
            "https://shop.example.com/img/*",
            "https://www.example.com/",
            "https://www.example.com/img/*"
        ])
    );
    assert_eq!(web["load_balancer"]["name"], "shop-alb");
    assert_eq!(web["load_balancer"]["scheme"], "internet-facing");
    assert_eq!((&web["target_group"], &web["targets"]), (&json!("shop-site"), &json!([])));
    for zone in web["zones"].as_array().unwrap() {
        assert!(zone["zone"].as_str().unwrap().starts_with("us-east-1"), "{zone}");
        assert_eq!((&zone["unhealthy"], &zone["unused"]), (&json!(0), &json!(0)));
    }
    let page = world.run(&["status"]).expect(0).stdout;
    for part in ["https://www.example.com/img/*", "shop-alb, internet-facing", "targets in", "not deployed"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("unavailable"), "{page}");
}

#[test]
fn targets_that_are_not_healthy_are_told_one_by_one_with_the_reason() {
    let world = World::with(STACK);
    deployed(
        &world,
        &json!({"state": "unhealthy", "reason": "Target.Timeout", "description": "Request timed out"}),
    );
    let status = looked(&world);
    let targets = status["services"][0]["web"]["targets"].as_array().unwrap();
    assert_eq!(targets.len(), 2, "{targets:#?}");
    for target in targets {
        assert!(target["target"].as_str().unwrap().ends_with(":8080"), "{target}");
        assert_eq!((&target["state"], &target["reason"]), (&json!("unhealthy"), &json!("Target.Timeout")));
    }
    let page = world.run(&["status", "site"]).expect(0).stdout;
    assert!(page.contains("Target.Timeout, Request timed out"), "{page}");
    // Who may not read it still sees the rest.
    world.control(
        "POST",
        "faults",
        &json!({"account": world.account, "operation": "DescribeTargetHealth", "count": 9, "kind": "access_denied"}),
    );
    let page = world.run(&["status", "site"]).expect(0).stdout;
    assert!(page.contains("the health of the targets is unknown"), "{page}");
    assert!(page.contains("https://shop.example.com/img/*"), "{page}");
}

#[test]
fn the_tasks_of_the_file_tell_domains_paths_and_ports() {
    let world = World::with(STACK);
    let document = world.run(&["tasks", "--format", "json"]).expect(0).json();
    let task = |key: &str| {
        document["tasks"].as_array().unwrap().iter().find(|task| task["task"] == key).unwrap().clone()
    };
    assert_eq!(
        task("inside")["web"],
        json!({"urls": ["http://inside.example.com"], "domains": ["inside.example.com"], "paths": [], "container_port": 80})
    );
    assert_eq!(task("job")["web"], Value::Null);
    let page = world.run(&["tasks"]).expect(0).stdout;
    let row = page.lines().find(|line| line.trim_start().starts_with("site ")).unwrap();
    let words: Vec<&str> = row.split_whitespace().collect();
    assert_eq!(words[..2], ["site", "https"]);
    for part in ["shop.example.com, www.example.com", "/, /img/*", "8080"] {
        assert!(row.contains(part), "{row}");
    }
    assert!(world.calls().is_empty(), "AWS was asked");
}

#[test]
fn a_web_service_that_is_not_there_yet_is_named_as_any_other_service() {
    let world = World::with(STACK);
    for (words, told) in [
        (vec!["scale", "site", "3"], "`fargate-stack deploy-service site` creates it"),
        (vec!["redeploy", "inside"], "`fargate-stack deploy-service inside` creates it"),
        (vec!["logs", "sit"], "did you mean `site`?"),
        (vec!["stop-service", "--yes"], "name one of the 2 services"),
    ] {
        let run = world.run(&words).expect(2);
        assert!(run.stderr.contains(told), "{words:?}: {}", run.stderr);
    }
    let run = world.run(&["delete-http-service", "site", "--yes"]).expect(0);
    assert!(run.stdout.contains("it is not deployed; nothing to do"), "{}", run.stdout);
    assert_eq!(world.mutations(), [""; 0]);
}

#[test]
fn a_web_service_is_stopped_removed_and_deployed_again_without_what_is_around_it() {
    let world = World::with(
        "app: {name: inner}\ndomain: inner.example.com\ntasks: {site: {type: http, image: 'http-test:latest'}}\n",
    );
    let early = world.run(&["deploy-service", "site"]).expect(2);
    for needed in ["target_group.site", "listener_rule.site", "cluster.main"] {
        assert!(early.stderr.contains(needed), "{needed}: {}", early.stderr);
    }
    assert_eq!(world.mutations(), [""; 0]);
    world.run(&["apply", "--yes"]).expect(0);
    let status = world.run(&["status", "--format", "json"]).expect(0).json();
    let web = &status["services"][0]["web"];
    assert_eq!(web["urls"], json!(["http://inner.example.com"]));
    assert_eq!(
        (&web["load_balancer"]["name"], &web["load_balancer"]["scheme"]),
        (&json!("inner-alb"), &json!("internal"))
    );

    let stopped = world.run(&["stop-service", "site", "--yes"]).expect(0);
    assert!(stopped.stdout.contains("the code 503"), "{}", stopped.stdout);
    world.run(&["start-service", "site"]).expect(0);
    world.forget_calls();
    world.run(&["remove-service", "site", "--yes"]).expect(0);
    world.run(&["deploy-service", "site"]).expect(0);
    let others: Vec<String> =
        world.mutations().into_iter().filter(|call| !call.starts_with("ecs:")).collect();
    assert_eq!(others, [""; 0]);
    let plan = world.run(&["plan", "--detailed-exitcode"]);
    assert_eq!(plan.code, 0, "{}", plan.stdout);
}

#[test]
fn a_rollout_that_the_load_balancer_does_not_find_healthy_names_the_keys_of_the_stack_file() {
    let world = World::with(
        "app: {name: sick}\ndomain: sick.example.com\ntasks:\n  site:\n    type: http\n    image: 'http-test:latest'\n    \
         container_port: 8080\n    health_check: {path: /up, matcher: 200-299, grace_period_seconds: 90}\n",
    );
    world.run(&["apply", "--yes"]).expect(0);
    let script = |outcome: &str, health: &Value| {
        let script =
            json!({"account": world.account, "service": "site", "outcome": outcome, "target_health": health});
        world.control("POST", "rollouts", &script);
    };
    script(
        "healthy",
        &json!({"state": "unhealthy", "reason": "Target.Timeout", "description": "Request timed out"}),
    );
    let silent = world.run(&["redeploy", "site", "--timeout", "6s"]).expect(4);
    let told = format!("{}{}", silent.stdout, silent.stderr);
    for part in [
        "elb-health-check",
        // The apply made the rule.
        "the security groups let the load balancer in, so let the program listen on 0.0.0.0:8080",
        "`tasks.site.health_check.timeout_seconds` (`5` now)",
        "`tasks.site.health_check.grace_period_seconds` (90 now)",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    script(
        "unhealthy",
        &json!({"state": "unhealthy", "reason": "Target.ResponseCodeMismatch",
        "description": "Health checks failed with these codes: [404]"}),
    );
    let wrong = world.run(&["redeploy", "site"]).expect(4);
    let told = format!("{}{}", wrong.stdout, wrong.stderr);
    for part in ["`GET /up` on port 8080 with 200-299", "`tasks.site.health_check.path` (`/up` now)"] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[test]
fn one_more_task_of_a_web_service_needs_no_load_balancer() {
    let world = World::with(STACK);
    let run = world.run(&["run-task", "site", "--force"]).expect(125);
    assert!(run.stderr.contains("it has no task definition of `site`"), "{}", run.stderr);
    let asked: Vec<String> =
        world.calls().iter().map(|call| call["service"].as_str().unwrap().to_owned()).collect();
    for service in ["elasticloadbalancing", "acm", "route53"] {
        assert!(!asked.iter().any(|one| one == service), "{service} was asked: {asked:?}");
    }
    assert!(asked.iter().any(|service| service == "ecs"), "{asked:?}");
}

#[test]
fn hosted_zones_are_listed_with_who_sees_them() {
    let world = World::with(STACK);
    let seed = world.control("GET", &format!("seed?account={}", world.account), &Value::Null);
    block(async {
        let dns = aws_sdk_route53::Client::new(&sdk(&world));
        for name in ["zones.test", "other.test"] {
            dns.create_hosted_zone().name(name).caller_reference(name).send().await.unwrap();
        }
        let vpc = aws_sdk_route53::types::Vpc::builder()
            .vpc_id(seed["vpc_id"].as_str().unwrap())
            .vpc_region(aws_sdk_route53::types::VpcRegion::UsEast1);
        let request = dns.create_hosted_zone().name("in.zones.test").caller_reference("in").vpc(vpc.build());
        let private = aws_sdk_route53::types::HostedZoneConfig::builder().private_zone(true).build();
        request.hosted_zone_config(private).send().await.unwrap();
    });
    let all = world.run(&["list-zones", "--format", "json"]).expect(0).json();
    let names: Vec<&str> =
        all["zones"].as_array().unwrap().iter().map(|zone| zone["name"].as_str().unwrap()).collect();
    assert!(["in.zones.test", "other.test", "zones.test"].iter().all(|name| names.contains(name)), "{all:#}");
    let fit = world.run(&["list-zones", "app.in.zones.test", "--format", "json"]).expect(0).json();
    let zones = fit["zones"].as_array().unwrap();
    assert_eq!(zones.len(), 2, "{zones:#?}");
    assert_eq!((&zones[0]["name"], &zones[0]["private"]), (&json!("in.zones.test"), &json!(true)));
    assert_eq!(zones[0]["vpcs"], json!([{"id": seed["vpc_id"], "region": "us-east-1"}]));
    assert_eq!((&zones[1]["name"], &zones[1]["private"]), (&json!("zones.test"), &json!(false)));
    assert!(!zones[1]["id"].as_str().unwrap().contains('/'), "{zones:#?}");
    let page = world.run(&["list-zones", "nowhere.invalid"]).expect(0).stdout;
    assert!(page.contains("none"), "{page}");
}
