//! The documents for machines.

use serde_json::{Map, Value, json};

use super::apply_view::ApplyView;
use super::value::{for_machines, hidden};
use super::view::reason;
use crate::model::{AttrChange, Change, Plan};

/// Grows in its second part when a field is added and in its first when one changes its meaning or goes.
const FORMAT_VERSION: &str = "1.0";

/// A plan for machines. Sensitive and environment values are null, references `{"known_after_apply": "service.web.arn"}`.
pub fn plan_json(plan: &Plan) -> Value {
    let images: Vec<Value> = plan
        .images
        .iter()
        .map(|one| json!({ "task": one.task, "image": one.image, "tag": one.tag, "digest": one.digest }))
        .collect();
    json!({
        "format_version": FORMAT_VERSION,
        "stack": plan.stack,
        "account": plan.account,
        "region": plan.region,
        "fingerprint": plan.fingerprint,
        "summary": plan.summary(),
        "changes": plan.changes.iter().map(change).collect::<Vec<_>>(),
        "images": images,
        "warnings": plan.warnings,
    })
}

fn change(change: &Change) -> Value {
    let address = &change.at.address;
    json!({
        "address": address,
        "kind": address.kind(),
        "name": address.name(),
        "physical_name": change.at.name,
        "action": change.action,
        "reason": reason(&change.reason),
        "restarts_tasks": change.restarts_tasks,
        "attributes": change.attrs.iter().map(attribute).collect::<Vec<_>>(),
    })
}

fn attribute(attr: &AttrChange) -> Value {
    let sensitive = hidden(&attr.path, attr.sensitive, &std::collections::BTreeSet::new());
    let shown = |value: &Option<Value>| match value {
        Some(value) if !sensitive => for_machines(&attr.path, value),
        _ => Value::Null,
    };
    json!({
        "path": attr.path,
        "before": shown(&attr.before),
        "after": shown(&attr.after),
        "sensitive": sensitive,
        "forces_replace": attr.forces_replace,
    })
}

/// What an apply did, for machines; `rollout` is null when no rollout was waited for.
pub fn apply_json(view: &ApplyView) -> Value {
    let or_null = |text: &str| {
        if text.is_empty() { Value::Null } else { Value::from(text) }
    };
    let steps: Vec<Value> = view
        .steps
        .iter()
        .map(|step| {
            let mut out = Map::new();
            out.insert("address".to_owned(), step.address.clone().into());
            out.insert("action".to_owned(), step.doing.replace(' ', "_").into());
            out.insert("state".to_owned(), step.state.replace(' ', "_").into());
            out.insert("took_ms".to_owned(), step.took_ms.into());
            out.insert("because".to_owned(), or_null(&step.because));
            Value::Object(out)
        })
        .collect();
    let failures: Vec<Value> = view
        .failures
        .iter()
        .map(|failure| {
            json!({
                "address": failure.address,
                "op": failure.op,
                "code": or_null(&failure.code),
                "message": failure.cause,
                "request_id": or_null(&failure.request_id),
                "hints": failure.hints,
            })
        })
        .collect();
    let endpoints: Vec<Value> = view
        .endpoints
        .iter()
        .map(|one| json!({ "task": one.task, "url": one.url, "note": or_null(&one.note) }))
        .collect();
    json!({
        "format_version": FORMAT_VERSION,
        "stack": view.stack,
        "account": view.account,
        "region": view.region,
        "fingerprint": view.fingerprint,
        "outcome": view.ending,
        "summary": {
            "done": view.done,
            "failed": view.failed,
            "skipped": view.skipped,
            "not_started": view.not_started,
        },
        "steps": steps,
        "failures": failures,
        "endpoints": endpoints,
        "rollout": view.rollout.as_ref().map(super::rollout::rollout_json),
    })
}
