//! How a repository treats the images that a plan pins: tags that can move, and lifecycle rules that remove images.

use aws_sdk_ecr::types::{ImageTagMutability, Repository};
use serde_json::Value;

use super::commit;
use super::registry::{Held, Registry, client};
use crate::aws::{Aws, call};

/// The IAM actions of this file. Who may not ask is told nothing.
pub const READS: &[&str] = &["ecr:DescribeRepositories", "ecr:GetLifecyclePolicy"];

/// What the reader should know of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upkeep {
    /// The tag that was looked for can be given to another image.
    pub movable: bool,
    /// The lifecycle rule that may remove the image, in words.
    pub removed_by: Option<String>,
}

/// Reads how a repository treats an image.
pub async fn read(aws: &Aws, registry: &Registry, repository: &str, held: &Held) -> Upkeep {
    let ecr = client(aws, &registry.region);
    let settings = ecr.describe_repositories().registry_id(&registry.account).repository_names(repository);
    let policy = ecr.get_lifecycle_policy().registry_id(&registry.account).repository_name(repository);
    let (settings, policy) = tokio::join!(
        call("ecr:DescribeRepositories", settings.send()),
        call("ecr:GetLifecyclePolicy", policy.send()),
    );
    let settings = settings.ok().and_then(|found| found.repositories.unwrap_or_default().into_iter().next());
    let movable = match (&settings, &held.tag) {
        (Some(settings), Some(tag)) => is_movable(settings, tag),
        _ => false,
    };
    let policy = policy.ok().and_then(|found| found.lifecycle_policy_text);
    let policy: Value = policy.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    let loses_its_tag = movable && held.tags.iter().all(|tag| commit::of(tag).is_none());
    Upkeep { movable, removed_by: remover(&policy, &held.tags, loses_its_tag) }
}

/// Whether another image may get this tag (`imageTagMutability` with its exclusion filters).
fn is_movable(settings: &Repository, tag: &str) -> bool {
    let mut filters = settings.image_tag_mutability_exclusion_filters().iter();
    let mut excluded = || filters.any(|one| matches(one.filter(), tag));
    match settings.image_tag_mutability() {
        Some(ImageTagMutability::Mutable) => true,
        Some(ImageTagMutability::MutableWithExclusion) => !excluded(),
        Some(ImageTagMutability::ImmutableWithExclusion) => excluded(),
        _ => false,
    }
}

/// The first rule of a lifecycle policy that may remove an image with these tags.
///
/// Rules apply in the order of their priority, and the first that selects an image decides about it
/// (Amazon ECR User Guide, lifecycle policies).
fn remover(policy: &Value, tags: &[String], loses_its_tag: bool) -> Option<String> {
    let mut rules: Vec<&Value> = policy.get("rules")?.as_array()?.iter().collect();
    rules.sort_by_key(|rule| rule.get("rulePriority").and_then(Value::as_u64).unwrap_or(u64::MAX));
    let rule = rules.into_iter().find(|rule| {
        let Some(selection) = rule.get("selection") else { return false };
        let list = |key: &str| -> Option<Vec<&str>> {
            Some(selection.get(key)?.as_array()?.iter().filter_map(Value::as_str).collect())
        };
        match selection.get("tagStatus").and_then(Value::as_str) {
            Some("any") => true,
            Some("untagged") => loses_its_tag,
            // An image is selected when it has a tag for each prefix, or for each pattern.
            Some("tagged") => match (list("tagPatternList"), list("tagPrefixList")) {
                (Some(patterns), _) if !patterns.is_empty() => {
                    patterns.iter().all(|pattern| tags.iter().any(|tag| matches(pattern, tag)))
                }
                (_, Some(prefixes)) if !prefixes.is_empty() => {
                    prefixes.iter().all(|prefix| tags.iter().any(|tag| tag.starts_with(prefix)))
                }
                _ => false,
            },
            _ => false,
        }
    })?;
    let expires = rule.pointer("/action/type").and_then(Value::as_str) == Some("expire");
    let selection = rule.get("selection")?;
    let text = |key: &str| selection.get(key).and_then(Value::as_str);
    let number = selection.get("countNumber").and_then(Value::as_u64)?;
    let when = match text("countType") {
        Some("imageCountMoreThan") => format!("keeps {number} images"),
        Some("sinceImagePushed") => {
            format!("keeps images for {number} {}", text("countUnit").unwrap_or("days"))
        }
        Some("sinceImagePulled") => {
            format!("keeps images for {number} {} after their last pull", text("countUnit").unwrap_or("days"))
        }
        _ => return None,
    };
    let priority = rule.get("rulePriority").and_then(Value::as_u64).unwrap_or_default();
    let untagged = if text("tagStatus") == Some("untagged") { ", of those without a tag" } else { "" };
    let what = if expires { "" } else { ", and archives the others" };
    Some(format!("rule {priority} {when}{untagged}{what}"))
}

