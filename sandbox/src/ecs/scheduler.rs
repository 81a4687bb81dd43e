//! The service scheduler: plays what happens between two calls, moment by moment.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Ecs;
use super::ids::{Ids, Place};
use super::json::{Object, count, flag, int, list, text};
use super::services::{Service, Status};
use super::tags::Tags;
use super::task_definitions::{self, Family};
use super::tasks::{Launch, Task, may_exec};

impl Ecs {
    /// Brings everything to `now`. A clock that goes back changes nothing.
    pub(super) fn settle(&mut self, now: f64) {
        let from = self.settled_at;
        let now = now.max(from);
        let mut world = World {
            tasks: &mut self.tasks,
            families: &self.families,
            place: &self.place,
            ids: &mut self.ids,
        };
        for service in self.services.values_mut().filter(|one| !one.is_inactive()) {
            // First what the last call has set going, then each moment that something falls due.
            let mut at = from;
            world.step(service, at);
            while let Some(next) = world.next_moment(service, at).filter(|next| *next <= now) {
                at = next;
                world.step(service, at);
            }
        }
        for task in self.tasks.values_mut().filter(|one| one.service.is_none()) {
            task.end_by(now);
        }
        self.settled_at = now;
        self.tasks.retain(|_, task| !task.is_forgotten(now));
        self.sweep_definitions(now);
    }
}

/// Everything that the scheduler touches beside the service.
struct World<'a> {
    tasks: &'a mut BTreeMap<String, Task>,
    families: &'a BTreeMap<String, Family>,
    place: &'a Place,
    ids: &'a mut Ids,
}

