//! `security_group`: the groups that the network interfaces of the tasks and of the stack's load balancers are in.

mod ingress;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_ec2::types::{Filter, ResourceType, SecurityGroup as Group, Tag, TagSpecification};
use serde::{Deserialize, Serialize};

use super::common::{Tags, missing_tags, outputs, part, resource_of};
use super::{Kind, Seen, Want};
use crate::aws::{Aws, Retry, WAIT_LIMIT, absent, call, retrying, until};
use crate::model::{CallError, Input, Locator, Outputs, Owner, Replace, Rules};
use crate::stack::web::{Balancer, OwnBalancer, Scheme};
use crate::stack::{Runs, Stack, WebService, owner, ownership};

/// The kind.
pub struct SecurityGroup;

/// A security group. Its egress rules stay as EC2 makes them (everything allowed) and are not ours; its ingress rules are ours when
/// their description says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attrs {
    /// Its name, unique in the VPC.
    pub name: String,
    /// Its description, which EC2 never changes.
    pub description: String,
    /// Its VPC.
    pub vpc_id: String,
    /// What may connect, as people call it (`tcp 8080 from security_group.alb-public`) → as EC2 calls it: a CIDR block, `sg-…` or
    /// `pl-…`.
    pub ingress: BTreeMap<String, Input<String>>,
    /// Its tags.
    pub tags: Tags,
}

/// The network interfaces of stopped tasks stay for some minutes.
const LINGERING: Retry = Retry { on: &[("DependencyViolation", "")], limit: WAIT_LIMIT };

impl Kind for SecurityGroup {
    const KIND: &'static str = "security_group";
    const RULES: Rules = Rules {
        // Names are unique in a VPC only, so a group in another VPC can be made before the old one goes.
        replace_on: &["vpc_id"],
        replace: Replace::MakeFirst,
        // A group is not worth making anew for its description.
        create_only: &["description"],
        outputs: &["id"],
        reads: &["ec2:DescribeSecurityGroups"],
        writes: &[
            "ec2:CreateSecurityGroup",
            "ec2:AuthorizeSecurityGroupIngress",
            "ec2:UpdateSecurityGroupRuleDescriptionsIngress",
            "ec2:RevokeSecurityGroupIngress",
            "ec2:CreateTags",
            "ec2:DeleteSecurityGroup",
        ],
        ..Rules::new("EC2 security group")
    };
    type Attrs = Attrs;

    fn desired(stack: &Stack) -> Vec<Want<Attrs>> {
        let balancers = stack.web.balancers.iter().filter_map(|(scheme, balancer)| match balancer {
            Balancer::Own(own) => {
                let (name, description) = (&own.security_group, format!("Load balancer of {}", stack.name));
                let address = format!("alb-{}", scheme.word());
                Some(want(stack, &address, name, description, from_outside(stack, *scheme, own)))
            }
            Balancer::Shared(_) => None,
        });
        let description = format!("Fargate tasks of {}", stack.name);
        let tasks = want(stack, "tasks", &stack.names.security_group, description, from_balancers(stack));
        balancers.chain([tasks]).collect()
    }

    fn locate(arn: &str, at: &Locator) -> Option<Locator> {
        let id = resource_of(arn, "ec2")?.strip_prefix("security-group/")?;
        // The ARN does not hold the group's name.
        Some(Locator { name: id.to_owned(), id: Some(id.to_owned()), ..at.clone() })
    }

    async fn read(aws: &Aws, at: &Locator) -> Result<Option<Seen<Attrs>>, CallError> {
        let request = aws.ec2.describe_security_groups();
        let request = match (&at.id, &at.parent) {
            (Some(id), _) => request.group_ids(id),
            (None, Some(vpc)) => {
                request.filters(filter("group-name", &at.name)).filters(filter("vpc-id", vpc))
            }
            (None, None) => request.filters(filter("group-name", &at.name)),
        };
        let answer = call("ec2:DescribeSecurityGroups", request.send()).await;
        let Some(answer) = absent(answer, &["InvalidGroup.NotFound", "InvalidGroupId.NotFound"])? else {
            return Ok(None);
        };
        // A filter takes `*` and `?` as patterns.
        let named = |group: &&Group| at.id.is_some() || group.group_name() == Some(&at.name);
        Ok(answer.security_groups().iter().find(named).map(|group| seen(group, at)))
    }

