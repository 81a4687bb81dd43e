//! The AWS side: reads what a call is, answers what the sandbox models itself, and forwards the rest to moto with its
//! mistakes corrected.

mod balancing;
pub mod caller;
mod checks;
mod cloudtrail;
pub mod ecr;
pub mod error;
mod fixes;
pub mod form;
mod logs;
pub mod operation;
mod outside;
mod permissions;
mod route53;
mod schedule;
mod tagging;
mod trust;
mod usage;

use caller::{DEFAULT_REGION, Scope};
use error::{Refusal, result_of};
use operation::{Call, Protocol, is_mutating};
use serde_json::Value;

use crate::fault::{Fault, Kind};
use crate::http::{Answer, Request, Response};
use crate::pipeline::{self, Described};
use crate::record::Caller;
use crate::ssm::Ssm;
use crate::state::{Issued, State, lock};
use crate::xml;

/// Answers one AWS request; `query` is the query string as received.
pub async fn handle(state: &State, request: Request, query: &str) -> Answer {
    let Some((scope, account)) = who(state, &request) else {
        let refusal = Refusal {
            status: 403,
            code: "MissingAuthenticationToken".into(),
            message: "Request is missing Authentication Token: calls of AWS are signed with SigV4".into(),
        };
        return Answer::Reply(refusal.response(Call::of("", &request).protocol));
    };
    let call = Call::of(&scope.service, &request);
    let protocol = call.protocol;
    let described = Described {
        source: "aws",
        account: account.clone(),
        region: scope.region.clone(),
        mutating: is_mutating(&scope.service, &call.operation),
        service: scope.service.clone(),
        operation: call.operation.clone(),
        parameters: call.parameters.clone(),
        caller: Caller {
            access_key: scope.access_key.clone(),
            role: state.role(&scope.access_key),
            invoked_by: None,
        },
    };
    let fail = |fault: &Fault| fail(fault, &scope.service, &call.operation, protocol, &account);
    let effect = effect(state, &scope, &account, &call, request, query);
    pipeline::run(state, described, fail, effect, result_of).await
}

/// Runs a task in the name of a caller who sent no request, behind faults and the recorder; gives `ok` or the error code,
/// and the answer.
pub async fn run_task(
    state: &State,
    account: &str,
    region: &str,
    caller: Caller,
    input: Value,
) -> (String, Value) {
    let (service, operation) = ("ecs", "RunTask");
    let described = Described {
        source: "aws",
        account: account.to_owned(),
        region: region.to_owned(),
        service: service.to_owned(),
        operation: operation.to_owned(),
        mutating: true,
        parameters: input.clone(),
        caller,
    };
    let fail = |fault: &Fault| fail(fault, service, operation, Protocol::Json, account);
    let effect = async {
        let answer = ecs(state, account, region, operation, &input).await;
        answer.unwrap_or_else(|refusal| refusal.response(Protocol::Json))
    };
    match pipeline::run(state, described, fail, effect, result_of).await {
        Answer::Reply(response) => {
            (result_of(&response), serde_json::from_slice(&response.body).unwrap_or_default())
        }
        Answer::Drop => ("dropped".to_owned(), Value::Null),
    }
}

/// Scope and account of a request. The one call that nobody signs is the exchange of a web identity: its account is
/// that of the role.
fn who(state: &State, request: &Request) -> Option<(Scope, String)> {
    if let Some(scope) = Scope::of(request) {
        let account = state.account(&scope.access_key);
        return Some((scope, account));
    }
    let call = Call::of("sts", request);
    let role = call.parameters.get("RoleArn").and_then(Value::as_str)?;
    let account = role.split(':').nth(4).unwrap_or_default().to_owned();
    let scope = Scope { access_key: String::new(), region: DEFAULT_REGION.into(), service: "sts".into() };
    call.operation.starts_with("AssumeRoleWith").then_some((scope, account))
}

