//! What the trust policy of a role pins, and what the token of this job would let it pin.

use std::collections::BTreeMap;

use crate::model::{CallError, Finding, Level};
use crate::stack::{Policy, Statement};

/// The claims worth pinning, in order.
const PINS: [&str; 6] = ["aud", "sub", "ref", "environment", "job_workflow_ref", "repository_id"];

/// What the token of this job says; `None` outside of a job that can ask for one.
pub fn token(claims: Option<&Result<BTreeMap<String, String>, String>>) -> Finding {
    const ABOUT: &str = "OIDC token";
    match claims {
        None => Finding::new(Level::Unknown, ABOUT, "only a job with `id-token: write` can ask for one"),
        Some(Err(why)) => Finding::new(Level::Unknown, ABOUT, why.as_str()),
        Some(Ok(claims)) => {
            let told = PINS.iter().filter_map(|name| Some(format!("{name} = {}", claims.get(*name)?)));
            let told: Vec<String> = told.collect();
            Finding::new(Level::Ok, ABOUT, format!("a role can pin {}", told.join(", ")))
        }
    }
}

/// Who may take on the role in use. `None` when it is no role.
pub fn trust(
    read: Option<&Result<Policy, CallError>>,
    claims: Option<&BTreeMap<String, String>>,
) -> Vec<Finding> {
    const ABOUT: &str = "trust of the role";
    let policy = match read {
        None => {
            return vec![Finding::new(Level::Unknown, ABOUT, "these credentials are not those of a role")];
        }
        Some(Err(error)) => return vec![super::unread(ABOUT, error)],
        Some(Ok(policy)) => policy,
    };
    let federated = |one: &&Statement| {
        one.effect == "Allow" && one.actions.iter().any(|action| action == "sts:AssumeRoleWithWebIdentity")
    };
    let statements: Vec<&Statement> = policy.statements.iter().filter(federated).collect();
    if statements.is_empty() {
        return vec![Finding::new(Level::Unknown, ABOUT, "no statement is for tokens of GitHub")];
    }
    let found: Vec<Finding> = statements.iter().flat_map(|one| pinned(ABOUT, one, claims)).collect();
    if found.is_empty() {
        vec![Finding::new(Level::Ok, ABOUT, "pins audience and subject, and what the subject does not tell")]
    } else {
        found
    }
}

