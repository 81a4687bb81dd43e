//! Subnets of load balancers, and the zones of the tasks behind them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};

use super::placing::{Behind, balancer_subnets, narrow};
use crate::config::Subnets;
use crate::lookup::land::{Land, RouteTable, Subnet, Target, Vpc};
use crate::lookup::placement::{Decision, Request};
use crate::lookup::{LookupError, Problem};
use crate::stack::Placement;
use crate::stack::web::Scheme::{self, Internal, Public};

/// A VPC with subnets called `public-a`, `private-b`, `isolated-c` …, by reachability and zone.
fn land(subnets: &[&str]) -> Land {
    let table = |name: &str, default| RouteTable {
        id: name.to_owned(),
        vpc: "vpc-1".to_owned(),
        subnets: subnets.iter().filter(|id| id.starts_with(name)).map(|id| (*id).to_owned()).collect(),
        default,
        ..RouteTable::default()
    };
    Land {
        region: "eu-west-1".to_owned(),
        vpcs: vec![Vpc { id: "vpc-1".to_owned(), ..Vpc::default() }],
        subnets: subnets
            .iter()
            .map(|id| Subnet {
                id: (*id).to_owned(),
                vpc: "vpc-1".to_owned(),
                zone: format!("eu-west-1{}", id.split('-').nth(1).unwrap()),
                cidr: "10.0.0.0/24".to_owned(),
                ..Subnet::default()
            })
            .collect(),
        tables: vec![
            table("public", Target::Internet("igw-1".to_owned())),
            table("private", Target::Other("nat-1".to_owned())),
            table("isolated", Target::None),
        ],
        endpoints: Vec::new(),
    }
}

fn request(public: &[&str], private: &[&str]) -> Request {
    let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    let subnets = Subnets { public: ids(public), private: ids(private), isolated: Vec::new() };
    Request { subnets, tasks: [("web".to_owned(), false)].into(), ..Request::default() }
}

fn subnets(land: &Land, request: &Request, scheme: Scheme) -> Result<Vec<String>, LookupError> {
    balancer_subnets(land, request, "vpc-1", scheme, &BTreeMap::new())
        .map(|found| found.into_values().collect())
}

fn problem(result: Result<impl std::fmt::Debug, LookupError>) -> Problem {
    let error = result.unwrap_err();
    let [problem] = error.problems.as_slice() else { panic!("{error:?}") };
    problem.clone()
}

const USUAL: &[&str] = &["public-a", "public-b", "private-a", "private-b", "isolated-a", "isolated-b"];

#[test]
fn a_public_one_has_a_public_subnet_of_each_zone_and_an_internal_one_a_private_one() {
    let none = request(&[], &[]);
    assert_eq!(subnets(&land(USUAL), &none, Public).unwrap(), ["public-a", "public-b"]);
    assert_eq!(subnets(&land(USUAL), &none, Internal).unwrap(), ["private-a", "private-b"]);
    let isolated = land(&["public-a", "public-b", "private-a", "isolated-a", "isolated-b"]);
    assert_eq!(subnets(&isolated, &none, Internal).unwrap(), ["isolated-a", "isolated-b"]);
    let open = land(&["public-a", "public-b"]);
    assert_eq!(subnets(&open, &none, Internal).unwrap(), ["public-a", "public-b"]);
}

#[test]
fn of_two_subnets_in_one_zone_the_one_in_use_stays() {
    let land = land(&["public-a-1", "public-a-2", "public-b"]);
    let none = request(&[], &[]);
    assert_eq!(subnets(&land, &none, Public).unwrap(), ["public-a-1", "public-b"]);
    let now = BTreeMap::from([("eu-west-1a".to_owned(), "public-a-2".to_owned())]);
    let found = balancer_subnets(&land, &none, "vpc-1", Public, &now).unwrap();
    assert_eq!(found["eu-west-1a"], "public-a-2");
}

#[test]
fn subnets_that_are_too_small_or_far_are_not_found() {
    let mut land = land(&["public-a", "public-b", "public-c", "public-d"]);
    land.subnets[0].cidr = "10.0.0.0/28".to_owned();
    land.subnets[1].zone = "eu-west-1-lax-1a".to_owned();
    assert_eq!(subnets(&land, &request(&[], &[]), Public).unwrap(), ["public-c", "public-d"]);
}

