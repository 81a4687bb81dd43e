//! Getting the image: registry, architecture, disk, and the way to them.

use super::words::{has, has_word, word_after};
use super::{Evidence, Group, Match, Quote, Subnet, find, said};

/// Words for a call that got no answer.
pub(super) const NO_ANSWER: &[&str] = &[
    "request canceled",
    "requestcanceled",
    "i/o timeout",
    "context canceled",
    "context deadline exceeded",
    "dial tcp",
    "timed out",
    "timeout exceeded",
    "connection refused",
    "connection issue",
    "no route to host",
    "network is unreachable",
    "no such host",
    "check your task network configuration",
];

/// Words for a refusal.
pub(super) const REFUSED: &[&str] = &[
    "pull access denied",
    "not authorized",
    "accessdenied",
    "access denied",
    "access to kms is not allowed",
    "no basic auth credentials",
    "unauthorized",
    "authorization failed",
    "forbidden",
];

/// Words for what does not exist.
const ABSENT: &[&str] =
    &["not found", "manifest unknown", "does not exist", "name unknown", "notfoundexception"];

/// What is said about getting the image, or the credentials for it.
fn of_image(evidence: &Evidence, group: Option<&Group>, also: impl Fn(&str) -> bool) -> Option<Quote> {
    const PULL: &[&str] = &[
        "cannotpull",
        "pull image",
        "image pull",
        "failed to pull",
        "failed to resolve ref",
        "pull access denied",
    ];
    said(evidence, group)
        .into_iter()
        .find(|quote| (has(&quote.text, PULL) || is_registry_auth(&quote.text)) && also(&quote.text))
}

/// Whether the initialisation failed for the registry rather than for a secret.
pub(super) fn is_registry_auth(text: &str) -> bool {
    has(text, &["resourceinitializationerror", "unable to pull secrets"])
        && has(text, &["ecr registry auth", "amazon ecr", "ecr:getauthorizationtoken", "api.ecr."])
}

pub(super) fn wrong_architecture(evidence: &Evidence, group: Option<&Group>) -> Option<Match> {
    const FORMAT: &str = "exec format error";
    let parts = [
        "does not contain descriptor matching platform",
        "no matching manifest for",
        "no match for platform",
        FORMAT,
    ];
    if let Some(quote) = find(evidence, group, &parts) {
        return Some(Match::from(quote));
    }
    // A program can write anything, so its words count only with an exit code that fits.
    group?.exits.iter().filter(|exit| matches!(exit.code, Some(1 | 126 | 255))).find_map(|exit| {
        let line = evidence.logs.get(&exit.container)?.iter().find(|line| has(line, &[FORMAT]))?;
        let source = format!("log of container `{}`", exit.container);
        let matched = Match::from(Quote { source, text: line.clone() });
        Some(Match { container: Some(exit.container.clone()), ..matched })
    })
}

pub(super) fn build_for_it(evidence: &Evidence, matched: &Match) -> String {
    let wanted = evidence.architecture.as_deref().unwrap_or("X86_64");
    let (platform, other) =
        if wanted == "ARM64" { ("linux/arm64", "X86_64") } else { ("linux/amd64", "ARM64") };
    let image = short(evidence.image(matched.container.as_deref()));
    format!(
        "set {} to `{other}`, or build {image} for `{platform}` (`docker buildx build --platform {platform}`): the task runs on `{wanted}`",
        evidence.field("cpu_architecture")
    )
}

pub(super) fn rate_limit(evidence: &Evidence, group: Option<&Group>) -> Option<Match> {
    let quote = find(evidence, group, &["toomanyrequests", "pull rate limit", "reached your pull rate"])?;
    let image = quoted_image(evidence, &quote.text);
    Some(Match::from(quote).saying(format!("the registry refuses more pulls of {image}")))
}

pub(super) fn cache_it(evidence: &Evidence, _: &Match) -> String {
    let upstream = evidence.image(None);
    let upstream = if upstream.is_empty() { "the image".to_owned() } else { short(upstream) };
    format!(
        "take {} from your own ECR: copy {upstream} there, or make a pull-through cache rule for its registry and name the cached repository",
        evidence.field("image")
    )
}

pub(super) fn out_of_disk(evidence: &Evidence, group: Option<&Group>) -> Option<Match> {
    find(evidence, group, &["no space left on device", "nospaceleft"]).map(Match::from)
}

pub(super) fn shrink(evidence: &Evidence, _: &Match) -> String {
    format!(
        "make the image of {} smaller: image, unpacked layers and what the program writes share 20 GiB (`ephemeralStorage` of the task definition goes up to 200 GiB)",
        evidence.field("image")
    )
}

pub(super) fn forbidden(evidence: &Evidence, group: Option<&Group>) -> Option<Match> {
    let quote = of_image(evidence, group, |text| has(text, REFUSED) || has_word(text, "403"))?;
    let image = quoted_image(evidence, &quote.text);
    Some(Match::from(quote).saying(format!("{image} may not be pulled")))
}

pub(super) fn allow_pull(evidence: &Evidence, matched: &Match) -> String {
    let said = matched.said();
    let role = &evidence.execution_role;
    let named = word_after(&said, "perform: ").filter(|action| action.starts_with("ecr:"));
    if !is_ecr(evidence.image(None)) && named.is_none() && !has(&said, &[".dkr.ecr."]) {
        return format!(
            "name an image in {} that can be pulled without credentials, or copy it to your own ECR: ECS has no credentials for this registry",
            evidence.field("image")
        );
    }
    let resource = super::words::arn_of(&said, &["ecr"]).map(str::to_owned);
    let statement = match named {
        Some(action) => statement(&[action], resource.as_deref().unwrap_or("*")),
        None => statement(
            &[
                "ecr:GetAuthorizationToken",
                "ecr:BatchCheckLayerAvailability",
                "ecr:GetDownloadUrlForLayer",
                "ecr:BatchGetImage",
            ],
            "*",
        ),
    };
    format!(
        "add to the policy of role `{role}` (for a repository of another account also to the repository's policy): {statement}"
    )
}

