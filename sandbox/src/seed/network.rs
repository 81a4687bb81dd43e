//! The network of the standard seed: one VPC with two public and two private subnets in two Availability Zones.

use crate::internal::{Internal, InternalError};
use crate::xml;

/// What was made.
#[derive(Debug)]
pub struct Network {
    /// VPC id.
    pub vpc: String,
    /// Internet gateway id.
    pub internet_gateway: String,
    /// NAT gateway id, in the first public subnet.
    pub nat_gateway: String,
    /// Subnet ids, one an Availability Zone.
    pub public: Vec<String>,
    /// Subnet ids, one an Availability Zone.
    pub private: Vec<String>,
    /// The VPC's own security group.
    pub default_group: String,
}

/// Makes the network.
pub async fn make(internal: Internal<'_>) -> Result<Network, InternalError> {
    let vpc =
        create(internal, "CreateVpc", "vpc", "sandbox", "vpcId", &[("CidrBlock", "10.0.0.0/16")]).await?;
    for attribute in ["EnableDnsSupport.Value", "EnableDnsHostnames.Value"] {
        internal.query("ec2", "ModifyVpcAttribute", &[("VpcId", &vpc), (attribute, "true")]).await?;
    }
    let internet_gateway =
        create(internal, "CreateInternetGateway", "internet-gateway", "sandbox", "internetGatewayId", &[])
            .await?;
    let attach = [("InternetGatewayId", internet_gateway.as_str()), ("VpcId", vpc.as_str())];
    internal.query("ec2", "AttachInternetGateway", &attach).await?;

    let (mut public, mut private) = (Vec::new(), Vec::new());
    for (n, zone) in ["a", "b"].into_iter().enumerate() {
        public
            .push(subnet(internal, &vpc, &format!("public-{zone}"), &format!("10.0.{n}.0/24"), zone).await?);
        private.push(
            subnet(internal, &vpc, &format!("private-{zone}"), &format!("10.0.1{n}.0/24"), zone).await?,
        );
    }
    let address = internal.query("ec2", "AllocateAddress", &[("Domain", "vpc")]).await?;
    let allocation = xml::first(&address, "allocationId").unwrap_or_default();
    let first_public = public.first().cloned().unwrap_or_default();
    let nat = [("SubnetId", first_public.as_str()), ("AllocationId", allocation.as_str())];
    let nat_gateway =
        create(internal, "CreateNatGateway", "natgateway", "sandbox", "natGatewayId", &nat).await?;

    route(internal, &vpc, "public", ("GatewayId", &internet_gateway), &public).await?;
    route(internal, &vpc, "private", ("NatGatewayId", &nat_gateway), &private).await?;

    let filter = [
        ("Filter.1.Name", "vpc-id"),
        ("Filter.1.Value.1", vpc.as_str()),
        ("Filter.2.Name", "group-name"),
        ("Filter.2.Value.1", "default"),
    ];
    let groups = internal.query("ec2", "DescribeSecurityGroups", &filter).await?;
    let default_group = ids(&groups, "securityGroupInfo", "groupId").into_iter().next().unwrap_or_default();
    Ok(Network { vpc, internet_gateway, nat_gateway, public, private, default_group })
}

async fn subnet(
    internal: Internal<'_>,
    vpc: &str,
    name: &str,
    cidr: &str,
    zone: &str,
) -> Result<String, InternalError> {
    let zone = format!("{}{zone}", internal.region);
    let fields = [("VpcId", vpc), ("CidrBlock", cidr), ("AvailabilityZone", zone.as_str())];
    let id = create(internal, "CreateSubnet", "subnet", name, "subnetId", &fields).await?;
    if name.starts_with("public") {
        let fields = [("SubnetId", id.as_str()), ("MapPublicIpOnLaunch.Value", "true")];
        internal.query("ec2", "ModifySubnetAttribute", &fields).await?;
    }
    Ok(id)
}

/// Makes a route table with a default route, and gives it to subnets.
async fn route(
    internal: Internal<'_>,
    vpc: &str,
    name: &str,
    to: (&str, &str),
    subnets: &[String],
) -> Result<(), InternalError> {
    let table =
        create(internal, "CreateRouteTable", "route-table", name, "routeTableId", &[("VpcId", vpc)]).await?;
    let fields = [("RouteTableId", table.as_str()), ("DestinationCidrBlock", "0.0.0.0/0"), to];
    internal.query("ec2", "CreateRoute", &fields).await?;
    for subnet in subnets {
        let fields = [("RouteTableId", table.as_str()), ("SubnetId", subnet.as_str())];
        internal.query("ec2", "AssociateRouteTable", &fields).await?;
    }
    Ok(())
}

/// Makes something with a name tag, and gives its id.
async fn create(
    internal: Internal<'_>,
    action: &str,
    kind: &str,
    name: &str,
    id: &str,
    fields: &[(&str, &str)],
) -> Result<String, InternalError> {
    let mut all = vec![
        ("TagSpecification.1.ResourceType", kind),
        ("TagSpecification.1.Tag.1.Key", "Name"),
        ("TagSpecification.1.Tag.1.Value", name),
    ];
    all.extend_from_slice(fields);
    let text = internal.query("ec2", action, &all).await?;
    xml::first(&text, id).ok_or_else(|| InternalError {
        call: format!("ec2:{action}"),
        code: "NoId".into(),
        said: format!("no {id} of the {kind}: {text}"),
    })
}

/// The ids of the items of a description.
fn ids(text: &str, set: &str, id: &str) -> Vec<String> {
    let inner = xml::all(text, set).first().copied().unwrap_or_default();
    xml::all(inner, "item").into_iter().filter_map(|item| xml::first(item, id)).collect()
}
