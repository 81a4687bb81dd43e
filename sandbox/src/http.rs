//! The plain HTTP messages that the models see: no framework type crosses this border.

use std::collections::BTreeMap;
use std::fmt::Write;

/// One request as received, with its body read whole.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Upper-case method.
    pub method: String,
    /// Percent-encoded path, without query.
    pub path: String,
    /// Query parameters, percent-decoded; the last of equal names wins.
    pub query: BTreeMap<String, String>,
    /// Header values by lower-case name.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
}

/// One answer.
#[derive(Debug, Clone, Default)]
pub struct Response {
    /// HTTP status code.
    pub status: u16,
    /// Header names and values, in order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// What a listener does with a request.
#[derive(Debug, Clone)]
pub enum Answer {
    /// Sends this answer.
    Reply(Response),
    /// Closes the connection without an answer.
    Drop,
}

impl Request {
    /// The value of a header, by its lower-case name; empty when absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The body as text; bytes that are not UTF-8 become U+FFFD.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Response {
    /// A JSON answer.
    pub fn json(status: u16, body: &serde_json::Value) -> Self {
        Self::text(status, "application/json; charset=utf-8", body.to_string())
    }

    /// An answer of the given media type.
    pub fn text(status: u16, content_type: &str, body: impl Into<String>) -> Self {
        Self {
            status,
            headers: vec![("content-type".into(), content_type.into())],
            body: body.into().into_bytes(),
        }
    }

    /// The value of the first header of this name, compared without case; empty when absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }
}

/// Decodes `%XX` and `+`, as in a query string or a form; malformed escapes stay as they are.
pub fn decode(text: &str) -> String {
    let mut bytes = text.as_bytes().iter();
    let mut out = Vec::with_capacity(text.len());
    while let Some(&byte) = bytes.next() {
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                if let Some((value, rest)) = hex(bytes.as_slice()) {
                    out.push(value);
                    bytes = rest.iter();
                } else {
                    out.push(b'%');
                }
            }
            other => out.push(other),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The byte that two hexadecimal digits stand for, and what follows them.
fn hex(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let (two, rest) = bytes.split_at_checked(2)?;
    let digits = std::str::from_utf8(two).ok().filter(|_| two.iter().all(u8::is_ascii_hexdigit))?;
    Some((u8::from_str_radix(digits, 16).ok()?, rest))
}

/// Encodes everything but unreserved characters as `%XX`.
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// Reads `a=1&b=2`: a query string or a form.
pub fn pairs(text: &str) -> BTreeMap<String, String> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(key), decode(value))
        })
        .collect()
}

/// Writes a form.
pub fn form<K: AsRef<str>, V: AsRef<str>>(pairs: &[(K, V)]) -> String {
    let parts: Vec<String> = pairs
        .iter()
        .map(|(key, value)| format!("{}={}", encode(key.as_ref()), encode(value.as_ref())))
        .collect();
    parts.join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_survives_a_round_trip() {
        let text = form(&[("Name.1", "a b&c=d"), ("Päth", "/x/%")]);
        let read = pairs(&text);
        assert_eq!(read.get("Name.1").map(String::as_str), Some("a b&c=d"));
        assert_eq!(read.get("Päth").map(String::as_str), Some("/x/%"));
    }

    #[test]
    fn a_malformed_escape_stays_as_it_is() {
        assert_eq!(decode("100%+a%2"), "100% a%2");
        assert_eq!(decode("%zz%41"), "%zzA");
    }
}
