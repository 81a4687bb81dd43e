//! Task definitions: families of numbered revisions.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::error::{Answer, EcsError};
use super::json::{Object, list, text, texts, time};
use super::page::page;
use super::tags::{self, Tags};
use super::{Ecs, defaults, validate};

/// A family and its revisions.
#[derive(Debug, Default)]
pub struct Family {
    /// The highest number ever given out.
    pub last: u32,
    /// The revisions that still exist.
    pub revisions: BTreeMap<u32, Revision>,
}

impl Family {
    fn latest_active(&self) -> Option<&Revision> {
        self.revisions.values().rev().find(|one| one.is_active())
    }
}

/// One revision.
#[derive(Debug, Clone)]
pub struct Revision {
    /// As Describe answers it, without tags.
    pub body: Value,
    /// Its tags.
    pub tags: Tags,
}

impl Revision {
    /// Its ARN.
    pub fn arn(&self) -> &str {
        text(&self.body, "taskDefinitionArn").unwrap_or_default()
    }

    /// Whether new tasks and services may use it.
    pub fn is_active(&self) -> bool {
        self.status() == "ACTIVE"
    }

    /// Whether it was deleted, and waits for the last user to go.
    pub fn is_deleting(&self) -> bool {
        self.status() == "DELETE_IN_PROGRESS"
    }

    fn status(&self) -> &str {
        text(&self.body, "status").unwrap_or_default()
    }

    fn set(&mut self, key: &str, value: Value) {
        if let Some(members) = self.body.as_object_mut() {
            members.insert(key.to_owned(), value);
        }
    }

    /// The containers.
    pub fn containers(&self) -> &[Value] {
        list(&self.body, "containerDefinitions")
    }

    /// The container of this name.
    pub fn container(&self, name: &str) -> Option<&Value> {
        self.containers().iter().find(|one| text(one, "name") == Some(name))
    }
}

/// The revision that an ARN means, whatever its status.
pub fn find<'a>(families: &'a BTreeMap<String, Family>, arn: &str) -> Option<&'a Revision> {
    let (family, number) = split(arn.rsplit('/').next()?);
    families.get(family)?.revisions.get(&number?)
}

/// `family:revision` in its parts.
fn split(name: &str) -> (&str, Option<u32>) {
    match name.rsplit_once(':').map(|(family, number)| (family, number.parse())) {
        Some((family, Ok(number))) => (family, Some(number)),
        _ => (name, None),
    }
}

/// Registers a revision of the same family with one more environment variable, by `who`.
pub fn register_variant<'a>(
    families: &'a mut BTreeMap<String, Family>,
    arn: &str,
    who: &str,
    now: f64,
) -> Option<&'a Revision> {
    let old = find(families, arn)?;
    let (mut body, tags) = (old.body.clone(), old.tags.clone());
    let (name, _) = split(arn.rsplit('/').next()?);
    let family = families.get_mut(name)?;
    family.last += 1;
    let number = family.last;
    if let Some(container) = body.pointer_mut("/containerDefinitions/0").and_then(Value::as_object_mut) {
        let mut environment =
            container.get("environment").and_then(Value::as_array).cloned().unwrap_or_default();
        environment.push(json!({ "name": "RELEASED_BY", "value": "other-pipeline" }));
        container.insert("environment".to_owned(), json!(environment));
    }
    let body_members = body.as_object_mut()?;
    let place = arn.rsplit_once(':').map_or(arn, |(place, _)| place);
    body_members.insert("taskDefinitionArn".to_owned(), json!(format!("{place}:{number}")));
    body_members.insert("revision".to_owned(), json!(number));
    body_members.insert("status".to_owned(), json!("ACTIVE"));
    body_members.insert("registeredAt".to_owned(), time(now));
    body_members.insert("registeredBy".to_owned(), json!(who));
    family.revisions.insert(number, Revision { body, tags });
    family.revisions.get(&number)
}

