//! What web services find in an account: load balancers, listeners, rules, certificates and zones; and what is said when it is not
//! there, or there twice.

use aws_sdk_ec2::types::{IpPermission, IpRange};
use aws_sdk_elasticloadbalancingv2::Client;
use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, Certificate, FixedResponseActionConfig, LoadBalancerSchemeEnum, ProtocolEnum,
    RuleCondition, Tag, TargetTypeEnum,
};
use serde_json::{Value, json};

use super::account::{block, sdk};
use super::harness::{Run, World};
use super::inspect::{text, warnings};

const WORKER: &str = "app: {name: shop}\ntasks:\n  run: {type: daemon, image: 'helloworld:latest'}\n";

/// A stack of one web service of this type, with more keys at the top.
fn stack(kind: &str, keys: &str) -> String {
    format!(
        "app: {{name: shop}}\ndomain: shop.example.com\n{keys}\ntasks:\n  web:\n    type: {kind}\n    image: helloworld:latest\n"
    )
}

/// A seeded account, and what is in it beside.
struct Shop {
    world: World,
    seed: Value,
    elb: Client,
}

impl Shop {
    fn new() -> Self {
        let world = World::new();
        let seed = world.control("GET", &format!("seed?account={}", world.account), &Value::Null);
        let elb = Client::new(&sdk(&world));
        Self { world, seed, elb }
    }

    fn vpc(&self) -> String {
        text(&self.seed["vpc_id"])
    }

    /// Two subnets in two zones.
    fn subnets(&self, list: &str) -> Vec<String> {
        self.seed[list].as_array().unwrap().iter().map(text).collect()
    }

    /// Writes the stack file and plans.
    fn plan(&self, stack: &str) -> Run {
        self.world.write("fargate-stack.yml", stack);
        self.world.forget_calls();
        self.world.run(&["plan"])
    }

    /// The warnings of a plan that succeeds.
    fn warned(&self, stack: &str) -> String {
        self.world.write("fargate-stack.yml", stack);
        self.world.forget_calls();
        warnings(&self.world.run(&["plan", "--format", "json"]).expect(0).json())
    }

    /// `service:Operation` of the calls of the last plan.
    fn called(&self) -> Vec<String> {
        let call = |call: &Value| format!("{}:{}", text(&call["service"]), text(&call["operation"]));
        self.world.calls().iter().map(call).collect()
    }

    /// A load balancer with a security group that lets these ports in; its ARN.
    async fn balancer(&self, name: &str, scheme: LoadBalancerSchemeEnum, ports: &[i32]) -> String {
        let ec2 = aws_sdk_ec2::Client::new(&sdk(&self.world));
        let group = ec2.create_security_group().group_name(name).description("x").vpc_id(self.vpc());
        let group = group.send().await.unwrap().group_id().unwrap().to_owned();
        for port in ports {
            let all = IpRange::builder().cidr_ip("0.0.0.0/0").build();
            let rule =
                IpPermission::builder().ip_protocol("tcp").from_port(*port).to_port(*port).ip_ranges(all);
            let request = ec2.authorize_security_group_ingress().group_id(&group);
            request.ip_permissions(rule.build()).send().await.unwrap();
        }
        let public = scheme == LoadBalancerSchemeEnum::InternetFacing;
        let subnets = self.subnets(if public { "public_subnets" } else { "private_subnets" });
        let request = self.elb.create_load_balancer().name(name).scheme(scheme).security_groups(group);
        let made = request.set_subnets(Some(subnets)).send().await.unwrap();
        made.load_balancers()[0].load_balancer_arn().unwrap().to_owned()
    }

    async fn public(&self, name: &str) -> String {
        self.balancer(name, LoadBalancerSchemeEnum::InternetFacing, &[80, 443]).await
    }

