//! Health checks: of containers, and of load balancers.

use super::words::{arn_of, has, tasks};
use super::{Evidence, Group, Match, Quote, Target, TargetGroup, find};

/// Targets in one line.
pub(super) fn told(evidence: &Evidence, target: &Target) -> String {
    let Quote { source, text } = quote(evidence, target);
    format!("{source}: {text}")
}

fn quote(evidence: &Evidence, target: &Target) -> Quote {
    let count = tasks(target.targets).replace("task", "target");
    let words: Vec<&str> = [&target.reason, &target.description]
        .into_iter()
        .map(String::as_str)
        .filter(|text| !text.is_empty())
        .collect();
    Quote {
        source: format!("target group {}", evidence.target_group.name),
        text: format!("{count} {}: {}", target.state, words.join(", ")),
    }
}

/// What the health check asks for, in one line.
pub(super) fn asks(evidence: &Evidence) -> Option<String> {
    let group = &evidence.target_group;
    let shown = !group.protocol.is_empty() && (!evidence.targets.is_empty() || speaks_of_balancer(evidence));
    let TargetGroup { name, protocol, path, matcher, timeout, .. } = group;
    let grace = evidence.grace.map(|grace| format!("; failed checks count {grace} s after a task's start"));
    shown.then(|| {
        format!(
            "target group {name}: it asks {protocol} port {} for {path} and expects {matcher} within {timeout} s{}",
            group.asked(),
            grace.unwrap_or_default()
        )
    })
}

/// Whether anything is said of a load balancer's health check.
fn speaks_of_balancer(evidence: &Evidence) -> bool {
    evidence.groups.iter().map(Some).chain([None]).any(|group| of_balancer(evidence, group).is_some())
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

/// Targets whose reason is one of these, unless the tasks failed for something else.
fn by_reason<'a>(
    evidence: &'a Evidence,
    group: Option<&Group>,
    reasons: &[&str],
) -> Option<(&'a Target, Match)> {
    if group.is_some() && of_balancer(evidence, group).is_none() {
        return None;
    }
    let target = evidence.targets.iter().find(|target| reasons.contains(&target.reason.as_str()))?;
    Some((target, Match::from(quote(evidence, target))))
}

pub(super) fn internal(evidence: &Evidence, group: Option<&Group>) -> Option<Match> {
    by_reason(evidence, group, &["Elb.InternalError"]).map(|(_, matched)| matched)
}

pub(super) fn wait_for_it(evidence: &Evidence, _: &Match) -> String {
    let key = &evidence.key;
    format!(
        "wait, and `fargate-stack redeploy {key}` if it does not pass; the AWS Health Dashboard tells of faults"
    )
}

/// The reasons for which a target cannot be used, apart from what no listener forwards to.
const UNUSABLE: &[&str] =
    &["Target.NotRegistered", "Target.IpUnusable", "Target.InvalidState", "Target.HealthCheckDisabled"];

pub(super) fn unusable(evidence: &Evidence, group: Option<&Group>) -> Option<Match> {
    let (target, matched) = by_reason(evidence, group, UNUSABLE)?;
    let name = &evidence.target_group.name;
    let what = match target.reason.as_str() {
        "Target.NotRegistered" => format!("the tasks are not registered in target group `{name}`"),
        "Target.IpUnusable" => format!("target group `{name}` cannot use the addresses of the tasks"),
        "Target.HealthCheckDisabled" => format!("the health check of target group `{name}` is turned off"),
        _ => format!("the targets of target group `{name}` are in a state in which they get no traffic"),
    };
    Some(matched.saying(what))
}

pub(super) fn mend_unusable(evidence: &Evidence, matched: &Match) -> String {
    let key = &evidence.key;
    let said = matched.said();
    if has(&said, &["healthcheckdisabled"]) {
        return "turn the health check of the target group on again, which ECS waits for; `fargate-stack plan` shows what else \
                differs from the stack file"
            .to_owned();
    }
    if has(&said, &["ipunusable"]) {
        return format!(
            "`fargate-stack redeploy {key}`, so that the tasks get other addresses: a load balancer uses these itself"
        );
    }
    format!(
        "let nobody but ECS register and deregister targets of `{}`, then `fargate-stack redeploy {key}`",
        evidence.target_group.name
    )
}

pub(super) fn unused(evidence: &Evidence, group: Option<&Group>) -> Option<Match> {
    if group.is_some() && of_balancer(evidence, group).is_none() {
        return None;
    }
    let target = evidence
        .targets
        .iter()
        .find(|target| target.state == "unused" || target.reason == "Target.NotInUse")?;
    let name = &evidence.target_group.name;
    Some(
        Match::from(quote(evidence, target))
            .saying(format!("the load balancer does not use target group `{name}`")),
    )
}

fn words(target: &Target) -> String {
    [target.reason.as_str(), target.description.as_str()].join(" ").trim().to_owned()
}

pub(super) fn use_it(evidence: &Evidence, matched: &Match) -> String {
    let group = &evidence.target_group;
    if has(&matched.said(), &["availability zone"]) {
        return "enable the Availability Zones of the task's subnets at the load balancer, or leave those subnets out of \
                `subnets`; `fargate-stack apply` does so for a load balancer that is the stack's own"
            .to_owned();
    }
    let rule = format!("let a listener rule forward to `{}`", group.name);
    if group.balancers.is_empty() {
        format!("{rule}, which none does; `fargate-stack apply` makes the one of the stack file")
    } else {
        format!("{rule} that gets requests: what forwards to it now gets none")
    }
}

