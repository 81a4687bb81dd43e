//! `listener_rule`: which requests of a listener go to a web service.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_elasticloadbalancingv2::operation::describe_target_health::DescribeTargetHealthOutput;
use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, ForwardActionConfig, HostHeaderConditionConfig, PathPatternConditionConfig, Rule,
    RuleCondition, RulePriorityPair, TargetGroupTuple, TargetHealthStateEnum,
};
use serde::{Deserialize, Serialize};

use super::common::{
    BALANCING_FRESH, BALANCING_GONE, Tags, balancing_tags, balancing_tags_of, known, outputs, part,
    redirect_to_https, redirects_to_https, resource_of, tag_balancing, to_balancing,
};
use super::{Kind, Seen, Want};
use crate::aws::{Aws, absent, call, retrying, until, watching};
use crate::model::{CallError, Input, Locator, Outputs, Owner, Replace, Rules};
use crate::stack::web::{Certificate, Listener as WebListener, Scheme};
use crate::stack::{Runs, Stack, StackTask, WebService, owner, ownership, tags};

/// The kind.
pub struct ListenerRule;

/// A rule of a listener.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attrs {
    /// ARN of its listener.
    pub listener: Input<String>,
    /// Its place: the rule with the lowest number is asked first.
    pub priority: i32,
    /// Host names that it is for.
    pub hosts: BTreeSet<String>,
    /// Paths that it is for; empty = all.
    pub paths: BTreeSet<String>,
    /// ARN of the target group that it forwards to.
    pub target_group: Option<Input<String>>,
    /// The port of HTTPS that it redirects to.
    pub redirect_to_https: Option<String>,
    /// Conditions and actions that we never make, in the words of the API.
    pub other: BTreeSet<String>,
    /// Its tags.
    pub tags: Tags,
}

/// The highest priority (`CreateRule`, Elastic Load Balancing API reference).
const LAST: i32 = 50_000;
/// How long the tasks of a new target group may take to become healthy.
const MOVING: Duration = Duration::from_mins(30);
/// Other steps of the same apply change priorities too.
const PLACE_LIMIT: Duration = Duration::from_mins(1);

impl Kind for ListenerRule {
    const KIND: &'static str = "listener_rule";
    const RULES: Rules = Rules {
        // Traffic moves to a new target group when the new tasks are healthy: until then the old rule stays before the new one.
        replace_on: &["listener", "target_group"],
        replace: Replace::MakeFirst,
        outputs: &["arn"],
        uses: &["listener", "target_group"],
        reads: &[
            "elasticloadbalancing:DescribeRules",
            "elasticloadbalancing:DescribeTags",
            "elasticloadbalancing:DescribeTargetHealth",
        ],
        writes: &[
            "elasticloadbalancing:CreateRule",
            "elasticloadbalancing:ModifyRule",
            "elasticloadbalancing:SetRulePriorities",
            "elasticloadbalancing:AddTags",
            "elasticloadbalancing:DeleteRule",
        ],
        ..Rules::new("rule of a load balancer's listener")
    };
    type Attrs = Attrs;

    fn desired(stack: &Stack) -> Vec<Want<Attrs>> {
        let mut wants = Vec::new();
        for task in stack.tasks.values() {
            if let Runs::Service(run) = &task.runs
                && let Some(web) = &run.web
            {
                wants.extend(forward(stack, task, web));
                wants.extend(redirect(stack, task, web));
            }
        }
        wants
    }

    fn locate(arn: &str, at: &Locator) -> Option<Locator> {
        resource_of(arn, "elasticloadbalancing")?.strip_prefix("listener-rule/app/")?;
        let listener = tags::listener_of(arn)?;
        let name = at.address.name().to_owned();
        Some(Locator { name, parent: Some(listener), id: Some(arn.to_owned()), ..at.clone() })
    }

    async fn read(aws: &Aws, at: &Locator) -> Result<Option<Seen<Attrs>>, CallError> {
        match (&at.id, &at.parent) {
            (Some(id), _) => {
                let Some(rule) = describe(aws, id).await? else {
                    return Ok(None);
                };
                Ok(balancing_tags(aws, id).await?.map(|tags| seen(&rule, tags, at)))
            }
            (None, Some(listener)) => {
                let ours = ours(aws, at, &all(aws, listener).await?).await?;
                let own = |one: &Seen<Attrs>| tags::address(&one.attrs.tags).as_ref() == Some(&at.address);
                Ok(ours.into_iter().find(own))
            }
            (None, None) => Ok(None),
        }
    }

