//! `create-stack`: a stack file from words.

use std::path::{Path, PathBuf};

use crate::aws::Aws;
use crate::cli::CreateStackArgs;
use crate::config::{self, ConfigError};
use crate::error::{Error, ExitStatus};
use crate::lookup::{self, ShortImage};
use crate::scaffold::words::{self, Said, WordError};
use crate::scaffold::{File, Outline};

use super::{App, failure, written};

/// Reads the words, asks ECR for images of short names, prints the stack file, and writes it.
pub async fn run(app: &App, args: &CreateStackArgs) -> Result<ExitStatus, Error> {
    let Said { mut outline, warnings } = words::read(&args.words).map_err(|error| wrong(&error))?;
    for warning in warnings {
        app.console.warn(&warning);
    }
    let global = &app.cli.global;
    outline.region.clone_from(&global.region);
    outline.profile.clone_from(&global.profile);
    outline.dns_profile.clone_from(&global.route53_profile);
    let place = place(app, &outline);
    // What cannot be read would be of no use, and is told before anything is asked of AWS.
    let later = checked(&outline)?;
    if !args.no_update && !args.force {
        written::refuse_existing(Path::new(""), &[File { path: place.clone(), text: String::new() }])?;
    }
    found(app, &mut outline).await?;
    checked(&outline)?;
    for key in later {
        app.console.warn(&format!("{key}: commands for the stack refuse the file until a version knows it"));
    }
    let text = outline.yaml();
    if !args.no_update {
        written::write(Path::new(""), &[File { path: place.clone(), text: text.clone() }], args.force)?;
        app.console.note(&format!("wrote {}", place.display()));
    }
    app.print(&text)?;
    Ok(ExitStatus::Done)
}

/// The file: the one that the command line names, else one with the name of the application.
fn place(app: &App, outline: &Outline) -> PathBuf {
    if app.cli.global.config_named || app.env.get("FARGATE_STACK_CONFIG").is_some() {
        app.cli.global.config.clone()
    } else {
        PathBuf::from(format!("{}.yml", outline.app))
    }
}

fn wrong(error: &WordError) -> Error {
    Error::new(ExitStatus::Usage, format!("word {}, `{}`, {}", error.position, error.word, error.message))
        .hint(error.hint.clone())
}

/// Reads the stack file back. Keys of App::FargateStack that this version refuses are no mistake of the words; they are returned.
fn checked(outline: &Outline) -> Result<Vec<String>, Error> {
    let name = format!("{}.yml", outline.app);
    let Err(wrong) = config::parse(&name, &outline.yaml()) else { return Ok(vec![]) };
    let (later, wrong): (Vec<_>, Vec<_>) =
        wrong.into_iter().partition(|one| one.message.ends_with("is not supported yet in this version"));
    if wrong.is_empty() {
        return Ok(later.into_iter().map(|one| one.message).collect());
    }
    Err(failure::config(&ConfigError::Invalid(wrong)))
}

/// Asks ECR for images of short names, when there are credentials; without, they stay as they are written.
async fn found(app: &App, outline: &mut Outline) -> Result<(), Error> {
    if outline.tasks.iter().all(|task| words::short(&task.image).is_none()) {
        return Ok(());
    }
    let Some(aws) = connected(app).await? else {
        app.console.note("there are no AWS credentials, so images stay as they are written");
        return Ok(());
    };
    outline.account = Some(aws.account.clone());
    outline.region = Some(aws.region.clone());
    for task in &mut outline.tasks {
        let Some((repository, tag)) = words::short(&task.image) else { continue };
        let said = match lookup::short_image(&aws, repository, tag).await {
            Err(error) if error.is_access_denied() => {
                app.console.warn(&format!("`{}` stays as it is written: {error}", task.image));
                continue;
            }
            said => said.map_err(|error| failure::call(&error))?,
        };
        match said {
            ShortImage::Found(host) => task.image = format!("{host}/{repository}:{tag}"),
            ShortImage::NoRepository => {
                app.console.warn(&format!("ECR has no repository `{repository}`: `{}` stays", task.image));
            }
            ShortImage::NoImage => {
                app.console.warn(&format!("ECR has no image `{}` yet", task.image));
            }
        }
    }
    Ok(())
}

/// The account, if there are credentials and a region.
async fn connected(app: &App) -> Result<Option<Aws>, Error> {
    let Ok(connection) = app.connection_of(&app.options()).await else { return Ok(None) };
    if !connection.has_credentials().await {
        return Ok(None);
    }
    connection.identify().await.map(Some).map_err(|error| failure::connect(&error))
}
