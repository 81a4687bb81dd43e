//! `target_group`: where a load balancer finds the tasks of a web service.

use std::time::Duration;

use aws_sdk_elasticloadbalancingv2::types::{
    Matcher, ProtocolEnum, TargetGroup as SdkGroup, TargetGroupAttribute, TargetTypeEnum,
};
use serde::{Deserialize, Serialize};

use super::common::{
    BALANCING_GONE, Tags, balancing_tags, outputs, part, resource_of, tag_balancing, taken, to_balancing,
    whole,
};
use super::{Kind, Seen, Want};
use crate::aws::{Aws, Retry, absent, call, retrying};
use crate::model::{CallError, Locator, Outputs, Owner, Replace, Rules};
use crate::stack::{Runs, Stack, StackTask, WebService, owner, ownership, tags};

/// The kind.
pub struct TargetGroup;

/// A target group of IP addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attrs {
    /// Its name, unique in the account and region.
    pub name: String,
    /// `ip`.
    pub target_type: String,
    /// `HTTP`: TLS ends at the load balancer.
    pub protocol: String,
    /// The port of a target that names none.
    pub port: i32,
    /// Its VPC.
    pub vpc_id: String,
    /// How the load balancer finds out whether a target can serve.
    pub health_check: HealthCheck,
    /// Seconds that a target may still answer open requests after it was taken out.
    pub deregistration_delay: i32,
    /// Seconds of the load balancer's cookie; `None` = a client may come to any target. 0 stands for a cookie of another kind.
    pub stickiness: Option<i32>,
    /// Its tags.
    pub tags: Tags,
}

/// How a load balancer finds out whether a target can serve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealthCheck {
    /// `HTTP`.
    pub protocol: String,
    /// A port, or `traffic-port`.
    pub port: String,
    /// The path that is asked for.
    pub path: String,
    /// Status codes that are good.
    pub matcher: String,
    /// Seconds between two checks.
    pub interval: i32,
    /// Seconds that an answer may take.
    pub timeout: i32,
    /// Good answers in a row.
    pub healthy_threshold: i32,
    /// Bad answers in a row.
    pub unhealthy_threshold: i32,
}

const DELAY: &str = "deregistration_delay.timeout_seconds";
const STICKY: &str = "stickiness.enabled";
const STICKY_TYPE: &str = "stickiness.type";
const STICKY_SECONDS: &str = "stickiness.lb_cookie.duration_seconds";
/// The kind of stickiness that is ours.
const COOKIE: &str = "lb_cookie";

/// The rule that forwarded to it went a moment ago.
const LINGERING: Retry = Retry { on: &[("ResourceInUse", "")], limit: Duration::from_mins(2) };

impl Kind for TargetGroup {
    const KIND: &'static str = "target_group";
    const RULES: Rules = Rules {
        replace_on: &["target_type", "protocol", "port", "vpc_id"],
        // The look-up gives a new name where one is needed, so that both exist at once.
        replace: Replace::MakeFirst,
        outputs: &["arn", "name"],
        reads: &[
            "elasticloadbalancing:DescribeTargetGroups",
            "elasticloadbalancing:DescribeTargetGroupAttributes",
            "elasticloadbalancing:DescribeTags",
        ],
        writes: &[
            "elasticloadbalancing:CreateTargetGroup",
            "elasticloadbalancing:ModifyTargetGroup",
            "elasticloadbalancing:ModifyTargetGroupAttributes",
            "elasticloadbalancing:AddTags",
            "elasticloadbalancing:DeleteTargetGroup",
        ],
        ..Rules::new("target group of a load balancer")
    };
    type Attrs = Attrs;

    fn desired(stack: &Stack) -> Vec<Want<Attrs>> {
        let tasks = stack.tasks.values();
        tasks
            .filter_map(|task| match &task.runs {
                Runs::Service(run) => run.web.as_ref().map(|web| want(stack, task, web)),
                Runs::OneOff | Runs::Scheduled(_) => None,
            })
            .collect()
    }

    fn locate(arn: &str, at: &Locator) -> Option<Locator> {
        let rest = resource_of(arn, "elasticloadbalancing")?.strip_prefix("targetgroup/")?;
        let (name, _) = rest.split_once('/')?;
        Some(Locator { name: name.to_owned(), ..at.clone() })
    }

    async fn read(aws: &Aws, at: &Locator) -> Result<Option<Seen<Attrs>>, CallError> {
        let Some(group) = describe(aws, &at.name).await? else {
            return Ok(None);
        };
        let arn = group.target_group_arn().unwrap_or_default();
        let request = aws.balancing.describe_target_group_attributes().target_group_arn(arn);
        let described = call("elasticloadbalancing:DescribeTargetGroupAttributes", request.send());
        // Boxed, because both together are large.
        let (described, tags) = tokio::join!(Box::pin(described), Box::pin(balancing_tags(aws, arn)));
        let Some(described) = absent(described, &BALANCING_GONE)? else {
            return Ok(None);
        };
        Ok(tags?.map(|tags| seen(&group, described.attributes(), tags, at)))
    }

