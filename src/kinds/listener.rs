//! `listener`: a port of a load balancer that is this stack's, with its certificates.

use std::collections::BTreeSet;

use aws_sdk_elasticloadbalancingv2::operation::describe_rules::DescribeRulesOutput;
use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, Certificate as SdkCertificate, FixedResponseActionConfig,
    Listener as SdkListener, ProtocolEnum,
};
use serde::{Deserialize, Serialize};

use super::common::{
    BALANCING_FRESH, BALANCING_GONE, Tags, all_known, balancing_tags, issued, known, outputs, part,
    redirect_to_https, redirects_to_https, resource_of, tag_balancing, taken, to_balancing,
};
use super::{Kind, Seen, Want};
use crate::aws::{Aws, absent, call, retrying};
use crate::model::{CallError, Input, Locator, Outputs, Owner, Replace, Rules};
use crate::stack::web::{self, Balancer, Certificate, Listener as WebListener, OwnListener, Scheme, slug};
use crate::stack::{Stack, owner, ownership};

/// The kind.
pub struct Listener;

/// A listener of an Application Load Balancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attrs {
    /// ARN of its load balancer.
    pub load_balancer: Input<String>,
    /// Its port.
    pub port: i32,
    /// `HTTP` or `HTTPS`.
    pub protocol: String,
    /// What it answers to requests that no rule is for.
    pub default_action: DefaultAction,
    /// For HTTPS: the security policy.
    pub ssl_policy: Option<String>,
    /// For HTTPS: ARN of the certificate for clients that name no server, or one that no other fits.
    pub certificate: Option<Input<String>>,
    /// For HTTPS: ARNs of the others, chosen by SNI.
    pub certificates: BTreeSet<Input<String>>,
    /// Its tags.
    pub tags: Tags,
}

/// What a listener answers to requests that no rule is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum DefaultAction {
    /// This status, and no text.
    FixedResponse(String),
    /// 301 to this port by HTTPS; host, path and query stay.
    RedirectToHttps(String),
    /// Something that we never make, in the words of the API.
    Other(String),
}

/// The kind of text of a fixed response.
const PLAIN: &str = "text/plain";

impl Kind for Listener {
    const KIND: &'static str = "listener";
    const RULES: Rules = Rules {
        replace_on: &["load_balancer"],
        replace: Replace::MakeFirst,
        outputs: &["arn"],
        uses: &["load_balancer", "certificate"],
        reads: &[
            "elasticloadbalancing:DescribeListeners",
            "elasticloadbalancing:DescribeListenerCertificates",
            "elasticloadbalancing:DescribeTags",
            "elasticloadbalancing:DescribeRules",
            "acm:DescribeCertificate",
        ],
        writes: &[
            "elasticloadbalancing:CreateListener",
            "elasticloadbalancing:ModifyListener",
            "elasticloadbalancing:AddListenerCertificates",
            "elasticloadbalancing:RemoveListenerCertificates",
            "elasticloadbalancing:AddTags",
            "elasticloadbalancing:DeleteListener",
        ],
        ..Rules::new("listener of a load balancer")
    };
    type Attrs = Attrs;

    fn desired(stack: &Stack) -> Vec<Want<Attrs>> {
        let listeners = stack.web.listeners.iter();
        listeners
            .filter_map(|((scheme, port), listener)| match listener {
                WebListener::Own(own) => want(stack, *scheme, *port, own),
                WebListener::Shared { .. } => None,
            })
            .collect()
    }

    fn locate(arn: &str, at: &Locator) -> Option<Locator> {
        resource_of(arn, "elasticloadbalancing")?.strip_prefix("listener/app/")?;
        let (balancer, _) = arn.rsplit_once('/')?;
        let (_, port) = at.address.name().rsplit_once('-')?;
        Some(Locator {
            name: port.to_owned(),
            parent: Some(balancer.replacen(":listener/", ":loadbalancer/", 1)),
            id: Some(arn.to_owned()),
            ..at.clone()
        })
    }

