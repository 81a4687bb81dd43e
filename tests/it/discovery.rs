//! What is found in an account: VPC, subnets, images, secrets; and what is said when it is not there.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{Tag, VpcEndpointType};
use serde_json::Value;

use super::account::{block, sdk};
use super::harness::{Run, World};
use super::inspect::{change, push, recorded, repository, text, warnings};

const STACK: &str = "app: {name: found}\ntasks:\n  run: {type: daemon, image: 'helloworld:latest'}\n";

/// An account without any network, with an image, and a stack with these keys added.
fn bare(keys: &str) -> World {
    let world = World::seeded("empty");
    repository(&world, "helloworld");
    push(&world, "helloworld", "latest");
    world.write("fargate-stack.yml", &format!("{keys}\n{STACK}"));
    world
}

/// A VPC that is built by hand.
struct Land {
    ec2: Client,
    vpc: String,
    main: String,
}

impl Land {
    async fn new(world: &World, cidr: &str, name: &str) -> Self {
        let ec2 = Client::new(&sdk(world));
        let made = ec2.create_vpc().cidr_block(cidr).send().await.unwrap();
        let vpc = made.vpc().unwrap().vpc_id().unwrap().to_owned();
        let tag = Tag::builder().key("Name").value(name).build();
        ec2.create_tags().resources(&vpc).tags(tag).send().await.unwrap();
        let tables = ec2.describe_route_tables().send().await.unwrap();
        let own = |table: &&aws_sdk_ec2::types::RouteTable| table.vpc_id() == Some(&vpc);
        let main = tables.route_tables().iter().find(own).unwrap().route_table_id().unwrap().to_owned();
        Self { ec2, vpc, main }
    }

    async fn gateway(&self) -> String {
        let made = self.ec2.create_internet_gateway().send().await.unwrap();
        let id = made.internet_gateway().unwrap().internet_gateway_id().unwrap().to_owned();
        self.ec2.attach_internet_gateway().internet_gateway_id(&id).vpc_id(&self.vpc).send().await.unwrap();
        id
    }

    async fn subnet(&self, cidr: &str, zone: &str) -> String {
        let request = self.ec2.create_subnet().vpc_id(&self.vpc).cidr_block(cidr);
        let made = request.availability_zone(format!("us-east-1{zone}")).send().await.unwrap();
        made.subnet().unwrap().subnet_id().unwrap().to_owned()
    }

    /// A route table of its own for these subnets.
    async fn table(&self, subnets: &[&String]) -> String {
        let made = self.ec2.create_route_table().vpc_id(&self.vpc).send().await.unwrap();
        let table = made.route_table().unwrap().route_table_id().unwrap().to_owned();
        for subnet in subnets {
            self.ec2.associate_route_table().route_table_id(&table).subnet_id(*subnet).send().await.unwrap();
        }
        table
    }

    async fn to_internet(&self, table: &str, gateway: &str) {
        let request = self.ec2.create_route().route_table_id(table).destination_cidr_block("0.0.0.0/0");
        request.gateway_id(gateway).send().await.unwrap();
    }

    async fn to_nat(&self, table: &str, subnet: &str) {
        let address = self.ec2.allocate_address().send().await.unwrap();
        let request = self.ec2.create_nat_gateway().subnet_id(subnet);
        let made = request.allocation_id(address.allocation_id().unwrap()).send().await.unwrap();
        let nat = made.nat_gateway().unwrap().nat_gateway_id().unwrap().to_owned();
        let request = self.ec2.create_route().route_table_id(table).destination_cidr_block("0.0.0.0/0");
        request.nat_gateway_id(nat).send().await.unwrap();
    }

    async fn endpoint(&self, service: &str, subnet: &str) {
        let request =
            self.ec2.create_vpc_endpoint().vpc_id(&self.vpc).vpc_endpoint_type(VpcEndpointType::Interface);
        let name = format!("com.amazonaws.us-east-1.{service}");
        request.service_name(name).subnet_ids(subnet).send().await.unwrap();
    }
}

/// One public subnet with a gateway, and two private ones behind a NAT gateway on the main route table.
async fn usual(world: &World, cidr: &str, name: &str) -> (Land, Vec<String>) {
    let land = Land::new(world, &format!("{cidr}.0.0/16"), name).await;
    let gateway = land.gateway().await;
    let open = land.subnet(&format!("{cidr}.0.0/24"), "a").await;
    let table = land.table(&[&open]).await;
    land.to_internet(&table, &gateway).await;
    let private = vec![
        land.subnet(&format!("{cidr}.1.0/24"), "a").await,
        land.subnet(&format!("{cidr}.2.0/24"), "b").await,
    ];
    land.to_nat(&land.main, &open).await;
    (land, private)
}

/// Runs a plan that must end with 2 and have changed nothing.
fn refused(world: &World) -> Run {
    world.forget_calls();
    let run = world.run(&["plan"]).expect(2);
    assert_eq!(run.stdout, "");
    assert_eq!(world.mutations(), Vec::<String>::new());
    run
}

