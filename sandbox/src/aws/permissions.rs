//! Who may do what: `SimulatePrincipalPolicy`, and the refusal of calls that the caller's policy does not allow.

use serde_json::{Value, json};

use super::caller::Scope;
use super::error::Refusal;
use super::form;
use super::operation::Call;
use crate::ecs::Outside;
use crate::ecs::ids::Place;
use crate::ecs::json::{list, text, texts};
use crate::http::{Response, decode};
use crate::internal::{Internal, InternalError};
use crate::policy::{CallerPolicy, Context, Decision, missing, needs};
use crate::state::{State, lock};
use crate::xml;

/// Refuses a call that the caller's policy does not allow, in an account that enforces one. What a temporary key may do is
/// up to the policies of its role.
pub async fn check(state: &State, scope: &Scope, account: &str, call: &Call) -> Result<(), Refusal> {
    let Some(policy) = lock(&state.callers).get(account).filter(|policy| policy.enforce).cloned() else {
        return Ok(());
    };
    let role = state.role(&scope.access_key);
    let (policy, who) = match &role {
        None => (policy, format!("arn:aws:sts::{account}:user/moto")),
        Some((role, session)) => {
            let name = role.rsplit('/').next().unwrap_or_default();
            let documents = of_role(state.internal(account, &scope.region), name).await;
            let documents = documents.map_err(|error| Refusal::new("InternalError", error.to_string()))?;
            let who = format!("arn:aws:sts::{account}:assumed-role/{name}/{session}");
            (CallerPolicy { documents: closed(documents), enforce: true }, who)
        }
    };
    let place = Place::new(account, &scope.region);
    let input = &call.parameters;
    let roles = roles_of_run(state, account, scope, &call.operation, input);
    for need in needs::of(&scope.service, &call.operation, input, &place, &roles) {
        let decision = policy.decide(&need.action, &need.resource, &need.context);
        if decision != Decision::Allowed {
            let mut refusal = Refusal::access_denied(&scope.service, &call.operation, call.protocol, account);
            let because = if decision == Decision::ExplicitDeny {
                "with an explicit deny in an identity-based policy".to_owned()
            } else {
                format!("because no identity-based policy allows the {} action", need.action)
            };
            let (action, at) = (&need.action, &need.resource);
            refusal.message =
                format!("User: {who} is not authorized to perform: {action} on resource: {at} {because}");
            return Err(refusal);
        }
    }
    Ok(())
}

/// The roles of the task definition that a `RunTask` runs.
fn roles_of_run(state: &State, account: &str, scope: &Scope, operation: &str, input: &Value) -> Vec<String> {
    let definition = text(input, "taskDefinition").filter(|_| operation == "RunTask");
    let Some(definition) = definition else { return Vec::new() };
    let now = state.now();
    let described = state.with_ecs(account, &scope.region, |ecs| {
        let wanted = json!({"taskDefinition": definition});
        ecs.call("DescribeTaskDefinition", &wanted, now, &Outside::default())
    });
    let described = described.unwrap_or_default();
    let keys = ["executionRoleArn", "taskRoleArn"].iter();
    let found = keys.filter_map(|key| text(described.get("taskDefinition")?, key));
    found.map(str::to_owned).collect()
}

/// A role without policies may do nothing, where a caller without a policy may do everything.
fn closed(documents: Vec<Value>) -> Vec<Value> {
    if documents.is_empty() { vec![json!({"Statement": []})] } else { documents }
}

