//! Ownership tags: with the resources themselves, the only state that there is.

use std::collections::BTreeMap;

use crate::model::{Address, Locator, Owner};

/// Tag key whose value is the stack's name.
pub const STACK: &str = "fargate-stack:stack";
/// Tag key whose value is the resource's address.
pub const ADDRESS: &str = "fargate-stack:address";

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

/// Whose a resource with these tags is, seen from the stack that asks.
pub fn owner(tags: &BTreeMap<String, String>, at: &Locator) -> Owner {
    match tags.get(STACK) {
        None => Owner::Nobody,
        Some(stack) if *stack == at.stack => Owner::Ours,
        Some(stack) => Owner::Stack(stack.clone()),
    }
}
