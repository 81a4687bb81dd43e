//! The inputs of the action, as types. They travel by environment: `FARGATE_STACK_<NAME>`, where empty means that none was given.

use std::time::Duration;

use crate::approval;
use crate::cli::{self, OnEnd, Selection, WaitArgs, WatchArgs};
use crate::env::Environment;
use crate::error::{Error, ExitStatus};
use crate::github::decide::{Asked, JobCommand};
use crate::github::reviews::Permission;
use crate::model::{Address, Demand};

/// What is done with the plan comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comments {
    /// One is kept up to date.
    Update,
    /// Each plan gets a new one, and older ones are folded away.
    New,
    /// None is written.
    Never,
}

/// Whether a deployment is recorded on GitHub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deployments {
    /// Where an environment is named.
    Auto,
    /// Always; without an environment's name in the one called like the default branch's stage, `production`.
    Always,
    /// Never.
    Never,
}

/// The inputs that steer the job. Those of a single command are read where it is carried out.
#[derive(Debug, Clone)]
#[allow(clippy::struct_excessive_bools, reason = "inputs that are on or off")]
pub struct Inputs {
    /// `command`, `allowed-refs`, `allow-unsafe-event` and the ref, for the decision.
    pub asked: Asked,
    /// `config`: patterns of stack files.
    pub patterns: Vec<String>,
    /// `stacks`: the names of those that are meant; empty for all.
    pub stacks: Vec<String>,
    /// `comment`.
    pub comments: Comments,
    /// `comment-bytes`.
    pub comment_bytes: usize,
    /// `approval`.
    pub approval: approval::Mode,
    /// `on-drift` is `replan`.
    pub replan: bool,
    /// `plan-digest`.
    pub plan_digest: Option<String>,
    /// `environment`.
    pub environment: Option<String>,
    /// `aws-account-ids`.
    pub accounts: Vec<String>,
    /// `summary`.
    pub summary: bool,
    /// `check-run`.
    pub check_run: bool,
    /// `deployment`.
    pub deployments: Deployments,
    /// `min-permission`.
    pub min_permission: Permission,
    /// `lock-timeout`.
    pub lock_timeout: Duration,
    /// `drift-issue`.
    pub drift_issue: bool,
    /// `wait`, `timeout`, `on-failure`, `on-cancel`.
    pub wait: WaitArgs,
}

/// How long a job waits for another run's lock.
const LOCK_TIMEOUT: Duration = Duration::from_mins(10);
/// The default of `comment-bytes`.
const COMMENT_BYTES: usize = 60_000;
/// Less is no room for a table.
const LEAST_BYTES: usize = 2_000;
/// What github.com takes at most.
const MOST_BYTES: usize = 262_000;

fn wrong(input: &str, must: &str, found: &str) -> Error {
    Error::new(ExitStatus::Usage, format!("`{input}` must be {must}, not `{found}`"))
        .hint(format!("correct the input `{input}` of the action in the workflow"))
}

/// The value of an input; `None` when it is not given.
pub fn given<'e>(env: &'e Environment, name: &str) -> Option<&'e str> {
    let text = env.get(&format!("FARGATE_STACK_{}", name.replace('-', "_").to_ascii_uppercase()))?;
    Some(text.trim()).filter(|text| !text.is_empty())
}

/// The items of an input: one a line, or separated by commas.
pub fn list(env: &Environment, name: &str) -> Vec<String> {
    let text = given(env, name).unwrap_or_default();
    text.split(['\n', ',']).map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

fn one_of<T: Copy>(env: &Environment, input: &str, choices: &[(&str, T)], default: T) -> Result<T, Error> {
    let Some(word) = given(env, input) else { return Ok(default) };
    choices.iter().find(|(known, _)| *known == word).map(|(_, value)| *value).ok_or_else(|| {
        let known: Vec<String> = choices.iter().map(|(word, _)| format!("`{word}`")).collect();
        wrong(input, &either(&known), word)
    })
}

fn either(words: &[String]) -> String {
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => words.concat(),
    }
}

fn flag(env: &Environment, input: &str, default: bool) -> Result<bool, Error> {
    one_of(env, input, &[("true", true), ("false", false)], default)
}

fn time(env: &Environment, input: &str, default: Duration) -> Result<Duration, Error> {
    match given(env, input) {
        None => Ok(default),
        Some("0" | "0s") => Ok(Duration::ZERO),
        Some(text) => cli::duration(text)
            .map_err(|why| wrong(input, "a time such as `90s` or `15m`", text).caused_by(why)),
    }
}

