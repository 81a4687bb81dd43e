//! Policies that are simulated and enforced, service-linked roles, identity providers, quotas.

use aws_sdk_iam::types::PolicyEvaluationDecisionType as Decision;
use serde_json::{Value, json};

use super::super::account::block;
use super::{Bench, assert_refused};

impl Bench {
    fn allow(&self, policy: &Value, enforce: bool) {
        let body = json!({"account": self.world.account, "policy": policy, "enforce": enforce});
        self.world.control("POST", "iam/caller", &body);
    }
}

async fn simulated(iam: &aws_sdk_iam::Client, source: &str, action: &str, resource: &str) -> Decision {
    let asked = iam.simulate_principal_policy().policy_source_arn(source);
    let answer = asked.action_names(action).resource_arns(resource).send().await.unwrap();
    answer.evaluation_results().first().unwrap().eval_decision().clone()
}

#[test]
fn the_policies_of_a_role_are_simulated() {
    block(async {
        let bench = Bench::empty();
        let iam = aws_sdk_iam::Client::new(&bench.config);
        let trust = json!({"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*"}});
        iam.create_role()
            .role_name("apply")
            .assume_role_policy_document(trust.to_string())
            .send()
            .await
            .unwrap();
        let role = format!("arn:aws:iam::{}:role/apply", bench.world.account);
        assert_eq!(simulated(&iam, &role, "ecs:RunTask", "*").await, Decision::ImplicitDeny);
        let inline = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "ecs:*", "Resource": "*"},
            {"Effect": "Deny", "Action": "ecs:Delete*", "Resource": "arn:aws:ecs:*:*:service/prod/*"},
        ]});
        iam.put_role_policy()
            .role_name("apply")
            .policy_name("a")
            .policy_document(inline.to_string())
            .send()
            .await
            .unwrap();
        let attached = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}});
        let made =
            iam.create_policy().policy_name("b").policy_document(attached.to_string()).send().await.unwrap();
        let arn = made.policy().unwrap().arn().unwrap();
        iam.attach_role_policy().role_name("apply").policy_arn(arn).send().await.unwrap();
        assert_eq!(simulated(&iam, &role, "ecs:RunTask", "*").await, Decision::Allowed);
        assert_eq!(simulated(&iam, &role, "s3:GetObject", "arn:aws:s3:::a/b").await, Decision::Allowed);
        let service = "arn:aws:ecs:us-east-1:1:service/prod/web";
        assert_eq!(simulated(&iam, &role, "ecs:DeleteService", service).await, Decision::ExplicitDeny);
        let stranger = format!("arn:aws:iam::{}:role/nobody", bench.world.account);
        let asked =
            iam.simulate_principal_policy().policy_source_arn(stranger).action_names("a:B").send().await;
        assert_refused(asked, "NoSuchEntity");
    });
}

#[test]
fn the_caller_may_do_everything_until_control_says_otherwise() {
    block(async {
        let bench = Bench::empty();
        let iam = aws_sdk_iam::Client::new(&bench.config);
        let sts = aws_sdk_sts::Client::new(&bench.config);
        let caller = sts.get_caller_identity().send().await.unwrap().arn().unwrap().to_owned();
        assert_eq!(simulated(&iam, &caller, "ecs:RunTask", "*").await, Decision::Allowed);
        bench.allow(&json!({"Statement": {"Effect": "Allow", "Action": "iam:*", "Resource": "*"}}), false);
        assert_eq!(simulated(&iam, &caller, "ecs:RunTask", "*").await, Decision::ImplicitDeny);
        bench.ecs.list_clusters().send().await.unwrap();
    });
}

#[test]
fn what_an_enforced_policy_does_not_allow_is_refused_as_each_service_refuses() {
    block(async {
        let bench = Bench::empty();
        let role = format!("arn:aws:iam::{}:role/task", bench.world.account);
        let policy = |pass: &str| {
            json!({"Statement": [
                {"Effect": "Allow", "Action": ["ecs:RegisterTaskDefinition"], "Resource": bench.arn("ecs", "task-definition/web:*")},
                {"Effect": "Allow", "Action": "iam:PassRole", "Resource": role, "Condition": {"StringEquals": {"iam:PassedToService": pass}}},
            ]})
        };
        bench.allow(&policy("lambda.amazonaws.com"), true);
        assert_refused(bench.ecs.list_clusters().send().await, "AccessDeniedException");
        let iam = aws_sdk_iam::Client::new(&bench.config);
        assert_refused(iam.list_roles().send().await, "AccessDenied");
        let ec2 = aws_sdk_ec2::Client::new(&bench.config);
        assert_refused(ec2.describe_vpcs().send().await, "UnauthorizedOperation");
        assert_refused(bench.definition("other").send().await, "AccessDeniedException");
        bench.definition("web").send().await.unwrap();
        let with_role = || bench.definition("web").execution_role_arn(&role).send();
        assert_refused(with_role().await, "AccessDeniedException");
        bench.allow(&policy("ecs-tasks.amazonaws.com"), true);
        with_role().await.unwrap();
        let sts = aws_sdk_sts::Client::new(&bench.config);
        sts.get_caller_identity().send().await.unwrap();
        let path = format!("iam/caller?account={}", bench.world.account);
        bench.world.control("DELETE", &path, &Value::Null);
        bench.ecs.list_clusters().send().await.unwrap();
    });
}

