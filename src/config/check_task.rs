//! What the schema cannot judge about a task.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::check::Checker;
use super::check_run;
use super::fargate::{self, Capacity, Size};
use super::image::ImageRef;
use super::judge::{Finding, cut};
use super::names;
use super::normal;
use super::schedule::Schedule;
use super::source::{Path, Seg, join, keys, spell};
use super::types::TaskType;

/// The keys of services behind a load balancer.
const OF_WEB: [&str; 9] = [
    "domain",
    "path",
    "priority",
    "container_port",
    "port",
    "health_check",
    "deregistration_delay",
    "stickiness",
    "target_group_name",
];

/// Checks all tasks.
pub fn check<'a>(checker: &mut Checker<'a>, stack_tags: &BTreeSet<&'a str>) {
    let document = checker.document;
    let mut families: BTreeMap<&str, &str> = BTreeMap::new();
    for (key, task) in document.get("tasks").and_then(Value::as_object).into_iter().flatten() {
        let path = keys(&["tasks", key]);
        task_key(checker, &path, key, task);
        let Some(task) = task.as_object() else { continue };
        let mut one = One { checker, path, key, task };
        one.names();
        one.image();
        one.kind();
        one.of_other_types();
        one.deployment();
        one.capacity();
        one.command();
        let variables = one.environment();
        one.secrets(variables);
        check_run::check(one.checker, &one.path, task);
        let path = one.at("tags");
        checker.tags(&path, task.get("tags"), stack_tags);
        let family = task.get("family").and_then(Value::as_str).unwrap_or(key);
        if let Some(other) = families.insert(family, key) {
            let path = keys(&["tasks", key]);
            let path = if task.contains_key("family") { join(&path, "family") } else { path };
            let message = format!("the tasks `{other}` and `{key}` have the same family `{family}`");
            checker.wrong(path, message, "each task needs a task definition family of its own".to_owned());
        }
    }
}

/// The key of a task names its ECS service, and its EventBridge rule when it has a schedule.
fn task_key(checker: &mut Checker<'_>, path: &[Seg], key: &str, task: &Value) {
    let what = format!("the task name `{}`", cut(key));
    if let Some(why) = names::ECS.against(key) {
        let hint = why.contains("which").then(|| names::ECS.characters());
        checker.findings.push(Finding::key(path.to_vec(), format!("{what} {why}"), hint));
    } else if task.get("schedule").is_some() && key.len() + "-schedule".len() > names::EVENT_RULE.max {
        let message = format!(
            "{what} makes the rule `{key}-schedule` of {} characters, but EventBridge takes at most {}",
            key.len() + "-schedule".len(),
            names::EVENT_RULE.max
        );
        checker.findings.push(Finding::key(path.to_vec(), message, "use a shorter name".to_owned()));
    }
}

/// One task under check.
struct One<'c, 'a> {
    checker: &'c mut Checker<'a>,
    path: Path,
    key: &'a str,
    task: &'a Map<String, Value>,
}

