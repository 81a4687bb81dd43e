//! `listener_certificate`: a certificate that the stack adds to a listener of somebody else, chosen by SNI.

use aws_sdk_elasticloadbalancingv2::types::Certificate as SdkCertificate;
use serde::{Deserialize, Serialize};

use super::common::{BALANCING_FRESH, BALANCING_GONE, issued, known, outputs};
use super::{Kind, Seen, Want};
use crate::aws::inventory::Owned;
use crate::aws::{Aws, absent, call, retrying};
use crate::model::{CallError, Input, Locator, Outputs, Owner, Replace, Rules};
use crate::stack::web::{Certificate, Listener as WebListener, Scheme, slug};
use crate::stack::{Names, Runs, Scope, Stack, tags};

/// The kind.
pub struct ListenerCertificate;

/// A certificate in the list of a listener. It has no tags: those of the stack's rules in that listener tell that it is ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attrs {
    /// ARN of the listener.
    pub listener: Input<String>,
    /// ARN of the certificate.
    pub certificate: Input<String>,
}

impl Kind for ListenerCertificate {
    const KIND: &'static str = "listener_certificate";
    const RULES: Rules = Rules {
        replace_on: &["listener", "certificate"],
        replace: Replace::MakeFirst,
        shared: &[],
        in_place: &[],
        outputs: &["id"],
        uses: &["certificate", "listener_rule"],
        reads: &["elasticloadbalancing:DescribeListenerCertificates", "acm:DescribeCertificate"],
        writes: &[
            "elasticloadbalancing:AddListenerCertificates",
            "elasticloadbalancing:RemoveListenerCertificates",
        ],
        ..Rules::new("certificate in the listener of somebody else")
    };
    type Attrs = Attrs;

    fn desired(stack: &Stack) -> Vec<Want<Attrs>> {
        let mut wants = Vec::new();
        for ((scheme, port), listener) in &stack.web.listeners {
            if let WebListener::Shared { arn, certificates } = listener {
                let certificates = certificates.iter();
                wants.extend(certificates.map(|one| want(stack, (*scheme, *port), arn, one)));
            }
        }
        wants
    }

    /// The stack's rules in listeners of others tell the certificates of others that were added there; the stack's own ones may
    /// be in each of these listeners.
    async fn traced(aws: &Aws, names: &Names, tagged: &[Owned]) -> Result<Vec<Locator>, CallError> {
        let scope = Scope {
            partition: aws.partition.clone(),
            region: aws.region.clone(),
            account: aws.account.clone(),
        };
        Ok(traces(names, &scope, tagged))
    }

    async fn read(aws: &Aws, at: &Locator) -> Result<Option<Seen<Attrs>>, CallError> {
        let Some(listener) = at.parent.as_deref().filter(|_| at.name.starts_with("arn:")) else {
            return Ok(None);
        };
        let mut marker = None;
        loop {
            let request = aws.balancing.describe_listener_certificates().listener_arn(listener);
            let page =
                call("elasticloadbalancing:DescribeListenerCertificates", request.set_marker(marker).send());
            let Some(page) = absent(page.await, &BALANCING_GONE)? else {
                return Ok(None);
            };
            // The default one is the listener's owner's, even when it is the same.
            let ours = |one: &SdkCertificate| {
                one.is_default() != Some(true) && one.certificate_arn() == Some(at.name.as_str())
            };
            if page.certificates().iter().any(ours) {
                return Ok(Some(seen(listener, &at.name)));
            }
            marker = page.next_marker().map(str::to_owned);
            if marker.is_none() {
                return Ok(None);
            }
        }
    }

    /// Adding it a second time changes nothing.
    async fn create(aws: &Aws, at: &Locator, want: &Attrs) -> Result<Outputs, CallError> {
        const OP: &str = "elasticloadbalancing:AddListenerCertificates";
        let (listener, certificate) = (known(OP, &want.listener)?, known(OP, &want.certificate)?);
        issued(aws, &at.address, &[certificate.to_owned()]).await?;
        retrying(BALANCING_FRESH, || {
            let request = aws.balancing.add_listener_certificates().listener_arn(listener);
            let request = request.certificates(by_arn(certificate));
            call("elasticloadbalancing:AddListenerCertificates", request.send())
        })
        .await?;
        Ok(seen(listener, certificate).outputs)
    }

