//! Service deployments: the record of what was released, and how it ended.

use serde_json::{Value, json};

use super::deployments::{Breaker, Deployment};
use super::ids::{Ids, Place};
use super::json::{Object, flag, texts, time};
use super::script::Plan;
use super::services::Service;
use super::tasks::Task;
use super::workloads::Workload;

/// One service deployment.
#[derive(Debug, Clone)]
pub struct Release {
    /// `arn:…:service-deployment/CLUSTER/SERVICE/ID`.
    pub arn: String,
    /// The state.
    pub status: Status,
    /// Why it is in that state.
    pub reason: Option<String>,
    /// Its rollback, once that has begun.
    pub rollback: Option<Rollback>,
    /// The circuit breaker.
    pub breaker: Monitor,
    /// Failed tasks when the breaker tripped, or so far.
    pub failures: i64,
    /// How many the breaker bears.
    pub threshold: i64,
    /// The alarms.
    pub alarms: Monitor,
    /// The alarms that went off.
    pub triggered: Vec<String>,
    /// ARN of the service revision that is deployed.
    pub target: String,
    created_at: f64,
    started_at: Option<f64>,
    finished_at: Option<f64>,
    stopped_at: Option<f64>,
    updated_at: f64,
    source: Vec<String>,
    config: Value,
}

/// A rollback.
#[derive(Debug, Clone)]
pub struct Rollback {
    /// What brought it about.
    pub reason: String,
    /// When it began.
    pub started_at: f64,
    /// The service revision that is deployed instead; absent when there is none.
    pub revision: Option<String>,
}

/// `ServiceDeploymentStatus` of the API, as far as this model gets there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Created.
    Pending,
    /// Under way.
    InProgress,
    /// It did what it was to do.
    Successful,
    /// It failed without a rollback, or another one took its place.
    Stopped,
    /// Somebody asked for a rollback.
    RollbackRequested,
    /// On its way back.
    RollbackInProgress,
    /// Back.
    RollbackSuccessful,
    /// There was nothing to go back to, or that failed too.
    RollbackFailed,
}

impl Status {
    /// The word of the API.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::InProgress => "IN_PROGRESS",
            Self::Successful => "SUCCESSFUL",
            Self::Stopped => "STOPPED",
            Self::RollbackRequested => "ROLLBACK_REQUESTED",
            Self::RollbackInProgress => "ROLLBACK_IN_PROGRESS",
            Self::RollbackSuccessful => "ROLLBACK_SUCCESSFUL",
            Self::RollbackFailed => "ROLLBACK_FAILED",
        }
    }

    /// Whether nothing more will happen.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Successful | Self::Stopped | Self::RollbackSuccessful | Self::RollbackFailed)
    }
}

/// `ServiceDeploymentRollbackMonitorsStatus` of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Monitor {
    /// Not in use.
    Disabled,
    /// Watching.
    Monitoring,
    /// Has watched, and seen nothing.
    Complete,
    /// Has seen a failure.
    Triggered,
}

impl Monitor {
    fn of(on: bool) -> Self {
        if on { Self::Monitoring } else { Self::Disabled }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Disabled => "DISABLED",
            Self::Monitoring => "MONITORING",
            Self::Complete => "MONITORING_COMPLETE",
            Self::Triggered => "TRIGGERED",
        }
    }

    /// The end of the watch.
    fn end(&mut self) {
        if *self == Self::Monitoring {
            *self = Self::Complete;
        }
    }
}

/// The alarms that a `deploymentConfiguration` has watched.
pub fn watched_alarms(config: &Value) -> Vec<String> {
    let alarms = config.get("alarms").filter(|alarms| flag(alarms, "enable") == Some(true));
    alarms
        .map(|alarms| texts(alarms, "alarmNames"))
        .unwrap_or_default()
        .into_iter()
        .map(str::to_owned)
        .collect()
}

impl Service {
    /// `deploymentConfiguration`.
    pub fn config(&self) -> Value {
        self.settings.get("deploymentConfiguration").cloned().unwrap_or_default()
    }

    /// Starts a deployment of the present settings: a new service revision, a new service deployment, a new PRIMARY.
    /// One that is still under way is stopped.
    pub fn deploy(&mut self, plan: Plan, images: Vec<Value>, place: &Place, ids: &mut Ids, now: f64) {
        let tail = format!("{}/{}", self.cluster, self.name);
        let arn = place.arn(&format!("service-revision/{tail}/{}", ids.digits()));
        let workload = Workload::new(arn, self.settings.clone(), images, now);
        self.stop_release(
            "Service deployment was stopped because a new service deployment was started.",
            now,
        );
        let mut source: Vec<String> = Vec::new();
        for deployment in &self.deployments {
            if !source.contains(&deployment.revision) {
                source.push(deployment.revision.clone());
            }
        }
        let config = self.config();
        let breaker = Breaker::of(&config, self.desired);
        let release = Release {
            arn: place.arn(&format!("service-deployment/{tail}/{}", ids.token())),
            status: Status::Pending,
            reason: None,
            rollback: None,
            breaker: Monitor::of(breaker.on),
            failures: 0,
            threshold: breaker.threshold,
            alarms: Monitor::of(!watched_alarms(&config).is_empty()),
            triggered: Vec::new(),
            target: workload.arn.clone(),
            created_at: now,
            started_at: None,
            finished_at: None,
            stopped_at: None,
            updated_at: now,
            source,
            config,
        };
        let mut deployment = Deployment::new(&self.settings, self.desired, plan, ids, now);
        deployment.revision.clone_from(&workload.arn);
        deployment.release.clone_from(&release.arn);
        self.deployments.insert(0, deployment);
        self.releases.insert(0, release);
        self.workloads.push(workload);
        self.steady = false;
        self.changed_at = now;
    }

