//! Tasks: a fixed description and a course through time, from which every status follows.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Ecs;
use super::course::{Course, Exit};
use super::error::{Answer, EcsError};
use super::ids::{Ids, Place, sha256_hex};
use super::json::{Object, flag, text, texts, time};
use super::page::page;
use super::run_task::signal;
use super::tags::{self, Tags};
use super::task_definitions::{self, Revision};

/// How long a stopped task can still be described, in seconds.
const KEPT_S: f64 = 3600.0;

/// One task.
#[derive(Debug, Clone)]
pub struct Task {
    /// Its ARN.
    pub arn: String,
    /// Name of its cluster.
    pub cluster: String,
    /// Name of the service that started it.
    pub service: Option<String>,
    /// Id of the deployment that started it.
    pub started_by: Option<String>,
    /// ARN of its task definition.
    pub definition: String,
    /// Order of creation.
    pub sequence: u64,
    /// Whether its service has announced it to the target groups.
    pub registered: bool,
    /// Why and when it stops, once that is decided.
    pub stop: Option<Stop>,
    /// When it is RUNNING, unless it is stopped before; infinite when it never is.
    pub running_at: f64,
    /// What it does by itself.
    pub course: Course,
    /// Whether its deployment has heard that it is healthy.
    pub counted: bool,
    /// Its tags.
    pub tags: Tags,
    /// When it was created.
    pub created_at: f64,
    pending_at: f64,
    /// The target groups that its service registers it with, each with the container's port.
    pub balancers: Vec<(String, i64)>,
    /// What `DescribeTasks` shows of it at any time.
    pub members: Object,
    /// The security groups of its network interface, for a task of `RunTask`; a service knows its own.
    pub groups: Vec<String>,
    /// How much of its log was delivered; `None`: its streams are not made yet.
    pub logged: Option<usize>,
    containers: Vec<Object>,
}

/// The end of a task.
#[derive(Debug, Clone)]
pub struct Stop {
    /// When it was ordered to stop.
    pub asked_at: f64,
    /// When it is STOPPED.
    pub stopped_at: f64,
    /// `ServiceSchedulerInitiated`, `UserInitiated` and so on.
    pub code: String,
    /// The words for people.
    pub reason: String,
    /// How its containers ended, by name; one that is not in it exits with 0 if it ran.
    pub exits: BTreeMap<String, Exit>,
}

/// What a task is started with.
#[derive(Debug)]
pub struct Launch<'a> {
    /// The cluster's name.
    pub cluster: &'a str,
    /// The service's name, for a task of a service.
    pub service: Option<&'a str>,
    /// Who started it: the id of a deployment, or what the caller of `RunTask` says.
    pub started_by: Option<&'a str>,
    /// For example `service:web`.
    pub group: String,
    /// The task definition.
    pub definition: &'a Revision,
    /// What it will do by itself.
    pub course: Course,
    /// `launchType`, `capacityProviderName`, `platformVersion`, `platformFamily`, `enableExecuteCommand`.
    pub members: Object,
    /// Subnet and Availability Zone.
    pub subnet: (&'a str, &'a str),
    /// The target groups that it goes into, each with the container's port.
    pub balancers: Vec<(String, i64)>,
    /// Its tags.
    pub tags: Tags,
}

