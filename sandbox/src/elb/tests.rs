//! One fact of Elastic Load Balancing a test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(clippy::needless_pass_by_value, reason = "`json!` is written where the value is used")]

use serde_json::{Value, json};

use super::{Elb, Facts};
use crate::ecs::{Target, TargetHealth};

const ISSUED: &str = "arn:aws:acm:us-east-1:123456789012:certificate/issued";
const OTHER: &str = "arn:aws:acm:us-east-1:123456789012:certificate/other";
const PENDING: &str = "arn:aws:acm:us-east-1:123456789012:certificate/pending";

struct Bench {
    elb: Elb,
    facts: Facts,
}

impl Bench {
    /// Two VPCs, the first with an internet gateway and subnets in zones a, a and b.
    fn new() -> Self {
        let subnet =
            |id: &str, vpc: &str, zone: &str| (id.to_owned(), (vpc.to_owned(), format!("us-east-1{zone}")));
        let facts = Facts {
            subnets: [
                subnet("s-a", "vpc-1", "a"),
                subnet("s-a2", "vpc-1", "a"),
                subnet("s-b", "vpc-1", "b"),
                subnet("s-x", "vpc-2", "a"),
                subnet("s-y", "vpc-2", "b"),
            ]
            .into(),
            security_groups: [("sg-1".into(), "vpc-1".into()), ("sg-2".into(), "vpc-2".into())].into(),
            default_groups: [("vpc-1".into(), "sg-0".into())].into(),
            vpcs: ["vpc-1".to_owned(), "vpc-2".to_owned()].into(),
            with_gateway: ["vpc-1".to_owned()].into(),
            certificates: [ISSUED, OTHER]
                .map(|arn| (arn.to_owned(), "ISSUED".to_owned()))
                .into_iter()
                .chain([(PENDING.to_owned(), "PENDING_VALIDATION".to_owned())])
                .collect(),
            tasks: None,
            now: 1_800_000_000.0,
        };
        Self { elb: Elb::new("123456789012", "us-east-1"), facts }
    }

    fn ok(&mut self, operation: &str, input: Value) -> Value {
        let answer = self.elb.call(operation, &input, &self.facts);
        answer.unwrap_or_else(|refusal| panic!("{operation}: {refusal:?}"))
    }

    /// `Code: message` of a refusal must begin so.
    #[track_caller]
    fn refuses(&mut self, operation: &str, input: Value, expected: &str) {
        let refusal = self.elb.call(operation, &input, &self.facts).expect_err("must be refused");
        let said = format!("{}: {}", refusal.code, refusal.message);
        assert!(said.starts_with(expected), "{said:?} instead of {expected:?}");
    }

    fn balancer(&mut self, name: &str) -> String {
        let made = self.ok("CreateLoadBalancer", json!({"Name": name, "Subnets": ["s-a", "s-b"]}));
        made["LoadBalancers"][0]["LoadBalancerArn"].as_str().unwrap().to_owned()
    }

    fn group(&mut self, name: &str) -> String {
        let made = self.ok("CreateTargetGroup", group(name));
        made["TargetGroups"][0]["TargetGroupArn"].as_str().unwrap().to_owned()
    }

    fn listener(&mut self, balancer: &str, port: u16, group: &str) -> String {
        let made = self.ok("CreateListener", http(balancer, port, group));
        made["Listeners"][0]["ListenerArn"].as_str().unwrap().to_owned()
    }

    fn rule(&mut self, listener: &str, priority: u16) -> String {
        let made = self.ok("CreateRule", rule(listener, &priority.to_string()));
        made["Rules"][0]["RuleArn"].as_str().unwrap().to_owned()
    }

    fn priorities(&mut self, listener: &str) -> Vec<String> {
        let rules = self.ok("DescribeRules", json!({ "ListenerArn": listener }));
        let rules = rules["Rules"].as_array().unwrap().clone();
        rules.iter().map(|one| one["Priority"].as_str().unwrap().to_owned()).collect()
    }
}

