//! A plan's effects in words: what follows from them alone, so that equal effects have equal words.
//!
//! Left out is what the fingerprint leaves out: the image that is released, revision numbers, digests, what AWS holds of a value
//! that is sensitive or that nobody knows yet. And sorted, for the order of a plan depends on resources that stay as they are.

use serde_json::Value;

use super::value::HIDDEN;
use super::view::{AttrView, ChangeView, Context, How, change_view};
use crate::model::{Action, Change, Plan, Ref, Summary};

/// Whether nothing happens but the release of an image.
pub(super) fn only_releases(change: &Change) -> bool {
    change.action == Action::Update && change.attrs.iter().all(|attr| attr.release)
}

/// The effects, by address.
pub(super) fn effects(plan: &Plan, context: &Context) -> Vec<ChangeView> {
    let changes =
        plan.changes.iter().filter(|change| change.action != Action::Keep && !only_releases(change));
    let mut effects: Vec<ChangeView> = changes.map(|change| effect(change, context)).collect();
    effects
        .sort_by(|a, b| (&a.address, a.verb, &a.physical_name).cmp(&(&b.address, b.verb, &b.physical_name)));
    effects
}

/// The counts of effects; what stays as it is is not counted.
pub(super) fn summary(effects: &[ChangeView]) -> Summary {
    let count = |action: Action| effects.iter().filter(|effect| effect.action == action).count();
    Summary {
        create: count(Action::Create),
        adopt: count(Action::Adopt),
        update: count(Action::Update),
        replace: count(Action::Replace),
        delete: count(Action::Delete),
        keep: 0,
    }
}

fn effect(change: &Change, context: &Context) -> ChangeView {
    let mut bare = change.clone();
    bare.restarts_tasks = false;
    bare.attrs.retain(|attr| !attr.release);
    bare.attrs.sort_by(|a, b| a.path.cmp(&b.path));
    for attr in &mut bare.attrs {
        for side in [&mut attr.before, &mut attr.after] {
            *side = side.take().filter(|value| !value.is_null()).map(|value| canonical(&value));
        }
    }
    if let Some(want) = &mut bare.want {
        want.attrs = canonical(&want.attrs);
        for image in images(&mut want.attrs) {
            *image = repository(image).to_owned();
        }
    }
    let mut view = change_view(&bare, context);
    for (attr, view) in bare.attrs.iter().zip(&mut view.attributes) {
        let unknown = attr.after.as_ref().is_some_and(holds_reference);
        if attr.before.is_some() && attr.after.is_some() && (attr.sensitive || unknown) {
            *view = AttrView { how: How::Changed, before: String::new(), ..view.clone() };
        } else if attr.before.is_some() && attr.sensitive {
            HIDDEN.clone_into(&mut view.before);
        }
    }
    view
}

/// The images of a task definition's containers.
fn images(attrs: &mut Value) -> impl Iterator<Item = &mut String> {
    let containers = attrs.get_mut("containers").and_then(Value::as_array_mut).into_iter().flatten();
    containers.filter_map(|container| match container.get_mut("image") {
        Some(Value::String(image)) => Some(image),
        _ => None,
    })
}

/// An image without the account's registry, tag and digest.
fn repository(image: &str) -> &str {
    let image = image.split('@').next().unwrap_or(image);
    let image = match image.split_once('/') {
        Some((host, name)) if host.contains(".dkr.ecr.") => name,
        _ => image,
    };
    let name_starts = image.rfind('/').map_or(0, |slash| slash + 1);
    match image.get(name_starts..).and_then(|name| name.find(':')) {
        Some(colon) => image.get(..name_starts + colon).unwrap_or(image),
        None => image,
    }
}

/// Whether a value is not known before the apply, as a whole or in part.
fn holds_reference(value: &Value) -> bool {
    match value {
        Value::Object(fields) if fields.contains_key("$ref") => {
            serde_json::from_value::<Ref>(value.clone()).is_ok() || fields.values().any(holds_reference)
        }
        Value::Object(fields) => fields.values().any(holds_reference),
        Value::Array(items) => items.iter().any(holds_reference),
        _ => false,
    }
}

/// The value without what changes from run to run: as the fingerprint takes it, which a test compares.
fn canonical(value: &Value) -> Value {
    match value {
        Value::String(text) if text.contains("@sha256:") => {
            Value::String(text.split("@sha256:").next().unwrap_or(text).to_owned())
        }
        Value::String(text) if text.contains(":task-definition/") => {
            let cut = text.rsplit_once(':').filter(|(_, tail)| tail.chars().all(|c| c.is_ascii_digit()));
            Value::String(cut.map_or(text.as_str(), |(head, _)| head).to_owned())
        }
        Value::Array(items) => Value::Array(items.iter().map(canonical).collect()),
        Value::Object(fields) => fields
            .iter()
            .map(|(key, field)| (key.clone(), canonical(field)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}
