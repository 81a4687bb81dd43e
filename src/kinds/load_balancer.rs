//! `load_balancer`: the stack's own Application Load Balancer.

use std::collections::BTreeSet;

use aws_sdk_elasticloadbalancingv2::types::{
    LoadBalancer as SdkBalancer, LoadBalancerAttribute, LoadBalancerSchemeEnum, LoadBalancerTypeEnum,
};
use serde::{Deserialize, Serialize};

use super::common::{
    BALANCING_GONE, Tags, all_known, balancing_tags, outputs, part, resource_of, tag_balancing, taken,
    to_balancing, whole,
};
use super::{Kind, Seen, Want};
use crate::aws::{Aws, WAIT_LIMIT, absent, call, until};
use crate::model::{CallError, Input, Locator, Outputs, Owner, Replace, Rules};
use crate::stack::web::{Balancer, OwnBalancer, Scheme};
use crate::stack::{Stack, owner, ownership};

/// The kind.
pub struct LoadBalancer;

/// An Application Load Balancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attrs {
    /// Its name, unique in the account and region.
    pub name: String,
    /// `internet-facing` or `internal`; never changes.
    pub scheme: String,
    /// One subnet id an Availability Zone.
    pub subnets: BTreeSet<String>,
    /// Security group ids.
    pub security_groups: BTreeSet<Input<String>>,
    /// Seconds.
    pub idle_timeout: i32,
    /// Its tags.
    pub tags: Tags,
}

/// The attribute that holds the idle timeout, in seconds; 60 when never set.
const IDLE_TIMEOUT: &str = "idle_timeout.timeout_seconds";

impl Kind for LoadBalancer {
    const KIND: &'static str = "load_balancer";
    const RULES: Rules = Rules {
        replace_on: &["scheme"],
        // The look-up gives a new name where one is needed, so that both exist at once.
        replace: Replace::MakeFirst,
        outputs: &["arn", "dns_name", "zone_id"],
        uses: &["security_group"],
        reads: &[
            "elasticloadbalancing:DescribeLoadBalancers",
            "elasticloadbalancing:DescribeLoadBalancerAttributes",
            "elasticloadbalancing:DescribeTags",
        ],
        writes: &[
            "elasticloadbalancing:CreateLoadBalancer",
            "elasticloadbalancing:SetSubnets",
            "elasticloadbalancing:SetSecurityGroups",
            "elasticloadbalancing:ModifyLoadBalancerAttributes",
            "elasticloadbalancing:AddTags",
            "elasticloadbalancing:DeleteLoadBalancer",
            "iam:CreateServiceLinkedRole",
        ],
        ..Rules::new("Application Load Balancer")
    };
    type Attrs = Attrs;

    fn desired(stack: &Stack) -> Vec<Want<Attrs>> {
        let balancers = stack.web.balancers.iter();
        balancers
            .filter_map(|(scheme, balancer)| match balancer {
                Balancer::Own(own) => Some(want(stack, *scheme, own)),
                Balancer::Shared(_) => None,
            })
            .collect()
    }

    fn locate(arn: &str, at: &Locator) -> Option<Locator> {
        let rest = resource_of(arn, "elasticloadbalancing")?.strip_prefix("loadbalancer/app/")?;
        let (name, _) = rest.split_once('/')?;
        Some(Locator { name: name.to_owned(), ..at.clone() })
    }

    async fn read(aws: &Aws, at: &Locator) -> Result<Option<Seen<Attrs>>, CallError> {
        let request = aws.balancing.describe_load_balancers().names(&at.name);
        let answer = absent(
            call("elasticloadbalancing:DescribeLoadBalancers", request.send()).await,
            &BALANCING_GONE,
        )?;
        let application = |one: &SdkBalancer| one.r#type() == Some(&LoadBalancerTypeEnum::Application);
        let found = answer.and_then(|answer| answer.load_balancers().first().cloned());
        let Some(balancer) = found.filter(application) else {
            return Ok(None);
        };
        let arn = balancer.load_balancer_arn().unwrap_or_default();
        let request = aws.balancing.describe_load_balancer_attributes().load_balancer_arn(arn);
        let described = call("elasticloadbalancing:DescribeLoadBalancerAttributes", request.send());
        // Boxed, because both together are large.
        let (described, tags) = tokio::join!(Box::pin(described), Box::pin(balancing_tags(aws, arn)));
        let Some(described) = absent(described, &BALANCING_GONE)? else {
            return Ok(None);
        };
        let idle = described.attributes().iter().find(|one| one.key() == Some(IDLE_TIMEOUT));
        let idle = idle.and_then(|one| one.value()?.parse().ok()).unwrap_or(60);
        Ok(tags?.map(|tags| seen(&balancer, idle, tags, at)))
    }