    /// The rule that this one replaces stays: it has the same address, and forwards to another target group.
    async fn create(aws: &Aws, at: &Locator, want: &Attrs) -> Result<Outputs, CallError> {
        const OP: &str = "elasticloadbalancing:CreateRule";
        let listener = known(OP, &want.listener)?;
        until(OP, "a free place for the rule", PLACE_LIMIT, || async {
            let rules = all(aws, listener).await?;
            let ours = ours(aws, at, &rules).await?;
            let same = |one: &&Seen<Attrs>| {
                tags::address(&one.attrs.tags).as_ref() == Some(&at.address)
                    && one.attrs.target_group == want.target_group
                    && one.attrs.redirect_to_https == want.redirect_to_https
            };
            if let Some(made) = ours.iter().find(same) {
                return Self::update(aws, at, made, want).await.map(Some);
            }
            let priority = behind(&ours, &rules, want.priority)?;
            let made = retrying(BALANCING_FRESH, || async {
                let request = aws
                    .balancing
                    .create_rule()
                    .listener_arn(listener)
                    .priority(priority)
                    .set_conditions(Some(conditions(want)))
                    .actions(action(OP, want)?)
                    .set_tags(Some(to_balancing(&want.tags)));
                call("elasticloadbalancing:CreateRule", request.send()).await
            });
            match made.await {
                Ok(answer) => {
                    let arn = answer.rules().first().and_then(Rule::rule_arn);
                    Ok(Some(outputs([("arn", part(OP, arn, "RuleArn")?)])))
                }
                // Made by a call whose answer was lost, or taken meanwhile.
                Err(error) if error.code == "PriorityInUse" => Ok(None),
                Err(error) => Err(error),
            }
        })
        .await
    }

    async fn update(aws: &Aws, at: &Locator, seen: &Seen<Attrs>, want: &Attrs) -> Result<Outputs, CallError> {
        const OP: &str = "elasticloadbalancing:ModifyRule";
        let have = &seen.attrs;
        let arn = part(OP, seen.outputs.get("arn"), "RuleArn")?;
        let matches = |attrs: &Attrs| (attrs.hosts.clone(), attrs.paths.clone(), attrs.other.clone());
        let conditions = (matches(have) != matches(want)).then(|| conditions(want));
        let does = |attrs: &Attrs| {
            (attrs.target_group.clone(), attrs.redirect_to_https.clone(), attrs.other.clone())
        };
        let actions = (does(have) != does(want)).then(|| action(OP, want)).transpose()?;
        if conditions.is_some() || actions.is_some() {
            let request = aws.balancing.modify_rule().rule_arn(arn).set_conditions(conditions);
            let request = request.set_actions(actions.map(|one| vec![one]));
            call("elasticloadbalancing:ModifyRule", request.send()).await?;
        }
        if have.priority != want.priority {
            place(aws, at, arn, want.priority).await?;
        }
        tag_balancing(aws, arn, &have.tags, &want.tags).await?;
        Ok(seen.outputs.clone())
    }

    async fn delete(aws: &Aws, at: &Locator, seen: &Seen<Attrs>) -> Result<(), CallError> {
        let arn = part("elasticloadbalancing:DeleteRule", seen.outputs.get("arn"), "RuleArn")?;
        succeeded(aws, at, arn, &seen.attrs).await?;
        let request = aws.balancing.delete_rule().rule_arn(arn);
        absent(call("elasticloadbalancing:DeleteRule", request.send()).await, &BALANCING_GONE)?;
        Ok(())
    }
}