#[track_caller]
fn says(run: &Run, parts: &[&str]) {
    for part in parts {
        assert!(run.stderr.contains(part), "`{part}` is not in:\n{}", run.stderr);
    }
}

/// The subnets that a plan's service gets, whether it gets public addresses, and the plan's warnings.
fn placed(world: &World) -> (Vec<String>, bool, String) {
    let plan = world.run(&["plan", "--format", "json"]).expect(0).json();
    let service = change(&plan, "service.run")["attributes"].as_array().unwrap().clone();
    let value = |path: &str| {
        let found = service.iter().filter(|one| one["path"].as_str().unwrap().starts_with(path));
        found.map(|one| one["after"].clone()).collect::<Vec<_>>()
    };
    let subnets = value("subnets").into_iter().flat_map(|after| match after {
        Value::Array(ids) => ids,
        single => vec![single],
    });
    let mut subnets: Vec<String> = subnets.map(|id| text(&id)).collect();
    subnets.sort();
    (subnets, value("assign_public_ip") == [true], warnings(&plan))
}

fn sorted<'a>(ids: impl IntoIterator<Item = &'a String>) -> Vec<String> {
    let mut ids: Vec<String> = ids.into_iter().cloned().collect();
    ids.sort();
    ids
}

#[test]
fn an_account_without_a_vpc_is_told_so() {
    let run = refused(&bare(""));
    says(&run, &["no VPC in us-east-1", "hint: create a VPC"]);
}

#[test]
fn of_two_vpcs_none_is_guessed_both_are_listed_and_vpc_id_settles_it() {
    let world = bare("");
    let (one, two, subnets) = block(async {
        let (one, _) = usual(&world, "10.1", "blue").await;
        let (two, subnets) = usual(&world, "10.2", "green").await;
        let closed = Land::new(&world, "10.3.0.0/16", "closed").await;
        assert_ne!(closed.vpc, one.vpc);
        (one.vpc, two.vpc, subnets)
    });
    let run = refused(&world);
    says(&run, &[&one, &two, "10.1.0.0/16", "blue", "10.2.0.0/16", "green", "`vpc_id`"]);
    assert!(
        !run.stderr.contains("closed"),
        "a VPC without internet gateway is no candidate:\n{}",
        run.stderr
    );

    world.write("fargate-stack.yml", &format!("vpc_id: {two}\n{STACK}"));
    let (found, public, _) = placed(&world);
    assert_eq!((found, public), (sorted(&subnets), false));

    world.write("fargate-stack.yml", &format!("vpc_id: vpc-0123456789abcdef0\n{STACK}"));
    says(&refused(&world), &["fargate-stack.yml:1:9", "vpc-0123456789abcdef0", &one, &two]);
}

#[test]
fn a_vpc_without_an_internet_gateway_is_used_only_when_it_is_named() {
    let world = bare("");
    let vpc = block(async { Land::new(&world, "10.1.0.0/16", "closed").await.vpc });
    says(&refused(&world), &["internet gateway", &vpc, "vpc_id"]);
}

#[test]
fn subnets_without_a_route_table_of_their_own_have_the_main_one() {
    let world = bare("");
    let private = block(async { usual(&world, "10.1", "usual").await.1 });
    let (found, public, warnings) = placed(&world);
    assert_eq!((found, public), (sorted(&private), false));
    assert!(!warnings.contains("subnets"), "{warnings}");
}

#[test]
fn isolated_subnets_are_used_when_every_endpoint_is_there_and_refused_otherwise() {
    let world = bare("");
    let (land, isolated) = block(async {
        let land = Land::new(&world, "10.1.0.0/16", "isolated").await;
        land.gateway().await;
        let isolated = vec![land.subnet("10.1.1.0/24", "a").await, land.subnet("10.1.2.0/24", "b").await];
        for service in ["ecr.api", "ecr.dkr", "logs"] {
            land.endpoint(service, &isolated[0]).await;
        }
        (land.vpc, isolated)
    });
    says(&refused(&world), &[&land, &isolated[0], &isolated[1], "s3"]);
    block(async {
        let ec2 = Client::new(&sdk(&world));
        let tables = ec2.describe_route_tables().send().await.unwrap();
        let main = tables.route_tables().iter().find(|table| table.vpc_id() == Some(&land)).unwrap();
        let request = ec2.create_vpc_endpoint().vpc_id(&land).vpc_endpoint_type(VpcEndpointType::Gateway);
        let request = request.service_name("com.amazonaws.us-east-1.s3");
        request.route_table_ids(main.route_table_id().unwrap()).send().await.unwrap();
    });
    let (found, public, _) = placed(&world);
    assert_eq!((found, public), (sorted(&isolated), false));

    // A secret is one more thing to reach.
    super::inspect::secret(&world, "db", "x");
    world.write("fargate-stack.yml", &STACK.replace("latest'", "latest', secrets: [db]"));
    says(&refused(&world), &["secretsmanager"]);
}