    /// A listener that answers 404; its ARN.
    async fn listener(&self, balancer: &str, port: i32, certificate: Option<&str>) -> String {
        let answer = FixedResponseActionConfig::builder().status_code("404").build();
        let action = Action::builder().r#type(ActionTypeEnum::FixedResponse).fixed_response_config(answer);
        let protocol = if certificate.is_some() { ProtocolEnum::Https } else { ProtocolEnum::Http };
        let request = self.elb.create_listener().load_balancer_arn(balancer).port(port).protocol(protocol);
        let certificates = certificate.map(|arn| vec![Certificate::builder().certificate_arn(arn).build()]);
        let request = request.default_actions(action.build()).set_certificates(certificates);
        request.send().await.unwrap().listeners()[0].listener_arn().unwrap().to_owned()
    }

    /// A target group as the stack wants them; its ARN.
    async fn target_group(&self, name: &str) -> String {
        let request = self.elb.create_target_group().name(name).port(80).protocol(ProtocolEnum::Http);
        let made = request.vpc_id(self.vpc()).target_type(TargetTypeEnum::Ip).send().await.unwrap();
        made.target_groups()[0].target_group_arn().unwrap().to_owned()
    }

    /// A rule by host; its ARN.
    async fn rule(&self, listener: &str, priority: i32, host: &str, group: &str, tags: &[(&str, &str)]) {
        let tag = |(key, value): &(&str, &str)| Tag::builder().key(*key).value(*value).build();
        let tags: Vec<Tag> = tags.iter().map(tag).collect();
        let request = self.elb.create_rule().listener_arn(listener).priority(priority);
        let request = request.conditions(RuleCondition::builder().field("host-header").values(host).build());
        let action = Action::builder().r#type(ActionTypeEnum::Forward).target_group_arn(group).build();
        let tags = (!tags.is_empty()).then_some(tags);
        request.actions(action).set_tags(tags).send().await.unwrap();
    }

    /// A certificate in this state; its ARN.
    fn certificate(&self, domain: &str, status: &str) -> String {
        let wanted = json!({"account": self.world.account, "domain": domain, "status": status});
        text(&self.world.control("POST", "acm/certificates", &wanted)["arn"])
    }

    async fn zone(&self, name: &str, vpc: Option<&str>) -> String {
        let dns = aws_sdk_route53::Client::new(&sdk(&self.world));
        let reference = format!("{name}-{vpc:?}-{:?}", std::time::Instant::now());
        let request = dns.create_hosted_zone().name(name).caller_reference(reference);
        let vpc = vpc.map(|id| {
            let region = aws_sdk_route53::types::VpcRegion::UsEast1;
            aws_sdk_route53::types::Vpc::builder().vpc_id(id).vpc_region(region).build()
        });
        let made = request.set_vpc(vpc).send().await.unwrap();
        made.hosted_zone().unwrap().id().trim_start_matches("/hostedzone/").to_owned()
    }

    /// Another VPC with two subnets in two zones.
    async fn other_vpc(&self) -> (String, Vec<String>) {
        let ec2 = aws_sdk_ec2::Client::new(&sdk(&self.world));
        let made = ec2.create_vpc().cidr_block("10.9.0.0/16").send().await.unwrap();
        let vpc = made.vpc().unwrap().vpc_id().unwrap().to_owned();
        let mut subnets = Vec::new();
        for (number, zone) in ["us-east-1a", "us-east-1b"].into_iter().enumerate() {
            let request = ec2.create_subnet().vpc_id(&vpc).cidr_block(format!("10.9.{number}.0/24"));
            let made = request.availability_zone(zone).send().await.unwrap();
            subnets.push(made.subnet().unwrap().subnet_id().unwrap().to_owned());
        }
        (vpc, subnets)
    }
}

/// Lists are in order of ids, which differ from run to run: puts their lines into the order of what follows the id.
fn by_what_is_known(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    let is_listed = |line: &&str| line.starts_with("  ") && !line.starts_with("  |");
    for list in lines.chunk_by_mut(|a, b| is_listed(a) && is_listed(b)) {
        list.sort_by_key(|line| line.trim_start().split_once("  ").map(|(_, known)| known));
    }
    lines.join("\n")
}

