//! The review that must stand behind a plan: of the same commit, and after the plan was there to be read.

use std::collections::BTreeMap;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Distrust;

/// A review.
#[derive(Debug, Clone, Default)]
pub struct ReviewSeen {
    /// Who.
    pub user: String,
    /// Approves; otherwise it asks for changes (others are left out).
    pub approves: bool,
    /// The commit that was reviewed.
    pub commit: String,
    /// When (RFC 3339, UTC).
    pub at: String,
    /// Whether the reviewer may write to the repository.
    pub may_write: bool,
}

/// Who approved the plan: the newest approving review that counts. `plan_written` is when the visible plan got its present text
/// (RFC 3339, UTC).
///
/// The newest review of each person counts. It approves when it is of the head commit, not older than the plan, and by somebody who
/// may write and is not the author. Whoever may write and asks for changes after it takes the approval away.
pub fn reviewed(
    number: u64,
    reviews: &[ReviewSeen],
    author: Option<&str>,
    head: &str,
    plan_written: &str,
) -> Result<String, Distrust> {
    let refused = |why: String| Distrust::NotReviewed { number, why };
    let Some(written) = moment(plan_written) else {
        return Err(refused("it is not known when the plan was written".to_owned()));
    };
    // A review without a time cannot approve anything, and cannot be overruled.
    let mut newest: BTreeMap<String, (&ReviewSeen, Option<OffsetDateTime>)> = BTreeMap::new();
    for review in reviews {
        let at = moment(&review.at);
        let known = newest.entry(review.user.to_ascii_lowercase()).or_insert((review, at));
        if at.is_none() || (known.1.is_some() && at >= known.1) {
            *known = (review, at);
        }
    }
    let why_not = |review: &ReviewSeen, at: Option<OffsetDateTime>| {
        let user = &review.user;
        if author.is_some_and(|author| author.eq_ignore_ascii_case(user)) {
            Some(format!("`{user}` is its author"))
        } else if !review.may_write {
            Some(format!("`{user}` may not write to the repository"))
        } else if review.commit != head {
            Some(format!("the review of `{user}` is of another commit"))
        } else if at.is_none_or(|at| at < written) {
            Some(format!("the review of `{user}` came before the plan"))
        } else {
            None
        }
    };
    let approving = || newest.values().filter(|(review, _)| review.approves);
    let counts = approving().filter(|(review, at)| why_not(review, *at).is_none()).max_by_key(|(_, at)| *at);
    let Some((review, at)) = counts else {
        let objections: Vec<&str> = newest
            .values()
            .filter(|(review, _)| !review.approves && review.may_write)
            .map(|(review, _)| review.user.as_str())
            .collect();
        let why: Vec<String> = approving().filter_map(|(review, at)| why_not(review, *at)).collect();
        return Err(refused(match (why.is_empty(), objections.first()) {
            (false, _) => why.join(", "),
            (true, Some(user)) => format!("`{user}` asks for changes"),
            (true, None) => "nobody approved it".to_owned(),
        }));
    };
    let objects = |(other, later): &&(&ReviewSeen, Option<OffsetDateTime>)| {
        !other.approves && other.may_write && later.is_none_or(|later| Some(later) >= *at)
    };
    match newest.values().find(objects) {
        Some((other, _)) => Err(refused(format!("`{}` asks for changes", other.user))),
        None => Ok(review.user.clone()),
    }
}

fn moment(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339).ok()
}
