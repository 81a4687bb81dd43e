//! Wanted + observed → plan.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::references::{as_reference, references, resolve};
use super::scope::{Left, Scope};
use super::{Registry, diff, effects, graph, observe};
use crate::model::{
    Action, Address, AttrChange, CallError, Change, Endpoint, Image, Locator, Observed, Outputs, Owner, Plan,
    Prune, Reason, Resource, Rules,
};

/// What to plan.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The stack's name.
    pub stack: String,
    /// The AWS account id.
    pub account: String,
    /// The AWS region.
    pub region: String,
    /// What should exist; empty to destroy.
    pub wanted: Vec<Resource>,
    /// Where resources that carry our tags are, from the inventory and from candidates by name.
    pub owned: Vec<Locator>,
    /// Addresses that may be deleted although their kind holds data.
    pub allow_delete: BTreeSet<Address>,
    /// Whether everything goes.
    pub destroy: bool,
    /// The part of the stack that may change; `None` = all of it.
    pub scope: Option<Scope>,
    /// The images of the tasks, for the reader.
    pub images: Vec<Image>,
    /// Where the web services will be found, for the reader.
    pub endpoints: Vec<Endpoint>,
    /// What the look-ups want the reader to know.
    pub warnings: Vec<String>,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// Reads failed.
    #[error("could not read {}", list(.0.iter().map(|(at, _)| at.address.to_string())))]
    Reads(Vec<(Locator, CallError)>),
    /// A physical name is taken by another stack.
    #[error("{address} cannot use the name `{name}`: it belongs to the stack `{stack}`")]
    Taken {
        /// Our resource.
        address: Address,
        /// The physical name.
        name: String,
        /// The other stack.
        stack: String,
    },
    /// A resource that nobody tagged has our name, and could only be used by deleting it.
    #[error(
        "{address} cannot adopt the existing `{name}`, which no stack owns: its `{path}` is not as wanted and cannot be changed"
    )]
    Unfit {
        /// Our resource.
        address: Address,
        /// The physical name.
        name: String,
        /// The attribute that would have to change.
        path: String,
    },
    /// What lies in the plan's scope needs what lies outside of it and does not exist yet.
    #[error("this {called} needs {}, which {} not exist yet", list(.missing.iter().map(ToString::to_string)), if .missing.len() == 1 { "does" } else { "do" })]
    Missing {
        /// What the plan is called.
        called: String,
        /// What is needed.
        missing: Vec<Address>,
    },
    /// Resources wait for each other.
    #[error("this is a bug: {} wait for each other", list(.0.iter().map(ToString::to_string)))]
    Cycle(Vec<Address>),
    /// Attributes are not of their kind's shape.
    #[error("this is a bug: {address} has no normal form")]
    Shape {
        /// The resource.
        address: Address,
        /// Why.
        #[source]
        source: CallError,
    },
}

fn list(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}

/// Reads what exists and decides what to do. Makes no mutating call.
pub async fn plan(registry: &Registry, request: Request) -> Result<Plan, PlanError> {
    let locators: BTreeSet<Locator> =
        request.wanted.iter().map(|want| want.at.clone()).chain(request.owned.iter().cloned()).collect();
    let seen = observe::read_all(registry, locators).await.map_err(PlanError::Reads)?;
    decide(registry, request, &seen)
}

