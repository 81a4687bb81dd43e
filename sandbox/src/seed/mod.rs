//! What an account holds before the first call: the standard seed, or nothing.

pub mod images;
mod network;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::dns::NewZone;
use crate::internal::{Internal, InternalError};
use crate::state::{State, lock};

pub use images::{REPOSITORIES, SHA_AMD64, SHA_ARM64, SHA_MULTI};

/// The domain of the two hosted zones.
pub const DOMAIN: &str = "example.com";

/// The name of the secret.
pub const SECRET: &str = "helloworld/api-key";

/// Services whose service-linked roles are there: `AWSServiceRoleForECS`, `AWSServiceRoleForElasticLoadBalancing`.
const LINKED: [&str; 2] = ["ecs.amazonaws.com", "elasticloadbalancing.amazonaws.com"];

/// Which seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seed {
    /// A network, hosted zones, images, a secret and a file system.
    #[default]
    Standard,
    /// Nothing at all.
    Empty,
}

impl std::str::FromStr for Seed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "standard" => Ok(Self::Standard),
            "empty" => Ok(Self::Empty),
            other => Err(format!("`{other}` is not a seed (standard, empty)")),
        }
    }
}

/// Seeds an account that is still empty, and gives what was made; `GET /_sandbox/seed` shows it again.
pub async fn plant(state: &State, account: &str, region: &str, seed: Seed) -> Result<Value, InternalError> {
    let internal = state.internal(account, region);
    let made = match seed {
        Seed::Empty => json!({}),
        Seed::Standard => standard(state, internal).await?,
    };
    let mut planted = json!({"account": account, "region": region, "seed": seed});
    if let (Some(planted), Value::Object(made)) = (planted.as_object_mut(), made) {
        planted.extend(made);
    }
    lock(&state.seeds).insert((account.to_owned(), region.to_owned()), (seed, planted.clone()));
    Ok(planted)
}

async fn standard(state: &State, internal: Internal<'_>) -> Result<Value, InternalError> {
    let network = network::make(internal).await?;
    let public_zone = zone(state, internal, None)?;
    let private_zone = zone(state, internal, Some(&network.vpc))?;
    let secret = internal
        .json(
            "secretsmanager",
            "secretsmanager.CreateSecret",
            &json!({"Name": SECRET, "SecretString": "sandbox-api-key"}),
        )
        .await?;
    for service in LINKED {
        internal.query("iam", "CreateServiceLinkedRole", &[("AWSServiceName", service)]).await?;
    }
    let (file_system, mount_targets) = file_system(internal, &network.private).await?;
    let images = images::seed(state, internal.account, internal.region).await?;
    Ok(json!({
        "vpc_id": network.vpc,
        "internet_gateway_id": network.internet_gateway,
        "nat_gateway_id": network.nat_gateway,
        "public_subnets": network.public,
        "private_subnets": network.private,
        "default_security_group_id": network.default_group,
        "domain": DOMAIN,
        "public_zone_id": public_zone,
        "private_zone_id": private_zone,
        "secret_name": SECRET,
        "secret_arn": secret.get("ARN"),
        "file_system_id": file_system,
        "mount_targets": mount_targets,
        "commits": {"multi": SHA_MULTI, "amd64": SHA_AMD64, "arm64": SHA_ARM64},
        "images": images,
    }))
}

/// Makes a hosted zone, private when a VPC is given; its id.
fn zone(state: &State, internal: Internal<'_>, vpc: Option<&str>) -> Result<String, InternalError> {
    let new = NewZone {
        name: DOMAIN.to_owned(),
        reference: format!("seed-{}", vpc.is_some()),
        comment: None,
        vpc: vpc.map(|vpc| (internal.region.to_owned(), vpc.to_owned())),
    };
    let vpcs = vpc.into_iter().map(str::to_owned).collect();
    let now = state.now();
    let made = state.with_dns(internal.account, |dns| dns.create_zone(new, &vpcs, now));
    let made = made.map_err(|refusal| InternalError {
        call: "route53:CreateHostedZone".into(),
        code: refusal.code,
        said: refusal.message,
    })?;
    let id = made.pointer("/HostedZone/Id").and_then(Value::as_str).unwrap_or_default();
    Ok(id.trim_start_matches("/hostedzone/").to_owned())
}

/// Makes a file system with a mount target in each subnet.
async fn file_system(
    internal: Internal<'_>,
    subnets: &[String],
) -> Result<(String, Vec<String>), InternalError> {
    let json_text = "application/json";
    let field = |text: &str, name: &str| {
        let value: Value = serde_json::from_str(text).unwrap_or_default();
        value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let body =
        json!({"CreationToken": "seed", "Encrypted": true, "Tags": [{"Key": "Name", "Value": "shared"}]});
    let made = internal
        .rest("elasticfilesystem", "POST", "/2015-02-01/file-systems", json_text, body.to_string())
        .await?;
    let id = field(&made, "FileSystemId");
    let mut targets = Vec::new();
    for subnet in subnets {
        let body = json!({"FileSystemId": id, "SubnetId": subnet}).to_string();
        let made =
            internal.rest("elasticfilesystem", "POST", "/2015-02-01/mount-targets", json_text, body).await?;
        targets.push(field(&made, "MountTargetId"));
    }
    Ok((id, targets))
}