fn group(name: &str) -> Value {
    json!({"Name": name, "Protocol": "HTTP", "Port": "80", "VpcId": "vpc-1", "TargetType": "ip"})
}

fn forward(group: &str) -> Value {
    json!([{"Type": "forward", "TargetGroupArn": group}])
}

fn http(balancer: &str, port: u16, group: &str) -> Value {
    json!({"LoadBalancerArn": balancer, "Port": port.to_string(), "Protocol": "HTTP", "DefaultActions": forward(group)})
}

fn https(balancer: &str, certificate: &str, group: &str) -> Value {
    with(
        http(balancer, 443, group),
        json!({"Protocol": "HTTPS", "Certificates": [{ "CertificateArn": certificate }]}),
    )
}

fn rule(listener: &str, priority: &str) -> Value {
    json!({
        "ListenerArn": listener, "Priority": priority,
        "Conditions": [{"Field": "path-pattern", "Values": ["/api/*"]}],
        "Actions": [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}],
    })
}

fn with(mut value: Value, more: Value) -> Value {
    value.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    value
}

#[test]
fn a_load_balancer_stands_in_two_zones_of_one_vpc_with_a_gateway() {
    let mut bench = Bench::new();
    let make = |subnets: &[&str]| json!({"Name": "web", "Subnets": subnets});
    for (subnets, expected) in [
        (
            &[][..],
            "ValidationError: At least two subnets in two different Availability Zones must be specified",
        ),
        (
            &["s-a"],
            "ValidationError: At least two subnets in two different Availability Zones must be specified",
        ),
        (
            &["s-a", "s-a2"],
            "InvalidConfigurationRequest: A load balancer cannot be attached to multiple subnets",
        ),
        (
            &["s-a", "s-b", "s-a2"],
            "InvalidConfigurationRequest: A load balancer cannot be attached to multiple",
        ),
        (&["s-a", "gone"], "SubnetNotFound: The subnet ID 'gone' does not exist"),
        (&["s-a", "s-y"], "InvalidConfigurationRequest: All subnets must be in the same VPC"),
        (&["s-x", "s-y"], "InvalidSubnet: VPC vpc-2 has no internet gateway"),
    ] {
        bench.refuses("CreateLoadBalancer", make(subnets), expected);
    }
    bench.ok("CreateLoadBalancer", with(make(&["s-x", "s-y"]), json!({"Scheme": "internal"})));
    let arn = bench.balancer("other");
    bench.refuses(
        "SetSubnets",
        json!({"LoadBalancerArn": arn, "Subnets": ["s-a"]}),
        "ValidationError: At least two",
    );
    bench.refuses(
        "SetSubnets",
        json!({"LoadBalancerArn": arn, "Subnets": ["s-x", "s-y"]}),
        "InvalidConfigurationRequest",
    );
}

#[test]
fn names_of_load_balancers_and_target_groups_are_limited() {
    let mut bench = Bench::new();
    let long = "a".repeat(33);
    for name in [long.as_str(), "-a", "a-", "a_b", "internal-a"] {
        let input = json!({"Name": name, "Subnets": ["s-a", "s-b"]});
        bench.refuses("CreateLoadBalancer", input, "ValidationError: Load balancer name");
    }
    for name in [long.as_str(), "-a", "a-", "a_b"] {
        bench.refuses("CreateTargetGroup", group(name), "ValidationError: Target group name");
    }
    bench.balancer(&"a".repeat(32));
    bench.group("internal-a");
}

#[test]
fn the_same_name_is_the_same_thing_or_refused() {
    let mut bench = Bench::new();
    let (arn, again) = (bench.balancer("web"), bench.balancer("web"));
    assert_eq!(arn, again);
    let other = json!({"Name": "web", "Subnets": ["s-a", "s-b"], "SecurityGroups": ["sg-1"]});
    bench.refuses("CreateLoadBalancer", other, "DuplicateLoadBalancerName");
    let (arn, again) = (bench.group("web"), bench.group("web"));
    assert_eq!(arn, again);
    bench.refuses("CreateTargetGroup", with(group("web"), json!({"Port": "81"})), "DuplicateTargetGroupName");
}

