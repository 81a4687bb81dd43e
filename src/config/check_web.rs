//! What the schema cannot judge about web services: names, what two services may not share, and the load balancer.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::check::Checker;
use super::judge::{Finding, cut, found};
use super::names;
use super::normal;
use super::source::{Path, join, keys, spell};
use super::web_names::{self, Wrong};

/// How many values the conditions of one rule have at most (Elastic Load Balancing, "Quotas for your Application Load Balancers").
const VALUES_MAX: usize = 5;

/// Checks what the web services of a file have, alone and together. A file without any may keep what App::FargateStack wrote for one
/// that is gone.
pub fn check(checker: &mut Checker<'_>) {
    let document = checker.document;
    let top = texts(&keys(&["domain"]), document.get("domain"));
    hosts(checker, &top);
    let mut services = Vec::new();
    for (key, task) in document.get("tasks").and_then(Value::as_object).into_iter().flatten() {
        let Some(task) = task.as_object() else { continue };
        let is_https = match task.get("type").and_then(Value::as_str) {
            Some("https") => true,
            Some("http") => false,
            _ => continue,
        };
        services.push(Web::new(document, key, task, is_https, &top));
    }
    if services.is_empty() {
        return;
    }
    for service in &services {
        service.check(checker);
    }
    collisions(checker, &services);
    let mut shared = Shared { checker, services: &services };
    shared.ports();
    shared.one_scheme();
    shared.balancer();
    shared.certificate();
    shared.dns();
}

/// A text or a list of texts, each with its place.
fn texts<'a>(path: &Path, value: Option<&'a Value>) -> Vec<(Path, &'a str)> {
    match value {
        Some(Value::String(text)) => vec![(path.clone(), text)],
        Some(Value::Array(list)) => {
            list.iter().enumerate().filter_map(|(at, one)| Some((join(path, at), one.as_str()?))).collect()
        }
        _ => Vec::new(),
    }
}

/// Checks host names that stand in one list.
fn hosts(checker: &mut Checker<'_>, list: &[(Path, &str)]) {
    each(checker, list, "a host name", web_names::host);
}

/// Checks texts that stand in one list, and that none is there twice.
fn each(checker: &mut Checker<'_>, list: &[(Path, &str)], what: &str, rule: fn(&str) -> Option<Wrong>) {
    let mut seen = BTreeSet::new();
    for (path, text) in list {
        if let Some(wrong) = rule(text) {
            against(checker, path.clone(), what, text, wrong);
        } else if !seen.insert(*text) {
            let hint = "once is enough; remove the other".to_owned();
            checker.wrong(path.clone(), format!("`{text}` stands here for the second time"), hint);
        }
    }
}

fn against(checker: &mut Checker<'_>, path: Path, what: &str, text: &str, wrong: Wrong) {
    let text = if text.is_empty() { "the text".to_owned() } else { format!("`{}`", cut(text)) };
    let message = format!("`{}` must be {what}, but {text} {}", spell(&path), wrong.why);
    checker.wrong(path, message, wrong.hint);
}