#[test]
fn public_subnets_are_used_only_when_public_addresses_are_asked_for() {
    let world = bare("");
    let public = block(async {
        let land = Land::new(&world, "10.1.0.0/16", "open").await;
        let gateway = land.gateway().await;
        land.to_internet(&land.main, &gateway).await;
        vec![land.subnet("10.1.1.0/24", "a").await, land.subnet("10.1.2.0/24", "b").await]
    });
    says(&refused(&world), &["assign_public_ip: true", &public[0]]);
    world.write("fargate-stack.yml", &format!("assign_public_ip: true\n{STACK}"));
    let (found, public_ip, warnings) = placed(&world);
    assert_eq!((found, public_ip), (sorted(&public), true));
    assert!(!warnings.contains("subnet") && !warnings.contains("outside ECR"), "{warnings}");
    world.run(&["apply", "--yes"]).expect(0);
    let [call] = recorded(&world, "ecs:CreateService").try_into().unwrap();
    assert_eq!(call["networkConfiguration"]["awsvpcConfiguration"]["assignPublicIp"], "ENABLED");

    // The same subnets for a task without a public address would reach nothing.
    let keys = format!("subnets: {{private: [{}]}}", public[0]);
    world.write("fargate-stack.yml", &format!("{keys}\n{STACK}"));
    says(&refused(&world), &["is public", "fargate-stack.yml:1:"]);
}

#[test]
fn subnets_that_share_one_zone_are_a_warning_and_not_an_error() {
    let world = bare("");
    block(async {
        let land = Land::new(&world, "10.1.0.0/16", "narrow").await;
        let gateway = land.gateway().await;
        let open = land.subnet("10.1.0.0/24", "b").await;
        let table = land.table(&[&open]).await;
        land.to_internet(&table, &gateway).await;
        land.to_nat(&land.main, &open).await;
        land.subnet("10.1.1.0/24", "a").await;
        land.subnet("10.1.2.0/24", "a").await;
    });
    let (_, _, warnings) = placed(&world);
    assert!(warnings.contains("us-east-1a"), "{warnings}");
    let run = world.run(&["plan"]).expect(0);
    assert!(run.stdout.contains("they stop when that zone fails"), "{}", run.stdout);
}

#[test]
fn a_subnet_that_the_vpc_does_not_have_is_shown_in_its_line_with_those_that_it_has() {
    let world = bare("");
    let private = block(async { usual(&world, "10.1", "usual").await.1 });
    world.write(
        "fargate-stack.yml",
        &format!("subnets:\n  private:\n    - subnet-0123456789abcdef0\n{STACK}"),
    );
    says(&refused(&world), &["fargate-stack.yml:3:7", "subnet-0123456789abcdef0", &private[0], &private[1]]);
}

#[test]
fn everything_that_the_account_lacks_is_told_at_once() {
    let world = World::seeded("empty");
    repository(&world, "helloworld");
    push(&world, "helloworld", "v1");
    world.write(
        "fargate-stack.yml",
        "
app: {name: lacking}
tasks:
  one: {image: 'helloworld:v2'}
  two: {image: 'ACCOUNT.dkr.ecr.us-east-1.amazonaws.com/nowhere:v1'}
  three: {image: 'helloworld:v1', secrets: ['no/such/secret:KEY']}
"
        .replace("ACCOUNT", &world.account)
        .as_str(),
    );
    let run = refused(&world);
    says(
        &run,
        &[
            "no VPC in us-east-1",
            "`helloworld`",
            "tagged `v2`",
            "fargate-stack.yml:4:",
            "no ECR repository `nowhere`",
            "fargate-stack.yml:5:",
            "there is no secret `no/such/secret`",
            "fargate-stack.yml:6:",
        ],
    );
}

#[test]
fn a_short_name_that_is_no_repository_is_taken_from_docker_hub_with_a_warning() {
    let world = World::with("{app: {name: hub}, tasks: {run: {type: daemon, image: 'busybox:1.36'}}}");
    let (_, _, warnings) = placed(&world);
    assert!(warnings.contains("`busybox:1.36`") && warnings.contains("Docker Hub"), "{warnings}");
}

#[test]
fn a_stack_of_another_account_is_refused_before_anything_is_read() {
    let world = World::new();
    world.write("fargate-stack.yml", &format!("account: '123456789012'\n{STACK}"));
    for command in [&["plan"][..], &["apply", "--yes"], &["destroy", "--yes"]] {
        world.forget_calls();
        let run = world.run(command).expect(2);
        says(&run, &["fargate-stack.yml:1:10", "123456789012", &world.account]);
        let services: Vec<Value> = world.calls().iter().map(|call| call["service"].clone()).collect();
        assert_eq!(services, ["sts"]);
    }
    world.write("fargate-stack.yml", &format!("account: '{}'\n{STACK}", world.account));
    world.run(&["plan"]).expect(0);
}

#[test]
fn a_missing_secret_is_shown_in_its_line() {
    let world = World::with(
        "app: {name: s}\ntasks:\n  run:\n    image: helloworld\n    secrets:\n      - helloworld/api\n",
    );
    // `helloworld/api-key` exists, and a search by prefix would find it.
    says(&refused(&world), &["fargate-stack.yml:6:9", "there is no secret `helloworld/api` in us-east-1"]);
}