/// What is wrong with one statement.
fn pinned(about: &str, statement: &Statement, claims: Option<&BTreeMap<String, String>>) -> Vec<Finding> {
    let values = |claim: &str| {
        let end = format!(":{claim}");
        let keys = statement
            .conditions
            .iter()
            .filter(|(operator, _)| !operator.starts_with("ForAllValues"))
            .flat_map(|(_, keys)| keys);
        keys.filter(|(key, _)| key.ends_with(&end)).flat_map(|(_, values)| values).collect::<Vec<&String>>()
    };
    let mut found = Vec::new();
    let name = statement.sid.as_deref().map(|sid| format!("statement `{sid}`: ")).unwrap_or_default();
    let mut tell = |level: Level, what: String, mend: &str| {
        found.push(Finding::new(level, about, format!("{name}{what}")).mend(mend));
    };
    if statement.conditions.keys().any(|operator| operator.starts_with("ForAllValues")) {
        tell(
            Level::Fail,
            "`ForAllValues` is true where the claim is missing".to_owned(),
            "use `StringEquals`",
        );
    }
    if values("aud").is_empty() {
        tell(Level::Fail, "the audience is not pinned".to_owned(), "pin `aud` to `sts.amazonaws.com`");
    }
    let subjects = values("sub");
    if subjects.is_empty() {
        tell(
            Level::Fail,
            "the subject is not pinned: every repository can take the role on".to_owned(),
            "pin `sub`: `fargate-stack iam print` prints the trust policy",
        );
    }
    let queue = |sub: &str| {
        sub.ends_with('*')
            && sub.contains(":ref:refs/heads/gh-readonly-queue/")
            && sub.matches('*').count() == 1
    };
    for sub in subjects.iter().filter(|sub| sub.contains(['*', '?']) && !queue(sub)) {
        tell(
            Level::Fail,
            format!("the subject is the pattern `{sub}`"),
            "pin one subject, with `StringEquals`",
        );
    }
    let by_environment = subjects.iter().any(|sub| sub.contains(":environment:"));
    if by_environment && values("ref").is_empty() {
        tell(
            Level::Warn,
            "the subject names an environment, and no branch is pinned".to_owned(),
            "pin `ref`, or limit the environment to the branch",
        );
    }
    let immutable =
        subjects.iter().all(|sub| sub.split(':').nth(1).is_some_and(|name| name.matches('@').count() == 2));
    if !subjects.is_empty() && !immutable && values("repository_id").is_empty() {
        let id = claims.and_then(|claims| claims.get("repository_id"));
        let mend = id
            .map_or_else(|| "pin `repository_id`".to_owned(), |id| format!("pin `repository_id` to `{id}`"));
        tell(Level::Warn, "a later owner of the repository's name can take the role on".to_owned(), &mend);
    }
    found
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::access::trust::{Ids, Jobs, trust as printed};
    use crate::access::{Place, Role};

    fn jobs(ids: Option<Ids>) -> Jobs {
        Jobs {
            repository: "octo/shop".into(),
            ids,
            branch: "main".into(),
            environment: None,
            issuer: crate::access::trust::GITHUB.into(),
        }
    }

    fn check(policy: Policy) -> Vec<(Level, String)> {
        let found = trust(Some(&Ok(policy)), None);
        found.into_iter().map(|one| (one.level, one.found)).collect()
    }

    #[test]
    fn the_printed_trust_with_ids_is_fine_and_without_ids_it_is_told() {
        let place = Place::new(Some("123456789012"), "eu-west-1", None);
        for role in [Role::Plan, Role::Apply, Role::RunTask] {
            let ids = Some(Ids { owner: 7, repository: 42 });
            let levels: Vec<Level> =
                check(printed(role, &jobs(ids), &place)).into_iter().map(|(level, _)| level).collect();
            assert_eq!(levels, [Level::Ok], "{role:?}");
            assert!(
                check(printed(role, &jobs(None), &place))
                    .iter()
                    .all(|(level, found)| { *level == Level::Warn && found.contains("a later owner") })
            );
        }
    }

    #[test]
    fn every_way_to_be_too_wide_is_told() {
        let of = |conditions: &str| {
            let text = format!(
                r#"{{"Statement": {{"Effect": "Allow", "Principal": {{"Federated": "x"}}, "Action": "sts:AssumeRoleWithWebIdentity", "Condition": {conditions}}}}}"#
            );
            check(Policy::read(&text).unwrap())
        };
        for (conditions, part) in [
            ("{}", "the audience is not pinned"),
            (r#"{"StringEquals": {"t:aud": "a"}}"#, "the subject is not pinned"),
            (
                r#"{"StringLike": {"t:aud": "a", "t:sub": "repo:octo/*:pull_request"}}"#,
                "is the pattern `repo:octo/*:pull_request`",
            ),
            (
                r#"{"ForAllValues:StringEquals": {"t:aud": "a", "t:sub": "repo:o/r:pull_request"}}"#,
                "`ForAllValues` is true",
            ),
        ] {
            let found = of(conditions);
            assert!(
                found.iter().any(|(level, text)| *level == Level::Fail && text.contains(part)),
                "{conditions}: {found:?}"
            );
        }
        let found = of(r#"{"StringEquals": {"t:aud": "a", "t:sub": "repo:o@1/r@2:environment:production"}}"#);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found.iter().all(|(level, text)| *level == Level::Warn && text.contains("no branch is pinned"))
        );
    }

    #[test]
    fn only_claims_worth_pinning_are_shown() {
        let claims = BTreeMap::from([
            ("sub".to_owned(), "repo:o/r:x".to_owned()),
            ("jti".to_owned(), "secret".to_owned()),
        ]);
        let found = token(Some(&Ok(claims)));
        assert!(found.found.contains("sub = repo:o/r:x") && !found.found.contains("secret"), "{found:?}");
        assert_eq!(token(None).level, Level::Unknown);
        assert_eq!(trust(None, None).iter().map(|one| one.level).collect::<Vec<_>>(), [Level::Unknown]);
    }
}
