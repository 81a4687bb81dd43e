//! A world in memory, so that plans are made by the planner and half an apply by the executor.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Value, json};
use tokio::sync::watch;

use super::super::{About, Planned, Record, Verdict, record, verdict};
use crate::engine::{self, BoxFuture, Driver, Registry, Request};
use crate::model::{
    CallError, Image, ImageOrigin, Locator, Observed, Outputs, Owner, Plan, Replace, Resource, Rules,
};

pub const ACCOUNT: &str = "123456789012";

/// Made first, found by its name; the old one is found by its id.
const GROUP: Rules = Rules { replace_on: &["vpc"], replace: Replace::MakeFirst, ..Rules::new("group") };
/// Removed first, because its name is its identity.
const QUEUE: Rules = Rules { replace_on: &["fifo"], ..Rules::new("queue") };
const DEFINITION: Rules = Rules {
    volatile: &["arn"],
    release: &["image"],
    passive: &["tag"],
    sensitive: &["environment"],
    uses: &["group"],
    ..Rules::new("definition")
};
const SERVICE: Rules =
    Rules { create_only: &["count"], uses: &["definition", "group", "queue"], ..Rules::new("service") };

#[derive(Clone)]
struct Thing {
    kind: &'static str,
    name: String,
    number: u32,
    attrs: Value,
    owner: Owner,
    /// The address in its tags.
    address: String,
}

#[derive(Default)]
struct Things {
    all: Vec<Thing>,
    made: u32,
    fails: BTreeSet<String>,
}

/// The world.
#[derive(Clone, Default)]
pub struct World(Arc<Mutex<Things>>);

struct Fake {
    kind: &'static str,
    rules: &'static Rules,
    world: World,
}

impl Thing {
    fn outputs(&self) -> Outputs {
        let Self { kind, name, number, .. } = self;
        let arn = match *kind {
            "definition" => format!("arn:aws:ecs:eu-west-1:{ACCOUNT}:task-definition/{name}:{number}"),
            _ => format!("arn:aws:x:eu-west-1:{ACCOUNT}:{kind}/{name}/{number}"),
        };
        [("arn".to_owned(), arn), ("id".to_owned(), format!("{kind}-{number}"))].into()
    }

    fn is_at(&self, kind: &str, at: &Locator) -> bool {
        self.kind == kind
            && match &at.id {
                Some(id) => self.outputs()["id"] == *id,
                None => self.name == at.name,
            }
    }
}

impl Fake {
    fn things(&self) -> MutexGuard<'_, Things> {
        self.world.0.lock().unwrap()
    }

    fn fails(&self, verb: &str, at: &Locator) -> Result<(), CallError> {
        let fails = self.things().fails.contains(&format!("{verb} {}", at.address));
        if fails { Err(CallError::local("fake:Call", "no")) } else { Ok(()) }
    }
}

impl Driver for Fake {
    fn kind(&self) -> &'static str {
        self.kind
    }
    fn rules(&self) -> &'static Rules {
        self.rules
    }
    fn canonical(&self, attrs: Value) -> Result<Value, CallError> {
        Ok(attrs)
    }
    fn read<'a>(&'a self, at: &'a Locator) -> BoxFuture<'a, Result<Option<Observed>, CallError>> {
        let found = self.things().all.iter().rev().find(|thing| thing.is_at(self.kind, at)).cloned();
        let seen =
            found.map(|thing| Observed { outputs: thing.outputs(), attrs: thing.attrs, owner: thing.owner });
        Box::pin(async move { Ok(seen) })
    }
    fn create<'a>(&'a self, at: &'a Locator, want: Value) -> BoxFuture<'a, Result<Outputs, CallError>> {
        Box::pin(async move {
            self.fails("make", at)?;
            let mut things = self.things();
            things.made += 1;
            let thing = Thing {
                kind: self.kind,
                name: at.name.clone(),
                number: things.made,
                attrs: want,
                owner: Owner::Ours,
                address: at.address.to_string(),
            };
            things.all.push(thing.clone());
            Ok(thing.outputs())
        })
    }
    fn update<'a>(
        &'a self,
        at: &'a Locator,
        _: &'a Observed,
        want: Value,
    ) -> BoxFuture<'a, Result<Outputs, CallError>> {
        Box::pin(async move {
            self.fails("make", at)?;
            let mut things = self.things();
            things.made += 1;
            let number = things.made;
            let thing = things.all.iter_mut().rev().find(|thing| thing.is_at(self.kind, at)).unwrap();
            let fields = want.as_object().unwrap().clone();
            thing.attrs.as_object_mut().unwrap().extend(fields);
            thing.owner = Owner::Ours;
            thing.address = at.address.to_string();
            if self.kind == "definition" {
                thing.number = number;
            }
            Ok(thing.outputs())
        })
    }
    fn delete<'a>(&'a self, at: &'a Locator, seen: &'a Observed) -> BoxFuture<'a, Result<(), CallError>> {
        Box::pin(async move {
            self.fails("remove", at)?;
            self.things().all.retain(|thing| thing.outputs() != seen.outputs);
            Ok(())
        })
    }
}

impl World {
    fn registry(&self) -> Registry {
        let kinds: [(&'static str, &'static Rules); 4] =
            [("group", &GROUP), ("definition", &DEFINITION), ("service", &SERVICE), ("queue", &QUEUE)];
        Registry::new(
            kinds.map(|(kind, rules)| -> Arc<dyn Driver> {
                Arc::new(Fake { kind, rules, world: self.clone() })
            }),
        )
    }

