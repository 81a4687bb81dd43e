//! One job of a workflow: what the runner passes in, and where results go.

use std::path::PathBuf;

use serde_json::Value;

use crate::cli::{self, OnEnd, Selection, WaitArgs, WatchArgs};
use crate::config::Loaded;
use crate::error::{Error, ExitStatus};
use crate::github::workflow::{Annotation, Level, annotations};
use crate::github::{GitHub, Token, outputs};
use crate::model::{self, Address, Demand, Plan, Verb};
use crate::render::{self, Link, Links, PlanView};

use super::super::apply::Done;
use super::super::record::Record;
use super::super::{App, failure};

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
    /// The plan is not the one that was shown.
    Refused,
    /// Only the stack file was checked.
    Validated,
    /// The event asks for nothing.
    Ignored,
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::NoChanges => "no-changes",
            Self::Applied => "applied",
            Self::RolloutFailed => "rollout-failed",
            Self::Partial => "partial",
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::Validated => "validated",
            Self::Ignored => "ignored",
        }
    }
}

/// What the runner says about this job.
pub struct Job<'a> {
    app: &'a App,
    /// `GITHUB_EVENT_NAME`.
    pub event_name: String,
    /// The content of `GITHUB_EVENT_PATH`.
    pub event_text: String,
    /// Which comment is ours: one for each stack file.
    pub scope: String,
    /// Whether a comment is wanted.
    pub comments: bool,
    /// Absent without a token.
    github: Option<GitHub>,
    server: String,
    repository: String,
    run: u64,
    attempt: u64,
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
        let comments = match app.env.get("FARGATE_STACK_COMMENT") {
            None | Some("update") => true,
            Some("never") => false,
            Some(other) => {
                let message = format!("`comment` must be `update` or `never`, not `{other}`");
                return Err(Error::new(ExitStatus::Usage, message));
            }
        };
        let repository = need("GITHUB_REPOSITORY")?;
        let github = match app.env.get("GITHUB_TOKEN").and_then(Token::new) {
            None => None,
            Some(token) => {
                let (api, graphql) = (need("GITHUB_API_URL")?, need("GITHUB_GRAPHQL_URL")?);
                let client = GitHub::new(&api, &graphql, Some(token), &repository);
                Some(client.map_err(|error| failure::github("set up the GitHub client", &error))?)
            }
        };
        let number = |name: &str| app.env.get(name).and_then(|text| text.parse().ok()).unwrap_or_default();
        Ok(Self {
            app,
            event_name: need("GITHUB_EVENT_NAME")?,
            event_text,
            scope: app.cli.global.config.display().to_string(),
            comments,
            github,
            server: app.env.get("GITHUB_SERVER_URL").unwrap_or("https://github.com").to_owned(),
            repository,
            run: number("GITHUB_RUN_ID"),
            attempt: number("GITHUB_RUN_ATTEMPT").max(1),
        })
    }

    /// The client, or an error that says how to get one.
    pub fn github(&self) -> Result<&GitHub, Error> {
        self.github.as_ref().ok_or_else(|| {
            Error::new(ExitStatus::Failed, "there is no GitHub token")
                .hint("the action passes `github.token`; elsewhere set GITHUB_TOKEN")
        })
    }

    /// What the inputs ask for something that is carried out; `commit` is the image tag when none is given. A tag that the
    /// workflow names must be there, the commit is only a default.
    pub fn selection(&self, commit: &str) -> Result<Selection, Error> {
        let env = &self.app.env;
        let named = env.names("FARGATE_STACK_ALLOW_DELETE");
        let allow_delete = named.iter().map(|text| text.parse::<Address>()).collect::<Result<_, _>>();
        let named = env.get("FARGATE_STACK_IMAGE_TAG");
        let wait_image = env.get("FARGATE_STACK_WAIT_IMAGE").map(|text| {
            crate::cli::duration(text)
                .map_err(|why| Error::new(ExitStatus::Usage, format!("`wait-image` is `{text}`: {why}")))
        });
        Ok(Selection {
            image_tag: Some(named.unwrap_or(commit).to_owned()),
            demand: if named.is_some() { Demand::Workflow } else { Demand::Typed },
            allow_delete: allow_delete.map_err(|error| Error::new(ExitStatus::Usage, error.to_string()))?,
            show_value: env.names("FARGATE_STACK_SHOW_VALUES"),
            wait_image: wait_image.transpose()?,
            refresh: Vec::new(),
            create_alb: false,
        })
    }

    /// How the inputs want rollouts to be waited for.
    pub fn wait(&self) -> Result<WaitArgs, Error> {
        let env = &self.app.env;
        let wrong = |input: &str, must: &str, found: &str| {
            Error::new(ExitStatus::Usage, format!("`{input}` must be {must}, not `{found}`"))
        };
        let no_wait = match env.get("FARGATE_STACK_WAIT") {
            None | Some("true") => false,
            Some("false") => true,
            Some(other) => return Err(wrong("wait", "`true` or `false`", other)),
        };
        let mut watch = WatchArgs::default();
        if let Some(text) = env.get("FARGATE_STACK_TIMEOUT") {
            watch.timeout = cli::duration(text)
                .map_err(|why| wrong("timeout", "a time such as `90s` or `15m`", text).caused_by(why))?;
        }
        let on_end = |input: &str, name: &str| match env.get(name) {
            None | Some("leave") => Ok(OnEnd::Leave),
            Some("rollback") => Ok(OnEnd::Rollback),
            Some(other) => Err(wrong(input, "`leave` or `rollback`", other)),
        };
        watch.on_failure = on_end("on-failure", "FARGATE_STACK_ON_FAILURE")?;
        watch.on_cancel = on_end("on-cancel", "FARGATE_STACK_ON_CANCEL")?;
        Ok(WaitArgs { no_wait, watch })
    }

    /// The hidden record of a plan, as the comment's marker holds it.
    pub fn record(&self, plan: &Plan, head: &str) -> Result<Value, Error> {
        let record = serde_json::to_value(Record::new(plan, head, self.run, self.attempt));
        let mut record = record.map_err(|error| Error::bug(error.to_string()))?;
        if let Some(fields) = record.as_object_mut() {
            fields.insert("scope".to_owned(), self.scope.clone().into());
        }
        Ok(record)
    }

    /// Where a document of this run points to.
    pub fn links(&self, commit: &str, base: Option<String>) -> Links {
        let (server, repository, run, attempt) = (&self.server, &self.repository, self.run, self.attempt);
        let address = format!("{server}/{repository}/actions/runs/{run}/attempts/{attempt}");
        Links {
            head: Some(Link {
                label: commit.to_owned(),
                url: format!("{server}/{repository}/commit/{commit}"),
            }),
            base,
            run: Some(Link { label: format!("run {run}"), url: address.clone() }),
            full: Some(Link { label: "full plan".to_owned(), url: address }),
            ..Links::default()
        }
    }

    /// The address of a pull request.
    pub fn pull_url(&self, number: u64) -> String {
        format!("{}/{}/pull/{number}", self.server, self.repository)
    }

    /// The address of a comment.
    pub fn comment_url(&self, number: u64, id: u64) -> String {
        format!("{}/{}/pull/{number}#issuecomment-{id}", self.server, self.repository)
    }

    /// Shows a plan in the log, its warnings as annotations; the view of it.
    pub fn show(&self, plan: &Plan, selection: &Selection) -> Result<PlanView, Error> {
        let show_values = selection.show_value.iter().cloned().collect();
        let view = render::view::plan(plan, &render::Context { show_values, suggest_apply: false });
        self.app.print(&render::plan_text(&view, self.app.console.style()))?;
        let warnings: Vec<Annotation> =
            plan.warnings.iter().map(|warning| Annotation::new(Level::Warning, warning.clone())).collect();
        self.app.console.annotate(&annotations(&warnings, 10));
        Ok(view)
    }

    /// Loads the stack file; what is wrong in it is annotated at its place.
    pub fn load(&self) -> Result<Loaded, Error> {
        self.app.read().map_err(|error| {
            let places: Vec<Annotation> = error
                .diagnostics()
                .iter()
                .map(|place| Annotation {
                    file: Some(place.file.clone()),
                    line: Some(place.line as u64),
                    column: Some(place.column as u64),
                    ..Annotation::new(Level::Error, place.message.clone())
                })
                .collect();
            self.app.console.annotate(&annotations(&places, 9));
            failure::config(&error)
        })
    }

    /// Adds to the job summary. That it cannot be written is told, and no reason to fail.
    pub fn summary(&self, markdown: &str) {
        let Some(path) = self.app.env.path("GITHUB_STEP_SUMMARY") else { return };
        match outputs::append_summary(&path, markdown) {
            Ok(true) => {}
            Ok(false) => self.app.console.warn("the job summary is full"),
            Err(error) => self.app.console.warn(&format!("could not write the job summary: {error}")),
        }
    }

    /// Only the stack file was checked, because of `why`.
    pub fn validated(&self, loaded: &Loaded, why: &str) -> Result<ExitStatus, Error> {
        let stack = &loaded.config.app.name;
        let text = format!("The stack file is valid. Nothing was planned: {why}.");
        self.app.print(&format!("{stack}: {text}"))?;
        self.summary(&format!(
            "### Fargate stack {}\n\n{}\n",
            render::escape::code(stack),
            render::escape::markdown(&text)
        ));
        self.finish(Outcome::Validated, None, None);
        Ok(ExitStatus::Done)
    }

    /// Nothing is to be done.
    pub fn ignore(&self, why: &str) -> Result<ExitStatus, Error> {
        self.app.print(&format!("nothing to do: {why}"))?;
        self.finish(Outcome::Ignored, None, None);
        Ok(ExitStatus::Done)
    }

    /// Writes the outputs of a job that ends with an error.
    pub fn finish_failed(&self, error: &Error) {
        let outcome = if error.exit() == ExitStatus::Refused { Outcome::Refused } else { Outcome::Failed };
        self.finish(outcome, None, None);
    }

    /// Writes the outputs that tell what was released: the revisions that were made, where the first web service is, and how the
    /// rollouts ended.
    pub fn released(&self, plan: &Plan, done: &Done) {
        let made = done.report.outcomes.iter().filter_map(|(step, outcome)| match outcome {
            model::Outcome::Done(outputs)
                if step.address.kind() == "task_definition" && step.verb == Verb::Make =>
            {
                Some(format!("{}:{}", outputs.get("family")?, outputs.get("revision")?))
            }
            _ => None,
        });
        let made: Vec<String> = made.collect();
        let mut all = vec![("revisions", made.join(","))];
        let endpoint = plan.endpoints.first().filter(|_| done.applied == ExitStatus::Done);
        all.extend(endpoint.map(|endpoint| ("url", endpoint.url.clone())));
        all.extend(done.rollout.as_ref().map(|waited| {
            ("rollout", waited.as_ref().map_or("unknown", |(report, _)| report.outcome.word()).to_owned())
        }));
        self.write(&all);
    }

    /// Writes the outputs.
    pub fn finish(&self, outcome: Outcome, plan: Option<&Plan>, comment: Option<&str>) {
        let mut all = vec![("outcome", outcome.word().to_owned())];
        if let Some(plan) = plan {
            let summary = plan.summary();
            all.push(("changed", (!plan.is_empty()).to_string()));
            all.push(("fingerprint", plan.fingerprint.clone()));
            let counts = [
                ("create", summary.create),
                ("adopt", summary.adopt),
                ("update", summary.update),
                ("replace", summary.replace),
                ("delete", summary.delete),
            ];
            all.extend(counts.map(|(name, count)| (name, count.to_string())));
        }
        all.extend(comment.map(|address| ("comment-url", address.to_owned())));
        self.write(&all);
    }

    fn write(&self, all: &[(&str, String)]) {
        let Some(path) = self.app.env.path("GITHUB_OUTPUT") else { return };
        let all: Vec<(&str, &str)> = all.iter().map(|(name, value)| (*name, value.as_str())).collect();
        if let Err(error) = outputs::append_outputs(&path, &all) {
            self.app.console.warn(&format!("could not write the outputs: {error}"));
        }
    }
}
