//! The fields of an awsQuery form as one value, and its answer.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::http::Response;
use crate::xml;

/// One place in the tree of names.
#[derive(Default)]
struct Node {
    text: Option<String>,
    children: BTreeMap<String, Node>,
}

/// The fields `A.member.1.B` of a form as `{"A": [{"B": …}]}`; all leaves are texts.
pub fn nested(fields: &Value) -> Value {
    let mut root = Node::default();
    for (name, value) in fields.as_object().into_iter().flatten() {
        let mut node = &mut root;
        for part in name.split('.') {
            node = node.children.entry(part.to_owned()).or_default();
        }
        node.text = value.as_str().map(str::to_owned);
    }
    root.value()
}

impl Node {
    fn value(mut self) -> Value {
        if let Some(members) = self.children.remove("member") {
            let mut items: Vec<(u64, Node)> = members
                .children
                .into_iter()
                .map(|(number, node)| (number.parse().unwrap_or(u64::MAX), node))
                .collect();
            items.sort_by_key(|(number, _)| *number);
            return Value::Array(items.into_iter().map(|(_, node)| node.value()).collect());
        }
        match self.text {
            Some(text) if self.children.is_empty() => Value::String(text),
            _ => Value::Object(
                self.children.into_iter().map(|(name, node)| (name, node.value())).collect::<Map<_, _>>(),
            ),
        }
    }
}

/// The answer of an operation; nothing is an empty result.
pub fn answer(namespace: &str, operation: &str, result: &Value) -> Response {
    let inner = xml::element(&format!("{operation}Result"), result, |_| "member");
    let text = format!(
        "<{operation}Response xmlns=\"{namespace}\">{inner}<ResponseMetadata>\
         <RequestId>00000000-0000-4000-8000-000000000000</RequestId></ResponseMetadata></{operation}Response>"
    );
    Response::text(200, "text/xml", text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_of_fields_are_paths() {
        let fields = json!({
            "Name": "web", "Subnets.member.2": "b", "Subnets.member.10": "c", "Subnets.member.1": "a",
            "Actions.member.1.ForwardConfig.TargetGroups.member.1.TargetGroupArn": "arn", "Tags": "",
        });
        let expected = json!({
            "Actions": [{"ForwardConfig": {"TargetGroups": [{"TargetGroupArn": "arn"}]}}],
            "Name": "web", "Subnets": ["a", "b", "c"], "Tags": "",
        });
        assert_eq!(nested(&fields), expected);
    }
}
