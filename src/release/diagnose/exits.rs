//! How containers ended.

use super::words::has;
use super::{Evidence, Exit, Group, Match, Quote, exit_meaning, find};

/// The first container of a group with one of these exit codes.
fn with_code<'a>(group: Option<&'a Group>, codes: &[i32]) -> Option<&'a Exit> {
    group?.exits.iter().find(|exit| exit.code.is_some_and(|code| codes.contains(&code)))
}

/// What an exit says, as a match.
fn of_exit(exit: &Exit) -> Match {
    let code = exit.code.unwrap_or_default();
    let meaning = exit_meaning(code).map(|meaning| format!(" ({meaning})")).unwrap_or_default();
    let reason =
        Quote { source: format!("reason of container `{}`", exit.container), text: exit.reason.clone() };
    Match {
        container: Some(exit.container.clone()),
        what: Some(format!("container `{}` exited with {code}{meaning}", exit.container)),
        quotes: if exit.reason.is_empty() { Vec::new() } else { vec![reason] },
    }
}

/// The command of a container, as a JSON list in back-ticks; that of the image when it has none of its own.
fn command(evidence: &Evidence, container: Option<&str>) -> String {
    let definition = container.and_then(|name| evidence.definition(name)).or(evidence.containers.first());
    let words: Vec<&String> =
        definition.iter().flat_map(|one| one.entry_point.iter().chain(&one.command)).collect();
    if words.is_empty() {
        "the image's own command".to_owned()
    } else {
        format!("the command `{}`", serde_json::json!(words))
    }
}

pub(super) fn dependency(evidence: &Evidence, group: Option<&Group>) -> Option<Match> {
    let parts = ["dependency", "depends on", "dependson", "starttimeout", "start timeout"];
    if let Some(quote) = find(evidence, group, &parts) {
        let first = group.and_then(Group::first).map(|exit| exit.container.clone());
        return Some(Match { container: first, ..Match::from(quote) });
    }
    // Another container ended badly, and an essential one never ran: it waited.
    let group = group?;
    let first = group.first().filter(|exit| exit.code.is_some_and(|code| code != 0))?;
    let waits = group.exits.iter().find(|exit| {
        exit.code.is_none() && evidence.definition(&exit.container).is_some_and(|one| one.essential)
    })?;
    let failing = evidence.definition(&first.container)?;
    (!failing.essential && group.exits.len() > 1).then(|| {
        let what = of_exit(first);
        let words = what.what.clone().unwrap_or_default();
        what.saying(format!("{words}, and `{}`, which waits for it, never started", waits.container))
    })
}

pub(super) fn mend_dependency(evidence: &Evidence, matched: &Match) -> String {
    let container = matched.container.as_deref().unwrap_or("the first container");
    format!(
        "make container `{container}` end or get healthy as others expect ({}): its log tells why it did not",
        command(evidence, matched.container.as_deref())
    )
}

pub(super) fn out_of_memory(evidence: &Evidence, group: Option<&Group>) -> Option<Match> {
    let parts = ["outofmemory", "out of memory", "oomkilled", "oom-kill", "memory usage"];
    let quote = find(evidence, group, &parts)?;
    let exit = group?.exits.iter().find(|exit| has(&exit.reason, &parts)).or_else(|| group?.first());
    let container = exit.map(|exit| exit.container.clone());
    let limit = evidence.memory.map(|mib| format!(" {mib} MiB")).unwrap_or_default();
    let what = container
        .as_ref()
        .map(|name| format!("container `{name}` used more memory than the task's limit{limit}"));
    Some(Match { container, what, ..Match::from(quote) })
}

pub(super) fn more_memory(evidence: &Evidence, _: &Match) -> String {
    let now = evidence.memory.map(|mib| format!(" (now {mib})")).unwrap_or_default();
    match evidence.next_size {
        Some((cpu, memory)) if evidence.cpu.is_some_and(|have| have != cpu) => format!(
            "set {} to {memory} and {} to {cpu}{now}: the next size that Fargate has",
            evidence.field("memory"),
            evidence.field("cpu")
        ),
        Some((_, memory)) => {
            format!("set {} to {memory}{now}: the next size that Fargate has", evidence.field("memory"))
        }
        None if evidence.memory.is_some() => {
            "make the program use less memory: the task has the largest size that Fargate has".to_owned()
        }
        None => format!("raise {}", evidence.field("memory")),
    }
}

pub(super) fn cannot_start(evidence: &Evidence, group: Option<&Group>) -> Option<Match> {
    let parts = [
        "cannotstartcontainer",
        "cannotcreatecontainer",
        "executable file not found",
        "oci runtime create failed",
        "runc create failed",
        "containerruntimeerror",
        "containerruntimetimeout",
    ];
    let quote = find(evidence, group, &parts)?;
    let exit = group.and_then(|group| {
        group.exits.iter().find(|exit| has(&exit.reason, &parts)).or_else(|| group.first())
    });
    let container = exit.map(|exit| exit.container.clone());
    let what = container.as_ref().map(|name| format!("container `{name}` could not be started"));
    Some(Match { container, what, ..Match::from(quote) })
}

