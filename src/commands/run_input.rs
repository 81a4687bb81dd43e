//! The options of `run-task`, read and checked before anything is asked of AWS.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::cli::RunTaskArgs;
use crate::config::{self, Capacity};
use crate::env::Environment;
use crate::error::{Error, ExitStatus};
use crate::ops::run_task::{OVERRIDES_MAX, Overrides};

/// How long what we say of ourselves in ECS's record is at most: `startedBy` took 36 characters before it took 128.
const STARTED_BY_MAX: usize = 36;

fn usage(message: impl Into<String>) -> Error {
    Error::new(ExitStatus::Usage, message)
}

/// What the run changes. `capacity` is the stack file's, for the half of a pair that is not given.
pub fn overrides(args: &RunTaskArgs, container: &str, capacity: Capacity) -> Result<Overrides, Error> {
    if args.cpu.is_some() || args.memory.is_some() {
        fits(args.cpu.unwrap_or(capacity.cpu), args.memory.unwrap_or(capacity.memory))?;
    }
    let overrides = Overrides {
        container: container.to_owned(),
        command: args.command.as_deref().map(command).transpose()?,
        environment: environment(&args.env)?,
        cpu: args.cpu,
        memory: args.memory,
    };
    let length = overrides.length();
    if length > OVERRIDES_MAX {
        let message =
            format!("`--command` and `--env` make {length} characters, and ECS takes {OVERRIDES_MAX}");
        return Err(usage(message).hint("put what is long into a file of the image, a bucket or a secret"));
    }
    Ok(overrides)
}

/// Whether Fargate has this pair of CPU and memory.
fn fits(cpu: u32, memory: u32) -> Result<(), Error> {
    let Some(memories) = config::valid_memory(cpu) else {
        let all: Vec<String> = config::valid_cpus().map(|units| units.to_string()).collect();
        return Err(
            usage(format!("Fargate has no `{cpu}` CPU units")).hint(format!("there are {}", all.join(", ")))
        );
    };
    if memories.contains(memory) {
        return Ok(());
    }
    let message = format!("Fargate has no {cpu} CPU units with `{memory}` MiB");
    Err(usage(message).hint(format!("with {cpu} CPU units go {} MiB", memories.describe())))
}

/// A JSON list of words, or text that is split as a shell does.
fn command(text: &str) -> Result<Vec<String>, Error> {
    let words = if text.trim_start().starts_with('[') {
        serde_json::from_str::<Vec<String>>(text).map_err(|error| {
            usage("`--command` is not a JSON list of strings")
                .caused_by(error.to_string())
                .hint("write it like `[\"./migrate\", \"--all\"]`, or as a shell would: `./migrate --all`")
        })?
    } else {
        config::split_words(text).map_err(|why| usage(format!("`--command` {why}")))?
    };
    if words.is_empty() { Err(usage("`--command` holds no word")) } else { Ok(words) }
}

/// `NAME=VALUE` pairs, split at the first `=`; the last one of a name counts. An error never shows the text: it may be a secret.
fn environment(pairs: &[String]) -> Result<BTreeMap<String, String>, Error> {
    let mut found = BTreeMap::new();
    for (at, pair) in pairs.iter().enumerate() {
        let fits =
            |name: &str| !name.is_empty() && !name.contains(|c: char| c.is_control() || c.is_whitespace());
        let Some((name, value)) = pair.split_once('=').filter(|(name, _)| fits(name)) else {
            let message = format!("the {} `--env` is not `NAME=VALUE`", ordinal(at + 1));
            return Err(usage(message).hint("write `--env LOG_LEVEL=debug`"));
        };
        found.insert(name.to_owned(), value.to_owned());
    }
    Ok(found)
}

