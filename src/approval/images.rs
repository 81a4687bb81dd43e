//! Which image a tag must still give.

use serde::{Deserialize, Serialize};

use super::{Class, Difference};
use crate::model::{Image, ImageOrigin, Plan, commit_of, short_account};

/// One image as it was planned.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Recorded {
    /// The task.
    pub task: String,
    /// `sha256:…`; empty when the registry did not tell, and the tag is all that was shown.
    pub digest: String,
    /// The tag it was found by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// It is the image that ran. Another one may have been released since, but the stack file named no other.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub running: bool,
}

/// What is remembered of an image. Nothing of one that a commit's tag asked for: it may be built after the plan.
pub(super) fn recorded(image: &Image, account: &str) -> Option<Recorded> {
    if image.origin == ImageOrigin::Pinned && image.tag.as_deref().and_then(commit_of).is_some() {
        return None;
    }
    // Without a tag and a digest, `latest` is meant.
    let tag = image.tag.clone().or_else(|| image.digest.is_none().then(|| "latest".to_owned()));
    let own = |text: String| {
        if account.len() == 12 { text.replace(account, &short_account(account)) } else { text }
    };
    Some(Recorded {
        task: image.task.clone(),
        digest: image.digest.clone().unwrap_or_default(),
        tag: tag.map(own),
        running: image.origin == ImageOrigin::Running,
    })
}

/// Images that are not those that were shown: a tag of the stack file gives another digest or is another tag, and so does a tag that
/// was asked for by a name of its own in both plans. `shown` is of all pull requests, in the order in which they were merged.
pub(super) fn moved(plan: &Plan, shown: &[&Recorded]) -> Vec<Difference> {
    let mut found = Vec::new();
    for image in plan.images.iter().filter(|image| image.origin != ImageOrigin::Running) {
        let Some(now) = recorded(image, &plan.account) else { continue };
        let of_task = || shown.iter().rev().filter(|was| was.task == now.task);
        let asked = of_task().find(|was| !was.running);
        let was = match image.origin {
            // A workflow may ask for another tag than the pull request did.
            ImageOrigin::Pinned => of_task().find(|was| !was.running && was.tag == now.tag),
            _ => asked.or_else(|| of_task().next()),
        };
        let Some(was) = was else { continue };
        if was.digest == now.digest && (was.tag == now.tag || !now.digest.is_empty())
            || was.digest.is_empty() && was.tag == now.tag
        {
            continue;
        }
        let tag = |tag: &Option<String>| tag.clone().unwrap_or_else(|| "none".to_owned());
        let same_tag = was.tag == now.tag;
        let told = |image: &Recorded| match (image.digest.as_str(), same_tag) {
            ("", true) => "a digest that the registry does not tell".to_owned(),
            ("", false) => format!("tag {}", tag(&image.tag)),
            (digest, true) => digest.to_owned(),
            (digest, false) => format!("tag {}, {digest}", tag(&image.tag)),
        };
        found.push(Difference {
            stack: plan.stack.clone(),
            address: format!("task_definition.{}", now.task),
            path: Some(if same_tag { format!("image (tag {})", tag(&now.tag)) } else { "image".to_owned() }),
            approved: told(was),
            now: told(&now),
            class: if same_tag { Class::TagMoved } else { Class::Config },
        });
    }
    found
}
