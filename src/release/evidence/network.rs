//! The subnets of the tasks: where they lead, which endpoints they have, how many addresses are free.

use std::collections::BTreeSet;

use aws_sdk_ec2::operation::describe_vpc_endpoints::DescribeVpcEndpointsOutput;
use aws_sdk_ec2::types::{Filter, Route, RouteTable, VpcEndpoint};
use aws_sdk_ecs::types::{Attachment, Service, Task};

use crate::aws::{Aws, call};
use crate::release::diagnose::Subnet;

/// The ids of the subnets: those of the service, else those that the tasks were put into.
pub(super) fn ids(service: Option<&Service>, tasks: &[Task]) -> Vec<String> {
    let vpc =
        service.and_then(Service::network_configuration).and_then(|network| network.awsvpc_configuration());
    if let Some(vpc) = vpc {
        return vpc.subnets().to_vec();
    }
    let details = tasks.iter().flat_map(Task::attachments).flat_map(Attachment::details);
    let ids = details.filter(|detail| detail.name() == Some("subnetId")).filter_map(|detail| detail.value());
    ids.map(str::to_owned).collect::<BTreeSet<_>>().into_iter().collect()
}

/// The subnets, and notes on what could not be read.
pub(super) async fn subnets(aws: &Aws, ids: &[String], secrets: bool) -> (Vec<Subnet>, Vec<String>) {
    if ids.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let request = aws.ec2.describe_subnets().set_subnet_ids(Some(ids.to_vec()));
    let found = match call("ec2:DescribeSubnets", request.send()).await {
        Ok(found) => found,
        Err(error) => return (Vec::new(), vec![format!("the subnets could not be read: {error}")]),
    };
    let vpcs: BTreeSet<String> =
        found.subnets().iter().filter_map(|one| one.vpc_id().map(str::to_owned)).collect();
    let of_vpc =
        || vec![Filter::builder().name("vpc-id").set_values(Some(vpcs.iter().cloned().collect())).build()];
    let (tables, endpoints) = tokio::join!(
        call("ec2:DescribeRouteTables", aws.ec2.describe_route_tables().set_filters(Some(of_vpc())).send()),
        call("ec2:DescribeVpcEndpoints", aws.ec2.describe_vpc_endpoints().set_filters(Some(of_vpc())).send()),
    );
    let mut notes = Vec::new();
    let tables = tables.map_err(|error| notes.push(format!("the routes could not be read: {error}"))).ok();
    let endpoints =
        endpoints.map_err(|error| notes.push(format!("the VPC endpoints could not be read: {error}"))).ok();
    // Without the routes nothing is said of the way: a missing answer must not look like a missing route.
    let Some(tables) = tables else { return (Vec::new(), notes) };
    let endpoints = endpoints.as_ref().map(DescribeVpcEndpointsOutput::vpc_endpoints);
    let subnets = found
        .subnets()
        .iter()
        .map(|subnet| {
            let id = subnet.subnet_id().unwrap_or_default();
            let table = table_of(tables.route_tables(), id, subnet.vpc_id());
            let route = table.and_then(default_route);
            let lacking = |endpoints| lacks(endpoints, table, &aws.region, secrets);
            Subnet {
                id: id.to_owned(),
                zone: subnet.availability_zone().unwrap_or_default().to_owned(),
                free: subnet.available_ip_address_count(),
                lacks: if route.is_none() { endpoints.map(lacking).unwrap_or_default() } else { Vec::new() },
                route,
            }
        })
        .collect();
    (subnets, notes)
}

/// A subnet without an association of its own uses the main route table of its VPC.
fn table_of<'a>(tables: &'a [RouteTable], subnet: &str, vpc: Option<&str>) -> Option<&'a RouteTable> {
    let own =
        tables.iter().find(|table| table.associations().iter().any(|one| one.subnet_id() == Some(subnet)));
    let main = |table: &&RouteTable| {
        table.vpc_id() == vpc && table.associations().iter().any(|one| one.main() == Some(true))
    };
    own.or_else(|| tables.iter().find(main))
}

/// Where 0.0.0.0/0 leads. A route whose target is gone stays as a black hole.
fn default_route(table: &RouteTable) -> Option<String> {
    let leads = |route: &&Route| {
        route.destination_cidr_block() == Some("0.0.0.0/0")
            && route.state().is_none_or(|state| state.as_str() != "blackhole")
    };
    let route = table.routes().iter().find(leads)?;
    let targets = [
        route.nat_gateway_id(),
        route.transit_gateway_id(),
        route.gateway_id(),
        route.network_interface_id(),
        route.instance_id(),
        route.vpc_peering_connection_id(),
    ];
    let target = targets.into_iter().flatten().find(|id| *id != "local");
    Some(target.unwrap_or("an unknown target").to_owned())
}

/// What a task needs to start where nothing leads out (AWS Fargate guide, interface VPC endpoints).
fn lacks(endpoints: &[VpcEndpoint], table: Option<&RouteTable>, region: &str, secrets: bool) -> Vec<String> {
    let table = table.and_then(RouteTable::route_table_id);
    let has = |service: &str| {
        endpoints.iter().any(|one| {
            let works = one.state().is_some_and(|state| state.as_str().eq_ignore_ascii_case("available"));
            let gateway = one.vpc_endpoint_type().is_some_and(|kind| kind.as_str() == "Gateway");
            let routed = !gateway || one.route_table_ids().iter().any(|id| Some(id.as_str()) == table);
            works
                && routed
                && one.service_name().is_some_and(|name| name.ends_with(&format!(".{region}.{service}")))
        })
    };
    let needed = ["ecr.api", "ecr.dkr", "s3", "logs"].into_iter().chain(secrets.then_some("secretsmanager"));
    needed.filter(|service| !has(service)).map(str::to_owned).collect()
}