#[test]
fn security_groups_exist_in_the_vpc_and_the_default_one_serves_else() {
    let mut bench = Bench::new();
    let make = |id: &str| json!({"Name": "web", "Subnets": ["s-a", "s-b"], "SecurityGroups": [id]});
    bench.refuses("CreateLoadBalancer", make("sg-9"), "InvalidSecurityGroup");
    bench.refuses("CreateLoadBalancer", make("sg-2"), "InvalidConfigurationRequest");
    let arn = bench.balancer("web");
    let shown = bench.ok("DescribeLoadBalancers", json!({ "LoadBalancerArns": [&arn] }));
    assert_eq!(shown["LoadBalancers"][0]["SecurityGroups"], json!(["sg-0"]));
    bench.ok("SetSecurityGroups", json!({"LoadBalancerArn": arn, "SecurityGroups": ["sg-1"]}));
    assert!(bench.elb.security_groups(bench.facts.now).contains("sg-1"));
    bench.ok("DeleteLoadBalancer", json!({ "LoadBalancerArn": arn }));
    assert!(bench.elb.security_groups(bench.facts.now).contains("sg-1"), "its interfaces go a moment later");
    assert!(bench.elb.security_groups(bench.facts.now + 1.0).is_empty());
}

#[test]
fn a_load_balancer_is_provisioned_then_active_and_a_protected_one_stays() {
    let mut bench = Bench::new();
    let arn = bench.balancer("web");
    let of = json!({ "LoadBalancerArn": arn });
    let state = |bench: &mut Bench| {
        bench.ok("DescribeLoadBalancers", json!({}))["LoadBalancers"][0]["State"]["Code"].clone()
    };
    assert_eq!(state(&mut bench), "provisioning");
    bench.facts.now += 1.0;
    assert_eq!(state(&mut bench), "active");
    let protect = |on: &str| json!({"LoadBalancerArn": arn, "Attributes": [{"Key": "deletion_protection.enabled", "Value": on}]});
    bench.ok("ModifyLoadBalancerAttributes", protect("true"));
    bench.refuses("DeleteLoadBalancer", of.clone(), "OperationNotPermitted");
    bench.ok("ModifyLoadBalancerAttributes", protect("false"));
    let group = bench.group("web");
    let listener = bench.listener(&arn, 80, &group);
    let rule = bench.rule(&listener, 1);
    bench.ok("DeleteLoadBalancer", of.clone());
    bench.ok("DeleteLoadBalancer", of.clone());
    bench.refuses("DescribeListeners", of, "LoadBalancerNotFound");
    bench.refuses("DescribeListeners", json!({ "ListenerArns": [listener] }), "ListenerNotFound");
    bench.refuses("DescribeRules", json!({ "RuleArns": [&rule] }), "RuleNotFound");
    bench.refuses("DescribeTags", json!({ "ResourceArns": [rule] }), "RuleNotFound");
    assert_eq!(bench.elb.tagged().len(), 1, "the target group");
}

#[test]
fn health_checks_have_limits() {
    let mut bench = Bench::new();
    for bad in [
        json!({"HealthCheckIntervalSeconds": "4"}),
        json!({"HealthCheckIntervalSeconds": "301"}),
        json!({"HealthCheckTimeoutSeconds": "1"}),
        json!({"HealthCheckTimeoutSeconds": "121"}),
        json!({"HealthCheckTimeoutSeconds": "30"}),
        json!({"HealthyThresholdCount": "1"}),
        json!({"UnhealthyThresholdCount": "11"}),
        json!({"HealthCheckPath": "health"}),
        json!({"HealthCheckPort": "http"}),
        json!({"Matcher": {"HttpCode": "200-600"}}),
        json!({"Port": "0"}),
        json!({"VpcId": "vpc-9"}),
    ] {
        bench.refuses("CreateTargetGroup", with(group("web"), bad), "ValidationError");
    }
    let good = json!({
        "HealthCheckPath": "/health", "HealthCheckPort": "8080", "HealthCheckIntervalSeconds": "10",
        "Matcher": {"HttpCode": "200,301-302"},
    });
    let made = bench.ok("CreateTargetGroup", with(group("web"), good.clone()));
    let made = &made["TargetGroups"][0];
    for (key, value) in good.as_object().unwrap() {
        assert_eq!(&made[key], value);
    }
    let arn = made["TargetGroupArn"].clone();
    let timeout = |seconds: &str| json!({"TargetGroupArn": arn, "HealthCheckTimeoutSeconds": seconds});
    bench.refuses(
        "ModifyTargetGroup",
        timeout("10"),
        "ValidationError: Health check interval must be greater",
    );
    let changed = bench.ok("ModifyTargetGroup", timeout("9"));
    assert_eq!(changed["TargetGroups"][0]["HealthCheckTimeoutSeconds"], "9");
}