impl World<'_> {
    fn of(&self, service: &Service) -> impl Iterator<Item = &Task> {
        let (cluster, name) = (service.cluster.clone(), service.name.clone());
        self.tasks
            .values()
            .filter(move |task| task.cluster == cluster && task.service.as_deref() == Some(name.as_str()))
    }

    /// When the service needs looking at again, after `at`.
    fn next_moment(&self, service: &Service, at: f64) -> Option<f64> {
        let tasks = self.of(service).flat_map(|task| match &task.stop {
            Some(stop) => vec![stop.stopped_at],
            None => [task.running_at, task.healthy_at()].into_iter().chain(task.ends_at()).collect(),
        });
        tasks
            .chain(self.steady_at(service))
            .filter(|moment| *moment > at && moment.is_finite())
            .min_by(f64::total_cmp)
    }

    /// When the steady state can be announced, if nothing else happens.
    fn steady_at(&self, service: &Service) -> Option<f64> {
        let primary = service.deployments.first().filter(|_| !service.steady && service.is_active())?;
        let last = self.of(service).filter(|task| task.is_wanted()).map(Task::healthy_at);
        last.chain([service.changed_at + primary.plan.pace.settle_s]).max_by(f64::total_cmp)
    }

    /// One look of the scheduler at one service.
    fn step(&mut self, service: &mut Service, at: f64) {
        if service.is_inactive() {
            return;
        }
        self.end_tasks(service, at);
        self.announce(service, at);
        if service.status == Status::Draining {
            self.drain(service, at);
            return;
        }
        let Some(primary) = service.deployments.first().map(|one| one.id.clone()) else {
            return;
        };
        self.shrink(service, &primary, at);
        self.retire(service, &primary, at);
        self.grow(service, &primary, at);
        self.complain_when_stuck(service, &primary, at);
        let left: Vec<String> = self
            .of(service)
            .filter(|one| !one.is_stopped(at))
            .filter_map(|one| one.started_by.clone())
            .collect();
        service.deployments.retain(|one| one.id == primary || left.contains(&one.id));
        self.conclude(service, at);
    }

    /// Tasks end that were going to.
    fn end_tasks(&mut self, service: &Service, at: f64) {
        let arns: Vec<String> = self.of(service).map(|one| one.arn.clone()).collect();
        for arn in arns {
            if let Some(task) = self.tasks.get_mut(&arn) {
                task.end_by(at);
            }
        }
    }

    /// Targets of tasks that have come to run are registered.
    fn announce(&mut self, service: &mut Service, at: f64) {
        let groups = target_groups(service);
        let fresh: Vec<String> = self
            .of(service)
            .filter(|one| !one.registered && one.is_running(at))
            .map(|one| one.arn.clone())
            .collect();
        for arn in &fresh {
            if let Some(task) = self.tasks.get_mut(arn) {
                task.registered = true;
            }
        }
        for group in groups.iter().filter(|_| !fresh.is_empty()) {
            let message = format!("registered {} targets in (target-group {group})", fresh.len());
            service.event(self.ids, at, &message);
        }
    }

    fn drain(&mut self, service: &mut Service, at: f64) {
        let all = self.wanted(service, None);
        self.stop(service, all, at);
        if self.of(service).all(|one| one.is_stopped(at)) {
            service.status = Status::Inactive;
            service.deployments.clear();
        }
    }

    /// ARNs of the tasks that are to go on, newest last; of one deployment, or of all but one.
    fn wanted(&self, service: &Service, of: Option<Of<'_>>) -> Vec<String> {
        let mut tasks: Vec<&Task> = self
            .of(service)
            .filter(|one| one.is_wanted())
            .filter(|one| match of {
                None => true,
                Some(Of::This(id)) => one.started_by.as_deref() == Some(id),
                Some(Of::Others(id)) => one.started_by.as_deref() != Some(id),
            })
            .collect();
        tasks.sort_by_key(|one| one.sequence);
        tasks.into_iter().map(|one| one.arn.clone()).collect()
    }

    /// Stops what PRIMARY has too many of, newest first.
    fn shrink(&mut self, service: &mut Service, primary: &str, at: f64) {
        let mut own = self.wanted(service, Some(Of::This(primary)));
        let keep = usize::try_from(service.desired).unwrap_or_default().min(own.len());
        let extra = own.split_off(keep);
        self.stop(service, extra, at);
    }

    /// Stops tasks of older deployments as far as the minimum of healthy tasks allows.
    fn retire(&mut self, service: &mut Service, primary: &str, at: f64) {
        let mut old = self.wanted(service, Some(Of::Others(primary)));
        if old.is_empty() {
            return;
        }
        let running = |arn: &String| self.tasks.get(arn).is_some_and(|one| one.is_running(at));
        let new = self.wanted(service, Some(Of::This(primary)));
        let (new_running, old_running) =
            (count(new.iter().filter(|one| running(one))), count(old.iter().filter(|one| running(one))));
        let floor = lower(service);
        // Old tasks make way one for one; earlier only when there is no room to start all the new ones beside them.
        let room = upper(service) - count(old.iter()) - count(new.iter());
        let missing = (service.desired - count(new.iter())).max(0);
        let surplus = count(old.iter()) - (service.desired - new_running).max(0);
        let goal = surplus.max(missing - room).max(0);
        // Tasks that do not run yet can go at any time; of the running ones only those above the floor.
        old.sort_by_key(&running);
        let spare =
            (new_running + old_running - floor).max(0) + count(old.iter().filter(|one| !running(one)));
        old.truncate(usize::try_from(goal.min(spare)).unwrap_or_default());
        self.stop(service, old, at);
    }

    /// Starts what PRIMARY lacks as far as the maximum allows.
    fn grow(&mut self, service: &mut Service, primary: &str, at: f64) {
        let own = count(self.wanted(service, Some(Of::This(primary))).iter());
        let all = count(self.wanted(service, None).iter());
        let lacking = (service.desired - own).min(upper(service) - all);
        if lacking <= 0 {
            return;
        }
        if !service.on_fargate() {
            self.complain(
                service,
                at,
                "was unable to place a task because no container instance met all of its requirements. Reason: No \
                 Container Instances were found in your cluster.",
            );
            return;
        }
        let started: Vec<String> =
            (0..lacking).filter_map(|turn| self.launch(service, own + turn, at)).collect();
        if !started.is_empty() {
            let message = format!("has started {} tasks: {}.", started.len(), listed(&started));
            service.event(self.ids, at, &message);
            service.steady = false;
        }
    }

    /// Starts one task of PRIMARY, the `turn`th; its id.
    fn launch(&mut self, service: &mut Service, turn: i64, at: f64) -> Option<String> {
        let group = target_groups(service).into_iter().next();
        let deployment = service.deployments.first_mut()?;
        let spec = Value::Object(deployment.spec.clone());
        let definition = task_definitions::find(self.families, text(&spec, "taskDefinition")?)?;
        let subnets = spec
            .pointer("/networkConfiguration/awsvpcConfiguration/subnets")
            .and_then(Value::as_array)
            .map_or(&[][..], Vec::as_slice);
        let spread = usize::try_from(turn).unwrap_or_default() % subnets.len().max(1);
        let subnet = subnets.get(spread).and_then(Value::as_str).unwrap_or_default();
        let zone = service.zones.get(subnet).map_or("", String::as_str);
        let mut members: Object = ["platformVersion", "platformFamily"]
            .iter()
            .filter_map(|key| Some(((*key).to_owned(), spec.get(*key)?.clone())))
            .collect();
        members.insert("launchType".to_owned(), json!("FARGATE"));
        if let Some(provider) = provider(list(&spec, "capacityProviderStrategy"), turn) {
            members.insert("capacityProviderName".to_owned(), json!(provider));
        }
        members.insert("enableExecuteCommand".to_owned(), json!(may_exec(&service.settings)));
        let course = deployment.plan.next(definition.containers(), group.as_deref());
        let deployment = deployment.id.clone();
        let launch = Launch {
            cluster: &service.cluster,
            service: Some(&service.name),
            started_by: Some(&deployment),
            group: format!("service:{}", service.name),
            definition,
            course,
            members,
            subnet: (subnet, zone),
            balanced: group.is_some(),
            tags: tags_of_a_task(service, &definition.tags),
        };
        let task = Task::new(launch, self.place, self.ids, at);
        let id = task.id().to_owned();
        self.tasks.insert(task.arn.clone(), task);
        Some(id)
    }

    /// Orders tasks to stop and says so.
    fn stop(&mut self, service: &mut Service, arns: Vec<String>, at: f64) {
        if arns.is_empty() {
            return;
        }
        let deployment = service.deployments.first();
        let id = deployment.map(|one| one.id.clone()).unwrap_or_default();
        let mut ids = Vec::new();
        let mut registered = 0_usize;
        for arn in arns {
            if let Some(task) = self.tasks.get_mut(&arn) {
                registered += usize::from(task.registered);
                task.stop(
                    at,
                    "ServiceSchedulerInitiated",
                    format!("Scaling activity initiated by (deployment {id})"),
                );
                ids.push(task.id().to_owned());
            }
        }
        for group in target_groups(service).iter().filter(|_| registered > 0) {
            let message = format!("deregistered {registered} targets in (target-group {group})");
            service.event(self.ids, at, &message);
        }
        let message = format!("has stopped {} running tasks: {}.", ids.len(), listed(&ids));
        service.event(self.ids, at, &message);
        service.steady = false;
    }

    /// Percentages whose rounding leaves no task to start and none to stop.
    fn complain_when_stuck(&mut self, service: &mut Service, primary: &str, at: f64) {
        let own = count(self.wanted(service, Some(Of::This(primary))).iter());
        let old = self.wanted(service, Some(Of::Others(primary)));
        let moving =
            self.of(service).any(|one| one.is_pending(at) || (!one.is_wanted() && !one.is_stopped(at)));
        if own < service.desired && !old.is_empty() && !moving {
            self.complain(
                service,
                at,
                "was unable to stop or start tasks during a deployment because of the service deployment \
                 configuration. Update the minimumHealthyPercent or maximumPercent value and try again.",
            );
        }
    }

    /// Says what is in the way, once a deployment.
    fn complain(&mut self, service: &mut Service, at: f64, message: &str) {
        if let Some(primary) = service.deployments.first_mut().filter(|one| !one.complained) {
            primary.complained = true;
            service.event(self.ids, at, message);
        }
    }

    /// Announces the steady state, and completes the deployment.
    fn conclude(&mut self, service: &mut Service, at: f64) {
        let due = self.steady_at(service).is_some_and(|moment| at >= moment);
        let running = count(self.of(service).filter(|one| one.is_running(at)));
        let quiet = self.of(service).all(|one| one.is_running(at) || one.is_stopped(at));
        if !due || !quiet || running != service.desired || service.deployments.len() != 1 {
            return;
        }
        service.steady = true;
        if let Some(primary) = service.deployments.first_mut().filter(|one| one.state == "IN_PROGRESS") {
            primary.state = "COMPLETED";
            primary.updated_at = at;
            let message = format!("(deployment {}) deployment completed.", primary.id);
            service.event(self.ids, at, &message);
        }
        service.event(self.ids, at, "has reached a steady state.");
    }
}

