//! Several pull requests in one push, several stacks in one pull request.

use serde_json::json;

use super::super::{Class, Difference, Planned, Record, Verdict, digest, record, verdict};
use super::world::{World, about, judged, recorded, reference, resource, stack, told, with, without};
use crate::model::{ImageOrigin, Plan, Resource};

async fn settled() -> World {
    let world = World::default();
    world.apply(&stack(), &[]).await;
    world
}

/// The verdict on the plan of `now`, when pull requests showed plans of these, one after another.
async fn merged(world: &World, pulls: &[Vec<Resource>], now: &[Resource]) -> Verdict {
    let mut records = Vec::new();
    for wanted in pulls {
        records.push(recorded(&world.plan(wanted).await));
    }
    judged(&records.iter().collect::<Vec<&Record>>(), &world.plan(now).await)
}

fn cpu(wanted: Vec<Resource>, cpu: u32) -> Vec<Resource> {
    with(wanted, "definition.web", "cpu", json!(cpu))
}

fn memory(wanted: Vec<Resource>) -> Vec<Resource> {
    with(wanted, "definition.web", "memory", json!(1024))
}

#[tokio::test]
async fn two_pull_requests_approve_what_both_bring_in_one_resource_and_in_several() {
    let world = settled().await;
    let days = |wanted| with(wanted, "queue.q", "days", json!(7));
    assert_eq!(
        merged(&world, &[cpu(stack(), 512), memory(stack())], &cpu(memory(stack()), 512)).await,
        Verdict::Same
    );
    let all = days(cpu(memory(stack()), 512));
    assert_eq!(merged(&world, &[cpu(stack(), 512), days(memory(stack()))], &all).await, Verdict::Same);
    // What neither brings is not approved.
    let more = with(all.clone(), "group.g", "ports", json!([80, 443]));
    let found = told(&merged(&world, &[cpu(stack(), 512), days(memory(stack()))], &more).await);
    assert_eq!(found, ["NewEffect group.g: nothing → update"]);
    // Neither is the one when only the other was merged.
    assert_eq!(
        told(&merged(&world, &[cpu(stack(), 512)], &cpu(memory(stack()), 512)).await),
        ["NewEffect definition.web.memory: no change → 512 → 1024"]
    );
}

#[tokio::test]
async fn the_later_of_two_pull_requests_that_contradict_each_other_counts() {
    let world = settled().await;
    let pulls = [cpu(memory(stack()), 512), cpu(stack(), 1024)];
    assert_eq!(merged(&world, &pulls, &cpu(memory(stack()), 1024)).await, Verdict::Same);
    let found = told(&merged(&world, &pulls, &cpu(memory(stack()), 512)).await);
    assert_eq!(found, ["Config definition.web.cpu: 256 → 1024 → 256 → 512"]);
}

#[tokio::test]
async fn a_deletion_and_a_change_of_one_thing_contradict_each_other() {
    let world = settled().await;
    let mut gone = without(stack(), "queue.q");
    gone[0].attrs["queue"] = json!("none");
    let days = with(stack(), "queue.q", "days", json!(7));
    assert_eq!(merged(&world, &[days.clone(), gone.clone()], &gone).await, Verdict::Same);
    let found = told(&merged(&world, &[days.clone(), gone.clone()], &days).await);
    assert!(found.iter().any(|line| line.ends_with("queue.q: delete → update")), "{found:?}");
    let found = told(&merged(&world, &[gone.clone(), days], &gone).await);
    assert!(found.contains(&"Config queue.q: update → delete".to_owned()), "{found:?}");
}

#[tokio::test]
async fn what_a_replacement_takes_along_does_not_contradict_an_earlier_change() {
    let world = settled().await;
    let days = with(stack(), "queue.q", "days", json!(7));
    let fifo = with(stack(), "queue.q", "fifo", json!(true));
    let both = with(days.clone(), "queue.q", "fifo", json!(true));
    assert_eq!(merged(&world, &[days.clone(), fifo.clone()], &both).await, Verdict::Same);
    assert_eq!(merged(&world, &[fifo, days], &both).await, Verdict::Same);
}

