//! What tells most: a few words about a new resource, and the image of a task before and after.

use serde_json::Value;

use super::value::{clip, short_digest, short_image};
use super::view::{ReleaseView, plural};
use crate::model::{Image, ImageOrigin, Plan};

/// What tells most about a new resource of this kind. A kind that is not listed has nothing that its name does not say.
pub(super) fn details(kind: &str, attrs: &Value) -> String {
    let number = |path: &str| attrs.pointer(path).and_then(Value::as_i64);
    let text = |path: &str| attrs.pointer(path).and_then(Value::as_str);
    let mut parts = Vec::new();
    match kind {
        "task_definition" => {
            parts.extend(number("/cpu").map(|units| format!("{} vCPU", vcpu(units))));
            parts.extend(number("/memory").map(|mib| format!("{mib} MiB")));
            let containers = attrs.get("containers").and_then(Value::as_array).into_iter().flatten();
            parts.extend(
                containers.filter_map(|one| one.get("image")).filter_map(Value::as_str).map(short_image),
            );
        }
        "log_group" => {
            parts.extend(number("/retention_days").map(|days| format!("kept {}", plural(days, "day"))));
        }
        "service" => parts.extend(number("/desired_count").map(|count| plural(count, "task"))),
        "iam_role" => {
            let policies = attrs.get("policies").and_then(Value::as_object).into_iter().flatten();
            parts.extend(policies.map(|(name, _)| format!("with {name}")));
        }
        "schedule" => parts.extend(text("/expression").map(str::to_owned)),
        "security_group" => {
            parts.extend(text("/vpc_id").map(|vpc| format!("in {vpc}")));
            let ingress = attrs.get("ingress").and_then(Value::as_object).into_iter().flatten();
            parts.extend(ingress.map(|(rule, _)| format!("lets in {rule}")));
        }
        "load_balancer" => {
            parts.extend(text("/scheme").map(str::to_owned));
            let subnets = attrs.get("subnets").and_then(Value::as_array);
            parts.extend(
                subnets.map(|subnets| plural(i64::try_from(subnets.len()).unwrap_or(i64::MAX), "subnet")),
            );
        }
        "target_group" => {
            parts.extend(number("/port").map(|port| format!("port {port}")));
            parts.extend(text("/health_check/path").map(|path| format!("checks {path}")));
        }
        "listener" => {
            parts.extend(text("/protocol").map(str::to_owned));
            parts.extend(named(attrs.get("certificate")).map(|one| format!("with {one}")));
            let more = attrs.get("certificates").and_then(Value::as_array).into_iter().flatten();
            parts.extend(more.filter_map(|one| named(Some(one))).map(|one| format!("with {one}")));
            let to = text("/default_action/redirect_to_https");
            parts.extend(to.map(|port| format!("redirects to HTTPS {port}")));
        }
        "listener_rule" => {
            parts.extend(number("/priority").map(|priority| format!("priority {priority}")));
            let list = |key: &str| {
                let values = attrs.get(key).and_then(Value::as_array).into_iter().flatten();
                values.filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
            };
            parts.push(format!("{} {}", list("hosts"), list("paths")).trim().to_owned());
            parts.extend(named(attrs.get("target_group")).map(|group| format!("to {group}")));
            let to = text("/redirect_to_https");
            parts.extend(to.map(|port| format!("redirects to HTTPS {port}")));
        }
        "dns_record" => {
            let to = named(attrs.get("target")).map(|to| format!(" to {to}")).unwrap_or_default();
            parts.extend(text("/type").map(|kind| format!("{kind}{to}")));
        }
        _ => {}
    }
    clip(&parts.join(", "), 300)
}

/// What an attribute names: the address of what will be made, or what is there.
fn named(value: Option<&Value>) -> Option<String> {
    let value = value?;
    let address = value.get("$ref").and_then(Value::as_str);
    address.or_else(|| value.as_str()).map(str::to_owned)
}

/// 256 CPU units are `0.25`.
fn vcpu(units: i64) -> String {
    let hundredths = units * 100 / 1024;
    match (hundredths / 100, hundredths % 100) {
        (whole, 0) => whole.to_string(),
        (whole, part) => format!("{whole}.{part:02}").trim_end_matches('0').to_owned(),
    }
}

/// The image of a task, before and after.
pub(super) fn release(image: &Image, plan: &Plan) -> ReleaseView {
    let change = plan.changes.iter().find(|change| {
        change.at.address.kind() == "task_definition" && change.at.address.name() == image.task
    });
    let seen = change.and_then(|change| change.seen.as_ref()).map(|seen| &seen.attrs);
    let want = change.and_then(|change| change.want.as_ref()).map(|want| &want.attrs);
    let wanted = want.and_then(first_image);
    let running = seen.and_then(first_image);
    let tag = image.tag.as_deref().or_else(|| want.and_then(|attrs| release_text(attrs, "/release/tag")));
    ReleaseView {
        task: image.task.clone(),
        from: running
            .map(|image| label(image, seen.and_then(|attrs| release_text(attrs, "/release/tag"))))
            .unwrap_or_default(),
        to: label(image.digest.as_deref().unwrap_or(&image.image), tag),
        changes: running.is_none() || (wanted.is_some() && wanted != running),
        note: match image.origin {
            ImageOrigin::Pinned => "asked for by its tag",
            ImageOrigin::Running => "the image that runs now",
            ImageOrigin::Configured => "",
            ImageOrigin::Outside => "outside the account's registry, not pinned to a digest",
        },
    }
}

fn first_image(attrs: &Value) -> Option<&str> {
    attrs.pointer("/containers/0/image").and_then(Value::as_str)
}

fn release_text<'a>(attrs: &'a Value, pointer: &str) -> Option<&'a str> {
    attrs.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// `9be77d1 (sha256:9f3b07a1b2c3)`: the tag, a commit by its first seven digits, and the digest.
fn label(image: &str, tag: Option<&str>) -> String {
    let digest = image.rsplit_once('@').map_or(image, |(_, digest)| digest);
    let digest = if digest.starts_with("sha256:") { short_digest(digest) } else { clip(image, 200) };
    match tag {
        Some(tag) if !digest.ends_with(&format!(":{tag}")) => format!("{} ({digest})", short_tag(tag)),
        _ => digest,
    }
}

fn short_tag(tag: &str) -> String {
    let commit = tag.len() == 40 && tag.chars().all(|c| c.is_ascii_hexdigit());
    if commit { tag.chars().take(7).collect() } else { clip(tag, 128) }
}