    async fn create(aws: &Aws, at: &Locator, want: &Attrs) -> Result<Outputs, CallError> {
        let tags = TagSpecification::builder()
            .resource_type(ResourceType::SecurityGroup)
            .set_tags(Some(to_ec2(&want.tags)))
            .build();
        let request = aws.ec2.create_security_group().group_name(&want.name).description(&want.description);
        let request = request.vpc_id(&want.vpc_id).tag_specifications(tags);
        let at = Locator { parent: Some(want.vpc_id.clone()), id: None, ..at.clone() };
        let made = match call("ec2:CreateSecurityGroup", request.send()).await {
            Ok(made) => made,
            Err(error) if error.code == "InvalidGroup.Duplicate" => {
                return match Self::read(aws, &at).await? {
                    Some(seen) if seen.owner == Owner::Ours => Self::update(aws, &at, &seen, want).await,
                    _ => Err(error),
                };
            }
            Err(error) => return Err(error),
        };
        let id = part("ec2:CreateSecurityGroup", made.group_id().map(str::to_owned), "groupId")?;
        // ECS refuses a group that EC2 does not show everywhere yet.
        let at = Locator { id: Some(id.clone()), ..at };
        until("ec2:CreateSecurityGroup", "the appearance of the group", Duration::from_mins(1), || async {
            Ok(Self::read(aws, &at).await?.map(|_| ()))
        })
        .await?;
        ingress::change(aws, &id, &want.ingress).await?;
        Ok(outputs([("id", &id)]))
    }

    async fn update(
        aws: &Aws,
        _at: &Locator,
        seen: &Seen<Attrs>,
        want: &Attrs,
    ) -> Result<Outputs, CallError> {
        let id = part("ec2:CreateTags", seen.outputs.get("id"), "groupId")?;
        if seen.attrs.ingress != want.ingress {
            ingress::change(aws, id, &want.ingress).await?;
        }
        let tags = missing_tags(&seen.attrs.tags, &want.tags);
        if !tags.is_empty() {
            let request = aws.ec2.create_tags().resources(id).set_tags(Some(to_ec2(&tags)));
            call("ec2:CreateTags", request.send()).await?;
        }
        Ok(seen.outputs.clone())
    }

    async fn delete(aws: &Aws, _at: &Locator, seen: &Seen<Attrs>) -> Result<(), CallError> {
        let id = part("ec2:DeleteSecurityGroup", seen.outputs.get("id"), "groupId")?;
        let deleted = retrying(LINGERING, || {
            call("ec2:DeleteSecurityGroup", aws.ec2.delete_security_group().group_id(id).send())
        })
        .await;
        absent(deleted, &["InvalidGroup.NotFound", "InvalidGroupId.NotFound"])?;
        Ok(())
    }
}

fn want(
    stack: &Stack,
    address: &str,
    name: &str,
    description: String,
    ingress: BTreeMap<String, Input<String>>,
) -> Want<Attrs> {
    let at = stack.names.at(SecurityGroup::KIND, address, name);
    let attrs = Attrs {
        name: name.to_owned(),
        description,
        vpc_id: stack.vpc_id.clone(),
        ingress,
        tags: ownership(&stack.name, &at.address, &stack.tags),
    };
    Want { at: Locator { parent: Some(stack.vpc_id.clone()), ..at }, attrs, after: Vec::new() }
}

/// What may connect to a load balancer of the stack.
fn from_outside(stack: &Stack, scheme: Scheme, own: &OwnBalancer) -> BTreeMap<String, Input<String>> {
    let ports = stack.web.listeners.keys().filter(|(of, _)| *of == scheme).map(|(_, port)| *port);
    let rule = |port, source: &String| (ingress::key(port, source), Input::Known(source.clone()));
    ports.flat_map(|port| own.allow.iter().map(move |source| rule(port, source))).collect()
}

/// What may connect to the tasks: the load balancers, on the ports that they send traffic and health checks to.
fn from_balancers(stack: &Stack) -> BTreeMap<String, Input<String>> {
    let services = stack.tasks.values().filter_map(|task| match &task.runs {
        Runs::Service(run) => run.web.as_ref(),
        Runs::OneOff | Runs::Scheduled(_) => None,
    });
    let rules = services.filter_map(|web| {
        let (name, source) = match stack.web.balancers.get(&web.scheme)? {
            Balancer::Own(_) => {
                let group = stack.names.address(SecurityGroup::KIND, &format!("alb-{}", web.scheme.word()));
                (group.to_string(), Input::of(group, "id"))
            }
            Balancer::Shared(shared) => {
                (format!("load balancer {}", shared.name), Input::Known(shared.security_group.clone()))
            }
        };
        Some(ports(web).into_iter().map(move |port| (ingress::key(port, &name), source.clone())))
    });
    rules.flatten().collect()
}

fn ports(web: &WebService) -> BTreeSet<u16> {
    [web.container_port].into_iter().chain(web.health_check.port).collect()
}

fn seen(group: &Group, at: &Locator) -> Seen<Attrs> {
    let tags: Tags = group
        .tags()
        .iter()
        .map(|tag| (tag.key().unwrap_or_default().to_owned(), tag.value().unwrap_or_default().to_owned()))
        .collect();
    Seen {
        owner: owner(&tags, at),
        outputs: outputs([("id", group.group_id().unwrap_or_default())]),
        attrs: Attrs {
            name: group.group_name().unwrap_or_default().to_owned(),
            description: group.description().unwrap_or_default().to_owned(),
            vpc_id: group.vpc_id().unwrap_or_default().to_owned(),
            ingress: ingress::seen(group.ip_permissions()),
            tags,
        },
    }
}

fn filter(name: &str, value: &str) -> Filter {
    Filter::builder().name(name).values(value).build()
}

fn to_ec2(tags: &Tags) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}