    /// What is found by its port alone counts only when it is ours: on a load balancer of somebody else it is not to be touched.
    async fn read(aws: &Aws, at: &Locator) -> Result<Option<Seen<Attrs>>, CallError> {
        let request = aws.balancing.describe_listeners();
        let request = match (&at.id, &at.parent) {
            (Some(id), _) => request.listener_arns(id),
            (None, Some(balancer)) => request.load_balancer_arn(balancer),
            (None, None) => return Ok(None),
        };
        // A load balancer has at most 50 listeners, and a page holds 400.
        let answer =
            absent(call("elasticloadbalancing:DescribeListeners", request.send()).await, &BALANCING_GONE)?;
        let fits = |one: &&SdkListener| {
            at.id.is_some() || one.port().is_some_and(|port| port.to_string() == at.name)
        };
        let found = answer.and_then(|answer| answer.listeners().iter().find(fits).cloned());
        let Some(listener) = found else {
            return Ok(None);
        };
        let arn = listener.listener_arn().unwrap_or_default();
        let certificates = async {
            match listener.protocol() {
                Some(ProtocolEnum::Https) => sni(aws, arn).await,
                _ => Ok(BTreeSet::new()),
            }
        };
        // Boxed, because both together are large.
        let (tags, certificates) = tokio::join!(Box::pin(balancing_tags(aws, arn)), Box::pin(certificates));
        let (Some(tags), certificates) = (tags?, certificates?) else {
            return Ok(None);
        };
        let seen = seen(&listener, certificates, tags, at);
        Ok(Some(seen).filter(|seen| at.id.is_some() || seen.owner != Owner::Nobody))
    }

    async fn create(aws: &Aws, at: &Locator, want: &Attrs) -> Result<Outputs, CallError> {
        const OP: &str = "elasticloadbalancing:CreateListener";
        let balancer = known(OP, &want.load_balancer)?;
        issued(aws, &at.address, &all_known(OP, want.certificate.iter().chain(&want.certificates))?).await?;
        let action = action(OP, &want.default_action)?;
        let certificate = certificate(OP, want)?;
        let made = retrying(BALANCING_FRESH, || {
            let request = aws
                .balancing
                .create_listener()
                .load_balancer_arn(balancer)
                .port(want.port)
                .protocol(ProtocolEnum::from(want.protocol.as_str()))
                .set_ssl_policy(want.ssl_policy.clone())
                .set_certificates(certificate.clone().map(|one| vec![one]))
                .default_actions(action.clone())
                .set_tags(Some(to_balancing(&want.tags)));
            call("elasticloadbalancing:CreateListener", request.send())
        });
        let refused = match made.await {
            Ok(_) => None,
            Err(error) if error.code == "DuplicateListener" => Some(error),
            Err(error) => return Err(error),
        };
        // One of this port and these settings is given as if it were made just now, whoever made it.
        let at = Locator {
            name: want.port.to_string(),
            parent: Some(balancer.to_owned()),
            id: None,
            ..at.clone()
        };
        match Self::read(aws, &at).await? {
            Some(seen) if seen.owner == Owner::Ours => Self::update(aws, &at, &seen, want).await,
            _ => Err(refused.unwrap_or_else(|| taken(OP, "listener on port", &at.name))),
        }
    }

    async fn update(aws: &Aws, at: &Locator, seen: &Seen<Attrs>, want: &Attrs) -> Result<Outputs, CallError> {
        const OP: &str = "elasticloadbalancing:ModifyListener";
        let have = &seen.attrs;
        let arn = part(OP, seen.outputs.get("arn"), "ListenerArn")?;
        let had: BTreeSet<&Input<String>> = have.certificate.iter().chain(&have.certificates).collect();
        let new = want.certificate.iter().chain(&want.certificates).filter(|one| !had.contains(one));
        issued(aws, &at.address, &all_known(OP, new)?).await?;
        // A certificate that leaves the first place is among the others before, so that its clients never get a wrong one; and it is
        // named again afterwards, because nothing promises that the default one is kept there.
        add(aws, arn, all_known(OP, want.certificates.difference(&have.certificates))?).await?;
        modify(aws, arn, have, want).await?;
        let left = have.certificate.iter().filter(|one| want.certificates.contains(one));
        add(aws, arn, all_known(OP, left)?).await?;
        // What became the first is no longer listed among the others, as far as we are concerned.
        let extra = have.certificates.difference(&want.certificates);
        let extra = all_known(OP, extra.filter(|one| want.certificate.as_ref() != Some(one)))?;
        if !extra.is_empty() && want.protocol == "HTTPS" {
            let request = aws.balancing.remove_listener_certificates().listener_arn(arn);
            let request = request.set_certificates(Some(extra.iter().map(|one| by_arn(one)).collect()));
            call("elasticloadbalancing:RemoveListenerCertificates", request.send()).await?;
        }
        tag_balancing(aws, arn, &have.tags, &want.tags).await?;
        Ok(seen.outputs.clone())
    }

