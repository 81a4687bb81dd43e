//! What listeners and rules do with a request.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::groups::group_not_found;
use super::{Answer, Elb, Refusal, invalid, number};
use crate::ecs::json::{Object, default_to, list, text};

/// What a redirect is when its members are left out.
const REDIRECT: [(&str, &str); 5] = [
    ("Protocol", "#{protocol}"),
    ("Port", "#{port}"),
    ("Host", "#{host}"),
    ("Path", "/#{path}"),
    ("Query", "#{query}"),
];

/// The target groups that actions send to.
pub fn groups(actions: &[Value]) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    for action in actions {
        found.extend(text(action, "TargetGroupArn"));
        if let Some(forward) = action.get("ForwardConfig") {
            found.extend(list(forward, "TargetGroups").iter().filter_map(|one| text(one, "TargetGroupArn")));
        }
    }
    found
}

impl Elb {
    /// The actions that a call gives, as they are described; refused where they make no sense on this load balancer.
    pub(super) fn checked_actions(&self, given: &[Value], balancer: &str) -> Answer<Vec<Value>> {
        if given.is_empty() {
            return Err(invalid("You must specify at least one action"));
        }
        let mut actions = Vec::new();
        for (position, action) in given.iter().enumerate() {
            let last = position + 1 == given.len();
            actions.push(checked(action, last)?);
        }
        for arn in groups(&actions) {
            let group = self.groups.get(arn).ok_or_else(|| group_not_found(arn))?;
            let others = self.balancers_of(arn);
            if others.iter().any(|other| other != balancer) {
                return Err(Refusal::new(
                    "TargetGroupAssociationLimit",
                    format!(
                        "The following target groups cannot be associated with more than one load balancer: {arn}"
                    ),
                ));
            }
            let protocol = group.text("Protocol");
            if !matches!(protocol, "HTTP" | "HTTPS") {
                return Err(Refusal::new(
                    "IncompatibleProtocols",
                    format!(
                        "The listener is incompatible with target group '{arn}' of protocol '{protocol}'"
                    ),
                ));
            }
            if group.text("VpcId") != self.vpc_of(balancer) {
                return Err(Refusal::new(
                    "InvalidConfigurationRequest",
                    format!("The load balancer and the target group '{arn}' must be in the same VPC"),
                ));
            }
        }
        actions.sort_by_key(|action| text(action, "Order").and_then(|order| order.parse::<i64>().ok()));
        Ok(actions)
    }
}

fn checked(action: &Value, last: bool) -> Answer<Value> {
    let wrong = |message: &str| Err(Refusal::new("InvalidLoadBalancerAction", message));
    let kind = text(action, "Type").unwrap_or_default();
    number(action, "Order", 1, 50_000)?;
    let ends = matches!(kind, "forward" | "redirect" | "fixed-response");
    if ends != last {
        return wrong(
            "The last action must be a forward, redirect or fixed-response action, and only the last",
        );
    }
    let mut action = action.as_object().cloned().unwrap_or_default();
    match kind {
        "forward" => forward(&mut action)?,
        "redirect" => redirect(&mut action)?,
        "fixed-response" => {
            let config = action.get("FixedResponseConfig").cloned().unwrap_or_default();
            let code = text(&config, "StatusCode").unwrap_or_default();
            let known = code.len() == 3
                && code.parse::<u16>().is_ok_and(|code| matches!(code, 200..=299 | 400..=599));
            if !known {
                return wrong("A fixed-response action needs a status code 2XX, 4XX or 5XX");
            }
            if text(&config, "MessageBody").is_some_and(|body| body.len() > 1024) {
                return wrong("The message body of a fixed-response action cannot be longer than 1024 bytes");
            }
        }
        "authenticate-oidc" | "authenticate-cognito" => {
            // The secret is never answered.
            if let Some(config) = action.get_mut("AuthenticateOidcConfig").and_then(Value::as_object_mut) {
                config.remove("ClientSecret");
            }
        }
        other => {
            return Err(invalid(format!(
                "1 validation error detected: Value '{other}' at 'actions.1.member.type' failed to satisfy constraint: \
                 Member must satisfy enum value set: [forward, authenticate-oidc, authenticate-cognito, redirect, \
                 fixed-response]"
            )));
        }
    }
    Ok(Value::Object(action))
}

/// A forward action names its only group twice, and each group has a weight.
fn forward(action: &mut Object) -> Answer<()> {
    let single = action.get("TargetGroupArn").and_then(Value::as_str).map(str::to_owned);
    let config = action.get("ForwardConfig").cloned().unwrap_or_default();
    let mut groups: Vec<Value> = list(&config, "TargetGroups").to_vec();
    if groups.is_empty() {
        groups.extend(single.as_ref().map(|arn| json!({ "TargetGroupArn": arn })));
    }
    let first = groups.first().and_then(|one| text(one, "TargetGroupArn")).map(str::to_owned);
    let (Some(first), false) = (first, groups.len() > 5) else {
        return Err(invalid("A forward action must have between '1' and '5' target groups"));
    };
    if single.as_ref().is_some_and(|single| groups.len() > 1 || *single != first) {
        return Err(invalid(
            "You can specify either a target group ARN or a forward configuration with the same one",
        ));
    }
    for group in &mut groups {
        number(group, "Weight", 0, 999)?;
        if let Some(members) = group.as_object_mut() {
            default_to(members, "Weight", json!("1"));
        }
    }
    if groups.len() == 1 {
        action.insert("TargetGroupArn".to_owned(), json!(first));
    }
    let stickiness =
        config.get("TargetGroupStickinessConfig").cloned().unwrap_or_else(|| json!({ "Enabled": "false" }));
    action.insert(
        "ForwardConfig".to_owned(),
        json!({ "TargetGroups": groups, "TargetGroupStickinessConfig": stickiness }),
    );
    Ok(())
}

fn redirect(action: &mut Object) -> Answer<()> {
    let wrong = |message: &str| Err(Refusal::new("InvalidLoadBalancerAction", message));
    let Some(config) = action.get_mut("RedirectConfig").and_then(Value::as_object_mut) else {
        return wrong("A redirect action needs a redirect configuration");
    };
    if !matches!(config.get("StatusCode").and_then(Value::as_str), Some("HTTP_301" | "HTTP_302")) {
        return wrong("A redirect action needs the status code HTTP_301 or HTTP_302");
    }
    for (key, value) in REDIRECT {
        default_to(config, key, json!(value));
    }
    let unchanged = |(key, value): &(&str, &str)| config.get(*key).and_then(Value::as_str) == Some(*value);
    if REDIRECT.iter().filter(|(key, _)| *key != "Query").all(unchanged) {
        return wrong("The redirect configuration is not valid because it creates a loop.");
    }
    Ok(())
}
