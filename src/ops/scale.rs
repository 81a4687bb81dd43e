//! How many tasks a service runs. Pure: what is to be done, and why something is not.
//!
//! Where Application Auto Scaling has the service registered, it owns the desired count: a count set by hand would be
//! overwritten at its next activity, or would hold back what it has to do. Then only a service that runs nothing is started,
//! and to stop one its scaling is suspended first, as AWS documents it (`SuspendedState`).

use crate::aws::Aws;
use crate::model::{CallError, Scalable, Suspended};

use super::services::{self, Live};
use super::tasks;

/// What somebody asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// This many tasks.
    Exactly(i32),
    /// That it runs; with this many tasks, if they say.
    Start {
        /// What they say.
        count: Option<i32>,
        /// What is taken when they do not.
        otherwise: i32,
    },
    /// No tasks.
    Stop,
}

/// What is to be done, in this order; nothing when it is as asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Steps {
    /// Suspend or resume what scales the service.
    pub scaling: Option<Suspended>,
    /// The desired count to set.
    pub count: Option<i32>,
    /// What the person who asked should know.
    pub notes: Vec<String>,
}

impl Steps {
    /// Nothing is to be done.
    pub fn is_empty(&self) -> bool {
        self.scaling.is_none() && self.count.is_none()
    }
}

/// Why a wish is not granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// In one sentence.
    pub why: String,
    /// What can be done instead.
    pub instead: String,
}

/// Decides over a wish for a service that wants `desired` tasks now.
pub fn decide(wish: Wish, desired: i32, scalable: Option<&Scalable>) -> Result<Steps, Refused> {
    let Some(scalable) = scalable else { return Ok(plain(wish, desired)) };
    let Scalable { min_capacity: min, max_capacity: max, .. } = *scalable;
    let bounds = format!("{min} to {max} tasks");
    let set = |count: i32| (count != desired).then_some(count);
    match wish {
        Wish::Stop => {
            let mut notes = Vec::new();
            if !scalable.is_suspended() {
                notes.push("autoscaling is suspended until `start-service`, or it would start tasks again".into());
                notes.extend(already_suspended(scalable.suspended));
            }
            let scaling = (!scalable.is_suspended()).then_some(Suspended::ALL);
            Ok(Steps { scaling, count: set(0), notes })
        }
        Wish::Exactly(count) | Wish::Start { count: Some(count), .. } if count == desired && desired > 0 => {
            Ok(Steps::default())
        }
        // Nobody else sets the count now, and that is what suspending is for.
        Wish::Exactly(count) if scalable.is_suspended() => Ok(Steps {
            count: set(count),
            notes: vec![format!(
                "autoscaling ({bounds}) is suspended; once it is resumed, the count is its own again"
            )],
            ..Steps::default()
        }),
        Wish::Exactly(count) => Err(owned(count, desired, &bounds)),
        Wish::Start { count: Some(count), .. } if desired > 0 => Err(owned(count, desired, &bounds)),
        Wish::Start { count: Some(count), .. } if !(min..=max).contains(&count) => Err(Refused {
            why: format!("autoscaling keeps this service at {bounds}, and {count} is not among them"),
            instead: "start it without a count, or change `autoscaling.min_capacity` and `autoscaling.max_capacity`"
                .into(),
        }),
        Wish::Start { count, .. } => {
            let stopped = desired == 0;
            let resume = stopped && scalable.is_suspended();
            let mut notes = Vec::new();
            if stopped {
                notes.push(format!("from here autoscaling decides how many ({bounds})"));
            } else if scalable.is_suspended() {
                notes.push(format!("autoscaling ({bounds}) is suspended, and stays so"));
            } else {
                notes.push(format!("autoscaling decides how many ({bounds})"));
            }
            let first = count.unwrap_or(min.max(1).min(max));
            Ok(Steps {
                scaling: resume.then_some(Suspended::NONE),
                count: if stopped { set(first) } else { None },
                notes,
            })
        }
    }
}

