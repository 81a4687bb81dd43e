//! What the schema cannot judge about `run` of a task.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::check::Checker;
use super::fargate;
use super::judge::cut;
use super::names;
use super::normal;
use super::source::{Seg, join, spell};

/// Checks `run` of the task at `path`.
pub fn check(checker: &mut Checker<'_>, path: &[Seg], task: &Map<String, Value>) {
    let Some(run) = task.get("run").and_then(Value::as_object) else { return };
    let path = join(path, "run");
    if run.get("command").and_then(Value::as_str) == Some("args") && !task.contains_key("command") {
        let at = join(&path, "command");
        let message =
            format!("`{}` is `args`, but the task has no `command` for them to come after", spell(&at));
        checker.wrong(at, message, "give the task a `command`, or write `any`".to_owned());
    }
    environment(checker, &join(&path, "environment"), run.get("environment"), &secrets(task));
    if let Some(cpu) = run.get("max_cpu").and_then(Value::as_u64)
        && u32::try_from(cpu).ok().and_then(fargate::valid_memory).is_none()
    {
        let at = join(&path, "max_cpu");
        let cpus = fargate::valid_cpus().map(|cpu| cpu.to_string()).collect::<Vec<_>>().join(", ");
        let message = format!("`{}` cannot be {cpu}: Fargate has no such CPU value", spell(&at));
        checker.wrong(at, message, format!("valid values are {cpus} (1024 are one vCPU)"));
    }
    if let Some(Err(why)) = run.get("max_memory").and_then(normal::memory) {
        let at = join(&path, "max_memory");
        checker.wrong(at.clone(), format!("`{}` {why}", spell(&at)), None);
    }
}

/// The variables that hold secrets.
fn secrets(task: &Map<String, Value>) -> BTreeSet<String> {
    let entries = task.get("secrets").and_then(Value::as_array).into_iter().flatten();
    entries.filter_map(normal::secret).filter_map(Result::ok).map(|secret| secret.env).collect()
}

fn environment(checker: &mut Checker<'_>, path: &[Seg], names: Option<&Value>, secrets: &BTreeSet<String>) {
    let mut seen = BTreeSet::new();
    for (index, name) in names.and_then(Value::as_array).into_iter().flatten().enumerate() {
        let Some(name) = name.as_str() else { continue };
        let at = join(path, index);
        if let Some(why) = names::variable(name) {
            checker.wrong(at, why, None);
        } else if secrets.contains(name) {
            let message = format!("`{}` is `{}`, which holds a secret", spell(&at), cut(name));
            checker.wrong(at, message, "no run can set a secret; remove it from the list".to_owned());
        } else if !seen.insert(name) {
            let message = format!("the environment variable `{}` stands here for the second time", cut(name));
            checker.wrong(at, message, "remove one of the two".to_owned());
        }
    }
}