#[test]
fn a_temporary_key_may_do_what_its_role_may() {
    block(async {
        let bench = Bench::empty();
        let iam = aws_sdk_iam::Client::new(&bench.config);
        let trust = json!({"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*"}});
        iam.create_role()
            .role_name("plan")
            .assume_role_policy_document(trust.to_string())
            .send()
            .await
            .unwrap();
        let inline = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "ecs:ListClusters", "Resource": "*"}});
        iam.put_role_policy()
            .role_name("plan")
            .policy_name("a")
            .policy_document(inline.to_string())
            .send()
            .await
            .unwrap();
        let role = format!("arn:aws:iam::{}:role/plan", bench.world.account);
        let sts = aws_sdk_sts::Client::new(&bench.config);
        let assumed = sts.assume_role().role_arn(role).role_session_name("s").send().await.unwrap();
        let keys = assumed.credentials().unwrap();
        let token = Some(keys.session_token().to_owned());
        let keys = aws_sdk_sts::config::Credentials::new(
            keys.access_key_id(),
            keys.secret_access_key(),
            token,
            None,
            "test",
        );
        let keys = aws_sdk_sts::config::SharedCredentialsProvider::new(keys);
        let ecs = aws_sdk_ecs::Client::new(&bench.config.to_builder().credentials_provider(keys).build());
        ecs.create_cluster().cluster_name("free").send().await.unwrap();
        bench.allow(&Value::Null, true);
        ecs.list_clusters().send().await.unwrap();
        assert_refused(ecs.create_cluster().cluster_name("no").send().await, "AccessDeniedException");
        bench.ecs.create_cluster().cluster_name("yes").send().await.unwrap();
    });
}

#[test]
fn service_linked_roles_are_there_and_can_be_removed() {
    block(async {
        let bench = Bench::new();
        let iam = aws_sdk_iam::Client::new(&bench.config);
        for (role, service) in [
            ("AWSServiceRoleForECS", "ecs.amazonaws.com"),
            ("AWSServiceRoleForElasticLoadBalancing", "elasticloadbalancing.amazonaws.com"),
        ] {
            let found = iam.get_role().role_name(role).send().await.unwrap();
            let path = format!("/aws-service-role/{service}/");
            assert_eq!(found.role().unwrap().path(), path);
            iam.delete_service_linked_role().role_name(role).send().await.unwrap();
            assert_refused(iam.get_role().role_name(role).send().await, "NoSuchEntity");
            iam.create_service_linked_role().aws_service_name(service).send().await.unwrap();
            iam.get_role().role_name(role).send().await.unwrap();
        }
    });
}

#[test]
fn an_identity_provider_is_listed_with_its_audiences() {
    block(async {
        let bench = Bench::empty();
        let iam = aws_sdk_iam::Client::new(&bench.config);
        let listed = || iam.list_open_id_connect_providers().send();
        assert!(listed().await.unwrap().open_id_connect_provider_list().is_empty());
        let url = "https://token.actions.githubusercontent.com";
        let made = iam.create_open_id_connect_provider().url(url).client_id_list("sts.amazonaws.com");
        let arn = made.thumbprint_list("a".repeat(40)).send().await.unwrap();
        let arn = arn.open_id_connect_provider_arn().unwrap();
        assert!(arn.ends_with(":oidc-provider/token.actions.githubusercontent.com"), "{arn}");
        assert_eq!(listed().await.unwrap().open_id_connect_provider_list()[0].arn(), Some(arn));
        let found =
            iam.get_open_id_connect_provider().open_id_connect_provider_arn(arn).send().await.unwrap();
        assert_eq!(found.client_id_list(), ["sts.amazonaws.com"]);
        assert_eq!(found.url(), Some("token.actions.githubusercontent.com"));
        let other = arn.replace("token.actions", "other");
        assert_refused(
            iam.get_open_id_connect_provider().open_id_connect_provider_arn(other).send().await,
            "NoSuchEntity",
        );
    });
}

#[test]
fn a_quota_can_be_set() {
    block(async {
        let bench = Bench::empty();
        let quotas = aws_sdk_servicequotas::Client::new(&bench.config);
        let vcpus = || async {
            let asked = quotas.get_service_quota().service_code("fargate").quota_code("L-3032A538");
            asked.send().await.unwrap().quota().unwrap().value().unwrap()
        };
        assert!((vcpus().await - 6.0).abs() < f64::EPSILON);
        let body = json!({"account": bench.world.account, "service": "fargate", "code": "L-3032A538", "value": 0.25});
        bench.world.control("POST", "quotas", &body);
        assert!((vcpus().await - 0.25).abs() < f64::EPSILON);
        let unknown = quotas.get_service_quota().service_code("fargate").quota_code("L-0").send().await;
        assert_refused(unknown, "NoSuchResourceException");
    });
}