/// Compares with a snapshot what each of these stacks is answered, without what differs from run to run. Nothing may be changed.
fn refused(name: &str, shop: &Shop, cases: &[(&str, String)]) {
    let mut told = String::new();
    for (case, stack) in cases {
        let run = shop.plan(stack).expect(2);
        assert_eq!((run.stdout.as_str(), shop.world.mutations().len()), ("", 0), "{case}");
        told += &["# ", case, "\n", &by_what_is_known(&run.stderr), "\n"].concat();
    }
    insta::with_settings!({
        filters => vec![
            (r"\b\d{12}\b", "[ACCOUNT]"),
            (r"(vpc|subnet|sg|igw)-[0-9a-f]{8,}", "$1-[ID]"),
            (r"(certificate/)[0-9a-f-]{36}", "$1[ID]"),
            (r"(loadbalancer/\w+/[\w-]+/)[0-9a-f]{16}", "$1[ID]"),
            (r"\bZ[0-9A-Z]{8,}\b", "[ZONE]"),
            (r"-\d+\.us-east-1\.elb", "-[N].us-east-1.elb"),
        ],
        omit_expression => true,
        prepend_module_to_snapshot => false,
    }, {
        insta::assert_snapshot!(name, told);
    });
}

#[test]
fn a_stack_without_web_services_asks_for_nothing_of_them() {
    let world = World::with(WORKER);
    world.run(&["plan"]).expect(0);
    let services: Vec<String> = world.calls().iter().map(|call| text(&call["service"])).collect();
    for service in ["elasticloadbalancing", "acm", "route53"] {
        assert!(!services.iter().any(|called| called == service), "{services:?}");
    }
}

#[test]
fn an_account_without_load_balancers_and_certificates_has_what_both_kinds_of_service_need() {
    let shop = Shop::new();
    for kind in ["http", "https"] {
        assert!(!shop.warned(&stack(kind, "")).contains("load balancer"));
        let called = shop.called();
        assert!(!called.iter().any(|call| call == "elasticloadbalancing:DescribeTags"), "{called:?}");
    }
}

#[test]
fn a_load_balancer_that_cannot_be_used_is_told_with_those_that_can() {
    let shop = Shop::new();
    let arns = block(async {
        let (vpc, subnets) = shop.other_vpc().await;
        assert_ne!(vpc, shop.vpc());
        let internal = LoadBalancerSchemeEnum::Internal;
        let far = shop.elb.create_load_balancer().name("far").scheme(internal.clone());
        let far = far.set_subnets(Some(subnets)).send().await.unwrap();
        let arn = |made: &[aws_sdk_elasticloadbalancingv2::types::LoadBalancer]| {
            made[0].load_balancer_arn().unwrap().to_owned()
        };
        shop.public("blue").await;
        shop.public("green").await;
        let inner = shop.balancer("inner", internal, &[80]).await;
        [inner, arn(far.load_balancers())]
    });
    let [inner, far] = arns;
    let nowhere = inner.replace("inner", "nowhere");
    let named = |kind: &str, arn: &str| stack(kind, &format!("alb:\n  arn: {arn}"));
    refused(
        "load balancers that cannot be used",
        &shop,
        &[
            ("two that could", stack("https", "")),
            ("alb.arn does not exist", named("https", &nowhere)),
            ("alb.arn is internal", named("https", &inner)),
            ("alb.arn is in another VPC", named("http", &far)),
            ("alb.name is internal", stack("https", "alb: {name: inner}")),
        ],
    );
    // The flag of the command line settles it as the key does.
    for arguments in
        [&["plan", "--create-alb"][..], &["plan", "-C"], &["release", "-C", "--yes", "--no-wait"]]
    {
        shop.world.write("fargate-stack.yml", &stack("https", ""));
        let run = shop.world.run(arguments);
        assert!(!run.stderr.contains("nothing says which one"), "{}", run.stderr);
    }
    shop.plan(&stack("https", "alb: {create: true}")).expect(0);
}