pub(super) fn digest_gone(evidence: &Evidence, group: Option<&Group>) -> Option<Match> {
    let matched = not_found(evidence, group)?;
    let said = matched.said();
    let pinned =
        said.contains("@sha256:") || (!said.contains(':') && evidence.image(None).contains("@sha256:"));
    pinned.then_some(matched)
}

pub(super) fn keep_it(evidence: &Evidence, _: &Match) -> String {
    format!(
        "push the image of {} again and release it, and let the repository's lifecycle policy keep what runs (a rule for the tag that releases use)",
        evidence.field("image")
    )
}

pub(super) fn not_found(evidence: &Evidence, group: Option<&Group>) -> Option<Match> {
    let quote = of_image(evidence, group, |text| has(text, ABSENT) || has_word(text, "404"))?;
    let image = quoted_image(evidence, &quote.text);
    Some(Match::from(quote).saying(format!("{image} does not exist")))
}

pub(super) fn name_image(evidence: &Evidence, _: &Match) -> String {
    let seen = evidence.registry.first().map(|text| format!(" ({text})")).unwrap_or_default();
    format!("name an image that exists in {}, or push this one{seen}", evidence.field("image"))
}

pub(super) fn timeout(evidence: &Evidence, group: Option<&Group>) -> Option<Match> {
    of_image(evidence, group, |text| has(text, NO_ANSWER)).map(Match::from)
}

/// What is missing on the way out, as far as the subnets tell.
pub(super) fn open_the_way(evidence: &Evidence, _: &Match) -> String {
    let group = &evidence.security_group;
    let isolated: Vec<&Subnet> = evidence.subnets.iter().filter(|subnet| subnet.route.is_none()).collect();
    if let Some(subnet) = isolated.first() {
        let lacks = if subnet.lacks.is_empty() {
            "its endpoints are there, so look at their security group".to_owned()
        } else {
            let names: Vec<String> = subnet.lacks.iter().map(|name| format!("`{name}`")).collect();
            format!("or VPC endpoints for {}", names.join(", "))
        };
        return format!("give subnet `{}` a default route to a NAT gateway, {lacks}", subnet.id);
    }
    let public =
        evidence.subnets.iter().find(|one| one.route.as_deref().is_some_and(|id| id.starts_with("igw-")));
    if let Some(subnet) = public.filter(|_| !evidence.public_ip) {
        return format!(
            "set {} to `true`: subnet `{}` leads to an internet gateway, and without a public address nothing comes back",
            evidence.field("assign_public_ip"),
            subnet.id
        );
    }
    format!(
        "let security group `{group}` and the subnets' network ACLs pass outgoing TCP 443: the subnets have a default route"
    )
}

/// A subnet in one line.
pub(super) fn told(subnet: &Subnet, public_ip: bool) -> String {
    let Subnet { id, zone, free, route, lacks } = subnet;
    let address = if public_ip { "public addresses" } else { "no public addresses" };
    let way = match route {
        Some(target) => format!("default route to {target}, {address}"),
        None if lacks.is_empty() => "no default route, every endpoint is there".to_owned(),
        None => format!("no default route, and no endpoint for {}", lacks.join(", ")),
    };
    let free = free.map(|free| format!(", {free} free addresses")).unwrap_or_default();
    format!("subnet {id} ({zone}): {way}{free}")
}

/// JSON on one line, in back-ticks.
pub(super) fn in_ticks(value: &serde_json::Value) -> String {
    format!("`{value}`")
}

/// One IAM statement on one line, in back-ticks.
pub(super) fn statement(actions: &[&str], resource: &str) -> String {
    let action = if let [one] = actions { serde_json::json!(one) } else { serde_json::json!(actions) };
    in_ticks(&serde_json::json!({ "Effect": "Allow", "Action": action, "Resource": resource }))
}

/// The image that a text is about, in back-ticks: as the text has it, else as the task definition.
fn quoted_image(evidence: &Evidence, text: &str) -> String {
    let known = evidence.containers.iter().map(|one| one.image.as_str()).find(|image| text.contains(image));
    let named = ["failed to resolve ref ", "pull access denied for ", "pull image \""].iter();
    let named = named.clone().find_map(|marker| word_after(text, marker));
    let image = known.or(named).unwrap_or_else(|| evidence.image(None));
    if image.is_empty() { "the image".to_owned() } else { short(image) }
}

/// An image in back-ticks, its digest shortened: what tells images apart are the first digits.
fn short(image: &str) -> String {
    match image.split_once("@sha256:") {
        Some((name, digest)) => {
            let digits: String = digest.chars().take(12).collect();
            format!("`{name}@sha256:{digits}…`")
        }
        None if image.is_empty() => "the image".to_owned(),
        None => format!("`{image}`"),
    }
}

/// Whether an image is in an ECR.
pub(super) fn is_ecr(image: &str) -> bool {
    image.split('/').next().is_some_and(|host| host.contains(".dkr.ecr."))
}

/// The name of an ECR image's repository.
pub fn repository(image: &str) -> Option<&str> {
    let (host, path) = image.split_once('/')?;
    let name = path.split('@').next()?;
    let name = name.rsplit_once(':').map_or(name, |(name, _)| name);
    (is_ecr(host) && !name.is_empty()).then_some(name)
}
