#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;

use super::*;
use crate::model::{
    Action, CallError, Change, Event, Locator, Observed, Outcome, Outputs, Owner, Prune, Replace, Resource,
    Rules, Step, Verb,
};

const GROUP: Rules = Rules {
    replace_on: &["description"],
    replace: Replace::MakeFirst,
    outputs: &["id"],
    ..Rules::new("group")
};
const DEFINITION: Rules = Rules {
    volatile: &["arn"],
    release: &["image"],
    passive: &["tag"],
    sensitive: &["environment"],
    uses: &["group"],
    ..Rules::new("definition")
};
const SERVICE: Rules = Rules {
    create_only: &["count"],
    restarts_tasks_on: &["definition"],
    uses: &["definition", "group"],
    ..Rules::new("service")
};
const DATA: Rules = Rules { prune: Prune::OnlyWhenNamed, ..Rules::new("data") };

/// A world in memory: locator name → attributes; what fails; what was called.
#[derive(Default)]
struct World {
    things: BTreeMap<String, (Value, Owner)>,
    fails: BTreeSet<String>,
    calls: Vec<String>,
    revision: u32,
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<World>>);

struct Fake {
    kind: &'static str,
    rules: &'static Rules,
    world: Shared,
    takes: Duration,
}

impl Fake {
    fn make(&self, at: &Locator, want: &Value, verb: &str) -> Result<Outputs, CallError> {
        let mut world = self.world.0.lock().unwrap();
        world.calls.push(format!("{verb} {}", at.address));
        if world.fails.contains(&at.address.to_string()) {
            return Err(CallError::local("fake:Make", "no"));
        }
        world.revision += 1;
        let revision = world.revision;
        world.things.insert(at.name.clone(), (want.clone(), Owner::Ours));
        Ok(outputs(at, revision))
    }
}

fn outputs(at: &Locator, revision: u32) -> Outputs {
    [("id".to_owned(), format!("id-{}", at.name)), ("arn".to_owned(), format!("arn:{}:{revision}", at.name))]
        .into()
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
        let world = self.world.0.lock().unwrap();
        let seen = world.things.get(&at.name).map(|(attrs, owner)| Observed {
            attrs: attrs.clone(),
            outputs: outputs(at, 1),
            owner: owner.clone(),
        });
        Box::pin(async move { Ok(seen) })
    }
    fn create<'a>(&'a self, at: &'a Locator, want: Value) -> BoxFuture<'a, Result<Outputs, CallError>> {
        Box::pin(async move {
            tokio::time::sleep(self.takes).await;
            self.make(at, &want, "create")
        })
    }
    fn update<'a>(
        &'a self,
        at: &'a Locator,
        _: &'a Observed,
        want: Value,
    ) -> BoxFuture<'a, Result<Outputs, CallError>> {
        Box::pin(async move {
            tokio::time::sleep(self.takes).await;
            self.make(at, &want, "update")
        })
    }
    fn delete<'a>(&'a self, at: &'a Locator, _: &'a Observed) -> BoxFuture<'a, Result<(), CallError>> {
        Box::pin(async move {
            let mut world = self.world.0.lock().unwrap();
            world.calls.push(format!("delete {}", at.address));
            world.things.remove(&at.name);
            Ok(())
        })
    }
}

fn registry(world: &Shared, takes: Duration) -> Registry {
    let kinds: [(&'static str, &'static Rules); 4] =
        [("group", &GROUP), ("definition", &DEFINITION), ("service", &SERVICE), ("data", &DATA)];
    Registry::new(kinds.map(|(kind, rules)| -> Arc<dyn Driver> {
        Arc::new(Fake { kind, rules, world: world.clone(), takes })
    }))
}

fn at(address: &str, name: &str) -> Locator {
    Locator {
        address: address.parse().unwrap(),
        name: name.to_owned(),
        parent: None,
        id: None,
        stack: "s".to_owned(),
    }
}

fn resource(address: &str, attrs: Value) -> Resource {
    Resource { at: at(address, address), attrs, after: BTreeSet::new() }
}

fn reference(address: &str, output: &str) -> Value {
    json!({"$ref": address, "output": output})
}

/// A service that uses a definition, and both use a group.
fn stack(image: &str, cpu: u32) -> Vec<Resource> {
    vec![
        resource(
            "service.web",
            json!({"definition": reference("definition.web", "arn"), "group": reference("group.g", "id"), "count": 1}),
        ),
        resource(
            "definition.web",
            json!({"cpu": cpu, "image": image, "tag": image, "environment": {"A": "secret"}, "group": reference("group.g", "id")}),
        ),
        resource("group.g", json!({"description": "d"})),
    ]
}

