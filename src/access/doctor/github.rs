//! The settings of the repository that decide who can apply.

use crate::github::repository::{BranchRule, Environment};
use crate::model::{Finding, Level};

/// A read of GitHub: the facts, or why there are none.
pub type Read<T> = Result<T, String>;

/// The rules of the branch that applies.
pub fn branch(name: &str, read: &Read<Vec<BranchRule>>) -> Vec<Finding> {
    let about = |what: &str| format!("branch {name}: {what}");
    let rules = match read {
        Ok(rules) => rules,
        Err(why) => return vec![Finding::new(Level::Unknown, about("rules"), why.as_str())],
    };
    let of = |kind: &str| rules.iter().find(|rule| rule.kind == kind);
    // What classic branch protection demands is not in this list, so that a missing rule is a doubt and not a failure.
    let none = |what: &str, found: &str, mend: &str| {
        Finding::new(Level::Warn, about(what), format!("no rule of a ruleset {found}")).mend(mend)
    };
    let review = match of("pull_request") {
        None => none(
            "review",
            "requires a pull request",
            "require a pull request with a review: whoever can push here, applies",
        ),
        Some(rule) => {
            let number = |key: &str| rule.parameters.get(key).and_then(serde_json::Value::as_u64);
            let flag =
                |key: &str| rule.parameters.get(key).and_then(serde_json::Value::as_bool).unwrap_or_default();
            match number("required_approving_review_count") {
                Some(0) | None => Finding::new(Level::Warn, about("review"), "pull requests need no review")
                    .mend("require at least one approving review"),
                Some(count) if !flag("dismiss_stale_reviews_on_push") => Finding::new(
                    Level::Warn,
                    about("review"),
                    format!("{count} required, and it stays when commits follow"),
                )
                .mend("dismiss stale reviews on push, or use `approval: digest+review`"),
                Some(count) => Finding::new(Level::Ok, about("review"), format!("{count} required")),
            }
        }
    };
    let contexts: Vec<&str> = of("required_status_checks")
        .and_then(|rule| rule.parameters.get("required_status_checks")?.as_array())
        .into_iter()
        .flatten()
        .filter_map(|check| check.get("context")?.as_str())
        .collect();
    let checks = if contexts.is_empty() {
        none(
            "checks",
            "requires a status check",
            "require the job that plans: a pull request whose plan failed can be merged",
        )
    } else {
        Finding::new(Level::Ok, about("checks"), format!("required: {}", contexts.join(", ")))
    };
    let history = match of("non_fast_forward") {
        None => none(
            "history",
            "forbids a forced push",
            "block forced pushes: the pull requests of one cannot be told",
        ),
        Some(_) => Finding::new(Level::Ok, about("history"), "cannot be rewritten"),
    };
    vec![review, checks, history]
}

/// The environment that the job of a role uses.
pub fn environment(name: &str, read: &Read<Option<Environment>>) -> Vec<Finding> {
    let about = |what: &str| format!("environment {name}: {what}");
    let found = match read {
        Ok(Some(found)) => found,
        Ok(None) => {
            return vec![
                Finding::new(Level::Fail, format!("environment {name}"), "there is none")
                    .mend("make it before its first use: GitHub makes it without protection"),
            ];
        }
        Err(why) => return vec![Finding::new(Level::Unknown, format!("environment {name}"), why.as_str())],
    };
    let check = |what: &str, good: bool, level: Level, [yes, no, mend]: [&str; 3]| {
        if good {
            Finding::new(Level::Ok, about(what), yes)
        } else {
            Finding::new(level, about(what), no).mend(mend)
        }
    };
    vec![
        check(
            "branches",
            found.branches_limited,
            Level::Fail,
            [
                "limited",
                "every branch can use it",
                "limit it to the branch that applies: the subject of the token does not tell the branch",
            ],
        ),
        check(
            "reviewers",
            found.required_reviewers,
            Level::Warn,
            [
                "required",
                "nobody has to approve",
                "require reviewers, unless the review of the pull request is enough",
            ],
        ),
        check(
            "self review",
            !found.required_reviewers || found.prevent_self_review,
            Level::Warn,
            ["prevented, or no reviewers", "whoever starts a run may approve it", "prevent self-review"],
        ),
        check(
            "admins",
            !found.admins_bypass,
            Level::Warn,
            [
                "are bound by the rules",
                "may pass the rules",
                "do not allow administrators to bypass the rules",
            ],
        ),
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn levels(findings: &[Finding]) -> Vec<Level> {
        findings.iter().map(|one| one.level).collect()
    }

    fn rule(kind: &str, parameters: serde_json::Value) -> BranchRule {
        BranchRule { kind: kind.into(), parameters }
    }

    #[test]
    fn a_protected_branch_is_fine_and_an_open_one_is_told() {
        use Level::{Ok as Fine, Warn};
        let good = |count: u64, dismiss: bool| {
            vec![
                rule(
                    "pull_request",
                    json!({"required_approving_review_count": count, "dismiss_stale_reviews_on_push": dismiss}),
                ),
                rule("required_status_checks", json!({"required_status_checks": [{"context": "plan"}]})),
                rule("non_fast_forward", json!(null)),
            ]
        };
        assert_eq!(levels(&branch("main", &Ok(good(1, true)))), [Fine, Fine, Fine]);
        assert_eq!(levels(&branch("main", &Ok(good(1, false)))), [Warn, Fine, Fine]);
        assert_eq!(levels(&branch("main", &Ok(good(0, true)))), [Warn, Fine, Fine]);
        assert_eq!(levels(&branch("main", &Ok(vec![]))), [Warn, Warn, Warn]);
    }

    #[test]
    fn what_cannot_be_read_is_unknown_with_its_reason() {
        for found in [branch("main", &Err("403".into())), environment("production", &Err("403".into()))] {
            assert_eq!(levels(&found), [Level::Unknown]);
            assert!(found.iter().all(|one| one.found.contains("403")));
        }
    }

    #[test]
    fn every_rule_of_an_environment_counts() {
        use Level::{Fail, Ok as Fine, Warn};
        let good = Environment {
            name: "production".into(),
            required_reviewers: true,
            prevent_self_review: true,
            branches_limited: true,
            ..Environment::default()
        };
        let of = |environment: Environment| levels(&super::environment("production", &Ok(Some(environment))));
        assert_eq!(of(good.clone()), [Fine, Fine, Fine, Fine]);
        assert_eq!(of(Environment { branches_limited: false, ..good.clone() }), [Fail, Fine, Fine, Fine]);
        assert_eq!(of(Environment { required_reviewers: false, ..good.clone() }), [Fine, Warn, Fine, Fine]);
        assert_eq!(of(Environment { prevent_self_review: false, ..good.clone() }), [Fine, Fine, Warn, Fine]);
        assert_eq!(of(Environment { admins_bypass: true, ..good }), [Fine, Fine, Fine, Warn]);
        assert_eq!(levels(&super::environment("production", &Ok(None))), [Fail]);
    }
}