/// The answer of a fault.
fn fail(fault: &Fault, service: &str, operation: &str, protocol: Protocol, account: &str) -> Response {
    let mut refusal = match fault.kind {
        Kind::Throttle | Kind::RateLimit | Kind::SecondaryLimit => Refusal::throttle(service, protocol),
        Kind::AccessDenied => Refusal::access_denied(service, operation, protocol, account),
        Kind::Status => return pipeline::plain(fault, 500, "text/plain", String::new()),
        _ => Refusal::internal(service, protocol),
    };
    if fault.kind == Kind::Error {
        refusal.status = 400;
    }
    refusal.status = fault.status.unwrap_or(refusal.status);
    refusal.code = fault.code.clone().unwrap_or(refusal.code);
    refusal.message = fault.message.clone().unwrap_or(refusal.message);
    let mut response = refusal.response(protocol);
    response.headers.extend(fault.headers.iter().map(|(name, value)| (name.clone(), value.clone())));
    response
}

/// Makes the call.
async fn effect(
    state: &State,
    scope: &Scope,
    account: &str,
    call: &Call,
    request: Request,
    query: &str,
) -> Response {
    if let Err(refusal) = permissions::check(state, scope, account, call).await {
        return refusal.response(call.protocol);
    }
    match scope.service.as_str() {
        "logs" => logs::deliver(state, account).await,
        "ecr" => ecr::settle(state, account).await,
        _ => {}
    }
    let refused = match (scope.service.as_str(), call.operation.as_str()) {
        ("ecs", operation) => ecs(state, account, &scope.region, operation, &call.parameters).await,
        ("elasticloadbalancing", operation) => {
            balancing::call(state, account, &scope.region, operation, &call.parameters).await
        }
        ("route53", _) => route53::call(state, account, call).await,
        ("acm", operation) if call.protocol == Protocol::Json => {
            acm(state, account, &scope.region, operation, &call.parameters)
        }
        ("servicequotas", operation) => lock(&state.quotas)
            .call(account, &scope.region, operation, &call.parameters)
            .map(|answer| amazon_json(200, &answer)),
        ("iam", "SimulatePrincipalPolicy") => {
            permissions::simulate(state, account, &scope.region, &call.parameters).await
        }
        ("ssm", operation) if Ssm::knows(operation, &call.parameters) => {
            let now = state.now();
            let answer =
                state.with_ssm(account, &scope.region, |ssm| ssm.call(operation, &call.parameters, now));
            answer.map(|answer| amazon_json(200, &answer))
        }
        ("tagging", "GetResources") if call.protocol == Protocol::Json => {
            tagging::get_resources(state, account, &scope.region, &call.parameters)
                .await
                .map(|answer| amazon_json(200, &answer))
        }
        ("ecr", "GetDownloadUrlForLayer") => {
            crate::seed::images::download_url(state, &call.parameters).map(|answer| amazon_json(200, &answer))
        }
        ("logs", "FilterLogEvents") => logs::filter(state.internal(account, &scope.region), &call.parameters)
            .await
            .map(|answer| amazon_json(200, &answer)),
        ("cloudtrail", "LookupEvents") => cloudtrail::lookup(state, account, &scope.region, &call.parameters)
            .map(|answer| amazon_json(200, &answer)),
        _ => forward(state, scope, account, call, request, query).await,
    };
    refused.unwrap_or_else(|refusal| refusal.response(call.protocol))
}

fn amazon_json(status: u16, body: &Value) -> Response {
    Response::text(status, "application/x-amz-json-1.1", body.to_string())
}

async fn ecs(
    state: &State,
    account: &str,
    region: &str,
    operation: &str,
    input: &Value,
) -> Result<Response, Refusal> {
    let needs = crate::ecs::Ecs::needs(operation, input);
    let mut outside = outside::fetch(state.internal(account, region), &needs).await.map_err(|error| {
        Refusal { status: 500, code: "ServerException".into(), message: error.to_string() }
    })?;
    state.with_elb(account, region, |elb| {
        let groups = needs.target_groups.iter().filter_map(|arn| Some((arn.clone(), elb.target_group(arn)?)));
        outside.target_groups.extend(groups);
    });
    let now = state.now();
    Ok(state.with_ecs(account, region, |ecs| match ecs.call(operation, input, now, &outside) {
        Ok(body) => amazon_json(200, &body),
        Err(error) => amazon_json(error.status, &error.body()),
    }))
}

