//! Compares a policy with what a role of this stack needs, and with the calls that a run made.

use std::collections::BTreeSet;

use crate::stack::{Policy, Statement};

/// What the comparison shows. Everything is one line of text, in a fixed order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// What would be denied.
    pub missing: BTreeSet<Difference>,
    /// What is allowed beyond need.
    pub wide: BTreeSet<Difference>,
    /// Parts that cannot be judged (`NotAction`, `NotResource`, …).
    pub unclear: BTreeSet<String>,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// The action, or the pattern of actions.
    pub action: String,
    /// On what.
    pub resource: String,
    /// What is different.
    pub why: String,
}

/// What a policy says to one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Allowed, if the conditions hold.
    Allowed,
    /// An explicit `Deny`.
    Denied,
    /// Nothing allows it.
    NotAllowed,
}

/// What the policies of a role say to a call. Without a resource, any that an action is allowed on counts. Conditions are taken to
/// hold where they allow, and not to hold where they deny: what a request holds is not known here.
pub fn judge(policies: &[Policy], action: &str, resource: Option<&str>) -> Verdict {
    let meets = |statement: &&Statement| {
        names(statement, action)
            && statement.resources.iter().any(|pattern| resource.is_none_or(|text| matches(pattern, text)))
    };
    let plain_deny = |statement: &&Statement| {
        statement.effect == "Deny" && statement.conditions.is_empty() && statement.other.is_empty()
    };
    let everywhere = |statement: &&Statement| resource.is_some() || statement.resources.contains("*");
    let all = || policies.iter().flat_map(|policy| &policy.statements);
    if all().filter(plain_deny).filter(everywhere).any(|statement| meets(&statement)) {
        return Verdict::Denied;
    }
    let allowed = all().filter(|one| one.effect == "Allow").any(|statement| meets(&statement));
    if allowed { Verdict::Allowed } else { Verdict::NotAllowed }
}

/// Compares what a role has (`given`) with what it needs.
pub fn compare(needed: &Policy, given: &[Policy]) -> Comparison {
    let mut found = Comparison::default();
    let all: Vec<&Statement> = given.iter().flat_map(|policy| &policy.statements).collect();
    for statement in &all {
        for (element, text) in &statement.other {
            found.unclear.insert(format!("{element}: {text}"));
        }
    }
    let of = |effect: &'static str| move |one: &&&Statement| one.effect == effect && one.other.is_empty();
    let (allows, denies): (Vec<&&Statement>, Vec<&&Statement>) =
        (all.iter().filter(of("Allow")).collect(), all.iter().filter(of("Deny")).collect());
    for need in &needed.statements {
        for (action, resource) in pairs(need) {
            let difference =
                |why: String| Difference { action: action.clone(), resource: resource.clone(), why };
            if need.effect == "Deny" {
                let forbidden = denies.iter().any(|one| {
                    names(one, action)
                        && one.conditions.is_empty()
                        && one.resources.iter().any(|at| covers(at, resource))
                });
                if !forbidden {
                    found.wide.insert(difference("is not forbidden".to_owned()));
                }
                continue;
            }
            let why = lacking(need, action, resource, &allows);
            found.missing.extend(why.map(&difference));
            let stopped = denies.iter().find(|one| {
                names(one, action)
                    && one.resources.iter().any(|at| covers(at, resource) || covers(resource, at))
            });
            if let Some(deny) = stopped {
                let perhaps =
                    if deny.conditions.is_empty() { "is denied" } else { "is denied under a condition" };
                found.missing.insert(difference(format!("{perhaps} by the statement {}", title(deny))));
            }
        }
    }
    let needs: Vec<&Statement> = needed.statements.iter().filter(|one| one.effect == "Allow").collect();
    for statement in allows {
        for (action, resource) in pairs(statement) {
            let why = beyond(statement, action, resource, &needs);
            let difference = |why| Difference { action: action.clone(), resource: resource.clone(), why };
            found.wide.extend(why.map(difference));
        }
    }
    found
}

/// Why an action on a resource would be denied.
fn lacking(need: &Statement, action: &str, resource: &str, allows: &[&&Statement]) -> Option<String> {
    let naming: Vec<&&&Statement> = allows.iter().filter(|one| names(one, action)).collect();
    if naming.is_empty() {
        return Some("is not allowed".to_owned());
    }
    let here: Vec<&&&Statement> =
        naming.into_iter().filter(|one| one.resources.iter().any(|at| covers(at, resource))).collect();
    if here.is_empty() {
        return Some("is allowed on other resources only".to_owned());
    }
    let free = here.iter().any(|one| weaker(one, need));
    (!free).then(|| "is allowed only under conditions that this tool does not meet in every case".to_owned())
}

