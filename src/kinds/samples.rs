//! Stacks for tests.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use crate::config;
use crate::model::{Image, ImageOrigin};
use crate::stack::facts::{BalancerFact, CertificateFact, Existing, ListenerFact, TaskImage, WebFacts};
use crate::stack::web::{OwnCertificate, Scheme, SharedBalancer, Zone};
use crate::stack::{
    Deployment, Facts, Names, Placement, Provenance, Runs, ServiceRun, Stack, StackTask, Web,
};

const ACCOUNT: &str = "123456789012";
const REGION: &str = "eu-west-1";

/// Every sample, for laws.
pub fn all() -> Vec<Stack> {
    vec![one_off(), scheduled(), daemon(), multi(), china(), web(), shared()]
}

/// One task that runs only when asked.
pub fn one_off() -> Stack {
    stack("my-one-shot", [task("my-one-shot", Runs::OneOff, "helloworld")])
}

/// One task with a schedule.
pub fn scheduled() -> Stack {
    stack("my-cron-job", [task("my-cron-job", cron(), "helloworld")])
}

/// One task that runs all the time.
pub fn daemon() -> Stack {
    stack("my-daemon", [task("my-daemon", service(1), "helloworld")])
}

/// One of each, two schedules, a nested repository, a public image, secrets in two tasks.
pub fn multi() -> Stack {
    let mut web = task("worker", service(2), "team/worker");
    web.command = vec!["worker".to_owned(), "--verbose".to_owned()];
    web.environment = BTreeMap::from([("MODE".to_owned(), "production".to_owned())]);
    web.secrets = BTreeMap::from([("DB_PASSWORD".to_owned(), secret("db-password-a1b2c3"))]);
    let mut nightly = task("nightly", cron(), "helloworld");
    nightly.secrets = BTreeMap::from([
        ("API_KEY".to_owned(), secret("api-key-d4e5f6")),
        ("DB_PASSWORD".to_owned(), secret("db-password-a1b2c3")),
    ]);
    let hourly = task("hourly", Runs::Scheduled("rate(1 hour)".to_owned()), "helloworld");
    let mut public = task("migrate", Runs::OneOff, "");
    public.image = public_image("migrate", "docker.io/library/busybox:1.36");
    stack("multi-stack", [web, nightly, hourly, public])
}

/// Another partition, with public addresses.
pub fn china() -> Stack {
    let public = |task| StackTask { assign_public_ip: true, ..task };
    let daemon = task("fern-2", service(0), "fern");
    Stack {
        partition: "aws-cn".to_owned(),
        region: "cn-north-1".to_owned(),
        ..stack("fern", [public(task("fern", cron(), "fern")), public(daemon)])
    }
}

/// Two `https` services on a public load balancer of the stack's own, nothing made yet: one with a certificate of its own and a
/// health check on another port, one for a path with a certificate that somebody else has.
pub fn web() -> Stack {
    web_at(Scheme::Public)
}

/// The same on a load balancer of this scheme.
pub fn web_at(scheme: Scheme) -> Stack {
    const FILE: &str = "
app: {name: shop}
tags: {team: platform}
alb: {type: TYPE}
tasks:
  web:
    type: https
    image: helloworld:latest
    domain: [www.example.com, '*.shop.example.com']
    container_port: 8080
    stickiness: 3600
    health_check: {path: /health, port: 9000}
  api:
    type: https
    image: helloworld:latest
    domain: api.example.com
    path: ['/v1/*', /status]
";
    let subnets = ["subnet-1b", "subnet-1a"].map(str::to_owned).to_vec();
    let balancer =
        BalancerFact::Own { name: "shop-alb".to_owned(), arn: None, subnets, listeners: BTreeMap::new() };
    let kind = if scheme == Scheme::Public { "public" } else { "private" };
    web_stack(
        &FILE.replace("TYPE", kind),
        WebFacts {
            balancers: BTreeMap::from([(scheme, balancer)]),
            rules: places([("api", 100), ("web", 110)]),
            certificates: BTreeMap::from([
                ("*.shop.example.com".to_owned(), own_certificate()),
                ("api.example.com".to_owned(), CertificateFact::Found(certificate("11111111"))),
                ("www.example.com".to_owned(), own_certificate()),
            ]),
            zones: ["*.shop.example.com", "api.example.com", "www.example.com"]
                .map(|domain| ((domain.to_owned(), scheme), zone()))
                .into(),
            ..WebFacts::default()
        },
    )
}

/// A service over HTTP and one over HTTPS, on a public load balancer of somebody else, whose listener of port 80 does not redirect
/// and whose listener of port 443 has none of the certificates.
pub fn shared() -> Stack {
    const FILE: &str = "
app: {name: guest}
tags: {team: platform}
alb: {type: public}
tasks:
  plain:
    type: http
    image: helloworld:latest
    domain: plain.example.com
  secure:
    type: https
    image: helloworld:latest
    domain: [secure.example.com, new.example.com]
";
    let of = |kind: &str, id: &str| {
        format!("arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:{kind}/app/main/0123456789abcdef{id}")
    };
    let balancer = SharedBalancer {
        arn: of("loadbalancer", ""),
        name: "main".to_owned(),
        dns_name: "main-1.eu-west-1.elb.amazonaws.com".to_owned(),
        zone_id: "Z32O12XQLNTSW2".to_owned(),
        security_group: "sg-0main".to_owned(),
    };
    let listener = |id: &str, certificates: &[String]| ListenerFact {
        arn: of("listener", id),
        certificates: certificates.to_vec(),
        ..ListenerFact::default()
    };
    let listeners = BTreeMap::from([
        (80, listener("/0000000000000080", &[])),
        (443, listener("/0000000000000443", &[certificate("99999999")])),
    ]);
    let found = CertificateFact::Found(certificate("22222222"));
    web_stack(
        FILE,
        WebFacts {
            balancers: BTreeMap::from([(Scheme::Public, BalancerFact::Shared { balancer, listeners })]),
            rules: places([("plain", 130), ("secure", 140)]),
            redirects: places([("secure", 150)]),
            certificates: BTreeMap::from([
                ("new.example.com".to_owned(), own_certificate()),
                ("secure.example.com".to_owned(), found),
            ]),
            zones: ["new.example.com", "plain.example.com", "secure.example.com"]
                .map(|domain| ((domain.to_owned(), Scheme::Public), zone()))
                .into(),
            ..WebFacts::default()
        },
    )
}