pub(super) fn balancer(evidence: &Evidence, group: Option<&Group>) -> Option<Match> {
    let sick = evidence.targets.iter().find(|target| target.state == "unhealthy");
    let name = &evidence.target_group.name;
    let from_target = || {
        let target = sick.filter(|_| group.is_none() && evidence.groups.is_empty())?;
        Some(quote(evidence, target))
    };
    let mut matched = Match::from(of_balancer(evidence, group).or_else(from_target)?);
    // Once the tasks are gone their targets are, too, and only the events still tell what the check got.
    let event = || evidence.events.iter().find(|text| has(text, &["unhealthy in (target-group"]));
    let reason = sick.map(words).or_else(|| {
        let text = event()?;
        matched.quotes.push(Quote { source: "event of the service".to_owned(), text: text.clone() });
        let (_, why) = text.split_once("due to (reason ")?;
        Some(why.trim_end_matches(['.', ')']).to_owned())
    });
    // arn:…:targetgroup/NAME/ID
    let said = matched.said();
    let name = Some(name.clone()).filter(|name| !name.is_empty());
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
    let reason = sick.map_or(said.as_str(), |target| target.reason.as_str());
    if has(reason, &["responsecodemismatch"]) || has(&said, &["with these codes"]) {
        return other_code(evidence, sick.map_or(said.as_str(), |target| target.description.as_str()));
    }
    if has(reason, &["timeout"]) || has(&said, &["timed out"]) {
        return no_answer(evidence);
    }
    let port = evidence.target_group.asked();
    format!("{}; {}", listen(evidence, port), slow_start(evidence))
}

/// A key of the stack file below `health_check`, with what is set now.
fn key_now(evidence: &Evidence, key: &str, now: impl std::fmt::Display) -> String {
    let field = evidence.field(&format!("health_check.{key}"));
    if evidence.target_group.protocol.is_empty() { field } else { format!("{field} (`{now}` now)") }
}

/// The program answers, and not with a code that means healthy.
fn other_code(evidence: &Evidence, said: &str) -> String {
    let group = &evidence.target_group;
    let codes = said.split_once('[').and_then(|(_, rest)| rest.split_once(']')).map(|(codes, _)| codes);
    let means = match codes
        .and_then(|codes| codes.split(',').next())
        .and_then(|code| code.trim().parse::<u16>().ok())
    {
        Some(404) => ", which means that there is no such path",
        Some(401 | 403) => ", which means that the path wants a login",
        Some(300..=399) => ", which leads to another address",
        Some(500..) => ", which means that the program or what it needs fails",
        _ => "",
    };
    let got = codes.map(|codes| format!(" (it answered {codes}{means})")).unwrap_or_default();
    let (path, matcher) =
        (key_now(evidence, "path", &group.path), key_now(evidence, "matcher", &group.matcher));
    if group.protocol.is_empty() {
        return format!(
            "let the program answer the health check with an expected code{got}, or correct {path} or {matcher}"
        );
    }
    format!(
        "let the program answer `GET {}` on port {} with {}{got}, or correct {path} or {matcher}",
        group.path,
        group.asked(),
        group.matcher
    )
}

/// Nothing answers in time: a closed way, a program that does not listen there, or a slow one.
fn no_answer(evidence: &Evidence) -> String {
    let group = &evidence.target_group;
    let port = group.asked();
    let from = if group.sources.is_empty() {
        "the load balancer's group".to_owned()
    } else {
        group.sources.join(", ")
    };
    let rule = format!("let TCP port {port} from {from} into security group `{}`", evidence.security_group);
    let program = format!(
        "{}, and answer within {}; {}",
        listen(evidence, port),
        key_now(evidence, "timeout_seconds", group.timeout),
        slow_start(evidence)
    );
    match group.is_open {
        Some(false) => {
            format!("{rule}: no rule of it does; `fargate-stack apply` makes the one of the stack file")
        }
        Some(true) => format!("the security groups let the load balancer in, so {program}"),
        None => format!("{rule}; if it does already, {program}"),
    }
}

fn listen(evidence: &Evidence, port: i32) -> String {
    let at = if port == 0 { "the container's port".to_owned() } else { port.to_string() };
    format!(
        "let the program listen on 0.0.0.0:{at} (not on 127.0.0.1; the port is {})",
        evidence.field("container_port")
    )
}

/// What a slow start needs, with the time that is allowed now and how long a task that was stopped had run.
fn slow_start(evidence: &Evidence) -> String {
    let field = evidence.field("health_check.grace_period_seconds");
    let now = evidence.grace.map(|grace| format!(" ({grace} now)")).unwrap_or_default();
    let ran = evidence.groups.iter().filter_map(|group| group.ran_s).reduce(f64::max);
    let ran = ran.map(|ran| format!("; the tasks were stopped after at most {ran:.0} s")).unwrap_or_default();
    format!("a slow start needs {field}{now} of more than its time{ran}")
}
