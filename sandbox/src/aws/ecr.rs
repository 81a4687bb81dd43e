//! ECR where moto differs: archived images, tags that cannot move, and pushes that are still on their way.

use serde::Deserialize;
use serde_json::{Value, json};

use super::caller::{DEFAULT_ACCOUNT, DEFAULT_REGION};
use super::error::{Refusal, result_of};
use crate::http::Response;
use crate::oci::digest;
use crate::seed::images::{Archived, Push};
use crate::state::{State, lock};

/// A push that takes effect later.
#[derive(Debug)]
pub struct Pending {
    /// When, by the sandbox's clock.
    pub at: f64,
    /// Account id.
    pub account: String,
    /// Region.
    pub region: String,
    /// What.
    pub push: Push,
}

/// An image to push, as the control API takes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewImage {
    account: Option<String>,
    region: Option<String>,
    repository: String,
    tag: String,
    /// Empty stands for amd64.
    #[serde(default)]
    platforms: Vec<String>,
    /// Equal content gives equal digests; without it every push is a new image.
    content: Option<String>,
    /// Archived images can be described, but not pulled.
    #[serde(default)]
    status: Status,
    /// Seconds until the push takes effect: a build that still runs.
    #[serde(default)]
    delay_s: f64,
}

/// The status of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    #[default]
    Active,
    Archived,
}

impl NewImage {
    /// Pushes it, or notes that it is on its way. Refused when the tag is immutable and stands for another image.
    pub async fn push(self, state: &State) -> Result<Value, (u16, String)> {
        let amd64 = || vec!["linux/amd64".to_owned()];
        let count = lock(&state.blobs).len();
        let push = Push {
            repository: self.repository,
            tag: self.tag,
            platforms: if self.platforms.is_empty() { amd64() } else { self.platforms },
            content: self.content.unwrap_or_else(|| format!("push {count}")),
            archived: self.status == Status::Archived,
        };
        let account = self.account.unwrap_or_else(|| DEFAULT_ACCOUNT.into());
        let region = self.region.unwrap_or_else(|| DEFAULT_REGION.into());
        let image = push.image();
        let told = json!({"digest": image.top.digest(), "repository": push.repository, "tag": push.tag});
        if self.delay_s > 0.0 {
            // The next push without content is another image.
            lock(&state.blobs).extend(image.blobs);
            lock(&state.pushes).push(Pending { at: state.now() + self.delay_s, account, region, push });
            return Ok(told);
        }
        match push.to(state, &account, &region).await {
            Ok(_) => Ok(told),
            Err(error) if error.code == "ImageTagAlreadyExistsException" => Err((409, error.to_string())),
            Err(error) => Err((500, error.to_string())),
        }
    }
}

/// Makes the pushes whose time has come: before any other call to the service.
pub async fn settle(state: &State, account: &str) {
    let now = state.now();
    let due: Vec<Pending> = {
        let mut pending = lock(&state.pushes);
        pending.extract_if(.., |one| one.account == account && one.at <= now).collect()
    };
    for one in due {
        // A repository that refuses the tag keeps what it has: so it would be for the build that pushes.
        let _ = one.push.to(state, account, &one.region).await;
    }
}

/// Corrects an answer of moto.
pub fn correct(state: &State, place: (&str, &str), operation: &str, input: &Value, response: &mut Response) {
    let repository = input.get("repositoryName").and_then(Value::as_str).unwrap_or_default();
    let archived = |digest: Option<&Value>| {
        let digest = digest.and_then(Value::as_str).unwrap_or_default();
        lock(&state.archived).get(&Archived::new(place, repository, digest)).copied()
    };
    let Ok(mut body) = serde_json::from_slice::<Value>(&response.body) else { return };
    match operation {
        "DescribeImages" if response.status == 200 => {
            details(&mut body, input, |one| archived(one.get("imageDigest")));
        }
        "ListImages" if response.status == 200 => {
            if let Some(all) = body.get_mut("imageIds").and_then(Value::as_array_mut) {
                all.retain(|one| wanted(input, archived(one.get("imageDigest")).is_some()));
            }
        }
        "BatchGetImage" if response.status == 200 => {
            hide(&mut body, |one| archived(one.pointer("/imageId/imageDigest")).is_some());
        }
        "PutImage" => {
            put(state, place, repository, input, response);
            return;
        }
        _ => return,
    }
    response.body = body.to_string().into_bytes();
}

