//! Health checks: of containers, and of load balancers.

use super::words::{arn_of, has, tasks};
use super::{Evidence, Group, Match, Quote, Target, find};

/// Targets in one line.
pub(super) fn told(target: &Target) -> String {
    let Target { group, state, reason, description, check, targets } = target;
    let words: Vec<&str> =
        [reason.as_str(), description.as_str()].into_iter().filter(|text| !text.is_empty()).collect();
    let check = if check.is_empty() { String::new() } else { format!(" (it asks {check})") };
    format!(
        "target group {group}: {} {state}: {}{check}",
        tasks(*targets).replace("task", "target"),
        words.join(", ")
    )
}

pub(super) fn container(evidence: &Evidence, group: Option<&Group>) -> Option<Match> {
    let quote = find(evidence, group, &["failed container health checks", "container health check"])?;
    let checked = evidence.containers.iter().find(|one| !one.health_check.is_empty());
    let matched = Match::from(quote);
    Some(match checked {
        Some(one) => Match {
            container: Some(one.name.clone()),
            ..matched.saying(format!("the health check of container `{}` failed", one.name))
        },
        None => matched,
    })
}

pub(super) fn mend_container(evidence: &Evidence, matched: &Match) -> String {
    let named = matched.container.as_deref().and_then(|name| evidence.definition(name));
    let check = named.or_else(|| evidence.containers.iter().find(|one| !one.health_check.is_empty()));
    let command = check.filter(|one| !one.health_check.is_empty());
    let command =
        command.map(|one| format!(" `{}`", serde_json::json!(one.health_check))).unwrap_or_default();
    format!(
        "correct the health check's command{command}, or give it a longer `startPeriod`: it must exit with 0 inside the container of {}",
        evidence.field("image")
    )
}

/// What is said about a load balancer's health check, by ECS or by the target group itself.
fn of_balancer(evidence: &Evidence, group: Option<&Group>) -> Option<Quote> {
    find(evidence, group, &["failed elb health checks", "unhealthy in (target-group", "elb health check"])
}

pub(super) fn unused(evidence: &Evidence, group: Option<&Group>) -> Option<Match> {
    let target = evidence
        .targets
        .iter()
        .find(|target| target.state == "unused" || target.reason == "Target.NotInUse")?;
    if group.is_some() && of_balancer(evidence, group).is_none() {
        return None;
    }
    let quote = Quote { source: format!("target group {}", target.group), text: words(target) };
    Some(Match::from(quote).saying(format!("the load balancer does not use target group `{}`", target.group)))
}

fn words(target: &Target) -> String {
    [target.reason.as_str(), target.description.as_str()].join(" ").trim().to_owned()
}

pub(super) fn use_it(evidence: &Evidence, matched: &Match) -> String {
    let target = evidence
        .targets
        .iter()
        .find(|target| matched.what.as_deref().is_some_and(|what| what.contains(&target.group)));
    let name = target.map_or("the target group", |target| target.group.as_str());
    if target.is_some_and(|target| has(&target.description, &["availability zone"])) {
        return "enable the Availability Zones of the task's subnets at the load balancer".to_owned();
    }
    format!("let a listener rule of the load balancer forward to `{name}`")
}

pub(super) fn balancer(evidence: &Evidence, group: Option<&Group>) -> Option<Match> {
    let sick = evidence.targets.iter().find(|target| target.state == "unhealthy");
    let from_target = || {
        let target = sick.filter(|_| group.is_none() && evidence.groups.is_empty())?;
        Some(Quote { source: format!("target group {}", target.group), text: words(target) })
    };
    let quote = of_balancer(evidence, group).or_else(from_target)?;
    let mut matched = Match::from(quote);
    // Once the tasks are gone their targets are, too, and only the events still tell what the check got.
    let event = || evidence.events.iter().find(|text| has(text, &["unhealthy in (target-group"]));
    let reason = sick.map(words).or_else(|| {
        let text = event()?;
        matched.quotes.push(Quote { source: "event of the service".to_owned(), text: text.clone() });
        let (_, why) = text.split_once("due to (reason ")?;
        Some(why.trim_end_matches(['.', ')']).to_owned())
    });
    let name = sick.map(|target| target.group.clone());
    // arn:…:targetgroup/NAME/ID
    let said = matched.said();
    let name =
        name.or_else(|| Some(arn_of(&said, &["elasticloadbalancing"])?.rsplit('/').nth(1)?.to_owned()));
    let why = reason.map(|why| format!(" ({why})")).unwrap_or_default();
    Some(match name {
        Some(name) => matched.saying(format!("the health check of target group `{name}` failed{why}")),
        None => matched,
    })
}

pub(super) fn mend_balancer(evidence: &Evidence, matched: &Match) -> String {
    let sick = evidence.targets.iter().find(|target| target.state == "unhealthy");
    let said = matched.said();
    let check = sick.map(|target| target.check.as_str()).filter(|check| !check.is_empty());
    let check =
        check.map_or_else(|| "the health check".to_owned(), |check| format!("the health check ({check})"));
    let reason = sick.map_or(said.as_str(), |target| target.reason.as_str());
    if has(reason, &["responsecodemismatch"]) || has(&said, &["with these codes"]) {
        return format!(
            "let the program answer {check} with an expected code, or correct path and expected codes of the target group"
        );
    }
    if has(reason, &["timeout"]) || has(&said, &["timed out"]) {
        return format!(
            "add a rule to security group `{}` that lets the load balancer's group in on the container's port; if it is there, the program answers {check} too slowly",
            evidence.security_group
        );
    }
    format!(
        "let the program listen on 0.0.0.0 and the container's port before {check} begins; a slow start needs `healthCheckGracePeriodSeconds` of at least its time"
    )
}
