//! The one place where SDK clients are configured.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sts::config::{ProvideCredentials, SharedCredentialsProvider};
use aws_sdk_sts::error::DisplayErrorContext;
use aws_smithy_http_client::tls;

use super::Batcher;
use crate::model::CallError;

/// What the command line says about the connection; everything else is AWS's standard environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// `--profile`, else `profile:` of the configuration.
    pub profile: Option<String>,
    /// The command line names the profile, so that credentials of the environment must not be used instead.
    pub only_profile: bool,
    /// `--region`, else `region:` of the configuration; the environment comes last.
    pub region: Option<String>,
    /// `--route53-profile`, else `route53.profile` of the configuration: whose credentials Route 53 is asked with.
    pub dns_profile: Option<String>,
    /// `route53.role_arn`: the role that is assumed for Route 53, with those credentials.
    pub dns_role: Option<String>,
}

/// A connection could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No region in the options, the configuration, the environment or the profile.
    #[error("no AWS region is set")]
    NoRegion,
    /// What is set is no region: it would become part of host names.
    #[error("`{0}` is not an AWS region")]
    Region(String),
    /// No link of the chain has credentials, or the one that has some cannot give them; with the SDK's reason.
    #[error("there are no AWS credentials to use")]
    Credentials(String),
    /// `sts:GetCallerIdentity` failed.
    #[error("could not find out which AWS account this is")]
    Identity(#[source] CallError),
}

/// The SDK's configuration, before it is known who we are.
pub struct Connection {
    config: SdkConfig,
    /// For Route 53, where its credentials are others. None are asked for before the first call.
    dns: Option<SdkConfig>,
    region: String,
}

/// The name of the sessions of a role that is assumed, as CloudTrail shows it.
const SESSION: &str = "fargate-stack";

/// The clients of one account and region, and who we are there. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Aws {
    /// The 12-digit account id (`sts:GetCallerIdentity`).
    pub account: String,
    /// The caller's ARN.
    pub caller: String,
    /// The region of every client.
    pub region: String,
    /// `aws`, `aws-cn` or `aws-us-gov`, from the caller's ARN.
    pub partition: String,
    /// EC2.
    pub ec2: aws_sdk_ec2::Client,
    /// ECS.
    pub ecs: aws_sdk_ecs::Client,
    /// ECR.
    pub ecr: aws_sdk_ecr::Client,
    /// IAM.
    pub iam: aws_sdk_iam::Client,
    /// CloudWatch Logs.
    pub logs: aws_sdk_cloudwatchlogs::Client,
    /// EventBridge.
    pub events: aws_sdk_eventbridge::Client,
    /// Application Auto Scaling.
    pub autoscaling: aws_sdk_applicationautoscaling::Client,
    /// Elastic Load Balancing.
    pub balancing: aws_sdk_elasticloadbalancingv2::Client,
    /// ACM.
    pub certificates: aws_sdk_acm::Client,
    /// Route 53, perhaps of another account.
    pub dns: aws_sdk_route53::Client,
    /// CloudTrail.
    pub trail: aws_sdk_cloudtrail::Client,
    /// Resource Groups Tagging API.
    pub tagging: aws_sdk_resourcegroupstagging::Client,
    /// Secrets Manager.
    pub secrets: aws_sdk_secretsmanager::Client,
    /// Systems Manager: its parameters hold the lock of a stack.
    pub parameters: aws_sdk_ssm::Client,
    /// Service Quotas.
    pub quotas: aws_sdk_servicequotas::Client,
    /// Who is told what is waited for.
    pub tell: super::Tell,
    /// Reads that are asked for at the same time and made together.
    pub together: Arc<Together>,
}

/// Reads that are asked for at the same time and made together: see [`Batcher`].
#[derive(Debug)]
pub struct Together {
    /// Services of a cluster, by name: `ecs:DescribeServices` takes ten.
    pub services: Batcher<String, String, aws_sdk_ecs::types::Service>,
    /// Tags of load balancers, target groups, listeners and rules, by ARN: `elasticloadbalancing:DescribeTags` takes twenty.
    pub balancing_tags: Batcher<(), String, BTreeMap<String, String>>,
    /// Target groups by name: a page of `elasticloadbalancing:DescribeTargetGroups` has up to 400, the names are not limited.
    pub target_groups: Batcher<(), String, aws_sdk_elasticloadbalancingv2::types::TargetGroup>,
    /// Rules by ARN: `elasticloadbalancing:DescribeRules`.
    pub rules: Batcher<(), String, aws_sdk_elasticloadbalancingv2::types::Rule>,
    /// Record sets of a hosted zone, by name: a page of `route53:ListResourceRecordSets` has up to 300.
    pub records: Batcher<String, String, Vec<aws_sdk_route53::types::ResourceRecordSet>>,
}