fn plain(wish: Wish, desired: i32) -> Steps {
    let count = match wish {
        Wish::Exactly(count) | Wish::Start { count: Some(count), .. } => count,
        // What runs is not scaled down to a default that nobody named.
        Wish::Start { count: None, .. } if desired > 0 => desired,
        Wish::Start { count: None, otherwise } => otherwise.max(1),
        Wish::Stop => 0,
    };
    Steps { count: (count != desired).then_some(count), ..Steps::default() }
}

fn owned(count: i32, desired: i32, bounds: &str) -> Refused {
    Refused {
        why: format!(
            "autoscaling owns the count of this service ({bounds}, now {desired}) and would overwrite {count}"
        ),
        instead: "change `autoscaling.min_capacity` and `autoscaling.max_capacity` instead; `stop-service` suspends autoscaling"
            .into(),
    }
}

/// What somebody had suspended before all of it is.
fn already_suspended(suspended: Suspended) -> Option<String> {
    let parts = [
        (suspended.scale_in, "scaling in"),
        (suspended.scale_out, "scaling out"),
        (suspended.scheduled, "scheduled actions"),
    ];
    let parts: Vec<&str> = parts.iter().filter(|(on, _)| *on).map(|(_, word)| *word).collect();
    (!parts.is_empty())
        .then(|| format!("suspended before: {}; `start-service` resumes that too", parts.join(" and ")))
}

/// How the waiting for a count ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// As many run as are wanted.
    Yes,
    /// Tasks end again and again; why, each once.
    Failing(Vec<String>),
    /// The service went away meanwhile.
    Gone,
}

/// So many failed tasks in a row of watching are no accident: as many as the least threshold of the ECS circuit breaker.
const FAILURES: usize = 3;

/// Watches a service come to its count; gives the new state at each look that has one.
pub struct Watcher {
    /// Tasks that had stopped before.
    before: std::collections::BTreeSet<String>,
    failures: Vec<String>,
    /// At the last look it was as wanted.
    steady: bool,
}

impl Watcher {
    /// Remembers what had stopped already, so that it does not count.
    pub async fn new(aws: &Aws, cluster: &str, service: &str) -> Result<Self, CallError> {
        let before = tasks::stopped_of(aws, cluster, service).await?.into_iter().collect();
        Ok(Self { before, failures: Vec::new(), steady: false })
    }

    /// Looks once. `None`: not settled yet.
    pub async fn look(
        &mut self,
        aws: &Aws,
        cluster: &str,
        stack: &str,
        service: &str,
        fail_fast: bool,
    ) -> Result<(Option<Live>, Option<Settled>), CallError> {
        let Some(live) = services::active(aws, cluster, stack, service).await? else {
            return Ok((None, Some(Settled::Gone)));
        };
        let stopped = tasks::stopped_of(aws, cluster, service).await?;
        let new: Vec<String> = stopped.into_iter().filter(|arn| self.before.insert(arn.clone())).collect();
        let failed: Vec<String> =
            tasks::describe(aws, cluster, &new).await?.iter().filter_map(tasks::failure).collect();
        // A task that crashes as soon as it runs is counted as running for a moment: it must stay so for two looks.
        let as_wanted = live.running == live.desired && live.pending == 0 && failed.is_empty();
        self.failures.extend(failed);
        if std::mem::replace(&mut self.steady, as_wanted) && as_wanted {
            return Ok((Some(live), Some(Settled::Yes)));
        }
        let settled = (fail_fast && self.failures.len() >= FAILURES).then(|| {
            let mut whys = self.failures.clone();
            whys.sort();
            whys.dedup();
            Settled::Failing(whys)
        });
        Ok((Some(live), settled))
    }