#[tokio::test]
async fn the_tag_of_the_earlier_pull_request_counts_beside_an_image_that_only_ran() {
    let world = settled().await;
    let plan = |tag, digest, origin| async move {
        let mut plan = settled().await.plan(&cpu(stack(), 512)).await;
        plan.images = vec![super::world::image(Some(tag), Some(digest), origin)];
        plan
    };
    let _ = world;
    let named = recorded(&plan("v2", "sha256:b", ImageOrigin::Configured).await);
    let ran = recorded(&plan("v1", "sha256:a", ImageOrigin::Running).await);
    let now = plan("v2", "sha256:b", ImageOrigin::Configured).await;
    assert_eq!(judged(&[&named, &ran], &now), Verdict::Same);
    assert!(matches!(judged(&[&ran], &now), Verdict::Differs(_)));
}

fn renamed(mut plan: Plan, stack: &str) -> Plan {
    plan.stack = stack.to_owned();
    plan.fingerprint = crate::engine::fingerprint(&plan);
    plan
}

fn planned(plans: &[Plan]) -> Vec<Planned<'_>> {
    plans.iter().map(|plan| Planned { file: "f", plan }).collect()
}

#[tokio::test]
async fn each_stack_is_compared_with_its_own() {
    let world = settled().await;
    let changed = world.plan(&cpu(stack(), 512)).await;
    let empty = world.plan(&stack()).await;
    let other = |plan: &Plan| renamed(plan.clone(), "other");
    let both = [changed.clone(), other(&changed)];
    let approved = record(&planned(&both), &about());
    assert_eq!(verdict(&[&approved], &planned(&both)), Verdict::Same);
    let swapped = [other(&changed), changed.clone()];
    assert_eq!(verdict(&[&approved], &planned(&swapped)), Verdict::Same);
    assert_eq!(digest(&planned(&both)), digest(&planned(&swapped)));
    // One of them done: the service follows its definition.
    let half = [other(&empty), changed.clone()];
    assert_eq!(verdict(&[&approved], &planned(&half)), Verdict::Rest { done: 2, left: 2 });
    // One was never shown.
    let alone = recorded(&changed);
    let unseen = Difference {
        stack: "other".to_owned(),
        address: String::new(),
        path: None,
        approved: "nobody was shown a plan of this stack".to_owned(),
        now: "update 2".to_owned(),
        class: Class::NewEffect,
    };
    assert_eq!(verdict(&[&alone], &planned(&both)), Verdict::Differs(vec![unseen]));
    assert_eq!(verdict(&[&alone], &planned(&[changed.clone(), other(&empty)])), Verdict::Same);
    assert_eq!(verdict(&[&alone, &recorded(&other(&changed))], &planned(&both)), Verdict::Same);
    // One is gone.
    let Verdict::Differs(found) = verdict(&[&approved], &planned(&[changed])) else { panic!("a lost stack") };
    assert_eq!((found.len(), found[0].stack.as_str(), found[0].class), (1, "other", Class::Config));
}

#[tokio::test]
async fn nobody_approves_by_having_shown_nothing() {
    let plan = World::default().plan(&stack()).await;
    assert!(matches!(verdict(&[], &planned(std::slice::from_ref(&plan))), Verdict::Differs(_)));
    assert!(matches!(judged(&[&Record::default()], &plan), Verdict::Differs(_)));
    let empty = settled().await.plan(&stack()).await;
    assert_eq!(verdict(&[], &planned(std::slice::from_ref(&empty))), Verdict::Same);
    let found = told(&judged(&[&recorded(&empty)], &plan));
    assert!(found.contains(&"Drift service.web: nothing → create".to_owned()), "{found:?}");
}

#[tokio::test]
async fn another_account_or_region_is_another_plan() {
    let plan = World::default().plan(&stack()).await;
    let approved = recorded(&plan);
    let elsewhere = Plan { account: "999999999999".to_owned(), ..plan.clone() };
    assert_eq!(told(&judged(&[&approved], &elsewhere)), ["Config .account: …9012 → …9999"]);
    let elsewhere = Plan { region: "us-east-1".to_owned(), ..plan };
    assert_eq!(told(&judged(&[&approved], &elsewhere)), ["Config .region: eu-west-1 → us-east-1"]);
}

