//! Deployments of a service as `DescribeServices` lists them: which tasks belong to which release.

use serde_json::{Value, json};

use super::ids::Ids;
use super::json::{Object, count, int, text, time};
use super::script::{Plan, Script};
use super::tasks::Task;

/// One deployment of a service.
#[derive(Debug, Clone)]
pub struct Deployment {
    /// `ecs-svc/` and 19 digits.
    pub id: String,
    /// ARN of the service revision that its tasks are made from.
    pub revision: String,
    /// ARN of the service deployment that it belongs to: a rollback belongs to that of the failed deployment.
    pub release: String,
    /// What its tasks are made from: the settings that belong to a deployment.
    pub spec: Object,
    /// How many tasks it wants, for PRIMARY; of others every task is to go.
    pub desired: i64,
    /// When it was created.
    pub created_at: f64,
    /// When it last changed.
    pub updated_at: f64,
    /// `IN_PROGRESS`, `COMPLETED` or `FAILED`.
    pub state: &'static str,
    /// The `rolloutStateReason`.
    pub words: String,
    /// Whether it is the rollback of one that failed.
    pub is_rollback: bool,
    /// What its tasks will do.
    pub plan: Plan,
    /// Failed tasks as the circuit breaker counts them.
    pub failed: i64,
    /// Tasks that failed one after the other, whether a breaker counts them or not.
    pub streak: i32,
    /// No task is started before this moment.
    pub retry_at: f64,
    /// Whether it has said that it is stuck or cannot place tasks: ECS says so once.
    pub complained: bool,
    /// Whether the event of its script was written.
    pub told: bool,
}

/// The settings that the tasks of a deployment are made from.
pub const SPEC: [&str; 9] = [
    "taskDefinition",
    "networkConfiguration",
    "launchType",
    "capacityProviderStrategy",
    "platformVersion",
    "platformFamily",
    "serviceConnectConfiguration",
    "volumeConfigurations",
    "vpcLatticeConfigurations",
];

/// The members of `settings` that tasks are made from. A deployment runs on a platform version, whatever the
/// service asks for.
pub fn spec(settings: &Value) -> Object {
    let mut spec: Object = SPEC
        .iter()
        .filter_map(|key| Some(((*key).to_owned(), settings.get(*key)?.clone())))
        .filter(|(_, value)| value.as_array().is_none_or(|items| !items.is_empty()))
        .collect();
    if text(settings, "platformVersion") == Some("LATEST") {
        let linux = text(settings, "platformFamily") == Some("Linux");
        spec.insert("platformVersion".to_owned(), json!(if linux { "1.4.0" } else { "1.0.0" }));
    }
    spec
}

impl Deployment {
    /// A deployment of `settings` that starts now.
    pub fn new(settings: &Value, desired: i64, plan: Plan, ids: &mut Ids, now: f64) -> Self {
        let id = ids.deployment();
        Self {
            words: format!("ECS deployment {id} in progress."),
            id,
            revision: String::new(),
            release: String::new(),
            spec: spec(settings),
            desired,
            created_at: now,
            updated_at: now,
            state: "IN_PROGRESS",
            is_rollback: false,
            plan,
            failed: 0,
            streak: 0,
            retry_at: now,
            complained: false,
            told: false,
        }
    }

    /// Whether its verdict is still open.
    pub fn is_open(&self) -> bool {
        self.state == "IN_PROGRESS"
    }

    /// Closes it.
    pub fn close(&mut self, state: &'static str, words: String, now: f64) {
        self.state = state;
        self.words = words;
        self.updated_at = now;
    }

    /// Its script.
    pub fn script(&self) -> Option<&Script> {
        self.plan.script.as_ref()
    }

    /// As `DescribeServices` answers it.
    pub fn show(&self, primary: bool, tasks: &[&Task], now: f64) -> Value {
        let own = || tasks.iter().filter(|task| task.started_by.as_deref() == Some(&self.id));
        let wanted = count(own().filter(|task| task.is_wanted()));
        let mut shown = self.spec.clone();
        let mut put = |key: &str, value: Value| {
            shown.insert(key.to_owned(), value);
        };
        put("id", json!(self.id));
        put("status", json!(if primary { "PRIMARY" } else { "ACTIVE" }));
        put("desiredCount", json!(if primary { self.desired } else { wanted }));
        put("runningCount", json!(count(own().filter(|task| task.is_running(now)))));
        put("pendingCount", json!(count(own().filter(|task| task.is_pending(now)))));
        put("failedTasks", json!(self.failed));
        put("createdAt", time(self.created_at));
        put("updatedAt", time(self.updated_at));
        put("rolloutState", json!(self.state));
        put("rolloutStateReason", json!(self.words));
        Value::Object(shown)
    }
}

/// The circuit breaker of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Breaker {
    /// Whether it watches.
    pub on: bool,
    /// Whether it rolls back.
    pub rollback: bool,
    /// How many failed tasks trip it.
    pub threshold: i64,
    /// Whether a healthy task takes the count back to 0.
    pub reset: bool,
}

impl Breaker {
    /// The breaker of a `deploymentConfiguration`. By default half of the desired count, at least 3 and at most 200
    /// (`DeploymentCircuitBreaker` and `ThresholdConfiguration` of the API); a fraction counts as a whole task.
    pub fn of(config: &Value, desired: i64) -> Self {
        let nothing = Value::Null;
        let given = config.get("deploymentCircuitBreaker").unwrap_or(&nothing);
        let flag = |key: &str| super::json::flag(given, key);
        let limit = given.get("thresholdConfiguration").unwrap_or(&nothing);
        let value = int(limit, "value").unwrap_or(50);
        let share = (desired * value + 99) / 100;
        let threshold = match text(limit, "type") {
            Some("COUNT") => value,
            Some("UNBOUNDED_PERCENT") => share.max(1),
            _ => share.clamp(3, 200),
        };
        Self {
            on: flag("enable").unwrap_or(false),
            rollback: flag("rollback").unwrap_or(false),
            threshold,
            reset: flag("resetOnHealthyTask").unwrap_or(true),
        }
    }
}
