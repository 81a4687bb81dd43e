//! `RunTask`: what it refuses, the tasks that it starts, and the same call a second time.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::clusters::Cluster;
use super::course::{Course, Exit};
use super::error::{Answer, EcsError};
use super::json::{Object, default_to, flag, int, list, text, texts};
use super::launch::provider;
use super::outside::Outside;
use super::script::{Ground, Script, Subject};
use super::service_checks::{self, invalid};
use super::service_create::{normalize_strategy, platform_family};
use super::services::is_fargate;
use super::tags::{self, Tags};
use super::task_definitions::Revision;
use super::tasks::{Launch, Task, may_exec};
use super::{Ecs, overrides};

/// Most tasks of one call.
const MOST: i64 = 10;

/// A call with a client token, so that the same call again finds its tasks.
#[derive(Debug, Clone)]
pub struct Ran {
    request: Value,
    tasks: Vec<String>,
}

impl Ecs {
    pub(super) fn run_task(&mut self, input: &Value, outside: &Outside) -> Answer {
        let tasks = &self.tasks;
        self.ran.retain(|_, ran| ran.tasks.iter().any(|arn| tasks.contains_key(arn)));
        let cluster = self.cluster(text(input, "cluster"))?;
        let key = text(input, "clientToken").map(|token| (cluster.name.clone(), token.to_owned()));
        if let Some(ran) = key.as_ref().and_then(|key| self.ran.get(key)) {
            return self.again(ran, input);
        }
        check(input)?;
        let definition = self.usable_definition(text(input, "taskDefinition").unwrap_or_default())?;
        let settings = filled(input, definition, cluster);
        service_checks::capacity(&settings, definition, cluster)?;
        let settings = on_a_version(settings);
        service_checks::network(&settings, input, definition, outside)?;
        let fargate = is_fargate(&settings);
        let none = Value::Null;
        let given = input.get("overrides").unwrap_or(&none);
        overrides::check(given, definition, fargate)?;
        let role = text(given, "taskRoleArn").or(text(&definition.body, "taskRoleArn"));
        if may_exec(input) && role.is_none() {
            return invalid(
                "The task couldn't be started because a valid taskRoleArn is not being used. Specify a valid task role \
                 in your task definition and try again.",
            );
        }
        if !fargate {
            return invalid("No Container Instances were found in your cluster.");
        }
        let cluster = cluster.name.clone();
        let definition = definition.clone();
        let family = text(&definition.body, "family").unwrap_or_default();
        let script = self.take_script(Subject::Task(family));
        let count = int(input, "count").unwrap_or(1);
        if let Some(reason) = script.as_ref().and_then(Script::no_capacity) {
            let failures: Vec<Value> = (0..count).map(|_| json!({ "reason": reason })).collect();
            return Ok(json!({ "tasks": [], "failures": failures }));
        }
        let ground = Ground { containers: definition.containers(), group: None, pace: self.pace };
        let course = script.as_ref().map_or_else(
            || {
                let pace = self.pace.running_at(Course::RUN_STARTS_S);
                Course::of_run(definition.containers(), pace, Course::RUN_TAKES_S)
            },
            |script| script.run(&ground),
        );
        let run = Run { cluster: &cluster, definition: &definition, settings: &settings, outside };
        let started: Vec<String> = (0..count).map(|turn| self.start(&run, turn, course.clone())).collect();
        if let Some(key) = key {
            self.ran.insert(key, Ran { request: input.clone(), tasks: started.clone() });
        }
        Ok(json!({ "tasks": self.shown(&started), "failures": [] }))
    }

    /// The security groups that runs hold at `now`: until they have stopped.
    pub fn groups_of_runs(&mut self, now: f64) -> BTreeSet<String> {
        self.settle(now);
        let now = self.settled_at;
        self.tasks
            .values()
            .filter(|task| !task.is_stopped(now))
            .flat_map(|task| task.groups.clone())
            .collect()
    }

    /// The answer of a call whose token is known: the tasks of the first call, if it asks for the same.
    fn again(&self, ran: &Ran, input: &Value) -> Answer {
        if ran.request == *input {
            return Ok(json!({ "tasks": self.shown(&ran.tasks), "failures": [] }));
        }
        let mut error = EcsError::new(
            "ConflictException",
            "The provided clientToken is already in use with a different RunTask request.",
        );
        error.extra.insert("resourceIds".to_owned(), json!(ran.tasks));
        Err(error)
    }

    /// The tasks of these ARNs, as far as they can still be described.
    fn shown(&self, arns: &[String]) -> Vec<Value> {
        let now = self.settled_at;
        arns.iter().filter_map(|arn| self.tasks.get(arn)).map(|task| task.show(now, true)).collect()
    }