/// Answers `SimulatePrincipalPolicy`: the policies of a role or user of the account; those that control gave for the caller
/// itself.
pub async fn simulate(
    state: &State,
    account: &str,
    region: &str,
    input: &Value,
) -> Result<Response, Refusal> {
    let input = form::nested(input);
    let source = text(&input, "PolicySourceArn").unwrap_or_default();
    let mut parts = source.splitn(6, ':').skip(4);
    let (owner, name) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let bare = name.rsplit('/').next().unwrap_or_default();
    let internal = state.internal(account, region);
    let found = match name.split('/').next() {
        Some("role") if owner == account => of_role(internal, bare).await.map(closed),
        Some("user") if owner == account && bare == "moto" => {
            Ok(lock(&state.callers).get(account).map(|policy| policy.documents.clone()).unwrap_or_default())
        }
        Some("user") if owner == account => of_user(internal, bare).await.map(closed),
        _ => {
            let message =
                format!("Invalid Entity Arn: {source} does not clearly define entity type and name.");
            return Err(Refusal::new("InvalidInput", message));
        }
    };
    let documents = found.map_err(|error| {
        if error.code == "NoSuchEntity" {
            Refusal {
                status: 404,
                code: error.code,
                message: format!("The entity {source} cannot be found."),
            }
        } else {
            Refusal { status: 500, code: "ServiceFailure".into(), message: error.to_string() }
        }
    })?;
    let more =
        texts(&input, "PolicyInputList").into_iter().filter_map(|text| serde_json::from_str(text).ok());
    let policy = CallerPolicy { documents: documents.into_iter().chain(more).collect(), enforce: false };
    let context: Context = list(&input, "ContextEntries")
        .iter()
        .filter_map(|entry| {
            let value = texts(entry, "ContextKeyValues").first().copied()?;
            Some((text(entry, "ContextKeyName")?.to_owned(), value.to_owned()))
        })
        .collect();
    let resources = texts(&input, "ResourceArns");
    let resources = if resources.is_empty() { vec!["*"] } else { resources };
    let mut results = Vec::new();
    for action in texts(&input, "ActionNames") {
        for resource in &resources {
            let decision = policy.decide(action, resource, &context);
            results.push(json!({
                "EvalActionName": action,
                "EvalResourceName": resource,
                "EvalDecision": decision.name(),
                "MatchedStatements": [],
                "MissingContextValues": missing(&policy.documents, action, &context),
            }));
        }
    }
    let answer = json!({"EvaluationResults": results, "IsTruncated": false});
    Ok(form::answer("https://iam.amazonaws.com/doc/2010-05-08/", "SimulatePrincipalPolicy", &answer))
}

/// The documents of a role's policies, inline and attached.
async fn of_role(internal: Internal<'_>, name: &str) -> Result<Vec<Value>, InternalError> {
    internal.query("iam", "GetRole", &[("RoleName", name)]).await?;
    documents(internal, "Role", name).await
}

/// The documents of a user's policies, inline and attached.
async fn of_user(internal: Internal<'_>, name: &str) -> Result<Vec<Value>, InternalError> {
    internal.query("iam", "GetUser", &[("UserName", name)]).await?;
    documents(internal, "User", name).await
}

async fn documents(internal: Internal<'_>, kind: &str, name: &str) -> Result<Vec<Value>, InternalError> {
    let of = format!("{kind}Name");
    let mut found = Vec::new();
    let listed = internal.query("iam", &format!("List{kind}Policies"), &[(&of, name)]).await?;
    for policy in members(&listed, "PolicyNames") {
        let fields = [(of.as_str(), name), ("PolicyName", policy.as_str())];
        let answer = internal.query("iam", &format!("Get{kind}Policy"), &fields).await?;
        found.extend(document(&answer, "PolicyDocument"));
    }
    let attached = internal.query("iam", &format!("ListAttached{kind}Policies"), &[(&of, name)]).await?;
    for arn in xml::all(&attached, "PolicyArn") {
        let policy = internal.query("iam", "GetPolicy", &[("PolicyArn", arn)]).await?;
        let version = xml::first(&policy, "DefaultVersionId").unwrap_or_else(|| "v1".into());
        let fields = [("PolicyArn", arn), ("VersionId", version.as_str())];
        let answer = internal.query("iam", "GetPolicyVersion", &fields).await?;
        found.extend(document(&answer, "Document"));
    }
    Ok(found)
}

fn members(text: &str, list: &str) -> Vec<String> {
    let inner = xml::all(text, list).first().copied().unwrap_or_default();
    xml::all(inner, "member").into_iter().map(str::to_owned).collect()
}

/// A policy document: IAM encodes it like a part of an address.
fn document(answer: &str, name: &str) -> Option<Value> {
    let text = xml::first(answer, name)?;
    serde_json::from_str(&text).ok().or_else(|| serde_json::from_str(&decode(&text)).ok())
}