impl Inputs {
    /// Reads and checks them; `config` is what names the stack files.
    pub fn read(env: &Environment, config: &str) -> Result<Self, Error> {
        let bytes = match given(env, "comment-bytes") {
            None => COMMENT_BYTES,
            Some(text) => text
                .parse()
                .ok()
                .filter(|bytes| (LEAST_BYTES..=MOST_BYTES).contains(bytes))
                .ok_or_else(|| wrong("comment-bytes", "a number from 2000 to 262000", text))?,
        };
        let accounts = list(env, "aws-account-ids");
        if let Some(other) =
            accounts.iter().find(|id| id.len() != 12 || !id.bytes().all(|b| b.is_ascii_digit()))
        {
            return Err(wrong("aws-account-ids", "account ids of 12 digits", other));
        }
        let environment = given(env, "environment").map(str::to_owned);
        let patterns = config.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned);
        Ok(Self {
            asked: Asked {
                command: one_of(
                    env,
                    "command",
                    &JobCommand::ALL.map(|(command, word)| (word, command)),
                    JobCommand::Auto,
                )?,
                ref_name: env.get("GITHUB_REF").unwrap_or_default().to_owned(),
                allowed_refs: list(env, "allowed-refs"),
                allow_unsafe_event: flag(env, "allow-unsafe-event", false)?,
            },
            patterns: patterns.collect(),
            stacks: list(env, "stacks"),
            comments: one_of(
                env,
                "comment",
                &[("update", Comments::Update), ("new", Comments::New), ("never", Comments::Never)],
                Comments::Update,
            )?,
            comment_bytes: bytes,
            approval: one_of(
                env,
                "approval",
                &approval::Mode::ALL.map(|(mode, word)| (word, mode)),
                approval::Mode::Digest,
            )?,
            replan: one_of(env, "on-drift", &[("fail", false), ("replan", true)], false)?,
            plan_digest: given(env, "plan-digest").map(str::to_owned),
            accounts,
            summary: flag(env, "summary", true)?,
            check_run: flag(env, "check-run", true)?,
            deployments: one_of(
                env,
                "deployment",
                &[("auto", Deployments::Auto), ("true", Deployments::Always), ("false", Deployments::Never)],
                Deployments::Auto,
            )?,
            environment,
            min_permission: one_of(
                env,
                "min-permission",
                &[
                    ("write", Permission::Write),
                    ("maintain", Permission::Maintain),
                    ("admin", Permission::Admin),
                ],
                Permission::Write,
            )?,
            lock_timeout: time(env, "lock-timeout", LOCK_TIMEOUT)?,
            drift_issue: flag(env, "drift-issue", true)?,
            wait: wait(env)?,
        })
    }
}

/// What the inputs ask for something that is carried out; `commit` is the image tag when none is given. A tag that the
/// workflow names must be there, the commit is only a default.
pub fn selection(env: &Environment, commit: &str) -> Result<Selection, Error> {
    let named = list(env, "allow-delete");
    let allow_delete = named.iter().map(|text| text.parse::<Address>()).collect::<Result<_, _>>();
    let named = given(env, "image-tag");
    let wait_image = given(env, "wait-image").map(|text| {
        cli::duration(text)
            .map_err(|why| Error::new(ExitStatus::Usage, format!("`wait-image` is `{text}`: {why}")))
    });
    Ok(Selection {
        image_tag: Some(named.unwrap_or(commit).to_owned()),
        demand: if named.is_some() { Demand::Workflow } else { Demand::Typed },
        allow_delete: allow_delete.map_err(|error| Error::new(ExitStatus::Usage, error.to_string()))?,
        show_value: list(env, "show-values"),
        wait_image: wait_image.transpose()?,
        refresh: Vec::new(),
        create_alb: false,
    })
}

/// How the inputs want rollouts to be waited for.
fn wait(env: &Environment) -> Result<WaitArgs, Error> {
    let on_end = |input: &str| {
        one_of(env, input, &[("leave", OnEnd::Leave), ("rollback", OnEnd::Rollback)], OnEnd::Leave)
    };
    let mut watch = WatchArgs::default();
    watch.timeout = time(env, "timeout", watch.timeout)?;
    watch.on_failure = on_end("on-failure")?;
    watch.on_cancel = on_end("on-cancel")?;
    Ok(WaitArgs { no_wait: !flag(env, "wait", true)?, watch })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(vars: &[(&str, &str)]) -> Result<Inputs, Error> {
        Inputs::read(&Environment::of(vars), "fargate-stack.yml\n  stacks/*.yml \n\n")
    }

    #[test]
    fn unset_inputs_have_the_documented_defaults() {
        let inputs = read(&[]).unwrap();
        assert_eq!(inputs.patterns, ["fargate-stack.yml", "stacks/*.yml"]);
        assert_eq!((inputs.comments, inputs.approval), (Comments::Update, approval::Mode::Digest));
        assert_eq!(
            (inputs.summary, inputs.check_run, inputs.drift_issue, inputs.replan),
            (true, true, true, false)
        );
        assert_eq!(inputs.lock_timeout, Duration::from_mins(10));
        assert_eq!(inputs.min_permission, Permission::Write);
    }

    #[test]
    fn a_wrong_word_is_named_with_the_words_that_are_known() {
        let cases = [
            ("FARGATE_STACK_COMMAND", "aply", "`command`", "`apply`"),
            ("FARGATE_STACK_APPROVAL", "yes", "`approval`", "`digest+review`"),
            ("FARGATE_STACK_COMMENT", "always", "`comment`", "`never`"),
            ("FARGATE_STACK_CHECK_RUN", "1", "`check-run`", "`true` or `false`"),
            ("FARGATE_STACK_COMMENT_BYTES", "100", "`comment-bytes`", "2000"),
            ("FARGATE_STACK_AWS_ACCOUNT_IDS", "1234", "`aws-account-ids`", "12 digits"),
            ("FARGATE_STACK_MIN_PERMISSION", "read", "`min-permission`", "`maintain`"),
            ("FARGATE_STACK_LOCK_TIMEOUT", "soon", "`lock-timeout`", "15m"),
            ("FARGATE_STACK_ON_FAILURE", "retry", "`on-failure`", "`rollback`"),
        ];
        for (name, value, input, known) in cases {
            let error = read(&[(name, value)]).unwrap_err();
            let text = error.to_string();
            assert!(text.contains(input) && text.contains(known) && text.contains(value), "{text}");
            assert_eq!(error.exit(), ExitStatus::Usage);
        }
    }

    #[test]
    fn lists_take_lines_and_commas() {
        let inputs = read(&[("FARGATE_STACK_STACKS", "web, worker\ncron\n")]).unwrap();
        assert_eq!(inputs.stacks, ["web", "worker", "cron"]);
        assert_eq!(read(&[("FARGATE_STACK_LOCK_TIMEOUT", "0")]).unwrap().lock_timeout, Duration::ZERO);
    }
}