impl Task {
    /// A new task, PROVISIONING at `now`.
    pub fn new(launch: Launch<'_>, place: &Place, ids: &mut Ids, now: f64) -> Self {
        let id = ids.hex();
        let arn = place.arn(&format!("task/{}/{id}", launch.cluster));
        let body = &launch.definition.body;
        let attachment = ids.uuid();
        let [a, b, c]: [u8; 3] = [0, 1, 2].map(|at| byte_of(&id, at));
        let address = format!("10.{}.{}.{}", a % 32, b, c.clamp(4, 250));
        let detail = |name: &str, value: &str| json!({ "name": name, "value": value });
        let mut members = launch.members;
        members.insert(
            "attachments".to_owned(),
            json!([{ "id": attachment, "type": "ElasticNetworkInterface", "status": "ATTACHED", "details": [
                detail("subnetId", launch.subnet.0),
                detail("networkInterfaceId", &ids.ec2("eni")),
                detail("macAddress", &format!("0a:{a:02x}:{b:02x}:{c:02x}:00:01")),
                detail("privateDnsName", &format!("ip-{}.{}.compute.internal", address.replace('.', "-"), place.region)),
                detail("privateIPv4Address", &address),
            ]}]),
        );
        let arm = body.pointer("/runtimePlatform/cpuArchitecture").and_then(Value::as_str) == Some("ARM64");
        let architecture = if arm { "arm64" } else { "x86_64" };
        let mut put = |key: &str, value: Value| {
            members.insert(key.to_owned(), value);
        };
        put("attributes", json!([{ "name": "ecs.cpu-architecture", "value": architecture }]));
        put("availabilityZone", json!(launch.subnet.1));
        put("clusterArn", json!(place.arn(&format!("cluster/{}", launch.cluster))));
        put("group", json!(launch.group));
        for key in ["cpu", "memory"] {
            if let Some(size) = text(body, key) {
                put(key, json!(size));
            }
        }
        let gib = body.pointer("/ephemeralStorage/sizeInGiB").and_then(Value::as_i64).unwrap_or(20);
        put("ephemeralStorage", json!({ "sizeInGiB": gib }));
        let overrides: Vec<Value> =
            launch.definition.containers().iter().map(|one| json!({ "name": text(one, "name") })).collect();
        put("overrides", json!({ "containerOverrides": overrides, "inferenceAcceleratorOverrides": [] }));
        let network = json!([{ "attachmentId": attachment, "privateIpv4Address": address }]);
        let containers = launch
            .definition
            .containers()
            .iter()
            .map(|definition| container(definition, &id, &arn, launch.cluster, &network, place, ids))
            .collect();
        Self {
            cluster: launch.cluster.to_owned(),
            service: launch.service.map(str::to_owned),
            started_by: launch.started_by.map(str::to_owned),
            definition: launch.definition.arn().to_owned(),
            sequence: ids.used(),
            registered: false,
            stop: None,
            running_at: launch.course.running_s.map_or(f64::INFINITY, |after| now + after),
            tags: launch.tags,
            created_at: now,
            pending_at: now + launch.course.pending_s,
            course: launch.course,
            counted: false,
            balancers: launch.balancers,
            members,
            groups: Vec::new(),
            logged: None,
            containers,
            arn,
        }
    }

    /// The last part of the ARN.
    pub fn id(&self) -> &str {
        self.arn.rsplit('/').next().unwrap_or_default()
    }

    /// Whether it goes behind a load balancer.
    fn is_balanced(&self) -> bool {
        !self.balancers.is_empty()
    }

    /// Orders it to stop, unless that has been done.
    pub fn stop(&mut self, now: f64, code: &str, reason: impl Into<String>) {
        if self.stop.is_none() {
            self.stop = Some(Stop {
                asked_at: now,
                stopped_at: now + self.course.stop_s,
                code: code.to_owned(),
                reason: reason.into(),
                exits: BTreeMap::new(),
            });
        }
    }

    /// When it ends by itself, unless it was stopped before.
    pub fn ends_at(&self) -> Option<f64> {
        let end = self.course.end.as_ref().filter(|_| self.is_wanted())?;
        Some(self.created_at + end.at_s)
    }

    /// Ends it as its course says, if that was due by `now`; whether it did.
    pub fn end_by(&mut self, now: f64) -> bool {
        let due = self.ends_at().filter(|at| *at <= now);
        let (Some(at), Some(end)) = (due, &self.course.end) else {
            return false;
        };
        self.stop = Some(Stop {
            asked_at: at,
            stopped_at: at + end.takes_s,
            code: end.code.clone(),
            reason: end.reason.clone(),
            exits: end.containers.clone(),
        });
        true
    }

    /// When it counts as healthy; infinite when it never does.
    pub fn healthy_at(&self) -> f64 {
        self.course.healthy_s.map_or(f64::INFINITY, |after| self.created_at + after)
    }

