//! The ingress rules of a group that are ours: their descriptions begin with `fargate-stack`. Others are left alone.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{IpPermission, IpRange, Ipv6Range, PrefixListId, UserIdGroupPair};

use crate::aws::{Aws, absent, call};
use crate::kinds::common::{known, part};
use crate::model::{CallError, Input};

/// What the description of a rule of ours begins with, whatever wrote it.
const OURS: &str = "fargate-stack";
/// … and as it is written: what people call the source follows.
const FROM: &str = "fargate-stack: from ";

/// A rule that is or should be there, for one source.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    /// `tcp`.
    protocol: String,
    /// The first and the last port; `None` for all.
    ports: (Option<i32>, Option<i32>),
    /// A CIDR block, `sg-…` or `pl-…`.
    source: String,
    /// Why it is there.
    description: String,
}

/// What a rule is called in a plan.
pub(super) fn key(port: u16, source: &str) -> String {
    format!("tcp {port} from {source}")
}

/// The rules of ours among all of a group.
pub(super) fn seen(permissions: &[IpPermission]) -> BTreeMap<String, Input<String>> {
    let mut found = BTreeMap::new();
    for rule in ours(permissions) {
        let mut key = rule.key();
        // Two sources of one name: a group that was made anew, for example.
        if found.contains_key(&key) {
            key = format!("{key} ({})", rule.source);
        }
        found.insert(key, Input::Known(rule.source));
    }
    found
}

/// Lets these connect, and nothing else that we ever let. What is there already becomes ours; traffic that stays is never cut.
pub(super) async fn change(
    aws: &Aws,
    group: &str,
    want: &BTreeMap<String, Input<String>>,
) -> Result<(), CallError> {
    const OP: &str = "ec2:DescribeSecurityGroups";
    let answer =
        call("ec2:DescribeSecurityGroups", aws.ec2.describe_security_groups().group_ids(group).send());
    let answer = answer.await?;
    let found = part(OP, answer.security_groups().first(), "securityGroups")?;
    let have = ours(found.ip_permissions());
    let want: Vec<Rule> =
        want.iter().map(|(key, source)| Rule::wanted(key, source)).collect::<Result<_, _>>()?;
    let lacking: Vec<&Rule> = want.iter().filter(|rule| !have.contains(rule)).collect();
    authorize(aws, group, &lacking).await?;
    let left = have.iter().filter(|rule| !want.iter().any(|wanted| wanted.is_like(rule)));
    let left: Vec<IpPermission> = left.map(Rule::permission).collect();
    if !left.is_empty() {
        let request = aws.ec2.revoke_security_group_ingress().group_id(group).set_ip_permissions(Some(left));
        let sent = call("ec2:RevokeSecurityGroupIngress", request.send()).await;
        absent(sent, &["InvalidPermission.NotFound"])?;
    }
    Ok(())
}

async fn authorize(aws: &Aws, group: &str, rules: &[&Rule]) -> Result<(), CallError> {
    let permissions: Vec<IpPermission> = rules.iter().map(|rule| rule.permission()).collect();
    if permissions.is_empty() {
        return Ok(());
    }
    let one_by_one = permissions.clone();
    match allow(aws, group, permissions).await {
        // One that is there already refuses all of them.
        Err(error) if error.code == DUPLICATE => {}
        other => return other,
    }
    for permission in one_by_one {
        match allow(aws, group, vec![permission.clone()]).await {
            Err(error) if error.code == DUPLICATE => describe(aws, group, permission).await?,
            other => other?,
        }
    }
    Ok(())
}

/// What EC2 answers for a rule that is there, whatever its description.
const DUPLICATE: &str = "InvalidPermission.Duplicate";

async fn allow(aws: &Aws, group: &str, permissions: Vec<IpPermission>) -> Result<(), CallError> {
    let request = aws.ec2.authorize_security_group_ingress().group_id(group);
    let request = request.set_ip_permissions(Some(permissions));
    call("ec2:AuthorizeSecurityGroupIngress", request.send()).await.map(|_| ())
}

/// Writes our description on a rule that is there.
async fn describe(aws: &Aws, group: &str, permission: IpPermission) -> Result<(), CallError> {
    let request = aws.ec2.update_security_group_rule_descriptions_ingress().group_id(group);
    call("ec2:UpdateSecurityGroupRuleDescriptionsIngress", request.ip_permissions(permission).send())
        .await
        .map(|_| ())
}

fn ours(permissions: &[IpPermission]) -> Vec<Rule> {
    let rules = permissions.iter().flat_map(|permission| {
        let blocks = permission.ip_ranges().iter().map(|one| (one.cidr_ip(), one.description()));
        let blocks6 = permission.ipv6_ranges().iter().map(|one| (one.cidr_ipv6(), one.description()));
        let lists = permission.prefix_list_ids().iter().map(|one| (one.prefix_list_id(), one.description()));
        let groups = permission.user_id_group_pairs().iter().map(|one| (one.group_id(), one.description()));
        blocks.chain(blocks6).chain(lists).chain(groups).map(|(source, description)| Rule {
            protocol: permission.ip_protocol().unwrap_or_default().to_owned(),
            ports: (permission.from_port(), permission.to_port()),
            source: source.unwrap_or_default().to_owned(),
            description: description.unwrap_or_default().to_owned(),
        })
    });
    rules.filter(|rule| rule.description.starts_with(OURS)).collect()
}

impl Rule {
    fn wanted(key: &str, source: &Input<String>) -> Result<Self, CallError> {
        const OP: &str = "ec2:AuthorizeSecurityGroupIngress";
        let parts = key.strip_prefix("tcp ").and_then(|rest| rest.split_once(" from "));
        let parts = parts.and_then(|(port, name)| Some((port.parse().ok()?, name)));
        let (port, name) = parts
            .ok_or_else(|| CallError::local(OP, format!("this is a bug: `{key}` is no ingress rule")))?;
        Ok(Self {
            protocol: "tcp".to_owned(),
            ports: (Some(port), Some(port)),
            source: known(OP, source)?.to_owned(),
            description: format!("{FROM}{name}"),
        })
    }

    fn key(&self) -> String {
        let ports = match self.ports {
            (Some(from), Some(to)) if from == to => from.to_string(),
            (Some(from), Some(to)) => format!("{from}-{to}"),
            _ => "all".to_owned(),
        };
        let source = self.description.strip_prefix(FROM).unwrap_or(&self.source);
        format!("{} {ports} from {source}", self.protocol)
    }

    /// The same rule to EC2, whatever its description.
    fn is_like(&self, other: &Self) -> bool {
        (&self.protocol, self.ports, &self.source) == (&other.protocol, other.ports, &other.source)
    }

    fn permission(&self) -> IpPermission {
        let permission = IpPermission::builder().ip_protocol(&self.protocol);
        let permission = permission.set_from_port(self.ports.0).set_to_port(self.ports.1);
        let (source, why) = (&self.source, &self.description);
        match source.as_str() {
            group if group.starts_with("sg-") => permission
                .user_id_group_pairs(UserIdGroupPair::builder().group_id(source).description(why).build()),
            list if list.starts_with("pl-") => permission
                .prefix_list_ids(PrefixListId::builder().prefix_list_id(source).description(why).build()),
            block if block.contains(':') => {
                permission.ipv6_ranges(Ipv6Range::builder().cidr_ipv6(source).description(why).build())
            }
            _ => permission.ip_ranges(IpRange::builder().cidr_ip(source).description(why).build()),
        }
        .build()
    }
}
