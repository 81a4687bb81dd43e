//! What several kinds need: tags in the SDK's shape, outputs, parts of answers. Not a kind.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::Duration;

use aws_sdk_acm::types::{CertificateDetail, CertificateStatus};
use aws_sdk_ecs::types::Tag as EcsTag;
use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, RedirectActionConfig, RedirectActionStatusCodeEnum, Tag as BalancingTag,
};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::aws::{Aws, Retry, absent, call, together, watching};
use crate::model::{Address, CallError, Input, Locator, Outputs};

/// Tags by key.
pub type Tags = BTreeMap<String, String>;

/// The wanted tags that are absent or different.
pub fn missing_tags(seen: &Tags, want: &Tags) -> Tags {
    want.iter()
        .filter(|(key, value)| seen.get(*key) != Some(value))
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect()
}

/// Tags as ECS takes them.
pub fn to_ecs(tags: &Tags) -> Vec<EcsTag> {
    tags.iter().map(|(key, value)| EcsTag::builder().key(key).value(value).build()).collect()
}

/// Tags as ECS gives them.
pub fn from_ecs(tags: &[EcsTag]) -> Tags {
    tags.iter()
        .map(|tag| (tag.key().unwrap_or_default().to_owned(), tag.value().unwrap_or_default().to_owned()))
        .collect()
}

/// A client token (32 characters: ECS takes 36, ACM 32) that is the same for the same creation, so that a repeated call makes no
/// second one.
pub fn token(at: &Locator, want: &impl Serialize, round: u32) -> String {
    // Attributes of strings, numbers and sets always serialise.
    let attrs = serde_json::to_string(want).unwrap_or_default();
    let digest = Sha256::digest(format!("{}\n{}\n{attrs}\n{round}", at.stack, at.address));
    let mut token = String::new();
    for byte in digest.iter().take(16) {
        // Writing to a string does not fail.
        let _ = write!(token, "{byte:02x}");
    }
    token
}

/// Outputs from pairs.
pub fn outputs<const N: usize>(pairs: [(&str, &str); N]) -> Outputs {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// A part of an answer that AWS always sends.
pub fn part<T>(op: &str, value: Option<T>, name: &str) -> Result<T, CallError> {
    value.ok_or_else(|| CallError::local(op, format!("the answer has no `{name}`")))
}

/// A part of a request that its builder refuses only when a required field is missing.
pub fn built<T, E: std::fmt::Display>(op: &str, result: Result<T, E>) -> Result<T, CallError> {
    result.map_err(|error| CallError::local(op, format!("this is a bug: {error}")))
}

/// The value of an input at the time of the call: the engine has resolved it.
pub fn known<'a>(op: &str, input: &'a Input<String>) -> Result<&'a str, CallError> {
    match input {
        Input::Known(value) => Ok(value),
        Input::Pending(reference) => {
            let (address, output) = (&reference.address, &reference.output);
            Err(CallError::local(op, format!("this is a bug: the `{output}` of {address} is not resolved")))
        }
    }
}

/// The values of several inputs.
pub fn all_known<'a>(
    op: &str,
    inputs: impl IntoIterator<Item = &'a Input<String>>,
) -> Result<Vec<String>, CallError> {
    inputs.into_iter().map(|input| known(op, input).map(str::to_owned)).collect()
}

/// The resource part of an ARN of this service, for example `cluster/main` of `arn:…:ecs:…:cluster/main`.
pub fn resource_of<'a>(arn: &'a str, service: &str) -> Option<&'a str> {
    let mut parts = arn.splitn(6, ':');
    let found = parts.nth(2)?;
    parts.nth(2).filter(|_| found == service)
}

/// What Elastic Load Balancing says of what is not there.
pub const BALANCING_GONE: [&str; 4] =
    ["LoadBalancerNotFound", "ListenerNotFound", "RuleNotFound", "TargetGroupNotFound"];

/// What passes by itself in Elastic Load Balancing: something made a moment ago, a certificate issued a moment ago.
pub const BALANCING_FRESH: Retry = Retry {
    on: &[
        ("LoadBalancerNotFound", ""),
        ("ListenerNotFound", ""),
        ("TargetGroupNotFound", ""),
        ("CertificateNotFound", ""),
        ("UnsupportedCertificate", ""),
    ],
    limit: Duration::from_secs(30),
};

/// Tags as Elastic Load Balancing takes them.
pub fn to_balancing(tags: &Tags) -> Vec<BalancingTag> {
    tags.iter().map(|(key, value)| BalancingTag::builder().key(key).value(value).build()).collect()
}

/// The tags of a load balancer, target group, listener or rule; `None` when it is no longer there.
pub async fn balancing_tags(aws: &Aws, arn: &str) -> Result<Option<Tags>, CallError> {
    let batched = &aws.together.balancing_tags;
    let found = batched.get((), arn.to_owned(), &BALANCING_GONE, |arns| describe_tags(aws, arns));
    Ok(absent(found.await, &BALANCING_GONE)?.flatten())
}

