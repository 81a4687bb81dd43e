//! Names of zones and records: stored in lower case with their trailing dot, shown as Route 53 escapes them.

/// A name as it is stored: in lower case, with trailing dot, `\052` as `*`.
pub fn stored(given: &str) -> String {
    let mut name = String::new();
    let mut rest = given;
    while let Some(first) = rest.chars().next() {
        let code = rest.strip_prefix('\\').and_then(|rest| rest.get(..3));
        if let Some(byte) = code.and_then(|code| u8::from_str_radix(code, 8).ok()) {
            name.push(char::from(byte));
            rest = rest.get(4..).unwrap_or_default();
        } else {
            name.push(first.to_ascii_lowercase());
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
        }
    }
    if !name.ends_with('.') {
        name.push('.');
    }
    name
}

/// A name as Route 53 shows it: what is not a letter, digit, `-`, `_` or `.` is escaped, so `*` is `\052`.
pub fn shown(name: &str) -> String {
    name.chars().fold(String::new(), |mut out, c| {
        if c.is_ascii_alphanumeric() || "-_.".contains(c) {
            out.push(c);
        } else {
            let code = u32::from(c);
            out.push('\\');
            out.extend([code >> 6, code >> 3, code].map(|part| char::from_digit(part & 7, 8).unwrap_or('0')));
        }
        out
    })
}

/// What names are sorted by: the labels reversed, each with its dot (`ListResourceRecordSets` of the API).
pub fn order(name: &str) -> String {
    name.trim_end_matches('.').rsplit('.').fold(String::new(), |all, label| format!("{all}{label}."))
}

/// Whether a stored name lies in a zone.
pub fn is_within(name: &str, zone: &str) -> bool {
    name == zone || name.strip_suffix(zone).is_some_and(|rest| rest.ends_with('.'))
}

/// Whether a stored name can be a name at all.
pub fn is_legal(name: &str) -> bool {
    let bare = name.trim_end_matches('.');
    bare.len() <= 253 && bare.split('.').all(|label| (1..=63).contains(&label.len()))
}