impl<'a> One<'_, 'a> {
    fn at(&self, key: &str) -> Path {
        join(&self.path, key)
    }

    fn text(&self, key: &str) -> Option<&'a str> {
        self.task.get(key).and_then(Value::as_str)
    }

    fn names(&mut self) {
        for key in ["name", "family"] {
            if let Some(name) = self.text(key) {
                self.checker.name(self.at(key), name, &names::ECS);
            }
        }
    }

    fn image(&mut self) {
        if let Some(image) = self.text("image")
            && let Err(why) = ImageRef::parse(image)
        {
            let message = format!("`{}` {why}", spell(&self.at("image")));
            self.checker.wrong(self.at("image"), message, "for example `helloworld:latest`".to_owned());
        }
    }

    /// The keys that only one type of task has.
    fn kind(&mut self) {
        let service = matches!(self.text("type"), Some("daemon" | "http" | "https"));
        if let Some(expression) = self.text("schedule") {
            let path = self.at("schedule");
            let what = spell(&path);
            match Schedule::parse(expression) {
                Err(why) => {
                    let hint = "for example `cron(0 15 * * ? *)` or `rate(5 minutes)`".to_owned();
                    self.checker.wrong(path, format!("`{what}`: {why}"), hint);
                }
                Ok(Schedule::At(_)) => {
                    let hint = "write a `cron` expression with a year, which never comes again".to_owned();
                    self.checker.wrong(
                        path,
                        format!("`{what}`: EventBridge rules do not know `at(…)`"),
                        hint,
                    );
                }
                Ok(_) if service => {
                    let hint = "remove `schedule`, or use the type `task`".to_owned();
                    let message =
                        format!("`{what}` is for the type `task` only; a service runs all the time");
                    self.checker.findings.push(Finding::key(path, message, hint));
                }
                Ok(_) => {}
            }
        }
        // Other types are refused elsewhere; here only what is known to be a task.
        let is_task = matches!(self.text("type"), None | Some("task"));
        if self.task.contains_key("desired_count") && is_task {
            let path = self.at("desired_count");
            let message =
                format!("`{}` is for services only; a task runs when it is asked or scheduled", spell(&path));
            self.checker.findings.push(Finding::key(
                path,
                message,
                "remove it, or use the type `daemon`".to_owned(),
            ));
        }
    }

    /// The keys of services, and of services behind a load balancer, on a task that is none. One without a value in it asks for
    /// nothing.
    fn of_other_types(&mut self) {
        let is_task = matches!(self.text("type"), None | Some("task"));
        let is_web = !is_task && self.text("type") != Some("daemon");
        let asks = |key: &&str| {
            self.task.get(*key).is_some_and(|value| !value.as_object().is_some_and(Map::is_empty))
        };
        let web = OF_WEB.iter().filter(|_| !is_web).filter(|key| asks(key));
        let found: Vec<&str> =
            web.chain(["deployment"].iter().filter(|_| is_task).filter(|key| asks(key))).copied().collect();
        for key in found {
            let path = self.at(key);
            let (types, why, other) = match key {
                "deployment" => ("services", "a task runs when it is asked or scheduled", "daemon"),
                _ => ("the types `http` and `https`", "no other type is behind a load balancer", "https"),
            };
            let message = format!("`{}` is for {types} only; {why}", spell(&path));
            let hint = format!("remove it, or use the type `{other}`");
            self.checker.findings.push(Finding::key(path, message, hint));
        }
    }

    /// How ECS replaces tasks: it must be able to.
    fn deployment(&mut self) {
        let is_service = matches!(self.text("type"), Some("daemon" | "http" | "https"));
        let Some(deployment) = self.task.get("deployment").filter(|_| is_service) else { return };
        let at = self.at("deployment");
        let number = |key: &str| deployment.get(key).and_then(Value::as_u64);
        let (given_least, given_most) = (number("minimum_healthy_percent"), number("maximum_percent"));
        let (least, most) = (given_least.unwrap_or(100), given_most.unwrap_or(200));
        let count = self.task.get("desired_count").map_or(Some(1), Value::as_u64).unwrap_or(1).max(1);
        let key = if given_most.is_some() { "maximum_percent" } else { "minimum_healthy_percent" };
        let hint = || {
            let at = spell(&at);
            format!("for example `{at}.minimum_healthy_percent: 100` and `{at}.maximum_percent: 200`")
        };
        if least > most {
            let message = format!(
                "`{}` of {most} is less than the {least} per cent that always run",
                spell(&join(&at, key))
            );
            self.checker.wrong(join(&at, key), message, hint());
        } else if (count * least).div_ceil(100) >= count && count * most / 100 <= count {
            let tasks = if count == 1 { "1 task".to_owned() } else { format!("{count} tasks") };
            let message = format!(
                "{least} to {most} per cent of {tasks} leave ECS no way to replace one: it may stop none and start none"
            );
            self.checker.wrong(join(&at, key), message, hint());
        }
        let flag = |key: &str| deployment.get(key).and_then(Value::as_bool);
        if flag("rollback") == Some(true) && flag("circuit_breaker") == Some(false) {
            let path = join(&at, "rollback");
            let message = format!(
                "`{}` needs the circuit breaker, which ends the rollout that is taken back",
                spell(&path)
            );
            let hint = format!("remove `{}`", spell(&join(&at, "circuit_breaker")));
            self.checker.wrong(path, message, hint);
        }
    }

    fn capacity(&mut self) {
        let size = match self.task.get("size").map(Size::deserialize) {
            Some(Ok(size)) => Some(size),
            Some(Err(_)) => return,
            None => None,
        };
        let kind = match self.text("type") {
            Some("daemon" | "http" | "https") => TaskType::Daemon,
            _ => TaskType::Task,
        };
        let Capacity { cpu, memory } =
            size.unwrap_or_else(|| Size::default_of(kind, self.task.contains_key("schedule"))).capacity();
        let cpu = match self.task.get("cpu") {
            None => u64::from(cpu),
            Some(value) => match value.as_u64() {
                Some(cpu) => cpu,
                None => return,
            },
        };
        let (memory, given) = match self.task.get("memory").map(normal::memory) {
            None => (memory, false),
            Some(Some(Ok(memory))) => (memory, true),
            Some(Some(Err(why))) => {
                let message = format!("`{}` {why}", spell(&self.at("memory")));
                return self.checker.wrong(self.at("memory"), message, None);
            }
            Some(None) => return,
        };
        let Some(valid) = u32::try_from(cpu).ok().and_then(fargate::valid_memory) else {
            let cpus = fargate::valid_cpus().map(|cpu| cpu.to_string()).collect::<Vec<_>>().join(", ");
            let message =
                format!("`{}` cannot be {cpu}: Fargate has no such CPU value", spell(&self.at("cpu")));
            return self.checker.wrong(
                self.at("cpu"),
                message,
                format!("valid values are {cpus} (1024 are one vCPU)"),
            );
        };
        if !valid.contains(memory) {
            let hint = format!("with {cpu} CPU units, memory (MiB) can be {}", valid.describe());
            if given {
                let message =
                    format!("`{}` cannot be {memory} with {cpu} CPU units", spell(&self.at("memory")));
                self.checker.wrong(self.at("memory"), message, hint);
            } else {
                let message =
                    format!("`{}` of {cpu} needs a `memory` that goes with it", spell(&self.at("cpu")));
                self.checker.wrong(self.at("cpu"), message, hint);
            }
        }
    }

    fn command(&mut self) {
        let path = self.at("command");
        let what = spell(&path);
        let words =
            self.task.get("command").and_then(|value| normal::command(self.checker.source, &path, value));
        match words {
            Some(Err(why)) => {
                self.checker.wrong(
                    path,
                    format!("`{what}` {why}"),
                    "or write the command as a list of words".to_owned(),
                );
            }
            Some(Ok(words)) if words.is_empty() && self.task.get("command").is_some_and(Value::is_string) => {
                self.checker.wrong(
                    path,
                    format!("`{what}` is empty"),
                    "remove it to run the command of the image".to_owned(),
                );
            }
            Some(Ok(words)) if words.iter().any(|word| word.contains('\0')) => {
                self.checker.wrong(path, format!("`{what}` has a NUL character"), None);
            }
            _ => {}
        }
    }

    /// Checks the environment and returns its names.
    fn environment(&mut self) -> BTreeSet<String> {
        let path = self.at("environment");
        let mut seen = BTreeSet::new();
        let Some(value) = self.task.get("environment") else {
            return seen;
        };
        for (path, entry) in normal::environment(self.checker.source, &path, value) {
            match entry {
                Err(why) => self.checker.wrong(path.clone(), format!("`{}` {why}", spell(&path)), None),
                Ok((name, value)) => {
                    if let Some(why) = names::variable(&name) {
                        let finding = Finding::key(path.clone(), why, None);
                        self.checker.findings.push(finding);
                    }
                    if value.contains('\0') {
                        let message = format!("the value of `{}` has a NUL character", cut(&name));
                        self.checker.wrong(path.clone(), message, None);
                    }
                    if !seen.insert(name.clone()) {
                        let message = format!(
                            "the environment variable `{}` stands here for the second time",
                            cut(&name)
                        );
                        self.checker.wrong(
                            path,
                            message,
                            "only one of the two can hold; remove the other".to_owned(),
                        );
                    }
                }
            }
        }
        seen
    }

    fn secrets(&mut self, mut seen: BTreeSet<String>) {
        let path = self.at("secrets");
        for (index, entry) in
            self.task.get("secrets").and_then(Value::as_array).into_iter().flatten().enumerate()
        {
            let path = join(&path, index);
            match normal::secret(entry) {
                None => {}
                Some(Err(why)) => {
                    let hint = "for example `/my-app/db/password:DB_PASSWORD`".to_owned();
                    self.checker.wrong(path.clone(), format!("`{}` {why}", spell(&path)), hint);
                }
                Some(Ok(secret)) => {
                    if let Some(why) = names::variable(&secret.env) {
                        self.checker.wrong(path.clone(), why, None);
                    }
                    if !seen.insert(secret.env.clone()) {
                        let message = format!(
                            "the environment variable `{}` of the task `{}` has two values",
                            cut(&secret.env),
                            cut(self.key)
                        );
                        let hint = "name another variable after the colon: `path:NAME`".to_owned();
                        self.checker.wrong(path, message, hint);
                    }
                }
            }
        }
    }
}