    async fn delete(aws: &Aws, _at: &Locator, seen: &Seen<Attrs>) -> Result<(), CallError> {
        let arn = part("elasticloadbalancing:DeleteListener", seen.outputs.get("arn"), "ListenerArn")?;
        // The stack's own rules are gone by now, and a listener takes all others with it.
        let request = aws.balancing.describe_rules().listener_arn(arn);
        let rules =
            absent(call("elasticloadbalancing:DescribeRules", request.send()).await, &BALANCING_GONE)?;
        let rules = rules.iter().flat_map(DescribeRulesOutput::rules);
        let foreign: Vec<&str> =
            rules.filter(|rule| rule.is_default() != Some(true)).filter_map(|rule| rule.priority()).collect();
        if !foreign.is_empty() {
            return Err(CallError::local(
                "elasticloadbalancing:DeleteListener",
                format!(
                    "others use this listener: delete their rules first (priority {}), or keep the load balancer",
                    foreign.join(", ")
                ),
            ));
        }
        let request = aws.balancing.delete_listener().listener_arn(arn);
        absent(call("elasticloadbalancing:DeleteListener", request.send()).await, &BALANCING_GONE)?;
        Ok(())
    }
}

fn want(stack: &Stack, scheme: Scheme, port: u16, own: &OwnListener) -> Option<Want<Attrs>> {
    let names = &stack.names;
    let at = names.at(Listener::KIND, &format!("{}-{port}", scheme.word()), &port.to_string());
    let (load_balancer, parent) = match stack.web.balancers.get(&scheme)? {
        Balancer::Own(own) => {
            (Input::of(names.address("load_balancer", scheme.word()), "arn"), own.arn.clone())
        }
        Balancer::Shared(shared) => (Input::Known(shared.arn.clone()), Some(shared.arn.clone())),
    };
    let input = |certificate: &Certificate| match certificate {
        Certificate::Found(arn) => Input::Known(arn.clone()),
        Certificate::Own(domain) => Input::of(names.address("certificate", &slug(domain)), "arn"),
    };
    let tls = own.tls.as_ref();
    let attrs = Attrs {
        load_balancer,
        port: i32::from(port),
        protocol: if tls.is_some() { "HTTPS" } else { "HTTP" }.to_owned(),
        default_action: match own.default {
            web::DefaultAction::NotFound => DefaultAction::FixedResponse("404".to_owned()),
            web::DefaultAction::Redirect(port) => DefaultAction::RedirectToHttps(port.to_string()),
        },
        ssl_policy: tls.map(|tls| tls.policy.clone()),
        certificate: tls.map(|tls| input(&tls.default)),
        certificates: tls.map(|tls| tls.more.iter().map(input).collect()).unwrap_or_default(),
        tags: ownership(&stack.name, &at.address, &stack.tags),
    };
    // Until its record is there, a certificate is waited for in vain.
    let after = if tls.is_some() { stack.web.validations(names) } else { Vec::new() };
    Some(Want { at: Locator { parent, id: own.arn.clone(), ..at }, attrs, after })
}

/// The certificates that a listener chooses by SNI, but for its default one (which may be listed a second time).
async fn sni(aws: &Aws, arn: &str) -> Result<BTreeSet<String>, CallError> {
    let (mut found, mut default, mut marker) = (BTreeSet::new(), None, None);
    loop {
        let request = aws.balancing.describe_listener_certificates().listener_arn(arn).set_marker(marker);
        let page = call("elasticloadbalancing:DescribeListenerCertificates", request.send()).await;
        let Some(page) = absent(page, &BALANCING_GONE)? else {
            return Ok(BTreeSet::new());
        };
        for one in page.certificates() {
            let arn = one.certificate_arn().unwrap_or_default().to_owned();
            if one.is_default() == Some(true) {
                default = Some(arn);
            } else {
                found.insert(arn);
            }
        }
        marker = page.next_marker().map(str::to_owned);
        if marker.is_none() {
            break;
        }
    }
    found.retain(|arn| default.as_ref() != Some(arn));
    Ok(found)
}

/// Adds certificates that are chosen by SNI.
async fn add(aws: &Aws, arn: &str, certificates: Vec<String>) -> Result<(), CallError> {
    if !certificates.is_empty() {
        retrying(BALANCING_FRESH, || {
            let request = aws.balancing.add_listener_certificates().listener_arn(arn);
            let request =
                request.set_certificates(Some(certificates.iter().map(|one| by_arn(one)).collect()));
            call("elasticloadbalancing:AddListenerCertificates", request.send())
        })
        .await?;
    }
    Ok(())
}

