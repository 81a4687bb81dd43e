//! A plan that may change a part of the stack only: what lies outside stays as it is and is told.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Action, Address, Change, Reason};

/// The part of a stack that a plan may change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// What may change; whatever else differs stays as it is.
    pub addresses: BTreeSet<Address>,
    /// What the plan is called in words: `release`.
    pub called: String,
}

/// What a plan with a scope leaves undone.
#[derive(Debug, Default)]
pub(super) struct Left {
    undone: Vec<(Action, Address)>,
    absent: BTreeSet<Address>,
}

impl Left {
    /// The change as the plan will hold it: nothing is done. `None` for what does not exist and will not.
    pub fn keep(&mut self, change: Change) -> Option<Change> {
        let address = change.at.address.clone();
        if change.action != Action::Keep {
            self.undone.push((change.action, address.clone()));
        }
        if change.seen.is_none() {
            self.absent.insert(address);
            return None;
        }
        Some(Change {
            action: Action::Keep,
            reason: Reason::Same,
            attrs: Vec::new(),
            restarts_tasks: false,
            ..change
        })
    }

    /// A deletion that does not happen.
    pub fn spare(&mut self, address: &Address) {
        self.undone.push((Action::Delete, address.clone()));
    }

    /// What these changes need, although it does not exist and is not going to.
    pub fn missing(
        &self,
        changes: &[Change],
        edges: &BTreeMap<Address, BTreeSet<Address>>,
    ) -> BTreeSet<Address> {
        let acting = changes.iter().filter(|change| change.action != Action::Keep);
        let needs = acting.filter_map(|change| edges.get(&change.at.address)).flatten();
        needs.filter(|need| self.absent.contains(need)).cloned().collect()
    }

    /// The line that tells what is left; `None` when nothing is.
    pub fn told(&self, called: &str) -> Option<String> {
        let verb = |action: &Action| match action {
            Action::Create => "create",
            Action::Adopt => "adopt",
            Action::Update | Action::Keep => "update",
            Action::Replace => "replace",
            Action::Delete => "delete",
        };
        let undone: Vec<String> =
            self.undone.iter().map(|(action, address)| format!("{} {address}", verb(action))).collect();
        let told =
            format!("not part of this {called}: {}; `fargate-stack apply` does that", undone.join(", "));
        (!undone.is_empty()).then_some(told)
    }
}
