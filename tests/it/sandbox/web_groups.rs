//! Rules of security groups: their descriptions, and when they are the same rule.

use aws_sdk_ec2::Client as Ec2;
use aws_sdk_ec2::types::{IpPermission, IpRange, Ipv6Range, PrefixListId, UserIdGroupPair};

use super::super::account::block;
use super::{Bench, assert_refused};

/// Two groups; the clients and their ids.
async fn groups() -> (Bench, Ec2, [String; 2]) {
    let bench = Bench::new();
    let ec2 = Ec2::new(&bench.config);
    let mut ids = Vec::new();
    for name in ["web", "alb"] {
        let vpc = bench.seed["vpc_id"].as_str().unwrap();
        let made = ec2.create_security_group().group_name(name).description(name).vpc_id(vpc).send().await;
        ids.push(made.unwrap().group_id().unwrap().to_owned());
    }
    (bench, ec2, ids.try_into().unwrap())
}

fn tcp(port: i32) -> aws_sdk_ec2::types::builders::IpPermissionBuilder {
    IpPermission::builder().ip_protocol("tcp").from_port(port).to_port(port)
}

fn from_range(cidr: &str, description: &str) -> IpPermission {
    tcp(80).ip_ranges(IpRange::builder().cidr_ip(cidr).description(description).build()).build()
}

fn from_group(id: &str, description: &str) -> IpPermission {
    let pair = UserIdGroupPair::builder().group_id(id).description(description).build();
    tcp(80).user_id_group_pairs(pair).build()
}

async fn permissions(ec2: &Ec2, id: &str) -> Vec<IpPermission> {
    let shown = ec2.describe_security_groups().group_ids(id).send().await.unwrap();
    shown.security_groups()[0].ip_permissions().to_vec()
}

#[test]
fn descriptions_of_all_kinds_of_sources_are_kept_and_changed() {
    block(async {
        let (_bench, ec2, [web, alb]) = groups().await;
        let all = IpPermission::builder()
            .ip_protocol("tcp")
            .from_port(80)
            .to_port(80)
            .ip_ranges(IpRange::builder().cidr_ip("10.1.0.0/16").description("office").build())
            .ipv6_ranges(Ipv6Range::builder().cidr_ipv6("fd00::/8").description("office 6").build())
            .user_id_group_pairs(UserIdGroupPair::builder().group_id(&alb).description("balancer").build())
            .prefix_list_ids(PrefixListId::builder().prefix_list_id("pl-1").description("edge").build());
        ec2.authorize_security_group_ingress()
            .group_id(&web)
            .ip_permissions(all.build())
            .send()
            .await
            .unwrap();
        let descriptions = |shown: &[IpPermission]| {
            let one = &shown[0];
            [
                one.ip_ranges()[0].description().map(str::to_owned),
                one.ipv6_ranges()[0].description().map(str::to_owned),
                one.user_id_group_pairs()[0].description().map(str::to_owned),
                one.prefix_list_ids()[0].description().map(str::to_owned),
            ]
            .map(Option::unwrap_or_default)
        };
        let shown = permissions(&ec2, &web).await;
        assert_eq!(descriptions(&shown), ["office", "office 6", "balancer", "edge"]);
        let update = |permission: IpPermission| {
            ec2.update_security_group_rule_descriptions_ingress()
                .group_id(&web)
                .ip_permissions(permission)
                .send()
        };
        update(from_range("10.1.0.0/16", "home")).await.unwrap();
        update(from_group(&alb, "new balancer")).await.unwrap();
        assert_refused(update(from_range("10.2.0.0/16", "x")).await, "InvalidPermission.NotFound");
        let shown = permissions(&ec2, &web).await;
        assert_eq!(descriptions(&shown), ["home", "office 6", "new balancer", "edge"]);
    });
}

#[test]
fn a_rule_is_the_same_whatever_its_description_and_a_call_is_whole() {
    block(async {
        let (_bench, ec2, [web, alb]) = groups().await;
        let authorize = |permissions: Vec<IpPermission>| {
            ec2.authorize_security_group_ingress().group_id(&web).set_ip_permissions(Some(permissions)).send()
        };
        let revoke = |permission: IpPermission| {
            ec2.revoke_security_group_ingress().group_id(&web).ip_permissions(permission).send()
        };
        authorize(vec![from_range("10.1.0.0/16", "a"), from_group(&alb, "a")]).await.unwrap();
        assert_refused(authorize(vec![from_range("10.1.0.0/16", "b")]).await, "InvalidPermission.Duplicate");
        assert_refused(authorize(vec![from_group(&alb, "b")]).await, "InvalidPermission.Duplicate");
        let half = vec![from_range("10.3.0.0/16", "new"), from_group(&alb, "b")];
        assert_refused(authorize(half).await, "InvalidPermission.Duplicate");
        assert_eq!(permissions(&ec2, &web).await[0].ip_ranges().len(), 1, "a refused call adds nothing");
        assert_refused(ec2.delete_security_group().group_id(&alb).send().await, "DependencyViolation");
        revoke(from_group(&alb, "another description")).await.unwrap();
        assert_refused(revoke(from_group(&alb, "a")).await, "InvalidPermission.NotFound");
        assert_refused(revoke(from_range("10.9.0.0/16", "a")).await, "InvalidPermission.NotFound");
        ec2.delete_security_group().group_id(&alb).send().await.unwrap();
        assert_eq!(permissions(&ec2, &web).await[0].user_id_group_pairs().len(), 0);
    });
}

#[test]
fn a_vpc_shows_its_address_ranges() {
    block(async {
        let bench = Bench::new();
        let vpcs = Ec2::new(&bench.config).describe_vpcs().send().await.unwrap();
        assert_eq!(vpcs.vpcs()[0].cidr_block_association_set()[0].cidr_block(), Some("10.0.0.0/16"));
    });
}
