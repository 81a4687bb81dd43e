//! The clauses of one task of `create-stack`.

use std::collections::BTreeSet;

use crate::config::{ImageRef, Schedule};

use super::outline::{Kind, Scaling, TaskOutline};
use super::words::{Word, WordError, clauses, tagged};

/// The clauses by their words. `env` is short for `environment`.
pub(super) const CLAUSES: [&str; 7] =
    ["image", "schedule", "domain", "env", "environment", "autoscaling", "waf"];

/// Targets of automatic scaling where none is given.
const CPU: u32 = 60;
const REQUESTS: u32 = 500;

/// The words for rule sets of AWS, and for several of them at once.
const RULE_SETS: [&str; 15] = [
    "default",
    "base",
    "sql",
    "linux",
    "php",
    "wordpress",
    "windows",
    "admin",
    "anonymous",
    "ddos",
    "premium",
    "linux-app",
    "wordpress-app",
    "windows-app",
    "all",
];

/// A task and the clauses that were read for it.
pub(super) struct Clauses<'a> {
    task: TaskOutline,
    firewall: Option<Vec<String>>,
    seen: BTreeSet<&'a str>,
    variables: BTreeSet<&'a str>,
}

impl<'a> Clauses<'a> {
    /// None were read yet.
    pub fn new(task: TaskOutline) -> Self {
        Self { task, firewall: None, seen: BTreeSet::new(), variables: BTreeSet::new() }
    }

    /// Reads one. Everything after the first colon is its value, so that values may hold colons, signs of equality and blanks.
    pub fn take(&mut self, word: Word<'a>) -> Result<(), WordError> {
        let Some((clause, value)) = word.text.split_once(':').filter(|(clause, _)| CLAUSES.contains(clause))
        else {
            return Err(word.wrong("is no clause", clauses()));
        };
        if clause == "env" || clause == "environment" {
            return self.variable(word, value);
        }
        if !self.seen.insert(clause) {
            let message = format!("is the second `{clause}:` of the task `{}`", self.task.name);
            return Err(word.wrong(message, "only `env:` can stand several times; remove one of the two"));
        }
        if value.is_empty() {
            return Err(word.wrong("has no value", format!("write the value after `{clause}:`")));
        }
        match clause {
            "image" => self.image(word, value),
            "schedule" => self.schedule(word, value),
            "domain" => self.domain(word, value),
            "autoscaling" => self.scaling(word, value),
            _ => self.firewall(word, value),
        }
    }

    /// The task, once no more clauses come.
    pub fn finish(mut self, word: Word<'_>) -> Result<(TaskOutline, Option<Vec<String>>), WordError> {
        let kind = self.task.kind;
        let lacks = |clause: &str, example: &str| {
            word.wrong(format!("lacks `{clause}:`"), format!("add {example} after it"))
        };
        if self.task.image.is_empty() {
            return Err(lacks("image", "`image:REPOSITORY:TAG`"));
        }
        if kind == Kind::Scheduled && self.task.schedule.is_none() {
            return Err(lacks("schedule", "`'schedule:cron(0 2 * * ? *)'`"));
        }
        if kind.is_web() && self.task.domain.is_none() {
            return Err(lacks("domain", "`domain:app.example.com`"));
        }
        if self.task.schedule.is_some() {
            self.task.kind = Kind::Scheduled;
        }
        Ok((self.task, self.firewall))
    }

    fn image(&mut self, word: Word<'_>, value: &str) -> Result<(), WordError> {
        let hint = "for example `image:helloworld:latest`";
        ImageRef::parse(value).map_err(|why| word.wrong(why, hint))?;
        self.task.image = tagged(value);
        Ok(())
    }

    fn schedule(&mut self, word: Word<'_>, value: &str) -> Result<(), WordError> {
        if self.task.kind.is_service() {
            let hint = "use `scheduled:` or `task:`, or remove the schedule";
            return Err(word.wrong("is for tasks only; a service runs all the time", hint));
        }
        let hint = "for example `'schedule:cron(0 15 * * ? *)'` or `'schedule:rate(5 minutes)'`, in quotes";
        Schedule::parse(value).map_err(|why| word.wrong(format!("is no schedule: {why}"), hint))?;
        self.task.schedule = Some(value.to_owned());
        Ok(())
    }