fn ordinal(number: usize) -> String {
    let ending = match (number % 10, number % 100) {
        (1, rest) if rest != 11 => "st",
        (2, rest) if rest != 12 => "nd",
        (3, rest) if rest != 13 => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

/// The client token of a run: what was given; in a step of a workflow always the same for the same run, so that a step that
/// is tried again does not start twice; else a random one.
pub fn token(
    args: &RunTaskArgs,
    env: &Environment,
    task: &str,
    overrides: &Overrides,
) -> Result<String, Error> {
    if let Some(token) = &args.client_token {
        // `RunTask`: up to 64 ASCII characters.
        if token.is_empty() || token.len() > 64 || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            let message = format!("`{token}` is no client token");
            return Err(usage(message).hint("a token has 1 to 64 ASCII characters without blanks"));
        }
        return Ok(token.clone());
    }
    let mut random = String::new();
    if env.get("GITHUB_RUN_ID").is_none() {
        let mut bytes = [0_u8; 16];
        getrandom::fill(&mut bytes).map_err(|error| {
            Error::new(ExitStatus::Failed, "the system gives no random numbers").caused_by(error.to_string())
        })?;
        random = hex(&bytes);
    }
    let of_run = ["GITHUB_REPOSITORY", "GITHUB_RUN_ID", "GITHUB_RUN_ATTEMPT", "GITHUB_JOB", "GITHUB_ACTION"];
    let mut parts: Vec<String> =
        of_run.iter().map(|name| env.get(name).unwrap_or_default().to_owned()).collect();
    let subnet = args.subnet_id.clone().unwrap_or_default();
    parts.extend([task.to_owned(), overrides.document().to_string(), args.count.to_string(), subnet, random]);
    let digest = Sha256::digest(serde_json::Value::from(parts).to_string());
    Ok(hex(digest.get(..16).unwrap_or_default()))
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

/// Who starts it, for ECS's record: the run of the workflow, or the user.
pub fn started_by(env: &Environment) -> String {
    let who = match env.get("GITHUB_RUN_ID") {
        Some(run) => format!("github-run/{run}"),
        None => format!("fargate-stack/{}", env.get("USER").unwrap_or("somebody")),
    };
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/');
    who.chars().map(|c| if fits(c) { c } else { '_' }).take(STARTED_BY_MAX).collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    const CAPACITY: Capacity = Capacity { cpu: 256, memory: 512 };

    fn args(words: &[&str]) -> RunTaskArgs {
        let words = ["fargate-stack", "run-task"].iter().chain(words);
        let Command::RunTask(args) = Cli::try_parse_from(words).unwrap().command else { panic!() };
        args
    }

    fn read(words: &[&str]) -> Result<Overrides, Error> {
        overrides(&args(words), "job", CAPACITY)
    }

    #[test]
    fn a_command_is_json_or_shell_words() {
        let of = |text| read(&["--command", text]).unwrap().command.unwrap();
        assert_eq!(of(r#"["./run", "a b"]"#), ["./run", "a b"]);
        assert_eq!(of("./run 'a b'"), ["./run", "a b"]);
        for text in ["[1]", "[", "", "  ", "'open"] {
            assert_eq!(read(&["--command", text]).unwrap_err().exit(), ExitStatus::Usage, "{text}");
        }
    }

    #[test]
    fn a_variable_is_split_at_its_first_sign_of_equality_and_an_error_never_shows_it() {
        let found = read(&["--env", "A=b=c", "--env", "EMPTY=", "--env", "A=last"]).unwrap().environment;
        assert_eq!(found, BTreeMap::from([("A".into(), "last".into()), ("EMPTY".into(), String::new())]));
        for pair in ["hunter2", "=hunter2", "A B=hunter2"] {
            let error = read(&["--env", "A=b", "--env", pair]).unwrap_err();
            assert_eq!(error.message(), "the 2nd `--env` is not `NAME=VALUE`");
            assert!(!error.text(false).contains("hunter2"));
        }
    }

    #[test]
    fn a_size_must_be_one_of_fargates_with_the_other_half_of_the_stack_file() {
        assert_eq!(read(&["--cpu", "512", "--memory", "2048"]).unwrap().cpu, Some(512));
        assert_eq!(read(&["--memory", "1024"]).unwrap().memory, Some(1024));
        let error = read(&["--cpu", "512"]).unwrap_err();
        assert_eq!(error.message(), "Fargate has no 512 CPU units with `512` MiB");
        assert_eq!(error.hints(), ["with 512 CPU units go 1024 to 4096 in steps of 1024 MiB"]);
        assert_eq!(read(&["--cpu", "300"]).unwrap_err().message(), "Fargate has no `300` CPU units");
    }

    #[test]
    fn overrides_that_ecs_would_refuse_for_their_length_are_refused_before() {
        let long = format!("A={}", "x".repeat(8000));
        assert!(read(&["--env", &long]).is_ok());
        let error = read(&["--env", &long, "--command", &"y".repeat(200)]).unwrap_err();
        assert!(error.message().contains("and ECS takes 8192"), "{error}");
    }

    #[test]
    fn a_step_that_is_tried_again_has_the_same_token_and_anything_else_another() {
        let run = Environment::of(&[
            ("GITHUB_RUN_ID", "7"),
            ("GITHUB_RUN_ATTEMPT", "1"),
            ("GITHUB_ACTION", "__run"),
        ]);
        let step = Environment::of(&[
            ("GITHUB_RUN_ID", "7"),
            ("GITHUB_RUN_ATTEMPT", "1"),
            ("GITHUB_ACTION", "__run_2"),
        ]);
        let of = |words: &[&str], env: &Environment| {
            token(&args(words), env, "job", &read(words).unwrap()).unwrap()
        };
        let first = of(&["--env", "A=1"], &run);
        assert_eq!(first.len(), 32);
        assert_eq!(first, of(&["--env", "A=1"], &run));
        assert_ne!(first, of(&["--env", "A=2"], &run));
        assert_ne!(first, of(&["--env", "A=1", "--count", "2"], &run));
        assert_ne!(first, of(&["--env", "A=1"], &step));
        let outside = Environment::default();
        assert_ne!(of(&[], &outside), of(&[], &outside));
        assert_eq!(of(&["--client-token", "mine"], &run), "mine");
        assert!(token(&args(&["--client-token", "a b"]), &run, "job", &Overrides::default()).is_err());
    }

    #[test]
    fn who_started_it_fits_ecs() {
        assert_eq!(started_by(&Environment::of(&[("GITHUB_RUN_ID", "99")])), "github-run/99");
        let user = Environment::of(&[("USER", "a.b@c with a very long name of more than 36")]);
        assert_eq!(started_by(&user), "fargate-stack/a_b_c_with_a_very_long");
        assert_eq!(started_by(&user).len(), 36);
    }
}