    /// What the tags of this stack lead to.
    fn owned(&self) -> Vec<Locator> {
        let things = self.0.lock().unwrap();
        let ours = things.all.iter().filter(|thing| thing.owner == Owner::Ours);
        ours.map(|thing| {
            let id = thing.outputs()["id"].clone();
            Locator { id: Some(id.clone()), ..at(&thing.address, &id) }
        })
        .collect()
    }

    pub async fn plan(&self, wanted: &[Resource]) -> Plan {
        let request = Request {
            stack: "shop".into(),
            account: ACCOUNT.into(),
            region: "eu-west-1".into(),
            wanted: wanted.to_vec(),
            owned: self.owned(),
            ..Request::default()
        };
        engine::plan(&self.registry(), request).await.unwrap()
    }

    /// Applies, and the steps that are named fail: `make service.web`, `remove group.g`.
    pub async fn apply(&self, wanted: &[Resource], fails: &[&str]) {
        let plan = self.plan(wanted).await;
        self.0.lock().unwrap().fails = fails.iter().map(|&step| step.to_owned()).collect();
        let report = engine::execute(&self.registry(), &plan, watch::channel(false).1, &mut |_| {}).await;
        self.0.lock().unwrap().fails.clear();
        assert_eq!(report.is_complete(), fails.is_empty(), "{:?}", report.outcomes);
    }

    /// Somebody changes something by hand.
    pub fn touch(&self, name: &str, key: &str, value: Value) {
        let mut things = self.0.lock().unwrap();
        things.all.iter_mut().rev().find(|thing| thing.name == name).unwrap().attrs[key] = value;
    }

    /// Somebody deletes something by hand.
    pub fn lose(&self, name: &str) {
        self.0.lock().unwrap().all.retain(|thing| thing.name != name);
    }

    /// Somebody else makes something.
    pub fn found(&self, kind: &'static str, name: &str, attrs: Value) {
        let mut things = self.0.lock().unwrap();
        things.made += 1;
        let (number, name) = (things.made, name.to_owned());
        things.all.push(Thing { kind, name, number, attrs, owner: Owner::Nobody, address: String::new() });
    }
}

pub fn at(address: &str, name: &str) -> Locator {
    Locator {
        address: address.parse().unwrap(),
        name: name.to_owned(),
        parent: None,
        id: None,
        stack: "shop".to_owned(),
    }
}

pub fn resource(address: &str, attrs: Value) -> Resource {
    Resource { at: at(address, &format!("shop-{address}")), attrs, after: BTreeSet::new() }
}

pub fn reference(address: &str, output: &str) -> Value {
    json!({"$ref": address, "output": output})
}

/// A service that uses a definition, a group and a queue.
pub fn stack() -> Vec<Resource> {
    vec![
        resource(
            "service.web",
            json!({
                "definition": reference("definition.web", "arn"), "groups": [reference("group.g", "id")],
                "queue": reference("queue.q", "arn"), "count": 1, "percent": 100,
            }),
        ),
        resource(
            "definition.web",
            json!({
                "cpu": 256, "memory": 512, "image": "r/app@sha256:1", "tag": "1",
                "environment": {"MODE": "hidden", "PIN": "1234"}, "group": reference("group.g", "id"),
            }),
        ),
        resource("group.g", json!({"vpc": "vpc-1", "ports": [80], "tags": {"team": "a"}})),
        resource("queue.q", json!({"fifo": false, "days": 4, "owner": ACCOUNT})),
    ]
}

/// The stack with one attribute otherwise.
pub fn with(mut wanted: Vec<Resource>, address: &str, key: &str, value: Value) -> Vec<Resource> {
    let found = wanted.iter_mut().find(|want| want.at.address.to_string() == address);
    found.unwrap().attrs[key] = value;
    wanted
}

/// The stack without a resource.
pub fn without(mut wanted: Vec<Resource>, address: &str) -> Vec<Resource> {
    wanted.retain(|want| want.at.address.to_string() != address);
    wanted
}

pub fn image(tag: Option<&str>, digest: Option<&str>, origin: ImageOrigin) -> Image {
    let (tag, digest) = (tag.map(str::to_owned), digest.map(str::to_owned));
    Image { task: "web".to_owned(), image: "r/app".to_owned(), tag, digest, origin }
}

pub fn about() -> About {
    About { scope: "fargate-stack.yml".to_owned(), head: "head".to_owned(), ..About::default() }
}

pub fn recorded(plan: &Plan) -> Record {
    record(&[Planned { file: "fargate-stack.yml", plan }], &about())
}

/// The verdict on a plan of one stack.
pub fn judged(records: &[&Record], plan: &Plan) -> Verdict {
    verdict(records, &[Planned { file: "fargate-stack.yml", plan }])
}

/// What differs, in lines that are easy to read.
pub fn told(verdict: &Verdict) -> Vec<String> {
    let Verdict::Differs(found) = verdict else { panic!("{verdict:?} is no difference") };
    let line = |one: &super::super::Difference| {
        let path = one.path.clone().map(|path| format!(".{path}")).unwrap_or_default();
        format!("{:?} {}{path}: {} → {}", one.class, one.address, one.approved, one.now)
    };
    found.iter().map(line).collect()
}
