//! Ownership tags: with the resources themselves, the only state that there is.

use std::collections::BTreeMap;

use crate::model::{Address, Locator, Owner};

/// Tag key whose value is the stack's name.
pub const STACK: &str = "fargate-stack:stack";
/// Tag key whose value is the resource's address.
pub const ADDRESS: &str = "fargate-stack:address";

/// On a task definition: the image reference of the configuration that its digest was found for.
pub const IMAGE_SOURCE: &str = "fargate-stack:image-source";
/// On a task definition: the tag that its digest was found by.
pub const IMAGE_TAG: &str = "fargate-stack:image-tag";
/// On a task definition: the commit that its image was built from.
pub const COMMIT: &str = "fargate-stack:commit";

/// On a task definition: the address of the pull request that it was registered for.
pub const PULL_REQUEST: &str = "fargate-stack:pull-request";
/// On a task definition: the address of the workflow run that registered it.
pub const RUN: &str = "fargate-stack:run";

/// On a target group and a certificate: the hosted zones (`id/name`, separated by spaces) that records of this stack are in.
/// Records have no tags: this leads to them.
pub const ZONES: &str = "fargate-stack:zones";
/// On a rule in a listener of somebody else: scheme and port of the listener, and the ids (last part of the ARN) of the
/// certificates of others that this stack added to it, separated by spaces: `public-443 12345678-1234-…`. The stack's own
/// certificates are not named: their tags tell.
pub const CERTIFICATES: &str = "fargate-stack:certificates";

/// The ownership tags of a resource, over the user's own.
pub fn ownership(
    stack: &str,
    address: &Address,
    user: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut tags = user.clone();
    tags.insert(STACK.to_owned(), stack.to_owned());
    tags.insert(ADDRESS.to_owned(), address.to_string());
    tags
}

/// The address that the tags of a resource hold.
pub fn address(tags: &BTreeMap<String, String>) -> Option<Address> {
    tags.get(ADDRESS)?.parse().ok()
}

/// Whose a resource with these tags is, seen from the stack that asks.
pub fn owner(tags: &BTreeMap<String, String>, at: &Locator) -> Owner {
    match tags.get(STACK) {
        None => Owner::Nobody,
        Some(stack) if *stack == at.stack => Owner::Ours,
        Some(stack) => Owner::Stack(stack.clone()),
    }
}

/// The ARN of the listener that a rule (by ARN) is in: what [`CERTIFICATES`] of the rule is about.
pub fn listener_of(rule: &str) -> Option<String> {
    let (listener, _) = rule.rsplit_once('/')?;
    listener.contains(":listener-rule/").then(|| listener.replacen(":listener-rule/", ":listener/", 1))
}

/// How many characters the value of a tag can have.
pub const VALUE_MAX: usize = 256;

/// Text as the value of a tag: AWS takes 256 letters, digits, spaces and `+ - = . _ : / @`; anything else becomes `_`.
pub fn value(text: &str) -> String {
    let allowed =
        |c: char| c.is_alphanumeric() || matches!(c, ' ' | '+' | '-' | '=' | '.' | '_' | ':' | '/' | '@');
    text.chars().take(VALUE_MAX).map(|c| if allowed(c) { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_reference_is_a_tag_value_as_it_stands() {
        let reference = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app_x:v1@sha256:0123";
        assert_eq!(value(reference), reference);
    }

    #[test]
    fn a_tag_value_never_holds_what_aws_refuses() {
        assert_eq!(value("a\nb*c"), "a_b_c");
        assert_eq!(value(&"x".repeat(300)).len(), 256);
    }
}
