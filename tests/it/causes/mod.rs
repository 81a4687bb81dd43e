//! Every class of failures from its evidence, made by the local AWS where it can make it.

#![allow(clippy::large_futures, reason = "a test holds many calls")]

mod scenarios;
mod targets;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant};

use aws_sdk_ecs::types::{
    AwsVpcConfiguration, Compatibility, ContainerDefinition, DeploymentAlarms, DeploymentCircuitBreaker,
    DeploymentConfiguration, HealthCheck, LaunchType, LoadBalancer, LogConfiguration, LogDriver,
    NetworkConfiguration, NetworkMode, PortMapping, Secret, Service, ServiceDeployment, Task,
};
use aws_sdk_elasticloadbalancingv2::types::{Action, ActionTypeEnum, Matcher, ProtocolEnum, TargetTypeEnum};
use fargate_stack::aws::Aws;
use fargate_stack::config;
use fargate_stack::model::{Cause, RolloutOutcome};
use fargate_stack::release::diagnose::{Evidence, ROWS, diagnose};
use fargate_stack::release::evidence::{Suspect, explain, explain_not_placed};
use fargate_stack::render::{Style, cause_text};
use fargate_stack::stack::Names;
use serde_json::{Value, json};

use crate::harness::World;
use crate::kinds::clients;
use scenarios::{LINES, Play, Scenario};

const CLUSTER: &str = "causes";
const LOGS: &str = "/ecs/causes";
const STACK: &str = "
app:
  name: causes
tasks:
  app:
    type: daemon
    image: shop:1
";

/// An account with a cluster, a log group and a load balancer.
struct Stage {
    world: World,
    aws: Aws,
    names: Names,
    seed: Value,
    balancer: String,
    /// How many listeners it has.
    listeners: AtomicI32,
    /// A subnet from which nothing leads out.
    isolated: String,
}

impl Stage {
    async fn new() -> Self {
        let world = World::new();
        let aws = clients(&world.account);
        let seed = world.control("GET", &format!("seed?account={}", world.account), &Value::Null);
        let names = Names::new(&config::parse("fargate-stack.yml", STACK).unwrap());
        aws.ecs.create_cluster().cluster_name(CLUSTER).send().await.unwrap();
        aws.logs.create_log_group().log_group_name(LOGS).send().await.unwrap();
        let balancer = balancer(&aws, &seed).await;
        let isolated = isolated(&aws, &seed).await;
        Self { world, aws, names, seed, balancer, listeners: AtomicI32::new(0), isolated }
    }

    /// Registers the task definition of a scenario: `app`, which is essential, and `helper`, which is not.
    async fn definition(&self, family: &str) {
        let account = &self.world.account;
        let log = || {
            LogConfiguration::builder()
                .log_driver(LogDriver::Awslogs)
                .options("awslogs-group", LOGS)
                .options("awslogs-region", "us-east-1")
                .options("awslogs-stream-prefix", "ecs")
                .build()
                .unwrap()
        };
        let check = HealthCheck::builder().command("CMD-SHELL").command("curl -f localhost").build().unwrap();
        let secret = format!("arn:aws:secretsmanager:us-east-1:{account}:secret:shop/db-AbCdEf");
        let app = ContainerDefinition::builder()
            .name("app")
            .image(format!("{account}.dkr.ecr.us-east-1.amazonaws.com/shop:1"))
            .essential(true)
            .command("serve")
            .command("--colour")
            .port_mappings(PortMapping::builder().container_port(80).build())
            .health_check(check)
            .secrets(Secret::builder().name("DB").value_from(secret).build().unwrap())
            .log_configuration(log());
        let helper = ContainerDefinition::builder()
            .name("helper")
            .image("public.ecr.aws/docker/library/busybox:1")
            .essential(false)
            .log_configuration(log());
        self.aws
            .ecs
            .register_task_definition()
            .family(family)
            .requires_compatibilities(Compatibility::Fargate)
            .network_mode(NetworkMode::Awsvpc)
            .cpu("256")
            .memory("512")
            .execution_role_arn(format!("arn:aws:iam::{account}:role/FargateCausesRole"))
            .container_definitions(app.build())
            .container_definitions(helper.build())
            .send()
            .await
            .unwrap();
    }

    fn script(&self, subject: &str, name: &str, script: &Value) {
        let mut script = script.clone();
        script["account"] = self.world.account.clone().into();
        script[subject] = name.into();
        self.world.control("POST", "rollouts", &script);
    }

