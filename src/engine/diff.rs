//! The difference of two attribute values in the same normal form.
//!
//! At the top level the wanted side owns the keys that it writes; below an owned key everything is owned. What is special
//! about a kind comes as data ([`Rules`]).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::model::{AttrChange, Rules};

/// What an update has to change; empty when nothing.
pub fn changed(rules: &Rules, seen: &Value, want: &Value) -> Vec<AttrChange> {
    let mut found = Vec::new();
    let nothing = serde_json::Map::new();
    let seen = seen.as_object().unwrap_or(&nothing);
    for (key, wanted) in want.as_object().unwrap_or(&nothing) {
        compare(rules, &mut vec![key.clone()], seen.get(key), Some(wanted), &mut found);
    }
    found.retain(|change| !covered(rules.create_only, &segments(&change.path)));
    if found.iter().all(|change| covered(rules.passive, &segments(&change.path))) {
        found.clear();
    }
    found
}

/// All attributes of something that will be made.
pub fn created(rules: &Rules, want: &Value) -> Vec<AttrChange> {
    let mut found = Vec::new();
    for (key, wanted) in want.as_object().into_iter().flatten() {
        leaves(rules, &mut vec![key.clone()], wanted, &mut found);
    }
    found
}

/// The leaves of a value at a path. One that is empty is a leaf itself.
pub fn flat(path: &str, value: &Value) -> BTreeMap<String, Value> {
    match fields(value) {
        Some(fields) if !fields.is_empty() => fields
            .iter()
            .filter(|(_, value)| !value.is_null())
            .flat_map(|(key, value)| flat(&format!("{path}.{key}"), value))
            .collect(),
        _ => BTreeMap::from([(path.to_owned(), value.clone())]),
    }
}

/// Whether a path is covered by one of the rules; `*` in a rule stands for any one segment.
pub fn covered(rules: &[&str], path: &[String]) -> bool {
    rules.iter().any(|rule| {
        let mut path = path.iter();
        rule.split('.').all(|part| path.next().is_some_and(|segment| part == "*" || part == segment))
    })
}

/// Whether one of the rules is about something below a path.
fn reached(rules: &[&str], path: &[String]) -> bool {
    rules.iter().any(|rule| {
        let mut parts = rule.split('.');
        path.iter().all(|segment| parts.next().is_some_and(|part| part == "*" || part == segment))
            && parts.next().is_some()
    })
}

/// The segments of a path. Separated by U+001F inside the engine would be exact; a dot inside a segment only widens what a
/// rule with `*` covers, never narrows it.
pub fn segments(path: &str) -> Vec<String> {
    path.split('.').map(str::to_owned).collect()
}

fn compare(
    rules: &Rules,
    path: &mut Vec<String>,
    seen: Option<&Value>,
    want: Option<&Value>,
    found: &mut Vec<AttrChange>,
) {
    let seen = seen.filter(|value| !value.is_null());
    let want = want.filter(|value| !value.is_null());
    if seen == want {
        return;
    }
    // A part that comes or goes whole is opened too where a rule reaches into it: a rule for a field must hold however the
    // field comes.
    let opened = |side: Option<&Value>, other: Option<&Value>| match side {
        Some(value) => fields(value),
        None if reached(rules.sensitive, path) || reached(rules.release, path) => {
            other.and(Some(BTreeMap::new()))
        }
        None => None,
    };
    match (opened(seen, want), opened(want, seen)) {
        (Some(seen), Some(want)) => {
            let mut keys: BTreeSet<&String> = want.keys().collect();
            if !covered(rules.shared, path) {
                keys.extend(seen.keys());
            }
            for key in keys {
                path.push(key.clone());
                compare(rules, path, seen.get(key), want.get(key), found);
                path.pop();
            }
        }
        _ => found.push(change(rules, path, seen, want)),
    }
}

fn leaves(rules: &Rules, path: &mut Vec<String>, want: &Value, found: &mut Vec<AttrChange>) {
    match fields(want) {
        Some(fields) => {
            for (key, value) in fields {
                path.push(key);
                leaves(rules, path, &value, found);
                path.pop();
            }
        }
        None if want.is_null() => {}
        None => found.push(change(rules, path, None, Some(want))),
    }
}