    async fn create(aws: &Aws, at: &Locator, want: &Attrs) -> Result<Outputs, CallError> {
        const OP: &str = "elasticloadbalancing:CreateTargetGroup";
        let check = &want.health_check;
        let request = aws
            .balancing
            .create_target_group()
            .name(&want.name)
            .target_type(TargetTypeEnum::from(want.target_type.as_str()))
            .protocol(ProtocolEnum::from(want.protocol.as_str()))
            .port(want.port)
            .vpc_id(&want.vpc_id)
            .health_check_enabled(true)
            .health_check_protocol(ProtocolEnum::from(check.protocol.as_str()))
            .health_check_port(&check.port)
            .health_check_path(&check.path)
            .matcher(Matcher::builder().http_code(&check.matcher).build())
            .health_check_interval_seconds(check.interval)
            .health_check_timeout_seconds(check.timeout)
            .healthy_threshold_count(check.healthy_threshold)
            .unhealthy_threshold_count(check.unhealthy_threshold)
            .set_tags(Some(to_balancing(&want.tags)));
        let refused = match call("elasticloadbalancing:CreateTargetGroup", request.send()).await {
            Ok(_) => None,
            Err(error) if error.code == "DuplicateTargetGroupName" => Some(error),
            Err(error) => return Err(error),
        };
        // One of this name and these settings is given as if it were made just now, whoever made it.
        match Self::read(aws, at).await? {
            Some(seen) if seen.owner == Owner::Ours && fixed(&seen.attrs) == fixed(want) => {
                Self::update(aws, at, &seen, want).await
            }
            _ => Err(refused.unwrap_or_else(|| taken(OP, "target group", &want.name))),
        }
    }

    async fn update(
        aws: &Aws,
        _at: &Locator,
        seen: &Seen<Attrs>,
        want: &Attrs,
    ) -> Result<Outputs, CallError> {
        let have = &seen.attrs;
        let arn = part("elasticloadbalancing:ModifyTargetGroup", seen.outputs.get("arn"), "TargetGroupArn")?;
        if have.health_check != want.health_check {
            modify(aws, arn, &have.health_check, &want.health_check).await?;
        }
        let attributes = differing(have, want);
        if !attributes.is_empty() {
            let request = aws.balancing.modify_target_group_attributes().target_group_arn(arn);
            let request = request.set_attributes(Some(attributes));
            call("elasticloadbalancing:ModifyTargetGroupAttributes", request.send()).await?;
        }
        tag_balancing(aws, arn, &have.tags, &want.tags).await?;
        Ok(seen.outputs.clone())
    }

    async fn delete(aws: &Aws, _at: &Locator, seen: &Seen<Attrs>) -> Result<(), CallError> {
        let arn = part("elasticloadbalancing:DeleteTargetGroup", seen.outputs.get("arn"), "TargetGroupArn")?;
        let deleted = retrying(LINGERING, || {
            let request = aws.balancing.delete_target_group().target_group_arn(arn);
            call("elasticloadbalancing:DeleteTargetGroup", request.send())
        });
        absent(deleted.await, &BALANCING_GONE)?;
        Ok(())
    }
}

fn want(stack: &Stack, task: &StackTask, web: &WebService) -> Want<Attrs> {
    let at = stack.names.at(TargetGroup::KIND, &task.key, &web.target_group);
    let check = &web.health_check;
    let mut tags = ownership(&stack.name, &at.address, &task.tags);
    let zones = stack.web.zones_tag(web.zones.iter());
    if !zones.is_empty() {
        tags.insert(tags::ZONES.to_owned(), tags::value(&zones));
    }
    let attrs = Attrs {
        name: at.name.clone(),
        target_type: "ip".to_owned(),
        protocol: "HTTP".to_owned(),
        port: i32::from(web.container_port),
        vpc_id: stack.vpc_id.clone(),
        health_check: HealthCheck {
            protocol: "HTTP".to_owned(),
            port: check.port.map_or_else(|| "traffic-port".to_owned(), |port| port.to_string()),
            path: check.path.clone(),
            matcher: check.matcher.clone(),
            interval: whole(check.interval),
            timeout: whole(check.timeout),
            healthy_threshold: whole(check.healthy_threshold),
            unhealthy_threshold: whole(check.unhealthy_threshold),
        },
        deregistration_delay: whole(web.deregistration_delay),
        stickiness: web.stickiness.map(whole),
        tags,
    };
    Want { at, attrs, after: Vec::new() }
}

