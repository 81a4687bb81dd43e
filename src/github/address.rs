//! Addresses: which ones a token may be sent to, and names of others in paths.

use std::fmt::Write as _;

use super::error::GithubError;

/// What an error of the set-up names as the call.
pub(super) const CONNECT_OP: &str = "connect to GitHub";

/// A name that can stand in a path as it is.
pub(super) fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !name.is_empty() && name.bytes().all(plain) && !matches!(name, "." | "..")
}

/// An address without a slash at its end, when it is one that a token may be sent to.
pub(super) fn checked(url: &str, variable: &str) -> Result<String, GithubError> {
    let refuse = |why: &str| {
        GithubError::setup(
            CONNECT_OP,
            format!("{variable} `{url}` {why}"),
            "use the value that the runner sets",
        )
    };
    let (scheme, rest) = url.split_once("://").ok_or_else(|| refuse("is not an address"))?;
    let authority = rest.split('/').next().unwrap_or_default();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/:[]".contains(&byte);
    if authority.is_empty() || !rest.bytes().all(plain) {
        return Err(refuse("is not a plain address"));
    }
    match scheme {
        "https" => {}
        "http" if is_loopback(authority) => {}
        "http" => return Err(refuse("is not https")),
        _ => return Err(refuse("is not an address of the web")),
    }
    Ok(url.trim_end_matches('/').into())
}

/// Whether `host:port` is this machine.
fn is_loopback(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Scheme and authority of an address.
pub(super) fn origin(url: &str) -> &str {
    let start = url.find("://").map_or(0, |at| at + 3);
    let end = url.get(start..).and_then(|rest| rest.find('/')).map_or(url.len(), |at| start + at);
    url.get(..end).unwrap_or(url)
}

/// A name of somebody's choice as one segment of a path: percent-encoded, slashes too. Names that a server would take
/// for a place in the path are refused.
pub(super) fn segment(op: &str, name: &str) -> Result<String, GithubError> {
    if matches!(name, "" | "." | "..") {
        return Err(GithubError::setup(op, format!("`{name}` is not a name"), "name what is meant"));
    }
    Ok(encoded(name))
}

/// Text as a part of a path or a query: all but letters, digits and `-_.~` percent-encoded.
pub(super) fn encoded(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut all, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            all.push(char::from(byte));
        } else {
            let _ = write!(all, "%{byte:02X}");
        }
        all
    })
}

/// The address that a `Link` header names as the next page.
pub(super) fn next_page(link: &str) -> Option<String> {
    link.split(',').find_map(|entry| {
        let (address, parameters) = entry.split_once(';')?;
        let is_next = parameters.split(';').any(|parameter| {
            matches!(parameter.trim().split_once('='), Some(("rel", rel)) if rel.trim_matches('"') == "next")
        });
        let address = address.trim().strip_prefix('<')?.strip_suffix('>')?;
        is_next.then(|| address.to_owned())
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn names_cannot_leave_their_segment() {
        for (name, wanted) in [
            ("production", "production"),
            ("eu/prod 1", "eu%2Fprod%201"),
            ("../../user?x=1#y", "..%2F..%2Fuser%3Fx%3D1%23y"),
            ("octo[bot]", "octo%5Bbot%5D"),
            ("grün%2F", "gr%C3%BCn%252F"),
            ("a\r\nx: y", "a%0D%0Ax%3A%20y"),
        ] {
            assert_eq!(segment("op", name).unwrap(), wanted);
        }
        for name in ["", ".", ".."] {
            assert!(segment("op", name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn the_next_page_is_found_among_the_links() {
        let link = "<https://h/x?page=1>; rel=\"prev\", <https://h/x?page=3>; rel=\"next\", <https://h/x?page=9>; rel=\"last\"";
        assert_eq!(next_page(link).as_deref(), Some("https://h/x?page=3"));
        for link in ["", "<https://h/x>; rel=\"last\"", "nonsense", "https://h/x; rel=next", "<a>"] {
            assert_eq!(next_page(link), None, "{link}");
        }
    }
}