#[tokio::test]
async fn a_record_that_was_made_to_fit_says_less_and_approves_no_more() {
    let world = settled().await;
    let wanted = |cpu_units: u32| {
        let more =
            vec![resource("service.more", json!({"definition": reference("definition.web", "arn"), "a": 1}))];
        [cpu(memory(stack()), cpu_units), more].concat()
    };
    let (plan, other) = (world.plan(&wanted(512)).await, world.plan(&wanted(1024)).await);
    let whole = recorded(&plan);
    let size = |record: &Record| serde_json::to_string(record).unwrap().len();
    let full = size(&whole);
    let mut sizes = Vec::new();
    let mut texts = Vec::new();
    for bytes in (0..=full).rev() {
        let fitted = whole.fitted(bytes, size);
        assert!(size(&fitted) <= bytes || fitted.stacks["shop"].effects.is_none());
        assert_eq!(judged(&[&fitted], &plan), Verdict::Same);
        if sizes.last() != Some(&size(&fitted)) {
            sizes.push(size(&fitted));
            texts.push(told(&judged(&[&fitted], &other)).remove(0));
        }
    }
    assert_eq!(sizes.len(), 4, "{sizes:?}");
    assert_eq!(
        texts[0],
        "NewEffect definition.web.cpu: 256 → 512 → 256 → 1024".replace("NewEffect", "Config")
    );
    assert_eq!(texts[1], "Config definition.web.cpu: a value that is not recorded → 256 → 1024");
    assert_eq!(texts[2], "NewEffect definition.web: update, of which no field is recorded → another update");
    assert!(texts[3].starts_with("NewEffect : a plan with the fingerprint"), "{}", texts[3]);
}

#[tokio::test]
async fn the_largest_stack_is_cut_first() {
    let plan = World::default().plan(&stack()).await;
    let small = renamed(World::default().plan(&[resource("queue.q", json!({"a": 1}))]).await, "small");
    let whole = record(&planned(&[plan, small]), &about());
    let size = |record: &Record| serde_json::to_string(record).unwrap().len();
    let fitted = whole.fitted(size(&whole) - 1, size);
    assert_eq!(fitted.stacks["small"], whole.stacks["small"]);
    assert_ne!(fitted.stacks["shop"], whole.stacks["shop"]);
}

#[tokio::test]
async fn a_stack_without_effects_is_compared_as_a_whole_and_done_when_nothing_is_left() {
    let world = settled().await;
    let plan = world.plan(&cpu(stack(), 512)).await;
    let approved = recorded(&plan).fitted(0, |_| 1);
    assert_eq!(approved.stacks["shop"].effects, None);
    assert_eq!(judged(&[&approved], &plan), Verdict::Same);
    assert!(matches!(judged(&[&approved], &world.plan(&cpu(stack(), 1024)).await), Verdict::Differs(_)));
    world.apply(&cpu(stack(), 512), &[]).await;
    let empty = world.plan(&cpu(stack(), 512)).await;
    assert_eq!(judged(&[&approved], &empty), Verdict::Rest { done: 1, left: 0 });
    assert_eq!(judged(&[&recorded(&empty).fitted(0, |_| 1)], &empty), Verdict::Same);
}

#[test]
fn a_record_of_another_version_is_read_as_far_as_it_is_known() {
    let text = r#"{"scope": "s", "state": "partial", "future": 1, "stacks": {"a": {"fingerprint": "f", "more": [],
        "effects": [{"address": "queue.q", "fields": {"x": {"a": "1", "z": 2}}}]}}}"#;
    let record: Record = serde_json::from_str(text).unwrap();
    assert_eq!(record.state, super::super::State::Partial);
    let effects = record.stacks["a"].effects.as_ref().unwrap();
    assert_eq!(
        (effects[0].address.as_str(), effects[0].fields["x"].after.as_deref()),
        ("queue.q", Some("1"))
    );
    let plan = Plan {
        stack: "a".to_owned(),
        account: String::new(),
        region: String::new(),
        changes: vec![],
        edges: std::collections::BTreeMap::new(),
        images: vec![],
        endpoints: vec![],
        warnings: vec![],
        fingerprint: String::new(),
    };
    assert_eq!(judged(&[&record], &plan), Verdict::Rest { done: 1, left: 0 });
}
