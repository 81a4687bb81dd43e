//! The view of a plan: the only place that decides what a plan is called, what is shown of it and what is hidden.
//!
//! A view holds plain text. How it is made harmless and where the line breaks are is up to the document (`text`, `markdown`).

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::diagram::diagram;
use super::effect_view;
use super::telling::{details, release};
use super::value::{HIDDEN, clip, for_people, hidden};
use crate::model::{
    Action, Address, AttrChange, Change, Endpoint, Input, Outputs, Plan, Reason, Ref, Summary,
};

/// What the view must know beside the plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context {
    /// Names of environment variables whose values may be shown.
    pub show_values: BTreeSet<String>,
    /// Say which command makes these changes: for a plan that is shown alone, not for one that an apply shows first.
    pub suggest_apply: bool,
}

/// A plan in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlanView {
    /// The stack's name.
    pub stack: String,
    /// The AWS account id.
    pub account: String,
    /// The AWS region.
    pub region: String,
    /// The plan's fingerprint.
    pub fingerprint: String,
    /// Its first twelve digits.
    pub short_fingerprint: String,
    /// Nothing will be done.
    pub empty: bool,
    /// The counts.
    pub summary: Summary,
    /// The counts in words: `3 to create, 1 to delete, 4 unchanged`.
    pub tally: String,
    /// What will happen, for a sentence: `create 3 and delete 1`; `change nothing` when nothing will be done.
    pub deed: String,
    /// Every resource that something happens to, in the order of the plan.
    pub changes: Vec<ChangeView>,
    /// The same without what only releases an image: equal for plans of equal effects, sorted by address.
    pub effects: Vec<ChangeView>,
    /// The counts of the effects.
    pub effect_summary: Summary,
    /// What happens only because an image is released: `new revision of task_definition.web`, with the name of the task.
    pub follows: Vec<FollowView>,
    /// The images, a line a task.
    pub releases: Vec<ReleaseView>,
    /// The addresses whose running tasks ECS will replace.
    pub restarts: Vec<String>,
    /// Where the web services are found.
    pub endpoints: Vec<EndpointView>,
    /// What the reader should know.
    pub warnings: Vec<String>,
    /// The lines of a Mermaid flowchart of what is reached by whom; empty when there is nothing to see. For Markdown.
    pub diagram: Vec<String>,
    /// The command that makes these changes, when it is to be said.
    pub next: Option<String>,
}

/// One resource of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChangeView {
    /// `service.web`.
    pub address: String,
    /// Its name in AWS; empty when it equals the name in the address.
    pub physical_name: String,
    /// What is done.
    pub action: Action,
    /// What is done, as a verb.
    pub verb: &'static str,
    /// Something that exists goes: a deletion or a replacement.
    pub destructive: bool,
    /// Why, as a clause.
    pub reason: String,
    /// ECS will replace running tasks.
    pub restarts_tasks: bool,
    /// What tells most about a resource that will be made: `0.25 vCPU, 512 MiB`. Empty when nothing does.
    pub details: String,
    /// The attributes that change; empty for a creation, whose attributes all change.
    pub attributes: Vec<AttrView>,
}

/// One attribute of a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AttrView {
    /// Dotted path.
    pub path: String,
    /// `added`, `removed` or `changed`.
    pub how: How,
    /// The value now; empty when added.
    pub before: String,
    /// The value wanted; empty when removed.
    pub after: String,
    /// The values are not shown.
    pub hidden: bool,
    /// This change alone forces the replacement.
    pub forces_replace: bool,
}

/// The address of a web service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EndpointView {
    /// The task.
    pub task: String,
    /// `https://app.example.com`.
    pub url: String,
    /// The same for people: without what is the same for all.
    pub label: String,
    /// What somebody must do before it leads there; empty when nothing.
    pub note: String,
}

/// What happens to an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum How {
    /// It is not there yet.
    Added,
    /// It goes.
    Removed,
    /// It gets another value.
    Changed,
}

/// The image of a task, before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReleaseView {
    /// The task.
    pub task: String,
    /// What runs now; empty when nothing does.
    pub from: String,
    /// What will run.
    pub to: String,
    /// The image changes.
    pub changes: bool,
    /// Where the image comes from, when that is worth a word.
    pub note: &'static str,
}

/// What the release of an image brings with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FollowView {
    /// The name in the address: that of the task.
    pub name: String,
    /// What happens: `new revision of`.
    pub what: &'static str,
    /// The address.
    pub address: String,
}

/// The view of a plan.
pub fn plan(plan: &Plan, context: &Context) -> PlanView {
    let summary = plan.summary();
    let changes: Vec<ChangeView> = plan
        .changes
        .iter()
        .filter(|change| change.action != Action::Keep)
        .map(|change| change_view(change, context))
        .collect();
    let effects = effect_view::effects(plan, context);
    PlanView {
        stack: plan.stack.clone(),
        account: plan.account.clone(),
        region: plan.region.clone(),
        fingerprint: plan.fingerprint.clone(),
        short_fingerprint: plan.fingerprint.chars().take(12).collect(),
        empty: plan.is_empty(),
        summary,
        tally: tally(summary),
        deed: deed(summary),
        restarts: changes
            .iter()
            .filter(|change| change.restarts_tasks)
            .map(|change| change.address.clone())
            .collect(),
        changes,
        effect_summary: effect_view::summary(&effects),
        effects,
        follows: plan
            .changes
            .iter()
            .filter(|change| effect_view::only_releases(change))
            .map(follow)
            .collect(),
        endpoints: endpoints(plan, &BTreeMap::new()),
        releases: plan.images.iter().map(|image| release(image, plan)).collect(),
        warnings: plan.warnings.clone(),
        diagram: diagram(plan),
        next: (context.suggest_apply && !plan.is_empty()).then(|| "fargate-stack apply".to_owned()),
    }
}

