//! The resource kinds: one file each, one line in [`all`].
//!
//! A kind's file holds its typed attributes, the pure `desired`, and the AWS calls. The diff is not in it.

mod certificate;
mod cluster;
mod common;
mod dns_record;
mod iam_role;
#[cfg(test)]
mod laws;
mod listener;
mod listener_certificate;
mod listener_rule;
mod load_balancer;
mod log_group;
#[cfg(test)]
mod order_laws;
#[cfg(test)]
mod samples;
mod schedule;
mod security_group;
mod service;
mod target_group;
mod task_definition;
#[cfg(test)]
mod wants;

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::aws::Aws;
use crate::aws::inventory::Owned;
use crate::engine::{BoxFuture, Driver, Registry};
use crate::model::{CallError, Locator, Observed, Outputs, Owner, Resource, Rules};
use crate::stack::{Names, Stack, tags};

pub use task_definition::attribute;

/// One wanted resource, typed.
#[derive(Debug, Clone)]
pub struct Want<A> {
    /// Where it is or will be.
    pub at: Locator,
    /// Every attribute that this kind owns, AWS defaults spelled out.
    pub attrs: A,
    /// What must be made first although no attribute shows it.
    pub after: Vec<crate::model::Address>,
}

/// One existing resource, typed.
#[derive(Debug, Clone)]
pub struct Seen<A> {
    /// Its attributes, mapped from the SDK's types.
    pub attrs: A,
    /// What it gives to others.
    pub outputs: Outputs,
    /// Whose it is.
    pub owner: Owner,
}

/// A resource kind. Associated functions only: a kind has no state.
pub trait Kind: Send + Sync + 'static {
    /// The name: of the file, of the address, of the heading in the reference.
    const KIND: &'static str;
    /// What is special about it.
    const RULES: Rules;
    /// The attributes.
    type Attrs: Serialize + DeserializeOwned + Send + Sync;

    /// What the stack wants of this kind. Pure.
    fn desired(stack: &Stack) -> Vec<Want<Self::Attrs>>;

    /// Where resources of this kind may be although the tag inventory does not list them (IAM roles), from names alone.
    fn candidates(_names: &Names) -> Vec<Locator> {
        Vec::new()
    }

    /// Where the resource of an owned ARN from the tag inventory is; `None` when the ARN is not of this kind.
    /// `address` is the logical address that its tag holds.
    fn locate(_arn: &str, _at: &Locator) -> Option<Locator> {
        None
    }

    /// Where resources of this kind are that carry no tags: the tags of others (`tagged`: everything of this stack in the
    /// inventory) lead to them. Reads only.
    fn traced(
        _aws: &Aws,
        _names: &Names,
        _tagged: &[Owned],
    ) -> impl Future<Output = Result<Vec<Locator>, CallError>> + Send {
        async { Ok(Vec::new()) }
    }

    /// The existing resource; absent is `Ok(None)`.
    fn read(
        aws: &Aws,
        at: &Locator,
    ) -> impl Future<Output = Result<Option<Seen<Self::Attrs>>, CallError>> + Send;
    /// Makes it, ownership tags in the create call; or takes what carries our tags already.
    fn create(
        aws: &Aws,
        at: &Locator,
        want: &Self::Attrs,
    ) -> impl Future<Output = Result<Outputs, CallError>> + Send;
    /// Changes in place what differs between `seen` and `want`, and nothing else.
    fn update(
        aws: &Aws,
        at: &Locator,
        seen: &Seen<Self::Attrs>,
        want: &Self::Attrs,
    ) -> impl Future<Output = Result<Outputs, CallError>> + Send;
    /// Deletes it and waits until it is gone; already gone is fine.
    fn delete(
        aws: &Aws,
        at: &Locator,
        seen: &Seen<Self::Attrs>,
    ) -> impl Future<Output = Result<(), CallError>> + Send;
}

/// A kind's way from the tags of others to its own resources.
pub type Traced =
    for<'a> fn(&'a Aws, &'a Names, &'a [Owned]) -> BoxFuture<'a, Result<Vec<Locator>, CallError>>;

/// What the rest of the crate needs of a kind, without an AWS client.
pub struct Entry {
    /// The kind's name.
    pub kind: &'static str,
    /// Its rules.
    pub rules: &'static Rules,
    /// Its wanted resources.
    pub desired: fn(&Stack) -> Result<Vec<Resource>, CallError>,
    /// Its unlisted candidates.
    pub candidates: fn(&Names) -> Vec<Locator>,
    /// Its reading of an owned ARN.
    pub locate: fn(&str, &Locator) -> Option<Locator>,
    /// Its resources without tags.
    pub traced: Traced,
    /// Its driver.
    pub bind: fn(Aws) -> Arc<dyn Driver>,
}

fn entry<K: Kind>() -> Entry {
    Entry {
        kind: K::KIND,
        rules: &K::RULES,
        desired: desired::<K>,
        candidates: K::candidates,
        locate: K::locate,
        traced: |aws, names, tagged| Box::pin(K::traced(aws, names, tagged)),
        bind: |aws| Arc::new(Bound::<K> { aws, kind: std::marker::PhantomData }),
    }
}