#[test]
fn the_only_load_balancer_is_shared_and_what_it_lacks_is_told() {
    let shop = Shop::new();
    let arn = block(async {
        let arn = shop.balancer("main", LoadBalancerSchemeEnum::InternetFacing, &[80]).await;
        shop.listener(&arn, 80, None).await;
        arn
    });
    let told = shop.warned(&stack("https", "alb: {idle_timeout: 90, allow: [10.0.0.0/8]}"));
    for part in [
        "share the load balancer `main`, the only public one",
        "lets port 443 in",
        "`alb.idle_timeout` has no effect",
        "`alb.allow` has no effect",
    ] {
        assert!(told.contains(part), "`{part}` is not in:\n{told}");
    }
    // `--update` writes what was found of others, and where the records go.
    shop.world.write("fargate-stack.yml", &stack("https", ""));
    shop.world.run(&["plan", "--update"]).expect(0);
    let file = shop.world.read("fargate-stack.yml");
    assert!(file.contains(&format!("arn: {arn}")), "{file}");
    assert!(file.contains(&format!("zone_id: {}", text(&shop.seed["public_zone_id"]))), "{file}");
    let again = shop.warned(&file);
    assert!(!again.contains("the only public one"), "{again}");
}

#[test]
fn what_is_in_the_way_in_a_listener_is_told() {
    let shop = Shop::new();
    let (main, plain) = block(async {
        let main = shop.public("main").await;
        let group = shop.target_group("portal").await;
        let listener = shop.listener(&main, 80, None).await;
        shop.rule(&listener, 10, "shop.example.com", &group, &[]).await;
        shop.rule(&listener, 20, "other.example.com", &group, &[]).await;
        let plain = shop.public("plain").await;
        shop.listener(&plain, 443, None).await;
        (main, plain)
    });
    let on = |kind: &str, arn: &str, more: &str| {
        stack(kind, &format!("alb: {{arn: '{arn}', type: public}}\n{more}"))
    };
    let numbered =
        on("http", &main, "").replace("shop.example.com", "new.example.com") + "    priority: 20\n";
    refused(
        "what is in the way in a listener",
        &shop,
        &[
            ("a rule for the same host", on("http", &main, "")),
            ("a priority that is taken", numbered),
            ("HTTP where HTTPS is needed", on("https", &plain, "")),
            (
                "a security group of somebody else",
                on("http", &main, "security_groups: {alb: {group_id: sg-0123456789abcdef0}}")
                    .replace("shop.example.com", "new.example.com"),
            ),
        ],
    );
    // A path of its own is another rule.
    shop.plan(&(on("http", &main, "") + "    path: /shop/*\n")).expect(0);
}

#[test]
fn a_rule_that_is_asked_before_is_a_warning_and_an_own_one_needs_no_question() {
    let shop = Shop::new();
    let tags = [("fargate-stack:stack", "shop"), ("fargate-stack:address", "listener_rule.web")];
    block(async {
        let main = shop.public("main").await;
        let listener = shop.listener(&main, 80, None).await;
        let foreign = shop.target_group("portal").await;
        shop.rule(&listener, 10, "*.example.com", &foreign, &[]).await;
        let own = shop.target_group("shop-web-tg").await;
        shop.rule(&listener, 100, "shop.example.com", &own, &tags).await;
        shop.public("other").await;
    });
    let told = shop.warned(&stack("http", "alb: {type: public}"));
    assert!(
        told.contains("rule 10 of the listener on port 80 of the load balancer `main`, for `*.example.com`"),
        "{told}"
    );
    assert!(told.contains("is asked before the rule of `web`"), "{told}");
    // Which of the two load balancers it is shows in the tags of the rule, which the inventory has: none is asked for its own.
    let asked = shop.world.calls().into_iter().filter(|call| call["operation"] == "DescribeTags");
    let asked: Vec<String> = asked.map(|call| call["parameters"].to_string()).collect();
    assert!(!asked.iter().any(|parameters| parameters.contains("loadbalancer/")), "{asked:?}");
}