impl Default for Together {
    fn default() -> Self {
        Self {
            services: Batcher::new(10),
            balancing_tags: Batcher::new(20),
            target_groups: Batcher::new(20),
            rules: Batcher::new(20),
            records: Batcher::new(100),
        }
    }
}

impl Connection {
    /// Loads credentials and settings by the SDK's standard chain. Makes no call to a service of ours.
    pub async fn load(options: &Options) -> Result<Self, ConnectError> {
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
            .build_https();
        let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(http.clone());
        if let Some(profile) = &options.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(region) = &options.region {
            loader = loader.region(Region::new(region.clone()));
        }
        let mut config = loader.load().await;
        let settings = ProviderConfig::default().with_http_client(http).with_region(config.region().cloned());
        // The standard chain asks the environment first, which may be of another account.
        let of_profile = |config: &SdkConfig, profile: &str| {
            let provider =
                ProfileFileCredentialsProvider::builder().profile_name(profile).configure(&settings).build();
            with_credentials(config, SharedCredentialsProvider::new(provider))
        };
        if let Some(profile) = options.profile.as_ref().filter(|_| options.only_profile) {
            config = of_profile(&config, profile);
        }
        let mut dns = options.dns_profile.as_ref().map(|profile| of_profile(&config, profile));
        if let Some(role) = &options.dns_role {
            let base = dns.as_ref().unwrap_or(&config);
            dns = Some(assuming(base, role).await);
        }
        let region = config.region().ok_or(ConnectError::NoRegion)?.to_string();
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if region.is_empty() || !region.chars().all(fits) {
            return Err(ConnectError::Region(region));
        }
        Ok(Self { config, dns, region })
    }

    /// The region of every client.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Whether the chain finds credentials at all. Whether AWS accepts them shows at the first call.
    pub async fn has_credentials(&self) -> bool {
        match self.config.credentials_provider() {
            Some(provider) => provider.provide_credentials().await.is_ok(),
            None => false,
        }
    }

    /// Asks STS who we are; the first call of every command that reaches AWS.
    pub async fn identify(self) -> Result<Aws, ConnectError> {
        if let Some(provider) = self.config.credentials_provider() {
            let given = provider.provide_credentials().await;
            given.map_err(|error| ConnectError::Credentials(DisplayErrorContext(error).to_string()))?;
        }
        let sts = aws_sdk_sts::Client::new(&self.config);
        let identity = super::call("sts:GetCallerIdentity", sts.get_caller_identity().send())
            .await
            .map_err(ConnectError::Identity)?;
        let arn = identity.arn().unwrap_or_default();
        let partition = arn.split(':').nth(1).filter(|part| !part.is_empty()).unwrap_or("aws").to_owned();
        let config = &self.config;
        Ok(Aws {
            account: identity.account().unwrap_or_default().to_owned(),
            caller: arn.to_owned(),
            region: self.region,
            partition,
            ec2: aws_sdk_ec2::Client::new(config),
            ecs: aws_sdk_ecs::Client::new(config),
            ecr: aws_sdk_ecr::Client::new(config),
            iam: aws_sdk_iam::Client::new(config),
            logs: aws_sdk_cloudwatchlogs::Client::new(config),
            events: aws_sdk_eventbridge::Client::new(config),
            autoscaling: aws_sdk_applicationautoscaling::Client::new(config),
            balancing: aws_sdk_elasticloadbalancingv2::Client::new(config),
            certificates: aws_sdk_acm::Client::new(config),
            dns: aws_sdk_route53::Client::new(self.dns.as_ref().unwrap_or(config)),
            trail: aws_sdk_cloudtrail::Client::new(config),
            tagging: aws_sdk_resourcegroupstagging::Client::new(config),
            secrets: aws_sdk_secretsmanager::Client::new(config),
            parameters: aws_sdk_ssm::Client::new(config),
            quotas: aws_sdk_servicequotas::Client::new(config),
            tell: super::Tell::default(),
            together: Arc::default(),
        })
    }
}

fn with_credentials(config: &SdkConfig, provider: SharedCredentialsProvider) -> SdkConfig {
    config.clone().into_builder().credentials_provider(provider).build()
}

/// The same settings with the credentials of a role.
async fn assuming(config: &SdkConfig, role: &str) -> SdkConfig {
    let builder = AssumeRoleProvider::builder(role).session_name(SESSION).configure(config);
    match config.credentials_provider() {
        Some(base) => {
            let provider = builder.build_from_provider(base).await;
            with_credentials(config, SharedCredentialsProvider::new(provider))
        }
        // Nobody to assume it as: the first call says that there are no credentials.
        None => config.clone(),
    }
}
