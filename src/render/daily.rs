//! The words of `status`, `list-tasks`, `tasks`, `list-zones`, `show`, and of what a command did.

use crate::model::{
    BalancerStatus, Deed, Firing, ImageStatus, Scalable, ScheduleStatus, ServiceEvent, ServiceStatus, Status,
    TargetStatus, TaskRun, WebStatus, ZoneRow, ZoneStatus,
};

use super::page::{Page, Section, plain};

/// A time of a document as people read it: to the second, without the signs between.
fn time(moment: Option<&String>) -> String {
    let Some(moment) = moment else { return String::new() };
    let short = moment.get(..19).unwrap_or(moment);
    short.replacen('T', " ", 1)
}

/// Seconds as `m:ss` or `h:mm:ss`.
fn lasted(seconds: Option<i64>) -> String {
    let Some(seconds) = seconds else { return String::new() };
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// The first twelve digits of `sha256:…`.
fn short(digest: &str) -> String {
    digest.chars().take("sha256:".len() + 12).collect()
}

/// What a command did.
pub fn deed(deed: &Deed) -> Page {
    let mut lines = deed.did.clone();
    lines.extend(deed.notes.iter().map(|note| format!("note: {note}")));
    Page { title: deed.subject.clone(), sections: vec![Section { lines, ..Section::default() }] }
}

/// How a stack's services are.
pub fn status(status: &Status) -> Page {
    let mut sections: Vec<Section> = status.services.iter().flat_map(service).collect();
    sections.extend(status.scheduled.iter().flat_map(schedule));
    if !status.runs.is_empty() {
        sections.push(Section { heading: "other runs".into(), ..runs(&status.runs) });
    }
    if !status.unknown.is_empty() {
        sections.push(Section {
            heading: "not known".into(),
            lines: status.unknown.clone(),
            ..Section::default()
        });
    }
    Page { title: format!("{} in {}, cluster {}", status.stack, status.region, status.cluster), sections }
}

fn service(service: &ServiceStatus) -> Vec<Section> {
    let heading = format!("service {}", service.service);
    if service.status.is_empty() {
        let line = format!("not deployed; `fargate-stack deploy-service {}` creates it", service.service);
        return vec![Section { heading, lines: vec![line], ..Section::default() }];
    }
    let mut facts = vec![
        ("status", service.status.clone()),
        (
            "tasks",
            format!("{} desired, {} running, {} pending", service.desired, service.running, service.pending),
        ),
    ];
    if let Some(deployment) = &service.deployment {
        let reason = deployment.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        let since = time(Some(&deployment.since));
        facts.push(("deployment", format!("{} {} since {since}{reason}", deployment.id, deployment.state)));
    }
    facts.extend(revision(service.revision.as_ref(), service.newest_revision.as_ref()));
    facts.extend(service.images.iter().map(|image| ("image", self::image(image))));
    facts.extend(service.autoscaling.as_ref().map(|scalable| ("autoscaling", autoscaling(scalable))));
    facts.extend(service.web.iter().flat_map(web));
    let mut sections = vec![Section { heading, facts, ..runs(&service.tasks) }];
    sections.extend(service.web.iter().flat_map(targets));
    if !service.events.is_empty() {
        sections.push(Section {
            columns: vec!["event", "message"],
            rows: plain(service.events.iter().map(event)),
            ..Section::default()
        });
    }
    sections
}

/// Where a web service is.
fn web(web: &WebStatus) -> Vec<(&'static str, String)> {
    let mut facts: Vec<(&str, String)> = web.urls.iter().map(|url| ("url", url.clone())).collect();
    facts.push(match (&web.load_balancer, &web.target_group) {
        (Some(BalancerStatus { name, scheme, state, .. }), _) => {
            let state = if state == "active" { String::new() } else { format!(", {state}") };
            ("load balancer", format!("{name}, {scheme}{state}"))
        }
        (None, Some(group)) => ("load balancer", format!("none forwards to the target group {group}")),
        (None, None) => ("load balancer", "the service is not behind one yet".to_owned()),
    });
    facts
}

/// The targets of a web service by zone, and why some are not healthy.
fn targets(web: &WebStatus) -> Vec<Section> {
    let count = |zone: &ZoneStatus| {
        let ZoneStatus { zone, healthy, unhealthy, initial, draining, unused, unavailable } = zone;
        let counts = [healthy, unhealthy, initial, draining, unused].map(ToString::to_string);
        let more = if *unavailable > 0 { unavailable.to_string() } else { String::new() };
        [vec![zone.clone()], counts.to_vec(), vec![more]].concat()
    };
    let target = |target: &TargetStatus| {
        let words: Vec<&str> =
            [&target.reason, &target.description].into_iter().flatten().map(String::as_str).collect();
        vec![target.target.clone(), target.zone.clone(), target.state.clone(), words.join(", ")]
    };
    let zones = Section {
        columns: vec!["targets in", "healthy", "unhealthy", "initial", "draining", "unused", "unavailable"],
        rows: plain(web.zones.iter().map(count)),
        ..Section::default()
    };
    let targets = Section {
        columns: vec!["target", "zone", "state", "reason"],
        rows: plain(web.targets.iter().map(target)),
        ..Section::default()
    };
    [zones, targets].into_iter().filter(|section| !section.rows.is_empty()).collect()
}

fn event(event: &ServiceEvent) -> Vec<String> {
    let times = if event.times > 1 { format!(" ({} times)", event.times) } else { String::new() };
    vec![time(Some(&event.at)), format!("{}{times}", event.message)]
}

fn revision(revision: Option<&String>, newest: Option<&String>) -> Option<(&'static str, String)> {
    let revision = revision?;
    let told = match newest {
        Some(newest) if newest == revision => "the newest".to_owned(),
        Some(newest) => format!("the newest is {newest}"),
        None => "its family has no active revision".to_owned(),
    };
    Some(("revision", format!("{revision}, {told}")))
}

fn image(image: &ImageStatus) -> String {
    let mut words = vec![match &image.digest {
        Some(digest) => format!("{} {}", image.container, short(digest)),
        None => format!("{} {}", image.container, image.image),
    }];
    words.extend(image.tag.as_ref().map(|tag| format!("tag {tag}")));
    words.extend(image.commit.as_ref().map(|commit| format!("commit {commit}")));
    words.extend((image.in_ecr == Some(false)).then(|| "no longer in ECR".to_owned()));
    words.extend(image.newer.as_ref().map(|newer| {
        let pushed = time(Some(&newer.pushed));
        format!("newer in ECR: {} as {}, pushed {pushed}", short(&newer.digest), newer.tag)
    }));
    words.join(", ")
}

fn autoscaling(scalable: &Scalable) -> String {
    let Scalable { min_capacity, max_capacity, suspended } = scalable;
    let off: Vec<&str> = [
        (suspended.scale_in, "scaling in"),
        (suspended.scale_out, "scaling out"),
        (suspended.scheduled, "scheduled actions"),
    ]
    .into_iter()
    .filter_map(|(on, word)| on.then_some(word))
    .collect();
    let off = if off.is_empty() { String::new() } else { format!(", suspended: {}", off.join(", ")) };
    format!("{min_capacity} to {max_capacity} tasks{off}")
}

fn schedule(schedule: &ScheduleStatus) -> Vec<Section> {
    let heading = format!("scheduled {}", schedule.task);
    if !schedule.deployed {
        let lines = vec!["not deployed; `fargate-stack apply` creates it".to_owned()];
        return vec![Section { heading, lines, ..Section::default() }];
    }
    let mut facts = vec![
        ("rule", schedule.rule.clone()),
        ("state", schedule.state.clone()),
        ("schedule", format!("{} (UTC)", schedule.expression)),
    ];
    facts.extend(revision(schedule.revision.as_ref(), schedule.newest_revision.as_ref()));
    vec![Section { heading, facts, ..runs(&schedule.runs) }]
}

/// A table of tasks for a status.
fn runs(runs: &[TaskRun]) -> Section {
    let row = |run: &TaskRun| {
        let health = if run.health == "UNKNOWN" { String::new() } else { run.health.clone() };
        let digest = run.containers.first().and_then(|container| container.digest.as_deref());
        vec![
            run.id.clone(),
            time(run.started.as_ref().or(run.created.as_ref())),
            run.status.clone(),
            health,
            run.zone.clone().unwrap_or_default(),
            run.ip.clone().unwrap_or_default(),
            run.revision.clone(),
            digest.map(short).unwrap_or_default(),
        ]
    };
    Section {
        columns: vec!["task", "started", "status", "health", "zone", "address", "revision", "image"],
        rows: plain(runs.iter().map(row)),
        ..Section::default()
    }
}

/// `list-tasks`.
pub fn list(title: String, runs: &[TaskRun]) -> Page {
    let row = |run: &TaskRun| {
        let exits: Vec<String> = run
            .containers
            .iter()
            .filter_map(|one| one.exit_code.map(|code| format!("{} {code}", one.name)))
            .collect();
        let reasons = run.containers.iter().filter_map(|one| one.reason.clone());
        let words: Vec<String> = run.stopped_reason.iter().cloned().chain(reasons).collect();
        vec![
            run.task.clone(),
            run.id.clone(),
            run.status.clone(),
            run.cpu.clone(),
            run.memory.clone(),
            time(run.started.as_ref()),
            lasted(run.seconds),
            run.stop_code.clone().unwrap_or_default(),
            exits.join(", "),
            words.join("; "),
        ]
    };
    let section = Section {
        columns: vec![
            "task",
            "id",
            "status",
            "cpu",
            "memory",
            "started",
            "elapsed",
            "stop code",
            "exit codes",
            "reason",
        ],
        rows: plain(runs.iter().map(row)),
        lines: if runs.is_empty() { vec!["none".to_owned()] } else { Vec::new() },
        ..Section::default()
    };
    Page { title, sections: vec![section] }
}

/// `list-zones`.
pub fn zones(title: String, zones: &[ZoneRow]) -> Page {
    let row = |zone: &ZoneRow| {
        let vpcs: Vec<String> = zone.vpcs.iter().map(|vpc| format!("{} in {}", vpc.id, vpc.region)).collect();
        let reach = if zone.private { "private" } else { "public" };
        vec![zone.id.clone(), zone.name.clone(), reach.to_owned(), zone.records.to_string(), vpcs.join(", ")]
    };
    let section = Section {
        columns: vec!["zone id", "name", "type", "records", "vpcs"],
        rows: plain(zones.iter().map(row)),
        lines: if zones.is_empty() { vec!["none".to_owned()] } else { Vec::new() },
        ..Section::default()
    };
    Page { title, sections: vec![section] }
}

/// `show cloudtrail-events`.
pub fn firings(title: String, firings: &[Firing]) -> Page {
    let row = |firing: &Firing| {
        let run = firing.run.as_ref();
        vec![
            time(Some(&firing.event_time)),
            firing.error_code.clone().unwrap_or_default(),
            firing.error_message.clone().unwrap_or_default(),
            time(run.and_then(|run| run.started.as_ref())),
            time(run.and_then(|run| run.stopped.as_ref())),
            run.map(|run| run.status.clone()).unwrap_or_default(),
            firing.revision.clone(),
            firing.id.clone().unwrap_or_default(),
        ]
    };
    let section = Section {
        columns: vec![
            "event time",
            "error code",
            "error message",
            "started",
            "stopped",
            "last status",
            "revision",
            "task",
        ],
        rows: plain(firings.iter().map(row)),
        lines: if firings.is_empty() { vec!["none".to_owned()] } else { Vec::new() },
        ..Section::default()
    };
    Page { title, sections: vec![section] }
}

/// What differs between two looks at a stack, in a line for each service: for `status --watch` where nothing can be drawn
/// over.
pub fn line(service: &ServiceStatus) -> String {
    if service.status.is_empty() {
        return format!("{}: not deployed", service.service);
    }
    let deployment = service.deployment.as_ref().map(|one| format!(", {} {}", one.id, one.state));
    let targets = service.web.as_ref().filter(|web| web.target_group.is_some()).map(|web| {
        let healthy: usize = web.zones.iter().map(|zone| zone.healthy).sum();
        format!(", {healthy} healthy behind the load balancer")
    });
    format!(
        "{}: {} desired, {} running, {} pending{}, {}{}",
        service.service,
        service.desired,
        service.running,
        service.pending,
        targets.unwrap_or_default(),
        service.revision.clone().unwrap_or_default(),
        deployment.unwrap_or_default()
    )
}