/// One web service under check.
struct Web<'a> {
    key: &'a str,
    path: Path,
    task: &'a Map<String, Value>,
    is_https: bool,
    /// Who can reach it; its load balancer is told by it.
    reach: &'a str,
    /// The port of its listener.
    port: u64,
    /// Its own domains.
    own: Vec<(Path, &'a str)>,
    /// Those that it answers for.
    domains: BTreeSet<&'a str>,
    /// Its paths; none for all.
    paths: Vec<(Path, &'a str)>,
}

impl<'a> Web<'a> {
    fn new(
        document: &'a Value,
        key: &'a str,
        task: &'a Map<String, Value>,
        is_https: bool,
        top: &[(Path, &'a str)],
    ) -> Self {
        let path = keys(&["tasks", key]);
        let own = texts(&join(&path, "domain"), task.get("domain"));
        let alb = document.get("alb");
        let by_type = if is_https { ("public", 443) } else { ("private", 80) };
        Self {
            key,
            reach: alb.and_then(|alb| alb.get("type")).and_then(Value::as_str).unwrap_or(by_type.0),
            port: alb.and_then(|alb| alb.get("port")).and_then(Value::as_u64).unwrap_or(by_type.1),
            domains: if task.contains_key("domain") { &own } else { top }
                .iter()
                .map(|(_, name)| *name)
                .collect(),
            paths: texts(&join(&path, "path"), task.get("path")),
            own,
            path,
            task,
            is_https,
        }
    }

    fn at(&self, key: &str) -> Path {
        join(&self.path, key)
    }

    /// The patterns of its rule; `*` for all paths.
    fn patterns(&self) -> BTreeSet<&'a str> {
        let all = |path: &'a str| if web_names::fits_all(path) { "*" } else { path };
        let paths: BTreeSet<&str> = self.paths.iter().map(|(_, path)| all(path)).collect();
        if paths.is_empty() { BTreeSet::from(["*"]) } else { paths }
    }

    fn check(&self, checker: &mut Checker<'_>) {
        hosts(checker, &self.own);
        each(checker, &self.paths, "a path", web_names::pattern);
        let document = checker.document;
        if !self.task.contains_key("domain") && document.get("domain").is_none() {
            let message = format!("the service `{}` needs a domain", cut(self.key));
            let hint = format!(
                "for example `domain: app.example.com`, at the top for all of them, or `tasks.{}.domain`",
                self.key
            );
            let finding = Finding::value(self.at("type"), message, hint);
            checker.findings.push(finding);
        }
        let count = self.domains.len() + self.paths.len();
        if count > VALUES_MAX {
            let at =
                if self.paths.len() >= self.own.len() && !self.paths.is_empty() { "path" } else { "domain" };
            let own = self.task.contains_key(at);
            let message = format!(
                "the service `{}` has {count} domains and paths together, but a rule takes at most {VALUES_MAX}",
                cut(self.key)
            );
            let hint =
                "one `*` fits many, for example `*.example.com` or `/api/*`; or make two services of it";
            let path = if own { self.at(at) } else { keys(&["domain"]) };
            checker.findings.push(Finding::key(path, message, hint.to_owned()));
        }
        if let Some(name) = self.task.get("target_group_name").and_then(Value::as_str) {
            balancing_name(checker, &self.at("target_group_name"), name, &web_names::TARGET_GROUP);
        }
        self.health(checker);
    }

    fn health(&self, checker: &mut Checker<'_>) {
        let at = self.at("health_check");
        let Some(check) = self.task.get("health_check") else { return };
        let source = checker.source;
        let enabled = check.get("enabled").and_then(normal::boolean);
        if enabled == Some(false) {
            let path = join(&at, "enabled");
            let message =
                format!("`{}` cannot be false: a load balancer always checks its targets", spell(&path));
            checker.wrong(path, message, "remove it".to_owned());
        }
        if let Some(path) = check.get("path").and_then(Value::as_str)
            && let Some(wrong) = web_names::check_path(path)
        {
            against(checker, join(&at, "path"), "a path", path, wrong);
        }
        let path = join(&at, "matcher");
        if let Some(codes) = check.get("matcher").and_then(|value| normal::text(source, &path, value))
            && let Some(wrong) = web_names::matcher(&codes)
        {
            against(checker, path, "status codes", &codes, wrong);
        }
        let number = |key: &str| check.get(key).and_then(Value::as_u64);
        let (interval, timeout) = (number("interval_seconds"), number("timeout_seconds"));
        let (seconds, most) = (timeout.unwrap_or(5), interval.unwrap_or(30));
        if seconds >= most && (interval.is_some() || timeout.is_some()) {
            let key = if timeout.is_some() { "timeout_seconds" } else { "interval_seconds" };
            let message = format!(
                "`{}` must be less than the time between two checks: {seconds} of {most} seconds",
                spell(&join(&at, "timeout_seconds"))
            );
            let hint = format!("set `{}` below `interval_seconds`", spell(&join(&at, "timeout_seconds")));
            checker.wrong(join(&at, key), message, hint);
        }
    }
}

fn balancing_name(checker: &mut Checker<'_>, path: &Path, name: &str, rule: &names::Rule) {
    let before = checker.findings.len();
    checker.name(path.clone(), name, rule);
    if checker.findings.len() == before
        && let Some(wrong) = web_names::balancing(name)
    {
        checker.wrong(path.clone(), format!("`{}` {}", spell(path), wrong.why), wrong.hint);
    }
}

/// What only one of two services can have: a domain with a path, a priority, a target group.
fn collisions(checker: &mut Checker<'_>, services: &[Web<'_>]) {
    let mut groups: BTreeMap<&str, &str> = BTreeMap::new();
    let mut places: BTreeMap<(&str, u64, u64), &str> = BTreeMap::new();
    for (index, service) in services.iter().enumerate() {
        let text = |key: &str| service.task.get(key).and_then(Value::as_str);
        if let Some(name) = text("target_group_name")
            && let Some(other) = groups.insert(name, service.key)
        {
            let message = format!(
                "the services `{other}` and `{}` have the same target group `{}`",
                service.key,
                cut(name)
            );
            checker.wrong(service.at("target_group_name"), message, "each needs one of its own".to_owned());
        }
        if let Some(priority) = service.task.get("priority").and_then(Value::as_u64)
            && let Some(other) = places.insert((service.reach, service.port, priority), service.key)
        {
            let message =
                format!("the services `{other}` and `{}` have the same priority {priority}", service.key);
            let hint = "the lowest is asked first; without the key a free one is taken".to_owned();
            checker.wrong(service.at("priority"), message, hint);
        }
        for other in services.iter().take(index) {
            same_requests(checker, other, service);
        }
    }
}

fn same_requests(checker: &mut Checker<'_>, one: &Web<'_>, other: &Web<'_>) {
    if one.reach != other.reach {
        return;
    }
    let domains: Vec<&&str> = one.domains.intersection(&other.domains).collect();
    let (a, b) = (one.patterns(), other.patterns());
    let paths: Vec<&&str> = a.intersection(&b).collect();
    let (Some(domain), Some(path)) = (domains.first(), paths.first()) else { return };
    let what =
        if **path == "*" { format!("`{domain}`") } else { format!("`{domain}` with the path `{path}`") };
    let key = if other.task.contains_key("path") {
        "path"
    } else if other.task.contains_key("domain") {
        "domain"
    } else {
        "type"
    };
    if one.port == other.port {
        let message = format!("the services `{}` and `{}` both answer for {what}", one.key, other.key);
        let hint = format!("give `{}` another domain, or paths such as `/api/*`", other.key);
        checker.wrong(other.at(key), message, hint);
        return;
    }
    let (secure, plain) = if one.is_https { (one, other) } else { (other, one) };
    if secure.is_https && !plain.is_https && plain.port == 80 && redirects(checker.document) {
        let message = format!(
            "the service `{}` answers for {what} on port 80, which redirects to the service `{}`",
            plain.key, secure.key
        );
        let hint = "give it another domain, or set `alb.redirect_80: false`".to_owned();
        checker.wrong(other.at(key), message, hint);
    }
}

fn redirects(document: &Value) -> bool {
    let wanted = document.get("alb").and_then(|alb| alb.get("redirect_80")).and_then(normal::boolean);
    wanted.unwrap_or(true)
}

/// What the services share.
struct Shared<'c, 'a, 's> {
    checker: &'c mut Checker<'a>,
    services: &'s [Web<'a>],
}

