//! `DescribeTargetHealth` of target groups that ECS services use: the targets are their tasks.

use std::fmt::Write;

use serde_json::Value;

use crate::ecs::{Target, TargetHealth};
use crate::http::Response;
use crate::state::State;
use crate::xml::escape;

/// The answer for a group that a service uses; `None` leaves it to moto.
pub fn describe(state: &State, account: &str, region: &str, input: &Value) -> Option<Response> {
    let group = input.get("TargetGroupArn").and_then(Value::as_str)?;
    let now = state.now();
    let targets = state.with_ecs(account, region, |ecs| ecs.targets(group, now))?;
    let wanted = wanted(input);
    let shown = if wanted.is_empty() {
        targets
    } else {
        wanted.into_iter().map(|one| named(one, &targets)).collect()
    };
    Some(Response::text(200, "text/xml", write(&shown)))
}

/// Addresses and ports of `Targets.member.N`.
fn wanted(input: &Value) -> Vec<(String, Option<i64>)> {
    let text = |key: &str| input.get(key).and_then(Value::as_str);
    (1..)
        .map_while(|n| {
            let address = text(&format!("Targets.member.{n}.Id"))?.to_owned();
            Some((address, text(&format!("Targets.member.{n}.Port")).and_then(|port| port.parse().ok())))
        })
        .collect()
}

/// One target that was asked for by name.
fn named((address, port): (String, Option<i64>), targets: &[Target]) -> Target {
    let mut fitting =
        targets.iter().filter(|one| one.address == address && port.is_none_or(|port| port == one.port));
    fitting.next().cloned().unwrap_or_else(|| Target {
        address,
        port: port.unwrap_or_default(),
        zone: String::new(),
        health: TargetHealth {
            state: "unused".into(),
            reason: Some("Target.NotRegistered".into()),
            description: Some("Target is not registered to the target group".into()),
        },
    })
}

fn write(targets: &[Target]) -> String {
    let element = |name: &str, value: &str| {
        if value.is_empty() { String::new() } else { format!("<{name}>{}</{name}>", escape(value)) }
    };
    let members = targets.iter().fold(String::new(), |mut all, target| {
        let Target { address, port, zone, health } = target;
        let (id, zone) = (element("Id", address), element("AvailabilityZone", zone));
        let state = element("State", &health.state);
        let reason = element("Reason", health.reason.as_deref().unwrap_or_default());
        let description = element("Description", health.description.as_deref().unwrap_or_default());
        // Writing to a string cannot fail.
        let _ = write!(
            all,
            "<member><HealthCheckPort>{port}</HealthCheckPort><TargetHealth>{state}{reason}{description}</TargetHealth>\
             <Target>{id}<Port>{port}</Port>{zone}</Target></member>"
        );
        all
    });
    format!(
        "<DescribeTargetHealthResponse xmlns=\"http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/\">\
         <DescribeTargetHealthResult><TargetHealthDescriptions>{members}</TargetHealthDescriptions>\
         </DescribeTargetHealthResult><ResponseMetadata><RequestId>00000000-0000-4000-8000-000000000000</RequestId>\
         </ResponseMetadata></DescribeTargetHealthResponse>"
    )
}