    /// Why tasks failed so far.
    pub fn failures(&self) -> &[String] {
        &self.failures
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const START: Wish = Wish::Start { count: None, otherwise: 2 };

    fn start(count: i32) -> Wish {
        Wish::Start { count: Some(count), otherwise: 1 }
    }

    fn scaled(suspended: Suspended) -> Scalable {
        Scalable { min_capacity: 2, max_capacity: 6, suspended }
    }

    fn done(wish: Wish, desired: i32, scalable: Option<Scalable>) -> (Option<Suspended>, Option<i32>) {
        let steps = decide(wish, desired, scalable.as_ref()).unwrap();
        (steps.scaling, steps.count)
    }

    #[test]
    fn without_autoscaling_the_count_is_set_only_when_it_differs() {
        assert_eq!(done(Wish::Exactly(3), 1, None), (None, Some(3)));
        assert_eq!(done(Wish::Exactly(3), 3, None), (None, None));
        assert_eq!(done(Wish::Stop, 3, None), (None, Some(0)));
        assert_eq!(done(Wish::Stop, 0, None), (None, None));
        assert_eq!(done(START, 0, None), (None, Some(2)));
        assert_eq!(done(Wish::Start { count: None, otherwise: 0 }, 0, None), (None, Some(1)));
        assert_eq!(done(start(4), 1, None), (None, Some(4)));
    }

    #[test]
    fn what_runs_is_not_scaled_down_by_a_start_without_a_count() {
        assert_eq!(done(START, 5, None), (None, None));
    }

    #[test]
    fn the_count_that_autoscaling_owns_is_never_set() {
        for scaled in [scaled(Suspended::NONE), scaled(Suspended { scale_in: true, ..Suspended::NONE })] {
            for wish in [Wish::Exactly(4), Wish::Exactly(9), Wish::Exactly(0), start(4), start(9)] {
                let refused = decide(wish, 3, Some(&scaled)).unwrap_err();
                assert!(refused.instead.contains("autoscaling.min_capacity"), "{wish:?}");
            }
            assert_eq!(done(START, 3, Some(scaled)), (None, None));
            assert_eq!(done(Wish::Exactly(3), 3, Some(scaled)), (None, None));
            assert_eq!(done(start(3), 3, Some(scaled)), (None, None));
        }
    }

    #[test]
    fn a_stop_suspends_what_would_start_tasks_again_and_a_start_resumes_it() {
        assert_eq!(done(Wish::Stop, 3, Some(scaled(Suspended::NONE))), (Some(Suspended::ALL), Some(0)));
        assert_eq!(done(Wish::Stop, 0, Some(scaled(Suspended::NONE))), (Some(Suspended::ALL), None));
        assert_eq!(done(Wish::Stop, 0, Some(scaled(Suspended::ALL))), (None, None));
        assert_eq!(done(START, 0, Some(scaled(Suspended::ALL))), (Some(Suspended::NONE), Some(2)));
        assert_eq!(done(START, 0, Some(scaled(Suspended::NONE))), (None, Some(2)));
        assert_eq!(done(start(4), 0, Some(scaled(Suspended::ALL))), (Some(Suspended::NONE), Some(4)));
        assert!(decide(start(7), 0, Some(&scaled(Suspended::ALL))).is_err());
        // Suspended, but running: somebody wants it so.
        assert_eq!(done(START, 3, Some(scaled(Suspended::ALL))), (None, None));
    }

    #[test]
    fn a_service_that_may_scale_to_nothing_starts_with_one_task() {
        let scalable = Scalable { min_capacity: 0, max_capacity: 4, suspended: Suspended::NONE };
        assert_eq!(done(START, 0, Some(scalable)), (None, Some(1)));
    }

    #[test]
    fn a_suspended_service_is_scaled_by_hand() {
        assert_eq!(done(Wish::Exactly(9), 0, Some(scaled(Suspended::ALL))), (None, Some(9)));
    }

    #[test]
    fn what_was_suspended_in_part_is_told_before_all_of_it_is() {
        let part = Suspended { scale_in: true, ..Suspended::NONE };
        let steps = decide(Wish::Stop, 3, Some(&scaled(part))).unwrap();
        assert!(steps.notes.iter().any(|note| note.contains("suspended before: scaling in")), "{steps:?}");
    }
}
