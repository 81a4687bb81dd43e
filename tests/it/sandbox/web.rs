//! An existing load balancer as a team has it: its own security group, listeners on 80 and 443, a wildcard certificate
//! and a rule. All by ordinary calls of the SDK, but for the certificate, which is planted. [`existing`] makes it in any
//! world with the standard seed.

use std::ops::Deref;

use aws_sdk_elasticloadbalancingv2::Client as Balancing;
use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, Certificate, FixedResponseActionConfig, ProtocolEnum, RedirectActionConfig,
    RedirectActionStatusCodeEnum, RuleCondition, Tag, TargetTypeEnum,
};
use serde_json::{Value, json};

use super::super::account::sdk;
use super::super::harness::World;
use super::Bench;

/// The load balancer `shared`, and what belongs to it: ids and ARNs.
pub struct Existing {
    pub security_group: String,
    pub certificate: String,
    pub balancer: String,
    pub http: String,
    pub https: String,
    pub rule: String,
}

/// A bench with an existing load balancer.
pub(super) struct Web {
    pub bench: Bench,
    pub elb: Balancing,
    existing: Existing,
}

impl Deref for Web {
    type Target = Existing;

    fn deref(&self) -> &Existing {
        &self.existing
    }
}

/// A tag that all of it carries.
pub fn tag() -> Tag {
    Tag::builder().key("team").value("web").build()
}

/// An action that answers 404.
pub fn not_found() -> Action {
    let response = FixedResponseActionConfig::builder().status_code("404").build();
    Action::builder().r#type(ActionTypeEnum::FixedResponse).fixed_response_config(response).build()
}

/// An action that sends to a target group.
pub fn forward(group: &str) -> Action {
    Action::builder().r#type(ActionTypeEnum::Forward).target_group_arn(group).build()
}

/// A condition on the path.
pub fn path(pattern: &str) -> RuleCondition {
    RuleCondition::builder().field("path-pattern").values(pattern).build()
}

/// Plants a certificate in a world's account; its ARN.
pub fn plant(world: &World, mut certificate: Value) -> String {
    certificate["account"] = json!(world.account);
    let made = world.control("POST", "acm/certificates", &certificate);
    made["arn"].as_str().unwrap().to_owned()
}

/// Makes it in the network of the standard seed.
pub async fn existing(world: &World) -> Existing {
    let config = sdk(world);
    let seed = world.control("GET", &format!("seed?account={}", world.account), &Value::Null);
    let elb = Balancing::new(&config);
    let ec2 = aws_sdk_ec2::Client::new(&config);
    let vpc = seed["vpc_id"].as_str().unwrap();
    let group = ec2.create_security_group().group_name("alb").description("load balancer").vpc_id(vpc);
    let security_group = group.send().await.unwrap().group_id().unwrap().to_owned();
    let certificate = plant(world, json!({"domain": "*.example.com", "sans": ["example.com"]}));
    let subnet = |at: usize| seed["public_subnets"][at].as_str().unwrap();
    let made = elb
        .create_load_balancer()
        .name("shared")
        .subnets(subnet(0))
        .subnets(subnet(1))
        .security_groups(&security_group)
        .tags(tag());
    let made = made.send().await.unwrap();
    let balancer = made.load_balancers()[0].load_balancer_arn().unwrap().to_owned();
    let redirect = RedirectActionConfig::builder().protocol("HTTPS").port("443");
    let redirect = redirect.status_code(RedirectActionStatusCodeEnum::Http301).build();
    let redirect = Action::builder().r#type(ActionTypeEnum::Redirect).redirect_config(redirect).build();
    let listener = |port: i32, protocol: ProtocolEnum, action: Action| {
        let request = elb.create_listener().load_balancer_arn(&balancer).port(port).protocol(protocol);
        request.default_actions(action).tags(tag())
    };
    let http = listener(80, ProtocolEnum::Http, redirect).send().await.unwrap();
    let default = Certificate::builder().certificate_arn(&certificate).build();
    let https = listener(443, ProtocolEnum::Https, not_found()).certificates(default).send().await.unwrap();
    let arn =
        |made: &[aws_sdk_elasticloadbalancingv2::types::Listener]| made[0].listener_arn().unwrap().to_owned();
    let (http, https) = (arn(http.listeners()), arn(https.listeners()));
    let rule = elb.create_rule().listener_arn(&https).priority(100).conditions(path("/old/*"));
    let rule = rule.actions(not_found()).tags(tag()).send().await.unwrap();
    let rule = rule.rules()[0].rule_arn().unwrap().to_owned();
    Existing { security_group, certificate, balancer, http, https, rule }
}

impl Web {
    /// An account with the standard seed and a load balancer.
    pub async fn new() -> Self {
        let bench = Bench::new();
        let existing = existing(&bench.world).await;
        Self { elb: Balancing::new(&bench.config), bench, existing }
    }

    /// Makes a target group for IP addresses; its ARN.
    pub async fn group(&self, name: &str) -> String {
        let request = self.elb.create_target_group().name(name).protocol(ProtocolEnum::Http).port(80);
        let request = request.vpc_id(self.bench.seed["vpc_id"].as_str().unwrap()).tags(tag());
        let made = request.target_type(TargetTypeEnum::Ip).send().await.unwrap();
        made.target_groups()[0].target_group_arn().unwrap().to_owned()
    }

    /// Sends a path of the HTTPS listener to a target group; the rule's ARN.
    pub async fn route(&self, priority: i32, group: &str) -> String {
        let request = self.elb.create_rule().listener_arn(&self.https).priority(priority);
        let made = request.conditions(path(&format!("/{priority}/*"))).actions(forward(group)).send().await;
        made.unwrap().rules()[0].rule_arn().unwrap().to_owned()
    }
}