fn acm(
    state: &State,
    account: &str,
    region: &str,
    operation: &str,
    input: &Value,
) -> Result<Response, Refusal> {
    state.settle_certificates();
    let uses = state.with_elb(account, region, |elb| elb.certificates());
    let now = state.now();
    let answer = state.with_acm(account, region, |acm| acm.call(operation, input, &uses, now))?;
    Ok(amazon_json(200, &answer))
}

/// Sends a call on to moto, after the checks that moto forgets and before the repairs of what it loses.
async fn forward(
    state: &State,
    scope: &Scope,
    account: &str,
    call: &Call,
    mut request: Request,
    query: &str,
) -> Result<Response, Refusal> {
    let (service, operation) = (scope.service.as_str(), call.operation.as_str());
    let input = &call.parameters;
    let internal = state.internal(account, &scope.region);
    if let Some(refusal) = checks::refusal(service, operation, input) {
        return Err(refusal);
    }
    match (service, operation) {
        ("ec2", "DeleteSecurityGroup") => {
            fixes::group_in_use(state, internal, input).await?;
        }
        ("sts", "AssumeRole") => {
            let issued = lock(&state.keys).get(&scope.access_key).cloned();
            trust::check(state, (account, issued.as_ref()), &scope.region, input).await?;
        }
        ("logs", "DeleteLogGroup") => fixes::untag_log_group(internal, input, account, &scope.region).await,
        ("application-autoscaling", "RegisterScalableTarget") => {
            fixes::scalable_target(state, internal, input)?;
        }
        ("logs", "GetLogEvents") => request.body = logs::without_end(input).unwrap_or(request.body),
        ("events", "PutRule") => fixes::drop_tags_of_existing_rule(internal, input, &mut request).await,
        _ => {}
    }
    let mut response = state.moto.forward(&request, query, account).await.map_err(|error| Refusal {
        status: 500,
        code: "InternalError".into(),
        message: error.to_string(),
    })?;
    if !emulated(&response) {
        return Err(Refusal::not_emulated(service, operation, &state.moto.last_words().await));
    }
    match (service, operation) {
        ("ec2", "CreateSecurityGroup") => fixes::tag_new_group(internal, input, &mut response).await,
        ("ecr", operation) => {
            ecr::correct(state, (account, &scope.region), operation, input, &mut response);
        }
        ("sts", issued) if issued.starts_with("AssumeRole") => remember_key(state, account, input, &response),
        _ => {}
    }
    Ok(response)
}

/// Whether moto knew what to do: it answers an unknown operation with a page for people.
fn emulated(response: &Response) -> bool {
    let html = response.header("content-type").starts_with("text/html");
    let text = String::from_utf8_lossy(&response.body);
    let page = text.trim_start().to_ascii_lowercase().starts_with("<!doctype html");
    !(response.status >= 400 && html && page) && response.status != 501
}

/// Keeps account and role of a temporary access key: that of the role.
fn remember_key(state: &State, account: &str, input: &Value, response: &Response) {
    let text = String::from_utf8_lossy(&response.body);
    let given = |key: &str| input.get(key).and_then(Value::as_str);
    let role = given("RoleArn").unwrap_or_default();
    let issued = Issued {
        account: role.split(':').nth(4).unwrap_or(account).to_owned(),
        role: role.to_owned(),
        session: given("RoleSessionName").unwrap_or_default().to_owned(),
    };
    if let Some(key) = xml::first(&text, "AccessKeyId") {
        lock(&state.keys).insert(key, issued);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_for_people_means_that_moto_lacks_the_operation() {
        let page = |status: u16, kind: &str, body: &str| emulated(&Response::text(status, kind, body));
        assert!(!page(500, "text/html; charset=utf-8", "<!doctype html>\n<html lang=en><title>500</title>"));
        assert!(page(200, "text/html", "<!doctype html>"));
        assert!(page(400, "text/html; charset=utf-8", "<ErrorResponse><Error/></ErrorResponse>"));
        assert!(page(500, "application/json", "{}"));
    }
}