    /// Starts the `turn`th task of a call; gives its ARN.
    fn start(&mut self, run: &Run<'_>, turn: i64, course: Course) -> String {
        let Run { settings, definition, .. } = run;
        let subnets = settings
            .pointer("/networkConfiguration/awsvpcConfiguration")
            .map_or_else(Vec::new, |vpc| texts(vpc, "subnets"));
        let spread = usize::try_from(turn).unwrap_or_default() % subnets.len().max(1);
        let subnet = subnets.get(spread).copied().unwrap_or_default();
        let zone = run.outside.subnets.get(subnet).map_or("", |one| one.az.as_str());
        let mut members = Object::new();
        for key in ["platformVersion", "platformFamily"] {
            members.insert(key.to_owned(), settings.get(key).cloned().unwrap_or_default());
        }
        members.insert("launchType".to_owned(), json!("FARGATE"));
        if let Some(provider) = provider(list(settings, "capacityProviderStrategy"), turn) {
            members.insert("capacityProviderName".to_owned(), json!(provider));
        }
        members.insert("enableExecuteCommand".to_owned(), json!(may_exec(settings)));
        let family = text(&definition.body, "family").unwrap_or_default();
        let launch = Launch {
            cluster: run.cluster,
            service: None,
            started_by: text(settings, "startedBy"),
            group: text(settings, "group").map_or_else(|| format!("family:{family}"), str::to_owned),
            definition,
            course,
            members,
            subnet: (subnet, zone),
            balancers: Vec::new(),
            tags: run.tags(),
        };
        let mut task = Task::new(launch, &self.place, &mut self.ids, self.settled_at);
        if let Some(given) = settings.get("overrides") {
            task.members.extend(overrides::shown(given, definition));
        }
        let vpc = settings.pointer("/networkConfiguration/awsvpcConfiguration");
        let groups = vpc.map_or_else(Vec::new, |vpc| texts(vpc, "securityGroups"));
        task.groups = groups.into_iter().map(str::to_owned).collect();
        let arn = task.arn.clone();
        self.tasks.insert(arn.clone(), task);
        arn
    }
}

/// A call that was found right.
struct Run<'a> {
    cluster: &'a str,
    definition: &'a Revision,
    settings: &'a Value,
    outside: &'a Outside,
}

impl Run<'_> {
    /// What each task carries: the propagated tags, those of the call over them, and those of ECS.
    fn tags(&self) -> Tags {
        let mut tags = Tags::new();
        if text(self.settings, "propagateTags") == Some("TASK_DEFINITION") {
            tags.extend(self.definition.tags.clone());
        }
        tags.extend(tags::read(self.settings));
        if flag(self.settings, "enableECSManagedTags").unwrap_or(false) {
            tags.insert("aws:ecs:clusterName".to_owned(), self.cluster.to_owned());
        }
        tags
    }
}

/// How long a container may take to end after SIGTERM before SIGKILL, in seconds (`stopTimeout`, by default).
const PATIENCE_S: i64 = 30;

/// How a run ends when somebody stops it now: 128 + 15 for a container that ends on SIGTERM, 128 + 9 for one that
/// takes longer than its `stopTimeout`.
pub fn signal(task: &mut Task, definition: Option<&Revision>, now: f64, reason: &str) {
    if !task.is_running(now) {
        return;
    }
    let (mut exits, mut last_s) = (BTreeMap::new(), 0.0_f64);
    for container in definition.map_or(&[][..], Revision::containers) {
        let patience = int(container, "stopTimeout").unwrap_or(PATIENCE_S);
        let patience_s = f64::from(i32::try_from(patience).unwrap_or(i32::MAX));
        let code = if task.course.stop_s > patience_s { 137 } else { 143 };
        last_s = last_s.max(task.course.stop_s.min(patience_s));
        let name = text(container, "name").unwrap_or_default().to_owned();
        exits.insert(name, Exit { code: Some(code), reason: None });
    }
    task.course.stop_s = last_s;
    task.stop(now, "UserInitiated", reason);
    if let Some(stop) = &mut task.stop {
        stop.exits = exits;
    }
}

/// What is wrong with a call whatever the account holds.
fn check(input: &Value) -> Answer<()> {
    if int(input, "count").is_some_and(|count| !(1..=MOST).contains(&count)) {
        return invalid(format!("count must be between 1 and {MOST}."));
    }
    if text(input, "clientToken").is_some_and(|token| {
        !(1..=64).contains(&token.len()) || !token.chars().all(|one| one.is_ascii_graphic())
    }) {
        return invalid("Invalid client token: up to 64 ASCII characters are allowed.");
    }
    let legal = |one: char| one.is_ascii_alphanumeric() || "-_/".contains(one);
    if text(input, "startedBy").is_some_and(|who| who.len() > 128 || !who.chars().all(legal)) {
        return invalid(
            "startedBy must have at most 128 letters, numbers, hyphens, forward slashes and underscores.",
        );
    }
    if text(input, "propagateTags") == Some("SERVICE") {
        return invalid("propagateTags SERVICE is only valid for tasks of a service.");
    }
    if input.get("launchType").is_some() && !list(input, "capacityProviderStrategy").is_empty() {
        return invalid(
            "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.",
        );
    }
    tags::validate(list(input, "tags"))
}

/// The call with the defaults of ECS filled in.
fn filled(input: &Value, definition: &Revision, cluster: &Cluster) -> Value {
    let mut settings = input.as_object().cloned().unwrap_or_default();
    if list(input, "capacityProviderStrategy").is_empty() && !settings.contains_key("launchType") {
        if cluster.default_strategy().is_empty() {
            settings.insert("launchType".to_owned(), json!("EC2"));
        } else {
            settings.insert("capacityProviderStrategy".to_owned(), json!(cluster.default_strategy()));
        }
    }
    normalize_strategy(&mut settings);
    if is_fargate(&Value::Object(settings.clone())) {
        let family = platform_family(definition);
        default_to(&mut settings, "platformVersion", json!("LATEST"));
        settings.insert("platformFamily".to_owned(), json!(family));
    }
    Value::Object(settings)
}

/// A task runs on a version, whatever the call asks for.
fn on_a_version(mut settings: Value) -> Value {
    let linux = text(&settings, "platformFamily") == Some("Linux");
    if let Some(version) = settings.get_mut("platformVersion").filter(|one| **one == "LATEST") {
        *version = json!(if linux { "1.4.0" } else { "1.0.0" });
    }
    settings
}
