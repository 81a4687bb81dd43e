//! The state of an apply, told wherever people look: comment, check run, deployment, job summary, outputs.

use std::time::Duration;

use crate::approval::{Record, State};
use crate::github::checks::{Check, Conclusion};
use crate::github::comment::{Mode, Volatile, Wanted};
use crate::github::deployments::{Deployment, DeploymentState, DeploymentStatus};
use crate::github::{GitHub, marker};
use crate::render::Links;
use crate::render::comment::{Standing, restated};

use super::super::App;
use super::approve::{Shown, text_digest};
use super::inputs::{Comments, Deployments};
use super::job::Job;
use super::progress::Progress;
use super::pull;

/// How long all that is told at the end of a cancelled job may take: the runner kills it soon.
const HURRY: Duration = Duration::from_millis(1_800);
/// The environment of a deployment when none is named.
const ENVIRONMENT: &str = "production";

/// What is told of an apply.
pub struct Told {
    /// One line, for the deployment and the check run.
    pub title: String,
    /// The document for the comments.
    pub report: String,
    /// The document for the check run, within its limit.
    pub summary: String,
}

/// Tells the state of an apply.
pub struct Teller<'a> {
    app: &'a App,
    job: &'a Job<'a>,
    shown: Vec<Shown>,
    links: Links,
    deployment: Option<u64>,
    /// What a later step of the job must know.
    pub progress: Progress,
}

impl<'a> Teller<'a> {
    /// For the comments that showed the plan.
    pub fn new(app: &'a App, job: &'a Job<'a>, shown: Vec<Shown>, links: Links, progress: Progress) -> Self {
        Self { app, job, shown, links, deployment: None, progress }
    }

    /// Keeps what a later step of the job must know. An apply goes on without.
    pub fn save(&self) {
        if let Err(error) = self.progress.save(&self.app.env) {
            self.app.console.warn(&format!("could not keep the progress of this job: {error}"));
        }
    }

    /// It begins.
    pub async fn begin(&mut self, sha: &str) {
        self.progress.pulls = self.shown.iter().map(|one| one.number).collect();
        self.save();
        let Ok(github) = self.job.github() else { return };
        self.deployment = self.deploy(github, sha).await;
        self.progress.deployment = self.deployment;
        self.save();
        let bytes = self.job.inputs.comment_bytes;
        for one in &mut self.shown {
            one.record.state = State::Applying;
            (one.record.run, one.record.attempt) = (self.job.run, self.job.attempt);
            let text = restated(marker::unmarked(&one.body), &Standing::Applying, &self.links);
            one.body = marker::mark(&pull::value(&pull::fitted(&one.record, bytes)), &text);
        }
        self.comments(github).await;
    }

    /// It ended. In a hurry only so much is told as fits into the time that is left.
    pub async fn end(&mut self, state: State, told: &Told, url: Option<&str>, hurry: bool) {
        let Told { title, report, summary } = told;
        let Ok(github) = self.job.github() else { return };
        let github = &if hurry { github.clone().hurried(HURRY) } else { github.clone() };
        let text = text_digest(state, report).unwrap_or_default();
        let bytes = self.job.inputs.comment_bytes;
        for one in &mut self.shown {
            one.record.state = state;
            (one.record.run, one.record.attempt) = (self.job.run, self.job.attempt);
            one.record.text.clone_from(&text);
            one.body = marker::mark(&pull::value(&pull::fitted(&one.record, bytes)), report);
        }
        let comments = self.comments(github).await;
        let deployed = self.deployed(github, state, title, url).await;
        if self.job.inputs.check_run {
            for one in &self.shown {
                witness(self.app, self.job, github, &one.record, title, summary).await;
            }
        }
        self.progress.ended = comments && deployed;
        self.save();
    }

    /// Not carried out; the plan stays visible, and `why` below it.
    pub async fn refused(&mut self, why: &str) {
        let Ok(github) = self.job.github() else { return };
        let bytes = self.job.inputs.comment_bytes;
        for one in &mut self.shown {
            one.record.state = State::Refused;
            let text = restated(marker::unmarked(&one.body), &Standing::Refused { why }, &self.links);
            one.body = marker::mark(&pull::value(&pull::fitted(&one.record, bytes)), &text);
        }
        self.comments(github).await;
    }