fn request(wanted: Vec<Resource>) -> Request {
    Request { stack: "s".into(), account: "1".into(), region: "r".into(), wanted, ..Request::default() }
}

async fn planned(world: &Shared, wanted: Vec<Resource>) -> crate::model::Plan {
    plan(&registry(world, Duration::ZERO), request(wanted)).await.unwrap()
}

async fn applied(world: &Shared, wanted: Vec<Resource>) -> crate::model::ApplyReport {
    let registry = registry(world, Duration::ZERO);
    let plan = plan(&registry, request(wanted)).await.unwrap();
    execute(&registry, &plan, watch::channel(false).1, &mut |_| {}).await
}

fn actions(plan: &crate::model::Plan) -> Vec<(String, Action)> {
    plan.changes.iter().map(|change| (change.at.address.to_string(), change.action)).collect()
}

fn calls(world: &Shared) -> Vec<String> {
    std::mem::take(&mut world.0.lock().unwrap().calls)
}

#[tokio::test]
async fn makers_come_before_users_and_their_outputs_are_filled_in() {
    let world = Shared::default();
    let report = applied(&world, stack("r@sha256:1", 256)).await;
    assert!(report.is_complete());
    assert_eq!(calls(&world), ["create group.g", "create definition.web", "create service.web"]);
    let service = world.0.lock().unwrap().things["service.web"].0.clone();
    assert_eq!(service["group"], "id-group.g");
    assert_eq!(service["definition"], "arn:definition.web:2");
}

#[tokio::test]
async fn a_second_plan_of_the_same_is_empty() {
    let world = Shared::default();
    applied(&world, stack("r@sha256:1", 256)).await;
    // The fake reads revision 1; the service holds revision 2.
    world.0.lock().unwrap().things.get_mut("service.web").unwrap().0["definition"] =
        json!("arn:definition.web:1");
    let plan = planned(&world, stack("r@sha256:1", 256)).await;
    assert!(plan.is_empty(), "{:?}", actions(&plan));
}

#[tokio::test]
async fn an_update_of_a_volatile_output_shows_in_its_user() {
    let world = Shared::default();
    applied(&world, stack("r@sha256:1", 256)).await;
    let plan = planned(&world, stack("r@sha256:1", 512)).await;
    let service = plan.changes.iter().find(|change| change.at.address.kind() == "service").unwrap();
    assert_eq!(service.action, Action::Update);
    assert_eq!(service.attrs[0].after, Some(reference("definition.web", "arn")));
    assert!(service.restarts_tasks);
}

#[tokio::test]
async fn a_change_of_tags_alone_keeps_volatile_outputs() {
    let world = Shared::default();
    let with_tags = |value: &str| {
        let mut wanted = stack("r@sha256:1", 256);
        wanted[1].attrs["tags"] = json!({"a": value});
        wanted
    };
    applied(&world, with_tags("1")).await;
    world.0.lock().unwrap().things.get_mut("service.web").unwrap().0["definition"] =
        json!("arn:definition.web:1");
    let plan = planned(&world, with_tags("2")).await;
    let changed: Vec<_> = actions(&plan).into_iter().filter(|(_, action)| *action != Action::Keep).collect();
    assert_eq!(changed, [("definition.web".to_owned(), Action::Update)]);
}

#[tokio::test]
async fn the_release_of_an_image_does_not_change_the_fingerprint_but_another_repository_does() {
    let world = Shared::default();
    applied(&world, stack("r@sha256:1", 256)).await;
    world.0.lock().unwrap().things.get_mut("service.web").unwrap().0["definition"] =
        json!("arn:definition.web:1");
    let same = planned(&world, stack("r@sha256:1", 256)).await;
    let release = planned(&world, stack("r@sha256:2", 256)).await;
    let other = planned(&world, stack("evil@sha256:2", 256)).await;
    assert!(same.is_empty() && !release.is_empty());
    assert_eq!(release.changes.iter().filter(|change| change.action == Action::Update).count(), 2);
    assert_eq!(same.fingerprint, release.fingerprint);
    assert_ne!(same.fingerprint, other.fingerprint);
    let and_more = planned(&world, stack("r@sha256:2", 512)).await;
    let only_more = planned(&world, stack("r@sha256:1", 512)).await;
    assert_eq!(and_more.fingerprint, only_more.fingerprint);
    assert_ne!(only_more.fingerprint, same.fingerprint);
}

#[tokio::test]
async fn the_first_release_has_the_fingerprint_of_the_plan_before_the_image_was_built() {
    let world = Shared::default();
    let before = planned(&world, stack("r@sha256:1", 256)).await;
    let after = planned(&world, stack("r@sha256:2", 256)).await;
    assert_eq!(before.fingerprint, after.fingerprint);
}

