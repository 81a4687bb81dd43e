//! The service scheduler: plays what happens between two calls, moment by moment.

use std::collections::BTreeMap;

use super::Ecs;
use super::course::Pace;
use super::ids::{Ids, Place};
use super::json::{count, int, list, text};
use super::services::{Service, Status};
use super::task_definitions::Family;
use super::tasks::Task;

impl Ecs {
    /// Brings everything to `now`. A clock that goes back changes nothing.
    pub(super) fn settle(&mut self, now: f64) {
        let from = self.settled_at;
        let now = now.max(from);
        let mut world = World {
            tasks: &mut self.tasks,
            families: &mut self.families,
            place: &self.place,
            ids: &mut self.ids,
            pace: self.pace,
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
pub struct World<'a> {
    /// Every task, by ARN.
    pub tasks: &'a mut BTreeMap<String, Task>,
    /// Every family of task definitions, by name.
    pub families: &'a mut BTreeMap<String, Family>,
    /// Account and region.
    pub place: &'a Place,
    /// New identifiers.
    pub ids: &'a mut Ids,
    /// How fast tasks go when nothing is scripted.
    pub pace: Pace,
}

impl World<'_> {
    /// The tasks of a service, stopped ones included.
    pub fn of(&self, service: &Service) -> impl Iterator<Item = &Task> {
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
            .chain(service.deployments.first().into_iter().flat_map(|one| one.moments(&service.settings)))
            .filter(|moment| *moment > at && moment.is_finite())
            .min_by(f64::total_cmp)
    }

    /// When the steady state can be announced, if nothing else happens.
    fn steady_at(&self, service: &Service) -> Option<f64> {
        let primary = service.deployments.first().filter(|_| !service.steady && service.is_active())?;
        let last = self.of(service).filter(|task| task.is_wanted()).map(Task::healthy_at);
        last.chain([service.changed_at + primary.plan.pace.settle_s])
            .chain(primary.trouble_at(&service.settings))
            .max_by(f64::total_cmp)
    }

    /// One look of the scheduler at one service.
    fn step(&mut self, service: &mut Service, at: f64) {
        if service.is_inactive() {
            return;
        }
        self.announce(service, at);
        let ended = self.end_tasks(service, at);
        if service.status == Status::Draining {
            self.drain(service, at);
            return;
        }
        self.judge(service, &ended, at);
        let Some(primary) = service.deployments.first().map(|one| one.id.clone()) else {
            return;
        };
        // A deployment that has failed for good starts and replaces nothing.
        if service.deployments.first().is_some_and(|one| one.state == "FAILED") {
            return;
        }
        self.shrink(service, &primary, at);
        self.retire(service, &primary, at);
        self.grow(service, &primary, at);
        self.complain_when_stuck(service, &primary, at);
        self.forget(service, at);
        self.conclude(service, at);
    }

    /// Targets of tasks that have come to run are registered.
    fn announce(&mut self, service: &mut Service, at: f64) {
        let fresh: Vec<String> = self
            .of(service)
            .filter(|one| !one.registered && one.is_running(at))
            .map(|one| one.arn.clone())
            .collect();
        let mut groups = Vec::new();
        for arn in &fresh {
            if let Some(task) = self.tasks.get_mut(arn) {
                task.registered = true;
                count_groups(&mut groups, task);
            }
        }
        for (group, count) in groups {
            let message = format!("registered {count} targets in (target-group {group})");
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
        // A task that is never going to be healthy does not count towards the minimum. ECS waits for its health, or
        // 40 seconds where nothing is checked; here it is known from the start.
        let running = |arn: &String| {
            self.tasks.get(arn).is_some_and(|one| one.is_running(at) && one.course.healthy_s.is_some())
        };
        let new = self.wanted(service, Some(Of::This(primary)));
        let (new_running, old_running) =
            (count(new.iter().filter(|one| running(one))), count(old.iter().filter(|one| running(one))));
        let floor = lower(service);
        // Old tasks make way one for one; earlier only when there is no room to start all the new ones beside them.
        let room = upper(service) - count(old.iter()) - count(new.iter());
        let missing = (service.desired - count(new.iter())).max(0);
        let surplus = count(old.iter()) - (service.desired - new_running).max(0);
        let goal = surplus.max(missing - room).max(0);
        // Tasks that do not run yet can go at any time; of the running ones only those above the floor. What has
        // failed goes before what still serves.
        let failed: Vec<&str> = service
            .deployments
            .iter()
            .filter(|one| one.state == "FAILED")
            .map(|one| one.id.as_str())
            .collect();
        let serves = |arn: &String| {
            let by = self.tasks.get(arn).and_then(|one| one.started_by.as_deref());
            by.is_none_or(|by| !failed.contains(&by))
        };
        old.sort_by_key(|arn| (running(arn), serves(arn)));
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
        if self.is_held_back(service, at) {
            return;
        }
        let started: Vec<String> =
            (0..lacking).filter_map(|turn| self.launch(service, own + turn, at)).collect();
        if !started.is_empty() {
            let message = format!("has started {} tasks: {}.", started.len(), listed(&started));
            service.event(self.ids, at, &message);
            service.steady = false;
            self.tell(service, at);
        }
    }

    /// Orders tasks to stop and says so.
    fn stop(&mut self, service: &mut Service, arns: Vec<String>, at: f64) {
        if arns.is_empty() {
            return;
        }
        let deployment = service.deployments.first();
        let id = deployment.map(|one| one.id.clone()).unwrap_or_default();
        let mut ids = Vec::new();
        let mut groups = Vec::new();
        for arn in arns {
            if let Some(task) = self.tasks.get_mut(&arn) {
                if task.registered {
                    count_groups(&mut groups, task);
                }
                task.stop(
                    at,
                    "ServiceSchedulerInitiated",
                    format!("Scaling activity initiated by (deployment {id})"),
                );
                ids.push(task.id().to_owned());
            }
        }
        for (group, count) in groups {
            let message = format!("deregistered {count} targets in (target-group {group})");
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
        let paused = service.deployments.first().is_some_and(|one| at < one.retry_at);
        if own < service.desired && !old.is_empty() && !moving && !paused {
            self.complain(
                service,
                at,
                "was unable to stop or start tasks during a deployment because of the service deployment \
                 configuration. Update the minimumHealthyPercent or maximumPercent value and try again.",
            );
        }
    }

    /// Says what is in the way, once a deployment.
    pub fn complain(&mut self, service: &mut Service, at: f64, message: &str) {
        if let Some(primary) = service.deployments.first_mut().filter(|one| !one.complained) {
            primary.complained = true;
            service.event(self.ids, at, message);
        }
    }

    /// Drops the deployments whose tasks are gone; one that has failed stays until its rollback is done.
    fn forget(&self, service: &mut Service, at: f64) {
        let left: Vec<String> = self
            .of(service)
            .filter(|one| !one.is_stopped(at))
            .filter_map(|one| one.started_by.clone())
            .collect();
        let rolling = service.deployments.first().is_some_and(|one| one.is_rollback && one.is_open());
        let mut is_primary = true;
        service.deployments.retain(|one| {
            let keep = is_primary || left.contains(&one.id) || (rolling && one.state == "FAILED");
            is_primary = false;
            keep
        });
    }

    /// Announces the steady state, and completes the deployment.
    fn conclude(&mut self, service: &mut Service, at: f64) {
        let due = self.steady_at(service).is_some_and(|moment| at >= moment);
        let running = count(self.of(service).filter(|one| one.is_running(at)));
        let quiet = self.of(service).all(|one| one.is_running(at) || one.is_stopped(at));
        let primary = service.deployments.first().map(|one| one.id.clone());
        let alone = self.of(service).filter(|one| !one.is_stopped(at)).all(|one| one.started_by == primary);
        if !due || !quiet || running != service.desired || !alone {
            return;
        }
        service.steady = true;
        self.complete(service, at);
        self.forget(service, at);
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
pub fn listed(ids: &[String]) -> String {
    ids.iter().map(|id| format!("(task {id})")).collect::<Vec<_>>().join(" ")
}

/// The target groups that a service registers new tasks with, each with the container's port.
pub fn target_groups(service: &Service) -> Vec<(String, i64)> {
    list(&service.settings, "loadBalancers")
        .iter()
        .filter_map(|one| {
            Some((text(one, "targetGroupArn")?.to_owned(), int(one, "containerPort").unwrap_or_default()))
        })
        .collect()
}

/// Counts a task for each of its target groups, in the order in which they are first seen.
fn count_groups(groups: &mut Vec<(String, usize)>, task: &Task) {
    for (group, _) in &task.balancers {
        match groups.iter_mut().find(|(known, _)| known == group) {
            Some((_, count)) => *count += 1,
            None => groups.push((group.clone(), 1)),
        }
    }
}
