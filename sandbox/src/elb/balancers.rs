//! Load balancers.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Answer, Elb, Facts, Refusal, invalid, need, page, tags};
use crate::ecs::json::{list, text, texts};

/// How long a load balancer is `provisioning`, in seconds (AWS: minutes).
const PROVISIONING_S: f64 = 0.3;

/// How long the network interfaces of a deleted load balancer hold its security groups, in seconds (AWS: minutes).
const RELEASE_S: f64 = 0.3;

/// One load balancer.
#[derive(Debug, Clone)]
pub struct Balancer {
    name: String,
    dns_name: String,
    scheme: String,
    vpc: String,
    /// Availability Zone and subnet.
    pub zones: Vec<(String, String)>,
    pub security_groups: Vec<String>,
    ip_type: String,
    created_at: f64,
    /// Order of creation.
    sequence: u64,
}

impl Elb {
    pub(super) fn create_balancer(&mut self, input: &Value, facts: &Facts) -> Answer {
        let name = need(input, "Name")?;
        check_name(name)?;
        let kind = text(input, "Type").unwrap_or("application");
        if kind != "application" {
            return Err(Refusal {
                status: 501,
                code: "NotEmulated".into(),
                message: format!("not emulated: load balancers of type {kind}"),
            });
        }
        let scheme = text(input, "Scheme").unwrap_or("internet-facing");
        if !matches!(scheme, "internet-facing" | "internal") {
            return Err(invalid(format!("Load balancer scheme '{scheme}' is not valid")));
        }
        let (vpc, zones) = place(subnets(input)?, facts)?;
        if scheme == "internet-facing" && !facts.with_gateway.contains(&vpc) {
            return Err(Refusal::new("InvalidSubnet", format!("VPC {vpc} has no internet gateway")));
        }
        let mut groups = security_groups(input, &vpc, facts)?;
        if groups.is_empty() {
            groups.extend(facts.default_groups.get(&vpc).cloned());
        }
        let ip_type = text(input, "IpAddressType").unwrap_or("ipv4").to_owned();
        let new_tags = tags::given(input)?;
        if let Some((arn, there)) = self.balancers.iter().find(|(_, one)| one.name == name) {
            let same = there.scheme == scheme
                && there.zones.iter().collect::<BTreeSet<_>>() == zones.iter().collect()
                && there.security_groups.iter().collect::<BTreeSet<_>>() == groups.iter().collect()
                && there.ip_type == ip_type;
            if same {
                return Ok(json!({ "LoadBalancers": [there.show(arn, &self.place.region, facts.now)] }));
            }
            return Err(Refusal::new(
                "DuplicateLoadBalancerName",
                format!("A load balancer with the same name '{name}' exists, but with different settings"),
            ));
        }
        let id = self.id();
        let digits = u64::from_str_radix(id.get(..8).unwrap_or_default(), 16).unwrap_or_default();
        let front = if scheme == "internal" { "internal-" } else { "" };
        let balancer = Balancer {
            name: name.to_owned(),
            dns_name: format!("{front}{name}-{digits}.{}.elb.amazonaws.com", self.place.region),
            scheme: scheme.to_owned(),
            vpc,
            zones,
            security_groups: groups,
            ip_type,
            created_at: facts.now,
            sequence: self.used,
        };
        let arn = self.place.arn_of("elasticloadbalancing", &format!("loadbalancer/app/{name}/{id}"));
        let shown = balancer.show(&arn, &self.place.region, facts.now);
        self.tags.insert(arn.clone(), new_tags);
        self.balancers.insert(arn, balancer);
        Ok(json!({ "LoadBalancers": [shown] }))
    }

    pub(super) fn describe_balancers(&self, input: &Value, facts: &Facts) -> Answer {
        let (arns, names) = (texts(input, "LoadBalancerArns"), texts(input, "Names"));
        for arn in &arns {
            self.balancer(arn)?;
        }
        if let Some(name) = names.iter().find(|name| !self.balancers.values().any(|one| one.name == **name)) {
            return Err(not_found(&format!("Load balancers '[{name}]' not found")));
        }
        let mut found: Vec<_> = self
            .balancers
            .iter()
            .filter(|(arn, _)| arns.is_empty() || arns.contains(&arn.as_str()))
            .filter(|(_, one)| names.is_empty() || names.contains(&one.name.as_str()))
            .collect();
        found.sort_by_key(|(_, one)| one.sequence);
        let shown = found.iter().map(|(arn, one)| one.show(arn, &self.place.region, facts.now)).collect();
        page("LoadBalancers", shown, input)
    }

