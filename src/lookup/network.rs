//! What EC2 says about VPCs, subnets and routes, read in one round; `land` says what it means and `placement` decides.

use aws_sdk_ec2::types::{self as ec2, Filter, Tag};

use super::LookupError;
use super::land::{Endpoint, Land, RouteTable, Subnet, Target, Vpc};
use crate::aws::{Aws, call};

/// The IAM actions of this file.
pub const READS: &[&str] = &[
    "ec2:DescribeVpcs",
    "ec2:DescribeInternetGateways",
    "ec2:DescribeSubnets",
    "ec2:DescribeRouteTables",
    "ec2:DescribeVpcEndpoints",
];

/// Reads it all: of one VPC when it is known, of every VPC otherwise.
pub async fn read(aws: &Aws, vpc_id: Option<&str>) -> Result<Land, LookupError> {
    let of = |name: &str| vpc_id.map(|id| vec![Filter::builder().name(name).values(id).build()]);
    let ec2 = &aws.ec2;
    // All VPCs, even when one is named: a wrong id is answered with the list.
    let vpcs = ec2.describe_vpcs().into_paginator().items().send().collect::<Result<Vec<_>, _>>();
    let gateways =
        ec2.describe_internet_gateways().into_paginator().items().send().collect::<Result<Vec<_>, _>>();
    let subnets = ec2
        .describe_subnets()
        .set_filters(of("vpc-id"))
        .into_paginator()
        .items()
        .send()
        .collect::<Result<Vec<_>, _>>();
    let tables = ec2
        .describe_route_tables()
        .set_filters(of("vpc-id"))
        .into_paginator()
        .items()
        .send()
        .collect::<Result<Vec<_>, _>>();
    let endpoints = ec2
        .describe_vpc_endpoints()
        .set_filters(of("vpc-id"))
        .into_paginator()
        .items()
        .send()
        .collect::<Result<Vec<_>, _>>();
    let (vpcs, gateways, subnets, tables, endpoints) = tokio::join!(
        call("ec2:DescribeVpcs", vpcs),
        call("ec2:DescribeInternetGateways", gateways),
        call("ec2:DescribeSubnets", subnets),
        call("ec2:DescribeRouteTables", tables),
        call("ec2:DescribeVpcEndpoints", endpoints),
    );
    let mut error = LookupError::default();
    let vpcs = error.take(vpcs.map_err(LookupError::from)).unwrap_or_default();
    let gateways = error.take(gateways.map_err(LookupError::from)).unwrap_or_default();
    let subnets = error.take(subnets.map_err(LookupError::from)).unwrap_or_default();
    let tables = error.take(tables.map_err(LookupError::from)).unwrap_or_default();
    let endpoints = error.take(endpoints.map_err(LookupError::from)).unwrap_or_default();
    if !error.is_empty() {
        return Err(error);
    }
    let attached: Vec<&str> = gateways
        .iter()
        .flat_map(ec2::InternetGateway::attachments)
        // EC2 answers `available` for an attached internet gateway, although the enum's other value is `attached`.
        .filter(|at| at.state().is_some_and(|state| matches!(state.as_str(), "available" | "attached")))
        .filter_map(ec2::InternetGatewayAttachment::vpc_id)
        .collect();
    Ok(Land {
        region: aws.region.clone(),
        vpcs: vpcs.iter().map(|found| vpc(found, &attached)).collect(),
        subnets: subnets.iter().map(subnet).collect(),
        tables: tables.iter().map(table).collect(),
        endpoints: endpoints.iter().map(endpoint).collect(),
    })
}

fn owned(text: Option<&str>) -> String {
    text.unwrap_or_default().to_owned()
}

fn name(tags: &[Tag]) -> Option<String> {
    tags.iter().find(|tag| tag.key() == Some("Name")).and_then(Tag::value).map(str::to_owned)
}

fn vpc(found: &ec2::Vpc, attached: &[&str]) -> Vpc {
    let id = owned(found.vpc_id());
    let holds = |block: &&ec2::VpcCidrBlockAssociation| {
        block
            .cidr_block_state()
            .and_then(ec2::VpcCidrBlockState::state)
            .is_none_or(|state| matches!(state.as_str(), "associating" | "associated"))
    };
    let blocks = found.cidr_block_association_set().iter().filter(holds);
    let mut ranges: Vec<String> = blocks.filter_map(|block| block.cidr_block()).map(str::to_owned).collect();
    if ranges.is_empty() {
        ranges.extend(found.cidr_block().map(str::to_owned));
    }
    Vpc {
        ranges,
        has_internet_gateway: attached.contains(&id.as_str()),
        cidr: owned(found.cidr_block()),
        name: name(found.tags()),
        is_default: found.is_default().unwrap_or_default(),
        id,
    }
}

fn subnet(found: &ec2::Subnet) -> Subnet {
    Subnet {
        id: owned(found.subnet_id()),
        vpc: owned(found.vpc_id()),
        zone: owned(found.availability_zone()),
        cidr: owned(found.cidr_block()),
        name: name(found.tags()),
        on_outpost: found.outpost_arn().is_some(),
    }
}

fn table(found: &ec2::RouteTable) -> RouteTable {
    let holds = |association: &&ec2::RouteTableAssociation| {
        association
            .association_state()
            .and_then(ec2::RouteTableAssociationState::state)
            .is_none_or(|state| !matches!(state.as_str(), "disassociating" | "disassociated" | "failed"))
    };
    let associations: Vec<_> = found.associations().iter().filter(holds).collect();
    let default = found.routes().iter().find(|route| route.destination_cidr_block() == Some("0.0.0.0/0"));
    RouteTable {
        id: owned(found.route_table_id()),
        vpc: owned(found.vpc_id()),
        is_main: associations.iter().any(|association| association.main().unwrap_or_default()),
        subnets: associations
            .iter()
            .filter_map(|association| association.subnet_id())
            .map(str::to_owned)
            .collect(),
        default: default.map_or(Target::None, target),
    }
}

/// What a route leads to. A route whose target is gone stays as a black hole.
fn target(route: &ec2::Route) -> Target {
    if route.state().is_some_and(|state| state.as_str() == "blackhole") {
        return Target::None;
    }
    match route.gateway_id() {
        Some(id) if id.starts_with("igw-") => return Target::Internet(id.to_owned()),
        Some("local") => return Target::None,
        _ => {}
    }
    let ways = [
        route.nat_gateway_id(),
        route.transit_gateway_id(),
        route.network_interface_id(),
        route.instance_id(),
        route.vpc_peering_connection_id(),
        route.gateway_id(),
        route.local_gateway_id(),
        route.carrier_gateway_id(),
        route.core_network_arn(),
    ];
    ways.into_iter().flatten().next().map_or(Target::None, |id| Target::Other(id.to_owned()))
}

fn endpoint(found: &ec2::VpcEndpoint) -> Endpoint {
    let state = found.state().map(|state| state.as_str().to_ascii_lowercase());
    Endpoint {
        vpc: owned(found.vpc_id()),
        service: owned(found.service_name()),
        is_gateway: found.vpc_endpoint_type().is_some_and(|kind| kind.as_str() == "Gateway"),
        is_available: state.as_deref() == Some("available"),
        tables: found.route_table_ids().to_vec(),
    }
}