async fn describe(aws: &Aws, name: &str) -> Result<Option<SdkGroup>, CallError> {
    let groups = &aws.together.target_groups;
    let found = groups.get((), name.to_owned(), &BALANCING_GONE, |names| async move {
        let names = names.into_iter().collect();
        let request = aws.balancing.describe_target_groups().set_names(Some(names));
        let answer = call("elasticloadbalancing:DescribeTargetGroups", request.send()).await?;
        let groups = answer.target_groups.unwrap_or_default().into_iter();
        Ok(groups.filter_map(|group| Some((group.target_group_name()?.to_owned(), group))).collect())
    });
    Ok(absent(found.await, &BALANCING_GONE)?.flatten())
}

/// What never changes.
fn fixed(attrs: &Attrs) -> (&str, &str, i32, &str) {
    (&attrs.target_type, &attrs.protocol, attrs.port, &attrs.vpc_id)
}

/// Sends what differs in the health check.
async fn modify(aws: &Aws, arn: &str, have: &HealthCheck, want: &HealthCheck) -> Result<(), CallError> {
    let text = |have: &String, want: &String| (have != want).then(|| want.clone());
    let number = |have: i32, want: i32| (have != want).then_some(want);
    let protocol = text(&have.protocol, &want.protocol).map(|name| ProtocolEnum::from(name.as_str()));
    let matcher = text(&have.matcher, &want.matcher).map(|code| Matcher::builder().http_code(code).build());
    let request = aws
        .balancing
        .modify_target_group()
        .target_group_arn(arn)
        .set_health_check_protocol(protocol)
        .set_health_check_port(text(&have.port, &want.port))
        .set_health_check_path(text(&have.path, &want.path))
        .set_matcher(matcher)
        .set_health_check_interval_seconds(number(have.interval, want.interval))
        .set_health_check_timeout_seconds(number(have.timeout, want.timeout))
        .set_healthy_threshold_count(number(have.healthy_threshold, want.healthy_threshold))
        .set_unhealthy_threshold_count(number(have.unhealthy_threshold, want.unhealthy_threshold));
    call("elasticloadbalancing:ModifyTargetGroup", request.send()).await?;
    Ok(())
}

/// The attributes that differ, as Elastic Load Balancing takes them.
fn differing(have: &Attrs, want: &Attrs) -> Vec<TargetGroupAttribute> {
    let mut pairs = Vec::new();
    if have.deregistration_delay != want.deregistration_delay {
        pairs.push((DELAY, want.deregistration_delay.to_string()));
    }
    if have.stickiness != want.stickiness {
        pairs.push((STICKY, want.stickiness.is_some().to_string()));
        if let Some(seconds) = want.stickiness {
            pairs.push((STICKY_TYPE, COOKIE.to_owned()));
            pairs.push((STICKY_SECONDS, seconds.to_string()));
        }
    }
    let attribute = |(key, value)| TargetGroupAttribute::builder().key(key).value(value).build();
    pairs.into_iter().map(attribute).collect()
}

fn seen(group: &SdkGroup, attributes: &[TargetGroupAttribute], tags: Tags, at: &Locator) -> Seen<Attrs> {
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let attribute =
        |key: &str| attributes.iter().find(|one| one.key() == Some(key)).and_then(|one| one.value());
    let number = |key: &str| attribute(key).and_then(|value| value.parse().ok());
    // A day and five minutes are the defaults of Elastic Load Balancing.
    let seconds = match attribute(STICKY_TYPE) {
        None | Some(COOKIE) => number(STICKY_SECONDS).unwrap_or(86_400),
        Some(_) => 0,
    };
    Seen {
        owner: owner(&tags, at),
        outputs: outputs([("arn", &text(group.target_group_arn())), ("name", &at.name)]),
        attrs: Attrs {
            name: text(group.target_group_name()),
            target_type: text(group.target_type().map(TargetTypeEnum::as_str)),
            protocol: text(group.protocol().map(ProtocolEnum::as_str)),
            port: group.port().unwrap_or_default(),
            vpc_id: text(group.vpc_id()),
            health_check: HealthCheck {
                protocol: text(group.health_check_protocol().map(ProtocolEnum::as_str)),
                port: text(group.health_check_port()),
                path: text(group.health_check_path()),
                matcher: text(group.matcher().and_then(Matcher::http_code)),
                interval: group.health_check_interval_seconds().unwrap_or_default(),
                timeout: group.health_check_timeout_seconds().unwrap_or_default(),
                healthy_threshold: group.healthy_threshold_count().unwrap_or_default(),
                unhealthy_threshold: group.unhealthy_threshold_count().unwrap_or_default(),
            },
            deregistration_delay: number(DELAY).unwrap_or(300),
            stickiness: (attribute(STICKY) == Some("true")).then_some(seconds),
            tags,
        },
    }
}