    /// Whether it became healthy at or before `now`, and before it was ordered to stop.
    pub fn has_been_healthy(&self, now: f64) -> bool {
        let healthy_at = self.healthy_at();
        now >= healthy_at && self.stop.as_ref().is_none_or(|stop| stop.asked_at >= healthy_at)
    }

    /// Whether it is meant to go on.
    pub fn is_wanted(&self) -> bool {
        self.stop.is_none()
    }

    /// STOPPED at `now`.
    pub fn is_stopped(&self, now: f64) -> bool {
        self.stop.as_ref().is_some_and(|stop| now >= stop.stopped_at)
    }

    /// RUNNING at `now`.
    pub fn is_running(&self, now: f64) -> bool {
        self.is_wanted() && now >= self.running_at
    }

    /// On its way to RUNNING at `now`.
    pub fn is_pending(&self, now: f64) -> bool {
        self.is_wanted() && now < self.running_at
    }

    /// Whether it stopped so long ago that it cannot be described any more.
    pub fn is_forgotten(&self, now: f64) -> bool {
        self.stop.as_ref().is_some_and(|stop| now >= stop.stopped_at + KEPT_S)
    }

    /// Whether it got as far as RUNNING at or before `now`.
    pub fn has_run(&self, now: f64) -> bool {
        now >= self.running_at && self.stop.as_ref().is_none_or(|stop| stop.asked_at >= self.running_at)
    }

    fn status(&self, now: f64) -> &'static str {
        match &self.stop {
            Some(stop) if now >= stop.stopped_at => "STOPPED",
            Some(stop)
                if !self.has_run(stop.asked_at) || now >= f64::midpoint(stop.asked_at, stop.stopped_at) =>
            {
                "DEPROVISIONING"
            }
            Some(_) if self.is_balanced() => "DEACTIVATING",
            Some(_) => "STOPPING",
            None if now < self.pending_at => "PROVISIONING",
            // A task behind a load balancer is registered in the second half of its way to RUNNING.
            None if now < self.running_at => {
                if self.is_balanced() && now >= f64::midpoint(self.pending_at, self.running_at) {
                    "ACTIVATING"
                } else {
                    "PENDING"
                }
            }
            None => "RUNNING",
        }
    }

    /// As `DescribeTasks` answers it.
    pub fn show(&self, now: f64, with_tags: bool) -> Value {
        let status = self.status(now);
        let mut shown = self.members.clone();
        let mut put = |key: &str, value: Value| {
            shown.insert(key.to_owned(), value);
        };
        put("taskArn", json!(self.arn));
        put("taskDefinitionArn", json!(self.definition));
        if let Some(started_by) = &self.started_by {
            put("startedBy", json!(started_by));
        }
        put("lastStatus", json!(status));
        put("desiredStatus", json!(if self.is_wanted() { "RUNNING" } else { "STOPPED" }));
        put("createdAt", time(self.created_at));
        put("version", json!(self.version(now)));
        put("connectivity", json!("CONNECTED"));
        let until = self.stop.as_ref().map_or(now, |stop| now.min(stop.asked_at));
        if until >= self.pending_at {
            put("connectivityAt", time(self.pending_at));
            put("pullStartedAt", time(self.pending_at));
        }
        if self.has_run(now) {
            put("pullStoppedAt", time(f64::midpoint(self.pending_at, self.running_at)));
            put("startedAt", time(self.running_at));
        }
        if let Some(stop) = &self.stop {
            put("stopCode", json!(stop.code));
            put("stoppedReason", json!(stop.reason));
            put("stoppingAt", time(stop.asked_at));
            if now >= stop.stopped_at {
                put(
                    "executionStoppedAt",
                    time(if stop.exits.is_empty() { stop.stopped_at } else { stop.asked_at }),
                );
                put("stoppedAt", time(stop.stopped_at));
            }
        }
        let containers: Vec<Value> =
            self.containers.iter().map(|one| self.show_container(one, now)).collect();
        let health = overall_health(&containers);
        put("containers", json!(containers));
        put("healthStatus", json!(health));
        put("tags", if with_tags { tags::show(&self.tags) } else { json!([]) });
        if let Some(attachment) = shown.get_mut("attachments").and_then(|all| all.get_mut(0)) {
            let word = match status {
                "PROVISIONING" => "ATTACHING",
                "STOPPED" => "DELETED",
                _ => "ATTACHED",
            };
            if let Some(members) = attachment.as_object_mut() {
                members.insert("status".to_owned(), json!(word));
            }
        }
        Value::Object(shown)
    }

    /// The version goes up by one at each change of state.
    fn version(&self, now: f64) -> i64 {
        let changes = [Some(self.pending_at), Some(self.running_at)]
            .into_iter()
            .flatten()
            .filter(|at| now >= *at && self.stop.as_ref().is_none_or(|stop| stop.asked_at >= *at));
        let ends = self.stop.iter().flat_map(|stop| [stop.asked_at, stop.stopped_at]).filter(|at| now >= *at);
        1 + super::json::count(changes.chain(ends))
    }

    fn show_container(&self, container: &Object, now: f64) -> Value {
        let mut shown = container.clone();
        let run = self.has_run(now);
        let checked = shown.remove("checked") == Some(json!(true));
        let status = match self.status(now) {
            "STOPPED" => "STOPPED",
            "RUNNING" | "DEACTIVATING" | "STOPPING" | "DEPROVISIONING" if run => "RUNNING",
            _ => "PENDING",
        };
        shown.insert("lastStatus".to_owned(), json!(status));
        let health = match (checked && status == "RUNNING", self.course.sick) {
            (true, false) => "HEALTHY",
            (true, true) => "UNHEALTHY",
            (false, _) => "UNKNOWN",
        };
        shown.insert("healthStatus".to_owned(), json!(health));
        if status == "STOPPED" {
            let name = container.get("name").and_then(Value::as_str).unwrap_or_default();
            let exit = self.stop.as_ref().and_then(|stop| stop.exits.get(name).cloned());
            let exit = exit.unwrap_or(Exit { code: run.then_some(0), reason: None });
            if let Some(code) = exit.code {
                shown.insert("exitCode".to_owned(), json!(code));
            }
            if let Some(reason) = exit.reason {
                shown.insert("reason".to_owned(), json!(reason));
            }
        }
        if !run {
            // The digest is known once the image is pulled.
            shown.remove("imageDigest");
            shown.remove("runtimeId");
        }
        Value::Object(shown)
    }
}