/// Sends what differs, but for the certificates that are chosen by SNI.
async fn modify(aws: &Aws, arn: &str, have: &Attrs, want: &Attrs) -> Result<(), CallError> {
    const OP: &str = "elasticloadbalancing:ModifyListener";
    let port = (have.port != want.port).then_some(want.port);
    let protocol = (have.protocol != want.protocol).then(|| ProtocolEnum::from(want.protocol.as_str()));
    let policy = want.ssl_policy.clone().filter(|_| have.ssl_policy != want.ssl_policy);
    let certificate = certificate(OP, want)?.filter(|_| have.certificate != want.certificate);
    let action =
        (have.default_action != want.default_action).then(|| action(OP, &want.default_action)).transpose()?;
    let differs =
        port.is_some() || protocol.is_some() || policy.is_some() || certificate.is_some() || action.is_some();
    if differs {
        retrying(BALANCING_FRESH, || {
            let request = aws
                .balancing
                .modify_listener()
                .listener_arn(arn)
                .set_port(port)
                .set_protocol(protocol.clone())
                .set_ssl_policy(policy.clone())
                .set_certificates(certificate.clone().map(|one| vec![one]))
                .set_default_actions(action.clone().map(|one| vec![one]));
            call("elasticloadbalancing:ModifyListener", request.send())
        })
        .await?;
    }
    Ok(())
}

fn by_arn(arn: &str) -> SdkCertificate {
    SdkCertificate::builder().certificate_arn(arn).build()
}

/// The default certificate.
fn certificate(op: &str, want: &Attrs) -> Result<Option<SdkCertificate>, CallError> {
    want.certificate.as_ref().map(|one| known(op, one).map(by_arn)).transpose()
}

fn action(op: &str, action: &DefaultAction) -> Result<Action, CallError> {
    match action {
        DefaultAction::FixedResponse(status) => {
            let response =
                FixedResponseActionConfig::builder().status_code(status).content_type(PLAIN).build();
            let action = Action::builder().r#type(ActionTypeEnum::FixedResponse);
            Ok(action.fixed_response_config(response).build())
        }
        DefaultAction::RedirectToHttps(port) => Ok(redirect_to_https(port)),
        DefaultAction::Other(what) => {
            Err(CallError::local(op, format!("this is a bug: nobody wants the action {what}")))
        }
    }
}

fn seen_action(actions: &[Action]) -> DefaultAction {
    let [action] = actions else {
        let kinds = actions.iter().filter_map(|action| Some(action.r#type()?.as_str()));
        return DefaultAction::Other(kinds.collect::<Vec<_>>().join(", "));
    };
    if let Some(port) = redirects_to_https(action) {
        return DefaultAction::RedirectToHttps(port.to_owned());
    }
    if let Some(response) = action.fixed_response_config() {
        let text = response.message_body().unwrap_or_default();
        let status = response.status_code().unwrap_or_default().to_owned();
        return match response.content_type() {
            None | Some(PLAIN) if text.is_empty() => DefaultAction::FixedResponse(status),
            _ => DefaultAction::Other(format!("fixed-response {status} with a text")),
        };
    }
    let kind = action.r#type().map(ActionTypeEnum::as_str).unwrap_or_default();
    let to = action.target_group_arn().map(|arn| format!(" {arn}")).unwrap_or_default();
    DefaultAction::Other(format!("{kind}{to}"))
}

fn seen(listener: &SdkListener, certificates: BTreeSet<String>, tags: Tags, at: &Locator) -> Seen<Attrs> {
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let is_https = listener.protocol() == Some(&ProtocolEnum::Https);
    let default = listener.certificates().first().and_then(SdkCertificate::certificate_arn);
    Seen {
        owner: owner(&tags, at),
        outputs: outputs([("arn", &text(listener.listener_arn()))]),
        attrs: Attrs {
            load_balancer: Input::Known(text(listener.load_balancer_arn())),
            port: listener.port().unwrap_or_default(),
            protocol: text(listener.protocol().map(ProtocolEnum::as_str)),
            default_action: seen_action(listener.default_actions()),
            ssl_policy: listener.ssl_policy().filter(|_| is_https).map(str::to_owned),
            certificate: default.filter(|_| is_https).map(|arn| Input::Known(arn.to_owned())),
            certificates: certificates.into_iter().map(Input::Known).collect(),
            tags,
        },
    }
}
