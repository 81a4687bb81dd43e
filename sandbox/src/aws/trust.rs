//! `AssumeRole`: the role exists, and its trust policy lets the caller in.

use serde_json::Value;

use super::error::Refusal;
use crate::ecs::json::text;
use crate::http::decode;
use crate::state::{Issued, State};
use crate::xml;

/// Refuses a caller whom the role does not trust. A role that does not exist trusts nobody.
pub async fn check(
    state: &State,
    caller: (&str, Option<&Issued>),
    region: &str,
    input: &Value,
) -> Result<(), Refusal> {
    let role = text(input, "RoleArn").unwrap_or_default();
    let mut parts = role.splitn(6, ':').skip(4);
    let (owner, name) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let name = name.rsplit('/').next().unwrap_or_default();
    let found = state.internal(owner, region).query("iam", "GetRole", &[("RoleName", name)]).await;
    let document = found
        .ok()
        .filter(|found| xml::first(found, "Arn").as_deref() == Some(role))
        .and_then(|found| xml::first(&found, "AssumeRolePolicyDocument"));
    let policy: Value =
        document.and_then(|text| serde_json::from_str(&decode(&text)).ok()).unwrap_or_default();
    let principals = principals(caller.0, caller.1);
    if lets_in(&policy, &principals, text(input, "ExternalId")) {
        return Ok(());
    }
    let who = principals.first().map_or("", String::as_str);
    Err(Refusal {
        status: 403,
        code: "AccessDenied".into(),
        message: format!("User: {who} is not authorized to perform: sts:AssumeRole on resource: {role}"),
    })
}

/// How a trust policy can name a caller.
fn principals(account: &str, issued: Option<&Issued>) -> Vec<String> {
    let root = format!("arn:aws:iam::{account}:root");
    let mut all = Vec::new();
    if let Some(Issued { role, session, .. }) = issued {
        let name = role.rsplit('/').next().unwrap_or_default();
        all.push(format!("arn:aws:sts::{account}:assumed-role/{name}/{session}"));
        all.push(role.clone());
    }
    all.extend([root, account.to_owned(), "*".to_owned()]);
    all
}

/// Whether a statement allows it, and none denies it.
fn lets_in(policy: &Value, principals: &[String], external_id: Option<&str>) -> bool {
    let statements = match policy.get("Statement") {
        Some(Value::Array(all)) => all.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    let fits = |statement: &Value| {
        let named = match statement.get("Principal") {
            Some(Value::String(all)) => vec![all.as_str()],
            Some(kinds) => texts(kinds.get("AWS")),
            None => Vec::new(),
        };
        let actions = texts(statement.get("Action"));
        named.iter().any(|one| principals.iter().any(|own| own == one))
            && actions.iter().any(|one| matches!(*one, "sts:AssumeRole" | "sts:*" | "*"))
            && wanted_id(statement).is_none_or(|wanted| Some(wanted) == external_id)
    };
    let with = |effect: &str| statements.iter().any(|one| text(one, "Effect") == Some(effect) && fits(one));
    with("Allow") && !with("Deny")
}

/// The external id that a statement asks for; other conditions are taken as met.
fn wanted_id(statement: &Value) -> Option<&str> {
    statement.get("Condition")?.get("StringEquals")?.get("sts:ExternalId")?.as_str()
}

/// One text or a list of texts.
fn texts(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(one)) => vec![one],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_trust_policy_names_the_account_the_role_or_everybody() {
        let by = |principal: Value| json!({"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}});
        let role = Issued {
            account: "111122223333".into(),
            role: "arn:aws:iam::111122223333:role/deploy".into(),
            session: "ci".into(),
        };
        let who = principals("111122223333", Some(&role));
        for principal in [
            json!({"AWS": "arn:aws:iam::111122223333:root"}),
            json!({"AWS": ["999999999999", "111122223333"]}),
            json!({"AWS": "arn:aws:iam::111122223333:role/deploy"}),
            json!("*"),
        ] {
            assert!(lets_in(&by(principal.clone()), &who, None), "{principal}");
        }
        for principal in
            [json!({"AWS": "999999999999"}), json!({"Service": "ecs.amazonaws.com"}), json!({"AWS": []})]
        {
            assert!(!lets_in(&by(principal.clone()), &who, None), "{principal}");
        }
        assert!(!lets_in(&Value::Null, &who, None), "a role that does not exist");
    }

    #[test]
    fn a_denial_wins_and_an_external_id_must_be_told() {
        let allow = json!({"Effect": "Allow", "Action": "sts:*", "Principal": "*"});
        let deny = json!({"Effect": "Deny", "Action": "*", "Principal": {"AWS": "111122223333"}});
        let who = principals("111122223333", None);
        assert!(!lets_in(&json!({"Statement": [allow, deny]}), &who, None));
        let with_id = json!({"Statement": [{
            "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*",
            "Condition": {"StringEquals": {"sts:ExternalId": "x"}},
        }]});
        assert!(!lets_in(&with_id, &who, None));
        assert!(lets_in(&with_id, &who, Some("x")));
    }
}