    async fn create(aws: &Aws, at: &Locator, want: &Attrs) -> Result<Outputs, CallError> {
        const OP: &str = "elasticloadbalancing:CreateLoadBalancer";
        let request = aws
            .balancing
            .create_load_balancer()
            .name(&want.name)
            .r#type(LoadBalancerTypeEnum::Application)
            .scheme(LoadBalancerSchemeEnum::from(want.scheme.as_str()))
            .set_subnets(Some(want.subnets.iter().cloned().collect()))
            .set_security_groups(Some(all_known(OP, &want.security_groups)?))
            .set_tags(Some(to_balancing(&want.tags)));
        let refused = match call("elasticloadbalancing:CreateLoadBalancer", request.send()).await {
            Ok(_) => None,
            Err(error) if error.code == "DuplicateLoadBalancerName" => Some(error),
            Err(error) => return Err(error),
        };
        // One of this name and these settings is given as if it were made just now, whoever made it.
        match Self::read(aws, at).await? {
            Some(seen) if seen.owner == Owner::Ours => Self::update(aws, at, &seen, want).await,
            _ => Err(refused.unwrap_or_else(|| taken(OP, "load balancer", &want.name))),
        }
    }

    async fn update(
        aws: &Aws,
        _at: &Locator,
        seen: &Seen<Attrs>,
        want: &Attrs,
    ) -> Result<Outputs, CallError> {
        let have = &seen.attrs;
        let arn = part("elasticloadbalancing:SetSubnets", seen.outputs.get("arn"), "LoadBalancerArn")?;
        if have.security_groups != want.security_groups {
            const OP: &str = "elasticloadbalancing:SetSecurityGroups";
            let groups = all_known(OP, &want.security_groups)?;
            let request =
                aws.balancing.set_security_groups().load_balancer_arn(arn).set_security_groups(Some(groups));
            call("elasticloadbalancing:SetSecurityGroups", request.send()).await?;
        }
        if have.subnets != want.subnets {
            let subnets = want.subnets.iter().cloned().collect();
            let request = aws.balancing.set_subnets().load_balancer_arn(arn).set_subnets(Some(subnets));
            call("elasticloadbalancing:SetSubnets", request.send()).await?;
        }
        if have.idle_timeout != want.idle_timeout {
            let idle =
                LoadBalancerAttribute::builder().key(IDLE_TIMEOUT).value(want.idle_timeout.to_string());
            let request = aws.balancing.modify_load_balancer_attributes().load_balancer_arn(arn);
            let request = request.attributes(idle.build());
            call("elasticloadbalancing:ModifyLoadBalancerAttributes", request.send()).await?;
        }
        tag_balancing(aws, arn, &have.tags, &want.tags).await?;
        Ok(seen.outputs.clone())
    }

    /// Its listeners and their rules go with it.
    async fn delete(aws: &Aws, _at: &Locator, seen: &Seen<Attrs>) -> Result<(), CallError> {
        const OP: &str = "elasticloadbalancing:DeleteLoadBalancer";
        let arn = part(OP, seen.outputs.get("arn"), "LoadBalancerArn")?;
        let request = aws.balancing.delete_load_balancer().load_balancer_arn(arn);
        absent(call("elasticloadbalancing:DeleteLoadBalancer", request.send()).await, &BALANCING_GONE)?;
        until(OP, "the end of the load balancer", WAIT_LIMIT, || async {
            let request = aws.balancing.describe_load_balancers().load_balancer_arns(arn);
            let answer = call("elasticloadbalancing:DescribeLoadBalancers", request.send()).await;
            let gone =
                absent(answer, &BALANCING_GONE)?.is_none_or(|answer| answer.load_balancers().is_empty());
            Ok(gone.then_some(()))
        })
        .await
    }
}

fn want(stack: &Stack, scheme: Scheme, own: &OwnBalancer) -> Want<Attrs> {
    let names = &stack.names;
    let at = names.at(LoadBalancer::KIND, scheme.word(), &own.name);
    let group = Input::of(names.address("security_group", &format!("alb-{}", scheme.word())), "id");
    let attrs = Attrs {
        name: own.name.clone(),
        scheme: scheme.as_str().to_owned(),
        subnets: own.subnets.clone(),
        security_groups: BTreeSet::from([group]),
        idle_timeout: whole(own.idle_timeout),
        tags: ownership(&stack.name, &at.address, &stack.tags),
    };
    Want { at, attrs, after: Vec::new() }
}

fn seen(balancer: &SdkBalancer, idle_timeout: i32, tags: Tags, at: &Locator) -> Seen<Attrs> {
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let zones = balancer.availability_zones().iter();
    Seen {
        owner: owner(&tags, at),
        outputs: outputs([
            ("arn", &text(balancer.load_balancer_arn())),
            ("dns_name", &text(balancer.dns_name())),
            ("zone_id", &text(balancer.canonical_hosted_zone_id())),
        ]),
        attrs: Attrs {
            name: text(balancer.load_balancer_name()),
            scheme: text(balancer.scheme().map(LoadBalancerSchemeEnum::as_str)),
            subnets: zones.filter_map(|zone| zone.subnet_id().map(str::to_owned)).collect(),
            security_groups: balancer.security_groups().iter().cloned().map(Input::Known).collect(),
            idle_timeout,
            tags,
        },
    }
}
