//! Listeners and their certificates.

use serde_json::{Value, json};

use super::rules::Rule;
use super::{Answer, Elb, Facts, Refusal, invalid, need, number, page, tags};
use crate::ecs::json::{Object, list, text, texts};

/// The policies of application load balancers ("Security policies for your Application Load Balancer"), in short.
const POLICIES: [&str; 18] = [
    "ELBSecurityPolicy-2016-08",
    "ELBSecurityPolicy-FS-1-1-2019-08",
    "ELBSecurityPolicy-FS-1-2-2019-08",
    "ELBSecurityPolicy-FS-1-2-Res-2019-08",
    "ELBSecurityPolicy-FS-1-2-Res-2020-10",
    "ELBSecurityPolicy-FS-2018-06",
    "ELBSecurityPolicy-TLS-1-0-2015-04",
    "ELBSecurityPolicy-TLS-1-1-2017-01",
    "ELBSecurityPolicy-TLS-1-2-2017-01",
    "ELBSecurityPolicy-TLS-1-2-Ext-2018-06",
    "ELBSecurityPolicy-TLS13-1-0-2021-06",
    "ELBSecurityPolicy-TLS13-1-1-2021-06",
    "ELBSecurityPolicy-TLS13-1-2-2021-06",
    "ELBSecurityPolicy-TLS13-1-2-Ext1-2021-06",
    "ELBSecurityPolicy-TLS13-1-2-Ext2-2021-06",
    "ELBSecurityPolicy-TLS13-1-2-Res-2021-06",
    "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09",
    "ELBSecurityPolicy-TLS13-1-3-2021-06",
];

/// What an HTTPS listener has when the API is told none.
const DEFAULT_POLICY: &str = "ELBSecurityPolicy-2016-08";

/// Certificates of a listener besides the default one ("Quotas for your Application Load Balancers").
const MOST_CERTIFICATES: usize = 25;

/// One listener.
#[derive(Debug, Clone)]
pub struct Listener {
    /// ARN of its load balancer.
    pub balancer: String,
    port: i64,
    protocol: String,
    policy: Option<String>,
    /// ARNs: the default one, then those that SNI chooses from.
    pub certificates: Vec<String>,
    /// Its default actions.
    pub actions: Vec<Value>,
    /// Order of creation.
    sequence: u64,
}

impl Elb {
    pub(super) fn create_listener(&mut self, input: &Value, facts: &Facts) -> Answer {
        let balancer = need(input, "LoadBalancerArn")?.to_owned();
        self.balancer(&balancer)?;
        let Some(port) = number(input, "Port", 1, 65535)? else {
            return Err(invalid("A listener port must be specified"));
        };
        let Some(protocol) = text(input, "Protocol") else {
            return Err(invalid("A listener protocol must be specified"));
        };
        let mut listener = Listener {
            balancer: balancer.clone(),
            port,
            protocol: protocol.to_owned(),
            policy: None,
            certificates: Vec::new(),
            actions: self.checked_actions(list(input, "DefaultActions"), &balancer)?,
            sequence: self.used,
        };
        secure(&mut listener, input, facts)?;
        let new_tags = tags::given(input)?;
        if let Some((arn, there)) = self.listeners.iter().find(|(_, one)| one.says_the_same(&listener)) {
            return Ok(json!({ "Listeners": [there.show(arn)] }));
        }
        self.port_is_free(&listener, "")?;
        let (id, rule) = (self.id(), self.id());
        listener.sequence = self.used;
        let arn = child(&balancer, "listener", &id);
        let default = Rule::default_of(&arn);
        let shown = listener.show(&arn);
        self.tags.insert(arn.clone(), new_tags);
        self.listeners.insert(arn.clone(), listener);
        self.rules.insert(child(&arn, "listener-rule", &rule), default);
        Ok(json!({ "Listeners": [shown] }))
    }

    pub(super) fn describe_listeners(&self, input: &Value) -> Answer {
        let (arns, balancer) = (texts(input, "ListenerArns"), text(input, "LoadBalancerArn"));
        if arns.is_empty() == balancer.is_none() {
            return Err(invalid("You must specify either listener ARNs or a load balancer ARN"));
        }
        if let Some(arn) = balancer {
            self.balancer(arn)?;
        }
        for arn in &arns {
            self.listener(arn)?;
        }
        let mut found: Vec<_> = self
            .listeners
            .iter()
            .filter(|(arn, one)| arns.contains(&arn.as_str()) || balancer == Some(one.balancer.as_str()))
            .collect();
        found.sort_by_key(|(_, one)| one.sequence);
        page("Listeners", found.iter().map(|(arn, one)| one.show(arn)).collect(), input)
    }

