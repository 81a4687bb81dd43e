//! Failures of the layers as errors for the user: what happened, why, what to do, which exit code.

use crate::aws::ConnectError;
use crate::config::{ConfigError, Loaded, UpdateError, point};
use crate::engine::PlanError;
use crate::error::{Error, ExitStatus};
use crate::github::GithubError;
use crate::lookup::LookupError;
use crate::model::CallError;

/// The stack file cannot be used.
pub fn config(error: &ConfigError) -> Error {
    let places = error.diagnostics();
    if places.is_empty() {
        let plain = Error::new(ExitStatus::Usage, error.to_string());
        return error.hint().into_iter().fold(plain, Error::hint);
    }
    let file = places.first().map(|place| place.file.clone()).unwrap_or_default();
    let count = places.len();
    let message = format!("{count} {} in `{file}`", if count == 1 { "error" } else { "errors" });
    // The count, which ends the text of the error, is in the message.
    let text = error.to_string();
    let places = text.rsplit_once("\n\n").map_or(text.as_str(), |(places, _count)| places);
    Error::new(ExitStatus::Usage, message).detail(places)
}

/// There is no connection to AWS.
pub fn connect(error: &ConnectError) -> Error {
    match error {
        ConnectError::NoRegion => Error::new(ExitStatus::Usage, error.to_string())
            .hint("set `region:` in the stack file, `--region`, or AWS_REGION"),
        ConnectError::Region(_) => Error::new(ExitStatus::Usage, error.to_string())
            .hint("a region looks like `us-east-1`; `--region` wins over `region:` in the stack file and over AWS_REGION"),
        ConnectError::Credentials(why) => Error::new(ExitStatus::Failed, error.to_string())
            .caused_by(without_debug(why))
            .hint("sign in, name a profile with `--profile`, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
            .hint("in a workflow, a step before this one gets them, such as `aws-actions/configure-aws-credentials`"),
        ConnectError::Identity(source) => Error::of_call(error.to_string(), source),
    }
}

/// The SDK's reason without the dump of its types that follows in brackets, each line one part.
fn without_debug(why: &str) -> String {
    let words = why.split_once(" (").map_or(why, |(words, _)| words);
    words.lines().map(str::trim).collect::<Vec<_>>().join("; ").replace(":; ", ": ")
}

/// The account does not have what the stack needs, or a read was refused.
pub fn lookup(error: &LookupError, loaded: &Loaded) -> Error {
    let exit = if error.is_configuration() { ExitStatus::Usage } else { ExitStatus::Failed };
    let mut parts = Vec::new();
    for problem in &error.problems {
        let mut part = point(loaded, &problem.route, &problem.what, None)
            .map_or_else(|| problem.what.clone(), |place| place.to_string());
        for candidate in &problem.candidates {
            part.push_str("\n  ");
            part.push_str(candidate);
        }
        parts.push(part);
    }
    parts.extend(error.calls.iter().map(ToString::to_string));
    let message = match (parts.as_slice(), error.problems.as_slice(), error.calls.as_slice()) {
        ([_], [problem], _) if problem.route.is_empty() && problem.candidates.is_empty() => {
            let told = Error::new(exit, problem.what.clone());
            return error.hints().into_iter().fold(told, Error::hint);
        }
        ([_], _, [call]) => return Error::of_call("could not look up what the stack needs", call),
        _ => format!(
            "the account {} what the stack needs",
            if error.calls.is_empty() { "does not have" } else { "could not be asked for" }
        ),
    };
    let told = Error::new(exit, message).detail(parts.join("\n\n"));
    error.hints().into_iter().fold(told, Error::hint)
}

/// There is no plan.
pub fn plan(error: &PlanError) -> Error {
    match error {
        PlanError::Reads(failures) => match failures.as_slice() {
            [(at, call)] => Error::of_call(format!("could not read {}", at.address), call),
            several => {
                let lines: Vec<String> =
                    several.iter().map(|(at, call)| format!("{}: {call}", at.address)).collect();
                let first = several.first().map(|(_, call)| Error::of_call("", call));
                let told =
                    Error::new(ExitStatus::Failed, "could not read what exists").detail(lines.join("\n"));
                first.iter().flat_map(|first| first.hints().to_vec()).fold(told, Error::hint)
            }
        },
        PlanError::Taken { .. } => Error::new(ExitStatus::Usage, error.to_string())
            .hint("choose another `app.name`, or another name for this resource in the stack file"),
        PlanError::Unfit { .. } => Error::new(ExitStatus::Usage, error.to_string())
            .hint("delete it, or choose another name for this resource in the stack file"),
        PlanError::Missing { .. } => Error::new(ExitStatus::Usage, error.to_string())
            .hint("`fargate-stack apply` makes it; after that this command has what it needs"),
        PlanError::Cycle(_) => Error::bug(error.to_string()),
        PlanError::Shape { source, .. } => Error::bug(error.to_string()).caused_by(source.to_string()),
    }
}

/// A call outside a plan or an apply failed.
pub fn call(error: &CallError) -> Error {
    Error::from(error.clone())
}

/// The stack file cannot be changed.
pub fn update(error: &UpdateError) -> Error {
    Error::new(ExitStatus::Failed, error.to_string()).hint("the stack file is left as it was")
}

/// GitHub did not do what was asked.
pub fn github(doing: &str, error: &GithubError) -> Error {
    let told = Error::new(ExitStatus::Failed, format!("could not {doing}")).caused_by(error.to_string());
    error.hint.clone().into_iter().fold(told, Error::hint)
}