#[test]
fn a_target_group_belongs_to_one_load_balancer_and_stays_while_used() {
    let mut bench = Bench::new();
    let (one, two, group) = (bench.balancer("one"), bench.balancer("two"), bench.group("web"));
    let listener = bench.listener(&one, 80, &group);
    bench.refuses("CreateListener", http(&two, 80, &group), "TargetGroupAssociationLimit");
    bench.refuses("DeleteTargetGroup", json!({ "TargetGroupArn": group }), "ResourceInUse");
    let shown = bench.ok("DescribeTargetGroups", json!({ "LoadBalancerArn": one }));
    assert_eq!(shown["TargetGroups"][0]["LoadBalancerArns"], json!([one]));
    bench.ok("DeleteListener", json!({ "ListenerArn": listener }));
    bench.listener(&two, 80, &group);
    let gone = format!("{group}0");
    bench.refuses("CreateListener", http(&one, 80, &gone), "TargetGroupNotFound");
    let elsewhere =
        bench.ok("CreateTargetGroup", with(super::tests::group("far"), json!({"VpcId": "vpc-2"})));
    let elsewhere = elsewhere["TargetGroups"][0]["TargetGroupArn"].as_str().unwrap().to_owned();
    bench.refuses("CreateListener", http(&one, 80, &elsewhere), "InvalidConfigurationRequest");
}