/// The addresses of the web services; `made` has the outputs of what an apply made.
pub(super) fn endpoints(plan: &Plan, made: &BTreeMap<&Address, &Outputs>) -> Vec<EndpointView> {
    let known = |name: &Input<String>| match name {
        Input::Known(name) => Some(name.clone()),
        Input::Pending(Ref { address, output }) => {
            let change = plan.changes.iter().find(|change| change.at.address == *address);
            let seen = change.and_then(|change| change.seen.as_ref()).map(|seen| &seen.outputs);
            made.get(address).copied().or(seen).and_then(|outputs| outputs.get(output)).cloned()
        }
    };
    let note = |name: &Input<String>| {
        let to = known(name).map_or_else(|| "the load balancer".to_owned(), |name| format!("`{name}`"));
        format!("no DNS record is made for it: point it to {to}")
    };
    let view = |one: &Endpoint| EndpointView {
        task: one.task.clone(),
        url: one.url.clone(),
        label: one.url.split_once("://").map_or(one.url.as_str(), |(_, rest)| rest).to_owned(),
        note: one.point_to.as_ref().map(note).unwrap_or_default(),
    };
    plan.endpoints.iter().map(view).collect()
}

/// The verb of an action.
pub fn verb(action: Action) -> &'static str {
    match action {
        Action::Create => "create",
        Action::Adopt => "adopt",
        Action::Update => "update",
        Action::Replace => "replace",
        Action::Delete => "delete",
        Action::Keep => "keep",
    }
}

/// Why an action was chosen, as a clause.
pub fn reason(reason: &Reason) -> String {
    match reason {
        Reason::Absent => "does not exist yet".to_owned(),
        Reason::Unowned => "exists without an owner and gets this stack's ownership tags".to_owned(),
        Reason::Differs => "differs from the configuration".to_owned(),
        Reason::Forced(path) => format!("{path} cannot be changed in place"),
        Reason::Unwanted => "is no longer in the configuration".to_owned(),
        Reason::Destroyed => "the whole stack is destroyed".to_owned(),
        Reason::Same => "is as wanted".to_owned(),
    }
}

fn counts(summary: Summary) -> [(usize, &'static str); 5] {
    [
        (summary.create, "create"),
        (summary.adopt, "adopt"),
        (summary.update, "update"),
        (summary.replace, "replace"),
        (summary.delete, "delete"),
    ]
}

/// `3 to create, 1 to delete, 4 unchanged`.
pub(super) fn tally(summary: Summary) -> String {
    let mut parts: Vec<String> =
        counts(summary).iter().filter(|(n, _)| *n > 0).map(|(n, verb)| format!("{n} to {verb}")).collect();
    if summary.keep > 0 {
        parts.push(format!("{} unchanged", summary.keep));
    }
    parts.join(", ")
}

/// `create 3 and delete 1`; `change nothing` when nothing will be done.
pub(super) fn deed(summary: Summary) -> String {
    let parts: Vec<String> =
        counts(summary).iter().filter(|(n, _)| *n > 0).map(|(n, verb)| format!("{verb} {n}")).collect();
    match parts.split_last() {
        None => "change nothing".to_owned(),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

fn follow(change: &Change) -> FollowView {
    let address = &change.at.address;
    FollowView {
        name: address.name().to_owned(),
        what: match address.kind() {
            "task_definition" => "new revision of",
            "service" => "rollout of",
            _ => "update of",
        },
        address: address.to_string(),
    }
}

/// One change in words.
pub(super) fn change_view(change: &Change, context: &Context) -> ChangeView {
    let address = &change.at.address;
    let details = match change.action {
        Action::Create => {
            change.want.as_ref().map(|want| details(address.kind(), &want.attrs)).unwrap_or_default()
        }
        _ => String::new(),
    };
    let attributes = match change.action {
        Action::Create | Action::Delete => Vec::new(),
        _ => change.attrs.iter().map(|attr| attr_view(attr, context)).collect(),
    };
    ChangeView {
        address: address.to_string(),
        physical_name: if change.at.name == address.name() {
            String::new()
        } else {
            clip(&change.at.name, 300)
        },
        action: change.action,
        verb: verb(change.action),
        destructive: matches!(change.action, Action::Replace | Action::Delete),
        reason: reason(&change.reason),
        restarts_tasks: change.restarts_tasks,
        details,
        attributes,
    }
}

fn attr_view(attr: &AttrChange, context: &Context) -> AttrView {
    let hidden = hidden(&attr.path, attr.sensitive, &context.show_values);
    let shown = |value: &Option<Value>| match value {
        None => String::new(),
        Some(_) if hidden => HIDDEN.to_owned(),
        Some(value) => for_people(&attr.path, value, &context.show_values),
    };
    AttrView {
        path: attr.path.clone(),
        how: match (&attr.before, &attr.after) {
            (None, _) => How::Added,
            (_, None) => How::Removed,
            _ => How::Changed,
        },
        before: shown(&attr.before),
        after: shown(&attr.after),
        hidden,
        forces_replace: attr.forces_replace,
    }
}

/// `1 task`, `2 tasks`.
pub fn plural(count: i64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