    /// Ends the newest service deployment where it is, unless it has ended.
    pub fn stop_release(&mut self, reason: &str, now: f64) {
        if let Some(release) = self.releases.first_mut().filter(|one| !one.status.is_final()) {
            release.end(Status::Stopped, Some(reason.to_owned()), now);
        }
    }

    /// The service revision of an ARN.
    pub fn workload(&self, arn: &str) -> Option<&Workload> {
        self.workloads.iter().find(|one| one.arn == arn)
    }

    /// Desired, running and pending tasks of one service revision.
    fn counts(&self, revision: &str, tasks: &[&Task], now: f64) -> [i64; 3] {
        let mut sums = [0; 3];
        for (at, deployment) in
            self.deployments.iter().enumerate().filter(|(_, one)| one.revision == revision)
        {
            let shown = deployment.show(at == 0, tasks, now);
            for (sum, key) in sums.iter_mut().zip(["desiredCount", "runningCount", "pendingCount"]) {
                *sum += super::json::int(&shown, key).unwrap_or(0);
            }
        }
        sums
    }

    /// A `ServiceRevisionSummary`.
    pub fn summary(&self, revision: &str, tasks: &[&Task], now: f64) -> Value {
        let [requested, running, pending] = self.counts(revision, tasks, now);
        json!({
            "arn": revision, "requestedTaskCount": requested, "runningTaskCount": running, "pendingTaskCount": pending
        })
    }

    /// The service deployment as `DescribeServiceDeployments` answers it.
    pub fn show_release(&self, release: &Release, cluster: &str, tasks: &[&Task], now: f64) -> Value {
        let mut shown = release.brief(&self.arn, cluster);
        shown.remove("targetServiceRevisionArn");
        let mut put = |key: &str, value: Value| {
            shown.insert(key.to_owned(), value);
        };
        put("updatedAt", time(release.updated_at));
        if let Some(at) = release.stopped_at {
            put("stoppedAt", time(at));
        }
        let source: Vec<Value> = release.source.iter().map(|arn| self.summary(arn, tasks, now)).collect();
        put("sourceServiceRevisions", json!(source));
        put("targetServiceRevision", self.summary(&release.target, tasks, now));
        put("deploymentConfiguration", release.config.clone());
        put(
            "deploymentCircuitBreaker",
            json!({
                "status": release.breaker.word(), "failureCount": release.failures, "threshold": release.threshold
            }),
        );
        let mut alarms = json!({ "status": release.alarms.word() });
        if release.alarms != Monitor::Disabled
            && let Some(members) = alarms.as_object_mut()
        {
            members.insert("alarmNames".to_owned(), json!(watched_alarms(&release.config)));
            members.insert("triggeredAlarmNames".to_owned(), json!(release.triggered));
        }
        put("alarms", alarms);
        if let Some(rollback) = &release.rollback {
            let mut back = json!({ "reason": rollback.reason, "startedAt": time(rollback.started_at) });
            if let (Some(members), Some(arn)) = (back.as_object_mut(), &rollback.revision) {
                members.insert("serviceRevisionArn".to_owned(), json!(arn));
            }
            put("rollback", back);
        }
        Value::Object(shown)
    }
}

impl Release {
    /// A `ServiceDeploymentBrief`.
    pub fn brief(&self, service: &str, cluster: &str) -> Object {
        let mut shown = Object::new();
        let mut put = |key: &str, value: Value| {
            shown.insert(key.to_owned(), value);
        };
        put("serviceDeploymentArn", json!(self.arn));
        put("serviceArn", json!(service));
        put("clusterArn", json!(cluster));
        put("targetServiceRevisionArn", json!(self.target));
        put("status", json!(self.status.word()));
        put("createdAt", time(self.created_at));
        for (key, at) in [("startedAt", self.started_at), ("finishedAt", self.finished_at)] {
            if let Some(at) = at {
                put(key, time(at));
            }
        }
        if let Some(reason) = &self.reason {
            put("statusReason", json!(reason));
        }
        shown
    }

    /// When it was created.
    pub fn created_at(&self) -> f64 {
        self.created_at
    }

    /// It is under way.
    pub fn start(&mut self, now: f64) {
        if self.status == Status::Pending {
            self.status = Status::InProgress;
            self.started_at = Some(now);
            self.updated_at = now;
        }
    }

    /// Another state, which is not the last.
    pub fn turn(&mut self, status: Status, reason: Option<String>, now: f64) {
        self.status = status;
        self.reason = reason.or_else(|| self.reason.take());
        self.updated_at = now;
    }

    /// The last state.
    pub fn end(&mut self, status: Status, reason: Option<String>, now: f64) {
        self.turn(status, reason, now);
        self.finished_at = Some(now);
        if status == Status::Stopped {
            self.stopped_at = Some(now);
        }
        self.breaker.end();
        self.alarms.end();
    }
}
