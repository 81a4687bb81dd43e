//! One test for each row of the decision tables of VPC and subnets.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use super::land::*;
use super::placement::*;
use super::{LookupError, Problem};

const IGW: &str = "igw-1";

fn vpc(id: &str, has_internet_gateway: bool) -> Vpc {
    Vpc {
        id: id.into(),
        cidr: "10.0.0.0/16".into(),
        ranges: vec!["10.0.0.0/16".into()],
        name: Some(format!("name of {id}")),
        is_default: false,
        has_internet_gateway,
    }
}

fn subnet(id: &str, zone: &str) -> Subnet {
    Subnet {
        id: id.into(),
        vpc: "vpc-1".into(),
        zone: zone.into(),
        cidr: "10.0.1.0/24".into(),
        ..Subnet::default()
    }
}

fn table(id: &str, subnets: &[&str], default: Target) -> RouteTable {
    let subnets = subnets.iter().map(|id| (*id).to_owned()).collect();
    RouteTable { id: id.into(), vpc: "vpc-1".into(), is_main: false, subnets, default }
}

fn internet() -> Target {
    Target::Internet(IGW.into())
}

fn other(id: &str) -> Target {
    Target::Other(id.into())
}

fn endpoint(service: &str) -> Endpoint {
    Endpoint {
        vpc: "vpc-1".into(),
        service: format!("com.amazonaws.eu-west-1.{service}"),
        is_gateway: false,
        is_available: true,
        tables: Vec::new(),
    }
}

fn gateway(service: &str, table: &str) -> Endpoint {
    Endpoint { is_gateway: true, tables: vec![table.into()], ..endpoint(service) }
}

/// Two public and two private subnets in two zones, in the only VPC.
fn standard() -> Land {
    Land {
        region: "eu-west-1".into(),
        vpcs: vec![vpc("vpc-1", true)],
        subnets: vec![
            subnet("subnet-public-a", "eu-west-1a"),
            subnet("subnet-public-b", "eu-west-1b"),
            subnet("subnet-private-a", "eu-west-1a"),
            subnet("subnet-private-b", "eu-west-1b"),
        ],
        tables: vec![
            table("rtb-public", &["subnet-public-a", "subnet-public-b"], internet()),
            table("rtb-private", &["subnet-private-a", "subnet-private-b"], other("nat-1")),
        ],
        endpoints: Vec::new(),
    }
}

/// The same without the NAT gateway.
fn isolated(endpoints: Vec<Endpoint>) -> Land {
    let mut land = standard();
    land.tables[1].default = Target::None;
    land.endpoints = endpoints;
    land
}

fn endpoints() -> Vec<Endpoint> {
    vec![endpoint("ecr.api"), endpoint("ecr.dkr"), endpoint("logs"), gateway("s3", "rtb-private")]
}

/// One task, which wants a public address or not.
fn request(public: bool) -> Request {
    Request { tasks: [("job".to_owned(), public)].into(), ..Request::default() }
}

fn placed(land: &Land, request: &Request) -> (Vec<String>, Vec<String>) {
    let decision = decide(land, request).unwrap();
    let placement = decision.placements["job"].clone();
    assert_eq!(placement.assign_public_ip, request.tasks["job"]);
    (placement.subnets, decision.warnings)
}

fn problem(land: &Land, request: &Request) -> Problem {
    let LookupError { problems, calls } = decide(land, request).unwrap_err();
    assert_eq!(calls, []);
    let [problem] = problems.as_slice() else { unreachable!("one problem: {problems:#?}") };
    problem.clone()
}

#[test]
fn a_vpc_that_is_named_is_used_even_without_an_internet_gateway() {
    let mut land = standard();
    land.vpcs = vec![vpc("vpc-0", true), vpc("vpc-1", false), vpc("vpc-2", true)];
    let decision = decide(&land, &Request { vpc_id: Some("vpc-1".into()), ..request(false) }).unwrap();
    assert_eq!(decision.vpc_id, "vpc-1");
}