impl Ecs {
    /// `family`, `family:revision` or an ARN of this account and region, as family and number.
    fn definition_name<'a>(&self, reference: &'a str) -> Option<(&'a str, Option<u32>)> {
        if reference.starts_with("arn:") {
            return self.place.tail(reference)?.strip_prefix("task-definition/").map(split);
        }
        Some(split(reference))
    }

    /// The revision that a reference means; a family alone means its latest active revision.
    pub(super) fn definition(&self, reference: &str) -> Option<&Revision> {
        let (family, number) = self.definition_name(reference)?;
        let family = self.families.get(family)?;
        match number {
            Some(number) => family.revisions.get(&number),
            None => family.latest_active(),
        }
    }

    /// The revision `family:revision`.
    pub(super) fn definition_mut(&mut self, name: &str) -> Option<&mut Revision> {
        let (family, number) = split(name);
        self.families.get_mut(family)?.revisions.get_mut(&number?)
    }

    /// The revision that a service or task may start from.
    pub(super) fn usable_definition(&self, reference: &str) -> Answer<&Revision> {
        let revision =
            self.definition(reference).ok_or_else(|| EcsError::client("TaskDefinition not found."))?;
        if revision.is_active() { Ok(revision) } else { Err(EcsError::client("TaskDefinition is inactive")) }
    }

    pub(super) fn register(&mut self, input: &Value) -> Answer {
        validate::task_definition(input)?;
        let name = text(input, "family").unwrap_or_default().to_owned();
        let family = self.families.entry(name).or_default();
        family.last += 1;
        let body: Object = defaults::registered(input, &self.place, family.last, self.settled_at);
        let revision = Revision { body: Value::Object(body), tags: tags::read(input) };
        let answer = json!({ "taskDefinition": revision.body, "tags": tags::show(&revision.tags) });
        family.revisions.insert(family.last, revision);
        Ok(answer)
    }

    pub(super) fn describe_definition(&self, input: &Value) -> Answer {
        let revision = self
            .definition(text(input, "taskDefinition").unwrap_or_default())
            .ok_or_else(|| EcsError::client("Unable to describe task definition."))?;
        let mut answer = json!({ "taskDefinition": revision.body });
        if tags::asked(input)
            && let Some(members) = answer.as_object_mut()
        {
            members.insert("tags".to_owned(), tags::show(&revision.tags));
        }
        Ok(answer)
    }

    /// By family name, then by number; `sort: DESC` turns the whole list round.
    pub(super) fn list_definitions(&self, input: &Value) -> Answer {
        let status = text(input, "status").unwrap_or("ACTIVE");
        let family = text(input, "familyPrefix");
        let mut arns: Vec<String> = self
            .families
            .iter()
            .filter(|(name, _)| family.is_none_or(|wanted| wanted == *name))
            .flat_map(|(_, family)| family.revisions.values())
            .filter(|revision| revision.status() == status)
            .map(|revision| revision.arn().to_owned())
            .collect();
        let sort = text(input, "sort").unwrap_or("ASC");
        if sort == "DESC" {
            arns.reverse();
        }
        let scope = format!("ListTaskDefinitions {family:?} {status} {sort}");
        page(input, &scope, "taskDefinitionArns", &arns, 100)
    }

    pub(super) fn list_families(&self, input: &Value) -> Answer {
        let prefix = text(input, "familyPrefix").unwrap_or_default();
        let status = text(input, "status").unwrap_or("ALL");
        let names: Vec<String> = self
            .families
            .iter()
            .filter(|(name, _)| name.starts_with(prefix))
            .filter(|(_, family)| match status {
                "ACTIVE" => family.latest_active().is_some(),
                "INACTIVE" => family.latest_active().is_none() && !family.revisions.is_empty(),
                _ => !family.revisions.is_empty(),
            })
            .map(|(name, _)| name.clone())
            .collect();
        page(input, &format!("ListTaskDefinitionFamilies {prefix} {status}"), "families", &names, 100)
    }

    pub(super) fn deregister(&mut self, input: &Value) -> Answer {
        let reference = text(input, "taskDefinition").unwrap_or_default();
        let (family, Some(number)) = self
            .definition_name(reference)
            .ok_or_else(|| EcsError::client("The specified task definition does not exist."))?
        else {
            return Err(EcsError::client("Invalid revision number. Number: null"));
        };
        let name = format!("{family}:{number}");
        let now = self.settled_at;
        let revision = self
            .definition_mut(&name)
            .ok_or_else(|| EcsError::client("The specified task definition does not exist."))?;
        if !revision.is_active() {
            return Err(EcsError::client("The specified task definition is inactive."));
        }
        revision.set("status", json!("INACTIVE"));
        revision.set("deregisteredAt", time(now));
        Ok(json!({ "taskDefinition": revision.body }))
    }

    /// Marks inactive revisions for deletion; they go when no task and no service uses them any more.
    pub(super) fn delete_definitions(&mut self, input: &Value) -> Answer {
        let wanted = texts(input, "taskDefinitions");
        if wanted.is_empty() || wanted.len() > 10 {
            return Err(EcsError::invalid("taskDefinitions must have between 1 and 10 items."));
        }
        let now = self.settled_at;
        let (mut deleted, mut failures) = (Vec::new(), Vec::new());
        for reference in wanted {
            let (family, number) = self
                .definition_name(reference)
                .ok_or_else(|| EcsError::invalid(format!("Invalid task definition '{reference}'.")))?;
            let number = number.ok_or_else(|| {
                EcsError::invalid(format!("A revision is needed to delete task definition '{reference}'."))
            })?;
            let name = format!("{family}:{number}");
            let arn = self.place.arn(&format!("task-definition/{name}"));
            match self.definition_mut(&name) {
                None => failures.push(json!({
                    "arn": arn,
                    "reason": "The specified task definition was not found. Specify a valid account, family, \
                               revision and try again."
                })),
                Some(revision) if revision.is_active() => failures.push(json!({
                    "arn": arn,
                    "reason": "The specified task definition is still in ACTIVE status. Please deregister the \
                               target and try again."
                })),
                Some(revision) => {
                    if !revision.is_deleting() {
                        revision.set("status", json!("DELETE_IN_PROGRESS"));
                        revision.set("deleteRequestedAt", time(now));
                    }
                    deleted.push(revision.body.clone());
                }
            }
        }
        Ok(json!({ "taskDefinitions": deleted, "failures": failures }))
    }

    /// Lets go of deleted revisions whose minute is over and that nothing uses.
    pub(super) fn sweep_definitions(&mut self, now: f64) {
        let (services, tasks) = (&self.services, &self.tasks);
        for family in self.families.values_mut() {
            family.revisions.retain(|_, revision| {
                let asked = revision.body.get("deleteRequestedAt").and_then(Value::as_f64);
                let due = revision.is_deleting() && asked.is_some_and(|at| now >= at + DELETION_S);
                let arn = revision.arn();
                !due || services.values().any(|one| !one.is_inactive() && one.uses(arn))
                    || tasks.values().any(|one| one.definition == arn && !one.is_stopped(now))
            });
        }
    }
}

/// How long a deleted revision stays at least, in seconds.
const DELETION_S: f64 = 60.0;
