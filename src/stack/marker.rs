//! Markers: the TXT record beside each DNS record of a stack that says whose it is. Pure.
//!
//! `app.example.com` of the stack `shop` in the zone `example.com` has the marker `app.shop._fargate-stack.example.com`. Route 53
//! sorts names by their reversed labels, so the markers of a stack in a zone follow each other.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::web::Zone;
use crate::model::Address;

/// The label below which all markers of a zone are.
const ROOT: &str = "_fargate-stack";
/// The label that stands for the zone's own name.
const APEX: &str = "_apex";
/// What a marker's text begins with: nobody else's TXT record is taken for one.
const HERITAGE: &str = "fargate-stack";
/// The longest string of a TXT record (RFC 1035, 3.3); a longer text is several.
const STRING_MAX: usize = 255;
/// The longest label of a name (RFC 1035, 2.3.4).
const LABEL_MAX: usize = 63;

/// What a marker says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    /// The stack's name.
    pub stack: String,
    /// Account and region of the stack, as [`scope`] tells them: a zone may serve stacks of several.
    pub scope: String,
    /// The address of the record in that stack.
    pub address: Address,
    /// The type of the record: `A`, `CNAME`.
    pub record_type: String,
    /// Where the stack let the record point, as [`digest`]: a record that somebody pointed elsewhere since is told by it.
    pub target: String,
}

impl Marker {
    /// Its text: one or several strings in quotation marks, as Route 53 takes them.
    pub fn text(&self) -> String {
        let Self { stack, scope, address, record_type, target } = self;
        let text = format!(
            "heritage={HERITAGE} stack={stack} address={address} type={record_type} scope={scope} target={target}"
        );
        let characters: Vec<char> = text.chars().collect();
        let strings = characters.chunks(STRING_MAX).map(|chunk| chunk.iter().collect::<String>());
        strings.map(|string| format!("\"{string}\"")).collect::<Vec<_>>().join(" ")
    }

    /// From its text; `None` when it is no marker.
    pub fn parse(text: &str) -> Option<Self> {
        // What is between quotation marks, without what separates the strings.
        let text: String = text.split('"').skip(1).step_by(2).collect();
        let part = |name: &str| text.split(' ').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
        part("heritage").filter(|heritage| *heritage == HERITAGE)?;
        Some(Self {
            stack: part("stack")?.to_owned(),
            scope: part("scope")?.to_owned(),
            address: part("address")?.parse().ok()?,
            record_type: part("type")?.to_owned(),
            target: part("target")?.to_owned(),
        })
    }
}

/// The name of the marker of a record (both without the dot at the end).
pub fn name(record: &str, stack: &str, zone: &Zone) -> String {
    format!("{}.{}", relative(record, zone), below(stack, zone))
}

/// The name below which the markers of a stack are in a zone.
pub fn below(stack: &str, zone: &Zone) -> String {
    format!("{}.{}", label(stack), root(zone))
}

/// The name below which the markers of all stacks are in a zone.
pub fn root(zone: &Zone) -> String {
    format!("{ROOT}.{}", zone.name)
}

/// The record that a marker of this name is for, whatever its stack is; `None` when it is no name of a marker.
pub fn record(marker: &str, zone: &Zone) -> Option<String> {
    let (relative, _stack) = marker.strip_suffix(&format!(".{}", root(zone)))?.rsplit_once('.')?;
    Some(match relative.split_once('.') {
        _ if relative == APEX => zone.name.clone(),
        Some(("_", rest)) => format!("*.{rest}.{}", zone.name),
        _ if relative == "_" => format!("*.{}", zone.name),
        _ => format!("{relative}.{}", zone.name),
    })
}

/// Account and region of a stack, unreadable: names in public zones are public.
pub fn scope(account: &str, region: &str) -> String {
    digest(&format!("{account}/{region}"))
}

/// Twelve hexadecimal digits that tell a text from others.
pub fn digest(text: &str) -> String {
    let mut digest = String::new();
    for byte in Sha256::digest(text).iter().take(6) {
        // Writing to a string does not fail.
        let _ = write!(digest, "{byte:02x}");
    }
    digest
}

