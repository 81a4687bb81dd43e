//! The addresses under which web services are reached.

use super::web;
use crate::config::{Config, Task, TaskType};

/// What a web service answers to, with `*` where its rule has one: each of its domains with each of its paths. None for other tasks.
pub fn urls(config: &Config, task: &Task) -> Vec<String> {
    if !task.kind.is_web() {
        return Vec::new();
    }
    let hosts = config.domains_of(task).iter().map(|domain| origin(config, task, domain));
    let under = |path: &String| format!("{}{path}", if path.starts_with('/') { "" } else { "/" });
    hosts
        .flat_map(|host| match task.path.as_slice() {
            [] => vec![host],
            paths => paths.iter().map(|path| format!("{host}{}", under(path))).collect(),
        })
        .collect()
}

/// Scheme, host and port of a web service, without the port that goes without saying.
pub(super) fn origin(config: &Config, task: &Task, domain: &str) -> String {
    let (scheme, usual) = if task.kind == TaskType::Https { ("https", 443) } else { ("http", 80) };
    match web::listener_port(config, task) {
        port if port == usual => format!("{scheme}://{domain}"),
        port => format!("{scheme}://{domain}:{port}"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_reached_by_each_domain_with_each_path() {
        let config = |alb: &str| {
            let text = format!(
                "app: {{name: shop}}\ndomain: [a.example.com, b.example.com]\n{alb}\ntasks:\n  site: {{type: https, image: s}}\n  \
                 api: {{type: https, image: a, domain: \"*.example.com\", path: [/api/*, \"*.json\"]}}\n  job: {{image: j}}\n"
            );
            crate::config::parse("fargate-stack.yml", &text).unwrap()
        };
        let plain = config("");
        let of = |config: &Config, key: &str| urls(config, &config.tasks[key]);
        assert_eq!(of(&plain, "site"), ["https://a.example.com", "https://b.example.com"]);
        assert_eq!(of(&plain, "api"), ["https://*.example.com/api/*", "https://*.example.com/*.json"]);
        assert!(of(&plain, "job").is_empty());
        let other = config("alb: {port: 8443}");
        assert_eq!(of(&other, "site")[0], "https://a.example.com:8443");
    }
}