    /// Deletes a load balancer with its listeners and rules. One that is not there is as good as deleted.
    pub(super) fn delete_balancer(&mut self, input: &Value, facts: &Facts) -> Answer {
        let arn = need(input, "LoadBalancerArn")?;
        let protected = self
            .attributes
            .get(arn)
            .and_then(|set| set.get("deletion_protection.enabled"))
            .is_some_and(|value| value == "true");
        if protected {
            return Err(Refusal::new(
                "OperationNotPermitted",
                format!("Load balancer '{arn}' cannot be deleted because deletion protection is enabled"),
            ));
        }
        let Some(gone) = self.balancers.remove(arn) else {
            return Ok(json!({}));
        };
        let until = facts.now + RELEASE_S;
        self.held.retain(|(_, until)| *until > facts.now);
        self.held.extend(gone.security_groups.into_iter().map(|id| (id, until)));
        let listeners: Vec<String> = self
            .listeners
            .iter()
            .filter(|(_, one)| one.balancer == arn)
            .map(|(listener, _)| listener.clone())
            .collect();
        for listener in listeners {
            self.drop_listener(&listener);
        }
        self.tags.remove(arn);
        self.attributes.remove(arn);
        Ok(json!({}))
    }

    pub(super) fn set_subnets(&mut self, input: &Value, facts: &Facts) -> Answer {
        let arn = need(input, "LoadBalancerArn")?;
        let balancer = self.balancer(arn)?;
        let (vpc, zones) = place(subnets(input)?, facts)?;
        if vpc != balancer.vpc {
            return Err(Refusal::new(
                "InvalidConfigurationRequest",
                "The subnets must be in the VPC of the load balancer",
            ));
        }
        if let Some(balancer) = self.balancers.get_mut(arn) {
            balancer.zones = zones;
        }
        let balancer = self.balancer(arn)?;
        Ok(json!({"AvailabilityZones": balancer.show_zones(), "IpAddressType": balancer.ip_type}))
    }

    pub(super) fn set_security_groups(&mut self, input: &Value, facts: &Facts) -> Answer {
        let arn = need(input, "LoadBalancerArn")?;
        let groups = security_groups(input, &self.balancer(arn)?.vpc, facts)?;
        if groups.is_empty() {
            return Err(invalid("A load balancer must have at least one security group"));
        }
        if let Some(balancer) = self.balancers.get_mut(arn) {
            balancer.security_groups.clone_from(&groups);
        }
        Ok(json!({ "SecurityGroupIds": groups }))
    }

    pub(super) fn set_ip_address_type(&mut self, input: &Value) -> Answer {
        let arn = need(input, "LoadBalancerArn")?;
        let kind = need(input, "IpAddressType")?;
        self.balancer(arn)?;
        if let Some(balancer) = self.balancers.get_mut(arn) {
            kind.clone_into(&mut balancer.ip_type);
        }
        Ok(json!({ "IpAddressType": kind }))
    }

    pub(super) fn balancer(&self, arn: &str) -> Answer<&Balancer> {
        let missing = || not_found(&format!("Load balancers '[{arn}]' not found"));
        self.balancers.get(arn).ok_or_else(missing)
    }

    /// DNS name in lower case and hosted zone of every load balancer.
    pub fn names(&self) -> impl Iterator<Item = (String, String)> + '_ {
        let zone = hosted_zone(&self.place.region).to_owned();
        self.balancers.values().map(move |one| (one.dns_name.to_ascii_lowercase(), zone.clone()))
    }

    /// The VPC of a load balancer.
    pub(super) fn vpc_of(&self, balancer: &str) -> &str {
        self.balancers.get(balancer).map_or("", |one| &one.vpc)
    }
}

impl Balancer {
    fn show(&self, arn: &str, region: &str, now: f64) -> Value {
        let state = if now < self.created_at + PROVISIONING_S { "provisioning" } else { "active" };
        json!({
            "LoadBalancerArn": arn,
            "DNSName": self.dns_name,
            "CanonicalHostedZoneId": hosted_zone(region),
            "CreatedTime": crate::clock::written(self.created_at),
            "LoadBalancerName": self.name,
            "Scheme": self.scheme,
            "VpcId": self.vpc,
            "State": {"Code": state},
            "Type": "application",
            "AvailabilityZones": self.show_zones(),
            "SecurityGroups": self.security_groups,
            "IpAddressType": self.ip_type,
        })
    }