#[test]
fn a_certificate_that_cannot_be_used_is_told() {
    let shop = Shop::new();
    let pending = shop.certificate("shop.example.com", "PENDING_VALIDATION");
    let wildcard = shop.certificate("*.example.com", "ISSUED");
    let absent = format!(
        "arn:aws:acm:us-east-1:{}:certificate/00000000-0000-0000-0000-000000000000",
        shop.world.account
    );
    let far = absent.replace("us-east-1", "eu-west-1");
    let named = |arn: &str| stack("https", &format!("certificate_arn: {arn}"));
    refused(
        "certificates that cannot be used",
        &shop,
        &[
            ("not issued", named(&pending)),
            ("not there", named(&absent)),
            ("of another region", named(&far)),
            (
                "two labels below a wildcard",
                named(&wildcard).replace("shop.example.com", "[shop.example.com, a.shop.example.com]"),
            ),
            (
                "none, and none can be requested without records",
                stack("https", "route53: {records: false}").replace("shop.example.com", "a.shop.example.com"),
            ),
        ],
    );
    shop.plan(&named(&wildcard)).expect(0);
    // Without records Route 53 is not asked at all.
    shop.plan(&stack("https", "route53: {records: false}")).expect(0);
    let called = shop.called();
    assert!(!called.iter().any(|call| call.starts_with("route53:")), "{called:?}");
}

#[test]
fn a_certificate_is_found_whatever_its_key() {
    let shop = Shop::new();
    for (key, domain) in [("EC_prime256v1", "shop.example.com"), ("RSA_4096", "*.example.com")] {
        let wanted = json!({"account": shop.world.account, "domain": domain, "key_algorithm": key});
        shop.world.control("POST", "acm/certificates", &wanted);
        shop.plan(&stack("https", "route53: {records: false}")).expect(0);
    }
}

#[test]
fn a_zone_that_cannot_be_found_is_told_with_those_that_there_are() {
    let shop = Shop::new();
    let (orphan, other) = block(async {
        let (vpc, _) = shop.other_vpc().await;
        let orphan = shop.zone("example.net", Some(&vpc)).await;
        shop.zone("twice.example", Some(&shop.vpc())).await;
        shop.zone("double.example", None).await;
        shop.zone("double.example", None).await;
        (orphan, shop.zone("example.org", None).await)
    });
    shop.certificate("*.example.edu", "ISSUED");
    let of = |kind: &str, domain: &str, keys: &str| stack(kind, keys).replace("shop.example.com", domain);
    let zone = |id: &str| format!("route53:\n  zone_id: {id}");
    refused(
        "zones that cannot be found",
        &shop,
        &[
            ("no public zone, and no certificate", of("https", "shop.example.info", "")),
            ("no public zone, with a certificate", of("https", "shop.example.edu", "")),
            ("no private zone", of("http", "shop.example.org", "")),
            ("a private zone that does not answer in the VPC", of("http", "shop.example.net", "")),
            ("two public zones", of("https", "shop.double.example", "")),
            ("zone_id is of another domain", of("https", "shop.example.com", &zone(&other))),
            (
                "zone_id is private",
                of("https", "shop.example.com", &zone(&text(&shop.seed["private_zone_id"]))),
            ),
            ("zone_id does not answer in the VPC", of("http", "shop.example.net", &zone(&orphan))),
            ("zone_id does not exist", of("https", "shop.example.com", &zone("Z0123456789ABCDEFGHIJ"))),
        ],
    );
    shop.plan(&of("http", "shop.twice.example", "")).expect(0);
    shop.plan(&of("http", "shop.example.org", &zone(&other))).expect(0);
}

