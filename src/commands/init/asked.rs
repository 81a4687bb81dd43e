//! The answers: from options, from what was found, from somebody at a screen.

use std::collections::BTreeSet;

use crate::cli::{InitArgs, StackKind};
use crate::config::Config;
use crate::error::{Error, ExitStatus};
use crate::scaffold::{Answers, Kind, Roles};

use super::super::App;
use super::here::Here;
use super::pushed_to;

/// An option describes a stack file.
pub fn describes(args: &InitArgs) -> bool {
    let texts = [&args.name, &args.domain, &args.schedule, &args.image, &args.account];
    texts.into_iter().any(Option::is_some) || args.kind.is_some() || args.port.is_some()
}

/// What concerns workflows only.
fn of_workflows(app: &App, args: &InitArgs, here: &Here) -> Answers {
    Answers {
        config: app.cli.global.config.display().to_string(),
        branch: args.branch.clone().or_else(|| here.branch.clone()).unwrap_or_else(|| "main".to_owned()),
        environment: args.environment.clone(),
        roles: Roles {
            plan: args.role_plan.clone(),
            apply: args.role_apply.clone(),
            task: args.role_task.clone(),
            image: args.role_image.clone(),
        },
        action: args.action.clone(),
        region: region(app).unwrap_or_default(),
        ..Answers::default()
    }
}

fn region(app: &App) -> Option<String> {
    let named = ["FARGATE_STACK_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"];
    let of_environment = || named.iter().find_map(|name| app.env.get(name)).map(str::to_owned);
    app.cli.global.region.clone().or_else(of_environment)
}

/// The answers for a stack file that is there.
pub fn about(app: &App, args: &InitArgs, here: &Here, config: &Config) -> Answers {
    let known = of_workflows(app, args, here);
    let given = app.cli.global.region.clone();
    let images: Option<BTreeSet<String>> = config.tasks.values().map(|task| pushed_to(&task.image)).collect();
    let build = images.filter(|images| images.len() == 1).and_then(|images| images.into_iter().next());
    Answers {
        name: config.app.name.clone(),
        region: given.or_else(|| config.region.clone()).unwrap_or(known.region),
        build: build.filter(|_| here.docker.is_some()),
        ..known
    }
}

/// Somebody who can be asked, or nobody.
struct Screen<'a> {
    app: &'a App,
    asks: bool,
}

impl Screen<'_> {
    /// What an option says, else what somebody answers; without an answer, the default.
    fn text(&self, given: Option<&String>, question: &str, default: &str) -> String {
        if let Some(given) = given {
            return given.clone();
        }
        let answer = if self.asks { self.app.console.ask(question, default) } else { None };
        answer.unwrap_or_else(|| default.to_owned())
    }

    fn optional(&self, given: Option<&String>, question: &str, default: &str) -> Option<String> {
        Some(self.text(given, question, default)).filter(|text| !text.is_empty())
    }
}

/// The answers for a new stack file.
pub fn everything(app: &App, args: &InitArgs, here: &Here) -> Result<Answers, Error> {
    let screen = Screen { app, asks: !args.yes && app.console.can_ask() };
    let known = of_workflows(app, args, here);
    let port = here.docker.as_ref().and_then(|docker| docker.port);
    let name =
        screen.text(args.name.as_ref(), "Name of the application", here.name.as_deref().unwrap_or("app"));
    let kind = kind(&screen, args, port)?;
    let ask_if = |wanted: bool| Screen { app, asks: screen.asks && wanted };
    let domain = ask_if(kind.is_web()).optional(args.domain.as_ref(), "Domain", "");
    let schedule =
        ask_if(kind == Kind::Scheduled).optional(args.schedule.as_ref(), "Schedule", "cron(0 2 * * ? *)");
    let image = screen.text(args.image.as_ref(), "Image", &format!("{name}:latest"));
    let region = match (&app.cli.global.region, known.region.as_str()) {
        (Some(region), _) => region.clone(),
        (None, default) => screen.text(None, "AWS region", default),
    };
    if region.is_empty() {
        return Err(Error::new(ExitStatus::Usage, "no AWS region is set").hint("name it with `--region`"));
    }
    let account = screen.optional(args.account.as_ref(), "AWS account, 12 digits (optional)", "");
    Ok(Answers {
        kind,
        domain,
        schedule: schedule.filter(|_| kind == Kind::Scheduled || args.schedule.is_some()),
        port: args.port.or(port),
        build: pushed_to(&image).filter(|_| here.docker.is_some()),
        image,
        name,
        region,
        account,
        ..known
    })
}

/// How it runs. Without a domain there is no web service, whatever the image exposes.
fn kind(screen: &Screen<'_>, args: &InitArgs, port: Option<u16>) -> Result<Kind, Error> {
    if let Some(kind) = args.kind {
        return Ok(match kind {
            StackKind::Daemon => Kind::Daemon,
            StackKind::Task => Kind::Task,
            StackKind::Scheduled => Kind::Scheduled,
            StackKind::Http => Kind::Http,
            StackKind::Https => Kind::Https,
        });
    }
    let web = args.domain.is_some() || (screen.asks && port.is_some());
    let default = match (web, args.schedule.is_some()) {
        (true, _) => Kind::Https,
        (false, true) => Kind::Scheduled,
        (false, false) => Kind::Daemon,
    };
    let words: Vec<&str> = Kind::ALL.iter().map(|(_, word)| *word).collect();
    let answer = screen.text(None, &format!("Type ({})", words.join(", ")), default.word());
    Kind::parse(&answer).ok_or_else(|| {
        Error::new(ExitStatus::Usage, format!("`{answer}` is no type"))
            .hint(format!("the types are {}", words.join(", ")))
    })
}
