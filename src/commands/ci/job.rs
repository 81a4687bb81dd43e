//! One job of a workflow: what the runner passes in, and where results go.

use std::path::PathBuf;

use serde_json::Value;

use crate::approval::{Mode, Record};
use crate::config::ConfigError;
use crate::error::{Error, ExitStatus};
use crate::github::workflow::{Annotation, Level, annotations};
use crate::github::{GitHub, Token, outputs};
use crate::model::{self, Plan, Summary, Verb};
use crate::render::comment::{Notice, Severity};
use crate::render::{self, Link, Links};

use super::super::apply::Done;
use super::super::{App, failure};
use super::inputs::{self, Inputs};

/// How a job ended: the output `outcome`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A plan with changes was shown.
    Planned,
    /// There is nothing to do.
    NoChanges,
    /// Everything is done.
    Applied,
    /// Everything is done, but a rollout did not succeed.
    RolloutFailed,
    /// Done in part.
    Partial,
    /// It failed.
    Failed,
    /// It was not allowed, or is not what was approved.
    Refused,
    /// It is not what was approved, and the workflow asks a person (`on-drift: replan`).
    NeedsApproval,
    /// A signal ended it.
    Cancelled,
    /// Only the stack files were checked.
    Validated,
    /// AWS is not as the stack files want.
    Drift,
    /// A command that was started by hand is done.
    Ran,
    /// The event asks for nothing.
    Ignored,
}

impl Outcome {
    /// The word of the output.
    pub fn word(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::NoChanges => "no-changes",
            Self::Applied => "applied",
            Self::RolloutFailed => "rollout-failed",
            Self::Partial => "partial",
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::NeedsApproval => "needs-approval",
            Self::Cancelled => "cancelled",
            Self::Validated => "validated",
            Self::Drift => "drift",
            Self::Ran => "ran",
            Self::Ignored => "ignored",
        }
    }
}

/// What the runner says about this job.
pub struct Job<'a> {
    app: &'a App,
    /// The inputs.
    pub inputs: Inputs,
    /// `GITHUB_EVENT_NAME`.
    pub event_name: String,
    /// The content of `GITHUB_EVENT_PATH`.
    pub event_text: String,
    /// `GITHUB_SHA`: the commit that is checked out.
    pub sha: String,
    /// Which comment is ours: one for each set of stack files.
    pub scope: String,
    /// Absent without a token.
    github: Option<GitHub>,
    server: String,
    repository: String,
    /// `GITHUB_RUN_ID`.
    pub run: u64,
    /// `GITHUB_RUN_ATTEMPT`.
    pub attempt: u64,
}

impl<'a> Job<'a> {
    /// Reads the runner's variables and the event file. Must be called within the runtime.
    pub fn new(app: &'a App) -> Result<Self, Error> {
        let need = |name: &str| {
            app.env.get(name).map(str::to_owned).ok_or_else(|| {
                Error::new(ExitStatus::Usage, format!("{name} is not set")).hint(
                    "`fargate-stack ci` runs in a GitHub Actions workflow; elsewhere use `plan` and `apply`",
                )
            })
        };
        let event_path = PathBuf::from(need("GITHUB_EVENT_PATH")?);
        let event_text = std::fs::read_to_string(&event_path).map_err(|error| {
            Error::new(ExitStatus::Usage, format!("could not read the event file `{}`", event_path.display()))
                .caused_by(error.to_string())
        })?;
        let inputs = Inputs::read(&app.env, &app.cli.global.config.display().to_string())?;
        let repository = need("GITHUB_REPOSITORY")?;
        let github = match app.env.get("GITHUB_TOKEN").and_then(Token::new) {
            None => None,
            Some(token) => {
                let (api, graphql) = (need("GITHUB_API_URL")?, need("GITHUB_GRAPHQL_URL")?);
                let network = app.network();
                let client = GitHub::through(&network, &api, &graphql, Some(token), &repository);
                Some(client.map_err(|error| failure::github("set up the GitHub client", &error))?)
            }
        };
        let number = |name: &str| app.env.get(name).and_then(|text| text.parse().ok()).unwrap_or_default();
        let mut scope = inputs.patterns.join(", ");
        if !inputs.stacks.is_empty() {
            scope = format!("{scope}: {}", inputs.stacks.join(", "));
        }
        Ok(Self {
            app,
            event_name: need("GITHUB_EVENT_NAME")?,
            event_text,
            sha: app.env.get("GITHUB_SHA").unwrap_or_default().to_owned(),
            scope,
            github,
            server: app.env.get("GITHUB_SERVER_URL").unwrap_or("https://github.com").to_owned(),
            repository,
            run: number("GITHUB_RUN_ID"),
            attempt: number("GITHUB_RUN_ATTEMPT").max(1),
            inputs,
        })
    }