    fn domain(&mut self, word: Word<'_>, value: &str) -> Result<(), WordError> {
        if !self.task.kind.is_web() {
            let hint = "use `http:` or `https:`, or remove the domain";
            return Err(word.wrong("is for `http` and `https` only", hint));
        }
        self.task.domain = Some(value.to_owned());
        Ok(())
    }

    /// An error shows no value: it may be a secret.
    fn variable(&mut self, word: Word<'a>, value: &'a str) -> Result<(), WordError> {
        let fits =
            |name: &str| !name.is_empty() && !name.contains(|c: char| c.is_control() || c.is_whitespace());
        let wrong = |shown: &str, message: &str, hint: &str| WordError {
            word: format!("env:{shown}…"),
            ..word.wrong(message, hint)
        };
        let Some((name, value)) = value.split_once('=').filter(|(name, _)| fits(name)) else {
            return Err(wrong("", "is not `env:NAME=VALUE`", "for example `env:LOG_LEVEL=info`"));
        };
        if !self.variables.insert(name) {
            let message = format!("sets `{name}` for the second time");
            return Err(wrong(
                &format!("{name}="),
                &message,
                "only one of the two can hold; remove the other",
            ));
        }
        self.task.environment.push((name.to_owned(), value.to_owned()));
        Ok(())
    }

    fn scaling(&mut self, word: Word<'_>, value: &str) -> Result<(), WordError> {
        if !self.task.kind.is_service() {
            return Err(
                word.wrong("is for services only", "remove it, or use `daemon:`, `http:` or `https:`")
            );
        }
        let (metric, target) =
            value.split_once('=').map_or((value, None), |(metric, target)| (metric, Some(target)));
        let target = match target.map(str::parse::<u32>) {
            None => None,
            Some(Ok(target)) if target > 0 => Some(target),
            Some(_) => {
                return Err(word.wrong("has no whole number after `=`", "for example `autoscaling:cpu=60`"));
            }
        };
        self.task.scaling = Some(match metric {
            "cpu" if target.is_some_and(|target| target > 100) => {
                return Err(
                    word.wrong("asks for more than 100 per cent of CPU", "for example `autoscaling:cpu=60`")
                );
            }
            "cpu" => Scaling::Cpu(target.unwrap_or(CPU)),
            "requests" if self.task.kind.is_web() => Scaling::Requests(target.unwrap_or(REQUESTS)),
            "requests" => {
                let hint = "use `autoscaling:cpu`; only a load balancer counts requests";
                return Err(word.wrong("is for `http` and `https` only", hint));
            }
            _ => {
                let hint = "the metrics are `cpu` and, behind a load balancer, `requests`";
                return Err(word.wrong(format!("names the unknown metric `{metric}`"), hint));
            }
        });
        Ok(())
    }

    fn firewall(&mut self, word: Word<'_>, value: &str) -> Result<(), WordError> {
        if self.task.kind != Kind::Https {
            return Err(word.wrong("is for `https` only", "remove it, or use `https:`"));
        }
        if matches!(value, "true" | "enabled" | "default") {
            self.firewall = Some(vec!["default".to_owned()]);
            return Ok(());
        }
        let rules: Vec<String> = value.split(',').map(str::to_owned).collect();
        let known = |rule: &&String| RULE_SETS.contains(&rule.strip_prefix('-').unwrap_or(rule));
        if let Some(unknown) = rules.iter().find(|rule| !known(rule)) {
            let hint = format!("the words are {}; `-` before one takes it out", RULE_SETS.join(", "));
            return Err(word.wrong(format!("names the unknown rule set `{unknown}`"), hint));
        }
        self.firewall = Some(rules);
        Ok(())
    }
}