/// Waits until the rule that takes the place of another one leads to a healthy target, as long as the other one still does. The
/// service's own step waits for that too; but an apply that was killed while the service moved is finished by one that has
/// nothing to do for the service.
async fn succeeded(aws: &Aws, at: &Locator, arn: &str, old: &Attrs) -> Result<(), CallError> {
    const OP: &str = "elasticloadbalancing:DeleteRule";
    let Some(Input::Known(group)) = &old.target_group else { return Ok(()) };
    let rules = all(aws, &part(OP, tags::listener_of(arn), "listener")?).await?;
    let others = rules.iter().filter(|rule| rule.rule_arn() != Some(arn));
    let mut others = others.map(|rule| seen(rule, Tags::new(), at).attrs);
    let next = others.find(|next| (&next.hosts, &next.paths) == (&old.hosts, &old.paths));
    let Some(Input::Known(next)) =
        next.and_then(|next| next.target_group).filter(|next| next.known() != Some(group))
    else {
        return Ok(());
    };
    if !serves(aws, group).await? {
        return Ok(());
    }
    let tell = |lasted: Duration| {
        let seconds = lasted.as_secs();
        aws.tell.say(&format!("{} stays until its successor has a healthy target ({seconds} s)", at.address));
    };
    let ready = || async { Ok(serves(aws, &next).await?.then_some(())) };
    watching(MOVING, tell, ready).await?.ok_or_else(|| {
        let minutes = MOVING.as_secs() / 60;
        CallError::local(
            OP,
            format!("the rule that takes its place has had no healthy target for {minutes} minutes"),
        )
    })
}

/// Whether a target group has a healthy target.
async fn serves(aws: &Aws, group: &str) -> Result<bool, CallError> {
    let request = aws.balancing.describe_target_health().target_group_arn(group);
    let answer = call("elasticloadbalancing:DescribeTargetHealth", request.send()).await;
    let targets = absent(answer, &BALANCING_GONE)?;
    let targets = targets.iter().flat_map(DescribeTargetHealthOutput::target_health_descriptions);
    let mut states = targets.filter_map(|one| one.target_health()?.state());
    Ok(states.any(|state| *state == TargetHealthStateEnum::Healthy))
}

/// The rule that brings requests to the service.
fn forward(stack: &Stack, task: &StackTask, web: &WebService) -> Option<Want<Attrs>> {
    let group = Input::of(stack.names.address("target_group", &task.key), "arn");
    let at = stack.names.at(ListenerRule::KIND, &task.key, &task.key);
    let mut want = want(stack, task, web, at, web.port, web.priority)?;
    want.attrs.target_group = Some(group);
    Some(Want { at: Locator { id: web.rule.clone(), ..want.at }, ..want })
}

/// The rule that sends requests of port 80 to HTTPS, in a listener of somebody else that does not do so by itself.
fn redirect(stack: &Stack, task: &StackTask, web: &WebService) -> Option<Want<Attrs>> {
    let place = web.redirect.as_ref()?;
    let name = format!("{}-redirect", task.key);
    let at = stack.names.at(ListenerRule::KIND, &name, &name);
    let mut want = want(stack, task, web, at, web.redirect_from?, place.priority)?;
    want.attrs.redirect_to_https = Some(web.port.to_string());
    Some(Want { at: Locator { id: place.arn.clone(), ..want.at }, ..want })
}

/// What both have in common.
fn want(
    stack: &Stack,
    task: &StackTask,
    web: &WebService,
    at: Locator,
    port: u16,
    priority: i32,
) -> Option<Want<Attrs>> {
    let mut tags = ownership(&stack.name, &at.address, &task.tags);
    let (listener, parent) = match stack.web.listeners.get(&(web.scheme, port))? {
        WebListener::Own(own) => {
            let address = stack.names.address("listener", &format!("{}-{port}", web.scheme.word()));
            (Input::of(address, "arn"), own.arn.clone())
        }
        WebListener::Shared { arn, .. } => {
            let added = if port == web.port { evidence(web) } else { evidence_of(web.scheme, port, &[]) };
            tags.insert(tags::CERTIFICATES.to_owned(), tags::value(&added));
            (Input::Known(arn.clone()), Some(arn.clone()))
        }
    };
    let attrs = Attrs {
        listener,
        priority,
        hosts: web.domains.clone(),
        paths: web.paths.clone(),
        target_group: None,
        redirect_to_https: None,
        other: BTreeSet::new(),
        tags,
    };
    Some(Want { at: Locator { parent, ..at }, attrs, after: Vec::new() })
}

/// Which certificates of others the stack adds to the listener for this service.
fn evidence(web: &WebService) -> String {
    let found = web.certificates.iter().filter_map(|certificate| match certificate {
        Certificate::Found(arn) => arn.rsplit('/').next(),
        Certificate::Own(_) => None,
    });
    evidence_of(web.scheme, web.port, &found.collect::<Vec<_>>())
}