/// The pure part of planning.
fn decide(
    registry: &Registry,
    request: Request,
    seen: &BTreeMap<Locator, Option<Observed>>,
) -> Result<Plan, PlanError> {
    let edges: BTreeMap<Address, BTreeSet<Address>> =
        request.wanted.iter().map(|want| (want.at.address.clone(), needs(want))).collect();
    let order = graph::order(&edges).map_err(PlanError::Cycle)?;
    let wanted: BTreeMap<&Address, &Resource> =
        request.wanted.iter().map(|want| (&want.at.address, want)).collect();

    let mut walk = Walk { registry, known: BTreeMap::new(), releases: BTreeSet::new() };
    let mut changes = Vec::new();
    let mut left = Left::default();
    for want in order.iter().filter_map(|address| wanted.get(address)) {
        let observed = seen.get(&want.at).cloned().flatten();
        let change = walk.change(want, observed)?;
        match &request.scope {
            Some(scope) if !scope.addresses.contains(&want.at.address) => {
                walk.stays(&change);
                changes.extend(left.keep(change));
            }
            _ => changes.push(change),
        }
    }
    let mut warnings = request.warnings;
    // What a wanted resource is now is never deleted, whatever it was called before.
    let kept = |change: &Change, at: &Locator| {
        change.at.address.kind() == at.address.kind() && same_place(&change.at, at, seen)
    };
    let mut leaving = Vec::new();
    for at in &request.owned {
        let Some(Some(observed)) = seen.get(at) else {
            continue;
        };
        if observed.owner != Owner::Ours || changes.iter().any(|change| kept(change, at)) {
            continue;
        }
        if leaving.iter().any(|change: &Change| change.at.address == at.address) {
            continue; // a second left-over of one address goes in the next apply
        }
        if request.scope.is_some() {
            left.spare(&at.address);
            continue;
        }
        let rules = registry.get(at.address.kind()).map(|driver| driver.rules());
        let prune = rules.map_or(Prune::OnlyWhenNamed, |rules| rules.prune);
        let allowed = match prune {
            Prune::Allowed => true,
            Prune::WithStack => request.destroy || request.allow_delete.contains(&at.address),
            Prune::OnlyWhenNamed => request.allow_delete.contains(&at.address),
        };
        if allowed {
            leaving.push(deletion(at, observed, request.destroy));
        } else {
            warnings.push(format!(
                "{} (`{}`) holds data and stays, although the configuration no longer wants it; \
                 `--allow-delete {}` deletes it",
                at.address, at.name, at.address
            ));
        }
    }
    changes.extend(last_users_first(registry, leaving));
    if let Some(scope) = &request.scope {
        let missing: Vec<Address> = left.missing(&changes, &edges).into_iter().collect();
        if !missing.is_empty() {
            return Err(PlanError::Missing { called: scope.called.clone(), missing });
        }
        warnings.extend(left.told(&scope.called));
    }

    let mut plan = Plan {
        stack: request.stack,
        account: request.account,
        region: request.region,
        changes,
        edges,
        images: request.images,
        endpoints: request.endpoints,
        warnings,
        fingerprint: String::new(),
    };
    plan.fingerprint = effects::fingerprint(&plan);
    Ok(plan)
}

/// Two locators find the same thing when they read the same outputs (an id from the inventory, a name from the stack).
fn same_place(a: &Locator, b: &Locator, seen: &BTreeMap<Locator, Option<Observed>>) -> bool {
    let outputs = |at: &Locator| seen.get(at).and_then(|seen| seen.as_ref()).map(|seen| &seen.outputs);
    a == b || outputs(a).is_some_and(|found| Some(found) == outputs(b))
}

fn needs(want: &Resource) -> BTreeSet<Address> {
    references(&want.attrs).into_iter().map(|reference| reference.address).chain(want.after.clone()).collect()
}

fn deletion(at: &Locator, observed: &Observed, destroy: bool) -> Change {
    Change {
        at: at.clone(),
        action: Action::Delete,
        reason: if destroy { Reason::Destroyed } else { Reason::Unwanted },
        want: None,
        seen: Some(observed.clone()),
        attrs: Vec::new(),
        written: Vec::new(),
        restarts_tasks: false,
    }
}

/// Deletions in the order in which they can happen: users before what they use.
fn last_users_first(registry: &Registry, leaving: Vec<Change>) -> Vec<Change> {
    let is_user = |user: &Change, used: &Change| {
        registry
            .get(user.at.address.kind())
            .is_some_and(|driver| driver.rules().uses.contains(&used.at.address.kind()))
    };
    let waits_for: BTreeMap<Address, BTreeSet<Address>> = leaving
        .iter()
        .map(|used| {
            let users = leaving.iter().filter(|user| is_user(user, used)).map(|user| user.at.address.clone());
            (used.at.address.clone(), users.collect())
        })
        .collect();
    let order = graph::order(&waits_for).unwrap_or_else(|_| waits_for.keys().cloned().collect());
    let mut by_address: BTreeMap<Address, Change> =
        leaving.into_iter().map(|change| (change.at.address.clone(), change)).collect();
    order.iter().filter_map(|address| by_address.remove(address)).collect()
}

/// What is known while the wanted resources are walked in dependency order.
struct Walk<'a> {
    registry: &'a Registry,
    known: BTreeMap<Address, Outputs>,
    /// Updates that are nothing but the release of an image.
    releases: BTreeSet<Address>,
}

