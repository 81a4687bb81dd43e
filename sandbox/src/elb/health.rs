//! `DescribeTargetHealth`: the tasks of ECS services, and targets registered by hand.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Answer, Elb, Facts, need, number};
use crate::ecs::json::{list, text};
use crate::ecs::{Target, TargetHealth};

impl Elb {
    pub(super) fn target_health(&self, input: &Value, facts: &Facts) -> Answer {
        let arn = need(input, "TargetGroupArn")?;
        let group = self.group(arn)?;
        let mut targets = facts.tasks.clone().unwrap_or_default();
        targets.extend(group.targets.iter().map(|(id, port, zone)| Target {
            address: id.clone(),
            port: *port,
            zone: zone.clone(),
            health: TargetHealth { state: "healthy".into(), reason: None, description: None },
        }));
        let balancers = self.balancers_of(arn);
        let zones: BTreeSet<&str> = balancers
            .iter()
            .filter_map(|one| self.balancers.get(one))
            .flat_map(|one| one.zones.iter().map(|(zone, _)| zone.as_str()))
            .collect();
        for target in targets.iter_mut().filter(|one| one.health.state != "draining") {
            if balancers.is_empty() {
                target.health = unused(
                    "Target.NotInUse",
                    "Target group is not configured to receive traffic from the load balancer",
                );
            } else if !target.zone.is_empty() && !zones.contains(target.zone.as_str()) {
                target.health = unused(
                    "Target.NotInUse",
                    "Target is in an Availability Zone that is not enabled for the load balancer",
                );
            }
        }
        let named = list(input, "Targets");
        if !named.is_empty() {
            targets = named.iter().map(|one| find(one, &targets)).collect::<Answer<_>>()?;
        }
        let check_port = group.text("HealthCheckPort");
        let shown: Vec<Value> = targets.iter().map(|one| show(one, check_port)).collect();
        Ok(json!({ "TargetHealthDescriptions": shown }))
    }
}

fn unused(reason: &str, description: &str) -> TargetHealth {
    TargetHealth {
        state: "unused".into(),
        reason: Some(reason.to_owned()),
        description: Some(description.to_owned()),
    }
}

/// One target that was asked for by name.
fn find(wanted: &Value, targets: &[Target]) -> Answer<Target> {
    let (id, port) = (need(wanted, "Id")?, number(wanted, "Port", 1, 65535)?);
    let mut fitting =
        targets.iter().filter(|one| one.address == id && port.is_none_or(|port| port == one.port));
    Ok(fitting.next().cloned().unwrap_or_else(|| Target {
        address: id.to_owned(),
        port: port.unwrap_or_default(),
        zone: text(wanted, "AvailabilityZone").unwrap_or_default().to_owned(),
        health: unused("Target.NotRegistered", "Target is not registered to the target group"),
    }))
}

fn show(target: &Target, check_port: &str) -> Value {
    let Target { address, port, zone, health } = target;
    let check_port = if check_port == "traffic-port" { port.to_string() } else { check_port.to_owned() };
    let zone = (!zone.is_empty()).then_some(zone);
    json!({
        "Target": {"Id": address, "Port": port, "AvailabilityZone": zone},
        "HealthCheckPort": check_port,
        "TargetHealth": {"State": health.state, "Reason": health.reason, "Description": health.description},
    })
}