    /// The client, or an error that says how to get one.
    pub fn github(&self) -> Result<&GitHub, Error> {
        self.github.as_ref().ok_or_else(|| {
            Error::new(ExitStatus::Failed, "there is no GitHub token")
                .hint("the action passes `github.token`; elsewhere set GITHUB_TOKEN")
        })
    }

    /// The value of an input that a single command reads.
    pub fn input(&self, name: &str) -> Option<&str> {
        inputs::given(&self.app.env, name)
    }

    /// Whoever started this attempt: `GITHUB_TRIGGERING_ACTOR`. `GITHUB_ACTOR` is who started the first one.
    pub fn actor(&self) -> Option<&str> {
        self.app.env.get("GITHUB_TRIGGERING_ACTOR")
    }

    /// Name of our check run on a commit.
    pub fn check_name(&self) -> String {
        format!("fargate-stack: {}", self.scope)
    }

    /// The address of this attempt of the run.
    pub fn run_url(&self) -> String {
        self.run_link(self.run, self.attempt).url
    }

    /// A link to an attempt of a run.
    pub fn run_link(&self, run: u64, attempt: u64) -> Link {
        let (server, repository) = (&self.server, &self.repository);
        Link {
            label: format!("run {run}"),
            url: format!("{server}/{repository}/actions/runs/{run}/attempts/{attempt}"),
        }
    }

    /// Where a document of this run points to.
    pub fn links(&self, commit: &str, base: Option<String>) -> Links {
        self.links_of(commit, base, self.run, self.attempt)
    }

    /// Where the document of a record pointed to.
    pub fn recorded_links(&self, record: &Record) -> Links {
        let base = format!("{}@{}", record.base_ref, super::short(&record.base));
        self.links_of(&record.head, Some(base), record.run, record.attempt)
    }

    fn links_of(&self, commit: &str, base: Option<String>, run: u64, attempt: u64) -> Links {
        let run = self.run_link(run, attempt);
        Links {
            head: Some(Link {
                label: commit.to_owned(),
                url: format!("{}/{}/commit/{commit}", self.server, self.repository),
            }),
            base,
            full: Some(Link { label: "full plan".to_owned(), url: run.url.clone() }),
            run: Some(run),
            ..Links::default()
        }
    }

    /// The address of a pull request.
    pub fn pull_url(&self, number: u64) -> String {
        format!("{}/{}/pull/{number}", self.server, self.repository)
    }

    /// The address of a comment.
    pub fn comment_url(&self, number: u64, id: u64) -> String {
        format!("{}#issuecomment-{id}", self.pull_url(number))
    }

