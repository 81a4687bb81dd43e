//! VPCs, subnets and routes as plain facts, and what they mean for a task. Pure.

/// What EC2 says about the region (or about one VPC of it, and the list of all VPCs).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Land {
    /// For example `eu-west-1`.
    pub region: String,
    /// Every VPC.
    pub vpcs: Vec<Vpc>,
    /// Subnets.
    pub subnets: Vec<Subnet>,
    /// Route tables.
    pub tables: Vec<RouteTable>,
    /// VPC endpoints.
    pub endpoints: Vec<Endpoint>,
}

/// A VPC.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Vpc {
    /// `vpc-…`.
    pub id: String,
    /// Its first IPv4 block.
    pub cidr: String,
    /// All its IPv4 blocks.
    pub ranges: Vec<String>,
    /// Its `Name` tag.
    pub name: Option<String>,
    /// The VPC that every account starts with.
    pub is_default: bool,
    /// An internet gateway is attached.
    pub has_internet_gateway: bool,
}

/// A subnet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subnet {
    /// `subnet-…`.
    pub id: String,
    /// Its VPC.
    pub vpc: String,
    /// Its Availability Zone by name, for example `eu-west-1a`.
    pub zone: String,
    /// Its IPv4 block.
    pub cidr: String,
    /// Its `Name` tag.
    pub name: Option<String>,
    /// It is on an Outpost, where Fargate does not run.
    pub on_outpost: bool,
}

/// A route table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RouteTable {
    /// `rtb-…`.
    pub id: String,
    /// Its VPC.
    pub vpc: String,
    /// It serves every subnet without an association of its own.
    pub is_main: bool,
    /// The subnets associated explicitly.
    pub subnets: Vec<String>,
    /// Where 0.0.0.0/0 leads.
    pub default: Target,
}

/// Where a default route leads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Target {
    /// Nowhere: there is none, or its target is gone.
    #[default]
    None,
    /// To an internet gateway.
    Internet(String),
    /// To anything else that passes traffic on: NAT gateway or instance, transit gateway, virtual private gateway, peering, …
    Other(String),
}

/// A VPC endpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// Its VPC.
    pub vpc: String,
    /// For example `com.amazonaws.eu-west-1.ecr.api`.
    pub service: String,
    /// A gateway endpoint (works by route tables), not an interface.
    pub is_gateway: bool,
    /// It works.
    pub is_available: bool,
    /// The route tables of a gateway endpoint.
    pub tables: Vec<String>,
}

/// How a subnet reaches the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// By an internet gateway: with a public address only.
    Public,
    /// By something that passes traffic on.
    Private,
    /// Not at all, except by VPC endpoints.
    Isolated,
}

/// A subnet with what its routes mean.
#[derive(Debug, Clone)]
pub struct Site<'a> {
    /// The subnet.
    pub subnet: &'a Subnet,
    /// What its default route leads to.
    pub reach: Reach,
    /// It is in an Availability Zone of the region: the zone's name is the region's and one letter, and longer for others.
    pub runs_fargate: bool,
    /// The VPC endpoints that a task without any other way out would lack.
    pub lacks: Vec<&'static str>,
}

/// Classifies the subnets of a VPC, in order of zone and id.
pub fn sites<'a>(land: &'a Land, vpc: &Vpc, secrets: bool) -> Vec<Site<'a>> {
    let tables: Vec<&RouteTable> = land.tables.iter().filter(|table| table.vpc == vpc.id).collect();
    let endpoints: Vec<&Endpoint> =
        land.endpoints.iter().filter(|endpoint| endpoint.vpc == vpc.id && endpoint.is_available).collect();
    let mut sites: Vec<Site<'a>> = land
        .subnets
        .iter()
        .filter(|subnet| subnet.vpc == vpc.id)
        .map(|subnet| {
            let table = table_of(&tables, &subnet.id);
            let reach = match table.map(|table| &table.default) {
                Some(Target::Internet(_)) => Reach::Public,
                Some(Target::Other(_)) => Reach::Private,
                Some(Target::None) | None => Reach::Isolated,
            };
            let lacks = lacks(&endpoints, table.map(|table| table.id.as_str()), &land.region, secrets);
            let letter = subnet.zone.strip_prefix(&land.region).is_some_and(|rest| rest.len() == 1);
            Site { subnet, reach, runs_fargate: letter && !subnet.on_outpost, lacks }
        })
        .collect();
    sites.sort_by(|a, b| (&a.subnet.zone, &a.subnet.id).cmp(&(&b.subnet.zone, &b.subnet.id)));
    sites
}

/// A subnet without an association of its own uses the main route table.
fn table_of<'a>(tables: &[&'a RouteTable], subnet: &str) -> Option<&'a RouteTable> {
    let own = tables.iter().find(|table| table.subnets.iter().any(|id| id == subnet));
    own.or_else(|| tables.iter().find(|table| table.is_main)).copied()
}

/// What a task needs to start where nothing leads out: images (ECR's two interfaces, and S3 for the layers), logs, and
/// secrets when it has any (AWS Fargate guide, interface VPC endpoints; platform version 1.4.0).
fn lacks(endpoints: &[&Endpoint], table: Option<&str>, region: &str, secrets: bool) -> Vec<&'static str> {
    let serves =
        |endpoint: &&&Endpoint, service: &str| endpoint.service.ends_with(&format!(".{region}.{service}"));
    let interface =
        |service: &str| endpoints.iter().any(|endpoint| serves(&endpoint, service) && !endpoint.is_gateway);
    let gateway = |service: &str| {
        let on_table = |endpoint: &Endpoint| endpoint.tables.iter().any(|id| Some(id.as_str()) == table);
        endpoints
            .iter()
            .any(|endpoint| serves(&endpoint, service) && endpoint.is_gateway && on_table(endpoint))
    };
    let mut lacks = Vec::new();
    for service in ["ecr.api", "ecr.dkr", "logs"] {
        if !interface(service) {
            lacks.push(service);
        }
    }
    if !gateway("s3") && !interface("s3") {
        lacks.push("s3");
    }
    if secrets && !interface("secretsmanager") {
        lacks.push("secretsmanager");
    }
    lacks
}

/// A VPC in a list for people.
pub fn vpc_line(vpc: &Vpc) -> String {
    let name = vpc.name.as_deref().map(|name| format!("  {name}")).unwrap_or_default();
    let default = if vpc.is_default { "  (the default VPC)" } else { "" };
    format!("{}  {}{name}{default}", vpc.id, vpc.cidr)
}

/// A subnet in a list for people.
pub fn site_line(site: &Site<'_>) -> String {
    let subnet = site.subnet;
    let name = subnet.name.as_deref().map(|name| format!("  {name}")).unwrap_or_default();
    let reach = match site.reach {
        Reach::Public => "public".to_owned(),
        Reach::Private => "private".to_owned(),
        Reach::Isolated if site.lacks.is_empty() => "isolated, with VPC endpoints".to_owned(),
        Reach::Isolated => format!("isolated, without the VPC endpoints {}", site.lacks.join(", ")),
    };
    format!("{}  {}  {}{name}  {reach}", subnet.id, subnet.zone, subnet.cidr)
}