/// Why what a statement allows is more than needed.
fn beyond(statement: &Statement, action: &str, resource: &str, needs: &[&Statement]) -> Option<String> {
    if action.contains(['*', '?']) {
        let used: BTreeSet<&String> =
            needs.iter().flat_map(|need| &need.actions).filter(|one| fits(action, one)).collect();
        return Some(match used.len() {
            0 => "is a pattern, and nothing that fits it is used".to_owned(),
            count => format!("is a pattern; {count} of the actions that fit it are used"),
        });
    }
    let used: Vec<&&Statement> = needs.iter().filter(|need| names(need, action)).collect();
    if used.is_empty() {
        return Some("is never used".to_owned());
    }
    let here: Vec<&&&Statement> =
        used.iter().filter(|need| need.resources.iter().any(|at| covers(at, resource))).collect();
    if here.is_empty() {
        let enough: BTreeSet<&str> =
            used.iter().flat_map(|need| need.resources.iter().map(String::as_str)).collect();
        let enough: Vec<String> = enough.into_iter().map(|at| format!("`{at}`")).collect();
        return Some(format!("needs no more than {}", enough.join(", ")));
    }
    let bound = here.iter().any(|need| weaker(need, statement));
    let condition = here.iter().find_map(|need| need.conditions.values().find_map(|keys| keys.keys().next()));
    match condition {
        Some(key) if !bound => Some(format!("lacks the condition on `{key}`")),
        _ => None,
    }
}

/// Every condition of one statement is a condition of the other, with the same values or more.
fn weaker(one: &Statement, other: &Statement) -> bool {
    one.conditions.iter().all(|(operator, keys)| {
        let theirs = other.conditions.get(operator);
        keys.iter().all(|(key, values)| {
            theirs.and_then(|keys| keys.get(key)).is_some_and(|theirs| theirs.is_subset(values))
        })
    })
}

fn title(statement: &Statement) -> String {
    statement.sid.as_ref().map_or_else(|| "without a name".to_owned(), |sid| format!("`{sid}`"))
}

fn pairs(statement: &Statement) -> impl Iterator<Item = (&String, &String)> {
    statement.actions.iter().flat_map(|action| statement.resources.iter().map(move |at| (action, at)))
}

fn names(statement: &Statement, action: &str) -> bool {
    statement.actions.iter().any(|pattern| fits(pattern, action))
}

/// Whether an action fits a pattern of actions; case does not matter to IAM.
fn fits(pattern: &str, action: &str) -> bool {
    matches(&pattern.to_ascii_lowercase(), &action.to_ascii_lowercase())
}

/// Whether a text fits a pattern of IAM: `*` stands for any characters, `?` for one.
pub fn matches(pattern: &str, text: &str) -> bool {
    wild(pattern, text, |_| true)
}

/// Whether everything that fits `inner` fits `outer`. Conservative: a pattern that only looks different may be told not to.
pub fn covers(outer: &str, inner: &str) -> bool {
    wild(outer, inner, |c| c != '*')
}