    /// How the merge is approved, as the plan comment says it.
    pub fn approval_words(&self) -> &'static str {
        match self.inputs.approval {
            Mode::Digest => {
                "The merge applies this plan if a plan made then is equal to it, and refuses otherwise."
            }
            Mode::DigestAndReview => {
                "The merge applies this plan if a plan made then is equal to it and a review approved it; a review from before this \
                 plan does not count."
            }
            Mode::Environment => {
                "The merge applies this plan if a plan made then is equal to it, or once somebody approves the new one for its \
                 environment."
            }
            Mode::None => "The merge applies whatever is to be done then.",
        }
    }

    /// Annotates what is wrong in stack files at its place.
    pub fn annotate(&self, errors: &[ConfigError]) {
        let places: Vec<Annotation> = errors
            .iter()
            .flat_map(ConfigError::diagnostics)
            .map(|place| Annotation {
                file: Some(place.file.clone()),
                line: Some(place.line as u64),
                column: Some(place.column as u64),
                ..Annotation::new(Level::Error, place.message.clone())
            })
            .collect();
        self.app.console.annotate(&annotations(&places, 9));
    }

    /// Annotates what plans want to be noticed.
    pub fn notice(&self, notices: &[Notice]) {
        let all: Vec<Annotation> = notices
            .iter()
            .map(|notice| Annotation {
                file: Some(notice.file.clone()).filter(|file| !file.is_empty()),
                ..Annotation::new(
                    match notice.severity {
                        Severity::Error => Level::Error,
                        Severity::Warning => Level::Warning,
                    },
                    notice.text.clone(),
                )
            })
            .collect();
        self.app.console.annotate(&annotations(&all, 10));
    }

    /// Adds to the job summary. That it cannot be written is told, and no reason to fail.
    pub fn summary(&self, markdown: &str) {
        let path = self.app.env.path("GITHUB_STEP_SUMMARY").filter(|_| self.inputs.summary);
        let Some(path) = path else { return };
        match outputs::append_summary(&path, markdown) {
            Ok(true) => {}
            Ok(false) => self.app.console.warn("the job summary is full"),
            Err(error) => self.app.console.warn(&format!("could not write the job summary: {error}")),
        }
    }

    /// Writes the whole plans, as machines read them, into the runner's temporary folder; the path is an output.
    pub fn plan_file(&self, digest: &str, plans: &[&Plan]) {
        let Some(folder) = self.app.env.path("RUNNER_TEMP") else { return };
        let path = folder.join(format!("fargate-stack-plan-{}-{}.json", self.run, self.attempt));
        let plans: Vec<Value> = plans.iter().map(|plan| render::plan_json(plan)).collect();
        let text = render::escape::json(&serde_json::json!({"plan_digest": digest, "stacks": plans}));
        match super::progress::write_private(&path, &text) {
            Ok(()) => self.write(&[("plan-path", path.display().to_string())]),
            Err(error) => {
                self.app.console.warn(&format!("could not write `{}`: {error}", path.display()));
            }
        }
    }

    /// Only the stack files were checked, because of `why`.
    pub fn validated(&self, stacks: &[&str], why: &str) -> Result<ExitStatus, Error> {
        let names = stacks.join(", ");
        let valid = if stacks.len() == 1 { "The stack file is valid" } else { "The stack files are valid" };
        let text = format!("{valid}. Nothing was planned: {why}.");
        self.app.print(&format!("{names}: {text}"))?;
        let shown: Vec<String> = stacks.iter().map(|stack| render::escape::code(stack)).collect();
        self.summary(&format!(
            "### Fargate stack {}\n\n{}\n",
            shown.join(", "),
            render::escape::markdown(&text)
        ));
        self.finish(Outcome::Validated, None);
        Ok(ExitStatus::Done)
    }

    /// Nothing is to be done.
    pub fn ignore(&self, why: &str) -> Result<ExitStatus, Error> {
        self.app.print(&format!("nothing to do: {why}"))?;
        self.finish(Outcome::Ignored, None);
        Ok(ExitStatus::Done)
    }

    /// Writes the outputs of a job that ends with an error.
    pub fn finish_failed(&self, error: &Error) {
        let outcome = match error.exit() {
            ExitStatus::Refused => Outcome::Refused,
            ExitStatus::Interrupted => Outcome::Cancelled,
            _ => Outcome::Failed,
        };
        self.finish(outcome, Some(error.reason()));
    }

    /// Writes the outputs that tell what plans would do: whether they change anything, their digest and their counts.
    pub fn told<'p>(&self, digest: &str, plans: impl IntoIterator<Item = &'p Plan>) {
        let mut all = Summary::default();
        let mut changed = false;
        for plan in plans {
            let one = plan.summary();
            changed |= !plan.is_empty();
            all.create += one.create;
            all.adopt += one.adopt;
            all.update += one.update;
            all.replace += one.replace;
            all.delete += one.delete;
        }
        let count = |name, count: usize| (name, count.to_string());
        self.write(&[
            ("changed", changed.to_string()),
            ("plan-digest", digest.to_owned()),
            count("create", all.create),
            count("adopt", all.adopt),
            count("update", all.update),
            count("replace", all.replace),
            count("delete", all.delete),
        ]);
    }

    /// Writes the outputs that tell what was released: the revisions that were made, where the first web service is, and how the
    /// rollouts ended, the worst of them.
    pub fn released<'d>(&self, done: impl IntoIterator<Item = (&'d Plan, &'d Done)>) {
        let (mut revisions, mut url, mut rollout) = (Vec::new(), None, None);
        for (plan, done) in done {
            revisions.extend(done.report.outcomes.iter().filter_map(|(step, outcome)| match outcome {
                model::Outcome::Done(outputs)
                    if step.address.kind() == "task_definition" && step.verb == Verb::Make =>
                {
                    Some(format!("{}:{}", outputs.get("family")?, outputs.get("revision")?))
                }
                _ => None,
            }));
            let endpoint = plan.endpoints.first().filter(|_| done.applied == ExitStatus::Done);
            url = url.or_else(|| endpoint.map(|endpoint| endpoint.url.clone()));
            if let Some(waited) = &done.rollout {
                let word = waited.as_ref().map_or("unknown", |(report, _)| report.outcome.word());
                if rollout.is_none_or(|worst| worst == "succeeded") {
                    rollout = Some(word);
                }
            }
        }
        let mut all = vec![("revisions", revisions.join(","))];
        all.extend(url.map(|url| ("url", url)));
        all.extend(rollout.map(|word| ("rollout", word.to_owned())));
        self.write(&all);
    }

    /// Writes how the job ended, and why it failed, if it did.
    pub fn finish(&self, outcome: Outcome, reason: Option<&str>) {
        let mut all = vec![("outcome", outcome.word().to_owned())];
        all.extend(reason.map(|reason| ("failure-reason", reason.to_owned())));
        self.write(&all);
    }

    /// Writes outputs.
    pub fn write(&self, all: &[(&str, String)]) {
        let Some(path) = self.app.env.path("GITHUB_OUTPUT") else { return };
        let all: Vec<(&str, &str)> = all.iter().map(|(name, value)| (*name, value.as_str())).collect();
        if let Err(error) = outputs::append_outputs(&path, &all) {
            self.app.console.warn(&format!("could not write the outputs: {error}"));
        }
    }
}