    pub(super) fn modify_listener(&mut self, input: &Value, facts: &Facts) -> Answer {
        let arn = need(input, "ListenerArn")?;
        let mut listener = self.listener(arn)?.clone();
        if let Some(port) = number(input, "Port", 1, 65535)? {
            listener.port = port;
        }
        if let Some(protocol) = text(input, "Protocol") {
            protocol.clone_into(&mut listener.protocol);
        }
        let actions = list(input, "DefaultActions");
        if !actions.is_empty() {
            listener.actions = self.checked_actions(actions, &listener.balancer)?;
        }
        secure(&mut listener, input, facts)?;
        self.port_is_free(&listener, arn)?;
        let shown = listener.show(arn);
        self.listeners.insert(arn.to_owned(), listener);
        Ok(json!({ "Listeners": [shown] }))
    }

    pub(super) fn delete_listener(&mut self, input: &Value) -> Answer {
        let arn = need(input, "ListenerArn")?;
        self.listener(arn)?;
        self.drop_listener(arn);
        Ok(json!({}))
    }

    /// Removes a listener and its rules.
    pub(super) fn drop_listener(&mut self, arn: &str) {
        self.listeners.remove(arn);
        self.rules.retain(|_, rule| rule.listener != arn);
        let (listeners, rules) = (&self.listeners, &self.rules);
        self.tags.retain(|tagged, _| {
            let kind = tagged.splitn(6, ':').nth(5).unwrap_or_default();
            match kind.split('/').next() {
                Some("listener") => listeners.contains_key(tagged),
                Some("listener-rule") => rules.contains_key(tagged),
                _ => true,
            }
        });
    }

    pub(super) fn add_certificates(&mut self, input: &Value, facts: &Facts) -> Answer {
        let arn = need(input, "ListenerArn")?;
        let listener = self.listener(arn)?;
        if listener.protocol != "HTTPS" {
            return Err(invalid("Certificates cannot be added to a listener that is not HTTPS"));
        }
        let mut certificates = listener.certificates.clone();
        let given = certificates_of(input);
        for certificate in &given {
            usable(certificate, facts)?;
            if !certificates.contains(certificate) {
                certificates.push(certificate.clone());
            }
        }
        if given.is_empty() {
            return Err(invalid("You must specify a certificate"));
        }
        if certificates.len() > MOST_CERTIFICATES + 1 {
            return Err(Refusal::new(
                "TooManyCertificates",
                format!("A listener cannot have more than '{MOST_CERTIFICATES}' certificates"),
            ));
        }
        if let Some(listener) = self.listeners.get_mut(arn) {
            listener.certificates = certificates;
        }
        let shown: Vec<Value> =
            given.iter().map(|one| json!({"CertificateArn": one, "IsDefault": "false"})).collect();
        Ok(json!({ "Certificates": shown }))
    }

    /// Removes certificates from the list; one that is not in it is as good as removed.
    pub(super) fn remove_certificates(&mut self, input: &Value) -> Answer {
        let arn = need(input, "ListenerArn")?;
        let given = certificates_of(input);
        let default = self.listener(arn)?.certificates.first();
        if default.is_some_and(|default| given.contains(default)) {
            return Err(Refusal::new("OperationNotPermitted", "Default certificate cannot be removed"));
        }
        if let Some(listener) = self.listeners.get_mut(arn) {
            listener.certificates.retain(|one| !given.contains(one));
        }
        Ok(json!({}))
    }

    pub(super) fn describe_certificates(&self, input: &Value) -> Answer {
        let listener = self.listener(need(input, "ListenerArn")?)?;
        let shown = listener.certificates.iter().enumerate().map(
            |(at, arn)| json!({"CertificateArn": arn, "IsDefault": if at == 0 { "true" } else { "false" }}),
        );
        page("Certificates", shown.collect(), input)
    }

    pub(super) fn listener(&self, arn: &str) -> Answer<&Listener> {
        self.listeners.get(arn).ok_or_else(|| {
            Refusal::new("ListenerNotFound", format!("One or more listeners not found: '{arn}'"))
        })
    }

    fn port_is_free(&self, listener: &Listener, own: &str) -> Answer<()> {
        let taken = self
            .listeners
            .iter()
            .any(|(arn, one)| arn != own && one.balancer == listener.balancer && one.port == listener.port);
        if taken {
            return Err(Refusal::new(
                "DuplicateListener",
                format!(
                    "A listener already exists on this port for this load balancer '{}'",
                    listener.balancer
                ),
            ));
        }
        Ok(())
    }
}

