//! Room for a task: capacity, quotas, addresses, zones, and the pace of the scheduler.

use super::words::has;
use super::{Evidence, Group, Match, find};

pub(super) fn subnet_addresses(evidence: &Evidence, group: Option<&Group>) -> Option<Match> {
    let parts = [
        "insufficientfreeaddresses",
        "not have enough free addresses",
        "free addresses",
        "free ip addresses",
        "resource:eni",
        "network interface provisioning",
        "insufficient ip",
    ];
    let quote = find(evidence, group, &parts)?;
    let full = evidence.subnets.iter().find(|subnet| subnet.free == Some(0));
    let matched = Match::from(quote);
    Some(match full {
        Some(subnet) => matched.saying(format!("subnet `{}` has no free addresses", subnet.id)),
        None => matched,
    })
}

pub(super) fn free_addresses(evidence: &Evidence, matched: &Match) -> String {
    let kind = if evidence.public_ip { "public" } else { "private" };
    let said = matched.said();
    let mut words = said.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    let named = words.find(|word| word.starts_with("subnet-"));
    let fewest = evidence.subnets.iter().filter(|one| one.free.is_some()).min_by_key(|one| one.free);
    let full = named.or(fewest.map(|subnet| subnet.id.as_str()));
    let instead = full.map(|id| format!(" instead of `{id}`")).unwrap_or_default();
    format!("name a larger subnet in `subnets.{kind}`{instead}, or free addresses there: each task takes one")
}

pub(super) fn spot(evidence: &Evidence, group: Option<&Group>) -> Option<Match> {
    let found = group.filter(|group| {
        let on_spot = group.provider.as_deref() == Some("FARGATE_SPOT");
        group.stop_code == "SpotInterruption" || (on_spot && group.stop_code == "TerminationNotice")
    })?;
    Some(find(evidence, Some(found), &[""]).map_or_else(Match::default, Match::from))
}

pub(super) fn base_on_demand(_: &Evidence, _: &Match) -> String {
    "give the service's capacity provider strategy a `base` of at least 1 on `FARGATE`, and let the program end within 120 s of SIGTERM".to_owned()
}

pub(super) fn retirement(evidence: &Evidence, group: Option<&Group>) -> Option<Match> {
    let found = group
        .filter(|group| ["InfrastructureHealth", "TerminationNotice"].contains(&group.stop_code.as_str()))?;
    Some(find(evidence, Some(found), &[""]).map_or_else(Match::default, Match::from))
}

pub(super) fn nothing_to_do(evidence: &Evidence, _: &Match) -> String {
    format!(
        "nothing; ECS replaces the task, and you release `{}` again if this release was rolled back",
        evidence.key
    )
}

pub(super) fn quota(evidence: &Evidence, group: Option<&Group>) -> Option<Match> {
    let parts = [
        "reached the limit on the number of",
        "above your limit",
        "above your account limit",
        "vcpu limit",
        "exceeds your quota",
        "limit exceeded: vcpu",
    ];
    find(evidence, group, &parts).map(Match::from)
}

/// Quota codes of Service Quotas, service `fargate`: vCPUs of tasks on demand and on Spot.
pub(super) fn raise_quota(_: &Evidence, matched: &Match) -> String {
    let code = if has(&matched.said(), &["spot"]) { "L-36FBB829" } else { "L-3032A538" };
    format!(
        "ask for more vCPUs: `aws service-quotas request-service-quota-increase --service-code fargate --quota-code {code} --desired-value N`"
    )
}

pub(super) fn unsupported_zone(evidence: &Evidence, group: Option<&Group>) -> Option<Match> {
    let internal = find(evidence, group, &["unable to place a task", "internal error"])?;
    (has(&internal.text, &["internal error"]) && has(&internal.text, &["place a task", "reason:"]))
        .then(|| Match::from(internal))
}

pub(super) fn leave_zone(evidence: &Evidence, _: &Match) -> String {
    let kind = if evidence.public_ip { "public" } else { "private" };
    let zones: Vec<String> =
        evidence.subnets.iter().map(|one| format!("`{}` in {}", one.id, one.zone)).collect();
    let have = if zones.is_empty() { String::new() } else { format!(" (now {})", zones.join(", ")) };
    format!("name subnets of other Availability Zones in `subnets.{kind}`{have}")
}

pub(super) fn capacity(evidence: &Evidence, group: Option<&Group>) -> Option<Match> {
    let parts = [
        "capacity is unavailable",
        "unable to place a task",
        "capacity unavailable",
        "insufficient capacity",
    ];
    let shortage = find(evidence, group, &parts);
    // `RunTask` answers `RESOURCE:…` for whatever it found too little of.
    let short = || find(evidence, group, &["resource:"]).filter(|_| group.is_none());
    shortage.or_else(short).map(Match::from)
}

pub(super) fn more_zones(evidence: &Evidence, _: &Match) -> String {
    let kind = if evidence.public_ip { "public" } else { "private" };
    let zones: std::collections::BTreeSet<&str> =
        evidence.subnets.iter().map(|one| one.zone.as_str()).collect();
    let have = if zones.is_empty() {
        String::new()
    } else {
        format!(" (now {})", zones.into_iter().collect::<Vec<_>>().join(", "))
    };
    format!(
        "name subnets of more Availability Zones in `subnets.{kind}`{have}; a smaller {} is easier to place",
        evidence.field("cpu")
    )
}

pub(super) fn deadlock(evidence: &Evidence, group: Option<&Group>) -> Option<Match> {
    let parts = ["unable to stop or start tasks", "because of the service deployment configuration"];
    find(evidence, group, &parts).map(Match::from)
}

/// ECS rounds the minimum up and the maximum down (`DeploymentConfiguration`), so with few tasks both may be the count itself.
pub(super) fn workable_pair(evidence: &Evidence, _: &Match) -> String {
    let now = match (evidence.minimum_percent, evidence.maximum_percent, evidence.desired) {
        (Some(minimum), Some(maximum), Some(desired)) => {
            format!(" (now {minimum} and {maximum} with {desired} wanted)")
        }
        _ => String::new(),
    };
    format!(
        "let the service have `minimumHealthyPercent` 100 and `maximumPercent` 200{now}: `fargate-stack apply` sets them"
    )
}

pub(super) fn throttled(evidence: &Evidence, group: Option<&Group>) -> Option<Match> {
    find(evidence, group, &["unable to consistently start tasks"])
        .filter(|_| group.is_none())
        .map(Match::from)
}

pub(super) fn redeploy(evidence: &Evidence, _: &Match) -> String {
    format!(
        "remove the cause that the stopped tasks tell (`fargate-stack list-tasks stopped`), then `fargate-stack redeploy {}`: a new deployment starts without the pauses",
        evidence.key
    )
}