/// The parts of a value that are compared one by one: the fields of an object, the elements of a list in which each has an
/// identity of its own. Everything else is compared whole, references too.
fn fields(value: &Value) -> Option<BTreeMap<String, Value>> {
    match value {
        Value::Object(object) if !object.contains_key("$ref") => {
            Some(object.iter().map(|(key, value)| (key.clone(), value.clone())).collect())
        }
        Value::Array(items) if !items.is_empty() => {
            let told_apart: BTreeMap<String, Value> =
                items.iter().filter_map(|item| Some((identity(item)?, item.clone()))).collect();
            (told_apart.len() == items.len()).then_some(told_apart)
        }
        _ => None,
    }
}

/// What tells an element of a list from the others: its name, or in a policy the actions of a statement. A reader then sees
/// which statement changes in what, and not two policies.
fn identity(item: &Value) -> Option<String> {
    if let Some(name) = item.get("name") {
        return name.as_str().map(str::to_owned);
    }
    let actions: Option<Vec<&str>> = item.get("Action")?.as_array()?.iter().map(Value::as_str).collect();
    actions.map(|actions| actions.join(","))
}

fn change(rules: &Rules, path: &[String], before: Option<&Value>, after: Option<&Value>) -> AttrChange {
    AttrChange {
        path: path.join("."),
        before: before.cloned(),
        after: after.cloned(),
        forces_replace: covered(rules.replace_on, path),
        sensitive: covered(rules.sensitive, path),
        release: false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    fn paths(changes: &[AttrChange]) -> Vec<&str> {
        changes.iter().map(|change| change.path.as_str()).collect()
    }

    #[test]
    fn equal_values_have_no_difference() {
        let value = json!({"a": [1, 2], "b": {"c": null}});
        assert_eq!(changed(&Rules::new(""), &value, &value), vec![]);
    }

    #[test]
    fn a_key_that_only_the_world_has_is_not_ours_at_the_top_but_is_below() {
        let seen = json!({"foreign": 1, "owned": {"extra": 1, "same": 2}});
        let want = json!({"owned": {"same": 2}});
        let changes = changed(&Rules::new(""), &seen, &want);
        assert_eq!(paths(&changes), ["owned.extra"]);
        assert_eq!(changes[0].after, None);
    }

    #[test]
    fn a_rule_for_a_field_holds_also_when_the_whole_that_holds_it_comes_or_goes() {
        let rules = Rules { sensitive: &["containers.*.environment.*"], ..Rules::new("") };
        let with = json!({"containers": [{"name": "web", "environment": {"A": "secret"}}]});
        let without = json!({"containers": [{"name": "web"}]});
        let other = json!({"containers": [{"name": "other"}]});
        for (seen, want) in
            [(&without, &with), (&with, &without), (&other, &with), (&with, &other), (&json!({}), &with)]
        {
            let changes = changed(&rules, seen, want);
            let telling: Vec<&AttrChange> = changes
                .iter()
                .filter(|change| format!("{:?}{:?}", change.before, change.after).contains("secret"))
                .collect();
            assert_eq!(telling.len(), 1, "{changes:?}");
            assert!(telling.iter().all(|change| change.sensitive), "{changes:?}");
        }
    }

    #[test]
    fn others_may_add_keys_to_a_shared_map() {
        let seen = json!({"tags": {"theirs": "x", "ours": "old"}});
        let want = json!({"tags": {"ours": "new"}});
        assert_eq!(paths(&changed(&Rules::new(""), &seen, &want)), ["tags.ours"]);
    }

    #[test]
    fn null_and_absent_are_the_same() {
        assert_eq!(changed(&Rules::new(""), &json!({}), &json!({"a": null})), vec![]);
        assert_eq!(changed(&Rules::new(""), &json!({"a": null}), &json!({"a": {}})).len(), 1);
    }

    #[test]
    fn named_list_elements_are_compared_by_name() {
        let seen = json!({"containers": [{"name": "side", "cpu": 1}, {"name": "web", "cpu": 1}]});
        let want = json!({"containers": [{"name": "web", "cpu": 2}]});
        let changes = changed(&Rules::new(""), &seen, &want);
        assert_eq!(paths(&changes), ["containers.side", "containers.web.cpu"]);
        assert_eq!(changes[0].after, None);
    }

    #[test]
    fn statements_of_a_policy_are_compared_by_their_actions() {
        let policy = |task: &str| {
            let run = json!({"Effect": "Allow", "Action": ["ecs:RunTask"], "Resource": [task]});
            json!({"Statement": [{"Effect": "Allow", "Action": ["a:B", "a:C"], "Resource": ["*"]}, run]})
        };
        let changes = changed(&Rules::new(""), &policy("old"), &policy("new"));
        assert_eq!(paths(&changes), ["Statement.ecs:RunTask.Resource"]);
        let twice = json!({"Statement": [{"Action": ["a:B"]}, {"Action": ["a:B"]}]});
        assert_eq!(paths(&changed(&Rules::new(""), &twice, &policy("new"))), ["Statement"]);
    }

    #[test]
    fn a_plain_list_changes_whole() {
        let changes = changed(&Rules::new(""), &json!({"subnets": ["a"]}), &json!({"subnets": ["a", "b"]}));
        assert_eq!(paths(&changes), ["subnets"]);
    }

    #[test]
    fn what_is_sent_on_creation_only_is_never_compared_again() {
        let rules = Rules { create_only: &["desired_count"], ..Rules::new("") };
        assert_eq!(changed(&rules, &json!({"desired_count": 9}), &json!({"desired_count": 1})), vec![]);
        assert_eq!(paths(&created(&rules, &json!({"desired_count": 1}))), ["desired_count"]);
    }

    #[test]
    fn a_passive_attribute_is_told_but_never_causes_a_change() {
        let rules = Rules { passive: &["release"], ..Rules::new("") };
        let seen = json!({"cpu": 1, "release": {"tag": "a"}});
        assert_eq!(changed(&rules, &seen, &json!({"cpu": 1, "release": {"tag": "b"}})), vec![]);
        let both = changed(&rules, &seen, &json!({"cpu": 2, "release": {"tag": "b"}}));
        assert_eq!(paths(&both), ["cpu", "release.tag"]);
    }

    #[test]
    fn a_rule_covers_everything_below_its_path_and_a_star_any_segment() {
        let path = segments("containers.web.environment.A");
        assert!(covered(&["containers.*.environment"], &path));
        assert!(covered(&["containers"], &path));
        assert!(!covered(&["containers.*.image"], &path));
        assert!(!covered(&["containers.*.environment.A.deeper"], &path));
    }

    #[test]
    fn a_reference_is_one_value() {
        let want = json!({"group": {"$ref": "security_group.tasks", "output": "id"}});
        let changes = changed(&Rules::new(""), &json!({"group": "sg-1"}), &want);
        assert_eq!(paths(&changes), ["group"]);
        assert_eq!(changes[0].after, Some(want["group"].clone()));
    }

    #[test]
    fn the_result_forces_a_replacement_and_is_sensitive_as_the_rules_say() {
        let rules = Rules { replace_on: &["vpc"], sensitive: &["env"], ..Rules::new("") };
        let changes =
            changed(&rules, &json!({"vpc": 1, "env": {"A": 1}}), &json!({"vpc": 2, "env": {"A": 2}}));
        assert_eq!(
            changes.iter().map(|c| (c.path.as_str(), c.forces_replace, c.sensitive)).collect::<Vec<_>>(),
            [("vpc", true, false), ("env.A", false, true)]
        );
    }

    proptest::proptest! {
        #[test]
        fn a_value_never_differs_from_itself(text in "[a-c]{0,3}", number in 0_i32..4, list in proptest::collection::vec(0_i32..3, 0..4)) {
            let value = json!({"t": text, "m": {"n": number, "l": list.clone()}, "o": list.iter().map(|i| json!({"name": i.to_string()})).collect::<Vec<_>>()});
            proptest::prop_assert!(changed(&Rules::new(""), &value, &value).is_empty());
        }
    }
}