impl Listener {
    /// Whether a creation with these settings means this listener: it is idempotent (`CreateListener` of the API).
    fn says_the_same(&self, other: &Self) -> bool {
        let settings =
            |one: &Self| (one.balancer.clone(), one.port, one.protocol.clone(), one.policy.clone());
        settings(self) == settings(other)
            && self.certificates.first() == other.certificates.first()
            && self.actions == other.actions
    }

    fn show(&self, arn: &str) -> Value {
        let mut shown = Object::new();
        let mut put = |key: &str, value: Value| {
            shown.insert(key.to_owned(), value);
        };
        put("ListenerArn", json!(arn));
        put("LoadBalancerArn", json!(self.balancer));
        put("Port", json!(self.port));
        put("Protocol", json!(self.protocol));
        if let Some(default) = self.certificates.first() {
            put("Certificates", json!([{ "CertificateArn": default }]));
        }
        if let Some(policy) = &self.policy {
            put("SslPolicy", json!(policy));
        }
        put("DefaultActions", json!(self.actions));
        Value::Object(shown)
    }
}

/// Certificates and policy of a listener after a call, whatever its protocol.
fn secure(listener: &mut Listener, input: &Value, facts: &Facts) -> Answer<()> {
    let given = certificates_of(input);
    let policy = text(input, "SslPolicy").filter(|policy| !policy.is_empty());
    match listener.protocol.as_str() {
        "HTTP" => {
            if !given.is_empty() || policy.is_some() {
                return Err(invalid(
                    "You cannot specify certificates or a security policy for HTTP listeners",
                ));
            }
            listener.certificates.clear();
            listener.policy = None;
        }
        "HTTPS" => {
            if given.len() > 1 {
                return Err(invalid("You must specify exactly one certificate"));
            }
            if let Some(certificate) = given.into_iter().next() {
                usable(&certificate, facts)?;
                // The default certificate is replaced, those of SNI stay.
                if !listener.certificates.is_empty() {
                    listener.certificates.remove(0);
                }
                listener.certificates.retain(|one| *one != certificate);
                listener.certificates.insert(0, certificate);
            }
            if listener.certificates.is_empty() {
                return Err(invalid("A certificate must be specified for HTTPS listeners"));
            }
            if let Some(unknown) = policy.filter(|policy| !POLICIES.contains(policy)) {
                return Err(Refusal::new("SSLPolicyNotFound", format!("SSL policy '{unknown}' not found")));
            }
            if let Some(policy) = policy {
                listener.policy = Some(policy.to_owned());
            }
            listener.policy.get_or_insert_with(|| DEFAULT_POLICY.to_owned());
        }
        other => {
            return Err(Refusal::new(
                "UnsupportedProtocol",
                format!("Listener protocol '{other}' must be one of 'HTTPS, HTTP'"),
            ));
        }
    }
    Ok(())
}

fn certificates_of(input: &Value) -> Vec<String> {
    let arns = list(input, "Certificates").iter().filter_map(|one| text(one, "CertificateArn"));
    arns.map(str::to_owned).collect()
}

/// A certificate that exists and is issued.
fn usable(arn: &str, facts: &Facts) -> Answer<()> {
    match facts.certificates.get(arn).map(String::as_str) {
        None => Err(Refusal::new("CertificateNotFound", format!("Certificate '{arn}' not found"))),
        Some("ISSUED") => Ok(()),
        Some(_) => Err(Refusal::new(
            "UnsupportedCertificate",
            format!(
                "The certificate '{arn}' must have a fully-qualified domain name, a supported signature, and a supported key size."
            ),
        )),
    }
}

/// The ARN of a listener of a load balancer, or of a rule of a listener.
pub fn child(parent: &str, kind: &str, id: &str) -> String {
    let (from, to) =
        if kind == "listener" { (":loadbalancer/", ":listener/") } else { (":listener/", ":listener-rule/") };
    format!("{}/{id}", parent.replacen(from, to, 1))
}

/// `DescribeSSLPolicies`: names and protocols, without ciphers.
pub fn describe_policies(input: &Value) -> Answer {
    let names = texts(input, "Names");
    if let Some(unknown) = names.iter().find(|name| !POLICIES.contains(name)) {
        return Err(Refusal::new("SSLPolicyNotFound", format!("SSL policy '{unknown}' not found")));
    }
    let shown = POLICIES.iter().filter(|name| names.is_empty() || names.contains(name)).map(|name| {
        let mut protocols = if name.contains("TLS13-") { vec!["TLSv1.3"] } else { Vec::new() };
        if !name.contains("TLS13-1-3") {
            protocols.push("TLSv1.2");
        }
        json!({"Name": name, "SslProtocols": protocols})
    });
    page("SslPolicies", shown.collect(), input)
}
