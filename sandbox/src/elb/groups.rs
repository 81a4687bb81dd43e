//! Target groups.

use serde_json::{Value, json};

use super::{Answer, Elb, Facts, Refusal, invalid, need, number, page, tags};
use crate::ecs::json::{Object, list, text, texts};

/// One target group.
#[derive(Debug, Clone)]
pub struct Group {
    /// As described, without ARN and load balancers.
    body: Object,
    /// Targets registered by hand: id, port, Availability Zone.
    pub targets: Vec<(String, i64, String)>,
    /// Order of creation.
    sequence: u64,
}

/// The members of a target group that `ModifyTargetGroup` can change.
const CHANGEABLE: [&str; 9] = [
    "HealthCheckProtocol",
    "HealthCheckPort",
    "HealthCheckEnabled",
    "HealthCheckPath",
    "HealthCheckIntervalSeconds",
    "HealthCheckTimeoutSeconds",
    "HealthyThresholdCount",
    "UnhealthyThresholdCount",
    "Matcher",
];

impl Elb {
    pub(super) fn create_group(&mut self, input: &Value, facts: &Facts) -> Answer {
        let name = need(input, "Name")?;
        check_name(name)?;
        let kind = text(input, "TargetType").unwrap_or("instance");
        if !matches!(kind, "instance" | "ip") {
            return Err(Refusal {
                status: 501,
                code: "NotEmulated".into(),
                message: format!("not emulated: target groups of type {kind}"),
            });
        }
        let Some(protocol) = text(input, "Protocol") else {
            return Err(invalid("A protocol must be specified"));
        };
        if !matches!(protocol, "HTTP" | "HTTPS" | "TCP" | "TLS" | "UDP" | "TCP_UDP") {
            return Err(invalid(format!("Protocol '{protocol}' is not valid")));
        }
        let Some(port) = number(input, "Port", 1, 65535)? else {
            return Err(invalid("A port must be specified"));
        };
        let Some(vpc) = text(input, "VpcId").filter(|vpc| !vpc.is_empty()) else {
            return Err(invalid("A VPC ID must be specified"));
        };
        if !facts.vpcs.contains(vpc) {
            return Err(invalid(format!("The VPC ID '{vpc}' is not found")));
        }
        let web = matches!(protocol, "HTTP" | "HTTPS");
        let mut body = Object::new();
        let mut put = |key: &str, value: Value| {
            body.insert(key.to_owned(), value);
        };
        put("TargetGroupName", json!(name));
        put("Protocol", json!(protocol));
        put("Port", json!(port.to_string()));
        put("VpcId", json!(vpc));
        put("HealthCheckProtocol", json!(if web { "HTTP" } else { "TCP" }));
        put("HealthCheckPort", json!("traffic-port"));
        put("HealthCheckEnabled", json!("true"));
        put("HealthCheckIntervalSeconds", json!("30"));
        put("HealthCheckTimeoutSeconds", json!(if web { "5" } else { "10" }));
        put("HealthyThresholdCount", json!("5"));
        put("UnhealthyThresholdCount", json!("2"));
        if web {
            let version = text(input, "ProtocolVersion").unwrap_or("HTTP1");
            put("HealthCheckPath", json!(if version == "GRPC" { "/AWS.ALB/healthcheck" } else { "/" }));
            put(
                "Matcher",
                if version == "GRPC" { json!({"GrpcCode": "12"}) } else { json!({"HttpCode": "200"}) },
            );
            put("ProtocolVersion", json!(version));
        }
        put("TargetType", json!(kind));
        put("IpAddressType", json!(text(input, "IpAddressType").unwrap_or("ipv4")));
        change(&mut body, input)?;
        let new_tags = tags::given(input)?;
        if let Some((arn, there)) = self.groups.iter().find(|(_, one)| one.text("TargetGroupName") == name) {
            if there.body == body {
                return Ok(json!({ "TargetGroups": [self.show_group(arn, there)] }));
            }
            return Err(Refusal::new(
                "DuplicateTargetGroupName",
                format!("A target group with the same name '{name}' exists, but with different settings"),
            ));
        }
        let id = self.id();
        let arn = self.place.arn_of("elasticloadbalancing", &format!("targetgroup/{name}/{id}"));
        let group = Group { body, targets: Vec::new(), sequence: self.used };
        let shown = self.show_group(&arn, &group);
        self.tags.insert(arn.clone(), new_tags);
        self.groups.insert(arn, group);
        Ok(json!({ "TargetGroups": [shown] }))
    }

    pub(super) fn describe_groups(&self, input: &Value) -> Answer {
        let (arns, names) = (texts(input, "TargetGroupArns"), texts(input, "Names"));
        let balancer = text(input, "LoadBalancerArn");
        if let Some(arn) = balancer {
            self.balancer(arn)?;
        }
        for arn in &arns {
            self.group(arn)?;
        }
        let known = |name: &str| self.groups.values().any(|one| one.text("TargetGroupName") == name);
        if names.iter().any(|name| !known(name)) {
            return Err(Refusal::new("TargetGroupNotFound", "One or more target groups not found"));
        }
        let mut found: Vec<_> = self
            .groups
            .iter()
            .filter(|(arn, _)| arns.is_empty() || arns.contains(&arn.as_str()))
            .filter(|(_, one)| names.is_empty() || names.contains(&one.text("TargetGroupName")))
            .filter(|(arn, _)| balancer.is_none_or(|one| self.balancers_of(arn).contains(one)))
            .collect();
        found.sort_by_key(|(_, one)| one.sequence);
        page("TargetGroups", found.iter().map(|(arn, one)| self.show_group(arn, one)).collect(), input)
    }

