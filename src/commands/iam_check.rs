//! `iam check`: whether a role may do what the stack needs, and no more; and whether it would have allowed the calls of a run.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;
use serde_json::json;

use crate::access::compare::{Verdict, compare, judge};
use crate::access::{policy, role_name};
use crate::cli::IamCheckArgs;
use crate::config::Loaded;
use crate::error::{Error, ExitStatus};
use crate::lookup::surroundings;
use crate::model::{Finding, Level};
use crate::render::readiness;
use crate::stack::Policy;

use super::session::Session;
use super::{App, failure, iam};

/// One line of a record of calls.
#[derive(Deserialize)]
struct Call {
    action: String,
}

/// Compares. Exits with 1 when something is missing; what is only too wide is told.
pub async fn run(app: &App, args: &IamCheckArgs) -> Result<ExitStatus, Error> {
    let loaded = app.load()?;
    iam::tasks(&loaded, &args.task)?;
    let role = iam::role(args.role);
    let place = iam::place(app, &loaded).await?;
    let needed = policy(role, &loaded.config, &place, &args.task);
    let called = args.calls.as_deref().map(calls).transpose()?;
    let name = args.role_name.clone().unwrap_or_else(|| role_name(&loaded.config.app.name, role));
    let name = name.rsplit('/').next().unwrap_or_default().to_owned();
    let (given, what) = if args.policy.is_empty() {
        (live(app, loaded, &name).await?, format!("the role {name}"))
    } else {
        let files: Vec<Policy> = args.policy.iter().map(|path| document(path)).collect::<Result<_, _>>()?;
        (files, "the policy".to_owned())
    };
    let found = compare(&needed, &given);
    let about = |one: &crate::access::compare::Difference| format!("{} on {}", one.action, one.resource);
    let mut findings: Vec<Finding> =
        found.missing.iter().map(|one| Finding::new(Level::Fail, about(one), one.why.as_str())).collect();
    let refused = |action: &String| judge(&given, action, None) != Verdict::Allowed;
    findings.extend(
        called
            .iter()
            .flatten()
            .filter(|action| refused(action))
            .map(|action| Finding::new(Level::Fail, action.as_str(), "was called, and would be refused")),
    );
    findings.extend(found.wide.iter().map(|one| Finding::new(Level::Warn, about(one), one.why.as_str())));
    findings.extend(
        found
            .unclear
            .iter()
            .map(|text| Finding::new(Level::Unknown, "a statement", format!("cannot be judged: {text}"))),
    );
    if findings.is_empty() {
        findings.push(Finding::new(Level::Ok, what.as_str(), "allows what the stack needs, and no more"));
    }
    let fits = !findings.iter().any(|one| one.level == Level::Fail);
    let title = format!("{what} against what {} needs", role.word());
    app.document(
        None,
        &readiness::comparison(title, &findings),
        &json!({"fits": fits, "findings": findings}),
    )?;
    Ok(if fits { ExitStatus::Done } else { ExitStatus::Failed })
}

fn unreadable(path: &Path, why: &str) -> Error {
    Error::new(ExitStatus::Usage, format!("could not read `{}`", path.display())).caused_by(why)
}

/// A policy document, or several in a list.
fn document(path: &Path) -> Result<Policy, Error> {
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, &error.to_string()))?;
    let found = Policy::read(&text).map_err(|error| unreadable(path, &error.to_string()))?;
    if found.statements.is_empty() {
        return Err(
            unreadable(path, "it has no statements").hint("it must be a policy document of IAM in JSON")
        );
    }
    Ok(found)
}

/// The actions of a record of calls, each once.
fn calls(path: &Path) -> Result<BTreeSet<String>, Error> {
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, &error.to_string()))?;
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines
        .map(|line| {
            let call: Call =
                serde_json::from_str(line).map_err(|error| unreadable(path, &error.to_string()))?;
            Ok(call.action)
        })
        .collect()
}

/// The policies of a role as AWS has them.
async fn live(app: &App, loaded: Loaded, name: &str) -> Result<Vec<Policy>, Error> {
    let connection = app.connect(&loaded).await?;
    let session = Session::new(app, loaded, connection).await?;
    surroundings::policies(&session.aws, name).await.map_err(|error| failure::call(&error))
}
