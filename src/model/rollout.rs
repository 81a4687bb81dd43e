//! How rollouts went: the words that watching, diagnosing and rendering share.

use serde::Serialize;

/// How a rollout ended. Only [`RolloutOutcome::Succeeded`] is success.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RolloutOutcome {
    /// The service deployment is SUCCESSFUL.
    Succeeded,
    /// ECS, or somebody, rolled back to the last good revision.
    RolledBack,
    /// It cannot succeed any more, or its rollback failed.
    Failed,
    /// Somebody stopped it.
    Stopped,
    /// A newer deployment took its place.
    Superseded,
    /// Still running when our patience ended.
    TimedOut,
    /// It waits for somebody: a hook with an action to be taken.
    Paused,
    /// We were told to stop watching by a signal; the rollout itself may go on.
    Cancelled,
}

impl RolloutOutcome {
    /// Every outcome, best first.
    pub const ALL: [Self; 8] = [
        Self::Succeeded,
        Self::Paused,
        Self::TimedOut,
        Self::Cancelled,
        Self::Superseded,
        Self::Stopped,
        Self::RolledBack,
        Self::Failed,
    ];

    /// The stable word of the JSON document and of the output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::RolledBack => "rolled-back",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
            Self::Superseded => "superseded",
            Self::TimedOut => "timed-out",
            Self::Paused => "paused",
            Self::Cancelled => "cancelled",
        }
    }

    /// What it means, in one line for the reference.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Succeeded => "ECS calls the deployment SUCCESSFUL",
            Self::RolledBack => "the last good revision runs again",
            Self::Failed => "it cannot succeed any more, or its rollback failed",
            Self::Stopped => "somebody stopped it",
            Self::Superseded => "a newer deployment took its place",
            Self::TimedOut => "it still ran when the time for waiting was over",
            Self::Paused => "it waits for somebody to continue it",
            Self::Cancelled => "a signal ended the waiting; the rollout may go on",
        }
    }
}

/// How the rollouts of one release went.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RolloutReport {
    /// The worst of the services' outcomes.
    pub outcome: RolloutOutcome,
    /// In order of name.
    pub services: Vec<ServiceRollout>,
}

impl RolloutReport {
    /// The report over these services; nothing to roll out is success.
    pub fn new(mut services: Vec<ServiceRollout>) -> Self {
        services.sort_by(|a, b| a.service.cmp(&b.service));
        let rank = |one: RolloutOutcome| RolloutOutcome::ALL.iter().position(|known| *known == one);
        let outcome = services.iter().map(|one| one.outcome).max_by_key(|one| rank(*one));
        Self { outcome: outcome.unwrap_or(RolloutOutcome::Succeeded), services }
    }
}

/// How the rollout of one service went.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ServiceRollout {
    /// The service's name.
    pub service: String,
    /// `ecs-svc/…`, as `UpdateService` or `CreateService` gave it.
    pub deployment: String,
    /// `family:revision` that was rolled out.
    pub revision: String,
    /// How it ended.
    pub outcome: RolloutOutcome,
    /// From the deployment's creation to its end, or to the end of the waiting; seconds.
    pub seconds: f64,
    /// ECS's own words on the state (`statusReason`), when it gives any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_reason: Option<String>,
    /// Container → image digest, as the service revision or the tasks prove it; empty when unproved.
    #[serde(skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub digests: std::collections::BTreeMap<String, String>,
    /// `family:revision` that runs now, when it is another than `revision`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub running: Option<String>,
    /// Why, when it is no success.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// What can be run now, for example the command that goes on waiting; commands only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub next: Vec<String>,
}

/// Why tasks did not come to run, or did not stay.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// A stable word in kebab case, listed in the reference; `unclassified` when nothing is recognised.
    pub class: String,
    /// What failed and the likely cause, one or two sentences.
    pub summary: String,
    /// The one thing to change: a key of the stack file, a missing IAM statement, a rule, an endpoint.
    pub remedy: String,
    /// What it was recognised from, each in AWS's words with its source.
    pub evidence: Vec<String>,
    /// How many tasks failed this way.
    pub tasks: usize,
    /// The first container to stop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// Its exit code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// What the exit code means, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_meaning: Option<String>,
    /// AWS's words, as they came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The last lines of its log, oldest first, at most 20; empty when it has none.
    pub log: Vec<String>,
    /// The logs of the other containers that failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub other_logs: Vec<ContainerLog>,
    /// The command that shows more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub more: Option<String>,
}

/// The end of a container's log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ContainerLog {
    /// The container.
    pub container: String,
    /// At most 20, oldest first.
    pub lines: Vec<String>,
}

/// What is told while rollouts run.
#[derive(Debug, Clone, PartialEq)]
pub enum RolloutEvent {
    /// The state of a service's rollout, told when it changes.
    Progress {
        /// The service's name.
        service: String,
        /// Numbers and phase.
        progress: Progress,
    },
    /// The first task of a deployment failed, while the rollout still runs.
    TaskFailed {
        /// The service's name.
        service: String,
        /// In one line, AWS's words included.
        what: String,
    },
    /// A rollout ended.
    Ended(Box<ServiceRollout>),
}

/// Where a rollout is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Progress {
    /// In plain words: `starting tasks`, `waiting for health checks`, `stopping old tasks`, `rolling back`, …
    pub phase: String,
    /// Tasks wanted.
    pub desired: i32,
    /// Tasks of this deployment that run.
    pub running: i32,
    /// Tasks of this deployment that start.
    pub pending: i32,
    /// Running tasks that pass their health checks; `None` when there are none to pass.
    pub healthy: Option<i32>,
    /// Tasks of this deployment that failed.
    pub failed: i32,
    /// Seconds since the deployment was created.
    pub seconds: f64,
}