/// The worst health of the containers that report one.
fn overall_health(containers: &[Value]) -> &'static str {
    let any = |health: &str| containers.iter().any(|one| text(one, "healthStatus") == Some(health));
    ["UNHEALTHY", "HEALTHY"].into_iter().find(|health| any(health)).unwrap_or("UNKNOWN")
}

/// The byte that two hexadecimal digits of an id make.
fn byte_of(id: &str, at: usize) -> u8 {
    id.get(at * 2..at * 2 + 2).and_then(|digits| u8::from_str_radix(digits, 16).ok()).unwrap_or_default()
}

/// The digest of an image. Without one in the reference there is no registry to ask: the name stands for the content.
pub fn digest_of(image: &str) -> String {
    image
        .split_once('@')
        .map_or_else(|| format!("sha256:{}", sha256_hex(image)), |(_, digest)| digest.to_owned())
}

fn container(
    definition: &Value,
    task_id: &str,
    task_arn: &str,
    cluster: &str,
    network: &Value,
    place: &Place,
    ids: &mut Ids,
) -> Object {
    let image = text(definition, "image").unwrap_or_default();
    let digest = digest_of(image);
    let mut container = Object::new();
    let mut put = |key: &str, value: Value| {
        container.insert(key.to_owned(), value);
    };
    put("containerArn", json!(place.arn(&format!("container/{cluster}/{task_id}/{}", ids.uuid()))));
    put("taskArn", json!(task_arn));
    put("name", json!(text(definition, "name")));
    put("image", json!(image));
    put("imageDigest", json!(digest));
    put("runtimeId", json!(format!("{task_id}-{}", ids.used())));
    put("networkBindings", json!([]));
    put("networkInterfaces", network.clone());
    put("managedAgents", json!([]));
    put("checked", json!(definition.get("healthCheck").is_some()));
    for key in ["cpu", "memory", "memoryReservation"] {
        if let Some(number) = definition.get(key) {
            put(key, json!(number.to_string()));
        }
    }
    container
}

