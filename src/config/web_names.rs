//! Host names, paths, sources of traffic, status codes and ARNs of web services, and the limits that AWS puts on them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::names::{self, Rule};

/// The longest host name that a rule of a load balancer takes (Elastic Load Balancing, "Host conditions"); DNS takes 253.
const HOST_MAX: usize = 128;
/// The longest path pattern that a rule takes (Elastic Load Balancing, "Path conditions").
const PATTERN_MAX: usize = 128;
/// The longest path of a health check (`CreateTargetGroup`).
const CHECK_PATH_MAX: usize = 1024;

/// Load balancers.
pub const BALANCER: Rule = Rule { what: "the name of a load balancer", max: 32, marks: "-" };
/// Target groups.
pub const TARGET_GROUP: Rule = Rule { what: "the name of a target group", max: 32, marks: "-" };

/// What is wrong with a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// The end of a sentence that begins with the text.
    pub why: String,
    /// What to write.
    pub hint: Option<String>,
}

#[allow(clippy::unnecessary_wraps, reason = "what the functions here end with")]
fn wrong(why: impl Into<String>, hint: impl Into<Option<String>>) -> Option<Wrong> {
    Some(Wrong { why: why.into(), hint: hint.into() })
}

/// What is wrong with the name of a host, whose first label may be `*`.
pub fn host(text: &str) -> Option<Wrong> {
    if text.is_empty() {
        return wrong("is empty", "for example `app.example.com`".to_owned());
    }
    let (rest, scheme) = text.split_once("://").map_or((text, ""), |(scheme, rest)| (rest, scheme));
    let (rest, path) = rest.split_once('/').map_or((rest, None), |(host, path)| (host, Some(path)));
    let (rest, port) = rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port)));
    let bare = rest.trim().trim_end_matches('.').to_lowercase();
    if bare != text {
        let what = match (scheme, path, port) {
            ("", Some(_), _) => "has a path",
            ("", None, Some(_)) => "has a port",
            ("", None, None) if rest.ends_with('.') => "ends in a dot",
            ("", None, None) if rest.trim() != rest => "has a space",
            ("", None, None) => "has capital letters",
            _ => "has a scheme",
        };
        let path = path.filter(|path| !path.is_empty());
        let path = path.map(|path| format!(", and `/{path}` into `path`")).unwrap_or_default();
        return wrong(what, host(&bare).is_none().then(|| format!("write `{bare}`{path}")));
    }
    if !text.is_ascii() {
        let hint = "write its form for DNS, in which such a label begins with `xn--`".to_owned();
        return wrong("has a character that DNS does not know", hint);
    }
    if text.len() > HOST_MAX {
        let why = format!("has {} characters, but a load balancer takes at most {HOST_MAX}", text.len());
        return wrong(why, None);
    }
    let labels: Vec<&str> = text.split('.').collect();
    if let Some(why) = labels.iter().enumerate().find_map(|(place, label)| self::label(place, label)) {
        return Some(why);
    }
    let top = labels.last().copied().unwrap_or_default();
    match labels.len() {
        1 => wrong("has only one label", "write it with its domain: `app.example.com`".to_owned()),
        _ if top.bytes().all(|byte| byte.is_ascii_digit()) => {
            wrong("is an address", "a name is needed, for the rule and for the certificate".to_owned())
        }
        _ => None,
    }
}

/// What is wrong with a part of a host name.
fn label(place: usize, label: &str) -> Option<Wrong> {
    let letters = "a label has letters, digits and, inside, `-`".to_owned();
    match label {
        "" => wrong("has an empty label", "remove the dot".to_owned()),
        "*" if place == 0 => None,
        _ if label.contains('*') => {
            wrong("has a `*` that is not the whole first label", "for example `*.example.com`".to_owned())
        }
        _ if label.len() > 63 => {
            wrong(format!("has a label of {} characters, but DNS takes at most 63", label.len()), None)
        }
        _ if label.starts_with('-') || label.ends_with('-') => {
            wrong("has a label that begins or ends with `-`", letters)
        }
        _ => {
            let bad = label.chars().find(|c| !c.is_ascii_alphanumeric() && *c != '-')?;
            let bad = if bad == ' ' {
                "a space".to_owned()
            } else {
                format!("the character `{}`", bad.escape_debug())
            };
            wrong(format!("has {bad}"), letters)
        }
    }
}

/// What is wrong with a pattern of paths.
pub fn pattern(text: &str) -> Option<Wrong> {
    if let Some((_, rest)) = text.split_once("://") {
        let path = rest.split_once('/').map(|(_, path)| format!("/{path}"));
        return wrong("is an address", path.map(|path| format!("write only the path: `{path}`")));
    }
    if !text.starts_with(['/', '*']) {
        return wrong("does not begin with `/` or `*`", format!("write `/{text}`"));
    }
    if text.chars().count() > PATTERN_MAX {
        let why = format!("is longer than {PATTERN_MAX} characters, which a load balancer does not take");
        return wrong(why, "`*` stands for any characters".to_owned());
    }
    let bad = text.chars().find(|c| !c.is_ascii_alphanumeric() && !"_-.$/~\"'@:+&*?".contains(*c))?;
    let hint = "use letters, digits, `/ _ - . $ ~ @ : + &`, and `*` or `?` for any others".to_owned();
    wrong(format!("has the character `{}`, which a load balancer does not take", bad.escape_debug()), hint)
}