/// The same of many, by ARN.
pub async fn balancing_tags_of(aws: &Aws, arns: &[&str]) -> Result<BTreeMap<String, Tags>, CallError> {
    let asked = arns.iter().map(|arn| balancing_tags(aws, arn));
    let mut found = BTreeMap::new();
    for (arn, tags) in arns.iter().zip(together::all(asked).await) {
        found.extend(tags?.map(|tags| ((*arn).to_owned(), tags)));
    }
    Ok(found)
}

async fn describe_tags(aws: &Aws, arns: BTreeSet<String>) -> Result<BTreeMap<String, Tags>, CallError> {
    let request = aws.balancing.describe_tags().set_resource_arns(Some(arns.into_iter().collect()));
    let answer = call("elasticloadbalancing:DescribeTags", request.send()).await?;
    let of = |tags: &[BalancingTag]| -> Tags {
        tags.iter()
            .map(|tag| (tag.key().unwrap_or_default().to_owned(), tag.value().unwrap_or_default().to_owned()))
            .collect()
    };
    let described = answer.tag_descriptions().iter();
    Ok(described.map(|one| (one.resource_arn().unwrap_or_default().to_owned(), of(one.tags()))).collect())
}

/// Gives a load balancer, target group, listener or rule the wanted tags that it lacks.
pub async fn tag_balancing(aws: &Aws, arn: &str, seen: &Tags, want: &Tags) -> Result<(), CallError> {
    let tags = missing_tags(seen, want);
    if !tags.is_empty() {
        let request = aws.balancing.add_tags().resource_arns(arn).set_tags(Some(to_balancing(&tags)));
        call("elasticloadbalancing:AddTags", request.send()).await?;
    }
    Ok(())
}

/// 301 to the same address by HTTPS on this port.
pub fn redirect_to_https(port: &str) -> Action {
    let to = RedirectActionConfig::builder()
        .protocol("HTTPS")
        .port(port)
        .host("#{host}")
        .path("/#{path}")
        .query("#{query}")
        .status_code(RedirectActionStatusCodeEnum::Http301);
    Action::builder().r#type(ActionTypeEnum::Redirect).redirect_config(to.build()).build()
}

/// The port to which an action redirects as [`redirect_to_https`] does.
pub fn redirects_to_https(action: &Action) -> Option<&str> {
    let to = action.redirect_config()?;
    let kept = |value: Option<&str>, whole: &str| value.is_none_or(|value| value == whole);
    let same = to.protocol() == Some("HTTPS")
        && to.status_code() == Some(&RedirectActionStatusCodeEnum::Http301)
        && kept(to.host(), "#{host}")
        && kept(to.path(), "/#{path}")
        && kept(to.query(), "#{query}");
    to.port().filter(|_| same)
}

/// What exists under a name that we want, and is not ours.
pub fn taken(op: &str, what: &str, name: &str) -> CallError {
    CallError::local(op, format!("there is a {what} `{name}` already, which is not this stack's"))
}

/// The SDK's integers are signed; the configuration's checks keep every number far below the limit.
pub fn whole(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// How long the issue of a certificate is waited for: ACM looks for the record every few minutes.
const ISSUE_LIMIT: Duration = Duration::from_mins(30);

/// Waits until ACM has issued these certificates (ARNs), which a load balancer refuses before; tells that `who` waits.
pub async fn issued(aws: &Aws, who: &Address, certificates: &[String]) -> Result<(), CallError> {
    const OP: &str = "acm:DescribeCertificate";
    for arn in certificates.iter().filter(|arn| resource_of(arn, "acm").is_some()) {
        let describe = || async {
            let answer =
                call(OP, aws.certificates.describe_certificate().certificate_arn(arn).send()).await?;
            part(OP, answer.certificate, "Certificate")
        };
        let first = describe().await?;
        let domain = first.domain_name().unwrap_or_default();
        let mut first = Some(&first);
        let ready = || {
            let known = first.take().map(is_issued);
            async {
                match known {
                    Some(known) => known,
                    None => is_issued(&describe().await?),
                }
            }
        };
        let tell = |lasted: Duration| {
            aws.tell.say(&format!("{who} waits for the certificate of {domain} ({} s)", lasted.as_secs()));
        };
        if watching(ISSUE_LIMIT, tell, ready).await?.is_none() {
            let minutes = ISSUE_LIMIT.as_secs() / 60;
            return Err(CallError::local(
                OP,
                format!(
                    "ACM did not issue the certificate of `{domain}` within {minutes} minutes: its validation record must be \
                     found in the public DNS, so check that the name servers of the domain are those of its hosted zone"
                ),
            ));
        }
    }
    Ok(())
}

/// Whether the certificate is issued (`Some`) or may still be; anything else is an error.
fn is_issued(certificate: &CertificateDetail) -> Result<Option<()>, CallError> {
    let status = match certificate.status() {
        Some(CertificateStatus::Issued) => return Ok(Some(())),
        Some(CertificateStatus::PendingValidation) | None => return Ok(None),
        Some(other) => other.as_str(),
    };
    let domain = certificate.domain_name().unwrap_or_default();
    let reason = certificate.failure_reason().map(|reason| format!(" ({})", reason.as_str()));
    Err(CallError::local(
        "acm:DescribeCertificate",
        format!(
            "the certificate of `{domain}` is {status}{}: no load balancer can use it; the next apply asks for a new one when it \
             is this stack's",
            reason.unwrap_or_default()
        ),
    ))
}