#[test]
fn named_subnets_are_the_ones() {
    let land = land(&["public-a", "public-b", "public-c", "private-a", "private-b", "private-c"]);
    let named = request(&["public-a", "public-c"], &["private-b", "private-c"]);
    assert_eq!(subnets(&land, &named, Public).unwrap(), ["public-a", "public-c"]);
    assert_eq!(subnets(&land, &named, Internal).unwrap(), ["private-b", "private-c"]);
}

#[test]
fn less_than_two_zones_are_too_few() {
    let found = problem(subnets(&land(&["public-a", "private-a", "private-b"]), &request(&[], &[]), Public));
    insta::assert_snapshot!(format!("{found}\nhint: {}", found.hint), @r"
    the VPC `vpc-1` has no public subnets in two Availability Zones, which the load balancer needs to be public
      private-a  eu-west-1a  10.0.0.0/24  private
      public-a  eu-west-1a  10.0.0.0/24  public
      private-b  eu-west-1b  10.0.0.0/24  private
    hint: name subnets of two Availability Zones in `subnets.public`, or add what is missing
    ");
    assert_eq!((found.key.as_deref(), found.route.len()), (Some("subnets.public"), 0));
    let found = problem(subnets(&land(USUAL), &request(&[], &["private-a"]), Internal));
    assert_eq!(
        found.what,
        "the subnets in `subnets.private` are in one Availability Zone, and a load balancer needs two"
    );
    assert_eq!(found.route, ["subnets", "private"]);
}

#[test]
fn a_public_one_is_not_put_into_subnets_that_nobody_reaches() {
    let found = problem(subnets(&land(USUAL), &request(&["public-a", "private-b"], &[]), Public));
    assert_eq!(
        found.what,
        "the subnet `private-b` is not public, and the load balancer is: nobody would reach it there"
    );
    assert_eq!(found.route, ["subnets", "public", "1"]);
}

/// Where `web` runs of these subnets behind a load balancer that serves these zones, and the warnings.
fn behind(subnets: &[&str], zones: &str, named: bool) -> Result<(Vec<String>, Vec<String>), LookupError> {
    let placement =
        Placement { subnets: subnets.iter().map(|id| (*id).to_owned()).collect(), assign_public_ip: false };
    let mut decision = Decision { placements: [("web".to_owned(), placement)].into(), ..Decision::default() };
    let zones: BTreeSet<String> = zones.chars().map(|zone| format!("eu-west-1{zone}")).collect();
    let request = if named { request(&[], subnets) } else { request(&[], &[]) };
    let behind = Behind { name: "main", zones: &zones, is_own: false };
    narrow(&land(subnets), &request, &mut decision, &["web"], behind)?;
    Ok((decision.placements["web"].subnets.clone(), decision.warnings))
}

#[test]
fn tasks_run_only_where_their_load_balancer_sends_something() {
    let all = &["private-a", "private-b", "private-c"];
    assert_eq!(
        behind(all, "bcd", false).unwrap(),
        (vec!["private-b".to_owned(), "private-c".to_owned()], vec![])
    );
}

#[test]
fn one_zone_is_enough_only_when_the_subnets_are_named() {
    let found = problem(behind(&["private-a", "private-b"], "bc", false));
    insta::assert_snapshot!(format!("{found}\nhint: {}", found.hint), @r"
    `web` would run in eu-west-1b alone, and stop when that zone fails: the load balancer `main` serves eu-west-1b, eu-west-1c
      private-a  eu-west-1a
      private-b  eu-west-1b
    hint: name subnets for the tasks in `subnets.private`, or another load balancer in `alb.arn`
    ");
    let (left, warnings) = behind(&["private-a", "private-b"], "bc", true).unwrap();
    assert_eq!(left, ["private-b"]);
    insta::assert_snapshot!(warnings.join("\n"), @"`web` runs in eu-west-1b only, as the load balancer `main` serves no other zone of its subnets");
}

#[test]
fn no_zone_in_common_is_an_error_whoever_named_the_subnets() {
    for named in [false, true] {
        let found = problem(behind(&["private-a", "private-b"], "cd", named));
        assert_eq!(
            found.what,
            "`web` would run in no Availability Zone that the load balancer `main` serves (eu-west-1c, eu-west-1d)"
        );
    }
}