/// Whether a pattern fits every path.
pub fn fits_all(pattern: &str) -> bool {
    matches!(pattern, "*" | "/*")
}

/// What is wrong with the path of a health check.
pub fn check_path(text: &str) -> Option<Wrong> {
    let hint = || "for example `/health`".to_owned();
    if !text.starts_with('/') {
        return wrong("does not begin with `/`", hint());
    }
    if text.len() > CHECK_PATH_MAX {
        return wrong(format!("is longer than {CHECK_PATH_MAX} characters"), None);
    }
    let bad = text.chars().find(|c| !c.is_ascii_graphic())?;
    wrong(format!("has the character `{}`", bad.escape_debug()), hint())
}

/// What is wrong with the status codes of a health check (`Matcher` of Elastic Load Balancing): codes and ranges of codes from 200
/// to 499.
pub fn matcher(text: &str) -> Option<Wrong> {
    let code = |text: &str| text.parse::<u16>().ok().filter(|_| text.len() == 3);
    let hint = || "for example `200`, `200,204` or `200-299`".to_owned();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (Some(first), Some(last)) = (code(first), code(last)) else {
            return wrong("is not a list of status codes", hint());
        };
        if first > last {
            return wrong(format!("has the range `{part}`, which ends before it begins"), hint());
        }
        if first < 200 || last > 499 {
            return wrong("has a code that is not from 200 to 499", hint());
        }
    }
    None
}

/// What is wrong with a source of traffic: a range of addresses, a security group or a prefix list.
pub fn source(text: &str) -> Option<Wrong> {
    for (prefix, what) in [("sg", "a security group"), ("pl", "a prefix list")] {
        if text.starts_with(&format!("{prefix}-")) {
            let hint = format!("for example `{prefix}-0123456789abcdef0`");
            return (!names::is_id(text, prefix))
                .then_some(Wrong { why: format!("is not the id of {what}"), hint: Some(hint) });
        }
    }
    let (address, length) =
        text.split_once('/').map_or((text, None), |(start, length)| (start, Some(length)));
    let Ok(address) = address.parse::<IpAddr>() else {
        let hint =
            "for example `203.0.113.0/24`, `2001:db8::/32`, `sg-0123456789abcdef0`, `pl-0123456789abcdef0`";
        return wrong("is no range of addresses, security group or prefix list", hint.to_owned());
    };
    let most: u8 = if address.is_ipv4() { 32 } else { 128 };
    let Some(length) = length else {
        return wrong("is one address", format!("for only this one write `{address}/{most}`"));
    };
    let Some(length) = length.parse::<u8>().ok().filter(|length| *length <= most) else {
        return wrong(format!("has no length from 0 to {most} after the `/`"), None);
    };
    let range = format!("{}/{length}", start(address, length));
    (range != text).then(|| Wrong {
        why: "is not how EC2 spells this range".to_owned(),
        hint: Some(format!("write `{range}`")),
    })
}

/// The first address of the range.
fn start(address: IpAddr, length: u8) -> IpAddr {
    let kept = u32::from(length);
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - kept).unwrap_or_default();
            Ipv4Addr::from_bits(address.to_bits() & mask).into()
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - kept).unwrap_or_default();
            Ipv6Addr::from_bits(address.to_bits() & mask).into()
        }
    }
}

/// What is wrong with the name of a load balancer or a target group, beside its length and characters.
pub fn balancing(text: &str) -> Option<Wrong> {
    if text.starts_with('-') || text.ends_with('-') {
        return wrong("begins or ends with `-`, which Elastic Load Balancing does not take", None);
    }
    text.starts_with("internal-").then(|| Wrong {
        why: "begins with `internal-`, which Elastic Load Balancing keeps for itself".to_owned(),
        hint: None,
    })
}

/// Whether a text is an ARN of a service whose resource begins so.
pub fn is_arn(text: &str, service: &str, resource: &str) -> bool {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let [arn, partition, of, region, account, rest] = parts.as_slice() else { return false };
    // IAM has no regions.
    let placed = if service == "iam" { region.is_empty() } else { names::is_region(region) };
    *arn == "arn"
        && partition.starts_with("aws")
        && *of == service
        && placed
        && account.len() == 12
        && account.bytes().all(|byte| byte.is_ascii_digit())
        && rest.strip_prefix(resource).is_some_and(|id| !id.is_empty() && !id.contains(char::is_whitespace))
}

/// The id of a hosted zone without what Route 53's API writes before it.
pub fn zone_id(text: &str) -> &str {
    text.trim_start_matches("/hostedzone/")
}