impl Walk<'_> {
    fn change(&mut self, want: &Resource, seen: Option<Observed>) -> Result<Change, PlanError> {
        let address = &want.at.address;
        let shape = |source| PlanError::Shape { address: address.clone(), source };
        let driver = self
            .registry
            .get(address.kind())
            .ok_or_else(|| shape(CallError::local(address.kind(), "no such resource kind")))?;
        let rules = driver.rules();
        let mut written = diff::created(rules, &driver.canonical(want.attrs.clone()).map_err(shape)?);
        written.retain(|attr| !diff::covered(rules.passive, &diff::segments(&attr.path)));
        for attr in &mut written {
            attr.release = diff::covered(rules.release, &diff::segments(&attr.path));
        }
        let attrs = driver.canonical(resolve(&want.attrs, &self.known)).map_err(shape)?;
        let want = Resource { attrs, ..want.clone() };

        let Some(seen) = seen else {
            let mut attrs = diff::created(rules, &want.attrs);
            self.mark_releases(rules, &mut attrs);
            return Ok(Change {
                at: want.at.clone(),
                action: Action::Create,
                reason: Reason::Absent,
                want: Some(want),
                seen: None,
                attrs,
                written,
                restarts_tasks: false,
            });
        };
        if let Owner::Stack(stack) = &seen.owner {
            let (address, name, stack) = (address.clone(), want.at.name.clone(), stack.clone());
            return Err(PlanError::Taken { address, name, stack });
        }
        let mut attrs = diff::changed(rules, &seen.attrs, &want.attrs);
        let released = self.mark_releases(rules, &mut attrs);
        let forced = attrs.iter().find(|change| change.forces_replace).map(|change| change.path.clone());
        let guarded = attrs
            .iter()
            .find(|change| diff::covered(rules.guarded, &diff::segments(&change.path)))
            .map(|change| change.path.clone());
        let (action, reason) = match forced {
            _ if seen.owner == Owner::Nobody && guarded.is_some() => {
                let (address, name) = (address.clone(), want.at.name.clone());
                return Err(PlanError::Unfit { address, name, path: guarded.unwrap_or_default() });
            }
            // It may be somebody's own: what no stack owns is taken over, never deleted.
            Some(path) if seen.owner == Owner::Nobody => {
                let (address, name) = (address.clone(), want.at.name.clone());
                return Err(PlanError::Unfit { address, name, path });
            }
            Some(path) => (Action::Replace, Reason::Forced(path)),
            None if seen.owner == Owner::Nobody => (Action::Adopt, Reason::Unowned),
            None if attrs.is_empty() => (Action::Keep, Reason::Same),
            None => (Action::Update, Reason::Differs),
        };
        if action == Action::Update && released {
            self.releases.insert(address.clone());
        }
        if action != Action::Replace {
            self.known.insert(address.clone(), stable(rules, &seen.outputs, &attrs));
        }
        let restarts_tasks =
            attrs.iter().any(|change| diff::covered(rules.restarts_tasks_on, &diff::segments(&change.path)));
        Ok(Change {
            at: want.at.clone(),
            action,
            reason,
            want: Some(want),
            seen: Some(seen),
            attrs,
            written,
            restarts_tasks,
        })
    }

    /// Nothing will be done to this resource: it gives what it gives now.
    fn stays(&mut self, change: &Change) {
        let address = &change.at.address;
        self.releases.remove(address);
        match &change.seen {
            Some(seen) => self.known.insert(address.clone(), seen.outputs.clone()),
            None => self.known.remove(address),
        };
    }

    /// Marks the attribute changes that only release an image, or follow from one that does; says whether all of them do.
    fn mark_releases(&self, rules: &Rules, attrs: &mut [AttrChange]) -> bool {
        for change in attrs.iter_mut() {
            let path = diff::segments(&change.path);
            change.release = diff::covered(rules.passive, &path)
                || (diff::covered(rules.release, &path) && same_repository(change))
                || change
                    .after
                    .as_ref()
                    .and_then(as_reference)
                    .is_some_and(|reference| self.releases.contains(&reference.address));
        }
        !attrs.is_empty() && attrs.iter().all(|change| change.release)
    }
}

/// Another tag or digest of the same repository; an image that appears for the first time counts as well.
fn same_repository(change: &AttrChange) -> bool {
    let repository = |value: &Option<Value>| {
        value.as_ref().and_then(Value::as_str).map(|image| effects::repository(image).to_owned())
    };
    match (repository(&change.before), repository(&change.after)) {
        (Some(before), Some(after)) => before == after,
        _ => false,
    }
}

/// The outputs that stay as they are although these attributes change.
fn stable(rules: &Rules, outputs: &Outputs, attrs: &[AttrChange]) -> Outputs {
    let in_place = attrs.iter().all(|change| diff::covered(rules.in_place, &diff::segments(&change.path)));
    let mut outputs = outputs.clone();
    if !in_place {
        outputs.retain(|name, _| !rules.volatile.contains(&name.as_str()));
    }
    outputs
}