    /// The address of the first comment that showed the plan.
    pub fn comment_url(&self) -> Option<String> {
        self.shown.first().map(|one| self.job.comment_url(one.number, one.comment))
    }

    /// The pull requests whose comments tell of this apply.
    pub fn numbers(&self) -> Vec<u64> {
        self.shown.iter().map(|one| one.number).collect()
    }

    /// Writes the comments; whether all could be written. What has happened in AWS is true whether or not it can be told here.
    async fn comments(&self, github: &GitHub) -> bool {
        if self.job.inputs.comments == Comments::Never {
            return true;
        }
        let mut well = true;
        for one in &self.shown {
            let wanted = Wanted {
                number: one.number,
                scope: &self.job.scope,
                body: &one.body,
                volatile: Volatile::default(),
                head: None,
                run: self.job.run,
                attempt: self.job.attempt,
                mode: Mode::Update,
            };
            if let Err(error) = github.upsert_comment(&wanted).await {
                self.app.console.warn(&format!("could not update the plan comment: {error}"));
                well = false;
            }
        }
        well
    }

    /// The deployment on GitHub, begun.
    async fn deploy(&self, github: &GitHub, sha: &str) -> Option<u64> {
        let environment = match (self.job.inputs.deployments, self.job.inputs.environment.as_deref()) {
            (Deployments::Never, _) | (Deployments::Auto, None) => return None,
            (_, Some(name)) => name,
            (Deployments::Always, None) => ENVIRONMENT,
        };
        let wanted = Deployment {
            sha,
            environment,
            task: "apply",
            description: "fargate-stack apply",
            payload: serde_json::json!({
                "plan_digest": self.progress.digest,
                "pull_requests": self.progress.pulls,
                "run": self.job.run,
                "attempt": self.job.attempt,
            }),
        };
        match github.deployment(&wanted).await {
            Ok(id) => {
                self.job.write(&[("deployment-id", id.to_string())]);
                self.state_of(github, id, DeploymentState::InProgress, "applying", None).await;
                Some(id)
            }
            Err(error) => {
                self.app.console.warn(&format!("could not record the deployment: {error}"));
                None
            }
        }
    }

    async fn deployed(&self, github: &GitHub, state: State, title: &str, url: Option<&str>) -> bool {
        let Some(id) = self.deployment else { return true };
        let state = match state {
            State::Applied => DeploymentState::Success,
            State::Failed | State::Cancelled => DeploymentState::Error,
            _ => DeploymentState::Failure,
        };
        self.state_of(github, id, state, title, url).await
    }

    async fn state_of(
        &self,
        github: &GitHub,
        id: u64,
        state: DeploymentState,
        description: &str,
        url: Option<&str>,
    ) -> bool {
        let status =
            DeploymentStatus { state, description, log_url: &self.job.run_url(), environment_url: url };
        let told = github.deployment_status(id, &status).await;
        if let Err(error) = &told {
            self.app.console.warn(&format!("could not tell the state of the deployment: {error}"));
        }
        told.is_ok()
    }
}

/// Brings the check run up to date. The comment tells the same, so a missing permission is only noted.
async fn witness(app: &App, job: &Job<'_>, github: &GitHub, record: &Record, title: &str, summary: &str) {
    let conclusion = match record.state {
        State::Applied => Conclusion::Success,
        State::Cancelled => Conclusion::Cancelled,
        _ => Conclusion::Failure,
    };
    let check = Check {
        name: &job.check_name(),
        head_sha: &record.head,
        external_id: &record.digest,
        conclusion: Some(conclusion),
        title,
        summary,
        text: &marker::encode(&pull::value(&pull::witnessed(record))),
        details_url: &job.run_url(),
    };
    if let Err(error) = github.put_check_run(&check).await {
        app.console.note(&format!("the check run was left as it is: {error}"));
    }
}