fn evidence_of(scheme: Scheme, port: u16, ids: &[&str]) -> String {
    let place = format!("{}-{port}", scheme.word());
    [&[place.as_str()], ids].concat().join(" ")
}

/// All rules of a listener, but for its default one. None, when there is no such listener.
async fn all(aws: &Aws, listener: &str) -> Result<Vec<Rule>, CallError> {
    let (mut rules, mut marker) = (Vec::new(), None);
    loop {
        let request = aws.balancing.describe_rules().listener_arn(listener).set_marker(marker);
        let page = call("elasticloadbalancing:DescribeRules", request.send()).await;
        let Some(page) = absent(page, &BALANCING_GONE)? else {
            return Ok(rules);
        };
        marker = page.next_marker().map(str::to_owned);
        rules.extend(
            page.rules.unwrap_or_default().into_iter().filter(|rule| rule.is_default() != Some(true)),
        );
        if marker.is_none() {
            return Ok(rules);
        }
    }
}

/// Those of these rules that are this stack's, in order of priority.
async fn ours(aws: &Aws, at: &Locator, rules: &[Rule]) -> Result<Vec<Seen<Attrs>>, CallError> {
    let arns: Vec<&str> = rules.iter().filter_map(Rule::rule_arn).collect();
    let mut tagged = balancing_tags_of(aws, &arns).await?;
    let mut ours: Vec<Seen<Attrs>> = rules
        .iter()
        .filter_map(|rule| Some(seen(rule, tagged.remove(rule.rule_arn()?)?, at)))
        .filter(|seen| seen.owner == Owner::Ours)
        .collect();
    ours.sort_by_key(|seen| seen.attrs.priority);
    Ok(ours)
}

/// The place that a new rule takes: the wanted one, or the next free one behind it while another rule of this stack is there (the
/// one that it replaces, or one that leaves when the new one serves). A later apply brings it to the wanted one.
fn behind(ours: &[Seen<Attrs>], rules: &[Rule], wanted: i32) -> Result<i32, CallError> {
    let used: BTreeSet<i32> = rules.iter().filter_map(priority).collect();
    if !used.contains(&wanted) {
        return Ok(wanted);
    }
    let held = ours.iter().any(|one| one.attrs.priority == wanted);
    (wanted..=LAST).find(|place| held && !used.contains(place)).ok_or_else(|| occupied(wanted))
}

/// Brings a rule to its place. Another rule of this stack that is there goes to the place that this one leaves: its own step
/// brings it where it belongs, or deletes it.
async fn place(aws: &Aws, at: &Locator, arn: &str, wanted: i32) -> Result<(), CallError> {
    const OP: &str = "elasticloadbalancing:SetRulePriorities";
    let listener = part(OP, tags::listener_of(arn), "listener")?;
    let pair = |arn: &str, place: i32| RulePriorityPair::builder().rule_arn(arn).priority(place).build();
    until(OP, "the end of other changes of priorities", PLACE_LIMIT, || async {
        let rules = all(aws, &listener).await?;
        let now = rules.iter().find(|rule| rule.rule_arn() == Some(arn)).and_then(priority);
        let now = part(OP, now, "rule")?;
        if now == wanted {
            return Ok(Some(()));
        }
        let mut pairs = vec![pair(arn, wanted)];
        let holder = rules.iter().find(|rule| priority(rule) == Some(wanted)).and_then(Rule::rule_arn);
        if let Some(holder) = holder {
            let tags = balancing_tags(aws, holder).await?.unwrap_or_default();
            if owner(&tags, at) != Owner::Ours {
                return Err(occupied(wanted));
            }
            pairs.push(pair(holder, now));
        }
        let request = aws.balancing.set_rule_priorities().set_rule_priorities(Some(pairs));
        match call("elasticloadbalancing:SetRulePriorities", request.send()).await {
            Ok(_) => Ok(Some(())),
            Err(error) if error.code == "PriorityInUse" => Ok(None),
            Err(error) => Err(error),
        }
    })
    .await
}

