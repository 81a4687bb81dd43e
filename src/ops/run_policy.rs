//! Whether a workflow may run a task as somebody asks: pure.
//!
//! Who may push to any branch may start a workflow, and chooses its inputs. So the stack file of a protected branch says which
//! tasks may run and what of them may be changed; all else is refused before AWS is asked for anything.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::{Capacity, CommandRule, RunPermission, RunRule, Task};

/// The longest name of a task or service that is taken from a workflow.
const NAME_MAX: usize = 64;

/// What a workflow asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunAsk {
    /// Words for the command.
    pub command: Option<Vec<String>>,
    /// Environment variables. Their values are never shown.
    pub environment: BTreeMap<String, String>,
    /// CPU units.
    pub cpu: Option<u32>,
    /// MiB.
    pub memory: Option<u32>,
}

/// Why a run is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRefusal {
    /// The output `failure-reason`: `task-not-allowed`, `override-not-allowed`, `env-not-allowed` or `too-large`.
    pub reason: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: String,
}

/// Whether a name is one that a workflow may give: a letter or digit first, then up to 63 letters, digits, `-` and `_`.
pub fn is_name(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric();
    let mut bytes = text.bytes();
    text.len() <= NAME_MAX
        && bytes.next().is_some_and(word)
        && bytes.all(|byte| word(byte) || matches!(byte, b'-' | b'_'))
}

/// What whoever starts a run of the task must at least be allowed to do in the repository.
pub fn permission(task: &Task) -> RunPermission {
    task.run.as_ref().and_then(|run| run.permission).unwrap_or_default()
}

/// What of the ask is done, or why nothing is. `key` is the task's name. Words of the ask come after those of the task's command
/// where the rule is `args`.
pub fn allowed(key: &str, task: &Task, ask: &RunAsk) -> Result<RunAsk, RunRefusal> {
    let rule = task.run.clone().unwrap_or_default();
    let at = format!("tasks.{key}.run");
    runs(key, task, &rule, &at)?;
    let command = command(key, task, &rule, &at, ask)?;
    environment(key, task, &rule, &at, ask)?;
    let own = task.capacity();
    let most = Capacity {
        cpu: own.cpu.max(rule.max_cpu.unwrap_or_default()),
        memory: own.memory.max(rule.max_memory.unwrap_or_default()),
    };
    fits(key, "CPU units", &format!("{at}.max_cpu"), ask.cpu, most.cpu)?;
    fits(key, "MiB", &format!("{at}.max_memory"), ask.memory, most.memory)?;
    Ok(RunAsk { command, ..ask.clone() })
}

fn runs(key: &str, task: &Task, rule: &RunRule, at: &str) -> Result<(), RunRefusal> {
    let refusal = |message: String, hint: String| RunRefusal { reason: "task-not-allowed", message, hint };
    if rule.allowed == Some(false) {
        let message = format!("`{at}.allowed` keeps workflows from running `{key}`");
        return Err(refusal(message, "run it from a shell, or change the stack file".to_owned()));
    }
    if task.kind.is_service() && task.run.is_none() {
        let message = format!("`{key}` is a service, and a workflow runs only what the stack file allows");
        let hint = format!("`{at}.allowed: true` lets workflows run one task of its definition");
        return Err(refusal(message, hint));
    }
    Ok(())
}

fn command(
    key: &str,
    task: &Task,
    rule: &RunRule,
    at: &str,
    ask: &RunAsk,
) -> Result<Option<Vec<String>>, RunRefusal> {
    let Some(words) = &ask.command else { return Ok(None) };
    let refusal =
        |message: String, hint: String| RunRefusal { reason: "override-not-allowed", message, hint };
    match rule.command.unwrap_or_default() {
        CommandRule::Any => Ok(Some(words.clone())),
        CommandRule::Args => match &task.command {
            Some(own) => Ok(Some(own.iter().chain(words).cloned().collect())),
            // The stack file was checked for that; what is not there must not be run all the same.
            None => Err(refusal(
                format!("`{key}` has no `command` for the words to come after"),
                format!("give it one, or write `{at}.command: any`"),
            )),
        },
        CommandRule::Fixed => Err(refusal(
            format!("a workflow must not change the command of `{key}`"),
            format!("leave `task-command` out, or write `{at}.command: args` or `any` into the stack file"),
        )),
    }
}

fn environment(key: &str, task: &Task, rule: &RunRule, at: &str, ask: &RunAsk) -> Result<(), RunRefusal> {
    let secrets: BTreeSet<&String> = task.secrets.iter().map(|secret| &secret.env).collect();
    for name in ask.environment.keys() {
        let refusal = |message: String, hint: String| RunRefusal { reason: "env-not-allowed", message, hint };
        if secrets.contains(name) {
            let message = format!("`{name}` holds a secret of `{key}`, and no run can set it");
            return Err(refusal(message, "change the secret itself".to_owned()));
        }
        if !rule.environment.contains(name) {
            let message = format!("a workflow must not set `{name}` for `{key}`");
            return Err(refusal(message, format!("name it in `{at}.environment`")));
        }
    }
    Ok(())
}

fn fits(key: &str, unit: &str, at: &str, asked: Option<u32>, most: u32) -> Result<(), RunRefusal> {
    match asked {
        Some(asked) if asked > most => Err(RunRefusal {
            reason: "too-large",
            message: format!("`{asked}` {unit} are more than the {most} that a workflow may give `{key}`"),
            hint: format!("ask for less, or raise `{at}`"),
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[path = "run_policy_tests.rs"]
mod tests;