/// A tag and a pattern with `*` for any number of characters.
fn matches(pattern: &str, tag: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(rest) = parts.next().and_then(|first| tag.strip_prefix(first)) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    let mut rest = rest;
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn removed(rules: &Value, tags: &[&str], loses_its_tag: bool) -> Option<String> {
        let tags: Vec<String> = tags.iter().map(|tag| (*tag).to_owned()).collect();
        remover(&json!({"rules": rules}), &tags, loses_its_tag)
    }

    fn rule(priority: u64, selection: Value) -> Value {
        let mut selection = selection;
        let more = json!({"countType": "imageCountMoreThan", "countNumber": 10});
        if let (Some(fields), Some(more)) = (selection.as_object_mut(), more.as_object()) {
            fields.extend(more.clone());
        }
        json!({"rulePriority": priority, "selection": selection, "action": {"type": "expire"}})
    }

    #[test]
    fn a_pattern_has_stars() {
        for (pattern, tag, fits) in [
            ("v1", "v1", true),
            ("v1", "v10", false),
            ("v*", "v10", true),
            ("*", "", true),
            ("*-rc*", "v1-rc2", true),
            ("a*a", "a", false),
            ("prod*web*", "prod-web", true),
            ("prod*web*x", "prod-web", false),
        ] {
            assert_eq!(matches(pattern, tag), fits, "{pattern} {tag}");
        }
    }

    #[test]
    fn a_rule_for_all_or_for_the_images_tag_may_remove_it() {
        let sha = "0123456789abcdef0123456789abcdef01234567";
        for (selection, is_removed) in [
            (json!({"tagStatus": "any"}), true),
            (json!({"tagStatus": "untagged"}), false),
            (json!({"tagStatus": "tagged", "tagPrefixList": ["0123"]}), true),
            (json!({"tagStatus": "tagged", "tagPrefixList": ["0123", "prod"]}), false),
            (json!({"tagStatus": "tagged", "tagPatternList": ["*4567"]}), true),
            (json!({"tagStatus": "tagged", "tagPatternList": ["prod*"]}), false),
            (json!({"tagStatus": "tagged"}), false),
            (json!({}), false),
        ] {
            let rules = json!([rule(1, selection.clone())]);
            assert_eq!(removed(&rules, &[sha], false).is_some(), is_removed, "{selection}");
        }
    }

    #[test]
    fn a_tag_that_moves_leaves_its_image_to_the_rule_for_untagged_ones() {
        let rules = json!([rule(3, json!({"tagStatus": "untagged"}))]);
        let told = removed(&rules, &["latest"], true);
        assert_eq!(told.as_deref(), Some("rule 3 keeps 10 images, of those without a tag"));
    }

    #[test]
    fn the_rule_of_the_lowest_priority_is_told_and_nonsense_is_not() {
        let rules = json!([rule(2, json!({"tagStatus": "any"})), {
            "rulePriority": 1,
            "selection": {"tagStatus": "any", "countType": "sinceImagePushed", "countNumber": 14, "countUnit": "days"},
            "action": {"type": "expire"}
        }]);
        assert_eq!(removed(&rules, &[], false).as_deref(), Some("rule 1 keeps images for 14 days"));
        for policy in [json!(null), json!({"rules": 1}), json!({"rules": [{}]}), json!([])] {
            assert_eq!(remover(&policy, &[], true), None, "{policy}");
        }
    }
}
