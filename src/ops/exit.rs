//! What a stopped task's containers say about how it went. Pure.

use std::collections::BTreeMap;

use aws_sdk_ecs::types::{Task, TaskStopCode};

use super::deployed::Revision;

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Its program ran and ended with this code.
    Exited(u8),
    /// It never ran.
    NotStarted,
    /// It ran, and nobody knows how it ended.
    Lost,
}

/// SIGKILL and SIGTERM as exit codes: what ECS does to the other containers once an essential one has stopped.
const ENDED_BY_ECS: [u8; 2] = [137, 143];

/// How a stopped task ended. `main` is the container of the program; `first` the container that was seen to stop before all
/// others, where that was seen.
///
/// The program's code counts. Another essential container counts only when it took the task down: it was seen to stop first,
/// or it failed by itself while the program was stopped in order (0) or by ECS.
pub fn verdict(task: &Task, revision: &Revision, main: &str, first: Option<&str>) -> Verdict {
    if task.stop_code() == Some(&TaskStopCode::TaskFailedToStart) {
        return Verdict::NotStarted;
    }
    let codes: BTreeMap<&str, u8> = task
        .containers()
        .iter()
        .filter_map(|container| Some((container.name()?, code(container.exit_code()?))))
        .collect();
    let essential = |name: &str| revision.containers.iter().any(|one| one.name == name && one.essential);
    if let Some(code) = first.filter(|name| *name != main && essential(name)).and_then(|name| codes.get(name))
    {
        return Verdict::Exited(*code);
    }
    let own = codes.get(main).copied();
    let others = codes.iter().filter(|(name, _)| **name != main && essential(name)).map(|(_, code)| *code);
    let failed = others.filter(|code| *code != 0 && !ENDED_BY_ECS.contains(code)).max();
    match (own, failed, first) {
        (Some(own), _, Some(first)) if first == main => Verdict::Exited(own),
        (Some(own), Some(failed), _) if own == 0 || ENDED_BY_ECS.contains(&own) => Verdict::Exited(failed),
        (Some(own), _, _) => Verdict::Exited(own),
        (None, Some(failed), _) => Verdict::Exited(failed),
        (None, None, _) => Verdict::Lost,
    }
}

/// Linux has exit codes of 0 to 255; anything else is told as a failure.
fn code(code: i32) -> u8 {
    u8::try_from(code).unwrap_or(u8::MAX)
}

/// The container that has stopped while all others still run.
pub fn first_to_stop(task: &Task) -> Option<&str> {
    let stopped = |status: Option<&str>| status == Some("STOPPED");
    let mut gone = task.containers().iter().filter(|container| stopped(container.last_status()));
    let only = gone.next().filter(|_| gone.next().is_none());
    only.filter(|_| task.containers().len() > 1).and_then(|container| container.name())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws_sdk_ecs::types::Container as SdkContainer;

    use super::super::deployed::Container;
    use super::*;

    fn revision(containers: &[(&str, bool)]) -> Revision {
        let container = |(name, essential): &(&str, bool)| Container {
            name: (*name).to_owned(),
            image: String::new(),
            essential: *essential,
            log: None,
            stop_timeout: Duration::from_secs(30),
        };
        Revision {
            arn: String::new(),
            name: String::new(),
            cpu: None,
            memory: None,
            containers: containers.iter().map(container).collect(),
            passed_over: None,
        }
    }

    fn task(code: TaskStopCode, containers: &[(&str, Option<i32>)]) -> Task {
        let container = |(name, exit): &(&str, Option<i32>)| {
            SdkContainer::builder().name(*name).set_exit_code(*exit).last_status("STOPPED").build()
        };
        Task::builder()
            .stop_code(code)
            .set_containers(Some(containers.iter().map(container).collect()))
            .build()
    }

    fn of(containers: &[(&str, bool)], codes: &[(&str, Option<i32>)], first: Option<&str>) -> Verdict {
        verdict(&task(TaskStopCode::EssentialContainerExited, codes), &revision(containers), "job", first)
    }

    #[test]
    fn the_programs_code_counts() {
        let alone = [("job", true)];
        for exit in [0, 1, 2, 137, 143, 255] {
            let expected = Verdict::Exited(u8::try_from(exit).unwrap());
            assert_eq!(of(&alone, &[("job", Some(exit))], None), expected);
        }
        assert_eq!(of(&alone, &[("job", Some(256))], None), Verdict::Exited(255));
        assert_eq!(of(&alone, &[("job", Some(-1))], None), Verdict::Exited(255));
        assert_eq!(of(&alone, &[("job", None)], None), Verdict::Lost);
        let failed = task(TaskStopCode::TaskFailedToStart, &[("job", None)]);
        assert_eq!(verdict(&failed, &revision(&alone), "job", None), Verdict::NotStarted);
    }

    #[test]
    fn a_sidecar_counts_only_when_it_took_the_task_down() {
        let both = [("job", true), ("proxy", true)];
        let loose = [("job", true), ("proxy", false)];
        let codes = |job: i32, proxy: i32| [("job", Some(job)), ("proxy", Some(proxy))];
        // Ended by ECS because the program was done.
        assert_eq!(of(&both, &codes(0, 143), None), Verdict::Exited(0));
        assert_eq!(of(&both, &codes(3, 137), None), Verdict::Exited(3));
        // It failed by itself, and the program was stopped for it.
        assert_eq!(of(&both, &codes(143, 1), None), Verdict::Exited(1));
        assert_eq!(of(&both, &codes(0, 1), None), Verdict::Exited(1));
        // What was seen wins over what is guessed.
        assert_eq!(of(&both, &codes(0, 137), Some("proxy")), Verdict::Exited(137));
        assert_eq!(of(&both, &codes(0, 1), Some("job")), Verdict::Exited(0));
        // One that is not essential never counts.
        assert_eq!(of(&loose, &codes(0, 1), None), Verdict::Exited(0));
        assert_eq!(of(&loose, &codes(0, 1), Some("proxy")), Verdict::Exited(0));
    }

    #[test]
    fn the_first_to_stop_is_known_while_another_still_runs() {
        let container =
            |name: &str, status: &str| SdkContainer::builder().name(name).last_status(status).build();
        let of = |statuses: &[(&str, &str)]| {
            let containers = statuses.iter().map(|(name, status)| container(name, status)).collect();
            let task = Task::builder().set_containers(Some(containers)).build();
            first_to_stop(&task).map(str::to_owned)
        };
        assert_eq!(of(&[("job", "RUNNING"), ("proxy", "STOPPED")]).as_deref(), Some("proxy"));
        assert_eq!(of(&[("job", "STOPPED"), ("proxy", "STOPPED")]), None);
        assert_eq!(of(&[("job", "STOPPED")]), None, "alone it is no news");
    }
}