    pub(super) fn modify_group(&mut self, input: &Value) -> Answer {
        let arn = need(input, "TargetGroupArn")?;
        let mut group = self.group(arn)?.clone();
        change(&mut group.body, input)?;
        let shown = self.show_group(arn, &group);
        self.groups.insert(arn.to_owned(), group);
        Ok(json!({ "TargetGroups": [shown] }))
    }

    /// Deletes a target group that nothing sends to. One that is not there is as good as deleted.
    pub(super) fn delete_group(&mut self, input: &Value) -> Answer {
        let arn = need(input, "TargetGroupArn")?;
        if !self.balancers_of(arn).is_empty() {
            return Err(Refusal::new(
                "ResourceInUse",
                format!("Target group '{arn}' is currently in use by a listener or a rule"),
            ));
        }
        self.groups.remove(arn);
        self.tags.remove(arn);
        self.attributes.remove(arn);
        Ok(json!({}))
    }

    pub(super) fn register(&mut self, input: &Value) -> Answer {
        let arn = need(input, "TargetGroupArn")?;
        let default = self.group(arn)?.text("Port").parse().unwrap_or_default();
        let mut new = Vec::new();
        for target in list(input, "Targets") {
            let port = number(target, "Port", 1, 65535)?.unwrap_or(default);
            let zone = text(target, "AvailabilityZone").unwrap_or_default().to_owned();
            new.push((need(target, "Id")?.to_owned(), port, zone));
        }
        if let Some(group) = self.groups.get_mut(arn) {
            group.targets.retain(|old| !new.iter().any(|one| (&one.0, one.1) == (&old.0, old.1)));
            group.targets.extend(new);
        }
        Ok(json!({}))
    }

    pub(super) fn deregister(&mut self, input: &Value) -> Answer {
        let arn = need(input, "TargetGroupArn")?;
        self.group(arn)?;
        for target in list(input, "Targets") {
            let port = number(target, "Port", 1, 65535)?;
            let id = need(target, "Id")?;
            if let Some(group) = self.groups.get_mut(arn) {
                group.targets.retain(|(own, at, _)| own != id || port.is_some_and(|port| port != *at));
            }
        }
        Ok(json!({}))
    }

    pub(super) fn group(&self, arn: &str) -> Answer<&Group> {
        self.groups.get(arn).ok_or_else(|| group_not_found(arn))
    }

    fn show_group(&self, arn: &str, group: &Group) -> Value {
        let mut shown = Object::new();
        shown.insert("TargetGroupArn".to_owned(), json!(arn));
        shown.extend(group.body.clone());
        shown.insert("LoadBalancerArns".to_owned(), json!(self.balancers_of(arn)));
        Value::Object(shown)
    }
}

impl Group {
    /// A member of its description.
    pub fn text(&self, key: &str) -> &str {
        self.body.get(key).and_then(Value::as_str).unwrap_or_default()
    }
}

/// The refusal of a target group that is not there.
pub fn group_not_found(arn: &str) -> Refusal {
    Refusal::new("TargetGroupNotFound", format!("Target groups '{arn}' not found"))
}

fn check_name(name: &str) -> Answer<()> {
    if name.len() > 32 {
        return Err(invalid(format!("Target group name '{name}' cannot be longer than '32' characters")));
    }
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return Err(invalid(format!(
            "Target group name '{name}' can only contain characters that are alphanumeric characters or hyphens(-)"
        )));
    }
    if name.starts_with('-') || name.ends_with('-') {
        return Err(invalid(format!("Target group name '{name}' cannot begin or end with '-'")));
    }
    Ok(())
}

/// Puts the settings of the health check that a call names over what is there.
fn change(body: &mut Object, input: &Value) -> Answer<()> {
    number(input, "HealthCheckIntervalSeconds", 5, 300)?;
    number(input, "HealthCheckTimeoutSeconds", 2, 120)?;
    number(input, "HealthyThresholdCount", 2, 10)?;
    number(input, "UnhealthyThresholdCount", 2, 10)?;
    if let Some(port) = text(input, "HealthCheckPort")
        && port != "traffic-port"
        && !port.parse::<u16>().is_ok_and(|port| port > 0)
    {
        return Err(invalid(format!(
            "Health check port '{port}' must be a number between '1' and '65535' or 'traffic-port'"
        )));
    }
    if let Some(path) = text(input, "HealthCheckPath")
        && (!path.starts_with('/') || path.len() > 1024)
    {
        return Err(invalid(format!(
            "Health check path '{path}' must start with a '/' and have at most 1024 characters"
        )));
    }
    if let Some(codes) = input.pointer("/Matcher/HttpCode").and_then(Value::as_str)
        && !codes.split(',').all(is_code_or_range)
    {
        return Err(invalid(format!(
            "Health check matcher HTTP code '{codes}' must be within '200-499' inclusive"
        )));
    }
    for key in CHANGEABLE {
        if let Some(value) = input.get(key) {
            body.insert(key.to_owned(), value.clone());
        }
    }
    let seconds = |key: &str| body.get(key).and_then(Value::as_str).and_then(|text| text.parse::<i64>().ok());
    if seconds("HealthCheckTimeoutSeconds") >= seconds("HealthCheckIntervalSeconds") {
        return Err(invalid("Health check interval must be greater than the timeout."));
    }
    Ok(())
}

/// `200` or `200-299`.
fn is_code_or_range(text: &str) -> bool {
    let code = |text: &str| text.parse::<u16>().ok().filter(|code| (200..=499).contains(code));
    match text.split_once('-') {
        Some((from, to)) => code(from).zip(code(to)).is_some_and(|(from, to)| from <= to),
        None => code(text).is_some(),
    }
}