#[test]
fn subnets_that_a_load_balancer_cannot_use_are_told() {
    let shop = Shop::new();
    let (public, private) = (shop.subnets("public_subnets"), shop.subnets("private_subnets"));
    let one = |list: &str, id: &str| format!("subnets:\n  {list}: [{id}]");
    refused(
        "subnets that a load balancer cannot use",
        &shop,
        &[
            ("one zone", stack("https", &one("public", &public[0]))),
            ("one zone of an internal one", stack("http", &one("private", &private[0]))),
            ("not public", stack("https", &format!("subnets:\n  public: [{}, {}]", public[0], private[1]))),
        ],
    );
}

/// A second account that has the zone `example.org`, and a role that lets the first one in.
fn with_zone_elsewhere(shop: &Shop, trusted: &str) -> (World, String) {
    let other = World::seeded("empty");
    let trust = json!({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Action": "sts:AssumeRole",
        "Principal": {"AWS": format!("arn:aws:iam::{trusted}:root")},
    }});
    block(async {
        let config = sdk(&other);
        let iam = aws_sdk_iam::Client::new(&config);
        iam.create_role()
            .role_name("dns")
            .assume_role_policy_document(trust.to_string())
            .send()
            .await
            .unwrap();
        let dns = aws_sdk_route53::Client::new(&config);
        dns.create_hosted_zone().name("example.org").caller_reference("x").send().await.unwrap();
    });
    other.forget_calls();
    let role = format!("arn:aws:iam::{}:role/dns", other.account);
    shop.world.write(
        ".aws/credentials",
        &format!("[dns]\naws_access_key_id = {}\naws_secret_access_key = x\n", other.account),
    );
    (other, role)
}

#[test]
fn a_zone_of_another_account_is_found_by_a_role_or_a_profile() {
    let shop = Shop::new();
    let (other, role) = with_zone_elsewhere(&shop, &shop.world.account);
    let of = |keys: &str| stack("https", keys).replace("shop.example.com", "shop.example.org");
    let run = shop.plan(&of("")).expect(2);
    assert!(run.stderr.contains("no public hosted zone for `shop.example.org`"), "{}", run.stderr);
    let asked = |world: &World| world.calls().iter().any(|call| call["service"] == "route53");
    shop.plan(&of(&format!("route53: {{role_arn: '{role}'}}"))).expect(0);
    assert!(asked(&other) && !asked(&shop.world));
    shop.plan(&of("route53: {profile: dns}")).expect(0);
    assert!(!asked(&shop.world));
    shop.world.write("fargate-stack.yml", &of(""));
    for flag in ["--route53-profile", "--dns-profile"] {
        shop.world.run(&["plan", flag, "dns"]).expect(0);
    }
    // No role is assumed, and no profile needed, when there is nothing to ask Route 53 for.
    shop.plan(&format!("route53: {{role_arn: '{role}'}}\n{WORKER}")).expect(0);
    assert!(!shop.called().iter().any(|call| call == "sts:AssumeRole"));
    shop.plan(&format!("route53: {{profile: nobody}}\n{WORKER}")).expect(0);
}

#[test]
fn a_role_that_does_not_let_the_caller_in_is_named() {
    let shop = Shop::new();
    let (_, role) = with_zone_elsewhere(&shop, "999999999999");
    let run = shop.plan(&stack("https", &format!("route53: {{role_arn: '{role}'}}"))).expect(1);
    assert!(run.stderr.contains("route53:ListHostedZones") && run.stderr.contains(&role), "{}", run.stderr);
}

#[test]
fn in_ci_the_profile_that_app_fargate_stack_wrote_for_route_53_is_ignored_too() {
    let shop = Shop::new();
    let both = stack("https", "profile: laptop\nroute53: {profile: laptop}");
    shop.world.write("fargate-stack.yml", &both);
    World::output(shop.world.command(&["plan"]).env("CI", "true")).expect(0);
    shop.world.write("fargate-stack.yml", &both.replace("profile: laptop}", "profile: other}"));
    let run = World::output(shop.world.command(&["plan"]).env("CI", "true")).expect(1);
    assert!(run.stderr.contains("other"), "{}", run.stderr);
}
