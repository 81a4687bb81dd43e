//! What carries a stack's ownership tags, from the Resource Groups Tagging API.
//!
//! The API does not list IAM roles; their kind names candidates instead.

use std::collections::BTreeMap;

use aws_sdk_resourcegroupstagging::types::TagFilter;
use tokio::sync::OnceCell;

use super::{Aws, call};
use crate::model::CallError;

/// One owned resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owned {
    /// Its ARN.
    pub arn: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// Everything with one tag, read when it is first asked for, and once.
#[derive(Debug)]
pub struct Inventory<'a> {
    aws: &'a Aws,
    key: &'a str,
    value: &'a str,
    found: OnceCell<Vec<Owned>>,
}

impl<'a> Inventory<'a> {
    /// Of everything in the account and region whose tag `key` is `value`.
    pub fn new(aws: &'a Aws, key: &'a str, value: &'a str) -> Self {
        Self { aws, key, value, found: OnceCell::new() }
    }

    /// It, in order of ARN.
    pub async fn all(&self) -> Result<&[Owned], CallError> {
        self.found.get_or_try_init(|| owned(self.aws, self.key, self.value)).await.map(Vec::as_slice)
    }
}

/// Everything in the account and region whose tag `key` is `value`, in order of ARN.
async fn owned(aws: &Aws, key: &str, value: &str) -> Result<Vec<Owned>, CallError> {
    let mut found = Vec::new();
    let mut token: Option<String> = None;
    loop {
        let filter = TagFilter::builder().key(key).values(value).build();
        let page = call(
            "tag:GetResources",
            aws.tagging.get_resources().tag_filters(filter).set_pagination_token(token).send(),
        )
        .await?;
        for mapping in page.resource_tag_mapping_list() {
            let tags =
                mapping.tags().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect();
            found.push(Owned { arn: mapping.resource_arn().unwrap_or_default().to_owned(), tags });
        }
        token = page.pagination_token().filter(|token| !token.is_empty()).map(str::to_owned);
        if token.is_none() {
            break;
        }
    }
    found.sort_by(|a, b| a.arn.cmp(&b.arn));
    Ok(found)
}