pub(super) fn mend_command(evidence: &Evidence, matched: &Match) -> String {
    let container = matched.container.as_deref();
    format!(
        "set {} to a command that the image has and that is executable: {} cannot be started",
        evidence.field("command"),
        command(evidence, container)
    )
}

/// Exit codes of programs that end by a signal of their own fault.
const CRASHES: &[i32] = &[132, 133, 134, 135, 136, 139];

pub(super) fn crashed(_: &Evidence, group: Option<&Group>) -> Option<Match> {
    with_code(group, CRASHES).map(of_exit)
}

pub(super) fn mend_crash(evidence: &Evidence, matched: &Match) -> String {
    format!(
        "fix the native crash (the log's last lines, a core dump on a machine of the same CPU), or build {} anew for `{}` with the libraries of its base image",
        evidence.field("image"),
        evidence.architecture.as_deref().unwrap_or("X86_64"),
    ) + if has(&matched.said(), &["illegal instruction"]) {
        "; it uses an instruction that this CPU lacks"
    } else {
        ""
    }
}

pub(super) fn killed(_: &Evidence, group: Option<&Group>) -> Option<Match> {
    let exit = with_code(group, &[137])?;
    // Tasks that AWS itself takes away are killed, too.
    let taken = ["SpotInterruption", "TerminationNotice", "InfrastructureHealth"];
    (!taken.contains(&group?.stop_code.as_str())).then(|| {
        let asked = was_asked(group?);
        let what = of_exit(exit);
        let name = what.container.clone().unwrap_or_default();
        Some(if asked {
            what.saying(format!("container `{name}` did not end in time after SIGTERM and was killed (137)"))
        } else {
            what.saying(format!("container `{name}` was killed (137) although nobody stopped the task"))
        })
    })?
}

/// Whether somebody asked the task to stop, so that SIGTERM came first.
fn was_asked(group: &Group) -> bool {
    ["ServiceSchedulerInitiated", "UserInitiated"].contains(&group.stop_code.as_str())
}

pub(super) fn mend_kill(evidence: &Evidence, matched: &Match) -> String {
    if matched.what.as_deref().is_some_and(|what| what.contains("SIGTERM")) {
        return format!(
            "let the program end within 30 s of SIGTERM (run it as process 1 with `exec` in {}, not below a shell); `stopTimeout` goes up to 120 s",
            evidence.field("command")
        );
    }
    format!("{}; without more memory it will be killed again", more_memory(evidence, matched))
}

pub(super) fn exited(_: &Evidence, group: Option<&Group>) -> Option<Match> {
    let group = group?;
    let own = group.stop_code == "EssentialContainerExited" || group.stop_code.is_empty();
    let exit = group.first().filter(|exit| own && exit.code.is_some())?;
    Some(of_exit(exit))
}

pub(super) fn mend_exit(evidence: &Evidence, matched: &Match) -> String {
    let said = matched.what.as_deref().unwrap_or_default();
    let container = matched.container.as_deref();
    let code = |number: i32| {
        said.contains(&format!("exited with {number} ")) || said.ends_with(&format!("exited with {number}"))
    };
    let field = evidence.field("command");
    let command = command(evidence, container);
    if code(0) {
        return format!(
            "let {field} start a program that goes on: {command} ended without an error, and a service's task must not end"
        );
    }
    if code(126) || code(127) {
        return format!(
            "set {field} to a command that the image has and that is executable: {command} is none"
        );
    }
    if code(2) {
        return format!("correct the arguments in {field}: {command} was called the wrong way");
    }
    if code(143) {
        return "look for who stopped the program with SIGTERM: it was not ECS".to_owned();
    }
    format!(
        "fix what the last lines of the log name, in the program or in {}, {} or {field}",
        evidence.field("environment"),
        evidence.field("secrets")
    )
}

pub(super) fn by_hand(evidence: &Evidence, group: Option<&Group>) -> Option<Match> {
    let Some(group) = group else {
        // Tasks that failed first are the better answer, and come before the whole.
        let record = [&evidence.record.reason, &evidence.record.rollback];
        let asked = record.into_iter().flatten().any(|text| has(text, &["requested"]));
        return find(evidence, None, &["requested"]).filter(|_| asked).map(Match::from);
    };
    let stopped = (group.stop_code == "UserInitiated").then_some(group)?;
    Some(find(evidence, Some(stopped), &[""]).map_or_else(Match::default, Match::from))
}

pub(super) fn ask_who(evidence: &Evidence, _: &Match) -> String {
    format!(
        "find out who called `ecs:StopTask` or `ecs:StopServiceDeployment` for `{}`, then release again",
        evidence.key
    )
}