#[tokio::test]
async fn a_sensitive_value_is_never_told_by_an_effect() {
    let world = Shared::default();
    let text = serde_json::to_string(&effects(&planned(&world, stack("r@sha256:1", 256)).await)).unwrap();
    assert!(text.contains("environment.A") && !text.contains("secret"));
}

#[tokio::test]
async fn a_failed_step_skips_all_that_wait_for_it_and_nothing_else() {
    let world = Shared::default();
    world.0.lock().unwrap().fails.insert("definition.web".into());
    let mut wanted = stack("r@sha256:1", 256);
    wanted.push(resource("group.other", json!({})));
    let report = applied(&world, wanted).await;
    let outcome = |address: &str| {
        report.outcomes[&Step { address: address.parse().unwrap(), verb: Verb::Make }].clone()
    };
    assert!(matches!(outcome("definition.web"), Outcome::Failed(_)));
    assert!(
        matches!(outcome("service.web"), Outcome::Skipped { because } if because.address.to_string() == "definition.web")
    );
    assert!(matches!(outcome("group.other"), Outcome::Done(_)));
}

#[tokio::test]
async fn after_an_interruption_running_steps_finish_and_no_other_starts() {
    let world = Shared::default();
    let registry = registry(&world, Duration::from_millis(50));
    let plan = plan(&registry, request(stack("r@sha256:1", 256))).await.unwrap();
    let (stop, stopped) = watch::channel(false);
    let report = execute(&registry, &plan, stopped, &mut |event| {
        if matches!(event, Event::Started { .. }) {
            stop.send(true).unwrap();
        }
    })
    .await;
    assert!(report.interrupted);
    assert_eq!(calls(&world), ["create group.g"]);
    let not_started = report.outcomes.values().filter(|outcome| **outcome == Outcome::NotStarted).count();
    assert_eq!(not_started, 2);
}

#[tokio::test]
async fn what_left_the_configuration_is_deleted_users_first_but_data_stays_with_a_warning() {
    let world = Shared::default();
    applied(&world, stack("r@sha256:1", 256)).await;
    applied(&world, [stack("r@sha256:1", 256), vec![resource("data.d", json!({}))]].concat()).await;
    calls(&world);
    let owned: Vec<Locator> =
        ["data.d", "definition.web", "group.g", "service.web"].iter().map(|name| at(name, name)).collect();
    let registry = registry(&world, Duration::ZERO);
    let destroy = Request { destroy: true, owned, ..request(vec![]) };
    let first = plan(&registry, destroy.clone()).await.unwrap();
    assert_eq!(first.changes.len(), 3);
    assert!(first.warnings[0].contains("--allow-delete data.d"), "{:?}", first.warnings);
    execute(&registry, &first, watch::channel(false).1, &mut |_| {}).await;
    assert_eq!(calls(&world), ["delete service.web", "delete definition.web", "delete group.g"]);
    let named = Request { allow_delete: ["data.d".parse().unwrap()].into(), ..destroy };
    assert_eq!(actions(&plan(&registry, named).await.unwrap()), [("data.d".to_owned(), Action::Delete)]);
}

#[tokio::test]
async fn a_name_that_another_stack_owns_is_refused() {
    let world = Shared::default();
    world.0.lock().unwrap().things.insert("group.g".into(), (json!({}), Owner::Stack("theirs".into())));
    let error = plan(&registry(&world, Duration::ZERO), request(stack("r", 1))).await.unwrap_err();
    assert_eq!(error.to_string(), "group.g cannot use the name `group.g`: it belongs to the stack `theirs`");
}

#[tokio::test]
async fn an_unowned_thing_of_our_name_is_adopted_not_made() {
    let world = Shared::default();
    world.0.lock().unwrap().things.insert("group.g".into(), (json!({"description": "d"}), Owner::Nobody));
    let report = applied(&world, stack("r", 1)).await;
    assert!(report.is_complete());
    assert_eq!(calls(&world)[0], "update group.g");
}

#[tokio::test]
async fn a_replaced_group_goes_only_after_its_users_moved() {
    let world = Shared::default();
    applied(&world, stack("r", 1)).await;
    calls(&world);
    let mut wanted = stack("r", 1);
    wanted[2].attrs["description"] = json!("new");
    let registry = registry(&world, Duration::ZERO);
    let plan = plan(&registry, request(wanted)).await.unwrap();
    assert_eq!(actions(&plan)[0], ("group.g".to_owned(), Action::Replace));
    let report = execute(&registry, &plan, watch::channel(false).1, &mut |_| {}).await;
    assert!(report.is_complete());
    assert_eq!(
        calls(&world),
        ["create group.g", "update definition.web", "update service.web", "delete group.g"]
    );
}