#[test]
fn a_vpc_that_is_named_and_does_not_exist_is_answered_with_those_that_do() {
    let problem = problem(&standard(), &Request { vpc_id: Some("vpc-9".into()), ..request(false) });
    insta::assert_snapshot!(problem, @r"
    there is no VPC `vpc-9` in eu-west-1
      vpc-1  10.0.0.0/16  name of vpc-1
    ");
    assert_eq!(problem.route, ["vpc_id"]);
}

#[test]
fn no_vpc_with_an_internet_gateway_is_answered_with_all_vpcs() {
    let mut land = standard();
    land.vpcs = vec![vpc("vpc-1", false), Vpc { is_default: true, name: None, ..vpc("vpc-2", false) }];
    let problem = problem(&land, &request(false));
    insta::assert_snapshot!(problem, @r"
    no VPC in eu-west-1 has an internet gateway, and `vpc_id` names none
      vpc-1  10.0.0.0/16  name of vpc-1
      vpc-2  10.0.0.0/16  (the default VPC)
    ");
    assert_eq!(problem.key.as_deref(), Some("vpc_id"));
}

#[test]
fn a_region_without_any_vpc_says_so() {
    let land = Land { region: "eu-west-1".into(), ..Land::default() };
    assert_eq!(problem(&land, &request(false)).hint, "create a VPC");
}

#[test]
fn the_only_vpc_with_an_internet_gateway_is_used() {
    let mut land = standard();
    land.vpcs.insert(0, vpc("vpc-0", false));
    assert_eq!(decide(&land, &request(false)).unwrap().vpc_id, "vpc-1");
}

#[test]
fn several_vpcs_with_an_internet_gateway_are_listed_and_a_nat_gateway_does_not_choose() {
    let mut land = standard();
    land.vpcs = vec![vpc("vpc-0", false), vpc("vpc-1", true), vpc("vpc-2", true)];
    let problem = problem(&land, &request(false));
    insta::assert_snapshot!(problem, @r"
    2 VPCs in eu-west-1 have an internet gateway, and `vpc_id` does not say which one to use
      vpc-1  10.0.0.0/16  name of vpc-1
      vpc-2  10.0.0.0/16  name of vpc-2
    ");
    assert_eq!(
        (problem.key.as_deref(), problem.hint.as_str()),
        (Some("vpc_id"), "set `vpc_id` to one of them")
    );
}

#[test]
fn tasks_run_in_all_private_subnets() {
    let (subnets, warnings) = placed(&standard(), &request(false));
    assert_eq!(subnets, ["subnet-private-a", "subnet-private-b"]);
    assert_eq!(warnings, [""; 0]);
}

#[test]
fn anything_that_passes_traffic_on_makes_a_subnet_private() {
    for id in ["nat-1", "tgw-1", "eni-1", "i-1", "pcx-1", "vgw-1", "vpce-1"] {
        let mut land = standard();
        land.tables[1].default = other(id);
        assert_eq!(placed(&land, &request(false)).0, ["subnet-private-a", "subnet-private-b"], "{id}");
    }
}

#[test]
fn the_main_route_table_serves_subnets_without_an_association() {
    let mut land = standard();
    land.tables[1] = RouteTable { is_main: true, ..table("rtb-main", &[], other("nat-1")) };
    assert_eq!(placed(&land, &request(false)).0, ["subnet-private-a", "subnet-private-b"]);
    land.tables[0] = RouteTable { is_main: true, ..table("rtb-main", &[], internet()) };
    land.tables[1] = table("rtb-private", &["subnet-private-a"], other("nat-1"));
    let (public, _) = placed(&land, &request(true));
    assert_eq!(public, ["subnet-public-a", "subnet-private-b", "subnet-public-b"]);
}

#[test]
fn one_private_subnet_is_enough_and_tells_about_its_single_zone() {
    let mut land = standard();
    land.subnets.truncate(3);
    let (subnets, warnings) = placed(&land, &request(false));
    assert_eq!(subnets, ["subnet-private-a"]);
    assert_eq!(warnings, ["all subnets that tasks run in are in eu-west-1a: they stop when that zone fails"]);
}

#[test]
fn no_public_subnet_is_needed_for_tasks_without_a_public_address() {
    let mut land = standard();
    land.subnets.drain(..2);
    assert_eq!(placed(&land, &request(false)).0.len(), 2);
}

#[test]
fn isolated_subnets_with_their_endpoints_are_used_when_no_subnet_is_private() {
    let land = isolated(endpoints());
    let decision = decide(&land, &request(false)).unwrap();
    assert_eq!(decision.placements["job"].subnets, ["subnet-private-a", "subnet-private-b"]);
    assert!(decision.is_isolated);
    assert_eq!(decision.found["isolated"], ["subnet-private-a", "subnet-private-b"]);
}

#[test]
fn each_missing_endpoint_is_named() {
    for (index, service) in ["ecr.api", "ecr.dkr", "logs", "s3"].into_iter().enumerate() {
        let mut some = endpoints();
        some.remove(index);
        let problem = problem(&isolated(some), &request(false));
        let line = format!(
            "subnet-private-a  eu-west-1a  10.0.1.0/24  isolated, without the VPC endpoints {service}"
        );
        assert!(problem.candidates.contains(&line), "{problem}");
    }
}

#[test]
fn an_s3_gateway_serves_only_the_route_tables_it_is_in_and_an_s3_interface_serves_all() {
    let mut some = endpoints();
    some[3] = gateway("s3", "rtb-other");
    assert!(decide(&isolated(some.clone()), &request(false)).is_err());
    some[3] = endpoint("s3");
    assert!(decide(&isolated(some), &request(false)).is_ok());
}

#[test]
fn an_endpoint_of_another_vpc_region_or_state_does_not_count() {
    for change in [
        |endpoint: &mut Endpoint| endpoint.vpc = "vpc-2".into(),
        |endpoint: &mut Endpoint| endpoint.service = "com.amazonaws.eu-west-2.ecr.api".into(),
        |endpoint: &mut Endpoint| endpoint.is_available = false,
    ] {
        let mut some = endpoints();
        change(&mut some[0]);
        assert!(decide(&isolated(some), &request(false)).is_err());
    }
}

#[test]
fn secrets_need_one_more_endpoint() {
    let with_secrets = Request { secrets: true, ..request(false) };
    assert!(problem(&isolated(endpoints()), &with_secrets).to_string().contains("endpoints secretsmanager"));
    let mut all = endpoints();
    all.push(endpoint("secretsmanager"));
    assert!(decide(&isolated(all), &with_secrets).is_ok());
}

#[test]
fn without_a_way_out_the_error_shows_what_each_subnet_lacks_and_offers_the_public_ones() {
    let problem = problem(&isolated(vec![endpoint("logs")]), &request(false));
    insta::assert_snapshot!(problem, @r"
    no subnet of the VPC `vpc-1` lets a task without a public IP address reach ECR and CloudWatch Logs
      subnet-private-a  eu-west-1a  10.0.1.0/24  isolated, without the VPC endpoints ecr.api, ecr.dkr, s3
      subnet-public-a  eu-west-1a  10.0.1.0/24  public
      subnet-private-b  eu-west-1b  10.0.1.0/24  isolated, without the VPC endpoints ecr.api, ecr.dkr, s3
      subnet-public-b  eu-west-1b  10.0.1.0/24  public
    ");
    insta::assert_snapshot!(problem.hint, @"add a NAT gateway with a route to it, add the VPC endpoints that are missing, or set `assign_public_ip: true` to run the tasks in the public subnets");
    assert_eq!(problem.key.as_deref(), Some("assign_public_ip"));
}

#[test]
fn without_any_subnet_the_error_says_so() {
    let mut land = standard();
    land.subnets.clear();
    assert_eq!(problem(&land, &request(false)).what, "the VPC `vpc-1` has no subnets");
}

#[test]
fn public_placement_happens_only_when_it_is_asked_for() {
    let (subnets, _) = placed(&standard(), &request(true));
    assert_eq!(subnets, ["subnet-public-a", "subnet-public-b"]);
    let mut land = standard();
    land.subnets.truncate(2);
    assert!(decide(&land, &request(false)).is_err(), "public subnets alone do not do");
}

#[test]
fn public_placement_without_a_public_subnet_is_an_error() {
    let mut land = standard();
    land.subnets.drain(..2);
    assert_eq!(problem(&land, &request(true)).key.as_deref(), Some("assign_public_ip"));
}

#[test]
fn tasks_of_one_stack_may_be_placed_differently() {
    let request =
        Request { tasks: [("in".to_owned(), false), ("out".to_owned(), true)].into(), ..Request::default() };
    let decision = decide(&standard(), &request).unwrap();
    assert_eq!(decision.placements["in"].subnets, ["subnet-private-a", "subnet-private-b"]);
    assert_eq!(decision.placements["out"].subnets, ["subnet-public-a", "subnet-public-b"]);
    assert_eq!(decision.found.keys().copied().collect::<Vec<_>>(), ["private", "public"]);
}

fn named(list: &str, ids: &[&str], public: bool) -> Request {
    let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
    let mut request = request(public);
    match list {
        "public" => request.subnets.public = ids,
        "private" => request.subnets.private = ids,
        _ => request.subnets.isolated = ids,
    }
    request
}

#[test]
fn configured_subnets_are_used_and_no_others() {
    let (subnets, _) = placed(&standard(), &named("private", &["subnet-private-b"], false));
    assert_eq!(subnets, ["subnet-private-b"]);
    let decision = decide(&standard(), &named("private", &["subnet-private-b"], false)).unwrap();
    assert!(decision.found.is_empty(), "nothing to write back");
}

#[test]
fn every_configured_subnet_that_does_not_exist_is_named_with_its_place_and_the_valid_ids() {
    let mut request = named("private", &["subnet-private-a", "subnet-8"], false);
    request.subnets.public = vec!["subnet-9".into()];
    let problems = decide(&standard(), &request).unwrap_err().problems;
    assert_eq!(problems[0].route, ["subnets", "public", "0"]);
    assert_eq!(problems[1].route, ["subnets", "private", "1"]);
    insta::assert_snapshot!(problems[1], @r"
    the VPC `vpc-1` has no subnet `subnet-8`
      subnet-private-a  eu-west-1a  10.0.1.0/24  private
      subnet-public-a  eu-west-1a  10.0.1.0/24  public
      subnet-private-b  eu-west-1b  10.0.1.0/24  private
      subnet-public-b  eu-west-1b  10.0.1.0/24  public
    ");
}

#[test]
fn a_configured_subnet_without_a_way_out_is_a_warning() {
    let (subnets, warnings) =
        placed(&isolated(vec![]), &named("private", &["subnet-private-a", "subnet-private-b"], false));
    assert_eq!(subnets.len(), 2);
    assert!(warnings[0].contains("`subnet-private-a` has no route to the internet"), "{warnings:?}");
}

#[test]
fn a_public_subnet_configured_as_private_is_an_error_unless_endpoints_serve_it() {
    let request = named("private", &["subnet-private-a", "subnet-public-b"], false);
    let problem = problem(&standard(), &request);
    assert_eq!(problem.route, ["subnets", "private", "1"]);
    assert!(problem.hint.contains("`assign_public_ip: true`"), "{}", problem.hint);
    let mut land = standard();
    land.endpoints = vec![endpoint("ecr.api"), endpoint("ecr.dkr"), endpoint("logs"), endpoint("s3")];
    assert!(decide(&land, &request).is_ok());
}

#[test]
fn a_private_subnet_configured_as_public_matters_only_to_tasks_that_go_there() {
    assert!(decide(&standard(), &named("public", &["subnet-private-a"], false)).is_ok());
    let problem = problem(&standard(), &named("public", &["subnet-private-a"], true));
    assert_eq!(problem.route, ["subnets", "public", "0"]);
}

#[test]
fn at_most_sixteen_subnets_are_used_and_every_zone_comes_first() {
    let mut land = standard();
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for number in 0..20 {
        a.push(format!("subnet-a{number:02}"));
        b.push(format!("subnet-b{number:02}"));
    }
    b.truncate(3);
    land.subnets = a
        .iter()
        .map(|id| subnet(id, "eu-west-1a"))
        .chain(b.iter().map(|id| subnet(id, "eu-west-1b")))
        .collect();
    land.tables = vec![RouteTable { is_main: true, ..table("rtb-main", &[], other("nat-1")) }];
    let (subnets, warnings) = placed(&land, &request(false));
    assert_eq!(subnets.len(), 16);
    assert_eq!(subnets[..4], ["subnet-a00", "subnet-b00", "subnet-a01", "subnet-b01"]);
    assert_eq!(subnets.iter().filter(|id| id.starts_with("subnet-b")).count(), 3, "no zone is lost");
    assert_eq!(warnings, ["23 subnets fit, and ECS takes 16: the others are not used"]);
}

#[test]
fn local_zones_wavelength_zones_and_outposts_are_not_found() {
    let mut land = standard();
    land.region = "us-west-2".into();
    land.subnets = vec![
        subnet("subnet-zone", "us-west-2a"),
        subnet("subnet-local", "us-west-2-lax-1a"),
        subnet("subnet-wavelength", "us-west-2-wl1-las-wlz-1"),
        Subnet { on_outpost: true, ..subnet("subnet-outpost", "us-west-2a") },
    ];
    land.tables = vec![RouteTable { is_main: true, ..table("rtb-main", &[], other("nat-1")) }];
    assert_eq!(placed(&land, &request(false)).0, ["subnet-zone"]);
}

#[test]
fn the_order_of_answers_changes_nothing() {
    let mut land = standard();
    let first = decide(&land, &request(false)).unwrap();
    land.subnets.reverse();
    land.tables.reverse();
    assert_eq!(decide(&land, &request(false)).unwrap(), first);
}