    fn network(&self, isolated: bool) -> NetworkConfiguration {
        let private = self.seed["private_subnets"][0].as_str().unwrap();
        let vpc = AwsVpcConfiguration::builder()
            .subnets(if isolated { &self.isolated } else { private })
            .security_groups(self.seed["default_security_group_id"].as_str().unwrap());
        NetworkConfiguration::builder().awsvpc_configuration(vpc.build().unwrap()).build()
    }

    /// Creates the service of a scenario; its first deployment.
    async fn service(&self, scenario: &Scenario) -> String {
        let breaker = DeploymentCircuitBreaker::builder().enable(true).rollback(false).build();
        let mut settings = DeploymentConfiguration::builder().deployment_circuit_breaker(breaker);
        let mut request = self
            .aws
            .ecs
            .create_service()
            .cluster(CLUSTER)
            .service_name(scenario.class)
            .task_definition(scenario.class)
            .launch_type(LaunchType::Fargate)
            .desired_count(1)
            .network_configuration(self.network(scenario.class == "image-pull-timeout"));
        if scenario.class == "deployment-deadlock" {
            settings = settings.minimum_healthy_percent(100).maximum_percent(150);
        }
        let mut listener = None;
        match scenario.play {
            Play::Balanced(_) => {
                let (group, made) = self.target_group(scenario.class).await;
                listener = Some(made);
                let balancer = LoadBalancer::builder().target_group_arn(group);
                request = request.load_balancers(balancer.container_name("app").container_port(80).build());
                request = request.health_check_grace_period_seconds(45);
            }
            Play::Watched(_) => {
                let alarms = DeploymentAlarms::builder().alarm_names("errors").enable(true).rollback(false);
                settings = settings.alarms(alarms.build().unwrap());
            }
            _ => {}
        }
        let made = request.deployment_configuration(settings.build()).send().await.unwrap();
        // ECS takes no target group that no listener forwards to, so it must have been taken away later.
        if let Some(arn) = listener.filter(|_| ["target-unused", "group"].contains(&scenario.class)) {
            self.aws.balancing.delete_listener().listener_arn(arn).send().await.unwrap();
        }
        made.service().unwrap().deployments()[0].id().unwrap().to_owned()
    }

    /// A target group of its own, behind a listener of the load balancer.
    async fn target_group(&self, name: &str) -> (String, String) {
        let made = self
            .aws
            .balancing
            .create_target_group()
            .name(name)
            .protocol(ProtocolEnum::Http)
            .port(80)
            .vpc_id(self.seed["vpc_id"].as_str().unwrap())
            .target_type(TargetTypeEnum::Ip)
            .health_check_path("/up")
            .matcher(Matcher::builder().http_code("200-299").build());
        let group = made.send().await.unwrap().target_groups()[0].target_group_arn().unwrap().to_owned();
        let forward = Action::builder().r#type(ActionTypeEnum::Forward).target_group_arn(&group).build();
        let listener = self.aws.balancing.create_listener().load_balancer_arn(&self.balancer);
        let port = 8000 + self.listeners.fetch_add(1, Ordering::Relaxed);
        let listener = listener.default_actions(forward).protocol(ProtocolEnum::Http).port(port);
        let made = listener.send().await.unwrap();
        (group, made.listeners()[0].listener_arn().unwrap().to_owned())
    }

    async fn look(&self, service: &str) -> Service {
        let answer =
            self.aws.ecs.describe_services().cluster(CLUSTER).services(service).send().await.unwrap();
        answer.services().first().unwrap().clone()
    }

    async fn record(&self, service: &Service) -> Option<ServiceDeployment> {
        let listed = self.aws.ecs.list_service_deployments().cluster(CLUSTER);
        let listed = listed.service(service.service_name().unwrap()).send().await.unwrap();
        let first = listed.service_deployments().last()?.service_deployment_arn()?;
        let request = self.aws.ecs.describe_service_deployments().service_deployment_arns(first);
        request.send().await.unwrap().service_deployments().first().cloned()
    }

