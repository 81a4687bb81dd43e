//! Every reason that a load balancer gives for a target that it does not find healthy.

use super::scenarios::{BY_TARGET, Scenario, target};
use super::*;

/// Lets the load balancer's security group in to the tasks, whose group is the default one of the VPC.
async fn open(stage: &Stage, port: i32) {
    use aws_sdk_ec2::types::{IpPermission, UserIdGroupPair};
    let found =
        stage.aws.balancing.describe_load_balancers().load_balancer_arns(&stage.balancer).send().await;
    let from = found.unwrap().load_balancers()[0].security_groups()[0].clone();
    let rule = IpPermission::builder().ip_protocol("tcp").from_port(port).to_port(port);
    let rule = rule.user_id_group_pairs(UserIdGroupPair::builder().group_id(from).build());
    let group = stage.seed["default_security_group_id"].as_str().unwrap();
    let request =
        stage.aws.ec2.authorize_security_group_ingress().group_id(group).ip_permissions(rule.build());
    request.send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_reason_of_a_target_is_told_with_the_key_that_changes_it() {
    let stage = Stage::new().await;
    let scenarios: Vec<Scenario> = BY_TARGET
        .iter()
        .map(|(name, _, [state, reason, description], remedy)| Scenario {
            class: name,
            play: target(state, reason, description),
            container: "",
            remedy,
            logs: false,
        })
        .collect();
    let mut deployments = Vec::new();
    for scenario in &scenarios {
        let Play::Balanced(script) = &scenario.play else { unreachable!() };
        stage.definition(scenario.class).await;
        stage.script("service", scenario.class, script);
        deployments.push(stage.service(scenario).await);
    }
    let mut wrong = Vec::new();
    for ((scenario, deployment), (name, class, _, _)) in scenarios.iter().zip(&deployments).zip(BY_TARGET) {
        if name == "silent" {
            open(&stage, 80).await;
        }
        let cause = stage.cause(scenario, deployment).await;
        if cause.class != class || !cause.remedy.contains(scenario.remedy) {
            wrong.push(format!("{name}: {cause:#?}"));
            continue;
        }
        stage.settings().bind(|| {
            insta::assert_snapshot!(format!("target-{name}"), cause_text(&cause, Style::PLAIN));
        });
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
