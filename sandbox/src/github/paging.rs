//! Pages of lists.

use serde_json::Value;

use super::view::Links;
use crate::http::{Request, Response, encode};

/// One page of a list with the links to the others: 30 items unless `per_page` says else, 100 at most.
pub(super) fn paged(items: Vec<Value>, request: &Request, links: &Links) -> Response {
    let number = |name: &str, default: usize| {
        request
            .query
            .get(name)
            .and_then(|text| text.parse::<usize>().ok())
            .filter(|n| *n > 0)
            .unwrap_or(default)
    };
    let (size, page) = (number("per_page", 30).min(100), number("page", 1));
    let last = items.len().div_ceil(size).max(1);
    let shown: Vec<Value> = items.into_iter().skip(size.saturating_mul(page - 1)).take(size).collect();
    let mut response = Response::json(200, &Value::Array(shown));
    let host = links.html.as_str();
    let to = |page: usize, rel: &str| {
        let kept = request.query.iter().filter(|(key, _)| *key != "page" && *key != "per_page");
        let kept = kept.fold(String::new(), |all, (key, value)| all + key + "=" + &encode(value) + "&");
        format!("<{host}{}?{kept}per_page={size}&page={page}>; rel=\"{rel}\"", request.path)
    };
    let mut rels = Vec::new();
    if page > 1 {
        rels.push(to(page - 1, "prev"));
    }
    if page < last {
        rels.push(to(page + 1, "next"));
        rels.push(to(last, "last"));
    }
    if page > 1 {
        rels.push(to(1, "first"));
    }
    if !rels.is_empty() {
        response.headers.push(("link".into(), rels.join(", ")));
    }
    response
}
