//! `iam`: the policies of the roles that workflows take on.

use crate::access::document::{Documents, documents};
use crate::access::trust::{self, Ids, Jobs};
use crate::access::{self, Place};
use crate::aws::Connection;
use crate::cli::{Document, Format, Iam, IamPrintArgs, Role};
use crate::config::Loaded;
use crate::error::{Error, ExitStatus};
use crate::render::escape;
use crate::stack::Policy;

use super::{App, iam_check};

/// Runs it.
pub async fn run(app: &App, args: &Iam) -> Result<ExitStatus, Error> {
    match args {
        Iam::Print(args) => print(app, args).await,
        Iam::Check(args) => iam_check::run(app, args).await,
    }
}

/// The role of the command line.
pub fn role(role: Role) -> access::Role {
    match role {
        Role::Plan => access::Role::Plan,
        Role::Apply => access::Role::Apply,
        Role::RunTask => access::Role::RunTask,
    }
}

async fn print(app: &App, args: &IamPrintArgs) -> Result<ExitStatus, Error> {
    let loaded = app.load()?;
    let jobs = jobs(app, args)?;
    tasks(&loaded, &args.task)?;
    let place = place(app, &loaded).await?;
    let documents = documents(role(args.role), &loaded.config, &place, &jobs, &args.task);
    let text = match (args.only, app.format()) {
        (Some(Document::Policy), _) => escape::json(&serde_json::json!(documents.policy)),
        (Some(Document::Trust), _) => escape::json(&serde_json::json!(documents.trust)),
        (None, Format::Json) => escape::json(&documents.json()),
        (None, Format::Text) => text(&documents),
        (None, Format::Markdown) => markdown(&documents),
    };
    app.print(&text)?;
    for note in documents.notes.iter().filter(|_| args.only.is_some()) {
        app.console.note(note);
    }
    Ok(ExitStatus::Done)
}

/// The named tasks must be in the stack file.
pub fn tasks(loaded: &Loaded, named: &[String]) -> Result<(), Error> {
    match named.iter().find(|task| !loaded.config.tasks.contains_key(*task)) {
        None => Ok(()),
        Some(task) => {
            let there: Vec<&str> = loaded.config.tasks.keys().map(String::as_str).collect();
            Err(Error::new(ExitStatus::Usage, format!("there is no task `{task}` in the stack file"))
                .hint(format!("its tasks are {}", there.join(", "))))
        }
    }
}

fn jobs(app: &App, args: &IamPrintArgs) -> Result<Jobs, Error> {
    let usage = |message: String, hint: &str| Error::new(ExitStatus::Usage, message).hint(hint);
    let named = args.repo.as_deref().or_else(|| app.env.get("GITHUB_REPOSITORY"));
    let repository = named.ok_or_else(|| {
        usage(
            "no repository is named".to_owned(),
            "add `--repo OWNER/REPO`: the one whose workflows take the role on",
        )
    })?;
    if !trust::is_repository(repository) {
        return Err(usage(format!("`{repository}` is not a repository"), "it is written `owner/name`"));
    }
    if !trust::is_branch(&args.branch) {
        return Err(usage(
            format!("`{}` is not the name of a branch", args.branch),
            "write it without `refs/heads/`",
        ));
    }
    let host = args.issuer.as_deref().or_else(|| app.env.get("GITHUB_SERVER_URL")).unwrap_or("github.com");
    let issuer = trust::issuer(host).ok_or_else(|| {
        usage(format!("`{host}` is not a host"), "write a host like `octo.ghe.com` or `github.example.com`")
    })?;
    let ids = args.owner_id.zip(args.repository_id).map(|(owner, repository)| Ids { owner, repository });
    let environment = args.environment.clone();
    Ok(Jobs { repository: repository.to_owned(), ids, branch: args.branch.clone(), environment, issuer })
}

/// Where the stack is: from the stack file, else from the credentials at hand, else with a placeholder.
pub async fn place(app: &App, loaded: &Loaded) -> Result<Place, Error> {
    let known = loaded.config.account.as_deref();
    let region = app.region(&loaded.config);
    if let (Some(account), Some(region)) = (known, &region) {
        return Ok(Place::new(Some(account), region, None));
    }
    let connection = app.connect(loaded).await?;
    let region = connection.region().to_owned();
    Ok(match identity(connection).await {
        Some((account, partition)) if known.is_none_or(|known| known == account) => {
            Place::new(Some(&account), &region, Some(&partition))
        }
        _ => Place::new(known, &region, None),
    })
}

/// Account and partition of the credentials, when there are any and AWS answers.
async fn identity(connection: Connection) -> Option<(String, String)> {
    if !connection.has_credentials().await {
        return None;
    }
    let aws = connection.identify().await.ok()?;
    Some((aws.account, aws.partition))
}

fn pretty(policy: &Policy) -> String {
    escape::json(&serde_json::json!(policy))
}

fn text(documents: &Documents) -> String {
    let mut lines = vec![format!("The role {} of {}", documents.name, documents.role.word())];
    for (file, document) in documents.files() {
        lines.extend([String::new(), format!("{file}:"), String::new(), pretty(document)]);
    }
    lines.extend([String::new(), "Commands:".to_owned(), String::new()]);
    lines.extend(documents.commands().into_iter().map(|command| format!("  {command}")));
    lines.push(String::new());
    lines.extend(documents.notes.iter().map(|note| format!("note: {note}")));
    escape::terminal_lines(&lines.join("\n"))
}

fn markdown(documents: &Documents) -> String {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let mut parts = vec![format!("### {}", escape::markdown(&documents.name))];
    for (file, document) in documents.files() {
        parts.extend([escape::code(&file), escape::fence("json", &lines(&pretty(document)))]);
    }
    parts.push(escape::fence("sh", &documents.commands()));
    let notes: Vec<String> =
        documents.notes.iter().map(|note| format!("- {}", escape::prose(note))).collect();
    parts.push(notes.join("\n"));
    parts.join("\n\n")
}