#[test]
fn a_port_has_one_listener_and_https_an_issued_certificate() {
    let mut bench = Bench::new();
    let (balancer, group) = (bench.balancer("web"), bench.group("web"));
    let first = bench.listener(&balancer, 80, &group);
    assert_eq!(bench.listener(&balancer, 80, &group), first, "the same settings are the same listener");
    let answer = json!([{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]);
    let other = with(http(&balancer, 80, &group), json!({ "DefaultActions": answer }));
    bench.refuses("CreateListener", other, "DuplicateListener");
    let bare = with(http(&balancer, 443, &group), json!({"Protocol": "HTTPS"}));
    bench.refuses(
        "CreateListener",
        bare,
        "ValidationError: A certificate must be specified for HTTPS listeners",
    );
    let gone = https(&balancer, "arn:aws:acm:us-east-1:1:certificate/gone", &group);
    bench.refuses("CreateListener", gone, "CertificateNotFound");
    bench.refuses("CreateListener", https(&balancer, PENDING, &group), "UnsupportedCertificate");
    let policy = with(https(&balancer, ISSUED, &group), json!({"SslPolicy": "nope"}));
    bench.refuses("CreateListener", policy, "SSLPolicyNotFound");
    let made = bench.ok("CreateListener", https(&balancer, ISSUED, &group));
    let made = &made["Listeners"][0];
    assert_eq!(made["SslPolicy"], "ELBSecurityPolicy-2016-08");
    assert_eq!(made["Certificates"], json!([{ "CertificateArn": ISSUED }]));
    let arn = made["ListenerArn"].as_str().unwrap().to_owned();
    let change = |key: &str, value: Value| with(json!({ "ListenerArn": arn }), json!({ key: value }));
    bench.refuses("ModifyListener", change("Port", json!("80")), "DuplicateListener");
    bench.refuses("ModifyListener", change("SslPolicy", json!("nope")), "SSLPolicyNotFound");
    let pending = json!([{ "CertificateArn": PENDING }]);
    bench.refuses("ModifyListener", change("Certificates", pending), "UnsupportedCertificate");
    bench.ok("ModifyListener", change("Certificates", json!([{ "CertificateArn": OTHER }])));
    assert_eq!(bench.elb.certificates().keys().collect::<Vec<_>>(), [OTHER]);
    let shown = bench.ok("DescribeListeners", json!({ "LoadBalancerArn": balancer }));
    assert_eq!(shown["Listeners"][0]["ListenerArn"], first, "in the order of creation");
}

#[test]
fn a_listener_has_a_default_certificate_and_others_for_sni() {
    let mut bench = Bench::new();
    let (balancer, group) = (bench.balancer("web"), bench.group("web"));
    let made = bench.ok("CreateListener", https(&balancer, ISSUED, &group));
    let arn = made["Listeners"][0]["ListenerArn"].clone();
    let of =
        |certificate: &str| json!({"ListenerArn": arn, "Certificates": [{ "CertificateArn": certificate }]});
    bench.refuses("AddListenerCertificates", of(PENDING), "UnsupportedCertificate");
    bench.refuses("AddListenerCertificates", of("arn:gone"), "CertificateNotFound");
    bench.ok("AddListenerCertificates", of(OTHER));
    bench.ok("AddListenerCertificates", of(OTHER));
    let shown = bench.ok("DescribeListenerCertificates", json!({ "ListenerArn": arn }));
    let expected = json!([
        {"CertificateArn": ISSUED, "IsDefault": "true"}, {"CertificateArn": OTHER, "IsDefault": "false"}
    ]);
    assert_eq!(shown["Certificates"], expected);
    bench.refuses("RemoveListenerCertificates", of(ISSUED), "OperationNotPermitted");
    bench.ok("RemoveListenerCertificates", of(OTHER));
    bench.ok("RemoveListenerCertificates", of(OTHER));
    let shown = bench.ok("DescribeListenerCertificates", json!({ "ListenerArn": arn }));
    assert_eq!(shown["Certificates"].as_array().unwrap().len(), 1);
}

#[test]
fn rules_need_a_free_priority_conditions_and_actions() {
    let mut bench = Bench::new();
    let (balancer, group) = (bench.balancer("web"), bench.group("web"));
    let listener = bench.listener(&balancer, 80, &group);
    bench.rule(&listener, 10);
    bench.refuses("CreateRule", rule(&listener, "10"), "PriorityInUse: Priority '10' is currently in use");
    let good = || rule(&listener, "20");
    let values = |count: usize| {
        let values: Vec<String> = (0..count).map(|n| format!("/{n}")).collect();
        json!([{"Field": "path-pattern", "PathPatternConfig": {"Values": values}}])
    };
    for (bad, expected) in [
        (json!({"Priority": "0"}), "ValidationError"),
        (json!({"Priority": "50001"}), "ValidationError"),
        (json!({"Conditions": []}), "ValidationError: A condition must be specified"),
        (json!({"Conditions": [{"Field": "nope", "Values": ["a"]}]}), "ValidationError"),
        (json!({"Conditions": values(6)}), "ValidationError: A rule can only have '5' condition values"),
        (json!({"Conditions": values(0)}), "ValidationError"),
        (json!({"Actions": []}), "ValidationError"),
        (json!({"Actions": forward(&format!("{group}0"))}), "TargetGroupNotFound"),
        (
            json!({"Actions": [{"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_301"}}]}),
            "InvalidLoadBalancerAction",
        ),
        (
            json!({"Actions": [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "302"}}]}),
            "InvalidLoadBalancerAction",
        ),
    ] {
        bench.refuses("CreateRule", with(good(), bad), expected);
    }
    bench.ok("CreateRule", with(good(), json!({"Conditions": values(5)})));
}