#[tokio::test]
async fn a_renamed_resource_is_made_anew_and_the_old_one_goes_last() {
    let world = Shared::default();
    applied(&world, stack("r", 1)).await;
    calls(&world);
    let mut wanted = stack("r", 1);
    wanted[2].at.name = "new-name".to_owned();
    let registry = registry(&world, Duration::ZERO);
    let request = Request { owned: vec![at("group.g", "group.g")], ..request(wanted) };
    let plan = plan(&registry, request).await.unwrap();
    execute(&registry, &plan, watch::channel(false).1, &mut |_| {}).await;
    assert_eq!(
        calls(&world),
        ["create group.g", "update definition.web", "update service.web", "delete group.g"]
    );
}

#[tokio::test]
async fn the_same_resource_found_by_name_and_by_id_is_one() {
    let world = Shared::default();
    applied(&world, stack("r", 1)).await;
    let by_id = Locator { id: Some("id-group.g".to_owned()), ..at("group.g", "group.g") };
    let request = Request { owned: vec![by_id], ..request(stack("r", 1)) };
    let plan = plan(&registry(&world, Duration::ZERO), request).await.unwrap();
    assert!(plan.changes.iter().all(|change: &Change| change.action != Action::Delete));
}

fn narrowed(wanted: Vec<Resource>, scope: &[&str]) -> Request {
    let addresses = scope.iter().map(|address| address.parse().unwrap()).collect();
    Request { scope: Some(Scope { addresses, called: "release".to_owned() }), ..request(wanted) }
}

#[tokio::test]
async fn a_narrowed_plan_changes_its_part_alone_and_tells_what_else_differs() {
    let world = Shared::default();
    applied(&world, stack("r@sha256:1", 1)).await;
    world.0.lock().unwrap().things.insert("service.old".into(), (json!({}), Owner::Ours));
    let mut wanted = stack("r@sha256:2", 1);
    // Outside of the scope: a change that would replace the group.
    wanted[2].attrs = json!({"description": "other"});
    let owned = vec![at("service.old", "service.old")];
    let asked = Request { owned, ..narrowed(wanted, &["definition.web", "service.web"]) };
    let plan = plan(&registry(&world, Duration::ZERO), asked).await.unwrap();
    assert_eq!(
        actions(&plan),
        [
            ("group.g".to_owned(), Action::Keep),
            ("definition.web".to_owned(), Action::Update),
            ("service.web".to_owned(), Action::Update)
        ]
    );
    assert_eq!(
        plan.warnings,
        ["not part of this release: replace group.g, delete service.old; `fargate-stack apply` does that"]
    );
    calls(&world);
    execute(&registry(&world, Duration::ZERO), &plan, watch::channel(false).1, &mut |_| {}).await;
    assert_eq!(calls(&world), ["update definition.web", "update service.web"]);
    // The group stays, so its id is known, and only the image changes: the narrowed plan is a release.
    assert_eq!(world.0.lock().unwrap().things["service.web"].0["group"], "id-group.g");
}

#[tokio::test]
async fn a_narrowed_plan_that_needs_what_does_not_exist_is_refused() {
    let world = Shared::default();
    let registry = registry(&world, Duration::ZERO);
    let scope = ["definition.web", "service.web"];
    let error = plan(&registry, narrowed(stack("r", 1), &scope)).await.unwrap_err();
    assert_eq!(error.to_string(), "this release needs group.g, which does not exist yet");
    // What nobody in the scope needs is left alone.
    applied(&world, stack("r@sha256:1", 1)).await;
    let mut wanted = stack("r@sha256:1", 1);
    wanted.push(resource("group.new", json!({"description": "d"})));
    let plan = plan(&registry, narrowed(wanted, &["definition.web"])).await.unwrap();
    assert!(plan.is_empty());
    assert!(plan.warnings[0].contains("create group.new"), "{:?}", plan.warnings);
}

#[tokio::test]
async fn what_uses_a_part_outside_of_the_scope_keeps_what_that_part_gives_now() {
    let world = Shared::default();
    applied(&world, stack("r@sha256:1", 1)).await;
    world.0.lock().unwrap().things.get_mut("service.web").unwrap().0["definition"] =
        json!("arn:definition.web:1");
    // The definition would get a new revision, but only the service may change: nothing is to be done.
    let asked = narrowed(stack("r@sha256:2", 1), &["service.web"]);
    let plan = plan(&registry(&world, Duration::ZERO), asked).await.unwrap();
    assert!(plan.is_empty(), "{:?}", actions(&plan));
}