    fn show_zones(&self) -> Vec<Value> {
        let zone = |(zone, subnet): &(String, String)| json!({"ZoneName": zone, "SubnetId": subnet, "LoadBalancerAddresses": []});
        self.zones.iter().map(zone).collect()
    }
}

fn not_found(message: &str) -> Refusal {
    Refusal::new("LoadBalancerNotFound", message)
}

fn check_name(name: &str) -> Answer<()> {
    if name.len() > 32 {
        return Err(invalid(format!("Load balancer name '{name}' cannot be longer than '32' characters")));
    }
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return Err(invalid(format!(
            "Load balancer name '{name}' can only contain characters that are alphanumeric characters or hyphens(-)"
        )));
    }
    if name.starts_with('-') || name.ends_with('-') {
        return Err(invalid(format!("Load balancer name '{name}' cannot begin or end with '-'")));
    }
    if name.starts_with("internal-") {
        return Err(invalid(format!("Load balancer name '{name}' cannot begin with 'internal-'")));
    }
    Ok(())
}

/// The subnets of `Subnets` or `SubnetMappings`.
fn subnets(input: &Value) -> Answer<Vec<&str>> {
    let (plain, mapped) = (texts(input, "Subnets"), list(input, "SubnetMappings"));
    if !plain.is_empty() && !mapped.is_empty() {
        return Err(invalid("You can specify either subnets or subnet mappings, not both"));
    }
    Ok(plain.into_iter().chain(mapped.iter().filter_map(|one| text(one, "SubnetId"))).collect())
}

/// VPC and zones of subnets that a load balancer may have: one in each of at least two Availability Zones.
fn place(subnets: Vec<&str>, facts: &Facts) -> Answer<(String, Vec<(String, String)>)> {
    let configuration = |message: &str| Refusal::new("InvalidConfigurationRequest", message);
    let (mut vpcs, mut zones, mut found) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    for id in subnets {
        let (vpc, zone) = facts
            .subnets
            .get(id)
            .ok_or_else(|| Refusal::new("SubnetNotFound", format!("The subnet ID '{id}' does not exist")))?;
        vpcs.insert(vpc.clone());
        if !zones.insert(zone.clone()) {
            return Err(configuration(
                "A load balancer cannot be attached to multiple subnets in the same Availability Zone",
            ));
        }
        found.push((zone.clone(), id.to_owned()));
    }
    if zones.len() < 2 {
        return Err(invalid("At least two subnets in two different Availability Zones must be specified"));
    }
    match (vpcs.len(), vpcs.pop_first()) {
        (1, Some(vpc)) => {
            found.sort();
            Ok((vpc, found))
        }
        _ => Err(configuration("All subnets must be in the same VPC")),
    }
}

/// The security groups that a call names.
fn security_groups(input: &Value, vpc: &str, facts: &Facts) -> Answer<Vec<String>> {
    let wrong = |message: String| Err(Refusal::new("InvalidSecurityGroup", message));
    let mut found: Vec<String> = Vec::new();
    for id in texts(input, "SecurityGroups") {
        match facts.security_groups.get(id) {
            None => return wrong(format!("The security group '{id}' does not exist")),
            Some(other) if other != vpc => {
                return Err(Refusal::new(
                    "InvalidConfigurationRequest",
                    format!("One or more security groups are invalid: '{id}' is not in VPC '{vpc}'"),
                ));
            }
            Some(_) if found.iter().any(|one| one == id) => {}
            Some(_) => found.push(id.to_owned()),
        }
    }
    if found.len() > 5 {
        return Err(Refusal::new(
            "InvalidConfigurationRequest",
            "A load balancer can have at most 5 security groups",
        ));
    }
    Ok(found)
}

/// The hosted zone of application load balancers in a region ("Elastic Load Balancing endpoints and quotas" of the AWS
/// General Reference); a region that is not listed here has that of `us-east-1`.
fn hosted_zone(region: &str) -> &'static str {
    match region {
        "us-east-2" => "Z3AADJGX6KTTL2",
        "us-west-1" => "Z368ELLRRE2KJ0",
        "us-west-2" => "Z1H1FL5HABSF5",
        "ap-northeast-1" => "Z14GRHDCWA56QT",
        "ap-southeast-1" => "Z1LMS91P8CMLE5",
        "ap-southeast-2" => "Z1GM3OXH4ZPM65",
        "eu-central-1" => "Z215JYRZR1TBD5",
        "eu-west-1" => "Z32O12XQLNTSW2",
        "eu-west-2" => "ZHURV8PSTC4K8",
        "eu-north-1" => "Z23TAZ6LKFMNIO",
        _ => "Z35SXDOTRQ7X7K",
    }
}