/// Every kind, users after what they use.
pub fn all() -> Vec<Entry> {
    vec![
        entry::<cluster::Cluster>(),
        entry::<log_group::LogGroup>(),
        entry::<iam_role::IamRole>(),
        entry::<security_group::SecurityGroup>(),
        entry::<load_balancer::LoadBalancer>(),
        entry::<target_group::TargetGroup>(),
        entry::<certificate::Certificate>(),
        entry::<listener::Listener>(),
        entry::<listener_rule::ListenerRule>(),
        entry::<listener_certificate::ListenerCertificate>(),
        entry::<task_definition::TaskDefinition>(),
        entry::<service::Service>(),
        entry::<dns_record::DnsRecord>(),
        entry::<schedule::Schedule>(),
    ]
}

/// Everything that the stack wants.
pub fn wanted(stack: &Stack) -> Result<Vec<Resource>, CallError> {
    let mut resources = Vec::new();
    for entry in all() {
        resources.extend((entry.desired)(stack)?);
    }
    Ok(resources)
}

/// Where everything of a stack is that exists: by tags (`tagged`), by name, and what the tags of others lead to. Sorted.
pub async fn owned(aws: &Aws, names: &Names, tagged: &[Owned]) -> Result<Vec<Locator>, CallError> {
    let entries = all();
    let mut found: BTreeSet<Locator> = entries.iter().flat_map(|entry| (entry.candidates)(names)).collect();
    for owned in tagged {
        let Some(address) = tags::address(&owned.tags) else {
            continue;
        };
        let at = names.at(address.kind(), address.name(), "");
        let entry = entries.iter().find(|entry| entry.kind == address.kind());
        found.extend(entry.and_then(|entry| (entry.locate)(&owned.arn, &at)));
    }
    for entry in &entries {
        found.extend((entry.traced)(aws, names, tagged).await?);
    }
    Ok(found.into_iter().collect())
}

/// The drivers of all kinds over one AWS account and region.
pub fn registry(aws: &Aws) -> Registry {
    Registry::new(all().iter().map(|entry| (entry.bind)(aws.clone())))
}

fn desired<K: Kind>(stack: &Stack) -> Result<Vec<Resource>, CallError> {
    K::desired(stack)
        .into_iter()
        .map(|want| {
            let attrs = to_json::<K>(&want.attrs)?;
            Ok(Resource { at: want.at, attrs, after: want.after.into_iter().collect() })
        })
        .collect()
}

struct Bound<K> {
    aws: Aws,
    kind: std::marker::PhantomData<K>,
}

fn to_json<K: Kind>(attrs: &K::Attrs) -> Result<Value, CallError> {
    serde_json::to_value(attrs).map_err(|error| CallError::local(K::KIND, format!("this is a bug: {error}")))
}

fn from_json<K: Kind>(attrs: Value) -> Result<K::Attrs, CallError> {
    serde_json::from_value(attrs)
        .map_err(|error| CallError::local(K::KIND, format!("this is a bug: {error}")))
}

fn typed<K: Kind>(seen: &Observed) -> Result<Seen<K::Attrs>, CallError> {
    Ok(Seen {
        attrs: from_json::<K>(seen.attrs.clone())?,
        outputs: seen.outputs.clone(),
        owner: seen.owner.clone(),
    })
}

impl<K: Kind> Driver for Bound<K> {
    fn kind(&self) -> &'static str {
        K::KIND
    }

    fn rules(&self) -> &'static Rules {
        &K::RULES
    }

    fn canonical(&self, attrs: Value) -> Result<Value, CallError> {
        to_json::<K>(&from_json::<K>(attrs)?)
    }

    fn read<'a>(&'a self, at: &'a Locator) -> BoxFuture<'a, Result<Option<Observed>, CallError>> {
        Box::pin(async move {
            let Some(seen) = K::read(&self.aws, at).await? else {
                return Ok(None);
            };
            Ok(Some(Observed { attrs: to_json::<K>(&seen.attrs)?, outputs: seen.outputs, owner: seen.owner }))
        })
    }

    fn create<'a>(&'a self, at: &'a Locator, want: Value) -> BoxFuture<'a, Result<Outputs, CallError>> {
        Box::pin(async move { K::create(&self.aws, at, &from_json::<K>(want)?).await })
    }

    fn update<'a>(
        &'a self,
        at: &'a Locator,
        seen: &'a Observed,
        want: Value,
    ) -> BoxFuture<'a, Result<Outputs, CallError>> {
        Box::pin(async move { K::update(&self.aws, at, &typed::<K>(seen)?, &from_json::<K>(want)?).await })
    }

    fn delete<'a>(&'a self, at: &'a Locator, seen: &'a Observed) -> BoxFuture<'a, Result<(), CallError>> {
        Box::pin(async move { K::delete(&self.aws, at, &typed::<K>(seen)?).await })
    }
}
