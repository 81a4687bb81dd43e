//! `doctor`: what is missing or too wide around a stack.

use std::path::Path;

use serde_json::json;

use crate::access::doctor::workflows::File;
use crate::access::doctor::{account, github, oidc, workflows};
use crate::access::need::repositories;
use crate::access::{Role, size_of};
use crate::aws::Aws;
use crate::cli::DoctorArgs;
use crate::config::Config;
use crate::error::{Error, ExitStatus};
use crate::github::{GitHub, Token, oidc as token};
use crate::lookup::{surroundings, survey};
use crate::model::{Finding, Level};
use crate::render::readiness;
use crate::{lock, lookup};

use super::session::Session;
use super::{App, iam};

/// Looks at everything that can be looked at, and tells the rest as unknown.
pub async fn run(app: &App, args: &DoctorArgs) -> Result<ExitStatus, Error> {
    let loaded = app.load()?;
    let connection = app.connect(&loaded).await?;
    let mut findings = workflows::workflows(files(app).as_deref());
    let claims = claims(app).await;
    findings.push(oidc::token(claims.as_ref()));
    findings.extend(of_github(app, args).await);
    let name = loaded.config.app.name.clone();
    match Session::new(app, loaded, connection).await {
        Ok(session) => {
            let claims = claims.as_ref().and_then(|claims| claims.as_ref().ok());
            let trust = surroundings::trust(&session.aws).await;
            findings.extend(oidc::trust(trust.as_ref(), claims));
            findings.extend(Box::pin(of_account(app, args, &session.aws, &session.loaded.config)).await);
        }
        Err(error) => findings.push(Finding::new(Level::Unknown, "AWS", error.message())),
    }
    app.document(None, &readiness::doctor(&name, &findings), &json!({"stack": name, "findings": findings}))?;
    let failed = findings.iter().any(|one| one.level == Level::Fail);
    Ok(if failed { ExitStatus::Failed } else { ExitStatus::Done })
}

/// The workflow files of the checkout: of the folder that the command runs in, or of one above it.
fn files(app: &App) -> Option<Vec<File>> {
    let start = app.env.path("GITHUB_WORKSPACE").or_else(|| Path::new(".").canonicalize().ok())?;
    let folder = start.ancestors().map(|at| at.join(".github/workflows")).find(|at| at.is_dir())?;
    let mut files: Vec<File> = std::fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let name = path.file_name()?.to_str()?.to_owned();
            let is_workflow = path.extension().is_some_and(|end| end == "yml" || end == "yaml");
            Some(File { text: std::fs::read_to_string(&path).ok().filter(|_| is_workflow)?, name })
        })
        .collect();
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Some(files)
}

/// The claims of the job's token, when the job can ask for one.
async fn claims(app: &App) -> Option<Result<token::Claims, String>> {
    let url = app.env.get("ACTIONS_ID_TOKEN_REQUEST_URL")?;
    let secret = Token::new(app.env.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN")?)?;
    Some(
        token::claims_through(&app.network(), url, &secret, "sts.amazonaws.com")
            .await
            .map_err(|error| error.to_string()),
    )
}

async fn of_github(app: &App, args: &DoctorArgs) -> Vec<Finding> {
    let unknown = |why: &str| vec![Finding::new(Level::Unknown, "GitHub", why)];
    let Some(repository) = args.repo.as_deref().or_else(|| app.env.get("GITHUB_REPOSITORY")) else {
        return unknown("no repository is named: add `--repo OWNER/REPO`");
    };
    let Some(secret) = app.env.get("GITHUB_TOKEN").and_then(Token::new) else {
        return unknown("there is no token: set GITHUB_TOKEN");
    };
    let api = app.env.get("GITHUB_API_URL").unwrap_or("https://api.github.com");
    let graphql = app.env.get("GITHUB_GRAPHQL_URL").unwrap_or("https://api.github.com/graphql");
    let client = match GitHub::through(&app.network(), api, graphql, Some(secret), repository) {
        Ok(client) => client,
        Err(error) => return unknown(&error.to_string()),
    };
    let (rules, environment) =
        tokio::join!(client.branch_rules(&args.branch), client.environment(&args.environment));
    // A refusal names the permission that the token lacks.
    let why = |error: crate::github::GithubError| match &error.hint {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    };
    let mut found = github::branch(&args.branch, &rules.map_err(&why));
    found.extend(github::environment(&args.environment, &environment.map_err(&why)));
    found.push(Finding::new(
        Level::Unknown,
        "rights of GITHUB_TOKEN",
        "GitHub does not tell what a token may write: the `permissions` of the workflow decide, see above",
    ));
    found
}

async fn of_account(app: &App, args: &DoctorArgs, aws: &Aws, config: &Config) -> Vec<Finding> {
    let role = args.role.map(iam::role).or_else(|| match app.env.get("GITHUB_EVENT_NAME") {
        Some("pull_request" | "merge_group") => Some(Role::Plan),
        _ => None,
    });
    let (ecs, balancing, quota, look, chosen) = tokio::join!(
        survey::linked(aws, "AWSServiceRoleForECS"),
        survey::linked(aws, "AWSServiceRoleForElasticLoadBalancing"),
        surroundings::vcpu_quota(aws),
        lock::look(aws, &config.app.name),
        Box::pin(surroundings::chosen(aws, config)),
    );
    let mut found = vec![account::linked("AWSServiceRoleForECS", &ecs)];
    if config.tasks.values().any(|task| task.kind.is_web()) {
        found.push(account::linked("AWSServiceRoleForElasticLoadBalancing", &balancing));
    }
    for repository in repositories(config) {
        let registry =
            repository.registry.as_ref().map(|(account, region)| (account.as_str(), region.as_str()));
        let mutable = surroundings::mutable_tags(aws, registry, &repository.name).await;
        found.push(account::tags(&repository.name, &mutable));
    }
    let sites = chosen.map_err(|error: lookup::LookupError| error.to_string());
    found.extend(account::egress(&sites));
    let (steady, rolling) = size_of(config);
    found.push(account::quota(&quota, steady, rolling));
    found.push(account::lock(&look.map(|glance| glance.holder.map(|holder| holder.owner.who)), role));
    let answers = match survey::principal(&aws.caller).filter(|_| role == Some(Role::Plan)) {
        Some(principal) => Some(survey::simulate(aws, &principal, account::HARMFUL, &[], None).await),
        None => None,
    };
    found.extend(account::harmless(answers.as_ref()));
    found
}