/// Whose tasks.
#[derive(Clone, Copy)]
enum Of<'a> {
    /// Of the deployment with this id.
    This(&'a str),
    /// Of all deployments but this.
    Others(&'a str),
}

/// Most tasks that may be on during a deployment: the maximum rounds down.
fn upper(service: &Service) -> i64 {
    service.desired * service.percent("maximumPercent", 200) / 100
}

/// Fewest tasks that must run during a deployment: the minimum rounds up.
fn lower(service: &Service) -> i64 {
    (service.desired * service.percent("minimumHealthyPercent", 100) + 99) / 100
}

/// `(task A) (task B)`.
fn listed(ids: &[String]) -> String {
    ids.iter().map(|id| format!("(task {id})")).collect::<Vec<_>>().join(" ")
}

fn target_groups(service: &Service) -> Vec<String> {
    list(&service.settings, "loadBalancers")
        .iter()
        .filter_map(|one| text(one, "targetGroupArn"))
        .map(str::to_owned)
        .collect()
}

/// The capacity provider of the `turn`th task: bases first, then by weight.
pub fn provider(strategy: &[Value], turn: i64) -> Option<String> {
    let name = |one: &Value| text(one, "capacityProvider").map(str::to_owned);
    let mut before = 0;
    for item in strategy {
        before += int(item, "base").unwrap_or(0);
        if turn < before {
            return name(item);
        }
    }
    let total: i64 = strategy.iter().map(|one| int(one, "weight").unwrap_or(0)).sum();
    if total == 0 {
        return strategy.first().and_then(name);
    }
    let mut place = (turn - before) % total;
    for item in strategy {
        place -= int(item, "weight").unwrap_or(0);
        if place < 0 {
            return name(item);
        }
    }
    None
}

/// What a task carries: the propagated tags, and those of ECS when managed tags are on.
fn tags_of_a_task(service: &Service, of_definition: &Tags) -> Tags {
    let mut tags = match text(&service.settings, "propagateTags") {
        Some("SERVICE") => service.tags.clone(),
        Some("TASK_DEFINITION") => of_definition.clone(),
        _ => Tags::new(),
    };
    if flag(&service.settings, "enableECSManagedTags").unwrap_or(false) {
        tags.insert("aws:ecs:clusterName".to_owned(), service.cluster.clone());
        tags.insert("aws:ecs:serviceName".to_owned(), service.name.clone());
    }
    tags
}
