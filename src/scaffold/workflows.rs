//! The workflows of a repository: plan and apply, runs of tasks, drift.

use serde::Serialize;

use crate::config::{CommandRule, Config, TaskType};
use crate::render::yaml;

use super::File;
use super::answers::{Answers, STACK_FILE};

/// Where workflows are.
pub const FOLDER: &str = ".github/workflows";

/// What the templates see.
#[derive(Debug, Serialize)]
struct Model<'a> {
    branch: &'a str,
    environment: &'a str,
    task_environment: String,
    region: &'a str,
    roles: RolesModel<'a>,
    action: &'a str,
    /// The action is named by a commit.
    pinned: bool,
    /// The stack file, unless it has the name that the action looks for.
    config: Option<&'a str>,
    build: Option<Build<'a>>,
    tasks: Vec<&'a str>,
    /// A run may be given words for its command.
    words: bool,
    /// A run may be given environment variables.
    variables: bool,
}

#[derive(Debug, Serialize)]
struct RolesModel<'a> {
    plan: Option<&'a str>,
    apply: Option<&'a str>,
    task: Option<&'a str>,
    image: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Build<'a> {
    repository: &'a str,
    platform: &'static str,
}

/// The tasks that a workflow may run, in the order of their names.
pub fn runnable(config: &Config) -> Vec<&str> {
    let may = |task: &crate::config::Task| match &task.run {
        Some(run) => run.allowed.unwrap_or(true),
        None => task.kind == TaskType::Task,
    };
    config.tasks.iter().filter(|(_, task)| may(task)).map(|(key, _)| key.as_str()).collect()
}

/// The workflows for a stack file. One that runs tasks is there when the stack has some that a workflow may run. The error says
/// what is wrong with a template: a bug.
pub fn files(answers: &Answers, config: &Config) -> Result<Vec<File>, String> {
    let tasks = runnable(config);
    let allowances: Vec<_> =
        tasks.iter().filter_map(|key| config.tasks.get(*key)).filter_map(|task| task.run.as_ref()).collect();
    let arm = |task: &crate::config::Task| config.cpu_architecture_of(task).in_images() == "arm64";
    let platform = if config.tasks.values().any(arm) { "linux/arm64" } else { "linux/amd64" };
    let roles = &answers.roles;
    let model = Model {
        branch: &answers.branch,
        environment: &answers.environment,
        task_environment: answers.task_environment(),
        region: &answers.region,
        roles: RolesModel {
            plan: roles.plan.as_deref(),
            apply: roles.apply.as_deref(),
            task: roles.task.as_deref(),
            image: roles.image.as_deref(),
        },
        action: &answers.action,
        pinned: is_pinned(&answers.action),
        config: Some(answers.config.as_str()).filter(|config| *config != STACK_FILE),
        build: answers.build.as_deref().map(|repository| Build { repository, platform }),
        words: allowances.iter().any(|rule| rule.command.is_some_and(|rule| rule != CommandRule::Fixed)),
        variables: allowances.iter().any(|rule| !rule.environment.is_empty()),
        tasks,
    };
    let mut names = vec!["fargate.yml", "drift.yml"];
    if !model.tasks.is_empty() {
        names.push("run-task.yml");
    }
    let file = |name: &&str| {
        let text = yaml::workflow(&format!("{name}.j2"), &model)?;
        Ok(File { path: [FOLDER, name].iter().collect(), text })
    };
    names.iter().map(file).collect()
}

/// The reference ends with a whole commit.
fn is_pinned(action: &str) -> bool {
    action.rsplit_once('@').is_some_and(|(_, at)| {
        at.len() == 40 && at.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    })
}

#[cfg(test)]
#[path = "workflows_tests.rs"]
mod tests;