/// The status of each image; named images are shown with whatever status they have, others if it was asked for.
fn details(body: &mut Value, input: &Value, archived: impl Fn(&Value) -> Option<f64>) {
    let named = input.get("imageIds").and_then(Value::as_array).is_some_and(|ids| !ids.is_empty());
    let Some(all) = body.get_mut("imageDetails").and_then(Value::as_array_mut) else { return };
    all.retain(|one| named || wanted(input, archived(one).is_some()));
    for one in all {
        let since = archived(one);
        let Some(one) = one.as_object_mut() else { continue };
        one.insert("imageStatus".into(), json!(if since.is_some() { "ARCHIVED" } else { "ACTIVE" }));
        if let Some(since) = since {
            one.insert("lastArchivedAt".into(), json!(since));
        }
    }
}

/// Whether the filter of a listing lets an image through: active ones when it says nothing.
fn wanted(input: &Value, archived: bool) -> bool {
    match input.pointer("/filter/imageStatus").and_then(Value::as_str) {
        Some("ANY") => true,
        Some("ARCHIVED") => archived,
        Some("ACTIVATING") => false,
        _ => !archived,
    }
}

/// An archived image cannot be pulled: it is not found.
fn hide(body: &mut Value, archived: impl Fn(&Value) -> bool) {
    let Some(body) = body.as_object_mut() else { return };
    let images = body.get("images").and_then(Value::as_array).cloned().unwrap_or_default();
    let (gone, left): (Vec<Value>, Vec<Value>) = images.into_iter().partition(archived);
    let failure = |one: &Value| {
        json!({
            "imageId": one.get("imageId"), "failureCode": "ImageNotFound",
            "failureReason": "Requested image not found",
        })
    };
    let failures: Vec<Value> = gone.iter().map(failure).collect();
    body.insert("images".into(), json!(left));
    match body.get_mut("failures").and_then(Value::as_array_mut) {
        Some(there) => there.extend(failures),
        None => {
            body.insert("failures".into(), json!(failures));
        }
    }
}

/// A push brings an archived image back. Moving an immutable tag has an error of its own, which moto does not know: it
/// says that the image exists.
fn put(state: &State, place: (&str, &str), repository: &str, input: &Value, response: &mut Response) {
    let text = |key: &str| input.get(key).and_then(Value::as_str).unwrap_or_default();
    let own = digest(text("imageManifest").as_bytes());
    if response.status == 200 {
        lock(&state.archived).remove(&Archived::new(place, repository, &own));
    } else if result_of(response) == "ImageAlreadyExistsException"
        && !String::from_utf8_lossy(&response.body).contains(&own)
    {
        let message = format!(
            "The image tag '{}' already exists in the '{repository}' repository and cannot be overwritten because the tag \
             is immutable.",
            text("imageTag")
        );
        *response = Refusal::new("ImageTagAlreadyExistsException", message)
            .response(super::operation::Protocol::Json);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_shows_active_images_unless_asked_for_others() {
        let by = |status: &str| json!({"filter": {"imageStatus": status}});
        assert!(wanted(&json!({}), false) && !wanted(&json!({}), true));
        assert!(wanted(&by("ARCHIVED"), true) && !wanted(&by("ARCHIVED"), false));
        assert!(wanted(&by("ANY"), true) && wanted(&by("ANY"), false));
    }

    #[test]
    fn an_archived_image_becomes_a_failure() {
        let id = |digest: &str| json!({"imageId": {"imageDigest": digest}});
        let mut body = json!({"images": [id("a"), id("b")], "failures": []});
        hide(&mut body, |one| one.pointer("/imageId/imageDigest") == Some(&json!("a")));
        assert_eq!(body["images"], json!([id("b")]));
        assert_eq!(body["failures"][0]["failureCode"], "ImageNotFound");
    }
}