/// Walks both from left to right, back to the last star where they part. `single` says which characters `?` stands for.
fn wild(pattern: &str, text: &str, single: fn(char) -> bool) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut seen, mut star) = (0, 0, None);
    while let Some(c) = text.get(seen) {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, seen));
                at += 1;
            }
            Some('?') if single(*c) => {
                at += 1;
                seen += 1;
            }
            Some(p) if p == c && *p != '?' => {
                at += 1;
                seen += 1;
            }
            _ => match star {
                Some((from, upto)) => {
                    star = Some((from, upto + 1));
                    at = from + 1;
                    seen = upto + 1;
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(at).all(|c| *c == '*')
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn policy(statements: &[(&str, &[&str], &[&str])]) -> Policy {
        Policy::new(statements.iter().map(|(effect, actions, resources)| Statement {
            effect: (*effect).to_owned(),
            ..Statement::allow(actions.iter().copied(), resources.iter().copied())
        }))
    }

    fn lines(differences: &BTreeSet<Difference>) -> Vec<String> {
        differences.iter().map(|one| format!("{} on {} {}", one.action, one.resource, one.why)).collect()
    }

    #[test]
    fn patterns_fit_as_in_iam() {
        for (pattern, text, fit) in [
            ("*", "anything", true),
            ("a*c", "abbc", true),
            ("a*c", "abb", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("ecs:*", "ecs:RunTask", true),
            ("*:service/c/*", "arn:aws:ecs:r:1:service/c/web", true),
            ("", "a", false),
        ] {
            assert_eq!(matches(pattern, text), fit, "{pattern} {text}");
        }
    }

    #[test]
    fn a_pattern_covers_another_only_if_everything_that_fits_one_fits_the_other() {
        for (outer, inner, fit) in [
            ("*", "a/*", true),
            ("a/*", "a/b*", true),
            ("a/*", "*", false),
            ("a/b", "a/*", false),
            ("a/?", "a/*", false),
            ("a/*", "a/?", true),
            ("a/??????", "a/??????", true),
        ] {
            assert_eq!(covers(outer, inner), fit, "{outer} {inner}");
        }
    }

    #[test]
    fn a_policy_that_says_the_same_fits() {
        let needed = policy(&[("Allow", &["ecs:RunTask"], &["a:*"]), ("Deny", &["kms:Decrypt"], &["*"])]);
        assert_eq!(compare(&needed, std::slice::from_ref(&needed)), Comparison::default());
    }

    #[test]
    fn what_is_missing_is_told_with_its_kind() {
        let needed = policy(&[("Allow", &["ecs:RunTask", "ecs:StopTask", "iam:PassRole"], &["role/a"])]);
        let given = policy(&[
            ("Allow", &["ecs:RunTask"], &["role/b"]),
            ("Allow", &["iam:*"], &["*"]),
            ("Deny", &["iam:Pass*"], &["role/*"]),
        ]);
        insta::assert_debug_snapshot!(lines(&compare(&needed, &[given]).missing), @r#"
        [
            "ecs:RunTask on role/a is allowed on other resources only",
            "ecs:StopTask on role/a is not allowed",
            "iam:PassRole on role/a is denied by the statement without a name",
        ]
        "#);
    }

    #[test]
    fn what_is_too_wide_is_told_with_what_would_be_enough() {
        let mut needed = policy(&[("Allow", &["ecs:RunTask"], &["f:*"]), ("Deny", &["kms:Decrypt"], &["*"])]);
        let bound =
            Statement::allow(["iam:PassRole"], ["role/a"]).when("StringEquals", "iam:PassedToService", "x");
        needed.statements.insert(bound);
        let given = policy(&[
            ("Allow", &["ecs:RunTask", "s3:GetObject"], &["*"]),
            ("Allow", &["ecs:*"], &["f:*"]),
            ("Allow", &["iam:PassRole"], &["role/a"]),
        ]);
        insta::assert_debug_snapshot!(lines(&compare(&needed, &[given]).wide), @r#"
        [
            "ecs:* on f:* is a pattern; 1 of the actions that fit it are used",
            "ecs:RunTask on * needs no more than `f:*`",
            "iam:PassRole on role/a lacks the condition on `iam:PassedToService`",
            "kms:Decrypt on * is not forbidden",
            "s3:GetObject on * is never used",
        ]
        "#);
    }

    #[test]
    fn a_condition_that_is_not_ours_may_deny() {
        let needed = policy(&[("Allow", &["ecs:RunTask"], &["f:*"])]);
        let given = Policy::new([Statement::allow(["ecs:RunTask"], ["*"]).when(
            "Bool",
            "aws:MultiFactorAuthPresent",
            "true",
        )]);
        let found = compare(&needed, &[given]);
        assert_eq!(
            found.missing.first().unwrap().why,
            "is allowed only under conditions that this tool does not meet in every case"
        );
    }

    #[test]
    fn a_statement_that_cannot_be_judged_is_told_and_allows_nothing() {
        let needed = policy(&[("Allow", &["ecs:RunTask"], &["*"])]);
        let given =
            Policy::read(r#"{"Statement": {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}}"#)
                .unwrap();
        let found = compare(&needed, &[given]);
        assert_eq!(found.missing.len(), 1);
        assert_eq!(found.unclear.len(), 1);
    }

    #[test]
    fn a_call_is_judged_by_its_action_and_its_resource() {
        let policies = [policy(&[("Allow", &["ecs:*"], &["a/*"]), ("Deny", &["ecs:RunTask"], &["*"])])];
        assert_eq!(judge(&policies, "ecs:ListTasks", None), Verdict::Allowed);
        assert_eq!(judge(&policies, "ecs:ListTasks", Some("a/1")), Verdict::Allowed);
        assert_eq!(judge(&policies, "ecs:ListTasks", Some("b/1")), Verdict::NotAllowed);
        assert_eq!(judge(&policies, "ecs:RunTask", Some("a/1")), Verdict::Denied);
        assert_eq!(judge(&policies, "ecs:RunTask", None), Verdict::Denied);
        assert_eq!(judge(&policies, "s3:GetObject", None), Verdict::NotAllowed);
    }
}