fn places<const N: usize>(priorities: [(&str, i32); N]) -> BTreeMap<String, Existing> {
    priorities.map(|(task, priority)| (task.to_owned(), Existing { priority, arn: None })).into()
}

fn zone() -> Zone {
    Zone { id: "Z0EXAMPLE".to_owned(), name: "example.com".to_owned() }
}

fn certificate(id: &str) -> String {
    format!("arn:aws:acm:{REGION}:{ACCOUNT}:certificate/{id}-0000-4000-8000-000000000000")
}

fn own_certificate() -> CertificateFact {
    let own = OwnCertificate { arn: None, zone: zone(), validation: None, validated_elsewhere: false };
    CertificateFact::Own(own)
}

/// A stack of web services; target groups get their plain names.
fn web_stack(file: &str, web: WebFacts) -> Stack {
    let config = config::parse("fargate-stack.yml", file).unwrap();
    let keys = || config.tasks.keys().cloned();
    let subnets = vec!["subnet-0b".to_owned(), "subnet-0a".to_owned()];
    let placement = Placement { subnets, assign_public_ip: false };
    let groups = keys().map(|key| (key.clone(), crate::stack::target_group(&config, &key)));
    let image = |key: &str| task(key, Runs::OneOff, "helloworld").image;
    let facts = Facts {
        account: ACCOUNT.to_owned(),
        region: REGION.to_owned(),
        partition: "aws".to_owned(),
        vpc_id: "vpc-0a1b2c3d".to_owned(),
        placements: keys().map(|key| (key, placement.clone())).collect(),
        images: keys().map(|key| (key.clone(), image(&key))).collect(),
        web: WebFacts { target_groups: groups.collect(), ..web },
        ..Facts::default()
    };
    Stack::new(&config, facts)
}

fn service(desired_count: i32) -> Runs {
    let deployment = Deployment {
        minimum_healthy_percent: 100,
        maximum_percent: 200,
        circuit_breaker: true,
        rollback: true,
    };
    Runs::Service(ServiceRun { desired_count, deployment, web: None })
}

fn cron() -> Runs {
    Runs::Scheduled("cron(00 15 * * ? *)".to_owned())
}

fn secret(name: &str) -> String {
    format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{name}")
}

fn public_image(task: &str, reference: &str) -> TaskImage {
    let image = Image {
        task: task.to_owned(),
        image: reference.to_owned(),
        tag: None,
        digest: None,
        origin: ImageOrigin::Outside,
    };
    TaskImage { image, source: reference.to_owned(), repository_arn: None, commit: None }
}

/// A small task whose image is in the account's ECR.
pub fn task(key: &str, runs: Runs, repository: &str) -> StackTask {
    let digest = format!("sha256:{}", "0123456789abcdef".repeat(4));
    let image = Image {
        task: key.to_owned(),
        image: format!("{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{repository}@{digest}"),
        tag: Some("4f2a9c1".to_owned()),
        digest: Some(digest),
        origin: ImageOrigin::Pinned,
    };
    StackTask {
        key: key.to_owned(),
        runs,
        family: key.to_owned(),
        container: key.to_owned(),
        cpu: 256,
        memory: 512,
        cpu_architecture: "X86_64",
        subnets: vec!["subnet-0b".to_owned(), "subnet-0a".to_owned()],
        assign_public_ip: false,

        image: TaskImage {
            image,
            source: format!("{repository}:latest"),
            repository_arn: Some(format!("arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{repository}")),
            commit: Some("4f2a9c1".to_owned()),
        },
        command: Vec::new(),
        environment: BTreeMap::new(),
        secrets: BTreeMap::new(),
        execute_command: false,
        tags: BTreeMap::from([("team".to_owned(), "platform".to_owned())]),
    }
}

/// A stack of these tasks.
pub fn stack<const N: usize>(app: &str, tasks: [StackTask; N]) -> Stack {
    let names = Names {
        stack: app.to_owned(),
        cluster: format!("{app}-cluster"),
        log_group: format!("/ecs/{app}"),
        execution_role: format!("Fargate{app}Role"),
        execution_policy: format!("Fargate{app}Policy"),
        task_role: format!("Fargate{app}TaskRole"),
        task_policy: format!("Fargate{app}TaskPolicy"),
        events_role: format!("Events{app}Role"),
        events_policy: format!("Events{app}Policy"),
        security_group: format!("{app}-sg"),
        default_roles: [
            format!("Fargate{app}Role"),
            format!("Fargate{app}TaskRole"),
            format!("Events{app}Role"),
        ],
    };
    Stack {
        name: app.to_owned(),
        names,
        account: ACCOUNT.to_owned(),
        region: REGION.to_owned(),
        partition: "aws".to_owned(),
        vpc_id: "vpc-0a1b2c3d".to_owned(),
        log_retention_days: 14,
        tags: BTreeMap::from([("team".to_owned(), "platform".to_owned())]),
        provenance: Provenance::default(),
        web: Web::default(),
        warnings: Vec::new(),
        tasks: tasks.into_iter().map(|task| (task.key.clone(), task)).collect(),
    }
}
