//! Roles of other accounts: who may assume them, and where their credentials act.

use aws_sdk_sts::config::{Credentials, SharedCredentialsProvider};

use super::super::account::block;
use super::{Bench, assert_refused};

#[test]
fn a_role_of_another_account_acts_there_once_it_trusts_the_caller() {
    block(async {
        let (bench, other) = (Bench::empty(), Bench::new());
        let arn = format!("arn:aws:iam::{}:role/dns", other.world.account);
        let sts = aws_sdk_sts::Client::new(&bench.config);
        let assume = || sts.assume_role().role_arn(&arn).role_session_name("deploy").send();
        let denied = format!("on resource: {arn}");
        let said = super::refused(assume().await);
        assert!(said.starts_with("AccessDenied") && said.ends_with(&denied), "{said}");
        let trust = |account: &str| {
            serde_json::json!({"Version": "2012-10-17", "Statement": {
                "Effect": "Allow", "Action": "sts:AssumeRole",
                "Principal": {"AWS": format!("arn:aws:iam::{account}:root")},
            }})
            .to_string()
        };
        let iam = aws_sdk_iam::Client::new(&other.config);
        let policy = trust("999999999999");
        iam.create_role().role_name("dns").assume_role_policy_document(policy).send().await.unwrap();
        assert_refused(assume().await, "AccessDenied");
        let policy = trust(&bench.world.account);
        iam.update_assume_role_policy().role_name("dns").policy_document(policy).send().await.unwrap();
        let assumed = assume().await.unwrap();
        let keys = assumed.credentials().unwrap();
        let token = Some(keys.session_token().to_owned());
        let keys = Credentials::new(keys.access_key_id(), keys.secret_access_key(), token, None, "test");
        let there =
            bench.config.to_builder().credentials_provider(SharedCredentialsProvider::new(keys)).build();
        let identity = aws_sdk_sts::Client::new(&there).get_caller_identity().send().await.unwrap();
        assert_eq!(identity.account(), Some(other.world.account.as_str()));
        let zones =
            |config: &aws_config::SdkConfig| aws_sdk_route53::Client::new(config).list_hosted_zones().send();
        assert_eq!(zones(&there).await.unwrap().hosted_zones().len(), 2);
        assert_eq!(zones(&bench.config).await.unwrap().hosted_zones().len(), 0);
    });
}
