//! Just enough XML for the answers of AWS: reading the text of elements, and writing values.

use serde_json::Value;

/// Escapes text for an element or an attribute.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// An element that holds a value: members of an object are children, items of a list are children that `item` names
/// by the list's own name. What is null is left out.
pub fn element(name: &str, value: &Value, item: fn(&str) -> &str) -> String {
    let inner = match value {
        Value::Null => return String::new(),
        Value::String(text) => escape(text),
        Value::Array(items) => items.iter().map(|one| element(item(name), one, item)).collect(),
        Value::Object(members) => members.iter().map(|(name, one)| element(name, one, item)).collect(),
        other => other.to_string(),
    };
    format!("<{name}>{inner}</{name}>")
}

/// The inner text of every element of this name, outermost first come first; the name is without attributes.
pub fn all<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((inner, after)) = next(rest, name) {
        found.push(inner);
        rest = after;
    }
    found
}

/// The inner text of the first element of this name, unescaped.
pub fn first(text: &str, name: &str) -> Option<String> {
    next(text, name).map(|(inner, _)| unescape(inner))
}

/// The children of an element's inner text that have this name, with nesting of the same name kept whole.
fn next<'a>(text: &'a str, name: &str) -> Option<(&'a str, &'a str)> {
    let open = format!("<{name}>");
    let open_with_attributes = format!("<{name} ");
    let close = format!("</{name}>");
    let start = match (text.find(&open), text.find(&open_with_attributes)) {
        (Some(plain), Some(other)) => plain.min(other),
        (plain, other) => plain.or(other)?,
    };
    let inner_start = start + text.get(start..)?.find('>')? + 1;
    let mut depth = 1_usize;
    let mut at = inner_start;
    loop {
        let rest = text.get(at..)?;
        let end = rest.find(&close)?;
        if let Some(inner) = rest.find(&open).filter(|inner| *inner < end) {
            depth += 1;
            at += inner + open.len();
            continue;
        }
        depth -= 1;
        if depth == 0 {
            let inner = text.get(inner_start..at + end)?;
            return Some((inner, text.get(at + end + close.len()..)?));
        }
        at += end + close.len();
    }
}

/// Undoes the escapes that AWS uses.
fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_elements_of_one_name_are_read_whole() {
        let text =
            "<set><item><id>a</id><tags><item><k>1</k></item></tags></item><item><id>b</id></item></set>";
        let items = all(text, "item");
        assert_eq!(items.len(), 2);
        assert_eq!(items.iter().filter_map(|item| first(item, "id")).collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn members_and_items_are_elements() {
        let value = serde_json::json!({"A": [{"B": "<"}, {"B": 1}], "C": null, "D": [], "E": true});
        assert_eq!(
            element("R", &value, |_| "member"),
            "<R><A><member><B>&lt;</B></member><member><B>1</B></member></A><D></D><E>true</E></R>"
        );
    }

    #[test]
    fn attributes_and_escapes_are_understood() {
        assert_eq!(
            first("<R xmlns=\"x\"><A>1 &lt; 2 &amp;amp;</A></R>", "R").as_deref(),
            Some("<A>1 < 2 &amp;</A>")
        );
        assert_eq!(first("<A>1 &lt; 2</A>", "A").as_deref(), Some("1 < 2"));
        assert_eq!(escape("a<b & \"c\""), "a&lt;b &amp; &quot;c&quot;");
    }
}