    async fn update(
        _aws: &Aws,
        _at: &Locator,
        seen: &Seen<Attrs>,
        _want: &Attrs,
    ) -> Result<Outputs, CallError> {
        Ok(seen.outputs.clone())
    }

    async fn delete(aws: &Aws, _at: &Locator, seen: &Seen<Attrs>) -> Result<(), CallError> {
        const OP: &str = "elasticloadbalancing:RemoveListenerCertificates";
        let (listener, certificate) = (known(OP, &seen.attrs.listener)?, known(OP, &seen.attrs.certificate)?);
        let request = aws.balancing.remove_listener_certificates().listener_arn(listener);
        let request = request.certificates(by_arn(certificate));
        let gone = ["ListenerNotFound", "CertificateNotFound"];
        absent(call("elasticloadbalancing:RemoveListenerCertificates", request.send()).await, &gone)?;
        Ok(())
    }
}

fn by_arn(arn: &str) -> SdkCertificate {
    SdkCertificate::builder().certificate_arn(arn).build()
}

/// Where a certificate in a listener is, as far as it is known.
fn at(names: &Names, place: &str, short: &str, listener: &str, certificate: Option<&str>) -> Locator {
    let name = certificate.unwrap_or(short);
    let at = names.at(ListenerCertificate::KIND, &format!("{place}-{short}"), name);
    Locator { parent: Some(listener.to_owned()), ..at }
}

fn want(stack: &Stack, place: (Scheme, u16), listener: &str, certificate: &Certificate) -> Want<Attrs> {
    let (names, web) = (&stack.names, &stack.web);
    let (input, arn) = match certificate {
        Certificate::Found(arn) => (Input::Known(arn.clone()), Some(arn.as_str())),
        Certificate::Own(domain) => (
            Input::of(names.address("certificate", &slug(domain)), "arn"),
            web.certificates.get(domain).and_then(|own| own.arn.as_deref()),
        ),
    };
    let there = stack.tasks.values().filter(|task| match &task.runs {
        Runs::Service(run) => run.web.as_ref().is_some_and(|web| (web.scheme, web.port) == place),
        Runs::OneOff | Runs::Scheduled(_) => false,
    });
    let (scheme, port) = place;
    Want {
        at: at(names, &format!("{}-{port}", scheme.word()), &certificate.short(), listener, arn),
        attrs: Attrs { listener: Input::Known(listener.to_owned()), certificate: input },
        // The tags of the rules are what finds it again; a certificate is waited for in vain until its record is there.
        after: there
            .map(|task| names.address("listener_rule", &task.key))
            .chain(web.validations(names))
            .collect(),
    }
}

/// Where the stack's certificates may be, by the tags of its rules in listeners of others and of its own certificates.
fn traces(names: &Names, scope: &Scope, tagged: &[Owned]) -> Vec<Locator> {
    let of = |kind: &'static str| {
        tagged.iter().filter_map(move |owned| {
            let address = tags::address(&owned.tags).filter(|address| address.kind() == kind)?;
            Some((owned, address))
        })
    };
    let mut found = Vec::new();
    for (rule, _) in of("listener_rule") {
        let evidence = rule.tags.get(tags::CERTIFICATES);
        let (Some(listener), Some(evidence)) = (tags::listener_of(&rule.arn), evidence) else {
            continue;
        };
        let mut words = evidence.split_whitespace();
        let Some(place) = words.next() else {
            continue;
        };
        for id in words {
            let arn = scope.arn("acm", &format!("certificate/{id}"));
            let short = Certificate::Found(arn.clone()).short();
            found.push(at(names, place, &short, &listener, Some(&arn)));
        }
        for (own, address) in of("certificate") {
            found.push(at(names, place, address.name(), &listener, Some(&own.arn)));
        }
    }
    found.sort();
    found.dedup();
    found
}

fn seen(listener: &str, certificate: &str) -> Seen<Attrs> {
    Seen {
        owner: Owner::Ours,
        outputs: outputs([("id", &format!("{listener} {certificate}"))]),
        attrs: Attrs {
            listener: Input::Known(listener.to_owned()),
            certificate: Input::Known(certificate.to_owned()),
        },
    }
}
