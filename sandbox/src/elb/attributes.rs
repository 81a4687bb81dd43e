//! Attributes of load balancers and target groups: defaults, and what was set.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Answer, Elb, invalid, need};
use crate::ecs::json::{list, text};

/// Attributes of an application load balancer with their defaults ("Edit attributes for your Application Load Balancer").
const BALANCER: [(&str, &str); 19] = [
    ("access_logs.s3.enabled", "false"),
    ("access_logs.s3.bucket", ""),
    ("access_logs.s3.prefix", ""),
    ("client_keep_alive.seconds", "3600"),
    ("connection_logs.s3.enabled", "false"),
    ("connection_logs.s3.bucket", ""),
    ("connection_logs.s3.prefix", ""),
    ("deletion_protection.enabled", "false"),
    ("idle_timeout.timeout_seconds", "60"),
    ("load_balancing.cross_zone.enabled", "true"),
    ("routing.http.desync_mitigation_mode", "defensive"),
    ("routing.http.drop_invalid_header_fields.enabled", "false"),
    ("routing.http.preserve_host_header.enabled", "false"),
    ("routing.http.x_amzn_tls_version_and_cipher_suite.enabled", "false"),
    ("routing.http.xff_client_port.enabled", "false"),
    ("routing.http.xff_header_processing.mode", "append"),
    ("routing.http2.enabled", "true"),
    ("waf.fail_open.enabled", "false"),
    ("zonal_shift.config.enabled", "false"),
];

/// Attributes of a target group with their defaults ("Edit target group attributes for your Application Load Balancer").
const GROUP: [(&str, &str); 14] = [
    ("deregistration_delay.timeout_seconds", "300"),
    ("load_balancing.algorithm.anomaly_mitigation", "off"),
    ("load_balancing.algorithm.type", "round_robin"),
    ("load_balancing.cross_zone.enabled", "use_load_balancer_configuration"),
    ("slow_start.duration_seconds", "0"),
    ("stickiness.app_cookie.cookie_name", ""),
    ("stickiness.app_cookie.duration_seconds", "86400"),
    ("stickiness.enabled", "false"),
    ("stickiness.lb_cookie.duration_seconds", "86400"),
    ("stickiness.type", "lb_cookie"),
    ("target_group_health.dns_failover.minimum_healthy_targets.count", "1"),
    ("target_group_health.dns_failover.minimum_healthy_targets.percentage", "off"),
    ("target_group_health.unhealthy_state_routing.minimum_healthy_targets.count", "1"),
    ("target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage", "off"),
];

/// Numbers that have limits.
const RANGES: [(&str, u32, u32); 6] = [
    ("client_keep_alive.seconds", 60, 604_800),
    ("idle_timeout.timeout_seconds", 1, 4000),
    ("deregistration_delay.timeout_seconds", 0, 3600),
    ("slow_start.duration_seconds", 0, 900),
    ("stickiness.app_cookie.duration_seconds", 1, 604_800),
    ("stickiness.lb_cookie.duration_seconds", 1, 604_800),
];

impl Elb {
    pub(super) fn show_attributes(&self, input: &Value, key: &str) -> Answer {
        let arn = need(input, key)?;
        let mut all: BTreeMap<&str, &str> = self.known(arn, key)?.iter().copied().collect();
        if let Some(set) = self.attributes.get(arn) {
            all.extend(set.iter().map(|(key, value)| (key.as_str(), value.as_str())));
        }
        let shown: Vec<Value> =
            all.into_iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect();
        Ok(json!({ "Attributes": shown }))
    }

    pub(super) fn modify_attributes(&mut self, input: &Value, key: &str) -> Answer {
        let arn = need(input, key)?;
        let known = self.known(arn, key)?;
        let mut new = BTreeMap::new();
        for attribute in list(input, "Attributes") {
            let name = text(attribute, "Key").unwrap_or_default();
            let value = text(attribute, "Value").unwrap_or_default();
            if !known.iter().any(|(known, _)| *known == name) {
                let what = if key == "LoadBalancerArn" { "Load balancer" } else { "Target group" };
                return Err(invalid(format!("{what} attribute key '{name}' is not recognized")));
            }
            check(name, value)?;
            new.insert(name.to_owned(), value.to_owned());
        }
        if new.is_empty() {
            return Err(invalid("You must specify at least one attribute"));
        }
        self.attributes.entry(arn.to_owned()).or_default().extend(new);
        self.show_attributes(input, key)
    }

    /// The attributes of something that exists.
    fn known(&self, arn: &str, key: &str) -> Answer<&'static [(&'static str, &'static str)]> {
        if key == "LoadBalancerArn" {
            self.balancer(arn).map(|_| &BALANCER[..])
        } else {
            self.group(arn).map(|_| &GROUP[..])
        }
    }
}

fn check(name: &str, value: &str) -> Answer<()> {
    let wrong =
        |rule: String| Err(invalid(format!("'{value}' is not a valid value for attribute '{name}': {rule}")));
    if let Some((_, least, most)) = RANGES.iter().find(|(known, _, _)| *known == name)
        && !value.parse::<u32>().is_ok_and(|value| (*least..=*most).contains(&value))
    {
        return wrong(format!("it must be between '{least}' and '{most}'"));
    }
    if name == "slow_start.duration_seconds"
        && value.parse::<u32>().is_ok_and(|value| (1..30).contains(&value))
    {
        return wrong("it must be '0' or between '30' and '900'".into());
    }
    let group_cross_zone =
        name == "load_balancing.cross_zone.enabled" && value == "use_load_balancer_configuration";
    if name.ends_with(".enabled") && !group_cross_zone && !matches!(value, "true" | "false") {
        return wrong("it must be 'true' or 'false'".into());
    }
    if name == "stickiness.type" && !matches!(value, "lb_cookie" | "app_cookie") {
        return wrong("it must be 'lb_cookie' or 'app_cookie'".into());
    }
    Ok(())
}
