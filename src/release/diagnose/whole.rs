//! What is known of the rollout as a whole.

use super::{Evidence, Group, Match, Quote, State};

pub(super) fn digest_mismatch(evidence: &Evidence, _: Option<&Group>) -> Option<Match> {
    let mismatch = evidence.mismatch.as_ref()?;
    let text = format!("pinned {}, running {}", mismatch.pinned, mismatch.running);
    let quote = Quote { source: format!("digest of container `{}`", mismatch.container), text };
    Some(Match { container: Some(mismatch.container.clone()), ..Match::from(quote) })
}

pub(super) fn release_again(evidence: &Evidence, _: &Match) -> String {
    let pinned = evidence.mismatch.as_ref().map_or("sha256:…", |mismatch| mismatch.pinned.as_str());
    format!("pin {} by its digest `{pinned}` and release again", evidence.field("image"))
}

pub(super) fn superseded(evidence: &Evidence, _: Option<&Group>) -> Option<Match> {
    let newer = evidence.newer.clone();
    (evidence.state == State::Superseded).then(|| {
        let quotes: Vec<Quote> =
            newer.into_iter().map(|text| Quote { source: "newer deployment".to_owned(), text }).collect();
        Match { quotes, ..Match::default() }
    })
}

pub(super) fn one_at_a_time(evidence: &Evidence, _: &Match) -> String {
    format!(
        "let one run deploy at a time (`concurrency:` of the workflow), then release what you want: `fargate-stack release {}`",
        evidence.key
    )
}

/// States in which a hook holds a deployment up (`DeploymentLifecycleHookStatus`).
const HELD: &[&str] = &["FAILED", "TIMED_OUT", "AWAITING_ACTION"];

pub(super) fn hook(evidence: &Evidence, _: Option<&Group>) -> Option<Match> {
    let hook = evidence.record.hooks.iter().find(|hook| HELD.contains(&hook.status.as_str()))?;
    let at = evidence.record.stage.as_ref().map(|stage| format!(" at {stage}")).unwrap_or_default();
    let until = hook.expires.as_ref().map(|when| format!(", until {when}")).unwrap_or_default();
    let target = if hook.target.is_empty() { hook.kind.as_str() } else { hook.target.as_str() };
    let text = format!("{} is {}{at}{until}", target, hook.status);
    Some(Match::from(Quote { source: format!("lifecycle hook {}", hook.id), text }))
}

pub(super) fn mend_hook(evidence: &Evidence, _: &Match) -> String {
    let hook = evidence.record.hooks.iter().find(|hook| HELD.contains(&hook.status.as_str()));
    let (Some(hook), arn) = (hook, evidence.record.arn.as_deref().unwrap_or("ARN")) else {
        return "mend the hook's function, or continue the deployment".to_owned();
    };
    if hook.status == "AWAITING_ACTION" {
        return format!(
            "continue it: `aws ecs continue-service-deployment --service-deployment-arn {arn} --hook-id {} --action CONTINUE` (or `ROLLBACK`)",
            hook.id
        );
    }
    if hook.target.is_empty() {
        return "continue the deployment before the hook's time is over, or give the hook a longer one"
            .to_owned();
    }
    format!("mend the function `{}`: its own log tells why it did not answer `SUCCEEDED`", hook.target)
}

pub(super) fn alarm(evidence: &Evidence, _: Option<&Group>) -> Option<Match> {
    let names = &evidence.record.alarms;
    let shown: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    (!names.is_empty()).then(|| {
        let text = format!("in ALARM: {}", names.join(", "));
        let matched = Match::from(Quote { source: "alarms of the deployment".to_owned(), text });
        let verb = if names.len() == 1 { "alarm" } else { "alarms" };
        matched.saying(format!("{verb} {} went off", shown.join(", ")))
    })
}

pub(super) fn mend_alarm(evidence: &Evidence, _: &Match) -> String {
    let name = evidence.record.alarms.first().map_or("NAME", String::as_str);
    format!(
        "see what the alarm measured and since when (`aws cloudwatch describe-alarm-history --alarm-name '{name}'`); release again once it is OK"
    )
}

pub(super) fn slow_start(evidence: &Evidence, group: Option<&Group>) -> Option<Match> {
    (group.is_none()
        && evidence.groups.is_empty()
        && evidence.failures.is_empty()
        && evidence.state == State::Unfinished)
        .then(Match::default)
}

pub(super) fn wait_longer(evidence: &Evidence, _: &Match) -> String {
    let wait = match &evidence.deployment {
        Some(id) => format!("`fargate-stack wait {} --deployment {id}`", evidence.key),
        None => "a longer `--timeout`".to_owned(),
    };
    let pulling = evidence.timeline.iter().any(|line| line.contains("still pulling"));
    if pulling {
        return format!("make the image of {} smaller, or wait longer: {wait}", evidence.field("image"));
    }
    let draining = evidence.timeline.iter().any(|line| line.contains("draining"));
    if draining {
        return format!(
            "lower `deregistration_delay.timeout_seconds` of the target group, or wait longer: {wait}"
        );
    }
    format!("wait longer: {wait}")
}

pub(super) fn read_the_words(evidence: &Evidence, _: &Match) -> String {
    format!(
        "read the words of AWS and the last lines of the log of `{}`; nothing is known to change for them",
        evidence.key
    )
}