    /// Waits for what the scenario is about, and lets it be explained.
    async fn cause(&self, scenario: &Scenario, deployment: &str) -> Cause {
        let started = Instant::now();
        let told = match &scenario.play {
            Play::Service(script) => script["event"].as_str().unwrap_or("deployment failed"),
            Play::Balanced(script) if script["outcome"] == "healthy" => "registered 1 targets",
            _ => "deployment failed",
        };
        let stuck = ["slow-start", "superseded"].contains(&scenario.class);
        let service = loop {
            let service = self.look(scenario.class).await;
            let newer = service.deployments()[0].id() != Some(deployment);
            let pending = service.pending_count() > 0;
            let heard = service.events().iter().any(|event| event.message().unwrap().contains(told));
            if if stuck { newer || (pending && scenario.class == "slow-start") } else { heard } {
                break service;
            }
            assert!(started.elapsed() < Duration::from_mins(1), "{}: {:?}", scenario.class, service.events());
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        let record = self.record(&service).await;
        let outcome = match scenario.class {
            "superseded" => RolloutOutcome::Superseded,
            "slow-start" | "going" => RolloutOutcome::TimedOut,
            _ => RolloutOutcome::Failed,
        };
        let suspect = Suspect {
            names: &self.names,
            key: scenario.class,
            cluster: CLUSTER,
            service: Some(scenario.class),
            deployment: Some(deployment),
            since: service.created_at().unwrap().as_secs_f64(),
            record: record.as_ref(),
            tasks: Vec::new(),
            outcome,
        };
        explain(&self.aws, suspect).await
    }

    async fn start(&self, family: &str) -> (Vec<Task>, Vec<aws_sdk_ecs::types::Failure>) {
        let request = self.aws.ecs.run_task().cluster(CLUSTER).task_definition(family);
        let request = request.launch_type(LaunchType::Fargate).network_configuration(self.network(false));
        let answer = request.send().await.unwrap();
        (answer.tasks().to_vec(), answer.failures().to_vec())
    }

    /// Runs a task to its end, and lets that be explained.
    async fn run(&self, scenario: &Scenario) -> Cause {
        let (tasks, failures) = self.start(scenario.class).await;
        if let Play::NotPlaced(_) = scenario.play {
            return explain_not_placed(&self.aws, &self.names, scenario.class, &failures).await;
        }
        let started = Instant::now();
        let arn = tasks[0].task_arn().unwrap();
        let task = loop {
            let seen = self.aws.ecs.describe_tasks().cluster(CLUSTER).tasks(arn).send().await.unwrap();
            let task = seen.tasks()[0].clone();
            if task.last_status() == Some("STOPPED") {
                break task;
            }
            assert!(started.elapsed() < Duration::from_mins(1), "{task:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        let suspect = Suspect {
            names: &self.names,
            key: scenario.class,
            cluster: CLUSTER,
            service: None,
            deployment: None,
            since: 0.0,
            record: None,
            tasks: vec![task],
            outcome: RolloutOutcome::Failed,
        };
        explain(&self.aws, suspect).await
    }

    /// Text without what differs from run to run.
    fn settings(&self) -> insta::Settings {
        let mut settings = insta::Settings::clone_current();
        settings.add_filter(&self.world.account, "[account]");
        settings.add_filter(r"[0-9a-f]{32}", "[task]");
        settings.add_filter(r"ecs-svc/\d+", "ecs-svc/[id]");
        settings.add_filter(r"(subnet|nat|eni|rtb|igw|sg)-[0-9a-f]{8,17}", "$1-[id]");
        settings.add_filter(r"service-deployment/causes/([a-z-]+)/\S+", "service-deployment/causes/$1/[id]");
        settings.add_filter(r"(task \[task\] is RUNNING), .*", "$1, [steps]");
        settings.add_filter(r"placed in \d+ s", "placed in [n] s");
        settings.add_filter(r"\d+ free addresses", "[n] free addresses");
        settings.add_filter(r"(targetgroup/[a-z-]+)/[0-9a-f]+", "$1/[id]");
        settings.add_filter(r"\d+ of \d+ failed tasks", "[n] of [n] failed tasks");
        settings.add_filter(r"\b\d+ tasks? (stopped|failed)", "[n] tasks $1");
        settings
    }
}

async fn balancer(aws: &Aws, seed: &Value) -> String {
    let group = aws.ec2.create_security_group().group_name("causes-alb").description("of the load balancer");
    let group = group.vpc_id(seed["vpc_id"].as_str().unwrap()).send().await.unwrap();
    let mut request = aws.balancing.create_load_balancer().name("causes");
    request = request.security_groups(group.group_id().unwrap());
    for index in [0, 1] {
        request = request.subnets(seed["public_subnets"][index].as_str().unwrap());
    }
    request.send().await.unwrap().load_balancers()[0].load_balancer_arn().unwrap().to_owned()
}

/// A subnet with a route table of its own, which leads nowhere.
async fn isolated(aws: &Aws, seed: &Value) -> String {
    let vpc = seed["vpc_id"].as_str().unwrap();
    let blocks = aws.ec2.describe_vpcs().vpc_ids(vpc).send().await.unwrap();
    let block = blocks.vpcs()[0].cidr_block().unwrap().to_owned();
    let [a, b] = [0, 1].map(|place| block.split('.').nth(place).unwrap());
    let made = aws.ec2.create_subnet().vpc_id(vpc).cidr_block(format!("{a}.{b}.250.0/24"));
    let made = made.availability_zone("us-east-1a").send().await.unwrap();
    let subnet = made.subnet().unwrap().subnet_id().unwrap().to_owned();
    let table = aws.ec2.create_route_table().vpc_id(vpc).send().await.unwrap();
    let table = table.route_table().unwrap().route_table_id().unwrap().to_owned();
    aws.ec2.associate_route_table().route_table_id(table).subnet_id(&subnet).send().await.unwrap();
    subnet
}

/// What the evidence of a scenario without a local AWS is completed with.
fn words(scenario: &Scenario, given: &Value) -> Evidence {
    let mut evidence: Evidence = serde_json::from_value(given.clone()).unwrap();
    scenario.class.clone_into(&mut evidence.key);
    "us-east-1".clone_into(&mut evidence.region);
    evidence.service = Some(scenario.class.to_owned());
    evidence
}

#[test]
fn every_row_has_a_scenario_and_every_scenario_its_row_in_the_same_order() {
    let rows: Vec<&str> = ROWS.iter().map(|row| row.class).collect();
    let played: Vec<&str> = scenarios::all().iter().map(|scenario| scenario.class).collect();
    assert_eq!(rows, played);
    assert_eq!(rows.iter().collect::<BTreeSet<_>>().len(), rows.len(), "a class is there twice");
    let page = include_str!("../../../docs/reference/causes.md");
    for row in ROWS {
        let kebab = row.class.chars().all(|c| c.is_ascii_lowercase() || c == '-');
        assert!(kebab, "`{}` is not in kebab case", row.class);
        assert!(page.contains(&format!("## {}\n", row.class)), "`{}` is not documented", row.class);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_class_is_recognised_with_its_container_log_and_remedy() {
    let stage = Stage::new().await;
    let scenarios = scenarios::all();
    // All begin before the first is waited for, so that they go on side by side.
    let mut deployments = Vec::new();
    for scenario in &scenarios {
        let made = match &scenario.play {
            Play::Service(script) | Play::Balanced(script) | Play::Watched(script) => {
                stage.definition(scenario.class).await;
                stage.script("service", scenario.class, script);
                stage.service(scenario).await
            }
            Play::Run(script) => {
                stage.definition(scenario.class).await;
                stage.script("task", scenario.class, script);
                String::new()
            }
            Play::NotPlaced(reason) => {
                stage.definition(scenario.class).await;
                let mut script = reason.clone();
                script["outcome"] = "capacity".into();
                stage.script("task", scenario.class, &script);
                String::new()
            }
            Play::Words(_) => String::new(),
        };
        deployments.push(made);
    }
    let mut wrong = Vec::new();
    for (scenario, deployment) in scenarios.iter().zip(&deployments) {
        let cause = match &scenario.play {
            Play::Service(_) | Play::Balanced(_) | Play::Watched(_) => {
                stage.cause(scenario, deployment).await
            }
            Play::Run(_) | Play::NotPlaced(_) => stage.run(scenario).await,
            Play::Words(given) => diagnose(&words(scenario, given)),
        };
        let log: Vec<&str> = cause.log.iter().map(String::as_str).collect();
        let fits = cause.class == scenario.class
            && cause.container.as_deref().unwrap_or_default() == scenario.container
            && cause.remedy.contains(scenario.remedy)
            && (!scenario.logs || log == LINES);
        if !fits {
            wrong.push(format!("{}: {cause:#?}", scenario.class));
            continue;
        }
        stage.settings().bind(|| {
            insta::assert_snapshot!(scenario.class, cause_text(&cause, Style::PLAIN));
        });
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_told_among_the_evidence() {
    let stage = Stage::new().await;
    let scenario = Scenario {
        class: "refused",
        play: Play::Service(json!({ "outcome": "crash", "exit_code": 1, "log": ["x"] })),
        container: "",
        remedy: "",
        logs: false,
    };
    let Play::Service(script) = &scenario.play else { unreachable!() };
    stage.definition(scenario.class).await;
    stage.script("service", scenario.class, script);
    let deployment = stage.service(&scenario).await;
    for (service, operation) in
        [("logs", "GetLogEvents"), ("ecs", "ListTasks"), ("ecs", "DescribeTaskDefinition")]
    {
        let fault = json!({
            "account": stage.world.account, "service": service, "operation": operation, "count": 50, "kind": "access_denied"
        });
        stage.world.control("POST", "faults", &fault);
    }
    let cause = stage.cause(&scenario, &deployment).await;
    let told = cause.evidence.join("\n");
    for part in [
        "the stopped tasks could not be read: ecs:ListTasks refused",
        "the task definition could not be read",
    ] {
        assert!(told.contains(part), "{told}");
    }
}