impl Shared<'_, '_, '_> {
    fn has(&self, at: &[&str]) -> bool {
        at.iter().try_fold(self.checker.document, |value, key| value.get(key)).is_some()
    }

    fn flag(&self, at: &[&str]) -> Option<bool> {
        at.iter().try_fold(self.checker.document, |value, key| value.get(key)).and_then(normal::boolean)
    }

    fn some_https(&self) -> bool {
        self.services.iter().any(|service| service.is_https)
    }

    fn ports(&mut self) {
        let of_both = self.some_https() && self.services.iter().any(|service| !service.is_https);
        let path = keys(&["alb", "port"]);
        if self.has(&["alb", "port"]) && of_both {
            let message = "`alb.port` cannot be for `http` and `https` services at once";
            let hint = "remove it; then they have the ports 80 and 443".to_owned();
            self.checker.wrong(path, message, hint);
        }
        if self.flag(&["alb", "redirect_80"]) != Some(true) {
            return;
        }
        let path = keys(&["alb", "redirect_80"]);
        if !self.some_https() {
            let hint = "remove it, or use the type `https`".to_owned();
            self.checker.wrong(path, "`alb.redirect_80` has no `https` service to redirect to", hint);
        } else if self.services.iter().any(|service| service.is_https && service.port == 80) {
            let message = "`alb.redirect_80` cannot redirect port 80 to itself, which `alb.port` is";
            self.checker.wrong(path, message, "remove one of the two".to_owned());
        }
    }

    /// What names one load balancer cannot be for two.
    fn one_scheme(&mut self) {
        let reaches: BTreeSet<&str> = self.services.iter().map(|service| service.reach).collect();
        if reaches.len() < 2 {
            return;
        }
        let group = ["security_groups", "alb"];
        for at in [
            vec!["alb", "arn"],
            vec!["alb", "name"],
            [&group[..], &["group_name"]].concat(),
            [&group[..], &["group_id"]].concat(),
        ] {
            if self.has(&at) {
                let path = keys(&at);
                let message = format!(
                    "`{}` is of one load balancer, but `https` services have a public one and `http` services an internal one",
                    spell(&path)
                );
                let hint = "set `alb.type` to `public` or `private`, so that one is for all".to_owned();
                self.checker.findings.push(Finding::key(path, message, hint));
            }
        }
    }

    fn balancer(&mut self) {
        self.arn(
            &["alb", "arn"],
            "an application load balancer",
            "elasticloadbalancing",
            "loadbalancer/app/",
        );
        if let Some(name) = self.checker.text(&["alb", "name"]) {
            balancing_name(self.checker, &keys(&["alb", "name"]), name, &web_names::BALANCER);
        }
        let allow = self.checker.document.get("alb").and_then(|alb| alb.get("allow"));
        each(self.checker, &texts(&keys(&["alb", "allow"]), allow), "a source", web_names::source);
        if let Some(policy) = self.checker.text(&["alb", "ssl_policy"])
            && !policy.starts_with("ELBSecurityPolicy-")
        {
            let message = format!("`alb.ssl_policy` must be a TLS policy, found {}", found(&policy.into()));
            let hint = "for example `ELBSecurityPolicy-TLS13-1-2-2021-06`".to_owned();
            self.checker.wrong(keys(&["alb", "ssl_policy"]), message, hint);
        }
        let at = ["security_groups", "alb", "group_id"];
        if let Some(id) = self.checker.text(&at)
            && !names::is_id(id, "sg")
        {
            let message =
                format!("`{}` must be the id of a security group, found {}", at.join("."), found(&id.into()));
            self.checker.wrong(keys(&at), message, "for example `sg-0123456789abcdef0`".to_owned());
        }
        let at = ["security_groups", "alb", "group_name"];
        self.checker.security_group_name(&at);
        if self
            .checker
            .text(&["app", "name"])
            .is_some_and(|name| name.to_ascii_lowercase().starts_with("sg-"))
            && self.checker.text(&at).is_none()
        {
            let message =
                "`app.name` begins with `sg-`, and EC2 takes no security group whose name begins so";
            let hint = format!("set `{}`", at.join("."));
            self.checker.wrong(keys(&["app", "name"]), message, hint);
        }
    }

    fn certificate(&mut self) {
        let at = ["certificate_arn"];
        if self.has(&at) && !self.some_https() {
            let message = "`certificate_arn` is for `https` services, and there is none";
            let hint = "remove it, or use the type `https`".to_owned();
            self.checker.findings.push(Finding::key(keys(&at), message, hint));
        }
        self.arn(&at, "a certificate of ACM", "acm", "certificate/");
    }

    fn dns(&mut self) {
        self.arn(&["route53", "role_arn"], "an IAM role", "iam", "role/");
        if self.has(&["route53", "role_arn"]) && self.has(&["route53", "profile"]) {
            let message = "`route53.role_arn` and `route53.profile` cannot both say who reaches Route 53";
            self.checker.wrong(keys(&["route53", "role_arn"]), message, "remove one of the two".to_owned());
        }
        if let Some(zone) = self.checker.text(&["route53", "zone_id"])
            && !web_names::is_zone_id(zone)
        {
            let message =
                format!("`route53.zone_id` must be the id of a hosted zone, found {}", found(&zone.into()));
            let hint =
                "for example `Z0123456789ABCDEFGHIJ`; `fargate-stack list-zones` shows them".to_owned();
            self.checker.wrong(keys(&["route53", "zone_id"]), message, hint);
        }
    }

    fn arn(&mut self, at: &[&str], what: &str, service: &str, resource: &str) {
        let Some(text) = self.checker.text(at) else { return };
        if web_names::is_arn(text, service, resource) {
            return;
        }
        let region = if service == "iam" { "" } else { "REGION" };
        let path = keys(at);
        let message = format!("`{}` must be the ARN of {what}, found {}", spell(&path), found(&text.into()));
        let hint = if text.contains(":loadbalancer/net/") {
            "this is a network load balancer, which knows no host names and paths".to_owned()
        } else {
            format!("it has the form `arn:PARTITION:{service}:{region}:ACCOUNT:{resource}…`")
        };
        self.checker.wrong(path, message, hint);
    }
}
