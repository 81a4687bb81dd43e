//! `init`: a stack file and workflows for a repository.

use std::path::Path;

use serde_json::json;

use crate::cli::{Format, InitArgs};
use crate::config::{self, Config, ConfigError, ImageRef};
use crate::error::{Error, ExitStatus};
use crate::render::escape;
use crate::scaffold::{Answers, File, steps, workflows};

use super::{App, failure, written};
use here::Here;

mod asked;
mod here;

/// Looks around, asks what is left, writes everything or nothing, and says what comes next.
pub fn run(app: &App, args: &InitArgs) -> Result<ExitStatus, Error> {
    let root = Path::new("");
    let here = Here::look(root);
    let path = &app.cli.global.config;
    // A stack file that is there says what runs. Only whoever describes another one wants it written anew.
    let keeps = root.join(path).exists() && !asked::describes(args);
    let (answers, config) = if keeps {
        let config = app.load()?.config;
        app.console.note(&format!("`{}` is there and stays as it is", path.display()));
        let answers = asked::about(app, args, &here, &config);
        refuse_wrong(&answers.wrong_in_workflows())?;
        (answers, config)
    } else {
        let answers = asked::everything(app, args, &here)?;
        refuse_wrong(&answers.wrong())?;
        let config = config::parse(&answers.config, &answers.outline().yaml())
            .map_err(|wrong| failure::config(&ConfigError::Invalid(wrong)))?;
        (answers, config)
    };
    let mut files = workflows::files(&answers, &config).map_err(Error::bug)?;
    if !keeps {
        files.insert(0, File { path: path.clone(), text: answers.outline().yaml() });
    }
    written::write(root, &files, args.force)?;
    told(app, &answers, &here, &config, &files)
}

fn refuse_wrong(wrong: &[(&'static str, String)]) -> Result<(), Error> {
    let Some((option, why)) = wrong.first() else { return Ok(()) };
    let error = Error::new(ExitStatus::Usage, format!("`--{option}`: {why}"));
    let more: Vec<String> =
        wrong.iter().skip(1).map(|(option, why)| format!("`--{option}`: {why}")).collect();
    Err(if more.is_empty() { error } else { error.detail(more.join("\n")) })
}

fn told(
    app: &App,
    answers: &Answers,
    here: &Here,
    config: &Config,
    files: &[File],
) -> Result<ExitStatus, Error> {
    let tasks = !workflows::runnable(config).is_empty();
    let next = steps::next(answers, here.repository.as_deref(), tasks);
    let paths: Vec<String> = files.iter().map(|file| file.path.display().to_string()).collect();
    if app.format() == Format::Json {
        app.print(&escape::json(&json!({"files": paths, "next": next})))?;
        return Ok(ExitStatus::Done);
    }
    for path in &paths {
        app.console.note(&format!("wrote {path}"));
    }
    if here.docker.is_none() {
        app.console.note("there is no Dockerfile, so no workflow builds an image");
    } else if answers.build.is_none() {
        app.console.note("the tasks do not share one repository of ECR, so no workflow builds an image");
    }
    if !tasks {
        app.console.note("the stack has no task that a workflow may run, so no workflow runs tasks");
    }
    app.print(&next)?;
    Ok(ExitStatus::Done)
}

/// The repository of ECR that an image is pushed to.
fn pushed_to(image: &str) -> Option<String> {
    let image = ImageRef::parse(image).ok()?;
    let ours = image.registry.as_ref().is_none_or(|host| host.contains(".dkr.ecr"));
    (ours && image.digest.is_none()).then_some(image.repository)
}