impl Ecs {
    pub(super) fn list_tasks(&self, input: &Value) -> Answer {
        let cluster = self.cluster(text(input, "cluster"))?.name.as_str();
        let service = match text(input, "serviceName") {
            None => None,
            Some(given) => Some(self.service(cluster, given)?.name.as_str()),
        };
        let wanted = text(input, "desiredStatus").unwrap_or("RUNNING");
        let family = text(input, "family");
        let started_by = text(input, "startedBy");
        let launch_type = text(input, "launchType");
        let mut tasks: Vec<&Task> = self
            .tasks
            .values()
            .filter(|task| task.cluster == cluster)
            .filter(|task| service.is_none_or(|name| task.service.as_deref() == Some(name)))
            // The desired status is never PENDING, so that asking for it finds nothing.
            .filter(|task| wanted == if task.is_wanted() { "RUNNING" } else { "STOPPED" })
            .filter(|task| {
                family.is_none_or(|name| task.definition.contains(&format!(":task-definition/{name}:")))
            })
            .filter(|task| started_by.is_none_or(|who| task.started_by.as_deref() == Some(who)))
            .filter(|task| {
                let own = task.members.get("launchType").and_then(Value::as_str);
                launch_type.is_none_or(|wanted| own == Some(wanted))
            })
            // No container instances here.
            .filter(|_| input.get("containerInstance").is_none() && input.get("daemonName").is_none())
            .collect();
        tasks.sort_by_key(|task| task.sequence);
        let arns: Vec<String> = tasks.into_iter().map(|task| task.arn.clone()).collect();
        let scope =
            format!("ListTasks {cluster} {service:?} {wanted} {family:?} {started_by:?} {launch_type:?}");
        page(input, &scope, "taskArns", &arns, 100)
    }

    pub(super) fn describe_tasks(&self, input: &Value) -> Answer {
        let cluster = self.cluster(text(input, "cluster"))?.name.clone();
        let wanted = texts(input, "tasks");
        if wanted.is_empty() {
            return Err(EcsError::invalid("Tasks cannot be empty."));
        }
        if wanted.len() > 100 {
            return Err(EcsError::invalid("Tasks can have at most 100 items."));
        }
        let with_tags = tags::asked(input);
        let (mut found, mut failures) = (Vec::new(), Vec::new());
        for reference in wanted {
            let arn = self.task_arn(&cluster, reference);
            match self.tasks.get(&arn).filter(|task| task.cluster == cluster) {
                Some(task) => found.push(task.show(self.settled_at, with_tags)),
                None => failures.push(json!({ "arn": arn, "reason": "MISSING" })),
            }
        }
        Ok(json!({ "tasks": found, "failures": failures }))
    }

    pub(super) fn stop_task(&mut self, input: &Value) -> Answer {
        let cluster = self.cluster(text(input, "cluster"))?.name.clone();
        let arn = self.task_arn(&cluster, text(input, "task").unwrap_or_default());
        let reason = text(input, "reason").unwrap_or("Task stopped by user");
        let now = self.settled_at;
        let families = &self.families;
        let task = self
            .tasks
            .get_mut(&arn)
            .filter(|task| task.cluster == cluster)
            .ok_or_else(|| EcsError::invalid("The referenced task was not found."))?;
        if task.service.is_none() {
            signal(task, task_definitions::find(families, &task.definition), now, reason);
        }
        task.stop(now, "UserInitiated", reason);
        Ok(json!({ "task": task.show(now, false) }))
    }

    /// The ARN of a task given by id or ARN.
    pub(super) fn task_arn(&self, cluster: &str, reference: &str) -> String {
        if reference.starts_with("arn:") {
            reference.to_owned()
        } else {
            self.place.arn(&format!("task/{cluster}/{reference}"))
        }
    }
}

/// Whether the service of these settings lets people into its tasks.
pub fn may_exec(settings: &Value) -> bool {
    flag(settings, "enableExecuteCommand").unwrap_or(false)
}
