//! Pages of list operations.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::error::{Answer, EcsError};
use super::json::{int, text};

/// Cuts one page out of `items` and answers `{member: […], nextToken}`. `scope` is the operation with its filters:
/// a token is only good for the list that it came from. `default` is the size of a page when `maxResults` is absent.
pub fn page(input: &Value, scope: &str, member: &str, items: &[String], default: usize) -> Answer {
    let size = match int(input, "maxResults") {
        None => default,
        Some(given) => usize::try_from(given)
            .ok()
            .filter(|size| (1..=100).contains(size))
            .ok_or_else(|| EcsError::invalid("maxResults should be between 1 and 100."))?,
    };
    let start = match text(input, "nextToken") {
        None => 0,
        Some(token) => position(token, scope, items)?,
    };
    let shown: Vec<&String> = items.iter().skip(start).take(size).collect();
    let end = start + shown.len();
    let mut answer = json!({ member: shown });
    if end < items.len()
        && let (Some(last), Some(members)) = (items.get(end - 1), answer.as_object_mut())
    {
        let token = URL_SAFE_NO_PAD.encode(json!([scope, end, last]).to_string());
        members.insert("nextToken".to_owned(), json!(token));
    }
    Ok(answer)
}

/// Where the page after `token` starts: after the last item shown, even when items before it came or went.
fn position(token: &str, scope: &str, items: &[String]) -> Answer<usize> {
    let bad = || EcsError::invalid("Invalid token.");
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| bad())?;
    let (of, end, last): (String, usize, String) = serde_json::from_slice(&bytes).map_err(|_| bad())?;
    if of != scope {
        return Err(bad());
    }
    Ok(items.iter().position(|item| *item == last).map_or(end, |found| found + 1))
}