/// A DNS name in the form in which equal names are equal: lower case, no dot at the end, and Route 53's escapes (`\052` is `*`)
/// undone.
pub fn plain(name: &str) -> String {
    let mut plain = String::new();
    let mut rest = name.strip_suffix('.').unwrap_or(name);
    while let Some((before, after)) = rest.split_once('\\') {
        plain.push_str(before);
        if let Some(code) = after.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            plain.push(char::from(code));
            rest = after.get(3..).unwrap_or_default();
        } else {
            plain.push('\\');
            rest = after;
        }
    }
    plain.push_str(rest);
    plain.to_lowercase()
}

fn relative(record: &str, zone: &Zone) -> String {
    let relative = match record.strip_suffix(zone.name.as_str()) {
        Some("") => APEX,
        Some(rest) => rest.trim_end_matches('.'),
        None => record,
    };
    match relative.strip_prefix('*') {
        Some(rest) => format!("_{rest}"),
        None => relative.to_owned(),
    }
}

/// A stack's name as a label: in lower case, as Route 53 keeps it; what is too long is cut and told apart by a digest.
fn label(stack: &str) -> String {
    if stack.len() <= LABEL_MAX {
        return stack.to_lowercase();
    }
    let digest = digest(stack);
    let start: String = stack.chars().take(LABEL_MAX - digest.len() - 1).collect();
    format!("{}-{digest}", start.to_lowercase())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn zone() -> Zone {
        Zone { id: "Z1".to_owned(), name: "example.com".to_owned() }
    }

    fn marker(address: &str) -> Marker {
        Marker {
            stack: "shop".to_owned(),
            scope: scope("123456789012", "eu-west-1"),
            address: Address::new("dns_record", address),
            record_type: "A".to_owned(),
            target: digest("main-1.eu-west-1.elb.amazonaws.com"),
        }
    }

    #[test]
    fn the_name_of_a_marker_leads_back_to_its_record() {
        for (record, expected) in [
            ("app.example.com", "app.shop._fargate-stack.example.com"),
            ("a.b.example.com", "a.b.shop._fargate-stack.example.com"),
            ("example.com", "_apex.shop._fargate-stack.example.com"),
            ("*.example.com", "_.shop._fargate-stack.example.com"),
            ("*.app.example.com", "_.app.shop._fargate-stack.example.com"),
            ("_0a1b.app.example.com", "_0a1b.app.shop._fargate-stack.example.com"),
        ] {
            let name = name(record, "Shop", &zone());
            assert_eq!(name, expected);
            assert_eq!(super::record(&name, &zone()).as_deref(), Some(record));
        }
        assert_eq!(super::record("app.example.com", &zone()), None);
        assert_eq!(super::record("_fargate-stack.example.com", &zone()), None);
    }

    #[test]
    fn a_marker_prints_and_parses_back_however_long_it_is() {
        for address in ["app.example.com".to_owned(), format!("{}.example.com", "a.".repeat(100))] {
            let marker = marker(&address.replace("..", "."));
            for string in marker.text().split('"').filter(|string| *string != " ") {
                assert!(string.len() <= STRING_MAX, "{string}");
            }
            assert_eq!(Marker::parse(&marker.text()), Some(marker));
        }
        insta::assert_snapshot!(marker("app.example.com").text(), @r#""heritage=fargate-stack stack=shop address=dns_record.app.example.com type=A scope=8365695b0947 target=506c8217cbd4""#);
    }

    #[test]
    fn a_text_of_somebody_else_is_no_marker() {
        for text in [
            "",
            "\"v=spf1 -all\"",
            "\"heritage=external-dns,external-dns/owner=x\"",
            "heritage=fargate-stack",
        ] {
            assert_eq!(Marker::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_stack_name_of_any_length_is_one_label() {
        let (one, two) = (format!("{}1", "a".repeat(199)), format!("{}2", "a".repeat(199)));
        assert!(label(&one).len() <= LABEL_MAX);
        assert_ne!(label(&one), label(&two));
        assert_eq!(label("My_App-1"), "my_app-1");
    }

    #[test]
    fn names_compare_without_case_dot_and_escapes() {
        assert_eq!(plain("\\052.Example.com."), "*.example.com");
        assert_eq!(plain("a\\q.example.com"), "a\\q.example.com");
        assert_eq!(plain("a\\"), "a\\");
    }
}
