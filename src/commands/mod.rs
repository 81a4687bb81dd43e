//! The commands: wiring only, one file each.

mod apply;
mod call_record;
mod ci;
mod completions;
mod create_stack;
mod daily;
mod deploy;
mod destroy;
mod doctor;
mod exec;
mod failure;
mod iam;
mod iam_check;
mod init;
mod locked;
mod logs;
mod pick;
mod plan;
mod preflight;
mod release;
mod releases;
mod revisions;
mod rollback;
mod rollout;
mod run_input;
mod run_task;
mod scale;
mod schedules;
mod session;
mod signals;
mod status;
mod tasks;
mod times;
mod trail;
mod unlock;
mod validate;
mod wait;
mod written;
mod zones;

use std::ffi::OsString;
use std::path::Path;

use clap::parser::ValueSource;
use clap::{CommandFactory, FromArgMatches};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::cli::{Cli, Command, Format, LogLevel};
use crate::console::{Console, Surroundings};
use crate::env::Environment;
use crate::error::{Error, ExitStatus};
use crate::github::network::Network;
use crate::render::escape;

/// One run of the program: what was asked, where, and the way to talk.
pub struct App {
    /// The command line.
    pub cli: Cli,
    /// The environment.
    pub env: Environment,
    /// The only way to write to the terminal or the log.
    pub console: Console,
}

/// Parses, runs, reports; the exit code of the process.
pub fn main() -> ExitStatus {
    let env = Environment::read();
    let cli = match parse(&std::env::args_os().collect::<Vec<_>>()) {
        Ok(cli) => cli,
        Err(error) => {
            // Clap's own texts: help and version are no errors, and the rest is usage.
            let _ = error.print();
            return if error.use_stderr() { ExitStatus::Usage } else { ExitStatus::Done };
        }
    };
    let dumb = env.get("TERM") == Some("dumb");
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| env.get(name)).unwrap_or_default();
    let console = Console::new(Surroundings {
        stdout_tty: env.stdout_tty,
        stderr_tty: env.stderr_tty,
        stdin_tty: env.stdin_tty,
        no_color: cli.global.no_color || env.get("NO_COLOR").is_some() || dumb,
        dumb,
        github_actions: env.get("GITHUB_ACTIONS") == Some("true"),
        unicode: locale.to_ascii_lowercase().replace('-', "").ends_with("utf8"),
        width: env.get("COLUMNS").and_then(|columns| columns.parse().ok()),
    });
    let logging = log_to(&console, cli.global.log_level, cli.global.record_calls.as_deref());
    let app = App { cli, env, console };
    if let Err(error) = logging {
        let message = "could not open the file of `--record-calls`";
        return app.fail(&Error::new(ExitStatus::Usage, message).caused_by(error.to_string()));
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return app.fail(&Error::new(ExitStatus::Failed, format!("could not start: {error}"))),
    };
    let result = runtime.block_on(app.run());
    // Calls that an interruption left behind must not hold up the exit.
    runtime.shutdown_background();
    match result {
        Ok(status) => status,
        Err(error) => app.fail(&error),
    }
}

/// Parses the command line. An error repeats words of it, and they must not write to the terminal or to the runner.
fn parse(words: &[OsString]) -> Result<Cli, clap::Error> {
    read(words).map_err(|error| {
        let shown: Vec<OsString> =
            words.iter().map(|word| escape::terminal(&word.to_string_lossy()).into()).collect();
        read(&shown).err().unwrap_or(error)
    })
}

fn read(words: &[OsString]) -> Result<Cli, clap::Error> {
    let mut command = Cli::command();
    let matches = command.try_get_matches_from_mut(words)?;
    let mut cli = Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?;
    cli.global.config_named = matches.value_source("config") == Some(ValueSource::CommandLine);
    Ok(cli)
}