/// Whether a text is the id of a hosted zone (`ListHostedZones`).
pub fn is_zone_id(text: &str) -> bool {
    let id = zone_id(text);
    id.len() <= 32
        && id.starts_with('Z')
        && id.len() > 1
        && id.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(found: Option<Wrong>) -> Option<String> {
        found.and_then(|wrong| wrong.hint)
    }

    #[test]
    fn a_host_name_is_taken_as_rules_and_certificates_take_it() {
        let long = format!("{}.example.com", "a".repeat(63));
        for name in
            ["app.example.com", "*.example.com", "a-1.b.co.uk", "xn--bcher-kva.example", "x.xn--p1ai", &long]
        {
            assert_eq!(host(name), None, "{name}");
        }
        for name in [
            "",
            "localhost",
            "-a.example.com",
            "a-.example.com",
            "a..example.com",
            ".example.com",
            "a.*.example.com",
            "w*.example.com",
            "*",
            "10.0.0.1",
            "a_b.example.com",
            "a b.example.com",
            "bücher.example.com",
            "a.example.com\n",
        ] {
            assert!(host(name).is_some(), "{name}");
        }
        assert!(host(&format!("{}.example.com", "a".repeat(64))).is_some());
        assert!(host(&format!("{}example.com", "a23456789.".repeat(12))).is_some(), "131 characters");
    }

    #[test]
    fn a_web_address_leads_to_the_name_in_it() {
        for (given, write) in [
            ("https://app.example.com", "write `app.example.com`"),
            ("https://App.example.com:8443/api/x", "write `app.example.com`, and `/api/x` into `path`"),
            ("app.example.com/", "write `app.example.com`"),
            ("app.example.com:443", "write `app.example.com`"),
            ("app.example.com.", "write `app.example.com`"),
            ("App.Example.com", "write `app.example.com`"),
        ] {
            assert_eq!(hint(host(given)).as_deref(), Some(write), "{given}");
        }
    }

    #[test]
    fn a_path_pattern_begins_with_a_slash_or_a_star() {
        for path in ["/", "/api/*", "*.png", "/a?c", "/~user/x_y-z.$@:+&\"'"] {
            assert_eq!(pattern(path), None, "{path}");
        }
        for path in ["", "api", "/a b", "/a%20b", "/a#b", "/é", "https://example.com/api"] {
            assert!(pattern(path).is_some(), "{path}");
        }
        assert!(pattern(&format!("/{}", "a".repeat(127))).is_none());
        assert!(pattern(&format!("/{}", "a".repeat(128))).is_some());
        assert_eq!(hint(pattern("https://example.com/api")).as_deref(), Some("write only the path: `/api`"));
    }

    #[test]
    fn status_codes_are_codes_and_ranges_from_200_to_499() {
        for codes in ["200", "200,204", "200-299", "200-299,401", "200-499"] {
            assert_eq!(matcher(codes), None, "{codes}");
        }
        for codes in [
            "",
            "2xx",
            "200, 204",
            "200-",
            "299-200",
            "199",
            "200-500",
            "0200",
            "200;204",
            "+20",
            "200-299-400",
        ] {
            assert!(matcher(codes).is_some(), "{codes}");
        }
    }

    #[test]
    fn a_source_is_spelled_as_ec2_spells_it() {
        for range in [
            "0.0.0.0/0",
            "::/0",
            "203.0.113.0/24",
            "203.0.113.7/32",
            "2001:db8::/32",
            "sg-12345678",
            "pl-0123456789abcdef0",
        ] {
            assert_eq!(source(range), None, "{range}");
        }
        for (range, write) in [
            ("203.0.113.7/24", "write `203.0.113.0/24`"),
            ("2001:DB8:0::1/32", "write `2001:db8::/32`"),
            ("203.0.113.7", "for only this one write `203.0.113.7/32`"),
            ("203.0.113.0/024", "write `203.0.113.0/24`"),
        ] {
            assert_eq!(hint(source(range)).as_deref(), Some(write), "{range}");
        }
        for range in [
            "",
            "everybody",
            "10.0.0.0/33",
            "10.0.0/8",
            "::/129",
            "sg-web",
            "pl-x",
            "10.0.0.0/",
            "10.0.0.0/-1",
        ] {
            assert!(source(range).is_some(), "{range}");
        }
    }

    #[test]
    fn an_arn_is_of_its_service_in_every_partition() {
        let balancer = |partition: &str| {
            format!(
                "arn:{partition}:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/main/0123456789abcdef"
            )
        };
        for partition in ["aws", "aws-cn", "aws-us-gov"] {
            assert!(is_arn(&balancer(partition), "elasticloadbalancing", "loadbalancer/app/"));
        }
        assert!(!is_arn(&balancer("aws"), "elasticloadbalancing", "loadbalancer/net/"));
        assert!(!is_arn(&balancer("azure"), "elasticloadbalancing", "loadbalancer/app/"));
        assert!(is_arn("arn:aws:iam::123456789012:role/path/dns", "iam", "role/"));
        for text in [
            "",
            "dns",
            "arn:aws:iam::123456789012:role/",
            "arn:aws:iam::12:role/x",
            "arn:aws:iam::123456789012:user/x",
        ] {
            assert!(!is_arn(text, "iam", "role/"), "{text}");
        }
    }
}