fn occupied(place: i32) -> CallError {
    let message =
        format!("the priority {place} belongs to a rule that is not this stack's; choose another one");
    CallError::local("elasticloadbalancing:SetRulePriorities", message)
}

async fn describe(aws: &Aws, arn: &str) -> Result<Option<Rule>, CallError> {
    let found = aws.together.rules.get((), arn.to_owned(), &BALANCING_GONE, |arns| async move {
        let arns = arns.into_iter().collect();
        let answer = call(
            "elasticloadbalancing:DescribeRules",
            aws.balancing.describe_rules().set_rule_arns(Some(arns)).send(),
        );
        let rules = answer.await?.rules.unwrap_or_default().into_iter();
        Ok(rules.filter_map(|rule| Some((rule.rule_arn()?.to_owned(), rule))).collect())
    });
    Ok(absent(found.await, &BALANCING_GONE)?.flatten())
}

fn priority(rule: &Rule) -> Option<i32> {
    rule.priority()?.parse().ok()
}

const HOST: &str = "host-header";
const PATH: &str = "path-pattern";

fn conditions(want: &Attrs) -> Vec<RuleCondition> {
    let mut conditions = Vec::new();
    if !want.hosts.is_empty() {
        let values = want.hosts.iter().cloned().collect();
        let hosts = HostHeaderConditionConfig::builder().set_values(Some(values)).build();
        conditions.push(RuleCondition::builder().field(HOST).host_header_config(hosts).build());
    }
    if !want.paths.is_empty() {
        let values = want.paths.iter().cloned().collect();
        let paths = PathPatternConditionConfig::builder().set_values(Some(values)).build();
        conditions.push(RuleCondition::builder().field(PATH).path_pattern_config(paths).build());
    }
    conditions
}

fn action(op: &str, want: &Attrs) -> Result<Action, CallError> {
    match (&want.target_group, &want.redirect_to_https) {
        (Some(group), _) => {
            let action = Action::builder().r#type(ActionTypeEnum::Forward);
            Ok(action.target_group_arn(known(op, group)?).build())
        }
        (None, Some(port)) => Ok(redirect_to_https(port)),
        (None, None) => Err(CallError::local(op, "this is a bug: the rule does nothing")),
    }
}

fn seen(rule: &Rule, tags: Tags, at: &Locator) -> Seen<Attrs> {
    let arn = rule.rule_arn().unwrap_or_default();
    let mut attrs = Attrs {
        listener: Input::Known(tags::listener_of(arn).unwrap_or_default()),
        priority: priority(rule).unwrap_or_default(),
        hosts: BTreeSet::new(),
        paths: BTreeSet::new(),
        target_group: None,
        redirect_to_https: None,
        other: BTreeSet::new(),
        tags,
    };
    for condition in rule.conditions() {
        let hosts = condition.host_header_config().map(HostHeaderConditionConfig::values);
        let paths = condition.path_pattern_config().map(PathPatternConditionConfig::values);
        match condition.field().unwrap_or_default() {
            HOST => attrs.hosts.extend(hosts.unwrap_or(condition.values()).iter().cloned()),
            PATH => attrs.paths.extend(paths.unwrap_or(condition.values()).iter().cloned()),
            other => _ = attrs.other.insert(other.to_owned()),
        }
    }
    for action in rule.actions() {
        if let Some(port) = redirects_to_https(action) {
            attrs.redirect_to_https = Some(port.to_owned());
            continue;
        }
        // A forward to one group is told twice, alone and as a list.
        let listed = action.forward_config().map(ForwardActionConfig::target_groups).unwrap_or_default();
        let listed: Vec<&str> = listed.iter().filter_map(TargetGroupTuple::target_group_arn).collect();
        match (action.target_group_arn(), listed.as_slice()) {
            (Some(one), []) => attrs.target_group = Some(Input::Known(one.to_owned())),
            (_, [first, rest @ ..]) => {
                attrs.target_group = Some(Input::Known((*first).to_owned()));
                attrs.other.extend(rest.iter().map(|arn| format!("forward to {arn}")));
            }
            (None, []) => {
                let kind = action.r#type().map(ActionTypeEnum::as_str).unwrap_or_default();
                attrs.other.insert(kind.to_owned());
            }
        }
    }
    Seen { owner: owner(&attrs.tags, at), outputs: outputs([("arn", arn)]), attrs }
}