#[test]
fn a_rule_shows_what_was_left_out() {
    let mut bench = Bench::new();
    let (balancer, group) = (bench.balancer("web"), bench.group("web"));
    let listener = bench.listener(&balancer, 80, &group);
    let conditions = json!([{"Field": "host-header", "HostHeaderConfig": {"Values": ["a.example.com"]}}]);
    let input = with(rule(&listener, "1"), json!({"Conditions": conditions, "Actions": forward(&group)}));
    let made = bench.ok("CreateRule", input);
    let made = &made["Rules"][0];
    assert_eq!(made["Conditions"][0]["Values"], json!(["a.example.com"]));
    assert_eq!(
        made["Actions"][0]["ForwardConfig"]["TargetGroups"][0],
        json!({"TargetGroupArn": group, "Weight": "1"})
    );
    let redirect =
        json!([{"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "StatusCode": "HTTP_301"}}]);
    let changed = bench.ok("ModifyRule", json!({"RuleArn": made["RuleArn"], "Actions": redirect}));
    let config = &changed["Rules"][0]["Actions"][0]["RedirectConfig"];
    assert_eq!((&config["Port"], &config["Path"]), (&json!("#{port}"), &json!("/#{path}")));
    assert_eq!(changed["Rules"][0]["Conditions"], made["Conditions"]);
}

#[test]
fn rules_are_sorted_and_swapped_at_once_and_the_default_one_stays() {
    let mut bench = Bench::new();
    let (balancer, group) = (bench.balancer("web"), bench.group("web"));
    let listener = bench.listener(&balancer, 80, &group);
    let (late, early) = (bench.rule(&listener, 20), bench.rule(&listener, 3));
    assert_eq!(bench.priorities(&listener), ["3", "20", "default"]);
    let set = |pairs: &[(&String, &str)]| {
        let pairs: Vec<Value> =
            pairs.iter().map(|(arn, to)| json!({"RuleArn": arn, "Priority": to})).collect();
        json!({ "RulePriorities": pairs })
    };
    bench.refuses("SetRulePriorities", set(&[(&late, "3")]), "PriorityInUse");
    bench.refuses("SetRulePriorities", set(&[(&late, "5"), (&early, "5")]), "PriorityInUse");
    bench.ok("SetRulePriorities", set(&[(&late, "3"), (&early, "20")]));
    let rules = bench.ok("DescribeRules", json!({ "ListenerArn": listener }));
    assert_eq!(rules["Rules"][0]["RuleArn"], late);
    let default = rules["Rules"][2].clone();
    assert_eq!(
        (&default["IsDefault"], &default["Actions"][0]["TargetGroupArn"]),
        (&json!("true"), &json!(group))
    );
    bench.refuses("DeleteRule", json!({ "RuleArn": default["RuleArn"] }), "OperationNotPermitted");
    bench.ok("DeleteRule", json!({ "RuleArn": late }));
    bench.refuses("DeleteRule", json!({ "RuleArn": late }), "RuleNotFound");
    assert_eq!(bench.priorities(&listener), ["20", "default"]);
}

#[test]
fn attributes_have_defaults_and_limits() {
    let mut bench = Bench::new();
    let (balancer, group) = (bench.balancer("web"), bench.group("web"));
    let read = |bench: &mut Bench, of: &str, key: &str, arn: &str, name: &str| {
        let all = bench.ok(&format!("Describe{of}Attributes"), json!({ key: arn }));
        let all = all["Attributes"].as_array().unwrap().clone();
        all.iter().find(|one| one["Key"] == name).unwrap()["Value"].as_str().unwrap().to_owned()
    };
    let change = |key: &str, arn: &str, name: &str, value: &str| json!({key: arn, "Attributes": [{"Key": name, "Value": value}]});
    for (of, key, arn, name, default, value, bad) in [
        ("LoadBalancer", "LoadBalancerArn", &balancer, "idle_timeout.timeout_seconds", "60", "120", "4001"),
        (
            "TargetGroup",
            "TargetGroupArn",
            &group,
            "deregistration_delay.timeout_seconds",
            "300",
            "30",
            "3601",
        ),
        ("TargetGroup", "TargetGroupArn", &group, "stickiness.enabled", "false", "true", "yes"),
    ] {
        assert_eq!(read(&mut bench, of, key, arn, name), default);
        let modify = format!("Modify{of}Attributes");
        bench.refuses(&modify, change(key, arn, name, bad), "ValidationError");
        bench.refuses(&modify, change(key, arn, "nope", "1"), "ValidationError");
        bench.ok(&modify, change(key, arn, name, value));
        assert_eq!(read(&mut bench, of, key, arn, name), value);
    }
}

#[test]
fn tags_given_at_creation_are_kept_and_twenty_things_are_described_at_once() {
    let mut bench = Bench::new();
    let tags = json!({"Tags": [{"Key": "app", "Value": "shop"}]});
    let make = json!({"Name": "web", "Subnets": ["s-a", "s-b"]});
    let balancer =
        bench.ok("CreateLoadBalancer", with(make, tags.clone()))["LoadBalancers"][0]["LoadBalancerArn"]
            .clone();
    let group =
        bench.ok("CreateTargetGroup", with(group("web"), tags.clone()))["TargetGroups"][0]["TargetGroupArn"]
            .clone();
    let input = with(http(balancer.as_str().unwrap(), 80, group.as_str().unwrap()), tags.clone());
    let listener = bench.ok("CreateListener", input)["Listeners"][0]["ListenerArn"].clone();
    let input = with(rule(listener.as_str().unwrap(), "1"), tags.clone());
    let rule = bench.ok("CreateRule", input)["Rules"][0]["RuleArn"].clone();
    let all = json!([balancer, group, listener, rule]);
    let shown = bench.ok("DescribeTags", json!({ "ResourceArns": all }));
    for (at, arn) in all.as_array().unwrap().iter().enumerate() {
        assert_eq!(shown["TagDescriptions"][at], json!({"ResourceArn": arn, "Tags": tags["Tags"]}));
        assert_eq!(bench.elb.tagged()[arn.as_str().unwrap()]["app"], "shop");
    }
    bench.ok("AddTags", json!({"ResourceArns": [rule], "Tags": [{"Key": "b", "Value": "1"}]}));
    bench.ok("RemoveTags", json!({"ResourceArns": [rule], "TagKeys": ["app"]}));
    let shown = bench.ok("DescribeTags", json!({ "ResourceArns": [rule] }));
    assert_eq!(shown["TagDescriptions"][0]["Tags"], json!([{"Key": "b", "Value": "1"}]));
    let many = vec![balancer; 21];
    bench.refuses("DescribeTags", json!({ "ResourceArns": many }), "ValidationError");
}

#[test]
fn targets_are_unused_without_a_listener_or_outside_its_zones() {
    let mut bench = Bench::new();
    let group = bench.group("web");
    let of = json!({ "TargetGroupArn": group });
    assert_eq!(bench.ok("DescribeTargetHealth", of.clone())["TargetHealthDescriptions"], json!([]));
    let task = |zone: &str| Target {
        address: format!("10.0.0.{}", zone.len()),
        port: 80,
        zone: zone.to_owned(),
        health: TargetHealth { state: "healthy".into(), reason: None, description: None },
    };
    bench.facts.tasks = Some(vec![task("us-east-1a"), task("us-east-1-far")]);
    let states = |bench: &mut Bench| -> Vec<String> {
        let health = bench.ok("DescribeTargetHealth", of.clone());
        let all = health["TargetHealthDescriptions"].as_array().unwrap().clone();
        all.iter()
            .map(|one| format!("{} {}", one["TargetHealth"]["State"], one["TargetHealth"]["Reason"]))
            .collect()
    };
    let unused = r#""unused" "Target.NotInUse""#;
    assert_eq!(states(&mut bench), [unused, unused]);
    let balancer = bench.balancer("web");
    bench.listener(&balancer, 80, &group);
    assert_eq!(states(&mut bench), [r#""healthy" null"#, unused]);
}