impl App {
    async fn run(&self) -> Result<ExitStatus, Error> {
        match &self.cli.command {
            Command::Plan(args) => plan::run(self, args).await,
            Command::Apply(args) => apply::run(self, args).await,
            Command::Destroy(args) => destroy::run(self, args).await,
            Command::Release(args) => release::run(self, args).await,
            Command::Wait(args) => wait::run(self, args).await,
            Command::Releases(args) => releases::run(self, args).await,
            Command::Rollback(args) => rollback::run(self, args).await,
            Command::Revisions(args) => revisions::run(self, args).await,
            Command::RunTask(args) => run_task::run(self, args).await,
            Command::Logs(args) => logs::run(self, args).await,
            Command::Exec(args) => exec::run(self, args).await,
            Command::Status(args) => status::run(self, args).await,
            Command::Tasks => tasks::of_the_file(self),
            Command::ListTasks(args) => tasks::list(self, args).await,
            Command::ListZones(args) => zones::run(self, args).await,
            Command::StopTask(args) => tasks::stop(self, args).await,
            Command::DeployService(args) => deploy::deploy(self, args).await,
            Command::StartService(args) => scale::start(self, args).await,
            Command::StopService(args) => scale::stop(self, args).await,
            Command::Scale(args) => scale::scale(self, args).await,
            Command::UpdateService(args) => deploy::newest(self, args).await,
            Command::Redeploy(args) => deploy::again(self, args).await,
            Command::RemoveService(args) => deploy::remove(self, args).await,
            Command::RegisterTaskDefinition(args) => deploy::register(self, args).await,
            Command::EnableScheduledTask(args) => schedules::enable(self, args).await,
            Command::DisableScheduledTask(args) => schedules::disable(self, args).await,
            Command::UpdateTarget(args) => schedules::update_target(self, args).await,
            Command::UpdatePolicy(args) => schedules::update_policy(self, args).await,
            Command::Show(what) => trail::show(self, what).await,
            Command::Iam(what) => iam::run(self, what).await,
            Command::Doctor(args) => doctor::run(self, args).await,
            Command::Preflight(args) => preflight::run(self, args).await,
            Command::Unlock(args) => unlock::run(self, args).await,
            Command::Init(args) => init::run(self, args),
            Command::CreateStack(args) => create_stack::run(self, args).await,
            Command::Validate => validate::run(self),
            Command::Schema => {
                self.print(&format!("{:#}", crate::config::schema()))?;
                Ok(ExitStatus::Done)
            }
            Command::Completions { shell } => completions::run(self, *shell),
            Command::Version => {
                self.print(&match self.format() {
                    Format::Json => format!(
                        "{:#}",
                        serde_json::json!({"version": env!("CARGO_PKG_VERSION"), "commit": crate::cli::COMMIT})
                    ),
                    Format::Text | Format::Markdown => format!("fargate-stack {}", crate::cli::version()),
                })?;
                Ok(ExitStatus::Done)
            }
            Command::Ci => ci::run(self).await,
            Command::Finalize => ci::finalize(self).await,
        }
    }

    /// How GitHub is reached from here.
    pub fn network(&self) -> Network {
        let either =
            |upper: &str, lower: &str| self.env.get(upper).or_else(|| self.env.get(lower)).map(str::to_owned);
        Network {
            https_proxy: either("HTTPS_PROXY", "https_proxy"),
            no_proxy: either("NO_PROXY", "no_proxy"),
        }
    }

    /// Tells an error in the form that was asked for.
    fn fail(&self, error: &Error) -> ExitStatus {
        self.console.error(error);
        error.exit()
    }

    /// The form of documents on standard output.
    pub fn format(&self) -> Format {
        self.cli.global.format
    }
}

/// Logs to standard error, and records the calls into a file when one is named.
fn log_to(console: &Console, level: LogLevel, calls: Option<&Path>) -> std::io::Result<()> {
    let level = match level {
        LogLevel::Off => None,
        LogLevel::Error => Some("error"),
        LogLevel::Warn => Some("warn"),
        LogLevel::Info => Some("info"),
        LogLevel::Debug => Some("debug"),
        LogLevel::Trace => Some("trace"),
    };
    // Ours alone: the SDK's own debug output prints requests, and with them environment values.
    let ours = |level: &str| EnvFilter::new(format!("off,fargate_stack={level}"));
    let log = level.map(|level| {
        let console = console.clone();
        let layer = tracing_subscriber::fmt::layer().with_writer(move || console.clone());
        layer.with_target(false).with_ansi(false).with_filter(ours(level))
    });
    let record = calls.map(call_record::CallRecord::open).transpose()?;
    let record = record.map(|record| record.with_filter(ours("debug")));
    tracing_subscriber::registry().with(log).with(record).init();
    Ok(())
}
